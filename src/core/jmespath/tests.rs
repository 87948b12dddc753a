//! What expressions are on data. That this is what Python's `jmespath` gives, the tests in Python say at length.

use super::signature::Summing;
use super::tree::{Argument, Comparator, Literal, Slice, Tree};
use super::{Expression, Outcome, Scratch, scan, strings};

fn field(name: &str) -> Tree {
    Tree::Field(name.as_bytes().into())
}

fn text(text: &str) -> Tree {
    Tree::Literal(Literal::Text(text.as_bytes().into()))
}

fn int(number: i128) -> Tree {
    Tree::Literal(Literal::Int(number))
}

fn json(json: &str) -> Tree {
    Tree::Literal(Literal::Json(scan::Scanned::new(json.as_bytes().into()).expect("JSON")))
}

fn steps<const COUNT: usize>(trees: [Tree; COUNT]) -> Tree {
    Tree::Steps(Box::new(trees))
}

fn compare(left: Tree, comparator: Comparator, right: Tree) -> Tree {
    Tree::Compare(comparator, Box::new([left, right]))
}

fn call<const COUNT: usize>(name: &str, arguments: [Tree; COUNT]) -> Tree {
    Tree::call(name, arguments.into_iter().map(Argument::Value).collect(), Summing::Plain).expect("a function")
}

fn by_key(name: &str, array: Tree, key: Tree) -> Tree {
    Tree::call(name, vec![Argument::Value(array), Argument::Reference(key)], Summing::Plain).expect("a function")
}

fn filtered(base: Tree, condition: Tree) -> Tree {
    Tree::FilterProjection(Box::new([base, Tree::Current, condition]))
}

fn matches(tree: Tree, data: &[u8]) -> Outcome<bool> {
    Expression::new(tree).matches(data, &mut Scratch::default())
}

/// The expression's value on the data as JSON.
fn select(tree: Tree, data: &[u8]) -> Outcome<String> {
    let mut out = b"before".to_vec();
    let outcome = Expression::new(tree).select(data, &mut Scratch::default(), &mut out);
    let written = String::from_utf8(out.split_off(6)).expect("ASCII");
    match outcome {
        Outcome::Value(()) => Outcome::Value(written),
        Outcome::NotJson => Outcome::NotJson,
        Outcome::Failed => Outcome::Failed,
        Outcome::Undecided => Outcome::Undecided,
    }
}

fn value(json: &str) -> Outcome<String> {
    Outcome::Value(json.to_owned())
}

#[test]
fn json_is_written_anew_as_python_does() {
    for (data, written) in [
        (
            r#" { "a" : [ 1 , -0 , 2.50 , 1E5 , true , false , null ] , "b" : { } } "#,
            r#"{"a":[1,0,2.5,100000.0,true,false,null],"b":{}}"#,
        ),
        ("[]", "[]"),
        ("\t\r\n7\n", "7"),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#),
        ("[NaN,Infinity,-Infinity,1e400,-1e400]", "[NaN,Infinity,-Infinity,Infinity,-Infinity]"),
        (r#""\"\\\/\b\f\n\r\t\u00E9\u001f""#, r#""\"\\/\b\f\n\r\t\u00e9\u001f""#),
        (r#""\ud83d\ude00 \ud83d \ude00""#, r#""\ud83d\ude00 \ud83d \ude00""#),
        ("\"é😀\u{7f}\"", r#""\u00e9\ud83d\ude00\u007f""#),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        (
            "[1e16,123456789012345.6,0.0001,0.00001,-0.0,5e-324,1.5e-7,1e100]",
            "[1e+16,123456789012345.6,0.0001,1e-05,-0.0,5e-324,1.5e-07,1e+100]",
        ),
    ] {
        assert_eq!(select(Tree::Current, data.as_bytes()), value(written), "{data}");
    }
}

#[test]
fn what_json_loads_refuses_is_not_json() {
    let texts: [&[u8]; 33] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"[",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1}",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{\"a\":1]",
        b"{a:1}",
        b"{1:2}",
        b"1 1",
        b"01",
        b"-",
        b"1.",
        b".5",
        b"1e",
        b"1e+",
        b"+1",
        b"nul",
        b"nan",
        b"\"",
        b"\"\\x\"",
        b"\"\\u12g4\"",
        b"\"\t\"",
        b"\"\xff\"",
        b"-NaN",
    ];
    for text in texts {
        assert_eq!(matches(Tree::Literal(Literal::Bool(true)), text), Outcome::NotJson, "{}", text.escape_ascii());
    }
}

