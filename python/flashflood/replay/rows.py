"""The rows of the living journals, merged in (date, event_id) order: how journals come into a replay.

`Listing` names the journals, page by page; their manifests are fetched ahead; the core merges their rows, and plans
windows of them: which byte ranges hold the next events.

A window can be planned once every journal that could hold an earlier event has been opened.
"""

import logging
from bisect import insort
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from flashflood import layout
from flashflood._core import Manifest, Merge, Window
from flashflood.context import Context
from flashflood.cursors import Place
from flashflood.dates import EARLIEST, DateRange
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.records import blobs
from flashflood.records.index import lookup
from flashflood.records.living import Listing, Met, Plan, journal_id
from flashflood.replay.damage import Lost, OnDamage, Skipping, unheard
from flashflood.replay.read_ahead import ReadAhead
from flashflood.replay.sections import expected_bytes, read_rows

if TYPE_CHECKING:
    from flashflood.store.protocol import Entry

logger = logging.getLogger(__name__)

BYTES_PER_ROW = 128
"""What an opened row takes in memory, about."""
REQUESTS_PER_WORKER = 8
"""Requests that are kept waiting for each thread: more would only take memory."""


class Scan(NamedTuple):
    """What a replay reads, and in how much memory."""

    dates: DateRange
    memory_budget: int
    """In bytes."""
    plan: Plan | None = None
    """Where an earlier listing says to begin, for the first pass."""
    on_damage: OnDamage = "error"
    after: Place | None = None
    """Only what comes later in the order of events; None: all in the range."""

    def of_sample(self) -> "Scan":
        """Give the same for a look at some events, which tells nobody of damage."""
        return self if self.on_damage == "error" else self._replace(on_damage=unheard)


class VanishedError(Exception):
    """Something listed is gone: its journal was combined and collected meanwhile, or the store is broken."""

    def __init__(self, journal_id: JournalID, what: Literal["blob", "manifest"]) -> None:
        """Say what is gone of which journal."""
        super().__init__(what)
        self.journal_id = journal_id
        self.what = what


class Pages(Protocol):
    """A listing, as `Listing` has it."""

    reached: str | None
    pages: int

    @property
    def is_over(self) -> bool:
        """Whether further pages have nothing for the range."""

    @property
    def is_ready(self) -> bool:
        """Whether the next page has come."""

    def next_page(self) -> Met:
        """List one page."""

    def look_behind(self) -> list["Entry"]:
        """List the keys passed once more."""

    def ask(self) -> None:
        """Ask for the next page."""

    def close(self) -> None:
        """Send nothing more."""


class _Opening(NamedTuple):
    """A journal whose manifest is under way."""

    journal_id: JournalID
    size: int
    """Bytes that are read, about."""
    answer: Future[Manifest | None]


