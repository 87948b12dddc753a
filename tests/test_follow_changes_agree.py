"""A copy that is kept by following ends as the store is, whatever calls were made, and died, between two looks.

The stores are in memory. Objects are dated by a clock that the test moves, some by one that lags behind it.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count, islice
from random import Random

import pytest
from support.dated import Dated, Lagging
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Death, Interrupted, Mortal, Short, on

from flashflood import Event, FlashFlood, FlashFloodException
from flashflood.context import SLACK
from flashflood.records import ledger
from flashflood.store import open_store

BEGIN = datetime(2021, 1, 1)
MINUTE = timedelta(minutes=1)
MINUTES = 20
"""Before `BEGIN` that all events are dated in."""
IDS = [f"id {number}" for number in range(6)]


class Copy:
    """A copy, by the rule of `follow(changes=True)`."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.cursor: str | None = None

    def take(self, ff: FlashFlood, most: int | None = None, lateness: timedelta = timedelta(0)) -> None:
        """Take what has come and changed, so many items at most."""
        follower = ff.follow(self.cursor, changes=True, lateness=lateness, wait=False)
        for kind, event in islice(follower, most):
            if kind == "delete":
                self.events.pop(event.event_id, None)
            else:
                self.events[event.event_id] = event
        self.cursor = follower.cursor


def there(ff: FlashFlood, ids: list[str]) -> dict[str, Event]:
    return {event.event_id: event for event in ff.get_events(ids, on_missing="skip")}


def act(ff: FlashFlood, random: Random, data: bytes) -> None:
    """Make a call."""
    event_id = random.choice(IDS)
    match random.randrange(8):
        case 0 | 1:
            ff.put(data, event_id, BEGIN - random.randint(1, MINUTES) * MINUTE)
        case 2 | 3:
            ff.update_event(event_id, data)
        case 4:
            ff.delete_event(event_id)
        case 5:
            ff.journal(random.randint(1, 3))
        case 6:
            ff.update()
        case _:
            ff.combine_journals(list(ff.list_journals())[: random.randint(2, 4)] or ["none"])


@pytest.mark.parametrize("seed", range(12))
def test_a_copy_ends_as_the_store_is_after_random_calls_of_which_some_die(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    random = Random(seed)  # noqa: S311 - nobody is to be kept from guessing it
    store, copy = Lagging(random), Copy()
    for number in range(60):
        mortal = Mortal(store, random.randint(1, 12), answer_lost=random.random() < 0.5)
        with suppress(Death, FlashFloodException):
            act(on(mortal) if random.random() < 0.2 else on(store), random, b"%d" % number)
        store.passes(random.choice([0, 0, 0, 1, 3]) * SLACK)
        if random.random() < 0.3:
            lateness = random.randint(0, MINUTES) * MINUTE
            copy.take(on(Short(store, random.randint(1, 9))), random.choice([1, 2, None]), lateness)
        if random.random() < 0.1:
            copy.take(on(store))
            assert copy.events == there(on(store), IDS), f"after {number} calls"
        if random.random() < 0.05:
            copy.take(on(store))  # a cursor is used within half of the grace time
            store.passes(2 * SLACK)
            on(store).collect_garbage(AT_ONCE)
    copy.take(on(store))
    assert copy.events == there(on(store), IDS)


def changes(ff: FlashFlood) -> Iterator[None]:
    """Change events that have been handed over, and others, and apply it; stop in between."""
    ff.update_event("1", b"new")
    ff.delete_event("2")
    ff.update_event("9", b"new")
    yield
    ff.put(b"again", "2", at(2))
    ff.journal(1)
    ff.update_event("1", b"newer")
    ff.delete_event("9")
    ff.update()
    ff.combine_journals(list(ff.list_journals()))
    yield


@pytest.mark.parametrize("times", [1, 2])
def test_another_client_may_change_events_between_any_two_requests_of_a_poll(times: int) -> None:
    for number in count(1):
        dated, copy = Dated(open_store("memory://")), Copy()
        ff = on(dated)
        put_journaled(ff, "1", "2", "3", start=1)
        copy.take(ff)
        put_new(ff, "8", "9", start=8)
        ff.update_event("3", b"new")
        dated.passes(2 * SLACK)
        working = changes(ff)
        store = Interrupted(dated, number, partial(list, islice(working, times)))
        for reader in (on(Short(store, 3)), ff):
            copy.take(reader)
            dated.passes(SLACK)
        assert copy.events == there(ff, ["1", "2", "3", "8", "9"]), f"at request {number}"
        if not store.reached:
            break
    assert number > 15
