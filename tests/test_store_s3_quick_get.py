"""A GET that does not go through botocore sends what botocore sends, and gives what botocore gives.

Clients are real, all of them but their sockets: connections to a server are replaced by some that write down what is
sent, and answer as the test says. `through_botocore` has the same store where a handler of the caller's listens.
"""

import base64
import gzip
import io
import logging
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from typing import Any, NamedTuple
from unittest import mock

import boto3
import botocore.client
import botocore.session
import botocore.signers
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParser
from conftest import Place
from hypothesis import given
from hypothesis import strategies as st
from support.samples import contents, put_new
from urllib3 import HTTPResponse
from urllib3._collections import HTTPHeaderDict
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from flashflood.store.s3 import S3Store

KEYS: dict[str, Any] = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret/+key"}
MODIFIED = ("Last-Modified", "Tue, 24 Nov 2026 14:00:00 GMT")
OF_ONE_REQUEST = "amz-sdk-invocation-id"
NO_SUCH_KEY = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


class Answer(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...] = (MODIFIED,)
    body: bytes = b""


class Sent(NamedTuple):
    server: str
    method: str
    url: str
    headers: dict[str, str]


class Wire:
    """A store whose requests are written down, and answered with `answer`."""

    def __init__(self, client: Any, bucket: str = "bucket") -> None:  # noqa: ANN401  boto3 has no static types
        self.sent: list[Sent] = []
        self.answer = Answer(200)
        self.client = client
        self.store = S3Store(client, bucket, "root")
        manager = client._endpoint.http_session._manager  # noqa: SLF001  botocore has no public way to it
        manager.pool_classes_by_scheme = {
            "http": self._pool(HTTPConnectionPool),
            "https": self._pool(HTTPSConnectionPool),
        }

    def _pool(self, pool: type[Any]) -> type[Any]:
        wire = self

        class Recording(pool):  # type: ignore[misc]  # one of two classes
            def urlopen(self, method: str, url: str, *, headers: Any, **_: object) -> HTTPResponse:  # noqa: ANN401  as urllib3's
                texts = {name: value if isinstance(value, str) else value.decode() for name, value in headers.items()}
                wire.sent.append(Sent(f"{self.scheme}://{self.host}:{self.port}", method, url, texts))
                status, given, body = wire.answer
                heads = HTTPHeaderDict()
                for name, value in given:
                    heads.add(name, value)
                return HTTPResponse(io.BytesIO(body), heads, status, preload_content=False, decode_content=False)

        return Recording

    def learned(self) -> "Wire":
        """Let botocore show how, and forget it."""
        self.answer = Answer(200)
        assert self.store.get("journals/first") is not None
        self.sent.clear()
        return self


def client(options: dict[str, Any] | None = None, **config: Any) -> Any:  # noqa: ANN401  boto3 has no static types
    settings = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client("s3", **{"region_name": "eu-central-1", **KEYS, **(options or {})}, config=settings)


def through_botocore(options: dict[str, Any] | None = None, bucket: str = "bucket", **config: Any) -> Wire:  # noqa: ANN401  any option
    made = client(options, **config)
    made.meta.events.register("before-send.s3.GetObject", lambda **_: None)
    return Wire(made, bucket)


