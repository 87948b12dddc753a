"""Windows go out: their bytes are fetched ahead, and the thread that brings the last ones makes a batch of them."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sized
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from flashflood._core import Batch, Window
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.replay.damage import Lost, Skipping
from flashflood.replay.read_ahead import ReadAhead
from flashflood.replay.rows import BYTES_PER_ROW, REQUESTS_PER_WORKER, MergedRows, VanishedError
from flashflood.replay.salvage import salvaged
from flashflood.replay.stretches import Part, Stretch, Stretches

if TYPE_CHECKING:
    from concurrent.futures import Future

WINDOWS_AHEAD = 4
"""How many windows are under way, once they have grown."""
FIRST_WINDOW = 256_000
LARGEST_WINDOW = 12_000_000
GROWTH = 8
"""Bytes planned at a time: few at first, so that the first event comes soon; then eight times as many each time."""
BYTES_PER_REQUEST = 4_096
"""What a request under way takes beside its data, about."""

B = TypeVar("B", bound=Sized)

Stage: TypeAlias = Callable[[Batch], B]
"""What is made of a batch on the thread that brings its last bytes: filtering, projecting, laying out for Arrow."""


class Fetch(Generic[B]):
    """A window whose bytes are on their way."""

    def __init__(self, ctx: Context, window: Window, parts: list[Part], stage: Stage[B], skipping: Skipping) -> None:
        """Request nothing yet. `parts`: what the window's requests ask for, in their order."""
        self.window = window
        self._ctx = ctx
        self._skipping = skipping
        self._parts = parts
        self._new = [part.stretch for part in parts if part.is_first]
        self._stage: Stage[B] = stage
        self._lock = threading.Lock()
        self._to_come = len(self._new)
        self._batch: B | None = None
        self.lost: list[Lost] = []
        """What the batch leaves out."""
        self.answers: list[Future[None]] = []
        """Of its own requests."""
        self.cost = window.fetched + BYTES_PER_REQUEST * len(self._new) + BYTES_PER_ROW * len(window)
        """The memory that it takes, in bytes."""

    def start(self) -> None:
        """Start its requests."""
        for stretch in self._new:
            stretch.answer = self._ctx.requests.work(self._bring, stretch)
            self.answers.append(stretch.answer)

    def batch(self) -> B:
        """Wait for the bytes, and give what the stage makes of the events."""
        for answer in [*self.answers, *(part.stretch.answer for part in self._parts)]:
            if answer is not None:
                answer.result()
        return self._finished() if self._batch is None else self._batch

    def _bring(self, stretch: Stretch) -> None:
        try:
            stretch.found = self._ctx.blob(stretch.journal_id, stretch.start, stretch.stop)
        except FlashFloodCorruptionError as error:
            if not self._skipping.is_on:
                raise
            stretch.failure = error
        stretch.is_there = True
        with self._lock:
            self._to_come -= 1
            is_last = self._to_come == 0
        if is_last and all(part.stretch.is_there for part in self._parts):
            self._batch = self._finished()

    def _finished(self) -> B:
        if self._skipping.is_on:
            batch, self.lost = salvaged(self._ctx, self.window, self._parts, self._skipping)
        else:
            batch = self.window.batch([self._whole(part) for part in self._parts])
        self._parts.clear()
        self._new.clear()
        return self._stage(batch)

    def _whole(self, part: Part) -> bytes:
        body = part.cut()
        if body is None:
            raise VanishedError(part.stretch.journal_id, "blob")
        return body


class Windows(Generic[B]):
    """The windows of one pass: what is under way, and what may be."""

    def __init__(self, ctx: Context, rows: MergedRows, memory_budget: int, ahead: ReadAhead, stage: Stage[B]) -> None:
        """Plan nothing yet."""
        self._ctx = ctx
        self._rows = rows
        self._ahead = ahead
        self._stage: Stage[B] = stage
        self._limit = min(FIRST_WINDOW, memory_budget // 8)
        """Bytes of the next window."""
        self._most = memory_budget // 2
        """Bytes under way and in stretches."""
        self._stretches = Stretches(rows.sources, memory_budget)
        self._under_way: deque[Fetch[B]] = deque()
        self._cost = 0
        """Of all that is under way, in bytes."""

    def fetches(self) -> Iterator[Fetch[B]]:
        """Yield the windows in order, each under way."""
        while self._has_next():
            self._ahead.wait_for(self._under_way[0].answers, self._start_more)
            fetch = self._under_way.popleft()
            self._cost -= fetch.cost
            yield fetch

    def look_ahead(self) -> None:
        """From now on, keep the next windows under way while events are consumed. Waits for nothing."""
        self._ahead.is_on = True
        self._rows.fetch_manifests()
        self._start_ahead(lambda: self._rows.ready_window(self._limit))

    def stop(self) -> None:
        """Send nothing more."""
        for fetch in self._under_way:
            for answer in fetch.answers:
                answer.cancel()
        self._rows.stop()

    def _has_next(self) -> bool:
        """Make sure that a window is under way; wait until one can be planned. False: there are no more events."""
        if not self._under_way:
            window = self._rows.next_window(self._limit, waits=True)
            if window is not None:
                self._start(window)
        if self._ahead.is_on:
            self._start_more()
        return bool(self._under_way)

    def _start_more(self) -> None:
        """Start further windows, opening journals for them; wait only if none is under way."""
        self._start_ahead(lambda: self._rows.next_window(self._limit, waits=not self._under_way))

    def _start_ahead(self, plan: Callable[[], Window | None]) -> None:
        """Start further windows, as long as there are some and there may be more."""
        most = REQUESTS_PER_WORKER * self._ctx.requests.workers
        while (
            self._cost + self._limit <= min(self._ahead.size, self._most - self._stretches.size)
            and sum(len(fetch.answers) for fetch in self._under_way) < most
            and (window := plan()) is not None
        ):
            self._start(window)

    def _start(self, window: Window) -> None:
        """Start a window's requests."""
        parts = list(self._stretches.parts(window, is_ahead=self._ahead.is_on))
        fetch = Fetch(self._ctx, window, parts, self._stage, self._rows.skipping)
        fetch.start()
        self._under_way.append(fetch)
        self._cost += fetch.cost
        self._limit = min(GROWTH * self._limit, LARGEST_WINDOW, self._ahead.size // WINDOWS_AHEAD)
