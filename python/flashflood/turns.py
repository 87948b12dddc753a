"""Iterators that several threads may share, and that notice a fork.

Each item goes to one thread. After a failure, every thread that asks again gets an error: none takes its last item for
the end of all. Threads and connections do not survive a fork. So a forked child that asks an iterator which its parent
has begun gets an error at once, which says so.
"""

import os
from collections.abc import Callable, Generator, Iterator
from functools import partial
from threading import RLock
from typing import TypeVar

from flashflood import telemetry
from flashflood._core import Chain, Run, note_fork
from flashflood.events import Event
from flashflood.exceptions import FlashFloodException

T = TypeVar("T")

if hasattr(os, "register_at_fork"):  # Windows forks nothing
    os.register_at_fork(after_in_child=note_fork)


class SharedIterator(Iterator[T]):
    """The items of a generator, for one thread at a time."""

    def __init__(self, items: Generator[T, None, None], what: str, span: telemetry.Span | None = None) -> None:
        """Take no item yet. `what`: the call, as messages name it; `span`: what measures it."""
        self._items = items
        self._span = span
        self._what = what
        self._lock = RLock()
        self._process: int | None = None
        """The id of the process that asked for the first item."""
        self._is_taking = False
        self._failure: Exception | None = None

    def __next__(self) -> T:
        """Give the next item. FlashFloodException: there can be no more here; the message says what to do."""
        return self._turn(self._items.__next__)

    def _turn(self, take: Callable[[], T]) -> T:
        """Take while no other thread does. An error may have lost an item, so it ends the iterator for all threads."""
        self._check_process()
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._is_taking:
                msg = f"{self._what} was asked for an item while this thread was making one: ask once it has come"
                raise FlashFloodException(msg)
            try:
                self._is_taking = True
                if self._span is None:
                    return take()
                with self._span:
                    return take()
            except StopIteration:
                raise
            except Exception as error:
                self._failure = error
                raise
            except BaseException as error:
                msg = f"{self._what} was interrupted by {error!r} and cannot go on: call it again"
                self._failure = FlashFloodException(msg)
                raise
            finally:
                self._is_taking = False

    def close(self) -> None:
        """End it: no more requests, no more items. In a forked child there is nothing to end."""
        if self._process in (None, os.getpid()):
            with self._lock:
                self._items.close()
                if self._span is not None:
                    self._span.end()

    def _check_process(self) -> None:
        process = os.getpid()
        if self._process is None:
            self._process = process
        if self._process != process:
            msg = (
                f"{self._what} was begun in process {self._process}, from which this process {process} was forked: "
                f"call it again in this one"
            )
            raise FlashFloodException(msg)


class _Runs(SharedIterator[T]):
    """Items in runs."""

    _run: T | None = None

    def after(self, seen: T | None) -> T:
        """Give the run that follows `seen`, which is over. Another thread may have asked for it already."""
        return self._turn(partial(self._run_after, seen))

    def _run_after(self, seen: T | None) -> T:
        if self._run is None or self._run is seen:
            self._run = next(self._items)
        return self._run

    def close(self) -> None:
        """End it with the run that is under way."""
        super().close()
        self._run = None


class SharedLists(Iterator[T]):
    """The items of lists, for any number of threads. Only a list takes a turn: its iterator gives each item once."""

    def __init__(self, lists: Generator[list[T], None, None], what: str, span: telemetry.Span | None = None) -> None:
        """Take no list yet. `what`: the call, as messages name it; `span`: what measures it."""
        self._runs = _Runs((iter(items) for items in lists), what, span)
        self._run: Iterator[T] | None = None
        self._process: int | None = None
        """The id of the process that asked for the run."""

    def __next__(self) -> T:
        """Give the next item. FlashFloodException: there can be no more here; the message says what to do."""
        while True:
            run = self._run
            if run is not None and self._process == os.getpid():
                for item in run:  # Ctrl-C comes before the item is taken, or after it is given: none is lost
                    return item
            self._run = self._runs.after(run)
            self._process = os.getpid()


class Events(Iterator[Event]):
    """Events one by one, for any number of threads. A `for` loop over it runs no line of Python between two events."""

    def __init__(self, runs: Generator[Run, None, None], what: str, span: telemetry.Span | None = None) -> None:
        """Take no event yet; arguments as for `SharedIterator`."""
        self._runs: _Runs[Run] = _Runs(runs, what, span)
        self._events = Chain(self._runs)

    def __iter__(self) -> Iterator[Event]:  # noqa: PYI034  not itself, whose __next__ is a line of Python for each event
        """Give the events that have not gone out yet."""
        return self._events

    def __next__(self) -> Event:
        """Give the next event. The look ahead starts when a second one is asked for."""
        return next(self._events)

    def close(self) -> None:
        """End it: no more requests, no more events."""
        self._runs.close()
        self._events = Chain(self._runs)
