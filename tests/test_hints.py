"""A filter that compares with a name that no event has: one line of the log says how a text is written."""

import logging

import pytest
from support.samples import at

from flashflood import Expression, FlashFlood

HAS_ALL = {"city": "Ulm", "town": "Ulm", "n": 3, "empty": None, "tags": ["a"]}


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
        "a.b == c.d",
    ],
)
def test_what_compares_with_texts_numbers_and_names_that_are_there_is_left_alone(
    ff: FlashFlood, caplog: pytest.LogCaptureFixture, expression: str
) -> None:
    list(ff.replay(filter=expression))
    assert told(caplog) == []


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
