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
    return [Stretch(journals=count // PER_JOURNAL, every=60, size=SIZE, events=PER_JOURNAL)]


def check(ff: FlashFlood, _: int) -> None:
    """Look through all of it."""
    findings = ff.check()
    insist(findings == [], f"findings: {findings}")


def check_a_tenth(ff: FlashFlood, count: int) -> None:
    """Look at one journal of ten."""
    findings = ff.check(sample=0.1)
    insist(findings == [], f"findings: {findings}")
    insist(findings.looked_at == -(-findings.journals // 10), f"{findings.looked_at} journals looked at")
    insist(findings.journals == count // PER_JOURNAL, f"{findings.journals} journals")


CALLS: Calls = {
    "journals of ten events: check": (events, EVENTS, check),
    "journals of ten events: check of a tenth": (events, EVENTS, check_a_tenth),
}
