use std::sync::Arc;

use super::Manifest;
use super::sections::Sections;
use crate::core::error::Error;
use crate::core::row::{Revision, Row, RowFacts};
use crate::core::samples::{Dice, at, changed, named, row};

fn id() -> String {
    named(0, 100, Some(200), 1)
}

fn of_rows(rows: &[Row], size: u64, replaces: Vec<String>) -> Result<Manifest, Error> {
    Manifest::of_rows(&id(), &rows.iter().collect::<Vec<_>>(), size, Arc::new(replaces.iter().collect()))
}

/// A manifest as a reader gets it, with `fields` after journal_id.
fn json(fields: &str) -> String {
    format!("{{\"journal_id\": \"{}\", {fields}}}", id())
}

fn event(event_id: &str, seconds: i64, offset: u64, size: u64) -> String {
    let timestamp = at(seconds);
    format!(r#"{{"event_id": "{event_id}", "timestamp": "{timestamp}", "offset": {offset}, "size": {size}}}"#)
}

fn decode(fields: &str) -> Result<Manifest, Error> {
    Manifest::decode(&id(), json(fields).as_bytes())
}

fn message(result: Result<Manifest, Error>) -> String {
    match result {
        Err(Error::Corrupt { message, .. }) => message,
        other => panic!("not a corruption: {other:?}"),
    }
}

fn all_rows(manifest: &Manifest) -> Vec<Row> {
    (0..manifest.len()).filter_map(|row| manifest.row(row)).collect()
}

fn ids(manifest: &Manifest) -> Vec<&str> {
    (0..manifest.len()).map(|row| manifest.event_id(row)).collect()
}

#[test]
fn any_key_order_white_space_and_further_fields_are_taken() {
    let rows = format!(
        "[\n\t{{ \"more\" : [1, {{}}], \"size\":2 ,\"offset\":\r\n1,\"timestamp\":\"{}\",\"\\u0065vent_id\":\"\\u00e9\\ud83d\\ude00\" }} ]",
        at(5)
    );
    let manifest = decode(&format!("\"events\":{rows},\"x\":{{\"size\":[null,1e400]}},\"size\": 3")).unwrap();
    assert_eq!(all_rows(&manifest), [row("é😀", 5, 1, 2)]);
    assert!(!manifest.is_ours() && manifest.is_ordered());
    assert_eq!(manifest.size(), 3);
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let twice = format!(
        r#"{{"event_id": 7, "event_id": "wrong", "event_id": "a", "size": [1], "size": 2, "offset": -1, "offset": 0, "timestamp": "{}", "timestamp": "{}"}}"#,
        at(1),
        at(2)
    );
    let fields = format!("\"size\": \"none\", \"events\": [{{}}], \"events\": [{twice}], \"size\": 2");
    assert_eq!(all_rows(&decode(&fields).unwrap()), [row("a", 2, 0, 2)]);
    let worse = "\"events\": [], \"size\": 2, \"size\": null";
    assert!(message(decode(worse)).contains("size is missing or not a whole number"));
}

#[test]
fn ten_thousand_brackets_in_a_further_field_are_skipped() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let fields = format!("\"x\": {deep}, \"size\": 0, \"events\": []");
        assert!(decode(&fields).unwrap().is_empty());
        for fields in [
            format!("\"size\": {deep}, \"events\": []"),
            format!("\"size\": 0, \"events\": {deep}"),
            format!("\"size\": 0, \"events\": [{deep}]"),
            format!("\"size\": 0, \"events\": [{{\"offset\": {deep}}}]"),
        ] {
            message(decode(&fields));
        }
        message(Manifest::decode(&id(), deep.as_bytes()));
        message(Manifest::decode(&id(), open.repeat(10_000).as_bytes()));
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = event("a", 1, 0, 1);
    let rows = |wrong: &str| format!("\"size\": 10, \"events\": [{good}, {wrong}, {good}]");
    let changed = |from: &str, to: &str| rows(&event("b", 2, 1, 2).replace(from, to));
    for (fields, expected) in [
        ("\"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": 1.0, \"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": -1, \"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": true, \"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": 9223372036854775808, \"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": 36893488147419103232, \"events\": []".to_owned(), "size is missing or not"),
        ("\"size\": 1".to_owned(), "events is missing or not"),
        ("\"size\": 1, \"events\": {}".to_owned(), "events is missing or not"),
        (rows("7"), "row 1: it is not an object"),
        (rows("{}"), "row 1: event_id is missing or not"),
        (changed("\"b\"", "null"), "row 1: event_id is missing or not"),
        (changed("timestamp", "time"), "row 1: timestamp is missing or not"),
        (changed("2020-01-01T", "2020-02-30T"), "row 1: timestamp is missing or not"),
        (changed("\"offset\": 1", "\"offset\": \"1\""), "row 1: offset is missing or not"),
        (changed("\"offset\": 1", "\"offset\": 1e3"), "row 1: offset is missing or not"),
        (changed("\"size\": 2", "\"size\": null"), "row 1: size is missing or not"),
        (changed("\"offset\": 1", "\"offset\": 9"), "row 1: its 2 bytes from offset 9 are not within the blob's 10"),
        (changed("\"offset\": 1", "\"offset\": 9223372036854775807"), "row 1: its 2 bytes from offset 92233"),
        (changed("\"b\"", "\"\\ud800\""), "it is not JSON"),
    ] {
        let message = message(decode(&fields));
        assert!(message.contains(expected), "{fields}: {message}");
        assert!(message.contains(&id()), "{message}");
    }
}

