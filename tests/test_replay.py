"""Replay gives every event once, in order, lazily, within its memory, without writing."""

import json
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from conftest import Place
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Watched, keys, on

from flashflood import Event, FlashFlood
from flashflood.replay import read_ahead
from flashflood.store import Found, LocalStore, Store
from flashflood.util import datetime_to_timestamp as format_timestamp

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def journals_of(ff: FlashFlood, *journals: str) -> list[Event]:
    """Journal events with one-letter ids, a minute apart by the alphabet; give them in order."""
    events = []
    for letters in journals:
        events += [ff.put(f"data of {letter}", letter, at(ord(letter) - ord("a"))) for letter in letters]
        ff.journal(minimum_number_of_events=len(letters))
    return sorted(events, key=lambda event: (event.date, event.event_id))


# Order


@pytest.mark.parametrize(
    "journals",
    [
        ("abcd",),
        ("ab", "cd"),
        ("cd", "ab"),
        ("ac", "bd"),
        ("ad", "bc"),
        ("ae", "b", "cd"),
        ("af", "be", "cd"),
        ("dcba",),
    ],
    ids="+".join,
)
def test_events_come_by_date_whatever_journals_they_lie_in(place: Place, journals: tuple[str, ...]) -> None:
    ff = place.open()
    events = journals_of(ff, *journals)
    assert list(ff.replay()) == events


def test_new_events_are_merged_with_journaled_ones(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "c", "e")
    for minute, event_id in ((0.5, "b"), (1.5, "d"), (9, "z")):
        ff.put(b"new", event_id, at(minute))
    assert [event.event_id for event in ff.replay()] == ["a", "b", "c", "d", "e", "z"]


def test_events_of_one_date_come_by_id_across_journals(place: Place) -> None:
    ff = place.open()
    for event_ids in (["b", "d", "\u00e9", "\U0001f600"], ["a", "c", "\ufffd"]):
        for event_id in event_ids:
            ff.put(event_id, event_id, at(0))
        ff.journal(minimum_number_of_events=len(event_ids))
    ff.put("B", "B", at(0))
    assert [event.event_id for event in ff.replay()] == ["B", "a", "b", "c", "d", "\u00e9", "\ufffd", "\U0001f600"]


def test_the_order_is_the_same_however_the_events_lie_in_journals(place: Place) -> None:
    ff = place.open()
    events = journals_of(ff, "ah", "bg", "cf", "de")
    while len(journals := list(ff.list_journals())) > 1:
        ff.combine_journals([ff.open_journal(item) for item in journals[:2]])
        assert list(ff.replay()) == events
    ff.put("data", "i", at(8))
    assert list(ff.replay())[:-1] == events


LAYOUTS = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=4), min_size=1, max_size=4
)
BOUNDS = st.tuples(st.none() | st.integers(-1, 7), st.none() | st.integers(-1, 7))


@settings(max_examples=40)
@given(layout=LAYOUTS, bounds=BOUNDS, budget=st.sampled_from([1, 100, 1 << 20]))
def test_any_layout_replays_any_range_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    layout: list[list[tuple[int, bool]]],
    bounds: tuple[int | None, int | None],
    budget: int,
) -> None:
    ff = FlashFlood.open(str(tmp_path_factory.mktemp("store")))
    events = []
    for number, journal in enumerate(layout):
        for place, (minute, big) in enumerate(journal):
            data = f"{number}.{place}".encode() * (50 if big else 1)
            events.append(ff.put(data, f"{place}.{number}", at(minute)))
        if number != len(layout) - 1:
            ff.journal(minimum_number_of_events=len(journal))
    start, end = (None if bound is None else at(bound) for bound in bounds)
    if start is not None and end is not None and start > end:
        start, end = end, start
    expected = sorted((event.date, event.event_id, event.data) for event in events)
    expected = [row for row in expected if (start is None or start < row[0]) and (end is None or row[0] <= end)]
    replayed = ff.replay(start, end, memory_budget=budget)
    assert [(event.date, event.event_id, event.data) for event in replayed] == expected


# Ranges


def test_a_range_from_inside_a_journal_gives_each_event_its_own_bytes(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, *(f"event {number:02}" for number in range(12)))
    for first in range(12):
        for last in range(first, 12):
            replayed = contents(ff.replay(at(first), at(last)))
            assert replayed == {event_id: data[event_id] for event_id in list(data)[first + 1 : last + 1]}


