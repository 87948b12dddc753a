"""What tests of several clients at one time share: calls made at one time, and a store with something of everything."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier
from typing import TypeVar

from flashflood import FlashFlood, FlashFloodEventExistsError, FlashFloodEventNotFound, FlashFloodJournalingError
from flashflood.store import Store
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Interrupted, on

Result = TypeVar("Result")


def together(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Make all calls at one time, each in a thread of its own; their results, in order."""
    start = Barrier(len(calls))

    def make(call: Callable[[], Result]) -> Result:
        start.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def interrupt_everywhere(
    copies: Iterator[Store],
    outer: Callable[[FlashFlood], object],
    inner: Callable[[FlashFlood], object],
    check: Callable[[FlashFlood], object],
    places: Iterator[int],
) -> int:
    """Make the call `outer` with `inner` before one of its requests, for each of `places`, each in a store of its own.

    Each of these stores is checked. It ends at the first place that the call does not come to, and gives that.
    """
    for number in places:
        store = next(copies)
        interrupted = Interrupted(store, number, partial(inner, on(store)))
        try:
            outer(on(interrupted))
            if interrupted.reached:
                check(on(store))
        except BaseException as error:
            error.add_note(f"with the other client before request {number}")
            raise
        if not interrupted.reached:
            break
    return number


def puts(ff: FlashFlood, event_id: str, data: str) -> bool:
    """Whether this put is the one that succeeds."""
    try:
        ff.put(data, event_id, at(0))
    except FlashFloodEventExistsError:
        return False
    return True


def may_fail(call: Callable[[], object]) -> bool:
    """Whether the call succeeded, rather than found that another client is at it."""
    try:
        call()
    except FlashFloodJournalingError:
        return False
    return True


def ready(ff: FlashFlood) -> None:
    """Journaled and new events, of which one each is updated and one each deleted."""
    put_journaled(ff, "journaled", "journaled, updated", "journaled, deleted")
    put_new(ff, "new", "new, updated", "new, deleted", start=1)
    for event_id in ("journaled, updated", "new, updated"):
        ff.update_event(event_id, b"updated")
    for event_id in ("journaled, deleted", "new, deleted"):
        ff.delete_event(event_id)


BEFORE: dict[str, bytes | None] = {
    "journaled": b"data of journaled",
    "journaled, updated": b"updated",
    "new": b"data of new",
    "new, updated": b"updated",
}


def expect(ff: FlashFlood, expected: dict[str, bytes | None]) -> None:
    """Assert what `get_event` finds now, and what replay shows once everything is applied."""
    alive = {event_id: data for event_id, data in expected.items() if data is not None}
    names = {*expected, "journaled, deleted", "new, deleted"}
    found = {}
    for event_id in names:
        with suppress(FlashFloodEventNotFound):
            found[event_id] = ff.get_event(event_id).data
        assert ff.event_exists(event_id) == (event_id in found)
    assert found == alive
    while may_fail(partial(ff.journal, 1)):
        pass
    ff.update(None)
    assert contents(ff.replay()) == alive
    assert ff.check() == []
    ff.collect_garbage(grace=AT_ONCE)
    assert {event_id: ff.get_event(event_id).data for event_id in alive} == alive
