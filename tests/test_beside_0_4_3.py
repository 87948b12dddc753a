"""FlashFlood 0.4.3, in a process of its own, reads what this package writes and writes what this package reads.

Every kind of object is among it.
"""

import json
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from conftest import Place
from support.large_journals import each_second, store_journal
from support.old import OldError, OldFlashFlood, OldProcesses
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import keys

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodEventNotFound, replay_event_stream

pytestmark = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)


@pytest.fixture(scope="module")
def processes() -> Iterator[OldProcesses]:
    with OldProcesses() as found:
        yield found


@pytest.fixture
def ours(place: Place) -> FlashFlood:
    return place.open()


@pytest.fixture
def old(place: Place, processes: OldProcesses) -> OldFlashFlood:
    return OldFlashFlood(processes.of(place.env), place.bucket, place.prefix)


def put_by_old(old: OldFlashFlood, *ids: str, start: int = 0) -> dict[str, bytes]:
    found = {}
    for minute, event_id in enumerate(ids, start):
        found[event_id] = f"data of {event_id}".encode()
        old.put(found[event_id], event_id, at(minute))
    return found


# What this package writes, 0.4.3 reads


def test_0_4_3_reads_a_new_event_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    event = ours.put(b"data", "id", at(1.5))
    assert old.get_event("id") == event
    assert old.event_exists("id")
    assert old.replay() == [event]
    assert old.ask("new_journals") == list(ours.list_journals())


