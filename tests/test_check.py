"""check finds nothing wrong with a sound store, whoever works on it meanwhile."""

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import count, islice
from random import Random

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Answer, Counted, Far, Watched, on

from flashflood import (
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
)
from flashflood.store import Store

SECONDS = 12


def write(url: str, name: str) -> None:
    """Put, update and delete, one by one and in batches, some of ids that others put too."""
    ff = FlashFlood.open(url)
    chance = Random(name)  # noqa: S311 - to be repeated, not to be secret
    tell("begun")
    end = time.monotonic() + SECONDS
    for number in count():
        if time.monotonic() > end:
            return
        ids = [f"{chance.randrange(40)}", f"{name} {number}"]
        with suppress(FlashFloodEventExistsError):
            ff.put(b"data", chance.choice(ids), at(number))
        ff.put_many([(b"data", event_id, at(number)) for event_id in ids], on_conflict="skip")
        with suppress(FlashFloodEventNotFound):
            ff.update_event(chance.choice(ids), b"updated")
        with suppress(FlashFloodEventNotFound):
            ff.delete_event(chance.choice(ids))


def tidy(url: str, name: str) -> None:
    """Journal, update, combine, repair and collect garbage."""
    ff = FlashFlood.open(url)
    chance = Random(name)  # noqa: S311 - to be repeated, not to be secret
    calls: list[Callable[[], object]] = [
        lambda: ff.journal(minimum_number_of_events=2),
        lambda: ff.update(None),
        lambda: combine_some(ff),
        ff.repair,
        lambda: ff.collect_garbage(timedelta(seconds=4)),
    ]
    tell("begun")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with suppress(FlashFloodJournalingError):
            chance.choice(calls)()


def combine_some(ff: FlashFlood) -> None:
    """Combine the first journals, unless another process has just done so."""
    try:
        ff.combine_journals([ff.open_journal(found) for found in islice(ff.list_journals(), 3)])
    except (FlashFloodException, ValueError) as error:
        if isinstance(error, FlashFloodCorruptionError):
            raise


@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
def test_check_finds_nothing_beside_processes_that_make_every_other_call(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, *(f"id {number}" for number in range(20)))
    workers = [("write", "one"), ("write", "two"), ("tidy", "three"), ("tidy", "four")]
    with ExitStack() as stack:
        running = [
            stack.enter_context(Worker(place.env, "test_check", function, place.url, name))
            for function, name in workers
        ]
        for worker in running:
            assert worker.hear() == "begun"
        checked = 0
        while any(worker.process.poll() is None for worker in running):
            assert ff.check() == []
            checked += 1
        for worker in running:
            worker.rest()
    assert checked > 1
    ff.update(None)
    assert ff.check() == []


class Changing(Watched):
    """Lets another client work at each request of one kind, right after it."""

    def __init__(self, store: Store, prefix: str, work: Callable[[], object]) -> None:
        super().__init__(store)
        self.prefix = prefix
        self.work = work
        self.calls = 0

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "list" and key.startswith(self.prefix):
            self.calls += 1
            if self.calls == 1:
                self.work()
        return answer


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("place", ["folder"], indirect=True)
@pytest.mark.parametrize(("far", "sample"), [(False, None), (True, None), (False, 1)])
@pytest.mark.parametrize("prefix", ["ledger/", "journals/", "update/", "update-ids/", "gone/", "index/", "blobs/"])
def test_what_changes_between_two_requests_of_a_check_is_no_finding(
    place: Place,
    prefix: str,
    far: bool,  # noqa: FBT001
    sample: float | None,
) -> None:
    """A far store's listings come in pages of a key, so that the others work while the first folder is listed."""
    ff = place.open()
    put_journaled(ff, "a", "b")
    put_new(ff, "c", "d", start=5)

    def work() -> None:
        ff.delete_event("a")
        ff.journal(2)
        ff.update(None)
        ff.put(b"again", "a", at(0))
        ff.combine_journals([ff.open_journal(found) for found in ff.list_journals()])
        ff.collect_garbage(AT_ONCE)

    store = place.store()
    changing = Changing(Far(store, 1) if far else store, prefix, work)
    assert on(changing).check(sample=sample) == []
    assert changing.calls > 0 or (sample and prefix == "blobs/")


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_a_sound_store_is_looked_through_once(place: Place) -> None:
    put_journaled(place.open(), "a", "b")
    store = Counted(place.store())
    assert on(store).check() == []
    assert [request for request in store.requests if request == ("list", "journals/")] == [("list", "journals/")]
    assert store.writes == []
