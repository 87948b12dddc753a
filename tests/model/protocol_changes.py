"""FOLLOW.md, "Updates and deletes": a follower that is told of changes too, for whoever keeps a copy.

A change says that an event is not what it was. What is handed over is the event as `get_event` gives it by then.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps
from .protocol_events import get_dated
from .protocol_follow import Cursor as EventsCursor
from .protocol_follow import Found, Look, look
from .protocol_follow import Memory as EventsMemory
from .store import DEAD, SLACK, Get, Key, ListDated, UpdateKey, blob_key, is_delete, tombstone

NEVER: tuple[int, Key] = (0, ())

Change: TypeAlias = tuple[int, UpdateKey]
"""An object under `updates` that a poll lists: its date and its key."""


class Cursor(NamedTuple):
    """What a follower knows of the events that it has handed over, and of the changes.

    All changes with a date and key up to `changes` are done with; None: those that were there when it began. Of younger
    ones nothing is known: they come again.
    """

    events: EventsCursor = EventsCursor()
    changes: tuple[int, Key] | None = None


class Told(NamedTuple):
    """What was handed over: `put`, `update` or `delete`, and the event."""

    kind: str
    event_id: str
    date: int = 0
    data: str = ""
    is_late: bool = False


class Memory(NamedTuple):
    """What a follower that has not stopped remembers.

    Of the last full look: what it remembers of events, and the ids of which it listed changes. And the changes beyond
    its cursor that it is done with.
    """

    events: EventsMemory | None = None
    changed: frozenset[str] = frozenset()
    done: frozenset[Change] = frozenset()


class Followed(NamedTuple):
    """What a follower has come to: its cursor, what it has handed over, and what it remembers."""

    cursor: Cursor = Cursor()
    out: tuple[Told, ...] = ()
    memory: Memory = Memory()

    def stopped(self) -> Followed:
        """Return it as one that was started anew from its cursor."""
        return self._replace(memory=Memory())


class _Changes(NamedTuple):
    """The polls to make, and of the first one the changes still to hand over, and the date up to which it has all."""

    bounds: tuple[int, ...]
    stops: bool
    new: tuple[Change, ...]
    settled: int
    read: frozenset[str] = frozenset()


def follow_changes(
    caller: Caller,
    bounds: tuple[int, ...],
    stops: bool = False,  # noqa: FBT001, FBT002 (a call's arguments are a tuple)
    so_far: Followed = Followed(),  # noqa: B008 (immutable)
) -> Steps[Followed | GoOn]:
    """Poll for each of `bounds`, as `follow` does. A full look begins with the changes.

    One that `stops` does so wherever its cursor has moved.
    """
    if not bounds:
        return so_far
    cursor, _, memory = so_far
    if bounds[0] < 0 and memory.events is not None:
        return GoOn(_look_for_events, (bounds, stops, so_far))
    settled, listed = yield from _list_changes(caller)
    begin = (settled, ()) if cursor.changes is None else cursor.changes
    new = tuple(one for one in listed if one > begin and one not in memory.done)
    memory = memory._replace(changed=frozenset(key.event_id for _, key in listed))
    so_far = so_far._replace(cursor=cursor._replace(changes=begin), memory=memory)
    return GoOn(_hand_over_changes, (_Changes(bounds, stops, new, settled), so_far))


def _list_changes(caller: Caller) -> Steps[tuple[int, tuple[Change, ...]]]:
    """List all updates, pending or dead; return the date before which these are all, and them in order."""
    now, dated = yield ListDated(None, None, ("updates",))
    keys = {key for key, _ in dated}
    are_dead_told = Safeguard.DEAD_CHANGES in caller.safeguards
    changes = [(date, key) for key, date in dated if key[-1] != DEAD and (are_dead_told or tombstone(key) not in keys)]
    settled = now - SLACK if Safeguard.CHANGES_SLACK in caller.safeguards else now
    return settled, tuple(sorted(changes))


def _hand_over_changes(caller: Caller, changes: _Changes, so_far: Followed) -> Steps[GoOn]:
    """Hand over the next change, or else go on with the events."""
    cursor, out, memory = so_far
    if not changes.new:
        begin = max(cursor.changes or NEVER, (changes.settled, ()))
        memory = memory._replace(done=frozenset(one for one in memory.done if one > begin))
        so_far = Followed(cursor._replace(changes=begin), out, memory)
        return GoOn(_look_for_events, (changes.bounds, changes.stops, so_far))
    (date, key), *new = changes.new
    told = () if key.event_id in changes.read else (yield from _change(caller, changes, key, cursor))
    is_settled = date < changes.settled
    cursor = cursor._replace(changes=(date, key)) if is_settled else cursor
    so_far = Followed(cursor, (*out, *told), memory._replace(done=memory.done | {(date, key)}))
    if changes.stops and is_settled:
        return GoOn(follow_changes, (changes.bounds, changes.stops, so_far.stopped()))
    changes = changes._replace(new=tuple(new), read=changes.read | {key.event_id})
    return GoOn(_hand_over_changes, (changes, so_far))


def _change(caller: Caller, changes: _Changes, key: UpdateKey, cursor: Cursor) -> Steps[tuple[Told, ...]]:
    """Return what to hand over of a change, if anything: an event whose turn is yet to come is handed over then.

    If there is such an event where one was deleted, it was put after that.
    """
    event_id = key.event_id
    if Safeguard.AS_IT_IS not in caller.safeguards:
        return (Told(key.kind.lower(), event_id, key.journal.start, (yield Get(key)) or ""),)
    found = yield from get_dated(caller, event_id)
    is_due = Safeguard.AWAITS_ITS_TURN not in caller.safeguards
    if found is not None and (is_due or (found[0], event_id) <= cursor.events.place):
        return (Told("update", event_id, *found),)
    was_deleted = any(is_delete(one) for _, one in changes.new if one.event_id == event_id)
    return (Told("delete", event_id),) if found is None or was_deleted else ()


def _look_for_events(caller: Caller, bounds: tuple[int, ...], stops: bool, so_far: Followed) -> Steps[GoOn]:  # noqa: FBT001
    """Look for the events of a poll."""
    seen = yield from look(caller, so_far.cursor.events, bounds[0], so_far.memory.events)
    if seen is None:
        return GoOn(follow_changes, (bounds, stops, so_far))
    return GoOn(_hand_over, (bounds, stops, seen, so_far))


def _hand_over(caller: Caller, bounds: tuple[int, ...], stops: bool, seen: Look, so_far: Followed) -> Steps[GoOn]:  # noqa: FBT001
    """Hand over the next event, or else go on with the next poll."""
    cursor, out, memory = so_far
    if not seen.found:
        memory = memory._replace(events=seen.memory)
        so_far = Followed(cursor._replace(events=seen.cursor), out, memory)
        return GoOn(follow_changes, (bounds[1:], stops, so_far.stopped() if stops else so_far))
    one, *found = seen.found
    told = yield from _event(caller, memory.changed, one)
    if told is None:
        return GoOn(follow_changes, (bounds, stops, so_far))
    so_far = Followed(cursor._replace(events=one.cursor), (*out, *told), memory)
    if stops:
        return GoOn(follow_changes, (bounds, stops, so_far.stopped()))
    return GoOn(_hand_over, (bounds, stops, seen._replace(found=tuple(found)), so_far))


def _event(caller: Caller, changed: frozenset[str], one: Found) -> Steps[tuple[Told, ...] | None]:
    """Return what to hand over of an event whose turn it is, or None if its blob has gone.

    Where a change of it is listed, it is read as `get_event` does. If there is none of this date, it has been deleted.
    """
    date, event_id = one.place
    if event_id in changed and Safeguard.READ_WHERE_CHANGED in caller.safeguards:
        found = yield from get_dated(caller, event_id)
        return (Told("put", event_id, *found, one.is_late),) if found is not None and found[0] == date else ()
    blob = yield Get(blob_key(one.journal.blob))
    return None if blob is None else (Told("put", event_id, date, blob[one.row], one.is_late),)
