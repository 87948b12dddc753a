"""A client dies at any request of any writing call: nothing that had returned is lost or doubled.

It dies before the request is sent, or after it, the answer lost. What it leaves behind is then read by a fresh client,
which makes the same call again, journals, updates and repairs: after that all is whole.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import LOCAL, Copier, Place, copier
from support.processes import Worker, tell
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Death, Mortal, Repeated, keys, on

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodEventNotFound, FlashFloodJournalingError
from flashflood.records import ledger
from flashflood.store import Store
from flashflood.store.s3 import S3Store

ALL = [
    "journaled",
    "journaled with an update",
    "journaled with a delete",
    "new",
    "new with an update",
    "new with a delete",
]
DELETED = {"journaled with a delete", "new with a delete"}
UPDATED = {"journaled with an update", "new with an update"}


def prepare(ff: FlashFlood) -> None:
    """Give a store with journaled and new events, some of them with updates and deletes that are not yet applied."""
    put_journaled(ff, *ALL[:3])
    put_new(ff, *ALL[3:], start=1)
    for event_id in UPDATED:
        ff.update_event(event_id, b"updated")
    for event_id in DELETED:
        ff.delete_event(event_id)


def newest() -> dict[str, bytes]:
    """Give what `get_event` gives in the prepared store."""
    return {name: b"updated" if name in UPDATED else f"data of {name}".encode() for name in ALL if name not in DELETED}


def look(ff: FlashFlood) -> dict[str, bytes]:
    """Give the events that `get_event` finds, and `event_exists` the same ones."""
    found = {}
    for event_id in [*ALL, "another"]:
        with suppress(FlashFloodEventNotFound):
            found[event_id] = ff.get_event(event_id).data
        assert ff.event_exists(event_id) == (event_id in found)
    return found


def check_replay(ff: FlashFlood, found: dict[str, bytes], changing: set[str]) -> None:
    """Assert that replay shows each event that `get_event` finds once, as it is or as it was before its pending update.

    It may also show those that are `changing`: a delete, for example, that is not applied yet.
    """
    replayed = contents(event for event in ff.replay() if event.event_id in [*ALL, "another"] and not is_deleted(event))
    assert set(found) <= set(replayed) <= set(found) | changing
    for event_id, data in replayed.items():
        if event_id in found:
            assert data in {found[event_id], f"data of {event_id}".encode()}, event_id
    listed = [row["event_id"] for item in ff.list_journals() for row in ff.open_journal(item).events]
    assert len(set(listed)) >= len(listed) - len(DELETED), "journals and what they were combined into are both listed"


def is_deleted(event: Event) -> bool:
    """Whether it is one that was deleted while preparing: replay shows it until the delete is applied."""
    return event.event_id in DELETED and event.data == f"data of {event.event_id}".encode()


def living(ff: FlashFlood) -> list[Any]:
    return [ff.open_journal(item) for item in ff.list_journals()]


def remove_index_entries(store: Store, *event_ids: str) -> None:
    """Do what 0.4.3 does when it deletes an event whose id these ids begin with."""
    store.delete([key for event_id in event_ids for key in keys(store, f"index/{event_id}--")])


@dataclass(frozen=True)
class Call:
    """A writing call, and what `get_event` may find after a death in it: the newest data with one of `changes` made."""

    make: Callable[[FlashFlood], object]
    changes: tuple[dict[str, bytes | None], ...] = ({},)
    """The first is what is found if nothing came of the call, the last what is found once it has returned."""
    again: tuple[type[Exception], ...] = ()
    """What it may raise when made a second time, since the first got far enough."""
    before: Callable[[Store], None] = lambda _: None
    """What is done to the prepared store before it."""

    @property
    def changing(self) -> set[str]:
        """The ids that it changes."""
        return {event_id for change in self.changes for event_id in change}


CALLS = {
    "put": Call(
        lambda ff: ff.put(b"data of another", "another", at(2.5)),
        ({}, {"another": b"data of another"}),
        (FlashFloodEventExistsError,),
    ),
    "put of an id that was deleted": Call(
        lambda ff: ff.put(b"updated", "journaled with a delete", at(2.5)),
        ({}, {"journaled with a delete": b"updated"}),
        (FlashFloodEventExistsError,),
    ),
    "put_many of given ids, one of them deleted": Call(
        lambda ff: ff.put_many([(b"one", "another", at(2.5)), (b"more", "journaled with a delete", at(0.5))]),
        ({}, {"another": b"one", "journaled with a delete": b"more"}),
        (FlashFloodEventExistsError,),
    ),
    "put of an id that it makes itself": Call(lambda ff: ff.put(b"data", None, at(2.5))),
    "put_many": Call(
        lambda ff: ff.put_many([(b"data of another", "another", at(2.5)), (b"data", None, at(2))], on_conflict="skip"),
        ({}, {"another": b"data of another"}),
    ),
    "put_many past an id that exists": Call(
        lambda ff: ff.put_many([(b"not taken", "new", at(9)), (b"data", "another", at(2))], on_conflict="skip"),
        ({}, {"another": b"data"}),
    ),
    "update_event": Call(lambda ff: ff.update_event("journaled", b"changed"), ({}, {"journaled": b"changed"})),
    "update_event of a new event": Call(lambda ff: ff.update_event("new", b"changed"), ({}, {"new": b"changed"})),
    "delete_event": Call(
        lambda ff: ff.delete_event("journaled"), ({}, {"journaled": None}), (FlashFloodEventNotFound,)
    ),
    "update": Call(lambda ff: ff.update(None)),
    "journal": Call(lambda ff: ff.journal(minimum_number_of_events=3), again=(FlashFloodJournalingError,)),
    "combine_journals": Call(lambda ff: ff.combine_journals(living(ff))),
    "repair": Call(
        lambda ff: ff.repair(),
        ({"journaled": None, "new": None}, {"journaled": None}, {"new": None}, {}),
        before=lambda store: remove_index_entries(store, "journaled", "new"),
    ),
    "collect_garbage": Call(lambda ff: ff.collect_garbage(grace=AT_ONCE)),
}


STRIDES = {"journal": 2, "combine_journals": 3, "update": 3}
"""Between the requests of long calls that are tried, where not all are."""


@pytest.fixture
def left_behind(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Set after what time unfinished combinations count as left behind."""
    return lambda after: monkeypatch.setattr(ledger, "LEFT_BEHIND", after)


