"""Shortcuts through botocore, which takes long over every header, every listed key, and every small body.

The client may be the caller's. Handlers on it change a call or take what is wanted out of its answer only where that
call is made inside one of these contexts, on the same thread: the caller's own calls are what they always were, and so
are those that botocore makes by itself in between. A call or an answer that is not exactly as expected is left to
botocore whole, so that what comes out is always what botocore would have given.
"""

import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeAlias

from flashflood import telemetry
from flashflood._core import parse_page
from flashflood.exceptions import FlashFloodException
from flashflood.store.protocol import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL_BODY = 1 << 20
"""Bytes up to which a body is sent with its head. The AWS SDK for Java 2 asks from there on too; Go's and Kotlin's ask
from 2 MiB on."""

_METADATA = "x-amz-meta-"
_KEPT = {"content-range": "Content-Range", "content-encoding": "Content-Encoding"}
"""Headers that botocore is left: they say which bytes the body is."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(
    rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ({'|'.join(_MONTHS)}) ([1-9]\d{{3}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)
"""How S3 writes dates in heads. Other forms botocore and Python's own readers take differently."""
_LOOKED_AT = HTTPStatus.PARTIAL_CONTENT
"""A status of success in whose body botocore looks for no error."""
_Columns: TypeAlias = tuple[bytes, list[str], list[int], list[datetime]]
_here = threading.local()


class _Shortcut:
    """A context in which one call is made."""

    calls: ClassVar[frozenset[str]]
    """The operations that it is for."""

    def __enter__(self) -> Self:
        """Begin to look at this thread's calls."""
        _here.shortcut = self
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        _here.shortcut = None

    def send(self, call: dict[str, Any]) -> None:
        """Change a call, as botocore has it before it is signed."""

    def sent(self, request: Any) -> None:  # noqa: ANN401  botocore has no static types
        """Look at a request as it goes out."""

    def look(self, answer: dict[str, Any]) -> None:
        """Look at an answer that came with a status of 200, before botocore and the caller's handlers do."""

    def show(self, answer: dict[str, Any]) -> None:
        """Put right what was hidden of an answer, once botocore has looked at it."""

    def take(self, answer: dict[str, Any]) -> None:
        """Take what is wanted out of an answer, after all handlers, before it is parsed."""

    def sign(self, version: str, context: dict[str, Any]) -> str | None:
        """Choose the signature's version, given the one that the client would have. None: botocore chooses."""


class AtOnce(_Shortcut):
    """Sends a small body together with the head.

    Botocore makes a file of each body, sends no file before the server has said `100 Continue`, and reads that byte by
    byte: fifty system calls, before each of which it lets the interpreter go.
    """

    calls = frozenset({"PutObject"})

    def __init__(self, body: bytes) -> None:
        """Send this body."""
        self._body = body

    def send(self, call: dict[str, Any]) -> None:
        """Give the body as it is, and do not ask. A body that one of the caller's handlers has changed is left."""
        file = call["body"]
        if len(self._body) > SMALL_BODY or not isinstance(file, BytesIO) or file.getvalue() != self._body:
            return
        if call["headers"].pop("Expect", None) is not None:
            call["body"] = self._body


class Sent(NamedTuple):
    """A request of botocore's: what it keeps of the call, and what went out."""

    context: Mapping[str, Any]
    request: Any


class Head(_Shortcut):
    """Takes date and metadata out of a GET's some 35 headers; leaves botocore those that say which bytes came."""

    calls = frozenset({"GetObject", "HeadObject"})

    def __init__(self) -> None:
        """Know nothing yet."""
        self._found: tuple[Mapping[str, str], datetime] | None = None
        self.region: str | None = None
        """The region that the request was signed for at last: botocore follows a bucket into its region."""
        self.request: Sent | None = None
        """What went out at last."""
        self._context: Mapping[str, Any] = {}

    def send(self, call: dict[str, Any]) -> None:
        """Look at what botocore keeps of the call."""
        self._context = call["context"]

    def sent(self, request: Any) -> None:  # noqa: ANN401  botocore has no static types
        """Look at what goes out."""
        self.request = Sent(self._context, request)

    def sign(self, version: str, context: dict[str, Any]) -> str | None:  # noqa: ARG002  as every shortcut
        """Look at the region."""
        self.region = context.get("signing", {}).get("region")
        return None

    def take(self, answer: dict[str, Any]) -> None:
        """Take all headers but two."""
        self._found = None
        headers = answer["headers"]
        date = _HTTP_DATE.fullmatch(headers.get("last-modified", ""))
        if date is None:
            return
        day, month, year, hour, minute, second = date.groups()
        try:
            modified = datetime(
                int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC
            )
        except ValueError:
            return
        metadata: dict[str, str] = {}
        kept: dict[str, str] = {}
        for name in headers:
            lower = name.lower()
            if lower.startswith(_METADATA):
                metadata[name[len(_METADATA) :]] = headers[name]
            elif lower in _KEPT:
                kept[_KEPT[lower]] = headers[name]
        self._found = metadata, modified
        answer["headers"] = kept

    @property
    def is_taken(self) -> bool:
        """Whether date and metadata have been taken."""
        return self._found is not None

    def of(self, answer: Mapping[str, Any]) -> tuple[Mapping[str, str], datetime | None]:
        """Give metadata and date, given what botocore made of the same answer. None: it has no date."""
        return self._found or (answer["Metadata"], _in_utc(answer.get("LastModified")))