#[test]
fn what_is_not_json_is_named_with_its_byte() {
    for (body, expected) in [
        ("", "at byte 0"),
        ("{\"size\": 1,\n \"events\": nil}", "at byte 24"),
        ("{} {}", "at byte 3"),
        ("\u{feff}{}", "at byte 0"),
        ("[]", "it is not a JSON object"),
    ] {
        let message = message(Manifest::decode(&id(), body.as_bytes()));
        assert!(message.contains(expected), "{body:?}: {message}");
    }
    let message_of_bytes = message(Manifest::decode(&id(), b"{\"journal_id\": \"\xff\"}"));
    assert!(message_of_bytes.contains("it is not UTF-8 at byte 16"), "{message_of_bytes}");
    message(Manifest::decode(&id(), b"{\"size\": 0, \"events\": []}"));
}

#[test]
fn a_key_without_a_journal_ids_shape_is_a_wrong_argument() {
    assert!(matches!(Manifest::decode("x", b"{}"), Err(Error::Argument(_))));
    assert!(matches!(Manifest::of_rows("x", &[], 0, Arc::default()), Err(Error::Argument(_))));
}

#[test]
fn rows_out_of_order_are_sorted_with_all_that_belongs_to_them() {
    let source = named(0, 0, None, 7);
    let arrays = format!(
        r#""revisions": [3, null, 1], "updated": [null, "{}", null], "births": [3, null, 1], "from": [0, null, 0], "replaces": ["{source}"]"#,
        at(9)
    );
    let events = [event("c", 3, 4, 2), event("b", 3, 2, 2), event("a", 1, 0, 2)].join(",");
    let manifest = decode(&format!("\"size\": 6, \"events\": [{events}], {arrays}")).unwrap();
    let with = |row: Row, revision, is_known: bool| Row {
        came_from: is_known.then(|| source.clone()),
        ..changed(row, |facts| {
            facts.revision = Revision::new(revision);
            facts.birth = Revision::new(revision);
        })
    };
    let expected = [
        with(row("a", 1, 0, 2), 1, true),
        changed(with(row("b", 3, 2, 2), 0, false), |facts| facts.updated = Some(at(9))),
        with(row("c", 3, 4, 2), 3, true),
    ];
    assert_eq!(all_rows(&manifest), expected);
    assert!(manifest.is_ours() && !manifest.is_ordered());
}

