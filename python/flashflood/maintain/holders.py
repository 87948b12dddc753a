"""Following updates of dead journals one step (PROTOCOL.md, step 11): to the living journals that their rows came to.

All are followed together: the living journals are listed once for all, and each manifest is read once. Only reads.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial

from flashflood import layout
from flashflood._core import Manifest, format_timestamp
from flashflood.context import Context
from flashflood.identifiers import NEW, JournalID, Update
from flashflood.maintain.overlaps import Overlaps
from flashflood.records.index import lookup
from flashflood.records.living import living_journals


def holders(ctx: Context, dead: Collection[Update]) -> dict[Update, JournalID]:
    """Give the living journal that each update's row came to. An update whose row is gone, or moved on, has none."""
    held: dict[Update, JournalID] = {}
    named: defaultdict[JournalID, list[Update]] = defaultdict(list)
    entries = ctx.requests.each(lambda found: lookup(ctx, found.event_id).entry, dead)
    for found, entry in zip(dead, entries, strict=True):
        if entry is not None:
            named[entry.target].append(found)
    _look(ctx, named.items(), held)
    left = [found for found in dead if found not in held]
    if left:
        _look(ctx, _overlapping(ctx, left, held), held)
    return held


def _look(ctx: Context, candidates: Iterable[tuple[JournalID, list[Update]]], held: dict[Update, JournalID]) -> None:
    """Read these journals, and add to `held` which of the updates that may be for a journal are."""
    reading = ctx.requests.stream(partial(_held_by, ctx), candidates, ahead=ctx.requests.at_a_time)
    for journal_id, found in reading:
        for update in found:
            held.setdefault(update, journal_id)


def _overlapping(
    ctx: Context, updates: list[Update], held: Mapping[Update, JournalID]
) -> Iterator[tuple[JournalID, list[Update]]]:
    """List the living journals until all updates are held; give each with the updates that may be for it."""
    enough = len(held) + len(updates)
    by_journal: defaultdict[JournalID, list[Update]] = defaultdict(list)
    for found in updates:
        by_journal[found.journal_id].append(found)
    overlaps = Overlaps(by_journal)
    for journal_id in living_journals(ctx):
        if len(held) == enough:
            return
        near = [found for dead in overlaps.of(journal_id) for found in by_journal[dead] if found not in held]
        if near:
            yield journal_id, near


def _held_by(ctx: Context, candidate: tuple[JournalID, list[Update]]) -> tuple[JournalID, list[Update]]:
    """Say which of these updates a journal has the very row for.

    It says so itself, or 0.4.3 wrote it and nothing speaks against it.
    """
    journal_id, updates = candidate
    manifest = ctx.manifest(journal_id)
    if manifest is None:
        return journal_id, []
    return journal_id, [found for found in updates if _holds(ctx, manifest, found)]


def _holds(ctx: Context, manifest: Manifest, found: Update) -> bool:
    row = manifest.find(found.event_id)
    if row is None:
        return False
    if row.came_from == found.journal_id or row.birth is not None:
        return row.came_from == found.journal_id
    if not found.journal_id.start <= row.timestamp <= found.journal_id.end:
        return False
    journal_id = JournalID(manifest.journal_id)
    if journal_id.version != NEW:
        return True
    head = ctx.store.head(layout.journal_key(journal_id))
    return head is not None and format_timestamp(head.modified) <= found.timestamp
