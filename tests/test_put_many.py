"""`put_many` stores many events in batches, each whole or not at all, and one event for each id."""

import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pandas as pd
import pytest
from conftest import Place
from support.samples import AT_ONCE, at, contents, put_new
from support.watched import Answer, Counted, Death, Interrupted, Watched, keys, on

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodException, spooled_ids
from flashflood._core import Manifest
from flashflood.identifiers import JournalID
from flashflood.write import put_many

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def bare(*event_ids: str | None, start: int = 0) -> list[put_many.Bare]:
    """Give (data, event_id, date) for each id, a minute apart."""
    return [(f"data of {event_id}".encode(), event_id, at(minute)) for minute, event_id in enumerate(event_ids, start)]


def data_of(*event_ids: str) -> dict[str, bytes]:
    return {event_id: f"data of {event_id}".encode() for event_id in event_ids}


def outcome(stored: put_many.Stored) -> tuple[int, list[str]]:
    return stored.stored, list(stored.skipped)


def put_unless_taken(ff: FlashFlood) -> None:
    with suppress(FlashFloodEventExistsError):
        ff.put(b"theirs", "b", at(1))


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let batches end at five events."""
    monkeypatch.setattr(put_many, "LARGEST_BATCH", 5)


def test_events_are_stored_from_both_shapes_and_any_iterable(place: Place) -> None:
    ff = place.open()
    events: list[Event | put_many.Bare] = [Event("b", at(1), b"data of b"), *bare("a", "c"), ({"foo": 1}, None, None)]
    assert outcome(ff.put_many(iter(events))) == (4, [])
    replayed = list(ff.replay())
    assert [event.event_id for event in replayed[:3]] == ["a", "b", "c"]
    assert [event.date for event in replayed[:3]] == [at(0), at(1), at(1)]
    assert replayed[3].data == b'{"foo":1}'
    assert all(ff.get_event(event.event_id) == event for event in replayed)
    assert ff.check() == []


@pytest.mark.usefixtures("small_batches")
def test_each_batch_is_one_journal(place: Place) -> None:
    ff = place.open()
    ff.put_many(bare(*(f"{number:02}" for number in range(12))))
    assert [len(ff.open_journal(found).events) for found in ff.list_journals()] == [5, 5, 2]
    assert list(ff.replay())[7] == Event("07", at(7), b"data of 07")


def test_a_small_batch_is_taken_up_by_journal_and_a_large_one_is_a_journal_already(place: Place) -> None:
    ff = place.open()
    ff.put_many(bare("a", "b", "c"))
    ff.put_many(bare(*(f"{number:03}" for number in range(100)), start=10))
    assert len(list(ff.new_journals())) == 1
    ff.journal(minimum_number_of_events=3)
    assert list(ff.new_journals()) == []
    assert len(contents(ff.replay())) == 103
    ff.update_event("007", "changed")
    ff.delete_event("a")
    assert ff.update() == 2
    assert len(contents(ff.replay())) == 102
    assert contents(ff.replay())["007"] == ff.get_event("007").data == b"changed"
    assert ff.check() == []


def test_an_id_that_exists_is_an_error_and_its_batch_is_not_stored(place: Place) -> None:
    ff = place.open()
    found = put_new(ff, "taken")
    with pytest.raises(FlashFloodEventExistsError, match="'taken'"):
        ff.put_many(bare("a", "taken", "z"))
    assert not ff.event_exists("a")
    assert not ff.event_exists("z")
    assert contents(ff.replay()) == found
    ff.put_many(bare("a", "z"))
    assert contents(ff.replay()) == found | data_of("a", "z")
    assert ff.check() == []


@pytest.mark.usefixtures("small_batches")
def test_the_error_says_how_many_earlier_batches_hold(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken")
    with pytest.raises(FlashFloodEventExistsError) as caught:
        ff.put_many(bare("a", "b", "c", "d", "e", "taken"))
    assert ["stored 5 of the first 5 events" in note for note in caught.value.__notes__] == [True]
    assert set(contents(ff.replay())) == {"taken", *"abcde"}


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("wrong", [(1, "x", None), (b"data", "a--b", None), (b"data",)])
def test_an_event_that_is_wrong_is_an_error_that_says_what_is_stored(place: Place, wrong: put_many.Bare) -> None:
    ff = place.open()
    put_new(ff, "old")
    with pytest.raises((TypeError, FlashFloodException)) as caught:
        ff.put_many([*bare("a", "b", "old", "c", "d", "e"), wrong], on_conflict="skip")
    assert sum("stored 4 of the first 5 events" in note for note in caught.value.__notes__) == 1
    assert set(contents(ff.replay())) == {"old", *"abcd"}


@pytest.mark.usefixtures("small_batches")
def test_an_error_of_the_callers_own_iterable_passes_through(place: Place) -> None:
    ff = place.open()
    error = OSError("the file has ended early")

    def events() -> Iterator[put_many.Bare]:
        yield from bare(*"abcdefg")
        raise error

    with pytest.raises(OSError, match="the file has ended early") as caught:
        ff.put_many(events())
    assert caught.value is error
    assert set(contents(ff.replay())) == set("abcde")
    assert outcome(ff.put_many(bare(*"abcdefg"), on_conflict="skip")) == (2, [*"abcde"])


@pytest.mark.usefixtures("small_batches")
def test_a_batch_is_stored_before_the_event_after_it_is_taken(place: Place) -> None:
    ff = place.open()

    def events() -> Iterator[put_many.Bare]:
        for number, event in enumerate(bare(*(f"{number:02}" for number in range(22)))):
            assert len(contents(ff.replay())) == number // 5 * 5
            yield event

    assert ff.put_many(events()).stored == 22


@ON_FOLDER
def test_any_number_of_events_are_stored_in_the_memory_of_two_batches(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(put_many, "LARGEST_BLOB", 1_000_000)
    ff = place.open()
    ff.put(b"all that is made once")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        ff.put_many((bytes(100_000), None, at(number)) for number in range(100))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < 2_500_000


@ON_FOLDER
def test_the_ids_left_out_are_counted_and_can_be_gone_through_again_however_many_they_are(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_ids, "LARGEST_IN_MEMORY", 100)
    ff = place.open()
    there = [f"id {number} \u2028 {'ä' * number}" for number in range(30)]
    ff.put_many(bare(*there))
    skipped = ff.put_many(bare(*there), on_conflict="skip").skipped
    assert len(skipped) == len(there)
    assert list(skipped) == sorted(skipped, key=there.index) == there
    assert [*zip(skipped, skipped, strict=True)] == [*zip(there, there, strict=True)]
    assert there[7] in skipped
    assert "id 7" not in skipped


def test_with_skip_ids_that_exist_are_left_out_and_named(place: Place) -> None:
    ff = place.open()
    put_new(ff, "old")
    ff.update_event("old", "newer")
    assert outcome(ff.put_many(bare("a", "old", "a", "b"), on_conflict="skip")) == (2, ["a", "old"])
    assert ff.get_event("old").data == b"newer"
    assert ff.get_event("a").date == at(0)
    assert outcome(ff.put_many(bare("a", "old", "b"), on_conflict="skip")) == (0, ["a", "old", "b"])
    assert len(contents(ff.replay())) == 3


@pytest.mark.parametrize("event", [(b"data",), (b"data", "id"), (b"data", "id", None, None), b"abc", "abc", None])
def test_what_is_no_event_is_a_type_error_that_says_what_to_give(place: Place, event: object) -> None:
    with pytest.raises(TypeError, match=r"give Events or \(data, event_id, date\)"):
        place.open().put_many([event])  # type: ignore[list-item]  # that is what is wrong


def test_beside_ids_that_exist_events_without_an_id_are_all_stored(place: Place) -> None:
    ff = place.open()
    put_new(ff, "old", "older")
    stored = ff.put_many(bare(None, "old", None, "a", "older", None), on_conflict="skip")
    assert outcome(stored) == (4, ["old", "older"])
    assert len(contents(ff.replay())) == 6
    with pytest.raises(FlashFloodEventExistsError, match="'old'"):
        ff.put_many(bare(None, "old"))
    assert ff.check() == []


class Dying(Watched):
    """Dies before it creates a manifest."""

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "create" and key.startswith("journals/"):
            raise Death
        return send()


def left_claimed(place: Place) -> JournalID:
    """Leave a batch behind whose ids are all claimed, as by a writer that died; give its journal_id."""
    with suppress(Death):
        on(Dying(place.store())).put_many(bare("a", "b"))
    (draft,) = keys(place.store(), "drafts/")
    return JournalID(draft.removeprefix("drafts/"))


def test_a_batch_that_was_fenced_does_not_come_back_once_its_fence_has_been_collected(place: Place) -> None:
    """It was fenced while its writer was still making claims, which then died."""
    journal_id = left_claimed(place)
    store = place.store()
    store.create(f"journals/{journal_id}", Manifest.of_rows(journal_id, [], 0).encode())
    store.put(f"journals/{journal_id}.dead", b"", garbage=True)
    ff = place.open()
    ff.collect_garbage(AT_ONCE)
    assert list(keys(store, "drafts/")) == []
    assert list(ff.replay()) == []
    for event_id in ("b", "a"):
        assert ff.put(b"theirs", event_id, at(1)) == ff.get_event(event_id)
    assert contents(ff.replay()) == {"a": b"theirs", "b": b"theirs"}
    assert ff.check() == []


def test_a_batch_whose_blob_is_gone_is_not_stored_by_who_finds_its_draft(place: Place) -> None:
    journal_id = left_claimed(place)
    place.store().delete([f"blobs/{journal_id.blob_id}"])
    ff = place.open()
    ff.put(b"theirs", "a", at(1))
    assert contents(ff.replay()) == {"a": b"theirs"}
    assert ff.check() == []


def test_an_event_of_a_batch_is_not_stored_alone_by_who_finds_no_draft(place: Place) -> None:
    """No call leaves a batch so: its manifest was there, and is lost. Repair would write it again."""
    left_claimed(place)
    store = place.store()
    store.delete(list(keys(store, "drafts/")))
    ff = place.open()
    for event_id in ("a", "b"):
        with pytest.raises(FlashFloodException, match=r"manifest of its journal .* is missing"):
            ff.put(b"theirs", event_id, at(1))
        assert contents(ff.replay()) == {}
    ff.delete_event("b")
    ff.put(b"theirs", "b", at(1))
    assert contents(ff.replay()) == {"b": b"theirs"}
    assert ff.check() == []


@pytest.mark.parametrize("event", [(1, "id", None), (b"data", "a--b", None), (b"data", "id", "today"), (b"data",)])
def test_what_is_wrong_with_an_event_is_an_error_before_any_request(place: Place, event: tuple[object, ...]) -> None:
    store = Counted(place.store())
    with pytest.raises((TypeError, ValueError, FlashFloodException)):
        on(store).put_many([event])  # type: ignore[list-item]  # that is what is wrong
    assert store.requests == []


def test_another_word_for_on_conflict_is_a_value_error(place: Place) -> None:
    with pytest.raises(ValueError, match="'error' or 'skip'"):
        place.open().put_many([], on_conflict="replace")  # type: ignore[arg-type]  # that is what is wrong


def test_of_several_writers_of_the_same_ids_one_stores_each(place: Place) -> None:
    wanted = [f"id {number}" for number in range(6)]

    def write(writer: int) -> list[str]:
        order = wanted[writer:] + wanted[:writer]
        events = [(f"{writer}".encode(), event_id, at(writer)) for event_id in order]
        skipped = place.open().put_many(events, on_conflict="skip").skipped
        return [event_id for event_id in wanted if event_id not in skipped]

    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(write, range(4)))
    assert sorted(event_id for mine in stored for event_id in mine) == wanted
    ff = place.open()
    expected = {event_id: f"{writer}".encode() for writer, mine in enumerate(stored) for event_id in mine}
    assert contents(ff.replay()) == expected == {event_id: ff.get_event(event_id).data for event_id in wanted}
    assert ff.check() == []


@ON_FOLDER
@pytest.mark.parametrize(
    "work",
    [
        lambda ff: ff.put_many([(b"theirs", "b", at(1)), (b"theirs", "x", at(2))], on_conflict="skip"),
        put_unless_taken,
        lambda ff: ff.repair(),
        lambda ff: ff.collect_garbage(timedelta(0)),
    ],
    ids=["put_many", "put", "repair", "collect_garbage"],
)
def test_other_work_between_any_two_requests_of_a_batch_leaves_one_event_for_each_id(
    place: Place, work: object
) -> None:
    number = 0
    while True:
        number += 1
        store = place.store()
        store.delete(list(keys(store, "")))
        other = FlashFlood._on(store)  # noqa: SLF001  the way to make one on any store
        interrupted = Interrupted(store, number, lambda: work(other))  # type: ignore[operator]  # noqa: B023
        stored = on(interrupted).put_many(bare("a", "b", "c"), on_conflict="skip")
        assert stored.stored + len(stored.skipped) == 3
        found = contents(other.replay())
        assert {"a", "b", "c"} <= set(found)
        assert all(other.get_event(event_id).data == data for event_id, data in found.items())
        assert (found["b"] == b"theirs") == ("b" in stored.skipped)
        assert other.check() == []
        if not interrupted.reached:
            break
    assert number > 10


@ON_FOLDER
def test_put_many_names_the_event_whose_date_is_missing_and_stores_nothing_of_its_batch(place: Place) -> None:
    frame = pd.DataFrame({"event_id": ["a", "b"], "date": pd.to_datetime(["2020-01-01", None])})
    ff = place.open()
    with pytest.raises(ValueError, match="NaT") as caught:
        ff.put_many((b"data", row.event_id, row.date) for row in frame.itertuples())
    assert any("'b'" in note for note in caught.value.__notes__)
    assert list(ff.replay()) == []
