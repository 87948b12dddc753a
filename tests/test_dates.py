# ruff: noqa: DTZ901 - the API's dates are naive
"""Which dates are taken, what becomes of them, and which are refused before any request is made.

What is no date, though it may be an instance of `datetime`, is refused; what is one is taken, whatever its class.
"""

import datetime as dt
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from conftest import Place
from support.samples import at
from support.watched import Counted, on

from flashflood import Event, FlashFlood, datetime_to_timestamp, replay_event_stream

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def test_an_aware_date_is_converted_to_utc(place: Place) -> None:
    ff = place.open()
    event = ff.put(b"", "id", datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=5))))
    assert event.date == datetime(2020, 1, 1, 7)
    assert ff.get_event("id").date == datetime(2020, 1, 1, 7)
    assert [item.date for item in ff.replay()] == [datetime(2020, 1, 1, 7)]


def test_a_naive_date_is_taken_as_utc(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    ff = place.open()
    ff.put(b"", "id", datetime(2020, 1, 1, 12))
    assert ff.get_event("id").date == datetime(2020, 1, 1, 12)
    assert ff.get_event("id").date.tzinfo is None
    (journal_id,) = ff.list_journals()
    assert journal_id.startswith("2020-01-01T120000.000000Z--")


@pytest.mark.parametrize(
    "date",
    [
        datetime.min,
        datetime(1, 1, 1, 0, 0, 0, 1),
        datetime(900, 1, 2, 3, 4, 5, 6),
        datetime(9999, 12, 31),
        datetime.max,
    ],
    ids=str,
)
def test_years_1_to_9999_are_stored_to_the_microsecond(place: Place, date: datetime) -> None:
    ff = place.open()
    ff.put(b"data", "id", date)
    ff.journal(minimum_number_of_events=1)
    assert ff.get_event("id") == Event("id", date, b"data")
    assert list(ff.replay()) == [Event("id", date, b"data")]
    (journal_id,) = ff.list_journals()
    assert journal_id.start_date == journal_id.end_date == date


@pytest.mark.parametrize(
    "date",
    [
        datetime(1, 1, 1, 4, tzinfo=timezone(timedelta(hours=5))),
        datetime(9999, 12, 31, 20, tzinfo=timezone(timedelta(hours=-5))),
    ],
    ids=str,
)
def test_an_aware_date_that_leaves_the_years_in_utc_is_a_value_error_before_any_request(
    place: Place, date: datetime
) -> None:
    store = Counted(place.store())
    ff = on(store)
    for call in (
        lambda: ff.put(b"", "id", date),
        lambda: list(ff.replay(date)),
        lambda: list(ff.list_journals(None, date)),
    ):
        with pytest.raises(ValueError, match=r"year|range|UTC"):
            call()
    assert store.requests == []


@pytest.mark.parametrize("name", ["replay", "list_journals", "list_event_streams"])
def test_from_date_after_to_date_is_a_value_error_before_any_request(place: Place, name: str) -> None:
    store = Counted(place.store())
    with pytest.raises(ValueError, match=r"2020-01-01"):
        list(getattr(on(store), name)(at(1), at(0)))
    aware = at(0).replace(tzinfo=timezone(timedelta(hours=-1)))  # 01:00 in UTC
    with pytest.raises(ValueError, match=r"2020-01-01"):
        list(getattr(on(store), name)(aware, at(0)))
    assert store.requests == []


def test_equal_dates_give_an_empty_range(place: Place) -> None:
    ff = place.open()
    ff.put(b"", "id", at(1))
    assert list(ff.replay(at(1), at(1))) == []
    assert list(ff.list_journals(at(1), at(1))) == []
    assert list(ff.list_event_streams(at(1), at(1))) == []


@pytest.mark.parametrize("journaled", [False, True])
def test_a_range_is_open_at_its_start_and_closed_at_its_end(place: Place, journaled: bool) -> None:  # noqa: FBT001
    ff = place.open()
    for minute in range(4):
        ff.put(b"", f"{minute}", at(minute))
    if journaled:
        ff.journal(minimum_number_of_events=4)

    def replayed(*dates: datetime | None) -> str:
        return "".join(event.event_id for event in ff.replay(*dates))

    assert replayed(at(1), at(3)) == "23"
    assert replayed(at(1)) == "23"
    assert replayed(None, at(1)) == "01"
    assert replayed(at(0) - timedelta(microseconds=1), at(0)) == "0"
    assert replayed(at(3), None) == ""
    assert replayed(at(1), at(1) + timedelta(microseconds=1)) == ""
    aware = at(2).replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=9)))
    assert replayed(None, aware) == "012"


