"""Looking from the index to the journals: entries that lead to a lost journal, or to no event at all. Only reads."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.maintain.finding import Finding
from flashflood.maintain.index_listing import IndexListing, Listed
from flashflood.maintain.survey import Survey
from flashflood.records.claims import was_there
from flashflood.records.index import IndexEntry, is_held, lookup


class Lost(NamedTuple):
    """A journal whose manifest is missing, though it was there: the index leads to events of it."""

    journal_id: JournalID
    entries: list[IndexEntry]
    """Those of the index that lead to it."""
    blob_size: int | None
    """None: the blob is missing too."""

    @property
    def recoverable(self) -> list[IndexEntry]:
        """The entries that say where in the blob their events lie."""
        if self.blob_size is None:
            return []
        return [entry for entry in self.entries if _end(entry) is not None and (_end(entry) or 0) <= self.blob_size]


class Void(NamedTuple):
    """Index entries of an id that lead to no event, and that no writer can be working on any more."""

    event_id: str
    revisions: list[int]
    to_mark: int | None
    """The revision to mark first: no mark and no other entry would keep it from being used again."""


@dataclass(frozen=True, slots=True)
class Strays:
    """What the index has beside the events."""

    lost: list[Lost] = field(default_factory=list)
    void: list[Void] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    """Entries that cannot be read."""


def look_for_strays(ctx: Context, survey: Survey, listing: IndexListing) -> Strays:
    """Look up each id of the listing that no living journal has."""
    found = Strays()
    found.void.extend(Void(listed.event_id, sorted(listed.old), None) for listed in listing.outdated)
    lost: defaultdict[JournalID, list[IndexEntry]] = defaultdict(list)
    look = ctx.meter.counting("entries", partial(_stray, ctx, survey.taken))
    with ctx.meter.step("looking up", "entries", len(listing.unknown)):
        strays = ctx.requests.each(look, listing.unknown)
    for stray in strays:
        if isinstance(stray, Void):
            found.void.append(stray)
        elif isinstance(stray, IndexEntry):
            lost[stray.target].append(stray)
        elif stray is not None:
            found.problems.append(stray)
    for journal_id, entries in sorted(lost.items()):
        found.lost.append(Lost(journal_id, entries, ctx.blob_size(journal_id)))
    return found


def _stray(ctx: Context, taken: Collection[JournalID], listed: Listed) -> IndexEntry | Void | Finding | None:
    """Say what an id's entries lead to: a lost journal (the entry), no event, or, None, what is on its way."""
    try:
        entry, _, there = lookup(ctx, listed.event_id)
        if entry is not None and (entry.target in taken or _is_on_its_way(ctx, entry)):
            return _void(listed, there[:-1])
        if entry is not None and not ctx.has_manifest(entry.target) and was_there(ctx, entry):
            return entry if not entry.is_claim or entry.revision in listed.old else None
    except FlashFloodCorruptionError as error:
        problem = f"event {listed.event_id!r}: its index entry cannot be read, and no journal that can be read has it"
        remedy = "restore the journal or the entry from a copy, or remove the entry"
        return Finding.of("index-entry-damaged", problem, remedy, key=error.key, event_id=listed.event_id)
    return _void(listed, there, to_mark=None if entry is None else entry.revision)


def _void(listed: Listed, revisions: list[int], to_mark: int | None = None) -> Void | None:
    void = [revision for revision in revisions if revision in listed.old]
    return Void(listed.event_id, void, to_mark if to_mark in void else None) if void else None


def _is_on_its_way(ctx: Context, entry: IndexEntry) -> bool:
    """Whether the journal has the event, or is a batch that is not decided yet."""
    held = is_held(ctx, entry)
    return held or (held is None and ctx.store.head(layout.draft_key(entry.target)) is not None)


def _end(entry: IndexEntry) -> int | None:
    return None if entry.offset is None or entry.size is None else entry.offset + entry.size
