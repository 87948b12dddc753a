use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Merge, Verdict};
use crate::core::error::Error;
use crate::core::manifest::Manifest;
use crate::core::place::OwnedPlace;
use crate::core::row::Row;
use crate::core::samples::{Dice, at, changed, journal, named, ours, row, theirs};
use crate::core::window::{MOST_EVENTS, MOST_JOURNALS, Window};

const PLENTY: u64 = u64::MAX;

/// The events of a window as (event_id, number of the journal_id, offset).
fn events(window: &Window) -> Vec<(String, u64)> {
    let place = |piece| window.place(piece).1.to_owned();
    window.pieces().iter().map(|piece| (place(piece), piece.size)).collect()
}

fn ids(window: Option<Window>) -> String {
    let window = window.as_ref().map(events).unwrap_or_default();
    window.into_iter().map(|(id, _)| id).collect::<Vec<_>>().join(" ")
}

fn rest(merge: &mut Merge) -> String {
    let mut all = Vec::new();
    while let Some(window) = merge.window(None, PLENTY) {
        all.push(ids(Some(window)));
    }
    assert_eq!(merge.pending(), 0);
    all.join(" ")
}

fn merge_of(journals: &[Arc<Manifest>]) -> Merge {
    let mut merge = Merge::default();
    for journal in journals {
        merge.add(Arc::clone(journal));
    }
    merge
}

fn between(from: Option<i64>, to: Option<i64>, after: Option<(i64, &str)>) -> Merge {
    let after = after.map(|(seconds, id)| (at(seconds), id.to_owned()));
    Merge::new(from.map(at), to.map(at), after).unwrap()
}

/// (journal's number in its request, event_id): who gave each event; journals' events have ten bytes each.
fn sources(window: &Window) -> Vec<u32> {
    window.requests().iter().map(|request| request.source).collect()
}

fn asked(places: &[OwnedPlace]) -> String {
    places.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn overlapping_journals_become_one_sequence_by_date_then_id() {
    let mut merge = merge_of(&[ours(1, &[("a", 1), ("z", 5), ("c", 9)]), ours(2, &[("b", 1), ("y", 5), ("d", 7)])]);
    assert_eq!(merge.pending(), 6);
    assert_eq!(rest(&mut merge), "a b y z d c");
}

#[test]
fn a_range_is_open_at_its_start_and_closed_at_its_end() {
    let events = [("a", 1), ("b", 2), ("c", 2), ("d", 3), ("e", 4)];
    for (from, to, after, expected) in [
        (None, None, None, "a b c d e"),
        (Some(2), None, None, "d e"),
        (None, Some(2), None, "a b c"),
        (Some(1), Some(3), None, "b c d"),
        (Some(2), Some(2), None, ""),
        (None, None, Some((2, "b")), "c d e"),
        (None, None, Some((2, "bb")), "c d e"),
        (None, None, Some((2, "")), "b c d e"),
        (Some(2), None, Some((1, "a")), "d e"),
        (None, Some(2), Some((3, "x")), ""),
        (None, None, Some((4, "e")), ""),
    ] {
        let mut merge = between(from, to, after);
        merge.add(ours(1, &events));
        assert_eq!(rest(&mut merge), expected, "{from:?} {to:?} {after:?}");
    }
    assert!(matches!(Merge::new(Some(at(2)), Some(at(1)), None), Err(Error::Argument(_))));
}

#[test]
fn no_start_includes_the_first_moment_that_there_is() {
    let first = crate::core::timestamp::Timestamp::MIN;
    let row = changed(row("a", 0, 0, 1), |facts| facts.timestamp = first);
    let id = format!("{first}--{first}--new--00000000-0000-4000-8000-000000000000");
    let mut merge = merge_of(&[Arc::new(Manifest::of_rows(&id, &[&row], 1, Arc::default()).unwrap())]);
    assert_eq!(rest(&mut merge), "a");
}

#[test]
fn a_window_ends_before_a_date_and_at_its_limit_but_has_an_event() {
    let mut merge = merge_of(&[ours(1, &[("a", 1), ("b", 2), ("c", 3), ("d", 4)]), ours(2, &[("b2", 2), ("e", 5)])]);
    assert_eq!(ids(merge.window(Some(at(1)), PLENTY)), "");
    assert_eq!(ids(merge.window(Some(at(3)), 25)), "a b");
    assert_eq!(ids(merge.window(Some(at(3)), 0)), "b2");
    assert_eq!(ids(merge.window(Some(at(3)), 0)), "");
    assert_eq!(ids(merge.window(None, 9)), "c");
    assert_eq!(merge.pending(), 2);
    let window = merge.window(None, 20).unwrap();
    assert_eq!(window.last(), Some((at(5), "e")));
    assert_eq!(sources(&window), [0, 1]);
    assert!(merge.window(None, PLENTY).is_none());
}

#[test]
fn a_window_takes_in_the_rest_of_a_journal_where_that_is_half_its_limit_at_most() {
    let journals = [ours(1, &[("a", 1), ("b", 2)]), ours(2, &[("c", 3)]), ours(3, &[("d", 4), ("e", 5)])];
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 20)), "a b c");
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 35)), "a b c d e");
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 30)), "a b c");
}

