//! Stretches: the parts of a formula, each of journals that are alike, at even distances in time.

use crate::data;
use crate::moment::{Moment, SECOND};
use crate::texts::push_hex;

/// What the journals of a stretch are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Living journals, as `put_many` writes them.
    Journal,
    /// Living journals of one event each that has just been put.
    New,
    /// Journals of one event each that has been put and journaled; the index does not name them any more.
    Dead,
}

/// Journals that are alike.
#[derive(Debug)]
pub struct Stretch {
    /// What they are.
    pub kind: Kind,
    /// How many.
    pub journals: u64,
    /// Microseconds between their starts.
    pub every: i64,
    /// How many events each has.
    pub events: u64,
    /// Microseconds over which a journal's events are spread; the last comes before their end.
    pub span: i64,
    /// Bytes of each event's data.
    pub size: u64,
    /// How many events have a waiting update.
    pub updates: u64,
    /// When the first journal begins. The first stretch's may be given; the others begin after the one before.
    pub begin: Option<Moment>,
}

/// How many journals, events and keys of a formula lie before a stretch: the number of its first one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before {
    /// Journals, living or dead.
    pub journals: u64,
    /// Events, living or dead.
    pub events: u64,
    /// Events in living journals.
    pub living: u64,
    /// Keys in `journals/`.
    pub keys: u64,
}

/// A stretch at its place in the formula.
#[derive(Debug)]
pub struct Placed {
    /// What it is.
    pub stretch: Stretch,
    /// When its first journal begins.
    pub begin: Moment,
    /// What lies before it.
    pub before: Before,
}

/// One journal of a formula.
#[derive(Debug, Clone, Copy)]
pub struct Journal<'a> {
    /// The stretch that it lies in.
    pub placed: &'a Placed,
    /// Which of its journals it is.
    pub place: u64,
}

/// One event of a formula.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The journal that it lies in.
    pub journal: Journal<'a>,
    /// Which of its events it is.
    pub index: u64,
}

impl Stretch {
    /// Reads an argument, such as `journals=10,every=60,events=100,size=200,kind=journal`; says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut found =
            Self { kind: Kind::Journal, journals: 0, every: 0, events: 1, span: -1, size: 0, updates: 0, begin: None };
        for part in text.split(',') {
            let known = part.split_once('=').and_then(|(name, value)| found.set(name, value));
            known.ok_or_else(|| format!("{text}: {part} is not understood"))?;
        }
        if found.span < 0 {
            found.span = found.every;
        }
        found.fault().map_or(Ok(found), |fault| Err(format!("{text}: {fault}")))
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "kind" => self.kind = kind(value)?,
            "journals" => self.journals = value.parse().ok()?,
            "every" => self.every = microseconds(value)?,
            "events" => self.events = value.parse().ok()?,
            "span" => self.span = microseconds(value)?,
            "size" => self.size = value.parse().ok()?,
            "updates" => self.updates = value.parse().ok()?,
            "begin" => self.begin = Some(Moment::parse(value)?),
            _ => return None,
        }
        Some(())
    }

    fn fault(&self) -> Option<&'static str> {
        if self.journals == 0 || self.events == 0 {
            Some("it has no events")
        } else if self.kind != Kind::Journal && self.events != 1 {
            Some("journals of this kind have one event each")
        } else if self.updates > self.journals * self.events {
            Some("it has more updates than events")
        } else {
            None
        }
    }

    /// How long it lasts until the next stretch can begin, in microseconds.
    pub fn duration(&self) -> i64 {
        (self.journals as i64 - 1) * self.every + self.every.max(self.span).max(1)
    }

    /// What lies before the next stretch, given what lies before this one.
    pub fn after(&self, before: Before) -> Before {
        let events = self.journals * self.events;
        let is_dead = self.kind == Kind::Dead;
        Before {
            journals: before.journals + self.journals,
            events: before.events + events,
            living: before.living + if is_dead { 0 } else { events },
            keys: before.keys + self.journals * self.keys_of_journal(),
        }
    }

    /// How many keys in `journals/` each journal has: a manifest, and a tombstone if it is dead.
    pub fn keys_of_journal(&self) -> u64 {
        if self.kind == Kind::Dead { 2 } else { 1 }
    }

    /// The least size that its events could have, for event numbers up to this one.
    pub fn least_size(&self, number: u64) -> u64 {
        data::least_size(number, self.size)
    }

    /// The events that have updates: evenly chosen, one of each journal before a second one of any. Each is a journal's
    /// place and the event's index in it.
    pub fn updated(&self) -> impl Iterator<Item = (u64, u64)> {
        let rounds = self.updates.div_ceil(self.journals);
        (0..rounds).flat_map(move |round| {
            let chosen = self.journals.min(self.updates - round * self.journals);
            let index = round * self.events / rounds;
            (0..chosen).map(move |nth| (nth * self.journals / chosen, index))
        })
    }
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        "journal" => Some(Kind::Journal),
        "new" => Some(Kind::New),
        "dead" => Some(Kind::Dead),
        _ => None,
    }
}

