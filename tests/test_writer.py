"""A writer stores events from many threads, those together that wait at one time; each caller is told of its own."""

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.races import together
from support.samples import at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Gate, Watched, on

from flashflood import (
    Event,
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodException,
)
from flashflood.store import Store
from flashflood.write import gathering, put_many, puts

AN_HOUR = timedelta(hours=1)
PATIENCE = 60
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)


def data_of(*event_ids: str) -> dict[str, bytes]:
    return {event_id: f"data of {event_id}".encode() for event_id in event_ids}


def put_as_one_batch(ff: FlashFlood, events: Sequence[put_many.Bare]) -> list[Future[Event]]:
    """Put events into a writer, which go once the last one is there; give their futures, all of them asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(put_many, "LARGEST_BATCH", len(events))
        with ff.writer(linger=AN_HOUR) as writer:
            futures = [writer.put(*event) for event in events]
            for future in futures:
                future.exception(PATIENCE)
    return futures


def leave_by_an_exception(ff: FlashFlood, event_id: str) -> None:
    with ff.writer(linger=AN_HOUR) as writer:
        writer.put(f"data of {event_id}", event_id)
        raise LookupError


def put_and_ask(ff: FlashFlood, asked: str, *others: str) -> None:
    """Put events, and ask only the first one's future."""
    with ff.writer() as writer:
        writer.put(b"", asked).exception()
        for event_id in others:
            writer.put(b"", event_id)


def bare(*event_ids: str | None) -> list[put_many.Bare]:
    """Give (data, event_id, date) for each id, a minute apart."""
    return [(f"data of {event_id}".encode(), event_id, at(minute)) for minute, event_id in enumerate(event_ids)]


# What is stored


