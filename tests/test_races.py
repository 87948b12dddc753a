"""Several clients, in threads and in processes, at one time on one store."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from conftest import Place
from support.processes import Worker, tell, wait_for_word
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Death, Interrupted, Mortal, Repeated, Watched, on

from flashflood import (
    Event,
    FlashFlood,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
)
from flashflood.dates import timestamp_now
from flashflood.identifiers import JournalID
from flashflood.records.ledger import LedgerEntry
from flashflood.store import LocalStore

Result = TypeVar("Result")


def together(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Make all calls at one time, each in a thread of its own; their results, in order."""
    start = Barrier(len(calls))

    def make(call: Callable[[], Result]) -> Result:
        start.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def puts(ff: FlashFlood, event_id: str, data: str) -> bool:
    """Whether this put is the one that succeeds."""
    try:
        ff.put(data, event_id, at(0))
    except FlashFloodEventExistsError:
        return False
    return True


def put_from_threads(url: str, event_id: str, name: str, threads: int) -> None:
    """Put one id from several threads, in a process of its own, when told to."""
    clients = [FlashFlood.open(url) for _ in range(threads)]
    tell("ready")
    wait_for_word()
    calls = [partial(puts, client, event_id, f"{name} {number}") for number, client in enumerate(clients)]
    tell([f"{name} {number}" for number, done in enumerate(together(calls)) if done])


# One id, one event


@pytest.mark.parametrize("event_id", ["id", "folder/id"])
def test_of_eight_threads_that_put_one_id_one_succeeds(place: Place, event_id: str) -> None:
    clients = [place.open() for _ in range(8)]
    done = together([partial(puts, client, event_id, f"writer {number}") for number, client in enumerate(clients)])
    assert sum(done) == 1
    event = Event(event_id, at(0), f"writer {done.index(True)}".encode())
    assert list(place.open().replay()) == [event]
    assert place.open().get_event(event_id) == event


def test_of_eight_writers_in_two_processes_that_put_one_id_one_succeeds(place: Place) -> None:
    with (
        Worker(place.env, "test_races", "put_from_threads", place.url, "id", "one", 4) as one,
        Worker(place.env, "test_races", "put_from_threads", place.url, "id", "two", 4) as two,
    ):
        assert one.hear() == two.hear() == "ready"
        one.go()
        two.go()
        winners: list[str] = one.hear() + two.hear()
        assert one.rest() == two.rest() == []
    (winner,) = winners
    event = Event("id", at(0), winner.encode())
    assert list(place.open().replay()) == [event]
    assert place.open().get_event("id") == event


def test_one_client_may_be_used_by_many_threads(place: Place) -> None:
    ff = place.open()
    data = {f"event {number}": f"data {number}".encode() for number in range(16)}
    together([partial(ff.put, content, event_id, at(0)) for event_id, content in data.items()])
    assert contents(ff.replay()) == data
    found = together([partial(ff.get_event, event_id) for event_id in data])
    assert {event.event_id: event.data for event in found} == data


# At one time, by chance


def may_fail(call: Callable[[], object]) -> bool:
    """Whether the call succeeded, rather than found that another client is at it."""
    try:
        call()
    except FlashFloodJournalingError:
        return False
    return True


def test_two_journalers_at_once_journal_each_event_once(place: Place) -> None:
    data = put_new(place.open(), *(f"event {number}" for number in range(12)))
    clients = [place.open() for _ in range(3)]
    done = together([partial(may_fail, partial(client.journal, 4)) for client in clients])
    assert any(done)
    assert contents(place.open().replay()) == data
    assert {event_id: place.open().get_event(event_id).data for event_id in data} == data
    assert place.open().check() == []


def test_updates_and_deletes_against_journaling_are_all_seen(place: Place) -> None:
    ff = place.open()
    names = [f"event {number}" for number in range(9)]
    data = put_new(ff, *names)

    def change() -> bool:
        for number, event_id in enumerate(names):
            if number % 3 == 0:
                place.open().delete_event(event_id)
                del data[event_id]
                assert not place.open().event_exists(event_id)
            else:
                data[event_id] = b"updated"
                place.open().update_event(event_id, b"updated")
                assert place.open().get_event(event_id).data == b"updated"
        return True

    def journal() -> bool:
        for _ in range(3):
            may_fail(partial(place.open().journal, 2))
            place.open().update(None)
        return True

    assert together([change, journal]) == [True, True]
    assert {event_id: ff.get_event(event_id).data for event_id in data} == data
    while may_fail(partial(ff.journal, 1)):
        pass
    ff.update(None)
    assert contents(ff.replay()) == data
    assert ff.check() == []


def test_a_put_after_a_delete_against_journaling_makes_a_new_event(place: Place) -> None:
    ff = place.open()
    put_new(ff, "id", "other")
    ff.journal(minimum_number_of_events=2)
    ff.delete_event("id")
    done = together([partial(puts, place.open(), "id", "again"), partial(may_fail, partial(place.open().update, None))])
    assert done == [True, True]
    ff.update(None)
    assert contents(ff.replay()) == {"id": b"again", "other": b"data of other"}
    assert ff.get_event("id").data == b"again"


