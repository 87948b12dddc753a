//! All objects that a formula makes up, in the order of their keys. None is kept: the nth one is worked out, and a key
//! is found among them by bisection.

use std::io::{self, Write};
use std::ops::Range;

use crate::data;
use crate::ids::Ids;
use crate::manifest;
use crate::moment::{Moment, SECOND};
use crate::stretch::{Before, Event, Journal, Kind, Placed, Stretch};
use crate::texts::push_decimal;

/// The root prefix of all keys.
const ROOT: &[u8] = b"formula/";
const MOST: u64 = 1 << 32;
/// When the first stretch begins, unless it says otherwise.
const BEGIN: &str = "2020-01-01T00:00:00";

/// What an object is.
#[derive(Debug, Clone, Copy)]
pub enum Made<'a> {
    /// A journal's blob.
    Blob(Journal<'a>),
    /// An event's index entry.
    Index(Event<'a>),
    /// A journal's manifest.
    Manifest(Journal<'a>),
    /// A dead journal's tombstone.
    Tombstone(Journal<'a>),
    /// An event's waiting update.
    Update(Event<'a>),
}

/// Stretches, one after the other in time.
#[derive(Debug)]
pub struct Formula {
    stretches: Vec<Placed>,
    /// The first manifest of each stretch. The others have its size: they differ in ids, dates and sums alone.
    manifests: Vec<Vec<u8>>,
    total: Before,
    ids: Ids,
    updated: Vec<u64>,
    begun: Moment,
}

impl Formula {
    /// Lays stretches one after the other; says what is wrong with them.
    pub fn new(stretches: Vec<Stretch>) -> Result<Self, String> {
        let (stretches, total) = place(stretches)?;
        if total.journals > MOST || total.events > MOST {
            return Err(format!("there are more than {MOST} journals or events"));
        }
        let ids = Ids::new(total.living);
        let begun = Moment::now();
        let mut made = Self { stretches, manifests: vec![], total, ids, updated: vec![], begun };
        made.check_sizes()?;
        let first = |placed| manifest::encode(&made, Journal { placed, place: 0 });
        made.manifests = made.stretches.iter().map(first).collect();
        made.updated = made.sorted_updates();
        Ok(made)
    }

    fn check_sizes(&self) -> Result<(), String> {
        for Placed { stretch, .. } in &self.stretches {
            let least = stretch.least_size(2 * self.total.events);
            if stretch.size < least {
                return Err(format!("size={} is too small: these events take {least} bytes", stretch.size));
            }
        }
        Ok(())
    }

    /// The first manifest of a journal's stretch.
    fn first_manifest(&self, journal: Journal<'_>) -> &[u8] {
        let nth = self.stretches.partition_point(|other| other.before.journals <= journal.number());
        &self.manifests[nth - 1]
    }

    /// The numbers of the updated events, by their updates' keys.
    fn sorted_updates(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = Vec::new();
        for placed in &self.stretches {
            let updated = placed.stretch.updated();
            numbers.extend(
                updated
                    .map(|(place, index)| Event { journal: Journal { placed, place }, index })
                    .map(|event| event.number()),
            );
        }
        numbers.sort_by_cached_key(|&number| {
            let mut key = Vec::new();
            self.push_key(Made::Update(self.event(number)), &mut key);
            key
        });
        numbers
    }

    /// How many objects there are.
    pub fn len(&self) -> u64 {
        self.total.journals + self.total.living + self.total.keys + self.updated.len() as u64
    }

    /// The nth object, in the order of keys.
    pub fn nth(&self, n: u64) -> Made<'_> {
        let Before { journals, living, keys, .. } = self.total;
        if n < journals {
            Made::Blob(self.journal(n))
        } else if n - journals < living {
            Made::Index(self.living_event(self.ids.place(n - journals)))
        } else if n - journals - living < keys {
            self.nth_of_journals(n - journals - living)
        } else {
            Made::Update(self.event(self.updated[(n - journals - living - keys) as usize]))
        }
    }

    fn nth_of_journals(&self, n: u64) -> Made<'_> {
        let placed = self.stretch_of(n, |before| before.keys);
        let (nth, keys) = (n - placed.before.keys, placed.stretch.keys_of_journal());
        let journal = Journal { placed, place: nth / keys };
        if nth % keys == 0 { Made::Manifest(journal) } else { Made::Tombstone(journal) }
    }

    fn journal(&self, number: u64) -> Journal<'_> {
        let placed = self.stretch_of(number, |before| before.journals);
        Journal { placed, place: number - placed.before.journals }
    }

    fn event(&self, number: u64) -> Event<'_> {
        let placed = self.stretch_of(number, |before| before.events);
        event_of(placed, number - placed.before.events)
    }

    fn living_event(&self, place: u64) -> Event<'_> {
        let placed = self.stretch_of(place, |before| before.living);
        event_of(placed, place - placed.before.living)
    }

    /// The last stretch that begins at or before a number.
    fn stretch_of(&self, number: u64, first: impl Fn(&Before) -> u64) -> &Placed {
        &self.stretches[self.stretches.partition_point(|placed| first(&placed.before) <= number) - 1]
    }

    /// How many objects come before the first one of which `is_before` is not true. It is true of all before some key.
    pub fn count_before(&self, is_before: impl Fn(&[u8]) -> bool) -> u64 {
        let mut key = Vec::new();
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            key.clear();
            self.push_key(self.nth(middle), &mut key);
            if is_before(&key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The number of the object with this key.
    pub fn find(&self, key: &[u8]) -> Option<u64> {
        let n = self.count_before(|other| other < key);
        let mut found = Vec::new();
        if n < self.len() {
            self.push_key(self.nth(n), &mut found);
        }
        (found == key).then_some(n)
    }

    /// Appends an object's key.
    pub fn push_key(&self, made: Made<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(ROOT);
        match made {
            Made::Blob(journal) => {
                out.extend_from_slice(b"blobs/");
                journal.push_blob_id(out);
            }
            Made::Index(event) => {
                out.extend_from_slice(b"index/");
                self.push_event_id(event, out);
                out.extend_from_slice(b"--0000000001");
            }
            Made::Manifest(journal) | Made::Tombstone(journal) => {
                out.extend_from_slice(b"journals/");
                journal.push_id(out);
                if matches!(made, Made::Tombstone(_)) {
                    out.extend_from_slice(b".dead");
                }
            }
            Made::Update(event) => self.push_update_key(event, out),
        }
    }

    fn push_update_key(&self, event: Event<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"update/");
        let begin = out.len();
        event.journal.push_id(out);
        out[begin..].reverse();
        out.extend_from_slice(b"--");
        self.push_event_id(event, out);
        out.extend_from_slice(b"--");
        event.journal.end().plus(SECOND).push_timestamp(out);
        out.extend_from_slice(b"--UPDATE");
    }

    /// Appends an event's id.
    pub fn push_event_id(&self, event: Event<'_>, out: &mut Vec<u8>) {
        let Placed { stretch, before, .. } = event.journal.placed;
        if stretch.kind == Kind::Dead {
            Ids::push_dead(out, event.number());
        } else {
            self.ids.push_living(out, event.number() - before.events + before.living, event.number());
        }
    }

    /// Bytes of an object's body.
    pub fn size(&self, made: Made<'_>) -> u64 {
        match made {
            Made::Blob(journal) => journal.size(),
            Made::Manifest(journal) => self.first_manifest(journal).len() as u64,
            Made::Update(event) => event.size(),
            Made::Index(_) | Made::Tombstone(_) => 0,
        }
    }

    /// When an object was written: at its journal's end, as far as that has passed; an update a second later.
    pub fn modified(&self, made: Made<'_>) -> Moment {
        let written = match made {
            Made::Blob(journal) | Made::Manifest(journal) | Made::Tombstone(journal) => journal.end(),
            Made::Index(event) => event.journal.end(),
            Made::Update(event) => event.journal.end().plus(SECOND),
        };
        written.min(self.begun)
    }

    /// An object's S3 metadata: names and values.
    pub fn metadata(&self, made: Made<'_>) -> Vec<(&'static str, Vec<u8>)> {
        match made {
            Made::Blob(journal) => vec![("journal_id", pushed(|out| journal.push_id(out)))],
            Made::Manifest(journal) => vec![
                ("number_of_events", decimal(journal.placed.stretch.events)),
                ("journal_data_size", decimal(journal.size())),
            ],
            Made::Index(event) => vec![
                ("target", pushed(|out| event.journal.push_id(out))),
                ("date", pushed(|out| event.date().push_timestamp(out))),
                ("offset", decimal(event.offset())),
                ("size", decimal(event.size())),
                ("birth", decimal(1)),
            ],
            Made::Tombstone(_) | Made::Update(_) => vec![],
        }
    }

    /// Writes a part of an object's body. An update has the data of the event that comes as many numbers later as there
    /// are events.
    pub fn write(&self, made: Made<'_>, part: Range<u64>, out: &mut impl Write) -> io::Result<()> {
        match made {
            Made::Blob(journal) => data::write(journal.first_event(), journal.placed.stretch.size, part, out),
            Made::Update(event) => data::write(self.total.events + event.number(), event.size(), part, out),
            Made::Manifest(journal) => {
                let part = part.start as usize..part.end as usize;
                match journal.place {
                    0 => out.write_all(&self.first_manifest(journal)[part]),
                    _ => out.write_all(&manifest::encode(self, journal)[part]),
                }
            }
            Made::Index(_) | Made::Tombstone(_) => Ok(()),
        }
    }
}