#[test]
fn rows_outside_the_range_that_the_name_says_are_told() {
    for (seconds, is_ordered) in [(-1, false), (0, true), (100, true), (101, false)] {
        let manifest = decode(&format!("\"size\": 1, \"events\": [{}]", event("a", seconds, 0, 1))).unwrap();
        assert_eq!(manifest.is_ordered(), is_ordered, "{seconds}");
    }
}

#[test]
fn our_arrays_count_only_in_the_journal_that_they_were_written_for() {
    let manifest = of_rows(&[row("a", 1, 0, 1)], 1, vec![id()]).unwrap();
    let json = manifest.encode();
    assert!(Manifest::decode(&id(), json.as_bytes()).unwrap().is_ours());
    let other = Manifest::decode(&named(0, 100, Some(201), 1), json.as_bytes()).unwrap();
    assert!(!other.is_ours() && other.replaces().is_empty());
    for name in ["revisions", "updated", "births", "from", "replaces"] {
        let without = json.replace(&format!("\"{name}\""), "\"other\"");
        assert!(!Manifest::decode(&id(), without.as_bytes()).unwrap().is_ours(), "{name}");
    }
}

#[test]
fn our_arrays_are_checked_where_they_count() {
    let source = named(0, 0, None, 7);
    let rows = format!("\"size\": 1, \"events\": [{}]", event("a", 1, 0, 1));
    let good =
        format!(r#"{rows}, "revisions": [1], "updated": [null], "births": [1], "from": [0], "replaces": ["{source}"]"#);
    assert!(decode(&good).unwrap().is_ours());
    for (from, to, expected) in [
        ("\"revisions\": [1]", "\"revisions\": []", "revisions has 0 values for 1 rows"),
        ("\"revisions\": [1]", "\"revisions\": [1, 2]", "revisions has 2 values for 1 rows"),
        ("\"revisions\": [1]", "\"revisions\": null", "revisions is not an array"),
        ("\"revisions\": [1]", "\"revisions\": [0]", "revisions: the value at 0"),
        ("\"revisions\": [1]", "\"revisions\": [10000000000]", "revisions: the value at 0"),
        ("\"revisions\": [1]", "\"revisions\": [1.5]", "revisions: the value at 0"),
        ("\"updated\": [null]", "\"updated\": [\"now\"]", "updated: the value at 0"),
        ("\"births\": [1]", "\"births\": [\"1\"]", "births: the value at 0"),
        ("\"from\": [0]", "\"from\": [1]", "from: the value at 0 is not an index in replaces, which has 1"),
        ("\"from\": [0]", "\"from\": [-1]", "from: the value at 0"),
        (source.as_str(), "../elsewhere", "replaces: \"../elsewhere\" does not have a journal_id's shape"),
    ] {
        let message = message(decode(&good.replace(from, to)));
        assert!(message.contains(expected), "{to}: {message}");
        let own = json(&good.replace(from, to));
        assert!(Manifest::decode(&named(0, 100, Some(1), 2), own.as_bytes()).is_ok(), "it does not count: {to}");
    }
}

#[test]
fn json_is_written_as_pythons_json_dumps_writes_it() {
    let rows = [row("a\"\\/\u{8}\u{c}\n\r\t\u{1}\u{7f}", 1, 0, 1), row("é😀", 2, 1, 2)];
    let json = of_rows(&rows, 3, Vec::new()).unwrap().encode();
    assert!(json.starts_with(&format!(
        r#"{{"journal_id": "{}", "from_date": "{}", "to_date": "{}", "size": 3, "events": [{{"event_id": "a\"\\/\b\f\n\r\t\u0001\u007f", "timestamp": "{}", "offset": 0, "size": 1}}, {{"event_id": "\u00e9\ud83d\ude00", "#,
        id(), at(1), at(2), at(1)
    )), "{json}");
    assert!(json.ends_with(
        r#", "revisions": [null, null], "updated": [null, null], "births": [null, null], "from": [null, null], "replaces": []}"#
    ));
}

#[test]
fn a_manifest_without_rows_names_its_journals_range() {
    let json = of_rows(&[], 0, Vec::new()).unwrap().encode();
    assert!(json.contains(&format!(
        r#""from_date": "{}", "to_date": "{}", "size": 0, "events": [], "#,
        at(0),
        at(100)
    )));
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let refused = |rows: &[Row], size, replaces| match of_rows(rows, size, replaces) {
        Err(Error::Argument(message)) => message,
        other => panic!("not refused: {other:?}"),
    };
    assert!(refused(&[row("a", 1, 5, 6)], 10, Vec::new()).contains("not within the blob's 10"));
    assert!(refused(&[row("a", 1, u64::MAX, 1)], 10, Vec::new()).contains("not within"));
    assert!(refused(&[], u64::MAX, Vec::new()).contains("too large"));
    assert!(refused(&[], 0, vec!["x".to_owned()]).contains("shape"));
    let stray = Row { came_from: Some(id()), ..row("a", 1, 0, 1) };
    assert!(refused(&[stray], 1, Vec::new()).contains("not among those replaced"));
}

#[test]
fn an_id_is_found_at_its_last_row() {
    let rows = [row("a", 1, 0, 1), row("b", 2, 0, 1), row("a", 3, 0, 1), row("", 4, 0, 1)];
    let manifest = of_rows(&rows, 1, Vec::new()).unwrap();
    assert_eq!(["a", "b", "", "c"].map(|id| manifest.find(id)), [Some(2), Some(1), Some(3), None]);
    assert_eq!(of_rows(&[], 0, Vec::new()).unwrap().find("a"), None);
}

#[test]
fn both_rows_of_one_place_are_kept() {
    let manifest = of_rows(&[row("a", 1, 3, 1), row("a", 1, 2, 1)], 9, Vec::new()).unwrap();
    assert_eq!((manifest.offset(0), manifest.offset(1)), (3, 2));
    assert!(manifest.has_duplicates() && manifest.is_ordered());
}

fn random(dice: &mut Dice) -> Manifest {
    let replaces: Vec<String> = (0..dice.roll(3)).map(|number| named(0, 1, Some(2), number)).collect();
    let rows: Vec<Row> = (0..dice.roll(8))
        .map(|_| {
            let id = ["a", "ab", "é", "\n\"\\", "😀", "", "\u{7f}/"][dice.roll(7) as usize];
            let came_from = dice.perhaps(3).and_then(|index| replaces.get(index as usize).cloned());
            let facts = RowFacts {
                revision: dice.perhaps(4).and_then(Revision::new),
                birth: dice.perhaps(4).and_then(Revision::new),
                updated: dice.perhaps(9).map(|seconds| at(seconds as i64)),
                ..RowFacts::new(at(dice.roll(5) as i64), dice.roll(50), dice.roll(50))
            };
            Row { event_id: id.to_owned(), facts, came_from }
        })
        .collect();
    of_rows(&rows, 100, replaces).unwrap()
}

#[test]
fn what_is_encoded_is_decoded_the_same() {
    let mut dice = Dice::new(1);
    for _ in 0..2_000 {
        let manifest = random(&mut dice);
        let again = Manifest::decode(&id(), manifest.encode().as_bytes()).unwrap();
        assert_eq!(all_rows(&again), all_rows(&manifest));
        assert_eq!((again.size(), again.replaces(), again.is_ours()), (100, manifest.replaces(), true));
        assert!(ids(&again).iter().all(|id| again.find(id).is_some()));
        assert!(serde_json::from_str::<serde_json::Value>(&manifest.encode()).is_ok());
    }
}

#[test]
fn bytes_that_were_changed_anywhere_give_a_manifest_or_an_error() {
    let mut dice = Dice::new(2);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..30_000 {
        let mut body = random(&mut dice).encode().into_bytes();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(body.len().max(1) as u64) as usize;
            if body.is_empty() {
                break;
            }
            match dice.roll(4) {
                0 => body[at] = b"\"\\{}[],:0-9e.nu\xff\x00 "[dice.roll(18) as usize],
                1 => drop(body.remove(at)),
                2 => body.insert(at, b"[{\"}],"[dice.roll(6) as usize]),
                _ => body.truncate(at.max(1)),
            }
        }
        match Manifest::decode(&id(), &body) {
            Ok(manifest) => {
                good += 1;
                assert!(Manifest::decode(&id(), manifest.encode().as_bytes()).is_ok());
            }
            Err(error) => {
                bad += 1;
                assert!(error.to_string().contains(&id()), "{error}");
            }
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}: both must have come up");
}
#[test]
fn the_written_form_and_any_other_are_read_the_same() {
    let mut dice = Dice::new(3);
    let mut plain = 0;
    for _ in 0..20_000 {
        let mut body = random(&mut dice).encode().into_bytes();
        if dice.roll(4) > 0 {
            let at = dice.roll(body.len() as u64) as usize;
            body[at] = b"\"\\{}[],:0-9e.nuTZ\xff "[dice.roll(19) as usize];
        }
        // With a blank before it, it is the parser's to read.
        let other = [b" ", body.as_slice()].concat();
        match (Manifest::decode(&id(), &body), Manifest::decode(&id(), &other)) {
            (Ok(one), Ok(other)) => {
                plain += 1;
                assert_eq!(all_rows(&one), all_rows(&other));
                assert_eq!(
                    (one.size(), one.replaces(), one.is_ours()),
                    (other.size(), other.replaces(), other.is_ours())
                );
            }
            (Err(_), Err(_)) => {}
            (one, other) => panic!("{one:?}\n{other:?}\n{}", String::from_utf8_lossy(&body)),
        }
    }
    assert!(plain > 5_000, "{plain}");
}

#[test]
fn a_large_manifest_is_written_in_small_pieces() {
    let rows: Vec<Row> = (0..3_000).map(|number| row(&format!("event {number:04}"), number, 7, 3)).collect();
    let manifest = of_rows(&rows, 10, Vec::new()).unwrap();
    let mut pieces: Vec<String> = Vec::new();
    manifest.encode_to(|piece| pieces.push(piece.to_owned()));
    assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() < 32 * 1024));
    let again = Manifest::decode(&id(), pieces.concat().as_bytes()).unwrap();
    assert_eq!((0..again.len()).filter_map(|number| again.row(number)).collect::<Vec<_>>(), rows);
}