# At one time, at every place: one client's whole call between any two requests of the other's


def ready(ff: FlashFlood) -> None:
    """Journaled and new events, of which one each is updated and one each deleted."""
    put_journaled(ff, "journaled", "journaled, updated", "journaled, deleted")
    put_new(ff, "new", "new, updated", "new, deleted", start=1)
    for event_id in ("journaled, updated", "new, updated"):
        ff.update_event(event_id, b"updated")
    for event_id in ("journaled, deleted", "new, deleted"):
        ff.delete_event(event_id)


BEFORE: dict[str, bytes | None] = {
    "journaled": b"data of journaled",
    "journaled, updated": b"updated",
    "new": b"data of new",
    "new, updated": b"updated",
}

CHANGES: dict[str, tuple[Callable[[FlashFlood], object], dict[str, bytes | None]]] = {
    "put": (lambda ff: ff.put(b"data", "another", at(1.5)), {"another": b"data"}),
    "update of a journaled event": (lambda ff: ff.update_event("journaled", b"changed"), {"journaled": b"changed"}),
    "update of a new event": (lambda ff: ff.update_event("new", b"changed"), {"new": b"changed"}),
    "second update": (lambda ff: ff.update_event("new, updated", b"changed"), {"new, updated": b"changed"}),
    "delete of a journaled event": (lambda ff: ff.delete_event("journaled"), {"journaled": None}),
    "delete of a new event": (lambda ff: ff.delete_event("new"), {"new": None}),
    "delete of an updated event": (lambda ff: ff.delete_event("new, updated"), {"new, updated": None}),
    "put after a delete, once new": (lambda ff: ff.put(b"again", "new, deleted", at(9)), {"new, deleted": b"again"}),
    "put after a delete, once journaled": (
        lambda ff: ff.put(b"again", "journaled, deleted", at(9)),
        {"journaled, deleted": b"again"},
    ),
}
WORKS: dict[str, Callable[[FlashFlood], object]] = {
    "journal": lambda ff: ff.journal(minimum_number_of_events=3),
    "combine_journals": lambda ff: ff.combine_journals([ff.open_journal(item) for item in ff.list_journals()]),
    "update": lambda ff: ff.update(None),
    "repair": lambda ff: ff.repair(),
}
COLLECT: dict[str, Callable[[FlashFlood], object]] = {"collect_garbage": lambda ff: ff.collect_garbage(grace=AT_ONCE)}
"""Only as the longer call: no writer may outlive the grace time."""


def expect(ff: FlashFlood, expected: dict[str, bytes | None]) -> None:
    """Assert what `get_event` finds now, and what replay shows once everything is applied."""
    alive = {event_id: data for event_id, data in expected.items() if data is not None}
    names = {*expected, "journaled, deleted", "new, deleted"}
    found = {}
    for event_id in names:
        with suppress(FlashFloodEventNotFound):
            found[event_id] = ff.get_event(event_id).data
        assert ff.event_exists(event_id) == (event_id in found)
    assert found == alive
    while may_fail(partial(ff.journal, 1)):
        pass
    ff.update(None)
    assert contents(ff.replay()) == alive
    assert ff.check() == []
    ff.collect_garbage(grace=AT_ONCE)
    assert {event_id: ff.get_event(event_id).data for event_id in alive} == alive


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No client waits for another, which will not go on before it has given up."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "store"
    ready(FlashFlood.open(str(folder)))
    return folder


@pytest.fixture
def copies(prepared: Path, tmp_path: Path) -> Iterator[LocalStore]:
    """Give the prepared store again and again."""
    return (LocalStore(shutil.copytree(prepared, tmp_path / f"copy {number}")) for number in count())


def interrupt_everywhere(
    copies: Iterator[LocalStore],
    outer: Callable[[FlashFlood], object],
    inner: Callable[[FlashFlood], object],
    expected: dict[str, bytes | None],
    places: Iterator[int],
) -> None:
    """Make the call `outer` with `inner` before one of its requests, for each of `places`, each in a store of its own.

    It ends at the first place that the call does not come to.
    """
    for number in places:
        store = next(copies)
        interrupted = Interrupted(store, number, partial(tolerated, inner, on(store)))
        try:
            tolerated(outer, on(interrupted))
            if interrupted.reached:
                expect(on(store), expected)
        except BaseException as error:
            error.add_note(f"with the other client before request {number}")
            raise
        if not interrupted.reached:
            break
    assert number > 3


def tolerated(call: Callable[[FlashFlood], object], ff: FlashFlood) -> None:
    """Make a call that may find that another client is at what it was to do."""
    try:
        call(ff)
    except FlashFloodJournalingError:
        pass
    except FlashFloodException as error:
        if type(error) is not FlashFloodException:
            raise


