"""Following updates and deletes too: a copy that is kept by following ends as the store is."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from conftest import Place
from support.dated import Dated
from support.samples import AT_ONCE, at, put_new
from support.watched import on

from flashflood import Event, FlashFlood, context
from flashflood.context import SLACK

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
MINUTE = timedelta(minutes=1)


class Copy:
    """A copy of a store, which is kept by following."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.cursor: str | None = None
        self.told: list[tuple[str, str]] = []
        """What the last poll gave: kinds and ids."""

    def follow(self, ff: FlashFlood, **options: object) -> list[tuple[str, str]]:
        """Go on from the cursor until caught up; give kinds and ids."""
        follower = ff.follow(self.cursor, changes=True, wait=False, **options)  # type: ignore[call-overload]
        self.told = []
        for kind, event in follower:
            self.told.append((kind, event.event_id))
            self.take(kind, event)
        self.cursor = follower.cursor
        return self.told

    def take(self, kind: str, event: Event) -> None:
        """Keep what a follower gives."""
        if kind == "delete":
            assert event.data == b""
            self.events.pop(event.event_id, None)
        else:
            self.events[event.event_id] = event

    def is_of(self, ff: FlashFlood) -> bool:
        """Say whether it has what the store has."""
        ids = {*self.events, *(event.event_id for event in ff.replay())}
        return self.events == {event.event_id: event for event in ff.get_events(ids, on_missing="skip")}


def test_updates_and_deletes_reach_a_copy_applied_and_collected_or_not(place: Place) -> None:
    ff = place.open()
    copy = Copy()
    put_new(ff, *"abcd")
    assert copy.follow(ff) == [("put", event_id) for event_id in "abcd"]
    ff.update_event("a", b"new")
    ff.delete_event("b")
    assert sorted(copy.follow(ff)) == [("delete", "b"), ("update", "a")]
    assert copy.is_of(ff)
    ff.update_event("c", b"new")
    ff.journal(4)
    ff.delete_event("c")
    ff.update_event("d", b"new")
    ff.update()
    ff.compact()
    assert {("delete", "c"), ("update", "d")} <= set(copy.follow(ff))
    assert copy.is_of(ff)
    ff.collect_garbage(AT_ONCE)
    assert copy.is_of(ff)
    assert [event.event_id for event in copy.events.values() if event.data == b"new"] == ["a", "d"]


def test_an_id_that_is_put_again_after_a_delete_is_in_the_copy(place: Place) -> None:
    ff = place.open()
    copy = Copy()
    put_new(ff, "a", "b")
    copy.follow(ff)
    ff.delete_event("a")
    ff.put(b"again", "a", at(0))
    ff.delete_event("b")
    ff.put(b"again", "b", at(5))
    ff.update_event("b", b"and new")
    copy.follow(ff)
    assert copy.is_of(ff)
    assert {event.data for event in copy.events.values()} == {b"again", b"and new"}


@ON_FOLDER
def test_a_store_that_is_read_without_pending_updates_is_followed_with_them(place: Place) -> None:
    ff = on(place.store(), read_pending_updates=False)
    copy = Copy()
    put_new(ff, "a")
    copy.follow(ff)
    ff.update_event("a", b"new")
    assert copy.follow(ff) == [("update", "a")]
    assert copy.events["a"].data == b"new"


@ON_FOLDER
def test_a_deleted_event_is_out_of_the_copy_before_the_turn_of_the_one_that_was_put_after_it(place: Place) -> None:
    ff = place.open()
    copy = Copy()
    put_new(ff, "a")
    copy.follow(ff)
    ff.update_event("a", b"new")
    ff.delete_event("a")
    ff.put(b"again", "a", datetime.now(UTC) + 60 * MINUTE)
    assert copy.follow(ff) == [("delete", "a")]
    assert copy.events == {}


@ON_FOLDER
def test_a_copy_that_stops_after_each_item_ends_as_the_store_is(place: Place) -> None:
    store = Dated(place.store())
    ff = on(store)
    copy = Copy()
    put_new(ff, *"bcde", start=1)
    copy.follow(ff)
    put_new(ff, "a", "late")
    put_new(ff, "f", start=6)
    for event_id in "bf":
        ff.update_event(event_id, b"new")
    ff.delete_event("c")
    ff.journal(3)
    store.passes(2 * SLACK)
    told: list[tuple[str, str]] = []
    for _ in range(20):
        follower = ff.follow(copy.cursor, changes=True, wait=False)
        item = next(follower, None)
        copy.cursor = follower.cursor
        if item is None:
            break
        told.append((item[0], item[1].event_id))
        copy.take(*item)
    assert sorted(told) == [("delete", "c"), ("put", "a"), ("put", "f"), ("put", "late"), ("update", "b")]
    assert copy.is_of(ff)


@ON_FOLDER
def test_a_change_comes_once_to_a_follower_that_goes_on_and_again_only_within_the_slack(place: Place) -> None:
    store = Dated(place.store())
    ff = on(store)
    copy = Copy()
    put_new(ff, "a")
    copy.follow(ff)
    ff.update_event("a", b"new")
    told = [("update", "a")]
    follower = ff.follow(copy.cursor, changes=True, every=timedelta(0))
    assert next(follower)[0] == "update"
    put_new(ff, "b", start=1)
    assert next(follower) == ("put", Event("b", at(1), b"data of b"))
    put_new(ff, "c", start=2)
    assert next(follower) == ("put", Event("c", at(2), b"data of c"))  # in another poll
    assert copy.follow(ff) == [*told, ("put", "b"), ("put", "c")]
    assert copy.follow(ff) == told
    store.passes(2 * SLACK)
    assert copy.follow(ff) == told
    assert copy.follow(ff) == []


