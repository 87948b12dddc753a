"""The index: which journal holds an event (PROTOCOL.md, step 1), and the marks that keep a revision from coming back.

Reads and writes `index/` and `gone/`; reads whether the journal that an entry names has the event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Row, parse_timestamp
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodEventNotFound, FlashFloodException
from flashflood.identifiers import JournalID

PATIENCE = 20
"""How often a call begins again, where what it had found has moved meanwhile, before it gives up."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An index entry: which journal holds an event, and what the manifest's row says, to save a look at it.

    All but `target` is ours, and missing (None) where 0.4.3 wrote the entry.
    """

    event_id: str
    revision: int
    target: JournalID
    came_from: JournalID | None = None
    date: str | None = None
    offset: int | None = None
    size: int | None = None
    updated: str | None = None
    birth: int | None = None

    @classmethod
    def of_row(cls, row: Row, revision: int, target: JournalID) -> "IndexEntry":
        """Give the entry of a row that lies in the journal `target`."""
        came_from = None if row.came_from is None else JournalID(row.came_from)
        return cls(
            row.event_id, revision, target, came_from, row.timestamp, row.offset, row.size, row.updated, row.birth
        )

    @property
    def is_claim(self) -> bool:
        """Whether an event began with it: written before the manifest, which may still be missing."""
        return self.birth is not None and self.birth == self.revision

    @property
    def is_ours(self) -> bool:
        """Whether this package wrote it."""
        return self.offset is not None

    def row(self) -> Row | None:
        """Give the manifest's row. None where 0.4.3 wrote the entry."""
        if self.date is None or self.offset is None or self.size is None:
            return None
        return Row(
            self.event_id, self.date, self.offset, self.size, self.revision, self.birth, self.updated, self.came_from
        )

    def metadata(self) -> dict[str, str]:
        """Give the S3 metadata that the entry is kept in."""
        fields = {"target": str(self.target)}
        for name, value in (
            ("from", self.came_from),
            ("date", self.date),
            ("offset", self.offset),
            ("size", self.size),
            ("updated", self.updated),
            ("birth", self.birth),
        ):
            if value is not None:
                fields[name] = str(value)
        return fields


class Lookup(NamedTuple):
    """What the index says of an id."""

    entry: IndexEntry | None
    """The valid entry; None: there is none."""
    next_revision: int
    """The lowest revision that was never used."""
    revisions: list[int]
    """All revisions in the index, valid or void, rising."""


def revisions(ctx: Context, event_id: str) -> tuple[list[int], int]:
    """List the id's index revisions, rising, and its highest deletion mark (0: none)."""
    mark = ctx.requests.start(highest_mark, ctx, event_id)
    index = revisions_in_index(ctx, event_id)
    return index, mark.result()


def revisions_in_index(ctx: Context, event_id: str) -> list[int]:
    """List the id's index revisions, rising."""
    return _revisions_under(ctx, layout.index_prefix(event_id))


def highest_mark(ctx: Context, event_id: str) -> int:
    """Give the id's highest deletion mark; 0: none."""
    return max(_revisions_under(ctx, layout.mark_prefix(event_id)), default=0)


def lookup(ctx: Context, event_id: str, known: IndexEntry | None = None) -> Lookup:
    """Find the id's valid entry. `known`: an entry read before; it needs no HEAD if it is still the highest."""
    for _ in range(PATIENCE):
        index, mark = revisions(ctx, event_id)
        if not index or index[-1] <= mark:
            return Lookup(None, mark + 1, index)
        if known is not None and known.revision == index[-1]:
            return Lookup(known, index[-1] + 1, index)
        entry = read_entry(ctx, event_id, index[-1])
        if entry is not None:
            return Lookup(entry, index[-1] + 1, index)
    raise moving(event_id)


def read_entry(ctx: Context, event_id: str, revision: int) -> IndexEntry | None:
    """Read an index entry. None: it is gone. `FlashFloodCorruptionError` if its metadata have another shape."""
    key = layout.index_key(event_id, revision)
    found = ctx.store.head(key)
    return None if found is None else parse_entry(key, event_id, revision, dict(found.metadata))


