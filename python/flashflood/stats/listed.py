"""What the listings of a store tell: of each living journal its dates and sizes, and what is dead."""

import logging
from array import array
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.dates import microseconds
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX
from flashflood.records.living import all_entries, journal_id, without_dead
from flashflood.records.loads import Sample
from flashflood.records.pending_updates import updates_among
from flashflood.store.protocol import Entry

LARGE = 16_000
"""Journals from which on their blobs are listed in 16 parts at one time, where the store is far: one more page each."""

logger = logging.getLogger(__name__)


class Journals:
    """The living journals, as columns, and the dead."""

    def __init__(self) -> None:
        """Begin with none."""
        self.starts, self.ends = array("q"), array("q")
        """Microseconds since the year 1."""
        self.manifests, self.blobs = array("q"), array("q")
        """Their bytes."""
        self.written: list[datetime] = []
        self.are_new = bytearray()
        self.samples = Sample(), Sample()
        """Of the journals that are not new; of new ones."""
        self.dead = self.dead_bytes = 0
        self._numbers: dict[str, int] = {}
        self._dead_blobs: set[str] = set()
        self._has_blob = bytearray()

    def __len__(self) -> int:
        """Give how many live."""
        return len(self.starts)

    def add(self, living: Iterable[Entry], dead: Iterable[Entry]) -> None:
        """Take manifests that were listed."""
        for entry in living:
            self._add_living(entry)
        for entry in dead:
            self.dead += 1
            self.dead_bytes += entry.size
            self._dead_blobs.add(journal_id(entry).blob_id)

    def _add_living(self, entry: Entry) -> None:
        start, end = sorted(map(microseconds, layout.range_of(entry.key)))  # 0.4.3 has written some the other way round
        found = journal_id(entry)
        is_new = found.version == NEW
        self._numbers[found.blob_id] = len(self)
        self.starts.append(start)
        self.ends.append(end)
        self.manifests.append(entry.size)
        self.blobs.append(0)
        self._has_blob.append(False)
        self.written.append(naive(entry.modified))
        self.are_new.append(is_new)
        self.samples[is_new].add(entry)

    def add_blob(self, entry: Entry) -> int:
        """Take a blob that was listed, on any thread. Gives its bytes, if a dead journal has left them.

        One that is no journal's belongs to a write that is under way, or was left.
        """
        blob_id = layout.blob_id_of(entry.key) or ""
        number = self._numbers.get(blob_id)
        if number is None:
            return entry.size if blob_id in self._dead_blobs else 0
        self.blobs[number] = entry.size
        self._has_blob[number] = True
        return 0

    def number_of(self, key: str) -> int:
        """Give the place in the columns of a living journal's manifest."""
        return self._numbers[layout.blob_id_of(key) or ""]

    @property
    def without_blob(self) -> int:
        """How many living journals have no blob."""
        return self._has_blob.count(False)


class Updates(NamedTuple):
    """Update objects."""

    pending: list[Entry]
    dead: int
    dead_bytes: int


class Listed(NamedTuple):
    """What is in a store."""

    journals: Journals
    updates: Updates
    date: datetime
    """The server's clock, naive UTC, when about half of it had been listed."""


def listed(ctx: Context) -> Listed:
    """List a store. A journal's blob is older than the journal: so blobs are listed after journals."""
    journals = _journals(ctx)
    waiting = [ctx.requests.start(_updates, ctx, folder) for folder in (layout.UPDATES, layout.ENCODED_UPDATES)]
    date = _add_blobs(ctx, journals)
    plain, encoded = (updates.result() for updates in waiting)
    both = Updates(plain.pending + encoded.pending, plain.dead + encoded.dead, plain.dead_bytes + encoded.dead_bytes)
    return Listed(journals, both, date)


def _journals(ctx: Context) -> Journals:
    found = Journals()
    with closing(all_entries(ctx)) as pages:
        for page in pages:
            found.add(page.living, page.dead)
    return found


def _add_blobs(ctx: Context, found: Journals) -> datetime:
    """List the blobs, and give the server's date."""
    first = [f"{layout.BLOBS}{digit}" for digit in "123456789abcdef"]
    is_large = len(found) + found.dead >= LARGE and ctx.requests.at_a_time > 1
    parts = [*zip([None, *first], [*first, None], strict=True)] if is_large else [(None, None)]
    added = ctx.requests.each(lambda part: _add_part(ctx, found, *part), parts)
    found.dead_bytes += sum(dead for dead, _ in added)
    if found.without_blob:
        logger.warning("%s: %d journals have no blob; `check` names them", ctx.store.name, found.without_blob)
    return naive(added[0][1])


def _add_part(ctx: Context, found: Journals, after: str | None, until: str | None) -> tuple[int, datetime]:
    """List the blobs between two keys. Gives the bytes of the dead ones, and the server's date at the first page."""
    dead, dates = 0, []
    for page in ctx.pages(layout.BLOBS, after):
        dates.append(page.date)
        for entry in page.entries:
            if until is not None and entry.key > until:
                return dead, dates[0]
            dead += found.add_blob(entry)
    return dead, dates[0]


def _updates(ctx: Context, folder: str) -> Updates:
    entries = list(ctx.entries(folder))
    dead = {entry.key.removesuffix(TOMBSTONE_SUFFIX) for entry in entries if entry.key.endswith(TOMBSTONE_SUFFIX)}
    pending = [entry for entry in without_dead(entries) if updates_among([entry])]
    return Updates(pending, len(dead), sum(entry.size for entry in entries if entry.key in dead))


def naive(date: datetime) -> datetime:
    """Give an aware date as naive UTC."""
    return date.astimezone(UTC).replace(tzinfo=None)
