"""An `Expression` is what the Python package `jmespath` says, and is refused where that could never say anything."""

import json
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import jmespath
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature

from flashflood import Expression

EXPRESSIONS = [
    *(
        "@",
        "a",
        "a.b",
        '"a"."b"',
        "a[0]",
        "a[-1].b",
        "a[1:]",
        "a[::-1]",
        "a[0:0]",
        "a[]",
        "*",
        "*.b",
        "a.*",
        "a[*].b",
        "@[*]",
    ),
    *("a > `0`", "a >= b", "a < 'm'", "a == b", "a != `null`", "a == `1`", "a == `true`", "a == `0`", "@ == `null`"),
    *("!a", "!(a && b)", "a || b", "a && b", "a | b", "[a, b]", "{x: a, y: b}", "a[?b]", "a[?b > `0`].b", "[?@ > `1`]"),
    *(
        "length(a)",
        "length(@)",
        "contains(a, b)",
        "contains(@, 'a')",
        "starts_with(a, 'a')",
        "ends_with(a, b)",
        "abs(a)",
    ),
    *(
        "ceil(a)",
        "floor(a)",
        "avg(@)",
        "sum(a)",
        "max(a)",
        "min(@)",
        "sort(a)",
        "sort_by(@, &a)",
        "max_by(a, &b)",
        "keys(@)",
    ),
    *(
        "min_by(@, &@)",
        "values(a)",
        "map(&a, @)",
        "join('', a)",
        "merge(@, a)",
        "not_null(a, b)",
        "reverse(a)",
        "type(a)",
    ),
    *(
        "to_array(a)[0]",
        "to_string(a)",
        "to_number(a)",
        "to_number(a) > `0`",
        "type(a) == 'number'",
        "&a",
        "`[]`",
        "``",
        "''",
    ),
]
NESTABLE_CALLS = [
    f"{name}({', '.join('&{}' if argument['types'] == ['expref'] else '{}' for argument in function['signature'])})"
    for name, function in Functions.FUNCTION_TABLE.items()
]
NESTABLE = [
    *NESTABLE_CALLS,
    "{} == {}",
    "{} < {}",
    "{} || {}",
    "{} && {}",
    "{} | {}",
    "({})",
    "!{}",
    "a[?{}].{}",
    "[{}, {}]",
    "({})[?{}]",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([0, 1, "", "a", "1", "1e999", "9" * 5000, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", ""]), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def nested_expressions(draw: st.DrawFn, levels: int = 3) -> str:
    """Draw an expression in which any function and operator may stand inside any other."""
    if levels == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["a", "b", "@", "a.b", "a[0]", "`1`", "'a'", '`[1, "a"]`']))
    pattern = draw(st.sampled_from(NESTABLE))
    return pattern.format(*[draw(nested_expressions(levels - 1)) for _ in range(pattern.count("{}"))])


def jmespath_keeps(expression: str, data: bytes) -> bool:
    """Say whether `[?expression]` keeps the data's document (in an array: a bare null, kept, would not be shown)."""
    try:
        kept: list[object] = jmespath.search(f"[?{expression}].to_array(@)", [json.loads(data)])
    except (ValueError, TypeError, ArithmeticError):
        return False
    return kept != []


@given(
    st.sampled_from(EXPRESSIONS) | nested_expressions(),
    JSON,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-be"]),
)
@example("a", {"a": 0}, "utf-8")
@example("@ == `null`", None, "utf-8")
@example("a > `0`", {"a": "text"}, "utf-8")
@example("ceil(a)", {"a": float("inf")}, "utf-8")
@example("floor(a)", {"a": float("nan")}, "utf-8")
@example("avg(@)", [10**400, 1], "utf-8")
@example("contains(@, `1`)", "text", "utf-8")
@example("to_number(a)", {"a": "9" * 5000}, "utf-8")
@example("sort_by(@, &a)", [{"a": 1}, {"a": "1"}], "utf-8")
@example("``", {"a": 1}, "utf-8")
@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")  # of jmespath, for ``
def test_an_event_is_kept_when_jmespath_keeps_it_and_only_then(
    expression: str, document: object, encoding: str
) -> None:
    try:
        compiled = Expression(expression)
    except ValueError:
        with pytest.raises(JMESPathError):
            jmespath.compile(expression)
        return
    data = json.dumps(document).encode(encoding)
    assert compiled.matches(data) is jmespath_keeps(expression, data)


@pytest.mark.parametrize("false", ["null", "false", '""', "[]", "{}"])
def test_null_false_and_what_is_empty_are_false(false: str) -> None:
    assert not Expression("a").matches(f'{{"a": {false}}}'.encode())
    assert Expression("!a").matches(f'{{"a": {false}}}'.encode())


@pytest.mark.parametrize("true", ["0", "0.0", "-0.0", "true", '"0"', "[null]", '{"": null}', "NaN"])
def test_zero_and_all_else_is_true(true: str) -> None:
    assert Expression("a").matches(f'{{"a": {true}}}'.encode())


@pytest.mark.parametrize(
    "data", [b"", b"text", b"{", b'{"a": 1} x', b"\xff\xfe\x00", b'"\xff"', b"\x80\x04K\x01.", b"9" * 5000]
)
def test_data_that_are_not_json_do_not_match(data: bytes) -> None:
    assert not Expression("`true`").matches(data)


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("a != a", b'{"a": NaN}'),
        ("a > `1e308`", b'{"a": Infinity}'),
        ("a == `100000000000000000000000000000000000001`", b'{"a": 100000000000000000000000000000000000001}'),
        ("a == `2`", b'{"a": 1, "a": 2}'),
        ("a == '\N{GREEK SMALL LETTER ALPHA}'", '{"a": "\N{GREEK SMALL LETTER ALPHA}"}'.encode("utf-16")),
        ("a", b'\xef\xbb\xbf{"a": 1}'),
        ("length(a) == `1`", b'{"a": "\\ud800"}'),
    ],
)
def test_json_is_what_json_loads_accepts_with_the_value_it_gives(expression: str, data: bytes) -> None:
    assert Expression(expression).matches(data)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]"), ('["\\"[",', "]")],
    ids=["array", "object", "both", "beside text"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_data_nested_deeper_than_500_are_not_json(opening: str, closing: str, encoding: str) -> None:
    levels_each = opening.count("[", 0, 1) + opening.count("{")
    times = 500 // levels_each
    kept = (opening * times + "1" + closing * times).encode(encoding)
    dropped = b"".join(
        part.encode(encoding.replace("16", "16-le")) for part in ("[", opening * times, "1", closing * times, "]")
    )
    assert Expression("`true`").matches(kept)
    assert not Expression("`true`").matches(dropped)


def test_only_nested_brackets_count_and_none_inside_strings() -> None:
    assert Expression("length(@) == `9000`").matches(json.dumps([{}, [], "[" * 600] * 3000).encode())
    assert Expression("@ == 'x'").matches(b'"x"')
    assert Expression("length(a) > `600`").matches(b'{"a": "' + rb"\"{" * 600 + b'"}')


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 10_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'"' + b'\\"' * 1_000_000 + b"[" * 600,
        b"]" * 600 + b"[" * 600,
    ],
)
def test_no_nesting_or_quoting_stops_a_replay(data: bytes) -> None:
    assert not Expression("`true`").matches(data)