def test_events_put_through_a_writer_are_those_put_one_by_one(place: Place, tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - to be repeated
    plain = FlashFlood.open(tmp_path / "plain.flashflood")
    ff = place.open()
    with ff.writer(linger=timedelta(milliseconds=1)) as writer:
        for number in range(60):
            kinds: list[bytes | bytearray | str | dict[str, int] | list[int]]
            kinds = [b"\0\xff", bytearray(b"bytes"), "text", {"n": number}, [number], b""]
            data = chance.choice(kinds)
            event_id, date = f"{chance.randrange(10)}/{chance.randrange(10)}", at(chance.randrange(9))
            future = writer.put(data, event_id, date)
            try:
                expected = plain.put(data, event_id, date)
            except FlashFloodEventExistsError:
                with pytest.raises(FlashFloodEventExistsError, match=event_id):
                    future.result()
            else:
                if chance.random() < 0.1:
                    assert future.result() == expected
    assert list(ff.replay()) == list(plain.replay())
    assert all(ff.get_event(event.event_id) == event for event in ff.replay())
    assert ff.check() == []


def test_the_future_gives_the_event_that_get_event_gives(place: Place) -> None:
    ff = place.open()
    with ff.writer() as writer:
        futures = [
            writer.put({"n": 1}),
            writer.put("text", "an id", datetime(2020, 1, 1, 12, tzinfo=UTC)),
            writer.put(b""),
        ]
        events = [future.result() for future in futures]
    assert [ff.get_event(event.event_id) for event in events] == events
    assert events[1] == Event("an id", datetime(2020, 1, 1, 12), b"text")


def test_events_from_many_threads_are_all_stored(place: Place) -> None:
    ff = place.open()
    with ff.writer() as writer:

        def put(thread: int) -> bool:
            futures = [writer.put(f"data of {thread}.{number}", f"{thread}.{number}") for number in range(30)]
            return all(future.result() for future in futures)

        assert all(together([partial(put, thread) for thread in range(12)]))
    assert contents(place.open().replay()) == data_of(*(f"{a}.{b}" for a in range(12) for b in range(30)))
    assert ff.check() == []


def test_a_writers_small_batches_are_journaled_as_new_events(place: Place) -> None:
    ff = place.open()
    put_as_one_batch(ff, bare(*"abc"))
    ff.put(b"data of d", "d", at(9))
    ff.journal(4)
    assert len(list(ff.list_journals())) == 1
    assert contents(ff.replay()) == data_of(*"abcd")


def test_leaving_the_with_stores_all_at_once_and_so_does_an_exception(place: Place) -> None:
    ff = place.open()
    with ff.writer(linger=AN_HOUR) as writer:
        writer.put(b"data of a", "a")
    assert contents(ff.replay()) == data_of("a")
    with pytest.raises(LookupError) as caught:
        leave_by_an_exception(ff, "b")
    assert not hasattr(caught.value, "__notes__")
    assert contents(ff.replay()) == data_of("a", "b")


@ON_MOTO
def test_a_full_batch_goes_without_waiting(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_many, "LARGEST_BATCH", 3)
    with place.open().writer(linger=AN_HOUR) as writer:
        futures = [writer.put(b"data", name) for name in "abc"]
        assert [future.result(PATIENCE).event_id for future in futures] == [*"abc"]


def test_without_a_date_an_event_is_of_the_moment_of_its_put(place: Place) -> None:
    with place.open().writer(linger=AN_HOUR) as writer:
        future = writer.put(b"data")
        put_by = datetime.now(UTC).replace(tzinfo=None)
        time.sleep(0.01)
    assert future.result().date <= put_by


# Who is told what


def test_of_a_batch_only_the_put_whose_id_exists_is_told_so(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken")
    put_journaled(ff, "journaled", start=1)
    ff.put(b"", "gone")
    ff.delete_event("gone")
    futures = put_as_one_batch(ff, bare("a", "taken", "gone", "journaled", "b"))
    for future, event_id in ((futures[1], "taken"), (futures[3], "journaled")):
        with pytest.raises(FlashFloodEventExistsError, match=f"'{event_id}'"):
            future.result()
    ff.update()
    assert contents(ff.replay()) == data_of("a", "b", "gone", "taken", "journaled")
    assert ff.check() == []


def test_of_two_puts_of_one_id_that_wait_the_first_wins(place: Place) -> None:
    ff = place.open()
    with ff.writer(linger=timedelta(milliseconds=200)) as writer:
        events = [(b"first", "a", at(0)), (b"second", "a", at(1)), (b"", "b", at(2))]
        first, second, other = [writer.put(*event) for event in events]
        second.exception()
    assert first.result() == Event("a", at(0), b"first")
    with pytest.raises(FlashFloodEventExistsError, match="'a'"):
        second.result()
    assert contents(ff.replay()) == {"a": b"first", other.result().event_id: b""}


@pytest.mark.parametrize("wrong", [(1, None, None), (b"", "a--b", None), (b"", 7, None), (b"", None, "2020-01-01")])
def test_what_is_wrong_is_raised_by_put_itself_and_stops_no_other(place: Place, wrong: tuple[Any, Any, Any]) -> None:
    ff = place.open()
    with ff.writer(linger=AN_HOUR) as writer:
        writer.put(b"data of a", "a")
        with pytest.raises((TypeError, FlashFloodException)):
            writer.put(*wrong)
    assert contents(ff.replay()) == data_of("a")


def lose_manifest(ff: FlashFlood, store: Store) -> None:
    """Lose the manifest of the only journal."""
    (journal_id,) = ff.list_journals()
    store.delete([f"journals/{journal_id}"])


@ON_FOLDER
def test_an_id_that_cannot_be_claimed_stops_no_other(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "lost", "lost too")
    lose_manifest(ff, place.store())
    a, lost, b = put_as_one_batch(ff, bare("a", "lost", "b"))
    with pytest.raises(FlashFloodCorruptionError, match="'lost'"):
        lost.result()
    assert [a.result().event_id, b.result().event_id] == ["a", "b"]
    assert contents(ff.replay()) == data_of("a", "b")


class Broken(Watched):
    """A store that takes no drafts."""

    def request(self, _method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if key.startswith("drafts/"):
            raise PermissionError(key)
        return send()


def test_what_ends_a_batch_is_told_to_all_whose_events_are_in_it(place: Place) -> None:
    futures = put_as_one_batch(on(Broken(place.store())), bare(*"abc"))
    for future in futures:
        with pytest.raises(PermissionError, match="drafts/"):
            future.result()
    assert contents(place.open().replay()) == {}


def test_a_failure_that_nobody_has_asked_for_is_raised_at_the_end(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken", "taken too", "taken and asked")
    with pytest.raises(FlashFloodEventExistsError) as caught:
        put_and_ask(ff, "taken and asked", "a", "taken", "taken too")
    (note,) = caught.value.__notes__
    assert "2 events" in note
    assert "'taken'" in note
    assert "'taken too'" in note
    assert ff.event_exists("a")


def test_an_exception_that_leaves_the_with_has_a_note_of_such_a_failure(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken")
    with pytest.raises(LookupError) as caught:
        leave_by_an_exception(ff, "taken")
    (note,) = caught.value.__notes__
    assert "'taken' exists already" in note


def test_a_failure_that_was_asked_for_is_not_raised_again(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken")
    put_and_ask(ff, "taken", "a")
    assert contents(ff.replay()) == data_of("taken") | {"a": b""}


# What it costs


@pytest.mark.parametrize(
    ("ids", "requests"),
    [((None,), 3), ((None, None), 5), ((None,) * 20, 23), (("a",), 5), (("a", "b"), 10), (("a", "b", "c"), 15)],
)
@ON_FOLDER
def test_a_batch_takes_no_more_requests_than_puts_one_by_one(
    place: Place, ids: tuple[str | None, ...], requests: int
) -> None:
    in_a_batch, each = Counted(place.store()), Counted(place.store())
    in_a_batch.is_near = each.is_near = False
    put_as_one_batch(on(in_a_batch), [(b"", event_id, at(0)) for event_id in ids])
    for event_id in ids:
        on(each).put(b"", event_id and f"{event_id} by itself", at(0))
    assert len(in_a_batch.requests) == requests <= len(each.requests)


def test_puts_of_many_threads_go_together_and_each_is_told_of_its_own_event(place: Place) -> None:
    gate, ff = Gate(place.store()), place.open()
    counted = Counted(gate)
    counted.is_near = False
    threads = puts.ALONE + 30
    writing = Thread(target=wait_until, args=[lambda: bool(counted.requests), gate.opened.set])
    writing.start()
    shared = on(counted)
    events = together([partial(shared.put, f"data {number}", None, at(number)) for number in range(threads)])
    writing.join()
    assert [event.data for event in events] == [f"data {number}".encode() for number in range(threads)]
    assert contents(ff.replay()) == {event.event_id: event.data for event in events}
    assert all(ff.get_event(event.event_id) == event for event in events)
    if place.kind != "sqlite":  # where a batch's claims are one request
        assert len(counted.writes) < 3 * threads
    assert len(list(ff.new_journals())) == len(list(ff.list_journals())) < threads
    ff.journal(threads)
    assert ff.check() == []


def wait_until(is_so: Callable[[], bool], then: Callable[[], object]) -> None:
    """Wait until something is so, and some more; then do something."""
    while not is_so():
        time.sleep(0.01)
    time.sleep(0.3)
    then()


def test_puts_of_many_threads_fail_each_for_itself(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken")

    def put(number: int) -> str:
        try:
            return ff.put(b"", "taken" if number % 3 == 0 else f"event {number}").event_id
        except FlashFloodEventExistsError as error:
            return f"{error.event_id} exists"

    found = together([partial(put, number) for number in range(30)])
    assert found == ["taken exists" if number % 3 == 0 else f"event {number}" for number in range(30)]
    assert len(contents(ff.replay())) == 21


# What a caller may do besides


@ON_FOLDER
def test_after_close_put_is_an_error_that_names_the_event(place: Place) -> None:
    with place.open().writer() as writer:
        pass
    writer.close()
    with pytest.raises(FlashFloodException, match="'late' was put into a writer that is closed"):
        writer.put(b"", "late")
    assert contents(place.open().replay()) == {}


@ON_FOLDER
def test_an_event_that_waits_can_be_cancelled(place: Place) -> None:
    ff = place.open()
    with ff.writer(linger=AN_HOUR) as writer:
        future = writer.put(b"", "a")
        writer.put(b"data of b", "b")
        assert future.cancel()
    with pytest.raises(CancelledError):
        future.result()
    assert contents(ff.replay()) == data_of("b")


@ON_FOLDER
def test_a_linger_below_0_is_a_value_error(place: Place) -> None:
    with pytest.raises(ValueError, match="linger"):
        place.open().writer(linger=timedelta(seconds=-1))


@ON_FOLDER
def test_put_waits_while_too_much_waits_already(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_many, "LARGEST_BATCH", 3)
    gate = Gate(place.store())
    at_most = (gathering.BATCHES_AT_A_TIME + gathering.BATCHES_WAITING) * 3
    futures: list[Future[Event]] = []
    with on(gate).writer(linger=timedelta(0)) as writer:

        def put_more() -> None:
            for number in range(3 * at_most):
                futures.append(writer.put(b"", str(number)))  # noqa: PERF401  its length is watched meanwhile

        putting = Thread(target=put_more)
        putting.start()
        time.sleep(0.5)
        taken = len(futures)
        gate.opened.set()
        putting.join()
    assert 0 < taken <= at_most
    assert len(contents(place.open().replay())) == len(futures) == 3 * at_most


@ON_FOLDER
def test_a_callback_may_put_more(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(put_many, "LARGEST_BATCH", 1)
    ff = place.open()
    with ff.writer() as writer:
        for number in range(20):
            first = writer.put(b"", f"first {number}")
            first.add_done_callback(lambda done: writer.put(b"", done.result().event_id.replace("first", "second")))
    assert len(contents(ff.replay())) == 40


@ON_FOLDER
def test_a_callback_cannot_close_the_writer_that_waits_for_it(place: Place) -> None:
    errors: list[BaseException] = []

    def close(_: Future[Event]) -> None:
        try:
            writer.close()
        except FlashFloodException as error:
            errors.append(error)

    with place.open().writer() as writer:
        writer.put(b"").add_done_callback(close)
    assert ["callback" in str(error) for error in errors] == [True]


# Processes


def put_in_a_child(url: str) -> None:
    """Fork while events wait; tell what the child is told, then store what the parent has put."""
    ff = FlashFlood.open(url)
    with ff.writer(linger=AN_HOUR) as writer:
        future = writer.put(b"of the parent", "a")
        child = os.fork()
        if child == 0:
            signal.alarm(PATIENCE)
            for call in (lambda: writer.put(b"of the child", "b"), future.result):
                try:
                    call()
                except FlashFloodException as error:
                    tell(str(error))
            with ff.writer() as own:
                own.put(b"of the child", "c")
    if child == 0:
        os._exit(0)
    tell(os.waitpid(child, 0)[1])


def test_a_forked_child_opens_a_writer_of_its_own(place: Place) -> None:
    with Worker(place.env, "test_writer", "put_in_a_child", place.url) as worker:
        put_error, result_error, status = worker.rest()
    assert "open one in this process" in put_error
    assert "ask in that process" in result_error
    assert status == 0
    assert contents(place.open().replay()) == {"a": b"of the parent", "c": b"of the child"}


def put_until_killed(url: str, life: str) -> None:
    """Put from several threads, twenty events ahead; tell of each one before its put, and once it is stored."""

    def put(thread: int) -> None:
        for number in count():
            name = f"{life}.{thread}.{number}"
            tell(["begun", name])
            future = writer.put(f"data of {name}", name if thread else None, at(number))
            future.add_done_callback(lambda done: tell(["stored", done.result().event_id]))
            if number % 20 == 0:
                future.result()

    with FlashFlood.open(url).writer() as writer:
        together([partial(put, thread) for thread in range(3)])


@pytest.mark.timeout(120)
def test_of_a_writer_killed_at_any_moment_every_event_whose_future_was_done_is_stored_once(place: Place) -> None:
    chance = random.Random(3)  # noqa: S311 - to be repeated
    begun, stored = set(), set()
    for life in range(3):
        with Worker(place.env, "test_writer", "put_until_killed", place.url, str(life)) as worker:
            told = [worker.hear()]
            while told[-1][0] != "stored":
                told.append(worker.hear())
            time.sleep(chance.uniform(0, 0.8))
            told += worker.kill()
        begun |= {name for what, name in told if what == "begun"}
        stored |= {name for what, name in told if what == "stored"}
    ff = place.open()
    replayed = contents(ff.replay())
    assert stored <= replayed.keys()
    assert all(ff.event_exists(event_id) for event_id in stored)
    assert {event_id for event_id in replayed if "." in event_id} <= begun