/// Gives each stretch its place; besides, what they have together.
fn place(stretches: Vec<Stretch>) -> Result<(Vec<Placed>, Before), String> {
    let mut total = Before::default();
    let mut next = Moment::parse(BEGIN).ok_or("the first stretch has no begin")?;
    let mut placed = Vec::new();
    for stretch in stretches {
        if stretch.begin.is_some() && !placed.is_empty() {
            return Err("only the first stretch can have a begin".to_owned());
        }
        let begin = stretch.begin.unwrap_or(next);
        next = begin.plus(stretch.duration());
        let before = total;
        total = stretch.after(before);
        placed.push(Placed { stretch, begin, before });
    }
    Ok((placed, total))
}

fn event_of(placed: &Placed, nth: u64) -> Event<'_> {
    let events = placed.stretch.events;
    Event { journal: Journal { placed, place: nth / events }, index: nth % events }
}

fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out);
    out
}

fn decimal(number: u64) -> Vec<u8> {
    pushed(|out| push_decimal(out, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(stretches: &[&str]) -> Formula {
        let parsed = stretches.iter().map(|text| Stretch::parse(text)).collect::<Result<_, _>>();
        parsed.and_then(Formula::new).expect("the formula is well formed")
    }

    #[test]
    fn keys_rise_and_each_is_found() {
        let formula = formula(&[
            "journals=5,every=0,span=100,events=3,size=100,updates=7",
            "journals=20,every=60,size=100,kind=dead,updates=3",
            "journals=7,every=60,span=600,events=9,size=120,updates=10",
            "journals=20,every=0.000001,size=100,kind=new",
        ]);
        let keys: Vec<_> = (0..formula.len()).map(|n| pushed(|out| formula.push_key(formula.nth(n), out))).collect();
        assert_eq!(keys.len(), 52 + (15 + 63 + 20) + 72 + 20);
        assert!(keys.is_sorted_by(|a, b| a < b));
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(formula.find(key), Some(n as u64));
            assert_eq!(formula.find(&[key, b"!".as_slice()].concat()), None);
        }
    }

    #[test]
    fn a_body_has_the_size_that_is_told() {
        let formula = formula(&["journals=120,every=1,events=11,size=500,updates=4", "journals=2,every=1,size=100"]);
        for n in 0..formula.len() {
            let made = formula.nth(n);
            let body = pushed(|out| formula.write(made, 0..formula.size(made), out).expect("writing to memory works"));
            assert_eq!(body.len() as u64, formula.size(made), "{made:?}");
        }
        let manifest = formula.nth(122 + 1322);
        assert!(matches!(manifest, Made::Manifest(_)));
        assert_eq!(pushed(|out| formula.write(manifest, 3..9, out).expect("writing works")), b"ournal");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |stretches: &[&str]| {
            let parsed = stretches.iter().map(|text| Stretch::parse(text)).collect::<Result<_, _>>();
            parsed.and_then(Formula::new).is_err()
        };
        assert!(refused(&["journals=1,every=1,size=80"]));
        assert!(refused(&["journals=1,every=1,size=100", "journals=1,every=1,size=100,begin=2021-01-01T00:00:00"]));
        assert!(refused(&["journals=5000000000,every=1,size=100"]));
    }
}
