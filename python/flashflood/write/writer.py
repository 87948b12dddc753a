"""A writer: many events from many threads, stored together by threads of its own."""

import os
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import datetime, timedelta
from threading import Lock
from types import TracebackType
from typing import NoReturn, Self
from weakref import WeakValueDictionary

from flashflood.context import Context
from flashflood.data import Data
from flashflood.dates import checked_length
from flashflood.events import Event
from flashflood.exceptions import FlashFloodException
from flashflood.pickling import no_pickle
from flashflood.write import put_many
from flashflood.write.gathering import Gathering
from flashflood.write.given import Given

LINGER = timedelta(milliseconds=5)
"""How long an event waits at most for others to go with it."""
MOST_KEPT = 1_000
"""Failures that nobody has asked for, which a writer keeps."""


class _Promised(Future[Event]):
    """The future of an event. It knows whether somebody has asked what became of it."""

    def __init__(self, event_id: str) -> None:
        """Promise the event of this id."""
        super().__init__()
        self.event_id = event_id
        self.is_asked = False
        self._process = os.getpid()

    def result(self, timeout: float | None = None) -> Event:
        """Wait for the event, and give it; or raise why it is not stored."""
        error = self.exception(timeout)
        if error is not None:
            raise error
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the event; give why it is not stored, or None."""
        _refuse_in_a_child(self._process, "ask in that process")
        error = super().exception(timeout)
        self.is_asked = True
        return error

    @property
    def failure(self) -> BaseException | None:
        """Why the event is not stored, looked at after the end without asking."""
        return None if self.cancelled() else super().exception()


class Writer:
    """Stores events from any number of threads; those that wait at one time go together.

    It is made for a `with`. Leaving that, by an exception too, stores all that was put. A failure that nobody has asked
    its future for (`result`, `exception`) is raised then; an exception that leaves the `with` gets a note of it.
    Beside puts of one thread each, four batches are under way at a time, of at most 5,000 events or about 16 MB each.
    """

    def __init__(self, ctx: Context, linger: timedelta) -> None:
        """Begin; `FlashFlood.writer` makes it."""
        if checked_length("linger", linger) < timedelta(0):
            msg = f"linger={linger}; give 0 or more"
            raise ValueError(msg)
        self._ctx = ctx
        self._process = os.getpid()
        self._gathering = Gathering(ctx, linger.total_seconds(), put_many.LARGEST_BATCH)
        self._lock = Lock()
        self._failed: list[_Promised] = []

    def put(self, data: Data, event_id: str | None = None, date: datetime | None = None) -> Future[Event]:
        """Take an event to be stored, with the arguments of `FlashFlood.put`; what is wrong with them is raised here.

        The future gives the event once no crash and no other process loses it, or why it is not stored. Until its batch
        goes it can be cancelled. Where two full batches wait already, this waits.
        """
        _refuse_in_a_child(self._process, "open one in this process")
        given = Given.of(self._ctx, data, event_id, date)
        future = _Promised(given.event_id)
        future.add_done_callback(self._note)
        self._gathering.add(given, future)
        return future

    def close(self) -> None:
        """Store all that was put, and take no more. Raises the first failure that nobody has asked its future for.

        In a forked child it does nothing: what was put is stored by the parent.
        """
        failed = self._finish()
        if failed:
            error = failed[0].failure
            assert error is not None  # noqa: S101  it has failed
            error.add_note(_said(failed))
            raise error

    def _refuse_in_a_callback(self) -> None:
        """`FlashFloodException` where `close` would wait for itself."""
        if os.getpid() == self._process:
            self._gathering.refuse_in_a_callback()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, and leave an exception that is on its way as it is."""
        if error is None:
            self.close()
            return
        failed = self._finish()
        if failed:
            error.add_note(f"{_said(failed)}: {failed[0].failure!r}")

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood, and open a writer where it is used")

    def _finish(self) -> list[_Promised]:
        """Store all; give the futures of what has failed and that nobody has asked, and count them as asked."""
        if os.getpid() != self._process:
            return []
        self._gathering.finish()
        with self._lock:
            failed = [future for future in self._failed if not future.is_asked]
            self._failed.clear()
        return failed

    def _note(self, future: Future[Event]) -> None:
        """Keep the future of what has failed until somebody has asked it."""
        if isinstance(future, _Promised) and future.failure is not None:
            with self._lock:
                unasked = [each for each in self._failed if not each.is_asked]
                self._failed = [*unasked, future][:MOST_KEPT]


class Writers:
    """The writers of one `FlashFlood`."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: WeakValueDictionary[int, Writer] = WeakValueDictionary()

    def open(self, ctx: Context, linger: timedelta) -> Writer:
        """Open one."""
        writer = Writer(ctx, linger)
        self._open[id(writer)] = writer
        return writer

    def close(self) -> None:
        """Close those that somebody holds, or that have something to store. Raises what `Writer.close` raises."""
        with ExitStack() as stack:
            for writer in self._held():
                stack.callback(writer.close)

    def refuse_in_a_callback(self) -> None:
        """`FlashFloodException` where `close` would wait for itself."""
        for writer in self._held():
            writer._refuse_in_a_callback()  # noqa: SLF001  one of these

    def _held(self) -> list[Writer]:
        return [writer for found in self._open.valuerefs() if (writer := found()) is not None]


def _refuse_in_a_child(process: int, remedy: str) -> None:
    if os.getpid() != process:
        msg = f"this writer stores events in process {process}, of which this one is a fork; {remedy}"
        raise FlashFloodException(msg)


def _said(failed: list[_Promised]) -> str:
    """Say how many events were not stored, and name some."""
    named = ", ".join(repr(future.event_id) for future in failed[:3])
    more = ", …" if len(failed) > 3 else ""  # noqa: PLR2004  as many as are named
    at_least = "at least " if len(failed) == MOST_KEPT else ""
    return f"not stored, and nobody asked their futures: {at_least}{len(failed)} events of this writer ({named}{more})"
