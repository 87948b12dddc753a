"""`flashflood.dask`: a replay as a Dask DataFrame or a bag, read by the workers of a cluster."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dask.bag
import pandas as pd
import pyarrow as pa
import pytest
from conftest import Place
from distributed import Client, LocalCluster
from support.samples import at
from support.stopped_worker import kill_who_waits, stop_once

import flashflood.dask
from flashflood import Event, FlashFlood

SIZE = 2_000
"""Bytes of a partition."""
EVENTS = 600
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
pytestmark = pytest.mark.xdist_group("dask")


@pytest.fixture
def store(place: Place, monkeypatch: pytest.MonkeyPatch) -> FlashFlood:
    """Give a store of some events, some of one date, that the workers find too."""
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    ff = FlashFlood.open(place.url)
    ff.put_many([(b'{"number":%d}' % number, f"{number:04}", at(number // 3)) for number in range(EVENTS)])
    return ff


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two workers, each a process of one thread, without credentials of ours."""
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as made:
        yield made


def rows(frame: pd.DataFrame) -> list[Event]:
    dates = [date.to_pydatetime().replace(tzinfo=None) for date in frame.index]
    return [Event(*row) for row in zip(frame["event_id"], dates, frame["data"], strict=True)]


@pytest.mark.parametrize("place", ["sqlite", "folder"], indirect=True)
def test_a_frame_has_every_event_once_in_order_with_known_divisions(store: FlashFlood) -> None:
    frame = flashflood.dask.read(store, size=SIZE)
    assert frame.npartitions > 3
    assert frame.known_divisions
    whole = frame.compute(scheduler="synchronous")
    assert rows(whole) == list(store.replay())
    assert whole.dtypes.to_dict() == frame.dtypes.to_dict()
    assert whole.index.dtype == frame.index.dtype == pd.DatetimeTZDtype("us", UTC)


@ON_SQLITE
def test_events_at_a_cut_are_found_by_loc(store: FlashFlood) -> None:
    frame = flashflood.dask.read(store, size=SIZE)
    for partition in store.partitions(size=SIZE):
        events = list(partition.events())
        for date in {events[0].date, events[-1].date}:
            found = frame.loc[pd.Timestamp(date, tz=UTC)].compute(scheduler="synchronous")
            assert list(found["event_id"]) == [event.event_id for event in store.replay() if event.date == date]
    one_day = frame.loc["2020-01-01T01:00:00Z":"2020-01-01T01:59:59Z"].compute(scheduler="synchronous")
    assert len(one_day) == 3 * 60


@ON_SQLITE
def test_each_division_is_the_first_date_that_a_partition_may_have(store: FlashFlood) -> None:
    frame = flashflood.dask.read(store, size=SIZE)
    for number, partition in enumerate(store.partitions(size=SIZE)):
        events = rows(frame.get_partition(number).compute(scheduler="synchronous"))
        assert events == list(partition.events())
        first, beyond = frame.divisions[number : number + 2]
        assert all(first <= pd.Timestamp(event.date, tz=UTC) <= beyond for event in events)


@ON_SQLITE
def test_only_the_columns_asked_for_are_made(store: FlashFlood) -> None:
    frame = flashflood.dask.read(store, size=SIZE)
    ids = frame["event_id"]
    assert list(ids.compute(scheduler="synchronous")) == [event.event_id for event in store.replay()]
    assert "columns=['event_id']" in ids.optimize().expr.tree_repr()


@ON_SQLITE
def test_the_names_of_tasks_change_only_with_the_store_and_the_call(store: FlashFlood, place: Place) -> None:
    names = {flashflood.dask.read(url, size=SIZE)._name for url in (store, place.url, FlashFlood.open(place.url))}  # noqa: SLF001 - Dask has no other way
    assert len(names) == 1
    names.add(flashflood.dask.read(store, size=SIZE, filter="number > `3`")._name)  # noqa: SLF001 - as above
    names.add(flashflood.dask.read(store, at(1), size=SIZE)._name)  # noqa: SLF001 - as above
    store.update_event("0005", b"new")
    store.update()
    names.add(flashflood.dask.read(store, size=SIZE)._name)  # noqa: SLF001 - as above
    assert len(names) == 4


