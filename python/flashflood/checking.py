"""Checking a store: what is there against what FORMAT.md and PROTOCOL.md say should be. Only reads.

`check` tells what it finds in words; `repairing` mends what can be mended.
"""

from functools import partial

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.combining import are_living
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.lookup import read_entry, revisions
from flashflood.survey import Misplaced, Survey, look


def check(ctx: Context) -> list[str]:
    """Look through the whole store, with some requests for each event. Gives a line for each thing that is wrong."""
    survey = look(ctx)
    findings = list(survey.problems)
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


def misplaced(ctx: Context, survey: Survey) -> list[Misplaced]:
    """Look every event up in the index; give those that it does not lead to."""
    rows = [
        (journal_id, row)
        for journal_id, manifest in survey.manifests.items()
        for row in manifest.rows()
        if not survey.is_being_deleted(journal_id, row)
    ]
    found = ctx.requests.each(lambda pair: _misplaced(ctx, survey, *pair), rows)
    return [item for item in found if item is not None]


def _misplaced(ctx: Context, survey: Survey, journal_id: JournalID, row: Row) -> Misplaced | None:
    listed, mark = revisions(ctx, row.event_id)
    if not listed or listed[-1] <= mark:
        was_deleted = mark >= (row.revision or 1) or survey.was_deleted(journal_id, row)
        why = "was deleted, but nothing waits to remove it" if was_deleted else "the index has no entry for it"
        return Misplaced(journal_id, row, why, was_deleted, listed, mark)
    try:
        entry = read_entry(ctx, row.event_id, listed[-1])
    except FlashFloodCorruptionError as error:
        return Misplaced(journal_id, row, str(error), was_deleted=False, revisions=listed, mark=mark)
    if entry is None or entry.target == journal_id:
        return None
    other = survey.manifests.get(entry.target) or _made_since(ctx, entry.target)
    if other is not None and other.find(row.event_id) is not None:
        return None
    if entry.target in survey.taken or (entry.is_claim and _is_missing(ctx, entry.target)):
        return None
    why = f"the index names journal {entry.target}, which does not have it"
    return Misplaced(journal_id, row, why, was_deleted=False, revisions=listed, mark=mark)


def _made_since(ctx: Context, journal_id: JournalID) -> Manifest | None:
    """Read a journal that a survey does not have: it may have been made since. None: it is not there, or dead."""
    try:
        manifest = ctx.manifest(journal_id)
    except FlashFloodCorruptionError:  # the survey names it
        return None
    return manifest if manifest is not None and are_living(ctx, [journal_id]) else None


def _is_missing(ctx: Context, journal_id: JournalID) -> bool:
    return ctx.store.head(layout.journal_key(journal_id)) is None


def _blob_problem(ctx: Context, manifest: Manifest) -> str | None:
    """Say what is wrong with a journal's blob, as far as its last byte shows it."""
    if not manifest.size:
        return None
    found = ctx.store.get(layout.blob_key(JournalID(manifest.journal_id)), manifest.size - 1, manifest.size)
    if found is None:
        return f"journal {manifest.journal_id}: its blob is missing"
    return None if found.body else f"journal {manifest.journal_id}: its blob is shorter than {manifest.size} bytes"