STRIDES = {"journal": 3, "collect_garbage": 1}
"""Between places in a long call that one test tries; the tests of other changes begin at other places. Elsewhere 7."""


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("work", WORKS | COLLECT)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_requests_of_other_work_is_kept(
    copies: Iterator[LocalStore], change: str, work: str
) -> None:
    make, changed = CHANGES[change]
    stride = STRIDES.get(work, 7)
    places = count(1 + list(CHANGES).index(change) % stride, stride)
    interrupt_everywhere(copies, (WORKS | COLLECT)[work], make, BEFORE | changed, places)


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("change", CHANGES)
def test_other_work_between_any_two_requests_of_a_change_keeps_it(
    copies: Iterator[LocalStore], change: str, work: str
) -> None:
    make, changed = CHANGES[change]
    interrupt_everywhere(copies, make, WORKS[work], BEFORE | changed, count(1))


@pytest.mark.timeout(200)
@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("inner", WORKS)
@pytest.mark.parametrize("outer", WORKS)
def test_work_between_two_requests_of_other_work_loses_nothing(
    copies: Iterator[LocalStore], outer: str, inner: str
) -> None:
    interrupt_everywhere(copies, WORKS[outer], WORKS[inner], BEFORE, count(1 + list(WORKS).index(inner), 3))


def taken_by_another(store: LocalStore) -> None:
    """Write what another client's combination under way writes first: it takes the journals that are there."""
    ids = list(on(store).list_journals())
    made = JournalID.make(ids[0].start, ids[0].end, timestamp_now(), "11112222-3333-4444-5555-666677778888")
    entry = LedgerEntry(made, tuple(ids), (), 0)
    store.put(f"ledger/{made.blob_id}", entry.encode())


@pytest.mark.usefixtures("no_patience")
def test_update_passes_over_a_journal_that_another_client_takes_meanwhile(copies: Iterator[LocalStore]) -> None:
    for number in count(1, 3):
        store = next(copies)
        interrupted = Interrupted(store, number, partial(taken_by_another, store))
        on(interrupted).update(None)
        if not interrupted.reached:
            break
    assert number > 5


class Recovered(Watched):
    """Removes a ledger entry right after it was written, once, as another client does that holds this one for dead."""

    written = 0

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "put" and key.startswith("ledger/"):
            self.written += 1
            if self.written == 1:
                self.store.delete([key])
        return answer


def test_a_combination_begins_again_if_another_client_has_removed_its_ledger_entry(
    copies: Iterator[LocalStore],
) -> None:
    store = next(copies)
    recovered = Recovered(store)
    on(recovered).journal(minimum_number_of_events=3)
    assert recovered.written == 2
    expect(on(store), BEFORE)


@pytest.mark.parametrize("event_id", ["another", "new, deleted", "journaled, deleted", "new"])
def test_of_two_puts_of_one_id_one_succeeds_wherever_the_other_comes_in(
    copies: Iterator[LocalStore], event_id: str
) -> None:
    for number in count(1):
        store = next(copies)
        done: list[str] = []

        def put(who: str, ff: FlashFlood, done: list[str] = done) -> None:
            if puts(ff, event_id, who):
                done.append(who)

        interrupted = Interrupted(store, number, partial(put, "inner", on(store)))
        put("outer", on(interrupted))
        if not interrupted.reached:
            break
        assert len(done) == (0 if event_id == "new" else 1), f"at request {number}"
        expect(on(store), BEFORE | ({event_id: done[0].encode()} if done else {}))
    assert number > 3


@pytest.mark.parametrize("event_id", ["new", "journaled"])
def test_a_delete_and_an_update_at_one_time_end_in_one_truth(copies: Iterator[LocalStore], event_id: str) -> None:
    for number in count(1):
        store = next(copies)
        interrupted = Interrupted(store, number, partial(on(store).delete_event, event_id))
        with suppress(FlashFloodEventNotFound):
            on(interrupted).update_event(event_id, b"changed")
        if not interrupted.reached:
            break
        expect(on(store), BEFORE | {event_id: None})
    assert number > 3


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_put_that_others_see_before_it_hears_of_it_itself_stores_its_event_once(
    copies: Iterator[LocalStore], *, is_deleted: bool
) -> None:
    """The answer to one request is lost.

    Until it is sent again, others finish the claim and move it on; one who dies has claimed the id in vain.
    """
    for number in count(1):
        store = next(copies)
        done: list[str] = []

        def meanwhile(store: LocalStore = store, done: list[str] = done) -> None:
            other = on(store)
            if puts(other, "another", "inner"):
                done.append("inner")
            may_fail(partial(other.journal, 1))
            if is_deleted:
                other.delete_event("another")
            with suppress(Death):
                on(Mortal(store, 3, answer_lost=False)).put(b"in vain", "another", at(0))

        repeated = Repeated(store, number, meanwhile)
        if puts(on(repeated), "another", "outer"):
            done.append("outer")
        if not repeated.reached:
            break
        if is_deleted:
            assert done in (["outer"], ["inner", "outer"]), f"at request {number}"
            expect(on(store), BEFORE | {"another": b"outer" if len(done) > 1 else None})
        else:
            assert len(done) == 1, f"at request {number}"
            expect(on(store), BEFORE | {"another": done[0].encode()})
    assert number > 5
