"""Spark (`pip install flashflood-rs[spark]`): the format `flashflood`, for reads, writes and streams.

    from flashflood.spark import FlashFloodDataSource

    spark.dataSource.register(FlashFloodDataSource)
    events = spark.read.format("flashflood").option("store", "s3://bucket/prefix").load()

A range is cut into partitions (`FlashFlood.partitions`) once, by a Python process that Spark starts beside the driver;
each is read by whichever worker has its turn, with the credentials that it finds there, once more where a worker dies.
Writes go through `put_many`, under ids that are the same when a task is done again. docs/spark.md says what holds.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceReader,
    DataSourceStreamArrowWriter,
    DataSourceStreamReader,
    InputPartition,
    WriterCommitMessage,
)
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.streaming.datasource import SupportsTriggerAvailableNow
from pyspark.sql.types import BinaryType, DataType, StringType, StructField, StructType, TimestampNTZType, TimestampType

from flashflood.api import FlashFlood
from flashflood.dates import date_of, duration_of
from flashflood.exceptions import FlashFloodEventExistsError
from flashflood.replay.damage import checked
from flashflood.replay.partitions import SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyspark.sql.streaming.datasource import ReadLimit

    from flashflood.replay.arrow import ReplayBatches
    from flashflood.replay.columns import OnMismatch
    from flashflood.replay.damage import OnDamage
    from flashflood.replay.partitions import Partition

SCHEMA = StructType().add("event_id", StringType()).add("date", TimestampType()).add("data", BinaryType())
"""The columns of a read without the option `columns`; a schema of the user's has some of them."""

_TYPE = "flashflood.type"
"""Where a field's metadata have the type that was inferred: as texts, Spark has both `string` and `json`."""
_WRITTEN: dict[str, tuple[type[DataType], ...]] = {
    "event_id": (StringType,),
    "date": (TimestampType, TimestampNTZType),
    "data": (BinaryType, StringType),
}
_STORE = frozenset({"store", "path"})
_READ = _STORE | {"from_date", "to_date", "filter", "select", "columns", "on_mismatch", "on_damage", "size"}
_STREAM = _READ | {"lateness"}
_SPARKS_OWN = frozenset({"checkpointlocation", "queryname"})
"""Options that Spark hands on to what a stream is written to."""


class FlashFloodDataSource(DataSource):
    """The format `flashflood`: columns event_id (string), date (timestamp) and data (binary).

    Options: `store`, what `FlashFlood.open` takes (or `path`, which `load` and `save` set); for reads `from_date`,
    `to_date` (ISO 8601; UTC where no offset is given), `filter`, `select`, `columns` (a JSON object of JMESPath
    expressions by name: `{"n": "length(files)"}`), `on_mismatch`, `on_damage` (`error` or `skip`) and `size`
    (bytes), as `FlashFlood.partitions` takes them; for `readStream` `lateness` too (`90s`, `5m`, `24h`; a minute).
    With `columns`, one for each of them takes the place of data. Their types are those of the user's schema, or are
    inferred.
    `ValueError` for any other option, or where the store is missing.
    """

    @classmethod
    def name(cls) -> str:
        """Give what `format` takes."""
        return "flashflood"

    def schema(self) -> StructType:
        """Give all columns."""
        return _Plan.of(self.options, _STREAM).schema()

    def reader(self, schema: StructType) -> DataSourceReader:
        """Give what reads the columns of a schema."""
        return _Reader(_Plan.of(self.options, _READ), schema)

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802  Spark's name
        """Give what reads them batch by batch."""
        return _StreamReader(_Plan.of(self.options, _STREAM), schema, self.options.get("lateness", "1m"))

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:  # noqa: FBT001  Spark's signature
        """Give what puts the events of a DataFrame."""
        _check_write(schema, overwrite=overwrite)
        return _Writer(_store(self.options, _STORE))

    def streamWriter(self, schema: StructType, overwrite: bool) -> DataSourceStreamArrowWriter:  # noqa: FBT001, N802  as above
        """Give what puts those of a stream."""
        _check_write(schema, overwrite=overwrite)
        return _StreamWriter(_store(self.options, _STORE | _SPARKS_OWN))


