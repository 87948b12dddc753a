"""Reading answers: botocore goes a long way about every header and every listed key, most of which nobody asked for.

The client may be the caller's. A handler on it takes what is wanted out of an answer before botocore parses the rest,
but only for a request that is made inside one of these readers, on the same thread: the caller's own calls get what
they always got. An answer that is not as expected is left to botocore whole.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from flashflood.store.protocol import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HANDLER = "flashflood-answers"
_METADATA = "x-amz-meta-"
_here = threading.local()


class _Reader(ABC):
    """A context in which a request is made."""

    def __enter__(self) -> Self:
        """Begin to read what this thread's requests are answered."""
        _here.reader = self
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        _here.reader = None

    @abstractmethod
    def take(self, answer: dict[str, Any]) -> None:
        """Take what is wanted out of an answer, as botocore has it before it is parsed."""


class Head(_Reader):
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


class Keys(_Reader):
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
            entries = [self._entry(item, space, is_encoded=is_encoded) for item in contents]
        except (ET.ParseError, TypeError, ValueError):
            return
        for item in contents:
            root.remove(item)
        self.entries = entries
        answer["body"] = ET.tostring(root)

    def _entry(self, item: ET.Element, space: str, *, is_encoded: bool) -> Entry:
        key, size, modified = (item.findtext(f"{space}{name}") for name in ("Key", "Size", "LastModified"))
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
    """Let readers work with a client; once for each client, however often it is called."""
    # Last: S3 may say 200 of what went wrong, and a handler of botocore's own sets that right first.
    client.meta.events.register_last("before-parse.s3", _read, unique_id=_HANDLER)


def _read(response_dict: dict[str, Any], **_: object) -> None:
    reader: _Reader | None = getattr(_here, "reader", None)
    if reader is not None and response_dict["status_code"] in {200, 206}:
        reader.take(response_dict)
