"""`stats` counts what a store holds from listings, and says which of its figures are estimates."""

import logging
import random
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from conftest import Place
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Counted, Death, Far, Interrupted, Mortal, Short, keys, on

from flashflood import FlashFlood, Stats
from flashflood.stats import listed
from flashflood.stats.stats import AGES, SIZES
from flashflood.store import open_store
from flashflood.store.protocol import Page, Store

IN_A_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def furnish(ff: FlashFlood) -> None:
    """Leave two journals, a new event, an update and a delete that wait, and dead ones of all kinds."""
    put_journaled(ff, "a", "b", "c")
    ff.update_event("a", b"updated")
    ff.update()
    put_journaled(ff, "d", start=60)
    put_new(ff, "new", start=120)
    ff.update_event("b", b"later")
    ff.delete_event("d")


def sizes(store: Store, prefix: str, *, of: str = "") -> int:
    """Add up the sizes of objects, of those whose keys have a text in them."""
    return sum(entry.size for entry in store.list(prefix).entries if of in entry.key)


def test_stats_counts_what_a_store_holds_and_what_is_dead(place: Place) -> None:
    ff = place.open()
    furnish(ff)
    found = ff.stats()
    events = list(ff.replay())
    assert (found.events, found.is_exact) == (len(events), True) == (5, True)
    assert found.bytes == sum(len(event.data) for event in events)
    assert (found.first_date, found.last_date) == (at(0), at(120))
    assert (found.journals, found.new_journals, found.new_events) == (2, 1, 1)
    assert found.pending_updates == 2
    assert (found.dead_journals, found.dead_updates) == (5, 1)  # four new ones, the one that was updated
    assert ff.collect_garbage(AT_ONCE) == found.dead_journals + found.dead_updates
    again = ff.stats()
    assert (again.dead_journals, again.dead_updates, again.garbage_bytes) == (0, 0, 0)
    assert (again.events, again.bytes, again.journals) == (found.events, found.bytes, found.journals)


@ON_SQLITE
def test_garbage_is_all_that_is_collected(place: Place) -> None:
    ff = place.open()
    furnish(ff)
    folders = ("journals/", "blobs/", "update/")
    before = sum(sizes(place.store(), folder) for folder in folders)
    found = ff.stats()
    ff.collect_garbage(AT_ONCE)
    assert before - sum(sizes(place.store(), folder) for folder in folders) == found.garbage_bytes > 0


def test_what_a_combination_replaces_is_dead_as_soon_as_that_is_committed(tmp_path: Path) -> None:
    for last in count(1):
        store = open_store(tmp_path / f"{last}.flashflood")
        put_new(on(store), "a", "b")
        with pytest.raises(Death):
            on(Mortal(store, last, answer_lost=True)).journal(2)
        found = on(store).stats()
        assert (found.events, found.is_exact) == (2, True)
        if found.journals:
            break
    assert not any(key.endswith(".dead") for key in keys(store))
    assert (found.new_events, found.dead_journals) == (0, 2)


@ON_SQLITE
def test_an_empty_store_has_nothing(place: Place) -> None:
    found = place.open().stats()
    assert (found.events, found.is_exact, found.bytes, found.journals) == (0, True, 0, 0)
    assert (found.first_date, found.oldest_new, found.oldest_update) == (None, None, None)
    assert (found.bins, found.bin_width) == ((), "")


