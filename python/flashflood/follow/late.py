"""What is late: the events at or before the place, of journals that have come since the watermark (FOLLOW.md)."""

from bisect import bisect_right
from collections.abc import Generator, Iterator
from functools import partial
from itertools import takewhile

from flashflood._core import Batch, Manifest, Merge, Window, format_timestamp
from flashflood.context import Context
from flashflood.cursors import Cursor, Partly, Place, name_of
from flashflood.events import Event
from flashflood.follow.counting import Read, Reader
from flashflood.follow.look import Look
from flashflood.identifiers import JournalID
from flashflood.replay.rows import VanishedError
from flashflood.replay.windows import Stage

WINDOW = 4_000_000
"""Bytes of late events that are read at a time."""


class LateJournal:
    """The late events of one journal, from its own blob."""

    def __init__(self, ctx: Context, journal_id: JournalID, cursor: Cursor, stage: Stage[Batch]) -> None:
        """Read its manifest, and its first events. `VanishedError`: it is gone."""
        self._ctx = ctx
        self._journal_id = journal_id
        self._name = name_of(journal_id)
        self._place = cursor.place
        self._stage = stage
        manifest = ctx.manifest(journal_id)
        if manifest is None:
            raise VanishedError(journal_id, "manifest")
        self._places = _late_places(manifest, cursor.place)
        partly = cursor.partly
        done = partly.rows if partly is not None and partly.name == self._name else 0
        self._merge = Merge(None, cursor.place[0], self._places[done - 1] if done else None)
        self.is_empty = len(self._places) <= done
        """Whether it has nothing that is late."""
        if not self.is_empty:
            self._merge.add(manifest)
        self._first = self._next()

    def events(self) -> Iterator[Event]:
        """Yield its late events that have not been handed over, as the stage leaves them."""
        batch = self._first
        while batch is not None:
            yield from takewhile(lambda event: place_of(event) <= self._place, batch.events())
            batch = self._next()

    def after(self, cursor: Cursor, event: Event) -> Cursor:
        """Give the cursor of one who has handed this event of it over too."""
        rows = bisect_right(self._places, place_of(event))
        return self.whole(cursor) if rows == len(self._places) else cursor._replace(partly=Partly(self._name, rows))

    def whole(self, cursor: Cursor) -> Cursor:
        """Give the cursor of one who has handed over all of it."""
        return cursor._replace(seen=tuple(sorted({*cursor.seen, self._name})), partly=None)

    def _next(self) -> Batch | None:
        window = self._merge.window(None, WINDOW)
        return None if window is None else self._stage(window.batch(self._bodies(window)))

    def _bodies(self, window: Window) -> list[bytes]:
        found = [self._ctx.blob(self._journal_id, start, stop) for _, start, stop in window.requests]
        if None in found:
            raise VanishedError(self._journal_id, "blob")
        return [one.body for one in found if one is not None]


def _late_places(manifest: Manifest, place: Place) -> list[Place]:
    """Give the places of an arrival's rows, in order, up to the cursor's."""
    if not Read.of(manifest).is_arrival:
        return []
    places = ((row.timestamp, row.event_id) for row in manifest.rows())
    return list(takewhile(lambda one: one <= place, places))


def place_of(event: Event) -> Place:
    """Give where an event stands in the order of replay."""
    return format_timestamp(event.date), event.event_id


def late_journals(ctx: Context, look: Look, reader: Reader, stage: Stage[Batch]) -> Generator[LateJournal, None, None]:
    """Yield the journals of a look that may have late events: first one that has been handed over in part."""
    cursor = look.cursor
    found = [listed.journal_id for listed in look.journals if look.may_be_late(listed)]
    found = [journal_id for journal_id in found if reader.is_arrival(journal_id) is not False]
    found.sort(key=lambda journal_id: (cursor.partly is None or cursor.partly.name != name_of(journal_id), journal_id))
    read = ctx.requests.stream(partial(_read, ctx, cursor, stage), found, ahead=ctx.requests.workers)
    yield from read


def _read(ctx: Context, cursor: Cursor, stage: Stage[Batch], journal_id: JournalID) -> LateJournal:
    return LateJournal(ctx, journal_id, cursor, stage)
