"""What replays and event streams gave, held to SEMANTICS.md: in order, exactly once, complete, with data of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from .content import microseconds_of
from .history import REPLAYS, Call, events_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FINISHING = frozenset({"journal", "update", "combine_journals", "compact", "repair"})
"""The calls that first finish what others have left behind."""
OF_OTHERS = 4e9
"""Nanoseconds after which every combination counts as left behind: `worker.LEFT_BEHIND`, and for its size."""


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    what: str
    event_id: str = ""
    calls: tuple[Call, ...] = ()
    """That show it, beside those that changed the id."""


@dataclass(frozen=True, eq=False)
class Write:
    """A put or an update of one id, or a delete."""

    event_id: str
    token: str
    begun: float
    ended: float
    """Infinite where it is undecided."""
    outcome: str
    call: Call


class Writes:
    """All that was written, so that it is found by what was read."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self.puts: dict[tuple[str, int], Write] = {}
        self.updates: dict[str, Write] = {}
        self.deletes: defaultdict[str, list[Write]] = defaultdict(list)
        for call in calls:
            if call.name == "put":
                self._add_put(call, call.arguments["id"], call.arguments["token"], call.outcome)
            elif call.name == "put_many":
                skipped = set(call.result) if call.outcome == "done" else set()
                for event_id, token in call.arguments["events"]:
                    self._add_put(call, event_id, token, "exists" if event_id in skipped else call.outcome)
            elif call.name == "update_event":
                token = call.arguments["token"]
                self.updates[token] = _write(call, call.arguments["id"], token, call.outcome)
            elif call.name == "delete_event" and call.outcome != "notfound":
                self.deletes[call.arguments["id"]].append(_write(call, call.arguments["id"], "", call.outcome))
        self.certain = [put for put in self.puts.values() if put.outcome == "done"]
        """The puts that returned."""

    def _add_put(self, call: Call, event_id: str, token: str, outcome: str) -> None:
        self.puts[event_id, microseconds_of(token)] = _write(call, event_id, token, outcome)

    def may_be_deleted(self, put: Write, before: float) -> bool:
        """Say whether a delete may have removed the event of a put before a moment."""
        return any(one.begun < before and one.ended >= put.begun for one in self.deletes[put.event_id])

    def why_not(self, event_id: str, date: int, token: str, before: float) -> str | None:
        """Say why an event cannot have been replayed before a moment, if it cannot."""
        put = self.puts.get((event_id, date))
        if put is None or put.begun >= before:
            return "an event that nobody had put"
        if put.outcome == "exists":
            return "an event whose put had been refused"
        if token == put.token:
            return None
        return self._why_not_updated(put, token, before)

    def _why_not_updated(self, put: Write, token: str, before: float) -> str | None:
        """Say why an event cannot have had an update's data then."""
        update = self.updates.get(token)
        if update is None or update.event_id != put.event_id:
            return f"data that are not its own ({token})"
        if update.begun >= before or update.outcome == "notfound":
            return f"the data of an update that had not happened ({token})"
        if update.ended < put.begun:
            return f"the data of an update before its put ({token})"
        ends = (one.ended for one in self.deletes[put.event_id] if one.begun > put.ended and one.outcome == "done")
        if any(end < update.begun for end in ends):
            return f"the data of an update after its delete ({token})"
        return None


def _write(call: Call, event_id: str, token: str, outcome: str) -> Write:
    certain = outcome in ("done", "exists", "notfound")
    return Write(event_id, token, call.begun, call.ended if certain else inf, outcome, call)


def check_replays(calls: list[Call]) -> Iterator[Violation]:
    """Give what is wrong with the replays and streams that came to their end."""
    writes = Writes(calls)
    replays = [call for call in calls if call.name in REPLAYS and call.outcome == "done"]
    for call in replays:
        yield from _check_order(call)
        yield from _check_events(call, writes)
        yield from _check_completeness(call, writes)
    yield from _check_progress(calls, replays, writes)


def _check_order(call: Call) -> Iterator[Violation]:
    parts = [stream["events"] for stream in call.result] if call.name == "streams" else [call.result]
    for events in parts:
        for (event_id, date, _), (next_id, next_date, _) in pairwise(events):
            if (date, event_id) == (next_date, next_id):
                yield Violation(f"{call.name} gave an event twice", event_id, (call,))
            elif (date, event_id) > (next_date, next_id):
                yield Violation(f"{call.name} was out of order: {event_id!r} came before {next_id!r}", next_id, (call,))


