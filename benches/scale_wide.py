"""What a replay takes of many journals of the same time, and of a second of a large one, for benches/scale.py."""

from datetime import timedelta

from contenders import insist
from stretches import BEGIN, Calls, Stretch

from flashflood import FlashFlood

JOURNALS = (100, 800)
EVENTS = 5_000
"""In each journal."""
SIZE = 100
"""Bytes of an event."""
SPAN = timedelta(days=10)
SMALL_BUDGET = 20_000_000
LARGE = (100_000, 1_000_000)
"""Events of one journal."""
A_SECOND = 10
"""Events of a second of it."""


def wide(journals: int) -> list[Stretch]:
    """Give a store of so many journals of the same ten days."""
    return [Stretch(journals=journals, every=1, size=SIZE, events=EVENTS, span=SPAN.total_seconds())]


def all_events(ff: FlashFlood, journals: int) -> None:
    """Replay all."""
    found, last = 0, BEGIN
    for event in ff.replay():
        insist(event.date >= last, f"{event.event_id} comes late")
        found, last = found + 1, event.date
    insist(found == journals * EVENTS, f"{found} events")


def one_hour(ff: FlashFlood, journals: int) -> None:
    """Replay an hour within a small budget."""
    begin = BEGIN + SPAN / 2
    found = sum(1 for _ in ff.replay(begin, begin + timedelta(hours=1), memory_budget=SMALL_BUDGET))
    in_an_hour = journals * EVENTS * timedelta(hours=1) / SPAN
    insist(abs(found - in_an_hour) <= journals, f"{found} events")


def large(events: int) -> list[Stretch]:
    """Give a store of one journal of so many events."""
    return [Stretch(journals=1, every=events / A_SECOND, size=SIZE, events=events)]


def one_second(ff: FlashFlood, events: int) -> None:
    """Replay a second of it."""
    begin = BEGIN + timedelta(seconds=events / A_SECOND // 2)
    found = sum(1 for _ in ff.replay(begin, begin + timedelta(seconds=1)))
    insist(found == A_SECOND, f"{found} events")


CALLS: Calls = {
    "journals of the same ten days: replay": (wide, JOURNALS, all_events),
    "journals of the same ten days: replay of an hour, 20 MB": (wide, JOURNALS, one_hour),
    "events in one journal: replay of a second of it": (large, LARGE, one_second),
}
