"""`partitions` cuts a replay into parts that read themselves anywhere, and together are the replay.

The rules are SEMANTICS.md's, "Partitions"; how their listings go is PROTOCOL.md's step 13.
"""

import itertools
import multiprocessing
import pickle
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import KINDS, Place
from support.samples import at, put_journaled, put_new
from support.watched import Counted, Interrupted, Short, on

from flashflood import Event, FlashFlood, FlashFloodException, Partition
from flashflood.store import open_store

ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
PICKLED = 2_000
"""Bytes that a partition takes at most."""
REQUESTS_BESIDE_LISTING = 32


def read(partitions: list[Partition]) -> list[Event]:
    return [event for partition in partitions for event in partition.events()]


def many(ff: FlashFlood, count: int, *, every: float = 1, start: float = 0, name: str = "e") -> None:
    """Put so many events of 100 bytes, so many minutes apart."""
    ff.put_many((b"x" * 100, f"{name}{number:06}", at(start + every * number)) for number in range(count))


def furnish(ff: FlashFlood, seed: int) -> None:
    """Fill a store by chance: journals that overlap, events of one date, new ones, dead ones, updates."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    dates = [at(chance.randrange(300)) for _ in range(40)]
    for number in range(chance.randrange(1, 7)):
        batch = [
            (b"x" * chance.randrange(200), f"{number}-{index}", chance.choice(dates))
            for index in range(chance.randrange(1, 20))
        ]
        ff.put_many(batch)
        ff.put(b"alone", f"{number}-alone", chance.choice(dates))
        if chance.random() < 0.3:
            ff.update_event(batch[0][1], b"updated")
            ff.update()
        if chance.random() < 0.4:
            ff.journal(1)


@pytest.mark.parametrize("seed", range(3))
def test_partitions_together_are_exactly_the_replay_in_its_order(place: Place, seed: int) -> None:
    ff = place.open()
    furnish(ff, seed)
    for bounds in ((None, None), (at(50), at(220)), (at(99), None), (None, at(100))):
        for size in (400, 5_000, 1 << 30):
            partitions = ff.partitions(*bounds, size=size)
            assert read(partitions) == list(ff.replay(*bounds))
            for one, other in itertools.pairwise(partitions):
                assert one.to_date == other.from_date
            for partition in partitions:
                for event in partition.events():
                    assert partition.from_date is None or partition.from_date < event.date
                    assert event.date <= partition.to_date


def test_filter_and_select_go_with_each_partition(place: Place) -> None:
    ff = place.open()
    ff.put_many([(b'{"level":%d}' % number, f"{number:03}", at(number)) for number in range(300)])
    given = {"filter": "level > `100`", "select": "{l: level}"}
    partitions = ff.partitions(size=500, **given)  # type: ignore[arg-type]
    assert len(partitions) > 3
    assert read(partitions) == list(ff.replay(**given))  # type: ignore[arg-type]
    tables = [pa.table(partition.batches(batch_size=7)) for partition in partitions]
    assert pa.concat_tables(tables).equals(pa.table(ff.replay_batches(**given)))  # type: ignore[arg-type]


@ON_SQLITE
def test_partitions_have_about_so_many_bytes(place: Place) -> None:
    ff = place.open()
    many(ff, 20_000)
    partitions = ff.partitions(size=101_000)
    assert len(partitions) == 20
    for partition in partitions:
        events = list(partition.events())
        assert sum(len(event.data) for event in events) == pytest.approx(100_000, rel=0.05)
        assert len(events) == pytest.approx(partition.estimated_events, rel=0.05)
        assert partition.estimated_bytes == pytest.approx(100_000, rel=0.01)


@ON_SQLITE
def test_a_wide_journal_whose_events_lie_unevenly_is_cut_evenly(place: Place) -> None:
    ff = place.open()
    many(ff, 3_000, every=60)
    many(ff, 3_000, every=0.01, start=90_000, name="dense")
    ff.combine_journals(ff.list_journals())
    sizes = [sum(len(event.data) for event in partition.events()) for partition in ff.partitions(size=61_000)]
    assert len(sizes) == 10
    assert max(sizes) < 1.1 * 61_000


@ON_SQLITE
def test_many_events_of_one_microsecond_are_not_torn_apart(place: Place) -> None:
    ff = place.open()
    many(ff, 1_000, every=0)
    put_new(ff, "before", start=-5)
    put_new(ff, "after", start=5)
    partitions = ff.partitions(size=1_000)
    counts = [sum(event.date == at(0) for event in partition.events()) for partition in partitions]
    assert max(counts) == 1_000
    assert len(read(partitions)) == 1_002


@ON_SQLITE
def test_events_of_the_first_and_the_last_microsecond_of_the_calendar_have_partitions(place: Place) -> None:
    ff = place.open()
    ff.put(b"first", "a", datetime.min)  # noqa: DTZ901 - naive dates are UTC here
    ff.put(b"last", "b", datetime.max)  # noqa: DTZ901 - as above
    partitions = ff.partitions(size=1)
    assert [event.data for event in read(partitions)] == [b"first", b"last"]
    assert partitions[0].from_date is None


def test_nothing_has_no_partitions(place: Place) -> None:
    ff = place.open()
    assert ff.partitions() == []
    put_journaled(ff, "a", "b")
    assert ff.partitions(at(5)) == []
    assert ff.partitions(at(0), at(0)) == []


@ON_SQLITE
def test_what_is_given_wrongly_is_refused(place: Place) -> None:
    ff = place.open()
    with pytest.raises(ValueError, match="size=0; a partition has 1 byte or more"):
        ff.partitions(size=0)
    with pytest.raises(ValueError, match="after its end"):
        ff.partitions(at(2), at(1))
    with pytest.raises(ValueError, match="no function nonsense"):
        ff.partitions(filter="nonsense(a)")
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        ff.partitions(select="&a")


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def events_of(partition: Partition) -> list[Event]:
    return list(partition.events())


@pytest.mark.parametrize("place", ["sqlite", "folder", "moto"], indirect=True)
def test_partitions_are_read_in_other_processes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    if place.s3:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, place.env[name])
    ff = place.open()
    many(ff, 400)
    partitions = ff.partitions(size=10_000)
    with processes(2) as pool:
        assert [event for part in pool.map(events_of, partitions) for event in part] == list(ff.replay())


def test_a_partition_takes_little_and_carries_no_credentials(place: Place) -> None:
    ff = place.open()
    many(ff, 400)
    for partition in ff.partitions(size=1_000, filter="length(a) > `1`", select="{a: b, c: d}"):
        pickled = pickle.dumps(partition)
        assert len(pickled) < PICKLED
        if place.s3:
            assert place.env["AWS_SECRET_ACCESS_KEY"].encode() not in pickled


def test_one_in_memory_says_why_it_cannot_be_pickled() -> None:
    ff = FlashFlood.open("memory://")
    ff.put(b"data")
    (partition,) = ff.partitions()
    with pytest.raises(TypeError, match="Partition can be neither pickled nor copied: its store is in this process"):
        pickle.dumps(partition)
    assert [event.data for event in partition.events()] == [b"data"]


def combine_all(ff: FlashFlood) -> None:
    """Combine everything, so that each event is in a journal that begins before those that it was in."""
    ff.journal(1)
    ff.combine_journals(ff.list_journals())


def combine_twice(ff: FlashFlood) -> None:
    """Move the events on again, and begin earlier still."""
    combine_all(ff)
    put_new(ff, "first of all", start=-1_000)
    combine_all(ff)


@pytest.mark.parametrize("after_planning", [combine_all, combine_twice])
@pytest.mark.parametrize("page", [1_000, 7])
def test_what_is_combined_after_planning_is_read_all_the_same(
    place: Place, after_planning: Callable[[FlashFlood], None], page: int
) -> None:
    ff = place.open()
    for start in range(0, 100, 10):
        many(ff, 10, start=start, name=f"{start:03}-")
    put_new(ff, *(f"new {number}" for number in range(5)), start=60)
    planner = on(Short(place.store(), page))
    there = list(ff.replay())
    planned = planner.partitions(size=1_500), planner.partitions(at(35), size=1_500)
    assert min(map(len, planned)) > 2
    after_planning(ff)
    assert read(planned[0]) == there
    assert read(planned[1]) == [event for event in there if event.date > at(35)]


@pytest.mark.parametrize("meanwhile", [combine_all, combine_twice])
def test_what_is_combined_while_planning_is_read_all_the_same(
    meanwhile: Callable[[FlashFlood], None], tmp_path: Path
) -> None:
    for request in itertools.count(1):
        store = open_store(tmp_path / f"{request}.flashflood")
        ff = on(store)
        put_new(ff, *(f"{number:02}" for number in range(12)))
        there = list(ff.replay())
        interrupted = Interrupted(Short(store, 5), request, partial(meanwhile, ff))
        partitions = on(interrupted).partitions(size=60)
        if not interrupted.reached:
            assert request > 5
            return
        assert [event for event in read(partitions) if event.date >= at(0)] == there


@ON_SQLITE
def test_a_store_of_which_all_is_dead_has_no_events(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    for event_id in ("a", "b"):
        ff.delete_event(event_id)
    ff.update()
    assert read(ff.partitions()) == []


@ON_SQLITE
def test_a_partition_older_than_half_the_grace_time_is_refused(place: Place) -> None:
    ff = place.open()
    many(ff, 10)
    (partition,) = ff.partitions()
    part = partition._part  # noqa: SLF001 - a plan of thirteen hours ago
    plan = part.plan._replace(date=part.plan.date - timedelta(hours=13))
    partition._part = part._replace(plan=plan)  # noqa: SLF001 - as above
    with pytest.raises(
        FlashFloodException, match=r"was planned at .* more than 12:00:00 ago: .*call `partitions` again"
    ):
        next(iter(partition.events()))


@ON_SQLITE
def test_planning_takes_a_listing_and_few_requests_more(place: Place) -> None:
    ff = place.open()
    for number in range(150):
        many(ff, 3, start=number, every=0.1, name=f"{number:03}-")
    put_new(ff, *(f"new {number}" for number in range(40)), start=500)
    counted = Counted(Short(place.store(), 50))
    partitions = on(counted).partitions(size=2_000)
    assert len(partitions) > 20
    requests = [method for method, _ in counted.requests]
    assert requests.count("list") <= 2 * (190 // 50 + 1)
    assert len(requests) - requests.count("list") <= REQUESTS_BESIDE_LISTING
    assert not counted.writes


@ON_SQLITE
def test_all_partitions_together_list_little_more_than_one_replay(place: Place) -> None:
    ff = place.open()
    for number in range(600):
        many(ff, 2, start=number, every=0.1, name=f"{number:03}-")
    counted = Counted(Short(place.store(), 50))
    client = on(counted)
    partitions = client.partitions(size=2_000)
    assert len(partitions) == pytest.approx(60, abs=2)
    counted.requests.clear()
    assert len(read(partitions)) == 1_200
    lists = [method for method, _ in counted.requests].count("list")
    assert lists <= 2 * len(partitions)  # and not the pages before each of them, which are 390


@ON_MOTO
def test_a_flashflood_on_a_users_client_gives_partitions_that_ask_the_same_server(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ff = FlashFlood(place.resource(), place.bucket, place.prefix)
    many(ff, 20)
    (partition,) = ff.partitions()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, place.env[name])
    again = pickle.loads(pickle.dumps(partition))  # noqa: S301 - of our own making
    assert list(again.events()) == list(ff.replay())


ON_SERVERS = pytest.mark.parametrize("place", [kind for kind in KINDS if kind in {"moto", "rgw"}], indirect=True)


@ON_SERVERS
def test_presigned_partitions_are_read_without_credentials(place: Place) -> None:
    ff = place.open()
    furnish(ff, 1)
    for bounds in ((None, None), (at(50), at(220))):
        given = {"filter": None, "select": "length(@)"} if bounds[0] else {}
        partitions = ff.partitions(*bounds, size=500, presigned=True, **given)  # type: ignore[arg-type]
        again = pickle.loads(pickle.dumps(partitions))  # noqa: S301 - of our own making
        assert len(again) > 1
        assert read(again) == list(ff.replay(*bounds, **given))  # type: ignore[arg-type]
        tables = [pa.table(partition.batches()) for partition in again]
        assert pa.concat_tables(tables).equals(pa.table(ff.replay_batches(*bounds, **given)))  # type: ignore[arg-type]


@ON_SQLITE
def test_only_a_store_on_s3_has_presigned_partitions(place: Place) -> None:
    with pytest.raises(ValueError, match=r"presigned=True, but .* is not on S3"):
        place.open().partitions(presigned=True)


def test_it_says_what_it_is() -> None:
    ff = FlashFlood.open("memory://")
    many(ff, 10)
    (partition,) = ff.partitions()
    assert repr(partition) == (
        "<Partition 2019-12-31 23:59:59.999999 < date <= 2020-01-01 00:09:00: about 10 events, 1,000 bytes>"
    )
