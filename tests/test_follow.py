"""Following: each event once for a cursor, in order within `lateness`, whatever is journaled or collected meanwhile."""

import logging
import os
import pickle
import signal
from datetime import UTC, datetime, timedelta
from threading import Thread, Timer

import pytest
from conftest import Place
from support.dated import Dated
from support.races import together
from support.samples import AT_ONCE, at, put_new
from support.watched import Short, on

from flashflood import Event, FlashFlood, FlashFloodCorruptionError, FlashFloodException, context, layout
from flashflood.context import SLACK
from flashflood.follow.follower import Follower

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
MINUTE = timedelta(minutes=1)


def polled(ff: FlashFlood, cursor: str | None, **options: object) -> tuple[list[str], list[str], str]:
    """Follow until caught up: the ids in order, those that were late, and the cursor."""
    late: list[Event] = []
    follower = ff.follow(cursor, late=late.append, wait=False, **options)  # type: ignore[call-overload]
    found = [event.event_id for event in follower]
    assert follower.late == len(late)
    return found, [event.event_id for event in late], follower.cursor


def test_a_follower_goes_on_from_its_cursor_with_what_came_since_whatever_was_combined_meanwhile(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    found, late, cursor = polled(ff, None)
    assert (found, late) == (["a", "b"], [])
    put_new(ff, "c", start=2)
    ff.journal(3)
    ff.put_many([(b"", "d", at(3)), (b"", "e", at(4))])
    ff.update_event("a", b"new")
    ff.journal(1)
    ff.compact()
    found, late, cursor = polled(place.open(), cursor)
    assert (found, late) == (["c", "d", "e"], [])
    assert polled(ff, cursor)[:2] == ([], [])


@ON_FOLDER
def test_what_was_combined_and_collected_long_ago_is_handed_over_from_what_it_was_combined_into(place: Place) -> None:
    store = Dated(place.store())
    ff = on(store)
    put_new(ff, "a")
    cursor = polled(ff, None)[2]
    put_new(ff, "b", "c", start=1)
    ff.journal(3)
    store.passes(2 * SLACK)
    ff.collect_garbage(AT_ONCE)
    found, late, cursor = polled(ff, cursor)
    assert (found, late) == (["b", "c"], [])
    assert polled(ff, cursor)[:2] == ([], [])


def test_what_comes_with_a_date_at_or_before_the_place_is_handed_over_as_late_once(place: Place) -> None:
    ff = place.open()
    put_new(ff, "b", "d", start=1)
    cursor = polled(ff, None)[2]
    put_new(ff, "a", start=0)
    ff.put(b"", "c", at(2))  # the date of d, and before it
    ff.put(b"", "e", at(2))
    ff.journal(4)
    found, late, cursor = polled(ff, cursor)
    assert (found, late) == (["e"], ["a", "c"])
    assert polled(ff, cursor)[:2] == ([], [])


def test_each_cursor_on_the_way_goes_on_exactly_after_its_event(place: Place) -> None:
    ff = place.open()
    put_new(ff, *"defgh", start=3)
    cursor = polled(ff, None)[2]
    ff.put_many([(b"", event_id, at(minute)) for minute, event_id in enumerate("abc")])
    put_new(ff, *"ijkl", start=8)
    ff.journal(2)
    handed: list[str] = []
    for _ in range(20):
        late: list[str] = []
        follower = ff.follow(cursor, wait=False, late=lambda event, late=late: late.append(event.event_id))  # type: ignore[misc]
        event = next(follower, None)
        cursor = follower.cursor
        handed += late
        if event is None:
            break
        handed.append(event.event_id)
    assert handed == list("abcijkl")


@ON_FOLDER
def test_a_late_batch_that_was_handed_over_in_part_goes_on_with_the_rest(place: Place) -> None:
    ff = place.open()
    put_new(ff, "z", start=100)
    cursor = polled(ff, None)[2]
    ff.put_many([(b"", f"late {number}", at(number)) for number in range(5)])
    handed: list[str] = []

    def one(event: Event) -> None:
        if len(handed) == stop:
            raise InterruptedError
        handed.append(event.event_id)

    for stop in range(1, 7):
        if stop == 3:
            put_new(ff, "before", start=-1)  # in the order of keys it comes first
        follower = ff.follow(cursor, late=one, wait=False)
        if stop < 6:
            with pytest.raises(InterruptedError):
                next(follower)
        else:
            assert list(follower) == []
        cursor = follower.cursor
    assert sorted(handed) == ["before", *(f"late {number}" for number in range(5))]
    assert polled(ff, cursor)[:2] == ([], [])


@ON_FOLDER
def test_an_event_waits_until_its_date_is_so_long_ago_as_lateness_says(place: Place) -> None:
    ff = place.open()
    now = datetime.now(UTC)
    ff.put(b"", "old", now - 10 * MINUTE)
    ff.put(b"", "young", now - 3 * MINUTE)
    ff.put(b"", "to come", now + 60 * MINUTE)
    found, _, cursor = polled(ff, None, lateness=5 * MINUTE)
    assert found == ["old"]
    ff.put(b"", "between", now - 7 * MINUTE)
    found, late, _ = polled(ff, cursor)
    assert (found, late) == (["between", "young"], [])


@ON_FOLDER
def test_without_late_they_are_counted_and_the_log_says_so_once_a_poll(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    put_new(ff, "z", start=9)
    cursor = polled(ff, None)[2]
    put_new(ff, "a", "b")
    follower = ff.follow(cursor, wait=False)
    with caplog.at_level(logging.WARNING, "flashflood"):
        assert list(follower) == []
    (record,) = [record for record in caplog.records if record.name == "flashflood.follow.follower"]
    assert "2 late events were passed over, the first one 'a' of 2020-01-01 00:00:00" in record.getMessage()
    assert follower.late == 2
    assert polled(ff, follower.cursor)[:2] == ([], [])


@ON_FOLDER
def test_a_filter_and_a_select_see_late_events_too_and_the_cursor_goes_past_what_they_leave_out(place: Place) -> None:
    ff = place.open()
    ff.put_many([({"n": number}, str(number), at(number)) for number in range(5, 9)])
    options = {"filter": "n > `6`", "select": "n"}
    follower = ff.follow(wait=False, **options)  # type: ignore[call-overload]
    assert [event.data for event in follower] == [b"7", b"8"]
    ff.put_many([({"n": number}, f"late {number}", at(4)) for number in range(6, 9)])
    ff.put({"n": 1}, "left out", at(9))
    found, late, cursor = polled(ff, follower.cursor, **options)
    assert (found, late) == ([], ["late 7", "late 8"])
    assert polled(ff, cursor)[:2] == ([], [])


@ON_FOLDER
def test_after_a_date_and_an_id_all_that_is_there_by_then_counts_as_handed_over(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c", "d")
    ff.put(b"", "b2", at(1))
    found, late, cursor = polled(ff, (at(1), "b"))  # type: ignore[arg-type]
    assert (found, late) == (["b2", "c", "d"], [])
    put_new(ff, "z", start=0)
    assert polled(ff, cursor)[:2] == ([], ["z"])


def test_a_follower_that_waits_gives_what_comes_and_close_ends_it_from_another_thread(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    follower = ff.follow(every=timedelta(seconds=0.05))
    assert next(follower).event_id == "a"
    putting = Thread(target=put_new, args=(ff, "b"), kwargs={"start": 1})
    putting.start()
    assert next(follower).event_id == "b"
    putting.join()
    slow = ff.follow(follower.cursor, every=timedelta(days=1))
    found: list[Event] = []
    waiting = Thread(target=lambda: found.extend(slow))
    waiting.start()
    slow.close()
    waiting.join(60)
    assert not waiting.is_alive()
    assert found == []
    assert list(slow) == []
    assert polled(ff, slow.cursor)[:2] == ([], [])


@ON_FOLDER
def test_close_from_within_a_callback_ends_it_after_that_event(place: Place) -> None:
    ff = place.open()
    put_new(ff, "z", start=9)
    cursor = polled(ff, None)[2]
    put_new(ff, "a", "b", "c")

    def closing(event: Event) -> None:
        handed.append(event.event_id)
        follower.close()

    handed: list[str] = []
    for expected in (["a"], ["a", "b"], ["a", "b", "c"]):
        follower = ff.follow(cursor, late=closing)
        assert list(follower) == []
        assert handed == expected
        cursor = follower.cursor
    assert polled(ff, cursor)[:2] == ([], [])


@ON_FOLDER
def test_close_from_a_signals_handler_ends_the_follower_that_waits(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    follower = ff.follow(every=timedelta(days=1))
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: follower.close())
    try:
        assert next(follower).event_id == "a"
        sending = Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1))
        sending.start()
        assert list(follower) == []
        sending.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_threads_share_a_follower_and_each_event_goes_to_one_of_them(place: Place) -> None:
    ff = place.open()
    ids = [f"{number:03}" for number in range(200)]
    ff.put_many((b"", event_id, at(minute)) for minute, event_id in enumerate(ids))
    follower = ff.follow(wait=False)
    taken = together([lambda: [event.event_id for event in follower]] * 4)
    assert sorted(event_id for some in taken for event_id in some) == ids
    assert polled(ff, follower.cursor)[:2] == ([], [])


@ON_FOLDER
def test_a_cursor_that_has_lain_for_longer_than_half_of_the_grace_time_is_an_error_that_says_what_to_do(
    place: Place,
) -> None:
    store = Dated(place.store())
    ff = on(store)
    empty = polled(ff, None)[2]
    store.passes(timedelta(days=2))
    assert polled(ff, empty)[:2] == ([], [])  # nothing can have been missed
    put_new(ff, "a")
    cursor = polled(ff, None)[2]
    store.passes(timedelta(hours=12))
    assert polled(ff, cursor)[:2] == ([], [])
    store.passes(timedelta(seconds=1))
    with pytest.raises(FlashFloodException, match=r"12:00:01.*after=\(datetime.datetime\(2020, 1, 1, 0, 0\), 'a'\)"):
        polled(ff, cursor)


def test_a_follower_never_writes(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    ff.journal(2)
    store = Dated(place.store())
    cursor = polled(on(store), None)[2]
    put_new(ff, "late")
    polled(on(store), cursor)
    assert store.writes == []


@ON_FOLDER
def test_a_blob_that_stays_missing_is_an_error_that_names_the_journal(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    store = place.store()
    (journal_id,) = ff.list_journals()
    store.delete([layout.blob_key(journal_id)])
    with pytest.raises(FlashFloodCorruptionError, match=journal_id):
        polled(ff, None)


@ON_FOLDER
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"after": "no cursor"}, ValueError, "is no cursor"),
        ({"after": 7}, TypeError, "after: .*not int: 7"),
        ({"after": (datetime(2020, 1, 1), "\ud800")}, ValueError, "after: .*UTF-8"),
        ({"after": ("2020", "id")}, TypeError, "after"),
        ({"lateness": -MINUTE}, ValueError, "lateness"),
        ({"every": -MINUTE}, ValueError, "every"),
        ({"every": 10}, TypeError, "every"),
        ({"filter": "["}, ValueError, "\\["),
    ],
)
def test_what_cannot_be_followed_is_an_error_before_any_request(
    place: Place, options: dict[str, object], error: type[Exception], message: str
) -> None:
    store = Dated(place.store())
    with pytest.raises(error, match=message):
        on(store).follow(**options)  # type: ignore[call-overload]
    on(store).follow()
    assert store.requests == []


