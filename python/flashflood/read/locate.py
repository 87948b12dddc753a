"""Finding many events at once (PROTOCOL.md, steps 1 and 8): where the newest data of each lie. Never writes.

For each id the order is that of `get_event`: first its index entry, then what its journal says and its updates. The
data come last, and are fetched elsewhere. Many ids share requests: one page of a listing serves all ids that it covers,
as if each had been listed at that moment, and one manifest serves all its events. What vanishes meanwhile is left to
`get_event`.
"""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from typing import NamedTuple, TypeAlias, TypeVar

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodEventNotFound, FlashFloodException
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.records.index import IndexEntry, not_found, read_entry
from flashflood.records.pending_updates import newest_update, updates_among
from flashflood.records.prefixes import listed_under
from flashflood.store.protocol import Entry

T = TypeVar("T")
A = TypeVar("A")

ROWS_KEPT = 500_000
"""Rows of manifests that are kept for further events of their journals, about 100 bytes each."""
JOURNALS_KEPT = 100_000
"""Journals of which it is kept that they have their events, about 200 bytes each."""
ROWS_OF_A_MANIFEST = 10
"""What a manifest takes beside its rows, counted in rows."""


class DataRange(NamedTuple):
    """Where the data of an event lie."""

    event_id: str
    timestamp: str
    """Its date."""
    journal_id: JournalID
    """The journal that holds the event."""
    key: str
    """Of its blob, or of an update."""
    start: int
    stop: int
    """The bytes from `start` to before `stop` are its data."""
    is_update: bool

    @property
    def size(self) -> int:
        """Bytes of data."""
        return self.stop - self.start


Located: TypeAlias = DataRange | FlashFloodException | None
"""What is found of an id: where its data lie, or why it has none. None: something has vanished, and `get_event` must
look again."""
_Entry: TypeAlias = IndexEntry | FlashFloodException | None
_Row: TypeAlias = Row | FlashFloodException | None


