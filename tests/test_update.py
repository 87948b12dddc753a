"""`update_event` leaves an update pending, and `update` applies those that are."""

from collections.abc import Iterator
from functools import partial
from itertools import count

import pytest
from conftest import Place
from support.samples import contents, put_journaled
from support.watched import Interrupted, on

from flashflood.dates import timestamp_now
from flashflood.identifiers import JournalID
from flashflood.records.ledger import LedgerEntry
from flashflood.store import Store


def test_update_gives_how_many_updates_it_applied(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b", "c")
    assert ff.update() == 0
    ff.update_event("a", b"new")
    ff.delete_event("b")
    assert ff.update() == 2
    assert ff.update() == 0


def test_update_stops_once_it_has_applied_the_number_of_updates_asked_for(place: Place) -> None:
    ff = place.open()
    for minute in range(3):
        put_journaled(ff, f"event {minute}", start=minute)
        ff.update_event(f"event {minute}", b"new")
    assert ff.update(1) == 1
    assert [event.data for event in ff.replay()].count(b"new") == 1
    assert ff.update(number_of_updates_to_apply=2) == 2
    assert [event.data for event in ff.replay()] == [b"new"] * 3


def test_replay_shows_updates_and_deletes_once_they_are_applied(place: Place) -> None:
    ff = place.open()
    before = put_journaled(ff, "a", "b", "c")
    ff.update_event("a", b"updated")
    ff.delete_event("b")
    assert contents(ff.replay()) == before
    ff.update()
    assert contents(ff.replay()) == {"a": b"updated", "c": b"data of c"}


def test_the_newest_of_several_updates_counts_and_a_delete_beats_them(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    for number in range(3):
        ff.update_event("a", f"update {number}".encode())
        ff.update_event("b", f"update {number}".encode())
    ff.delete_event("b")
    ff.update()
    assert contents(ff.replay()) == {"a": b"update 2"}
    assert ff.update() == 0


def test_an_update_counts_as_newer_than_every_earlier_known_one_when_its_writers_clock_is_slow(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "id")
    (journal_id,) = ff.list_journals()
    future = "2999-01-01T000000.000000Z"
    place.store().put(f"update/{journal_id[::-1]}--id--{future}--UPDATE", b"by a fast clock")
    assert ff.get_event("id").data == b"by a fast clock"
    ff.update_event("id", b"later, by a slow clock")
    assert ff.get_event("id").data == b"later, by a slow clock"
    ff.update()
    ff.update_event("id", b"later still")
    assert ff.get_event("id").data == b"later still"
    ff.update()
    assert contents(ff.replay()) == {"id": b"later still"}


def taken_by_another(store: Store) -> None:
    """Write what another client's combination under way writes first: it takes the journals that are there."""
    ids = list(on(store).list_journals())
    made = JournalID.make(ids[0].start, ids[0].end, timestamp_now(), "11112222-3333-4444-5555-666677778888")
    entry = LedgerEntry(made, tuple(ids), (), 0)
    store.put(f"ledger/{made.blob_id}", entry.encode())


@pytest.mark.usefixtures("no_patience")
def test_update_passes_over_a_journal_that_another_client_takes_meanwhile(copies: Iterator[Store]) -> None:
    for number in count(1, 3):
        store = next(copies)
        interrupted = Interrupted(store, number, partial(taken_by_another, store))
        on(interrupted).update(None)
        if not interrupted.reached:
            break
    assert number > 5