@pytest.fixture(scope="module", params=LOCAL)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Copier:
    return copier(request.param, tmp_path_factory.mktemp("prepared"), prepare)


def after_death(store: Store, call: Call, *, died: bool) -> None:
    """Assert what a fresh client may find, and that it can bring all in order."""
    fresh = on(store)
    found = look(fresh)
    possible = [changed(change) for change in call.changes]
    assert found in possible if died else found == possible[-1]
    check_replay(fresh, found, call.changing)

    with suppress(*call.again):
        call.make(fresh)
    assert look(fresh) == possible[-1]
    check_replay(fresh, possible[-1], call.changing)

    fresh.put(b"neighbour", "neighbour", at(9))
    fresh.journal(minimum_number_of_events=1)
    fresh.update(None)
    fresh.repair()
    assert fresh.check() == []
    assert look(fresh) == possible[-1]
    replayed = [event for event in fresh.replay() if event.event_id in possible[-1]]
    assert contents(replayed) == possible[-1]
    assert len(list(fresh.replay())) <= len(possible[-1]) + 3  # the neighbour, and at most two with an id made by put
    fresh.collect_garbage(grace=AT_ONCE)
    assert fresh.check() == []
    assert look(fresh) == possible[-1]
    assert [event for event in fresh.replay() if event.event_id in possible[-1]] == replayed


def changed(change: dict[str, bytes | None]) -> dict[str, bytes]:
    return {event_id: data for event_id, data in (newest() | change).items() if data is not None}


def die_everywhere(stores: Iterator[Store], call: Call, *, answer_lost: bool, step: int = 1) -> None:
    """Make the call with a death at request 1, 1 + step, …, each in a store of its own, until it completes.

    Check each time what was left behind.
    """
    for last in count(1, step):
        store = next(stores)
        call.before(store)
        mortal = Mortal(store, last, answer_lost=answer_lost)
        with suppress(Death):
            call.make(on(mortal))
            assert not mortal.died, "it returned although its client was dead"
        try:
            after_death(store, call, died=mortal.died)
        except Exception as error:
            error.add_note(f"after the death at request {last}")
            raise
        if not mortal.died:
            assert last > 1
            return


@pytest.fixture
def copies(prepared: Copier, tmp_path: Path) -> Iterator[Store]:
    """Give the prepared store again and again."""
    return (prepared(tmp_path / f"copy {number}") for number in count())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CALLS)
def test_after_a_death_before_any_request_all_is_there_once_and_the_call_can_be_made_again(
    copies: Iterator[Store], left_behind: Callable[[timedelta], None], name: str
) -> None:
    left_behind(AT_ONCE)
    die_everywhere(copies, CALLS[name], answer_lost=False)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CALLS)
def test_after_a_death_with_an_answer_lost_all_is_there_once_and_the_call_can_be_made_again(
    copies: Iterator[Store], left_behind: Callable[[timedelta], None], name: str
) -> None:
    """Most requests leave the store as a death before the next one does, so only some are looked at again."""
    left_behind(AT_ONCE)
    die_everywhere(copies, CALLS[name], answer_lost=True, step=5)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CALLS)
