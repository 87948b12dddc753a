"""`put` stores one event; of several writers that put one id, one succeeds."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from conftest import Place
from hypothesis import given, settings
from hypothesis import strategies as st
from support.processes import Worker, tell, wait_for_word
from support.races import BEFORE, expect, may_fail, puts, together
from support.samples import at
from support.watched import Answer, Death, Interrupted, Mortal, NoDeletes, Repeated, Watched, keys, on

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodException, exceptions
from flashflood.store import LocalStore, SqliteStore, Store

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def test_put_gives_the_event_that_get_event_gives(place: Place) -> None:
    ff = place.open()
    event = ff.put(b"data", "id", at(1))
    assert event == Event("id", at(1), b"data")
    assert isinstance(event, Event)
    assert ff.get_event("id") == event
    assert ff.get_event("id")._fields == ("event_id", "date", "data")
    assert type(ff.get_event("id").data) is bytes


@pytest.mark.parametrize("nothing", [None, ""])
def test_put_makes_an_id_and_a_date_where_none_is_given(place: Place, nothing: str | None) -> None:
    ff = place.open()
    event = ff.put(b"data", nothing)
    other = ff.put(b"other", nothing)
    assert len({event.event_id, other.event_id}) == 2
    assert event.date.tzinfo is None
    in_utc = datetime.now(UTC).replace(tzinfo=None)
    assert abs((event.date - in_utc).total_seconds()) < 600
    assert ff.get_event(event.event_id) == event
    assert sorted(ff.replay()) == sorted([event, other])


def test_changing_a_buffer_after_put_does_not_change_the_event(place: Place) -> None:
    ff = place.open()
    buffer = bytearray(b"before")
    event = ff.put(buffer, "id", at(0))
    buffer[:] = b"after!"
    assert event.data == b"before"
    assert ff.get_event("id").data == b"before"


IDS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=40
).filter(lambda text: "--" not in text)
DATES = st.datetimes(timezones=st.none() | st.just(UTC))


@settings(max_examples=60)
@given(events=st.dictionaries(IDS, st.tuples(DATES, st.binary(max_size=50)), min_size=1, max_size=5))
def test_any_id_date_and_data_come_back_as_they_were_put(
    tmp_path_factory: pytest.TempPathFactory, events: dict[str, tuple[datetime, bytes]]
) -> None:
    ff = FlashFlood.open(str(tmp_path_factory.mktemp("store")))
    expected = []
    for event_id, (date, data) in events.items():
        ff.put(data, event_id, date)
        expected.append(Event(event_id, date.replace(tzinfo=None), data))
    expected.sort(key=lambda event: (event.date, event.event_id.encode()))
    assert list(ff.replay()) == expected
    ff.journal(minimum_number_of_events=len(expected))
    assert list(ff.replay()) == expected
    assert sorted(ff.get_event(event.event_id) for event in expected) == sorted(expected)


# One id, one event


def test_put_of_an_id_that_is_there_raises_event_exists_error_naming_it(place: Place) -> None:
    ff = place.open()
    ff.put(b"first", "taken", at(0))
    with pytest.raises(exceptions.FlashFloodEventExistsError, match="taken"):
        ff.put(b"second", "taken", at(1))
    assert list(ff.replay()) == [Event("taken", at(0), b"first")]


def test_put_of_an_id_that_is_there_says_so_to_a_writer_who_may_not_delete_too(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.open().put(b"data", "id", at(0))
    with pytest.raises(exceptions.FlashFloodEventExistsError, match="'id'"):
        on(NoDeletes(place.store())).put(b"other", "id", at(1))
    assert any("blobs/" in record.getMessage() for record in caplog.records)


def put_from_threads(url: str, event_id: str, name: str, threads: int) -> None:
    """Put one id from several threads, in a process of its own, when told to."""
    clients = [FlashFlood.open(url) for _ in range(threads)]
    tell("ready")
    wait_for_word()
    calls = [partial(puts, client, event_id, f"{name} {number}") for number, client in enumerate(clients)]
    tell([f"{name} {number}" for number, done in enumerate(together(calls)) if done])


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
        Worker(place.env, "test_put", "put_from_threads", place.url, "id", "one", 4) as one,
        Worker(place.env, "test_put", "put_from_threads", place.url, "id", "two", 4) as two,
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


@pytest.mark.parametrize("event_id", ["another", "new, deleted", "journaled, deleted", "new"])
def test_of_two_puts_of_one_id_one_succeeds_wherever_the_other_comes_in(copies: Iterator[Store], event_id: str) -> None:
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


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_put_that_others_see_before_it_hears_of_it_itself_stores_its_event_once(
    copies: Iterator[Store], *, is_deleted: bool
) -> None:
    """The answer to one request is lost.

    Until it is sent again, others finish the claim and move it on; one who dies has claimed the id in vain.
    """
    for number in count(1):
        store = next(copies)
        done: list[str] = []

        def meanwhile(store: Store = store, done: list[str] = done) -> None:
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
    assert number > (3 if isinstance(store, SqliteStore) else 5)


# A writer that is suspended


@ON_FOLDER
def test_a_put_that_was_suspended_for_half_of_the_grace_time_stores_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux's monotonic clock stands still meanwhile."""

    def suspend() -> None:
        now = time.time() + 13 * 60 * 60
        monkeypatch.setattr(time, "time", lambda: now)

    suspended = Interrupted(place.store(), 2, suspend)
    with pytest.raises(exceptions.FlashFloodException, match="call it again"):
        on(suspended).put(b"data", "id", at(0))
    assert list(place.open().replay()) == []


class Suspended(Watched):
    """The store of a client whose machine is suspended for 13 hours when it asks for a draft."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(store)
        self._monkeypatch = monkeypatch

    def request(self, _method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if key.startswith("drafts/"):
            later = time.time() + 13 * 60 * 60
            self._monkeypatch.setattr(time, "time", lambda: later)
        return send()


@pytest.mark.parametrize(
    ("put", "last"),
    [
        pytest.param(lambda ff: ff.put(b"data", "a", at(0)), 5, id="of an event"),
        pytest.param(lambda ff: ff.put_many([(b"data", "a", at(0)), (b"data", "b", at(0))]), 11, id="of a batch"),
    ],
)
def test_who_was_suspended_for_half_of_the_grace_time_finishes_no_claim_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Callable[[FlashFlood], object], last: int
) -> None:
    """What it saw may have been stored meanwhile, combined, and collected: the manifest would bring the event back."""
    store = LocalStore(tmp_path)
    with suppress(Death):
        put(on(Mortal(store, last, answer_lost=False)))
    with pytest.raises(FlashFloodException, match="call it again"):
        on(Suspended(store, monkeypatch)).put(b"other data", "a", at(0))
    assert list(keys(store, "journals/")) == []
    with suppress(FlashFloodEventExistsError):
        on(store).put(b"other data", "a", at(0))
    assert on(store).get_event("a").data == b"data"
