"""The compiled core as Python sees it. What it computes is tested in Rust; here is what crosses between the two."""

import gc
import json
import sys
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashflood import Event, FlashFloodCorruptionError, JournalID
from flashflood._core import (
    Combination,
    Manifest,
    Merge,
    Row,
    Sources,
    Window,
    classify,
    format_timestamp,
    parse_timestamp,
)
from flashflood.records import blobs

T = TypeVar("T")

THREADS = 10
LARGEST = 2**63 - 1


def stamp(second: int) -> str:
    return f"2020-01-01T0000{second:02}.000000Z"


def name(number: int, version: str = "new") -> str:
    return f"{stamp(0)}--{stamp(59)}--{version}--00000000-0000-4000-8000-{number:012}"


def journal(number: int, *event_ids: str, start: int = 0) -> Manifest:
    """Make a journal of these events, a second apart, of ten bytes each."""
    rows = [Row(event_id, stamp(start + at), 10 * at, 10, 1, 1) for at, event_id in enumerate(event_ids)]
    return Manifest.of_rows(name(number), rows, 10 * len(rows))


def whole_window(*manifests: Manifest) -> Window:
    merge = Merge()
    for manifest in manifests:
        merge.add(manifest)
    window = merge.window(None, LARGEST)
    assert window is not None
    return window


def in_threads(work: Callable[[], T]) -> list[T]:
    """Do the same work in ten threads that begin at once; what it gives in each."""
    start = Barrier(THREADS)

    def one(_: int) -> T:
        start.wait()
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


# Timestamps


@given(st.datetimes())
def test_a_naive_date_is_taken_as_utc_and_comes_back(date: datetime) -> None:
    text = format_timestamp(date)
    assert text == f"{date.year:04}" + date.strftime("-%m-%dT%H%M%S.%fZ")
    assert parse_timestamp(text) == date.replace(fold=0)


@given(st.datetimes(timezones=st.timezones()))
def test_an_aware_date_is_converted_to_utc(date: datetime) -> None:
    try:
        expected = date.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        with pytest.raises(ValueError, match="is not a date within the years 1 to 9999"):
            format_timestamp(date)
    else:
        assert parse_timestamp(format_timestamp(date)) == expected


def test_a_time_zone_may_have_odd_offsets() -> None:
    odd = timezone(-timedelta(hours=3, minutes=7, seconds=5, microseconds=11))
    assert format_timestamp(datetime(2020, 1, 1, tzinfo=odd)) == "2020-01-01T030705.000011Z"


def test_a_date_that_leaves_the_years_1_to_9999_in_utc_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is not a date within the years 1 to 9999"):
        format_timestamp(datetime.min.replace(tzinfo=timezone(timedelta(hours=1))))
    with pytest.raises(ValueError, match="is not a date within the years 1 to 9999"):
        format_timestamp(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))


@pytest.mark.parametrize(
    "text", ["", "2020-01-01", "2020-01-01T00:00:00Z", "2019-02-29T000000.000000Z", "2020-01-01T000000.000000Z\n"]
)
def test_any_other_text_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValueError, match="is not a timestamp"):
        parse_timestamp(text)
    with pytest.raises(ValueError, match="is not a timestamp"):
        Merge(text)


@pytest.mark.parametrize("wrong", [None, 1577836800, "2020-01-01", datetime(2020, 1, 1).date()])
def test_only_a_datetime_is_a_date(wrong: object) -> None:
    with pytest.raises(TypeError):
        format_timestamp(cast("datetime", wrong))


# Listings


def test_a_listing_is_sorted_into_the_living_the_tombstones_and_strangers() -> None:
    assert classify([name(1), name(2), name(2) + ".dead", name(3) + ".dead", "README"]) == ([0], [2, 3], [4])


# Rows and manifests


