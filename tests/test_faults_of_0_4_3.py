"""The table "Where 0.4.3 is wrong", each line done with this package, which gives what it promises, and with 0.4.3.

So every line is shown to be a test that 0.4.3 fails. Lines about reading are also done with 0.4.3 writing and this
package reading.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from threading import Barrier, Lock
from typing import Any

import pytest
from conftest import Place
from support.old import OldError, OldFlashFlood, OldProcesses
from support.samples import AT_ONCE, at
from support.watched import Answer, Counted, Death, Watched, keys, on

from flashflood import Event, FlashFloodEventExistsError, util
from flashflood.store import Store

SERVERS = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)


class DiesAtATombstone(Watched):
    """The store of a client that has written so many tombstones of journals, and dies right before the next one."""

    def __init__(self, store: Store, tombstones: int) -> None:
        super().__init__(store)
        self._left = tombstones
        self._lock = Lock()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            if method in {"put", "create"} and key.startswith("journals/") and key.endswith(".dead"):
                self._left -= 1
            if self._left < 0:
                raise Death
        return send()


class Ours:
    """Our package, with the few things besides its API that the scenarios need of a client."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.ff = place.open()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the API has
        return getattr(self.ff, name)

    def replay(self, from_date: datetime | None = None, to_date: datetime | None = None) -> list[Event]:
        return list(self.ff.replay(from_date, to_date))

    def new_journals(self) -> list[str]:
        return list(self.ff.new_journals())

    def update_for(self, journal_id: str, event_id: str, data: bytes) -> None:
        self.place.store().put(f"update/{journal_id[::-1]}--{event_id}--{util.timestamp_now()}--UPDATE", data)

    def journal_and_stop(self, minimum_number_of_events: int, tombstones: int) -> None:
        with pytest.raises(Death):
            on(DiesAtATombstone(self.place.store(), tombstones)).journal(minimum_number_of_events)

    def put_from_many_threads(self, event_id: str, data: list[bytes]) -> int:
        together = Barrier(len(data))

        def put(item: bytes) -> bool:
            together.wait(timeout=30)
            try:
                self.ff.put(item, event_id, at(0))
            except FlashFloodEventExistsError:
                return False
            return True

        with ThreadPoolExecutor(len(data)) as pool:
            return sum(pool.map(put, data))

    def requests_to_journal(self, number_of_events: int) -> int:
        counted = Counted(self.place.store())
        on(counted).journal(minimum_number_of_events=number_of_events)
        return len(counted.requests)


class Old(OldFlashFlood):
    """0.4.3, with the same things besides its API."""

    def __init__(self, place: Place, processes: OldProcesses) -> None:
        super().__init__(processes.of(place.env), place.bucket, place.prefix)
        self.place = place

    def new_journals(self) -> list[str]:
        return list(self.ask("new_journals"))

    def update_for(self, journal_id: str, event_id: str, data: bytes) -> None:
        self.ask("update_for", journal_id=journal_id, event_id=event_id, data=data)

    def journal_and_stop(self, minimum_number_of_events: int, tombstones: int) -> None:
        self.ask("journal_and_stop", minimum_number_of_events=minimum_number_of_events, tombstones=tombstones)

    def put_from_many_threads(self, event_id: str, data: list[bytes]) -> int:
        return int(self.ask("put_from_many_threads", event_id=event_id, data=data))

    def requests_to_journal(self, number_of_events: int) -> int:
        return int(self.ask("requests_to_journal", minimum_number_of_events=number_of_events))


class WrittenByOld(Old):
    """A store that 0.4.3 writes and this package reads."""

    def replay(self, from_date: datetime | None = None, to_date: datetime | None = None) -> list[Event]:
        return list(self.place.open().replay(from_date, to_date))

    def list_journals(self, from_date: datetime | None = None, to_date: datetime | None = None) -> list[str]:
        return list(self.place.open().list_journals(from_date, to_date))

    def get_event(self, event_id: str) -> Event:
        return self.place.open().get_event(event_id)

    def event_exists(self, event_id: str) -> bool:
        return self.place.open().event_exists(event_id)


World = Ours | Old


def outcome(call: Callable[[], object]) -> object:
    """Give what a call gives, or the name of the exception that it raises."""
    try:
        return call()
    except OldError as error:
        return error.kind
    except Exception as error:  # noqa: BLE001 - which exception is what is asked
        return type(error).__name__


def put(world: World, *ids: str, minute: int = 0) -> None:
    for number, event_id in enumerate(ids, minute):
        world.put(event_id.encode(), event_id, at(number))


def put_and_journal(world: World, *ids: str, minute: int = 0) -> None:
    put(world, *ids, minute=minute)
    world.journal(minimum_number_of_events=len(ids))