class Keys(_Shortcut):
    """Takes the keys of a LIST, and spares botocore reading them twice.

    Before it parses an answer, botocore reads all of it for an error that came as a 200: there is none in what the core
    has read as a listing.
    """

    calls = frozenset({"ListObjectsV2"})

    def __init__(self, root: str) -> None:
        """Give entries with keys relative to `root`, with which all keys must begin."""
        self._root = root
        self._body = b""
        self._page: _Columns | None = None
        """What the core has made of the body."""
        self.taken: list[Entry] | None = None
        """What the shortcut has taken. None: the answer was left to botocore whole."""

    def look(self, answer: dict[str, Any]) -> None:
        """Read the body. If it is a listing, hide from botocore that it has to look for an error."""
        self.taken = None
        self._body = answer["body"]
        self._page = parse_page(self._body, self._root) if isinstance(self._body, bytes) else None
        if self._page is not None:
            answer["status_code"] = _LOOKED_AT

    def show(self, answer: dict[str, Any]) -> None:
        """Show what was hidden."""
        if answer["status_code"] == _LOOKED_AT:
            answer["status_code"] = HTTPStatus.OK

    def take(self, answer: dict[str, Any]) -> None:
        """Take the entries out of the body. One that a handler of the caller's has changed is left."""
        if self._page is not None and answer["body"] is self._body:
            answer["body"], keys, sizes, dates = self._page
            self.taken = list(map(Entry, keys, sizes, dates))

    def of(self, answer: Mapping[str, Any]) -> list[Entry]:
        """Give the entries, given what botocore made of the same answer.

        FlashFloodException: they are not objects below the root.
        """
        if self.taken is not None:
            return self.taken
        entries: list[Entry] = []
        for item in answer.get("Contents", []):
            key, size, modified = item.get("Key"), item.get("Size"), _in_utc(item.get("LastModified"))
            if not isinstance(key, str) or not key.startswith(self._root) or size is None or modified is None:
                message = (
                    f"The server lists {key!r} of {size} bytes and the date {modified}, where objects below "
                    f"{self._root} were asked for: it will not do. Use another one."
                )
                raise FlashFloodException(message)
            entries.append(Entry(key[len(self._root) :], size, modified))
        return entries


class SignedAsRequests(_Shortcut):
    """Presigns as the client signs its requests: with version 4, and for the region of the bucket.

    Without a signature version in the client's configuration, botocore presigns with version 2 wherever the region
    knows it. S3 refuses that for objects under SSE-KMS.
    """

    calls = frozenset({"GetObject"})

    def __init__(self, region: str | None) -> None:
        """Presign for the region that requests were signed for; None: the client's."""
        self._region = region

    def sign(self, version: str, context: dict[str, Any]) -> str | None:
        """Choose version 4 where requests have that."""
        if version not in {"v4-query", "s3v4-query"}:
            return None
        if self._region is not None:
            context.setdefault("signing", {})["region"] = self._region
        return "s3v4-query"  # S3's own kind of version 4, which botocore's requests have too


def _in_utc(date: datetime | None) -> datetime | None:
    """Take a date without an offset, as botocore gives it where the server names none, for UTC, which S3 goes by."""
    return date if date is None or date.tzinfo is not None else date.replace(tzinfo=UTC)


def prepare(client: "S3Client") -> None:
    """Let shortcuts work with a client; once for each client, however often it is called."""
    events = client.meta.events
    # After botocore's own handler, which asks for `100 Continue`.
    events.register_last("before-call.s3", _send, unique_id="flashflood-send")
    events.register_last("before-send.s3", _sent, unique_id="flashflood-sent")
    # Botocore calls handlers for a pattern (`*`) before those for the name itself. So those for `before-parse.*` come
    # before its own for `before-parse.s3.*`, those for `before-parse` last of all.
    events.register_last("before-parse.*", _look, unique_id="flashflood-look")
    events.register_first("before-parse.s3.*", _show, unique_id="flashflood-show")
    events.register_last("before-parse", _take, unique_id="flashflood-take")
    if telemetry.IS_ON:
        events.register_last("before-call.s3", telemetry.note_request, unique_id="flashflood-request")
        events.register_last("before-send.s3", telemetry.note_attempt, unique_id="flashflood-attempt")
    # Before its own handler, which goes back to version 2.
    events.register_first("choose-signer.s3", _sign, unique_id="flashflood-sign")


def _shortcut_for(call: str) -> _Shortcut | None:
    shortcut: _Shortcut | None = getattr(_here, "shortcut", None)
    return shortcut if shortcut is not None and call in shortcut.calls else None


def _send(model: Any, params: dict[str, Any], **_: object) -> None:  # noqa: ANN401  botocore has no static types
    shortcut = _shortcut_for(model.name)
    if shortcut is not None:
        shortcut.send(params)


def _sent(request: Any, event_name: str, **_: object) -> None:  # noqa: ANN401  the same
    shortcut = _shortcut_for(event_name.rpartition(".")[2])
    if shortcut is not None:
        shortcut.sent(request)


def _look(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:  # noqa: ANN401  the same
    shortcut = _shortcut_for(operation_model.name)
    if shortcut is not None and response_dict["status_code"] == HTTPStatus.OK:
        shortcut.look(response_dict)


def _show(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:  # noqa: ANN401  the same
    shortcut = _shortcut_for(operation_model.name)
    if shortcut is not None:
        shortcut.show(response_dict)


def _take(operation_model: Any, response_dict: dict[str, Any], **_: object) -> None:  # noqa: ANN401  the same
    shortcut = _shortcut_for(operation_model.name)
    if shortcut is not None and response_dict["status_code"] in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        shortcut.take(response_dict)


def _sign(event_name: str, signature_version: str, context: dict[str, Any], **_: object) -> Any:  # noqa: ANN401  the same
    shortcut = _shortcut_for(event_name.rpartition(".")[2])
    return None if shortcut is None else shortcut.sign(signature_version, context)
