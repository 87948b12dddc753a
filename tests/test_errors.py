"""Botocore's own errors come out of every call as they are: no bucket, no access, no server."""

from collections.abc import Callable
from contextlib import closing
from socket import socket

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from conftest import Place
from support.samples import at

from flashflood import FlashFlood

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
