"""Which journals live (PROTOCOL.md, step 13). Only reads.

A journal is dead if it has a tombstone, or if a combination whose manifest exists names it as a source: an open ledger
entry tells of that, or the
manifest's own `replaces`.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from flashflood import layout, ledger
from flashflood._core import living
from flashflood.context import Context
from flashflood.dates import EARLIEST, DateRange
from flashflood.identifiers import NEW, JournalID
from flashflood.store.protocol import Entry, Page

logger = logging.getLogger("flashflood")

_JUST_NOW = timedelta(seconds=2)
"""S3 tells times in whole seconds."""


class Listing:
    """One pass over the journals in key order, one page at a time.

    `is_stale` turns true when a tombstone is met that may have been written after the pass began: what the journal was
    combined into may lie among
    the keys passed already. Then the caller begins another pass with `again`, and goes on from the place that it has
    reached.
    """

    def __init__(
        self, ctx: Context, after: JournalID | None = None, known_tombstones: frozenset[str] = frozenset()
    ) -> None:
        """Begin a pass after a journal_id, or at the first key. Tombstones known already are older than it."""
        self._ctx = ctx
        self._after = None if after is None else layout.journal_key(after)
        self._withheld: list[Entry] = []
        self._tombstones = set(known_tombstones)
        self.begun: datetime | None = None
        """When its first page was listed, by the server's clock."""
        self.replaced: set[JournalID] = set()
        """Journals that a committed combination has replaced, as far as is known."""
        self.reached: str | None = EARLIEST
        """Every living journal that begins before this timestamp is known; None: every one."""
        self.is_stale = False

    @property
    def is_over(self) -> bool:
        """Whether there is no further page."""
        return self.reached is None

    def is_past(self, dates: DateRange) -> bool:
        """Say whether further pages have nothing for a range."""
        return self.reached is None or dates.is_before(self.reached)

    def again(self) -> "Listing":
        """Begin another pass, at the first key."""
        return Listing(self._ctx, known_tombstones=frozenset(self._tombstones))

    def next_page(self) -> list[Entry]:
        """List one page; give the entries of the journals that are now known to live, except those in `replaced`."""
        if self.begun is None:
            self.replaced |= committed_sources(self._ctx)
        page = self._ctx.store.list(layout.JOURNALS, self._after)
        entries = self._withheld + page.entries
        names = [_name(entry) for entry in entries]
        alive, tombstones, strangers = living(names)
        for index in strangers:
            logger.warning("%s: %s is no journal; it is left out", self._ctx.store.name, entries[index].key)
        self._note_tombstones(page, [entries[index] for index in tombstones])
        self._withheld = []
        if page.more:
            self._after = page.entries[-1].key
            if alive and alive[-1] == len(entries) - 1:  # its tombstone may be on the next page
                self._withheld = [entries[alive.pop()]]
        known = sorted(set(range(len(names))).difference(strangers))
        if not page.more:
            self.reached = None
        elif known:
            self.reached = JournalID(names[known[-1]]).start
        return [entries[index] for index in alive if names[index] not in self.replaced]

    def _note_tombstones(self, page: Page, tombstones: list[Entry]) -> None:
        if self.begun is None:
            self.begun = page.date
        elif any(item.modified >= self.begun and item.key not in self._tombstones for item in tombstones):
            self.is_stale = True
        self._tombstones.update(item.key for item in tombstones)


def committed_sources(ctx: Context) -> set[JournalID]:
    """Give the sources of the combinations under way whose manifest exists."""
    entries = [open_.entry for open_ in ledger.read(ctx)]
    manifests = ctx.requests.each(ctx.manifest, [entry.journal_id for entry in entries])
    return {JournalID(source) for manifest in manifests if manifest is not None for source in manifest.replaces}


def living_journals(ctx: Context, after: JournalID | None = None) -> Iterator[JournalID]:
    """List the living journals in key order, after a journal_id or from the first on; lazily, page by page."""
    listing = Listing(ctx, after)
    while not listing.is_over:
        for entry in listing.next_page():
            yield JournalID(_name(entry))


def journals_between(ctx: Context, dates: DateRange) -> Iterator[JournalID]:
    """List the living journals whose range overlaps `dates`, in key order; lazily, page by page."""
    listing = Listing(ctx)
    seen: set[JournalID] = set()
    while not (dates.is_empty or listing.is_past(dates)):
        entries = listing.next_page()
        if listing.is_stale:
            listing = listing.again()
            continue
        for journal_id in _settled(ctx, listing, entries):
            if dates.overlaps(journal_id.start, journal_id.end) and journal_id not in seen:
                seen.add(journal_id)
                yield journal_id


def _settled(ctx: Context, listing: Listing, entries: list[Entry]) -> list[JournalID]:
    """Drop the sources of combinations that committed just before the page was listed.

    Fresh journals that overlap others may be such combinations.
    """
    ids = [JournalID(_name(entry)) for entry in entries]
    fresh = [
        journal_id
        for entry, journal_id in zip(entries, ids, strict=True)
        if journal_id.version != NEW
        and listing.begun is not None
        and entry.modified >= listing.begun - _JUST_NOW
        and any(
            other != journal_id and other.start <= journal_id.end and journal_id.start <= other.end for other in ids
        )
    ]
    for manifest in ctx.requests.each(ctx.manifest, fresh):
        if manifest is not None:
            listing.replaced.update(map(JournalID, manifest.replaces))
    return [journal_id for journal_id in ids if journal_id not in listing.replaced]


def _name(entry: Entry) -> str:
    return entry.key.removeprefix(layout.JOURNALS)
