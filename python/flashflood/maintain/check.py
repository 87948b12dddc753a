"""Checking a store: is what is there as FORMAT.md and PROTOCOL.md say that it should be? Only reads.

`check` tells what it finds in words; `repair` mends what can be mended.
"""

import time
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import NEW, JournalID
from flashflood.maintain.strays import Lost, look_for_strays
from flashflood.maintain.survey import Misindexed, Survey, look
from flashflood.records import unfinished_copy
from flashflood.records.index import read_entry, revisions
from flashflood.records.living import are_living

LOOKS = 4
"""How often the store is looked through at most."""
BETWEEN_LOOKS = 1.0
"""Seconds before a fresh look: time for others to finish requests that belong together."""
IDS_IN_FINDING = 5
"""How many ids a finding names."""


def check(ctx: Context) -> list[str]:
    """Look through the whole store, with some requests for each event. Gives a line for each thing that is wrong.

    What others are just changing may look wrong: only what a fresh look finds again counts. A sound store is looked
    through once, and any store `LOOKS` times at most. What the store itself says of damage comes first.
    """
    damage = ctx.store.damage()
    try:
        return [*damage, *_found_again_and_again(ctx)]
    except FlashFloodCorruptionError as error:
        if not damage:
            raise
        return [*damage, f"what its objects say was not looked through: {error}"]


def _found_again_and_again(ctx: Context) -> list[str]:
    found = _look_through(ctx)
    for _ in range(1, LOOKS):
        if not found.report():
            break
        time.sleep(BETWEEN_LOOKS)
        before, found = found, found.found_again(_look_through(ctx))
        if found == before:
            break
    return found.report()


class _Findings(NamedTuple):
    """What one look finds."""

    lines: list[str]
    void: list[str]
    """Keys of index entries that lead to no event, which make one line together."""

    def found_again(self, other: "_Findings") -> "_Findings":
        """Give what another look finds too."""
        lines, void = set(other.lines), set(other.void)
        return _Findings([line for line in self.lines if line in lines], [key for key in self.void if key in void])

    def report(self) -> list[str]:
        """Give a line for each thing that is wrong."""
        if not self.void:
            return self.lines
        some = f"{self.void[0]}, …" if len(self.void) > 1 else self.void[0]
        left = f"{len(self.void)} index entries lead to no event, as writers that were killed or refused leave them"
        return [*self.lines, f"{left} ({some}); `repair` removes them"]


def _look_through(ctx: Context) -> _Findings:
    survey = look(ctx)
    strays = look_for_strays(ctx, survey)
    unfinished = unfinished_copy.problem(ctx)
    lines = [*([] if unfinished is None else [unfinished]), *survey.problems, *strays.problems]
    lines += [
        f"journal {journal_id}: its rows are out of order, or outside the range that it names"
        for journal_id in survey.disordered
    ]
    bodiless, short = _blob_problems(ctx, survey)
    lines += [str(one) for one in incomplete_among(ctx, survey, bodiless)]
    lines += [f"journal {found}: its blob is shorter than its events; restore it from a copy" for found in short]
    lines += [
        f"event {event_id!r} is in several journals: {', '.join(found)}" for event_id, found in survey.shared.items()
    ]
    lines += [
        f"{layout.ledger_key(open_.entry.journal_id)}: a combination was left behind; `repair` finishes it"
        for open_ in survey.under_way
        if open_.is_left_behind
    ]
    lines += [
        f"event {item.row.event_id!r} in journal {item.journal_id}: {item.why}" for item in misindexed(ctx, survey)
    ]
    lines += [_line_about(lost) for lost in strays.lost]
    void = [layout.index_key(void.event_id, revision) for void in strays.void for revision in void.revisions]
    return _Findings(lines, void)


