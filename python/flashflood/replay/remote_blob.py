"""A blob behind a URL: byte ranges over HTTP(S), without boto3 or credentials. Only reads.

A fault that may pass is tried again, as boto3 does (500, 502, 503, 504, 429, a connection that fails or falls silent);
a body that breaks off is resumed at the byte reached. No redirect is followed, and no more is read than was asked for.
"""

import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, LocationValueError, ProtocolError

from flashflood.exceptions import FlashFloodException

ATTEMPTS = 5
"""How often bytes are asked for without one of them coming."""
FIRST_WAIT = 0.25
LONGEST_WAIT = 20.0
"""Seconds before another attempt: at most the first, twice as many each time, or what the server's Retry-After says,
but never more than the longest."""
TIMEOUT = 60.0
"""Seconds for a connection to be made, and for its next bytes to come."""
PIECE = 65_536
"""Bytes read at a time: what a connection that is reset may cost again."""
LONGEST_ERROR = 4_096
"""Bytes that are read of an error's body."""

_PASSING = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_PASSING_CODES = frozenset(
    {
        *("BandwidthLimitExceeded", "PriorRequestNotComplete", "RequestLimitExceeded", "RequestThrottled"),
        *("RequestTimeout", "RequestTimeoutException", "SlowDown", "Throttling", "ThrottlingException"),
    }
)
_EXPIRED_CODES = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "RequestExpired"),
        "TokenRefreshRequired",
    }
)
_EXPIRED = "the URL has expired, after its hour or with the credentials that signed it: list the streams again"
_REFUSALS: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "access is denied; the URL may have expired: list the streams again",
    HTTPStatus.FORBIDDEN: "access is denied; the URL may have expired: list the streams again",
    HTTPStatus.NOT_FOUND: "the journal is gone; list the streams again",
}
_REDIRECTIONS = range(300, 400)
_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,64})\s*</Code>")
_CONTENT_RANGE = re.compile(r"bytes (?:(?P<first>\d{1,18})-(?P<last>\d{1,18})|\*)/(?P<size>\d{1,18}|\*)", re.ASCII)


