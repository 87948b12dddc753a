"""Errors say what they are about, in attributes too; and botocore's own come out of every call as they are."""

import pickle
from collections.abc import Callable
from contextlib import closing
from socket import socket

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from conftest import Place
from support.damage import one_journal
from support.samples import at, put_new

from flashflood import FlashFlood, FlashFloodException, JournalID, UndeletedError

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def every_subclass(of: type[FlashFloodException]) -> list[type[FlashFloodException]]:
    """Give the package's errors, those that stay within it too."""
    return [found for direct in of.__subclasses__() for found in (direct, *every_subclass(direct))]


CALLS: dict[str, Callable[[FlashFlood], object]] = {
    "put": lambda ff: ff.put(b"data", "id", at(0)),
    "put_many": lambda ff: ff.put_many([(b"data", "id", at(0))]),
    "get_event": lambda ff: ff.get_event("id"),
    "get_events": lambda ff: list(ff.get_events(["id"])),
    "event_exists": lambda ff: ff.event_exists("id"),
    "update_event": lambda ff: ff.update_event("id", b"new"),
    "delete_event": lambda ff: ff.delete_event("id"),
    "update": lambda ff: ff.update(),
    "journal": lambda ff: ff.journal(minimum_number_of_events=1),
    "replay": lambda ff: list(ff.replay()),
    "list_journals": lambda ff: list(ff.list_journals()),
    "list_event_streams": lambda ff: list(ff.list_event_streams()),
    "check": lambda ff: ff.check(),
    "repair": lambda ff: ff.repair(),
    "collect_garbage": lambda ff: ff.collect_garbage(),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS)


@EVERY_CALL
@pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
def test_a_missing_bucket_passes_through_every_call(place: Place, call: str) -> None:
    with pytest.raises(ClientError) as caught:
        CALLS[call](FlashFlood(place.client(), "no-such-bucket", place.prefix))
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"


@EVERY_CALL
@pytest.mark.parametrize("place", ["rgw"], indirect=True)  # moto lets everybody in
def test_a_refused_access_passes_through_every_call(place: Place, call: str) -> None:
    place.env["AWS_SECRET_ACCESS_KEY"] = "wrong"  # noqa: S105 - on purpose
    with pytest.raises(ClientError) as caught:
        CALLS[call](place.open())
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@EVERY_CALL
@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_server_that_is_not_there_passes_through_every_call(place: Place, call: str) -> None:
    with closing(socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        place.env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(EndpointConnectionError):
            CALLS[call](place.open())


# What an error is about


def about(error: FlashFloodException) -> tuple[str | None, str | None, str | None]:
    return error.event_id, error.journal_id, error.key


def refused(call: Callable[[], object]) -> FlashFloodException:
    with pytest.raises(FlashFloodException) as caught:
        call()
    return caught.value


@ON_FOLDER
def test_an_error_about_an_event_names_it(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a")
    for call in (
        lambda: ff.get_event("b"),
        lambda: list(ff.get_events(["a", "b"])),
        lambda: ff.update_event("b", b""),
        lambda: ff.delete_event("b"),
        lambda: ff.put(b"", "b--b"),
    ):
        assert about(refused(call))[0] in ("b", "b--b")
    assert about(refused(lambda: ff.put(b"", "a"))) == ("a", None, None)
    assert about(refused(lambda: ff.put_many([(b"", "a", None)]))) == ("a", None, None)


@ON_FOLDER
def test_an_error_about_a_journal_names_it(place: Place) -> None:
    ff, journal_id = one_journal(place)
    for other in (journal_id[:-1] + "x", "no journal"):
        assert about(refused(lambda other=other: ff.open_journal(other)))[1] == other  # type: ignore[misc]
    error = refused(lambda: ff.open_journal(journal_id).get_event("d"))
    assert about(error) == ("d", journal_id, None)


@ON_FOLDER
def test_an_error_about_a_blob_names_its_journal_and_its_key(place: Place) -> None:
    ff, journal_id = one_journal(place)
    key = f"blobs/{JournalID(journal_id).blob_id}"
    whole = place.store().get(key)
    assert whole is not None
    place.store().put(key, whole.body[:-1])
    assert about(refused(lambda: ff.get_event("c"))) == ("c", journal_id, key)
    assert about(refused(ff.open_journal(journal_id).body.read)) == (None, journal_id, key)
    assert about(refused(lambda: list(ff.replay())))[1] == journal_id
    place.store().delete([key])
    assert about(refused(lambda: ff.get_event("c"))) == ("c", journal_id, key)
    assert about(refused(lambda: list(ff.replay()))) == (None, journal_id, key)


@ON_FOLDER
def test_an_error_about_a_manifest_or_an_index_entry_names_its_key(place: Place) -> None:
    ff, journal_id = one_journal(place)
    place.store().put("index/c--0000000009", b"", metadata={"target": "no journal"})
    assert about(refused(lambda: ff.get_event("c")))[2] == "index/c--0000000009"
    place.store().put("index/c--0000000009", b"")
    assert about(refused(lambda: ff.get_event("c"))) == ("c", None, "index/c--0000000009")
    place.store().put(f"journals/{journal_id}", b"{}")
    for call in (lambda: list(ff.replay()), lambda: ff.open_journal(journal_id)):
        assert about(refused(call)) == (None, journal_id, f"journals/{journal_id}")


@pytest.mark.parametrize("error", [FlashFloodException, *every_subclass(FlashFloodException)])
def test_an_error_is_whole_after_pickling(error: type[FlashFloodException]) -> None:
    """As it comes from a process of a pool."""
    made = error("what was wrong")
    made.event_id, made.journal_id, made.key = "a", "b", "c"
    back = pickle.loads(pickle.dumps(made))  # noqa: S301  of our own making
    assert (type(back), str(back), about(back)) == (error, "what was wrong", ("a", "b", "c"))


def test_what_the_server_did_not_delete_is_named_after_pickling() -> None:
    made = UndeletedError("2 objects stay", ["a", "b"])
    assert pickle.loads(pickle.dumps(made)).keys == {"a", "b"}  # noqa: S301  as above