#[test]
fn a_window_that_is_half_full_ends_before_a_journal_that_would_not_fit() {
    let journals = [ours(1, &[("a", 1), ("b", 2)]), ours(2, &[("c", 3), ("d", 4), ("e", 5), ("f", 6)])];
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 35)), "a b");
    assert_eq!(ids(merge.window(None, 35)), "c d e f");
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 39)), "a b");
    let mut merge = merge_of(&journals);
    assert_eq!(ids(merge.window(None, 45)), "a b c d e f");
}

#[test]
fn a_window_has_at_most_so_many_events() {
    let rows: Vec<Row> = (0..MOST_EVENTS as i64 + 10).map(|number| row("a", number, 0, 0)).collect();
    let id = named(0, 1_000_000, None, 1);
    let manifest = Manifest::of_rows(&id, &rows.iter().collect::<Vec<_>>(), 0, Arc::default()).unwrap();
    let mut merge = merge_of(&[Arc::new(manifest)]);
    assert_eq!(merge.window(None, PLENTY).map(|window| window.len()), Some(MOST_EVENTS));
    assert_eq!(merge.window(None, PLENTY).map(|window| window.len()), Some(10));
}

#[test]
fn a_window_has_rows_of_so_many_journals_at_most() {
    let journals: Vec<_> = (0..1500).map(|number| ours(number, &[("a", number as i64)])).collect();
    let mut merge = merge_of(&journals);
    let lengths: Vec<_> = std::iter::from_fn(|| merge.window(None, PLENTY)).map(|window| window.len()).collect();
    assert_eq!(lengths, [MOST_JOURNALS, 1500 - MOST_JOURNALS]);
}

#[test]
fn rows_of_an_ordered_journal_that_comes_late_are_left_out_up_to_the_place_reached() {
    let mut merge = merge_of(&[ours(1, &[("a", 1), ("c", 3)])]);
    assert_eq!(ids(merge.window(Some(at(3)), PLENTY)), "a");
    merge.remove(&named(1, 3, Some(1), 1));
    merge.add(ours(2, &[("0", 0), ("a", 1), ("b", 2), ("c", 3)]));
    assert_eq!(rest(&mut merge), "b c");
}

#[test]
fn the_last_of_one_journals_rows_of_one_place_goes_out() {
    let rows = [row("a", 1, 0, 1), row("b", 2, 0, 2), row("b", 2, 0, 3), row("b", 2, 0, 4), row("c", 3, 0, 5)];
    let manifest = Manifest::of_rows(&named(1, 3, None, 1), &rows.each_ref(), 9, Arc::default()).unwrap();
    let window = merge_of(&[Arc::new(manifest)]).window(None, PLENTY).unwrap();
    assert_eq!(window.pieces().iter().map(|piece| piece.size).collect::<Vec<_>>(), [1, 4, 5]);
}