@pytest.fixture(name="parsed")
def count_parsed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Write down what botocore parses."""
    parsed: list[object] = []
    parse = ResponseParser.parse

    @wraps(parse)
    def counted(self: Any, response: Any, shape: Any) -> object:  # noqa: ANN401  botocore has no static types
        parsed.append(response)
        return parse(self, response, shape)

    monkeypatch.setattr(ResponseParser, "parse", counted)
    return parsed


# What is sent

CLIENTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "bucket"),
    ({}, {}, "bucket.with.dots"),
    ({"aws_session_token": "token=="}, {}, "bucket"),
    ({"region_name": "us-east-1"}, {"signature_version": "s3v4"}, "bucket"),
    ({}, {"s3": {"addressing_style": "path"}}, "bucket"),
    ({}, {"s3": {"use_accelerate_endpoint": True}}, "bucket"),
    ({}, {"s3": {"payload_signing_enabled": True}}, "bucket"),
    ({}, {"use_dualstack_endpoint": True, "user_agent_extra": "mine/1"}, "bucket"),
    ({}, {"response_checksum_validation": "when_required", "retries": {"mode": "standard"}}, "bucket"),
    ({"endpoint_url": "http://127.0.0.1:9000"}, {}, "bucket"),
    ({"endpoint_url": "https://storage.example:8443/some/path"}, {"s3": {"addressing_style": "path"}}, "bucket"),
    ({"endpoint_url": "http://[::1]:9000"}, {}, "bucket"),
    ({}, {}, "arn:aws:s3:eu-central-1:123456789012:accesspoint/mine"),
]
"""Options, configuration and bucket of clients whose requests are no others than Signature Version 4 makes."""


@cache
def both(number: int) -> tuple[Wire, Wire]:
    options, config, bucket = CLIENTS[number]
    made = {"retries": {"total_max_attempts": 1}, **config}
    quick, usual = (
        boto3.client("s3", **{"region_name": "eu-central-1", **KEYS, **options}, config=Config(**made)) for _ in "ab"
    )
    usual.meta.events.register("before-send.s3.GetObject", lambda **_: None)
    return Wire(quick, bucket).learned(), Wire(usual, bucket)


def asked(wire: Wire, key: str, start: int | None, stop: int | None) -> Sent:
    """Give what a store asks for an object's bytes, but for the number of the request."""
    length = 0 if stop is None else max(0, stop - (start or 0))
    wire.sent.clear()
    wire.answer = Answer(200, body=bytes((start or 0) + length))
    wire.store.get(key, start, stop)
    (sent,) = wire.sent
    assert sent.headers.pop(OF_ONE_REQUEST)
    return sent


@given(
    st.integers(0, len(CLIENTS) - 1),
    st.text(min_size=1, max_size=30).filter(lambda key: not any("\ud800" <= one <= "\udfff" for one in key)),
    st.sampled_from([(None, None), (0, None), (5, None), (0, 1), (3, 100), (None, 7)]),
)
def test_what_is_sent_is_what_botocore_sends(number: int, key: str, part: tuple[int | None, int | None]) -> None:
    quick, usual = both(number)
    while True:  # until both are asked within one second
        sent, expected = asked(quick, key, *part), asked(usual, key, *part)
        if sent.headers["X-Amz-Date"] == expected.headers["X-Amz-Date"]:
            break
    assert sent == expected


@pytest.mark.parametrize("number", range(len(CLIENTS)))
def test_an_ordinary_client_is_asked_without_botocores_way(number: int, parsed: list[object]) -> None:
    quick, usual = both(number)
    quick.learned()
    parsed.clear()
    quick.store.get("journals/x")
    assert (len(quick.sent), len(parsed)) == (1, 0)
    usual.store.get("journals/x")
    assert len(parsed) == 1


def test_credentials_that_change_sign_the_next_request(parsed: list[object]) -> None:
    taken = iter(range(100))
    moments = iter([timedelta(seconds=1), *[timedelta(days=1)] * 10])

    def refresh() -> dict[str, str]:
        number = next(taken)
        expiry = (datetime.now(UTC) + next(moments)).isoformat()
        return {"access_key": f"A{number}", "secret_key": f"s{number}", "token": f"t{number}", "expiry_time": expiry}

    inner: Any = botocore.session.get_session()
    inner._credentials = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")  # noqa: SLF001  as above
    wire = Wire(boto3.Session(botocore_session=inner, region_name="eu-central-1").client("s3")).learned()
    parsed.clear()
    wire.store.get("journals/x")
    (sent,) = wire.sent
    number = sent.headers["X-Amz-Security-Token"].removeprefix("t")
    assert number != "0"
    assert f"Credential=A{number}/" in sent.headers["Authorization"]
    assert not parsed


