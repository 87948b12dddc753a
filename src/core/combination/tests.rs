use std::collections::{BTreeMap, HashMap};
use std::slice::from_ref;
use std::sync::Arc;

use super::{Combination, Update};
use crate::core::error::Error;
use crate::core::manifest::Manifest;
use crate::core::row::{Revision, Row};
use crate::core::samples::{Dice, at, changed, journal, named, ours, row, theirs};
use crate::core::sources::Sources;
use crate::core::window::{DataAt, MOST_EVENTS, Window};

fn update(manifest: &Manifest, event_id: &str, seconds: i64, size: u64) -> Update {
    let journal_id = manifest.journal_id().to_owned();
    Update { journal_id, event_id: event_id.to_owned(), timestamp: at(seconds), is_delete: false, size }
}

fn delete(manifest: &Manifest, event_id: &str) -> Update {
    Update { is_delete: true, ..update(manifest, event_id, 0, 0) }
}

fn combine(sources: &[Arc<Manifest>], updates: &[Update], current: &[(&str, &Manifest)]) -> Combination {
    let current: HashMap<String, String> =
        current.iter().map(|(id, manifest)| ((*id).to_owned(), manifest.journal_id().to_owned())).collect();
    Combination::new(gathered(sources), updates, &current).unwrap()
}

fn gathered(journals: &[Arc<Manifest>]) -> Arc<Sources> {
    let mut sources = Sources::default();
    for manifest in journals {
        sources.add(manifest).unwrap();
    }
    Arc::new(sources)
}

fn windows(combination: &Combination, limit: u64) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut first = 0;
    while let Some(window) = combination.window(first, limit) {
        first += window.len();
        windows.push(window);
    }
    windows
}

fn manifest_of(combination: &Combination) -> Manifest {
    combination.manifest(&named(0, 100, Some(200), 99)).unwrap()
}

fn rows(combination: &Combination) -> Vec<Row> {
    let manifest = manifest_of(combination);
    (0..manifest.len()).filter_map(|row| manifest.row(row)).collect()
}

/// The sizes by event: updates in these tests are recognised by theirs, rows have ten bytes.
fn sizes(combination: &Combination) -> String {
    rows(combination).iter().map(|row| format!("{}:{}", row.event_id, row.facts.size)).collect::<Vec<_>>().join(" ")
}

/// The number of the journal that the only row came from.
fn source(combination: &Combination) -> String {
    let manifest = manifest_of(combination);
    assert_eq!(manifest.len(), 1);
    manifest.came_from(0).unwrap().rsplit('-').next().unwrap().trim_start_matches('0').to_owned()
}

#[test]
fn rows_are_put_in_order_one_after_the_other_with_what_the_index_needs() {
    let one = ours(1, &[("a", 1), ("c", 3)]);
    let other = theirs(2, &[("b", 2), ("d", 4)]);
    let combination = combine(&[one.clone(), other.clone()], &[update(&other, "b", 50, 7)], &[]);
    let from = |source: &Arc<Manifest>, revision, row: Row| Row {
        came_from: Some(source.journal_id().to_owned()),
        ..changed(row, |facts| {
            facts.revision = Revision::new(revision);
            facts.birth = Revision::new(u64::from(revision > 0));
        })
    };
    let expected = [
        from(&one, 2, row("a", 1, 0, 10)),
        changed(from(&other, 0, row("b", 2, 10, 7)), |facts| facts.updated = Some(at(50))),
        from(&one, 2, row("c", 3, 17, 10)),
        from(&other, 0, row("d", 4, 27, 10)),
    ];
    assert_eq!(rows(&combination), expected);
    assert_eq!((combination.len(), combination.size()), (4, 37));
    assert_eq!((combination.start(), combination.end()), (Some(at(1)), Some(at(4))));
    let manifest = manifest_of(&combination);
    assert_eq!(**manifest.replaces(), [one.journal_id(), other.journal_id()].iter().collect());
    assert_eq!(manifest.size(), 37);
    assert!(manifest.is_ours() && manifest.is_ordered());
}

#[test]
fn of_several_updates_the_newest_counts_and_a_delete_beats_them_all() {
    let source = ours(1, &[("a", 1), ("b", 2)]);
    let updates = |more: &[Update]| [&[update(&source, "a", 51, 1), update(&source, "a", 53, 3)], more].concat();
    let sizes_with = |more: &[Update]| sizes(&combine(from_ref(&source), &updates(more), &[]));
    assert_eq!(sizes_with(&[update(&source, "a", 52, 2)]), "a:3 b:10");
    assert_eq!(sizes_with(&[delete(&source, "a")]), "b:10");
    assert_eq!(sizes_with(&[update(&source, "other", 99, 5)]), "a:3 b:10");
}

