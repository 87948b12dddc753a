"""Event streams over a bad network, from a busy server, and with a URL that has expired.

What passes is tried again, what has come is not asked for again, and good data are never taken for broken ones.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import count

import pytest
from conftest import Place
from support.samples import put_journaled
from support.servers.web import BLOB, asked, send, send_range, serving, stream_of

from flashflood import FlashFloodCorruptionError, FlashFloodException, replay_event_stream
from flashflood.replay import remote_blob, streams
from flashflood.store import s3

Answer = Callable[[BaseHTTPRequestHandler], None]
ROWS = [(0, 2), (2, 3), (5, 5)]
DATA = [b"01", b"234", b"56789"]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the waits that this thread asks for, and wait for none of them; others, such as Ray's threads, sleep on."""
    asked_for: list[float] = []
    here, sleep = threading.get_ident(), time.sleep
    monkeypatch.setattr(
        time, "sleep", lambda wait: asked_for.append(wait) if threading.get_ident() == here else sleep(wait)
    )
    return asked_for


def first(answer: Answer, *, then: Answer = send_range) -> Answer:
    """Answer one request in one way, and all others in another."""
    number = count()

    def either(handler: BaseHTTPRequestHandler) -> None:
        chosen = then if next(number) else answer
        chosen(handler)

    return either


def refuse(status: int, code: str = "", message: str = "", **headers: str) -> Answer:
    """Answer with an error as S3 does."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode() if code else b""
    return lambda handler: send(handler, status, body, **headers)


def replayed(url: str) -> list[bytes]:
    return [event.data for event in replay_event_stream(stream_of(url, ROWS))]


def failure(url: str) -> FlashFloodException:
    """Give the error of a replay: it names the journal, and hides the signature."""
    stream = stream_of(url, ROWS)
    with pytest.raises(FlashFloodException, match=stream["journal_id"]) as caught:
        list(replay_event_stream(stream))
    assert "secret" not in str(caught.value)
    return caught.value


# What passes


def reset(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def say_nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\n\nwhat?\n")


PASSING: dict[str, Answer] = {
    **{f"{status}": refuse(status) for status in (429, 500, 502, 503, 504)},
    "slow down": refuse(503, "SlowDown", "Please reduce your request rate."),
    "a request that came in too slowly": refuse(400, "RequestTimeout"),
    "reset": reset,
    "hung up": hang_up,
    "no HTTP": say_nonsense,
}


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_tried_again(kind: str, waits: list[float]) -> None:
    with serving(first(PASSING[kind])) as server:
        assert replayed(server.url) == DATA
        assert server.ranges == ["bytes=0-9", "bytes=0-9"]
    assert len(waits) == 1


@pytest.mark.parametrize("kind", PASSING)
def test_what_does_not_pass_is_an_error_after_some_attempts_and_no_broken_journal(
    kind: str, waits: list[float]
) -> None:
    with serving(PASSING[kind]) as server:
        error = failure(server.url)
        assert len(server.ranges) == remote_blob.ATTEMPTS
    assert len(waits) == remote_blob.ATTEMPTS - 1
    assert not isinstance(error, FlashFloodCorruptionError)
    if kind.isdecimal():
        assert kind in str(error)


def test_a_server_that_falls_silent_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_blob, "TIMEOUT", 0.5)
    end = threading.Event()

    def say_nothing(_: BaseHTTPRequestHandler) -> None:
        end.wait(60)

    with serving(first(say_nothing)) as server:
        try:
            assert replayed(server.url) == DATA
        finally:
            end.set()


def test_waits_grow_and_are_random(waits: list[float]) -> None:
    with serving(refuse(503)) as server:
        failure(server.url)
    assert all(0 < wait <= remote_blob.FIRST_WAIT * 2**number for number, wait in enumerate(waits))
    assert len(set(waits)) == len(waits)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("soon", 0.0),
        ("99999999", remote_blob.LONGEST_WAIT),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
    ],
)
def test_a_server_that_says_when_to_come_again_is_obeyed_within_reason(
    said: str, wait: float, waits: list[float]
) -> None:
    with serving(first(refuse(503, "SlowDown", Retry_After=said))) as server:
        assert replayed(server.url) == DATA
    (waited,) = waits
    assert wait <= waited <= max(wait, remote_blob.FIRST_WAIT)


# Bodies that break off


def break_off(after: int) -> Answer:
    """Answer well, but hang up after so many bytes of the body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        start, last = asked(handler)
        body = BLOB[start : last + 1]
        send(handler, 206, body[:after], Content_Length=str(len(body)), Content_Range=f"bytes {start}-{last}/10")
        handler.close_connection = True

    return answer


