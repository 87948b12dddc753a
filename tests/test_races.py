"""Several clients, in threads and in processes, at one time on one store."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest
from conftest import Place
from support.races import BEFORE, expect, interrupt_everywhere, may_fail, together
from support.samples import AT_ONCE, at, contents, put_new

from flashflood import FlashFlood, FlashFloodException, FlashFloodJournalingError
from flashflood.store import Store


def test_one_client_may_be_used_by_many_threads(place: Place) -> None:
    ff = place.open()
    data = {f"event {number}": f"data {number}".encode() for number in range(16)}
    together([partial(ff.put, content, event_id, at(0)) for event_id, content in data.items()])
    assert contents(ff.replay()) == data
    found = together([partial(ff.get_event, event_id) for event_id in data])
    assert {event.event_id: event.data for event in found} == data


# At one time, by chance


def test_updates_and_deletes_against_journaling_are_all_seen(place: Place) -> None:
    ff = place.open()
    names = [f"event {number}" for number in range(9)]
    data = put_new(ff, *names)

    def change() -> bool:
        for number, event_id in enumerate(names):
            if number % 3 == 0:
                place.open().delete_event(event_id)
                del data[event_id]
                assert not place.open().event_exists(event_id)
            else:
                data[event_id] = b"updated"
                place.open().update_event(event_id, b"updated")
                assert place.open().get_event(event_id).data == b"updated"
        return True

    def journal() -> bool:
        for _ in range(3):
            may_fail(partial(place.open().journal, 2))
            place.open().update(None)
        return True

    assert together([change, journal]) == [True, True]
    assert {event_id: ff.get_event(event_id).data for event_id in data} == data
    while may_fail(partial(ff.journal, 1)):
        pass
    ff.update(None)
    assert contents(ff.replay()) == data
    assert ff.check() == []


# At one time, at every place: one client's whole call between any two requests of the other's

CHANGES: dict[str, tuple[Callable[[FlashFlood], object], dict[str, bytes | None]]] = {
    "put": (lambda ff: ff.put(b"data", "another", at(1.5)), {"another": b"data"}),
    "update of a journaled event": (lambda ff: ff.update_event("journaled", b"changed"), {"journaled": b"changed"}),
    "update of a new event": (lambda ff: ff.update_event("new", b"changed"), {"new": b"changed"}),
    "second update": (lambda ff: ff.update_event("new, updated", b"changed"), {"new, updated": b"changed"}),
    "delete of a journaled event": (lambda ff: ff.delete_event("journaled"), {"journaled": None}),
    "delete of a new event": (lambda ff: ff.delete_event("new"), {"new": None}),
    "delete of an updated event": (lambda ff: ff.delete_event("new, updated"), {"new, updated": None}),
    "put after a delete, once new": (lambda ff: ff.put(b"again", "new, deleted", at(9)), {"new, deleted": b"again"}),
    "put after a delete, once journaled": (
        lambda ff: ff.put(b"again", "journaled, deleted", at(9)),
        {"journaled, deleted": b"again"},
    ),
}
WORKS: dict[str, Callable[[FlashFlood], object]] = {
    "journal": lambda ff: ff.journal(minimum_number_of_events=3),
    "combine_journals": lambda ff: ff.combine_journals([ff.open_journal(item) for item in ff.list_journals()]),
    "update": lambda ff: ff.update(None),
    "repair": lambda ff: ff.repair(),
}
COLLECT: dict[str, Callable[[FlashFlood], object]] = {"collect_garbage": lambda ff: ff.collect_garbage(grace=AT_ONCE)}
"""Only as the longer call: no writer may outlive the grace time."""


def interrupt(
    copies: Iterator[Store],
    outer: Callable[[FlashFlood], object],
    inner: Callable[[FlashFlood], object],
    expected: dict[str, bytes | None],
    places: Iterator[int],
) -> None:
    """Do so at each of `places`; either call may find that another client is at what it was to do."""
    calls = partial(tolerated, outer), partial(tolerated, inner)
    assert interrupt_everywhere(copies, *calls, partial(expect, expected=expected), places) > 3


def tolerated(call: Callable[[FlashFlood], object], ff: FlashFlood) -> None:
    """Make a call that may find that another client is at what it was to do."""
    try:
        call(ff)
    except FlashFloodJournalingError:
        pass
    except FlashFloodException as error:
        if type(error) is not FlashFloodException:
            raise


STRIDES = {"journal": 3, "collect_garbage": 1}
"""Between places in a long call that one test tries; the tests of other changes begin at other places. Elsewhere 7."""


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("work", WORKS | COLLECT)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_requests_of_other_work_is_kept(copies: Iterator[Store], change: str, work: str) -> None:
    make, changed = CHANGES[change]
    stride = STRIDES.get(work, 7)
    places = count(1 + list(CHANGES).index(change) % stride, stride)
    interrupt(copies, (WORKS | COLLECT)[work], make, BEFORE | changed, places)


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("change", CHANGES)
def test_other_work_between_any_two_requests_of_a_change_keeps_it(
    copies: Iterator[Store], change: str, work: str
) -> None:
    make, changed = CHANGES[change]
    interrupt(copies, make, WORKS[work], BEFORE | changed, count(1))


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("inner", WORKS)
@pytest.mark.parametrize("outer", WORKS)
def test_work_between_two_requests_of_other_work_loses_nothing(copies: Iterator[Store], outer: str, inner: str) -> None:
    interrupt(copies, WORKS[outer], WORKS[inner], BEFORE, count(1 + list(WORKS).index(inner), 3))
