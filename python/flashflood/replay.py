"""Replaying all events between two dates, in (date, event_id) order (PROTOCOL.md, step 13). Never writes.

The way of the data: `Listing` names the living journals, page by page -> their manifests are fetched ahead -> the core
merges their rows and plans
windows: which byte ranges hold the next events -> those are fetched ahead, within the memory budget -> the core makes
the events.

An event goes out once every journal that could hold an earlier one has been opened. The order is total, so the last
event planned is the place to go
on from when another process changes what was listed.
"""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Merge, Window, format_timestamp
from flashflood.context import Context
from flashflood.dates import DateRange
from flashflood.events import Event
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.listing import Listing
from flashflood.lookup import lookup
from flashflood.store.protocol import Entry, Found

logger = logging.getLogger("flashflood")

MEMORY_BUDGET = 256_000_000
"""Bytes that one replay may hold by default.

half of it event data, a quarter manifests under way, the rest their rows.
"""

FIRST_WINDOW = 256_000
LARGEST_WINDOW = 16_000_000
"""Bytes planned and fetched at a time.

the first ones few, so that the first event comes soon; then twice as many each time.
"""
BYTES_PER_ROW = 128
"""What an opened row takes, about."""


class _Planned(NamedTuple):
    """A window whose bytes are on their way."""

    window: Window
    sources: list[JournalID]
    """The journals that its requests name."""
    answers: list[Future[Found | None]]


class _VanishedError(Exception):
    """Something listed is gone: its journal was combined and collected meanwhile, or the store is broken."""

    def __init__(self, journal_id: JournalID, what: str) -> None:
        super().__init__(what)
        self.journal_id = journal_id
        self.what = what


def replay(ctx: Context, dates: DateRange, memory_budget: int = MEMORY_BUDGET) -> Iterator[Event]:
    """Yield the events in the range. The look ahead starts when a second event is asked for."""
    if dates.is_empty:
        return
    reader = _Reader(ctx, dates, memory_budget)
    place: tuple[str, str] | None = None
    missed: set[JournalID] = set()
    while True:
        try:
            for window, buffers in reader.windows():
                events = window.events(buffers)
                if place is None:
                    first = next(events)
                    yield first
                    place = (format_timestamp(first.date), first.event_id)
                    reader.look_ahead()
                yield from events
                place = window.last
        except _VanishedError as error:
            if error.journal_id in missed:
                msg = f"journal {error.journal_id}: {error.what} is missing; restore it from a copy"
                raise FlashFloodCorruptionError(msg) from None
            missed.add(error.journal_id)
            reader.start_again(place)
        else:
            return