#[test]
fn an_update_counts_only_if_newer_than_the_last_one_applied() {
    let row = changed(row("a", 1, 0, 10), |facts| (facts.updated, facts.birth) = (Some(at(50)), Revision::new(1)));
    let source = Arc::new(Manifest::of_rows(&named(1, 1, Some(2), 1), &[&row], 10, Arc::default()).unwrap());
    for (seconds, expected) in [(49, 10), (50, 10), (51, 7)] {
        let combination = combine(from_ref(&source), &[update(&source, "a", seconds, 7)], &[]);
        assert_eq!(combination.size(), expected, "{seconds}");
    }
    assert!(combine(from_ref(&source), &[delete(&source, "a")], &[]).is_empty(), "a delete of any time counts");
}

/// A journal with one row `a` that came from the journal `from`, replacing that and `beside`.
fn combined(birth: Option<u64>, version: Option<i64>, from: &Manifest, beside: &Manifest) -> Arc<Manifest> {
    let replaces = [from.journal_id().to_owned(), beside.journal_id().to_owned()];
    let row = changed(row("a", 1, 0, 10), |facts| facts.birth = birth.and_then(Revision::new));
    let row = Row { came_from: replaces.first().cloned(), ..row };
    Arc::new(Manifest::of_rows(&named(1, 1, version, 50), &[&row], 10, Arc::new(replaces.iter().collect())).unwrap())
}

#[test]
fn an_update_applies_to_the_row_it_was_made_for() {
    let [from, beside, unknown] = [1, 2, 3].map(|number| theirs(number, &[("a", 1)]));
    let other = ours(4, &[("b", 9)]);
    let replacing_other = {
        let replaces = Arc::new([other.journal_id()].iter().collect());
        Arc::new(Manifest::of_rows(&named(9, 9, Some(10), 51), &[], 0, replaces).unwrap())
    };
    // Made for: the journal itself, the one that the row came from, one replaced beside it, one that nobody knows,
    // another source, one that another source replaces.
    for (birth, version, applies) in [
        (Some(1), Some(60), [true, true, false, false, false, false]),
        (None, Some(60), [true, true, true, true, false, false]),
        (None, None, [true, true, false, false, false, false]),
    ] {
        let journal = combined(birth, version, &from, &beside);
        let targets = [&journal, &from, &beside, &unknown, &replacing_other, &other];
        for (target, applies) in targets.into_iter().zip(applies) {
            let sources = [journal.clone(), replacing_other.clone()];
            for (update, size) in [(update(target, "a", 70, 7), 7), (delete(target, "a"), 0)] {
                let expected = if applies { size } else { 10 };
                let combination = combine(&sources, &[update], &[]);
                assert_eq!(combination.size(), expected, "{birth:?} {version:?} {}", target.journal_id());
            }
        }
    }
}

#[test]
fn of_several_rows_of_one_id_the_most_credible_stays() {
    let [one, two] = [1, 2].map(|number| theirs(number, &[("a", number as i64)]));
    let new = journal(9, None, &[("a", 3)], false);
    let all = [one.clone(), two.clone(), new.clone()];
    let number = |updates: &[Update], current: &[(&str, &Manifest)]| source(&combine(&all, updates, current));
    assert_eq!(number(&[], &[]), "2", "the greatest journal_id of those not new");
    assert_eq!(number(&[], &[("a", &one)]), "1", "the index's word");
    assert_eq!(number(&[], &[("a", &new)]), "9", "the index's word");
    assert_eq!(number(&[update(&two, "a", 5, 1)], &[("a", &one)]), "2", "the newest update");
    assert_eq!(number(&[delete(&two, "a")], &[]), "1", "what is deleted is no rival");
    assert_eq!(number(&[delete(&two, "a"), delete(&one, "a")], &[]), "9");
}

#[test]
fn contested_ids_are_those_of_several_rows_after_the_deletes() {
    let one = theirs(1, &[("a", 1), ("b", 2), ("c", 3), ("a", 4)]);
    let other = theirs(2, &[("b", 2), ("c", 3), ("d", 4)]);
    let sources = gathered(&[one.clone(), other.clone()]);
    assert_eq!(Combination::contested(&sources, &[]), ["a", "b", "c"]);
    assert_eq!(Combination::contested(&sources, &[delete(&one, "c"), delete(&one, "d")]), ["a", "b"]);
    assert!(Combination::contested(&Sources::default(), &[]).is_empty());
}

#[test]
fn no_event_left_is_an_empty_combination() {
    let source = ours(1, &[("a", 1)]);
    let combination = combine(from_ref(&source), &[delete(&source, "a")], &[]);
    assert_eq!((combination.len(), combination.size()), (0, 0));
    assert_eq!((combination.start(), combination.end()), (None, None));
    assert!(combination.window(0, 1).is_none());
    assert_eq!(**manifest_of(&combination).replaces(), [source.journal_id()].iter().collect());
}