def test_a_row_has_the_fields_it_was_made_of() -> None:
    row = Row("é", stamp(1), 2, 3, 4, 5, stamp(6), name(7))
    fields = (row.event_id, row.timestamp, row.offset, row.size, row.revision, row.birth, row.updated, row.came_from)
    assert fields == ("é", stamp(1), 2, 3, 4, 5, stamp(6), name(7))
    bare = Row(event_id="a", timestamp=stamp(1), offset=0, size=0)
    assert (bare.revision, bare.birth, bare.updated, bare.came_from) == (None, None, None, None)
    assert bare == Row("a", stamp(1), 0, 0) != row
    assert "'a'" in repr(bare).replace('"', "'")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("a", "now", 0, 0), ValueError),
        (("a", stamp(1), -1, 0), ValueError),
        (("a", stamp(1), 0, 2**64), ValueError),
        (("a", stamp(1), 0.5, 0), TypeError),
        (("a", stamp(1), 0, 0, 0), ValueError),
        (("a", stamp(1), 0, 0, 10**10), ValueError),
        (("a", stamp(1), 0, 0, None, -1), ValueError),
        (("a", stamp(1), 0, 0, None, None, "now"), ValueError),
        ((b"a", stamp(1), 0, 0), TypeError),
        (("\ud800", stamp(1), 0, 0), ValueError),
    ],
)
def test_a_row_refuses_what_no_manifest_can_say(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        Row(*arguments)


def test_rows_are_frozen() -> None:
    row: Any = Row("a", stamp(1), 0, 0)
    with pytest.raises(AttributeError):
        row.size = 1


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5), st.integers(0, LARGEST))
def test_a_manifest_is_written_as_json_dumps_writes_it(event_ids: list[str], size: int) -> None:
    rows = [
        Row(event_id, stamp(at), 0, size, at or None, None, stamp(9) if at % 2 else None, name(8) if at else None)
        for at, event_id in enumerate(event_ids)
    ]
    written = Manifest.of_rows(name(1), rows, size, [name(8)]).encode()
    expected = {
        "journal_id": name(1),
        "from_date": stamp(0),
        "to_date": stamp(len(rows) - 1) if rows else stamp(59),
        "size": size,
        "events": [{"event_id": row.event_id, "timestamp": row.timestamp, "offset": 0, "size": size} for row in rows],
        "revisions": [row.revision for row in rows],
        "updated": [row.updated for row in rows],
        "births": [None for _ in rows],
        "from": [0 if row.came_from else None for row in rows],
        "replaces": [name(8)],
    }
    assert written == json.dumps(expected).encode()
    read = Manifest.decode(name(1), written)
    assert read.rows() == rows
    assert (read.size, read.replaces, read.is_ours, read.is_ordered) == (size, [name(8)], True, True)
    assert read.events() == expected["events"]


def test_a_manifest_gives_its_rows_by_place_and_by_id() -> None:
    manifest = journal(1, "a", "b", "a")
    assert (len(manifest), manifest.journal_id, manifest.size) == (3, name(1), 30)
    assert manifest.row(2) == manifest.rows()[2] == manifest.find("a")
    assert manifest.find("c") is None
    for beyond in (3, -1, sys.maxsize):
        with pytest.raises(IndexError, match="has 3 rows"):
            manifest.row(beyond)


@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, lambda body: memoryview(bytearray(body)), lambda body: array("B", body)]
)
def test_a_manifest_is_read_from_anything_that_holds_bytes(kind: Callable[[bytes], Any]) -> None:
    manifest = journal(1, "a", "b")
    assert Manifest.decode(name(1), kind(manifest.encode())).rows() == manifest.rows()


def test_what_holds_no_bytes_is_a_type_error_and_gaps_are_a_value_error() -> None:
    body: Any = "{}"
    with pytest.raises(TypeError):
        Manifest.decode(name(1), body)
    with pytest.raises(ValueError, match="must follow one another"):
        Manifest.decode(name(1), memoryview(b"{ } ")[::2])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"size": 1}', b"[" * 100_000])
def test_a_broken_manifest_is_an_error_that_names_the_journal(body: bytes) -> None:
    with pytest.raises(FlashFloodCorruptionError, match=name(1)):
        Manifest.decode(name(1), body)


def test_a_name_without_a_journal_ids_shape_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="shape"):
        Manifest.decode("x", b"{}")
    with pytest.raises(ValueError, match="shape"):
        Manifest.of_rows("x", [], 0)
    with pytest.raises(ValueError, match="shape"):
        Manifest.of_rows(name(1), [], 0, ["x"])


# Windows


@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, lambda body: memoryview(bytearray(body)), lambda body: array("B", body)]
)
def test_events_are_made_from_anything_that_holds_bytes(kind: Callable[[bytes], Any]) -> None:
    window = whole_window(journal(1, "a", "c"), journal(2, "b", start=1))
    assert window.requests == [(0, 0, 20), (1, 0, 10)]
    assert (len(window), window.size, window.fetched, window.updates) == (3, 30, 30, [])
    assert window.last == (stamp(1), "c")
    buffers = [kind(b"0123456789abcdefghij"), kind(b"ABCDEFGHIJ")]
    expected = [
        Event("a", datetime(2020, 1, 1), b"0123456789"),
        Event("b", datetime(2020, 1, 1, 0, 0, 1), b"ABCDEFGHIJ"),
        Event("c", datetime(2020, 1, 1, 0, 0, 1), b"abcdefghij"),
    ]
    assert list(window.batch(buffers).events()) == expected
    assert window.data(tuple(buffers)) == b"0123456789ABCDEFGHIJabcdefghij"


