"""The Rust core: bytes in, events out. No I/O, no keys, no clock.

Timestamps cross as text in the layout's form (`2019-05-16T211813.059000Z`), in which text order is time order.
A `Buffer` is anything that holds bytes one after the other. A `bytes` is read in place, not copied, and kept alive as
long as its bytes are in use; anything else is copied first.
Whatever is wrong with the bytes is a `FlashFloodCorruptionError` that names the journal and the place; an argument
that makes no sense is a `ValueError` or a `TypeError`.
Everything may be used by several threads at once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, Self, TypeAlias, final

from typing_extensions import CapsuleType

from flashflood.events import Event

__all__ = [
    "Batch",
    "Chain",
    "Columns",
    "Combination",
    "Expression",
    "Manifest",
    "Merge",
    "RecordBatch",
    "Row",
    "Run",
    "Seen",
    "Sources",
    "Window",
    "classify",
    "export_stream",
    "format_timestamp",
    "note_fork",
    "parse_page",
    "parse_timestamp",
    "type_text",
    "types_of_schema",
]

Buffer: TypeAlias = bytes | bytearray | memoryview

Update: TypeAlias = tuple[str, str, str, bool, int]
"""(journal_id, event_id, timestamp, is_delete, size): what an update's key says, and the size of its data."""

def format_timestamp(date: datetime, /) -> str:
    """Give the timestamp of a date: naive is taken as UTC, aware is converted; less than a microsecond is dropped.

    `ValueError` when that leaves the years 1 to 9999, and for what shows other fields than it keeps, as `pandas.NaT`
    does; `TypeError` for what is no datetime.
    """

def export_stream(batches: Iterator[RecordBatch], columns: Columns, batch_size: int, /) -> CapsuleType:
    """Give record batches with these columns as an `arrow_array_stream` capsule, cut to at most `batch_size` rows.

    They are read from whatever thread the consumer reads on, when it asks for them. Data are not copied: the record
    batches keep the buffers alive. An error that the iterator raises ends the stream; its text is the stream's error.
    """

def type_text(given: object, /) -> str:
    """Give a column's type as a text, of a text that names one, or of an Arrow field or type.

    `ValueError` for a type that no column has.
    """

def types_of_schema(schema: object, /) -> list[tuple[str, str]]:
    """Give the fields of an Arrow schema, each with its type as a text.

    `ValueError` for a type that no column has, and for a field that is not nullable.
    """

def parse_timestamp(text: str, /) -> datetime:
    """Give the naive UTC datetime of a timestamp. `ValueError` for any other text."""

def parse_page(body: bytes, root: str, /) -> tuple[bytes, list[str], list[int], list[datetime]] | None:
    """Take S3's answer to a LIST apart: the XML without its objects; and their keys, sizes, and aware dates of change.

    The keys are decoded as the answer says, and `root`, with which each must begin, is taken off. None: the answer has
    something that is not known here, as are comments and all but ASCII; a reader of all XML is to be asked.
    """

def classify(names: Sequence[str], /) -> tuple[list[int], list[int], list[int]]:
    """Sort one stretch of a listing of journals, in key order, into (living, tombstones, strangers).

    Each is a list of indices into `names`, which are the last parts of the keys. A name directly followed by itself +
    `.dead` is not living. A stranger does not have a journal_id's shape.
    """

@final
class Seen:
    """Names that were met, kept as fingerprints of 128 bits: some 30 bytes each."""

    def __new__(cls) -> Self: ...
    def add(self, names: Sequence[str], /) -> list[int]:
        """Add names, and give the indices of those that are new."""

@final
class Expression:
    """A JMESPath expression, evaluated on JSON as it stands, with the results of Python's `jmespath`. Frozen."""

    def __new__(cls, tree: dict[str, Any], /) -> Self:
        """Take what `jmespath.compile(text).parsed` is, nesting at most 400 levels deep.

        `ValueError` for an expression that only Python can evaluate: one with a function that JMESPath does not have,
        with an `&expression` anywhere but where a function wants one, or with a literal that is too long or deep.
        """
    def matches(self, data: Buffer, /) -> bool | None:
        """Say whether it is true of the data, as JMESPath defines it; None where Python must say.

        False also where the data are not JSON, and where `jmespath` would fail.
        """
    def search(self, data: Buffer, /) -> bytes | None:
        """Give its value as `select` does; None also where the data are not JSON, and where `jmespath` would fail."""
    def select(self, data: Buffer, /) -> bytes | None:
        """Give its value as JSON in ASCII, without blanks; None where Python must.

        `null` also where the data are not JSON, and where `jmespath` would fail.
        """

