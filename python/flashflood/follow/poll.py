"""A poll: one look, and what it has to hand over, late events first (FOLLOW.md, steps 5 and 6)."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

from flashflood._core import Batch
from flashflood.context import Context
from flashflood.cursors import Cursor, Place
from flashflood.dates import DateRange
from flashflood.events import Event
from flashflood.follow.counting import Reader
from flashflood.follow.late import late_journals, place_of
from flashflood.follow.look import Listed, Look
from flashflood.follow.rows import CountingRows
from flashflood.replay.read_ahead import ReadAhead
from flashflood.replay.replay import MEMORY_BUDGET
from flashflood.replay.rows import Scan
from flashflood.replay.windows import Fetch, Stage, Windows

LONGEST = 3600.0
"""Seconds after which a poll gives way to the next one: what it has listed may be collected after the grace time."""


class Step(NamedTuple):
    """What a follower comes to."""

    cursor: Callable[[], Cursor]
    """Gives the cursor after it."""
    event: Event | None = None
    """The event that it hands over, if any."""
    is_late: bool = False


class Poll:
    """What one look has to hand over."""

    def __init__(self, ctx: Context, look: Look, reader: Reader, stage: Stage[Batch]) -> None:
        """Hand nothing over yet."""
        self._ctx = ctx
        self._look = look
        self._reader = reader
        self._stage = stage
        self._until = time.monotonic() + LONGEST

    @property
    def is_over(self) -> bool:
        """Whether it has lasted so long that another look is to go on."""
        return time.monotonic() > self._until

    def steps(self) -> Iterator[Step]:
        """Yield step by step, the last one with the cursor of the whole look, unless it was over before.

        `VanishedError`: something listed is gone. What has been yielded holds.
        """
        counting = self._reader.counting(self._look)
        for part in (self._late(), self._in_order(counting)):
            yield from part
            if self.is_over:
                return

    def _late(self) -> Iterator[Step]:
        cursor = self._look.cursor
        with closing(late_journals(self._ctx, self._look, self._reader, self._stage)) as journals:
            for journal in journals:
                if journal.is_empty:
                    continue
                for event in journal.events():
                    yield Step(partial(journal.after, cursor, event), event, is_late=True)
                cursor = journal.whole(cursor)
                yield Step(partial(_same, cursor))
                if self.is_over:
                    return

    def _in_order(self, counting: list[Listed]) -> Iterator[Step]:
        """Hand over the events after the place, up to the bound."""
        place = self._look.cursor.place
        for fetch in self._fetches(counting):
            for event in fetch.batch().events():
                yield Step(partial(self._beyond, place, event), event)
            place = max(place, fetch.window.last)
            yield Step(partial(self._look.beyond, place))
            if self.is_over:
                return
        yield Step(partial(self._look.beyond, place))

    def _fetches(self, counting: list[Listed]) -> Iterator[Fetch[Batch]]:
        """Yield the windows of the events after the place, up to the bound, each under way."""
        timestamp, bound = self._look.cursor.place[0], self._look.bound
        if timestamp > bound:
            return
        scan, ahead = Scan(DateRange(None, bound).since(timestamp), MEMORY_BUDGET), ReadAhead(MEMORY_BUDGET, is_on=True)
        rows = CountingRows(self._ctx, scan, ahead, self._look.cursor.place, counting)
        windows = Windows(self._ctx, rows, MEMORY_BUDGET, ahead, self._stage)
        process = os.getpid()
        try:
            for fetch in windows.fetches():
                yield fetch
                windows.look_ahead()
        finally:
            if process == os.getpid():  # a forked child has nothing under way, and the futures' locks may be held
                windows.stop()

    def _beyond(self, place: Place, event: Event) -> Cursor:
        """Give the cursor after an event in order, which 0.4.3 may have given a range that it is not in."""
        return self._look.beyond(max(place, place_of(event)))


def _same(cursor: Cursor) -> Cursor:
    return cursor