@ON_SQLITE
def test_filter_select_and_range_go_to_the_workers(store: FlashFlood) -> None:
    given: dict[str, Any] = {"filter": "number > `100`", "select": "[number]"}
    expected = list(store.replay(at(50), at(150), **given))
    frame = flashflood.dask.read(store, at(50), at(150), size=SIZE, **given)
    assert rows(frame.compute(scheduler="synchronous")) == expected
    bag = flashflood.dask.read_bag(store, at(50), at(150), size=SIZE, **given)
    assert list(bag.compute(scheduler="synchronous")) == expected


@ON_SQLITE
def test_after_begins_after_a_place(store: FlashFlood) -> None:
    expected = list(store.replay())[302:]
    after = at(100), "0301"
    frame = flashflood.dask.read(store, after=after, size=SIZE)
    assert rows(frame.compute(scheduler="synchronous")) == expected
    assert frame.divisions[0] == pd.Timestamp(at(100), tz=UTC)
    bag = flashflood.dask.read_bag(store, after=after, size=SIZE)
    assert list(bag.compute(scheduler="synchronous")) == expected
    nothing = flashflood.dask.read(store, after=(at(EVENTS), ""), columns={"n": "number"})
    assert len(nothing.compute(scheduler="synchronous")) == 0


@ON_SQLITE
def test_nothing_is_an_empty_frame_of_the_same_columns(store: FlashFlood) -> None:
    never = datetime(2030, 1, 1)
    empty, full = flashflood.dask.read(store, never), flashflood.dask.read(store)
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert len(empty.compute(scheduler="synchronous")) == 0
    assert flashflood.dask.read_bag(store, never).compute(scheduler="synchronous") == []


def adopt(env: dict[str, str]) -> None:
    """Take a worker's credentials from here."""
    os.environ.update(env)


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_workers_of_a_cluster_read_a_frame_and_a_bag(store: FlashFlood, place: Place, cluster: LocalCluster) -> None:
    with Client(cluster) as client:
        client.run(adopt, {name: value for name, value in place.env.items() if "ENDPOINT" not in name})
        assert rows(flashflood.dask.read(store, size=SIZE).compute()) == list(store.replay())
        bag = flashflood.dask.read_bag(store, size=SIZE)
        assert bag.map(lambda event: len(event.data)).sum().compute() == sum(
            len(event.data) for event in store.replay()
        )


@ON_SQLITE
def test_of_a_worker_killed_in_mid_work_no_event_is_lost_or_doubled(
    store: FlashFlood, cluster: LocalCluster, tmp_path: Path
) -> None:
    with Client(cluster) as client:
        frame = flashflood.dask.read(store, size=SIZE)
        under_way = client.compute(frame.map_partitions(stop_once, str(tmp_path), meta=frame._meta))  # noqa: SLF001 - as above
        kill_who_waits(tmp_path)
        assert rows(under_way.result(timeout=60)) == list(store.replay())


def test_a_bag_is_dasks() -> None:
    ff = FlashFlood.open("memory://")
    ff.put(b"data", "id", at(0))
    bag = flashflood.dask.read_bag(ff)
    assert isinstance(bag, dask.bag.Bag)
    assert bag.compute(scheduler="synchronous") == [Event("id", at(0), b"data")]


@ON_SQLITE
def test_columns_have_types_and_only_those_that_are_needed_are_read(store: FlashFlood) -> None:
    store.put({"number": "none"}, "odd", at(EVENTS))
    frame = flashflood.dask.read(
        store, size=SIZE, columns={"n": "number", "half": "number", "event_id": None}, schema={"n": "int64"}
    )
    assert frame.dtypes.to_dict() == {"n": pd.ArrowDtype(pa.int64()), "half": pd.StringDtype("pyarrow")}
    whole = frame[["half"]].compute(scheduler="synchronous")
    assert whole["half"].tolist() == [*map(str, range(EVENTS)), '"none"']
    with pytest.raises(pa.ArrowInvalid, match='event "odd": column "n" is "none"'):
        frame.compute(scheduler="synchronous")


@ON_SQLITE
def test_the_index_cannot_be_a_column(store: FlashFlood) -> None:
    with pytest.raises(ValueError, match="columns has 'date', which is the frame's index"):
        flashflood.dask.read(store, columns={"date": "date"})