#[test]
fn a_window_has_about_limit_bytes_at_least_one_event_and_not_too_many() {
    let source = ours(1, &[("a", 1), ("b", 2), ("c", 3)]);
    let combination = combine(from_ref(&source), &[update(&source, "b", 9, 100)], &[]);
    for (limit, expected) in [(0, vec![1, 1, 1]), (20, vec![1, 1, 1]), (110, vec![2, 1]), (1000, vec![3])] {
        let lengths: Vec<usize> = windows(&combination, limit).iter().map(Window::len).collect();
        assert_eq!(lengths, expected, "{limit}");
    }
    let many: Vec<Row> = (0..=MOST_EVENTS).map(|number| row(&number.to_string(), 1, 0, 0)).collect();
    let many = Manifest::of_rows(&named(1, 1, None, 1), &many.iter().collect::<Vec<_>>(), 0, Arc::default()).unwrap();
    let lengths: Vec<usize> = windows(&combine(&[Arc::new(many)], &[], &[]), 1).iter().map(Window::len).collect();
    assert_eq!(lengths, [MOST_EVENTS, 1]);
}

#[test]
fn updates_data_of_another_length_than_announced_are_an_error() {
    let source = ours(1, &[("a", 1), ("b", 2)]);
    let updates = [update(&source, "b", 9, 0), update(&source, "a", 9, 7)];
    let window = combine(from_ref(&source), &updates, &[]).window(0, 100).unwrap();
    assert_eq!(window.updates(), [1], "an update without data need not be fetched");
    window.check_updates(&[7]).unwrap();
    let Err(Error::Corrupt { message, .. }) = window.check_updates(&[6]) else { panic!("6 bytes for 7") };
    for part in [source.journal_id(), "\"a\"", "gave 6 bytes, not 7"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_cannot_be_counted_is_an_error() {
    let last = changed(row("a", 1, 0, 1), |facts| facts.revision = Revision::new(9_999_999_999));
    let source = Arc::new(Manifest::of_rows(&named(1, 1, None, 1), &[&last], 1, Arc::default()).unwrap());
    let combination = combine(&[source], &[], &[]);
    assert!(matches!(combination.manifest(&named(1, 1, Some(2), 2)), Err(Error::Corrupt { .. })));
    assert!(matches!(combination.manifest("x"), Err(Error::Argument(_))));
    let source = theirs(1, &[("a", 1), ("b", 2)]);
    let huge = ["a", "b"].map(|id| update(&source, id, 9, u64::MAX / 2));
    assert!(matches!(Combination::new(gathered(&[source]), &huge, &HashMap::new()), Err(Error::Corrupt { .. })));
}

#[test]
fn stretches_end_to_end_are_the_blob_that_the_manifest_describes() {
    const IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut dice = Dice::new(5);
    for _ in 0..500 {
        let journals: Vec<Arc<Manifest>> = (0..1 + dice.roll(4))
            .map(|number| {
                let events: BTreeMap<&str, i64> =
                    (0..=dice.roll(5)).map(|_| (IDS[dice.roll(8) as usize], dice.roll(50) as i64)).collect();
                let mut events: Vec<(&str, i64)> = events.into_iter().collect();
                events.sort_by_key(|(_, seconds)| *seconds);
                journal(number, dice.perhaps(2).map(|version| version as i64), &events, dice.roll(2) == 0)
            })
            .collect();
        let updates: Vec<Update> = (0..dice.roll(10))
            .map(|_| {
                let target = &journals[dice.roll(journals.len() as u64) as usize];
                let id = IDS[dice.roll(8) as usize];
                if dice.roll(4) == 0 {
                    delete(target, id)
                } else {
                    update(target, id, dice.roll(90) as i64, dice.roll(9))
                }
            })
            .collect();
        let combination = combine(&journals, &updates, &[]);
        let manifest = manifest_of(&combination);
        let mut offset = 0;
        let mut row = 0;
        for window in windows(&combination, dice.roll(50)) {
            for piece in window.pieces() {
                assert_eq!(window.place(piece), manifest.place(row));
                assert_eq!((manifest.offset(row), manifest.size_of(row)), (offset, piece.size));
                match piece.data_at {
                    DataAt::Nothing => assert_eq!(piece.size, 0),
                    DataAt::Update(number) => {
                        let applied = &updates[window.updates()[number as usize] as usize];
                        assert_eq!((applied.size, Some(applied.timestamp)), (piece.size, manifest.updated(row)));
                        assert_eq!(applied.event_id, manifest.event_id(row));
                    }
                    DataAt::Request(request, start) => {
                        let request = window.requests()[request as usize];
                        let source = &journals[request.source as usize];
                        let its_row = source.find(manifest.event_id(row)).unwrap();
                        assert_eq!(source.offset(its_row), request.start + start);
                        assert_eq!(Some(source.journal_id()), manifest.came_from(row));
                    }
                }
                offset += piece.size;
                row += 1;
            }
        }
        assert_eq!((offset, row), (combination.size(), combination.len()));
        let ids: std::collections::BTreeSet<&str> = (0..row).map(|row| manifest.event_id(row)).collect();
        assert_eq!(ids.len(), row, "one id, one row");
        assert!((1..row).all(|row| manifest.place(row - 1) < manifest.place(row)));
    }
}
