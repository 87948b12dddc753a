"""The Rust core: bytes in, events out. No I/O, no keys, no clock.

Timestamps cross as text in FORMAT.md's form (`2019-05-16T211813.059000Z`), in which text order is time order.
A `Buffer` is anything that holds bytes; it is read in place, not copied, and its owner is kept alive.
Whatever is wrong with the bytes is a `FlashFloodCorruptionError` that names the journal and the place.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self, TypeAlias, final

from flashflood.events import Event

Buffer: TypeAlias = bytes | bytearray | memoryview
Update: TypeAlias = tuple[str, str, str, bool, int]
"""(journal_id, event_id, timestamp, is_delete, bytes of its data): what an update's key says, and the size that its listing gives."""

def format_timestamp(date: datetime, /) -> str:
    """The timestamp of a date. Naive: taken as UTC. Aware: converted. `ValueError` when that leaves the years 1 to 9999."""

def parse_timestamp(text: str, /) -> datetime:
    """The naive UTC datetime of a timestamp. `ValueError` for any other text."""

def living(names: Sequence[str], /) -> tuple[list[int], list[int], list[int]]:
    """Sort one stretch of a listing of journals, in key order, into (living, tombstones, strangers), as indices into `names`.

    A name directly followed by itself + `.dead` is not living. A stranger does not have a journal_id's shape.
    """

@final
class Row:
    """One event's row in a manifest. Frozen."""
    def __new__(
        cls,
        event_id: str,
        timestamp: str,
        offset: int,
        size: int,
        revision: int | None = None,
        birth: int | None = None,
        updated: str | None = None,
        source: str | None = None,
    ) -> Self: ...
    @property
    def event_id(self) -> str: ...
    @property
    def timestamp(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def revision(self) -> int | None:
        """The index revision that points here; None where 0.4.3 wrote the manifest."""
    @property
    def birth(self) -> int | None:
        """The revision of the claim that the event began with."""
    @property
    def updated(self) -> str | None:
        """The timestamp of the last update applied."""
    @property
    def source(self) -> str | None:
        """The journal_id that the row came `from`."""

@final
class Manifest:
    """A journal's manifest in columns, its rows in (timestamp, event_id) order whatever their order in the JSON. Frozen."""
    @staticmethod
    def decode(journal_id: str, body: Buffer, /) -> Manifest:
        """Read any valid JSON manifest. Our own arrays count only if its `journal_id` equals the one given (its key)."""
    @staticmethod
    def of_rows(journal_id: str, rows: Sequence[Row], size: int, replaces: Sequence[str] = ()) -> Manifest:
        """A manifest of these rows over a blob of `size` bytes, with our arrays. No rows: a fence (or an empty journal)."""
    @property
    def journal_id(self) -> str: ...
    @property
    def size(self) -> int:
        """The blob's length in bytes."""
    @property
    def replaces(self) -> list[str]:
        """The journal_ids that this journal was combined from; empty where 0.4.3 wrote it."""
    @property
    def is_ours(self) -> bool:
        """Whether the arrays that 0.4.3 does not know are there and count."""
    @property
    def is_ordered(self) -> bool:
        """Whether its rows stand in order in the JSON, and within the range that the journal_id names (FORMAT.md, "The manifest")."""
    def __len__(self) -> int: ...
    def row(self, index: int, /) -> Row: ...
    def rows(self) -> list[Row]: ...
    def find(self, event_id: str, /) -> Row | None:
        """The row of this id (the last one where several have it)."""
    def events(self) -> list[dict[str, str | int]]:
        """The rows as 0.4.3 has them: event_id, timestamp, offset, size."""
    def encode(self) -> bytes:
        """The JSON that 0.4.3 reads: ASCII, keys in its order, then our arrays where `is_ours`."""

@final
class Window:
    """A stretch of events in (timestamp, event_id) order, planned before their bytes are there. Frozen."""
    @property
    def requests(self) -> list[tuple[int, int, int]]:
        """The byte ranges to fetch, each (source, start, stop); in the order in which the buffers are to be given."""
    @property
    def updates(self) -> list[int]:
        """The updates (indices) whose data are to be given; empty for a `Merge`."""
    @property
    def fetched(self) -> int:
        """The bytes that `requests` ask for in all."""
    @property
    def size(self) -> int:
        """The bytes of the events' data in all."""
    @property
    def last(self) -> tuple[str, str]:
        """(timestamp, event_id) of the last event: the place to go on from."""
    def __len__(self) -> int: ...
    def events(self, buffers: Sequence[Buffer], /) -> Iterator[Event]:
        """The events, one by one; each event's data is copied once, into its `bytes`. A short buffer is an error that names the journal and offset."""
    def data(self, buffers: Sequence[Buffer], updates: Sequence[Buffer] = (), /) -> bytes:
        """The events' data, one after the other: a stretch of the combined journal's blob."""

@final
class Merge:
    """Journals merged into one sequence by (timestamp, event_id), window by window."""
    def __new__(cls, from_date: str | None = None, to_date: str | None = None, after: tuple[str, str] | None = None) -> Self:
        """Events with from_date < date <= to_date, and beyond the place `after`."""
    def add(self, manifest: Manifest, /) -> list[tuple[str, str]]:
        """Take a journal in; its index as a source is the number of earlier `add`s.

        Gives the (timestamp, event_id) about which the index must be asked, since 0.4.3 may have left this journal beside one that it was combined
        into: rows that two journals share, and the rows that only one of two such journals has.
        """
    def decide(self, timestamp: str, event_id: str, journal_id: str | None, /) -> None:
        """Say which journal has the row in question; None: no one, the event was deleted."""
    def remove(self, journal_id: str, /) -> None:
        """A journal turned out to be replaced: drop its rows that have not gone out yet. Unknown ids are ignored."""
    def window(self, before: str | None, limit: int, /) -> Window | None:
        """The next events, of about `limit` bytes (at least one event), dated before the timestamp `before` (None: no bound). None: there are none."""
    @property
    def pending(self) -> int:
        """How many rows have been added and not gone out."""

@final
class Combination:
    """Journals combined into one with their updates applied (PROTOCOL.md, step 9). Frozen.

    One of the `updates` applies to a row of its event in its journal, or that came `from` its journal, or that
    0.4.3 wrote in a journal that was combined. A delete beats every update; of updates the newest counts, if newer than the row's `updated`.
    `current` says, for ids that several rows have after the deletes, which source the index names: of those rows the one with the newest `updated` stays,
    then the one in that source, then the one not `new`, then the greatest journal_id.
    """
    def __new__(
        cls,
        sources: Sequence[Manifest],
        updates: Sequence[Update] = (),
        current: Mapping[str, str] = {},
    ) -> Self: ...
    @staticmethod
    def contested(sources: Sequence[Manifest], updates: Sequence[Update], /) -> list[str]:
        """The ids that several rows have after the deletes."""
    def __len__(self) -> int: ...
    @property
    def start(self) -> str | None:
        """Timestamp of the first event; None when none is left."""
    @property
    def end(self) -> str | None: ...
    @property
    def size(self) -> int:
        """Bytes of the combined blob."""
    def manifest(self, journal_id: str, /) -> Manifest:
        """The combined journal's: each row's revision one above its source's (None stays None), and `replaces`, the sources."""
    def windows(self, limit: int, /) -> list[Window]:
        """The whole blob, cut into stretches of about `limit` bytes."""
