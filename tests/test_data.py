"""Which data are taken, what becomes of them, and which are refused before any request is made."""

import json
from typing import Any

import pytest
from conftest import Place
from support.samples import at
from support.watched import Counted, on

from flashflood import Event

DATA = {
    "bytes": (b"\x00\xff", b"\x00\xff"),
    "bytearray": (bytearray(b"\x00\xff"), b"\x00\xff"),
    "memoryview": (memoryview(b"\x00\xff--")[1:3], b"\xff-"),
    "memoryview with steps": (memoryview(b"abcdef")[::2], b"ace"),
    "memoryview of numbers": (memoryview(b"\x01\x02\x03\x04").cast("H"), b"\x01\x02\x03\x04"),
    "str": ("gr\u00fc\u00df dich \U0001f600", "gr\u00fc\u00df dich \U0001f600".encode()),
    "empty": (b"", b""),
    "empty str": ("", b""),
}


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("journaled", [False, True])
def test_bytes_are_stored_as_they_are_and_str_as_utf_8(place: Place, kind: str, journaled: bool) -> None:  # noqa: FBT001
    given_data: Any
    given_data, stored = DATA[kind]
    ff = place.open()
    assert ff.put(given_data, "id", at(0)) == Event("id", at(0), stored)
    ff.put(b"neighbour", "neighbour", at(1))
    if journaled:
        ff.journal(minimum_number_of_events=2)
    assert ff.get_event("id").data == stored
    assert [event.data for event in ff.replay()] == [stored, b"neighbour"]
    ff.update_event("neighbour", given_data)
    assert ff.get_event("neighbour").data == stored
    ff.update()
    assert [event.data for event in ff.replay()] == [stored, stored]


@pytest.mark.parametrize("document", [{"a": [1, "\u00e9", None]}, [1, {"b": 2.5}], {}, []], ids=json.dumps)
def test_a_dict_or_a_list_is_stored_as_json(place: Place, document: dict[str, object] | list[object]) -> None:
    ff = place.open()
    ff.put(document, "id", at(0))
    assert json.loads(ff.get_event("id").data) == document
    ff.update_event("id", {"new": document})
    assert json.loads(ff.get_event("id").data) == {"new": document}


@pytest.mark.parametrize(
    "data", [None, 1, 2.5, object(), {1}, ("a",), {"a": object()}, [{1}]], ids=lambda data: type(data).__name__
)
def test_other_data_are_a_type_error_before_any_request(place: Place, data: Any) -> None:  # noqa: ANN401 - what type checkers refuse
    store = Counted(place.store())
    ff = on(store)
    with pytest.raises(TypeError):
        ff.put(data, "id", at(0))
    with pytest.raises(TypeError):
        ff.update_event("id", data)
    assert store.requests == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_nan_or_an_infinity_in_a_dict_or_a_list_is_a_value_error_before_any_request(
    place: Place, number: float
) -> None:
    store = Counted(place.store())
    ff = on(store)
    for data in ({"level": number}, [number]):
        with pytest.raises(ValueError, match="which has no NaN, no infinity"):
            ff.put(data, "id", at(0))
        with pytest.raises(ValueError, match="which has no NaN, no infinity"):
            ff.update_event("id", data)
    assert store.requests == []
