"""`put` from many threads: a few go by themselves at a time, the others together where that saves requests.

It does for ids that are made here: three requests each, or one in a batch. Of the five for a given id a batch saves
one, and takes longer (DECISIONS.md).
"""

import os
from concurrent.futures import Future
from datetime import datetime
from threading import Semaphore

from flashflood.context import Context
from flashflood.data import Data
from flashflood.events import Event
from flashflood.write.gathering import Gathering
from flashflood.write.given import Given
from flashflood.write.put import put
from flashflood.write.put_many import SMALLEST_JOURNAL

ALONE = 8
"""Puts that go by themselves at a time."""


class Puts:
    """The puts of one `FlashFlood`. A put that no other one is beside makes its requests on its own thread."""

    def __init__(self, ctx: Context) -> None:
        """Begin; no thread is started."""
        self._ctx = ctx
        self._here: dict[int, _Here] = {}
        """By process id: threads and locks do not survive a fork."""

    def put(self, data: Data, event_id: str | None, date: datetime | None) -> Event:
        """Store a new event and give it back. `FlashFloodEventExistsError` if the id is taken."""
        given = Given.of(self._ctx, data, event_id, date)
        if not (given.is_new_id or self._ctx.store.is_near):
            return put(self._ctx, given)
        here = self._here.get(os.getpid()) or self._here.setdefault(os.getpid(), _Here(self._ctx))
        if here.alone.acquire(blocking=False):
            try:
                return put(self._ctx, given)
            finally:
                here.alone.release()
        return _gathered(here.gathering, given)

    def finish(self) -> None:
        """Wait until those are stored that wait for one another."""
        here = self._here.get(os.getpid())
        if here is not None:
            here.gathering.finish()


def _gathered(gathering: Gathering, given: Given) -> Event:
    """Let an event go with others, and wait for it. Interrupted, an event that has not gone yet does not go."""
    future: Future[Event] = Future()
    try:
        gathering.add(given, future)
        return future.result()
    except BaseException:
        future.cancel()
        raise


class _Here:
    """What puts of one process share. Batches are so small that `journal` takes them up, as it does single events."""

    def __init__(self, ctx: Context) -> None:
        self.alone = Semaphore(ALONE)
        self.gathering = Gathering(ctx, 0, SMALLEST_JOURNAL - 1)
