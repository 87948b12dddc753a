"""Checking a store: is what is there as FORMAT.md and PROTOCOL.md say that it should be? Only reads.

`check` tells what it finds in words; `repair` mends what can be mended.
"""

import time
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.maintain.index_listing import list_index
from flashflood.maintain.misindexed import made_since, misindexed
from flashflood.maintain.sample import Sample
from flashflood.maintain.strays import Lost, look_for_strays
from flashflood.maintain.survey import Survey, look
from flashflood.records import unfinished_copy
from flashflood.records.index import read_entry, revisions

LOOKS = 4
"""How often the store is looked through at most."""
BETWEEN_LOOKS = 1.0
"""Seconds before a fresh look: time for others to finish requests that belong together."""
IDS_IN_FINDING = 5
"""How many ids a finding names."""
ENTRIES_TO_READ = 300
"""How many index entries are read where that takes a request each: such a sample nearly always (95 in 100) has one of
those that are wrong, if that is one entry in a hundred."""


class Findings(list[str]):
    """A line for each thing that is wrong, and how much was looked at."""

    def __init__(self, lines: Iterable[str], looked_at: int, journals: int) -> None:
        """Take all three."""
        super().__init__(lines)
        self.looked_at = looked_at
        """How many journals were looked at."""
        self.journals = journals
        """How many there are. More than were looked at: only of a sample can something be said."""


def check(ctx: Context, share: float | None = None) -> Findings:
    """Look through the whole store. Gives a line for each thing that is wrong.

    `share`: look only at such a part of the journals, chosen by chance, and at their blobs and index entries.
    What others are just changing may look wrong: only what a fresh look finds again counts. A sound store is looked
    through once, and any store `LOOKS` times at most. What the store itself says of damage comes first.
    `ValueError` if `share` is not above 0 and up to 1.
    """
    sample = None if share is None else Sample(share)
    damage = ctx.store.damage()
    try:
        found = _found_again_and_again(ctx, sample)
    except FlashFloodCorruptionError as error:
        if not damage:
            raise
        return Findings([*damage, f"what its objects say was not looked through: {error}"], 0, 0)
    return Findings([*damage, *found.report()], found.looked_at, found.journals)


def _found_again_and_again(ctx: Context, sample: Sample | None) -> "_Look":
    found = _look_through(ctx, sample, None if ctx.store.is_near else ENTRIES_TO_READ)
    for _ in range(1, LOOKS):
        if not found.report():
            break
        time.sleep(BETWEEN_LOOKS)
        entries_to_read = None if ctx.store.is_near or found.is_misindexed else ENTRIES_TO_READ
        before, found = found, found.found_again(_look_through(ctx, sample, entries_to_read))
        if found.report() == before.report():
            break
    return found


class _Look(NamedTuple):
    """What one look finds."""

    lines: list[str]
    void: list[str]
    """Keys of index entries that lead to no event, which make one line together."""
    is_misindexed: bool
    """Whether the index does not lead to some event: a fresh look must see that entry again."""
    looked_at: int
    journals: int
    """How many journals it has looked at, and how many there are."""

    def found_again(self, other: "_Look") -> "_Look":
        """Give what another look finds too."""
        lines, void = set(other.lines), set(other.void)
        return other._replace(
            lines=[line for line in self.lines if line in lines], void=[key for key in self.void if key in void]
        )

    def report(self) -> list[str]:
        """Give a line for each thing that is wrong."""
        if not self.void:
            return self.lines
        some = f"{self.void[0]}, …" if len(self.void) > 1 else self.void[0]
        left = f"{len(self.void)} index entries lead to no event, as writers that were killed or refused leave them"
        return [*self.lines, f"{left} ({some}); `repair` removes them"]


def _look_through(ctx: Context, sample: Sample | None, entries_to_read: int | None) -> _Look:
    """Look through the store, or a sample; of the index entries that a listing shows read so many, or, None, all."""
    survey = look(ctx, sample)
    listing = list_index(ctx, survey)
    strays = look_for_strays(ctx, survey, listing)
    unled = misindexed(ctx, survey, listing, entries_to_read)
    unfinished = unfinished_copy.problem(ctx)
    lines = [*([] if unfinished is None else [unfinished]), *survey.problems, *strays.problems]
    lines += _lines_about_journals(ctx, survey)
    lines += [f"event {item.row.event_id!r} in journal {item.journal_id}: {item.why}" for item in unled]
    lines += [_line_about(lost) for lost in strays.lost]
    void = [layout.index_key(void.event_id, revision) for void in strays.void for revision in void.revisions]
    return _Look(lines, void, bool(unled), survey.looked_at, survey.journals)


def _lines_about_journals(ctx: Context, survey: Survey) -> list[str]:
    lines = [
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
    return lines


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
    """Give the journals whose blobs are missing, and those whose blobs are too short.

    The blobs are listed, but for a sample. Of those that are not shown to be as long as they must be, the last byte is
    read.
    """
    filled = [(journal_id, manifest.size) for journal_id, manifest in survey.manifests.items() if manifest.size]
    sizes = {layout.blob_key(journal_id): 0 for journal_id, _ in filled}
    for entry in ctx.entries(layout.BLOBS) if survey.is_whole else ():
        if entry.key in sizes:
            sizes[entry.key] = entry.size
    doubtful = [(journal_id, size) for journal_id, size in filled if sizes[layout.blob_key(journal_id)] < size]
    last_bytes = ctx.requests.each(lambda one: ctx.blob(one[0], one[1] - 1, one[1]), doubtful)
    looked_at = [(journal_id, found) for (journal_id, _), found in zip(doubtful, last_bytes, strict=True)]
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
    other = survey.manifests.get(entry.target) or made_since(ctx, entry.target)
    return other is not None and other.find(row.event_id) is not None
