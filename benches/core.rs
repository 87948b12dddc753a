//! What the core's steps cost, each beside the plain way to do the same: `cargo bench --bench core`.
//!
//! Every result is checked before its time is taken.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use _core::core::jmespath::tree::{Comparator, Literal, Tree};
use _core::core::jmespath::{Expression, Outcome, Scratch};
use _core::core::manifest::Manifest;
use _core::core::merge::Merge;
use _core::core::row::{Revision, Row, RowFacts};
use _core::core::timestamp::Timestamp;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const JOURNAL: u64 = 5_000;
const JOURNALS: u64 = 40;
const LOADED: u64 = 1_000_000;
const SIZE: u64 = 450;
const WINDOW: u64 = 16_000_000;

/// The id of an event, as the package makes them.
fn event_id(number: u64) -> String {
    format!("{number:08x}-0000-4000-8000-{:012x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16)
}

/// One event each second.
fn at(second: u64) -> Timestamp {
    Timestamp::from_microseconds((1_577_836_800 + second as i64) * 1_000_000).expect("a date of this century")
}

/// A journal of so many events, `step` seconds apart.
fn manifest(first: u64, step: u64, count: u64) -> Manifest {
    let rows: Vec<Row> = (0..count)
        .map(|number| Row {
            event_id: event_id(first + number * step),
            facts: RowFacts {
                revision: Revision::new(2),
                birth: Revision::new(1),
                ..RowFacts::new(at(first + number * step), number * SIZE, SIZE)
            },
            came_from: None,
        })
        .collect();
    let last = first + (count - 1) * step;
    let id = format!("{}--{}--{}--00000000-0000-4000-8000-{first:012x}", at(first), at(last), at(last));
    Manifest::of_rows(&id, &rows.iter().collect::<Vec<_>>(), count * SIZE, Arc::default()).expect("a valid manifest")
}

/// Reading manifests, beside what serde_json takes to make a tree of them.
fn decode(criterion: &mut Criterion) {
    let manifest = manifest(0, 1, JOURNAL);
    let (id, body) = (manifest.journal_id().to_owned(), manifest.encode());
    assert_eq!(Manifest::decode(&id, body.as_bytes()).expect("it was encoded").encode(), body);
    let mut group = criterion.benchmark_group("read a manifest of 5,000 events");
    group.throughput(Throughput::Elements(JOURNAL));
    group.bench_function("ours", |bencher| bencher.iter(|| Manifest::decode(&id, black_box(body.as_bytes()))));
    group.bench_function("serde_json's tree", |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(body.as_bytes())))
    });
    group.finish();
}

/// Merging journals and planning windows, beside sorting the same places.
fn merge(criterion: &mut Criterion) {
    let layouts = [
        ("one after the other", (0..JOURNALS).map(|number| manifest(number * JOURNAL, 1, JOURNAL)).collect::<Vec<_>>()),
        ("all of the same days", (0..JOURNALS).map(|number| manifest(number, JOURNALS, JOURNAL)).collect()),
    ];
    for (layout, manifests) in layouts {
        let manifests: Vec<Arc<Manifest>> = manifests.into_iter().map(Arc::new).collect();
        assert_eq!(merged(&manifests), JOURNAL * JOURNALS);
        let mut group = criterion.benchmark_group(format!("merge 200,000 events in 40 journals, {layout}"));
        group.throughput(Throughput::Elements(JOURNAL * JOURNALS));
        group.bench_function("ours, windows planned", |bencher| bencher.iter(|| merged(black_box(&manifests))));
        group.bench_function("a sort of the places", |bencher| {
            bencher.iter(|| {
                let rows = |manifest: &'_ Arc<Manifest>| 0..manifest.len();
                let mut places: Vec<_> = manifests
                    .iter()
                    .flat_map(|manifest| rows(manifest).map(|row| (manifest.timestamp(row), manifest.event_id(row))))
                    .collect();
                places.sort();
                places.len()
            })
        });
        group.finish();
    }
}

/// Merges journals to their end; gives how many events went out.
fn merged(manifests: &[Arc<Manifest>]) -> u64 {
    let mut merge = Merge::new(None, None, None).expect("no bounds");
    for manifest in manifests {
        merge.add(Arc::clone(manifest));
    }
    let mut events = 0;
    while let Some(window) = merge.window(None, WINDOW) {
        events += window.len() as u64;
    }
    events
}

