"""`flashflood.ray`: a replay as a Ray dataset, read by the workers of a local Ray."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import ray
from conftest import Place
from support import stopped_worker
from support.examples import prints_what_it_shows
from support.samples import at

from flashflood import Event, FlashFlood
from flashflood.ray import FlashFloodDatasource

SIZE = 2_000
"""Bytes of a partition."""
EVENTS = 600
pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings(  # Ray's own
        "ignore::DeprecationWarning:ray",
        "ignore::FutureWarning:ray",
        "ignore:unclosed file .*/logs/ray-data/:ResourceWarning",
    ),
]
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def _local_ray() -> Iterator[None]:
    """Run two workers."""
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, logging_level="error")
    ray.cloudpickle.register_pickle_by_value(stopped_worker)  # the workers do not find the tests
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture
def store(place: Place) -> FlashFlood:
    ff = place.open()
    ff.put_many([(b'{"number":%d}' % number, f"{number:04}", at(number // 3)) for number in range(EVENTS)])
    return ff


def rows(dataset: Any) -> list[Event]:  # noqa: ANN401 - Ray has no types
    found = [Event(row["event_id"], row["date"].replace(tzinfo=None), row["data"]) for row in dataset.take_all()]
    return sorted(found, key=lambda event: (event.date, event.event_id))


def test_the_example_of_the_reference_prints_what_it_shows(tmp_path: Path) -> None:
    prints_what_it_shows("ray.FlashFloodDatasource", tmp_path)


@ON_SQLITE
def test_a_dataset_has_every_event_once(store: FlashFlood, place: Place) -> None:
    source = FlashFloodDatasource(place.url, size=SIZE)
    assert len(source.get_read_tasks(1)) > 3
    dataset = ray.data.read_datasource(source)
    assert rows(dataset) == list(store.replay())
    assert dataset.schema().base_schema == pa.schema(
        [
            pa.field("event_id", pa.string(), nullable=False),
            pa.field("date", pa.timestamp("us", "UTC"), nullable=False),
            pa.field("data", pa.large_binary(), nullable=False),
        ]
    )


@ON_SQLITE
def test_rows_are_counted_and_not_estimated(store: FlashFlood) -> None:
    source = FlashFloodDatasource(store, at(50), at(150), filter="number > `400`", select="number", size=SIZE)
    expected = list(store.replay(at(50), at(150), filter="number > `400`", select="number"))
    assert ray.data.read_datasource(source).count() == len(expected)
    assert rows(ray.data.read_datasource(source)) == expected
    assert ray.data.read_datasource(source).limit(7).count() == 7


@ON_SQLITE
def test_after_begins_after_a_place(store: FlashFlood) -> None:
    source = FlashFloodDatasource(store, after=(at(150), "0451"), size=SIZE)
    assert rows(ray.data.read_datasource(source)) == list(store.replay())[452:]


@ON_SQLITE
def test_there_are_as_many_tasks_as_ray_asks_for(store: FlashFlood) -> None:
    source = FlashFloodDatasource(store)
    assert len(source.get_read_tasks(1)) == 1
    tasks = source.get_read_tasks(8)
    assert len(tasks) == 8
    assert sum(task.metadata.size_bytes for task in tasks) == pytest.approx(source.estimate_inmemory_data_size())
    size = sum(len(event.data) for event in store.replay())
    assert source.estimate_inmemory_data_size() == pytest.approx(size, rel=0.01)
    assert sum(table.num_rows for task in tasks for table in task()) == EVENTS


@ON_SQLITE
def test_a_size_that_was_given_is_kept_to(store: FlashFlood) -> None:
    assert len(FlashFloodDatasource(store, size=1 << 20).get_read_tasks(8)) == 1
    with pytest.raises(ValueError, match="size=0; a partition has 1 byte or more"):
        FlashFloodDatasource(store, size=0)


@ON_SQLITE
def test_nothing_is_an_empty_dataset(store: FlashFlood) -> None:
    assert ray.data.read_datasource(FlashFloodDatasource(store, datetime(2030, 1, 1))).count() == 0


@ON_SQLITE
def test_of_a_worker_killed_in_mid_work_no_event_is_lost_or_doubled(store: FlashFlood, tmp_path: Path) -> None:
    dataset = ray.data.read_datasource(FlashFloodDatasource(store, size=SIZE))
    killer = threading.Thread(target=stopped_worker.kill_who_waits, args=(tmp_path,))
    killer.start()
    stopped = dataset.map_batches(stopped_worker.stop_once, batch_format="pyarrow", fn_kwargs={"folder": str(tmp_path)})
    assert rows(stopped) == list(store.replay())
    killer.join()


@ON_SQLITE
def test_dates_are_in_utc(store: FlashFlood) -> None:
    first = ray.data.read_datasource(FlashFloodDatasource(store)).take(1)[0]
    assert first["date"] == datetime(2020, 1, 1, tzinfo=UTC)


@ON_SQLITE
def test_columns_have_types_on_every_worker(store: FlashFlood) -> None:
    source = FlashFloodDatasource(store, columns={"n": "number"}, size=SIZE)
    dataset = ray.data.read_datasource(source)
    assert dataset.schema().base_schema.field("n").type == pa.int64()
    assert sorted(row["n"] for row in dataset.take_all()) == list(range(EVENTS))
