"""Calls of the scale bench that find many events by their ids, and apply some of many updates."""

import random
from collections.abc import Iterable

from contenders import insist
from events import event_data
from stretches import Calls, Stretch, numbered

from flashflood import FlashFlood

SIZE = 100
"""Bytes of an event."""
PER_JOURNAL = 1_000
EVENTS = (100_000, 1_000_000)
ASKED = 50
"""Of so many events, one is asked for."""
JOURNALS = (10_000, 100_000)
DEAD = 20
"""Updates of dead journals."""
TEN = 10
LARGE = (5_000, 50_000)
"""Events of one journal, one of which has an update."""


def events(count: int) -> list[Stretch]:
    """Give a store of so many events."""
    return [Stretch(journals=count // PER_JOURNAL, every=60, size=SIZE, events=PER_JOURNAL)]


def all_updated(journals: int) -> list[Stretch]:
    """Give a store of so many journals, each with an update that waits."""
    return [Stretch(journals=journals, every=60, size=SIZE, events=3, updates=journals)]


def dead_updated(journals: int) -> list[Stretch]:
    """Give a store of so many journals, and of some dead ones with updates."""
    return [
        Stretch(journals=DEAD, every=60, size=SIZE, updates=DEAD, kind="dead"),
        Stretch(journals=journals, every=60, size=SIZE, events=3),
    ]


def one_updated(count: int) -> list[Stretch]:
    """Give a store of one journal of so many events, one of which has an update."""
    return [Stretch(journals=1, every=3600, size=SIZE, events=count, updates=1)]


def scattered(ff: FlashFlood, count: int) -> None:
    """Read one event of so many, in no order."""
    _read(ff, count, random.Random(1).sample(range(count), count // ASKED))  # noqa: S311  no secret


def together(ff: FlashFlood, count: int) -> None:
    """Read as many events, which follow one another."""
    _read(ff, count, range(count // ASKED))


def _read(ff: FlashFlood, count: int, numbers: Iterable[int]) -> None:
    asked = list(numbered(events(count)[0], numbers))
    found = ff.get_events(event_id for event_id, _ in asked)
    insist([(event.event_id, event.data) for event in found] == asked, "each event with its data")


def ten_updates(ff: FlashFlood, journals: int) -> None:
    """Apply ten of the updates."""
    applied = ff.update(TEN)
    insist(applied == TEN, f"{applied} updates applied")
    _check_first(ff, all_updated(journals)[0])


def dead_updates(ff: FlashFlood, _: int) -> None:
    """Look what the updates of dead journals are for: nothing."""
    insist(ff.update() == 0, "no update applied")


def one_update(ff: FlashFlood, count: int) -> None:
    """Apply the update."""
    insist(ff.update() == 1, "one update applied")
    _check_first(ff, one_updated(count)[0])


def _check_first(ff: FlashFlood, stretch: Stretch) -> None:
    """Check that the first event of a stretch has its update's data."""
    ((event_id, _),) = numbered(stretch, [0])
    data = event_data(stretch.journals * stretch.events, stretch.size)
    insist(ff.get_event(event_id).data == data, "the first event has been updated")


CALLS: Calls = {
    "one event of fifty, in no order: get_events": (events, EVENTS, scattered),
    "as many events that follow one another: get_events": (events, EVENTS, together),
    "journals with an update each: update(10)": (all_updated, JOURNALS, ten_updates),
    "journals beside 20 updates of dead ones: update()": (dead_updated, JOURNALS, dead_updates),
    "one journal of many events with an update: update()": (one_updated, LARGE, one_update),
}
