"""A store is copied whole, from every kind of store to every kind; what is refused, and what is verified."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from conftest import Place
from support.copies import (
    IDS,
    LARGE,
    STRANGER,
    Answer,
    Furnished,
    copied,
    fill,
    garbage,
    half_made,
    look,
    memory,
    objects,
    work,
)
from support.old import OldFlashFlood, OldProcesses
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Counted, Death, Mortal, Watched, keys, on

from flashflood import FlashFlood, FlashFloodException, Progress
from flashflood.maintain import objects as pieces
from flashflood.records import ledger
from flashflood.store import Found, Store, open_store

NONE = timedelta(0)


@pytest.fixture(scope="module")
def expected(furnished: Furnished) -> list[object]:
    """Give what calls of every kind give on the furnished store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
        return work(on(furnished.store()))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, no_patience: None) -> None:  # noqa: ARG001  a fixture
    """Let combinations count as left behind at once, and objects of more than 100,000 bytes as large."""
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    monkeypatch.setattr(pieces, "SMALL", 100_000)
    monkeypatch.setattr(pieces, "PIECE", 100_000)


# Whole, from every kind to every kind


def test_a_copy_has_each_object_of_the_source(place: Place, other: Place, furnished: Furnished) -> None:
    fill(place.store(), *furnished)
    result = place.open().copy_to(other.open(), verify=True)
    size = sum(len(body) for body, _ in furnished.objects.values())
    assert result == (len(furnished.objects), size, 0, 0)
    assert objects(other.store()) == objects(place.store()) == furnished.objects
    assert garbage(other) == furnished.tagged


def test_all_calls_work_on_a_copy_as_on_its_source(other: Place, furnished: Furnished, expected: list[object]) -> None:
    on(furnished.store()).copy_to(other.open())
    assert work(other.open()) == expected


def test_the_furnished_store_replays_and_finds_what_was_put(furnished: Furnished) -> None:
    found = look(on(furnished.store()))
    assert found["large"] == LARGE
    assert found["put again"] == b"again"
    assert {event_id for event_id in IDS if found[event_id] is None} == {
        *("deleted", "ab", "new and deleted", "claimed only", "drafted 1", "drafted 2", "never put")
    }


def test_a_store_in_memory_is_copied_and_copied_to() -> None:
    source, target = FlashFlood.open("memory://"), FlashFlood.open("memory://")
    put_journaled(source, "a", "b")
    source.copy_to(target)
    assert list(target.replay()) == list(source.replay())


def test_an_empty_store_is_copied() -> None:
    assert copied(memory(), memory()) == (0, 0, 0, 0)


def test_the_source_is_only_read(furnished: Furnished) -> None:
    source = Counted(furnished.store())
    copied(source, memory())
    assert source.writes == []


def test_a_large_object_is_never_in_memory_as_a_whole(furnished: Furnished) -> None:
    class Measured(Watched):
        largest = 0

        def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
            answer = send()
            if isinstance(answer, Found):
                assert len(answer.body) <= 100_000, (method, key)
                self.largest = max(self.largest, len(answer.body))
            return answer

    source, target = Measured(furnished.store()), Measured(memory())
    copied(source, target)
    assert source.largest == target.largest == 100_000


def test_the_target_is_flushed_also_after_an_error(furnished: Furnished) -> None:
    class Flushed(Mortal):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    for last in (5, 10**6):
        target = Flushed(memory(), last, answer_lost=False)
        with suppress(Death):
            on(furnished.store()).copy_to(on(target))
        assert target.flushes == 1


def test_progress_is_told_how_many_objects_are_done(furnished: Furnished) -> None:
    told: list[Progress] = []
    copied = on(furnished.store()).copy_to(on(memory()), verify=True, progress=told.append)
    last, total = told[-1], len(furnished.objects)
    assert (last.call, last.step, last.done, last.total, last.unit) == ("copy_to", "verifying", total, total, "objects")
    assert last.bytes == copied.size


# What is refused


def test_a_target_that_is_not_empty_is_refused_and_left_as_it_is(place: Place, furnished: Furnished) -> None:
    put_new(place.open(), "a")
    before = objects(place.store())
    with pytest.raises(FlashFloodException, match="is not empty"):
        on(furnished.store()).copy_to(place.open())
    assert objects(place.store()) == before