def test_an_event_is_a_full_named_tuple_with_bytes_of_its_own() -> None:
    buffer = bytearray(b"0123456789")
    event = next(whole_window(journal(1, "a")).batch([buffer]).events())
    buffer[:] = b"----------"
    assert type(event) is Event
    assert type(event.data) is bytes
    assert event._asdict() == {"event_id": "a", "date": datetime(2020, 1, 1), "data": b"0123456789"}
    assert event._replace(data=b"") == Event("a", datetime(2020, 1, 1), b"")


def test_events_come_one_by_one_and_then_no_more() -> None:
    events = whole_window(journal(1, "a", "b")).batch([bytes(20)]).events()
    assert iter(events) is events
    assert [next(events).event_id, next(events).event_id] == ["a", "b"]
    for _ in range(3):
        assert next(events, None) is None


def test_bytes_are_read_in_place_and_kept_as_long_as_their_events_are_to_come() -> None:
    buffer = bytes(20)
    unused = sys.getrefcount(buffer)
    events = whole_window(journal(1, "a", "b")).batch([buffer]).events()
    next(events)
    assert sys.getrefcount(buffer) == unused + 1
    assert next(events).data == bytes(10)
    del events
    gc.collect()
    assert sys.getrefcount(buffer) == unused


def test_a_batch_keeps_what_a_filter_says_true_of() -> None:
    batch = whole_window(journal(1, "a", "c"), journal(2, "b", start=1)).batch([b"0123456789abcdefghij", b"ABCDEFGHIJ"])
    kept = batch.filter(None, lambda data: data.lower() == b"abcdefghij")
    assert [(event.event_id, event.data) for event in kept.events()] == [("b", b"ABCDEFGHIJ"), ("c", b"abcdefghij")]
    assert (len(batch), len(kept), len(kept.filter(None, lambda _: False))) == (3, 2, 0)
    with pytest.raises(ZeroDivisionError):
        batch.filter(None, lambda _: 1 // 0)


def test_many_ids_are_found_at_once() -> None:
    manifest = journal(1, *(f"event {number}" for number in range(10, 60)))
    wanted = [f"event {number}" for number in range(200, 0, -1)]
    assert manifest.find_all(wanted) == [None] * 141 + list(range(49, -1, -1)) + [None] * 9
    assert journal(1).find_all(["a"]) == [None]
    assert manifest.find_all([]) == []
    with pytest.raises(TypeError):
        manifest.find_all(cast("list[str]", 1))


@pytest.mark.parametrize("length", [0, 19])
def test_of_a_short_blob_the_core_says_what_is_said_everywhere(length: int) -> None:
    window = whole_window(journal(1, "a", "b"))
    for use in (window.batch, window.data):
        with pytest.raises(FlashFloodCorruptionError) as caught:
            use([bytes(length)])
        assert str(caught.value) == str(blobs.short(JournalID(name(1)), length, 20))
        assert caught.value.journal_id == name(1)


def test_more_bytes_than_asked_for_are_an_error_that_names_journal_offset_and_lengths() -> None:
    window = whole_window(journal(1, "a", "b"))
    for use in (window.batch, window.data):
        with pytest.raises(FlashFloodCorruptionError, match=f"{name(1)}: its blob gave 21 bytes from offset 0, not 20"):
            use([bytes(21)])


@pytest.mark.parametrize("buffers", [[], [bytes(10), bytes(10)]])
def test_as_many_buffers_as_requests_are_taken(buffers: list[bytes]) -> None:
    window = whole_window(journal(1, "a"))
    with pytest.raises(ValueError, match="for 1 requests"):
        window.batch(buffers)


@pytest.mark.parametrize("buffers", [None, 1, [1], ["0123456789"], [None]])
def test_only_a_sequence_of_bytes_is_taken(buffers: object) -> None:
    with pytest.raises(TypeError):
        whole_window(journal(1, "a")).batch(cast("list[bytes]", buffers))


# Merges and combinations


def test_a_merge_takes_a_range_a_place_and_a_limit() -> None:
    merge = Merge(from_date=stamp(0), to_date=stamp(4), after=(stamp(1), "b"))
    merge.add(journal(1, "a", "b", "c", "d", "e", "f"))
    assert merge.pending == 3
    window = merge.window(stamp(4), 10)
    assert window is not None
    assert window.last == (stamp(2), "c")
    assert merge.window(stamp(3), 10) is None
    merge.add(Manifest.of_rows(name(2), [], 0, [name(1)]))
    assert merge.pending == 0


@pytest.mark.parametrize("limit", [-1, 2**64])
def test_a_limit_is_a_whole_number_from_0(limit: int) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Merge().window(None, limit)
    with pytest.raises(ValueError, match="whole number"):
        Combination(Sources()).window(0, limit)
    with pytest.raises(ValueError, match="whole number"):
        Combination(Sources()).window(limit, 0)


def test_a_range_that_ends_before_it_begins_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="after its end"):
        Merge(stamp(2), stamp(1))
    with pytest.raises(ValueError, match="is not a timestamp"):
        Merge(after=("now", "a"))