class _Plan(NamedTuple):
    """What is read, and how it is cut."""

    url: str
    from_date: datetime | None
    to_date: datetime | None
    filter: str | None
    select: str | None
    columns: dict[str, str | None] | None
    on_mismatch: OnMismatch
    on_damage: OnDamage
    size: int

    @classmethod
    def of(cls, options: Mapping[str, str], known: frozenset[str]) -> _Plan:
        """Take the options. `ValueError` for those that are not known, and for what is no date, columns or size."""
        url = _store(options, known)
        from_date, to_date = (date_of(options[name]) if name in options else None for name in ("from_date", "to_date"))
        size = options.get("size", str(SIZE))
        if not size.isdecimal():
            msg = f"size={size!r}; give a number of bytes, such as {SIZE}"
            raise ValueError(msg)
        columns = _columns(options["columns"]) if "columns" in options else None
        on_mismatch = cast("OnMismatch", options.get("on_mismatch", "error"))
        on_damage = checked(cast("OnDamage", options.get("on_damage", "error")))
        how = options.get("filter"), options.get("select")
        return cls(url, from_date, to_date, *how, columns, on_mismatch, on_damage, int(size))

    def schema(self) -> StructType:
        """Give all columns; where they have no types, the first events are read for these."""
        batches = self.batches()
        if self.columns is None:
            return SCHEMA
        fields, types = from_arrow_schema(pa.schema(batches)), batches.types
        for field in fields:
            field.metadata = {_TYPE: types[field.name]} if field.name in types else {}
        return fields

    def batches(self, schema: StructType | None = None) -> ReplayBatches:
        """Give the whole range, at no request. `ValueError` for an expression or a type that will not do."""
        return _opened(self.url).replay_batches(self.from_date, self.to_date, **self._how(schema))

    def partitions(self, schema: StructType) -> list[InputPartition]:
        """List the range, and cut it; of `columns`, those of a schema are read."""
        cut = _opened(self.url).partitions(self.from_date, self.to_date, **self._how(schema), size=self.size)
        return [InputPartition(partition) for partition in cut]

    def _how(self, schema: StructType | None) -> dict[str, Any]:
        how: dict[str, Any] = {"filter": self.filter, "select": self.select}
        how |= {"on_mismatch": self.on_mismatch, "on_damage": self.on_damage}
        if self.columns is None or schema is None:
            return how | {"columns": self.columns}
        types = {field.name: _type(field) for field in schema if self.columns.get(field.name) is not None}
        left_out = dict.fromkeys({"event_id", "date"} - set(schema.names))
        return how | {"columns": left_out | {name: self.columns[name] for name in types}, "schema": types}


