"""A copy that is interrupted goes on; its source may be written to meanwhile; what is half made shows too little."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.copies import (
    IDS,
    Answer,
    DyingAt,
    Furnished,
    copied,
    half_made,
    look,
    memory,
    objects,
    tagged,
)
from support.samples import AT_ONCE, at, contents, put_new
from support.watched import Counted, Death, Interrupted, Mortal, Watched, keys, on

from flashflood import FlashFlood, FlashFloodException
from flashflood.maintain import differences
from flashflood.maintain import objects as pieces
from flashflood.records import ledger
from flashflood.store import Store

NONE = timedelta(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, no_patience: None) -> None:  # noqa: ARG001  a fixture
    """Let combinations count as left behind at once, and objects of more than 100,000 bytes as large."""
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    monkeypatch.setattr(pieces, "SMALL", 100_000)
    monkeypatch.setattr(pieces, "PIECE", 100_000)


# Interrupted


@pytest.mark.parametrize("is_target_mortal", [True, False])
@pytest.mark.parametrize("answer_lost", [True, False])
def test_a_copy_that_died_at_any_request_goes_on(
    furnished: Furnished,
    is_target_mortal: bool,  # noqa: FBT001
    answer_lost: bool,  # noqa: FBT001
) -> None:
    """Every eleventh request is tried."""
    source = furnished.store()
    for last in count(1, 11):
        target = memory()
        mortal = Mortal(target if is_target_mortal else source, last, answer_lost=answer_lost)
        with suppress(Death):
            pair = (source, mortal) if is_target_mortal else (mortal, target)
            on(pair[0]).copy_to(on(pair[1]))
        if not mortal.died:
            assert last > 100
            break
        already = len(objects(target)) - ("copy/unfinished" in keys(target))
        result = copied(source, target) if already or "copy/unfinished" in keys(target) else None
        if result is None:
            assert objects(target) in ({}, furnished.objects)  # before the first request, or after the last
            continue
        assert result.objects + result.already_there == len(furnished.objects)
        assert objects(target) == furnished.objects
        assert tagged(target) == furnished.tagged


def test_what_is_there_already_is_not_read_again_where_it_is_older_than_the_copy(
    furnished: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "MARGIN", NONE)
    source, target = furnished.store(), memory()
    source.address = "sqlite:///somewhere"
    with suppress(Death):
        on(source).copy_to(on(Mortal(target, 150, answer_lost=False)))
    watched = Counted(source)
    result = on(watched).copy_to(on(target))
    assert result.already_there > 50
    assert result.objects + result.already_there == len(furnished.objects)
    assert sum(method in {"get", "head"} for method, key in watched.requests) <= result.objects + 20


def test_a_half_made_copy_is_named_by_check_and_removed_by_destroy(furnished: Furnished) -> None:
    target = memory()
    half_made(furnished.store(), target)
    assert "a copy from memory:// was not finished" in on(target).check()[0]
    on(target).destroy()
    assert list(keys(target)) == []
    copied(furnished.store(), target)
    assert "not finished" not in str(on(target).check())


def test_of_two_calls_that_copy_to_one_target_the_first_one_stops(furnished: Furnished) -> None:
    source, target = furnished.store(), memory()
    second = Interrupted(target, 150, lambda: on(source).copy_to(on(target)))
    with pytest.raises(FlashFloodException, match="another call copies to it"):
        on(source).copy_to(on(second))
    assert second.reached
    assert objects(target) == furnished.objects


# Written to meanwhile


def journaling(store: Store) -> None:
    """Do what a store's owner does; what is combined is combined once more."""
    ff = on(store)
    number = sum(1 for _ in keys(store, "journals/"))
    put_new(ff, f"meanwhile {number}", start=100 + number)
    ff.update_event("large", f"update {number}".encode())
    if ff.event_exists("new"):
        ff.delete_event("new")
    ff.journal(1)
    ff.update(None)
    ff.combine_journals(list(ff.list_journals()))


def test_what_is_written_to_the_source_before_the_last_pass_is_copied(furnished: Furnished) -> None:
    """The last pass begins with the second listing of the index; every seventh request before that is tried."""
    counted = Counted(furnished.store())
    on(counted).copy_to(on(memory()))
    first, last = (place for place, request in enumerate(counted.requests) if request == ("list", "index/"))
    for number in range(1, last, 7):
        source, target = furnished.store(), memory()
        busy = Interrupted(source, number, partial(journaling, source))
        on(busy).copy_to(on(target))
        assert busy.reached
        assert objects(target) == objects(source), number
        assert tagged(target) == tagged(source), number
    assert first < last > 100


