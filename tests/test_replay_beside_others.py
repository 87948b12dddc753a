"""Replay and the listings give every event once while others journal, combine, update and collect garbage."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Interrupted, on

from flashflood import FlashFlood, FlashFloodException, FlashFloodJournalingError, JournalID
from flashflood.store import LocalStore

WORKS: dict[str, Callable[[FlashFlood], object]] = {
    "journals": lambda ff: ff.journal(minimum_number_of_events=4),
    "combines": lambda ff: ff.combine_journals([ff.open_journal(item) for item in list(ff.list_journals())[:2]]),
    "updates": lambda ff: ff.update(None),
    "combines and collects garbage": lambda ff: (
        ff.combine_journals([ff.open_journal(item) for item in list(ff.list_journals())]),
        ff.collect_garbage(grace=AT_ONCE),
    ),
    "puts": lambda ff: put_new(ff, "z", start=99),
}


@pytest.mark.parametrize("work", WORKS)
def test_another_client_may_work_between_any_two_requests_of_a_replay(tmp_path: Path, work: str) -> None:
    for number in count(1):
        folder = LocalStore(tmp_path / f"{number}")
        ff = on(folder)
        before, after = busy_store(ff)
        store = Interrupted(folder, number, partial(WORKS[work], ff))
        replayed = contents(on(store).replay(memory_budget=60))
        replayed.pop("z", None)
        assert set(before) >= set(replayed) >= set(after), f"at request {number}"
        for event_id, data in replayed.items():
            assert data in (before[event_id], after.get(event_id)), f"{event_id} at request {number}"
        if not store.reached:
            break
    assert number > 3


def busy_store(ff: FlashFlood) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Give the data before and after a pending update and a pending delete are applied.

    They lie in two overlapping journals and four new events.
    """
    for event_id, minute in (("a", 0), ("c", 2), ("e", 4), ("b", 1), ("d", 3), ("f", 5)):
        ff.put(f"data of {event_id}", event_id, at(minute))
        if event_id in "ef":
            ff.journal(minimum_number_of_events=3)
    put_new(ff, "g", "h", "i", "j", start=3)
    before = contents(ff.replay())
    ff.update_event("b", b"updated")
    ff.delete_event("e")
    after = before | {"b": b"updated"}
    del after["e"]
    return before, after


def combine_some(ff: FlashFlood) -> None:
    """Combine the first journals, unless the other process has just done so."""
    with suppress(FlashFloodException):
        ff.combine_journals([ff.open_journal(item) for item in islice(ff.list_journals(), 3)])


def work_for_ever(url: str, part: int) -> None:
    """Put, update, journal, combine and collect, in a process of its own; tell of each event put."""
    ff = FlashFlood.open(url)
    number = 0
    while True:
        event_id = f"event {part} {number:06}"
        ff.put({"number": number}, event_id, at(number % 7 + part / 10))
        tell(event_id)
        number += 1
        if number % 3 == 0:
            ff.update_event(event_id, {"number": number, "updated": True})
        with suppress(FlashFloodJournalingError):  # the other process has them under way, or too few are new
            if number % 5 == 0:
                ff.journal(minimum_number_of_events=1 + number % 4)
            if number % 7 == 0:
                ff.update()
            if number % 11 == 0:
                combine_some(ff)
        if number % 13 == 0:
            ff.collect_garbage(grace=timedelta(seconds=20))


@pytest.mark.timeout(180)
def test_every_event_is_replayed_once_while_other_processes_put_journal_update_and_collect(place: Place) -> None:
    ff = place.open()
    put: set[str] = set()
    with (
        Worker(place.env, "test_replay_beside_others", "work_for_ever", place.url, 1) as one,
        Worker(place.env, "test_replay_beside_others", "work_for_ever", place.url, 2) as two,
    ):
        for _ in range(5 if place.s3 else 12):
            for worker in (one, two):
                put |= {worker.hear() for _ in range(2)}
            replayed = contents(ff.replay())
            assert put <= set(replayed)
            dates = [(event.date, event.event_id) for event in ff.replay(memory_budget=1000)]
            assert dates == sorted(dates)
        for worker in (one, two):
            assert worker.process.poll() is None
            put |= set(worker.kill())
    assert put <= set(contents(ff.replay()))


def test_a_journal_gone_between_listing_and_reading_is_looked_for_again(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b") | put_journaled(ff, "c", "d", start=5)
    events = iter(ff.replay())
    first = next(events)
    ff.combine_journals([ff.open_journal(item) for item in ff.list_journals()])
    ff.collect_garbage(grace=AT_ONCE)
    assert contents([first, *events]) == data


def test_an_old_journal_listing_meets_journals_made_since(place: Place) -> None:
    ff = place.open()
    for number in range(5):
        put_journaled(ff, f"{number}", start=number)
    listed: Iterator[JournalID] = iter(ff.list_journals())
    found = [next(listed)]
    put_journaled(ff, "later", start=50)
    found += list(listed)
    assert len(found) == len(set(found))
    assert [item.start_date for item in found][:5] == [at(number) for number in range(5)]