class _PassingError(Exception):
    """An answer that may be a better one soon, after `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class RemoteBlob:
    """The bytes at a URL, of which `size` are announced. Errors name `what` and the URL, without its signature."""

    def __init__(self, url: str, size: int, what: str) -> None:
        """Make no request yet. `FlashFloodException` if the URL is not one of the web."""
        self._url = url
        self._size = size
        self._what = what
        if urlsplit(url).scheme not in ("http", "https"):
            msg = "is not read; use http, https or (with allow_file_urls) file"
            raise self._error(msg)
        self._pool = urllib3.PoolManager(timeout=TIMEOUT)
        self._end = sys.maxsize
        self._more: _Body | None = None

    def read(self, start: int, stop: int) -> bytes:
        """Give the bytes from `start` to `stop`; fewer, where the blob ends before.

        `FlashFloodException` if the server does not give them.
        """
        pieces: list[bytes] = []
        reached, failures = start, 0
        while reached < min(stop, self._end):
            try:
                for piece in self._pieces(reached, stop):
                    pieces.append(piece)
                    reached += len(piece)
                    failures = 0
            except LocationValueError as error:
                msg = "is no URL that can be read"
                raise self._error(msg) from error
            except (HTTPError, _PassingError) as error:
                failures += 1
                if failures == ATTEMPTS:
                    msg = f"cannot be read, in {ATTEMPTS} attempts: {error}"
                    raise self._error(msg) from error
                time.sleep(_wait(failures, error))
        return b"".join(pieces)

    def close(self) -> None:
        """End what is under way."""
        if self._more is not None:
            self._more.close()
        self._pool.clear()

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` on that one answer has.

        A server that knows no ranges sends more. That answer is kept open: mostly, the next bytes follow in it.
        """
        body, self._more = self._more, None
        if body is None or not body.covers(start):
            if body is not None:
                body.close()
            body = self._ask(start, stop)
        yield from body.pieces(start, stop)
        if body.covers(stop):
            self._more = body
        else:
            body.close()

    def _ask(self, start: int, stop: int) -> "_Body":
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        parts = urlsplit(self._url)
        # Past the pool manager, which would take `..` out of the path; in a key it is a text like any other.
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        response = self._pool.connection_from_url(self._url).request(
            "GET", target, headers=headers, redirect=False, retries=False, preload_content=False
        )
        try:
            return self._body(response, start)
        except BaseException:
            response.close()
            raise

    def _body(self, response: "urllib3.BaseHTTPResponse", start: int) -> "_Body":
        """Take the bytes that an answer says it has: of a range with `start` in it, or of all; none past the end."""
        sent = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if sent and sent["size"] != "*":
            self._end = int(sent["size"])
        match response.status:
            case HTTPStatus.PARTIAL_CONTENT:
                if sent and sent["first"] and int(sent["first"]) <= start <= int(sent["last"]):
                    return _Body(response, int(sent["first"]), int(sent["last"]) + 1)
                msg = "answers 206 with another byte range than it was asked for"
                raise self._error(msg)
            case HTTPStatus.OK:
                return self._whole(response)
            case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._end = start
                return _Body(response, start, start)
        raise self._refusal(response)

    def _whole(self, response: "urllib3.BaseHTTPResponse") -> "_Body":
        length = response.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) < self._size:
            sent = f"{length} bytes" if length else "a body of unknown length"
            msg = f"answers 200 with {sent}: neither the byte range asked for, nor all {self._size} bytes of the blob"
            raise self._error(msg)
        return _Body(response, 0, int(length))

    def _refusal(self, response: "urllib3.BaseHTTPResponse") -> Exception:
        """Give the error that an answer is: one that may pass, or one that says what to do."""
        status = response.status
        body = response.read(LONGEST_ERROR, decode_content=False)
        found = _CODE.search(body)
        code = found[1].decode() if found else ""
        answered = f"answers {status} {code}".rstrip()
        if status in _PASSING or code in _PASSING_CODES:
            return _PassingError(f"it {answered}", _retry_after(response))
        if code in _EXPIRED_CODES or (status == HTTPStatus.FORBIDDEN and b"has expired" in body):
            return self._error(f"{answered}: {_EXPIRED}")
        otherwise = "redirects are not followed" if status in _REDIRECTIONS else "no bytes came"
        return self._error(f"{answered}: {_REFUSALS.get(status, otherwise)}")

    def _error(self, message: str) -> FlashFloodException:
        return FlashFloodException(f"{self._what}: {self._url.partition('?')[0]} {message}")


class _Body:
    """An answer's bytes: `_at` is the next one's offset in the blob, `_end` the offset after the last one."""

    def __init__(self, response: "urllib3.BaseHTTPResponse", start: int, end: int) -> None:
        self._response = response
        self._at = start
        self._end = end

    def covers(self, offset: int) -> bool:
        """Say whether the byte at an offset is still to come."""
        return self._at <= offset < self._end

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop` or the end; skip those before. urllib3's errors where it breaks."""
        try:
            while self._at < start:
                self._read(start)
            while self._at < min(stop, self._end):
                yield self._read(min(stop, self._end))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Read no more; the connection is kept where all has been read."""
        self._response.close()

    def _read(self, stop: int) -> bytes:
        piece = self._response.read(min(PIECE, stop - self._at), decode_content=False)
        if not piece:
            msg = f"the body breaks off at byte {self._at}"
            raise ProtocolError(msg)
        self._at += len(piece)
        return piece


def _retry_after(response: "urllib3.BaseHTTPResponse") -> float:
    """Give the seconds that a server asks to be left alone for; 0 if it does not say."""
    with suppress(InvalidHeader):
        return urllib3.Retry().get_retry_after(response) or 0.0
    return 0.0


def _wait(failures: int, error: Exception) -> float:
    """Give the seconds to wait after so many failures, of which this is the last."""
    asked = error.wait if isinstance(error, _PassingError) else 0.0
    backoff = random.uniform(0, FIRST_WAIT * 2 ** (failures - 1))  # noqa: S311  no secret
    return min(LONGEST_WAIT, max(asked, backoff))