/// A manifest of so many rows, ten of each second.
fn large(rows: usize, replaces: Vec<String>) -> Manifest {
    let rows: Vec<Row> = (0..rows).map(|number| row(&format!("event {number:05}"), number as i64 / 10, 7, 3)).collect();
    let name = named(0, rows.len() as i64, Some(200), 1);
    let rows: Vec<&Row> = rows.iter().collect();
    Manifest::of_rows(&name, &rows, 10, Arc::new(replaces.iter().collect())).unwrap()
}

/// The table of its sections, and where it begins.
fn table(json: &str) -> (serde_json::Value, usize) {
    let at = json.rfind(", \"sections\": ").unwrap();
    (serde_json::from_str(&json[at + ", \"sections\": ".len()..json.len() - 1]).unwrap(), at)
}

#[test]
fn the_table_says_where_the_rows_of_each_section_stand() {
    let in_section = 256;
    for rows in [2_048, 2_049, 3_000] {
        let replaces = vec![named(0, 1, None, 7), named(0, 1, Some(3), 8)];
        let manifest = large(rows, replaces.clone());
        let json = manifest.encode();
        let (table, end) = table(&json);
        let number = |name: &str, index: usize| table[name][index].as_u64().unwrap() as usize;
        let sum = |bytes: &str| format!("{:08x}", crc32fast::hash(bytes.as_bytes()));
        assert_eq!((table["journal_id"].as_str(), table["size"].as_u64()), (Some(manifest.journal_id()), Some(10)));
        let (fields, _) = json[end + ", \"sections\": ".len()..].split_once(", \"sum\": ").unwrap();
        assert_eq!(table["sum"], sum(fields));
        let sections = rows.div_ceil(in_section);
        assert_eq!(table["first"].as_array().unwrap().len(), sections);
        assert_eq!(table["at"].as_array().unwrap().len(), sections + 1);
        let replaced = &json[number("replaces", 0)..end];
        assert_eq!(table["replaces"][1], sum(replaced));
        for section in 0..sections {
            let first = section * in_section;
            let text = &json[number("at", section)..number("at", section + 1)];
            assert_eq!(table["sums"][section], sum(text));
            assert_eq!(table["first"][section], manifest.timestamp(first).to_string());
            let text = text.strip_suffix(", ").unwrap_or(text);
            let part = Manifest::decode_part(manifest.journal_id(), 10, text.as_bytes(), replaced.as_bytes()).unwrap();
            assert_eq!(part.len(), in_section.min(rows - first));
            assert!((0..part.len()).all(|row| part.place(row) == manifest.place(first + row)));
            assert_eq!(part.replaces().iter().collect::<Vec<_>>(), replaces);
            assert!(part.is_ours() && part.is_ordered());
        }
    }
}

