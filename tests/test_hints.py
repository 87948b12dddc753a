"""A filter that compares with a name that no event has: one line of the log says how a text is written."""

import logging
from random import Random

import pytest
from support.jmespath_grammar import Expressions
from support.samples import at

from flashflood import Expression, FlashFlood
from flashflood.replay.hints import BareNames

HAS_ALL = {
    "city": "Ulm",
    "town": "Ulm",
    "n": 3,
    "empty": None,
    "tags": ["a"],
    "items": [{"city": "Ulm", "to": "Ulm", "parts": [{"kind": "x", "like": "x"}]}, 1],
    "by": {"name": {"kind": "x"}},
}


@pytest.fixture
def ff() -> FlashFlood:
    """Give a store of three events, one of them no JSON."""
    ff = FlashFlood.open("memory://")
    ff.put(HAS_ALL, "a", at(0))
    ff.put({"n": 2}, "b", at(1))
    ff.put(b"no JSON", "c", at(2))
    return ff


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    messages = [record.getMessage() for record in caplog.records if record.name == "flashflood.replay.hints"]
    assert {record.levelno for record in caplog.records} <= {logging.WARNING}
    return messages


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("city == Ulm", ["Ulm"]),
        ('city == "Ulm"', ["Ulm"]),
        ('"Ulm" == city', ["Ulm"]),
        ("citty == Ulm", ["citty", "Ulm"]),
        ("n > `1` && !(city != Ulm) || n == `7`", ["Ulm"]),
        ("contains(tags, a)", ["a"]),
        ("starts_with(city, U)", ["U"]),
        ("address.city == Ulm", ["Ulm"]),
        ('city == "St. John\\u0027s `x`"', ["St. John's `x`"]),
    ],
)
def test_a_name_that_no_event_has_is_told_after_the_replay(
    ff: FlashFlood, caplog: pytest.LogCaptureFixture, expression: str, names: list[str]
) -> None:
    list(ff.replay(filter=expression))
    assert [
        message.partition("no event of this replay has a field ")[2].partition(";")[0] for message in told(caplog)
    ] == names


IN_A_LIST = [
    ("items[?city == Ulm]", ["Ulm"]),
    ("items[?citty == Ulm]", ["citty", "Ulm"]),
    ("length(items[?city == Ulm]) > `0` && n", ["Ulm"]),
    ("items[?city == Ulm].parts[]", ["Ulm"]),
    ("items[].parts[?kind == x]", ["x"]),
    ("items[].parts[] | [?kind == x]", ["x"]),
    ("items[?parts[?kind == x]]", ["x"]),
    ("items[0:1] | [?city == Ulm]", ["Ulm"]),
    ("{found: items[?city == Ulm]}.found", ["Ulm"]),
    ("by.*[?kind == x]", []),
    ("by.* | [?kind == x]", ["x"]),
    ("items[?city == to]", []),
    ("items[?parts[?kind == like]]", []),
    ('items[?city == `"Ulm"`]', []),
    ("tags[?a == b]", []),
    ("missing[?a == b]", []),
    ("sort_by(items, &city == Ulm)", []),
]


@pytest.mark.parametrize(("expression", "names"), IN_A_LIST)
def test_a_name_that_nothing_in_a_list_has_is_told_too(
    ff: FlashFlood, caplog: pytest.LogCaptureFixture, expression: str, names: list[str]
) -> None:
    list(ff.replay(filter=expression))
    assert [
        message.partition("nothing that it compares has a field ")[2].partition(";")[0] for message in told(caplog)
    ] == names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("events[?city == Ulm]", ["Ulm"]),
        ("events[?city == Ulm] | [0]", ["Ulm"]),
        ("events[].items[?city == Ulm][]", ["Ulm"]),
        ("length(events[?n == Ulm])", ["Ulm"]),
        ("events[?city == town]", []),
        ("events[?city == 'Ulm']", []),
        ("events[?n > `1`].city", []),
    ],
)
def test_a_search_tells_it_too(
    ff: FlashFlood, caplog: pytest.LogCaptureFixture, expression: str, names: list[str]
) -> None:
    ff.update_event("c", b"7")
    ff.journal(3)
    ff.search(expression)
    assert [
        message.partition("nothing that it compares has a field ")[2].partition(";")[0] for message in told(caplog)
    ] == names


@pytest.mark.parametrize(
    "expression",
    [
        'city == `"Ulm"`',
        "city == 'Ulm'",
        "city == town",
        "city == empty",
        "missing",
        "!missing",
        "missing > `2`",
        "contains(tags, 'x')",
        "tags[?a == b]",
        "length(missing) == n",
        "tags[0:1] == tags[::-1]",
        "a.b == c.d",
    ],
)
def test_what_compares_with_texts_numbers_and_names_that_are_there_is_left_alone(
    ff: FlashFlood, caplog: pytest.LogCaptureFixture, expression: str
) -> None:
    list(ff.replay(filter=expression))
    assert told(caplog) == []


@pytest.mark.filterwarnings("ignore:deprecated string literal:PendingDeprecationWarning")
def test_every_expression_that_can_be_evaluated_can_be_looked_through() -> None:
    written = Expressions(Random(7))  # noqa: S311  no secret
    looked_through = 0
    for text in (written.expression() for _ in range(3_000)):
        try:
            expression = Expression(text)
        except ValueError:
            continue
        BareNames(expression).look_at(b'{"a": [{"b": 1}]}')
        looked_through += 1
    assert looked_through > 1_000


def test_a_filter_too_deep_for_the_stack_is_none_the_less_a_filter(ff: FlashFlood) -> None:
    deep = Expression("!" * 380 + "(length(items[?city == Ulm]) > `0`)")

    def replayed(levels: int) -> list[str]:
        if levels > 0:
            return replayed(levels - 1)
        return [event.event_id for event in ff.replay(filter=deep)]

    assert replayed(0) == replayed(650)


def test_the_text_is_shown_as_an_expression_has_it(ff: FlashFlood, caplog: pytest.LogCaptureFixture) -> None:
    assert [event.event_id for event in ff.replay(filter="city == Ulm")] == ["b"]
    (message,) = told(caplog)
    assert 'write `"Ulm"`, and in a shell put the whole filter into single quotes' in message
    assert [event.event_id for event in ff.replay(filter='city == `"Ulm"`')] == ["a"]


def test_record_batches_tell_it_too_at_each_reading(ff: FlashFlood, caplog: pytest.LogCaptureFixture) -> None:
    batches = ff.replay_batches(filter=Expression("city == Ulm"), columns={"n": "n"}, schema={"n": "int64"})
    for readings in (1, 2):
        batches.to_arrow()
        assert len(told(caplog)) == readings


def test_nothing_is_told_of_events_that_were_not_looked_at(ff: FlashFlood, caplog: pytest.LogCaptureFixture) -> None:
    assert list(ff.replay(at(5), filter="city == Ulm")) == []
    with_more = ff.replay(filter="n == Ulm || n")
    next(with_more)
    with_more.close()
    assert told(caplog) == []


@pytest.mark.parametrize(
    ("expression", "number"),
    [("length(x) > 2", "2"), ("x == 2.5", "2.5"), ("x > -2", "-2"), ("tags[?n < 10]", "10"), ("contains(x, 7)", "7")],
)
def test_a_bare_number_is_refused_with_how_one_is_written(ff: FlashFlood, expression: str, number: str) -> None:
    with pytest.raises(ValueError, match=f"is written `{number}`\n"):
        ff.replay(filter=expression)
