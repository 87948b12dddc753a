"""What check names and repair mends: lost manifests, the dead that live again, entries of no event; nothing is lost."""

import json
import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import Place
from support.command_line import environment, runner
from support.damage import one_journal, said
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import keys

from flashflood import (
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    JournalID,
    Repairs,
)
from flashflood._core import Manifest, Row
from flashflood.store import Store

pytestmark = pytest.mark.usefixtures("no_patience")  # nobody else works on these stores
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
WEEK = 7 * 24 * 60 * 60


@pytest.fixture(autouse=True)
def each_repair_is_said_beforehand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold each call of `repair` here to what a dry run has said; on one server is enough."""
    if place.kind == "rgw":
        return
    repair = FlashFlood.repair

    def as_said(ff: FlashFlood) -> Repairs:
        planned = repair(ff, dry_run=True)
        done = repair(ff)
        assert said(planned) == said(done)
        return done

    monkeypatch.setattr(FlashFlood, "repair", as_said)


def only_journal(ff: FlashFlood) -> JournalID:
    (journal_id,) = ff.list_journals()
    return journal_id


def with_lost_manifest(place: Place) -> tuple[FlashFlood, JournalID, dict[str, bytes]]:
    """Give a journaled store whose garbage was collected, and whose one manifest is gone; and what it held."""
    ff = place.open()
    data = put_journaled(ff, "a", "b", "c")
    ff.collect_garbage(AT_ONCE)
    lost = only_journal(ff)
    place.store().delete([f"journals/{lost}"])
    return ff, lost, data


def age(place: Place, found: Iterable[str]) -> None:
    """Let the objects of a folder be a week old."""
    for key in found:
        os.utime(Path(place.url, key), (time.time() - WEEK,) * 2)


def copied(store: Store, prefix: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    found = {key: store.get(key) for key in keys(store, prefix)}
    return {key: (one.body, dict(one.metadata)) for key, one in found.items() if one is not None}


def put_back(store: Store, objects: dict[str, tuple[bytes, dict[str, str]]]) -> None:
    for key, (body, metadata) in objects.items():
        store.put(key, body, metadata=metadata)


# Lost manifests


def test_a_lost_manifest_is_named_by_check_and_written_again_by_repair(place: Place) -> None:
    ff, lost, data = with_lost_manifest(place)
    (finding,) = ff.check()
    assert lost in finding
    assert "manifest is missing" in finding
    assert "3 events" in finding
    assert ff.repair() == 1
    assert ff.check() == []
    assert contents(ff.replay()) == data
    assert only_journal(ff) == lost
    assert {event_id: ff.get_event(event_id).data for event_id in data} == data


def test_a_put_does_not_hide_an_event_whose_manifest_is_lost(place: Place) -> None:
    ff, lost, data = with_lost_manifest(place)
    for call in (
        lambda: ff.put(b"another", "a", at(9)),
        lambda: ff.put_many([(b"another", "a", at(9)), (b"more", "more", at(9))], on_conflict="skip"),
        lambda: ff.update_event("a", b"another"),
    ):
        with pytest.raises(FlashFloodCorruptionError, match=lost) as caught:
            call()
        assert "'a'" in str(caught.value)
        assert "`repair`" in str(caught.value)
    assert ff.event_exists("a")
    assert ff.get_event("a").data == data["a"]
    ff.repair()
    assert contents(ff.replay()) == data
    with pytest.raises(FlashFloodEventExistsError):
        ff.put(b"another", "a", at(9))


def test_an_event_whose_manifest_is_lost_can_be_given_up_and_does_not_return(place: Place) -> None:
    ff, _, data = with_lost_manifest(place)
    ff.delete_event("b")
    ff.put(b"another", "b", at(9))
    ff.repair()
    ff.update(None)
    assert contents(ff.replay()) == data | {"b": b"another"}
    assert ff.check() == []


def test_what_is_lost_with_manifest_and_blob_is_named_until_it_is_given_up(place: Place) -> None:
    ff, lost, data = with_lost_manifest(place)
    place.store().delete([f"blobs/{lost.blob_id}"])
    for _ in range(2):
        (finding,) = ff.check()
        assert "its manifest and its blob" in finding
        assert "restore" in finding
        assert ff.repair() == 0
    with pytest.raises(FlashFloodCorruptionError, match=lost):
        ff.get_event("a")
    for event_id in data:
        ff.delete_event(event_id)
    ff.update(None)
    assert ff.check() == []
    with pytest.raises(FlashFloodEventNotFound):
        ff.get_event("a")


def test_the_rows_of_a_lost_manifest_that_was_updated_and_moved_come_back_as_they_were(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b", "c")
    ff.update_event("a", b"updated")
    ff.delete_event("c")
    ff.update(None)
    lost = only_journal(ff)
    before = ff.open_journal(lost).events
    place.store().delete([f"journals/{lost}"])
    ff.repair()
    assert ff.open_journal(lost).events == before
    ff.update_event("b", b"updated too")
    ff.update(None)
    assert contents(ff.replay()) == {"a": b"updated", "b": b"updated too"}
    assert ff.check() == []


@ON_FOLDER
def test_a_lost_manifest_of_0_4_3_is_named_since_its_index_says_only_where_it_was(place: Place) -> None:
    ff, lost, _ = with_lost_manifest(place)
    store = place.store()
    for key in list(keys(store, "index/")):
        store.put(key, b"", metadata={"target": lost})
    (finding,) = ff.check()
    assert lost in finding
    assert "restore it from a copy" in finding
    assert ff.repair() == 0
    with pytest.raises(FlashFloodCorruptionError, match=lost):
        ff.put(b"another", "a", at(9))


@ON_FOLDER
def test_the_lost_manifest_of_a_batch_is_written_again_from_its_claims(place: Place) -> None:
    ff = place.open()
    ff.put_many([(event_id.encode(), event_id, at(1)) for event_id in "abc"])
    ff.collect_garbage(AT_ONCE)
    lost = only_journal(ff)
    place.store().delete([f"journals/{lost}"])
    age(place, keys(place.store(), "index/"))
    assert lost in ff.check()[0]
    assert ff.repair() == 1
    assert contents(ff.replay()) == {"a": b"a", "b": b"b", "c": b"c"}


@ON_FOLDER
def test_a_put_that_is_under_way_is_no_finding(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    place.store().delete([f"journals/{only_journal(ff)}"])
    assert ff.check() == []


# The dead that live again


def revived(place: Place, *, collected: bool) -> tuple[FlashFlood, dict[str, bytes], list[JournalID]]:
    """Give a store damaged as collect_garbage did it once: blobs and tombstones are gone, and the manifests are there.

    `collected`: also what the dead were combined into has been combined and collected.
    """
    ff = place.open()
    data = put_new(ff, "a", "b", "deleted")
    manifests = copied(place.store(), "journals/")
    ff.journal(3)
    ff.delete_event("deleted")
    ff.update(None)
    if collected:
        data |= put_new(ff, "c", start=5)
        ff.combine_journals(list(map(ff.open_journal, ff.list_journals())))
        ff.combine_journals([ff.open_journal(only_journal(ff))])
    ff.collect_garbage(AT_ONCE)
    put_back(place.store(), manifests)
    del data["deleted"]
    return ff, data, [JournalID.from_key(key) for key in manifests]


@pytest.mark.parametrize("collected", [False, True])
def test_dead_journals_that_lost_their_tombstones_are_named_and_buried_again_without_loss(
    place: Place,
    collected: bool,  # noqa: FBT001
) -> None:
    ff, data, dead = revived(place, collected=collected)
    findings = ff.check()
    for journal_id in dead:
        (finding,) = [line for line in findings if line.startswith(f"journal {journal_id}: ")]
        assert "it is dead, but its tombstone is missing" in finding
        assert "restore" not in finding
    assert ff.repair() >= len(dead)
    assert contents(ff.replay()) == data
    assert ff.check() == []
    ff.collect_garbage(AT_ONCE)
    assert contents(ff.replay()) == data
    assert not ff.event_exists("deleted")
    assert ff.check() == []


def test_a_journal_without_its_blob_whose_events_are_nowhere_else_is_not_buried(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b")
    journal_id = only_journal(ff)
    blob = copied(place.store(), f"blobs/{journal_id.blob_id}")
    place.store().delete(list(blob))
    (finding,) = ff.check()
    assert "2 events that are nowhere else" in finding
    ff.repair()
    assert ff.check() == [finding]
    put_back(place.store(), blob)
    assert contents(ff.replay()) == data


@ON_FOLDER
def test_a_journal_is_not_buried_because_another_one_only_says_that_it_replaces_it(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b")
    victim = only_journal(ff)
    data |= put_journaled(ff, "c", start=5)
    (other,) = [found for found in ff.list_journals() if found != victim]
    found = place.store().get(f"journals/{other}")
    assert found
    manifest = json.loads(found.body)
    manifest["replaces"].append(victim)
    place.store().put(f"journals/{other}", json.dumps(manifest).encode(), metadata=found.metadata)
    assert any(victim in finding for finding in ff.check())
    ff.repair()
    ff.collect_garbage(AT_ONCE)
    place.store().put(f"journals/{other}", found.body, metadata=found.metadata)
    assert contents(ff.replay()) == data


# Two events of one id, and events that were deleted


def with_two_events_of_one_id(place: Place) -> FlashFlood:
    """Give a store in which two journals have an event `a`, as 0.4.3's put may leave it."""
    ff = place.open()
    put_journaled(ff, "a", "b")
    blob = "11112222-3333-4444-5555-666677778888"
    timestamp = "2021-01-01T000000.000000Z"
    other = JournalID.make(timestamp, timestamp, "new", blob)
    place.store().put(f"blobs/{blob}", b"other", metadata={"journal_id": other})
    place.store().put(f"journals/{other}", Manifest.of_rows(other, [Row("a", timestamp, 0, 5)], 5).encode())
    return ff


