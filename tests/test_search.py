"""`search` evaluates one expression over all events of a range."""

import json
from typing import Any

import jmespath
import pytest
from conftest import Place
from jmespath.exceptions import JMESPathError
from support.documents import OWN, SMALL, put_documents
from support.samples import at

from flashflood import Expression

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

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
    monkeypatch.setattr("flashflood.replay.calls.Replays._scan.__defaults__", ("error", SMALL))
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
