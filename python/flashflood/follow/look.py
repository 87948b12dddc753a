"""A look at the journals: what one listing shows a follower, with the dates of the objects (FOLLOW.md, steps 1 to 3).

A full look lists all; a near one from the cursor's `begin` on, and has of what lies before it what the last full look
had. Kept is only what may still count: what is young, and what has something after the place or has come at or before
it. What begins after the bound is not listed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from flashflood import layout
from flashflood._core import classify, format_timestamp, parse_timestamp
from flashflood.context import GRACE, SLACK, Context
from flashflood.cursors import BEGINNING, Cursor, Place, name_of
from flashflood.dates import timestamp_before
from flashflood.exceptions import FlashFloodException
from flashflood.identifiers import JournalID
from flashflood.records.journal_pages import JournalPages
from flashflood.store.protocol import Entry, Page

NEAR = timedelta(minutes=5)
"""How long before the place a near look begins: a batch that begins there may have events after the place."""


class Listed(NamedTuple):
    """A journal that a look shows."""

    entry: Entry
    died: datetime | None
    """The date of its tombstone. None: it has none."""

    @property
    def journal_id(self) -> JournalID:
        """Its id."""
        return layout.journal_id_of(self.entry.key)

    @property
    def start(self) -> str:
        """The timestamp of its first event."""
        return layout.range_of(self.entry.key)[0]

    @property
    def end(self) -> str:
        """The timestamp of its last event."""
        return layout.range_of(self.entry.key)[1]


class Full(NamedTuple):
    """What a follower remembers of the last full look, once that is handed over: of what near looks do not list."""

    now: datetime
    """The server's clock when it began."""
    pages: int
    far: list[Listed]
    """The journals that begin before the near looks' key, and may have events after the place."""
    names: tuple[bytes, ...]
    """Of the journals that begin before that key, those that were young then."""


class Look:
    """A look, and what follows from the dates of the objects."""

    def __init__(self, cursor: Cursor, now: datetime, bound: str, full: Full | None) -> None:
        """Know of no journal yet. `full`: the last full look; None: this is one."""
        self.cursor = cursor
        """What the follower knew when it looked."""
        self.now = now
        """The server's clock when it began, aware, in whole seconds."""
        self.bound = bound
        """The timestamp up to which events are handed over in order."""
        self.journals = [] if full is None else [one for one in full.far if one.end >= cursor.place[0]]
        """In key order."""
        self.pages = 0
        self._full = full
        self._young_since = (full or self).now - SLACK

    @property
    def is_full(self) -> bool:
        """Whether it has listed all."""
        return self._full is None

    def is_young(self, date: datetime) -> bool:
        """Say whether the last full look may have begun before an object of this date could be listed."""
        return date >= self._young_since

    def has_died(self, listed: Listed) -> bool:
        """Say whether a journal was dead when the slack before the look began."""
        return listed.died is not None and not self.is_young(listed.died)

    def is_due(self, listed: Listed) -> bool:
        """Say whether a journal's dates reach beyond the place, and begin by the bound."""
        return listed.end >= self.cursor.place[0] and listed.start <= self.bound

    def may_be_late(self, listed: Listed) -> bool:
        """Say whether a journal may have come since the watermark, with events at or before the place."""
        is_far = listed.start < self.cursor.begin
        watermark = self.cursor.far_watermark if is_far else self.cursor.watermark
        if watermark is None or (is_far and not self.is_full) or (listed.start, "") > self.cursor.place:
            return False
        has_come = listed.entry.modified >= datetime.fromtimestamp(watermark, UTC) - SLACK
        return has_come and not self.cursor.has_seen(name_of(listed.journal_id))

    def beyond(self, place: Place) -> Cursor:
        """Give the cursor of one who has handed over what is late, and what is in order up to a place."""
        now, starts, names = int(self.now.timestamp()), *self._young
        seen = names[: bisect_right(starts, place[0])]
        if self._full is None:
            return Cursor(place, timestamp_before(place[0], NEAR), now, now, tuple(sorted(seen)))
        before = self.cursor
        return Cursor(place, before.begin, now, before.far_watermark, tuple(sorted({*seen, *self._full.names})))

    def counts(self, listed: Listed) -> bool:
        """Say whether a journal may have something to hand over, at this look or a near one, or to say of others."""
        reaches_on = listed.end >= self.cursor.place[0]
        return reaches_on or self.is_young(listed.entry.modified) or self.may_be_late(listed)

    def remembered(self, cursor: Cursor) -> Full:
        """Give what near looks from a cursor need of this full one."""
        far = [listed for listed in self.journals if listed.start < cursor.begin and listed.end >= cursor.place[0]]
        starts, names = self._young
        return Full(self.now, self.pages, far, tuple(names[: bisect_left(starts, cursor.begin)]))

    @cached_property
    def _young(self) -> tuple[list[str], list[bytes]]:
        """The journals that the look itself has listed, and of which the watermark does not tell for certain."""
        since = self.now - SLACK
        young = [
            listed
            for listed in self.journals
            if listed.entry.modified >= since and (self.is_full or listed.start >= self.cursor.begin)
        ]
        return [listed.start for listed in young], [name_of(listed.journal_id) for listed in young]


def look(ctx: Context, cursor: Cursor, lateness: timedelta, full: Full | None) -> Look:
    """List the journals: all, or, where there is a last full look, those from the cursor's `begin` on.

    `FlashFloodException` for a cursor that is too old: what has come since may have been collected.
    """
    pages = JournalPages(ctx, None if full is None else layout.before_start(parse_timestamp(cursor.begin)))
    with closing(pages):
        listing = _journals(pages)
        page, listed = next(listing)
        found = _begun(page, cursor, lateness, full)
        last = max(found.bound, cursor.place[0])
        while True:
            found.pages += 1
            found.journals += [one for one in listed if one.start <= last and found.counts(one)]
            if not page.more or (listed and listed[-1].start > last):
                break
            page, listed = next(listing)
    return found


def _begun(page: Page, cursor: Cursor, lateness: timedelta, full: Full | None) -> Look:
    now = page.date.replace(microsecond=0)
    check_age(cursor, now)
    return Look(cursor, now, timestamp_before(format_timestamp(now), lateness), full)


def check_age(cursor: Cursor, now: datetime) -> None:
    """Raise a `FlashFloodException` if a cursor is too old: what has come since may have been collected."""
    looked_at = None if cursor.far_watermark is None else datetime.fromtimestamp(cursor.far_watermark, UTC)
    if looked_at is not None and cursor.place != BEGINNING and now - looked_at > GRACE / 2:
        date, event_id = cursor.place
        msg = (
            f"the cursor has lain for {now - looked_at}, longer than {GRACE / 2}: what came late meanwhile may have"
            " been journaled and collected. Go on from its place, and take all that is there by now for handed over:"
            f" follow(after=({parse_timestamp(date)!r}, {event_id!r}))"
        )
        raise FlashFloodException(msg)


def _journals(pages: JournalPages) -> Iterator[tuple[Page, list[Listed]]]:
    """Yield pages with their journals; the last one of a page comes with the next, which may have its tombstone."""
    held: list[Listed] = []
    for page in pages:
        found = held
        _, *others = classify([layout.journal_name(entry.key) for entry in page.entries])
        tombstones, strangers = map(set, others)
        for index, entry in enumerate(page.entries):
            if index in tombstones:
                if found and entry.key == layout.tombstone_key(found[-1].entry.key):
                    found[-1] = found[-1]._replace(died=entry.modified)
            elif index not in strangers:
                found.append(Listed(entry, None))
        held = [found.pop()] if page.more and found else []
        yield page, found
