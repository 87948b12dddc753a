"""Puts that wait are put together into batches, of which several are under way at one time."""

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from flashflood import telemetry
from flashflood.context import Context
from flashflood.events import Event
from flashflood.exceptions import FlashFloodException
from flashflood.write import put_many
from flashflood.write.given import Given
from flashflood.write.together import put_together

BATCHES_AT_A_TIME = 4
"""Batches under way at most; in a near store, whose writers wait for one another, it is one."""
BATCHES_WAITING = 2
"""How many full batches may wait besides; then `add` waits."""


class Waiting(NamedTuple):
    """An event that is to be stored, whom to tell, and since when it waits."""

    given: Given
    future: Future[Event]
    since: float


class Gathering:
    """Gathers events from any thread, until a batch is full or its first event has waited for `linger` seconds.

    Its threads are started when first needed. Where none can be started, as when the interpreter ends, the caller's
    thread does their work.
    """

    def __init__(self, ctx: Context, linger: float, most: int) -> None:
        """Put at most `most` events into a batch."""
        self._ctx = ctx
        self._linger = linger
        self._most = most
        self._changed = threading.Condition()
        self._waiting: deque[Waiting] = deque()
        self._size = 0
        self._under_way: set[str] = set()
        """The ids whose events are in batches under way."""
        self._is_asked = False
        """Whether a thread has been asked to take the next batch, and has not taken it yet."""
        self._is_finished = False
        self._threads = ThreadPoolExecutor(1 if ctx.store.is_near else BATCHES_AT_A_TIME, "flashflood-put")
        self._here = threading.local()

    def add(self, given: Given, future: Future[Event]) -> None:
        """Let an event wait for its batch. Where too many wait already, this waits too.

        `FlashFloodException` once it is finished. A callback of a future may add more until the last one is told.
        """
        with self._changed:
            if not self.is_telling:
                self._changed.wait_for(self._has_room)
            if self._is_finished and not self.is_telling:
                msg = f"event {given.event_id!r} was put into a writer that is closed; open another one"
                raise FlashFloodException(msg, event_id=given.event_id)
            self._waiting.append(Waiting(given, future, time.monotonic()))
            self._size += len(given.body)
            if self._is_due():
                self._changed.notify_all()
            if self._has_taker():
                return
        self._send()

    def finish(self) -> None:
        """Take no more, send what waits without lingering, and wait until the last future is told.

        `FlashFloodException` in a callback of a future, which this would wait for.
        """
        self.refuse_in_a_callback()
        with self._changed:
            self._is_finished = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting and not self._under_way)
        self._threads.shutdown()

    def refuse_in_a_callback(self) -> None:
        """`FlashFloodException` in a callback of a future, which `finish` would wait for."""
        if self.is_telling:
            msg = (
                "a writer cannot be closed in a callback of one of its futures, which it waits for; close it elsewhere"
            )
            raise FlashFloodException(msg)

    @property
    def is_telling(self) -> bool:
        """Whether this thread is telling a future, whose callback has come here: it must not wait for itself."""
        return getattr(self._here, "is_telling", False)

    def _ask(self) -> bool:
        """Ask a thread to take the next batch. False: there is none."""
        try:
            self._threads.submit(self._send)
        except RuntimeError:  # the interpreter ends, or the system has no thread left
            return False
        self._is_asked = True
        return True

    def _send(self) -> None:
        """Take and store a batch; where no other thread can, those after it too."""
        while self._send_batch():
            pass

    def _send_batch(self) -> bool:
        """Take what waits, once it is time, and store it. Whether more waits, and no other thread can take it."""
        with self._changed:
            self._changed.wait_for(self._is_due, self._patience())
            batch = self._take()
            self._is_asked = False
            if batch:
                self._has_taker()
            self._changed.notify_all()
        self._here.is_telling = True
        try:
            _store(self._ctx, batch)
        finally:
            self._here.is_telling = False
            with self._changed:
                self._under_way.difference_update(waiting.given.event_id for waiting in batch)
                goes_on = bool(batch) and not self._has_taker()
                self._changed.notify_all()
        return goes_on

    def _take(self) -> list[Waiting]:
        """Take a batch, without what has been cancelled. An id that is under way has to wait until that is told."""
        batch: list[Waiting] = []
        later: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < self._most and size < put_many.LARGEST_BLOB:
            taken = self._waiting.popleft()
            if taken.given.event_id in self._under_way:
                later.append(taken)
                continue
            self._size -= len(taken.given.body)
            if taken.future.set_running_or_notify_cancel():
                batch.append(taken)
                size += len(taken.given.body)
                self._under_way.add(taken.given.event_id)
        self._waiting.extendleft(reversed(later))
        return batch

    def _has_taker(self) -> bool:
        """Whether nothing waits, or a thread will take it."""
        return not self._waiting or self._is_asked or self._ask()

    def _patience(self) -> float:
        """How many seconds a batch may still wait."""
        return max(0.0, self._waiting[0].since + self._linger - time.monotonic()) if self._waiting else 0.0

    def _is_due(self) -> bool:
        return self._is_finished or len(self._waiting) >= self._most or self._size >= put_many.LARGEST_BLOB

    def _has_room(self) -> bool:
        return self._is_finished or (
            len(self._waiting) < BATCHES_WAITING * self._most and self._size < BATCHES_WAITING * put_many.LARGEST_BLOB
        )


def _store(ctx: Context, batch: list[Waiting]) -> None:
    """Store a batch, and tell each future what became of its event, once that will stay."""
    try:
        with telemetry.call("put", ctx.store.name):
            outcomes = put_together(ctx, [waiting.given for waiting in batch])
            ctx.store.flush()
    except BaseException as error:
        for waiting in batch:
            waiting.future.set_exception(error)
        if not isinstance(error, Exception):
            raise
        return
    for waiting, outcome in zip(batch, outcomes, strict=True):
        if outcome is None:
            waiting.future.set_result(waiting.given.event)
        else:
            waiting.future.set_exception(outcome)
