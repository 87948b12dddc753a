"""`flashflood.spark`: replays, writes and streams on a local Spark, whose workers are processes of their own."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import Place, environment_of
from pyspark import cloudpickle
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.datasource import ReadAllAvailable
from support import stopped_worker
from support.examples import prints_what_it_shows
from support.samples import at
from support.servers.moto import Moto

from flashflood import Event, FlashFlood
from flashflood.spark import SCHEMA, FlashFloodDataSource, put_task

SIZE = 2_000
"""Bytes of a partition."""
EVENTS = 600
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
CONFIGURATION: dict[str, bool | float | int | str | None] = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
    "spark.python.authenticate.socketTimeout": "60s",
}
pytestmark = [
    pytest.mark.xdist_group("spark"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),  # Spark's own
    pytest.mark.timeout(300),  # Java and each kind of Python worker take their time to begin
]
Batches = Iterator[pa.RecordBatch]


@pytest.fixture(scope="module")
def session(java: None, moto: Moto) -> Iterator[SparkSession]:  # noqa: ARG001 - Spark needs Java
    """Run two tasks at a time, each twice at most; credentials come from the workers' environment."""
    builder = SparkSession.builder.master("local[2,2]").config(map=CONFIGURATION)
    for name, value in environment_of(moto).items():
        builder = builder.config(f"spark.executorEnv.{name}", value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    for module in (stopped_worker, sys.modules[__name__]):
        cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]  # the workers do not find the tests
    session.dataSource.register(FlashFloodDataSource)
    yield session
    session.stop()


