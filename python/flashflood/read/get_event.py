"""Reading one event (PROTOCOL.md, step 8). Never writes."""

from flashflood import layout
from flashflood._core import Row, parse_timestamp
from flashflood.context import Context
from flashflood.events import Event
from flashflood.records import blobs
from flashflood.records.claims import Existing, find, lost
from flashflood.records.index import PATIENCE, IndexEntry, is_held, lookup, moving, not_found
from flashflood.records.pending_updates import late_deletes, newest_update, updates_of_event


def event_exists(ctx: Context, event_id: str) -> bool:
    """Say whether an event of this id can be read."""
    return layout.may_exist(event_id, ctx.store.root_prefix) and isinstance(
        find(ctx, event_id, helping=False), Existing
    )


def get_event(ctx: Context, event_id: str) -> Event:
    """Read an event with its newest data. `FlashFloodEventNotFound` if there is none, or it was deleted."""
    if not layout.may_exist(event_id, ctx.store.root_prefix):
        raise not_found(event_id)
    before = None
    for _ in range(PATIENCE):
        entry = lookup(ctx, event_id).entry
        if entry is None:
            raise not_found(event_id)
        event = _read(ctx, entry)
        if event is not None:
            return event
        if entry == before:  # it was looked up again and still is not there
            _explain(ctx, entry)
        before = entry
    raise moving(event_id)


def _read(ctx: Context, entry: IndexEntry) -> Event | None:
    """Read the event that an entry names. None: something has vanished; look it up again."""
    row = entry.row()
    if row is None:
        manifest = ctx.manifest(entry.target)
        row = None if manifest is None else manifest.find(entry.event_id)
        if row is None:
            return None
        holding = None
    else:
        holding = ctx.requests.start(is_held, ctx, entry) if entry.is_claim else None
    reading = ctx.requests.start(_blob_bytes, ctx, entry, row)
    updates = updates_of_event(ctx, entry) if ctx.read_pending_updates else late_deletes(ctx, entry)
    data = reading.result()
    if holding is not None and not holding.result():
        return None
    update = newest_update(entry, row, updates)
    if update is not None:
        found = ctx.store.get(layout.update_key(update))
        data = None if found is None else found.body
    return None if data is None else Event(entry.event_id, parse_timestamp(row.timestamp), data)


def _blob_bytes(ctx: Context, entry: IndexEntry, row: Row) -> bytes | None:
    if row.size == 0:
        return b""
    found = ctx.blob(entry.target, row.offset, row.offset + row.size)
    if found is not None and len(found.body) != row.size:
        raise blobs.short(entry.target, row.offset + len(found.body), row.offset + row.size, entry.event_id)
    return None if found is None else found.body


def _explain(ctx: Context, entry: IndexEntry) -> None:
    """Raise the error for an event whose entry stays while what it names is missing. No error: look it up again."""
    held = is_held(ctx, entry)
    if held is None and not entry.is_claim and lookup(ctx, entry.event_id).entry == entry:
        raise lost(ctx, entry)
    if not held:
        raise not_found(entry.event_id)
    if not ctx.has_blob(entry.target) and lookup(ctx, entry.event_id).entry == entry:
        raise blobs.missing(ctx, entry.target, event_id=entry.event_id)