@ON_SQLITE
@pytest.mark.parametrize("seed", range(2))
def test_of_many_journals_events_are_estimated_and_all_else_is_exact(place: Place, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    ff = place.open()
    for number in range(30):
        ff.put_many(
            (b"x" * chance.randrange(300), f"{number:03}-{event:05}", at(60 * number + chance.random() * 90))
            for event in range(chance.randrange(100, 300))
        )
    for number in range(20):
        ff.put(b"new", f"new {number}", at(3000 + number))
        ff.put_many((b"new", f"new {number}-{event}", at(3000 + event)) for event in range(chance.randrange(1, 60)))
    found = ff.stats()
    events = list(ff.replay())
    assert (found.is_exact, found.new_is_exact) == (False, False)
    assert found.events == pytest.approx(len(events), rel=0.05)
    new = [event for event in events if event.event_id.startswith("new")]
    assert found.new_events == pytest.approx(len(new), rel=0.05)
    assert found.bytes == sum(len(event.data) for event in events)
    assert (found.first_date, found.last_date) == (events[0].date, events[-1].date)
    assert (found.journals, found.new_journals) == (30, 40)
    assert (sum(one.events for one in found.bins), sum(one.bytes for one in found.bins)) == (found.events, found.bytes)
    for one in found.bins:
        there = [event for event in events if one.start <= event.date < one.end]
        assert one.events == pytest.approx(len(there), rel=0.2, abs=50)
        assert one.bytes == pytest.approx(sum(len(event.data) for event in there), rel=0.2, abs=10_000)


@ON_SQLITE
def test_the_bins_of_journals_that_lie_in_one_each_are_exact(place: Place) -> None:
    ff = place.open()
    for minute in (0, 0.5, 2, 7, 7.2, 7.9, 30):
        ff.put(b"data", f"{minute}", at(minute))
        ff.journal(1)
    assert ff.stats().bin_width == "minute"
    assert [one.events for one in ff.stats().bins if one.events] == [2, 1, 3, 1]
    assert [one.start for one in ff.stats().bins if one.events] == [at(0), at(2), at(7), at(30)]


@ON_SQLITE
def test_journals_are_parted_by_size_and_by_age(place: Place) -> None:
    ff = place.open()
    sizes = (100, 20_000, 30_000, 2_000_000)
    for number, size in enumerate(sizes):
        ff.put(b"x" * size, f"{number}", at(number))
        ff.journal(1)
    put_new(ff, "new")
    found = ff.stats()
    assert [group.below for group in found.by_size] == [*SIZES, None]
    assert [group.journals for group in found.by_size] == [1, 2, 0, 1, 0, 0, 0]
    assert [group.below for group in found.by_age] == [*AGES, None]
    assert [group.journals for group in found.by_age] == [4, 0, 0, 0, 0, 0]
    assert sum(group.bytes for group in found.by_age) == sum(group.bytes for group in found.by_size) > sum(sizes)


@ON_SQLITE
def test_ages_are_told_by_the_clock_of_the_store(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a")
    put_new(ff, "new")
    ff.update_event("a", b"x")
    found = ff.stats()
    for date in (found.oldest_new, found.oldest_update):
        assert date is not None
        assert timedelta(0) <= found.date - date < timedelta(minutes=2)


def combine(ff: FlashFlood) -> None:
    ff.combine_journals(list(ff.list_journals()))


def test_of_what_is_combined_meanwhile_no_event_is_left_out(tmp_path: Path) -> None:
    for request in count(1):
        store = open_store(tmp_path / f"{request}.flashflood")
        ff = on(store)
        put_new(ff, *(f"{number:02}" for number in range(8)))
        interrupted = Interrupted(Short(store, 3), request, partial(combine, ff))
        found = on(interrupted).stats()
        assert 8 <= found.events <= 16
        if not interrupted.reached:
            assert request > 8
            assert found.events == 8
            return


@ON_SQLITE
def test_a_journal_whose_dates_0_4_3_wrote_the_other_way_round_counts(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", start=30)
    last, first = "2020-01-01T005900.000000Z", "2020-01-01T000000.000000Z"
    journal_id = f"{last}--{first}--{last}--{UUID(int=1)}"
    place.store().put(f"journals/{journal_id}", b"{}", metadata={"number_of_events": "40", "journal_data_size": "400"})
    place.store().put(f"blobs/{UUID(int=1)}", b"x" * 400)
    found = ff.stats()
    assert (found.events, found.first_date, found.last_date) == (41, at(0), at(59))
    assert sum(one.events for one in found.bins) == 41
    assert found.bytes == 400 + len(b"data of a")


@ON_SQLITE
def test_a_journal_without_its_blob_is_warned_of(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    ff = place.open()
    put_journaled(ff, "a")
    place.store().delete(list(keys(place.store(), "blobs/")))
    with caplog.at_level(logging.WARNING, "flashflood"):
        assert ff.stats().bytes == 0
    assert "1 journals have no blob; `check` names them" in caplog.text


class Begun(Far):
    """Keeps after which keys a listing went on, or was begun."""

    def __init__(self, store: Store, page: int) -> None:
        super().__init__(store, page)
        self.begun: set[str | None] = set()

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        self.begun.add(after)
        return super().list(prefix, after)


def test_the_blobs_of_many_journals_are_listed_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "events.flashflood")
    ff = on(store)
    put_journaled(ff, *(f"dead {number}" for number in range(10)))
    put_new(ff, *(f"{number}" for number in range(40)))
    store.put("blobs/3", b"a stranger's")
    here = ff.stats()
    monkeypatch.setattr(listed, "LARGE", 51)
    far = Begun(store, 2)
    there = on(far).stats()
    assert {f"blobs/{digit}" for digit in "123456789abcdef"} <= far.begun
    fields = ("events", "bytes", "garbage_bytes", "by_size", "bins")
    assert [getattr(there, name) for name in fields] == [getattr(here, name) for name in fields]


@IN_A_FOLDER
def test_stats_takes_the_listings_and_sixteen_requests_at_most(place: Place) -> None:
    ff = place.open()
    for number in range(9):
        put_journaled(ff, f"{number}")
    ff.collect_garbage(AT_ONCE)
    put_new(ff, *(f"new {number}" for number in range(9)))
    listings = ["blobs/", "journals/", "ledger/", "update-ids/", "update/"]
    assert requests(place) == (listings, 16)
    combine(ff)
    assert requests(place) == (sorted([*listings, "journals/"]), 1)


def requests(place: Place) -> tuple[list[str], int]:
    """Give what `stats` lists, and how many HEADs it sends; there is nothing else."""
    store = Counted(place.store())
    on(store).stats()
    heads = [key for method, key in store.requests if method == "head"]
    listed = sorted(key for method, key in store.requests if method == "list")
    assert len(heads) + len(listed) == len(store.requests)
    return listed, len(heads)


def test_its_words_name_the_store_and_what_is_in_it(tmp_path: Path) -> None:
    ff = FlashFlood.open(tmp_path / "events.flashflood")
    put_new(ff, "a", "b")
    assert repr(ff.stats()) == f"<Stats of {tmp_path / 'events.flashflood'}: 2 events, 18 bytes>"
    assert isinstance(ff.stats(), Stats)
    assert isinstance(ff.stats().date, datetime)