@pytest.mark.parametrize("after", range(10))
def test_a_body_that_breaks_off_is_resumed_at_the_byte_reached(after: int) -> None:
    with serving(first(break_off(after))) as server:
        assert replayed(server.url) == DATA
        assert server.ranges == ["bytes=0-9", f"bytes={after}-9"]


def test_as_long_as_bytes_come_it_goes_on() -> None:
    with serving(break_off(1)) as server:
        assert replayed(server.url) == DATA
        assert server.ranges == [f"bytes={start}-9" for start in range(10)]


def test_a_server_that_sends_less_than_it_was_asked_for_is_asked_for_the_rest() -> None:
    def send_two(handler: BaseHTTPRequestHandler) -> None:
        start, _ = asked(handler)
        send(handler, 206, BLOB[start : start + 2], Content_Range=f"bytes {start}-{start + 1}/10")

    with serving(send_two) as server:
        assert replayed(server.url) == DATA
        assert server.ranges == [f"bytes={start}-9" for start in range(0, 10, 2)]


def test_a_body_of_which_nothing_comes_is_an_error_and_no_broken_journal() -> None:
    with serving(break_off(0)) as server:
        error = failure(server.url)
    assert not isinstance(error, FlashFloodCorruptionError)


# What is broken


def test_a_blob_that_is_too_short_is_a_broken_journal() -> None:
    def send_four(handler: BaseHTTPRequestHandler) -> None:
        send(handler, 206, BLOB[:4], Content_Range="bytes 0-3/4")

    for answer in (send_four, refuse(416, "InvalidRange"), refuse(416, Content_Range="bytes */0")):
        with serving(answer) as server:
            assert isinstance(failure(server.url), FlashFloodCorruptionError)
            assert len(server.ranges) == 1


# Servers that know no ranges


def test_of_a_server_that_always_sends_the_whole_blob_it_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BYTES_AT_A_TIME", 3)
    for answer in (
        lambda handler: send(handler, 200, BLOB),
        lambda handler: send(handler, 206, BLOB, Content_Range="bytes 0-9/10"),
    ):
        with serving(answer) as server:
            assert replayed(server.url) == DATA
            assert len(server.ranges) == 1


def test_of_a_whole_blob_no_more_is_read_than_is_needed() -> None:
    hung_up = threading.Event()

    def send_a_gigabyte(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        try:
            for _ in range(1 << 14):
                handler.wfile.write(b"01" * 32_768)
        except OSError:
            hung_up.set()

    with serving(send_a_gigabyte) as server:
        stream = stream_of(server.url, [(1_000_001, 2)], size=2_000_000)
        assert [event.data for event in replay_event_stream(stream)] == [b"10"]
        assert hung_up.wait(timeout=60)


def test_a_200_with_anything_but_the_whole_blob_is_an_error_that_says_what_came() -> None:
    with serving(lambda handler: send(handler, 200, BLOB[2:5])) as server:
        assert "200 with 3 bytes: neither the byte range" in str(failure(server.url))


def test_a_200_of_unknown_length_is_an_error_that_says_so() -> None:
    def send_chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"a\r\n" + BLOB + b"\r\n0\r\n\r\n")

    with serving(send_chunked) as server:
        assert "200 with a body of unknown length" in str(failure(server.url))


# URLs that have expired


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "ExpiredToken", "The provided token has expired."),
        (400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
        (400, "TokenRefreshRequired", "The provided token must be refreshed."),
        (403, "AccessDenied", "Request has expired"),
        (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    ],
)
def test_of_a_url_that_has_expired_the_error_says_to_list_the_streams_again(
    status: int, code: str, message: str
) -> None:
    with serving(refuse(status, code, message)) as server:
        error = str(failure(server.url))
        assert len(server.ranges) == 1
    assert f"{status} {code}: the URL has expired" in error
    assert "list the streams again" in error


@pytest.mark.parametrize("place", ["rgw"], indirect=True)
def test_a_real_server_answers_so_to_a_url_that_has_expired(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "URL_LIFETIME", 1)
    ff = place.open()
    put_journaled(ff, "a", "b")
    (stream,) = ff.list_event_streams()
    threading.Event().wait(3)
    with pytest.raises(FlashFloodException, match="list the streams again"):
        list(replay_event_stream(stream))
