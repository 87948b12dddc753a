"""`after=(date, event_id)`: every call that replays goes on after a place, and keeps the rest of its microsecond."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any, TypeAlias

import pytest
from conftest import Place
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.large_journals import LONG, store_journal
from support.samples import AT_ONCE, at
from support.watched import Answer, Counted, Watched, on

from flashflood import Event, FlashFlood
from flashflood.cursors import Cursor
from flashflood.store import Found

MOMENTS, IDS = range(3), "abcdefgh"
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def moment(number: int) -> datetime:
    """Give one of few dates, which are a microsecond apart."""
    return at(0) + timedelta(microseconds=number)


def beyond(events: list[Event], after: tuple[datetime, str]) -> list[Event]:
    """Give the events of a greater place."""
    return [event for event in events if (event.date, event.event_id) > after]


# Any store

NEW = st.lists(st.tuples(st.sampled_from(MOMENTS), st.sampled_from(IDS)), min_size=1, max_size=6)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put_many", "put_many", "put"]), NEW)
    | st.tuples(st.sampled_from(["journal", "compact"]), st.none())
    | st.tuples(st.sampled_from(["update", "delete"]), st.sampled_from(IDS)),
    min_size=2,
    max_size=7,
)
PLACES = st.tuples(st.integers(-1, 3).map(moment), st.sampled_from(["", "a", "bb", *IDS[2:], "i"]))
Bounds: TypeAlias = tuple[datetime | None, datetime | None]
BOUNDS = st.tuples(*[st.none() | st.integers(-1, 4).map(moment)] * 2).filter(lambda it: None in it or it[0] <= it[1])


def do(ff: FlashFlood, events: dict[str, Event], step: str, what: Any) -> None:  # noqa: ANN401  as each step needs it
    """Do a step, and note what the store has then."""
    if step in ("put", "put_many"):
        new = {event_id: Event(event_id, moment(at), b"%d" % at) for at, event_id in what if event_id not in events}
        events |= new
        if step == "put":
            for event_id, date, data in new.values():
                ff.put(data, event_id, date)
        else:
            ff.put_many(new.values())
    elif step == "journal":
        ff.journal(minimum_number_of_events=0)
    elif step == "compact":
        ff.compact()
    elif what in events:
        if step == "update":
            events[what] = events[what]._replace(data=b"1" + events[what].data)
            ff.update_event(what, events[what].data)
        else:
            del events[what]
            ff.delete_event(what)
        ff.update()


def of_batches(batches: Any) -> list[Event]:  # noqa: ANN401  a frame of any kind
    frame = batches.collect() if hasattr(batches, "collect") else batches.to_polars()
    return [Event(event_id, date.replace(tzinfo=None), data) for event_id, date, data in frame.rows()]


def of_partitions(ff: FlashFlood, **how: Any) -> Iterator[list[Event]]:  # noqa: ANN401  a call's arguments
    """Yield what the partitions have, in each way in which they are read."""
    partitions = ff.partitions(size=1, **how)
    yield [event for partition in partitions for event in partition.events()]
    yield [event for partition in partitions for event in of_batches(partition.batches())]


def check_each_call(ff: FlashFlood, expected: list[Event], how: dict[str, Any]) -> None:
    """Hold each call to what is expected."""
    assert list(ff.replay(**how)) == expected
    assert list(ff.replay(**how, memory_budget=0)) == expected
    assert of_batches(ff.replay_batches(**how)) == expected
    assert of_batches(ff.scan_polars(**how)) == expected
    assert ff.search("events[].to_string(@)", **how) == [event.data.decode() for event in expected]
    assert all(found == expected for found in of_partitions(ff, **how))


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, after=PLACES, bounds=BOUNDS)
def test_each_call_gives_what_is_later_than_a_place_whatever_the_layout(
    place: Place,
    steps: list[tuple[str, Any]],
    after: tuple[datetime, str],
    bounds: tuple[datetime | None, datetime | None],
) -> None:
    place.open().destroy()
    ff, events = place.open(), dict[str, Event]()
    for step, what in steps:
        do(ff, events, step, what)
    start, end = bounds
    expected = [
        event
        for event in beyond(sorted(events.values(), key=lambda event: (event.date, event.event_id)), after)
        if (start is None or event.date > start) and (end is None or event.date <= end)
    ]
    check_each_call(ff, expected, {"from_date": start, "to_date": end, "after": after})


# A reader that stops and goes on


def crowd(ff: FlashFlood) -> list[Event]:
    """Put events of few microseconds into journals that overlap, some of them new; give them in order."""
    for part in range(4):
        ff.put_many((b"%d" % number, f"{number:02}", moment(number // 10)) for number in range(part, 30, 4))
    for number in (9, 10, 19):
        ff.put(b"100", f"{number:02}x", moment(number // 10))
    return list(ff.replay())


def others_work(ff: FlashFlood) -> None:
    """Update, journal, compact and collect."""
    ff.update_event("29", b"200")
    ff.update()
    ff.journal(minimum_number_of_events=0)
    ff.compact()
    ff.collect_garbage(AT_ONCE)


def test_a_reader_goes_on_after_the_last_event_that_it_has_whatever_was_done_meanwhile(place: Place) -> None:
    ff = place.open()
    events = crowd(ff)
    have = list[Event]()
    for number, event in enumerate(ff.replay()):
        have.append(event)
        if number == 14:
            break
    others_work(place.open())
    have += place.open().replay(after=(have[-1].date, have[-1].event_id))
    assert have == [*events[:-1], events[-1]._replace(data=b"200")]


def test_what_goes_on_is_whole_while_others_work(place: Place) -> None:
    ff = place.open()
    events = crowd(ff)
    stream = iter(place.open().replay(after=(moment(0), "05"), memory_budget=0))
    have = [next(stream), next(stream)]
    others_work(place.open())
    have += stream
    assert [event.event_id for event in have] == [event.event_id for event in events[6:]]


def is_no_blob(key: str) -> bool:
    return not key.startswith("blobs/")


@ON_SQLITE
def test_it_takes_the_requests_of_a_range_that_begins_a_microsecond_before(place: Place) -> None:
    crowd(place.open())
    for after, start in (((moment(1), "14"), moment(0)), ((datetime.min, ""), None)):  # noqa: DTZ901  as the API's are
        for count in (1, None):
            of_place, of_range = Counted(place.store()), Counted(place.store())
            for store, how in ((of_place, {"after": after}), (of_range, {"from_date": start})):
                assert list(islice(on(store).replay(**how), count))
            asked, of_dates = ([key for _, key in store.requests] for store in (of_place, of_range))
            assert sorted(filter(is_no_blob, asked)) == sorted(filter(is_no_blob, of_dates))
            assert len(asked) <= len(of_dates)


# What is taken


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_a_followers_cursor_is_the_place_that_it_has(place: Place) -> None:
    ff = place.open()
    expected = beyond(crowd(ff), (moment(1), "14"))
    check_each_call(ff, expected, {"after": Cursor(("2020-01-01T000000.000001Z", "14")).text(place.store().name)})


@ON_SQLITE
def test_the_place_need_not_be_there_and_its_date_is_taken_as_any_other(place: Place) -> None:
    ff = place.open()
    events = crowd(ff)
    east = timezone(timedelta(hours=5))
    for date in (moment(1), moment(1).replace(tzinfo=UTC), moment(1).replace(tzinfo=UTC).astimezone(east)):
        assert list(ff.replay(after=(date, "14 and a half"))) == beyond(events, (moment(1), "14"))
        assert list(ff.replay(after=(date, ""))) == list(ff.replay(moment(0)))
    assert list(ff.replay(after=(datetime.min, ""))) == events  # noqa: DTZ901  as the API's are
    assert list(ff.replay(after=(datetime.max, "x"))) == []  # noqa: DTZ901  as above


@ON_SQLITE
def test_the_first_date_of_the_calendar_has_places_too(place: Place) -> None:
    ff = place.open()
    ff.put_many((b"", letter, datetime.min) for letter in "abc")  # noqa: DTZ901  as the API's are
    for end in (None, datetime.min):  # noqa: DTZ901  as above
        assert [event.event_id for event in ff.replay(None, end, after=(datetime.min, "a"))] == ["b", "c"]  # noqa: DTZ901


@ON_SQLITE
def test_on_to_date_there_is_the_rest_of_its_microsecond_and_beyond_it_nothing_and_no_error(place: Place) -> None:
    ff = place.open()
    events = crowd(ff)
    here = [event for event in events if event.date == moment(1)]
    assert list(ff.replay(None, moment(1), after=(moment(1), "15"))) == beyond(here, (moment(1), "15"))
    store = Counted(place.store())
    assert list(on(store).replay(None, moment(1), after=(moment(5), ""))) == []
    assert on(store).partitions(None, moment(1), after=(moment(2), "")) == []
    assert store.requests == []
    with pytest.raises(ValueError, match="after its end"):
        ff.replay(moment(2), moment(1), after=(moment(2), ""))


class Bytes(Watched):
    """Counts the bytes of manifests."""

    read = 0

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        found = self.store.get(key, start, stop)
        self.read += len(found.body) if found and key.startswith("journals/") else 0
        return found

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()


@ON_SQLITE
def test_a_large_manifest_is_read_from_the_place_on(place: Place) -> None:
    events = [Event(f"{LONG}{number:04}", moment(number // 1000), b"") for number in range(9_000)]
    store_journal(place.store(), events)
    for after in (7_000, 7_500, 7_999):
        store = Bytes(place.store())
        assert list(on(store).replay(after=(events[after].date, events[after].event_id))) == events[after + 1 :]
        assert 0 < store.read < 1_000_000


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_presigned_partitions_go_on_after_a_place(place: Place) -> None:
    events = crowd(place.open())
    found = list(of_partitions(place.open(), after=(moment(1), "14"), presigned=True))
    assert found == [beyond(events, (moment(1), "14"))] * 2


@ON_SQLITE
def test_the_first_partition_alone_carries_the_place_and_says_its_dates(place: Place) -> None:
    ff = place.open()
    crowd(ff)
    first, *_ = ff.partitions(size=1, after=(moment(1), "14"))
    assert (first.from_date, first.to_date) == (moment(0), moment(1))
    assert next(first.events()).event_id == "15"
    tokens, later_tokens = (
        [partition.__dask_tokenize__() for partition in ff.partitions(size=1, after=(moment(1), event_id))]
        for event_id in ("14", "15")
    )
    assert tokens[0] != later_tokens[0]
    assert tokens[1:] == later_tokens[1:] != []


OTHERS = Cursor(("2020-01-01T000000.000001Z", "14")).text("s3://bucket/other")
WRONG: list[tuple[Any, type[Exception], str]] = [
    (moment(0), TypeError, r"after: give \(date, event_id\), or a cursor's text, not datetime"),
    ([moment(0), "a"], TypeError, r"after: give \(date, event_id\), or a cursor's text, not list"),
    (7, TypeError, r"after: give \(date, event_id\), or a cursor's text, not int"),
    ((moment(0),), ValueError, r"after: give \(date, event_id\), or a cursor's text, not 1 values"),
    (Event("a", moment(0), b""), ValueError, r"after: give \(date, event_id\), or a cursor's text, not 3 values"),
    (("a", moment(0)), TypeError, "after: a date must be a datetime.datetime, not str"),
    ((moment(0), None), TypeError, "after: an event_id must be str, not NoneType"),
    (("2020-01-01", "a"), TypeError, "after: .*'2020-01-01'"),
    ((None, "a"), TypeError, "after: .*None"),
    ((moment(0), "\ud800"), ValueError, r"after: the event_id '\\ud800' is no text"),
]
WRONG += [(text, ValueError, "after: .*(no cursor|another store's).*give") for text in ("", "2020-01-01", OTHERS)]
CALLS: list[Callable[..., Any]] = [
    FlashFlood.replay,
    FlashFlood.replay_batches,
    FlashFlood.partitions,
    FlashFlood.scan_polars,
    lambda ff, **how: ff.search("events", **how),
]


@ON_SQLITE
@pytest.mark.parametrize(("after", "error", "words"), WRONG)
def test_what_is_no_place_is_an_error_that_names_the_argument_before_any_request(
    place: Place,
    after: Any,  # noqa: ANN401  what no type checker lets pass
    error: type[Exception],
    words: str,
) -> None:
    store = Counted(place.store())
    for call in CALLS:
        with pytest.raises(error, match=words):
            call(on(store), after=after)
    assert store.requests == []
