"""The index and its marks, listed once for all ids and held against the rows of the living journals. Only reads.

A row that names its revision is proved where the index has that revision as the id's highest, above its mark: no two
events of an id ever have one revision. What the listing does not prove, it says nothing against either: it is not of
one moment, so whoever wants to know looks the id up.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from flashflood import layout
from flashflood.context import GRACE, Context
from flashflood.maintain.survey import Survey
from flashflood.records.prefixes import listed_under
from flashflood.store.protocol import Entry, Page

IDS_AT_A_TIME = 5_000
"""Ids of a sample that are listed at a time."""


class Listed(NamedTuple):
    """An id's entries, as the index was listed."""

    event_id: str
    revisions: list[int]
    old: set[int]
    """Those that are older than the grace time."""


class IndexListing(NamedTuple):
    """What a listing of the index and the marks says of a survey's rows."""

    unproven: dict[str, int]
    """By id, the revision that the listing would have had to show; 0: it cannot prove the id's rows."""
    unknown: list[Listed]
    """What the index has of ids that no living journal has."""
    outdated: list[Listed]
    """Entries of other ids below the highest one, where some are older than the grace time."""


def list_index(ctx: Context, survey: Survey, now: datetime | None = None) -> IndexListing:
    """List the marks, then the whole index; for a survey that is not whole, what both have of its ids alone.

    `now`: `Context.now`. None, for a caller that may not write: the date of the server's answers.
    """
    unproven = _provable(survey)
    with ctx.meter.step("listing", "keys"):
        if not survey.is_whole:
            _prove_each(ctx, unproven)
            return IndexListing(unproven, [], [])
        for event_id, mark in _marks(ctx):
            if unproven.get(event_id, mark + 1) <= mark:
                unproven[event_id] = 0
        listing = IndexListing(unproven, [], [])
        _hold_against(listing, _revisions(ctx.pages(layout.INDEX), now))
    return listing


def _prove_each(ctx: Context, unproven: dict[str, int]) -> None:
    """Take out of `unproven` what the index proves, id by id; those that lie together share pages."""
    ids = iter(list(unproven))
    while some := list(islice(ids, IDS_AT_A_TIME)):
        marks = listed_under(ctx, map(layout.mark_prefix, some))
        index = listed_under(ctx, map(layout.index_prefix, some))
        for event_id in some:
            mark = _highest(layout.mark_prefix(event_id), marks)
            if mark < unproven[event_id] == _highest(layout.index_prefix(event_id), index):
                del unproven[event_id]


def _highest(prefix: str, listed: Mapping[str, list[Entry]]) -> int:
    """Give the highest revision under an id's prefix; 0: none."""
    found = (layout.revision_of(entry.key, prefix) for entry in listed[prefix])
    return max((revision for revision in found if revision is not None), default=0)


def _hold_against(listing: IndexListing, revisions: Iterable[tuple[str, int, bool]]) -> None:
    """Take out of `unproven` what the index proves; note what it has beside that.

    An id that 0.4.3 stored may lie among another one's revisions (`a--0000000001` among those of `a`). What comes of
    that other one afterwards is unknown then, and looked up.
    """
    unproven = listing.unproven
    for event_id, entries in groupby(revisions, key=itemgetter(0)):
        *lower, (_, highest, is_old) = entries
        expected = unproven.get(event_id)
        if expected is None:
            listing.unknown.append(_listed(event_id, [*lower, (event_id, highest, is_old)]))
            continue
        if any(entry[2] for entry in lower):
            listing.outdated.append(_listed(event_id, lower))
        if expected == highest:
            del unproven[event_id]


def _listed(event_id: str, entries: list[tuple[str, int, bool]]) -> Listed:
    return Listed(event_id, [revision for _, revision, _ in entries], {revision for _, revision, old in entries if old})


def _provable(survey: Survey) -> dict[str, int]:
    """Give for each id the revision that its row names; 0 where it names none, or the id has several rows."""
    named: dict[str, int] = {}
    for manifest in survey.manifests.values():
        for row in manifest.rows():
            event_id = row.event_id
            named[event_id] = 0 if event_id in named else row.revision or 0
    return named


def _marks(ctx: Context) -> Iterator[tuple[str, int]]:
    """List the marks: id and revision. What is no mark is left out."""
    for entry in ctx.entries(layout.MARKS):
        found = layout.parse_mark_key(entry.key)
        if found is not None:
            yield found


def _revisions(pages: Iterable[Page], now: datetime | None) -> Iterator[tuple[str, int, bool]]:
    """Give of each index entry id, revision, and whether it is older than the grace time. What is none is left out."""
    for page in pages:
        old_from = (now or page.date) - GRACE
        for entry in page.entries:
            found = layout.parse_index_key(entry.key)
            if found is not None:
                yield *found, entry.modified <= old_from
