"""Replay of a short range reads of a large manifest what the range needs, and gives what the whole manifest gives."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from conftest import Place
from support.large_journals import LONG, each_second, store_journal
from support.samples import at
from support.watched import Answer, Interrupted, Watched, on

from flashflood import Event, FlashFlood, layout
from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.dates import DateRange
from flashflood.identifiers import JournalID
from flashflood.records.living import journal_id
from flashflood.replay import rows as rows_of_replay
from flashflood.replay import sections
from flashflood.replay.sections import read_rows
from flashflood.store import Found, Store, open_store
from flashflood.store.protocol import Entry
from flashflood.util import datetime_to_timestamp


class Parts(Watched):
    """Remembers how many bytes of manifests were read, how many parts, and how many manifests whole."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.size = self.parts = self.wholes = 0

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        found = super().get(key, start, stop)
        if key.startswith(layout.JOURNALS) and found is not None:
            self.size += len(found.body)
            self.wholes += start is None
            self.parts += start is not None
        return found


def the_manifest(store: Store) -> Entry:
    """Give the only manifest, as a listing gives it."""
    (entry,) = store.list(layout.JOURNALS).entries
    return entry


def places(manifest: Manifest | None) -> list[tuple[str, str, int, int]]:
    """Give what a manifest says of its events."""
    assert manifest is not None
    return [(row.timestamp, row.event_id, row.offset, row.size) for row in manifest.rows()]


