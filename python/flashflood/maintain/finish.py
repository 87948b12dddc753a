"""What follows once a combined journal's manifest is there (PROTOCOL.md, steps 10 and 12).

Anyone can do it, as often as may be. Writes `index/`, `gone/`, late updates, tombstones and tags; last, the ledger
entry goes.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import NEW, JournalID, Update
from flashflood.records import ledger
from flashflood.records.index import IndexEntry, create_entry, read_entry, remove_from_index, revisions_in_index
from flashflood.records.ledger import LedgerEntry
from flashflood.records.pending_updates import pending_updates_of

logger = logging.getLogger(__name__)

ENTRIES_AT_A_TIME = 5_000
"""Rows at a time: their index entries are written, then the older entries are removed."""


class Made(NamedTuple):
    """A combination whose manifest is there."""

    entry: LedgerEntry
    manifest: Manifest


def recover(ctx: Context) -> int:
    """Step 12: decide and finish the combinations that were left behind. Gives how many there were."""
    under_way = ledger.read(ctx)
    if not under_way:
        return 0
    now = ctx.now()
    left_behind = [open_.entry for open_ in under_way if replace(open_, listed=now).is_left_behind]
    for entry in left_behind:
        logger.info("%s: recovering combination %s, which was left behind", ctx.store.name, entry.journal_id)
        manifest = ledger.create_fence(ctx, entry.journal_id)
        if manifest is None:
            ledger.close(ctx, [entry])
        elif ledger.is_fence(manifest):
            ctx.bury([entry.journal_id])
            ledger.close(ctx, [entry])
        else:
            finish(ctx, [Made(entry, manifest)])
    return len(left_behind)


def false_entry(entry: LedgerEntry, manifest: Manifest) -> FlashFloodCorruptionError | None:
    """Say that a ledger entry names other sources than its journal replaces. None: it names the same."""
    if set(manifest.replaces) == set(entry.sources):
        return None
    key = layout.ledger_key(entry.journal_id)
    msg = f"{key}: its sources are not those that journal {entry.journal_id} replaces; remove the entry"
    return FlashFloodCorruptionError(msg, journal_id=entry.journal_id, key=key)


def finish(ctx: Context, made: Sequence[Made], known: Iterable[Manifest] = ()) -> None:
    """Step 10: point the index at the new journals, hand on late updates, bury the sources and the updates used.

    `known`: manifests of sources, which need not be read again. `FlashFloodCorruptionError` where an entry names other
    sources than the journal replaces: they must not be buried.
    """
    # 1. Whoever wrote the ledger entry must have made this very journal.
    for entry, manifest in made:
        if (error := false_entry(entry, manifest)) is not None:
            raise error
    # 2. The index leads to the new rows before anything that it led to dies.
    _move_entries(ctx, made)
    manifests = {entry.journal_id: manifest for entry, manifest in made}
    used = {entry.journal_id: dict.fromkeys(entry.updates) for entry, _ in made}
    # 3. Updates that came too late to be applied are addressed to the new journals.
    for entry, holder, update in _late_updates(ctx, [entry for entry, _ in made], known):
        if update not in used[entry.journal_id]:
            _hand_on(ctx, entry, holder, update, manifests[entry.journal_id].find(update.event_id))
            used[entry.journal_id][update] = None
    # 4. Events that were deleted lose their index entries, which a slow delete may have left.
    for entry, manifest in made:
        deleted = {update.event_id for update in used[entry.journal_id] if update.is_delete}
        absent = sorted(event_id for event_id in deleted if manifest.find(event_id) is None)
        ctx.requests.each(partial(_remove_deleted, ctx, entry), absent)
    # 5. The sources die, and new journals without rows; then the updates that were used up.
    dead = [source for entry, _ in made for source in entry.sources]
    empty = [entry.journal_id for entry, manifest in made if not len(manifest)]
    spent = [layout.update_key(update) for updates in used.values() for update in updates]
    with ctx.meter.step("burying", "journals", len(dead) + len(empty)):
        ctx.bury(dead + empty)
        ctx.requests.each(ctx.meter.counting("updates", ctx.bury_object), spent)
    # 6. Last, the ledger entry goes: until then anyone can do all of this again.
    ledger.close(ctx, [entry for entry, _ in made])


def _late_updates(
    ctx: Context, entries: Sequence[LedgerEntry], known: Iterable[Manifest]
) -> list[tuple[LedgerEntry, JournalID, Update]]:
    """List the sources' pending updates, each with its combination and with the source whose row it is for.

    An update may be addressed to a journal that this source replaces.
    """
    users = {source: entry for entry in entries for source in entry.sources}
    manifests = {JournalID(manifest.journal_id): manifest for manifest in known}
    unread = [source for source in users if source.version != NEW and source not in manifests]
    read = ctx.requests.each(ctx.manifest, unread)
    manifests |= {JournalID(manifest.journal_id): manifest for manifest in read if manifest is not None}
    heirs: defaultdict[JournalID, list[JournalID]] = defaultdict(list)
    for source, manifest in manifests.items():
        for replaced in manifest.replaces:
            heirs[JournalID(replaced)].append(source)
    late = []
    for update in pending_updates_of(ctx, users.keys() | heirs.keys()):
        if update.journal_id in users:
            late.append((users[update.journal_id], update.journal_id, update))
            continue
        for source in heirs[update.journal_id]:
            row = manifests[source].find(update.event_id)
            if row is not None and row.came_from == update.journal_id:
                late.append((users[source], source, update))
    return late


def _move_entries(ctx: Context, made: Sequence[Made]) -> None:
    """Write the index entries of all rows, and remove those that are older."""
    moves = ((entry, manifest.row(index)) for entry, manifest in made for index in range(len(manifest)))
    move = ctx.meter.counting("events", partial(_move_entry, ctx))
    with ctx.meter.step("indexing", "events", sum(len(manifest) for _, manifest in made)):
        while some := list(islice(moves, ENTRIES_AT_A_TIME)):
            void = [key for keys in ctx.requests.each(move, some) for key in keys]
            if void:
                ctx.store.delete(void)


def _move_entry(ctx: Context, move: tuple[LedgerEntry, Row]) -> list[str]:
    """Write the index entry of a row, the next one after its current one. Gives the keys of the entries that are older.

    The manifest says which revision is next. Where that is taken, another process has been here, or a later event has
    the id. For an event that 0.4.3 put, the current entry is looked for, and must name a source.
    """
    entry, row = move
    if row.revision is not None and row.birth is not None:
        _index_row(ctx, entry, row, row.revision)
        return [layout.index_key(row.event_id, row.revision - 1)]
    if row.came_from is not None and JournalID(row.came_from).version == NEW:
        first = _target(ctx, row.event_id, 1)
        if first == row.came_from and _index_row(ctx, entry, row, 2):
            return [layout.index_key(row.event_id, 1)]
    listed = revisions_in_index(ctx, row.event_id)
    if listed and _target(ctx, row.event_id, listed[-1]) in entry.sources:
        _index_row(ctx, entry, row, listed[-1] + 1)
        return [layout.index_key(row.event_id, revision) for revision in listed]
    return [layout.index_key(row.event_id, revision) for revision in listed[:-1]]


def _index_row(ctx: Context, entry: LedgerEntry, row: Row, revision: int) -> bool:
    """Lead the index to a row of the new journal. False: the revision is taken."""
    return create_entry(ctx, IndexEntry.of_row(row, revision, entry.journal_id))


def _target(ctx: Context, event_id: str, revision: int) -> JournalID | None:
    """Say which journal an index entry names. None: it is not there, or cannot be read, as `check` tells."""
    try:
        there = read_entry(ctx, event_id, revision)
    except FlashFloodCorruptionError:
        return None
    return None if there is None else there.target


def _hand_on(ctx: Context, entry: LedgerEntry, holder: JournalID, update: Update, row: Row | None) -> None:
    """Write an update that came too late to be applied once more, for the new journal."""
    if row is None or row.came_from != holder:
        return
    if not update.is_delete and update.timestamp <= (row.updated or ""):
        return
    found = ctx.store.get(layout.update_key(update))
    if found is None:
        return
    ctx.put_update(update.moved_to(entry.journal_id), found.body)
    if update.is_delete:
        _remove_if_target(ctx, update.event_id, {entry.journal_id})


def _remove_deleted(ctx: Context, entry: LedgerEntry, event_id: str) -> None:
    """Complete the delete of an event that is not in the new journal."""
    _remove_if_target(ctx, event_id, {entry.journal_id, *entry.sources})


def _remove_if_target(ctx: Context, event_id: str, journal_ids: set[JournalID]) -> None:
    """Mark and remove an event's index entries, unless the current one names another journal: a later event's."""
    listed = revisions_in_index(ctx, event_id)
    if not listed:
        return
    if _target(ctx, event_id, listed[-1]) in journal_ids:
        remove_from_index(ctx, event_id, listed[-1], listed)