def _line_about(lost: Lost) -> str:
    known, whole = len(lost.entries), len(lost.recoverable)
    events = ", ".join(repr(entry.event_id) for entry in lost.entries[:IDS_IN_FINDING])
    more = ", …" if known > IDS_IN_FINDING else ""
    what = "its manifest" if lost.blob_size is not None else "its manifest and its blob"
    remedy = "`repair` writes the manifest again" if whole == known else "restore it from a copy"
    if 0 < whole < known:
        remedy += f"; `repair` would write it again with {whole} of them"
    found = f"{known} events that the index names ({events}{more})"
    return f"journal {lost.journal_id}: {what} is missing, with {found}; {remedy}"


class Incomplete(NamedTuple):
    """A journal that another one replaces, without a tombstone; or a living one without a blob."""

    journal_id: JournalID
    only_here: list[str]
    """Ids of its events that are nowhere else."""
    is_replaced: bool
    """Whether another journal says that it replaces it; otherwise its blob is missing."""

    def __str__(self) -> str:
        """Say it in a finding's words."""
        if not self.only_here:
            return f"journal {self.journal_id}: it is dead, but its tombstone is missing; `repair` writes it again"
        events = ", ".join(map(repr, self.only_here[:IDS_IN_FINDING])) + (
            ", …" if len(self.only_here) > IDS_IN_FINDING else ""
        )
        if self.is_replaced:
            return (
                f"journal {self.journal_id}: another journal says that it replaces it, but has not its events {events}"
            )
        return (
            f"journal {self.journal_id}: its blob is missing, with {len(self.only_here)} events that are nowhere else"
            f" ({events}); restore it from a copy"
        )


def find_incomplete(ctx: Context, survey: Survey) -> list[Incomplete]:
    """Look for journals that another one replaces, or that have no blob, and where their events are."""
    return incomplete_among(ctx, survey, _blob_problems(ctx, survey)[0])


def incomplete_among(ctx: Context, survey: Survey, bodiless: list[JournalID]) -> list[Incomplete]:
    """Say where the events are of journals that another one replaces, and of the `bodiless`, which have no blob."""
    manifests = survey.unburied | {journal_id: survey.manifests[journal_id] for journal_id in bodiless}
    return [
        Incomplete(journal_id, _nowhere_else(ctx, survey, manifest), journal_id in survey.unburied)
        for journal_id, manifest in manifests.items()
    ]


def _blob_problems(ctx: Context, survey: Survey) -> tuple[list[JournalID], list[JournalID]]:
    """Give the journals whose blobs are missing, and those whose blobs are too short."""
    filled = [(journal_id, manifest.size) for journal_id, manifest in survey.manifests.items() if manifest.size]
    last_bytes = ctx.requests.each(
        lambda one: ctx.blob(one[0], one[1] - 1, one[1]),
        filled,
    )
    looked_at = [(journal_id, found) for (journal_id, _), found in zip(filled, last_bytes, strict=True)]
    return (
        [journal_id for journal_id, found in looked_at if found is None],
        [journal_id for journal_id, found in looked_at if found is not None and not found.body],
    )


def _nowhere_else(ctx: Context, survey: Survey, manifest: Manifest) -> list[str]:
    """Give the ids of a journal's events that have not certainly been deleted, or gone on to another journal."""
    rows = manifest.rows()
    found = ctx.requests.each(partial(_is_gone_from, ctx, survey, JournalID(manifest.journal_id)), rows)
    return [row.event_id for row, is_gone in zip(rows, found, strict=True) if not is_gone]


def _is_gone_from(ctx: Context, survey: Survey, journal_id: JournalID, row: Row) -> bool:
    listed, mark = revisions(ctx, row.event_id)
    if row.revision is not None and mark >= row.revision:
        return True
    if not listed or listed[-1] <= max(mark, row.revision or 0):
        return False
    try:
        entry = read_entry(ctx, row.event_id, listed[-1])
    except FlashFloodCorruptionError:
        return False
    if entry is None or entry.target == journal_id:
        return False
    other = survey.manifests.get(entry.target) or _made_since(ctx, entry.target)
    return other is not None and other.find(row.event_id) is not None


