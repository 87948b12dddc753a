"""`progress=`: what a long call tells of itself, how often, on which thread, and what an error in it leaves behind."""

import random
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path

import pytest
from conftest import Place
from support.copies import IDS, Furnished, memory
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Watched, on

from flashflood import (
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodJournalingError,
    Progress,
    Rules,
    load_lines,
)
from flashflood import progress as progress_module
from flashflood.maintain import check as check_module
from flashflood.store import Store

OnProgress = Callable[[Progress], object] | None
AT_WORK = Rules(journal_events=1, update_count=1, compact_every=AT_ONCE, collect_every=AT_ONCE, grace=AT_ONCE)
LINES = Path(__file__).with_name("support") / "json_texts.py"
WATCHING = Path(__file__).parents[1] / "docs" / "watching.md"
BATCH = [(b"data", f"many {number}", at(number)) for number in range(20)]

CALLS: dict[str, Callable[[FlashFlood, OnProgress], object]] = {
    "put_many": lambda ff, progress: ff.put_many(BATCH, progress=progress),
    "load_lines": lambda ff, progress: load_lines(ff, LINES, on_reject=lambda _: None, progress=progress),
    "journal": lambda ff, progress: ff.journal(2, progress=progress),
    "update": lambda ff, progress: ff.update(None, progress=progress),
    "compact": lambda ff, progress: ff.compact(8_000, progress=progress),
    "maintain": lambda ff, progress: ff.maintain(AT_WORK, progress=progress),
    "collect_garbage": lambda ff, progress: ff.collect_garbage(AT_ONCE, progress=progress),
    "check": lambda ff, progress: ff.check(progress=progress),
    "repair": lambda ff, progress: ff.repair(progress=progress),
    "copy_to": lambda ff, progress: ff.copy_to(FlashFlood.open("memory://"), verify=True, progress=progress),
}
DRY = {
    "compact": lambda ff, progress: ff.compact(8_000, dry_run=True, progress=progress),
    "collect_garbage": lambda ff, progress: ff.collect_garbage(AT_ONCE, dry_run=True, progress=progress),
    "repair": lambda ff, progress: ff.repair(dry_run=True, progress=progress),
}
EACH_CALL = pytest.mark.parametrize(
    "call", [*CALLS.values(), *DRY.values()], ids=[*CALLS, *(f"dry {one}" for one in DRY)]
)
A_KIND_OF_EACH = pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)


class MyError(FlashFloodCorruptionError):
    """What a callback raises: of a kind that calls know what to do about, where it is of their own."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "BETWEEN_LOOKS", 0)


@pytest.fixture
def _each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call tell whenever it could, however little time has passed."""
    monkeypatch.setattr(progress_module, "EVERY", 0)


def failing(place: int, error: Exception) -> Callable[[Progress], object]:
    """Give what raises the error the so manieth time that it is called, and never again."""
    called = count(1)

    def fail(_: Progress) -> None:
        if next(called) == place:
            raise error

    return fail


def raised_by(call: Callable[[], object]) -> Exception | None:
    try:
        call()
    except MyError as error:
        return error
    return None


def events_of(ff: FlashFlood) -> dict[str, bytes]:
    """Give the newest data of each event."""
    replayed = {event.event_id for event in ff.replay()}
    return {event.event_id: event.data for event in ff.get_events(sorted(replayed | {*IDS}), on_missing="skip")}


def told_by(call: Callable[[FlashFlood, OnProgress], object], store: Store) -> list[Progress]:
    told: list[Progress] = []
    call(on(store), told.append)
    return told


# What is told


@EACH_CALL
@pytest.mark.usefixtures("_each_time")
def test_each_step_is_one_of_the_page_and_goes_on_to_its_end(
    furnished: Furnished, call: Callable[[FlashFlood, OnProgress], object]
) -> None:
    on_the_page = dict(re.findall(r"^\| `([a-z ]+)` \| [^|]+ \| (\w+) \|", WATCHING.read_text(), re.MULTILINE))
    told = told_by(call, furnished.store())
    assert {one.step: one.unit for one in told}.items() <= on_the_page.items()
    assert all(one.total is None or one.done <= one.total for one in told)
    for one, following in pairwise(told):
        if one.step == following.step and one.done > following.done:
            assert following.done == 0  # another step of that name
        assert one.call == following.call
        assert one.events <= following.events
        assert one.bytes <= following.bytes
        assert one.seconds <= following.seconds
    assert told[-1].done == (told[-1].total if told[-1].total is not None else told[-1].done)


@A_KIND_OF_EACH
def test_the_last_one_has_what_the_call_did(place: Place) -> None:
    ff = place.open()
    told: list[Progress] = []
    ff.put_many(BATCH, progress=told.append)
    assert (told[0].done, told[0].total) == (0, len(BATCH))
    last = told[-1]
    assert (last.call, last.step, last.done, last.total, last.unit) == ("put_many", "storing", 20, 20, "events")
    assert (last.events, last.bytes) == (20, 20 * len(b"data"))
    ff.put_many(iter(BATCH), on_conflict="skip", progress=told.append)
    assert (told[-1].done, told[-1].total, told[-1].bytes) == (20, 20, 0)
    put_new(ff, "a", "b", "c")
    assert ff.journal(23, progress=told.append) == 23 == told[-1].events
    ff.update_event("a", b"new")
    assert ff.update(progress=told.append) == 1 == told[-1].done
    ff.check(progress=told.append)
    assert (told[-1].call, told[-1].events) == ("check", 23)