#[test]
fn there_are_no_more_sections_than_a_table_has_room_for() {
    for (rows, in_section) in [(262_144, 256), (262_145, 512), (524_289, 1_024), (10_000_000, 16_384)] {
        assert_eq!(Sections::of(rows).rows, in_section);
    }
}

#[test]
fn a_manifest_has_no_table_where_a_section_would_not_tell_all_of_a_range() {
    let has_table = |manifest: &Manifest| manifest.encode().contains("\"sections\"");
    assert!(has_table(&large(2_048, Vec::new())) && !has_table(&large(2_047, Vec::new())));
    let rows: Vec<Row> = (0..3_000).map(|number| row(&format!("{number:05}"), number, 7, 3)).collect();
    assert!(!has_table(&of_rows(&rows, 10, Vec::new()).unwrap()), "rows out of the range that its name says");
    let rows: Vec<Row> = (0..3_000).map(|number| row(&format!("{:05}", number / 2), number / 100, 7, 3)).collect();
    assert!(!has_table(&of_rows(&rows, 10, Vec::new()).unwrap()), "rows of one place");
    let json = large(3_000, Vec::new()).encode();
    let without_ours = json.split(", \"revisions\"").next().unwrap().to_owned() + "}";
    let name = named(0, 3_000, Some(200), 1);
    assert!(!has_table(&Manifest::decode(&name, without_ours.as_bytes()).unwrap()), "0.4.3's");
}

#[test]
fn a_manifest_with_a_table_is_read_as_without() {
    let manifest = large(3_000, vec![named(0, 1, None, 7)]);
    let json = manifest.encode();
    let (_, end) = table(&json);
    for body in [json.clone(), format!(" {json}"), json[..end].to_owned() + "}"] {
        let read = Manifest::decode(manifest.journal_id(), body.as_bytes()).unwrap();
        assert_eq!(all_rows(&read), all_rows(&manifest));
        assert_eq!((read.replaces(), read.is_ours()), (manifest.replaces(), true));
        assert_eq!(read.encode(), json);
    }
    let (before, after) = json.split_at(end + ", \"sections\": ".len());
    let broken = Manifest::decode(manifest.journal_id(), format!("{before}!{after}").as_bytes());
    assert!(message(broken).contains("it is not JSON"));
}