#[test]
fn a_row_of_two_journals_goes_out_once_from_the_more_credible_one() {
    let new = || journal(9, None, &[("a", 1)], true);
    for (journals, expected) in [
        (vec![new(), ours(1, &[("a", 1)])], 1),
        (vec![ours(1, &[("a", 1)]), new()], 0),
        (vec![ours(1, &[("a", 1)]), ours(2, &[("a", 1)])], 1),
        (vec![ours(2, &[("a", 1)]), ours(1, &[("a", 1)])], 0),
    ] {
        let mut merge = Merge::default();
        for journal in journals {
            assert!(merge.add(journal).is_empty(), "both are ours: nothing is asked");
        }
        let window = merge.window(None, PLENTY).unwrap();
        assert_eq!((sources(&window), window.len()), (vec![expected], 1));
        assert_eq!(merge.pending(), 0);
    }
}

#[test]
fn journals_of_0_4_3_that_share_no_row_raise_no_question() {
    let mut merge = Merge::default();
    assert_eq!(asked(&merge.add(theirs(1, &[("a", 1), ("c", 3)]))), "");
    assert_eq!(asked(&merge.add(theirs(2, &[("b", 1), ("c", 4)]))), "");
    assert_eq!(asked(&merge.add(ours(3, &[("a", 2), ("b", 3)]))), "");
    assert_eq!(rest(&mut merge), "a b a b c c");
}

#[test]
fn journals_that_share_a_row_raise_questions_about_the_rows_of_the_older_one_in_the_range() {
    let mut merge = between(Some(1), Some(8), None);
    merge.add(theirs(1, &[("before", 1), ("a", 2), ("b", 3), ("d", 5), ("beyond", 9)]));
    let places = merge.add(ours(2, &[("b", 3), ("c", 4)]));
    assert_eq!(asked(&places), "a b d");
    assert_eq!(places[1].0, at(3));
    assert_eq!(asked(&merge.add(theirs(3, &[("c", 4), ("d", 5), ("e", 6)]))), "c", "each is asked about once");
    assert_eq!(rest(&mut merge), "a b c d e");
}

#[test]
fn what_has_gone_out_is_not_asked_about() {
    let mut merge = merge_of(&[theirs(1, &[("a", 1), ("b", 2), ("c", 3)])]);
    assert_eq!(ids(merge.window(Some(at(2)), PLENTY)), "a");
    assert_eq!(asked(&merge.add(theirs(2, &[("a", 1), ("b", 2), ("d", 9)]))), "b c");
    assert_eq!(rest(&mut merge), "b c d");
}

#[test]
fn the_indexs_word_decides() {
    for (verdict, expected) in [
        (None, Some(1)),
        (Some(Verdict::Nobody), Some(1)),
        (Some(Verdict::Journal(named(1, 9, Some(1), 1))), Some(0)),
        (Some(Verdict::Journal(named(1, 9, Some(1), 2))), Some(1)),
        (Some(Verdict::Journal(named(5, 5, Some(1), 5))), Some(1)),
    ] {
        let mut merge = merge_of(&[theirs(1, &[("a", 1), ("z", 9)]), theirs(2, &[("a", 1), ("y", 9)])]);
        if let Some(verdict) = verdict.clone() {
            merge.decide((at(1), "a"), verdict);
        }
        let window = merge.window(Some(at(2)), PLENTY);
        assert_eq!(window.map(|window| sources(&window)), expected.map(|source| vec![source]), "{verdict:?}");
        assert_eq!(merge.pending(), 2);
    }
}

#[test]
fn a_row_of_one_journal_alone_stays_unless_the_index_says_that_it_was_deleted() {
    let mut merge = merge_of(&[theirs(1, &[("a", 1), ("b", 2), ("c", 3)]), theirs(2, &[("c", 3), ("d", 4)])]);
    merge.decide((at(2), "b"), Verdict::Nobody);
    merge.decide((at(4), "d"), Verdict::Journal(named(3, 4, Some(1), 2)));
    merge.decide((at(4), "nobody asked"), Verdict::Nobody);
    assert_eq!(rest(&mut merge), "a c d");
}

#[test]
fn a_removed_journal_gives_nothing_more() {
    let mut merge = merge_of(&[ours(1, &[("a", 1), ("c", 3)]), ours(2, &[("b", 2), ("d", 4)])]);
    assert_eq!(ids(merge.window(Some(at(2)), PLENTY)), "a");
    merge.remove(&named(1, 3, Some(1), 1));
    merge.remove(&named(1, 3, Some(1), 1));
    merge.remove("unknown");
    assert_eq!(merge.pending(), 2);
    assert_eq!(rest(&mut merge), "b d");
}