def within(dates: DateRange, rows: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    """Give those of the events in a range."""
    return [row for row in rows if (dates.start or "") < row[0] <= (dates.end or "~")]


def shown(ff: FlashFlood, start: datetime | None, end: datetime | None) -> list[Event]:
    return list(ff.replay(start, end))


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller manifests are read in parts too."""
    monkeypatch.setattr(sections, "WORTH_A_REQUEST", 100_000)


def test_a_short_range_reads_of_a_large_journal_only_what_it_needs(place: Place) -> None:
    store = Parts(place.store())
    events = each_second(6_000)
    store_journal(store, events)
    size = the_manifest(store).size
    assert shown(on(store), at(20), at(20.1)) == events[1201:1207]
    assert store.wholes == 0
    assert store.size < size / 10


def test_a_range_of_most_of_a_journal_and_any_of_a_small_one_is_one_read_of_its_manifest(place: Place) -> None:
    for count, bounds in [
        (6_000, (None, None)),
        (6_000, (at(5), None)),
        (6_000, (at(-5), at(80))),
        (2_500, (at(1), at(2))),
    ]:
        store = Parts(place.store())
        made = store_journal(store, each_second(count))
        shown(on(store), *bounds)
        assert (store.wholes, store.size) == (1, the_manifest(store).size)
        store.delete([layout.journal_key(made)])


def a_journal(random: Random) -> list[Event]:
    """Give events that lie unevenly: many of one moment, few in most of the time, or one a second."""
    count = random.choice([2_048, 2_600, 5_000])
    kind = random.choice(["even", "clustered", "of a few moments"])
    moments: dict[str, Callable[[int], int]] = {
        "even": lambda number: number,
        "clustered": lambda _: random.choice([0, 500, 505, 2_000]) + random.randrange(3),
        "of a few moments": lambda number: number // 700 * 1_000,
    }
    return [
        Event(f"{LONG}{random.randrange(10**9):09}.{number}", at(moments[kind](number) / 60), b"x")
        for number in range(count)
    ]


@pytest.mark.usefixtures("in_parts")
def test_the_rows_of_a_range_are_those_of_the_whole_manifest() -> None:
    random, parts = Random(8), 0  # noqa: S311  a test is no secret
    for _ in range(4):
        store = Parts(open_store("memory://"))
        moment = datetime_to_timestamp(at(0))
        dead = JournalID.make(moment, moment, moment, str(UUID(int=9)))
        store_journal(store, a_journal(random), replaces=[dead] * random.choice([0, 1, 500]))
        entry, ctx = the_manifest(store), Context(store, read_pending_updates=True)
        whole = ctx.manifest(journal_id(entry))
        assert whole is not None
        rows = places(whole)
        edges = [row[0] for row in rows[::128]]
        for _ in range(25):
            start, end = sorted(
                random.choice([random.choice(edges), datetime_to_timestamp(at(random.uniform(-5, 90)))])
                for _ in range(2)
            )
            dates = DateRange(random.choice([start, start, None]), random.choice([end, end, None]))
            store.wholes = 0
            found = read_rows(ctx, entry, dates)
            assert found is not None
            assert within(dates, places(found)) == within(dates, rows)
            assert (found.journal_id, found.size, found.replaces) == (whole.journal_id, whole.size, whole.replaces)
            assert (found.is_ours, found.is_ordered) == (True, True)
            parts += store.wholes == 0
    assert parts > 20


def some_journals(store: Store, random: Random) -> None:
    """Store journals of which some replace others, have updated and deleted their events, and some are 0.4.3's."""
    stored: list[tuple[JournalID, list[Event]]] = []
    for number in range(1, 6):
        events = a_journal(random)
        replaces: list[str] = []
        if stored and random.random() < 0.6:
            source, of_source = random.choice(stored)
            events += [event._replace(data=b"updated") for event in of_source if random.random() < 0.8]
            replaces = [source]
            if random.random() < 0.3:
                store.put(layout.tombstone_key(layout.journal_key(source)), b"")
        is_ours = random.random() < 0.7
        stored.append((store_journal(store, events, replaces=replaces, number=number, is_ours=is_ours), events))


@pytest.mark.usefixtures("in_parts")
def test_a_replay_of_any_range_is_what_it_is_of_whole_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(9)  # noqa: S311  a test is no secret
    for _ in range(2):
        store = Parts(open_store("memory://"))
        some_journals(store, random)
        starts = [at(random.choice([0, 8.4, 33.3, random.uniform(-1, 80)])) for _ in range(6)]
        ranges = [(start, start + timedelta(seconds=random.choice([1, 5, 60, 600]))) for start in starts]
        found = [shown(on(store), *bounds) for bounds in ranges]
        assert store.parts > 10
        with monkeypatch.context() as patch:
            patch.setattr(rows_of_replay, "read_rows", lambda ctx, entry, _: ctx.manifest(journal_id(entry)))
            assert found == [shown(on(store), *bounds) for bounds in ranges]
        assert any(found)


def changed(entry: Entry, store: Store, old: bytes, new: bytes) -> None:
    """Put other bytes, as many, into a manifest."""
    found = store.get(entry.key)
    assert found is not None
    assert len(old) == len(new)
    assert old in found.body
    store.put(entry.key, found.body.replace(old, new, 1))


@pytest.mark.usefixtures("in_parts")
def test_a_manifest_that_was_changed_counts_as_it_is_now() -> None:
    store, events = open_store("memory://"), each_second(3_000)
    store_journal(store, events)
    entry, ctx = the_manifest(store), Context(store, read_pending_updates=True)
    dates = DateRange(datetime_to_timestamp(at(20)), datetime_to_timestamp(at(20.1)))
    changed(entry, store, b'one 001203"', b'one OTHER!"')
    found = read_rows(ctx, entry, dates)
    assert within(dates, places(found)) == within(dates, places(ctx.manifest(journal_id(entry))))
    assert found is not None
    assert found.find(f"{LONG}OTHER!") is not None


@pytest.mark.usefixtures("in_parts")
def test_a_table_counts_only_under_the_key_that_it_was_written_for() -> None:
    store, events = open_store("memory://"), each_second(3_000)
    made = store_journal(store, events)
    body = store.get(layout.journal_key(made))
    assert body is not None
    store.delete([layout.journal_key(made)])
    store.put(layout.journal_key(JournalID(made[:-1] + "7")), body.body)
    found = read_rows(
        Context(store, read_pending_updates=True),
        the_manifest(store),
        DateRange(datetime_to_timestamp(at(20)), datetime_to_timestamp(at(20.1))),
    )
    assert found is not None
    assert not found.is_ours


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("lost", [1, 900])
def test_a_manifest_that_was_lost_and_written_again_meanwhile_counts_as_it_is_now(number: int, lost: int) -> None:
    events = each_second(3_000)
    inner = open_store("memory://")
    made = store_journal(inner, events)
    entry = the_manifest(inner)

    def write_again() -> None:
        """Write the manifest with fewer events, as `repair` does where it is lost."""
        assert store_journal(inner, [events[0], *events[lost + 1 :]]) == made

    ctx = Context(Interrupted(inner, number, write_again), read_pending_updates=True)
    dates = DateRange(datetime_to_timestamp(at(20)), datetime_to_timestamp(at(20.1)))
    assert within(dates, places(read_rows(ctx, entry, dates))) == within(dates, places(ctx.manifest(made)))


@pytest.mark.usefixtures("in_parts")
def test_a_manifest_without_a_table_is_read_whole() -> None:
    store, events = Parts(open_store("memory://")), each_second(3_000)
    store_journal(store, events, is_ours=False)
    assert shown(on(store), at(20), at(20.1)) == events[1201:1207]
    assert store.wholes == 1


@pytest.mark.usefixtures("in_parts")
def test_what_put_many_and_update_write_is_read_by_sections() -> None:
    store, events = Parts(open_store("memory://")), each_second(2_300)
    ff = on(store)
    ff.put_many(events)
    ff.update_event(events[1203].event_id, b"changed")
    ff.delete_event(events[1204].event_id)
    assert ff.update(None) == 2
    store.wholes = 0
    changed = events[1203]._replace(data=b"changed")
    assert shown(ff, at(20), at(20.1)) == [*events[1201:1203], changed, *events[1205:1207]]
    assert (store.wholes, store.parts > 0) == (0, True)
