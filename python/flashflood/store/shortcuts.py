"""Shortcuts through botocore, which goes a long way about every header, every listed key, and every small body.

The client may be the caller's. Handlers on it change a call or take what is wanted out of its answer only where that
call is made inside one of these contexts, on the same thread: the caller's own calls are what they always were. A call
or an answer that is not as expected is left to botocore whole.
"""

import threading
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from flashflood.store.protocol import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL_BODY = 1 << 20
"""Bytes up to which a body is sent with its head. The AWS SDK for Java 2 asks from there on too; Go's and Kotlin's ask
from 2 MiB on."""

_METADATA = "x-amz-meta-"
_here = threading.local()


class _Shortcut:
    """A context in which one call is made."""

    def __enter__(self) -> Self:
        """Begin to look at this thread's calls."""
        _here.shortcut = self
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        _here.shortcut = None

    def send(self, call: dict[str, Any]) -> None:
        """Change a call, as botocore has it before it is signed."""

    def take(self, answer: dict[str, Any]) -> None:
        """Take what is wanted out of an answer, as botocore has it before it is parsed."""


class AtOnce(_Shortcut):
    """Sends a small body together with the head.

    Botocore makes a file of each body, sends no file before the server has said `100 Continue`, and reads that byte by
    byte: fifty system calls, before each of which it lets the interpreter go.
    """

    def __init__(self, body: bytes) -> None:
        """Send this body."""
        self._body = body

    def send(self, call: dict[str, Any]) -> None:
        """Give the body as it is, and do not ask."""
        if len(self._body) <= SMALL_BODY and call["headers"].pop("Expect", None) is not None:
            call["body"] = self._body


class Head(_Shortcut):
    """Takes an object's date and metadata: they are all that is wanted of the some 35 headers that a GET may have."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._found: tuple[Mapping[str, str], datetime] | None = None

    def take(self, answer: dict[str, Any]) -> None:
        """Take all headers."""
        headers = answer["headers"]
        try:
            modified = parsedate_to_datetime(headers["last-modified"])
        except (KeyError, TypeError, ValueError):
            return
        if modified.tzinfo is None:
            return
        names = [name for name in headers if name.lower().startswith(_METADATA)]
        self._found = {name[len(_METADATA) :]: headers[name] for name in names}, modified
        answer["headers"] = {}

    def of(self, answer: Mapping[str, Any]) -> tuple[Mapping[str, str], datetime]:
        """Give metadata and date, given what botocore made of the same answer."""
        return self._found or (answer["Metadata"], answer["LastModified"])


class Keys(_Shortcut):
    """Takes the keys of a LIST."""

    def __init__(self, root: str) -> None:
        """Give entries with keys relative to `root`, with which all keys must begin."""
        self._root = root
        self.entries: list[Entry] | None = None
        """What the answer listed. None: it was not as expected, and botocore has parsed all of it."""

    def take(self, answer: dict[str, Any]) -> None:
        """Take the entries out of the body."""
        self.entries = None
        try:
            root = ET.fromstring(answer["body"])  # noqa: S314  as botocore does with the same bytes
            space = root.tag.removesuffix("ListBucketResult")
            contents = root.findall(f"{space}Contents")
            is_encoded = root.findtext(f"{space}EncodingType") == "url"
            names = [f"{space}{name}" for name in ("Key", "Size", "LastModified")]
            entries = [self._entry(*map(item.findtext, names), is_encoded=is_encoded) for item in contents]
        except (ET.ParseError, TypeError, ValueError):
            return
        if root.tag != f"{space}ListBucketResult":
            return
        for item in contents:
            root.remove(item)
        self.entries = entries
        answer["body"] = ET.tostring(root)

    def _entry(self, key: str | None, size: str | None, modified: str | None, *, is_encoded: bool) -> Entry:
        if key is None or size is None or modified is None:
            msg = "a key without its size or date"
            raise ValueError(msg)
        if is_encoded:
            key = unquote(key)
        date = datetime.fromisoformat(modified)
        if date.tzinfo is None or not key.startswith(self._root):
            msg = f"{key} of {modified} is not what was asked for"
            raise ValueError(msg)
        return Entry(key[len(self._root) :], int(size), date)


def prepare(client: "S3Client") -> None:
    """Let shortcuts work with a client; once for each client, however often it is called."""
    events = client.meta.events
    # After botocore's own handler, which asks for `100 Continue`.
    events.register_last("before-call.s3", _send, unique_id="flashflood-send")
    # Before its own handler, which looks through a whole list for an error that came as a 200.
    events.register_first("before-parse.s3", _take, unique_id="flashflood-take")


def _send(params: dict[str, Any], **_: object) -> None:
    shortcut: _Shortcut | None = getattr(_here, "shortcut", None)
    if shortcut is not None:
        shortcut.send(params)


def _take(response_dict: dict[str, Any], **_: object) -> None:
    shortcut: _Shortcut | None = getattr(_here, "shortcut", None)
    if shortcut is not None and response_dict["status_code"] in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        shortcut.take(response_dict)
