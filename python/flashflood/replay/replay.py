"""Replaying all events between two dates, in (date, event_id) order (PROTOCOL.md, step 13). Never writes.

The way of the data: `Listing` names the living journals, page by page -> their manifests are fetched ahead -> the core
merges their rows and plans windows: which byte ranges hold the next events -> those are fetched ahead, within the
memory budget -> whichever thread brings the last bytes of a window makes a batch of them, and filters it -> the
batches come out in order.

A window goes out once every journal that could hold an earlier event has been opened. The order is total, so the last
event that went out is the place to go on from when something listed is gone.
"""

import logging
import operator
import os
import threading
import time
from bisect import insort
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from concurrent.futures import Future, wait
from itertools import islice
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

from flashflood import _core, layout
from flashflood._core import Batch, Manifest, Merge, Window
from flashflood.context import Context
from flashflood.dates import EARLIEST, DateRange
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.pickling import no_pickle
from flashflood.records.index import lookup
from flashflood.records.living import Listing, Met, journal_id
from flashflood.store.protocol import Entry, Found
from flashflood.turns import Events, Turns

logger = logging.getLogger("flashflood")

MEMORY_BUDGET = 160_000_000
"""Bytes that one replay may hold: half of it for event data, a quarter for manifests under way, the rest for rows."""
READ_AHEAD = 8_000_000
"""Bytes of event data under way at first, and half as many of manifests: enough where the network is near, and little
memory to touch. `FURTHER` times as many, up to what the budget allows, each time that the process waits for `PAUSE`
seconds and uses less than the part `BUSY` of one core meanwhile."""
PAUSE = 0.02
BUSY = 0.5
FURTHER = 4
WINDOWS_AHEAD = 4
"""How many windows these bytes are, once windows have grown."""

FIRST_WINDOW = 256_000
LARGEST_WINDOW = 12_000_000
GROWTH = 8
"""Bytes planned at a time: few at first, so that the first event comes soon; then eight times as many each time."""
BYTES_PER_ROW = 128
BYTES_PER_REQUEST = 4_096
"""What an opened row and a request under way take beside their data, about."""
REQUESTS_PER_WORKER = 8
"""Requests that are kept waiting for each thread: more would only take memory."""

B = TypeVar("B", bound=Sized)

Stage: TypeAlias = Callable[[Batch], B]
"""What is made of a batch on the thread that brings its last bytes: filtering, projecting, laying out for Arrow."""


class Replay(Events):
    """The events of a replay, one by one."""

    def __init__(self, ctx: Context, dates: DateRange, memory_budget: int, stage: Stage[Batch]) -> None:
        """Replay from the first event on. No request is made before one is asked for."""
        super().__init__(_runs(ctx, dates, memory_budget, stage), "this replay")

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood, if it was opened by its URL, and replay there")


def checked_budget(memory_budget: int) -> int:
    """Check a number of bytes that a caller gave. `TypeError` if it is no int, `ValueError` if it is below 0."""
    if isinstance(memory_budget, bool) or not hasattr(memory_budget, "__index__"):
        msg = f"memory_budget={memory_budget!r:.100}; give a whole number of bytes, an int"
        raise TypeError(msg)
    if memory_budget < 0:
        msg = f"memory_budget={memory_budget}; give 0 bytes or more"
        raise ValueError(msg)
    return operator.index(memory_budget)


def batches(ctx: Context, dates: DateRange, memory_budget: int, stage: Stage[B]) -> Turns[B]:
    """Give the events in the range, many at a time. The look ahead starts when a second batch is asked for."""
    return Turns((batch for batch, _ in _batches(ctx, dates, memory_budget, stage)), "this replay")


def _runs(
    ctx: Context, dates: DateRange, memory_budget: int, stage: Stage[Batch]
) -> Generator[_core.Events, None, None]:
    """Yield the events in runs: the first one alone, then those of a batch each time."""
    is_first = True
    for batch, look_ahead in _batches(ctx, dates, memory_budget, stage):
        if is_first:
            yield batch.events(0, 1)
            look_ahead()
        yield batch.events(int(is_first))
        is_first = False


