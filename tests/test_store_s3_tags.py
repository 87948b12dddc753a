"""A server that takes no tags keeps a store as any other does: only lifecycle rules ask for them."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from conftest import Place
from support.samples import put_new
from support.servers.faulty import Answer, Fault, Forward, Request, error

from flashflood.store.s3 import S3Store

ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)


def is_tagged(request: Request) -> bool:
    return "x-amz-tagging" in request.headers or request.path.endswith("?tagging")


def refuse_tags(request: Request, forward: Forward) -> Answer:
    """Answer as Cloudflare R2 does."""
    return error(501, "NotImplemented") if is_tagged(request) else forward(request)


def refuse_the_header(request: Request, forward: Forward) -> Answer:
    """Answer as Backblaze B2 does."""
    if "x-amz-tagging" in request.headers:
        message = "Unsupported header 'x-amz-tagging' received for this API call."
        body = f"<Error><Code>InvalidArgument</Code><Message>{message}</Message></Error>".encode()
        return Answer(400, {"content-type": "application/xml"}, body)
    return refuse_tags(request, forward)


@ON_MOTO
@pytest.mark.parametrize("fault", [refuse_tags, refuse_the_header])
def test_on_a_server_without_tags_all_upkeep_is_done_and_a_warning_says_so_once(
    place: Place, behind: Callable[[Fault], S3Store], caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    behind(fault)
    ff = place.open()
    put_new(ff, "e00", "e01", "e02")
    ff.journal(minimum_number_of_events=3)
    ff.update_event("e01", b"new")
    assert ff.update() == 1
    assert [event.data for event in ff.replay()][1] == b"new"
    assert ff.collect_garbage(timedelta(0)) > 0
    assert ff.check() == []
    assert [event.data for event in ff.replay()][1] == b"new"
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "takes no tags" in record.getMessage()


@ON_MOTO
def test_a_server_without_tags_is_asked_once_and_tells_whether_an_object_is_there(
    behind: Callable[[Fault], S3Store],
) -> None:
    asked: list[str] = []

    def fault(request: Request, forward: Forward) -> Answer:
        asked.extend([request.method] if is_tagged(request) else [])
        return refuse_tags(request, forward)

    store = behind(fault)
    store.put("journals/x", b"x", garbage=True)
    assert store.mark_garbage("journals/x")
    assert not store.mark_garbage("journals/y")
    assert asked == ["PUT"]


@ON_MOTO
def test_a_writer_who_may_not_tag_is_told_so(behind: Callable[[Fault], S3Store]) -> None:
    def fault(request: Request, forward: Forward) -> Answer:
        return error(403, "AccessDenied") if is_tagged(request) else forward(request)

    store = behind(fault)
    store.put("journals/x", b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        store.mark_garbage("journals/x")
    with pytest.raises(ClientError, match="AccessDenied"):
        store.put("journals/y", b"y", garbage=True)
