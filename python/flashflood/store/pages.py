"""Reading the answer to a LIST: botocore builds and dates each key the long way.

The client may be the caller's. A handler on it takes the keys out of an answer's body before botocore parses the rest,
but only for a request that a `Reader` makes on the same thread: the caller's own calls get what they always got.
"""

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from flashflood.store.protocol import Entry

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HANDLER = "flashflood-pages"
_HTTP_OK = 200
_here = threading.local()


class Reader:
    """Takes the keys of one LIST; a context in which the request is made."""

    def __init__(self, root: str) -> None:
        """Give entries with keys relative to `root`, with which all keys must begin."""
        self._root = root
        self.entries: list[Entry] | None = None
        """What the answer listed. None: it was not as expected, and botocore has parsed all of it."""

    def __enter__(self) -> Self:
        """Begin to take what this thread's requests list."""
        _here.reader = self
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        _here.reader = None

    def take(self, body: bytes) -> bytes:
        """Take the entries out of an answer's body, and give what is left: all of it, where it is not as expected."""
        self.entries = None
        try:
            root = ET.fromstring(body)  # noqa: S314  as botocore does with the same bytes
            space = root.tag.removesuffix("ListBucketResult")
            contents = root.findall(f"{space}Contents")
            is_encoded = root.findtext(f"{space}EncodingType") == "url"
            entries = [self._entry(item, space, is_encoded=is_encoded) for item in contents]
        except (ET.ParseError, TypeError, ValueError):
            return body
        for item in contents:
            root.remove(item)
        self.entries = entries
        return ET.tostring(root)

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
    """Let `Reader`s work with a client; once for each client, however often it is called."""
    client.meta.events.register("before-parse.s3.ListObjectsV2", _take_entries, unique_id=_HANDLER)


def _take_entries(response_dict: dict[str, Any], **_: object) -> None:
    reader: Reader | None = getattr(_here, "reader", None)
    if reader is not None and response_dict.get("status_code") == _HTTP_OK:
        response_dict["body"] = reader.take(response_dict["body"])
