"""What is told of a storm: its figures, and each violation with the calls that show it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from .history import REPLAYS, Call, events_of

if TYPE_CHECKING:
    from .replays import Violation

MOST_SHOWN = 3
"""Violations of one kind that are shown with their calls."""
MOST_CALLS = 24
_LOOKS = {"get_event", "get_events", "event_exists"}
_NAMES = re.compile(r"'[^']*'|\S*\d{4}-\d\d-\d\dT\S*|\S*[0-9a-f]{8}-[0-9a-f-]{20,}\S*|\d+")


@dataclass
class Figures:
    """What was done and found, in one course or in several."""

    seconds: float = 0
    rounds: int = 0
    ids: int = 0
    replayed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    """Of the crew: kills, stops."""
    faults: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """What calls failed with, by kind and text."""
    violations: int = 0

    def add_calls(self, calls: list[Call], ids: int) -> None:
        """Count a round's calls."""
        self.rounds += 1
        self.ids += ids
        for call in calls:
            self.calls[call.name] += 1
            self.replayed += sum(1 for _ in events_of(call))
            if call.outcome in ("server", "refused", "too few", "corrupt", "bug"):
                self.errors[f"{call.name}: {_NAMES.sub('…', str(call.result))[:110]}"] += 1

    def add(self, other: Figures) -> None:
        """Add another course's figures."""
        self.seconds += other.seconds
        self.rounds += other.rounds
        self.ids += other.ids
        self.replayed += other.replayed
        self.violations += other.violations
        for mine, theirs in ((self.calls, other.calls), (self.done, other.done), (self.faults, other.faults)):
            mine.update(theirs)
        self.errors.update(other.errors)

    def tell(self, name: str) -> None:
        """Print the figures."""
        replays = sum(self.calls[kind] for kind in REPLAYS)
        say(
            f"{name}: {self.seconds / 60:.1f} minutes in {self.rounds} rounds, {sum(self.calls.values())} calls on"
            f" {self.ids} ids, {self.done['kills']} kills, {self.done['stops']} stops,"
            f" {sum(self.faults.values())} faults; checked: {replays} replays of {self.replayed} events,"
            f" {sum(self.calls[kind] for kind in _LOOKS)} lookups; {self.violations} violations"
        )
        for title, counted in (("calls", self.calls), ("crew", self.done), ("faults", self.faults)):
            if counted:
                say(f"  {title}: " + ", ".join(f"{count} {kind}" for kind, count in counted.most_common()))

    def tell_errors(self) -> None:
        """Print what calls failed with."""
        for text, count in self.errors.most_common(25):
            say(f"  {count:6} {text}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tell_violations(violations: list[Violation], calls: list[Call]) -> None:
    """Print violations by kind, the first of each with the calls that show it."""
    kinds: Counter[str] = Counter()
    start = calls[0].begun if calls else 0
    for violation in violations:
        kind = _NAMES.sub("…", violation.what)
        kinds[kind] += 1
        if kinds[kind] > MOST_SHOWN:
            continue
        of_id = f" (id {violation.event_id!r})" if violation.event_id else ""
        say(f"VIOLATION: {violation.what}{of_id}")
        shown = violation.calls if _is_whole(violation) else _around(violation, calls)
        for call in shown:
            say("    " + line_of(call, start, violation.event_id))
    for kind, count in kinds.items():
        if count > MOST_SHOWN:
            say(f"VIOLATION: {count - MOST_SHOWN} more times: {kind}")


def _is_whole(violation: Violation) -> bool:
    """Whether a violation's calls are all that show it."""
    return not violation.event_id or len(violation.calls) > 2


def _around(violation: Violation, calls: list[Call]) -> list[Call]:
    """Give the violation's calls and those that changed its id, in the order of their begin."""
    shown = set(violation.calls)
    shown.update(call for call in calls if _changes(call, violation.event_id))
    return sorted(shown, key=lambda call: call.begun)[-MOST_CALLS:]


def _changes(call: Call, event_id: str) -> bool:
    if call.name == "put_many":
        return any(one == event_id for one, _ in call.arguments["events"])
    return call.name in ("put", "update_event", "delete_event") and call.arguments.get("id") == event_id


def line_of(call: Call, start: float, event_id: str) -> str:
    """Give a call on a line: when, who, what, and of its result what is of the id."""
    until = "    ..." if call.ended == inf else f"{(call.ended - start) / 1e9:7.3f}"
    arguments = {name: value for name, value in call.arguments.items() if name not in ("events", "ids", "id")}
    if call.name == "put_many":
        arguments["token"] = next((token for one, token in call.arguments["events"] if one == event_id), "")
    if call.name in REPLAYS and call.outcome == "done":
        found = [event for event in events_of(call) if event[0] == event_id]
        result = f"{sum(1 for _ in events_of(call))} events, of this id {found}"
    elif call.name == "get_events" and call.outcome == "done":
        result = str([event for event in call.result if event[0] == event_id])
    else:
        result = str(call.result)[:600]
    when = f"{(call.begun - start) / 1e9:7.3f} to {until}"
    return f"{when} {call.worker}: {call.name} {arguments} {call.outcome} {result}"