class _Reader:
    """The state of one replay: what is listed, opened, planned and under way."""

    def __init__(self, ctx: Context, dates: DateRange, memory_budget: int) -> None:
        self._ctx = ctx
        self._dates = dates
        self._budget = memory_budget
        self._limit = min(FIRST_WINDOW, memory_budget // 8)
        self._listing = Listing(ctx)
        self._is_looking_ahead = False
        self._begin(None)

    def _begin(self, place: tuple[str, str] | None) -> None:
        """Set out from a place in the order of events; None: from the start."""
        self._place = place
        self._merge = Merge(self._dates.start, self._dates.end, place)
        self._sources: list[JournalID] = []
        self._listed: deque[Entry] = deque()
        self._opening: deque[tuple[Entry, Future[Manifest | None]]] = deque()
        self._planned: deque[_Planned] = deque()

    def start_again(self, place: tuple[str, str] | None) -> None:
        """List again, and go on after the last event that went out."""
        self._listing = self._listing.again()
        self._begin(place)

    def windows(self) -> Iterator[tuple[Window, list[bytes]]]:
        """Yield the windows in order, each with the bytes of its requests."""
        self._plan_ahead()
        while self._planned:
            planned = self._planned.popleft()
            yield planned.window, _bodies(planned)
            self._plan_ahead()

    def look_ahead(self) -> None:
        """From now on, keep the next windows under way while events are consumed."""
        self._is_looking_ahead = True
        self._plan_ahead()

    def _plan_ahead(self) -> None:
        """Plan windows and start their requests, one at least, then as many as half the budget takes."""
        while not self._planned or (
            self._is_looking_ahead
            and sum(planned.window.fetched for planned in self._planned) + self._limit <= self._budget // 2
        ):
            window = self._next_window()
            if window is None:
                return
            self._place = window.last
            self._planned.append(self._start(window))
            self._limit = min(2 * self._limit, LARGEST_WINDOW, self._budget // 8)

    def _start(self, window: Window) -> _Planned:
        sources = [self._sources[source] for source, _, _ in window.requests]
        answers = [
            self._ctx.requests.start(self._ctx.store.get, layout.blob_key(journal_id), start, stop)
            for journal_id, (_, start, stop) in zip(sources, window.requests, strict=True)
        ]
        return _Planned(window, sources, answers)

    def _next_window(self) -> Window | None:
        """Plan the next events, opening journals until there are some that no unopened journal can precede."""
        while True:
            self._start_opening()
            window = self._merge.window(self._frontier(), self._limit)
            if window is not None or not (self._opening or self._has_more_pages()):
                return window
            if self._opening:
                self._open()
            else:
                self._list()

    def _frontier(self) -> str | None:
        """Give the timestamp from which on unopened journals may have events. None: all are open."""
        if self._opening:
            return _journal_id(self._opening[0][0]).start
        return self._listing.reached if self._has_more_pages() else None

    def _has_more_pages(self) -> bool:
        return not self._listing.is_past(self._dates)

    def _list(self) -> None:
        """List one page; from the start again when it shows that what was passed has changed."""
        found = self._listing.next_page()
        if self._listing.is_stale:
            self._listing = self._listing.again()
            planned = self._planned
            self._begin(self._place)
            self._planned = planned
            return
        self._listed.extend(entry for entry in found if self._is_wanted(_journal_id(entry)))

    def _is_wanted(self, journal_id: JournalID) -> bool:
        ahead = self._place is None or journal_id.end >= self._place[0]
        return ahead and self._dates.overlaps(journal_id.start, journal_id.end)

    def _start_opening(self) -> None:
        """Fetch the next manifests: one, or ahead, as many as a quarter of the budget and the threads take."""
        under_way = sum(entry.size for entry, _ in self._opening)
        while self._listed and (
            not self._opening
            or (
                self._is_looking_ahead
                and len(self._opening) < 2 * self._ctx.requests.workers
                and under_way + self._listed[0].size <= self._budget // 4
            )
        ):
            entry = self._listed.popleft()
            under_way += entry.size
            self._opening.append((entry, self._ctx.requests.start(self._ctx.manifest, _journal_id(entry))))

    def _open(self) -> None:
        """Merge the next journal's rows in, and those of further ones whose manifests have come, within the budget."""
        self._take_in(*self._opening.popleft())
        while self._opening and self._opening[0][1].done() and self._merge.pending * BYTES_PER_ROW < self._budget // 4:
            self._take_in(*self._opening.popleft())

    def _take_in(self, entry: Entry, answer: Future[Manifest | None]) -> None:
        journal_id = _journal_id(entry)
        manifest = answer.result()
        logger.info("replaying from journal %s", journal_id)
        if manifest is None:
            raise _VanishedError(journal_id, "its manifest")
        if journal_id in self._listing.replaced:
            return
        for replaced in manifest.replaces:
            self._listing.replaced.add(JournalID(replaced))
            self._merge.remove(replaced)
        self._sources.append(journal_id)
        questions = self._merge.add(manifest)
        answers = self._ctx.requests.each(lambda question: lookup(self._ctx, question[1]).entry, questions)
        for (timestamp, event_id), found in zip(questions, answers, strict=True):
            self._merge.decide(timestamp, event_id, None if found is None else found.target)


def _journal_id(entry: Entry) -> JournalID:
    return JournalID(entry.key.removeprefix(layout.JOURNALS))


def _bodies(planned: _Planned) -> list[bytes]:
    """Wait for the bytes of a window."""
    found = [answer.result() for answer in planned.answers]
    bodies = [answer.body for answer in found if answer is not None]
    if len(bodies) < len(found):
        raise _VanishedError(planned.sources[found.index(None)], "its blob")
    return bodies
