"""One journal, opened: what `open_journal` gives, with the members that 0.4.3's journals have."""

import io
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from flashflood import former
from flashflood._core import Manifest, parse_timestamp
from flashflood.context import Context
from flashflood.events import Event
from flashflood.exceptions import FlashFloodEventNotFound, FlashFloodException
from flashflood.identifiers import JournalID
from flashflood.pickling import no_pickle
from flashflood.records import blobs
from flashflood.records.living import living_journals

READ_AHEAD = 8_000_000
"""Bytes that reading a body fetches at a time."""


class Journal:
    """A journal as it was when it was opened. Journals never change; they are replaced by others."""

    def __init__(self, ctx: Context, manifest: Manifest) -> None:
        """Show a manifest that has been read."""
        self._ctx = ctx
        self._manifest = manifest
        self._body: BinaryIO | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name the successor of what 0.4.3's journals have."""
            raise former.journal_attribute(name)

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle its id_, and open it with ff.open_journal(id_)")

    @classmethod
    def open(cls, ctx: Context, journal_id: str) -> "Journal":
        """Read a journal's manifest. `FlashFloodException` if there is no such journal."""
        manifest = ctx.manifest(JournalID.given(journal_id))
        if manifest is None:
            msg = f"journal {journal_id} not found; it may have been combined and collected: list the journals again"
            raise FlashFloodException(msg, journal_id=journal_id)
        return cls(ctx, manifest)

    @property
    def id_(self) -> JournalID:
        """Its journal_id."""
        return JournalID(self._manifest.journal_id)

    @property
    def version(self) -> str:
        """`new`, or the timestamp of its making."""
        return self.id_.version

    @property
    def blob_id(self) -> str:
        """The UUID that names its blob."""
        return self.id_.blob_id

    @property
    def size(self) -> int:
        """Bytes of its events' data."""
        return self._manifest.size

    @property
    def events(self) -> list[dict[str, str | int]]:
        """Its rows in (timestamp, event_id) order: dicts of event_id, timestamp, offset and size."""
        return self._manifest.events()

    def manifest(self) -> dict[str, Any]:
        """Give its manifest: journal_id, from_date, to_date, size and events."""
        return manifest_fields(self._manifest)

    @property
    def body(self) -> BinaryIO:
        """Its blob as a readable, seekable file: the events' data, one after the other."""
        if self._body is None:
            raw = _BlobFile(self._ctx, self.id_, self.size)
            self._body = cast("BinaryIO", io.BufferedReader(raw, READ_AHEAD))
        return self._body

    def get_event(self, event_id: str) -> Event:
        """Read an event as this journal has it, without its pending updates.

        `FlashFloodEventNotFound` if it has no such event.
        """
        row = self._manifest.find(event_id)
        if row is None:
            msg = f"event {event_id!r} not found in journal {self.id_}"
            raise FlashFloodEventNotFound(msg, event_id=event_id, journal_id=self.id_)
        data = _BlobFile(self._ctx, self.id_, self.size).bytes_between(row.offset, row.offset + row.size)
        return Event(event_id, parse_timestamp(row.timestamp), data)


class Journals:
    """What existing code uses as `ff._Journal`; the public calls are `open_journal` and `journal_ids`."""

    def __init__(self, ctx: Context) -> None:
        """Make no request."""
        self._ctx = ctx

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Name the successor of what 0.4.3's class of journals has."""
            raise former.journal_attribute(name)

    def from_id(self, journal_id: str) -> Journal:
        """Open a journal."""
        return Journal.open(self._ctx, journal_id)

    def list(self, list_from: str | None = None) -> Iterator[JournalID]:
        """Yield the ids of the living journals in key order, after `list_from`."""
        return living_journals(self._ctx, None if list_from is None else JournalID(list_from))


class _BlobFile(io.RawIOBase):
    """A blob read by byte ranges."""

    def __init__(self, ctx: Context, journal_id: JournalID, size: int) -> None:
        super().__init__()
        self._ctx = ctx
        self._journal_id = journal_id
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  as io.RawIOBase has it
        stop = min(self._position + len(buffer), self._size)
        data = self.bytes_between(self._position, stop) if stop > self._position else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def bytes_between(self, start: int, stop: int) -> bytes:
        """Read bytes that must be there."""
        if start == stop:
            return b""
        found = self._ctx.blob(self._journal_id, start, stop)
        if found is None:
            raise blobs.missing(self._ctx, self._journal_id)
        if len(found.body) != stop - start:
            raise blobs.short(self._journal_id, start + len(found.body), stop)
        return found.body


def manifest_fields(manifest: Manifest, *, without: Collection[str] = ()) -> dict[str, Any]:
    """Give a manifest's fields as 0.4.3 has them, but not the rows that came from the journals `without`."""
    events = manifest.events()
    if without:
        rows = zip(events, manifest.rows(), strict=True)
        events = [event for event, row in rows if row.came_from not in without]
    return {
        "journal_id": JournalID(manifest.journal_id),
        "from_date": events[0]["timestamp"] if events else JournalID(manifest.journal_id).start,
        "to_date": events[-1]["timestamp"] if events else JournalID(manifest.journal_id).end,
        "size": manifest.size,
        "events": events,
    }
