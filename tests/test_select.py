"""`filter` keeps the events whose data match; `select` puts what an expression makes of the data in their place."""

import json
import logging
from typing import Any

import jmespath
import pytest
from conftest import Place
from support.documents import OWN, SMALL, put_documents
from support.samples import at
from support.watched import Counted, on

from flashflood import Expression, FlashFlood
from flashflood.replay.stages import Given

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


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


# filter


def test_a_filter_keeps_the_events_whose_data_match(place: Place) -> None:
    ff = place.open()
    for minute in range(6):
        ff.put({"foo": minute}, f"{minute}", at(minute))
    ff.put(b"not JSON", "text", at(9))
    ff.journal(minimum_number_of_events=4)
    assert [event.event_id for event in ff.replay(filter="foo > `3`")] == ["4", "5"]
    assert [event.event_id for event in ff.replay(at(4), at(9), filter="foo > `3`")] == ["5"]
    assert [event.event_id for event in ff.replay(filter="foo == `0`")] == ["0"]


@pytest.mark.parametrize("expression", ["foo >", "unknown(foo)", "length()"])
def test_a_filter_that_cannot_be_is_a_value_error_before_any_request(place: Place, expression: str) -> None:
    store = Counted(place.store())
    with pytest.raises(ValueError, match=r"."):
        list(on(store).replay(filter=expression))
    assert store.requests == []
