"""What the logs say: calls, and what each of them says of an id."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from . import log
from .content import microseconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PROXY = "proxy"
"""The log that holds faults instead of calls."""
REPLAYS = frozenset({"replay", "parts", "final replay", "streams"})


@dataclass(frozen=True, eq=False)
class Call:
    """One call of one worker."""

    worker: str
    name: str
    arguments: Mapping[str, Any]
    begun: float
    """CLOCK_MONOTONIC in nanoseconds."""
    ended: float
    """Infinite: it never returned, and may still have an effect at any time."""
    outcome: str
    """What `worker` logged; "killed" where it logged nothing."""
    result: Any

    @property
    def is_undecided(self) -> bool:
        """Whether it may have had its effect or not, or may still have it."""
        return self.outcome not in ("done", "exists", "notfound")


class Op(NamedTuple):
    """What a call says of one id. It had its effect between `begun` and `ended`; an optional one may have had none."""

    begun: float
    ended: float
    kind: str
    """put, update, delete; of those that only look: is, there, absent."""
    token: str = ""
    """Of the data that were written or read."""
    date: int = 0
    """Of the event that was put or read."""
    optional: bool = False
    call: Call | None = None


def read_calls(folder: Path) -> list[Call]:
    """Read the logs of all workers, in the order of the calls' begin."""
    found = [call for path in folder.glob("*.jsonl") if path.stem != PROXY for call in _calls_of(path)]
    return sorted(found, key=lambda call: call.begun)


def read_faults(folder: Path) -> list[dict[str, Any]]:
    """Read what the proxy did."""
    path = folder / f"{PROXY}.jsonl"
    return list(log.read(path)) if path.exists() else []


def _calls_of(path: Path) -> Iterator[Call]:
    begun: dict[int, dict[str, Any]] = {}
    for line in log.read(path):
        if "call" in line:
            begun[line["n"]] = line
        elif "n" in line:
            yield _call(path.stem, begun.pop(line["n"]), line["at"], line["outcome"], line["result"])
    for line in begun.values():
        yield _call(path.stem, line, inf, "killed", None)


def _call(worker: str, line: dict[str, Any], ended: float, outcome: str, result: object) -> Call:
    arguments = {name: value for name, value in line.items() if name not in ("n", "at", "call")}
    return Call(worker, line["call"], arguments, line["at"], ended, outcome, result)


def events_of(call: Call) -> Iterator[list[Any]]:
    """Give the events that a replay, or the streams of one listing, gave: [id, date, token]."""
    if call.outcome != "done":
        return
    if call.name == "streams":
        for stream in call.result:
            yield from stream["events"]
    elif call.name in REPLAYS:
        yield from call.result


def ops_by_id(calls: Iterable[Call]) -> dict[str, list[Op]]:
    """Give what calls say of each id."""
    listed = list(calls)
    seen = _tokens_seen(listed)
    ops: defaultdict[str, list[Op]] = defaultdict(list)
    for call in listed:
        for event_id, op in _ops_of(call, seen):
            ops[event_id].append(op._replace(call=call))
    return ops


def _tokens_seen(calls: list[Call]) -> set[str]:
    seen = {token for call in calls for _, _, token in events_of(call)}
    for call in calls:
        if call.outcome == "done" and call.name == "get_event":
            seen.add(call.result[2])
        elif call.outcome == "done" and call.name == "get_events":
            seen.update(token for _, _, token in call.result)
    return seen


def _ops_of(call: Call, seen: set[str]) -> Iterator[tuple[str, Op]]:
    match call.name:
        case "put" | "update_event" | "delete_event":
            op = _written(call, seen)
            if op is not None:
                yield call.arguments["id"], op
        case "put_many":
            yield from _put_together(call, seen)
        case "get_event" | "event_exists":
            op = _looked(call)
            if op is not None:
                yield call.arguments["id"], op
        case "get_events" if call.outcome == "done":
            found = {event_id: (date, token) for event_id, date, token in call.result}
            for event_id in call.arguments["ids"]:
                date, token = found.get(event_id, (0, ""))
                yield event_id, Op(call.begun, call.ended, "is" if token else "absent", token, date)


def _written(call: Call, seen: set[str]) -> Op | None:
    """Give what a call says that writes. An undecided update that nobody has seen explains nothing, and goes."""
    token = call.arguments.get("token", "")
    kind = {"put": "put", "update_event": "update", "delete_event": "delete"}[call.name]
    if call.outcome == "exists":
        return Op(call.begun, call.ended, "there")
    if call.outcome == "notfound":
        return Op(call.begun, call.ended, "absent")
    if call.is_undecided and kind == "update" and token not in seen:
        return None
    date = microseconds_of(token) if kind == "put" else 0
    ended = inf if call.is_undecided else call.ended
    return Op(call.begun, ended, kind, token, date, call.is_undecided)


def _put_together(call: Call, seen: set[str]) -> Iterator[tuple[str, Op]]:
    """Give the puts of a batch, which is stored whole or not at all: seen in part, it has happened, all of it."""
    if call.outcome == "exists":
        return
    skipped = set(call.result) if call.outcome == "done" else set()
    tokens = [token for _, token in call.arguments["events"]]
    optional = call.is_undecided and (call.arguments["mode"] != "error" or seen.isdisjoint(tokens))
    ended = inf if call.is_undecided else call.ended
    for event_id, token in call.arguments["events"]:
        if event_id in skipped:
            yield event_id, Op(call.begun, ended, "there")
        else:
            yield event_id, Op(call.begun, ended, "put", token, microseconds_of(token), optional)


def _looked(call: Call) -> Op | None:
    if call.outcome == "notfound" or (call.outcome == "done" and call.result is False):
        return Op(call.begun, call.ended, "absent")
    if call.outcome != "done":
        return None
    if call.result is True:
        return Op(call.begun, call.ended, "there")
    _, date, token = call.result
    return Op(call.begun, call.ended, "is", token, date)
