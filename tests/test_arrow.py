"""replay_batches gives a replay to whatever reads Arrow, in replay's order, without a line of its code here."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import Place
from support.samples import at, put_journaled, put_new
from support.watched import Counted, on

from flashflood import Event, FlashFlood
from flashflood._core import Columns, Manifest, Merge, RecordBatch, Row, export_stream

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

SMALL = 8_000
"""A memory budget that makes windows of a thousand bytes."""


class _Stream(NamedTuple):
    """Record batches of the core, as Arrow reads them."""

    batches: Iterator[RecordBatch]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return export_stream(self.batches, Columns.of_events(), 10)


def table(batches: object) -> pa.Table:
    return pa.RecordBatchReader.from_stream(batches).read_all()


def events_of(found: pa.Table) -> list[Event]:
    """Give the rows as events."""
    columns = found.to_pydict()
    dates = [date.replace(tzinfo=None) for date in columns["date"]]
    return list(map(Event, columns["event_id"], dates, columns["data"]))


def many_events(ff: FlashFlood, count: int = 300) -> list[Event]:
    """Put events into journals that overlap, and some that are new; give them as replay does."""
    ff.put_many(({"n": number, "pad": "x" * (number % 40)}, f"{number:03}", at(number % 7)) for number in range(count))
    ff.put_many((b"", f"empty {number}", at(number)) for number in range(5))
    put_journaled(ff, "a", "b", "c")
    return list(ff.replay())


def test_rows_are_the_events_in_replays_order(place: Place) -> None:
    ff = place.open()
    events = many_events(ff)
    assert events_of(table(ff.replay_batches())) == events
    assert events_of(table(ff.replay_batches(memory_budget=SMALL))) == events
    assert events_of(table(ff.replay_batches(at(2), at(4)))) == list(ff.replay(at(2), at(4)))


@ON_FOLDER
def test_the_columns_are_event_id_date_and_data_without_nulls(place: Place) -> None:
    ff = place.open()
    batches = ff.replay_batches()
    expected = pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            pa.field("date", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("data", pa.binary_view(), nullable=False),
        ]
    )
    assert pa.schema(batches) == expected
    assert table(batches) == expected.empty_table()
    many_events(ff)
    assert table(batches).schema == expected


@ON_FOLDER
@pytest.mark.parametrize(
    "date", [datetime(1, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(9999, 12, 31, 23, 59, 59)]
)
def test_dates_of_every_year_are_exact(place: Place, date: datetime) -> None:
    ff = place.open()
    ff.put(b"data", "a", date)
    (microseconds,) = table(ff.replay_batches())["date"].cast(pa.int64()).to_pylist()
    assert microseconds == (date.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // datetime.resolution


@ON_FOLDER
def test_polars_reads_it(place: Place) -> None:
    ff = place.open()
    events = many_events(ff)
    frame = pl.DataFrame(ff.replay_batches())
    assert frame.schema == {"event_id": pl.String, "date": pl.Datetime("us", "UTC"), "data": pl.Binary}
    assert frame["data"].to_list() == [event.data for event in events]
    assert frame.filter(pl.col("event_id") == "007")["date"].to_list() == [at(0).replace(tzinfo=UTC)]


@ON_FOLDER
def test_duckdb_queries_it_as_often_as_it_likes(place: Place) -> None:
    ff = place.open()
    events = many_events(ff)
    batches = ff.replay_batches(memory_budget=SMALL)  # noqa: F841  DuckDB finds it by its name
    for _ in range(2):
        with duckdb.connect() as connection:
            found = connection.sql("select event_id, octet_length(data) from batches").fetchall()
        assert found == [(event.event_id, len(event.data)) for event in events]


@ON_FOLDER
def test_pandas_reads_it(place: Place) -> None:
    ff = place.open()
    events = many_events(ff)
    frame = pd.DataFrame.from_arrow(ff.replay_batches())
    assert frame["event_id"].tolist() == [event.event_id for event in events]
    assert frame["data"].tolist() == [event.data for event in events]


@ON_FOLDER
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_no_record_batch_has_more_rows_than_batch_size(place: Place, size: int) -> None:
    ff = place.open()
    events = many_events(ff)
    batches = list(pa.RecordBatchReader.from_stream(ff.replay_batches(batch_size=size)))
    assert all(0 < batch.num_rows <= size for batch in batches)
    assert events_of(pa.Table.from_batches(batches)) == events


@ON_FOLDER
@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_1_is_a_value_error(place: Place, size: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size={size}"):
        place.open().replay_batches(batch_size=size)


@ON_FOLDER
def test_filter_and_select_work_as_in_replay(place: Place) -> None:
    ff = place.open()
    many_events(ff)
    how: dict[str, Any] = {"filter": "n > `100` && contains(pad, 'xx')", "select": "{n: n, size: length(pad)}"}
    expected = list(ff.replay(**how))
    assert expected
    assert events_of(table(ff.replay_batches(**how))) == expected
    assert events_of(table(ff.replay_batches(**how, memory_budget=SMALL))) == expected
    assert table(ff.replay_batches(filter="missing")).num_rows == 0


@ON_FOLDER
def test_requests_are_made_when_the_stream_is_read_and_each_stream_is_a_replay_of_its_own(place: Place) -> None:
    put_new(place.open(), "a")
    store = Counted(place.store())
    batches = on(store).replay_batches()
    first, second = pa.RecordBatchReader.from_stream(batches), pa.RecordBatchReader.from_stream(batches)
    assert store.requests == []
    assert first.read_all().num_rows == 1
    place.open().put(b"later", "b", at(1))
    assert second.read_all().num_rows == 2


@ON_FOLDER
def test_an_error_ends_the_stream_and_says_what_is_wrong(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    place.store().delete([f"blobs/{journal_id.blob_id}"])
    reader = pa.RecordBatchReader.from_stream(ff.replay_batches())
    with pytest.raises(Exception, match=f"FlashFloodCorruptionError: journal {journal_id}: its blob is missing"):
        reader.read_all()


def test_data_are_not_copied() -> None:
    start = "2020-01-01T000000.000000Z"
    journal_id = f"{start}--{start}--new--00000000-0000-4000-8000-000000000000"
    rows = [Row("a", start, 0, 100), Row("b", start, 100, 100)]
    merge = Merge()
    merge.add(Manifest.of_rows(journal_id, rows, 200))
    window = merge.window(None, 1_000)
    assert window is not None
    body = bytes(range(200))
    (batch,) = pa.RecordBatchReader.from_stream(_Stream(iter([window.batch([body]).record_batch(Columns.of_events())])))
    buffer = batch["data"].buffers()[2]
    assert (buffer.address, buffer.size) == (id(body) + sys.getsizeof(b"") - 1, 200)
    del merge, window, body
    assert batch["data"].to_pylist() == [bytes(range(100)), bytes(range(100, 200))]


@ON_FOLDER
def test_ten_threads_read_streams_at_once(place: Place) -> None:
    ff = place.open()
    events = many_events(ff, 100)
    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda _: events_of(table(ff.replay_batches(memory_budget=SMALL))), range(10)))
    assert found == [events] * 10
