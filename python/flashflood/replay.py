"""Replaying all events between two dates, in (date, event_id) order (PROTOCOL.md, step 13). Never writes.

The way of the data: `Listing` names the living journals, page by page -> their manifests are fetched ahead -> the core
merges their rows and plans windows: which byte ranges hold the next events -> those are fetched ahead, within the
memory budget -> the core makes the events.

An event goes out once every journal that could hold an earlier one has been opened. The order is total, so the last
event that went out is the place to go on from when something listed is gone.
"""

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Merge, Window, format_timestamp
from flashflood.context import Context
from flashflood.dates import EARLIEST, DateRange
from flashflood.events import Event
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.listing import Listing, journal_id
from flashflood.lookup import lookup
from flashflood.store.protocol import Entry, Found

logger = logging.getLogger("flashflood")

MEMORY_BUDGET = 160_000_000
"""Bytes that one replay may hold: half of it for event data, a quarter for manifests under way, the rest for rows."""

FIRST_WINDOW = 256_000
LARGEST_WINDOW = 16_000_000
"""Bytes planned at a time: few at first, so that the first event comes soon; then twice as many each time."""
BYTES_PER_ROW = 128
BYTES_PER_REQUEST = 4_096
"""What an opened row and a request under way take beside their data, about."""
REQUESTS_PER_WORKER = 8
"""Requests that are kept waiting for each thread: more would only take memory."""


class _Planned(NamedTuple):
    """A window whose bytes are on their way."""

    window: Window
    sources: list[JournalID]
    """The journals that its requests name."""
    answers: list[Future[Found | None]]

    @property
    def cost(self) -> int:
        """The memory that it takes, in bytes."""
        return self.window.fetched + BYTES_PER_REQUEST * len(self.answers) + BYTES_PER_ROW * len(self.window)


class _VanishedError(Exception):
    """Something listed is gone: its journal was combined and collected meanwhile, or the store is broken."""

    def __init__(self, journal_id: JournalID, what: str) -> None:
        super().__init__(what)
        self.journal_id = journal_id
        self.what = what


def replay(ctx: Context, dates: DateRange, memory_budget: int = MEMORY_BUDGET) -> Iterator[Event]:
    """Yield the events in the range. The look ahead starts when a second event is asked for."""
    place: tuple[str, str] | None = None
    missed: set[JournalID] = set()
    while not dates.is_empty:
        reader = _Reader(ctx, dates, memory_budget, place)
        try:
            for window, buffers in reader.windows():
                events = window.events(buffers)
                if place is None:
                    first = next(events)
                    yield first
                    place = (format_timestamp(first.date), first.event_id)
                    reader.look_ahead()
                yield from events
                place = max(place, window.last)
        except _VanishedError as error:
            if error.journal_id in missed:
                msg = f"journal {error.journal_id}: {error.what} is missing; restore it from a copy"
                raise FlashFloodCorruptionError(msg) from None
            missed.add(error.journal_id)
        else:
            return
        finally:
            reader.stop()


