"""Pending updates: update objects that have not been applied yet (FORMAT.md, "Identifiers"). Only reads."""

import logging
from collections.abc import Collection, Iterable
from itertools import chain, islice

from flashflood import layout
from flashflood._core import Row, Sources
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.records.index import IndexEntry, not_found
from flashflood.records.living import without_dead
from flashflood.store.protocol import Entry

logger = logging.getLogger(__name__)

LISTED_ONE_BY_ONE = 2
"""For so many journals at most, updates are listed journal by journal; for more, all updates are listed."""
JOURNALS_PER_PAGE = 32
"""All updates are listed only as long as that takes no more than a page for so many journals."""


def pending_updates_of(ctx: Context, journal_ids: Collection[JournalID]) -> dict[Update, int]:
    """List the pending updates of these journals, each with the size of its data in bytes."""
    if len(journal_ids) > LISTED_ONE_BY_ONE:
        found = _of_few_pages(ctx, max(1, len(journal_ids) // JOURNALS_PER_PAGE))
        if found is not None:
            wanted = set(journal_ids)
            return {update: size for update, size in found.items() if update.journal_id in wanted}
    prefixes = [prefix for journal_id in journal_ids for prefix in layout.updates_of_journal(journal_id)]
    return updates_among(_pending_under(ctx, prefixes))


def _of_few_pages(ctx: Context, pages: int) -> dict[Update, int] | None:
    """List all pending updates. None: they take more pages than these."""

    def few(folder: str) -> list[Entry] | None:
        listed = list(islice(ctx.pages(folder), pages))
        return None if listed[-1].more else [entry for page in listed for entry in page.entries]

    found = ctx.requests.each(few, [layout.UPDATES, layout.ENCODED_UPDATES])
    known = [entries for entries in found if entries is not None]
    return updates_among(chain(*map(without_dead, known))) if len(known) == len(found) else None


def lineage(sources: Sources) -> set[JournalID]:
    """Give the journals that updates of these journals' rows may name: themselves, and what they replace."""
    replaced = (name for manifest in sources.journaled for name in manifest.replaces)
    return {JournalID(name) for name in (*sources.journal_ids, *replaced)}


def all_pending_updates(ctx: Context) -> dict[Update, int]:
    """List all pending updates, each with the size of its data in bytes."""
    return updates_among(pending_entries(ctx))


def pending_entries(ctx: Context) -> list[Entry]:
    """List the objects of all pending updates."""
    return _pending_under(ctx, [layout.UPDATES, layout.ENCODED_UPDATES])


def updates_among(entries: Iterable[Entry]) -> dict[Update, int]:
    """Read the keys of updates (not of tombstones); give each with its size. Leaves out strangers, with a warning."""
    updates = {}
    for entry in entries:
        try:
            updates[layout.parse_update_key(entry.key)] = entry.size
        except FlashFloodCorruptionError as error:
            logger.warning("left out: %s", error)
    return updates


def _pending_under(ctx: Context, prefixes: list[str]) -> list[Entry]:
    found = ctx.requests.each(lambda prefix: without_dead(ctx.entries(prefix)), prefixes)
    return [entry for entries in found for entry in entries]


def updates_of_event(ctx: Context, entry: IndexEntry) -> list[Update]:
    """List the event's updates for its journal and for the one that it came from, tombstoned ones too."""
    before = (
        None if entry.came_from is None else ctx.requests.start(_updates_under, ctx, entry.came_from, entry.event_id)
    )
    updates = _updates_under(ctx, entry.target, entry.event_id)
    return updates if before is None else updates + before.result()


def late_deletes(ctx: Context, entry: IndexEntry) -> list[Update]:
    """List the event's deletes for the journal that it came from.

    Such an event has an index entry where a journaling that was under way wrote it after the delete had removed it.
    """
    updates = [] if entry.came_from is None else _updates_under(ctx, entry.came_from, entry.event_id)
    return [update for update in updates if update.is_delete]


def _updates_under(ctx: Context, journal_id: JournalID, event_id: str) -> list[Update]:
    entries = ctx.entries(layout.updates_prefix(journal_id, event_id))
    updates = updates_among(entry for entry in entries if not entry.key.endswith(TOMBSTONE_SUFFIX))
    return [update for update in updates if update.event_id == event_id]


def newest_update(entry: IndexEntry, row: Row, updates: list[Update]) -> Update | None:
    """Choose the update whose data count. None: those in the blob do. `FlashFloodEventNotFound` if one is a delete."""
    if any(update.is_delete for update in updates):
        raise not_found(entry.event_id)
    newest = max(updates, key=lambda update: update.timestamp, default=None)
    return None if newest is None or newest.timestamp <= (row.updated or "") else newest