@pytest.mark.parametrize("place", ["rgw"], indirect=True)
def test_a_server_that_checks_signatures_takes_them(place: Place, parsed: list[object]) -> None:
    ff = place.open()
    data = put_new(ff, *(f"id {number}" for number in range(8)))
    ff.journal(minimum_number_of_events=8)
    parsed.clear()
    assert dict(contents(ff.replay())) == data
    assert ff.get_event("id 3").data == data["id 3"]
    names = [type(one).__name__ for one in parsed]
    assert len(names) < len(data)


# What comes out


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


BODIES = st.binary(max_size=40)
STATUSES = st.sampled_from([200, 200, 206, 206, 206, 204, 301, 304, 307, 400, 403, 404, 404, 412, 416, 429, 500, 503])
HEADERS = st.lists(
    st.one_of(
        st.just(MODIFIED),
        st.sampled_from(
            ["", "now", "2026-11-24", "Tue, 24 Nov 0026 14:00:00 GMT", "Tue, 31 Feb 2026 14:00:00 GMT"]
        ).map(lambda date: ("Last-Modified", date)),
        st.tuples(st.sampled_from(["x-amz-meta-a_b", "X-Amz-Meta-a-b", "x-amz-meta-"]), st.text("ab é", max_size=3)),
        st.tuples(st.just("Content-Encoding"), st.sampled_from(["", "identity", "gzip", "aws-chunked"])),
        st.tuples(st.just("Content-Range"), st.sampled_from(["bytes 0-9/10", "bytes 2-4/*", "bytes 2-4/5", "x"])),
        st.tuples(st.just("Content-Length"), st.integers(0, 41).map(str)),
        st.tuples(
            st.sampled_from([f"x-amz-checksum-{name}" for name in ("crc32", "sha256", "crc64nvme")]),
            st.one_of(BODIES.map(crc32), st.sampled_from(["", "x", "AAAAAA==-2"])),
        ),
    ),
    max_size=5,
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Draw what a server may say, often what it should; errors without checksums, which botocore cannot take there."""
    body = draw(st.one_of(BODIES, BODIES.map(gzip.compress), st.just(NO_SUCH_KEY), st.just(b"<Error><Code>NoSuchKey")))
    headers = [*draw(HEADERS)]
    if draw(st.booleans()):
        headers = [MODIFIED, ("Content-Length", str(len(body))), ("x-amz-checksum-crc32", crc32(body))]
    status = draw(STATUSES)
    if status >= 300:
        headers = [(name, value) for name, value in headers if not name.startswith("x-amz-checksum")]
    return Answer(status, tuple(headers), body)


def outcome(call: Callable[[], Any]) -> Any:  # noqa: ANN401  whatever it gives
    try:
        return call()
    except Exception as error:  # noqa: BLE001  compared with the other's
        return type(error), str(error)


@cache
def two() -> tuple[Wire, Wire]:
    return Wire(client()), through_botocore()


@given(answers(), st.sampled_from([(None, None), (0, 10), (2, 5), (2, None), (0, 0)]))
def test_what_comes_out_is_what_comes_through_botocore(answer: Answer, part: tuple[int | None, int | None]) -> None:
    quick, usual = two()
    quick.learned()
    found = []
    for wire in (quick, usual):
        wire.answer = answer
        found.append(outcome(lambda: wire.store.get("journals/x", *part)))  # noqa: B023  called at once
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("answer", "requests"),
    [(Answer(200, body=b"0123"), 1), (Answer(404, body=NO_SUCH_KEY), 1), (Answer(416), 2)],
    ids=["an object", "none", "a part behind its end"],
)
def test_no_request_is_made_more(answer: Answer, requests: int) -> None:
    for wire in (Wire(client()).learned(), through_botocore()):
        wire.answer = answer
        outcome(lambda: wire.store.get("journals/x", 2, 4))  # noqa: B023  called at once
        assert len(wire.sent) == requests


@pytest.mark.parametrize("status", [403, 503])
def test_what_goes_wrong_is_asked_for_once_more_through_botocore(status: int, parsed: list[object]) -> None:
    wire = Wire(client()).learned()
    parsed.clear()
    wire.answer = Answer(status, body=b"<Error><Code>SlowDown</Code></Error>")
    for count in (2, 3):  # from then on through botocore, until that has shown anew how
        with pytest.raises(ClientError, match="SlowDown"):
            wire.store.get("journals/x")
        assert len(wire.sent) == count
    wire.learned()
    parsed.clear()
    assert wire.store.get("journals/x") is not None
    assert not parsed


# Who is asked

EVENTS = [
    *("provide-client-params", "before-parameter-build", "before-endpoint-resolution", "before-call"),
    *("request-created", "choose-signer", "before-sign", "before-send", "before-parse", "response-received"),
    *("needs-retry", "after-call"),
]


@pytest.mark.parametrize(
    "event",
    [
        *(event for event in EVENTS if event != "choose-signer"),  # botocore's own answers before it is asked
        *(f"{event}.s3" for event in EVENTS),
        "before-send.s3.GetObject",
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
def test_a_handler_of_the_callers_is_told_of_every_get(event: str, *, is_late: bool) -> None:
    heard: list[str] = []
    wire = Wire(client())
    if is_late:
        wire.learned()

    def listen(event_name: str, **_: object) -> None:
        heard.append(event_name)

    wire.client.meta.events.register(event, listen)
    for count in range(1, 4):
        wire.store.get("journals/x")
        assert len(heard) >= count
    wire.client.meta.events.unregister(event, listen)


@pytest.fixture(params=["_make_api_call", "_make_request", "sign"])
def watched(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Replace a method of botocore's, as tools that trace requests do, and tests that answer them."""
    owner: Any = botocore.signers.RequestSigner if request.param == "sign" else botocore.client.BaseClient
    calls: list[str] = []
    method = getattr(owner, request.param)

    def watch(self: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401  what any method has
        calls.append(request.param)
        return method(self, *args, **options)

    with mock.patch.object(owner, request.param, watch):
        yield calls


def test_a_method_that_was_replaced_is_called_for_every_get(watched: list[str]) -> None:
    wire = Wire(client())
    for count in range(1, 4):
        wire.store.get("journals/x")
        assert len(watched) >= count


def test_so_is_one_that_is_replaced_later() -> None:
    wire = Wire(client()).learned()
    with mock.patch.object(botocore.client.BaseClient, "_make_api_call", return_value={}) as call:
        outcome(lambda: wire.store.get("journals/x"))
    call.assert_called_once()
    wire.client.get_object = mock.Mock(side_effect=OSError("mine"))
    with pytest.raises(OSError, match="mine"):
        wire.store.get("journals/x")


def test_botocores_own_log_tells_of_every_get(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire(client()).learned()
    with caplog.at_level(logging.DEBUG, "botocore"):
        wire.store.get("journals/x")
    assert any("Making request" in record.message for record in caplog.records)


@pytest.mark.parametrize(
    "config",
    [{"signature_version": UNSIGNED}, {"signature_version": "s3"}, {"retries": {"mode": "adaptive"}}],
    ids=["unsigned", "version 2", "adaptive"],
)
def test_what_signs_or_waits_otherwise_goes_through_botocore(config: dict[str, Any], parsed: list[object]) -> None:
    wire = Wire(boto3.client("s3", region_name="us-east-1", **KEYS, config=Config(**config))).learned()
    parsed.clear()
    wire.store.get("journals/x")
    assert len(parsed) == 1