def test_every_one_comes_on_the_thread_that_called(place: Place) -> None:
    ff = place.open()
    threads: set[int] = set()
    for call in CALLS.values():
        put_new(ff, *(f"{len(threads)}{number}" for number in range(2)), start=len(threads))
        call(ff, lambda _: threads.add(threading.get_ident()))
        assert threads == {threading.get_ident()}
        ff.destroy()


@EACH_CALL
def test_where_no_time_passes_the_first_and_the_last_one_are_told(
    furnished: Furnished, call: Callable[[FlashFlood, OnProgress], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        told = told_by(call, furnished.store())
    assert len(told) == 2


@EACH_CALL
@pytest.mark.usefixtures("_each_time")
def test_it_takes_no_request(furnished: Furnished, call: Callable[[FlashFlood, OnProgress], object]) -> None:
    requests = []
    for on_progress in (None, lambda _: None):
        store = Counted(furnished.store())
        random.seed(0)  # `journal` leaves some events to others, by chance
        call(on(store), on_progress)
        read_ahead = "get", "journals"  # of these there are more or fewer, by chance
        sent = [(method, key.partition("/")[0]) for method, key in store.requests]
        requests.append([one for one in sent if one != read_ahead])
    assert requests[0] == requests[1]


@A_KIND_OF_EACH
def test_whoever_is_told_may_make_calls_on_the_store(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c")
    seen: list[bool] = []
    assert ff.journal(3, progress=lambda told: seen.append(ff.put(b"data", f"{told.step}{len(seen)}") is not None)) == 3
    assert len(contents(ff.replay())) == 3 + len(seen)


# What goes wrong


@EACH_CALL
@pytest.mark.usefixtures("_each_time")
def test_an_error_in_it_ends_the_call_and_the_same_call_does_the_rest(
    furnished: Furnished, call: Callable[[FlashFlood, OnProgress], object]
) -> None:
    whole = on(furnished.store())
    tellings = len(told_by(call, whole._ctx.store))  # noqa: SLF001  the one that was given
    wanted = events_of(whole)
    whole.repair()
    left = [finding.kind for finding in whole.check()]
    reached = 0
    for place in range(1, tellings + 1, max(1, tellings // 7)):
        ff = on(furnished.store())
        error = MyError("enough")
        raised = raised_by(lambda: call(ff, failing(place, error)))  # noqa: B023  it is called at once
        assert raised in {error, None}
        reached += raised is error
        with suppress(FlashFloodJournalingError, FlashFloodEventExistsError):  # it had been done
            call(ff, None)
        assert events_of(ff) == wanted, place
        ff.repair()
        assert [finding.kind for finding in ff.check()] == left, place
    assert reached > 1  # how often a call could tell differs a little


class UnderWay(Watched):
    """A far store that knows how many requests are under way."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.is_near, self.workers = False, 4
        self.now = 0
        self._lock = threading.Lock()

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            self.now += 1
        try:
            time.sleep(0.002)
            return send()
        finally:
            with self._lock:
                self.now -= 1


@pytest.mark.parametrize("step", ["reading", "writing", "indexing", "burying"])
def test_nothing_of_a_call_that_it_ended_is_under_way_any_more(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "EVERY", 0)
    monkeypatch.setattr("flashflood.requests.EVERY", 0.001)
    store = UnderWay(memory())
    ff = on(store)
    put_new(ff, *map(str, range(30)))
    seen: list[int] = []
    error = MyError("enough")

    def fail(told: Progress) -> None:
        seen.append(store.now)
        if told.step == step and told.done > 0:
            raise error

    with pytest.raises(MyError):
        ff.journal(30, progress=fail)
    assert store.now == 0
    assert max(seen) > 0  # some were told while requests were under way


@pytest.mark.parametrize("error", [MyError("enough"), FlashFloodJournalingError("enough")])
@pytest.mark.usefixtures("_each_time")
def test_an_error_in_it_ends_all_of_maintain(error: Exception) -> None:
    store = Counted(memory())
    ff = on(store)
    put_journaled(ff, "a", "b")
    put_new(ff, "c", start=2)
    ff.update_event("a", b"new")

    def fail(told: Progress) -> None:
        if told.step == "indexing":
            store.requests.clear()
            raise error

    with pytest.raises(type(error)) as raised:
        ff.maintain(AT_WORK, progress=fail)
    assert raised.value is error
    assert store.requests == []
    assert not hasattr(raised.value, "__notes__")
    assert ff.update(None) == 1


def test_what_cannot_be_called_is_a_type_error_before_any_request() -> None:
    store = Counted(memory())
    for call in CALLS.values():
        with pytest.raises(TypeError, match="progress=3; give"):
            call(on(store), 3)  # type: ignore[arg-type]
    assert store.requests == []