@ON_FOLDER
def test_a_change_that_is_dated_before_it_can_be_seen_is_not_lost(place: Place) -> None:
    store = Dated(place.store())
    ff = on(store)
    copy = Copy()
    put_new(ff, "a", "b")
    copy.follow(ff)
    store.passes(3 * SLACK)
    ff.update_event("b", b"new")
    copy.follow(ff)
    store.passes(-4 * MINUTE)
    ff.update_event("a", b"new")
    store.passes(4 * MINUTE)
    assert ("update", "a") in copy.follow(ff)
    assert copy.is_of(ff)


@ON_FOLDER
def test_an_event_is_put_in_its_turn_with_what_changes_have_made_of_it_by_then(place: Place) -> None:
    ff = place.open()
    copy = Copy()
    put_new(ff, "old")
    ff.put(b"first", "young", datetime.now(UTC) - 3 * MINUTE)
    ff.put(b"first", "deleted", datetime.now(UTC) - 3 * MINUTE)
    assert copy.follow(ff, lateness=5 * MINUTE) == [("put", "old")]
    ff.update_event("young", b"new")
    ff.journal(2)
    ff.update_event("young", b"newer")
    ff.delete_event("deleted")
    assert copy.follow(ff, lateness=5 * MINUTE) == [("delete", "deleted")]
    assert copy.follow(ff, lateness=MINUTE) == [("delete", "deleted"), ("put", "young")]
    assert copy.events["young"].data == b"newer"
    assert copy.is_of(ff)


@ON_FOLDER
def test_a_writer_whose_update_took_longer_than_the_slack_says_so(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    put_new(ff, "a")
    with caplog.at_level(logging.WARNING, "flashflood"):
        ff.update_event("a", b"new")
        assert caplog.records == []
        monkeypatch.setattr(context, "SLACK", timedelta(-1))
        ff.update_event("a", b"newer")
    (record,) = caplog.records
    assert "--a--" in record.getMessage()


@ON_FOLDER
def test_late_events_are_puts_and_count(place: Place) -> None:
    ff = place.open()
    copy = Copy()
    put_new(ff, "z", start=9)
    copy.follow(ff)
    put_new(ff, "a", "b")
    ff.update_event("b", b"new")
    follower = ff.follow(copy.cursor, changes=True, wait=False)
    for item in follower:
        copy.take(*item)
    assert follower.late == 2
    assert copy.is_of(ff)


@ON_FOLDER
def test_an_event_that_a_filter_is_true_of_no_more_is_deleted_from_the_copy_and_back_when_it_is(place: Place) -> None:
    ff = place.open()
    options = {"filter": "n > `6`", "select": "n"}
    copy = Copy()
    ff.put_many([({"n": number}, str(number), at(number)) for number in range(5, 9)])
    assert copy.follow(ff, **options) == [("put", "7"), ("put", "8")]
    ff.update_event("7", {"n": 1})
    ff.update_event("5", {"n": 50})
    assert sorted(copy.follow(ff, **options)) == [("delete", "7"), ("update", "5")]
    assert {event.event_id: event.data for event in copy.events.values()} == {"5": b"50", "8": b"8"}


@ON_FOLDER
def test_a_delete_says_when_it_was_and_has_no_data(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a/b")
    copy = Copy()
    copy.follow(ff)
    before = datetime.now(UTC).replace(tzinfo=None)
    ff.delete_event("a/b")
    ((kind, event),) = ff.follow(copy.cursor, changes=True, wait=False)
    assert (kind, event.event_id, event.data) == ("delete", "a/b", b"")
    assert before <= event.date <= datetime.now(UTC).replace(tzinfo=None)


@ON_FOLDER
def test_a_cursor_with_changes_and_one_without_are_not_mixed_up(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    copy = Copy()
    unused = ff.follow(changes=True).cursor
    assert list(ff.follow(unused, changes=True, wait=False)) == [("put", Event("a", at(0), b"data of a"))]
    copy.follow(ff)
    with pytest.raises(ValueError, match=r"of a follower with changes=True.*follow\(after=\(datetime"):
        ff.follow(copy.cursor)
    with pytest.raises(ValueError, match="of a follower with changes=False"):
        ff.follow(ff.follow().cursor, changes=True)
    with pytest.raises(ValueError, match="late= is not taken beside changes=True"):
        ff.follow(changes=True, late=print)  # type: ignore[call-overload]


@ON_FOLDER
def test_after_a_place_changes_count_as_handed_over_but_those_within_the_slack(place: Place) -> None:
    store = Dated(place.store())
    ff = on(store)
    put_new(ff, "a", "b", "c")
    ff.update_event("a", b"new")
    store.passes(2 * SLACK)
    ff.update_event("b", b"new")
    told = [(kind, event.event_id) for kind, event in ff.follow((at(1), "b"), changes=True, wait=False)]
    assert told == [("update", "b"), ("put", "c")]