/// The journal with this number and no event of its own that replaces others.
fn replacing(number: u64, replaced: &[&Arc<Manifest>]) -> Arc<Manifest> {
    let ids = replaced.iter().map(|manifest| manifest.journal_id()).collect();
    Arc::new(Manifest::of_rows(&named(2, 2, Some(1), number), &[], 0, Arc::new(ids)).unwrap())
}

#[test]
fn what_another_journal_has_replaced_gives_nothing_more_whichever_comes_first() {
    let [before, open, other, after] = [(1, "a", 1), (2, "c", 2), (3, "d", 2), (4, "e", 3)]
        .map(|(number, id, seconds)| ours(number, &[(id, seconds)]));
    let beyond = ours(5, &[("f", 4)]);
    for replaced in [[&before, &open, &after], [&after, &open, &before]] {
        let mut merge = merge_of(&[before.clone(), open.clone(), other.clone()]);
        assert_eq!(ids(merge.window(Some(at(2)), PLENTY)), "a");
        merge.add(replacing(9, &replaced));
        merge.add(after.clone());
        merge.add(beyond.clone());
        assert_eq!(merge.pending(), 2);
        assert_eq!(rest(&mut merge), "d f");
    }
}

#[test]
fn what_has_been_replaced_is_known_until_later_names_have_come() {
    let replaced = [ours(1, &[("a", 3)]), ours(2, &[("b", 5)])];
    let mut merge = merge_of(&[replacing(9, &[&replaced[0], &replaced[1]]), ours(3, &[("c", 4)])]);
    assert!(replaced.iter().all(|journal| merge.replaced.contains(journal.journal_id())));
    merge.add(ours(4, &[("d", 6)]));
    assert!(!replaced.iter().any(|journal| merge.replaced.contains(journal.journal_id())));
}

#[test]
fn a_journal_that_has_been_replaced_keeps_its_number() {
    let [dead, alive] = [ours(1, &[("a", 3)]), ours(2, &[("b", 3)])];
    let mut merge = merge_of(&[replacing(9, &[&dead]), dead, alive]);
    let window = merge.window(None, PLENTY).unwrap();
    assert_eq!(window.requests().iter().map(|request| request.source).collect::<Vec<_>>(), [2]);
}

#[test]
fn rows_that_come_late_go_out_unless_they_have_before() {
    let mut merge =
        merge_of(&[theirs(1, &[("a", 1), ("c", 3)]), theirs(2, &[("b", 2), ("d", 4)]), ours(3, &[("x", 1)])]);
    merge.remove(&named(2, 4, Some(1), 2));
    merge.add(theirs(4, &[("b", 2), ("e", 5)]));
    assert_eq!(ids(merge.window(Some(at(3)), PLENTY)), "a x b");
    merge.remove(&named(2, 5, Some(1), 4));
    let body = theirs(5, &[("a", 1), ("aa", 1), ("x", 1), ("b", 2), ("c", 3)]).encode();
    let named_too_late = Manifest::decode(&named(3, 3, Some(1), 5), body.as_bytes()).unwrap();
    assert!(!named_too_late.is_ordered());
    merge.add(Arc::new(named_too_late));
    assert_eq!(merge.pending(), 3);
    assert_eq!(rest(&mut merge), "aa c");
}

#[test]
fn rows_of_one_place_that_come_late_do_not_go_out_again() {
    let mut merge = merge_of(&[ours(1, &[("a", 2), ("b", 3)])]);
    assert_eq!(ids(merge.window(Some(at(3)), PLENTY)), "a");
    let rows = [("late", 1), ("a", 2), ("a", 2)].map(|(id, seconds)| row(id, seconds, 0, 1));
    let named_too_late = Manifest::of_rows(&named(2, 2, Some(1), 2), &rows.each_ref(), 1, Arc::default()).unwrap();
    merge.add(Arc::new(named_too_late));
    assert_eq!(merge.pending(), 2);
    assert_eq!(rest(&mut merge), "late b");
}