def test_what_is_kept_does_not_depend_on_the_depth_of_the_callers_stack() -> None:
    data = b"[" * 500 + b"]" * 500

    def deep_in_the_stack(levels: int) -> bool:
        return deep_in_the_stack(levels - 1) if levels else Expression("@ == @").matches(data)

    assert deep_in_the_stack(500)


def test_an_expression_of_400_levels_is_evaluated_and_a_deeper_one_refused() -> None:
    alternatives = [f"a == '{number}'" for number in range(400)]
    deepest = Expression(" || ".join(alternatives[:399]))
    assert deepest.matches(b'{"a": "398"}')
    assert not deepest.matches(b'{"a": "399"}')
    with pytest.raises(ValueError, match="deeper than 400 levels"):
        Expression(" || ".join(alternatives))


@pytest.mark.parametrize(
    ("expression", "reason", "caret_under"),
    [
        ("", "it is empty", 0),
        ("  ", "it ends too early", 2),
        ("foo >", "it ends too early", 5),
        ("foo ?", "Unknown token", 4),
        ("foo = `1`", "Unknown token", 4),
        ("foo]", "Unexpected token", 3),
        ("foo] | [?bar", "Unexpected token", 3),
        ("a.`1`", "Expecting", 2),
        ("a['b", "Unclosed", 2),
        ('a == `"`', "Bad token", 5),
        ('"a"(@)', "Quoted identifier", 0),
        ('a || "length"(@)', "Quoted identifier", 5),
        ("(a.b)(c)", "Invalid function name", 4),
        ("a[" + "9" * 5000 + "]", "4300 digits", 2),
        ("foo.lenght(@)", "there is no function lenght()", 4),
        ("`false` && map(&(a || no_such(@)), @)", "there is no function no_such()", 22),
        ("a[?no_such(@)].b", "there is no function no_such()", 3),
        ("(no_such)(a)", "there is no function no_such()", 1),
        ("length(a) > length(a, b)", "length() takes 1 argument, not 2", 12),
        ("a[?length(@) && length()].length(@)", "length() takes 1 argument, not 0", 16),
        ("starts_with(a)", "starts_with() takes 2 arguments, not 1", 0),
        ("merge()", "merge() takes at least 1 argument, not 0", 0),
        ("a[::0]", "steps of 0", 4),
        ("a[0:0] && b[1:2:-0]", "steps of 0", 16),
        ("!" * 450 + "a", "nests deeper than 400 levels", 0),
        ("(" * 100_000, "it nests too deeply", 0),
        ("a\n || b(@) ||\nc", "there is no function b()", 6),
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_refused_with_its_place(
    expression: str, reason: str, caret_under: int
) -> None:
    with pytest.raises(ValueError, match="JMESPath expression") as refusal:
        Expression(expression)
    first, shown = str(refusal.value).split("\n", 1)
    assert reason in first
    caret = shown.index("^")
    caret_line_start = shown.rfind("\n", 0, caret)
    above_start = shown.rfind("\n", 0, caret_line_start) + 1
    assert above_start + (caret - caret_line_start - 1) == caret_under
    assert shown[:caret_line_start] + shown[caret + 1 :] == expression


@given(
    st.lists(st.sampled_from([*"ab@()[]{}&|!<=>.,:*01 ", "[?", '"a"', "`1`", "length", "merge"]), max_size=12).map(
        "".join
    )
)
def test_what_is_refused_would_fail_in_jmespath_too_and_always_as_a_value_error(expression: str) -> None:
    try:
        Expression(expression)
    except ValueError as refusal:
        reasons = ("there is no function", "() takes", "steps of 0")
        if not any(reason in str(refusal) for reason in reasons):
            with pytest.raises(JMESPathError):
                jmespath.compile(expression)


@pytest.mark.parametrize("expression", [None, 3, b"a", ["a"]])
def test_an_expression_that_is_not_a_string_is_a_type_error(expression: object) -> None:
    with pytest.raises(TypeError, match=r"\(str\)"):
        Expression(expression)  # type: ignore[arg-type]


def test_one_filter_and_the_making_of_many_work_from_many_threads_at_once() -> None:
    shared = Expression("a[?b > `1`].b | sort(@) | [0] == `2`")
    together = threading.Barrier(8)

    def work(thread: int) -> list[bool]:
        together.wait()
        fresh = [Expression(f"a == `{thread * 1000 + number}`") for number in range(200)]
        return [
            one.matches(json.dumps({"a": thread * 1000 + number}).encode())
            and shared.matches(b'{"a": [{"b": 3}, {"b": 1}, {"b": 2}]}')
            for number, one in enumerate(fresh)
        ]

    with ThreadPoolExecutor(8) as threads:
        assert all(all(answers) for answers in threads.map(work, range(8)))


class Parity(Functions):  # type: ignore[misc]  # jmespath has no types
    @signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_is_odd(self, number: int) -> bool:
        return number % 2 == 1

    @signature()  # type: ignore[untyped-decorator]
    def _func_nothing(self) -> object:
        return object()


OWN = jmespath.Options(custom_functions=Parity())


def test_a_compiled_expression_and_an_expression_are_taken_as_they_are() -> None:
    for taken in (jmespath.compile("a > `1`"), Expression("a > `1`")):
        assert Expression(taken).expression == "a > `1`"
        assert Expression(taken).matches(b'{"a": 2}')


def test_a_compiled_expression_that_cannot_be_evaluated_is_refused_too() -> None:
    with pytest.raises(ValueError, match="there is no function no_such"):
        Expression(jmespath.compile("no_such(a)"))


def test_functions_of_the_users_own_are_called_and_checked_as_jmespaths_are() -> None:
    odd = Expression("is_odd(a)", OWN)
    assert [odd.matches(data) for data in (b'{"a": 3}', b'{"a": 2}', b'{"a": "3"}')] == [True, False, False]
    assert Expression(odd).matches(b'{"a": 3}')
    assert odd.search({"a": 3}) is True
    with pytest.raises(ValueError, match="there is no function is_odd"):
        Expression("is_odd(a)")
    with pytest.raises(ValueError, match=r"is_odd\(\) takes 1 argument, not 2"):
        Expression("is_odd(a, b)", OWN)
    with pytest.raises(ValueError, match=r"nothing\(\) takes 0 arguments, not 1"):
        Expression("nothing(a)", OWN)


@pytest.mark.parametrize(
    ("expression", "options", "reason"),
    [
        ("is_odd(a)", OWN, "functions of your own"),
        ("length(a)", OWN, "functions of your own"),
        ("{b: a}", jmespath.Options(dict_cls=OrderedDict), "dict_cls"),
        ("not_null(&a, b)", None, "not_null"),
        ("length([&a])", None, "expref"),
        ("sort_by(a, b)", None, "sort_by"),
        (f"a > `{10**40}`", None, "128 bits"),
        (f"a == `{'[' * 501 + ']' * 501}`", None, "deep"),
    ],
)
def test_what_only_python_can_evaluate_is_said_once_in_the_log(
    expression: str, options: jmespath.Options | None, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flashflood")
    made = Expression(expression, options)
    for _ in range(2):
        made.matches(b'{"a": 1}')
    assert made.core is None
    (record,) = caplog.records
    assert expression in record.getMessage()
    assert reason in record.getMessage()


@pytest.mark.parametrize(
    ("expression", "options"),
    [("a == `1`", OWN), ("{b: a}", OWN), ("length(a)", jmespath.Options(dict_cls=OrderedDict)), ("{b: a}", None)],
)
def test_what_options_do_not_touch_is_evaluated_by_the_core(
    expression: str, options: jmespath.Options | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "flashflood")
    assert Expression(expression, options).core is not None
    assert caplog.records == []


@pytest.mark.parametrize(
    ("expression", "data", "selected"),
    [
        ("{n: length(a), first: a[0]}", b'{"a": ["\xc3\xa9"]}', rb'{"n":1,"first":"\u00e9"}'),
        ("a", b'{"a": [1e16, 0.1, -0.0, NaN, 1]}', b"[1e+16,0.1,-0.0,NaN,1]"),
        ("a", b'{"b": 1}', b"null"),
        ("length(a)", b'{"a": 1}', b"null"),
        ("a", b'{"a": 1', b"null"),
        ("sum(a)", b'{"a": [%s, 1]}' % (b"9" * 4300), b"null"),
    ],
)
def test_select_gives_the_value_as_json_and_null_where_there_is_none(
    expression: str, data: bytes, selected: bytes
) -> None:
    assert Expression(expression).select(data) == selected


def test_a_function_that_gives_what_json_does_not_have_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Expression("nothing()", OWN).select(b"1")


@pytest.mark.parametrize(
    ("expression", "caret_under"),
    [
        ("&a", 0),
        ("a || [b, &c]", 9),
        ("{x: not_null(a, &b)}", 16),
        ("sort_by(a, &b) | [0] | to_array(&@)", 32),
        ("map(&(&a), b)", 6),
        ("sort_by([&b], &a)", 9),
        ("a[?b].[&c]", 7),
    ],
)
def test_an_expression_whose_value_json_cannot_hold_is_refused_with_its_place(
    expression: str, caret_under: int
) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON") as refusal:
        Expression(expression).check_gives_json()
    assert str(refusal.value).split("\n", 1)[1] == f"{expression}\n{' ' * caret_under}^"


@pytest.mark.parametrize(
    "expression",
    [
        "a",
        "sort_by(a, &b)",
        "map(&a, b)",
        "type(&a)",
        "(&a) == (&b)",
        "a[?&b].c",
        "!(&a)",
        "max_by(a, &not_null(&b, c))",
    ],
)
def test_an_expression_whose_value_json_can_hold_gives_json(expression: str) -> None:
    Expression(expression).check_gives_json()
    json.loads(Expression(expression).select(b'{"a": [{"b": 2}, {"b": 1}], "b": []}'))