def test_any_request_may_be_sent_twice_because_its_answer_was_lost(copies: Iterator[Store], name: str) -> None:
    call = CALLS[name]
    expected = changed(call.changes[-1])
    for place in count(1, STRIDES.get(name, 1)):
        store = next(copies)
        call.before(store)
        repeated = Repeated(store, place)
        call.make(on(repeated))
        if not repeated.reached:
            break
        fresh = on(store)
        assert look(fresh) == expected, f"request {place} was sent twice"
        check_replay(fresh, expected, call.changing)
        assert list(keys(store, "ledger/")) == []
        assert fresh.check() == []
    assert place > 2


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", ["moto"], indirect=True)
@pytest.mark.parametrize(("name", "step"), [("put", 5), ("delete_event", 9), ("journal", 47)])
def test_the_same_on_s3(place: Place, left_behind: Callable[[timedelta], None], name: str, step: int) -> None:
    left_behind(AT_ONCE)

    def stores() -> Iterator[Store]:
        for number in count():
            store = S3Store(place.client(), place.bucket, f"{place.prefix}/{number}")
            prepare(on(store))
            yield store

    die_everywhere(stores(), CALLS[name], answer_lost=True, step=step)


@pytest.mark.parametrize("name", ["journal", "combine_journals", "update"])
def test_what_may_still_be_under_way_is_left_alone(prepared: Copier, tmp_path: Path, name: str) -> None:
    """As long as an unfinished combination does not count as left behind, others work beside it and lose nothing."""
    for last in range(1, 60, 7):
        store = prepared(tmp_path / f"{last}")
        with suppress(Death):
            CALLS[name].make(on(Mortal(store, last, answer_lost=True)))
        fresh = on(store)
        assert look(fresh) == newest()
        fresh.put(b"data of another", "another", at(2.5))
        fresh.update_event("new", b"changed")
        with suppress(FlashFloodJournalingError):
            fresh.journal(minimum_number_of_events=1)
        fresh.update(None)
        assert look(fresh) == newest() | {"another": b"data of another", "new": b"changed"}
        check_replay(fresh, look(fresh), set())


# Real processes, killed


def write_until_killed(url: str, name: str, seed: int) -> None:
    """Make calls of every kind, in a process of its own; tell of each before it is made and once it has returned."""
    ff = FlashFlood.open(url)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    there: dict[str, str] = {}
    for number in count():
        event_id, data = f"{name} {number}", f"data {number}"
        tell(["puts", event_id, data])
        ff.put(data, event_id, at(number))
        tell(["has put", event_id, data])
        there[event_id] = data
        chosen = chance.choice(sorted(there))
        match chance.randrange(6):
            case 0 | 1:
                tell(["updates", chosen, f"{data}, updated"])
                ff.update_event(chosen, f"{data}, updated")
                tell(["has updated", chosen, f"{data}, updated"])
            case 2:
                tell(["deletes", chosen, None])
                ff.delete_event(chosen)
                tell(["has deleted", chosen, None])
                del there[chosen]
            case 3:
                with suppress(FlashFloodJournalingError):
                    ff.journal(minimum_number_of_events=2)
            case 4:
                ff.update()
            case 5:
                with suppress(FlashFloodJournalingError):
                    ff.combine_journals(living(ff))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ["folder", "sqlite"], indirect=True)
def test_processes_killed_at_any_moment_lose_nothing_that_had_returned(
    place: Place, left_behind: Callable[[timedelta], None]
) -> None:
    certain: dict[str, str | None] = {}
    possible: dict[str, set[str | None]] = {}
    chance = random.Random(7)  # noqa: S311 - to be repeated, not to be secret
    for life in range(6):
        with Worker(place.env, "test_crashes", "write_until_killed", place.url, f"life {life}", life) as worker:
            told = [worker.hear() for _ in range(3)]
            time.sleep(chance.uniform(0.05, 0.8))
            told += worker.kill()
        for what, event_id, data in told:
            if what.startswith("has "):
                certain[event_id] = data
                possible.pop(event_id, None)
            else:
                possible[event_id] = {data, certain.get(event_id)}
        left_behind(AT_ONCE)
        ff = place.open()
        check_lives(ff, certain, possible, applied=False)
        if life % 2:
            with suppress(FlashFloodJournalingError):
                ff.journal(minimum_number_of_events=1)
            ff.update(None)
            ff.repair()
            assert ff.check() == []
            check_lives(ff, certain, possible, applied=True)
    assert len(certain) > 12


def check_lives(
    ff: FlashFlood, certain: dict[str, str | None], possible: dict[str, set[str | None]], *, applied: bool
) -> None:
    """Assert that each event is what the last call that had returned, or the one under way at the kill, made of it."""
    replayed: dict[str, Event] = {}
    for event in ff.replay():
        assert event.event_id not in replayed, "an event twice"
        replayed[event.event_id] = event
    for event_id in certain.keys() | possible.keys():
        try:
            found: str | None = ff.get_event(event_id).data.decode()
        except FlashFloodEventNotFound:
            found = None
        assert found in possible.get(event_id, {certain.get(event_id)}), event_id
        if found is not None:
            assert event_id in replayed
        if applied:
            assert (event_id in replayed) == (found is not None)
            if found is not None:
                assert replayed[event_id].data.decode() == found
