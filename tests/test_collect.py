"""collect_garbage removes what is dead, in an order in which nothing dead can live again, whatever fails or stops."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import Lock

import pytest
from conftest import Place
from support.damage import one_journal
from support.samples import AT_ONCE, SOMEWHERE, at, contents, put_journaled, put_new
from support.servers.faulty import Fault, FaultyServer
from support.servers.undeleting import refusing
from support.watched import Answer, Counted, Death, Mortal, Watched, keys, on

from flashflood import FlashFlood, FlashFloodEventExistsError, FlashFloodException
from flashflood.store import Store
from flashflood.store.s3 import S3Store

ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


@pytest.fixture
def behind(place: Place) -> Iterator[Callable[[Fault], S3Store]]:
    """Give what opens the place's store behind a server that has a fault."""
    servers = []
    endpoint = place.env["AWS_ENDPOINT_URL"]

    def behind(fault: Fault) -> S3Store:
        servers.append(FaultyServer(endpoint, fault))
        place.env["AWS_ENDPOINT_URL"] = servers[-1].endpoint
        store = S3Store(place.client(), place.bucket, place.prefix)
        place.env["AWS_ENDPOINT_URL"] = endpoint
        return store

    yield behind
    place.close()
    for server in servers:
        server.stop()


def with_garbage(ff: FlashFlood) -> dict[str, bytes]:
    """Leave dead journals of two generations, used updates and a deleted event behind; give what lives."""
    data = put_journaled(ff, "a", "b", "deleted", "updated")
    ff.delete_event("deleted")
    ff.update_event("updated", b"new")
    ff.update(None)
    data |= put_new(ff, "c", start=9)
    ff.combine_journals(list(map(ff.open_journal, ff.list_journals())))
    del data["deleted"]
    return data | {"updated": b"new"}


def is_sound(ff: FlashFlood, data: dict[str, bytes]) -> bool:
    return contents(ff.replay()) == data and all(ff.event_exists(name) for name in data) and ff.check() == []


def test_a_dry_run_writes_nothing_and_says_how_many_would_be_removed(place: Place) -> None:
    ff = place.open()
    data = with_garbage(ff)
    ff.put_many([(b"data", f"of a batch {number}", at(9)) for number in range(2)])
    counted = Counted(place.store())
    there = set(keys(counted))
    planned = on(counted).collect_garbage(AT_ONCE, dry_run=True)
    assert counted.writes == []
    assert set(keys(counted)) == there
    assert planned == ff.collect_garbage(AT_ONCE) > 0
    assert ff.collect_garbage(AT_ONCE, dry_run=True) == 0
    assert contents(event for event in ff.replay() if event.event_id in data) == data


KINDS = ["journals/", "journals/ tombstone", "blobs/", "update/", "update/ tombstone"]