def test_without_a_from_date_an_event_of_datetime_min_is_included(place: Place) -> None:
    ff = place.open()
    ff.put(b"first", "id", datetime.min)
    assert [event.data for event in ff.replay()] == [b"first"]
    assert [event.data for event in ff.replay(to_date=datetime.min)] == [b"first"]
    assert list(ff.replay(from_date=datetime.min)) == []
    assert len(list(ff.list_journals(to_date=at(0)))) == 1
    assert len(list(ff.list_event_streams())) == 1


# What is a date

STREAM = {
    "journal_id": "2020-01-01T000000.000000Z--2020-01-01T000000.000000Z--new--11111111-2222-3333-4444-555555555555",
    "size": 0,
    "events": [],
    "stream_url": "https://nowhere.invalid/",
}
CALLS: dict[str, Callable[[FlashFlood, Any], object]] = {
    "put": lambda ff, date: ff.put(b"data", "id", date),
    "put_many": lambda ff, date: ff.put_many([(b"first", "first", at(0)), (b"data", "id", date)]),
    "replay from": lambda ff, date: ff.replay(date),
    "replay to": lambda ff, date: ff.replay(to_date=date),
    "replay_batches": lambda ff, date: ff.replay_batches(date),
    "search": lambda ff, date: ff.search("events", date),
    "list_journals": lambda ff, date: ff.list_journals(date),
    "list_event_streams": lambda ff, date: ff.list_event_streams(to_date=date),
    "replay_event_stream": lambda _, date: next(replay_event_stream(STREAM, date), None),
    "datetime_to_timestamp": lambda _, date: datetime_to_timestamp(date),
}


class Elsewhere(datetime):
    """Shows another year than it keeps."""

    @property
    def year(self) -> int:
        return 7


NO_DATES: dict[str, Any] = {
    "pandas.NaT": pd.NaT,
    "a Timestamp beyond the years": pd.Timestamp(np.datetime64("20000-01-01", "s")),
    "fields that are not what is shown": Elsewhere(2020, 1, 1),
}
NO_DATETIMES: dict[str, Any] = {
    "date": dt.date(2020, 1, 1),
    "numpy.datetime64": np.datetime64("2020-01-01T00:00:00"),
    "numpy's NaT": np.datetime64("NaT"),
    "str": "2020-01-01",
    "nan": float("nan"),
    "seconds": 1577836800,
    "timedelta": timedelta(1),
}


@ON_FOLDER
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", NO_DATES)
def test_a_missing_or_impossible_date_is_a_value_error_before_any_request(place: Place, given: str, call: str) -> None:
    store = Counted(place.store())
    with pytest.raises(ValueError, match="is not a date within the years 1 to 9999"):
        CALLS[call](on(store), NO_DATES[given])
    assert store.requests == []


@ON_FOLDER
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", NO_DATETIMES)
def test_what_is_no_datetime_is_a_type_error_that_shows_it_before_any_request(
    place: Place, given: str, call: str
) -> None:
    store = Counted(place.store())
    with pytest.raises(TypeError, match=r"a date must be a datetime\.datetime, not ") as caught:
        CALLS[call](on(store), NO_DATETIMES[given])
    assert repr(NO_DATETIMES[given]) in str(caught.value)
    assert store.requests == []


FROM, TO = "from_date: ", "to_date: "
NAMED: dict[str, tuple[str, Callable[[FlashFlood, Any], object]]] = {
    "put": ("date: ", lambda ff, date: ff.put(b"data", "id", date)),
    "put_many": ("date: ", lambda ff, date: ff.put_many([(b"data", "id", date)])),
    "writer": ("date: ", lambda ff, date: ff.writer().put(b"data", "id", date)),
    "replay from": (FROM, lambda ff, date: ff.replay(date)),
    "replay to": (TO, lambda ff, date: ff.replay(None, date)),
    "replay_batches": (TO, lambda ff, date: ff.replay_batches(to_date=date)),
    "partitions": (FROM, lambda ff, date: ff.partitions(date)),
    "scan_polars": (FROM, lambda ff, date: ff.scan_polars(date)),
    "search": (TO, lambda ff, date: ff.search("events", to_date=date)),
    "list_journals": (FROM, lambda ff, date: ff.list_journals(date)),
    "list_event_streams": (TO, lambda ff, date: ff.list_event_streams(to_date=date)),
    "replay_event_stream": (TO, lambda _, date: next(replay_event_stream(STREAM, to_date=date), None)),
    "compact": (FROM, lambda ff, date: ff.compact(from_date=date)),
}