@final
class Row:
    """One event's row in a manifest. Frozen; equal to a row with the same fields."""

    def __new__(
        cls,
        event_id: str,
        timestamp: str,
        offset: int,
        size: int,
        revision: int | None = None,
        birth: int | None = None,
        updated: str | None = None,
        came_from: str | None = None,
    ) -> Self: ...
    @property
    def event_id(self) -> str: ...
    @property
    def timestamp(self) -> str: ...
    @property
    def offset(self) -> int:
        """Where its data begin in the blob."""
    @property
    def size(self) -> int:
        """How many bytes they are."""
    @property
    def revision(self) -> int | None:
        """The index revision that points here; None where 0.4.3 wrote the manifest."""
    @property
    def birth(self) -> int | None:
        """The revision of the claim that the event began with; None where 0.4.3 put it."""
    @property
    def updated(self) -> str | None:
        """The timestamp of the last update applied."""
    @property
    def came_from(self) -> str | None:
        """The journal_id that the row came `from`."""

@final
class Manifest:
    """A journal's manifest in columns. Frozen.

    Its rows are in (timestamp, event_id) order, whatever their order in the JSON; rows that are equal in both stay in
    theirs.
    """

    @staticmethod
    def decode(journal_id: str, body: Buffer, /) -> Manifest:
        """Read any valid JSON manifest.

        Our own arrays count only if all are there and its `journal_id` equals the one given, its key's.
        """
    @staticmethod
    def decode_part(journal_id: str, size: int, rows: Buffer, replaces: Buffer, /) -> Manifest:
        """Read what a replay needs of some rows of a manifest that this package wrote, over a blob of `size` bytes.

        `rows`: the JSON of rows that follow one another, without brackets; `replaces`: that of the whole array.
        """
    @staticmethod
    def of_rows(journal_id: str, rows: Sequence[Row], size: int, replaces: Sequence[str] = ()) -> Manifest:
        """Make a manifest of these rows, in any order, over a blob of `size` bytes, with our arrays.

        Each row's `came_from` must be None or among `replaces`. No rows: a fence, or an empty journal.
        """
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
        """Whether its rows stood in order, and lie within the range that the journal_id names."""
    def __len__(self) -> int: ...
    def row(self, index: int, /) -> Row:
        """Give the row at an index; `IndexError` where there is none."""
    def rows(self) -> list[Row]: ...
    def find(self, event_id: str, /) -> Row | None:
        """Give the row of this id: the last one where several have it."""
    def find_all(self, event_ids: Sequence[str], /) -> list[int | None]:
        """Give the index of each id's row, which `find` gives; None: no row has it."""
    def events(self) -> list[dict[str, str | int]]:
        """Give the rows as 0.4.3 has them: event_id, timestamp, offset, size."""
    def encode(self) -> bytes:
        """Give the JSON that 0.4.3 reads: ASCII, keys in its order, then our arrays where `is_ours`."""

@final
class Window:
    """A stretch of events in (timestamp, event_id) order, planned before their bytes are there. Frozen.

    It has at least one event and at most 65,536.
    """

    @property
    def requests(self) -> list[tuple[int, int, int]]:
        """The byte ranges to fetch, each (source, start, stop), in the order in which the buffers are to be given.

        Events of a journal with at most 64 KiB between them are fetched together.
        """
    @property
    def ends(self) -> list[int]:
        """Of each request, where the data of its journal end that go out by and by; its own end, for a `Combination`.

        A request may as well bring more, up to there: what comes next.
        """
    @property
    def updates(self) -> list[int]:
        """The updates (indices) whose data are to be given, in this order; empty for a `Merge`."""
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
    def batch(self, buffers: Sequence[Buffer], /) -> Batch:
        """Give the events over the bytes of `requests`.

        Another length than asked for is an error that names the journal and the offset. `ValueError` where `updates` is
        not empty.
        """
    def readable(self, buffers: Sequence[Buffer], holes: Sequence[tuple[int, int, int]], /) -> tuple[Batch, list[int]]:
        """Give the events whose bytes are there, and of each request how many are not.

        Buffers may be shorter than asked for. `holes`: bytes of them that are void, each (number of the request, start,
        stop), as the blob counts. An event without data is always there.
        """
    def ranges(self, request: int, /) -> list[tuple[int, int]]:
        """Give where in the blob the data lie of the events that a request brings, each (start, stop), in order."""
    def data(self, buffers: Sequence[Buffer], updates: Sequence[Buffer] = (), /) -> bytes:
        """Give the events' data, one after the other: a stretch of the combined journal's blob."""

