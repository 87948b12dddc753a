"""How far a long call has come, as whoever gave it a `progress=` is told.

A call counts what it does, by units, from whatever thread does it. Its own thread tells, now and then: between two
requests, and while it waits for others' requests.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

A = TypeVar("A")
T = TypeVar("T")

EVERY = 0.1
"""Seconds between two tellings at least."""

Unit: TypeAlias = Literal["events", "bytes", "journals", "updates", "objects", "entries", "keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a call has come. docs/watching.md has the steps of each call."""

    call: str
    """The call: `journal`, `put_many`, …"""
    step: str
    """What it is at: `reading`, `indexing`, … A call has one step after the other, and may come back to one."""
    done: int
    """How much of this step is done, in units."""
    total: int | None
    """How many units the step has, as far as is known. None: that would take requests to know."""
    unit: str
    """What is counted: events, bytes, journals, updates, objects, entries (of the index), or keys (that are listed)."""
    events: int
    """How many events the whole call is done with so far: stored, left out, rewritten, looked at."""
    bytes: int
    """How many bytes of data it has stored, brought into new journals, or copied so far."""
    seconds: float
    """How long it has taken so far."""


OnProgress: TypeAlias = Callable[[Progress], object]


class Meter:
    """What one call has done so far. Without an `on_progress` it is nothing, and calls may share it."""

    def __init__(self, call: str, on_progress: OnProgress | None) -> None:
        """Begin, on the thread that is to tell."""
        self._call = call
        self._on_progress = on_progress
        self._thread = threading.get_ident()
        self._begun = time.monotonic()
        self._told = float("-inf")
        self._failure: BaseException | None = None
        self._counts: Counter[Unit] = Counter()
        self._lock = threading.Lock()
        self._step: tuple[str, Unit, int | None] = "beginning", "events", None
        self._done_before = 0
        """How many of the step's units were counted before it."""
        self._is_in_step = False

    @contextmanager
    def step(self, name: str, unit: Unit, total: int | None = None) -> Iterator[None]:
        """Show this step, which counts such units, until the block ends; within another step, that one is shown on.

        Nor is one shown that has nothing to do.
        """
        if self._on_progress is None or self._is_in_step or total == 0:
            yield
            return
        self._step, self._done_before, self._is_in_step = (name, unit, total), self._counts[unit], True
        self.tell()
        try:
            yield
            self._step = name, unit, self._done  # all that there was
        finally:
            self._is_in_step = False

    def add(self, unit: Unit, count: int = 1) -> None:
        """Count what was done, on whatever thread."""
        if self._on_progress is not None:
            with self._lock:
                self._counts[unit] += count

    def counting(self, unit: Unit, call: Callable[[A], T]) -> Callable[[A], T]:
        """Give a function that counts one for each call that returns."""

        def counted(item: A) -> T:
            result = call(item)
            self.add(unit)
            return result

        return call if self._on_progress is None else counted

    def tell(self) -> None:
        """Tell, where this is the call's thread, and it was not told a moment ago. Raises what `tell_now` does."""
        if self._on_progress is None or threading.get_ident() != self._thread:
            return
        if self._failure is not None or time.monotonic() - self._told >= EVERY:
            self.tell_now()

    def tell_now(self) -> None:
        """Tell.

        Raises what the callback raises, and from then on that again: a call that took it for an error of its own, and
        went on, ends all the same.
        """
        if self._on_progress is None:
            return
        if self._failure is not None:
            raise self._failure
        name, unit, total = self._step
        done = self._done
        now = self._told = time.monotonic()
        progress = Progress(
            call=self._call,
            step=name,
            done=done,
            total=None if total is None else max(done, total),
            unit=unit,
            events=self._counts["events"],
            bytes=self._counts["bytes"],
            seconds=now - self._begun,
        )
        try:
            self._on_progress(progress)
        except BaseException as error:
            self._failure = error
            raise

    def is_ended_by(self, error: BaseException) -> bool:
        """Whether an error is the callback's."""
        return error is self._failure

    @property
    def _done(self) -> int:
        return self._counts[self._step[1]] - self._done_before


SILENT = Meter("", None)
"""Of calls that nobody wants to be told of."""