/// Finding each of a million ids among a million, beside a `HashMap` of them.
fn lookup(criterion: &mut Criterion) {
    let manifest = manifest(0, 1, LOADED);
    let (id, body) = (manifest.journal_id().to_owned(), manifest.encode());
    let step = 611_953; // a prime: all are asked for, in no order that the memory knows
    let wanted: Vec<String> = (0..LOADED).map(|number| event_id(number * step % LOADED)).collect();
    let plain: HashMap<String, usize> = (0..LOADED).map(|number| (event_id(number), number as usize)).collect();
    let expected: Vec<_> = wanted.iter().map(|id| plain.get(id).copied()).collect();
    assert!(manifest.find_all(&wanted) == expected, "each id is found in its row");
    let mut group = criterion.benchmark_group("look up among 1,000,000 events");
    group.sample_size(10);
    group.bench_function("ours, the lookup built", |bencher| {
        let fresh = || Manifest::decode(&id, body.as_bytes()).expect("it was encoded");
        bencher.iter_batched_ref(fresh, |manifest| manifest.find("none"), BatchSize::PerIteration)
    });
    group.throughput(Throughput::Elements(LOADED));
    group.bench_function("ours, 1,000,000 ids", |bencher| bencher.iter(|| manifest.find_all(black_box(&wanted))));
    group.bench_function("HashMap, 1,000,000 ids", |bencher| {
        bencher.iter(|| wanted.iter().map(|id| plain.get(black_box(id)).copied()).collect::<Vec<_>>())
    });
    group.finish();
}

/// Filtering events, beside serde_json and a look at its tree.
fn filter(criterion: &mut Criterion) {
    let field = |name: &str| Tree::Field(name.as_bytes().into());
    let below = Tree::Compare(Comparator::Less, Box::new([field("foo"), Tree::Literal(Literal::Int(10))]));
    let named =
        Tree::Compare(Comparator::Equal, Box::new([field("name"), Tree::Literal(Literal::Text((*b"7.bam").into()))]));
    let nested = Tree::FilterProjection(Box::new([field("files"), Tree::Current, named]));
    let events: Vec<Vec<u8>> = (0..JOURNAL).map(event_data).collect();
    compare_filters(criterion, "foo < `10`", &Expression::new(below), &events, |event| {
        event["foo"].as_i64().is_some_and(|number| number < 10)
    });
    compare_filters(criterion, "files[?name == '7.bam']", &Expression::new(nested), &events, |event| {
        event["files"].as_array().is_some_and(|files| files.iter().any(|file| file["name"] == "7.bam"))
    });
}

/// An event of 450 bytes: a notification that a bundle of four files has come.
fn event_data(number: u64) -> Vec<u8> {
    let files: Vec<_> = ["bam", "bai", "fastq", "json"]
        .iter()
        .map(|kind| serde_json::json!({"name": format!("{}.{kind}", number % 50), "size": number * 31, "crc": "09ab12cd"}))
        .collect();
    let event = serde_json::json!({"foo": number % 100, "match": {"bundle_uuid": event_id(number)}, "files": files});
    let pad = 450 - event.to_string().len() - r#","pad":"""#.len();
    let text = event.to_string();
    format!(r#"{},"pad":"{}"}}"#, &text[..text.len() - 1], "x".repeat(pad)).into_bytes()
}

fn compare_filters(
    criterion: &mut Criterion,
    name: &str,
    expression: &Expression,
    events: &[Vec<u8>],
    plain: impl Fn(&serde_json::Value) -> bool,
) {
    let by_tree = |event: &Vec<u8>| serde_json::from_slice(event).is_ok_and(|event| plain(&event));
    let mut scratch = Scratch::default();
    for event in events {
        assert_eq!(expression.matches(event, &mut scratch), Outcome::Value(by_tree(event)));
    }
    let mut group = criterion.benchmark_group(format!("filter 5,000 events of 450 bytes by {name}"));
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("ours", |bencher| {
        let mut scratch = Scratch::default();
        let mut is_match = |event: &&Vec<u8>| expression.matches(event, &mut scratch) == Outcome::Value(true);
        bencher.iter(|| black_box(events).iter().filter(|event| is_match(event)).count())
    });
    group.bench_function("serde_json's tree", |bencher| {
        bencher.iter(|| black_box(events).iter().filter(|event| by_tree(event)).count())
    });
    group.finish();
}

criterion_group! {
    name = steps;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = decode, merge, lookup, filter
}
criterion_main!(steps);
