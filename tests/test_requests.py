"""How many requests each call makes, and how many of them one after the other."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from threading import Lock, get_ident

import pytest
from conftest import Place
from support.old import OldFlashFlood, OldProcesses
from support.samples import at, put_journaled, put_new
from support.watched import Answer, Counted, Watched, on

from flashflood import FlashFlood
from flashflood.requests import Requests
from flashflood.store import Store

ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
IN_A_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
SIMULTANEOUS = 0.1
"""Seconds that a request lasts at least, so that those made at one time are seen to be."""
TRIES = 5
"""A busy machine may begin a request late, so that it seems to follow another: the shortest chain counts."""


class InARow(Watched):
    """Tells the longest chain of requests of which each was sent after the one before had returned."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._lock = Lock()
        self.longest = 0

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            place = self.longest + 1
        answer = send()
        time.sleep(SIMULTANEOUS)
        with self._lock:
            self.longest = max(self.longest, place)
        return answer


def requests(place: Place, call: Callable[[FlashFlood], object], *, read_pending_updates: bool = True) -> int:
    """Count the requests that a call makes."""
    store = Counted(place.store())
    call(on(store, read_pending_updates=read_pending_updates))
    return len(store.requests)


def in_a_row(place: Place, *calls: Callable[[FlashFlood], object]) -> int:
    """Count the requests that a call makes one after the other; several calls of a kind, of which one may be late."""
    found = []
    for call in calls:
        store = InARow(place.store())
        call(on(store))
        found.append(store.longest)
    return min(found)


def of_kind(store: Counted, method: str, folder: str) -> int:
    """Count the requests of one method on one folder of the store."""
    return sum(request[0] == method and request[1].startswith(folder) for request in store.requests)


# Single events


@ON_MOTO
def test_a_put_that_makes_the_id_takes_three_requests_two_in_a_row(place: Place) -> None:
    assert requests(place, lambda ff: ff.put(b"data")) == 3
    assert in_a_row(place, *[lambda ff: ff.put(b"data")] * TRIES) == 2


@ON_MOTO
def test_a_put_of_a_given_id_takes_five_requests_four_in_a_row(place: Place) -> None:
    assert requests(place, lambda ff: ff.put(b"data", "id", at(0))) == 5
    tries = [lambda ff, number=number: ff.put(b"data", f"id {number}", at(0)) for number in range(TRIES)]
    assert in_a_row(place, *tries) == 4


@ON_MOTO
def test_update_event_takes_nine_requests_five_in_a_row(place: Place) -> None:
    put_journaled(place.open(), "id")
    assert requests(place, lambda ff: ff.update_event("id", b"new")) == 9
    assert in_a_row(place, *[lambda ff: ff.update_event("id", b"newer")] * TRIES) == 5


@ON_MOTO
def test_delete_event_takes_eleven_requests_seven_in_a_row(place: Place) -> None:
    names = [f"id {number}" for number in range(TRIES)]
    put_journaled(place.open(), "id", *names)
    assert requests(place, lambda ff: ff.delete_event("id")) == 11
    assert in_a_row(place, *[lambda ff, name=name: ff.delete_event(name) for name in names]) == 7


@ON_MOTO
@pytest.mark.parametrize("put", [put_new, put_journaled])
def test_get_event_takes_six_requests_three_in_a_row(place: Place, put: Callable[..., object]) -> None:
    put(place.open(), "id")
    assert requests(place, lambda ff: ff.get_event("id")) == 6
    assert in_a_row(place, *[lambda ff: ff.get_event("id")] * TRIES) == 3


@ON_MOTO
@pytest.mark.parametrize("put", [put_new, put_journaled])
def test_get_event_takes_five_requests_where_it_leaves_out_pending_updates(
    place: Place, put: Callable[..., object]
) -> None:
    put(place.open(), "id")
    assert requests(place, lambda ff: ff.get_event("id"), read_pending_updates=False) == 5


# Many events


@IN_A_FOLDER
def test_a_batch_is_one_blob_one_draft_one_manifest_and_a_claim_and_three_listings_an_event(place: Place) -> None:
    store = Counted(place.store())
    on(store).put_many([(b"data", f"id {number}", at(number)) for number in range(200)])
    assert of_kind(store, "put", "blobs/") == of_kind(store, "put", "drafts/") == 1
    assert of_kind(store, "create", "journals/") == 1
    assert of_kind(store, "create", "index/") == 200
    assert of_kind(store, "list", "index/") + of_kind(store, "list", "gone/") == 600
    assert len(store.requests) == 803


@IN_A_FOLDER
def test_a_batch_of_ids_that_it_makes_itself_takes_no_listings(place: Place) -> None:
    assert requests(place, lambda ff: ff.put_many([(b"data", None, at(number)) for number in range(200)])) == 203


@IN_A_FOLDER
def test_journal_takes_six_requests_an_event_and_few_for_all(place: Place) -> None:
    put_new(place.open(), *(f"id {number}" for number in range(200)))
    assert requests(place, lambda ff: ff.journal(200)) <= 6.1 * 200


@pytest.fixture(scope="module")
def processes() -> Iterator[OldProcesses]:
    with OldProcesses() as found:
        yield found


@ON_MOTO
def test_journal_takes_seven_requests_for_each_event_that_0_4_3_put(place: Place, processes: OldProcesses) -> None:
    old = OldFlashFlood(processes.of(place.env), place.bucket, place.prefix)
    for number in range(40):
        old.put(b"data", f"id {number}", at(number))
    few_for_all = 20
    assert requests(place, lambda ff: ff.journal(40)) <= 7 * 40 + few_for_all


@IN_A_FOLDER
@pytest.mark.parametrize(("journals", "events", "updates"), [(1, 5, 2), (8, 5, 2), (70, 2, 1)])
def test_update_keeps_to_its_requests(place: Place, journals: int, events: int, updates: int) -> None:
    ff = place.open()
    for journal in range(journals):
        put_journaled(ff, *(f"{journal}-{event}" for event in range(events)), start=journal * events)
        for event in range(updates):
            ff.update_event(f"{journal}-{event}", b"new")
    budget = journals * events + 3 * journals * updates + 12 * journals + 10
    assert requests(place, lambda ff: ff.update(None)) <= budget
    assert Counter(event.data == b"new" for event in place.open().replay())[True] == journals * updates


@IN_A_FOLDER
def test_update_of_a_journal_of_many_sources_keeps_to_its_requests(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, *(f"id {number}" for number in range(100)))
    ff.update_event("id 50", b"new")
    assert requests(place, lambda ff: ff.update(None)) <= 100 + 3 + 12 + 10


# Threads


@pytest.mark.parametrize("workers", [1, 2])
def test_on_a_far_store_the_caller_goes_on_while_a_request_is_under_way(workers: int) -> None:
    requests = Requests(workers)
    assert requests.start(get_ident).result() != get_ident()
    assert get_ident() not in requests.each(lambda _: get_ident(), range(5))


@pytest.mark.parametrize("workers", [1, 2])
def test_on_a_near_store_only_what_brings_much_is_left_to_another_thread(workers: int) -> None:
    requests = Requests(workers, is_near=True)
    assert requests.start(get_ident).result() == get_ident()
    assert set(requests.each(lambda _: get_ident(), range(5))) == {get_ident()}
    assert requests.work(get_ident).result() != get_ident()
    assert get_ident() not in requests.stream(lambda _: get_ident(), range(5), ahead=2)
