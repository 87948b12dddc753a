"""Updating and deleting one event (PROTOCOL.md, steps 6 and 7).

Writes an update object, addressed to the journal that holds the event; a delete also writes a deletion mark, and
removes the index entries. Later, `update()` or `journal()` applies the update to the journal.
"""

import logging

from flashflood import layout
from flashflood.context import Context, Deadline
from flashflood.data import Data, to_bytes
from flashflood.dates import timestamp_now
from flashflood.identifiers import JournalUpdateAction, Update, timestamp_after
from flashflood.records.claims import Absent, Existing, find, lost
from flashflood.records.index import PATIENCE, IndexEntry, lookup, moving, not_found, remove_from_index

logger = logging.getLogger(__name__)


def update_event(ctx: Context, event_id: str, new_data: Data) -> None:
    """Give an event new data. `FlashFloodEventNotFound` if there is none."""
    entry, _ = _write_update(ctx, event_id, JournalUpdateAction.UPDATE, to_bytes(new_data))
    logger.info("%s: update of event %r, for journal %s", ctx.store.name, event_id, entry.target)


def delete_event(ctx: Context, event_id: str) -> None:
    """Delete an event. `FlashFloodEventNotFound` if there is none."""
    last, revisions = _write_update(ctx, event_id, JournalUpdateAction.DELETE, b"")
    remove_from_index(ctx, event_id, last.revision, revisions)
    logger.info("%s: delete of event %r, for journal %s", ctx.store.name, event_id, last.target)


def _write_update(
    ctx: Context, event_id: str, action: JournalUpdateAction, body: bytes
) -> tuple[IndexEntry, list[int]]:
    """Write the update for the event's journal, and again for each journal that the event moves to meanwhile.

    Gives the event's last entry, and the revisions listed with it.
    """
    deadline = Deadline()
    existing = find(ctx, event_id, helping=True) if layout.may_exist(event_id, ctx.store.root_prefix) else Absent(1)
    if isinstance(existing, Absent):
        raise not_found(event_id)
    if existing.is_lost and (action is JournalUpdateAction.UPDATE or ctx.store.damage()):
        raise lost(ctx, existing.entry)
    entry, timestamp = existing.entry, _timestamp(existing)
    for _ in range(PATIENCE):
        deadline.check(f"{action.value} of event {event_id!r}")
        ctx.put_update(Update(entry.target, event_id, timestamp, action), body)
        seen = lookup(ctx, event_id, known=entry)
        if seen.entry is None or not _same_event(entry, seen.entry):
            return entry, seen.revisions
        if seen.entry.target == entry.target:
            return seen.entry, seen.revisions
        entry = seen.entry
    raise moving(event_id)


def _timestamp(existing: Existing) -> str:
    """Give a timestamp newer than every update known of the event, whatever this machine's clock says."""
    known = [update.timestamp for update in existing.updates]
    if existing.entry.updated is not None:
        known.append(existing.entry.updated)
    return max([timestamp_now(), *map(timestamp_after, known)])


def _same_event(one: IndexEntry, other: IndexEntry) -> bool:
    """Whether both entries are of one event; where 0.4.3 wrote one of them, that is taken to be so."""
    return one.birth == other.birth or None in (one.birth, other.birth)
