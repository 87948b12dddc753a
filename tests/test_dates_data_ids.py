# ruff: noqa: DTZ901 - the API's dates are naive
"""Which dates, data and ids are taken, what becomes of them, and which are refused before any request is made."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import Place
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import at, contents
from support.watched import Counted, keys, on

from flashflood import Event, FlashFlood, FlashFloodEventNotFound, FlashFloodException
from flashflood.store import LocalStore

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

# Dates


def test_an_aware_date_is_converted_to_utc(place: Place) -> None:
    ff = place.open()
    event = ff.put(b"", "id", datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=5))))
    assert event.date == datetime(2020, 1, 1, 7)
    assert ff.get_event("id").date == datetime(2020, 1, 1, 7)
    assert [item.date for item in ff.replay()] == [datetime(2020, 1, 1, 7)]


def test_a_naive_date_is_taken_as_utc(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    ff = place.open()
    ff.put(b"", "id", datetime(2020, 1, 1, 12))
    assert ff.get_event("id").date == datetime(2020, 1, 1, 12)
    assert ff.get_event("id").date.tzinfo is None
    (journal_id,) = ff.list_journals()
    assert journal_id.startswith("2020-01-01T120000.000000Z--")


@pytest.mark.parametrize(
    "date",
    [
        datetime.min,
        datetime(1, 1, 1, 0, 0, 0, 1),
        datetime(900, 1, 2, 3, 4, 5, 6),
        datetime(9999, 12, 31),
        datetime.max,
    ],
    ids=str,
)
def test_years_1_to_9999_are_stored_to_the_microsecond(place: Place, date: datetime) -> None:
    ff = place.open()
    ff.put(b"data", "id", date)
    ff.journal(minimum_number_of_events=1)
    assert ff.get_event("id") == Event("id", date, b"data")
    assert list(ff.replay()) == [Event("id", date, b"data")]
    (journal_id,) = ff.list_journals()
    assert journal_id.start_date == journal_id.end_date == date


@pytest.mark.parametrize(
    "date",
    [
        datetime(1, 1, 1, 4, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 20, tzinfo=timezone(timedelta(hours=-5))),
    ],
    ids=str,
)
def test_an_aware_date_that_leaves_the_years_in_utc_is_a_value_error_before_any_request(
    place: Place, date: datetime
) -> None:
    store = Counted(place.store())
    ff = on(store)
    for call in (
        lambda: ff.put(b"", "id", date),
        lambda: list(ff.replay(date)),
        lambda: list(ff.list_journals(None, date)),
    ):
        with pytest.raises(ValueError, match=r"year|range|UTC"):
            call()
    assert store.requests == []


@pytest.mark.parametrize("name", ["replay", "list_journals", "list_event_streams"])
def test_from_date_after_to_date_is_a_value_error_before_any_request(place: Place, name: str) -> None:
    store = Counted(place.store())
    with pytest.raises(ValueError, match=r"2020-01-01"):
        list(getattr(on(store), name)(at(1), at(0)))
    aware = at(0).replace(tzinfo=timezone(timedelta(hours=-1)))  # 01:00 in UTC
    with pytest.raises(ValueError, match=r"2020-01-01"):
        list(getattr(on(store), name)(aware, at(0)))
    assert store.requests == []


def test_equal_dates_give_an_empty_range(place: Place) -> None:
    ff = place.open()
    ff.put(b"", "id", at(1))
    assert list(ff.replay(at(1), at(1))) == []
    assert list(ff.list_journals(at(1), at(1))) == []
    assert list(ff.list_event_streams(at(1), at(1))) == []


@pytest.mark.parametrize("journaled", [False, True])
def test_a_range_is_open_at_its_start_and_closed_at_its_end(place: Place, journaled: bool) -> None:  # noqa: FBT001
    ff = place.open()
    for minute in range(4):
        ff.put(b"", f"{minute}", at(minute))
    if journaled:
        ff.journal(minimum_number_of_events=4)

    def replayed(*dates: datetime | None) -> str:
        return "".join(event.event_id for event in ff.replay(*dates))

    assert replayed(at(1), at(3)) == "23"
    assert replayed(at(1)) == "23"
    assert replayed(None, at(1)) == "01"
    assert replayed(at(0) - timedelta(microseconds=1), at(0)) == "0"
    assert replayed(at(3), None) == ""
    assert replayed(at(1), at(1) + timedelta(microseconds=1)) == ""
    aware = at(2).replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=9)))
    assert replayed(None, aware) == "012"


def test_without_a_from_date_an_event_of_datetime_min_is_included(place: Place) -> None:
    ff = place.open()
    ff.put(b"first", "id", datetime.min)
    assert [event.data for event in ff.replay()] == [b"first"]
    assert [event.data for event in ff.replay(to_date=datetime.min)] == [b"first"]
    assert list(ff.replay(from_date=datetime.min)) == []
    assert len(list(ff.list_journals(to_date=at(0)))) == 1
    assert len(list(ff.list_event_streams())) == 1


# Data

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
def test_other_data_are_a_type_error_before_any_request(place: Place, data: object) -> None:
    store = Counted(place.store())
    ff = on(store)
    with pytest.raises(TypeError):
        ff.put(data, "id", at(0))
    with pytest.raises(TypeError):
        ff.update_event("id", data)
    assert store.requests == []


def test_changing_a_buffer_after_put_does_not_change_the_event(place: Place) -> None:
    ff = place.open()
    buffer = bytearray(b"before")
    event = ff.put(buffer, "id", at(0))
    buffer[:] = b"after!"
    assert event.data == b"before"
    assert ff.get_event("id").data == b"before"


# Ids

HOSTILE = [
    "a",
    "ab",
    "abc",
    "a-",
    "a-b",
    "-",
    "-leading",
    "trailing-",
    "a/b",
    "a/b/c",
    "a//b",
    "/leading",
    "trailing/",
    "/",
    "//",
    "/etc/passwd",
    "../x",
    "../../../x",
    "..",
    ".",
    "a/../b",
    "a/./b",
    "./a",
    "with space",
    " ",
    " leading and trailing ",
    "a%b",
    "a%2Fb",
    "a%2fb",
    "%",
    "%25",
    "a+b",
    "a&b=c",
    "a?b#c",
    "a\\b",
    "a:b",
    "*",
    "\"quoted'",
    "<&amp;>",
    "gr\u00fc\u00df",
    "gru\u0308\u00df",
    "\u65e5\u672c\u8a9e",
    "\U0001f600",
    "\U0001f600" * 60,
    "\ufffd",
    "x" * 300,
    "x/" * 150,
    ".dead",
    "id.dead",
    "0000000001",
    "new",
    "2019-05-16T211813.059000Z",
    "~",
    "C:",
    "con",
    "a\u00a0b",
    "\u202eright to left",
]


OVER_HTTP = [
    "a",
    "ab",
    "-",
    "trailing-",
    "a//b",
    "/",
    "../x",
    ".",
    "with space",
    "a%2Fb",
    "a+b",
    "a?b#c",
    "<&amp;>",
    "\U0001f600",
    "x" * 300,
]
"""Those that tell something more on a server."""


@pytest.fixture
def hostile(place: Place) -> tuple[FlashFlood, dict[str, bytes]]:
    """Give a store with an event for each hostile id."""
    ff = place.open()
    data = {event_id: f"data of {event_id}".encode() for event_id in (OVER_HTTP if place.s3 else HOSTILE)}
    for minute, event_id in enumerate(data):
        assert ff.put(data[event_id], event_id, at(minute)).event_id == event_id
    return ff, data


def test_every_other_id_works_in_every_call(hostile: tuple[FlashFlood, dict[str, bytes]], place: Place) -> None:
    ff, data = hostile
    ids = list(data)
    seen_as(ff, data, ids)
    for event_id in ids[::3]:
        data[event_id] = b"updated while new"
        ff.update_event(event_id, data[event_id])
        assert ff.get_event(event_id).data == data[event_id], event_id
    ff.journal(minimum_number_of_events=len(ids))
    seen_as(ff, data, ids)
    for event_id in ids[1::3]:
        data[event_id] = b"updated once journaled"
        ff.update_event(event_id, data[event_id])
        assert ff.get_event(event_id).data == data[event_id], event_id
    assert ff.update() == len(ids[1::3])
    seen_as(ff, data, ids)
    for event_id in ids[::2]:
        del data[event_id]
        ff.delete_event(event_id)
        assert not ff.event_exists(event_id), event_id
    assert ff.update(None) == len(ids[::2])
    seen_as(ff, data, ids)
    for minute, event_id in enumerate(ids[::2], 1000):
        data[event_id] = b"put again"
        ff.put(data[event_id], event_id, at(minute))
    seen_as(place.open(), data, ids)
    assert ff.check() == []


def seen_as(ff: FlashFlood, data: dict[str, bytes], ids: list[str]) -> None:
    """Assert that every call sees these events, and no others of `ids`."""
    assert contents(ff.replay()) == data
    for event_id in ids:
        assert ff.event_exists(event_id) == (event_id in data), event_id
        if event_id in data:
            assert ff.get_event(event_id).data == data[event_id], event_id
        else:
            with pytest.raises(FlashFloodEventNotFound):
                ff.get_event(event_id)


REFUSED = {
    "a delimiter": "a--b",
    "only a delimiter": "--",
    "three hyphens": "a---b",
    "a null": "a\x00b",
    "a line feed": "a\nb",
    "a tab": "\t",
    "an escape": "\x1b[31m",
    "a delete": "a\x7f",
    "a C1 control": "a\x85",
    "a lone surrogate": "a\ud800",
    "U+FFFE": "a\ufffeb",
    "U+FFFF": "\uffff",
    "a key longer than 1,024 bytes": "x" * 1024,
    "the same in bytes only": "\u20ac" * 340,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_put_refuses_such_an_id_before_any_request(place: Place, kind: str) -> None:
    store = Counted(place.store())
    with pytest.raises(FlashFloodException) as caught:
        on(store).put(b"data", REFUSED[kind], at(0))
    assert not isinstance(caught.value, FlashFloodEventNotFound)
    assert store.requests == []
    message = str(caught.value)
    message.encode()  # a message that can be printed
    assert "\x1b" not in message
    assert "\n" not in message


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)  # RADOS Gateway answers 500 to some of them
@pytest.mark.parametrize("kind", REFUSED)
def test_for_the_other_calls_such_an_id_does_not_exist(place: Place, kind: str) -> None:
    ff = place.open()
    event_id = REFUSED[kind]
    ff.put(b"data", "a", at(0))
    assert ff.event_exists(event_id) is False
    with pytest.raises(FlashFloodEventNotFound):
        ff.get_event(event_id)
    with pytest.raises(FlashFloodEventNotFound):
        ff.delete_event(event_id)
    with pytest.raises(FlashFloodEventNotFound):
        ff.update_event(event_id, b"")
    assert contents(ff.replay()) == {"a": b"data"}


CALLS_WITH_AN_ID: dict[str, Callable[[FlashFlood, Any], object]] = {
    "put": lambda ff, event_id: ff.put(b"data", event_id),
    "put_many": lambda ff, event_id: ff.put_many([(b"data", event_id, None)]),
    "get_event": lambda ff, event_id: ff.get_event(event_id),
    "event_exists": lambda ff, event_id: ff.event_exists(event_id),
    "update_event": lambda ff, event_id: ff.update_event(event_id, b""),
    "delete_event": lambda ff, event_id: ff.delete_event(event_id),
}


@ON_FOLDER
@pytest.mark.parametrize("name", CALLS_WITH_AN_ID)
@pytest.mark.parametrize("event_id", [0, 7, b"a", b"", ["a"]])
def test_an_id_that_is_not_a_str_is_a_type_error_that_names_its_type_before_any_request(
    place: Place, name: str, event_id: object
) -> None:
    store = Counted(place.store())
    with pytest.raises(TypeError, match=rf"an event_id is a str, not {type(event_id).__name__}"):
        CALLS_WITH_AN_ID[name](on(store), event_id)
    assert store.requests == []


def test_the_empty_id_does_not_exist_for_the_other_calls(place: Place) -> None:
    ff = place.open()
    ff.put(b"data", "a", at(0))
    assert ff.event_exists("") is False
    with pytest.raises(FlashFloodEventNotFound):
        ff.get_event("")
    with pytest.raises(FlashFloodEventNotFound):
        ff.delete_event("")


def test_the_longest_id_that_put_takes_can_be_updated_and_deleted(place: Place) -> None:
    """Every key that is ever made of an id fits into S3's 1,024 bytes, those of updates' tombstones included."""
    ff = place.open()
    longest = 0
    for length in range(1024, 0, -1):
        try:
            ff.put(b"data", "x" * length, at(0))
        except FlashFloodException:
            continue
        longest = length
        break
    assert longest > 500
    event_id = "x" * longest
    ff.update_event(event_id, b"updated")
    ff.journal(minimum_number_of_events=1)
    assert contents(ff.replay()) == {event_id: b"updated"}
    ff.update_event(event_id, b"again")
    ff.update()
    assert ff.get_event(event_id).data == b"again"
    ff.delete_event(event_id)
    ff.update()
    assert list(ff.replay()) == []


@ON_FOLDER
def test_no_hostile_id_leaves_the_folder(place: Place, hostile: tuple[FlashFlood, dict[str, bytes]]) -> None:
    ff, _ = hostile
    store = place.store()
    assert isinstance(store, LocalStore)
    assert sorted(keys(store, "index/")) == sorted(f"index/{event_id}--0000000001" for event_id in HOSTILE)
    ff.destroy()


IDS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
).filter(lambda text: "--" not in text)
DATES = st.datetimes(timezones=st.none() | st.just(UTC))


@settings(max_examples=60, deadline=None)
@given(events=st.dictionaries(IDS, st.tuples(DATES, st.binary(max_size=50)), min_size=1, max_size=5))
def test_any_id_date_and_data_come_back_as_they_were_put(
    tmp_path_factory: pytest.TempPathFactory, events: dict[str, tuple[datetime, bytes]]
) -> None:
    ff = FlashFlood.open(str(tmp_path_factory.mktemp("store")))
    expected = []
    for event_id, (date, data) in events.items():
        ff.put(data, event_id, date)
        expected.append(Event(event_id, date.replace(tzinfo=None), data))
    expected.sort(key=lambda event: (event.date, event.event_id.encode()))
    assert list(ff.replay()) == expected
    ff.journal(minimum_number_of_events=len(expected))
    assert list(ff.replay()) == expected
    assert sorted(ff.get_event(event.event_id) for event in expected) == sorted(expected)