class MergedRows:
    """One pass over the journals: what is listed, opened, and merged."""

    def __init__(self, ctx: Context, scan: Scan, ahead: ReadAhead, place: Place | None, skipping: Skipping) -> None:
        """Begin after a place in the order of events; None: at the start."""
        self._ctx = ctx
        self.skipping = skipping
        self._budget = scan.memory_budget
        self._ahead = ahead
        self._dates = scan.dates
        self._listing: Pages = Listing(ctx, scan.dates, plan=scan.plan)
        self._reached: str | None = EARLIEST
        self._listed: deque[Entry] = deque()
        self._opening: list[_Opening] = []
        """In key order."""
        self._dead: deque[JournalID] = deque()
        """Those met whose turn has not come. When it comes, what they were combined into must be open."""
        self._blocked_at: str | None = None
        """From this timestamp on, events may be missing: a dead journal begins there that no open one replaces."""
        self._looked_behind_at = 0
        """How many pages had been listed at the last look behind."""
        self._merge = Merge(scan.dates.start, scan.dates.end, place)
        self.sources: list[JournalID] = []
        """The journals by the numbers that windows' requests name."""

    def ready_window(self, limit: int) -> Window | None:
        """Plan the next events, of `limit` bytes, as far as no unopened journal can precede them.

        Until the look ahead is on, of several journals one event alone: each journal would be a request. None: there
        are none yet.
        """
        goes_alone = not self._ahead.is_on and len(self.sources) > 1
        return self._merge.window(self._frontier(), 0 if goes_alone else limit)

    def next_window(self, limit: int, *, waits: bool) -> Window | None:
        """Plan the next events, of `limit` bytes, opening journals until there are some.

        None: there are no more, or (unless it `waits`) none yet.
        """
        while True:
            if self._ahead.is_on:
                self.fetch_manifests()
            window = self.ready_window(limit)
            if window is not None:
                return window
            self.fetch_manifests()
            if self._blocked_at is not None:
                if not waits:
                    return None
                self._look_behind()
            elif self._opening:
                if waits:
                    self._ahead.wait_for([self._opening[0].answer], self.fetch_manifests)
                elif not self._opening[0].answer.done():
                    return None
                self._open()
            elif self._reached is not None and (waits or self._listing.is_ready):
                self._take_page()
            else:
                return None

    def fetch_manifests(self) -> None:
        """Start to fetch the manifests that the next event needs; if the look ahead is on, as many as may be.

        Once all that is listed has been asked for, start the next page in the same way.
        """
        under_way = sum(opening.size for opening in self._opening)
        while self._listed:
            found, size = journal_id(self._listed[0]), expected_bytes(self._listed[0], self._dates)
            if not self._may_fetch(found.start, under_way + size):
                break
            under_way += size
            answer = self._ctx.requests.work(read_rows, self._ctx, self._listed.popleft(), self._dates)
            insort(self._opening, _Opening(found, size, answer), key=attrgetter("journal_id"))
        if self._reached is not None and not self._listed and self._is_wanted(self._reached):
            self._listing.ask()

    def stop(self) -> None:
        """Send nothing more."""
        for opening in self._opening:
            opening.answer.cancel()
        self._listing.close()

    def _frontier(self) -> str | None:
        """Give the timestamp from which on journals that are not open may have events. None: all are open."""
        if self._blocked_at is None:
            self._resolve(self._next_start())
        return self._blocked_at or self._next_start()

    def _next_start(self) -> str | None:
        """Give the timestamp at which the next journal to be opened begins, at the earliest. None: there is none."""
        nearest = [opening.journal_id for opening in self._opening[:1]]
        nearest += [journal_id(entry) for entry in islice(self._listed, 1)]
        return min((found.start for found in nearest), default=self._reached)

    def _resolve(self, before: str | None) -> None:
        """Forget the dead journals that begin before a timestamp. If no open journal replaces one, block there."""
        due = []
        while self._dead and (before is None or self._dead[0].start < before):
            due.append(self._dead.popleft())
        if self._blocked_at is None:
            replaced = self._merge.replaces(due) if due else ()
            self._blocked_at = next((dead.start for dead, is_so in zip(due, replaced, strict=True) if not is_so), None)

    def _look_behind(self) -> None:
        """Take the journals made among the keys passed; then nothing is blocked.

        Before that, the listing goes on until something living waits, and until it has twice the pages of the last
        look: so all looks behind together cost no more than two passes, and the dead alone cost one.
        """
        something_waits = self._listed or self._opening or self._merge.pending
        goes_on = not something_waits or self._listing.pages < 2 * self._looked_behind_at
        if self._reached is not None and goes_on:
            self._take_page()
            return
        self._listed = deque(sorted([*self._listed, *self._listing.look_behind()]))
        self._blocked_at = None
        self._dead.clear()
        self._looked_behind_at = self._listing.pages

    def _take_page(self) -> None:
        met = self._listing.next_page()
        self._listed.extend(met.living)
        if self._blocked_at is None:  # else the look behind, which is to come, stands for these too
            self._dead.extend(map(journal_id, met.dead))
        self._reached = None if self._listing.is_over else self._listing.reached

    def _may_fetch(self, start: str, size: int) -> bool:
        """Whether to fetch the manifest of a journal that begins at `start`; so many bytes are under way with it."""
        if not self._opening:
            return True
        has_room = len(self._opening) < REQUESTS_PER_WORKER * self._ctx.requests.workers
        return has_room and size <= self._ahead.size // 2 and self._is_wanted(start)

    def _is_wanted(self, start: str) -> bool:
        """Whether journals that begin at `start` are to be fetched before those under way have come.

        No event goes out before all journals are open that begin as early as the next one, or before the range does.
        """
        if self._ahead.is_on or not self._opening:
            return True
        return start <= max(self._dates.start or EARLIEST, self._opening[0].journal_id.start)

    def _open(self) -> None:
        """Merge the next journal's rows in, and those of further ones whose manifests have come, within the budget."""
        self._merge_in(self._opening.pop(0))
        while (
            self._opening and self._opening[0].answer.done() and self._merge.pending * BYTES_PER_ROW < self._budget // 4
        ):
            self._merge_in(self._opening.pop(0))

    def _merge_in(self, opening: _Opening) -> None:
        found = opening.journal_id
        logger.debug("%s: replaying from journal %s", self._ctx.store.name, found)
        manifest = self._manifest(opening)
        if manifest is None:
            return
        self._resolve(found.start)
        for part in self._parts(found, manifest):
            self._add(found, part)

    def _parts(self, _journal_id: JournalID, manifest: Manifest) -> Iterable[Manifest]:
        """Give as what a journal's manifest is to be merged in."""
        return [manifest]

    def _add(self, found: JournalID, manifest: Manifest) -> None:
        self.sources.append(found)
        questions = self._merge.add(manifest)
        answers = self._ctx.requests.each(lambda question: self._holder(*question), questions)
        for (timestamp, event_id), holder in zip(questions, answers, strict=True):
            self._merge.decide(timestamp, event_id, holder)

    def _holder(self, _timestamp: str, event_id: str) -> JournalID | None:
        """Give the journal that has an event, as the index says; None: it names none."""
        named = lookup(self._ctx, event_id).entry
        return None if named is None else named.target

    def _manifest(self, opening: _Opening) -> Manifest | None:
        """Give a manifest that was under way. None: the journal is damaged, and left out."""
        found = opening.journal_id
        try:
            manifest = opening.answer.result()
        except FlashFloodCorruptionError as error:
            if not self.skipping.is_on:
                raise
            error.key = error.key or layout.journal_key(found)
            self.skipping.leave_out([Lost(found, error, None)])
            return None
        if manifest is None:
            if not (self.skipping.is_on and found in self.skipping.missed):
                raise VanishedError(found, "manifest")
            self.skipping.leave_out([Lost(found, blobs.missing(self._ctx, found, "manifest"), None)])
        return manifest