@final
class Run(Iterator[Event]):
    """A run of a batch's events, one by one; each goes to one of the threads that ask. Frozen."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Event: ...

@final
class Batch:
    """Events in (timestamp, event_id) order with their data. Frozen."""

    def __len__(self) -> int: ...
    def events(self, start: int = 0, stop: int | None = None, /) -> Run:
        """Give the events from index `start` to before `stop`; each event's data is copied once, into its `bytes`.

        Not where the `bytes` that were given are all data of one event: then it has these.
        """
    def filter(self, expression: Expression | None, decide: Callable[[bytes], object], /) -> Batch:
        """Give the events that the expression is true of, as its `matches` says.

        `decide` says it of those that it leaves to Python; None leaves all of them to Python.
        """
    def select(self, expression: Expression | None, evaluate: Callable[[bytes], bytes], /) -> Batch:
        """Give the same events with the expression's value of each as JSON, as its `select` gives it.

        What it leaves to Python, `evaluate` gives. None leaves all of them to Python.
        """
    def record_batch(
        self,
        columns: Columns,
        filter: Expression | None = None,
        answer: Callable[[str | None, bytes], bytes] | None = None,
        nulls: bool = False,
        /,
    ) -> RecordBatch:
        """Lay the events that a filter is true of out as Arrow has them. Binary views of data are not copied.

        What the core leaves to Python, `answer` gives: what a column's expression makes of the data, as JSON; for None,
        whether the filter is true of them, as `b"true"` or `b"false"`.
        A value that does not fit its column's type is null, or, unless `nulls`, a `ValueError` that names event and
        column. `ValueError` also for more bytes than a type holds.
        """
    def joined(self) -> bytes | None:
        """Give the events' data with commas between, as the items of a JSON array; None: some may not be JSON."""

class _Runs(Protocol):
    def after(self, seen: Run | None, /) -> Run:
        """Give the run after the one that is over, or after none; `StopIteration`: that was the last one."""

@final
class Chain(Iterator[Event]):
    """The events of all runs, one after the other; each goes to one of the threads that ask. Frozen."""

    def __new__(cls, runs: _Runs, /) -> Self:
        """Take no event yet."""
    def __iter__(self) -> Self: ...
    def __next__(self) -> Event:
        """Give the next event; in a forked child, of none of the runs that its parent has brought."""

def note_fork() -> None:
    """Say that this process is a forked child: nothing that was brought before goes out here."""

@final
class Columns:
    """The columns of record batches, in order. Frozen."""

    def __new__(cls, values: Sequence[tuple[str, Expression | None, str]], has_ids: bool, has_dates: bool, /) -> Self:
        """Take the columns of values: name, expression (None: only Python can evaluate it), and type as a text.

        `has_ids`, `has_dates`: whether event_id (string) and date (timestamp, microseconds in UTC) come before them.
        `ValueError` for a text that is no type, and for two columns of one name.
        """
    @staticmethod
    def of_events() -> Columns:
        """Give those of whole events: event_id, date, data (binary view); no nulls."""
    @property
    def names(self) -> list[str]: ...
    def only(self, names: Sequence[str], /) -> Columns:
        """Give some of the columns. `ValueError` for a name that none has."""
    def as_asked(self, requested: object, /) -> Columns:
        """Give the columns as far as a consumer asks for other types by an `arrow_schema` capsule.

        That is: texts and bytes in another layout, and either for the other.
        """
    def export_schema(self) -> CapsuleType:
        """Give the schema as an `arrow_schema` capsule."""

@final
class RecordBatch:
    """Events as Arrow has them, for `export_stream`. Frozen."""

    def __len__(self) -> int: ...