def misindexed(ctx: Context, survey: Survey) -> list[Misindexed]:
    """Look every event up in the index; give those that it does not lead to."""
    rows = [
        (journal_id, row)
        for journal_id, manifest in survey.manifests.items()
        for row in manifest.rows()
        if not survey.is_being_deleted(journal_id, row)
    ]
    found = ctx.requests.each(lambda pair: _misindexed_row(ctx, survey, *pair), rows)
    return [item for item in found if item is not None]


def _misindexed_row(ctx: Context, survey: Survey, journal_id: JournalID, row: Row) -> Misindexed | None:
    listed, mark = revisions(ctx, row.event_id)
    if not listed or listed[-1] <= mark:
        return _without_entry(
            ctx, survey, Misindexed(journal_id, row, "", was_deleted=False, revisions=listed, mark=mark)
        )
    try:
        entry = read_entry(ctx, row.event_id, listed[-1])
    except FlashFloodCorruptionError as error:
        return Misindexed(journal_id, row, str(error), was_deleted=False, revisions=listed, mark=mark)
    if entry is None or entry.target == journal_id:
        return None
    other = survey.manifests.get(entry.target) or _made_since(ctx, entry.target)
    if other is not None and other.find(row.event_id) is not None:
        return None
    if entry.target in survey.taken or (entry.is_claim and not ctx.has_manifest(entry.target)):
        return None
    why = f"the index names journal {entry.target}, which does not have it"
    return Misindexed(journal_id, row, why, was_deleted=False, revisions=listed, mark=mark)


def _without_entry(ctx: Context, survey: Survey, item: Misindexed) -> Misindexed | None:
    """Say why the index has no entry for an event; None: `update` has still to say."""
    if survey.awaits_update(item.journal_id, item.row):
        return None
    if _was_deleted(ctx, survey, item.journal_id, item.row, item.mark):
        return replace(item, why="was deleted, but nothing waits to remove it", was_deleted=True)
    return replace(item, why="the index has no entry for it")


def _was_deleted(ctx: Context, survey: Survey, journal_id: JournalID, row: Row, mark: int) -> bool:
    """Whether an event that the index does not lead to has certainly been deleted.

    A mark at its revision says so, or a delete for this very row. Where 0.4.3 wrote the row, it may have brought it on
    from a journal that has a delete, or left it behind. If the id was put twice, nobody can tell which event this is.
    Then it counts as living: a living event that is taken for deleted would be lost.
    """
    if survey.was_deleted(journal_id, row):
        return True
    if row.revision is not None:
        return row.revision <= mark
    deletes = survey.deletes.get(row.event_id)
    if not deletes:
        return False
    puts = _puts(ctx, survey, row)
    if len(puts) > 1:
        return False
    return any(delete.journal_id in puts for delete in deletes) or survey.was_left_behind(journal_id, row)


def _puts(ctx: Context, survey: Survey, row: Row) -> list[JournalID]:
    """Give the new journals, dead ones too, that have an event of this id and date."""
    range_prefix = f"{row.timestamp}{JournalID.DELIMITER}{row.timestamp}"
    of_its_date = [found for found in survey.written if found.version == NEW and found.range_prefix == range_prefix]
    manifests = ctx.requests.each(partial(_manifest_or_none, ctx), of_its_date)
    return [
        found
        for found, manifest in zip(of_its_date, manifests, strict=True)
        if manifest is not None and manifest.find(row.event_id) is not None
    ]


def _manifest_or_none(ctx: Context, journal_id: JournalID) -> Manifest | None:
    try:
        return ctx.manifest(journal_id)
    except FlashFloodCorruptionError:  # named elsewhere
        return None


def _made_since(ctx: Context, journal_id: JournalID) -> Manifest | None:
    """Read a journal that a survey does not have: it may have been made since. None: it is not there, or dead."""
    manifest = _manifest_or_none(ctx, journal_id)
    return manifest if manifest is not None and are_living(ctx, [journal_id]) else None
