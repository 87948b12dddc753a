"""Which journals live (PROTOCOL.md, step 13). Only reads.

A journal is dead if it has a tombstone, or if a combination whose manifest exists names it as a source: an open ledger
entry tells of that, or the manifest's own `replaces`.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from flashflood import layout, ledger
from flashflood._core import living
from flashflood.context import Context
from flashflood.dates import ALWAYS, EARLIEST, DateRange
from flashflood.identifiers import JournalID
from flashflood.store.protocol import Entry, Page

logger = logging.getLogger("flashflood")

JUST_NOW = timedelta(seconds=2)
"""What is not older than this when a listing begins may have come after it: S3 tells times in whole seconds."""


class Stretch(NamedTuple):
    """A page of the listing, sorted; the last journal on it comes with the next page, which may have its tombstone."""

    page: Page
    living: list[Entry]
    buried: list[tuple[Entry | None, Entry]]
    """Each tombstone, and the journal before it; None: that is gone already."""
    settled: str | None
    """The last key but for the journal withheld; None: there is none."""
    reached: str | None
    """Every journal that begins before this timestamp has been listed; None: every one."""


class Listing:
    """One pass over the journals that overlap a range of dates, in key order, page by page.

    Where it meets a tombstone that is younger than the pass, what its journal was combined into may lie among the keys
    that it has passed: then it looks behind for journals made since it began.
    """

    def __init__(self, ctx: Context, dates: DateRange = ALWAYS, after: JournalID | None = None) -> None:
        """Begin after a journal_id, or at the first key."""
        self._ctx = ctx
        self._dates = dates
        self._after = None if after is None else layout.journal_key(after)
        self._stretches = _stretches(ctx, self._after)
        self._begun: datetime | None = None
        self._position = ""
        self._young_tombstones: set[str] = set()
        self._young_journals: set[str] = set()
        self.replaced: set[JournalID] = set()
        """Journals that a committed combination has replaced, as far as ledger entries tell."""
        self.reached: str | None = EARLIEST
        """Every living journal that begins before this timestamp is known; None: every one."""

    @property
    def is_over(self) -> bool:
        """Whether further pages have nothing for the range."""
        return self.reached is None or self._dates.is_before(self.reached)

    def next_page(self) -> list[Entry]:
        """List one page; give the journals that are now known to live, in key order; some may lie behind that page."""
        under_way = self._read_ledger()
        stretch = next(self._stretches)
        is_first = self._begun is None
        self._begun = self._begun or stretch.page.date
        found = self._note_living(stretch.living)
        buried = self._note_buried(stretch.buried)
        self._position = stretch.settled or self._position
        self.reached = stretch.reached
        looks_behind = bool(buried) and not is_first
        while looks_behind:
            behind, looks_behind = self._look_behind()
            found += behind
        for journal in under_way.intersection(map(journal_id, found)) if under_way else ():
            self._note_replaced(journal)
        living_ones = [entry for entry in found if journal_id(entry) not in self.replaced] if self.replaced else found
        return sorted(living_ones)

    def _read_ledger(self) -> set[JournalID]:
        """Note what combinations under way have replaced; give those that are not committed yet."""
        journal_ids = [open_.entry.journal_id for open_ in ledger.read(self._ctx)]
        return {found for found in journal_ids if not self._note_replaced(found)}

    def _note_replaced(self, found: JournalID) -> bool:
        """Note what a journal replaces. False: it is not there."""
        manifest = self._ctx.manifest(found)
        if manifest is not None:
            self.replaced.update(map(JournalID, manifest.replaces))
        return manifest is not None

    def _is_young(self, entry: Entry) -> bool:
        return self._begun is not None and entry.modified >= self._begun - JUST_NOW

    def _is_wanted(self, entry: Entry) -> bool:
        found = JournalID(entry.key.removeprefix(layout.JOURNALS))
        return self._dates.overlaps(found.start, found.end)

    def _note_living(self, entries: list[Entry]) -> list[Entry]:
        """Give the journals of the range; remember those that may have been made since the pass began."""
        found = [entry for entry in entries if self._is_wanted(entry)]
        self._young_journals.update(entry.key for entry in found if self._is_young(entry))
        return found

    def _note_buried(self, buried: list[tuple[Entry | None, Entry]]) -> list[Entry | None]:
        """Give the journals whose tombstones may have been written since the pass began, and were not met before."""
        young = [
            (journal, tombstone)
            for journal, tombstone in buried
            if self._is_young(tombstone) and tombstone.key not in self._young_tombstones and self._is_wanted(tombstone)
        ]
        self._young_tombstones.update(tombstone.key for _, tombstone in young)
        return [journal for journal, _ in young]

    def _look_behind(self) -> tuple[list[Entry], bool]:
        """List what has been passed once more; give the journals made since, and whether to look again.

        It is to look again if one of those has died before it could be seen. (An older journal had its turn before.)
        The journal that is withheld has not been passed yet: its tombstone is for the next page to meet.
        """
        found: list[Entry] = []
        looks_again = False
        for number, stretch in enumerate(_stretches(self._ctx, self._after, until=self._position)):
            passed = [entry for entry in stretch.living if entry.key <= self._position and self._is_young(entry)]
            found += self._note_living([entry for entry in passed if entry.key not in self._young_journals])
            buried = [(journal, tombstone) for journal, tombstone in stretch.buried if tombstone.key <= self._position]
            for journal in self._note_buried(buried):
                unseen = journal is None or (self._is_young(journal) and journal.key not in self._young_journals)
                looks_again |= number > 0 and unseen
        return found, looks_again


def living_journals(ctx: Context, after: JournalID | None = None) -> Iterator[JournalID]:
    """List the living journals, after a journal_id or from the first on; lazily, page by page."""
    return _journal_ids(Listing(ctx, after=after))


def journals_between(ctx: Context, dates: DateRange) -> Iterator[JournalID]:
    """List the living journals whose range overlaps `dates`; lazily, page by page."""
    return iter(()) if dates.is_empty else _journal_ids(Listing(ctx, dates))


def journal_id(entry: Entry) -> JournalID:
    """Give the id of a journal that has been listed."""
    return JournalID(entry.key.removeprefix(layout.JOURNALS))


def _journal_ids(listing: Listing) -> Iterator[JournalID]:
    while not listing.is_over:
        yield from map(journal_id, listing.next_page())


def _stretches(ctx: Context, after: str | None, until: str | None = None) -> Iterator[Stretch]:
    """List pages after a key, up to the one that reaches `until`."""
    withheld: list[Entry] = []
    reached: str | None = EARLIEST
    for page in ctx.pages(layout.JOURNALS, after):
        entries = withheld + page.entries
        alive, tombstones, strangers = living([entry.key.removeprefix(layout.JOURNALS) for entry in entries])
        for index in strangers:
            logger.warning("%s: %s is no journal; it is left out", ctx.store.name, entries[index].key)
        withheld = [entries[alive.pop()]] if page.more and alive and alive[-1] == len(entries) - 1 else []
        settled = entries[: len(entries) - len(withheld)]
        known = set(range(len(entries))).difference(strangers)
        if known:
            reached = journal_id(entries[max(known)]).start
        yield Stretch(
            page,
            [entries[index] for index in alive],
            [(_before(entries, index), entries[index]) for index in tombstones],
            settled[-1].key if settled else None,
            reached if page.more else None,
        )
        if until is not None and entries and entries[-1].key >= until:
            return


def _before(entries: list[Entry], index: int) -> Entry | None:
    """Give the journal that a tombstone stands for, if it is there."""
    before = entries[index - 1] if index else None
    return before if before is not None and layout.tombstone_key(before.key) == entries[index].key else None