def test_repair_names_the_event_that_it_takes_out_of_replay(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    ff = with_two_events_of_one_id(place)
    assert len(list(ff.replay())) == 3
    with caplog.at_level(logging.WARNING, "flashflood"):
        repairs = ff.repair()
    assert repairs > 0
    assert set(contents(ff.replay())) == {"a", "b"}
    (line,) = repairs.taken_out
    assert line.startswith("event 'a' of 202")
    assert "in journal 202" in line
    assert any(line in record.getMessage() for record in caplog.records)


@ON_FOLDER
def test_the_command_line_names_what_repair_takes_out_and_what_it_leaves_with_exit_code_1(
    place: Place, tmp_path: Path
) -> None:
    ff = with_two_events_of_one_id(place)
    put_journaled(ff, "c", start=50)
    (broken,) = [found for found in ff.list_journals() if found.start_date == at(50)]
    place.store().delete([f"blobs/{broken.blob_id}"])
    done = runner(environment(tmp_path), tmp_path)("repair", "--store", place.url)
    assert done.returncode == 1
    counted, *rest = map(json.loads, done.stdout.splitlines())
    assert counted["repairs"] > 0
    assert [next(iter(line)) for line in rest] == ["taken_out", "finding"]
    assert "event 'a'" in rest[0]["taken_out"]
    assert broken in rest[1]["finding"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_living_event_that_was_put_again_is_not_taken_for_the_deleted_one(
    place: Place,
    by_hand: bool,  # noqa: FBT001
) -> None:
    """Its index entry is gone, as 0.4.3 removes entries of ids that begin alike; dates and seconds are the same."""
    ff = place.open()
    put_new(ff, "ab")
    if by_hand:
        ff.journal(1)
    ff.delete_event("ab")
    ff.put(b"right", "ab", at(0))
    ff.update(None)
    place.store().delete(list(keys(place.store(), "index/ab--")))
    ff.repair()
    assert contents(ff.replay()) == {"ab": b"right"}
    assert ff.get_event("ab").data == b"right"
    assert ff.check() == []


# Entries of no event


@ON_FOLDER
def test_entries_that_lead_to_no_event_are_counted_by_check_and_removed_by_repair(place: Place) -> None:
    """As earlier versions left them: of a put that never wrote its data, and below an event's own."""
    ff = place.open()
    data = put_journaled(ff, "a")
    nowhere = JournalID(
        "2021-01-01T000000.000000Z--2021-01-01T000000.000000Z--new--11112222-3333-4444-5555-666677778888"
    )
    claim = {"target": nowhere, "date": nowhere.start, "offset": "0", "size": "4", "birth": "1"}
    store = place.store()
    for key in ("index/never--0000000001", "index/a--0000000001"):
        store.put(key, b"", metadata=claim)
    assert ff.check() == []
    age(place, keys(store, "index/"))
    (finding,) = ff.check()
    assert finding.startswith("2 index entries lead to no event")
    assert ff.repair() == 2
    assert ff.check() == []
    assert list(keys(store, "index/")) == ["index/a--0000000002"]
    ff.put(b"", "never", at(3))
    assert list(keys(store, "index/never--")) == ["index/never--0000000002"]
    assert contents(ff.replay()) == data | {"never": b""}
    assert ff.check() == []


def test_a_tombstone_without_its_journal_is_removed_by_repair(place: Place) -> None:
    """0.4.3's listing fails on it."""
    ff = place.open()
    data = put_journaled(ff, "a")
    dead = next(key for key in keys(place.store(), "journals/") if key.endswith(".dead"))
    place.store().delete([dead.removesuffix(".dead")])
    assert ff.check() == []
    assert ff.repair() == 1
    assert dead not in keys(place.store(), "journals/")
    assert contents(ff.replay()) == data


# Lost updates, lost metadata


def test_repair_deletes_again_every_event_of_a_journal_that_was_deleted(place: Place) -> None:
    """As after the loss of the update objects, while the deletion marks stayed."""
    ff, _ = one_journal(place)
    put_journaled(ff, "d", "e", start=5)
    deleted = {"a", "b", "d"}
    for event_id in deleted:
        ff.delete_event(event_id)
    store = place.store()
    store.delete(list(keys(store, "update/")))
    assert len(ff.check()) == len(deleted)
    assert ff.repair() == len(deleted)
    assert ff.check() == []
    assert set(contents(ff.replay())) == set("ce")


def test_repair_puts_the_metadata_of_index_entries_back(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, "new") | put_journaled(ff, "a", "b", start=5)
    store = place.store()
    for key in list(keys(store, "index/")):
        store.put(key, b"")
    assert ff.check() != []
    ff.repair()
    assert ff.check() == []
    assert {event_id: ff.get_event(event_id).data for event_id in data} == data
