"""`delete_event`: from its return on the event is not found, and its id is free for a new one."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import pytest
from conftest import Place
from support.races import BEFORE, expect, may_fail, puts, together
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Death, Interrupted, Watched, on

from flashflood import FlashFlood, FlashFloodEventNotFound
from flashflood.store import Store


@pytest.mark.parametrize("journaled", [False, True])
def test_from_the_return_of_delete_event_on_the_event_is_not_found(place: Place, journaled: bool) -> None:  # noqa: FBT001
    ff = place.open()
    put_new(ff, "id", "other")
    if journaled:
        ff.journal(minimum_number_of_events=2)
    ff.delete_event("id")
    for reader in (ff, place.open(), place.open(read_pending_updates=False)):
        with pytest.raises(FlashFloodEventNotFound, match="id"):
            reader.get_event("id")
        assert reader.event_exists("id") is False
    ff.update()
    assert not ff.event_exists("id")
    assert contents(ff.replay()) == {"other": b"data of other"}


def test_a_deleted_id_put_again_is_a_new_event(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "id")
    for number in range(3):
        ff.delete_event("id")
        assert not ff.event_exists("id")
        event = ff.put(f"life {number}", "id", at(10 + number))
        assert ff.get_event("id") == event
    assert event in list(ff.replay())
    ff.update(None)
    ff.journal(minimum_number_of_events=1)
    assert list(ff.replay()) == [event]
    assert ff.get_event("id") == event


def test_a_put_after_a_delete_against_journaling_makes_a_new_event(place: Place) -> None:
    ff = place.open()
    put_new(ff, "id", "other")
    ff.journal(minimum_number_of_events=2)
    ff.delete_event("id")
    done = together([partial(puts, place.open(), "id", "again"), partial(may_fail, partial(place.open().update, None))])
    assert done == [True, True]
    ff.update(None)
    assert contents(ff.replay()) == {"id": b"again", "other": b"data of other"}
    assert ff.get_event("id").data == b"again"


@pytest.mark.parametrize("event_id", ["new", "journaled"])
def test_a_delete_and_an_update_at_one_time_end_in_one_truth(copies: Iterator[Store], event_id: str) -> None:
    for number in count(1):
        store = next(copies)
        interrupted = Interrupted(store, number, partial(on(store).delete_event, event_id))
        with suppress(FlashFloodEventNotFound):
            on(interrupted).update_event(event_id, b"changed")
        if not interrupted.reached:
            break
        expect(on(store), BEFORE | {event_id: None})
    assert number > 3


class SleepsBeforeItsUpdate(Watched):
    """A client that sleeps, once, when it has found the event and is about to write the update object."""

    def __init__(self, store: Store, meanwhile: Callable[[], object]) -> None:
        super().__init__(store)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "put" and key.startswith("update/") and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return send()


@pytest.mark.parametrize("event_id", ["new", "journaled"])
@pytest.mark.parametrize("change", [FlashFlood.delete_event, partial(FlashFlood.update_event, new_data=b"changed")])
def test_a_change_of_an_event_never_meets_the_one_that_was_put_after_it(
    copies: Iterator[Store], change: Callable[[FlashFlood, str], object], event_id: str
) -> None:
    """It was deleted, and its id taken again, while the writer slept: the birth says that it is another event."""
    store = next(copies)
    ff = on(store)

    def put_again() -> None:
        ff.delete_event(event_id)
        ff.put(b"again", event_id, at(0))

    change(on(SleepsBeforeItsUpdate(store, put_again)), event_id)
    expect(ff, BEFORE | {event_id: b"again"})


class DiesOnceItsDeleteIsWritten(Watched):
    """A client that sleeps before it writes the DELETE, and dies right after it."""

    def __init__(self, store: Store, meanwhile: Callable[[], object]) -> None:
        super().__init__(store)
        self.meanwhile = meanwhile

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method != "put":
            return send()
        self.meanwhile()
        send()
        raise Death(key)


def test_a_delete_left_for_a_new_event_that_was_journaled_and_collected_is_applied(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    with pytest.raises(Death):
        on(DiesOnceItsDeleteIsWritten(place.store(), lambda: ff.journal(2))).delete_event("a")
    ff.collect_garbage(grace=AT_ONCE)
    assert not ff.event_exists("a")
    assert ff.update() == 1
    assert set(contents(ff.replay())) == {"b"}
    assert ff.check() == []