def _check_events(call: Call, writes: Writes) -> Iterator[Violation]:
    since, until = bounds(call)
    births: Counter[str] = Counter()
    for event_id, date, token in events_of(call):
        births[event_id] += 1
        why = writes.why_not(event_id, date, token, call.ended)
        if why is not None:
            yield Violation(f"{call.name} gave {why}", event_id, (call,))
        if not since < date <= until:
            yield Violation(f"{call.name} gave an event outside its range", event_id, (call,))
    for event_id, count in births.items() if call.name != "streams" else ():
        deleted = sum(one.begun < call.ended for one in writes.deletes[event_id])
        if count > 1 + deleted:
            yield Violation(f"{call.name} gave {count} events of one id, {deleted} deleted", event_id, (call,))


def _check_completeness(call: Call, writes: Writes) -> Iterator[Violation]:
    lost = [put for put in _missing(call, writes) if not writes.may_be_deleted(put, call.ended)]
    if lost:
        yield Violation(f"{call.name} lost {len(lost)} events", lost[0].event_id, (lost[0].call, call))


def _missing(call: Call, writes: Writes) -> list[Write]:
    """Give the puts that had returned when a replay began, and that it did not show."""
    since, until = bounds(call)
    there = {(event_id, date) for event_id, date, _ in events_of(call)}
    return [
        put
        for (event_id, date), put in writes.puts.items()
        if put.outcome == "done" and put.ended < call.begun and since < date <= until and (event_id, date) not in there
    ]


def _check_progress(calls: list[Call], replays: list[Call], writes: Writes) -> Iterator[Violation]:
    """Give the replays that take back what was applied, as an earlier one has shown: newer data, or a delete.

    Where a combination is committed and not finished, a replay may still show its sources (PROTOCOL.md, step 13).
    """
    finishing = [call for call in calls if call.name in FINISHING and call.outcome in ("done", "too few")]
    by_end = sorted(replays, key=lambda call: call.ended, reverse=True)
    newer: dict[tuple[str, int], dict[str, Call]] = defaultdict(dict)
    gone: dict[tuple[str, int], Call] = {}
    for call in sorted(replays, key=lambda call: call.begun):
        finished = max((one.begun for one in finishing if one.ended < call.begun), default=-inf) - OF_OTHERS
        while by_end and by_end[-1].ended < call.begun:
            earlier = by_end.pop()
            for event_id, date, token in events_of(earlier):
                newer[event_id, date].setdefault(token, earlier)
            for put in _missing(earlier, writes):
                if writes.may_be_deleted(put, earlier.ended):
                    gone.setdefault((put.event_id, microseconds_of(put.token)), earlier)
        back = [event for event in events_of(call) if _ended(gone.get((event[0], event[1]))) < finished]
        if back:
            event_id, date, _ = back[0]
            what = f"{call.name} gave {len(back)} events that were gone before"
            yield Violation(what, event_id, (gone[event_id, date], call))
        yield from _check_age(call, writes, newer, finished)


def _ended(call: Call | None) -> float:
    return inf if call is None else call.ended


def _check_age(
    call: Call, writes: Writes, newer: dict[tuple[str, int], dict[str, Call]], finished: float
) -> Iterator[Violation]:
    for event_id, date, token in events_of(call):
        for shown_before, earlier in newer[event_id, date].items():
            if earlier.ended < finished and _is_older(writes, (event_id, date), token, shown_before):
                what = f"{call.name} gave data ({token}) older than those shown before ({shown_before})"
                yield Violation(what, event_id, (earlier, call))


def _is_older(writes: Writes, event: tuple[str, int], token: str, than: str) -> bool:
    newer = writes.updates.get(than)
    older = writes.updates.get(token) or writes.puts.get(event)
    return token != than and newer is not None and older is not None and older.ended < newer.begun


def bounds(call: Call) -> tuple[float, float]:
    """Give the range of dates of a replay, in microseconds: after the first, up to the second."""
    since: Any = call.arguments.get("since")
    until: Any = call.arguments.get("until")
    return (-inf if since is None else since), (inf if until is None else until)