class _Reader(DataSourceReader):
    """Reads a range.

    It has no `pushFilters`: pyspark 4.3 plans a DataFrame once, with the filters of its first query, and gives what is
    left by these to each later one.
    """

    def __init__(self, plan: _Plan, schema: StructType) -> None:
        """Make no request."""
        self._plan = plan
        self._wanted = schema
        self._schema = _arrow_schema(plan, schema)

    def partitions(self) -> list[InputPartition]:
        """Plan, beside the driver."""
        return self._plan.partitions(self._wanted)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read a partition, on a worker."""
        return _batches(partition.value, self._schema)


class _StreamReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Reads a range as it grows: each batch has the dates after the last one's, up to `lateness` ago.

    The driver's clock counts. An offset is the last date of a batch; None: nothing has been read.
    """

    def __init__(self, plan: _Plan, schema: StructType, lateness: str) -> None:
        """Make no request."""
        self._plan = plan
        self._wanted = schema
        self._schema = _arrow_schema(plan, schema)
        self._lateness = duration_of(lateness)
        self._last: str | None = None

    def initialOffset(self) -> dict[str, str | None]:  # noqa: N802  Spark's name
        """Begin after `from_date`."""
        return {"date": None if self._plan.from_date is None else _text(self._plan.from_date)}

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802  as above
        """End with what is there now."""
        self._last = self._until()

    def latestOffset(self, start: dict[str, str | None], limit: ReadLimit) -> dict[str, str | None]:  # noqa: ARG002, N802  as above
        """Say where the next batch ends; never before its start, whatever the clock says."""
        return {"date": max(start["date"] or "", self._last or self._until())}

    def partitions(self, start: dict[str, str | None], end: dict[str, str | None]) -> list[InputPartition]:
        """Plan a batch, beside the driver."""
        dates = [None if offset["date"] is None else date_of(offset["date"]) for offset in (start, end)]
        return self._plan._replace(from_date=dates[0], to_date=dates[1]).partitions(self._wanted)

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read a partition, on a worker."""
        return _batches(partition.value, self._schema)

    def _until(self) -> str:
        """Give the last date that is read now."""
        now = datetime.now(UTC).replace(tzinfo=None) - self._lateness
        return _text(now if self._plan.to_date is None else min(now, self._plan.to_date))


class _Puts:
    """Puts the events of tasks."""

    def __init__(self, url: str) -> None:
        """Begin a run; made once for a DataFrame, and pickled to its tasks."""
        self._url = url
        self._run = str(uuid.uuid4())

    def write(self, iterator: Iterator[pa.RecordBatch]) -> WriterCommitMessage:
        """Put the events of a task, on a worker; a batch of Arrow's is one of `put_many`, or two."""
        task = cast("TaskContext", TaskContext.get())
        put_task(_opened(self._url), f"{self._run_of(task)} {task.partitionId()}", iterator)
        return WriterCommitMessage()

    def _run_of(self, task: TaskContext) -> str:  # noqa: ARG002  a stream asks the task
        return self._run


class _Writer(_Puts, DataSourceArrowWriter):
    """Writes a DataFrame."""


class _StreamWriter(_Puts, DataSourceStreamArrowWriter):
    """Writes a stream: a batch that is done again after a restart, under the same ids."""

    def _run_of(self, task: TaskContext) -> str:
        """Name the batch: by the query, which its checkpoint keeps, and its number."""
        query = task.getLocalProperty("sql.streaming.queryId")
        batch = task.getLocalProperty("streaming.sql.batchId")
        if query is None or batch is None:
            msg = "this Spark does not tell its tasks which batch of a stream they write; write by foreachBatch instead"
            raise RuntimeError(msg)
        return f"{query} {batch}"


class Ids:
    """Ids for the events of a task that come without one: made of their data and dates, in whatever order they come."""

    def __init__(self, task: str) -> None:
        """Take what tells the task from all others, and is the same when it is done again."""
        self._task = task.encode()
        self._seen: Counter[bytes] = Counter()

    def of(self, data: bytes, date: datetime | None) -> str:
        """Make the id of one more event; equal ones are counted, with some 100 bytes of memory for each event."""
        content = blake2b(self._task + f" {date}\0".encode(), digest_size=16)
        content.update(data)
        self._seen[content.digest()] += 1
        content.update(b"\0%d" % self._seen[content.digest()])
        return str(uuid.UUID(bytes=content.digest()))