def test_the_index_decides_between_journals_of_0_4_3() -> None:
    rows = [{"event_id": event_id, "timestamp": stamp(at), "offset": 0, "size": 0} for at, event_id in enumerate("ab")]
    bodies = [json.dumps({"journal_id": name(number), "size": 0, "events": rows}) for number in (1, 2)]
    merge = Merge()
    assert merge.add(Manifest.decode(name(1), bodies[0].encode())) == []
    assert merge.add(Manifest.decode(name(2), bodies[1].encode())) == [(stamp(0), "a"), (stamp(1), "b")]
    merge.decide(stamp(0), "a", name(1))
    merge.decide(stamp(1), "b", None)
    window = merge.window(None, 1)
    assert window is not None
    assert [event.event_id for event in window.batch([]).events()] == ["a", "b"], "only an index entry was lost"
    assert merge.pending == 0


def test_journals_are_combined_with_their_updates() -> None:
    one, two = journal(1, "a", "b"), journal(2, "c", "a", start=1)
    updates = [(name(1), "b", stamp(9), False, 3), (name(2), "c", stamp(9), True, 0)]
    sources = Sources([one, two])
    assert Combination.contested(sources, updates) == ["a"]
    combination = Combination(sources, updates=updates, current={"a": name(1)})
    assert (len(combination), combination.size, combination.start, combination.end) == (2, 13, stamp(0), stamp(1))
    window = combination.window(0, 100)
    assert window is not None
    assert combination.window(2, 100) is None
    assert (window.requests, window.updates) == ([(0, 0, 10)], [0])
    assert window.data([b"0123456789"], [memoryview(b"new")]) == b"0123456789new"
    with pytest.raises(ValueError, match="only data"):
        window.batch([b"0123456789"])
    with pytest.raises(FlashFloodCorruptionError, match="gave 4 bytes, not 3"):
        window.data([b"0123456789"], [b"newer"[:4]])
    combined = combination.manifest(name(3, stamp(30)))
    assert combined.replaces == [name(1), name(2)]
    assert combined.rows() == [
        Row("a", stamp(0), 0, 10, 2, 1, None, name(1)),
        Row("b", stamp(1), 10, 3, 2, 1, stamp(9), name(1)),
    ]


def test_nothing_combined_is_nothing() -> None:
    nothing = Combination(Sources())
    assert (len(nothing), nothing.size, nothing.start, nothing.end, nothing.window(0, 1)) == (0, 0, None, None, None)


# Threads


def test_ten_threads_read_one_manifest_at_once() -> None:
    manifest = journal(1, *(f"event {number}" for number in range(50)))
    body = manifest.encode()

    def work() -> tuple[bytes, Sequence[Row], Row | None, bool]:
        again = Manifest.decode(name(1), body)
        return manifest.encode(), manifest.rows(), manifest.find("event 7"), again.rows() == manifest.rows()

    assert in_threads(work) == [(body, manifest.rows(), manifest.row(7), True)] * THREADS


def test_ten_threads_share_one_window_and_one_iterator() -> None:
    window = whole_window(journal(1, *(f"event {number}" for number in range(50))))
    body = bytes(range(250)) * 2
    once = list(window.batch([body]).events())
    assert in_threads(lambda: list(window.batch([body]).events())) == [once] * THREADS
    assert in_threads(lambda: window.data([body])) == [body] * THREADS
    shared = window.batch([body]).events()
    given_out = [event for part in in_threads(lambda: list(shared)) for event in part]
    assert sorted(given_out, key=lambda event: event.date) == once


def test_ten_threads_share_one_merge() -> None:
    merge = Merge()
    journals = iter([journal(number, f"event {number:03}", start=number % 50) for number in range(THREADS * 20)])

    def add() -> None:
        for _ in range(20):
            merge.add(next(journals))

    in_threads(add)
    assert merge.pending == THREADS * 20

    def take() -> list[str]:
        taken = []
        while (window := merge.window(None, 1)) is not None:
            taken += [event.event_id for event in window.batch([bytes(10) for _ in window.requests]).events()]
        return taken

    parts = in_threads(take)
    assert sorted(event_id for part in parts for event_id in part) == [
        f"event {number:03}" for number in range(THREADS * 20)
    ]
    assert merge.pending == 0