@ON_FOLDER
def test_only_the_bytes_that_the_range_needs_are_read(place: Place) -> None:
    ff = place.open()
    for minute in range(10):
        ff.put(bytes([minute]) * 1000, f"{minute}", at(minute))
    ff.journal(minimum_number_of_events=10)

    class Measured(Counted):
        read = 0

        def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
            found = super().get(key, start, stop)
            if key.startswith("blobs/"):
                assert found
                self.read += len(found.body)
            return found

    store = Measured(place.store())
    assert len(list(on(store).replay(at(3), at(5)))) == 2
    assert store.read == 2000
    assert list(on(store).replay(at(20), at(30))) == []
    assert store.read == 2000


# Exactly once


@pytest.mark.parametrize("times", range(4))
def test_an_event_journaled_and_combined_many_times_is_replayed_once(place: Place, times: int) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b")
    for time in range(times):
        data |= put_journaled(ff, f"event {time}", start=10 + time)
        ff.update_event("a", f"update {time}".encode())
        data["a"] = f"update {time}".encode()
        ff.combine_journals([ff.open_journal(item) for item in ff.list_journals()])
    assert contents(ff.replay()) == data


# Budget


def test_a_replay_with_a_small_memory_budget_gives_the_same(place: Place) -> None:
    ff = place.open()
    expected = []
    for number in range(3):
        for place_in_journal in range(6):
            data = bytes([number]) * (1 + 700 * place_in_journal)
            expected.append(ff.put(data, f"{number}.{place_in_journal}", at(place_in_journal + number / 3)))
        ff.journal(minimum_number_of_events=6)
    ff.put(b"x" * 20_000, "large", at(2.1))
    expected.append(ff.get_event("large"))
    expected.sort(key=lambda event: (event.date, event.event_id))
    for budget in (1, 1000, 10_000, 1 << 30):
        assert list(ff.replay(memory_budget=budget)) == expected


@ON_FOLDER
@pytest.mark.parametrize("call", ["replay", "replay_batches"])
def test_a_memory_budget_that_is_none_is_an_error_at_the_call(place: Place, call: str) -> None:
    ff = place.open()
    for budget in (-1, -(10**30)):
        with pytest.raises(ValueError, match=rf"memory_budget={budget}; give 0 bytes or more"):
            getattr(ff, call)(memory_budget=budget)
    wrong: list[Any] = [None, "1000", 1.5, 1e9, True, float("nan"), datetime(2020, 1, 1)]
    for budget in wrong:
        with pytest.raises(TypeError, match=r"memory_budget=.*; give a whole number of bytes"):
            getattr(ff, call)(memory_budget=budget)


# Laziness and rights


@pytest.fixture
def crowded(tmp_path: Path) -> Store:
    """Give a store with 12 journals, some dead ones and new events."""
    store = LocalStore(tmp_path / "store")
    ff = on(store)
    for number in range(12):
        put_journaled(ff, f"{number}", start=number)
    ff.update_event("0", b"updated")
    ff.delete_event("11")
    ff.update()
    put_new(ff, "a", "b", start=20)
    return store


def test_the_first_event_stream_costs_at_most_4_requests(crowded: Store) -> None:
    store = Counted(crowded)
    next(iter(on(store).list_event_streams()))
    assert len(store.requests) <= 4


def test_the_first_journal_costs_at_most_4_requests(crowded: Store) -> None:
    store = Counted(crowded)
    assert next(iter(on(store).list_journals())).start_date == at(0)
    assert len(store.requests) <= 4


def test_the_first_event_of_a_replay_costs_no_more_than_the_journals_it_needs(crowded: Store) -> None:
    store = Counted(crowded)
    assert next(iter(on(store).replay())).data == b"updated"
    assert len(store.requests) <= 6
    assert len([key for method, key in store.requests if method == "get" and key.startswith("journals/")]) <= 2


def test_looking_ahead_starts_when_a_second_item_is_asked_for(crowded: Store) -> None:
    store = Counted(crowded)
    streams = iter(on(store).list_event_streams())
    next(streams)
    first = len(store.requests)
    next(streams)
    assert len(store.requests) > first
    assert len(list(streams)) == 11


class Slow(Watched):
    """Takes `seconds` for each blob, and knows how many bytes of blobs were asked for."""

    def __init__(self, store: Store, seconds: float) -> None:
        super().__init__(store)
        self.seconds = seconds
        self.asked = 0

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        if start is not None and stop is not None:
            self.asked += stop - start
            sleep(self.seconds)
        return self.store.get(key, start, stop)

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()


