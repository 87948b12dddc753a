"""`get_events` beside other clients: each event is as it was at some moment since the first one was asked for."""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from conftest import Place
from support.many_ids import numbered, one_by_one, put_all, worth_a_page
from support.processes import Worker
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Interrupted, on

from flashflood import FlashFlood
from flashflood.read import get_events
from flashflood.store import LocalStore

WORKS: dict[str, Callable[[FlashFlood], object]] = {
    "journals": lambda ff: ff.journal(minimum_number_of_events=2),
    "updates": lambda ff: ff.update(None),
    "combines and collects garbage": lambda ff: (
        ff.combine_journals(list(ff.list_journals())),
        ff.collect_garbage(grace=AT_ONCE),
    ),
    "puts a deleted event again": lambda ff: ff.put(b"again", "deleted", at(50)),
    "deletes": lambda ff: ff.delete_event("b"),
    "updates an event": lambda ff: ff.update_event("d", b"newer"),
}


@pytest.mark.parametrize("worth", [1, 10**6], ids=["by pages", "one by one"])
@pytest.mark.parametrize("work", WORKS)
def test_another_client_may_work_between_any_two_requests(
    tmp_path: Path, work: str, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_a_page(monkeypatch, worth)
    ids = ["a", "b", "c", "d", "e", "deleted"]
    for number in count(1):
        folder = LocalStore(tmp_path / f"{number}")
        ff = on(folder)
        put_journaled(ff, "a", "b")
        put_journaled(ff, "c", "deleted", start=10)
        put_new(ff, "d", "e", start=20)
        ff.update_event("c", b"updated")
        ff.delete_event("deleted")
        before = contents(one_by_one(ff, ids))
        store = Interrupted(folder, number, partial(WORKS[work], ff))
        found = contents(on(store).get_events(ids, on_missing="skip"))
        after = contents(one_by_one(ff, ids))
        assert before.keys() & after.keys() <= found.keys() <= before.keys() | after.keys(), f"at request {number}"
        for event_id, data in found.items():
            assert data in (before.get(event_id), after.get(event_id)), f"{event_id} at request {number}"
        if not store.reached:
            break
    assert number > 10


@pytest.mark.parametrize("work", ["updates", "combines and collects garbage", "deletes"])
def test_a_batch_of_which_some_events_have_been_read_may_be_rewritten_and_collected(
    tmp_path: Path, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_events, "LARGEST_CHUNK", 2)
    monkeypatch.setattr(get_events, "BUDGET", 1)
    ids = [*"abcdef"]
    for number in count(1, 2):
        folder = LocalStore(tmp_path / f"{number}")
        ff = on(folder)
        put_all(ff, *ids)
        ff.update_event("d", b"newer")
        before = contents(one_by_one(ff, ids))
        store = Interrupted(folder, number, partial(WORKS[work], ff))
        store.workers = 2
        found = contents(on(store).get_events(ids, on_missing="skip"))
        assert before.keys() - found.keys() <= {"b"} & (before.keys() - contents(one_by_one(ff, ids)).keys())
        assert all(before[event_id] == data for event_id, data in found.items()), f"at request {number}"
        if not store.reached:
            break
    assert number > 10


@pytest.mark.timeout(180)
def test_events_put_and_updated_are_found_while_another_process_journals_updates_and_collects(place: Place) -> None:
    """What an update that has returned gave an event is what is read, or what a later one gave it."""
    ff = place.open()
    put: list[str] = []
    with Worker(place.env, "test_replay_beside_others", "work_for_ever", place.url, 1) as other:
        put_new(ff, *numbered(20), start=2000)
        for number in range(6 if place.s3 else 12):
            put += [other.hear() for _ in range(3)]
            for event_id in numbered(20)[number % 3 :: 3]:
                ff.update_event(event_id, f"{number}")
            found = list(ff.get_events([*put, *numbered(20), "nobody"], on_missing="skip"))
            assert [event.event_id for event in found] == [*put, *numbered(20)]
            data = [event.data for event in found[len(put) :]]
            assert data[number % 3 :: 3] == [f"{number}".encode()] * len(data[number % 3 :: 3])
        assert other.process.poll() is None