class Locator:
    """Locates the events of one call, from several threads, until it is stopped."""

    def __init__(self, ctx: Context) -> None:
        """Make no request."""
        self._ctx = ctx
        self._manifests = _Manifests(ctx)
        self._whole = _WholeJournals(ctx)
        self._is_stopped = False

    def stop(self) -> None:
        """Send no more requests; what is being located ends with a `CancelledError`."""
        self._is_stopped = True

    def locate(self, ids: Iterable[str]) -> dict[str, Located]:
        """Find each of these ids, which may exist."""
        located: dict[str, Located] = {}
        entries = []
        for event_id, entry in self._entries(sorted(set(ids))).items():
            if isinstance(entry, IndexEntry):
                entries.append(entry)
            else:
                located[event_id] = entry
        rows = self._rows(entries)
        updates = self._updates(entries)
        for entry in entries:
            row = rows[entry.event_id]
            found = updates.get(entry.event_id, {})
            located[entry.event_id] = _data_range(entry, row, found) if isinstance(row, Row) else row
        return located

    def _entries(self, ids: Sequence[str]) -> dict[str, _Entry]:
        """Give the valid index entry of each id."""
        index = self._highest_revisions(layout.index_prefix, ids)
        marks = self._highest_revisions(layout.mark_prefix, ids)
        valid = [event_id for event_id in ids if index[event_id] > marks[event_id]]
        read = self._each(lambda event_id: self._entry(event_id, index[event_id]), valid)
        missing: dict[str, _Entry] = {event_id: not_found(event_id) for event_id in ids}
        return missing | dict(zip(valid, read, strict=True))

    def _highest_revisions(self, prefix_of: Callable[[str], str], ids: Sequence[str]) -> dict[str, int]:
        """Give the highest revision that each id has under its prefix; 0: none."""
        listed = self._listed(map(prefix_of, ids))
        highest = {}
        for event_id in ids:
            prefix = prefix_of(event_id)
            revisions = (layout.revision_of(entry.key, prefix) for entry in listed[prefix])
            highest[event_id] = max((revision for revision in revisions if revision is not None), default=0)
        return highest

    def _entry(self, event_id: str, revision: int) -> _Entry:
        try:
            return read_entry(self._ctx, event_id, revision)
        except FlashFloodException as error:
            return error

    def _rows(self, entries: Iterable[IndexEntry]) -> dict[str, _Row]:
        """Give the row of each entry. Its journal is looked at where `get_event` looks at it."""
        rows: dict[str, _Row] = {}
        uncertain: dict[JournalID, list[IndexEntry]] = defaultdict(list)
        for entry in entries:
            row = entry.row()
            if row is None or entry.is_claim:
                uncertain[entry.target].append(entry)
            else:
                rows[entry.event_id] = row
        for found in self._each(self._rows_in_journal, uncertain.values()):
            rows.update(found)
        return rows

    def _rows_in_journal(self, entries: Sequence[IndexEntry]) -> dict[str, _Row]:
        """Give the rows of entries that all name one journal. None: the journal does not have it."""
        try:
            if all(entry.is_ours for entry in entries):
                is_held = self._whole.tells(entries[0].target)
                if is_held is not None:
                    return {entry.event_id: entry.row() if is_held else None for entry in entries}
            manifest = self._manifests.read(entries[0].target)
        except FlashFloodException as error:
            return {entry.event_id: error for entry in entries}
        if manifest is None:
            return {entry.event_id: None for entry in entries}
        rows: dict[str, _Row] = {}
        indices = manifest.find_all([entry.event_id for entry in entries])
        for entry, index in zip(entries, indices, strict=True):
            rows[entry.event_id] = None if index is None else entry.row() or manifest.row(index)
        return rows

    def _updates(self, entries: Iterable[IndexEntry]) -> dict[str, dict[Update, int]]:
        """List the updates that count for each entry's event, with the sizes of their data.

        These are the updates for its journal and for the one that it came from, tombstoned ones too. Without
        `read_pending_updates`, only the deletes for the latter count.
        """
        wanted = set()
        for entry in entries:
            if self._ctx.read_pending_updates:
                wanted.add((entry.target, entry.event_id))
            if entry.came_from is not None:
                wanted.add((entry.came_from, entry.event_id))
        listed = self._listed(layout.updates_prefix(journal_id, event_id) for journal_id, event_id in wanted)
        keys = {entry.key: entry for found in listed.values() for entry in found}
        updates: dict[str, dict[Update, int]] = defaultdict(dict)
        for update, size in updates_among(e for key, e in keys.items() if not key.endswith(TOMBSTONE_SUFFIX)).items():
            counts = self._ctx.read_pending_updates or update.is_delete
            if counts and (update.journal_id, update.event_id) in wanted:
                updates[update.event_id][update] = size
        return updates

    def _listed(self, prefixes: Iterable[str]) -> dict[str, list[Entry]]:
        return listed_under(self._ctx, prefixes, self._go_on)

    def _each(self, call: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Call with each item, many at a time, until it is stopped."""

        def going_on(item: A) -> T:
            self._go_on()
            return call(item)

        return self._ctx.requests.each(going_on, items)

    def _go_on(self) -> None:
        if self._is_stopped:
            raise CancelledError


class _WholeJournals:
    """Journals that are known to have all their events, kept for further ones: a manifest never changes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: set[JournalID] = set()

    def tells(self, journal_id: JournalID) -> bool | None:
        """Say whether a journal has all its events, or none: it is a fence, or not there. None: ask its manifest."""
        if journal_id in self._known:
            return True
        there = self._ctx.store.head(layout.journal_key(journal_id))
        if there is None:
            return False
        count = there.metadata.get("number_of_events")
        if count is None or count == "0":
            return None if count is None else False
        if len(self._known) >= JOURNALS_KEPT:
            self._known = set()
        self._known.add(journal_id)
        return True


class _Manifests:
    """Manifests that 0.4.3's index entries lead to, kept for further events: a manifest never changes."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lock = threading.Lock()
        self._kept: OrderedDict[JournalID, Manifest] = OrderedDict()
        self._rows = 0

    def read(self, journal_id: JournalID) -> Manifest | None:
        """Give a journal's manifest. None: there is none (any more)."""
        with self._lock:
            kept = self._kept.get(journal_id)
            if kept is not None:
                self._kept.move_to_end(journal_id)
                return kept
        manifest = self._ctx.manifest(journal_id)
        if manifest is not None:
            self._keep(journal_id, manifest)
        return manifest

    def _keep(self, journal_id: JournalID, manifest: Manifest) -> None:
        """Keep it; drop those that were used longest ago."""
        with self._lock:
            if journal_id not in self._kept:
                self._kept[journal_id] = manifest
                self._rows += len(manifest) + ROWS_OF_A_MANIFEST
            while self._rows > ROWS_KEPT and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._rows -= len(oldest) + ROWS_OF_A_MANIFEST


def _data_range(entry: IndexEntry, row: Row, updates: dict[Update, int]) -> Located:
    """Say where an event's newest data lie: in its blob, or in one of these updates."""
    try:
        update = newest_update(entry, row, list(updates))
    except FlashFloodEventNotFound as error:
        return error
    if update is not None:
        key, size = layout.update_key(update), updates[update]
        return DataRange(entry.event_id, row.timestamp, entry.target, key, 0, size, is_update=True)
    key = layout.blob_key(entry.target)
    stop = row.offset + row.size
    return DataRange(entry.event_id, row.timestamp, entry.target, key, row.offset, stop, is_update=False)