def ids(events: list[Event]) -> list[str]:
    return [event.event_id for event in events]


def replay_from_a_date_inside_a_journal(world: World) -> object:
    """How many of the 19 events after the first 11 of a journal come with their own bytes."""
    put_and_journal(world, *(f"event {number:02}" for number in range(30)))
    events = world.replay(from_date=at(10))
    return len(events), sum(event.data == event.event_id.encode() for event in events)


def three_new_events_with_one_date(world: World) -> object:
    for event_id in ("a", "b", "c"):
        world.put(event_id.encode(), event_id, at(0))
    return len(world.replay())


def an_event_journaled_and_another_put_with_the_same_date(world: World) -> object:
    put_and_journal(world, "first")
    world.put(b"second", "second", at(0))
    return ids(world.replay())


def two_journals_whose_ranges_overlap(world: World) -> object:
    for event_ids, minutes in (("ac", (0, 2)), ("bd", (1, 3))):
        for event_id, minute in zip(event_ids, minutes, strict=True):
            world.put(event_id.encode(), event_id, at(minute))
        world.journal(minimum_number_of_events=2)
    return "".join(ids(world.replay()))


def ids_that_begin_alike(world: World) -> object:
    put(world, "a", "ab")
    return (
        outcome(lambda: world.get_event("a").data),
        outcome(lambda: world.get_event("ab").data),
        world.event_exists(""),
    )


def two_updates_of_one_event_then_update_twice(world: World) -> object:
    put_and_journal(world, "id")
    world.update_event("id", b"older")
    world.update_event("id", b"newest")
    world.update()
    world.update()
    return world.get_event("id").data


def an_update_written_for_a_journal_that_was_combined_meanwhile(world: World) -> object:
    put(world, "id", "other")
    looked_up = world.new_journals()[0]
    world.journal(minimum_number_of_events=2)
    world.update_for(looked_up, "id", b"updated")
    world.update()
    return sorted(event.data for event in world.replay())


def eight_writers_put_one_id(world: World) -> object:
    return world.put_from_many_threads("id", [f"writer {number}".encode() for number in range(8)])


def an_id_with_a_slash_updated(world: World) -> object:
    put_and_journal(world, "folder/id")
    world.update_event("folder/id", b"updated")
    return outcome(world.update), world.get_event("folder/id").data


def a_date_in_year_900(world: World) -> object:
    world.put(b"data", "id", datetime(900, 1, 2, 3, 4, 5))
    return outcome(lambda: world.get_event("id").date), outcome(lambda: ids(world.replay()))


def a_date_at_12_plus_5_hours(world: World) -> object:
    world.put(b"data", "id", datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=5))))
    return [event.date for event in world.replay()]


def update_without_a_limit(world: World) -> object:
    put_and_journal(world, "a", "b")
    world.update_event("a", b"updated")
    world.update_event("b", b"updated")
    return outcome(lambda: world.update(None))


def a_tombstone_whose_journal_is_already_gone(world: World) -> object:
    put_and_journal(world, "id")
    store = world.place.store()
    (tombstone,) = (key for key in keys(store, "journals/") if key.endswith(".dead"))
    store.delete([tombstone.removesuffix(".dead")])
    return outcome(lambda: len(list(world.list_journals()))), outcome(lambda: ids(world.replay()))


def journaling_stopped_after_the_new_journal(world: World) -> object:
    put(world, "a", "b")
    world.journal_and_stop(minimum_number_of_events=2, tombstones=0)
    return ids(world.replay())


def journaling_stopped_where_the_new_range_looks_the_same(world: World) -> object:
    """Two events of one date are journaled, and one of them has its tombstone."""
    for event_id in ("a", "b"):
        world.put(event_id.encode(), event_id, at(0))
    put(world, "z", minute=9)
    world.journal_and_stop(minimum_number_of_events=2, tombstones=1)
    return len(world.replay())


def requests_of_journaling(world: World) -> object:
    """Whether 20 events more cost at most 7.1 requests each."""
    put(world, *(f"first {number:02}" for number in range(20)))
    few = world.requests_to_journal(20)
    put(world, *(f"second {number:02}" for number in range(40)), minute=100)
    return (world.requests_to_journal(40) - few) / 20 <= 7.1


@dataclass(frozen=True)
class Fault:
    """A line of the table: what was done, what this package gives, what 0.4.3 gave."""

    scenario: Callable[[World], object]
    right: object
    wrong: object
    in_reading: bool = False
    """Whether right data were read wrongly, so that reading what 0.4.3 wrote gives the right answer."""