#[test]
fn a_row_is_deleted_only_where_the_index_was_asked_about_its_journal() {
    // The second has a place twice, so that each of its rows is looked at.
    for events in [&[("a", 1), ("b", 2), ("b", 2)][..], &[("a", 1), ("b", 2)]] {
        let (older, newer) = (theirs(1, &[("a", 1), ("z", 1)]), theirs(2, events));
        let mut merge = merge_of(&[older.clone(), newer]);
        merge.decide((at(1), "a"), Verdict::Nobody);
        merge.add(replacing(9, &[&older]));
        assert_eq!(rest(&mut merge), "a b");
    }
}

#[test]
fn a_journal_is_a_source_by_the_number_of_journals_before_it() {
    let mut merge = between(Some(5), None, None);
    merge.add(ours(1, &[("a", 1)]));
    merge.add(ours(2, &[("b", 7)]));
    assert_eq!(merge.pending(), 1);
    assert_eq!(merge.window(None, PLENTY).map(|window| sources(&window)), Some(vec![1]));
}

/// Journals at random: dates, ids, overlaps, shared rows, writers.
fn random(dice: &mut Dice, number: u64) -> Arc<Manifest> {
    const IDS: [&str; 6] = ["a", "ab", "b", "c", "é", ""];
    let events: BTreeSet<(i64, &str)> =
        (0..=dice.roll(12)).map(|_| (dice.roll(40) as i64, IDS[dice.roll(6) as usize])).collect();
    let events: Vec<(&str, i64)> = events.into_iter().map(|(seconds, id)| (id, seconds)).collect();
    let version = dice.perhaps(5).map(|version| version as i64);
    journal(number, version, &events, dice.roll(2) == 0)
}

#[test]
fn a_merge_is_a_sort_that_gives_each_place_once() {
    let mut dice = Dice::new(4);
    for round in 0..2_000 {
        let from = dice.perhaps(20).map(|seconds| seconds as i64);
        let to = dice.perhaps(20).map(|seconds| 20 + seconds as i64);
        let mut merge = between(from, to, None);
        let journals: Vec<_> = (0..dice.roll(8)).map(|number| random(&mut dice, number)).collect();
        // The rows that must go out, each with the place of the journal that is to be believed.
        let mut expected: BTreeMap<OwnedPlace, usize> = BTreeMap::new();
        for (source, manifest) in journals.iter().enumerate() {
            for row in 0..manifest.len() {
                let (timestamp, id) = manifest.place(row);
                if from.is_none_or(|from| at(from) < timestamp) && to.is_none_or(|to| timestamp <= at(to)) {
                    let rank = |journal: usize| journals[journal].credibility();
                    let best = expected.entry((timestamp, id.to_owned())).or_insert(source);
                    *best = if rank(*best) < rank(source) { source } else { *best };
                }
            }
        }
        // As a reader does: journals are added in the order of their names, windows taken before the next one's start.
        let mut order: Vec<usize> = (0..journals.len()).collect();
        order.sort_by_key(|journal| journals[*journal].journal_id().to_owned());
        let mut got: Vec<OwnedPlace> = Vec::new();
        let mut givers: Vec<u32> = Vec::new();
        let mut take = |merge: &mut Merge, before, limit| {
            while let Some(window) = merge.window(before, limit) {
                assert!(window.size() <= limit + limit / 2 || window.len() == 1);
                for piece in window.pieces() {
                    let (timestamp, id) = window.place(piece);
                    got.push((timestamp, id.to_owned()));
                    let crate::core::window::DataAt::Request(request, _) = piece.data_at else {
                        panic!("ten bytes each")
                    };
                    givers.push(window.requests()[request as usize].source);
                }
            }
        };
        for journal in &order {
            take(&mut merge, Some(journals[*journal].name().start), 1 + dice.roll(60));
            merge.add(Arc::clone(&journals[*journal]));
        }
        take(&mut merge, None, 1 + dice.roll(60));
        assert_eq!(merge.pending(), 0);
        let believed: Vec<u32> =
            expected.values().map(|journal| order.iter().position(|other| other == journal).unwrap() as u32).collect();
        assert_eq!(got, expected.into_keys().collect::<Vec<_>>(), "round {round}");
        assert_eq!(givers, believed, "round {round}");
    }
}
