"""PROTOCOL.md's steps 6 to 8: update_event, delete_event, get_event."""

from __future__ import annotations

from typing import NamedTuple

from .calls import Caller, GoOn, Safeguard, Steps
from .protocol import Current, Existing, addressed, combined_by_043, exists, is_claim, is_made, lookup
from .store import (
    DEAD,
    Delete,
    Entry,
    Get,
    IndexKey,
    List,
    Now,
    Put,
    UpdateKey,
    blob_key,
    is_delete,
    journal_key,
    mark_key,
    update_key,
    without_dead,
)

SLOW_BY = 50
"""Ticks by which a slow clock is behind."""


def update_event(caller: Caller, event_id: str, data: str) -> Steps[str | GoOn]:
    """Step 6: look the event up, and take the timestamp."""
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    timestamp = yield from _timestamp(caller, existing)
    return GoOn(_update_at, (event_id, data, existing.current, timestamp))


def _timestamp(caller: Caller, existing: Existing) -> Steps[int]:
    """Return a timestamp newer than every update known of the event, whatever the clock says."""
    now: int = yield Now()
    known = [update.timestamp for update in existing.updates]
    if existing.current is not None:
        known.append(existing.current.entry.updated)
    return max([now - SLOW_BY if caller.is_slow else now, *(timestamp + 1 for timestamp in known)])


def _update_at(caller: Caller, event_id: str, data: str, current: Current, timestamp: int) -> Steps[str]:
    first, target = current.entry, current.entry.target
    yield Put(update_key(target, event_id, timestamp, "UPDATE"), data, caller.name)
    known = current
    while Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        found = (yield from lookup(caller, event_id, known)).current
        if found is None or found.entry.target == target or not _same_event(caller, found.entry, first):
            break
        known, target = found, found.entry.target
        yield Put(update_key(target, event_id, timestamp, "UPDATE"), data, caller.name)
    return "ok"


def _same_event(caller: Caller, one: Entry, other: Entry) -> bool:
    """Say whether two entries of an id are of the same event; 0.4.3 tells no birth."""
    return one.birth == other.birth or (caller.beside_043 and None in (one.birth, other.birth))


def delete_event(caller: Caller, event_id: str) -> Steps[str | GoOn]:
    """Step 7: look the event up, and take the timestamp."""
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    timestamp = yield from _timestamp(caller, existing)
    return GoOn(_delete_at, (event_id, existing.current, existing.entries, timestamp))


def _delete_at(
    caller: Caller, event_id: str, current: Current, entries: tuple[IndexKey, ...], timestamp: int
) -> Steps[str]:
    first, target = current.entry, current.entry.target
    yield Put(update_key(target, event_id, timestamp, "DELETE"), None, caller.name)
    while Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        found, _, entries = yield from lookup(caller, event_id, current)
        if found is None or not _same_event(caller, found.entry, first):
            break
        current = found
        if found.entry.target == target:
            break
        target = found.entry.target
        yield Put(update_key(target, event_id, timestamp, "DELETE"), None, caller.name)
    if Safeguard.MARKS in caller.safeguards:
        yield Put(mark_key(event_id, current.revision), "")
        entries = tuple(entry for entry in entries if entry.revision <= current.revision)
    for entry in entries:
        yield Delete(entry)
    return "ok"


def newest(caller: Caller, updates: list[UpdateKey]) -> UpdateKey | None:
    """Return the update that counts of those of one event: a DELETE before every UPDATE."""
    if Safeguard.DELETE_WINS in caller.safeguards:
        for update in updates:
            if is_delete(update):
                return update
    return max(updates, key=lambda update: update.timestamp, default=None)


class Read(NamedTuple):
    """What was read of an event; None: it is deleted. `vanished`: look it up again."""

    data: str | None
    vanished: bool = False


def get(caller: Caller, event_id: str, before: Current | None = None) -> Steps[str | GoOn | None]:
    """Step 8: get_event; None for NotFound. `before` is what an earlier lookup gave, whose journal was not of use."""
    current, read = yield from _look_up_and_read(caller, event_id, before)
    return GoOn(get, (event_id, current)) if read.vanished else read.data


def get_dated(caller: Caller, event_id: str) -> Steps[tuple[int, str] | None]:
    """Make the requests of `get`, and return the event's date and data."""
    current, read = yield from _look_up_and_read(caller, event_id, None)
    while read.vanished:
        current, read = yield from _look_up_and_read(caller, event_id, current)
    return None if current is None or read.data is None else (current.entry.date, read.data)


def _look_up_and_read(caller: Caller, event_id: str, before: Current | None) -> Steps[tuple[Current | None, Read]]:
    current = (yield from lookup(caller, event_id)).current
    if current is None:
        return None, Read(None)
    read = yield from _read(caller, event_id, current)
    if read.vanished and current == before:
        manifest = yield Get(journal_key(current.entry.target))
        if manifest is None or not any(row.event_id == event_id for row in manifest.rows):
            return None, Read(None)
    return current, read


def _read(caller: Caller, event_id: str, current: Current) -> Steps[Read]:
    """Read the event that an entry names. What a combination wrote says all that its manifest's row does."""
    entry = current.entry
    index, updated = entry.row_index, entry.updated
    if index is None:
        manifest = yield Get(journal_key(entry.target))
        rows = () if manifest is None else manifest.rows
        index = next((index for index, row in enumerate(rows) if row.event_id == event_id), None)
        if index is None:
            return Read(None, vanished=True)
        updated = rows[index].updated
    is_held, updates, blob = yield from _asked_at_one_time(caller, event_id, current)
    if not is_held:
        return Read(None, vanished=True)
    update = newest(caller, [update for update in updates if is_delete(update) or update.timestamp > updated])
    if update is not None and is_delete(update):
        return Read(None)
    data = (blob[index] if blob is not None else None) if update is None else (yield Get(update))
    return Read(data, vanished=data is None)


def _asked_at_one_time(
    caller: Caller, event_id: str, current: Current
) -> Steps[tuple[bool, list[UpdateKey], tuple[str, ...] | None]]:
    """Say whether the journal has the event (only a claim's may not), and return its updates and its journal's blob."""
    entry = current.entry
    is_held, blob = True, None
    if caller.as_begun:
        is_held = not is_claim(current) or (yield from is_made(entry.target))
        blob = yield Get(blob_key(entry.target.blob))
    updates = yield from _updates_to_read(caller, event_id, entry)
    if not caller.as_begun:
        blob = yield Get(blob_key(entry.target.blob))
        is_held = not is_claim(current) or (yield from is_made(entry.target))
    return is_held, updates, blob


def _updates_to_read(caller: Caller, event_id: str, entry: Entry) -> Steps[list[UpdateKey]]:
    """Return the updates that may be newer than a row's data."""
    journals = addressed(caller, entry)
    if Safeguard.CAME_FROM_UPDATES not in caller.safeguards:
        manifest = yield Get(journal_key(entry.target))
        journals = [entry.target, *(manifest.replaces if manifest is not None else ())]
    updates = []
    for journal in journals:
        listed = yield List(("updates", journal, event_id))
        if Safeguard.TOMBSTONED_UPDATES in caller.safeguards:
            updates += [update for update in listed if update[-1] != DEAD]
        else:
            updates += without_dead(listed)
    if combined_by_043(caller, entry):
        everywhere = yield List(("updates",))
        updates += [u for u in without_dead(everywhere) if u.event_id == event_id and u not in updates]
    return updates
