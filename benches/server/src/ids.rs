//! Events' ids: UUIDs whose order has nothing to do with that of the events, as real ones are.

use crate::texts::push_hex;

/// Gives each living event's place (its number among them) a rank among the ids, and back.
///
/// The ranks are multiples of a step that has no divisor in common with their number, modulo that: so no two are the
/// same, and no table is needed. An id begins with its rank, stretched over all eight digits.
#[derive(Debug)]
pub struct Ids {
    living: u64,
    step: u64,
    inverse: u64,
}

impl Ids {
    /// Makes the ids of so many living events, at most 2^32.
    pub fn new(living: u64) -> Self {
        let living = living.max(1);
        let mut step = (living * 618 / 1000).max(1);
        while divisor(step, living) != 1 {
            step += 1;
        }
        Self { living, step, inverse: inverse(step, living) }
    }

    /// The place of the living event whose id has this rank.
    pub fn place(&self, rank: u64) -> u64 {
        rank * self.inverse % self.living
    }

    /// Appends the id of the living event with this place and number.
    pub fn push_living(&self, out: &mut Vec<u8>, place: u64, number: u64) {
        let rank = place * self.step % self.living;
        push_hex(out, (rank << 32) / self.living, 8);
        out.extend_from_slice(b"-0000-4000-8000-");
        push_hex(out, number, 12);
    }

    /// Appends the id of the event with this number, which the index does not have.
    pub fn push_dead(out: &mut Vec<u8>, number: u64) {
        push_hex(out, number, 8);
        out.extend_from_slice(b"-dead-4000-8000-");
        push_hex(out, number, 12);
    }
}

fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// What times `step` is 1, modulo `living`, with which it has no divisor in common.
fn inverse(step: u64, living: u64) -> u64 {
    let modulus = living as i128;
    let (mut rest, mut next_rest) = (modulus, step as i128 % modulus);
    let (mut found, mut next_found) = (0, 1);
    while next_rest > 0 {
        let quotient = rest / next_rest;
        (rest, next_rest) = (next_rest, rest % next_rest);
        (found, next_found) = (next_found, found - quotient * next_found);
    }
    found.rem_euclid(modulus) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_with_their_ranks_and_each_place_has_one() {
        for living in [1, 2, 3, 7, 100, 618, 1000] {
            let ids = Ids::new(living);
            let mut places: Vec<u64> = (0..living).map(|rank| ids.place(rank)).collect();
            let texts: Vec<Vec<u8>> = places
                .iter()
                .map(|&place| {
                    let mut out = Vec::new();
                    ids.push_living(&mut out, place, place);
                    out
                })
                .collect();
            assert!(texts.is_sorted_by(|a, b| a < b), "{living}");
            places.sort_unstable();
            assert!(places.into_iter().eq(0..living), "{living}");
        }
    }
}
