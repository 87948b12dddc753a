"""FlashFlood 0.4.3's calls, in its own order of requests, to run beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .store import (
    COMBINED,
    NEW,
    Bury,
    Delete,
    Entry,
    Get,
    IndexKey,
    JournalID,
    JournalKey,
    List,
    Manifest,
    Now,
    Put,
    PutOwn,
    Row,
    UpdateKey,
    blob_key,
    index_key,
    is_delete,
    journal_key,
    update_key,
    without_dead,
)

if TYPE_CHECKING:
    from .calls import Caller, Steps


def old_put(caller: Caller, event_id: str, data: str, date: int) -> Steps[str]:
    """Put an event."""
    if (yield List(("index", event_id))):
        return "exists"
    journal = JournalID(date, date, NEW, caller.name)
    yield PutOwn(blob_key(caller.name), (data,))
    yield Put(journal_key(journal), Manifest((Row(event_id, date, 0, 0, None),)))
    yield from _index([(event_id, date)], journal)
    return "ok"


def _index(events: list[tuple[str, int]], journal: JournalID) -> Steps[None]:
    """Write new index entries for ids and dates, then delete all that were there."""
    replaced: list[IndexKey] = []
    for event_id, date in events:
        entries = yield List(("index", event_id))
        revision = entries[-1].revision + 1 if entries else 1
        yield Put(index_key(event_id, revision), Entry(journal, None, date, None))
        replaced += entries
    for entry in replaced:
        yield Delete(entry)


def old_journal(caller: Caller) -> Steps[str]:
    """Combine the new journals."""
    keys: list[JournalKey] = without_dead((yield List(("journals",))))
    sources = [key.journal for key in keys if key.journal.version == NEW]
    if not sources:
        return "none"
    rows: list[Row] = []
    data: list[str] = []
    used: list[UpdateKey] = []
    for source in sources:
        manifest = yield Get(journal_key(source))
        if manifest is None:
            return "failed"
        updates: list[UpdateKey] = without_dead((yield List(("updates", source))))
        used += updates
        blob = yield Get(blob_key(source.blob))
        if blob is None:
            return "failed"
        for index, row in enumerate(manifest.rows):
            mine = [update for update in updates if update.event_id == row.event_id]
            update = max(mine, key=lambda update: update.timestamp, default=None)
            if update is not None and is_delete(update):
                continue
            data.append(blob[index] if update is None else (yield Get(update)))
            rows.append(Row(row.event_id, row.date, 0, 0, None))
    if rows:
        journal = JournalID(rows[0].date, rows[-1].date, COMBINED, caller.name)
        yield PutOwn(blob_key(caller.name), tuple(data))
        yield Put(journal_key(journal), Manifest(tuple(rows), came_from=(None,) * len(rows)))
        yield from _index([(row.event_id, row.date) for row in rows], journal)
    for source in sources:
        yield Bury(journal_key(source))
    for update in used:
        yield Bury(update)
    return "ok"


def old_update(caller: Caller, event_id: str, data: str) -> Steps[str]:
    """Write an update."""
    target = yield from _target(event_id)
    if isinstance(target, str):
        return target
    timestamp = yield Now()
    yield Put(update_key(target, event_id, timestamp, "UPDATE"), data, caller.name)
    return "ok"


def old_delete(caller: Caller, event_id: str) -> Steps[str]:
    """Write a DELETE, then delete the index entries."""
    target = yield from _target(event_id)
    if isinstance(target, str):
        return target
    timestamp = yield Now()
    yield Put(update_key(target, event_id, timestamp, "DELETE"), None, caller.name)
    for entry in (yield List(("index", event_id))):
        yield Delete(entry)
    return "ok"


def _target(event_id: str) -> Steps[JournalID | str]:
    """Return the journal that the index names, or how the call ends without one."""
    entries = yield List(("index", event_id))
    if not entries:
        return "notfound"
    entry = yield Get(entries[-1])
    return "failed" if entry is None else entry.target
