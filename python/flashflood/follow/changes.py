"""Which events have changed: by the objects under `update/`, pending or dead (FOLLOW.md, "Updates and deletes")."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flashflood import layout
from flashflood.context import SLACK, Context
from flashflood.cursors import Changed, Cursor, name_of
from flashflood.events import Event
from flashflood.follow.look import check_age
from flashflood.identifiers import TOMBSTONE_SUFFIX, Update
from flashflood.read.get_events import get_events
from flashflood.records.pending_updates import updates_among
from flashflood.store.protocol import Page

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = Changed(0, bytes(8))
"""Of a follower that has not looked yet: it begins with what comes from then on."""


class Change(NamedTuple):
    """An object under `update/`."""

    at: Changed
    update: Update


class Changes:
    """What a follower knows of changes, from one full look to the next."""

    def __init__(self, ctx: Context, done: Changed) -> None:
        """Begin where a cursor stands."""
        self._ctx = ctx
        self.done = done
        """Up to here all are done with, for whoever begins anew from the cursor."""
        self._young: set[Changed] = set()
        """Those beyond that this follower is done with."""
        self._ids: frozenset[str] = frozenset()
        self.pages = 0
        """How many the last listing had."""

    def has(self, event_id: str) -> bool:
        """Say whether the last listing had a change of an event."""
        return event_id in self._ids

    def read_new(self, cursor: Cursor) -> Generator[tuple[Update, Event | None], None, None]:
        """List all, and yield each event that has changed, once, as it is by now. None: there is none.

        With it comes its change; if there are several, a delete before others. `FlashFloodException` for a cursor that
        is too old.
        """
        settled, listed = self._listed(cursor)
        begin = settled if self.done == NEVER else self.done
        new = [one for one in listed if one.at > begin and one.at not in self._young]
        self.done = begin
        first: dict[str, Update] = {}
        for one in new:
            if one.update.is_delete or one.update.event_id not in first:
                first[one.update.event_id] = one.update
        with closing(_read(self._ctx, list(first))) as events:
            for one in new:
                event_id = one.update.event_id
                event = next(events) if event_id in first else None
                self._note(one.at, settled)
                if event_id in first:
                    yield first.pop(event_id), event
        self.done = max(self.done, settled)
        self._young = {at for at in self._young if at > self.done}

    def _listed(self, cursor: Cursor) -> tuple[Changed, list[Change]]:
        """List all updates, in their order, and give up to where these are all that can be."""
        found = self._ctx.requests.each(self._pages, [layout.UPDATES, layout.ENCODED_UPDATES])
        now = min(pages[0].date for pages in found).replace(microsecond=0)
        check_age(cursor, now)
        self.pages = sum(map(len, found))
        listed = sorted(_changes(page for pages in found for page in pages))
        self._ids = frozenset(one.update.event_id for one in listed)
        return Changed(_microseconds(now - SLACK), bytes(8)), listed

    def _pages(self, folder: str) -> list[Page]:
        return list(self._ctx.pages(folder))

    def _note(self, at: Changed, settled: Changed) -> None:
        if at < settled:
            self.done = at
        else:
            self._young.add(at)


def _changes(pages: Iterable[Page]) -> Iterator[Change]:
    for page in pages:
        for entry in page.entries:
            if not entry.key.endswith(TOMBSTONE_SUFFIX):
                for update in updates_among([entry]):
                    yield Change(Changed(_microseconds(entry.modified), name_of(entry.key)), update)


def _microseconds(date: datetime) -> int:
    return (date - EPOCH) // timedelta(microseconds=1)


def _read(ctx: Context, ids: list[str]) -> Generator[Event | None, None, None]:
    """Yield for each id its event as `get_event` gives it; None: there is none."""
    left = iter(ids)
    with closing(get_events(ctx, ids, "skip")) as events:
        for event in events:
            for event_id in left:
                if event_id == event.event_id:
                    break
                yield None
            yield event
        yield from (None for _ in left)
