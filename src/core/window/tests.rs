use std::sync::Arc;

use super::{DataAt, Journals, LARGEST_GAP, Pick, Window};
use crate::core::error::Error;
use crate::core::manifest::Manifest;
use crate::core::row::Row;
use crate::core::samples::{Dice, named, row};

/// A journal with rows at these (offset, size), each a second later than the one before.
fn laid_out(number: u64, stretches: &[(u64, u64)]) -> Arc<Manifest> {
    let rows: Vec<Row> =
        stretches.iter().zip(0..).map(|((offset, size), at)| row(&format!("e{at}"), at, *offset, *size)).collect();
    let size = 1 << 40;
    Arc::new(
        Manifest::of_rows(&named(0, 100, None, number), &rows.iter().collect::<Vec<_>>(), size, Arc::default())
            .unwrap(),
    )
}

fn all(journals: &[Arc<Manifest>]) -> Window {
    let sources = Journals::Merged((10..).zip(journals.iter().cloned()).collect());
    let picks: Vec<Pick> = (0..)
        .zip(journals)
        .flat_map(|(journal, manifest)| (0..manifest.len() as u32).map(move |row| Pick { journal, row, update: None }))
        .collect();
    Window::plan(sources, &picks).unwrap()
}

fn requests(window: &Window) -> Vec<(u32, u64, u64)> {
    window.requests().iter().map(|request| (request.source, request.start, request.stop)).collect()
}

#[test]
fn what_lies_close_together_is_one_request() {
    let close = all(&[laid_out(1, &[(100, 5), (105, 5), (110 + LARGEST_GAP, 5)])]);
    assert_eq!(requests(&close), [(10, 100, 115 + LARGEST_GAP)]);
    assert_eq!((close.size(), close.fetched()), (15, 15 + LARGEST_GAP));
    let apart = all(&[laid_out(1, &[(100, 5), (105 + LARGEST_GAP + 1, 5)])]);
    assert_eq!(requests(&apart), [(10, 100, 105), (10, 106 + LARGEST_GAP, 111 + LARGEST_GAP)]);
}

#[test]
fn offsets_may_be_in_any_order_and_overlap() {
    let window = all(&[laid_out(1, &[(50, 10), (0, 10), (5, 40), (52, 2)])]);
    assert_eq!(requests(&window), [(10, 0, 60)]);
    let lie_at: Vec<DataAt> = window.pieces().iter().map(|piece| piece.data_at).collect();
    assert_eq!(lie_at, [50, 0, 5, 52].map(|start| DataAt::Request(0, start)));
    assert_eq!((window.size(), window.fetched()), (62, 60));
}

#[test]
fn events_without_data_need_no_bytes() {
    let window = all(&[laid_out(1, &[(0, 0), (1 << 40, 0)])]);
    assert_eq!((requests(&window), window.len(), window.size()), (vec![], 2, 0));
    window.check_requests(&[]).unwrap();
}

#[test]
fn each_journal_has_its_own_requests() {
    let window = all(&[laid_out(1, &[(0, 5)]), laid_out(2, &[(5, 5)])]);
    assert_eq!(requests(&window), [(10, 0, 5), (11, 5, 10)]);
    assert_eq!(window.last().unwrap().1, "e0");
}

#[test]
fn nothing_chosen_is_no_window() {
    assert!(Window::plan(Journals::Merged([].into()), &[]).is_none());
}

#[test]
fn bytes_of_another_length_than_asked_for_are_an_error() {
    let window = all(&[laid_out(1, &[(100, 5), (LARGEST_GAP * 2, 7)])]);
    window.check_requests(&[5, 7]).unwrap();
    let faults = [
        ([5, 6], "its blob ends at offset 131078, before the end of its events at offset 131079; "),
        ([0, 7], "its blob ends at offset 100, before the end of its events at offset 105; "),
        ([5, 8], "its blob gave 8 bytes from offset 131072, not 7"),
    ];
    for (lengths, fault) in faults {
        let Err(Error::Corrupt { message, .. }) = window.check_requests(&lengths) else { panic!("{lengths:?}") };
        assert!(message.starts_with(&format!("journal {}: {fault}", named(0, 100, None, 1))), "{message}");
    }
    assert!(matches!(window.check_requests(&[5]), Err(Error::Argument(_))));
    assert!(matches!(window.check_updates(&[5]), Err(Error::Argument(_))));
}

#[test]
fn every_event_lies_within_its_request() {
    let mut dice = Dice::new(3);
    for _ in 0..300 {
        let stretches: Vec<(u64, u64)> =
            (0..=dice.roll(40)).map(|_| (dice.roll(10 * LARGEST_GAP), dice.roll(2 * LARGEST_GAP))).collect();
        let window = all(&[laid_out(1, &stretches)]);
        for (piece, (offset, size)) in window.pieces().iter().zip(&stretches) {
            match piece.data_at {
                DataAt::Nothing => assert_eq!(*size, 0),
                DataAt::Request(request, start) => {
                    let request = window.requests()[request as usize];
                    assert_eq!(request.start + start, *offset);
                    assert!(offset + size <= request.stop);
                }
                DataAt::Update(_) => panic!("no update was given"),
            }
        }
        for pair in window.requests().windows(2) {
            assert!(pair[0].stop + LARGEST_GAP < pair[1].start, "requests are as few as they can be");
        }
    }
}
