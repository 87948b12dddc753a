"""Replays as tables: `to_arrow`, `to_polars`, `to_pandas` in memory; `scan_polars`, of which polars reads a part."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import Place
from support.samples import at
from support.watched import Counted, on

from flashflood import Event, FlashFlood, FlashFloodCorruptionError
from flashflood.dates import ALWAYS, DateRange
from flashflood.replay.polars_scan import narrowed

EVENTS = 400
when = pl.col("date")

CLOSED: tuple[Literal["both", "left", "right", "none"], ...] = ("both", "left", "right", "none")

Frame: TypeAlias = "pl.DataFrame | pl.LazyFrame"


@pytest.fixture
def ff() -> FlashFlood:
    """Give events a minute apart, three of each date, in several journals."""
    ff = FlashFlood.open("memory://")
    for part in range(4):
        numbers = range(part * EVENTS // 4, (part + 1) * EVENTS // 4)
        ff.put_many((b'{"number":%d}' % number, f"{number:04}", at(number // 3)) for number in numbers)
    return ff


def aware(minute: float) -> datetime:
    return at(minute).replace(tzinfo=UTC)


def test_a_replay_becomes_a_table_of_each_kind(ff: FlashFlood) -> None:
    expected = list(ff.replay(at(10), at(100), filter="number > `50`", select="number"))
    batches = ff.replay_batches(at(10), at(100), filter="number > `50`", select="number")
    assert batches.to_arrow().equals(pa.table(batches))
    rows = batches.to_polars().rows()
    assert [Event(event_id, date.replace(tzinfo=None), data) for event_id, date, data in rows] == expected
    frame = batches.to_pandas()
    assert list(frame["event_id"]) == [event.event_id for event in expected]
    assert list(frame["data"]) == [event.data for event in expected]
    assert list(frame["date"]) == [pd.Timestamp(event.date, tz=UTC) for event in expected]
    assert ff.partitions()[0].batches().to_polars().equals(ff.replay_batches().to_polars())


def test_an_empty_replay_has_the_same_columns(ff: FlashFlood) -> None:
    never = datetime(2030, 1, 1)
    for kind in ("to_arrow", "to_polars", "to_pandas"):
        empty, full = (getattr(ff.replay_batches(begin), kind)() for begin in (never, None))
        assert len(empty) == 0
        assert [str(one) for one in (empty.schema if kind != "to_pandas" else empty.dtypes)] == [
            str(one) for one in (full.schema if kind != "to_pandas" else full.dtypes)
        ]
    assert ff.scan_polars(never).collect().schema == ff.scan_polars().collect_schema()


def condition(chance: random.Random) -> pl.Expr:
    """Make a condition, of which some bound the date, and some do not."""
    minute, other = (chance.choice([chance.randrange(-5, 140), chance.random() * 140]) for _ in range(2))
    low, high = sorted((minute, other))
    unit = chance.choice(["ms", "us", "ns"])
    literal = pl.lit(aware(minute), dtype=pl.Datetime(unit, "UTC"))  # type: ignore[arg-type]
    conditions: list[pl.Expr] = [
        literal < when,
        literal <= when,
        when < literal,
        when >= literal,
        when == literal,
        when != literal,
        when.is_between(aware(low), aware(high), closed=chance.choice(CLOSED)),
        when.dt.minute() < minute % 60,
        pl.col("event_id") >= f"{int(abs(minute)):04}",
        pl.col("event_id").is_in(["0005", "0399", "0100"]),
        ~(when < literal),
        (when < aware(low)) | (when > aware(high)),
        pl.col("data").bin.contains(b"7"),
    ]
    return chance.choice(conditions)


def query(chance: random.Random) -> Callable[[Frame], Frame]:
    """Make a query of conditions, columns, and a head or tail."""
    steps: list[Callable[[Frame], Frame]] = []
    for _ in range(chance.randrange(1, 4)):
        made, count = condition(chance), chance.randrange(60)
        both = made & condition(chance)
        columns = chance.sample(["event_id", "date", "data"], chance.randrange(1, 4))
        steps.append(
            chance.choice(
                [
                    lambda frame, made=made: frame.filter(made),  # type: ignore[misc]
                    lambda frame, both=both: frame.filter(both),  # type: ignore[misc]
                    lambda frame, count=count: frame.head(count),  # type: ignore[misc]
                    lambda frame, count=count: frame.tail(count),  # type: ignore[misc]
                    lambda frame, count=count: frame.slice(count, 2 * count),  # type: ignore[misc]
                    lambda frame: frame.with_columns(pl.col("event_id").alias("again")),
                ]
            )
        )
    steps.append(lambda frame: frame.select(columns))

    def made_query(frame: Frame) -> Frame:
        for step in steps:
            frame = step(frame)
        return frame

    return made_query


@pytest.mark.parametrize("seed", range(20))
def test_any_query_gives_what_it_gives_on_all_events_in_memory(ff: FlashFlood, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    everything, scan = ff.replay_batches().to_polars(), ff.scan_polars()
    for _ in range(30):
        ask = query(chance)
        scanned = ask(scan).lazy()
        assert scanned.collect().equals(ask(everything).lazy().collect()), scanned.explain()


def test_conditions_on_the_date_bound_the_replay() -> None:
    bounds: list[tuple[pl.Expr, DateRange]] = [
        (when > aware(1), DateRange("2020-01-01T000100.000000Z", None)),
        (when >= aware(1), DateRange("2020-01-01T000059.999999Z", None)),
        (pl.lit(aware(1)) > when, DateRange(None, "2020-01-01T000059.999999Z")),
        (when <= aware(1), DateRange(None, "2020-01-01T000100.000000Z")),
        (when == aware(1), DateRange("2020-01-01T000059.999999Z", "2020-01-01T000100.000000Z")),
        (
            when.is_between(aware(1), aware(2), closed="left"),
            DateRange("2020-01-01T000059.999999Z", "2020-01-01T000159.999999Z"),
        ),
        ((when > aware(1)) & (pl.col("event_id") == "a"), DateRange("2020-01-01T000100.000000Z", None)),
        ((when > aware(1)) | (pl.col("event_id") == "a"), ALWAYS),
        (pl.col("event_id").map_elements(len, return_dtype=pl.Int64) > 3, ALWAYS),
    ]
    for predicate, expected in bounds:
        assert narrowed(ALWAYS, predicate) == expected, predicate
    assert narrowed(DateRange.of(at(5), at(9)), (when > aware(1)) & (when <= aware(7))) == DateRange.of(at(5), at(7))
    assert narrowed(DateRange.of(at(5), at(9)), when > aware(20)).is_empty


def test_dates_beyond_the_calendar_bound_nothing_wrongly(ff: FlashFlood) -> None:
    for date, found in ((datetime.min, EVENTS), (datetime.max, 0)):  # noqa: DTZ901 - UTC is added
        assert len(ff.scan_polars().filter(when >= date.replace(tzinfo=UTC)).collect()) == found
    with_first = FlashFlood.open("memory://")
    with_first.put(b"first", "first", datetime.min)  # noqa: DTZ901 - as above
    with_first.put(b"last", "last", datetime.max)  # noqa: DTZ901 - as above
    everything = with_first.replay_batches().to_polars()
    for date in (datetime.min, datetime.max):  # noqa: DTZ901 - as above
        bound = pl.lit(date.replace(tzinfo=UTC))
        for at_bound in (when >= bound, when <= bound, when > bound, when < bound, when == bound, when != bound):
            assert with_first.scan_polars().filter(at_bound).collect().equals(everything.filter(at_bound))
    far = pl.lit(10**18, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    assert len(ff.scan_polars().filter(far > when).collect()) == EVENTS


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_part_of_the_dates_takes_the_requests_of_that_part(place: Place) -> None:
    ff = place.open()
    for part in range(20):
        ff.put_many((b"data", f"{part:02}-{number}", at(60 * part + number)) for number in range(20))
    counted = Counted(place.store())
    scan = on(counted).scan_polars()
    assert len(scan.collect()) == 400
    gets = [method for method, _ in counted.requests].count("get")
    assert gets == 2 * 20
    counted.requests.clear()
    assert len(scan.filter(when.is_between(aware(120), aware(185))).collect()) == 20 + 6
    assert [method for method, _ in counted.requests].count("get") == 2 * 2
    counted.requests.clear()
    assert scan.head(3).collect()["event_id"].to_list() == ["00-0", "00-1", "00-2"]
    assert [method for method, _ in counted.requests].count("get") < gets / 2


def test_each_collect_is_a_replay_of_its_own(ff: FlashFlood) -> None:
    scan = ff.scan_polars()
    assert len(scan.collect()) == EVENTS
    ff.put(b"later", "later", at(500))
    assert scan.tail(1).collect()["event_id"].to_list() == ["later"]
    assert scan.join(scan, on="event_id").select(pl.len()).collect().item() == EVENTS + 1


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_an_error_of_a_replay_is_the_error_of_the_query(place: Place) -> None:
    ff = place.open()
    ff.put(b"data", "id", at(0))
    for page in place.store().list("blobs/").entries:
        place.store().delete([page.key])
    with pytest.raises(FlashFloodCorruptionError, match="its blob is missing"):
        ff.scan_polars().collect()


def test_filter_and_select_are_those_of_a_replay(ff: FlashFlood) -> None:
    scan = ff.scan_polars(at(1), at(50), filter="number > `9`", select="[number]")
    assert scan.collect().equals(ff.replay_batches(at(1), at(50), filter="number > `9`", select="[number]").to_polars())
    assert timedelta(minutes=49) > scan.select(when.max() - when.min()).collect().item()
