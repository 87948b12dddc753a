"""What is no date, though it may be an instance of `datetime`, is refused; what is one is taken, whatever its class."""

import datetime as dt
from collections.abc import Callable
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from conftest import Place
from support.samples import at
from support.watched import Counted, on

from flashflood import FlashFlood, datetime_to_timestamp, replay_event_stream

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

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


@ON_FOLDER
def test_put_many_names_the_event_whose_date_is_missing_and_stores_nothing_of_its_batch(place: Place) -> None:
    frame = pd.DataFrame({"event_id": ["a", "b"], "date": pd.to_datetime(["2020-01-01", None])})
    ff = place.open()
    with pytest.raises(ValueError, match="NaT") as caught:
        ff.put_many((b"data", row.event_id, row.date) for row in frame.itertuples())
    assert any("'b'" in note for note in caught.value.__notes__)
    assert list(ff.replay()) == []


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