class _Reader:
    """The state of one replay: what is listed, opened, planned and under way."""

    def __init__(self, ctx: Context, dates: DateRange, memory_budget: int, place: tuple[str, str] | None) -> None:
        """Set out from a place in the order of events; None: from the start."""
        self._ctx = ctx
        self._budget = memory_budget
        self._limit = min(FIRST_WINDOW, memory_budget // 8)
        self._is_looking_ahead = place is not None
        self._listing = Listing(ctx, dates)
        self._page: Future[list[Entry]] | None = None
        self._reached: str | None = EARLIEST
        self._listed: deque[Entry] = deque()
        self._opening: deque[tuple[Entry, Future[Manifest | None]]] = deque()
        self._merge = Merge(dates.start, dates.end, place)
        self._sources: list[JournalID] = []
        self._planned: deque[_Planned] = deque()
        self._cost = 0
        """Of all that is planned, in bytes."""

    def windows(self) -> Iterator[tuple[Window, list[bytes]]]:
        """Yield the windows in order, each with the bytes of its requests."""
        while self._plan():
            planned = self._planned.popleft()
            self._cost -= planned.cost
            yield planned.window, _bodies(planned)

    def look_ahead(self) -> None:
        """From now on, keep the next windows under way while events are consumed."""
        self._is_looking_ahead = True
        self._plan_ahead()

    def stop(self) -> None:
        """Send nothing more."""
        for planned in self._planned:
            for answer in planned.answers:
                answer.cancel()
        for _, opening in self._opening:
            opening.cancel()
        if self._page is not None:
            self._page.cancel()

    def _plan(self) -> bool:
        """See that a window is planned, waiting for what it takes. False: there are no more events."""
        if not self._planned:
            window = self._next_window(waits=True)
            if window is not None:
                self._start(window)
        self._plan_ahead()
        return bool(self._planned)

    def _plan_ahead(self) -> None:
        """Plan further windows from what has come already, as many as half the budget takes."""
        while (
            self._is_looking_ahead
            and self._cost + self._limit <= self._budget // 2
            and sum(len(planned.answers) for planned in self._planned)
            < REQUESTS_PER_WORKER * self._ctx.requests.workers
        ):
            window = self._next_window(waits=not self._planned)
            if window is None:
                return
            self._start(window)

    def _start(self, window: Window) -> None:
        """Start a window's requests."""
        sources = [self._sources[source] for source, _, _ in window.requests]
        answers = [
            self._ctx.requests.start(self._ctx.store.get, layout.blob_key(found), start, stop)
            for found, (_, start, stop) in zip(sources, window.requests, strict=True)
        ]
        planned = _Planned(window, sources, answers)
        self._planned.append(planned)
        self._cost += planned.cost
        self._limit = min(2 * self._limit, LARGEST_WINDOW, self._budget // 8)

    def _next_window(self, *, waits: bool) -> Window | None:
        """Plan the next events, opening journals until there are some that no unopened journal can precede.

        None: there are no more, or (unless it `waits`) none yet.
        """
        while True:
            if self._is_looking_ahead:
                self._fetch_manifests()
            window = self._merge.window(self._frontier(), self._limit)
            if window is not None:
                return window
            self._fetch_manifests()
            if self._opening:
                if not (waits or self._opening[0][1].done()):
                    return None
                self._open()
            elif self._page is not None and (waits or self._page.done()):
                self._take_page(self._page)
            else:
                return None

    def _frontier(self) -> str | None:
        """Give the timestamp from which on unopened journals may have events. None: all are open."""
        if self._opening:
            return journal_id(self._opening[0][0]).start
        return journal_id(self._listed[0]).start if self._listed else self._reached

    def _take_page(self, page: Future[list[Entry]]) -> None:
        self._listed.extend(page.result())
        self._page = None
        self._reached = None if self._listing.is_over else self._listing.reached

    def _fetch_manifests(self) -> None:
        """Start to fetch the next manifest, or ahead, as many as a quarter of the budget takes; or the next page."""
        under_way = sum(entry.size for entry, _ in self._opening)
        while self._listed and (not self._opening or self._may_fetch(under_way + self._listed[0].size)):
            entry = self._listed.popleft()
            under_way += entry.size
            self._opening.append((entry, self._ctx.requests.start(self._ctx.manifest, journal_id(entry))))
        is_wanted = self._is_looking_ahead or not self._opening
        if is_wanted and self._reached is not None and not self._listed and self._page is None:
            self._page = self._ctx.requests.start(self._listing.next_page)

    def _may_fetch(self, size: int) -> bool:
        """Whether so many bytes of manifests may be under way."""
        limit = REQUESTS_PER_WORKER * self._ctx.requests.workers
        return self._is_looking_ahead and len(self._opening) < limit and size <= self._budget // 4

    def _open(self) -> None:
        """Merge the next journal's rows in, and those of further ones whose manifests have come, within the budget."""
        self._take_in(*self._opening.popleft())
        while self._opening and self._opening[0][1].done() and self._merge.pending * BYTES_PER_ROW < self._budget // 4:
            self._take_in(*self._opening.popleft())

    def _take_in(self, entry: Entry, answer: Future[Manifest | None]) -> None:
        found = journal_id(entry)
        manifest = answer.result()
        logger.info("replaying from journal %s", found)
        if manifest is None:
            raise _VanishedError(found, "its manifest")
        if found in self._listing.replaced:
            return
        for replaced in manifest.replaces:
            self._listing.replaced.add(JournalID(replaced))
            self._merge.remove(replaced)
        self._sources.append(found)
        questions = self._merge.add(manifest)
        answers = self._ctx.requests.each(lambda question: lookup(self._ctx, question[1]).entry, questions)
        for (timestamp, event_id), named in zip(questions, answers, strict=True):
            self._merge.decide(timestamp, event_id, None if named is None else named.target)


def _bodies(planned: _Planned) -> list[bytes]:
    """Wait for the bytes of a window."""
    found = [answer.result() for answer in planned.answers]
    bodies = [answer.body for answer in found if answer is not None]
    if len(bodies) < len(found):
        raise _VanishedError(planned.sources[found.index(None)], "its blob")
    return bodies
