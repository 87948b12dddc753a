"""Checking a store: what is there against what FORMAT.md and PROTOCOL.md say should be. Only reads.

`check` tells what it finds in words; `repairing` mends what can be mended.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from flashflood import layout, ledger
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID
from flashflood.ledger import Open
from flashflood.listing import living_journals
from flashflood.lookup import read_entry, revisions
from flashflood.pending import all_live_updates


@dataclass(frozen=True, slots=True)
class Survey:
    """What a store holds now."""

    manifests: dict[JournalID, Manifest]
    """Of the living journals that no combination under way uses."""
    unreadable: list[str]
    """Why the others' manifests cannot be read."""
    deletes: set[tuple[JournalID, str]]
    """(journal_id, event_id) of the deletes that wait."""
    under_way: list[Open]
    lone_tombstones: list[str]
    """Keys of tombstones without the object that they stand for."""

    @property
    def disordered(self) -> list[JournalID]:
        """Journals whose rows are out of order, or outside the range that their id names (FORMAT.md)."""
        return [journal_id for journal_id, manifest in self.manifests.items() if not manifest.is_ordered]

    @property
    def shared(self) -> dict[str, list[JournalID]]:
        """Ids that several journals have, after the deletes that wait."""
        holders: defaultdict[str, list[JournalID]] = defaultdict(list)
        for journal_id, manifest in self.manifests.items():
            for row in manifest.rows():
                if not self.is_deleted(journal_id, row):
                    holders[row.event_id].append(journal_id)
        return {event_id: found for event_id, found in sorted(holders.items()) if len(found) > 1}

    def is_deleted(self, journal_id: JournalID, row: Row) -> bool:
        """Whether a delete waits for this row."""
        addresses = {journal_id, *([JournalID(row.source)] if row.source else [])}
        return any((address, row.event_id) in self.deletes for address in addresses)


@dataclass(frozen=True, slots=True)
class Misplaced:
    """An event that the index does not lead to as it should."""

    journal_id: JournalID
    row: Row
    why: str
    was_deleted: bool
    """Whether a deletion mark says that it was deleted; otherwise its index entry is lost."""
    revisions: list[int]
    mark: int


def check(ctx: Context) -> list[str]:
    """Look through the whole store, with some requests for each event. Gives a line for each thing that is wrong."""
    survey = look(ctx)
    findings = list(survey.unreadable)
    findings += [f"{key}: a tombstone without what it stands for" for key in survey.lone_tombstones]
    findings += [
        f"journal {journal_id}: its rows are out of order, or outside the range that it names"
        for journal_id in survey.disordered
    ]
    findings += filter(None, ctx.requests.each(partial(_blob_problem, ctx), survey.manifests.values()))
    findings += [
        f"event {event_id!r} is in several journals: {', '.join(found)}" for event_id, found in survey.shared.items()
    ]
    findings += [
        f"{layout.ledger_key(open_.entry.journal_id)}: a combination was left behind {open_.age} ago"
        for open_ in survey.under_way
        if open_.is_left_behind
    ]
    findings += [
        f"event {item.row.event_id!r} in journal {item.journal_id}: {item.why}" for item in misplaced(ctx, survey)
    ]
    return findings


def look(ctx: Context) -> Survey:
    """Read all manifests and list all updates."""
    under_way = ledger.read(ctx)
    taken = ledger.taken(under_way)
    journal_ids = [journal_id for journal_id in living_journals(ctx) if journal_id not in taken]
    manifests: dict[JournalID, Manifest] = {}
    unreadable = []
    for journal_id, found in zip(
        journal_ids, ctx.requests.each(partial(_manifest_or_why, ctx), journal_ids), strict=True
    ):
        if isinstance(found, str):
            unreadable.append(found)
        elif found is not None:
            manifests[journal_id] = found
    deletes = {(update.journal_id, update.event_id) for update in all_live_updates(ctx) if update.is_delete}
    return Survey(manifests, unreadable, deletes, under_way, _lone_tombstones(ctx))


def misplaced(ctx: Context, survey: Survey) -> list[Misplaced]:
    """Look every event up in the index."""
    rows = [
        (journal_id, row)
        for journal_id, manifest in survey.manifests.items()
        for row in manifest.rows()
        if not survey.is_deleted(journal_id, row)
    ]
    found = ctx.requests.each(lambda pair: _misplaced(ctx, survey, *pair), rows)
    return [item for item in found if item is not None]


def _misplaced(ctx: Context, survey: Survey, journal_id: JournalID, row: Row) -> Misplaced | None:
    listed, mark = revisions(ctx, row.event_id)
    if not listed or listed[-1] <= mark:
        was_deleted = mark >= (row.revision or 1)
        why = "was deleted, but nothing waits to remove it" if was_deleted else "the index has no entry for it"
        return Misplaced(journal_id, row, why, was_deleted, listed, mark)
    try:
        entry = read_entry(ctx, row.event_id, listed[-1])
    except FlashFloodCorruptionError as error:
        return Misplaced(journal_id, row, str(error), was_deleted=False, revisions=listed, mark=mark)
    if entry is None or entry.target == journal_id:
        return None
    other = survey.manifests.get(entry.target)
    if other is not None and other.find(row.event_id) is not None:
        return None
    if entry.target in ledger.taken(survey.under_way) or (entry.is_claim and entry.target not in survey.manifests):
        return None
    why = f"the index names journal {entry.target}, which does not have it"
    return Misplaced(journal_id, row, why, was_deleted=False, revisions=listed, mark=mark)


def _manifest_or_why(ctx: Context, journal_id: JournalID) -> Manifest | str | None:
    try:
        return ctx.manifest(journal_id)
    except FlashFloodCorruptionError as error:
        return str(error)


def _blob_problem(ctx: Context, manifest: Manifest) -> str | None:
    """Say what is wrong with a journal's blob, as far as its last byte shows it."""
    if not manifest.size:
        return None
    found = ctx.store.get(layout.blob_key(JournalID(manifest.journal_id)), manifest.size - 1, manifest.size)
    if found is None:
        return f"journal {manifest.journal_id}: its blob is missing"
    return None if found.body else f"journal {manifest.journal_id}: its blob is shorter than {manifest.size} bytes"


def _lone_tombstones(ctx: Context) -> list[str]:
    lone = []
    for folder in (layout.JOURNALS, layout.UPDATES, layout.ENCODED_UPDATES):
        before = None
        for entry in ctx.entries(folder):
            if entry.key.endswith(TOMBSTONE_SUFFIX) and entry.key.removesuffix(TOMBSTONE_SUFFIX) != before:
                lone.append(entry.key)
            before = entry.key
    return lone