@ON_MOTO
@pytest.mark.parametrize("code", ["InternalError", "AccessDenied"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_not_deleted_brings_nothing_back_and_the_next_call_removes_it(
    place: Place, behind: Callable[[Fault], S3Store], kind: str, code: str
) -> None:
    ff = place.open()
    data = with_garbage(ff)
    folder, _, tombstone = kind.partition(" ")
    refused: list[str] = []

    def is_refused(key: str) -> bool:
        if not refused and f"/{folder}" in key and key.endswith(".dead") == bool(tombstone):
            refused.append(key)
        return key in refused

    faulty = on(behind(refusing(is_refused, code)))
    for _ in range(2):
        with pytest.raises(FlashFloodException, match=code) as caught:
            faulty.collect_garbage(AT_ONCE)
        assert refused[0] in str(caught.value)
        assert contents(place.open().replay()) == data
    assert place.open().collect_garbage(AT_ONCE) == 1
    assert is_sound(place.open(), data)
    left = list(keys(place.store(), "journals/")) + list(keys(place.store(), "blobs/"))
    assert len(left) == 2
    assert list(keys(place.store(), "update/")) == []


@ON_MOTO
def test_what_can_be_deleted_is_deleted_beside_what_never_can(place: Place, behind: Callable[[Fault], S3Store]) -> None:
    data = with_garbage(place.open())
    blob = next(key for key in keys(place.store(), "blobs/") if key[6:] != living_blob(place))
    faulty = on(behind(refusing(lambda key: key.endswith(blob))))
    with pytest.raises(FlashFloodException, match=blob):
        faulty.collect_garbage(AT_ONCE)
    assert len([key for key in keys(place.store(), "journals/") if key.endswith(".dead")]) == 1
    assert len(list(keys(place.store(), "blobs/"))) == 2
    assert is_sound(place.open(), data)


def living_blob(place: Place) -> str:
    (journal_id,) = place.open().list_journals()
    return journal_id.blob_id


class Undeleting(Watched):
    """Tells whether a tombstone went before what it stands for was known to be gone."""

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "delete":
            asked = key.split(", ")
            assert not {f"{name}.dead" for name in asked}.intersection(asked)
            there = set(keys(self.store))
            for tombstone in (name for name in asked if name.endswith(".dead")):
                assert tombstone.removesuffix(".dead") not in there
        return answer


def test_a_tombstone_goes_in_a_request_of_its_own_after_all_that_it_stands_for(place: Place) -> None:
    data = with_garbage(place.open())
    assert on(Undeleting(place.store())).collect_garbage(AT_ONCE) > 0
    assert is_sound(place.open(), data)


@ON_FOLDER
def test_several_that_collect_at_one_time_each_stopped_anywhere_bring_nothing_back(place: Place) -> None:
    data = with_garbage(place.open())
    for last in count(1):
        mortal = Mortal(place.store(), last, answer_lost=bool(last % 2))
        with suppress(Death):
            on(mortal).collect_garbage(AT_ONCE)
        assert contents(place.open().replay()) == data
        if not mortal.died:
            break
    assert last > 5
    assert is_sound(place.open(), data)


# Claims of fenced batches


def refuse_a_batch(place: Place, *ids: str) -> None:
    """Let put_many claim these ids and be refused, since `taken` is."""
    put_new(place.open(), "taken")
    with pytest.raises(FlashFloodEventExistsError):
        place.open().put_many([*((b"data", event_id, at(1)) for event_id in ids), (b"", "taken", at(2))])


def entries(store: Store, event_id: str) -> list[str]:
    return list(keys(store, f"index/{event_id}--"))


def test_the_claims_of_a_refused_batch_are_collected_and_their_revisions_are_never_used_again(place: Place) -> None:
    refuse_a_batch(place, "a", "b")
    ff = place.open()
    ff.put(b"later", "b", at(3))
    assert [len(entries(place.store(), event_id)) for event_id in ("a", "b", "taken")] == [1, 2, 1]
    assert ff.collect_garbage(AT_ONCE) == 1
    assert [len(entries(place.store(), event_id)) for event_id in ("a", "b", "taken")] == [0, 1, 1]
    ff.put(b"later", "a", at(3))
    assert entries(place.store(), "a") == ["index/a--0000000002"]
    assert contents(ff.replay()) == {"a": b"later", "b": b"later", "taken": b"data of taken"}
    assert ff.check() == []
    assert list(keys(place.store(), "drafts/")) == []


def test_a_put_and_a_batch_leave_no_claims_behind_that_came_to_nothing(place: Place) -> None:
    ff = place.open()
    put_new(ff, "taken", "deleted", "deleted too")
    ff.delete_event("deleted")
    ff.delete_event("deleted too")
    ff.put(b"again", "deleted", at(1))
    ff.put_many([(b"", event_id, at(1)) for event_id in ("deleted too", "new", "taken")], on_conflict="skip")
    assert [len(entries(place.store(), event_id)) for event_id in ("deleted", "deleted too", "new", "taken")] == [1] * 4
    ff.update(None)
    assert set(contents(ff.replay())) == {"deleted", "deleted too", "new", "taken"}
    assert ff.check() == []


class DiesAtItsSecondClaim(Watched):
    """A client that claims one id, and dies before it claims another, whichever of them come first."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._has_claimed = False
        self._lock = Lock()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method != "create" or not key.startswith("index/"):
            return send()
        with self._lock:
            if self._has_claimed:
                raise Death(key)
            self._has_claimed = True
            return send()


@ON_FOLDER
def test_the_claims_of_a_batch_whose_writer_died_are_collected(place: Place) -> None:
    """Its draft is settled first, as a fence where a claim is missing; once the fence has been dead, all goes."""
    store = place.store()
    with pytest.raises(Death):
        on(DiesAtItsSecondClaim(store)).put_many([(b"data", event_id, at(1)) for event_id in "abc"])
    assert len(list(keys(store, "index/"))) == 1
    for _ in range(2):
        place.open().collect_garbage(AT_ONCE)
    assert [list(keys(store, folder)) for folder in ("index/", "drafts/", "blobs/", "journals/")] == [[]] * 4
    assert place.open().put_many([(b"data", event_id, at(1)) for event_id in "abc"]).stored == 3
    assert set(contents(place.open().replay())) == set("abc")


@ON_FOLDER
def test_the_claims_of_a_batch_that_was_stored_lead_to_its_events_still(place: Place) -> None:
    ff = place.open()
    ff.put_many([(b"data", event_id, at(1)) for event_id in "abc"])
    ff.collect_garbage(AT_ONCE)
    assert {event_id: len(entries(place.store(), event_id)) for event_id in "abc"} == dict.fromkeys("abc", 1)
    assert is_sound(ff, dict.fromkeys("abc", b"data"))


# Strangers


@ON_FOLDER
@pytest.mark.parametrize("name", ["strange", SOMEWHERE + "99999999-2222-3333-4444-555555555555"])
def test_a_strange_draft_is_left_alone_by_collect_garbage_with_a_warning(
    place: Place, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ff, journal_id = one_journal(place)
    place.store().put(f"drafts/{name}", b"anything")
    assert ff.collect_garbage(AT_ONCE) == 3
    assert f"drafts/{name}" in keys(place.store(), "drafts/")
    assert [name in record.getMessage() for record in caplog.records] == [True]
    assert list(ff.list_journals()) == [journal_id]