def put_task(ff: FlashFlood, task: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Put the events of a task, of which an earlier or another attempt may have put some, or be about to.

    An event that is there already, with the same data and, where one is given, the same date, is taken as put.
    `FlashFloodEventExistsError` if an id has other data or another date.
    """
    ids = Ids(task)
    for batch in batches:
        events = [(data, event_id or ids.of(data, date), date) for data, event_id, date in _rows(batch)]
        skipped = set(ff.put_many(events, on_conflict="skip").skipped)
        taken = [event for event in events if event[1] in skipped]
        for (data, event_id, date), there in zip(taken, ff.get_events(event[1] for event in taken), strict=True):
            if there.data != data or date not in (None, there.date):
                msg = f"event {event_id!r} exists already, with other data or another date; `update_event` changes it"
                raise FlashFloodEventExistsError(msg, event_id=event_id)


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[bytes, str | None, datetime | None]]:
    """Give what `put_many` takes; dates are naive UTC, as those of events. `ValueError` where data are missing."""
    if batch["data"].null_count:
        msg = "column data has nulls: an event has data, be they empty; leave these rows out, or fill them"
        raise ValueError(msg)
    types = {"data": pa.binary(), "event_id": pa.string(), "date": pa.timestamp("us")}
    return zip(*(_column(batch, name, arrow) for name, arrow in types.items()), strict=True)


def _column(batch: pa.RecordBatch, name: str, arrow: pa.DataType) -> list[object]:
    """Give the values of a column; None for each row where there is no such column."""
    return batch[name].cast(arrow).to_pylist() if name in batch.schema.names else [None] * len(batch)


def _batches(partition: Partition | None, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Read some columns of a partition, on a worker. None: Spark has one partition where we have none."""
    if partition is not None:
        for batch in pa.RecordBatchReader.from_stream(partition.batches().only(schema.names), schema=schema):
            yield batch.cast(schema)


@lru_cache(maxsize=16)
def _opened(url: str) -> FlashFlood:
    """Open a store, with one client for all that comes to this process."""
    return FlashFlood.open(url)


def _store(options: Mapping[str, str], known: frozenset[str]) -> str:
    """Give the URL of the store. `ValueError` if it is missing or in memory, or an option is not known."""
    unknown = sorted(set(options) - known)
    if unknown:
        msg = f"unknown options {', '.join(unknown)}; there are {', '.join(sorted(known - _SPARKS_OWN))}"
        raise ValueError(msg)
    url = options.get("store", options.get("path", ""))
    if not url:
        msg = "no store named: give .option('store', URL), or the URL to load, save or start"
        raise ValueError(msg)
    if url.lower().startswith("memory:"):
        msg = f"store={url!r}: Spark's workers are processes of their own; name a store on S3, a file or a folder"
        raise ValueError(msg)
    return url


def _columns(text: str) -> dict[str, str | None]:
    """Read the option `columns`. `ValueError` if it is no object of expressions."""
    try:
        columns = json.loads(text)
    except ValueError:
        columns = None
    if not isinstance(columns, dict) or not all(one is None or isinstance(one, str) for one in columns.values()):
        msg = f"""columns={text!r}; give a JSON object of expressions, such as '{{"n": "length(files)"}}'"""
        raise ValueError(msg)
    return columns


def _arrow_schema(plan: _Plan, schema: StructType) -> pa.Schema:
    """Give the Arrow schema of what is read. `ValueError` for a column that there is not, or not of this type."""
    columns = plan.columns or {}
    there = [field for field in SCHEMA if field.name not in columns and (plan.columns is None or field.name != "data")]
    of_events = StructType(there)
    for field in schema:
        if columns.get(field.name) is not None:
            continue
        if field.name not in of_events.names or field.dataType != of_events[field.name].dataType:
            others = f", and columns has {', '.join(columns)}" if columns else ""
            msg = f"column {field.simpleString()}: events have {of_events.simpleString()}{others}"
            raise ValueError(msg)
    plan.batches(schema)
    return to_arrow_schema(schema, timezone="UTC")


def _type(field: StructField) -> str | pa.DataType:
    """Give the type of one of `columns`, as `schema` takes it: as it was inferred, or as the user says."""
    inferred: str | None = field.metadata.get(_TYPE)
    return inferred or to_arrow_schema(StructType([field]), timezone="UTC").field(0).type


def _check_write(schema: StructType, *, overwrite: bool) -> None:
    """Check how, and what, is written. `ValueError` names what is wrong."""
    if overwrite:
        msg = "a write does not empty a store: use .mode('append') or .outputMode('append'), or another store"
        raise ValueError(msg)
    wrong = [field.simpleString() for field in schema if not isinstance(field.dataType, _WRITTEN.get(field.name, ()))]
    if wrong:
        msg = (
            f"columns {', '.join(wrong)}: give data (binary or string) and, if you like, event_id and date (timestamp)"
        )
        raise ValueError(msg)
    if "data" not in schema.names:
        msg = "no column data: give the events' data there, binary or string"
        raise ValueError(msg)


def _text(date: datetime) -> str:
    """Give a date in ISO 8601, so that texts compare as dates do."""
    return f"{date.isoformat(timespec='microseconds')}Z"
