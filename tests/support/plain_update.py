"""`update` as plainly as can be said, to hold the package's own against.

All is asked for before anything is applied: each journal that updates are addressed to is looked at by itself, each
update of a dead one is followed by itself, with a listing of its own, and then journal after journal is rewritten.
"""

from collections import defaultdict

from flashflood import FlashFlood, layout
from flashflood._core import Manifest, Sources, format_timestamp
from flashflood.context import Context
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.maintain.combine import Plan, combine_each
from flashflood.maintain.finish import recover
from flashflood.records import ledger
from flashflood.records.index import lookup
from flashflood.records.living import living_journals
from flashflood.records.pending_updates import all_pending_updates


def update(ff: FlashFlood) -> int:
    """Apply all pending updates; give how many were."""
    ctx = ff._ctx  # noqa: SLF001 - a call of the package's
    recover(ctx)
    applied = 0
    for journal_id, updates in sorted(by_journal(ctx).items()):
        manifest = ctx.manifest(journal_id)
        assert manifest is not None
        (made,) = combine_each(ctx, [Plan(Sources([manifest]), updates)])
        assert made is not None
        applied += len(updates)
    return applied


def by_journal(ctx: Context) -> dict[JournalID, dict[Update, int]]:
    """Group the pending updates by the living journal that each is for; bury those that are for none."""
    taken = ledger.taken(ledger.read(ctx))
    pending: defaultdict[JournalID, dict[Update, int]] = defaultdict(dict)
    for found, size in all_pending_updates(ctx).items():
        if found.journal_id in taken:
            continue
        state = _state(ctx, found.journal_id)
        holder = found.journal_id if state == {""} else _holder(ctx, found)
        if holder is not None:
            pending[holder][found] = size
        elif state or found.journal_id.version != NEW:
            ctx.bury_object(layout.update_key(found))
    return {journal_id: updates for journal_id, updates in pending.items() if journal_id not in taken}


def _state(ctx: Context, journal_id: JournalID) -> set[str]:
    key = layout.journal_key(journal_id)
    return {entry.key.removeprefix(key) for entry in ctx.entries(key)} & {"", TOMBSTONE_SUFFIX}


def _holder(ctx: Context, found: Update) -> JournalID | None:
    entry = lookup(ctx, found.event_id).entry
    candidates = [] if entry is None else [entry.target]
    start, end = found.journal_id.start, found.journal_id.end
    candidates += (other for other in living_journals(ctx) if other.start <= end and start <= other.end)
    return next((journal_id for journal_id in candidates if _holds(ctx, found, journal_id)), None)


def _holds(ctx: Context, found: Update, journal_id: JournalID) -> bool:
    manifest: Manifest | None = ctx.manifest(journal_id)
    row = None if manifest is None else manifest.find(found.event_id)
    if manifest is None or row is None:
        return False
    if row.came_from == found.journal_id or row.birth is not None:
        return row.came_from == found.journal_id
    if not found.journal_id.start <= row.timestamp <= found.journal_id.end:
        return False
    head = ctx.store.head(layout.journal_key(journal_id))
    return journal_id.version != NEW or (head is not None and format_timestamp(head.modified) <= found.timestamp)