@pytest.mark.parametrize("key", [STRANGER, "~", "a", "blobs0", "journal"])
def test_an_object_that_is_none_of_ours_makes_a_target_not_empty(furnished: Furnished, key: str) -> None:
    target = memory()
    target.put(key, b"")
    with pytest.raises(FlashFloodException, match=f"it has {key}"):
        on(furnished.store()).copy_to(on(target))


def test_what_the_store_keeps_about_itself_does_not_make_it_not_empty(place: Place) -> None:
    place.open().collect_garbage()
    source = memory()
    put_new(on(source), "a")
    assert on(source).copy_to(place.open()).objects == 3


def test_an_unfinished_copy_of_another_store_is_refused(tmp_path: Path, furnished: Furnished) -> None:
    target = memory()
    half_made(furnished.store(), target)
    another = FlashFlood.open(f"sqlite://{tmp_path}/another")
    put_new(another, "a")
    before = objects(target)
    with pytest.raises(FlashFloodException, match="has a copy of memory:// that was not finished"):
        another.copy_to(on(target))
    assert objects(target) == before


def test_an_unfinished_copy_is_no_source(furnished: Furnished) -> None:
    half = memory()
    half_made(furnished.store(), half)
    with pytest.raises(FlashFloodException, match="itself a copy that was not finished"):
        on(half).copy_to(on(memory()))


def test_a_store_is_not_copied_to_itself(place: Place) -> None:
    put_new(place.open(), "a")
    before = objects(place.store())
    for target in (place.open(), place.open()):
        with pytest.raises(FlashFloodException, match="cannot be copied to itself"):
            place.open().copy_to(target)
    assert objects(place.store()) == before


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
def test_a_target_within_the_source_is_refused(place: Place) -> None:
    put_new(place.open(), "a")
    if place.s3:
        targets = [FlashFlood(place.client(), place.bucket, f"{place.prefix}/below")]
    else:
        targets = [FlashFlood.open(f"sqlite://{place.url}file"), FlashFlood.open(f"{place.url}below/")]
    before = objects(place.store())
    for target in targets:
        with pytest.raises(FlashFloodException, match="lies within"):
            place.open().copy_to(target)
    assert objects(place.store()) == before


@pytest.mark.parametrize("other", ["moto"], indirect=True)
def test_an_id_for_which_the_targets_prefix_leaves_no_room_is_named(other: Place) -> None:
    source, event_id = memory(), "x" * 750
    put_new(on(source), event_id)
    with pytest.raises(FlashFloodException, match="shorter prefix") as caught:
        on(source).copy_to(FlashFlood(other.client(), other.bucket, f"{other.prefix}/{'p' * 100}"))
    assert caught.value.event_id == event_id


# Verified


Change = Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]


class Garbling(Watched):
    """The store of a target that keeps other bytes, or other metadata, than it was given."""

    def __init__(self, store: Store, key: str, change: Change) -> None:
        super().__init__(store)
        self.key = key
        self.change = change

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "put" and key == self.key:
            body, metadata = self.change(*objects(self.store)[key])
            self.store.put(key, body, metadata=metadata)
            self.key = ""
        return answer


