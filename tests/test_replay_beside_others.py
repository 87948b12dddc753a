"""Replay and the listings give every event once while others journal, combine, update and collect garbage."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from threading import Lock

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Counted, Gated, Interrupted, Short, on

from flashflood import FlashFlood, FlashFloodException, FlashFloodJournalingError, replay_event_stream
from flashflood.store import LocalStore, Page, Store

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


ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


class SmallPages(Short):
    """A store whose listings have small pages; lets other work happen right before each page of the journals.

    Pages that are asked for at one time are listed one by one. `is_listing` is held meanwhile.
    """

    def __init__(self, store: Store, before: Callable[[int], object] = lambda _: None, *, size: int = 2) -> None:
        super().__init__(store, size)
        self.before = before
        self.pages = 0
        self.is_listing = Lock()

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        if prefix != "journals/":
            return super().list(prefix, after)
        with self.is_listing:
            self.pages += 1
            self.before(self.pages)
            return super().list(prefix, after)


EVENTS = [f"e{number}" for number in range(8)]


def ids_of(ff: FlashFlood) -> list[str]:
    return [event.event_id for event in ff.replay()]


@ON_FOLDER
@pytest.mark.parametrize("page", range(1, 5))
@pytest.mark.parametrize("count", [2, 5, 8])
def test_journals_combined_between_two_pages_are_replayed_once_and_in_order(
    place: Place, page: int, count: int
) -> None:
    writer = place.open()
    put_new(writer, *EVENTS)

    def combine(number: int) -> None:
        if number == page:
            writer.combine_journals([*writer.new_journals()][-count:])

    store = SmallPages(place.store(), combine)
    assert ids_of(on(store)) == EVENTS
    with store.is_listing:  # what was asked for ahead, and is not wanted any more, comes to its end
        listed = list(on(SmallPages(place.store())).list_journals())
    assert len(listed) == len(EVENTS) - count + 1


@ON_FOLDER
def test_a_replay_beside_a_writer_that_never_rests_comes_to_its_end(place: Place) -> None:
    writer = place.open()
    put_new(writer, *EVENTS)

    def combine_the_last(number: int) -> None:
        if number % 4 == 2:
            writer.combine_journals([list(writer.journal_ids())[-1]])

    store = SmallPages(place.store(), combine_the_last, size=6)
    assert ids_of(on(store)) == EVENTS
    assert store.pages < 60
    listed = list(on(SmallPages(place.store(), combine_the_last, size=6)).list_journals())
    assert len(set(listed)) >= len(EVENTS)


@ON_FOLDER
def test_journals_that_were_combined_again_while_they_were_sought_are_found(place: Place) -> None:
    """Each of the first pages, those of the looks behind too, comes after another combination of all that lives."""
    writer = place.open()
    put_new(writer, *EVENTS)

    def combine_all(number: int) -> None:
        if 1 < number < 6:
            writer.combine_journals([*writer.journal_ids()])

    assert ids_of(on(SmallPages(place.store(), combine_all))) == EVENTS


@ON_FOLDER
def test_an_event_put_meanwhile_never_breaks_the_order(place: Place) -> None:
    writer = place.open()
    put_new(writer, *EVENTS, start=10)

    def put_before(number: int) -> None:
        if number > 8:
            return
        writer.put(b"late", f"late {number}", at(number - 1))
        writer.combine_journals([*writer.new_journals()][-2:])

    replayed = list(on(SmallPages(place.store(), put_before)).replay())
    assert replayed == sorted(replayed, key=lambda event: (event.date, event.event_id))
    assert set(EVENTS) <= set(contents(replayed))


@ON_FOLDER
def test_the_second_event_does_not_wait_for_all_that_is_looked_ahead_to(place: Place) -> None:
    put_new(place.open(), *(f"{number:03}" for number in range(300)))
    store = Counted(place.store())
    events = on(store).replay()
    next(events)
    assert len(store.requests) <= 4
    next(events)
    assert len(store.requests) < 300


@ON_FOLDER
def test_a_replay_that_is_left_sends_nothing_more(place: Place) -> None:
    put_new(place.open(), *(f"{number:03}" for number in range(300)))
    store = Counted(place.store())
    ff = on(store)
    events = ff.replay()
    next(events)
    next(events)
    del events
    sent = len(store.requests)
    assert ff.event_exists("000")
    assert len(store.requests) <= sent + 2 * store.workers + 8


@ON_FOLDER
def test_a_journal_at_the_end_of_a_page_that_dies_while_replay_looks_behind_is_not_lost(place: Place) -> None:
    writer = place.open()
    put_new(writer, *EVENTS, start=10)
    journals = list(writer.journal_ids())
    acts: dict[int, Callable[[], object]] = {
        2: lambda: writer.combine_journals([journals[2]]),
        4: lambda: writer.put(b"early", "early", at(0)),  # what is passed has other pages now
        7: lambda: writer.combine_journals([journals[1], journals[3]]),
    }
    reader = on(SmallPages(place.store(), lambda number: acts.get(number, lambda: None)()))
    assert ids_of(reader) == EVENTS


@ON_FOLDER
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_put_and_combined_between_pages_replay_is_whole_and_in_order(place: Place, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    writer = place.open()
    put_new(writer, *EVENTS, start=10)
    acts = set(chance.sample(range(1, 16), 6))

    def act(number: int) -> None:
        if number in acts:
            living = list(writer.journal_ids())
            writer.combine_journals(chance.sample(living, chance.randint(1, min(3, len(living)))))
        if number in acts and chance.random() < 1 / 3:
            writer.put(b"late", f"late {number}", at(chance.uniform(0, 20)))

    replayed = list(on(SmallPages(place.store(), act)).replay())
    assert replayed == sorted(replayed, key=lambda event: (event.date, event.event_id))
    assert set(EVENTS) <= set(contents(replayed))


class TornPages(SmallPages):
    """Lists each page of the journals at two moments, as a folder's listing may be: who was made between is missed."""

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        before = {entry.key for entry in self.store.list(prefix, after).entries}
        page = super().list(prefix, after)
        listed = [entry for entry in page.entries if entry.key in before or entry.key.endswith(".dead")]
        return page._replace(entries=listed or page.entries)