@pytest.fixture
def store(place: Place) -> FlashFlood:
    """Give a store of some events, some of one date; of fewer on a server, to which each id is a request or three."""
    ff = place.open()
    numbers = range(EVENTS // 4 if place.s3 else EVENTS)
    ff.put_many([(b'{"number":%d}' % number, f"{number:04}", at(number // 3)) for number in numbers])
    return ff


@pytest.fixture
def read(session: SparkSession, place: Place) -> Callable[..., DataFrame]:
    """Give what reads the place, with options."""
    return lambda **options: session.read.format("flashflood").options(**{"size": SIZE, **options}).load(place.url)


def rows(frame: DataFrame) -> list[Event]:
    found = [
        Event(row["event_id"], row["date"].astimezone(UTC).replace(tzinfo=None), row["data"])
        for row in frame.toArrow().to_pylist()
    ]
    return sorted(found, key=lambda event: (event.date, event.event_id))


# Reads.


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_a_dataframe_has_every_event_once(store: FlashFlood, read: Callable[..., DataFrame]) -> None:
    frame = read(size=SIZE // 2)
    assert frame.rdd.getNumPartitions() == len(store.partitions(size=SIZE // 2)) > 1
    assert frame.schema == SCHEMA
    assert rows(frame) == list(store.replay())


@ON_SQLITE
def test_dates_filter_and_select_go_to_the_workers(store: FlashFlood, read: Callable[..., DataFrame]) -> None:
    given = {"filter": "number > `160`", "select": "[number]"}
    expected = list(store.replay(at(50), at(150), **given))  # type: ignore[arg-type]
    assert rows(read(from_date="2020-01-01T00:50", to_date="2020-01-01T05:30:00+03:00", **given)) == expected
    assert len(expected) > 100


@ON_SQLITE
def test_a_dataframe_used_for_several_queries_gives_each_its_own_rows(
    store: FlashFlood, read: Callable[..., DataFrame]
) -> None:
    numbers = read().selectExpr("date", "cast(get_json_object(cast(data as string), '$.number') as int) as number")

    def total(condition: str) -> int:
        return int(numbers.where(condition).selectExpr("sum(number)").collect()[0][0])

    assert total("number < 100") == sum(range(100))
    assert total("date > timestamp'2020-01-01T01:40:00Z'") == sum(range(303, EVENTS))
    assert total("true") == sum(range(EVENTS))
    assert len(list(store.replay())) == EVENTS


@ON_SQLITE
def test_a_dataframe_is_planned_once_and_loading_again_shows_what_has_come(
    store: FlashFlood, read: Callable[..., DataFrame]
) -> None:
    frame = read()
    assert frame.count() == EVENTS
    store.put(b"new", date=at(EVENTS))
    assert frame.count() == EVENTS
    assert read().count() == EVENTS + 1


@ON_SQLITE
def test_only_the_columns_of_the_given_schema_are_read(store: FlashFlood, session: SparkSession, place: Place) -> None:
    reader = session.read.format("flashflood").option("size", SIZE)
    frame = reader.schema("date timestamp, event_id string").load(place.url)
    assert frame.columns == ["date", "event_id"]
    assert sorted(row.event_id for row in frame.collect()) == [event.event_id for event in store.replay()]
    with pytest.raises(AnalysisException, match=r"column number:int: events have struct<event_id:string,"):
        reader.schema("number int").load(place.url).count()
    with pytest.raises(AnalysisException, match=r"column date:string: events have struct<event_id:string,"):
        reader.schema("date string").load(place.url).count()


VALUES = {"n": "number", "half": "avg([number, `0.5`])", "list": "[number]", "any": "[number, kind]", "kind": "kind"}
"""Of events that `of_kinds` gives."""


@pytest.fixture
def of_kinds(place: Place) -> FlashFlood:
    ff = place.open()
    ff.put_many([({"number": n, "kind": ["a", "b"][n % 2]}, f"{n:03}", at(n)) for n in range(300)])
    return ff


@ON_SQLITE
def test_columns_are_values_with_types_that_are_inferred_once(
    of_kinds: FlashFlood, read: Callable[..., DataFrame]
) -> None:
    frame = read(columns=json.dumps(VALUES))
    types = "event_id string, date timestamp, n bigint, half double, list array<bigint>, any array<string>, kind string"
    assert ", ".join(field.simpleString().replace(":", " ") for field in frame.schema) == types
    expected = of_kinds.replay_batches(columns=VALUES).to_arrow()
    found = frame.toArrow().sort_by("event_id")
    assert found.drop_columns("date").to_pylist() == expected.drop_columns("date").to_pylist()
    frame = read(columns=json.dumps(VALUES))
    of_kinds.put({"number": "first"}, "first", at(-1))
    with pytest.raises(PySparkException, match='column "n" is "first", which does not fit int64'):
        frame.collect()


@ON_SQLITE
def test_columns_have_the_types_of_the_given_schema(of_kinds: FlashFlood, session: SparkSession, place: Place) -> None:
    reader = session.read.format("flashflood").option("columns", json.dumps(VALUES)).option("size", SIZE)
    frame = reader.schema("n double, kind string").load(place.url)
    assert sorted(map(tuple, frame.collect())) == [(float(n), "ab"[n % 2]) for n in range(300)]
    with pytest.raises(PySparkException, match=r"column .n. is \d+, which does not fit string"):
        reader.schema("n string").load(place.url).collect()
    assert {row.n for row in reader.option("on_mismatch", "null").schema("n string").load(place.url).collect()} == {
        None
    }
    with pytest.raises(AnalysisException, match="has type Int32; a column is int64"):
        reader.schema("n int").load(place.url).count()
    with pytest.raises(
        AnalysisException, match="column data:binary: events have struct<event_id:string,date:timestamp>"
    ):
        reader.schema("data binary").load(place.url).count()
    assert len(list(of_kinds.replay())) == 300


@ON_SQLITE
def test_nothing_is_an_empty_dataframe(store: FlashFlood, read: Callable[..., DataFrame]) -> None:
    assert len(list(store.replay())) == EVENTS
    assert rows(read(from_date="2030-01-01")) == []


@ON_SQLITE
def test_of_a_worker_killed_in_mid_work_no_event_is_lost_or_doubled(
    store: FlashFlood, read: Callable[..., DataFrame], tmp_path: Path
) -> None:
    folder = str(tmp_path)

    def stop(batches: Batches) -> Batches:
        return (stopped_worker.stop_once(batch, folder) for batch in batches)

    killer = threading.Thread(target=stopped_worker.kill_who_waits, args=(tmp_path,))
    killer.start()
    assert rows(read().mapInArrow(stop, SCHEMA)) == list(store.replay())
    killer.join()


@ON_SQLITE
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"store": ""}, r"no store named: give \.option\('store', URL\), or the URL to load, save or start"),
        ({"store": "memory://"}, "store='memory://': Spark's workers are processes of their own"),
        ({"Sizes": "1", "filters": "a"}, "unknown options filters, sizes; there are columns, filter, from_date, "),
        ({"from_date": "yesterday"}, "'yesterday' is not a date such as "),
        ({"size": "1 GB"}, "size='1 GB'; give a number of bytes, such as 268435456"),
        ({"columns": "n"}, "columns='n'; give a JSON object of expressions"),
        ({"columns": '{"n": "a["}'}, r"a\["),
        ({"columns": '{"n": "a"}', "on_mismatch": "skip"}, "on_mismatch='skip'; it is"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_an_option_that_is_wrong_is_an_error_of_load_that_says_so(
    session: SparkSession, place: Place, options: dict[str, str], message: str
) -> None:
    with pytest.raises(AnalysisException, match=message):
        session.read.format("flashflood").options(**options).load(place.url)


# Writes.


def fail_at_the_end(url: str) -> Callable[[Batches], Batches]:
    """Give what hands a task's batches on, and fails once some events are stored."""

    def hand_on(batches: Batches) -> Batches:
        yield from batches
        while not list(FlashFlood.open(url).list_journals()):
            time.sleep(0.05)
        msg = "an attempt"
        raise RuntimeError(msg)

    return hand_on


def fail_once(folder: Path, url: str) -> Callable[[Batches], Batches]:
    """Do so with the first task that comes; hand the rows of all others on in another order."""

    def hand_on(batches: Batches) -> Batches:
        try:
            (folder / "failed").touch(exist_ok=False)
        except FileExistsError:
            return reverse(batches)
        return fail_at_the_end(url)(batches)

    return hand_on


def reverse(batches: Batches) -> Batches:
    """Give the same rows in another order."""
    for batch in reversed(list(batches)):
        yield batch.take(pa.array(range(len(batch) - 1, -1, -1)))


def made(session: SparkSession, *columns: str) -> DataFrame:
    """Give events of 2 KB, two of each data and date, as two partitions of one task each."""
    frame = session.range(0, 400, numPartitions=2).selectExpr(
        "concat('e', id) as event_id",
        "timestamp_seconds(1577836800 + 60 * (id div 2)) as date",
        "concat(id div 2, repeat(' ', 2000)) as data",
    )
    return frame.select(*columns)


MADE = [(at(number // 2), f"{number // 2}{' ' * 2000}".encode()) for number in range(400)]


def put(frame: DataFrame, url: str, mode: str = "append") -> None:
    frame.write.format("flashflood").mode(mode).save(url)


@pytest.mark.parametrize(("place", "other"), [("sqlite", "moto"), ("moto", "sqlite")], indirect=True)
def test_what_is_written_is_what_was_read(store: FlashFlood, read: Callable[..., DataFrame], other: Place) -> None:
    put(read(to_date="2020-01-01T00:30"), other.url)
    assert list(other.open().replay()) == list(store.replay(to_date=at(30)))


@ON_SQLITE
@pytest.mark.parametrize("columns", [("event_id", "date", "data"), ("data", "date")], ids=" ".join)
def test_a_task_that_failed_is_repeated_without_doubles(
    session: SparkSession, place: Place, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    frame = made(session, *columns)
    put(frame.mapInArrow(fail_once(tmp_path, place.url), frame.schema), place.url)
    events = list(place.open().replay())
    assert (tmp_path / "failed").exists()
    assert sorted((event.date, event.data) for event in events) == sorted(MADE)
    if "event_id" in columns:
        assert {event.event_id for event in events} == {f"e{number}" for number in range(400)}


@ON_SQLITE
def test_of_two_attempts_at_one_time_each_event_is_put_once(place: Place) -> None:
    data = [b"%d" % (number // 2) for number in range(1_000)]
    batches = pa.table({"data": data}).to_batches(max_chunksize=90)
    for round_ in range(3):
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(put_task, place.open(), f"{round_}", way(batches)) for way in (iter, reverse)]
        assert [attempt.exception() for attempt in attempts] == [None, None]
        assert sorted(event.data for event in place.open().replay()) == sorted(data * (round_ + 1))
    assert place.open().check() == []


@ON_SQLITE
def test_events_written_again_are_there_once_and_other_data_under_their_ids_are_an_error(
    session: SparkSession, place: Place
) -> None:
    frame = made(session, "event_id", "date", "data")
    put(frame, place.url)
    put(frame, place.url)
    before = list(place.open().replay())
    assert len(before) == len(MADE)
    for columns in (["event_id", "'other' as data"], ["event_id", "data", "now() as date"]):
        with pytest.raises(PySparkException, match=r"event 'e\d+' exists already, with other data or another date"):
            put(frame.selectExpr(*columns), place.url)
    assert list(place.open().replay()) == before


@ON_SQLITE
def test_events_of_two_writes_without_ids_are_different_ones(session: SparkSession, place: Place) -> None:
    frame = made(session, "data", "date")
    put(frame, place.url)
    put(frame, place.url)
    assert sorted((event.date, event.data) for event in place.open().replay()) == sorted(MADE * 2)


@ON_SQLITE
def test_a_write_that_cannot_be_right_says_so(session: SparkSession, place: Place) -> None:
    frame = made(session, "event_id", "date", "data")
    with pytest.raises(AnalysisException, match=r"a write does not empty a store: use \.mode\('append'\)"):
        put(frame, place.url, "overwrite")
    with pytest.raises(AnalysisException, match=r"columns date:string, more:int: give data \(binary or string\)"):
        put(frame.selectExpr("data", "'2020' as date", "1 as more"), place.url)
    with pytest.raises(AnalysisException, match="no column data: give the events' data there"):
        put(frame.select("event_id"), place.url)
    with pytest.raises(PySparkException, match="column data has nulls: an event has data, be they empty"):
        put(frame.selectExpr("cast(null as binary) as data"), place.url)
    with pytest.raises(AnalysisException, match="unknown options size; there are path, store"):
        frame.write.format("flashflood").option("size", 1).mode("append").save(place.url)
    assert list(place.open().replay()) == []


# Streams.


def unchanged(batches: Batches) -> Batches:
    """Hand a task's batches on."""
    yield from batches


class Stream:
    """A stream from a place to Parquet files, which goes on from its checkpoint each time that it runs."""

    def __init__(self, session: SparkSession, place: Place, folder: Path) -> None:
        self._session = session
        self._options = {"store": place.url, "size": str(SIZE), "lateness": "0s"}
        self._parquet, self._checkpoint = str(folder / "parquet"), str(folder / "checkpoint")

    def run(self, through: Callable[[Batches], Batches] = unchanged, /, **options: str) -> int:
        """Read what has come; give how many batches have been done by now."""
        frame = self._session.readStream.format("flashflood").options(**{**self._options, **options}).load()
        written = frame.mapInArrow(through, SCHEMA).writeStream.format("parquet")
        writer = written.option("checkpointLocation", self._checkpoint)
        query = writer.option("path", self._parquet).trigger(availableNow=True).start()
        query.awaitTermination()
        return sum(path.name.isdecimal() for path in Path(self._checkpoint, "commits").iterdir())

    def rows(self) -> list[Event]:
        return rows(self._session.read.parquet(self._parquet))

    def batch(self, number: int) -> set[str]:
        """Give the ids of a batch that has been written: Spark keeps a list of its files."""
        files = Path(self._parquet, "_spark_metadata", str(number)).read_text().splitlines()[1:]
        written = self._session.read.parquet(*(json.loads(file)["path"] for file in files))
        return {row.event_id for row in written.collect()}


@pytest.fixture
def stream(session: SparkSession, place: Place, tmp_path: Path) -> Stream:
    return Stream(session, place, tmp_path)


@ON_SQLITE
def test_a_stream_gives_each_event_once_and_goes_on_from_its_checkpoint(store: FlashFlood, stream: Stream) -> None:
    assert stream.run() == 1
    assert stream.rows() == list(store.replay())
    for batches in (2, 3):
        store.put_many([(b"%d" % number, None, None) for number in range(150)])
        assert stream.run() == batches
        assert stream.rows() == list(store.replay())


@ON_SQLITE
def test_a_batch_that_failed_is_read_again_with_its_dates(store: FlashFlood, stream: Stream) -> None:
    assert stream.run() == 1
    first = {store.put(b"%d" % number).event_id for number in range(5)}

    def fail(batches: Batches) -> Batches:
        for batch in batches:
            msg = f"{len(batch)} events are not written"
            raise RuntimeError(msg)
        yield from ()

    with pytest.raises(PySparkException, match="5 events are not written"):
        stream.run(fail)
    later = store.put(b"later")
    assert stream.run() == 3
    assert stream.rows() == list(store.replay())
    assert (stream.batch(1), stream.batch(2)) == (first, {later.event_id})


@ON_SQLITE
def test_what_is_younger_than_the_lateness_waits_and_what_comes_later_is_left_out(
    store: FlashFlood, stream: Stream
) -> None:
    young = store.put(b"young")
    stream.run(lateness="1h")
    assert stream.rows() == [event for event in store.replay() if event != young]
    late = store.put(b"late", date=young.date - timedelta(hours=2))
    stream.run()
    assert stream.rows() == [event for event in store.replay() if event != late]


@ON_SQLITE
def test_a_stream_never_goes_back_though_the_clock_does(place: Place) -> None:
    source = FlashFloodDataSource({"store": place.url})
    reader = source.streamReader(SCHEMA)
    ahead = {"date": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S.%fZ}"}
    assert reader.latestOffset(ahead, ReadAllAvailable()) == ahead
    assert reader.partitions(ahead, ahead) == []


@ON_SQLITE
def test_a_stream_has_the_dates_filter_and_select_that_are_given(store: FlashFlood, stream: Stream) -> None:
    given = {"from_date": "2020-01-01T00:50", "to_date": "2020-01-01T02:30", "filter": "number > `160`"}
    stream.run(**given, select="[number]")
    assert stream.rows() == list(store.replay(at(50), at(150), filter="number > `160`", select="[number]"))


@ON_SQLITE
def test_a_stream_that_is_written_and_fails_is_repeated_without_doubles(
    session: SparkSession, place: Place, tmp_path: Path
) -> None:
    made(session, "data").write.parquet(str(tmp_path / "source"))

    def write(through: Callable[[Batches], Batches]) -> None:
        frame = session.readStream.schema("data string").parquet(str(tmp_path / "source"))
        writer = frame.mapInArrow(through, frame.schema).writeStream.format("flashflood").queryName("events")
        checkpoint = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))
        checkpoint.trigger(availableNow=True).start(place.url).awaitTermination()

    with pytest.raises(PySparkException, match="an attempt"):
        write(fail_at_the_end(place.url))
    assert len(list(place.open().replay())) > 0
    write(reverse)
    assert sorted(event.data for event in place.open().replay()) == sorted(data for _, data in MADE)
    made(session, "data").write.mode("append").parquet(str(tmp_path / "source"))
    write(reverse)
    assert sorted(event.data for event in place.open().replay()) == sorted(data for _, data in MADE * 2)


@pytest.mark.usefixtures("session")
def test_the_example_of_the_reference_prints_what_it_shows(tmp_path: Path) -> None:
    prints_what_it_shows("spark.FlashFloodDataSource", tmp_path)


@ON_SQLITE
def test_workers_compact_ranges_of_dates_at_one_time(session: SparkSession, place: Place) -> None:
    ff = place.open()
    for number in range(40):
        ff.put_many([(b"%d" % event, f"{number:02}-{event:03}", at(number * 100 + event)) for event in range(100)])
    before = list(ff.replay())
    ranges = [(at(first * 100 - 1), at((first + 10) * 100 - 1)) for first in range(0, 40, 10)]

    def compact(dates: tuple[datetime, datetime]) -> tuple[int, int]:
        done = ff.compact(130_000, *dates)
        return done.journals, done.into

    assert session.sparkContext.parallelize(ranges, 4).map(compact).collect() == [(10, 1)] * 4
    assert len(list(ff.list_journals())) == 4
    assert list(ff.replay()) == before
    assert ff.check() == []