def with_another_byte(body: bytes, metadata: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return body[:-1] + bytes([body[-1] ^ 1]), metadata


def with_more_metadata(body: bytes, metadata: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    return body, {**metadata, "more": "1"}


@pytest.mark.parametrize(
    ("prefix", "least", "change"),
    [
        ("blobs/", 1_000_000, with_another_byte),
        ("journals/", 1, with_another_byte),
        ("index/", 0, with_more_metadata),
        ("gone/", 0, with_more_metadata),
    ],
)
def test_verify_names_what_differs_and_the_next_call_copies_it_again(
    furnished: Furnished,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    least: int,
    change: Change,
) -> None:
    monkeypatch.setattr("flashflood.maintain.differences.MARGIN", NONE)
    source, target = furnished.store(), memory()
    source.address = "sqlite:///somewhere"  # so that what is older than the copy need not be compared
    key = next(key for key, (body, _) in furnished.objects.items() if key.startswith(prefix) and len(body) >= least)
    with pytest.raises(FlashFloodException, match=f"1 objects of memory:// are not as in memory://: {key}"):
        on(source).copy_to(on(Garbling(target, key, change)), verify=True)
    assert "not finished" in on(target).check()[0]
    assert on(source).copy_to(on(target), verify=True).objects == 1
    assert objects(target) == furnished.objects


# A folder that came by `aws s3 sync`


@pytest.fixture
def synced(tmp_path: Path, furnished: Furnished) -> str:
    """Make the folder that `aws s3 sync` makes of a store: the keys as files, and no metadata."""
    store = open_store(f"{tmp_path}/synced/")
    fill(store, furnished.objects, set())
    shutil.rmtree(tmp_path / "synced" / ".flashflood")
    return f"{tmp_path}/synced/"


def test_a_folder_that_was_synced_gets_its_index_and_its_metadata_again(
    other: Place, synced: str, furnished: Furnished
) -> None:
    result = FlashFlood.open(synced).copy_to(other.open(), verify=True)
    assert result.repairs > 10
    assert result.repairs.taken_out == []
    target = other.open()
    expected = look(on(furnished.store()))
    assert look(target) == expected
    assert list(target.replay()) == list(on(furnished.store()).replay())
    assert not [line for line in target.check() if "metadata" in line or "index" in line]
    for key, (_, metadata) in objects(other.store()).items():
        if key.startswith("journals/") and not key.endswith(".dead"):
            assert set(metadata) == {"number_of_events", "journal_data_size"}
    assert garbage(other) >= furnished.tagged


def test_a_synced_folders_copy_that_died_in_the_repair_goes_on_there(synced: str, furnished: Furnished) -> None:
    for last in count(380, 40):
        target = memory()
        mortal = Mortal(target, last, answer_lost=False)
        with suppress(Death):
            on(open_store(synced)).copy_to(on(mortal))
        if not mortal.died:
            break
        on(open_store(synced)).copy_to(on(target))
        assert "copy/unfinished" not in keys(target)
        assert look(on(target)) == look(on(furnished.store()))
    assert last > 400


# Beside 0.4.3


@pytest.fixture(scope="module")
def processes() -> Iterator[OldProcesses]:
    with OldProcesses() as found:
        yield found


@pytest.fixture
def old(other: Place, processes: OldProcesses) -> OldFlashFlood:
    return OldFlashFlood(processes.of(other.env), other.bucket, other.prefix)


@pytest.mark.parametrize("other", ["moto", "rgw"], indirect=True)
def test_0_4_3_works_on_a_store_that_was_copied_to_s3(other: Place, old: OldFlashFlood) -> None:
    source = FlashFlood.open("memory://")
    put_journaled(source, "a", "b", "c", "d")
    put_new(source, "new", "new, too", start=10)
    source.update_event("a", b"updated")
    source.delete_event("b")
    source.update(None)
    source.update_event("c", b"pending")
    source.delete_event("d")
    source.copy_to(other.open())
    ours = other.open()
    assert old.replay() == list(ours.replay()) == list(source.replay())
    assert old.list_journals() == list(ours.list_journals())
    assert old.get_event("a").data == b"updated"
    assert not old.event_exists("b")
    assert not old.event_exists("d")
    assert old.update() == 2
    assert old.get_event("c").data == b"pending"
    old.update_event("a", b"by the old one")
    old.delete_event("new")
    old.put(b"by the old one", "of the old one", at(20))
    old.journal(minimum_number_of_events=2)
    old.update()
    expected = {
        "a": b"by the old one",
        "c": b"pending",
        "new, too": b"data of new, too",
        "of the old one": b"by the old one",
    }
    assert contents(old.replay()) == contents(ours.replay()) == expected
    assert {event_id: ours.get_event(event_id).data for event_id in expected} == expected
    assert ours.check() == []


@pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
def test_a_store_that_0_4_3_wrote_is_copied(place: Place, processes: OldProcesses) -> None:
    old = OldFlashFlood(processes.of(place.env), place.bucket, place.prefix)
    for minute, event_id in enumerate("abcd"):
        old.put(event_id.encode(), event_id, at(minute))
    old.journal(minimum_number_of_events=3)
    old.update_event("a", b"updated")
    old.delete_event("b")
    target = FlashFlood.open("memory://")
    place.open().copy_to(target, verify=True)
    assert list(target.replay()) == list(place.open().replay())
    assert target.get_event("a").data == b"updated"
    assert not target.event_exists("b")
    assert target.update() == 2
    assert contents(target.replay()) == {"a": b"updated", "c": b"c", "d": b"d"}
    assert target.check() == []