def _batches(
    ctx: Context, dates: DateRange, memory_budget: int, stage: Stage[B]
) -> Iterator[tuple[B, Callable[[], None]]]:
    """Yield the batches that have events, each with what starts the look ahead, if it is to start before the next."""
    place: tuple[str, str] | None = None
    missed: set[JournalID] = set()
    process = os.getpid()
    while not dates.is_empty:
        reader = _Reader(ctx, dates, memory_budget, stage, place)
        try:
            for fetch in reader.fetches():
                batch = fetch.batch()
                place = max(place or fetch.window.last, fetch.window.last)
                if len(batch):
                    yield batch, reader.look_ahead
                reader.look_ahead()
        except _VanishedError as error:
            if error.journal_id in missed:
                remedy = "`repair` mends it where it can, `check` says what else to do"
                msg = f"journal {error.journal_id}: {error.what} is missing; {remedy}"
                raise FlashFloodCorruptionError(msg) from None
            missed.add(error.journal_id)
        else:
            return
        finally:
            if process == os.getpid():  # a forked child has nothing under way, and the futures' locks may be held
                reader.stop()


class _VanishedError(Exception):
    """Something listed is gone: its journal was combined and collected meanwhile, or the store is broken."""

    def __init__(self, journal_id: JournalID, what: str) -> None:
        super().__init__(what)
        self.journal_id = journal_id
        self.what = what


class _Fetch(Generic[B]):
    """A window whose bytes are on their way."""

    def __init__(self, window: Window, sources: list[JournalID], stage: Stage[B]) -> None:
        """Request nothing yet. `sources`: the journals by the numbers that the window's requests name."""
        self.window = window
        self._requests = [(sources[source], start, stop) for source, start, stop in window.requests]
        self._bodies: list[Found | None] = [None] * len(self._requests)
        self._stage: Stage[B] = stage
        self._lock = threading.Lock()
        self._to_come = len(self._requests)
        self._batch: B | None = None
        self.answers: list[Future[None]] = []
        self.cost = window.fetched + BYTES_PER_REQUEST * len(self._requests) + BYTES_PER_ROW * len(window)
        """The memory that it takes, in bytes."""

    def start(self, ctx: Context) -> None:
        """Start its requests."""
        self.answers = [ctx.requests.start(self._bring, ctx, place) for place in range(len(self._requests))]

    def batch(self) -> B:
        """Wait for the bytes, and give what the stage makes of the events."""
        for answer in self.answers:
            answer.result()
        return self._finished() if self._batch is None else self._batch

    def _bring(self, ctx: Context, place: int) -> None:
        found, start, stop = self._requests[place]
        self._bodies[place] = ctx.store.get(layout.blob_key(found), start, stop)
        with self._lock:
            self._to_come -= 1
            is_last = self._to_come == 0
        if is_last:
            self._batch = self._finished()

    def _finished(self) -> B:
        bodies = [found.body for found in self._bodies if found is not None]
        if len(bodies) < len(self._bodies):
            raise _VanishedError(self._requests[self._bodies.index(None)][0], "its blob")
        self._bodies.clear()
        return self._stage(self.window.batch(bodies))


