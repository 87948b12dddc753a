"""`compact` makes larger journals of neighbouring small ones, and rewrites no event more than twice."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import pytest
from conftest import LOCAL, Copier, Place, copier
from hypothesis import given, settings
from hypothesis import strategies as st
from support.races import interrupt_everywhere
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Death, Mortal, Watched, on

from flashflood import (
    FlashFlood,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
    JournalID,
    layout,
)
from flashflood.maintain.tiers import GATHERED, LARGE, Sized, groups, total
from flashflood.records import ledger
from flashflood.store import Store

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
EVENTS = ["a", "b", "c", "d", "e", "f"]
ENOUGH_FOR_ALL = 3_500
"""Bytes: a target of which six journals of an event each are more than three quarters."""


def journal_each(ff: FlashFlood, *ids: str, start: int = 0) -> dict[str, bytes]:
    """Put events, and journal each by itself."""
    found: dict[str, bytes] = {}
    for minute, event_id in enumerate(ids, start):
        found |= put_journaled(ff, event_id, start=minute)
    return found


def size_of_all(ff: FlashFlood) -> int:
    """Give the bytes of all living journals: with this target they become one."""
    ctx = ff._ctx  # noqa: SLF001  sizes of objects
    sizes = {entry.key: entry.size for entry in ctx.entries("")}
    living = list(ff.list_journals())
    return sum(sizes[layout.journal_key(one)] + sizes[layout.blob_key(one)] for one in living)


def compact_all(ff: FlashFlood) -> object:
    """Make one journal of all, where there are six small ones."""
    return ff.compact(ENOUGH_FOR_ALL)


# What it does


def test_compact_makes_one_journal_of_neighbouring_small_ones(place: Place) -> None:
    ff = place.open()
    stored = journal_each(ff, *EVENTS)
    assert ff.compact(size_of_all(ff))[:3] == (6, 1, 6)
    assert len(list(ff.list_journals())) == 1
    assert contents(ff.replay()) == stored
    assert {event_id: ff.get_event(event_id).data for event_id in stored} == stored
    assert ff.check() == []


@ON_FOLDER
def test_compact_applies_updates_and_deletes_on_the_way(place: Place) -> None:
    ff = place.open()
    stored = journal_each(ff, *EVENTS)
    ff.update_event("b", b"new")
    ff.delete_event("c")
    compact_all(ff)
    del stored["c"]
    assert contents(ff.replay()) == stored | {"b": b"new"}
    assert ff.update(None) == 0


@ON_FOLDER
def test_compact_leaves_new_events_to_journal(place: Place) -> None:
    ff = place.open()
    journal_each(ff, *EVENTS)
    put_new(ff, "x", "y", start=2)
    new = set(ff.new_journals())
    compact_all(ff)
    assert set(ff.new_journals()) == new
    assert len(list(ff.list_journals())) == 3


@ON_FOLDER
def test_compact_combines_only_journals_whose_events_all_lie_in_the_range(place: Place) -> None:
    ff = place.open()
    journal_each(ff, *(f"{number:02}" for number in range(20)))
    put_journaled(ff, "from before", "into the range", start=4)
    before = set(ff.list_journals())
    assert ff.compact(size_of_all(ff) * 6 // 10, at(4), at(15)).journals == 11
    (made,) = set(ff.list_journals()) - before
    assert (made.start_date, made.end_date) == (at(5), at(15))


@ON_FOLDER
def test_compact_leaves_a_large_journal_alone(place: Place) -> None:
    ff = place.open()
    journal_each(ff, *EVENTS)
    ff.put(b"x" * 100_000, "large", at(3.5))
    ff.journal(1)
    (large,) = [one for one in ff.list_journals() if one.start_date == at(3.5)]
    ff.compact(20_000)
    assert large in set(ff.list_journals())


@ON_FOLDER
@pytest.mark.parametrize("target", [0, -1])
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_target_below_one_byte_is_a_value_error(place: Place, target: int, *, dry_run: bool) -> None:
    with pytest.raises(ValueError, match="target_size"):
        place.open().compact(target, dry_run=dry_run)


# What it costs


def test_a_dry_run_writes_nothing_and_says_what_compact_then_does(place: Place) -> None:
    journal_each(place.open(), *EVENTS)
    counted = Counted(place.store())
    ff = on(counted)
    target = size_of_all(ff)
    planned = ff.compact(target, dry_run=True)
    assert counted.writes == []
    assert planned == ff.compact(target)
    assert (planned.journals, planned.into, planned.events) == (6, 1, 6)


def test_on_s3_a_dry_run_says_what_the_requests_cost_in_dollars(place: Place) -> None:
    ff = place.open()
    journal_each(ff, *EVENTS)
    planned = ff.compact(size_of_all(ff), dry_run=True)
    writes_alone = 6 * 5e-6
    assert (writes_alone < planned.dollars < planned.requests * 5e-6) if place.s3 else planned.dollars == 0


def test_the_requests_of_a_compaction_are_about_those_that_it_names() -> None:
    ff = FlashFlood.open("memory://")
    for minute in range(40):
        ff.put_many([(b"x" * 50, f"{minute}-{number}", at(minute)) for number in range(100)])
    counted = Counted(ff._ctx.store)  # noqa: SLF001  no call tells them
    named = on(counted).compact(size_of_all(ff) // 2)
    assert named.into == 2
    assert 0.95 * named.requests < len(counted.requests) < 1.05 * named.requests


def test_a_dry_run_works_out_the_events_of_many_journals_from_some() -> None:
    ff = FlashFlood.open("memory://")
    for minute in range(250):
        ff.put_many([(b"x", f"{minute:03}-{number}", at(minute)) for number in range(100 + minute % 7)])
    counted = Counted(ff._ctx.store)  # noqa: SLF001  no call tells them
    planned = on(counted).compact(size_of_all(ff), dry_run=True)
    assert planned.journals == 250
    assert abs(planned.events - sum(100 + minute % 7 for minute in range(250))) < 250
    assert sum(method == "get" for method, _ in counted.requests) <= 100


# How often


def test_no_event_is_rewritten_more_than_twice_however_often_it_is_called() -> None:
    ff = FlashFlood.open("memory://")
    for minute in range(400):
        put_journaled(ff, f"{minute}", start=minute)
        ff.compact(140_000)
    revisions = [int(entry.key[-10:]) for entry in ff._ctx.entries(layout.INDEX)]  # noqa: SLF001  no call tells them
    assert len(revisions) == 400
    assert max(revisions) == 4, "put, journal, and two more"
    assert len(list(ff.list_journals())) < 30


TARGET = 1_024
SIZES = st.lists(st.integers(1, 40) | st.integers(1, TARGET), max_size=300)
ANY_DATE = "2020-01-01T000000.000000Z"


@settings(max_examples=300, deadline=None)
@given(sizes=SIZES, batch=st.integers(1, 60), left=st.floats(0.4, 1))
def test_what_has_been_combined_twice_is_taken_no_more_though_it_has_become_smaller(
    sizes: list[int], batch: int, left: float
) -> None:
    rewritten: dict[JournalID, int] = {}
    numbers = count()

    def made(size: int, times: int) -> Sized:
        journal_id = JournalID.make(ANY_DATE, ANY_DATE, ANY_DATE, f"{next(numbers):036}")
        rewritten[journal_id] = times
        return Sized(journal_id, size, 0)

    journals: list[Sized] = []
    for first in range(0, len(sizes), batch):
        journals += [made(size, 0) for size in sizes[first : first + batch]]
        for group in list(groups(journals, TARGET)):
            assert len(group) > 1
            assert GATHERED * TARGET <= total(group) <= TARGET
            times = 1 + max(rewritten[one.journal_id] for one in group)
            assert times <= 2
            place = journals.index(group[0])
            journals[place : place + len(group)] = [made(round(left * total(group)), times)]


@given(sizes=st.lists(st.integers(1, TARGET), min_size=1, max_size=100))
def test_of_neighbours_less_than_a_target_is_left_in_small_journals(sizes: list[int]) -> None:
    journals = [
        Sized(JournalID.make(ANY_DATE, ANY_DATE, ANY_DATE, f"{number:036}"), size, 0)
        for number, size in enumerate(min(size, round(LARGE * TARGET) - 1) for size in sizes)
    ]
    chosen = [one for group in groups(journals, TARGET) for one in group]
    assert total(one for one in journals if one not in chosen) < TARGET


# Beside others, and interrupted


@pytest.fixture(scope="module", params=LOCAL)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Copier:
    """Give what copies a store of small journals."""
    return copier(request.param, tmp_path_factory.mktemp("journals"), lambda ff: journal_each(ff, *EVENTS))


STORED: dict[str, bytes | None] = {event_id: f"data of {event_id}".encode() for event_id in EVENTS}
CHANGES: dict[str, tuple[Callable[[FlashFlood], object], dict[str, bytes | None]]] = {
    "update_event": (lambda ff: ff.update_event("b", b"new"), {"b": b"new"}),
    "delete_event": (lambda ff: ff.delete_event("b"), {"b": None}),
    "delete_event and put": (
        lambda ff: (ff.delete_event("b"), ff.put(b"again", "b", at(1))),
        {"b": b"again"},
    ),
    "update_event and update": (lambda ff: (ff.update_event("b", b"new"), ff.update(None)), {"b": b"new"}),
    "journal": (lambda ff: put_journaled(ff, "x", start=2), {"x": b"data of x"}),
    "compact": (compact_all, {}),
    "combine_journals": (lambda ff: may_combine(ff, list(ff.list_journals())[-2:]), {}),
    "repair": (lambda ff: ff.repair(), {}),
}


def may_combine(ff: FlashFlood, journal_ids: list[JournalID]) -> None:
    """Combine journals, unless another client is at it, or they have gone."""
    try:
        ff.combine_journals(journal_ids)
    except FlashFloodJournalingError:
        pass
    except FlashFloodException as error:
        if "not all of these journals live" not in str(error):
            raise


def expect(ff: FlashFlood, expected: dict[str, bytes | None]) -> None:
    """Assert that the events are these, and that the store is whole once its updates are applied."""
    for event_id, data in expected.items():
        if data is None:
            with pytest.raises(FlashFloodEventNotFound):
                ff.get_event(event_id)
        else:
            assert ff.get_event(event_id).data == data
    while ff.update(None):
        pass
    compact_all(ff)
    assert contents(ff.replay()) == {event_id: data for event_id, data in expected.items() if data is not None}
    assert ff.check() == []


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_requests_of_compact_is_kept(copies: Iterator[Store], change: str) -> None:
    make, changed = CHANGES[change]
    places = count(1 + list(CHANGES).index(change) % 3, 3)
    assert interrupt_everywhere(copies, compact_all, make, partial(expect, expected=STORED | changed), places) > 30


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("change", CHANGES)
def test_compact_between_any_two_requests_of_a_change_keeps_it(copies: Iterator[Store], change: str) -> None:
    make, changed = CHANGES[change]
    assert interrupt_everywhere(copies, make, compact_all, partial(expect, expected=STORED | changed), count(1)) > 3


@pytest.mark.timeout(200)
@pytest.mark.parametrize("answer_lost", [False, True])
def test_after_a_death_in_compact_all_is_there_and_it_can_be_called_again(
    copies: Iterator[Store], monkeypatch: pytest.MonkeyPatch, *, answer_lost: bool
) -> None:
    for number in count(1):
        store = next(copies)
        mortal = Mortal(store, number, answer_lost=answer_lost)
        with suppress(Death):
            compact_all(on(mortal))
        if not mortal.died:
            break
        assert contents(on(store).replay()) == STORED
        assert {event_id: on(store).get_event(event_id).data for event_id in STORED} == STORED
        with monkeypatch.context() as later:
            later.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
            expect(on(store), STORED)
        assert len(list(on(store).list_journals())) == 1
    assert number > 30


class BeforeItsLedgerEntry(Watched):
    """Lets another client `work`, once, before the first ledger entry is written."""

    def __init__(self, store: Store, work: Callable[[], object]) -> None:
        super().__init__(store)
        self._work: list[Callable[[], object]] = [work]

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "put" and key.startswith(layout.LEDGER) and self._work:
            self._work.pop()()
        return send()


def test_what_another_process_is_faster_with_is_left_to_it(copies: Iterator[Store]) -> None:
    store = next(copies)
    target = size_of_all(on(store))
    beside = BeforeItsLedgerEntry(store, partial(compact_all, on(store)))
    assert on(beside).compact(target) == (0, 0, 0, 0, 0, 0.0)
    assert len(list(on(store).list_journals())) == 1
