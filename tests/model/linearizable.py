"""Whether put, update_event, delete_event and get_event look as if each had been done at one moment of its call."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from .world import PROCESS_NAMES, Call

ORDERED_CALLS = frozenset({"put", "old_put", "update_event", "old_update", "delete_event", "old_delete", "get"})


class Phase(IntEnum):
    """The times of a run: each call of one is over before the next begins."""

    BEFORE = 0
    TOGETHER = 1
    AS_LEFT = 2
    REPEATED = 3
    AT_REST = 4


class Made(NamedTuple):
    """A call that was made: by which process, its number there, its result (None: crashed, or a get found nothing)."""

    phase: Phase
    pid: int
    number: int
    call: Call
    result: Any
    ended_before: tuple[int, ...] | None
    crashed: bool = False

    def precedes(self, other: Made) -> bool:
        """Say whether this call had returned when the other began."""
        if self.crashed or self.phase > other.phase:
            return False
        if self.phase < other.phase:
            return True
        if self.pid == other.pid:
            return self.number < other.number
        return other.ended_before is not None and self.number < other.ended_before[self.pid]

    def __str__(self) -> str:
        """Show who called what, and the result."""
        who = PROCESS_NAMES[self.pid] if self.phase is Phase.TOGETHER else self.phase.name
        return f"{who}: {self.call} = {self.result}"


def why_not_linearizable(made: list[Made]) -> str | None:
    """Return the calls of an id that cannot be put in any order, or None. Calls that crashed may count or not."""
    ordered = [one for one in made if one.call[0] in ORDERED_CALLS and not (one.call[0] == "get" and one.crashed)]
    for event_id in sorted({one.call[1] for one in ordered}):
        of_id = [one for one in ordered if one.call[1] == event_id]
        if not _has_order(of_id, frozenset(), None):
            return f"{event_id}: no order explains " + ", ".join(map(str, of_id))
    return None


def _has_order(calls: list[Made], done: frozenset[int], data: str | None) -> bool:
    """Try all orders of the calls not yet done, from an event with `data` (None: no event)."""
    remaining = [number for number in range(len(calls)) if number not in done]
    if all(calls[number].crashed for number in remaining):
        return True
    for number in remaining:
        if any(calls[other].precedes(calls[number]) for other in remaining):
            continue
        possible, new_data = _effect(calls[number], data)
        if possible and _has_order(calls, done | {number}, new_data):
            return True
    return False


def _effect(made: Made, data: str | None) -> tuple[bool, str | None]:
    """Say whether the call may give its result when the event has `data`, and what data the event has then."""
    name, result = made.call[0], made.result
    if name == "get":
        return result == data, data
    if name in ("put", "old_put"):
        if result == "exists":
            return data is not None, data
        return data is None, made.call[2]
    if result == "notfound":
        return data is None, data
    if name in ("delete_event", "old_delete"):
        return True, None
    return data is not None, made.call[2]
