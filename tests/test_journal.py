# ruff: noqa: SLF001 - existing code reaches for `ff._Journal`
"""`journal` makes one journal of new events, once there are enough, and applies their updates."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from conftest import Place
from support.races import BEFORE, expect, may_fail, together
from support.samples import at, contents, put_new
from support.watched import Answer, NoDeletes, Watched, keys, on

from flashflood import exceptions
from flashflood.store import Store


def test_journal_combines_new_events_until_the_minimum_number_is_met(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c")
    ff.journal(minimum_number_of_events=2)
    journals = list(ff.list_journals())
    assert sorted(journal.version == "new" for journal in journals) == [False, True]
    assert [event.event_id for event in ff.replay()] == ["a", "b", "c"]


def test_journal_combines_new_events_until_the_minimum_size_is_met(place: Place) -> None:
    ff = place.open()
    for minute in range(3):
        ff.put(b"x" * 10, str(minute), at(minute))
    with pytest.raises(exceptions.FlashFloodJournalingError):
        ff.journal(minimum_number_of_events=1, minimum_size=31)
    ff.journal(minimum_number_of_events=1, minimum_size=20)
    (journal,) = (ff._Journal.from_id(item) for item in ff.list_journals() if item.version != "new")
    assert [event["event_id"] for event in journal.events] == ["0", "1"]


def test_journal_of_too_few_events_raises_journaling_error_and_changes_nothing(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    before = sorted(keys(place.store()))
    for journal in (partial(ff.journal, minimum_number_of_events=3), ff.journal):
        with pytest.raises(exceptions.FlashFloodJournalingError):
            journal()
    assert sorted(keys(place.store())) == before


def test_journaling_applies_the_updates_of_new_events(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c")
    ff.update_event("a", b"updated")
    ff.delete_event("b")
    ff.journal(minimum_number_of_events=3)
    assert contents(ff.replay()) == {"a": b"updated", "c": b"data of c"}
    assert ff.update() == 0


def test_a_combination_that_fails_says_why_to_a_writer_who_may_not_delete_too(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    (lost, _) = ff.list_journals()
    place.store().delete([f"blobs/{lost.blob_id}"])
    with pytest.raises(exceptions.FlashFloodCorruptionError, match=lost):
        on(NoDeletes(place.store())).journal(minimum_number_of_events=2)


def test_two_journalers_at_once_journal_each_event_once(place: Place) -> None:
    data = put_new(place.open(), *(f"event {number}" for number in range(12)))
    clients = [place.open() for _ in range(3)]
    done = together([partial(may_fail, partial(client.journal, 4)) for client in clients])
    assert any(done)
    assert contents(place.open().replay()) == data
    assert {event_id: place.open().get_event(event_id).data for event_id in data} == data
    assert place.open().check() == []


class Recovered(Watched):
    """Removes a ledger entry right after it was written, once, as another client does that holds this one for dead."""

    written = 0

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "put" and key.startswith("ledger/"):
            self.written += 1
            if self.written == 1:
                self.store.delete([key])
        return answer


def test_a_combination_begins_again_if_another_client_has_removed_its_ledger_entry(
    copies: Iterator[Store],
) -> None:
    store = next(copies)
    recovered = Recovered(store)
    on(recovered).journal(minimum_number_of_events=3)
    assert recovered.written == 2
    expect(on(store), BEFORE)
