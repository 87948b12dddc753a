"""Which journals live (PROTOCOL.md, step 13). Only reads.

A journal is dead if it has a tombstone, or if a combination whose manifest exists names it as a source: the manifest's
own `replaces` tell of that, and as long as the combination is under way, its ledger entry.

A listing takes many pages, and journals are combined between two of them. A journal that was dead when its turn came
may have been combined into one whose turn was over: so the keys passed are listed once more. No clock is asked.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import chain, takewhile
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Seen, classify
from flashflood.context import GRACE, Context
from flashflood.dates import ALWAYS, EARLIEST, DateRange
from flashflood.exceptions import FlashFloodException
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID
from flashflood.records import ledger
from flashflood.records.journal_pages import JournalPages
from flashflood.store.protocol import Entry
from flashflood.telemetry import iteration
from flashflood.turns import SharedLists

logger = logging.getLogger(__name__)


class SortedPage(NamedTuple):
    """A page of the listing, sorted. A journal at its end comes with the next page, which may have its tombstone."""

    living: list[Entry]
    dead: list[Entry]
    last: str
    """The last key that was listed."""
    reached: str | None
    """Every journal that begins before this timestamp has been listed; None: every one."""
    date: datetime
    """The server's clock when it listed the page; aware."""


class Met(NamedTuple):
    """Journals of the range that a pass had not met before, in key order."""

    living: list[Entry]
    dead: list[Entry]


class Plan(NamedTuple):
    """What an earlier listing tells a later one of the same range: where to begin."""

    begin: str
    """Every journal of the range, living or dead, began at this timestamp or later."""
    date: datetime
    """When the earlier one began, by the server's clock; aware."""


class Listing:
    """One pass over the journals that overlap a range of dates, in key order, page by page.

    A journal that is dead when it is met was combined into another one. That may lie among the keys passed, and not
    have been met. A caller that cannot rule this out must `look_behind`; until then the pass is not whole.
    """

    def __init__(
        self, ctx: Context, dates: DateRange = ALWAYS, after: JournalID | None = None, plan: Plan | None = None
    ) -> None:
        """Begin after a journal_id, or at the first key; where a plan is given, go on as if that had been listed then.

        A look behind lists from the first key on all the same: journals may have been made there since the plan.
        """
        self._ctx = ctx
        self._dates = dates
        self._after = None if after is None else layout.journal_key(after)
        self._plan = plan
        begin = self._after if plan is None else layout.JOURNALS + plan.begin
        self._pages = JournalPages(ctx, begin, dates.end)
        self._sorted_pages = _sorted_pages(ctx, self._pages)
        self._last = ""
        self._seen = Seen()
        self.pages = 0
        """How many pages have been listed, without those of looks behind."""
        self.reached: str | None = EARLIEST
        """Every living journal that begins before this timestamp is known; None: every one."""
        self.date: datetime | None = None
        """The server's clock at the first page; aware. None: there was none yet."""

    @property
    def is_over(self) -> bool:
        """Whether further pages have nothing for the range."""
        return self.reached is None or self._dates.is_before(self.reached)

    @property
    def is_ready(self) -> bool:
        """Whether the next page has been asked for, and has come."""
        return self._pages.is_ready

    def ask(self) -> None:
        """Ask for the next page. Waits for nothing."""
        self._pages.ask()

    def close(self) -> None:
        """Send nothing more."""
        self._pages.close()

    def next_page(self) -> Met:
        """List one page. `FlashFloodException` where the plan is so old that what it relies on may be collected."""
        page = next(self._sorted_pages)
        if self.date is None:
            self.date = page.date
            self._check_age(page.date)
        self.pages += 1
        self._last, self.reached = page.last, page.reached
        return self._newly_met(page)

    def look_behind(self) -> list[Entry]:
        """List the keys passed once more; give the journals that were made since, in key order.

        What was asked for ahead is asked for anew: what a dead journal was combined into may be missing there too.
        What a dead journal was combined into is among them. If that has died too, it is as good: its manifest and its
        blob stay for the grace time. A `new` journal that has died was put after this pass began: it is left out.
        """
        self._pages.forget_ahead()
        until = None if self.reached is None else self._last
        found: list[Entry] = []
        pages = JournalPages(self._ctx, self._after, None if until is None else layout.journal_name(until))
        with closing(pages):
            for page in _sorted_pages(self._ctx, pages, until):
                living, dead = self._newly_met(page)
                found += living
                found += (entry for entry in dead if journal_id(entry).version != NEW)
        return sorted(found)

    def _check_age(self, now: datetime) -> None:
        if self._plan is not None and now - self._plan.date > GRACE / 2:
            msg = (
                f"this partition was planned at {self._plan.date:%Y-%m-%d %H:%M:%S} UTC, more than {GRACE / 2} ago:"
                " journals may have been combined and collected since; call `partitions` again"
            )
            raise FlashFloodException(msg)

    def _newly_met(self, page: SortedPage) -> Met:
        living, dead = map(self._overlapping, (page.living, page.dead))
        return Met(
            [living[index] for index in self._seen.add([entry.key for entry in living])],
            [dead[index] for index in self._seen.add([entry.key for entry in dead])],
        )

    def _overlapping(self, entries: list[Entry]) -> list[Entry]:
        if self._dates == ALWAYS:
            return entries
        return [entry for entry in entries if self._dates.overlaps(*layout.range_of(entry.key))]