class Busy(Watched):
    """The store of a source whose owner works before some of its requests, chosen by chance."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(store)
        self.chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.workers = 1
        self.shown: set[tuple[str, bytes]] = set()
        self.found: set[tuple[str, bytes | None]] = set()
        self.times = 0
        self.note()

    def note(self) -> None:
        """Note what the source shows at this moment."""
        ff = on(self.store)
        self.shown |= {(event.event_id, event.data) for event in ff.replay()}
        self.found |= set(look(ff).items())

    def request(self, method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        if self.times < 6 and self.chance.random() < (0.1 if method == "list" else 0.01):
            self.times += 1
            journaling(self.store)
            self.note()
        return send()


class Shown(Watched):
    """The store of a target that is looked at before some of its requests."""

    def __init__(self, store: Store, source: Busy) -> None:
        super().__init__(store)
        self.source = source
        self.workers = 1
        self.looks = 0

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        if self.source.chance.random() < 0.2:
            self.look()
        return send()

    def look(self) -> None:
        """Assert that it shows what the source has shown, and no event twice."""
        self.looks += 1
        ff = on(self.store)
        assert set(contents(ff.replay()).items()) <= self.source.shown
        listed = [row["event_id"] for item in ff.list_journals() for row in ff.open_journal(item).events]
        assert len(listed) == len(set(listed))
        absent = {(event_id, None) for event_id in IDS}
        assert set(look(ff).items()) <= self.source.found | absent


@pytest.mark.parametrize("seed", range(5))
def test_a_half_made_copy_shows_no_event_twice_and_none_that_was_deleted_or_has_older_data(
    furnished: Furnished, seed: int
) -> None:
    """Whatever the owner of the source does meanwhile."""
    source = Busy(furnished.store(), seed)
    target = Shown(memory(), source)
    on(source).copy_to(on(target))
    target.look()
    assert source.times
    assert target.looks > 20


def test_a_source_that_is_written_to_all_the_time_is_an_error_that_says_what_to_do(furnished: Furnished) -> None:
    class Restless(Watched):
        number = 0

        def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
            if (method, key) == ("list", "index/"):
                self.number += 1
                put_new(on(self.store), f"event {self.number}", start=200 + self.number)
            return send()

    source, target = furnished.store(), memory()
    with pytest.raises(FlashFloodException, match="is being written to"):
        on(Restless(source)).copy_to(on(target))
    on(source).copy_to(on(target))
    assert objects(target) == objects(source)


def test_what_was_put_into_an_unfinished_copy_is_never_deleted(furnished: Furnished) -> None:
    calls: list[Callable[[FlashFlood], object]] = [
        lambda ff: ff.put(b"mine", "mine", at(0)),
        lambda ff: ff.update_event("a", b"mine"),
        lambda ff: ff.journal(1),
        lambda ff: ff._ctx.store.put("mine.txt", b"mine"),  # noqa: SLF001 - an object that is none of ours
    ]
    for call in calls:
        source, target = furnished.store(), memory()
        with suppress(Death):
            on(source).copy_to(on(Mortal(target, 200, answer_lost=False)))
        call(on(target))
        before = objects(target)
        with pytest.raises(FlashFloodException, match="Nothing is deleted"):
            on(source).copy_to(on(target))
        del before["copy/unfinished"]
        assert {key: found for key, found in objects(target).items() if key != "copy/unfinished"} == before


def test_what_was_dead_and_has_been_collected_since_is_removed(furnished: Furnished) -> None:
    source, target = furnished.store(), memory()
    on(source).repair()
    with suppress(Death):
        on(source).copy_to(on(DyingAt(target, "delete", "copy/")))
    dead = {key for key in keys(target) if key.endswith(".dead")}
    on(source).collect_garbage(AT_ONCE)
    on(source).copy_to(on(target))
    assert objects(target) == objects(source)
    assert len(dead) > 10
    assert dead.isdisjoint(keys(target))


def test_what_the_source_has_collected_since_is_removed_where_it_is_known_to_be_dead(furnished: Furnished) -> None:
    """Otherwise the copy is refused: nobody can tell whether it was put into the target by somebody else."""
    refused = removed = 0
    for last in range(60, 250, 10):
        source, target = furnished.store(), memory()
        with suppress(Death):
            on(source).copy_to(on(Mortal(target, last, answer_lost=False)))
        on(source).repair()
        on(source).collect_garbage(AT_ONCE)
        before = objects(target)
        before.pop("copy/unfinished")
        refusals: list[str] = []
        try:
            on(source).copy_to(on(target))
        except FlashFloodException as error:
            refusals.append(str(error))
        if refusals:
            assert "Nothing is deleted" in refusals[0]
            assert before.items() <= objects(target).items()
        else:
            assert objects(target) == objects(source)
        refused += len(refusals)
        removed += not refusals and not before.keys() <= objects(target).keys()
    assert refused
    assert removed


@pytest.mark.parametrize(("before", "number"), [(("list", "index/"), 2), (("head", "index/c--0000000001"), 1)])
def test_an_entry_of_the_index_that_is_written_again_under_its_key_is_copied_again(
    monkeypatch: pytest.MonkeyPatch, before: tuple[str, str], number: int
) -> None:
    """0.4.3 begins with the first revision again where an event was deleted: the same key, and as empty as before."""
    monkeypatch.setattr(differences, "MARGIN", NONE)
    key = "index/a--0000000001"
    source, target = memory(), memory()
    source.workers = target.workers = 1
    put_new(on(source), *"abc")
    other_target = objects(source)["index/b--0000000001"][1]
    busy = AtRequest(source, before, number, lambda: source.put(key, b"", metadata=other_target))
    on(busy).copy_to(on(target))
    assert objects(target)[key] == (b"", other_target)


def test_what_a_pass_has_not_looked_at_is_looked_at_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass ends early where an object has gone; what was written before that may be old when the next one begins."""
    monkeypatch.setattr(differences, "MARGIN", NONE)
    key, lost = "index/a--0000000001", "lost.txt"
    source, target = memory(), memory()
    put_new(on(source), *"abc")
    other_target = objects(source)["index/b--0000000001"][1]

    def work() -> None:
        source.put(key, b"", metadata=other_target)
        source.put(lost, b"x")

    before_second_pass = AtRequest(Losing(source, lost), ("list", "ledger/"), 4, work)
    on(before_second_pass).copy_to(on(target))
    assert objects(target)[key] == (b"", other_target)


