"""PROTOCOL.md's step 10: what follows once a combination's manifest is there; and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .calls import Caller, Safeguard, Steps
from .store import (
    NEW,
    Bury,
    Combination,
    Create,
    Delete,
    Entry,
    Get,
    IndexKey,
    JournalID,
    Key,
    List,
    Manifest,
    Put,
    Row,
    UpdateKey,
    index_key,
    is_delete,
    journal_key,
    mark_key,
    update_key,
    without_dead,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Ledger: TypeAlias = tuple[tuple[Key, Combination], ...]


def read_ledger(own: Ledger = ()) -> Steps[Ledger]:
    """List the ledger and read each entry but one's `own`. What goes in between is left out."""
    ledger = []
    known = dict(own)
    for key in (yield List(("ledger",))):
        entry = known.get(key) or (yield Get(key))
        if entry is not None:
            ledger.append((key, entry))
    return tuple(ledger)


def finish(
    caller: Caller, ledger_key: Key, entry: Combination, made: Manifest, known: Mapping[JournalID, Manifest]
) -> Steps[None]:
    """Step 10, by whoever finds the entry's manifest created. `known`: manifests of sources that have been read."""
    if entry.journal is not None:
        yield from _move_entries(caller, entry.journal, made, entry.sources)
    used = list(entry.used)
    if Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        yield from _take_late_updates(caller, entry, made, known, used)
    if Safeguard.MARKS in caller.safeguards:
        kept = {row.event_id for row in made.rows}
        for event_id in sorted({one.event_id for one in used if is_delete(one)} - kept):
            yield from _remove_entries(event_id, (*entry.sources, entry.journal))
    for source in entry.sources:
        yield Bury(journal_key(source))
    if entry.journal is not None and not made.rows:
        yield Bury(journal_key(entry.journal))
    for one in used:
        yield Bury(one)
    yield Delete(ledger_key)


def _move_entries(caller: Caller, journal_id: JournalID, made: Manifest, sources: tuple[JournalID, ...]) -> Steps[None]:
    for index, (row, came_from) in enumerate(zip(made.rows, made.came_from, strict=True)):
        moved = Entry(journal_id, came_from, row.date, row.birth, index, row.updated)
        yield from _move_index(caller, row, moved, sources)


def _move_index(caller: Caller, row: Row, moved: Entry, sources: tuple[JournalID, ...]) -> Steps[None]:
    """Create an event's next index entry, and delete the lower ones.

    The manifest says which revision is next, but for an event that 0.4.3 put: there the current entry must name a
    source.
    """
    if row.birth is not None or Safeguard.INDEX_LISTED not in caller.safeguards:
        yield Create(index_key(row.event_id, row.revision), moved)
        yield Delete(index_key(row.event_id, row.revision - 1))
        return
    if moved.came_from is not None and moved.came_from.version == NEW:
        first = yield Get(index_key(row.event_id, 1))
        if first is not None and first.target == moved.came_from and (yield Create(index_key(row.event_id, 2), moved)):
            yield Delete(index_key(row.event_id, 1))
            return
    keys = yield List(("index", row.event_id))
    revision = row.revision
    if keys and (keys[-1].revision < row.revision or caller.beside_043):
        current = yield Get(keys[-1])
        if caller.beside_043 and current is not None:
            revision = keys[-1].revision + (current.target in sources)
        if current is not None and current.target in sources:
            yield Create(index_key(row.event_id, revision), moved)
    for key in keys:
        if key.revision < revision:
            yield Delete(key)


def _take_late_updates(
    caller: Caller,
    entry: Combination,
    made: Manifest,
    known: Mapping[JournalID, Manifest],
    used: list[UpdateKey],
) -> Steps[None]:
    """List the sources' updates again; what is not yet in its row goes to the new journal. Add all to `used`."""
    rows = {row.event_id: (row, came_from) for row, came_from in zip(made.rows, made.came_from, strict=True)}
    late = yield from _late_updates(caller, entry.sources, known)
    for source, one in late:
        if one in used:
            continue
        row, came_from = rows.get(one.event_id, (None, None))
        if entry.journal and row and came_from == source and (is_delete(one) or one.timestamp > row.updated):
            data = yield Get(one)
            if data is not None or is_delete(one):
                yield Put(update_key(entry.journal, one.event_id, one.timestamp, one.kind), data, caller.name)
            if is_delete(one) and Safeguard.MARKS in caller.safeguards:
                yield from _remove_entries(one.event_id, (entry.journal,))
        used.append(one)


def _late_updates(
    caller: Caller, sources: tuple[JournalID, ...], known: Mapping[JournalID, Manifest]
) -> Steps[list[tuple[JournalID, UpdateKey]]]:
    """Return the pending updates of the sources, each with the source whose row it is for.

    It may be addressed to a journal that a source has replaced.
    """
    manifests: dict[JournalID, Manifest] = {}
    for source in sources:
        if source.version != NEW and Safeguard.ONE_STEP in caller.safeguards:
            manifest = known.get(source) or (yield Get(journal_key(source)))
            manifests |= {source: manifest} if manifest is not None else {}
    late: list[tuple[JournalID, UpdateKey]] = []
    for source in sources:
        late += [(source, one) for one in without_dead((yield List(("updates", source))))]
    for source, manifest in manifests.items():
        by_id = {row.event_id: source for row, source in zip(manifest.rows, manifest.came_from, strict=False)}
        for replaced in manifest.replaces:
            for one in without_dead((yield List(("updates", replaced)))):
                late += [(source, one)] if by_id.get(one.event_id) == replaced else []
    return late


def _remove_entries(event_id: str, targets: tuple[JournalID | None, ...]) -> Steps[None]:
    """Mark and remove a deleted event's index entries, if the highest names one of `targets`."""
    keys: tuple[IndexKey, ...] = yield List(("index", event_id))
    if not keys:
        return
    current = yield Get(keys[-1])
    if current is None or current.target not in targets:
        return
    yield Put(mark_key(event_id, keys[-1].revision), "")
    for key in keys:
        yield Delete(key)