class Opened(NamedTuple):
    """A journal that has been listed and read."""

    manifest: Manifest
    given: set[str]
    """Those of the journals that it replaces which have been given already."""


def living_journals(ctx: Context, after: JournalID | None = None) -> Iterator[JournalID]:
    """List the living journals, after a journal_id or from the first on; lazily, page by page."""
    return _shared(ctx, _living(ctx, Listing(ctx, after=after)))


def journals_between(ctx: Context, dates: DateRange) -> Iterator[JournalID]:
    """List the living journals whose range overlaps `dates`; lazily, page by page."""
    return iter(()) if dates.is_empty else _shared(ctx, _living(ctx, Listing(ctx, dates)))


def living_entries(ctx: Context) -> Iterator[Entry]:
    """List the living journals' manifests; those that are made meanwhile may come last, out of key order."""
    return chain.from_iterable(_living(ctx, Listing(ctx)))


def all_entries(ctx: Context) -> Generator[Met, None, None]:
    """List the manifests of all journals, the living and the dead, page by page.

    Those that are made meanwhile may come last, out of key order. What is combined meanwhile may come twice: as it was
    when its page was listed, and in what it was combined into.
    """
    return _met(ctx, Listing(ctx))


def new_journals(ctx: Context) -> Iterator[JournalID]:
    """List the living `new` journals in key order, lazily."""
    return _shared(ctx, _new(ctx))


def new_entries(ctx: Context) -> Generator[Entry, None, None]:
    """List the manifests of the living `new` journals."""
    with closing(_new(ctx)) as pages:
        for page in pages:
            yield from page


def opened_between(ctx: Context, dates: DateRange) -> Generator[Opened, None, None]:
    """List the living journals whose range overlaps `dates`, and read each; lazily.

    A journal may be combined into another one meanwhile. If it was given before, the other one says so (`given`); if
    the other one was given before, it is left out.
    """
    if dates.is_empty:
        return
    done = Seen()  # given, or replaced by what was given
    done.add(list(_committed(ctx)))
    given: set[str] = set()
    is_whole = True
    with closing(Listing(ctx, dates)) as listing:
        while not (listing.is_over and is_whole):
            if listing.is_over:
                found, is_whole = listing.look_behind(), True
            else:
                found, dead = listing.next_page()
                is_whole &= not dead
            for journal in filter(lambda journal: done.add([journal]), map(journal_id, found)):
                manifest = ctx.manifest(journal)
                if manifest is None:  # combined, and collected
                    is_whole = False
                    continue
                done.add(manifest.replaces)
                yield Opened(manifest, given.intersection(manifest.replaces))
                given.add(journal)


def journal_id(entry: Entry) -> JournalID:
    """Give the id of a journal that has been listed."""
    return layout.journal_id_of(entry.key)


def _shared(ctx: Context, pages: Generator[list[Entry], None, None]) -> SharedLists[JournalID]:
    return SharedLists(_ids(pages), "this listing of journals", iteration("list_journals", ctx.store.name))


def _ids(pages: Generator[list[Entry], None, None]) -> Generator[list[JournalID], None, None]:
    with closing(pages):
        for page in pages:
            yield list(map(journal_id, page))


def _new(ctx: Context) -> Generator[list[Entry], None, None]:
    """Yield the `new` journals, page by page. No combination makes one, so nobody has to look behind."""
    replaced = _committed(ctx)
    with closing(Listing(ctx)) as listing:
        while not listing.is_over:
            found = ((entry, journal_id(entry)) for entry in listing.next_page().living)
            yield [entry for entry, journal in found if journal.version == NEW and journal not in replaced]


def _living(ctx: Context, listing: Listing) -> Generator[list[Entry], None, None]:
    """Yield the living journals of a pass, page by page."""
    with closing(_met(ctx, listing)) as pages:
        for page in pages:
            yield page.living