def parse_entry(key: str, event_id: str, revision: int, metadata: dict[str, str]) -> IndexEntry:
    """Check and convert an index entry's metadata."""
    if "target" not in metadata:
        msg = (
            f"index entry {key} came without its metadata `target`, as tools that copy only the data leave it"
            " (`aws s3 sync` to a folder): replay works, and `repair()` writes the index again from the journals"
        )
        raise FlashFloodCorruptionError(msg, event_id=event_id, key=key)
    came_from = metadata.get("from")
    try:
        date, updated = metadata.get("date"), metadata.get("updated")
        for timestamp in (date, updated):
            if timestamp is not None:
                parse_timestamp(timestamp)
        entry = IndexEntry(
            event_id,
            revision,
            JournalID.checked(metadata["target"], f"index entry {key}, `target`", key=key),
            None if came_from is None else JournalID.checked(came_from, f"index entry {key}, `from`", key=key),
            date,
            _natural(metadata.get("offset")),
            _natural(metadata.get("size")),
            updated,
            _natural(metadata.get("birth")),
        )
        entry.row()
    except ValueError as error:
        msg = f"index entry {key}: {error}; `repair()` writes the index again from the journals"
        raise FlashFloodCorruptionError(msg, event_id=event_id, key=key) from error
    return entry


def is_held(ctx: Context, entry: IndexEntry) -> bool | None:
    """Say whether the journal that an entry names has the event. None: there is no such journal."""
    if entry.is_ours:
        found = ctx.store.head(layout.journal_key(entry.target))
        if found is None:
            return None
        if "number_of_events" in found.metadata:  # a batch has all its events, a fence none
            return found.metadata["number_of_events"] != "0"
    manifest = ctx.manifest(entry.target)
    return None if manifest is None else manifest.find(entry.event_id) is not None


def create_entry(ctx: Context, entry: IndexEntry) -> bool:
    """Write an index entry. False: its revision is taken."""
    key = layout.index_key(entry.event_id, entry.revision)
    return ctx.store.create(key, b"", metadata=entry.metadata())


def remove_from_index(ctx: Context, event_id: str, revision: int, revisions: list[int]) -> None:
    """Mark the entries up to `revision` as void, then delete those of them that are in `revisions`, no others."""
    _mark(ctx, event_id, revision)
    void = [layout.index_key(event_id, listed) for listed in revisions if listed <= revision]
    if void:
        ctx.store.delete(void)


def claims_to_delete(ctx: Context, journal_id: JournalID, event_id: str) -> list[str]:
    """Give the keys of an id's index entries that name a journal which will never be made: they can be deleted.

    Before that, marks the revision of the highest one, if it is the id's highest.
    """
    listed = revisions_in_index(ctx, event_id)
    void = []
    for revision in listed:
        entry = read_entry(ctx, event_id, revision)
        if entry is not None and entry.target == journal_id:
            void.append(revision)
    return mark_before_delete(ctx, event_id, void, listed[-1] if void and void[-1] == listed[-1] else None)


def mark_before_delete(ctx: Context, event_id: str, void: Sequence[int], to_mark: int | None) -> list[str]:
    """Mark the revision `to_mark`; give the keys of the void entries, which can be deleted then.

    `to_mark`: the highest of them, where it is the id's highest, and could be used again. None: it is not.
    """
    if to_mark is not None:
        _mark(ctx, event_id, to_mark)
    return [layout.index_key(event_id, revision) for revision in void]


def moving(event_id: str) -> FlashFloodException:
    """Say that an event moved each time that it was looked up."""
    msg = f"event {event_id!r} moves between journals as fast as it is looked up; try again"
    return FlashFloodException(msg, event_id=event_id)


def not_found(event_id: str) -> FlashFloodEventNotFound:
    """Say that there is no such event."""
    msg = f"event {event_id!r} not found: it was never put, or it has been deleted"
    return FlashFloodEventNotFound(msg, event_id=event_id)


def _mark(ctx: Context, event_id: str, revision: int) -> None:
    """Make index entries up to `revision` void."""
    ctx.store.put(layout.mark_key(event_id, revision), b"")


def _revisions_under(ctx: Context, prefix: str) -> list[int]:
    found = (layout.revision_of(entry.key, prefix) for entry in ctx.entries(prefix))
    return [revision for revision in found if revision is not None]


def _natural(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        msg = f"{text!r} is not a number"
        raise ValueError(msg)
    return int(text)