def combine_anything(chance: random.Random) -> Callable[[FlashFlood], None]:
    """Give a client's endless work: it journals, combines, updates, puts and deletes what is not of `EVENTS`."""
    late = count()

    def work(client: FlashFlood) -> None:
        with suppress(FlashFloodException):  # what it wants is under way elsewhere, or gone
            match chance.randrange(10):
                case 0 | 1:
                    client.journal(chance.randint(1, 4))
                case 2 | 3 | 4:
                    living = list(client.journal_ids())
                    client.combine_journals(chance.sample(living, min(len(living), chance.randint(1, 4))))
                case 5 | 6:
                    client.update_event(chance.choice(EVENTS), b"new")
                case 7 | 8:
                    client.update(None)
                case 9:
                    event = client.put(b"late", f"late {next(late)}", at(chance.uniform(0, 20)))
                    client.delete_event(event.event_id)

    return work


@ON_FOLDER
@pytest.mark.parametrize("pages", [SmallPages, TornPages])
@pytest.mark.parametrize("seed", range(10))
def test_wherever_another_client_stands_in_its_work_at_each_page_no_event_is_lost(
    place: Place, seed: int, pages: type[SmallPages]
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    put_new(place.open(), *EVENTS, start=10)
    writer = Gated(place.store(), combine_anything(chance))
    # At more pages each pass doubles the store, since what the other client makes is listed again.
    reader = on(pages(place.store(), lambda page: writer.let(chance.choice([0, 0, 1, 3, 20]) if page < 300 else 0)))
    try:
        for _ in range(4):
            replayed = list(reader.replay())
            assert replayed == sorted(replayed, key=lambda event: (event.date, event.event_id))
            assert set(EVENTS) <= set(contents(replayed))
            listed = [place.open().open_journal(journal) for journal in reader.list_journals()]
            assert set(EVENTS) <= {row["event_id"] for journal in listed for row in journal.events}
            streams = list(reader.list_event_streams())
            assert set(EVENTS) <= {row["event_id"] for stream in streams for row in stream["events"]}
    finally:
        writer.close()


@ON_FOLDER
@pytest.mark.parametrize("requests", range(0, 90, 3))
def test_event_streams_listed_while_journals_are_combined_give_each_event_once(place: Place, requests: int) -> None:
    put_new(place.open(), *EVENTS)
    writer = Gated(place.store(), lambda client: client.combine_journals(list(client.journal_ids())))
    lets = {2: requests, 4: 200}
    reader = on(SmallPages(place.store(), lambda page: writer.let(lets.get(page, 0))))
    try:
        streams = list(reader.list_event_streams())
        read = [event for stream in streams for event in replay_event_stream(stream, allow_file_urls=place.url)]
        assert sorted(event.event_id for event in read) == EVENTS
    finally:
        writer.close()


@ON_FOLDER
@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_a_stranger_between_a_journal_and_its_tombstone_does_not_revive_it(place: Place, size: int) -> None:
    writer = place.open()
    put_new(writer, *EVENTS)
    journals = list(writer.journal_ids())
    made = writer.combine_journals(journals).id_
    for journal in journals:
        place.store().put(f"journals/{journal}.bak", b"a copy")
    reader = on(SmallPages(place.store(), size=size))
    assert list(reader.list_journals()) == [made]
    assert ids_of(reader) == EVENTS
    writer.update_event("e1", b"new")
    assert writer.update() == 1
    assert contents(reader.replay())["e1"] == b"new"