@pytest.mark.parametrize("call", NAMED)
def test_what_is_wrong_with_a_date_begins_with_the_arguments_name(call: str) -> None:
    name, made = NAMED[call]
    ff = FlashFlood.open("memory://")
    for wrong, error in (("2020-01-01", TypeError), (dt.date(2020, 1, 1), TypeError), (pd.NaT, ValueError)):
        with pytest.raises(error, match=f"^{name}"):
            made(ff, wrong)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("grace", lambda ff: ff.collect_garbage(3)),
        ("linger", lambda ff: ff.writer(linger=0.5)),
        ("every", lambda ff: ff.maintain(every=60)),
    ],
)
def test_what_is_no_length_of_time_is_a_type_error_that_names_the_argument(
    name: str, call: Callable[[FlashFlood], object]
) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: a length of time must be a datetime\.timedelta, not "):
        call(FlashFlood.open("memory://"))


@ON_FOLDER
def test_a_pandas_timestamp_is_taken_to_the_microsecond_and_what_is_finer_is_dropped(place: Place) -> None:
    ff = place.open()
    ff.put(b"data", "id", pd.Timestamp("2020-01-01T00:00:00.123456789"))
    (event,) = ff.replay()
    assert event.date == datetime(2020, 1, 1, microsecond=123456)
    bound = pd.Timestamp("2020-01-01T00:00:00.123456001")
    assert list(ff.replay(to_date=bound)) == [event]
    assert list(ff.replay(from_date=bound)) == []
    assert list(ff.replay(from_date=bound - pd.Timedelta(microseconds=1))) == [event]


class Derived(datetime):
    """A datetime of another class, as freezegun's and pendulum's are."""


class Mistaken(datetime):
    """Tells another offset than its time zone, which Python does not ask where it compares dates."""

    def utcoffset(self) -> timedelta:
        return timedelta(days=4000)


class NoOffset(tzinfo):
    """A time zone that knows no offset: its dates count as naive."""

    def utcoffset(self, _: datetime | None, /) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, _: datetime | None, /) -> None:
        return None


class Failing(NoOffset):
    """A time zone that cannot say its offset."""

    def utcoffset(self, _: datetime | None, /) -> timedelta | None:
        msg = "no such zone"
        raise LookupError(msg)


FIVE = timezone(timedelta(hours=5))
BERLIN = ZoneInfo("Europe/Berlin")
DATES: dict[str, tuple[datetime, str]] = {
    "derived": (Derived(2020, 1, 1, 12), "2020-01-01T120000.000000Z"),
    "derived, aware": (Derived(2020, 1, 1, 12, tzinfo=FIVE), "2020-01-01T070000.000000Z"),
    "derived, with an offset of its own": (Mistaken(2020, 1, 1, 12, tzinfo=FIVE), "2020-01-01T070000.000000Z"),
    "Timestamp, aware": (pd.Timestamp("2020-01-01 12:00", tz=FIVE), "2020-01-01T070000.000000Z"),
    "a zone without an offset": (datetime(2020, 1, 1, 12, tzinfo=NoOffset()), "2020-01-01T120000.000000Z"),
    "the first 02:30 of two": (datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN), "2020-10-25T003000.000000Z"),
    "the second 02:30 of two": (datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), "2020-10-25T013000.000000Z"),
    "the second, as a Timestamp": (pd.Timestamp("2020-10-25T01:30Z").tz_convert(BERLIN), "2020-10-25T013000.000000Z"),
}


@pytest.mark.parametrize("kind", DATES)
def test_a_date_of_any_class_is_the_moment_as_which_python_compares_it(kind: str) -> None:
    date, timestamp = DATES[kind]
    assert datetime_to_timestamp(date) == timestamp


def test_an_error_of_the_time_zone_passes_through() -> None:
    with pytest.raises(LookupError, match="no such zone"):
        datetime_to_timestamp(datetime(2020, 1, 1, tzinfo=Failing()))