@ON_FOLDER
def test_a_follower_is_not_pickled_its_cursor_is(place: Place) -> None:
    follower = place.open().follow()
    assert isinstance(follower, Follower)
    with pytest.raises(TypeError, match="cursor"):
        pickle.dumps(follower)


@ON_FOLDER
def test_an_event_that_was_put_again_with_its_date_before_the_delete_is_applied_is_handed_over(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c")
    ff.journal(3)
    ff.delete_event("b")
    ff.put_many([(b"again", "b", at(1)), (b"", "d", at(1))])
    assert [(event.event_id, event.data) for event in ff.follow(wait=False)][1:3] == [("b", b"again"), ("d", b"")]
    ff.delete_event("b")
    ff.put(b"a third time", "b", at(1))
    assert [event.data for event in ff.follow(wait=False) if event.event_id == "b"] == [b"a third time"]
    ff.journal(2)
    assert [event.data for event in ff.follow(wait=False) if event.event_id == "b"] == [b"a third time"]


@ON_FOLDER
def test_an_endless_lateness_gives_nothing_and_an_endless_pause_is_taken(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    assert polled(ff, None, lateness=timedelta.max, every=timedelta.max)[:2] == ([], [])


@ON_FOLDER
def test_a_writer_whose_manifest_took_longer_than_the_slack_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    with caplog.at_level(logging.WARNING, "flashflood"):
        put_new(ff, "a")
        assert [record for record in caplog.records if record.name == "flashflood.context"] == []
        monkeypatch.setattr(context, "SLACK", timedelta(-1))
        put_new(ff, "b", start=1)
    (record,) = [record for record in caplog.records if record.name == "flashflood.context"]
    (journal_id,) = ff.list_journals(at(0))
    assert journal_id in record.getMessage()


@ON_FOLDER
def test_near_looks_list_what_is_beyond_the_place_and_a_full_one_finds_what_is_late(place: Place) -> None:
    ff = place.open()
    put_new(ff, *(f"{number:02}" for number in range(35)))
    store = Dated(place.store())
    late: list[Event] = []
    follower = on(Short(store, 10)).follow(late=late.append, every=timedelta(0))
    assert [next(follower).event_id for _ in range(35)][-1] == "34"
    assert [method for method, _ in store.requests].count("get") == 35 * 2  # of each event the manifest and the blob
    put_new(ff, "late", start=-1)
    for minute in range(35, 38):  # near looks, each of the journals that begin less than five minutes before
        put_new(ff, f"{minute}", start=minute)
        store.requests.clear()
        assert next(follower).event_id == f"{minute}"
        assert [method for method, _ in store.requests].count("list") == 1
        assert late == []
    put_new(ff, "38", start=38)
    store.requests.clear()
    assert next(follower).event_id == "38"
    assert [method for method, _ in store.requests].count("list") >= 4
    assert [event.event_id for event in late] == ["late"]