@final
class Merge:
    """Journals merged into one sequence by (timestamp, event_id), window by window; each (timestamp, event_id) once."""

    def __new__(
        cls,
        from_date: str | None = None,
        to_date: str | None = None,
        after: tuple[str, str] | None = None,
    ) -> Self:
        """Merge events with from_date < date <= to_date, and beyond the place `after`."""
    def add(self, manifest: Manifest, /) -> list[tuple[str, str]]:
        """Take a journal in; its index as a source is the number of earlier `add`s.

        Gives the (timestamp, event_id) about which the index must be asked, each once, since 0.4.3 may have left this
        journal beside one that it was combined into: of two journals that share a row, the rows of the older
        one. Rows that come late, because 0.4.3 named a range which they are not in, go out with the next window, unless
        they have already gone out from another journal.

        What has not gone out of journals that it replaces is dropped, and of one that another has replaced nothing is
        taken. Journals are added in the order of their ids: what a journal replaces is forgotten once one is added that
        begins later. Of one that comes later than that, a tombstone or a ledger entry tells the caller that it is dead.
        """
    def replaces(self, journal_ids: Sequence[str], /) -> list[bool]:
        """Say of each journal whether one that has been added replaces it.

        To be asked before a journal is added that begins later than these: what it has no more use for is forgotten.
        """
    def decide(self, timestamp: str, event_id: str, journal_id: str | None, /) -> None:
        """Say which journal has the row in question; None: the index names none.

        A row that only one journal has and the index does not name was deleted. Of a row that several have, where the
        index names none that is here, that in the journal made last goes out, `new` being before all. About a row that
        is not in question, or has gone out, it changes nothing.
        """
    def window(self, before: str | None, limit: int, /) -> Window | None:
        """Give the next events, dated before the timestamp `before` (None: no bound); None where there are none.

        They have at most `limit` bytes of data in all, or half as much again where that takes in all the rest of a
        journal (which saves a request), or are one event.
        """
    @property
    def pending(self) -> int:
        """How many rows have been added and have neither gone out nor been dropped."""

@final
class Sources:
    """Journals to be combined, in the order in which they were added.

    Of a new journal only the rows are kept, some 200 bytes each: there may be hundreds of thousands. What has been made
    of the journals before another one is added keeps those that it was made of.
    """

    def __new__(cls, manifests: Iterable[Manifest] = (), /) -> Self: ...
    def __len__(self) -> int:
        """How many journals there are."""
    def add(self, manifest: Manifest, /) -> None:
        """Take a journal in."""
    @property
    def events(self) -> int:
        """How many rows they have."""
    @property
    def size(self) -> int:
        """Bytes of their blobs."""
    @property
    def journal_ids(self) -> tuple[str, ...]:
        """Their ids."""
    @property
    def journaled(self) -> list[Manifest]:
        """The manifests of those that are not `new`, or that replace others."""

@final
class Combination:
    """Journals combined into one with their updates applied. Frozen.

    One of the `updates` applies to a row of its event in its journal, or that came `from` its journal, or that 0.4.3
    put and that has been combined since: then also if it was made for a journal which that row's journal replaces, or
    for one that none of the sources is or replaces. A delete beats every update; of updates the newest counts, if newer
    than the row's `updated`.
    `current` says, for ids that several rows have after the deletes, which source the index names: of those rows the
    one with the newest `updated` stays, then the one in that source, then the one in the journal made last, `new`
    being before all.
    """

    def __new__(
        cls,
        sources: Sources,
        updates: Sequence[Update] = (),
        current: Mapping[str, str] = {},
    ) -> Self: ...
    @staticmethod
    def contested(sources: Sources, updates: Sequence[Update], /) -> list[str]:
        """Give the ids that several rows have after the deletes."""
    def __len__(self) -> int: ...
    @property
    def start(self) -> str | None:
        """Timestamp of the first event; None when none is left."""
    @property
    def end(self) -> str | None:
        """Timestamp of the last event; None when none is left."""
    @property
    def size(self) -> int:
        """Bytes of the combined blob."""
    def manifest(self, journal_id: str, /) -> Manifest:
        """Give the combined journal's: revisions one above the sources' (None stays None), `replaces` the sources."""
    def window(self, first: int, limit: int, /) -> Window | None:
        """Give the next stretch of the blob, from the event with this number on; None beyond the last.

        It has at most `limit` bytes, or is one event.
        """
