"""What single calls may not come to, and what is left at the end: the store at rest, and 0.4.3's reading of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .history import Call, Op, ops_by_id
from .linear import TooLongError, has_order, shortest_without_order
from .replays import Violation, check_replays

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSING = ("a combination was left behind", "lead to no event", "`repair` writes the manifest again")
"""What `check` may find while others are killed: what they left, the latter two once it is as old as the grace time."""


def check_all(calls: list[Call]) -> list[Violation]:
    """Give all that is wrong in a round, the worst first."""
    return [
        *check_ids(calls),
        *check_replays(calls),
        *_check_outcomes(calls),
        *_check_findings(calls),
        *_check_rest(calls),
        *_check_old(calls),
    ]


def check_ids(calls: list[Call]) -> Iterator[Violation]:
    """Give the ids whose calls cannot be put into an order."""
    for event_id, ops in ops_by_id(calls).items():
        try:
            if not has_order(ops):
                involved = {op.call: None for op in _shortest(ops) if op.call is not None}
                yield Violation("no order explains these calls", event_id, tuple(involved))
        except TooLongError:
            yield Violation(f"the {len(ops)} calls are too many for the checker", event_id)


def _shortest(ops: list[Op]) -> list[Op]:
    try:
        return shortest_without_order(ops)
    except TooLongError:
        return ops


def _check_outcomes(calls: list[Call]) -> Iterator[Violation]:
    for call in calls:
        if call.worker == "old":
            continue
        if call.outcome in ("corrupt", "bug") or (call.worker == "finale" and call.outcome not in ("done", "notfound")):
            yield Violation(f"{call.name} of {call.worker} came to {call.outcome}: {call.result}", "", (call,))


def _check_findings(calls: list[Call]) -> Iterator[Violation]:
    for call in calls:
        if call.name == "check" and call.outcome == "done":
            for line in call.result:
                if not any(words in line for words in PASSING):
                    yield Violation(f"check cried wolf: {line}", "", (call,))


def _check_rest(calls: list[Call]) -> Iterator[Violation]:
    """Hold what is left against itself: `check` finds nothing, and replay, `get_event` and the index say the same."""
    last = {call.name: call for call in calls if call.worker == "finale" and call.outcome == "done"}
    if not last:
        return
    for line in last["final check"].result if "final check" in last else ():
        yield Violation(f"at rest, check found: {line}")
    gets = [call for call in calls if call.worker == "finale" and call.name == "get_event"]
    found = {call.arguments["id"]: tuple(call.result) for call in gets if call.outcome == "done"}
    if "final replay" in last:
        replayed = {event[0]: tuple(event) for event in last["final replay"].result}
        if len(replayed) != len(last["final replay"].result):
            yield Violation("at rest, replay gave two events of one id")
        for event_id in sorted(found.keys() | replayed.keys()):
            one, other = found.get(event_id), replayed.get(event_id)
            if one != other:
                yield Violation(f"at rest, get_event gave {one} and replay {other}", event_id)
    if "streams" in last and "final replay" in last:
        streamed = sorted(tuple(event) for stream in last["streams"].result for event in stream["events"])
        if streamed != sorted(map(tuple, last["final replay"].result)):
            yield Violation("at rest, the event streams gave other events than replay")
    if "final keys" in last:
        yield from _check_keys(last["final keys"].result, set(found))


def _check_keys(keys: list[str], living: set[str]) -> Iterator[Violation]:
    index = [key.removeprefix("index/").rpartition("--")[0] for key in keys if key.startswith("index/")]
    void = sorted(set(index) - living)
    if void:
        yield Violation(f"at rest, {len(void)} ids without an event have index entries", void[0])
    for folder in ("update/", "update-ids/", "drafts/", "ledger/"):
        left = [key for key in keys if key.startswith(folder)]
        if left:
            yield Violation(f"at rest, {len(left)} objects are left under {folder}: {left[0]}")
    dead = [key for key in keys if key.startswith("journals/") and key.endswith(".dead")]
    if dead:
        yield Violation(f"at rest, {len(dead)} tombstones are left: {dead[0]}")


def _check_old(calls: list[Call]) -> Iterator[Violation]:
    """0.4.3 reads what we read."""
    replays = {call.name: call for call in calls if call.name in ("final replay", "old replay")}
    if {"old replay", "final replay"} <= replays.keys():
        ours, theirs = (sorted(map(tuple, replays[name].result or [])) for name in ("final replay", "old replay"))
        if ours != theirs:
            different = sorted(set(ours) ^ set(theirs))[:3]
            yield Violation(f"0.4.3 replays other events than we do ({replays['old replay'].outcome}): {different}")
    gets = {call.arguments["id"]: call for call in calls if call.worker == "finale" and call.name == "get_event"}
    for call in calls:
        if call.name == "old get":
            ours_says = gets[call.arguments["id"]]
            if call.outcome != ours_says.outcome or (call.outcome == "done" and call.result != ours_says.result):
                yield Violation(f"0.4.3's get_event gave {call.outcome}: {call.result}", call.arguments["id"])