class Losing(Watched):
    """The store of a source from which an object goes when it is to be read."""

    def __init__(self, store: Store, key: str) -> None:
        super().__init__(store)
        self.key = key

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if (method, key) == ("get", self.key):
            self.store.delete([key])
        return send()


@pytest.mark.parametrize("number", [2, 4])
def test_an_object_that_goes_while_it_is_read_goes_from_the_target_too(number: int) -> None:
    """It is read in two pieces: when it is copied, and when it is compared."""
    key = "blobs/of a put that was refused"
    source, target = memory(), memory()
    source.put(key, bytes(200_000))
    losing = AtRequest(source, ("get", key), number, lambda: source.delete([key]))
    on(losing).copy_to(on(target))
    assert objects(target) == {}


def test_a_copy_of_a_store_in_memory_is_compared_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another store in memory has the same name."""
    monkeypatch.setattr(differences, "MARGIN", NONE)
    source, target = memory(), memory()
    source.put("index/a--0000000001", b"", metadata={"target": "another"})
    source.put("index/b--0000000001", b"", metadata={"target": "another"})
    with suppress(Death):
        on(source).copy_to(on(DyingAt(target, "put", "index/b")))
    later = memory()
    for key in keys(source):
        later.put(key, b"", metadata={"target": "the right one"})
    with later._database.connected(creating=True) as connection:  # noqa: SLF001 - no call dates an object
        assert connection is not None
        connection.execute("UPDATE objects SET modified = 0")
    copied(later, target)
    assert objects(target) == objects(later)


class AtRequest(Watched):
    """Does something right before the request of a kind that has this number."""

    def __init__(self, store: Store, which: tuple[str, str], number: int, work: Callable[[], object]) -> None:
        super().__init__(store)
        self.which = which
        self.number = number
        self.work = work
        self.times = 0

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if (method, key) == self.which:
            self.times += 1
            if self.times == self.number:
                self.work()
        return send()


# Any store


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put_many", "update", "delete", "journal", "apply", "combine", "collect", "die"]),
        st.sampled_from(["a", "a-", "b/c", "-", "d e"]),
        st.binary(max_size=3),
    ),
    max_size=12,
)


@given(CALLS)
def test_a_copy_of_any_store_is_what_it_is(calls: list[tuple[str, str, bytes]]) -> None:
    source, target = memory(), memory()
    for number, (name, event_id, data) in enumerate(calls):
        with suppress(FlashFloodException, ValueError, Death):
            make(source, name, event_id, data, number)
    copied(source, target)
    assert objects(target) == objects(source)
    assert tagged(target) == tagged(source)
    assert list(on(target).replay()) == list(on(source).replay())


def make(store: Store, name: str, event_id: str, data: bytes, number: int) -> None:
    """Make a call, which may die on the way."""
    ff = on(Mortal(store, 8, answer_lost=False) if name == "die" else store)
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: ff.put(data, event_id, at(number)),
        "put_many": lambda: ff.put_many([(data, event_id, at(number)), (data, None, at(number))]),
        "update": lambda: ff.update_event(event_id, data),
        "delete": lambda: ff.delete_event(event_id),
        "journal": lambda: ff.journal(1),
        "apply": lambda: ff.update(None),
        "combine": lambda: ff.combine_journals(list(ff.list_journals())),
        "collect": lambda: ff.collect_garbage(AT_ONCE),
        "die": lambda: ff.journal(1),
    }
    calls[name]()