class _Reader(Generic[B]):
    """The state of one pass: what is listed, opened, planned and under way."""

    def __init__(
        self,
        ctx: Context,
        dates: DateRange,
        memory_budget: int,
        stage: Stage[B],
        place: tuple[str, str] | None,
    ) -> None:
        """Set out from a place in the order of events; None: from the start."""
        self._ctx = ctx
        self._budget = memory_budget
        self._stage: Stage[B] = stage
        self._limit = min(FIRST_WINDOW, memory_budget // 8)
        self._is_looking_ahead = place is not None
        self._listing = Listing(ctx, dates)
        self._page: Future[Met] | None = None
        self._reached: str | None = EARLIEST
        self._listed: deque[Entry] = deque()
        self._opening: list[tuple[Entry, Future[Manifest | None]]] = []
        """In key order."""
        self._dead: deque[JournalID] = deque()
        """Those met whose turn has not come: what they were combined into is to be open by then."""
        self._blocked_at: str | None = None
        """The timestamp from which on events may be missing: a dead journal begins there that no open one replaces."""
        self._behind: Future[list[Entry]] | None = None
        self._looked_behind_at = 0
        """How many pages had been listed then."""
        self._merge = Merge(dates.start, dates.end, place)
        self._sources: list[JournalID] = []
        self._under_way: deque[_Fetch[B]] = deque()
        self._cost = 0
        """Of all that is under way, in bytes."""
        self._ahead = min(READ_AHEAD, memory_budget // 2)
        """What it may be."""

    def fetches(self) -> Iterator[_Fetch[B]]:
        """Yield the windows in order, each under way."""
        while self._see_to_one():
            self._wait_for(self._under_way[0].answers, self._start_more)
            fetch = self._under_way.popleft()
            self._cost -= fetch.cost
            yield fetch

    def look_ahead(self) -> None:
        """From now on, keep the next windows under way while events are consumed. Waits for nothing."""
        self._is_looking_ahead = True
        self._fetch_manifests()
        self._start_ahead(self._ready_window)

    def stop(self) -> None:
        """Send nothing more."""
        for fetch in self._under_way:
            for answer in fetch.answers:
                answer.cancel()
        for _, opening in self._opening:
            opening.cancel()
        if self._page is not None:
            self._page.cancel()
        if self._behind is not None:
            self._behind.cancel()

    def _wait_for(self, answers: Iterable[Future[Any]], start_more: Callable[[], None]) -> None:
        """Wait for answers for a while; where the process has little to do meanwhile, let more be under way.

        Latency is what it waits for then. Where it is busy, more would only take memory.
        """
        while self._is_looking_ahead and self._ahead < self._budget // 2:
            begun, busy = time.monotonic(), time.process_time()
            if not wait(answers, PAUSE).not_done:
                return
            if time.process_time() - busy > BUSY * (time.monotonic() - begun):
                return
            self._ahead = min(FURTHER * self._ahead, self._budget // 2)
            start_more()

    def _see_to_one(self) -> bool:
        """See that a window is under way, waiting for what it takes to plan it. False: there are no more events."""
        if not self._under_way:
            window = self._next_window(waits=True)
            if window is not None:
                self._start(window)
        if self._is_looking_ahead:
            self._start_more()
        return bool(self._under_way)

    def _start_more(self) -> None:
        """Start further windows, opening journals for them; wait only if none is under way."""
        self._start_ahead(lambda: self._next_window(waits=not self._under_way))

    def _start_ahead(self, plan: Callable[[], Window | None]) -> None:
        """Start further windows, as long as there are some and there may be more."""
        most = REQUESTS_PER_WORKER * self._ctx.requests.workers
        while (
            self._cost + self._limit <= self._ahead
            and sum(len(fetch.answers) for fetch in self._under_way) < most
            and (window := plan()) is not None
        ):
            self._start(window)

    def _start(self, window: Window) -> None:
        """Start a window's requests."""
        fetch = _Fetch(window, self._sources, self._stage)
        fetch.start(self._ctx)
        self._under_way.append(fetch)
        self._cost += fetch.cost
        self._limit = min(GROWTH * self._limit, LARGEST_WINDOW, self._ahead // WINDOWS_AHEAD)

    def _ready_window(self) -> Window | None:
        """Plan the next events, as far as no unopened journal can precede them. None: there are none yet."""
        return self._merge.window(self._frontier(), self._limit)

    def _next_window(self, *, waits: bool) -> Window | None:
        """Plan the next events, opening journals until there are some.

        None: there are no more, or (unless it `waits`) none yet.
        """
        while True:
            if self._is_looking_ahead:
                self._fetch_manifests()
            window = self._ready_window()
            if window is not None:
                return window
            self._fetch_manifests()
            if self._blocked_at is not None:
                if not self._look_behind(waits=waits):
                    return None
            elif self._opening:
                if waits:
                    self._wait_for([self._opening[0][1]], self._fetch_manifests)
                elif not self._opening[0][1].done():
                    return None
                self._open()
            elif self._page is not None and (waits or self._page.done()):
                self._take_page(self._page)
            else:
                return None

    def _frontier(self) -> str | None:
        """Give the timestamp from which on journals that are not open may have events. None: all are open."""
        if self._blocked_at is None:
            self._resolve(self._next_start())
        return self._blocked_at or self._next_start()

    def _next_start(self) -> str | None:
        """Give the timestamp at which the next journal to be opened begins, at the earliest. None: there is none."""
        nearest = [entry for entry, _ in self._opening[:1]] + list(islice(self._listed, 1))
        return min((journal_id(entry).start for entry in nearest), default=self._reached)

    def _resolve(self, before: str | None) -> None:
        """Let the dead journals go that begin before a timestamp: open ones replace them, or all is blocked there."""
        due = []
        while self._dead and (before is None or self._dead[0].start < before):
            due.append(self._dead.popleft())
        if self._blocked_at is None:
            replaced = self._merge.replaces(due) if due else ()
            self._blocked_at = next((dead.start for dead, is_so in zip(due, replaced, strict=True) if not is_so), None)

    def _look_behind(self, *, waits: bool) -> bool:
        """Take what was made among the keys passed; what blocked is resolved then. False: it has not come yet.

        Before that, as many pages again are listed as at the last time: so all looks behind together cost no more than
        two passes.
        """
        if self._page is None and self._behind is None:
            is_early = self._listing.pages < 2 * self._looked_behind_at and self._reached is not None
            if is_early:
                self._page = self._ctx.requests.start(self._listing.next_page)
            else:
                self._behind = self._ctx.requests.start(self._listing.look_behind)
        if self._page is not None:
            if waits or self._page.done():
                self._take_page(self._page)
                return True
        elif self._behind is not None and (waits or self._behind.done()):
            self._listed = deque(sorted([*self._listed, *self._behind.result()]))
            self._behind, self._blocked_at = None, None
            self._dead.clear()
            self._looked_behind_at = self._listing.pages
            return True
        return False

    def _take_page(self, page: Future[Met]) -> None:
        met = page.result()
        self._listed.extend(met.living)
        self._dead.extend(map(journal_id, met.dead))
        self._page = None
        self._reached = None if self._listing.is_over else self._listing.reached

    def _fetch_manifests(self) -> None:
        """Start to fetch the next manifest, or ahead, as many as there may be; or the next page."""
        under_way = sum(entry.size for entry, _ in self._opening)
        while self._listed and (not self._opening or self._may_fetch(under_way + self._listed[0].size)):
            entry = self._listed.popleft()
            under_way += entry.size
            opening = entry, self._ctx.requests.start(self._ctx.manifest, journal_id(entry))
            insort(self._opening, opening, key=lambda one: one[0].key)
        is_wanted = (self._is_looking_ahead or not self._opening) and self._behind is None
        if is_wanted and self._reached is not None and not self._listed and self._page is None:
            self._page = self._ctx.requests.start(self._listing.next_page)

    def _may_fetch(self, size: int) -> bool:
        """Whether so many bytes of manifests may be under way."""
        limit = REQUESTS_PER_WORKER * self._ctx.requests.workers
        return self._is_looking_ahead and len(self._opening) < limit and size <= self._ahead // 2

    def _open(self) -> None:
        """Merge the next journal's rows in, and those of further ones whose manifests have come, within the budget."""
        self._take_in(*self._opening.pop(0))
        while self._opening and self._opening[0][1].done() and self._merge.pending * BYTES_PER_ROW < self._budget // 4:
            self._take_in(*self._opening.pop(0))

    def _take_in(self, entry: Entry, answer: Future[Manifest | None]) -> None:
        found = journal_id(entry)
        manifest = answer.result()
        logger.info("replaying from journal %s", found)
        if manifest is None:
            raise _VanishedError(found, "its manifest")
        self._resolve(found.start)
        self._sources.append(found)
        questions = self._merge.add(manifest)
        answers = self._ctx.requests.each(lambda question: lookup(self._ctx, question[1]).entry, questions)
        for (timestamp, event_id), named in zip(questions, answers, strict=True):
            self._merge.decide(timestamp, event_id, None if named is None else named.target)