fn microseconds(seconds: &str) -> Option<i64> {
    let seconds: f64 = seconds.parse().ok()?;
    (0.0..1e9).contains(&seconds).then_some((seconds * SECOND as f64).round() as i64)
}

impl Journal<'_> {
    /// Its number among all of the formula's.
    pub fn number(&self) -> u64 {
        self.placed.before.journals + self.place
    }

    /// The number of its first event among all of the formula's.
    pub fn first_event(&self) -> u64 {
        self.placed.before.events + self.place * self.placed.stretch.events
    }

    /// The date of an event.
    pub fn date(&self, index: u64) -> Moment {
        let Stretch { every, span, events, .. } = self.placed.stretch;
        // `index * span / events`, which need not fit.
        let (whole, rest) = (span as u64 / events, span as u64 % events);
        let within = index * whole + index * rest / events;
        self.placed.begin.plus(self.place as i64 * every + within as i64)
    }

    /// The date of its last event.
    pub fn end(&self) -> Moment {
        self.date(self.placed.stretch.events - 1)
    }

    /// Bytes of its blob.
    pub fn size(&self) -> u64 {
        self.placed.stretch.events * self.placed.stretch.size
    }

    /// Appends its journal_id. A journaled one's version is its end: so journals of one range lie in the order of their
    /// numbers.
    pub fn push_id(&self, out: &mut Vec<u8>) {
        self.date(0).push_timestamp(out);
        out.extend_from_slice(b"--");
        let end = out.len();
        self.end().push_timestamp(out);
        let end = end..out.len();
        out.extend_from_slice(b"--");
        if self.placed.stretch.kind == Kind::Journal {
            out.extend_from_within(end);
        } else {
            out.extend_from_slice(b"new");
        }
        out.extend_from_slice(b"--");
        self.push_blob_id(out);
    }

    /// Appends its blob_id, which begins with its number.
    pub fn push_blob_id(&self, out: &mut Vec<u8>) {
        push_hex(out, self.number(), 8);
        out.extend_from_slice(b"-0000-4000-8000-");
        push_hex(out, self.number(), 12);
    }
}

impl Event<'_> {
    /// Its number among all of the formula's.
    pub fn number(&self) -> u64 {
        self.journal.first_event() + self.index
    }

    /// Its date.
    pub fn date(&self) -> Moment {
        self.journal.date(self.index)
    }

    /// Where its data begin in the blob.
    pub fn offset(&self) -> u64 {
        self.index * self.size()
    }

    /// Bytes of its data.
    pub fn size(&self) -> u64 {
        self.journal.placed.stretch.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(text: &str) -> Stretch {
        Stretch::parse(text).expect("it is well formed")
    }

    #[test]
    fn each_journal_has_an_update_before_any_has_a_second() {
        let updated =
            |updates| stretch(&format!("journals=4,events=10,size=100,updates={updates}")).updated().collect();
        let found: Vec<_> = updated(2);
        assert_eq!(found, [(0, 0), (2, 0)]);
        let found: Vec<_> = updated(6);
        assert_eq!(found, [(0, 0), (1, 0), (2, 0), (3, 0), (0, 5), (2, 5)]);
        assert!(updated(0).is_empty());
    }

    #[test]
    fn a_stretch_that_cannot_be_is_refused() {
        for text in ["", "journals", "journals=0,size=100", "journals=1,kind=old", "journals=1,span=-1", "begin=now"] {
            assert!(Stretch::parse(text).is_err(), "{text}");
        }
        assert!(Stretch::parse("journals=1,kind=new,events=2").is_err());
        assert!(Stretch::parse("journals=1,events=2,updates=3").is_err());
    }
}
