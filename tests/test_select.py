"""`select` puts what an expression makes of an event's data in their place; `search` evaluates over all events."""

import json
import logging
from typing import Any

import jmespath
import pytest
from conftest import Place
from jmespath.exceptions import JMESPathError
from support.samples import at

from flashflood import Expression, FlashFlood
from flashflood.replay.stages import Given

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

SMALL = 8_000
"""A memory budget that makes windows of a thousand bytes."""


class Functions(jmespath.functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """A function of the user's own."""

    @jmespath.functions.signature({"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_double(self, number: float) -> float:
        return 2 * number


OWN = jmespath.Options(custom_functions=Functions())


def put_documents(ff: FlashFlood, *documents: object, journaled: bool = True) -> None:
    ff.put_many(
        (json.dumps(document), f"{number:03}", at(number)) for number, document in enumerate(documents, start=1)
    )
    if journaled and len(documents) < 100:
        ff.journal(minimum_number_of_events=len(documents))


def selected(ff: FlashFlood, select: Given, **how: Any) -> list[bytes]:  # noqa: ANN401  replay's arguments
    return [event.data for event in ff.replay(select=select, **how)]


# select


def test_the_result_takes_the_place_of_the_data_as_json(place: Place) -> None:
    ff = place.open()
    put_documents(
        ff,
        {"match": {"bundle_uuid": "ü"}, "files": [1, 2]},
        {"match": {"bundle_uuid": "b"}, "files": []},
        {"files": [[]]},
    )
    assert selected(ff, "{id: match.bundle_uuid, n: length(files)}") == [
        rb'{"id":"\u00fc","n":2}',
        b'{"id":"b","n":0}',
        b'{"id":null,"n":1}',
    ]
    assert [event.event_id for event in ff.replay(select="files")] == ["001", "002", "003"]
    assert [event.date for event in ff.replay(select="files")] == [at(1), at(2), at(3)]


@ON_FOLDER
def test_null_stands_where_a_function_meets_a_type_it_cannot_take_and_where_data_are_not_json(place: Place) -> None:
    ff = place.open()
    put_documents(ff, {"foo": "abc"}, {"foo": 7}, {})
    ff.put(b"not JSON", "z", at(9))
    assert selected(ff, "length(foo)") == [b"3", b"null", b"null", b"null"]


@ON_FOLDER
def test_the_filter_sees_the_data_as_they_were(place: Place) -> None:
    ff = place.open()
    put_documents(ff, {"foo": 1, "bar": 2}, {"foo": 3, "bar": 4})
    assert selected(ff, "bar", filter="foo == `3`") == [b"4"]


@ON_FOLDER
@pytest.mark.parametrize("budget", [SMALL, 1_000_000])
def test_every_event_gets_its_own_result_whatever_the_windows(place: Place, budget: int) -> None:
    ff = place.open()
    put_documents(ff, *({"n": number, "pad": "x" * number} for number in range(120)))
    expected = [str(number).encode() for number in range(120)]
    assert selected(ff, "length(pad)", memory_budget=budget) == expected
    assert selected(ff, "n", filter="n >= `60`", memory_budget=budget) == expected[60:]


@ON_FOLDER
def test_a_compiled_expression_and_one_with_functions_of_the_users_own_are_taken(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    put_documents(ff, {"foo": 1}, {"foo": 2}, {"foo": "x"})
    compiled = jmespath.compile("foo")
    assert selected(ff, compiled, filter=jmespath.compile("foo == `2`")) == [b"2"]
    with caplog.at_level(logging.INFO, "flashflood"):
        assert selected(ff, Expression("double(foo)", OWN)) == [b"2", b"4", b"null"]
        assert selected(ff, "foo", filter=Expression("double(foo) == `4`", OWN)) == [b"2"]
    assert "Python evaluates 'double(foo)'" in caplog.text


@ON_FOLDER
def test_what_the_core_leaves_to_python_gives_the_same_and_is_said_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    for minute in range(3):
        ff.put(json.dumps({"foo": minute}).encode("utf-16"), f"wide {minute}", at(minute))
    put_documents(ff, {"foo": 7})
    with caplog.at_level(logging.INFO, "flashflood"):
        assert selected(ff, "foo", filter="foo != `1`") == [b"0", b"7", b"2"]
    said = [record.getMessage() for record in caplog.records if "on some of the events" in record.getMessage()]
    assert sorted(said) == [f"Python evaluates {text!r} on some of the events" for text in ("foo != `1`", "foo")]


@ON_FOLDER
@pytest.mark.parametrize("expression", ["foo[", "nothing(foo)", "length()", "&foo", "[foo, &bar]", ""])
def test_an_expression_that_gives_no_json_is_a_value_error_before_any_request(place: Place, expression: str) -> None:
    with pytest.raises(ValueError, match="expression"):
        place.open().replay(select=expression)


# search

DOCUMENTS: list[Any] = [
    {"foo": 40, "files": [{"name": "a", "size": 3}, {"name": "b", "size": 5}], "tags": ["x"]},
    {"foo": 41, "files": [], "tags": []},
    {"bar": {"baz": "\ud83d"}, "foo": None},
    [1, [2, 3], {"foo": 5}],
    {"foo": 12345678901234567890123, "files": [{"name": "c", "size": 1.5}]},
    "text",
    7.25,
    {"foo": {"deep": [1, 2, {"x": True}]}},
]


@ON_FOLDER
@pytest.mark.parametrize(
    "expression",
    [
        "events[].foo",
        "events[*].foo",
        "events[?foo > `40`]",
        "events[?foo].files[].name",
        "events[].files[?size > `2`].name[]",
        "events[]",
        "events",
        "events[].[foo, tags[0]]",
        "events[].{a: foo, b: bar.baz}",
        "length(events)",
        "events[0]",
        "events[-1].foo.deep[2]",
        "events[1:3]",
        "events[].foo | [0]",
        "sort_by(events[?files].{s: files[0].size}, &s)[*].s",
        "max(events[].files[].size)",
        "@",
        "events.foo",
        "other",
        "{n: length(events), first: events[0]}",
        "events[].foo.deep[]",
        "`7`",
    ],
)
def test_search_gives_what_jmespath_gives_on_all_events(place: Place, expression: str) -> None:
    ff = place.open()
    put_documents(ff, *DOCUMENTS)
    for dates in ((None, None), (at(2), at(5)), (at(9), None)):
        documents = [json.loads(event.data) for event in ff.replay(*dates)]
        expected = jmespath.search(expression, {"events": documents})
        found = ff.search(expression, *dates)
        assert (json.dumps(found), type(found)) == (json.dumps(expected), type(expected))
        assert ff.search(jmespath.compile(expression), *dates) == expected


def test_search_goes_over_all_batches(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flashflood.replay.search.MEMORY_BUDGET", SMALL)
    ff = place.open()
    put_documents(ff, *({"n": number, "pad": "x" * 50} for number in range(200)))
    assert ff.search("events[].n") == list(range(200))
    assert ff.search("events[?n > `150`].n | [-1]") == 199
    assert ff.search("sum(events[].n)", at(100), at(102)) == 100 + 101


@ON_FOLDER
@pytest.mark.parametrize(
    "expression", ["events[].length(foo)", "abs(events)", "events[", "", "nothing(@)", "events[].max(@)", "events[::0]"]
)
def test_search_raises_what_jmespath_raises(place: Place, expression: str) -> None:
    ff = place.open()
    put_documents(ff, *DOCUMENTS)
    with pytest.raises((JMESPathError, ValueError)) as expected:
        jmespath.search(expression, {"events": DOCUMENTS})
    with pytest.raises(type(expected.value)) as raised:
        ff.search(expression)
    assert str(raised.value) == str(expected.value)


@ON_FOLDER
@pytest.mark.parametrize("data", [b"not JSON", b'1],"x":[2', b"", b"[1,2"])
@pytest.mark.parametrize("expression", ["events[].foo", "length(events)"])
def test_search_raises_what_json_raises_where_data_are_not_json(place: Place, data: bytes, expression: str) -> None:
    ff = place.open()
    put_documents(ff, {"foo": 1}, {"foo": 2})
    ff.put(data, "bad", at(9))
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(data)
    with pytest.raises(json.JSONDecodeError) as raised:
        ff.search(expression)
    assert str(raised.value) == str(expected.value)
    assert ff.search(expression, None, at(8)) in ([1, 2], 2)


@ON_FOLDER
def test_search_with_functions_of_the_users_own(place: Place) -> None:
    ff = place.open()
    put_documents(ff, {"foo": 1}, {"foo": 2})
    assert ff.search(Expression("events[].double(foo)", OWN)) == [2, 4]
    ff.put(json.dumps({"foo": 3}).encode("utf-16"), "wide", at(9))
    assert ff.search("events[].foo") == [1, 2, 3]
