"""A GET without botocore's way to it, which takes a millisecond of CPU where the request itself takes a third of that.

It asks what botocore asked: a request of botocore's is kept as a pattern, and the next one differs from it in key,
range, time and signature. Client, connections, proxies and credentials are botocore's. It is taken only where

- nobody listens to or has replaced what botocore does on the way;
- the pattern, signed anew, has the signature that botocore gave it.

What does not come out as an object, or as none, is asked for anew through botocore, with its retries and its errors.
"""

import hashlib
import hmac
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import botocore
from botocore.awsrequest import AWSPreparedRequest
from botocore.endpoint import convert_to_response_dict
from botocore.exceptions import BotoCoreError
from botocore.httpchecksum import handle_checksum_body
from botocore.utils import percent_encode
from urllib3.exceptions import HTTPError

from flashflood import telemetry
from flashflood.store.shortcuts import Head, Sent

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

_EVENTS = tuple(
    f"{event}.s3.GetObject"
    for event in (
        *("provide-client-params", "before-parameter-build", "before-endpoint-resolution", "before-call"),
        *("request-created", "choose-signer", "before-sign", "before-send", "response-received", "before-parse"),
        *("needs-retry", "after-call", "after-call-error"),
    )
)
"""All that botocore lets others listen to on the way of a GET."""
_OURS = ("botocore.", "flashflood.")
_PACE = "botocore.retries.adaptive"
"""Holds requests back before they are sent."""
_SIGNED = frozenset(
    {"host", "range", "x-amz-checksum-mode", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
)
_UNSIGNED = frozenset({"amz-sdk-invocation-id", "amz-sdk-request", "authorization", "user-agent"})
_NEW = frozenset({"amz-sdk-invocation-id", "authorization", "range", "x-amz-date", "x-amz-security-token"})
"""Headers that each request has of its own."""
_FIELDS = {"Content-Range": "ContentRange", "Content-Encoding": "ContentEncoding"}
"""What `Head` leaves of the headers."""
_FIRST_ATTEMPT = re.compile(r"attempt=1(; max=\d+)?", re.ASCII)
_METHOD = "AWS4-HMAC-SHA256"
_NO_SUCH_KEY = b"<Code>NoSuchKey</Code>"
_BOTOCORE = str(Path(botocore.__file__).parent)
_log = logging.getLogger("botocore.endpoint")


class Answer(NamedTuple):
    """An answer that is an object, or none."""

    status: int
    head: Head
    """Has date and metadata of an object."""
    fields: Mapping[str, Any]
    """What botocore would have parsed, as far as it says which bytes the body is."""
    body: bytes


class _Pattern(NamedTuple):
    """What requests to one bucket have in common."""

    base: str
    """The URL before the key."""
    path: str
    """The same without scheme and host, as it is signed."""
    host: str
    region: str
    service: str
    headers: dict[str, str]
    model: Any
    context: Mapping[str, Any]
    way: tuple[object, ...]
    handlers: object
    """Which handlers there were: botocore makes another object where one comes or goes."""

    def signed(self, key: str, changing: dict[str, str], credentials: "ReadOnlyCredentials") -> dict[str, str]:
        """Give the headers for a GET of `key`, signed as AWS's Signature Version 4 says."""
        headers = self.headers | changing
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        signed = {lower: value for name, value in headers.items() if (lower := name.lower()) in _SIGNED}
        signed["host"] = self.host
        names = sorted(signed)
        canonical = [
            *("GET", self.path + _quoted(key), ""),
            *(f"{name}:{' '.join(signed[name].split())}" for name in names),
            *("", ";".join(names), signed["x-amz-content-sha256"]),
        ]
        scope = f"{signed['x-amz-date'][:8]}/{self.region}/{self.service}/aws4_request"
        digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        signing_key = _hmac(f"AWS4{credentials.secret_key}".encode(), *scope.split("/"))
        signature = _hmac(signing_key, f"{_METHOD}\n{signed['x-amz-date']}\n{scope}\n{digest}").hex()
        headers["Authorization"] = (
            f"{_METHOD} Credential={credentials.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature}"
        )
        return headers


class QuickGets:
    """GETs of one bucket through one client, once botocore has shown how."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._pattern: _Pattern | None = None

    def get(self, client: Any, key: str, asked: str | None) -> Answer | None:  # noqa: ANN401  botocore has no static types
        """Ask for an object, or its range `asked`. None: ask through botocore.

        The body is whole, and has the checksum that came with it.
        """
        pattern = self._pattern
        if pattern is None:
            return None
        if pattern.handlers is not _handlers(client) or pattern.way != _way(client) or _log.isEnabledFor(logging.DEBUG):
            self._pattern = None
            return None
        changing = {
            "amz-sdk-invocation-id": str(uuid.uuid4()),
            "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        }
        if asked is not None:
            changing["Range"] = asked
        if telemetry.IS_ON:
            telemetry.note_attempt()
        try:
            credentials = client._request_signer._credentials.get_frozen_credentials()  # noqa: SLF001
            headers: Any = pattern.signed(key, changing, credentials)
            request = AWSPreparedRequest("GET", pattern.base + _quoted(key), headers, None, stream_output=True)
            answer = _whole(client._endpoint.http_session.send(request), pattern)  # noqa: SLF001
        except (BotoCoreError, HTTPError, ValueError):
            answer = None
        if answer is None:
            self._pattern = None
        elif telemetry.IS_ON:
            telemetry.note_request()
        return answer

    def learn(self, client: Any, key: str, head: Head) -> None:  # noqa: ANN401  the same
        """Take a request of botocore's, which gave an object, for the pattern of further ones, if it will do."""
        if self._pattern is None and head.request is not None and head.is_taken:
            try:
                self._pattern = _pattern(client, key, head.request)
            except (AttributeError, KeyError, ValueError):  # another botocore
                return


def _whole(response: Any, pattern: _Pattern) -> Answer | None:  # noqa: ANN401  the same
    """Read an answer to its end, and check it as botocore does. None: it is neither an object nor none."""
    answer: dict[str, Any] = convert_to_response_dict(response, pattern.model)
    status, head = answer["status_code"], Head()
    if status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        handle_checksum_body(response, answer, pattern.context, pattern.model)
        body: bytes = answer["body"].read()
        head.take(answer)
        if not head.is_taken:
            return None
        fields = {_FIELDS[name]: value for name, value in answer["headers"].items()}
        fields["ResponseMetadata"] = {"HTTPStatusCode": status}
        return Answer(status, head, fields, body)
    is_none = status == HTTPStatus.NOT_FOUND and _NO_SUCH_KEY in answer["body"]
    if is_none or status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return Answer(status, head, {}, b"")
    return None


def _pattern(client: Any, key: str, sent: Sent) -> _Pattern | None:  # noqa: ANN401  the same
    """Make a pattern of a request. None: the next one may need something else, or it is signed otherwise."""
    url, quoted, way = sent.request.url, _quoted(key), _way(client)
    headers = {name: _text(value) for name, value in sent.request.headers.items()}
    if not (url.endswith(f"/{quoted}") and _is_ordinary(headers) and all(map(_is_botocores, way))):
        return None
    if not all(map(_may_listen, _listeners(client))):
        return None
    scope = headers["Authorization"].partition(",")[0].split("/")
    place = urlsplit(url)
    pattern = _Pattern(
        base=url.removesuffix(quoted),
        path=place.path.removesuffix(quoted),
        host=place.netloc,
        region=scope[-3],
        service=scope[-2],
        headers={name: value for name, value in headers.items() if name.lower() not in _NEW},
        model=client.meta.service_model.operation_model("GetObject"),
        context=sent.context,
        way=way,
        handlers=_handlers(client),
    )
    changing = {name: value for name, value in headers.items() if name.lower() in _NEW}
    credentials = client._request_signer._credentials.get_frozen_credentials()  # noqa: SLF001
    return pattern if pattern.signed(key, changing, credentials) == headers else None


def _is_ordinary(headers: Mapping[str, str]) -> bool:
    """Say whether a request has the headers of a first attempt, and none but those that are known here."""
    names = {name.lower(): value for name, value in headers.items()}
    return (
        names.keys() <= _SIGNED | _UNSIGNED
        and names.get("authorization", "").startswith(_METHOD)
        and _FIRST_ATTEMPT.fullmatch(names.get("amz-sdk-request", "")) is not None
    )


def _way(client: Any) -> tuple[object, ...]:  # noqa: ANN401  the same
    """Give the functions that a GET goes through in botocore: tools that watch requests replace some of them."""
    endpoint, signer = client._endpoint, client._request_signer  # noqa: SLF001
    methods: tuple[Any, ...] = (
        *(client.get_object, client._make_api_call, client._make_request, client._convert_to_request_dict),  # noqa: SLF001
        *(endpoint.make_request, endpoint._send_request, endpoint.create_request, endpoint.prepare_request),  # noqa: SLF001
        *(endpoint._get_response, endpoint._do_get_response, endpoint._send, endpoint.http_session.send),  # noqa: SLF001
        *(signer.sign, signer.handler),
    )
    return tuple(getattr(method, "__func__", method) for method in methods)


def _is_botocores(function: object) -> bool:
    return type(function) is FunctionType and function.__code__.co_filename.startswith(_BOTOCORE)


def _listeners(client: Any) -> list[Callable[..., Any]]:  # noqa: ANN401  the same
    handlers = client.meta.events._emitter._handlers  # noqa: SLF001
    return [handler for event in _EVENTS for handler in handlers.prefix_search(event)]


def _handlers(client: Any) -> object:  # noqa: ANN401  the same
    """Give what botocore makes anew where a handler comes or goes: its cache of who listens to what."""
    return client.meta.events._emitter._lookup_cache  # noqa: SLF001


def _may_listen(handler: Any) -> bool:  # noqa: ANN401  the same
    """Say whether a handler is botocore's or ours, and not one that holds requests back."""
    function = getattr(handler, "func", handler)
    module = getattr(function, "__module__", "") or ""
    return module.startswith(_OURS) and not module.startswith(_PACE)


def _quoted(key: str) -> str:
    """Write a key as botocore does in a URL."""
    quoted: str = percent_encode(key, safe="/~")
    return quoted


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _hmac(key: bytes, *texts: str) -> bytes:
    for text in texts:
        key = hmac.digest(key, text.encode(), "sha256")
    return key