#[test]
fn surrogates_may_stand_alone_as_bytes_and_as_escapes() {
    for data in [b"\"\xed\xa0\xbd\xed\xb8\x80\"".as_slice(), br#""\ud83d""#] {
        assert!(matches!(select(Tree::Current, data), Outcome::Value(_)));
    }
    assert_eq!(select(call("length", [Tree::Current]), b"\"\xed\xa0\xbd\xed\xb8\x80\""), value("2"));
    assert_eq!(select(call("length", [Tree::Current]), br#""\ud83d\ude00""#), value("1"));
}

#[test]
fn other_encodings_and_integers_of_any_length_are_left_to_python() {
    for data in [b"\xef\xbb\xbf1".as_slice(), b"\xff\xfe1\0", b"\0\x001", b"1\0", "9".repeat(641).as_bytes()] {
        assert_eq!(matches(Tree::Literal(Literal::Bool(true)), data), Outcome::Undecided);
    }
    let data = b"{\"a\": 170141183460469231731687303715884105728, \"b\": 1}";
    assert_eq!(select(field("a"), data), Outcome::Undecided);
    assert_eq!(select(field("b"), data), value("1"));
}

#[test]
fn data_that_nest_deeper_than_500_levels_are_not_json() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(matches(Tree::Current, nested(500).as_bytes()), Outcome::Value(true));
    assert_eq!(matches(Tree::Current, nested(501).as_bytes()), Outcome::NotJson);
    let flat = format!("[{}1]", "[],{},".repeat(1000));
    assert_eq!(matches(Tree::Current, flat.as_bytes()), Outcome::Value(true));
}

#[test]
fn what_might_not_fit_on_pythons_stack_is_left_to_python() {
    let deep = |levels: usize| (0..levels).fold(field("a"), |tree, _| Tree::Not(Box::new(tree)));
    assert_eq!(matches(deep(398), b"{}"), Outcome::Value(false));
    let nested = format!("{}{}", "[".repeat(400), "]".repeat(400));
    assert_eq!(matches(deep(398), nested.as_bytes()), Outcome::Undecided);
    let wrapped = |times: usize| Tree::Steps((0..times).map(|_| Tree::List([Tree::Current].into())).collect());
    assert_eq!(matches(wrapped(800), b"1"), Outcome::Value(true));
    assert_eq!(matches(wrapped(100_000), b"1"), Outcome::Undecided);
}

#[test]
fn fields_indices_and_slices_find_what_is_there() {
    let data = br#"{"a": {"b": [1, {"c": 2}, 3]}, "\u00e9": 4, "a b": null}"#;
    let b = || steps([field("a"), field("b")]);
    for (tree, written) in [
        (field("é"), "4"),
        (field("none"), "null"),
        (steps([field("none"), field("b")]), "null"),
        (steps([b(), Tree::Index(0)]), "1"),
        (steps([b(), Tree::Index(-1)]), "3"),
        (steps([b(), Tree::Index(3)]), "null"),
        (steps([b(), Tree::Index(-4)]), "null"),
        (steps([b(), Tree::Index(i64::MIN)]), "null"),
        (steps([b(), Tree::Index(1), field("c")]), "2"),
        (steps([field("a"), Tree::Index(0)]), "null"),
        (steps([b(), Tree::Slice(Slice { start: Some(1), stop: None, step: None })]), r#"[{"c":2},3]"#),
        (steps([b(), Tree::Slice(Slice { start: None, stop: None, step: Some(-2) })]), "[3,1]"),
        (steps([b(), Tree::Slice(Slice { start: Some(i64::MIN), stop: Some(i64::MAX), step: Some(i64::MAX) })]), "[1]"),
        (steps([field("a"), Tree::Slice(Slice { start: None, stop: None, step: None })]), "null"),
    ] {
        let shown = format!("{tree:?}");
        assert_eq!(select(tree, data), value(written), "{shown}");
    }
    let no_step = Slice { start: None, stop: None, step: Some(0) };
    assert_eq!(select(steps([b(), Tree::Slice(no_step)]), data), Outcome::Failed);
}

#[test]
fn projections_drop_nulls_and_take_only_what_they_project() {
    let data = br#"{"a": [{"b": 1}, {"c": 2}, {"b": null}, [{"b": 3}], {"b": 4}], "o": {"x": {"b": 5}, "y": 6}}"#;
    let both = |base, right| Box::new([base, right]);
    for (tree, written) in [
        (Tree::Projection(both(field("a"), field("b"))), "[1,4]"),
        (Tree::Projection(both(Tree::Flatten(Box::new(field("a"))), field("b"))), "[1,3,4]"),
        (Tree::Projection(both(field("o"), field("b"))), "null"),
        (Tree::ValueProjection(both(field("o"), field("b"))), "[5]"),
        (Tree::ValueProjection(both(field("a"), field("b"))), "null"),
        (filtered(field("a"), compare(field("b"), Comparator::Greater, int(1))), r#"[{"b":4}]"#),
        (filtered(field("o"), field("b")), "null"),
        (Tree::List([field("none"), field("a")].map(|part| steps([part, Tree::Index(0)])).into()), r#"[null,{"b":1}]"#),
        (steps([field("none"), Tree::List([field("a")].into())]), "null"),
        (
            Tree::Object(
                [("x", int(1)), ("y", int(2)), ("x", int(3))].map(|(key, tree)| (key.as_bytes().into(), tree)).into(),
            ),
            r#"{"x":3,"y":2}"#,
        ),
    ] {
        let shown = format!("{tree:?}");
        assert_eq!(select(tree, data), value(written), "{shown}");
    }
}

#[test]
fn or_and_and_give_one_of_their_sides() {
    let data = br#"{"zero": 0, "empty": [], "a": 1}"#;
    let both = |left, right| Box::new([field(left), field(right)]);
    for (tree, written) in [
        (Tree::Or(both("empty", "a")), "1"),
        (Tree::Or(both("zero", "a")), "0"),
        (Tree::And(both("empty", "a")), "[]"),
        (Tree::And(both("zero", "a")), "1"),
        (Tree::Not(Box::new(field("zero"))), "false"),
        (Tree::Not(Box::new(field("empty"))), "true"),
    ] {
        assert_eq!(select(tree, data), value(written));
    }
}

#[test]
fn comparisons_are_exact_and_know_bools_from_numbers() {
    use Comparator::{Equal, Greater, Less, LessOrEqual, NotEqual};
    for (left, comparator, right, written) in [
        ("1", Equal, "1.0", "true"),
        ("1", Equal, "true", "false"),
        ("[1]", Equal, "[true]", "true"),
        ("NaN", Equal, "NaN", "false"),
        ("[NaN]", Equal, "[NaN]", "true"),
        (r#"{"a":1,"b":[]}"#, Equal, r#"{"b":[],"a":1.0}"#, "true"),
        (r#"{"a":1}"#, NotEqual, r#"{"a":1,"b":2}"#, "true"),
        ("9007199254740993", Equal, "9007199254740992.0", "false"),
        ("9007199254740993", Greater, "9007199254740992.0", "true"),
        ("-170141183460469231731687303715884105728", LessOrEqual, "-170141183460469231731687303715884105728.0", "true"),
        ("1", Less, "Infinity", "true"),
        ("1", Less, "NaN", "false"),
        (r#""é""#, Less, r#""\ud83d\ude00""#, "true"),
        (r#""\uffff""#, Less, r#""\ud83d\ude00""#, "true"),
        ("true", Less, "2", "null"),
        ("null", Less, "1", "null"),
    ] {
        let data = format!("[{left},{right}]");
        let tree = compare(Tree::Index(0), comparator, Tree::Index(1));
        assert_eq!(select(tree, data.as_bytes()), value(written), "{left} {comparator:?} {right}");
    }
    assert_eq!(select(compare(text("a"), Less, int(1)), b"1"), Outcome::Failed);
}

#[test]
fn functions_give_what_jmespath_defines() {
    for (name, data, written) in [
        ("abs", "-2.5", "2.5"),
        ("avg", "[1,2,4]", "2.3333333333333335"),
        ("avg", "[]", "null"),
        ("ceil", "1.1", "2"),
        ("floor", "-1.1", "-2"),
        ("keys", r#"{"b":1,"a":2,"b":3}"#, r#"["b","a"]"#),
        ("values", r#"{"b":1,"a":2,"b":3}"#, "[3,2]"),
        ("length", r#"{"b":1,"b":3}"#, "1"),
        ("length", r#""é\u00e9""#, "2"),
        ("max", "[1,1.0,true]", "Failed"),
        ("max", "[1,2,2.0]", "2"),
        ("min", r#"["b","a"]"#, r#""a""#),
        ("min", r#"["b",1]"#, "Failed"),
        ("max", "[]", "null"),
        ("reverse", r#""aé\u0062""#, r#""b\u00e9a""#),
        ("reverse", "[1,2]", "[2,1]"),
        ("sort", "[2,1.0,1,0.5]", "[0.5,1.0,1,2]"),
        ("sort", "[NaN,1]", "Undecided"),
        ("sum", "[1,2.5]", "3.5"),
        ("sum", "[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1]", "0.9999999999999999"),
        ("sum", "[Infinity,-Infinity]", "Undecided"),
        ("sum", "[true]", "Failed"),
        ("to_array", "1", "[1]"),
        ("to_array", "[1]", "[1]"),
        ("to_number", r#""-07""#, "-7"),
        ("to_number", r#""1e2""#, "100.0"),
        ("to_number", r#""x""#, "null"),
        ("to_number", r#"" 1\t""#, "1"),
        ("to_number", r#""1 1""#, "null"),
        ("to_number", r#""5 °C""#, "null"),
        ("to_number", r#""ñ""#, "null"),
        ("to_number", r#""€ 5""#, "null"),
        ("to_number", r#""你""#, "null"),
        ("to_number", r#""\u0663""#, "Undecided"),
        ("to_number", r#""1_0""#, "Undecided"),
        ("to_number", r#""\u001c1""#, "Undecided"),
        ("to_number", r#""nan""#, "Undecided"),
        ("to_string", r#"{"a":["é",1.0]}"#, r#""{\"a\":[\"\\u00e9\",1.0]}""#),
        ("type", "1.5", r#""number""#),
        ("ceil", "NaN", "Failed"),
        ("ceil", "1e300", "Undecided"),
    ] {
        let outcome = match select(call(name, [Tree::Current]), data.as_bytes()) {
            Outcome::Value(written) => written,
            other => format!("{other:?}"),
        };
        assert_eq!(outcome, written, "{name}({data})");
    }
}

#[test]
fn functions_of_several_arguments_take_each_as_jmespath_does() {
    let data = br#"{"a": ["x", "yz"], "s": "xyz", "n": [1, "1"], "o": {"p": 1, "q": 2}}"#;
    for (tree, outcome) in [
        (call("contains", [field("s"), text("yz")]), value("true")),
        (call("contains", [field("n"), Tree::Literal(Literal::Bool(true))]), value("true")),
        (call("contains", [json("[[1],[2]]"), json("[2.0]")]), value("true")),
        (call("contains", [field("s"), int(1)]), Outcome::Failed),
        (call("starts_with", [field("s"), text("xy")]), value("true")),
        (call("ends_with", [field("s"), text("xy")]), value("false")),
        (call("join", [text("-"), field("a")]), value(r#""x-yz""#)),
        (call("join", [text("-"), field("n")]), Outcome::Failed),
        (call("not_null", [field("none"), field("s")]), value(r#""xyz""#)),
        (call("merge", [field("o"), json(r#"{"r":3,"p":4}"#)]), value(r#"{"p":4,"q":2,"r":3}"#)),
        (call("merge", [field("o"), json("[]")]), value(r#"{"p":1,"q":2}"#)),
        (call("merge", [field("o"), json(r#"[["r",3]]"#)]), Outcome::Undecided),
        (call("merge", [field("o"), int(1)]), Outcome::Failed),
    ] {
        let shown = format!("{tree:?}");
        assert_eq!(select(tree, data), outcome, "{shown}");
    }
    assert!(Tree::call("length", Vec::new(), Summing::Plain).is_none());
    assert!(Tree::call("no_such", vec![Argument::Value(Tree::Current)], Summing::Plain).is_none());
    assert!(Tree::call("length", vec![Argument::Reference(Tree::Current)], Summing::Plain).is_none());
}

#[test]
fn functions_of_a_key_evaluate_it_on_each_element() {
    let data = br#"[{"k": 2, "i": 0}, {"k": 1, "i": 1}, {"k": 2.0, "i": 2}, {"k": 1, "i": 3}]"#;
    let indices = |tree| steps([tree, Tree::Projection(Box::new([Tree::Current, field("i")]))]);
    assert_eq!(select(indices(by_key("sort_by", Tree::Current, field("k"))), data), value("[1,3,0,2]"));
    assert_eq!(select(steps([by_key("max_by", Tree::Current, field("k")), field("i")]), data), value("0"));
    assert_eq!(select(steps([by_key("min_by", Tree::Current, field("k")), field("i")]), data), value("1"));
    assert_eq!(select(by_key("sort_by", Tree::Current, field("none")), data), Outcome::Failed);
    assert_eq!(select(by_key("sort_by", Tree::Current, field("k")), br#"[{"k":1},{"k":"1"}]"#), Outcome::Failed);
    assert_eq!(select(by_key("max_by", Tree::Current, field("k")), b"[]"), value("null"));
    let map = Tree::call("map", vec![Argument::Reference(field("k")), Argument::Value(Tree::Current)], Summing::Plain);
    assert_eq!(select(map.expect("map"), b"[{\"k\":1},2]"), value("[1,null]"));
}

#[test]
fn a_text_that_must_be_there_decides_without_scanning_and_never_wrongly() {
    let name = || compare(field("name"), Comparator::Equal, text("x"));
    let not_json = b"[not JSON]";
    for tree in [
        name(),
        filtered(field("files"), name()),
        Tree::And(Box::new([field("a"), name()])),
        call("contains", [steps([field("a"), field("b")]), text("x")]),
    ] {
        assert_eq!(matches(tree, not_json), Outcome::Value(false));
    }
    for tree in [
        Tree::Or(Box::new([field("a"), name()])),
        Tree::Not(Box::new(name())),
        call("contains", [text("xyz"), field("a")]),
        compare(call("to_string", [field("a")]), Comparator::Equal, text("x")),
        compare(field("a"), Comparator::NotEqual, text("x")),
        filtered(json("[{\"name\":\"x\"}]"), name()),
        compare(field("a"), Comparator::Equal, text("")),
    ] {
        let shown = format!("{tree:?}");
        assert_eq!(matches(tree, not_json), Outcome::NotJson, "{shown}");
    }
    assert_eq!(matches(name(), br#"{"name": "\u0078"}"#), Outcome::Value(true));
    assert_eq!(matches(name(), b"\xff\xfe{\0"), Outcome::Undecided);
}

#[test]
fn scratch_serves_one_event_after_the_other() {
    let expression = Expression::new(call("sort", [field("a")]));
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let large = format!("{{\"a\":[{}1]}}", "2,".repeat(100_000));
    for data in [r#"{"a":[2,1]}"#, "{", &large, r#"{"a":["\u0062","a"]}"#] {
        out.clear();
        expression.select(data.as_bytes(), &mut scratch, &mut out);
    }
    assert_eq!(out, br#"["a","b"]"#);
}

#[test]
fn strings_end_at_their_quote_wherever_it_stands() {
    for length in 0..100 {
        for special in [b'"', b'\\', b'\n', 0x1f] {
            let mut data = "é~\u{7f}x".repeat(25).into_bytes()[..length].to_vec();
            data.push(special);
            data.extend_from_slice(b"\"\\\x01 more");
            assert_eq!(strings::plain_length(&data), length);
            assert_eq!(strings::length_to_quote(&data), Some(length + usize::from(special != b'"')));
        }
        let plain = vec![b'!'; length];
        assert_eq!(strings::plain_length(&plain), length);
        assert_eq!(strings::length_to_quote(&plain), None);
    }
}

#[test]
fn floats_are_summed_as_the_version_of_python_does() {
    let compensated = |data: &str| {
        let sum = Tree::call("sum", vec![Argument::Value(Tree::Current)], Summing::Compensated).expect("sum");
        select(sum, data.as_bytes())
    };
    assert_eq!(compensated("[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1]"), value("1.0"));
    assert_eq!(compensated("[1e16,1.0,-1e16]"), value("1.0"));
    assert_eq!(compensated("[1e308,1e308]"), value("Infinity"));
    assert_eq!(compensated("[0.5,2,1]"), value("3.5"));
    assert_eq!(compensated("[1e16,1,1.0]"), Outcome::Undecided);
    assert_eq!(compensated("[0.5,100000000000000000000]"), Outcome::Undecided);
}