def test_0_4_3_refuses_to_put_an_id_of_ours_again(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_new(ours, "new")
    put_journaled(ours, "journaled", start=5)
    for event_id in ("new", "journaled"):
        with pytest.raises(OldError) as caught:
            old.put(b"again", event_id, at(9))
        assert caught.value.kind == "FlashFloodEventExistsError"


def test_0_4_3_reads_a_journal_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_journaled(ours, "c", "b", "a")
    assert contents(old.replay()) == data
    assert old.replay(to_date=at(1)) == list(ours.replay(to_date=at(1)))
    assert {event_id: old.get_event(event_id).data for event_id in data} == data
    assert old.list_journals() == list(ours.list_journals())
    assert (
        old.ask("manifest", journal_id=old.list_journals()[0])["events"]
        == ours.open_journal(old.list_journals()[0]).events
    )


def test_0_4_3_reads_a_journal_of_ours_that_says_where_its_rows_stand(
    ours: FlashFlood, old: OldFlashFlood, place: Place
) -> None:
    events = each_second(2_100)
    made = store_journal(place.store(), events)
    found = place.store().get(f"journals/{made}")
    assert found is not None
    assert b'"sections"' in found.body
    assert old.replay(to_date=at(1)) == events[:61] == list(ours.replay(to_date=at(1)))
    assert old.ask("manifest", journal_id=made)["events"] == ours.open_journal(made).events


def test_0_4_3_journals_new_events_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_new(ours, "a", "b", "c")
    old.journal(minimum_number_of_events=3)
    assert contents(old.replay()) == data
    assert contents(ours.replay()) == data
    assert {event_id: ours.get_event(event_id).data for event_id in data} == data
    assert len(list(ours.list_journals())) == 1


def test_0_4_3_combines_journals_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_journaled(ours, "a", "b") | put_journaled(ours, "c", "d", start=5)
    made = old.combine([str(item) for item in ours.list_journals()])
    assert list(ours.list_journals()) == [made]
    assert contents(ours.replay()) == contents(old.replay()) == data


def test_0_4_3_applies_an_update_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_journaled(ours, "a", "b")
    ours.update_event("a", b"updated")
    assert old.update() == 1
    assert old.get_event("a").data == b"updated"
    assert contents(old.replay()) == contents(ours.replay()) == {"a": b"updated", "b": b"data of b"}
    assert ours.get_event("a") == Event("a", at(0), b"updated")


def test_0_4_3_applies_a_delete_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_journaled(ours, "a", "b")
    ours.delete_event("a")
    assert not old.event_exists("a")
    assert old.update() == 1
    assert contents(old.replay()) == contents(ours.replay()) == {"b": b"data of b"}
    assert not ours.event_exists("a")


def test_0_4_3_reads_what_our_update_has_applied(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_journaled(ours, "a", "b", "c")
    ours.update_event("a", b"updated")
    ours.delete_event("b")
    ours.update()
    assert contents(old.replay()) == {"a": b"updated", "c": b"data of c"}
    assert old.get_event("a").data == b"updated"
    assert not old.event_exists("b")
    assert old.update() == 0


def test_0_4_3_finds_our_index_entries(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_journaled(ours, "a", "b")
    for _ in range(3):
        ours.update_event("a", b"updated")
        ours.update()
    assert old.get_event("a").data == b"updated"
    assert old.get_event("b").data == b"data of b"
    old.update_event("a", b"by the old one")
    old.update()
    assert ours.get_event("a").data == old.get_event("a").data == b"by the old one"


def test_0_4_3_skips_what_our_tombstones_mark(ours: FlashFlood, old: OldFlashFlood, place: Place) -> None:
    put_journaled(ours, "a", "b")
    assert [key for key in keys(place.store(), "journals/") if key.endswith(".dead")]
    assert old.list_journals() == list(ours.list_journals())
    assert old.ask("new_journals") == []


def test_0_4_3_replays_our_event_streams_after_json(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_journaled(ours, "a", "b") | put_new(ours, "c", start=5)
    events = [
        event
        for stream in ours.list_event_streams()
        for event in old.ask("replay_event_stream", stream=json.loads(json.dumps(stream)))
    ]
    assert contents(events) == data
    assert contents(old.ask("replay_event_streams")) == data


def test_0_4_3_lists_and_replays_where_we_journaled_a_deleted_event_away(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_new(ours, "only")
    ours.delete_event("only")
    ours.journal(minimum_number_of_events=1)
    data = put_new(ours, "other", start=5)
    assert contents(old.replay()) == data
    old.journal(minimum_number_of_events=1)
    assert contents(ours.replay()) == data


@pytest.mark.parametrize("event_id", ["folder/id", "-leading", "trailing-"])
def test_0_4_3_updates_others_beside_our_update_of_an_id_that_it_cannot_update(
    ours: FlashFlood, old: OldFlashFlood, event_id: str
) -> None:
    put_journaled(ours, event_id, "plain")
    ours.update_event(event_id, b"updated")
    old.update_event("plain", b"updated")
    old.update()
    assert old.get_event("plain").data == b"updated"
    ours.update()
    assert contents(ours.replay()) == {event_id: b"updated", "plain": b"updated"}
    assert contents(old.replay()) == {event_id: b"updated", "plain": b"updated"}


def test_0_4_3_works_on_beside_everything_of_ours(ours: FlashFlood, old: OldFlashFlood) -> None:
    """Under our prefixes (marks, drafts, ledger) nothing lies that its listings could meet."""
    put_journaled(ours, "a", "b")
    ours.delete_event("a")
    ours.put(b"a again", "a", at(9))
    ours.update()
    ours.collect_garbage(grace=AT_ONCE)
    assert contents(old.replay()) == {"a": b"a again", "b": b"data of b"}
    assert old.get_event("a").data == b"a again"
    old.journal(minimum_number_of_events=1)
    assert contents(ours.replay()) == {"a": b"a again", "b": b"data of b"}


# What 0.4.3 writes, this package reads


def test_ours_reads_a_new_event_of_0_4_3(ours: FlashFlood, old: OldFlashFlood) -> None:
    event = old.put(b"data", "id", at(1.5))
    assert ours.get_event("id") == event
    assert ours.event_exists("id")
    assert list(ours.replay()) == [event]
    with pytest.raises(FlashFloodEventExistsError, match="id"):
        ours.put(b"again", "id", at(2))


def test_ours_reads_a_journal_of_0_4_3(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_by_old(old, "a", "b", "c")
    old.journal(minimum_number_of_events=3)
    assert contents(ours.replay()) == data
    assert [event.event_id for event in ours.replay(at(0), at(1))] == ["b"]
    assert {event_id: ours.get_event(event_id).data for event_id in data} == data
    assert list(ours.list_journals()) == old.list_journals()
    (journal_id,) = ours.list_journals()
    assert ours.open_journal(journal_id).manifest()["events"] == old.ask("manifest", journal_id=journal_id)["events"]
    with pytest.raises(FlashFloodEventExistsError, match="b"):
        ours.put(b"again", "b", at(2))


def test_ours_journals_new_events_of_0_4_3(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_by_old(old, "a", "b", "c")
    ours.journal(minimum_number_of_events=3)
    assert contents(ours.replay()) == contents(old.replay()) == data
    assert {event_id: old.get_event(event_id).data for event_id in data} == data
    assert {event_id: ours.get_event(event_id).data for event_id in data} == data


def test_ours_combines_journals_of_0_4_3_with_its_updates(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_by_old(old, "a", "b")
    old.journal(minimum_number_of_events=2)
    put_by_old(old, "c", "d", start=5)
    old.journal(minimum_number_of_events=2)
    old.update_event("a", b"updated")
    old.delete_event("d")
    ours.combine_journals([ours.open_journal(item) for item in ours.list_journals()])
    expected = {"a": b"updated", "b": b"data of b", "c": b"data of c"}
    assert contents(ours.replay()) == contents(old.replay()) == expected
    assert old.get_event("a").data == b"updated"


def test_ours_reads_a_pending_update_of_0_4_3_at_once_and_applies_it(
    ours: FlashFlood, old: OldFlashFlood, place: Place
) -> None:
    put_by_old(old, "a", "b")
    old.journal(minimum_number_of_events=2)
    old.update_event("a", b"updated")
    assert ours.get_event("a").data == b"updated"
    assert place.open(read_pending_updates=False).get_event("a").data == b"data of a"
    assert contents(ours.replay())["a"] == b"data of a"
    assert ours.update() == 1
    assert contents(ours.replay()) == contents(old.replay()) == {"a": b"updated", "b": b"data of b"}
    assert old.update() == 0


def test_ours_applies_a_pending_delete_of_0_4_3(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_by_old(old, "a", "b")
    old.journal(minimum_number_of_events=2)
    old.delete_event("a")
    assert not ours.event_exists("a")
    with pytest.raises(FlashFloodEventNotFound, match="a"):
        ours.get_event("a")
    assert ours.update() == 1
    assert contents(ours.replay()) == contents(old.replay()) == {"b": b"data of b"}


def test_ours_puts_again_what_0_4_3_deleted(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_by_old(old, "a")
    old.journal(minimum_number_of_events=1)
    old.delete_event("a")
    ours.put(b"again", "a", at(5))
    ours.update()
    ours.journal(minimum_number_of_events=1)
    assert contents(ours.replay()) == contents(old.replay()) == {"a": b"again"}
    assert ours.get_event("a") == old.get_event("a") == Event("a", at(5), b"again")


def test_ours_follows_the_index_entries_of_0_4_3(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_by_old(old, "a", "b")
    old.journal(minimum_number_of_events=2)
    for number in range(3):
        old.update_event("a", f"update {number}".encode())
        old.update()
    assert ours.get_event("a").data == b"update 2"
    assert contents(ours.replay()) == {"a": b"update 2", "b": b"data of b"}
    ours.update_event("a", b"ours")
    ours.update()
    assert old.get_event("a").data == ours.get_event("a").data == b"ours"


def test_ours_skips_what_the_tombstones_of_0_4_3_mark(ours: FlashFlood, old: OldFlashFlood) -> None:
    put_by_old(old, "a", "b")
    old.journal(minimum_number_of_events=2)
    old.update_event("a", b"updated")
    old.update()
    assert list(ours.list_journals()) == old.list_journals()
    assert list(ours.new_journals()) == []
    assert ours.update() == 0


def test_ours_replays_the_event_streams_of_0_4_3(old: OldFlashFlood) -> None:
    data = put_by_old(old, "a", "b", "c")
    old.journal(minimum_number_of_events=2)
    streams: list[dict[str, Any]] = old.ask("list_event_streams")
    assert contents(event for stream in streams for event in replay_event_stream(stream)) == data


def test_ours_reads_what_0_4_3_stored_under_ids_that_put_now_refuses(ours: FlashFlood, old: OldFlashFlood) -> None:
    event = old.put(b"data", "with\ttab", at(0))
    assert list(ours.replay()) == [event]
    ours.journal(minimum_number_of_events=1)
    assert list(ours.replay()) == [event]


def test_ours_sorts_the_rows_that_0_4_3_combined_out_of_order(ours: FlashFlood, old: OldFlashFlood) -> None:
    for event_id, minute in (("a", 0), ("c", 2), ("b", 1), ("d", 3)):
        old.put(f"data of {event_id}".encode(), event_id, at(minute))
        if event_id in "cd":
            old.journal(minimum_number_of_events=2)
    old.combine(old.list_journals())
    assert [event.event_id for event in ours.replay()] == ["a", "b", "c", "d"]
    assert [event.event_id for event in ours.replay(at(0), at(2))] == ["b", "c"]
    assert all(event.data == f"data of {event.event_id}".encode() for event in ours.replay())
    assert ours.get_event("b").data == b"data of b"


def test_check_names_the_journal_whose_rows_lie_outside_its_range_and_repair_rewrites_it(
    ours: FlashFlood, old: OldFlashFlood
) -> None:
    for event_id, minute in (("a", 1), ("z", 9), ("b", 2), ("c", 3)):
        old.put(event_id.encode(), event_id, at(minute))
        if event_id in "zc":
            made = old.list_journals()
            old.journal(minimum_number_of_events=2)
    assert len(made) == 3
    combined = old.combine(old.list_journals())  # its key ends with minute 3, though z is of minute 9
    assert combined
    assert any(combined in finding for finding in ours.check())
    assert ours.repair() > 0
    assert ours.check() == []
    assert contents(ours.replay()) == contents(old.replay()) == {event_id: event_id.encode() for event_id in "abcz"}
    assert [event.event_id for event in ours.replay(at(3))] == ["z"]


def test_repair_brings_to_one_truth_what_an_interrupted_journaling_of_0_4_3_left(
    ours: FlashFlood, old: OldFlashFlood
) -> None:
    data = put_by_old(old, "a", "b")
    old.ask("journal_and_stop", minimum_number_of_events=2, tombstones=0)
    assert contents(ours.replay()) == data
    assert ours.check() != []
    assert ours.repair() > 0
    assert ours.check() == []
    assert contents(ours.replay()) == contents(old.replay()) == data
    assert {event_id: old.get_event(event_id).data for event_id in data} == data


@pytest.mark.parametrize("repaired_first", [False, True])
def test_an_event_deleted_after_an_interrupted_journaling_of_0_4_3_stays_deleted(
    ours: FlashFlood,
    old: OldFlashFlood,
    repaired_first: bool,  # noqa: FBT001
) -> None:
    put_by_old(old, "a", "b")
    old.ask("journal_and_stop", minimum_number_of_events=2, tombstones=0)
    old.delete_event("a")
    for call in (ours.repair, ours.update) if repaired_first else (ours.update, ours.repair):
        call()
    assert contents(ours.replay()) == contents(old.replay()) == {"b": b"data of b"}
    assert not ours.event_exists("a")


@pytest.mark.parametrize("deleted_by_old", [False, True])
def test_repair_does_not_take_an_event_that_0_4_3_put_again_for_the_deleted_one(
    place: Place,
    ours: FlashFlood,
    old: OldFlashFlood,
    deleted_by_old: bool,  # noqa: FBT001
) -> None:
    """All within a second, with one date; then 0.4.3 has removed its index entry, as of an id that begins alike."""
    put_by_old(old, "a")
    old.journal(minimum_number_of_events=1)
    (old if deleted_by_old else ours).delete_event("a")
    ours.update(None)
    old.put(b"right", "a", at(0))
    place.store().delete(list(keys(place.store(), "index/a--")))
    ours.repair()
    assert contents(ours.replay()) == {"a": b"right"}
    assert ours.get_event("a").data == b"right"
    assert ours.check() == []


def test_index_entries_that_0_4_3_removed_wrongly_are_put_back_by_repair(ours: FlashFlood, old: OldFlashFlood) -> None:
    data = put_journaled(ours, "a", "ab", "abc")
    old.delete_event("ab")  # 0.4.3 removes the entries of every id that begins with this one
    ours.repair()
    ours.update()
    del data["ab"]
    assert {event_id: ours.get_event(event_id).data for event_id in data} == data
    assert contents(ours.replay()) == data
    assert not ours.event_exists("ab")


def test_nothing_is_lost_or_replayed_twice_by_us_while_0_4_3_puts_and_journals(
    ours: FlashFlood, old: OldFlashFlood
) -> None:
    """Both write at the same time; 0.4.3 only puts and journals its own and our new events."""
    failures: list[BaseException] = []

    def work_of_old() -> None:
        try:
            for number in range(8):
                put_by_old(old, f"old {number:02}", start=number)
                if number % 4 == 3:
                    old.journal(minimum_number_of_events=1)
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            failures.append(error)

    thread = Thread(target=work_of_old)
    thread.start()
    for number in range(24):
        put_new(ours, f"ours {number:02}", start=100 + number)
        assert len(contents(ours.replay(at(99)))) == number + 1
    thread.join()
    assert not failures
    ours.journal(minimum_number_of_events=1)
    ours.repair()
    expected = {f"old {number:02}" for number in range(8)} | {f"ours {number:02}" for number in range(24)}
    assert set(contents(ours.replay())) == expected
    assert {event_id for event_id in expected if ours.get_event(event_id).event_id == event_id} == expected
