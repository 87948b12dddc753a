"""Looking from the journals to the index: events that it does not lead to as it should. Only reads."""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, islice

from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import NEW, JournalID
from flashflood.maintain.index_listing import IndexListing
from flashflood.maintain.survey import Placed, Survey
from flashflood.records.index import read_entry, revisions
from flashflood.records.living import are_living

ROWS_AT_A_TIME = 5_000
"""Rows whose index entries are read at a time."""


@dataclass(frozen=True, slots=True)
class Misindexed:
    """An event that the index does not lead to as it should."""

    journal_id: JournalID
    row: Row
    why: str
    was_deleted: bool
    """Whether the event was deleted; otherwise its index entry is lost."""
    revisions: list[int]
    mark: int

    @property
    def is_outdated(self) -> bool:
        """Whether the index has other revisions, as high as the row's or higher: its journal has to be written anew."""
        return self.row.revision is not None and self.row.revision <= max([self.mark, *self.revisions])


def misindexed(ctx: Context, survey: Survey, listing: IndexListing, sample: int | None = None) -> list[Misindexed]:
    """Give the events that the index does not lead to.

    Each one that the listing does not prove is looked up. What the others' entries say, no listing tells: of these
    entries a `sample` is read, chosen by chance, and all of them if one is wrong. None: all are read.
    """
    look = partial(_read, ctx, survey)
    with ctx.meter.step("looking up", "entries", len(listing.unproven)):
        found = _each(ctx, partial(_looked_up, ctx, survey), _unproven(survey, listing))
    some = [] if sample is None else _some_proven(survey, listing, sample)
    with ctx.meter.step("looking up", "entries", len(some)):
        are_wrong = any(ctx.requests.each(ctx.meter.counting("entries", look), some))
    if sample is None or are_wrong:
        rows = sum(map(len, survey.manifests.values()))
        with ctx.meter.step("looking up", "entries", rows - len(listing.unproven)):
            found += _each(ctx, look, _proven(survey, listing))
    return found


def _unproven(survey: Survey, listing: IndexListing) -> Iterator[Placed]:
    return (placed for placed in survey.rows() if placed[1].event_id in listing.unproven)


def _proven(survey: Survey, listing: IndexListing) -> Iterator[Placed]:
    return (placed for placed in survey.rows() if placed[1].event_id not in listing.unproven)


def _some_proven(survey: Survey, listing: IndexListing, count: int) -> list[Placed]:
    """Choose so many rows by chance; give those of them that are proved."""
    manifests = list(survey.manifests.items())
    ends = list(accumulate(len(manifest) for _, manifest in manifests))
    total = ends[-1] if ends else 0
    chosen = []
    for place in random.sample(range(total), min(count, total)):
        number = bisect_right(ends, place)
        journal_id, manifest = manifests[number]
        row = manifest.row(place - ends[number] + len(manifest))
        if row.event_id not in listing.unproven and not survey.is_being_deleted(journal_id, row):
            chosen.append((journal_id, row))
    return chosen


def _each(ctx: Context, look: Callable[[Placed], Misindexed | None], rows: Iterable[Placed]) -> list[Misindexed]:
    """Look at rows, some at a time; give what is wrong."""
    left = iter(rows)
    found: list[Misindexed] = []
    counted = ctx.meter.counting("entries", look)
    while some := list(islice(left, ROWS_AT_A_TIME)):
        found += [item for item in ctx.requests.each(counted, some) if item is not None]
    return found


def _read(ctx: Context, survey: Survey, placed: Placed) -> Misindexed | None:
    """Read the index entry of a row that is proved; look the id up where it does not name the row's journal."""
    journal_id, row = placed
    try:
        entry = read_entry(ctx, row.event_id, row.revision or 0)
    except FlashFloodCorruptionError:
        return _looked_up(ctx, survey, placed)
    return None if entry is not None and entry.target == journal_id else _looked_up(ctx, survey, placed)


def _looked_up(ctx: Context, survey: Survey, placed: Placed) -> Misindexed | None:
    """Look a row's id up; None: the index leads to the row, or to another living one of its id."""
    journal_id, row = placed
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
    other = survey.manifests.get(entry.target) or made_since(ctx, entry.target)
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


def made_since(ctx: Context, journal_id: JournalID) -> Manifest | None:
    """Read a journal that a survey does not have: it may have been made since. None: it is not there, or dead."""
    manifest = _manifest_or_none(ctx, journal_id)
    return manifest if manifest is not None and are_living(ctx, [journal_id]) else None
