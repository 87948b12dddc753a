"""Whether what calls say of one id can be put into an order: each as if done at one moment between its begin and end.

Wing and Gong's search, with Lowe's memory of what has been tried. Looks that fit are taken at once: nothing changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .history import Op

MOST_STATES = 200_000
"""So many are looked at before a history is given up as too long."""

LOOKS = frozenset({"is", "there", "absent"})


class TooLongError(Exception):
    """There are too many orders to try."""


class Event(NamedTuple):
    """What the id has."""

    date: int
    """Of the put that the event began with."""
    token: str
    """Of its data."""


State: TypeAlias = tuple[int, Event | None]
"""The ops that are done, as the bits of a number, and what the id has then."""


def has_order(ops: list[Op]) -> bool:
    """Say whether there is an order that explains all ops. `TooLongError`: it was not found out."""
    ordered = sorted(ops)
    required = sum(1 << number for number, op in enumerate(ordered) if not op.optional)
    waiting: list[State] = [_after_looks(ordered, (0, None))]
    tried = set(waiting)
    while waiting:
        done, event = waiting.pop()
        if done & required == required:
            return True
        for after in _next_states(ordered, done, event):
            if after not in tried:
                tried.add(after)
                waiting.append(after)
        if len(tried) > MOST_STATES:
            raise TooLongError
    return False


def shortest_without_order(ops: list[Op]) -> list[Op]:
    """Cut ops that have no order after the earliest moment from which on they have none; what ran then is undecided."""
    for moment in sorted(op.ended for op in ops):
        begun = [op for op in ops if op.begun <= moment]
        until = [op if op.ended <= moment else op._replace(optional=True) for op in begun]
        if not has_order([op for op in until if not (op.optional and op.kind in LOOKS)]):
            return [op for op in begun if op.ended <= moment or op.kind not in LOOKS]
    return ops


def _next_states(ops: list[Op], done: int, event: Event | None) -> Iterator[State]:
    """Give what the next write can lead to.

    An optional update is of use only to a look that comes right after it, and of optional deletes the one that began
    first is as good as any.
    """
    has_deleted = False
    for number in _possible(ops, done):
        op = ops[number]
        effect = None if op.kind in LOOKS else _effect(op, event)
        if effect is None or (op.optional and op.kind == "delete" and has_deleted):
            continue
        has_deleted |= op.optional and op.kind == "delete"
        written = done | 1 << number
        after = _after_looks(ops, (written, effect[0]))
        if not (op.optional and op.kind == "update") or after[0] != written:
            yield after


def _possible(ops: list[Op], done: int) -> list[int]:
    """Give what may come next: nothing that must be done had ended when it began."""
    left = [number for number in range(len(ops)) if not done >> number & 1]
    first_end = min((ops[number].ended for number in left if not ops[number].optional), default=float("inf"))
    return [number for number in left if ops[number].begun <= first_end]


def _after_looks(ops: list[Op], state: State) -> State:
    """Do all looks that may come next and see what there is."""
    done, event = state
    while True:
        fitting = [
            number for number in _possible(ops, done) if ops[number].kind in LOOKS and _effect(ops[number], event)
        ]
        if not fitting:
            return done, event
        for number in fitting:
            done |= 1 << number


def _effect(op: Op, event: Event | None) -> tuple[Event | None] | None:
    """Give what the id has after an op. None: it cannot have given its result where the id has `event`.

    A delete may find an event that another one has just deleted.
    """
    match op.kind:
        case "put":
            return (Event(op.date, op.token),) if event is None else None
        case "update":
            return None if event is None else (Event(event.date, op.token),)
        case "delete":
            return (None,)
        case "is":
            return (event,) if event == Event(op.date, op.token) else None
        case "there":
            return None if event is None else (event,)
    return (None,) if event is None else None
