"""Calls of the scale bench that look through a whole store."""

from contenders import insist
from stretches import Calls, Stretch

from flashflood import FlashFlood

SIZE = 100
"""Bytes of an event."""
PER_JOURNAL = 10
EVENTS = (2_000, 20_000)


def events(count: int) -> list[Stretch]:
    """Give a store of so many events, in journals of ten."""
    return [Stretch(journals=max(1, count // PER_JOURNAL), every=60, size=SIZE, events=PER_JOURNAL)]


def check(ff: FlashFlood, _: int) -> None:
    """Look through all of it."""
    findings = ff.check()
    insist(findings == [], f"findings: {findings}")


CALLS: Calls = {
    "journals of ten events: check": (events, EVENTS, check),
}
