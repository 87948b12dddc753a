# ruff: noqa: DTZ005, DTZ006, T201 - the walk prints, and its dates are those of the user's clock, without a time zone
"""The user's walk through the package, step by step, each with what it must print or give; on every store."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime

import jmespath
import pytest
from conftest import Place

from flashflood import FlashFlood, FlashFloodEventNotFound


@pytest.fixture(params=["UTC", "America/Los_Angeles"])
def time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sit somewhere: the walk uses local dates, and must come out the same everywhere."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
def test_a_flashflood_is_made_from_a_boto3_resource_a_bucket_and_a_root_prefix(place: Place) -> None:
    ff = FlashFlood(place.resource(), place.bucket, place.prefix)
    ff.put(b"hello", "greeting", datetime.now())
    assert ff.get_event("greeting").data == b"hello"


def test_an_event_is_created_read_updated_and_deleted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    ff = place.open()
    name, date = str(uuid.uuid4()), datetime.now()
    ff.put(b"the first data", name, date)

    event = ff.get_event(name)
    print(f"data {event.data!r}, date {event.date}, id {event.event_id}")
    assert capsys.readouterr().out == f"data b'the first data', date {date}, id {name}\n"

    ff.update_event(name, b"the second data")
    print(f"now {ff.get_event(name).data!r}")
    assert capsys.readouterr().out == "now b'the second data'\n"

    ff.delete_event(name)
    with pytest.raises(FlashFloodEventNotFound, match=name):
        ff.get_event(name)
    assert capsys.readouterr().out == ""


def test_journaling_by_hand_right_after_the_delete_of_the_only_event_succeeds(place: Place) -> None:
    ff = place.open()
    name = str(uuid.uuid4())
    ff.put(b"data", name, datetime.now())
    ff.update_event(name, b"other data")
    ff.delete_event(name)
    ff.journal(minimum_number_of_events=1)
    assert list(ff.list_journals()) == []
    assert list(ff.replay()) == []


def test_journals_are_listed(place: Place) -> None:
    ff = place.open()
    dates = [datetime(2021, 1, day) for day in (1, 2, 3)]
    for date in dates:
        ff.put(b"data", str(uuid.uuid4()), date)
    ff.journal(minimum_number_of_events=3)
    (journal_id,) = ff.list_journals()
    assert (journal_id.start_date, journal_id.end_date) == (dates[0], dates[-1])


def ten_events(ff: FlashFlood) -> tuple[datetime, datetime]:
    """Put events with `foo` from 40 to 49, 10,000 seconds apart; the dates of 42 and 48."""
    for number in range(40, 50):
        date = datetime.fromtimestamp(10_000 * number)
        ff.put(json.dumps({"foo": number}).encode(), str(uuid.uuid4()), date)
    return datetime.fromtimestamp(420_000), datetime.fromtimestamp(480_000)


@pytest.mark.parametrize("journaled", [0, 4, 10])
def test_the_stream_between_two_dates_prints_the_events_after_the_first_up_to_the_second(
    place: Place, capsys: pytest.CaptureFixture[str], time_zone: str, journaled: int
) -> None:
    ff = place.open()
    start, end = ten_events(ff)
    if journaled:
        ff.journal(minimum_number_of_events=journaled)
    for event in ff.replay(from_date=start, to_date=end):
        print(event.data)
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"b'{{\"foo\": {number}}}'" for number in range(43, 49)], time_zone


def test_jmespath_searches_the_data_of_the_events_between_two_dates(place: Place) -> None:
    ff = place.open()
    start, end = ten_events(ff)
    documents = [json.loads(event.data) for event in ff.replay(from_date=start, to_date=end)]
    assert jmespath.search("events[].foo", {"events": documents}) == [43, 44, 45, 46, 47, 48]


def test_the_filter_does_the_same_inside_replay(place: Place) -> None:
    ff = place.open()
    start, end = ten_events(ff)
    events = ff.replay(from_date=start, to_date=end, filter="foo >= `45` && foo != `47`")
    assert [json.loads(event.data)["foo"] for event in events] == [45, 46, 48]
