"""What a SQLite file does for a batch in one transaction."""

from pathlib import Path

import pytest
from support.samples import at, contents, put_journaled
from support.watched import Counted, keys, on

from flashflood import FlashFlood
from flashflood.store import SqliteStore, Unused


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "events.flashflood")


def first(event_id: str) -> Unused:
    """Give the first index entry of an id, which is created where there is no entry and no mark."""
    return Unused(f"index/{event_id}--1", {"target": event_id}, (f"index/{event_id}--", f"gone/{event_id}--"))


def test_an_object_is_created_where_nothing_lies_under_its_prefixes_and_it_is_said_which(store: SqliteStore) -> None:
    store.put("index/b--2", b"")
    store.put("gone/c--1", b"")
    assert store.create_unused([first(event_id) for event_id in "dcba"]) == [True, False, False, True]
    assert list(keys(store, "index/")) == ["index/a--1", "index/b--2", "index/d--1"]
    found = store.head("index/a--1")
    assert found is not None
    assert found.metadata == {"target": "a"}


def test_without_prefixes_an_object_is_created_where_its_key_is_free(store: SqliteStore) -> None:
    store.put("index/a--1", b"", metadata={"target": "theirs"})
    assert store.create_unused([Unused(key, {}, None) for key in ("index/a--1", "index/a--2")]) == [False, True]
    found = store.head("index/a--1")
    assert found is not None
    assert found.metadata == {"target": "theirs"}


def test_of_two_with_one_prefix_the_one_whose_key_comes_first_is_created(store: SqliteStore) -> None:
    assert store.create_unused([first("a")._replace(key="index/a--2"), first("a")]) == [False, True]


def test_a_batch_of_ids_that_nobody_has_used_makes_four_requests_however_many_they_are(store: SqliteStore) -> None:
    counted = Counted(store)
    on(counted).put_many((b"data", None if number % 2 else f"{number}", at(number)) for number in range(50))
    assert sorted(method for method, _ in counted.requests) == ["create", "create_unused", "put", "put"]


def test_beside_ids_that_had_events_before_all_others_are_still_stored(store: SqliteStore) -> None:
    ff = FlashFlood._on(store)  # noqa: SLF001 - the way in for any store
    put_journaled(ff, "moved", "deleted", "a-")
    ff.delete_event("deleted")
    ff.update()
    ids = ["a", "moved", "new", "deleted", None]
    stored = ff.put_many([(b"data", event_id, at(9)) for event_id in ids], on_conflict="skip")
    assert (stored.stored, list(stored.skipped)) == (4, ["moved"])
    there = contents(ff.replay())
    assert {there[event_id] for event_id in ("a", "new", "deleted")} == {b"data"}
    assert ff.check() == []