FAULTS = [
    Fault(replay_from_a_date_inside_a_journal, (19, 19), (19, 0), in_reading=True),
    Fault(three_new_events_with_one_date, 3, 1, in_reading=True),
    Fault(an_event_journaled_and_another_put_with_the_same_date, ["first", "second"], ["second"], in_reading=True),
    Fault(two_journals_whose_ranges_overlap, "abcd", "acbd", in_reading=True),
    Fault(ids_that_begin_alike, (b"a", b"ab", False), ("FlashFloodEventNotFound", b"ab", True), in_reading=True),
    Fault(two_updates_of_one_event_then_update_twice, b"newest", b"older"),
    Fault(
        an_update_written_for_a_journal_that_was_combined_meanwhile,
        [b"other", b"updated"],
        [b"id", b"other", b"updated"],
    ),
    Fault(eight_writers_put_one_id, 1, 8),
    Fault(an_id_with_a_slash_updated, (1, b"updated"), ("ValueError", b"folder/id")),
    Fault(a_date_in_year_900, (datetime(900, 1, 2, 3, 4, 5), ["id"]), ("ValueError", "ValueError")),
    Fault(a_date_at_12_plus_5_hours, [datetime(2020, 1, 1, 7)], [datetime(2020, 1, 1, 12)]),
    Fault(update_without_a_limit, 2, "TypeError"),
    Fault(a_tombstone_whose_journal_is_already_gone, (1, ["id"]), ("ValueError", "ValueError"), in_reading=True),
    Fault(journaling_stopped_after_the_new_journal, ["a", "b"], ["a", "a", "b", "b"], in_reading=True),
    Fault(journaling_stopped_where_the_new_range_looks_the_same, 3, 2, in_reading=True),
    Fault(requests_of_journaling, right=True, wrong=False),
]
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.scenario.__name__)
every_fault_in_reading = pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.in_reading], ids=lambda fault: fault.scenario.__name__
)


@pytest.fixture(scope="module")
def processes() -> Iterator[OldProcesses]:
    with OldProcesses() as found:
        yield found


@every_fault
def test_this_package_gives_what_it_promises(place: Place, fault: Fault) -> None:
    assert fault.scenario(Ours(place)) == fault.right


@ON_MOTO
@every_fault
def test_0_4_3_has_the_fault(place: Place, processes: OldProcesses, fault: Fault) -> None:
    assert fault.wrong != fault.right
    assert fault.scenario(Old(place, processes)) == fault.wrong


@SERVERS
@every_fault_in_reading
def test_what_0_4_3_wrote_is_read_rightly(place: Place, processes: OldProcesses, fault: Fault) -> None:
    assert fault.scenario(WrittenByOld(place, processes)) == fault.right


@SERVERS
def test_this_package_tags_dead_journals_blobs_and_they_are_collectable(place: Place) -> None:
    world = Ours(place)
    (alive, dead), tagged = blobs_after_journaling(world)
    assert tagged == dead
    world.collect_garbage(grace=AT_ONCE)
    assert {key.removeprefix("blobs/") for key in keys(place.store(), "blobs/")} == alive


@ON_MOTO
def test_0_4_3_never_tags_dead_journals_blobs(place: Place, processes: OldProcesses) -> None:
    (_, dead), tagged = blobs_after_journaling(Old(place, processes))
    assert dead
    assert tagged == set()


def blobs_after_journaling(world: World) -> tuple[tuple[set[str], set[str]], set[str]]:
    """Journal two events; give the blob ids of living journals, of dead ones, and those that are tagged as garbage."""
    put(world, "a", "b")
    dead = {journal_id.rpartition("--new--")[2] for journal_id in world.new_journals()}
    world.journal(minimum_number_of_events=2)
    place = world.place
    client = place.client()
    tagged = set()
    blobs = {key.removeprefix("blobs/") for key in keys(place.store(), "blobs/")}
    for blob in blobs:
        tags = client.get_object_tagging(Bucket=place.bucket, Key=f"{place.prefix}/blobs/{blob}")["TagSet"]
        if tags == [{"Key": "garbage", "Value": "true"}]:
            tagged.add(blob)
    return (blobs - dead, dead), tagged


def test_journaling_succeeds_when_the_only_new_event_is_to_be_deleted(place: Place) -> None:
    assert journal_an_event_to_be_deleted(Ours(place)) == []


@ON_MOTO
def test_0_4_3_succeeds_there_too(place: Place, processes: OldProcesses) -> None:
    assert journal_an_event_to_be_deleted(Old(place, processes)) == []


def journal_an_event_to_be_deleted(world: World) -> list[Event]:
    put(world, "id")
    world.delete_event("id")
    world.journal(minimum_number_of_events=1)
    return world.replay()