def asked_for_three_events(store: Store, seconds: float) -> int:
    """Give how many bytes are asked for until the third event is there."""
    slow = Slow(store, seconds)
    events = iter(on(slow).replay())
    assert [event.event_id for event in islice(events, 3)] == ["00", "01", "02"]
    return slow.asked


@ON_FOLDER
def test_more_is_under_way_where_the_process_waits_for_a_far_server(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.open().put_many((bytes(1_000_000), f"{number:02}", at(number)) for number in range(50))
    assert asked_for_three_events(place.store(), 0.2) > 2 * read_ahead.READ_AHEAD
    monkeypatch.setattr(read_ahead, "BUSY", -1)
    assert asked_for_three_events(place.store(), 0.2) <= 1.5 * read_ahead.READ_AHEAD


@pytest.mark.parametrize("name", ["replay", "list_journals", "list_event_streams"])
def test_nothing_is_requested_before_the_first_item_is_asked_for(crowded: Store, name: str) -> None:
    store = Counted(crowded)
    items = getattr(on(store), name)()
    assert store.requests == []
    assert next(iter(items))


@pytest.mark.parametrize("name", ["replay", "list_journals", "list_event_streams"])
def test_a_reader_may_stop_in_the_middle(crowded: Store, name: str) -> None:
    items = iter(getattr(on(crowded), name)())
    assert len(list(islice(items, 3))) == 3
    del items


def test_readers_never_write(crowded: Store) -> None:
    store = Counted(crowded)
    ff = on(store)
    assert ff.get_event("a").data == b"data of a"
    assert ff.event_exists("b")
    assert not ff.event_exists("absent")
    assert len(list(ff.replay())) == len(list(ff.list_event_streams())) == len(list(ff.list_journals())) == 13
    assert len(list(ff.new_journals())) == 2
    assert store.writes == []


def test_readers_do_not_write_where_a_put_was_left_unfinished(place: Place) -> None:
    ff = place.open()
    put_new(ff, "whole")
    store = place.store()
    journal_id = str(next(iter(ff.list_journals())))
    unfinished = journal_id.rpartition("--")[0] + "--11111111-2222-3333-4444-555555555555"
    claim = {"target": unfinished, "date": unfinished[:25], "offset": "0", "size": "1", "birth": "1"}
    store.create("index/unfinished--0000000001", b"", metadata=claim)
    counted = Counted(store)
    assert not on(counted).event_exists("unfinished")
    assert contents(on(counted).replay()) == {"whole": b"data of whole"}
    assert counted.writes == []


@ON_FOLDER
def test_a_replay_over_more_than_one_page_of_the_listing_is_whole(place: Place) -> None:
    """1,020 keys, as 0.4.3 writes them: 540 new events, of which 480 are dead."""
    store = place.store()
    for number in range(540):
        write_new_event(store, number)
        if number % 9:
            store.put(f"{journal_key(number)}.dead", b"", garbage=True)
    ff = place.open()
    assert [event.event_id for event in ff.replay()] == [f"{number:04}" for number in range(0, 540, 9)]
    assert len(list(ff.list_journals())) == 60
    assert len(list(ff.list_event_streams(at(3)))) == 39


def journal_key(number: int) -> str:
    """Give the key of a new event, `number` seconds into 2020."""
    stamp = format_timestamp(at(number / 60))
    return f"journals/{stamp}--{stamp}--new--00000000-0000-0000-0000-{number:012}"


def write_new_event(store: Store, number: int) -> None:
    """Write a new event as 0.4.3 does, without its index entry, and without its blob where nobody needs that."""
    key = journal_key(number)
    journal_id = key.removeprefix("journals/")
    stamp = journal_id.partition("--")[0]
    row = {"event_id": f"{number:04}", "timestamp": stamp, "offset": 0, "size": 4}
    manifest = {"journal_id": journal_id, "from_date": stamp, "to_date": stamp, "size": 4, "events": [row]}
    if not number % 9:
        store.put(f"blobs/{journal_id[-36:]}", f"{number:04}".encode())
    store.put(key, json.dumps(manifest).encode())


@ON_FOLDER
def test_a_tombstone_alone_is_ignored(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b")
    store = place.store()
    assert isinstance(store, LocalStore)
    tombstones = [key for key in keys(store, "journals/") if key.endswith(".dead")]
    assert tombstones
    store.delete([key.removesuffix(".dead") for key in tombstones])
    assert contents(ff.replay()) == data