def _met(ctx: Context, listing: Listing) -> Generator[Met, None, None]:
    """Yield the journals of a pass, page by page; last, those that were made meanwhile among the keys passed."""
    replaced = _committed(ctx)
    has_dead = False
    with closing(listing):
        while not listing.is_over:
            met = listing.next_page()
            has_dead |= bool(met.dead)
            yield _without(met, replaced) if replaced else met
        if has_dead:
            yield Met(listing.look_behind(), [])


def _without(met: Met, replaced: set[JournalID]) -> Met:
    """Count the journals that are replaced among the dead."""
    living = [entry for entry in met.living if journal_id(entry) not in replaced]
    return Met(living, met.dead + [entry for entry in met.living if journal_id(entry) in replaced])


def _committed(ctx: Context) -> set[JournalID]:
    """Give the journals that committed combinations replace, as far as their ledger entries are still there.

    To be asked before the first page: a combined journal that was committed by then is met in its turn. Where the
    ledger entry is gone, the journals that it replaces have tombstones.
    """
    made = ctx.requests.each(ctx.manifest, [open_.entry.journal_id for open_ in ledger.read(ctx)])
    return {JournalID(name) for manifest in made if manifest is not None for name in manifest.replaces}


def _sorted_pages(ctx: Context, pages: JournalPages, until: str | None = None) -> Iterator[SortedPage]:
    """Sort pages, up to the key `until`."""
    withheld: list[Entry] = []
    reached: str | None = EARLIEST
    for page in pages:
        entries = withheld + page.entries
        alive, tombstones, strangers = classify([layout.journal_name(entry.key) for entry in entries])
        _warn_of(ctx, (entries[index] for index in strangers))
        known = set(range(len(entries))).difference(strangers)
        if known:
            reached = journal_id(entries[max(known)]).start
        withheld = _withhold_last(entries, alive) if page.more else []
        yield SortedPage(
            [entries[index] for index in alive if until is None or entries[index].key <= until],
            [_dead(entries, index) for index in tombstones if until is None or entries[index].key <= until],
            entries[-1].key if entries else "",
            reached if page.more else None,
            page.date,
        )
        if until is not None and entries and entries[-1].key >= until:
            return


def _withhold_last(entries: list[Entry], alive: list[int]) -> list[Entry]:
    """Take the last journal out of `alive` if its tombstone may follow; strangers (`X.bak`) may lie in between."""
    if not alive or not all(entry.key.startswith(entries[alive[-1]].key) for entry in entries[alive[-1] :]):
        return []
    return entries[alive.pop() :]


def _dead(entries: list[Entry], index: int) -> Entry:
    """Give the journal that a tombstone stands for; where that is gone, an entry as if it were there."""
    tombstone = entries[index]
    key = tombstone.key.removesuffix(TOMBSTONE_SUFFIX)
    return entries[index - 1] if index and entries[index - 1].key == key else tombstone._replace(key=key)


def _warn_of(ctx: Context, strangers: Iterable[Entry]) -> None:
    for entry in strangers:
        logger.warning("%s: %s is no journal; it is left out", ctx.store.name, entry.key)


def are_living(ctx: Context, journal_ids: Sequence[JournalID]) -> bool:
    """Say whether journals are all there and none has a tombstone."""
    keys = sorted(map(layout.journal_key, journal_ids))
    if len(keys) <= ctx.requests.workers:
        return all(ctx.requests.each(partial(_is_living, ctx), keys))
    listed = ctx.entries(layout.JOURNALS, keys[0][:-1])
    found = next(listed, None)
    for key in keys:
        while found is not None and found.key < key:
            found = next(listed, None)
        if found is None or found.key != key:
            return False
        found = next(listed, None)
        if found is not None and found.key == layout.tombstone_key(key):
            return False
    return True


def _is_living(ctx: Context, key: str) -> bool:
    return any(entry.key == key for entry in without_dead(ctx.entries(key)))


def without_dead(entries: Iterable[Entry]) -> list[Entry]:
    """Give the objects that no tombstone follows: between `X` and `X.dead` lie only strangers, such as `X.bak`."""
    alive: list[Entry] = []
    for entry in entries:
        if not entry.key.endswith(TOMBSTONE_SUFFIX):
            alive.append(entry)
        else:
            key = entry.key.removesuffix(TOMBSTONE_SUFFIX)
            between = takewhile(lambda index: alive[index].key.startswith(key), range(len(alive) - 1, -1, -1))  # noqa: B023
            for index in [index for index in between if alive[index].key == key]:
                del alive[index]
    return alive
