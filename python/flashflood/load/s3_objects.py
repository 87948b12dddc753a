"""Objects on S3 as files: one, or all beneath a prefix, in key order, read part by part and some ahead."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

from flashflood.exceptions import FlashFloodException
from flashflood.load.lines import SCHEME
from flashflood.store.clients import ClientSettings
from flashflood.store.s3 import BODY_ATTEMPTS, BROKEN_BODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_s3 import S3Client

PART = 4 << 20
"""Bytes of a request. A body that is read slowly would be cut off by the server, so none is left open."""
AHEAD = 8
"""How many objects are begun ahead: most files of a log are small, and a request takes long."""


class S3Object(NamedTuple):
    """An object as it was when it was listed."""

    bucket: str
    key: str
    size: int
    etag: str

    @property
    def name(self) -> str:
        """Its URL."""
        return f"{SCHEME}{self.bucket}/{self.key}"

    def part(self, client: S3Client, start: int) -> bytes:
        """Read a part. botocore's error, which names the object, where it has been changed or removed since."""
        if start >= self.size:
            return b""
        wanted = f"bytes={start}-{min(start + PART, self.size) - 1}"
        for attempt in range(1, BODY_ATTEMPTS + 1):
            try:
                answer = client.get_object(Bucket=self.bucket, Key=self.key, Range=wanted, IfMatch=self.etag)
                return answer["Body"].read()
            except BROKEN_BODY:
                if attempt == BODY_ATTEMPTS:
                    raise
            except ClientError as error:
                error.add_note(f"this is of {self.name}")
                raise
        raise AssertionError


class Parts(io.RawIOBase):
    """An object's bytes as a file to read from its beginning to its end."""

    def __init__(self, client: S3Client, found: S3Object, first: Future[bytes]) -> None:
        """Begin with a first part that is under way."""
        self._client = client
        self._found = found
        self._first = first
        self._start = 0
        self._part = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  any writable buffer
        """Copy what comes next; 0 at the end."""
        if not self._part:
            part = self._found.part(self._client, self._start) if self._start else self._first.result()
            self._start += len(part)
            self._part = memoryview(part)
        count = min(len(buffer), len(self._part))
        buffer[:count] = self._part[:count]
        self._part = self._part[count:]
        return count


def s3_files(url: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the names and files of all objects beneath `s3://bucket/prefix/`, or of the one that the URL names."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        msg = f"{url!r} names no bucket: give s3://bucket/prefix/, or s3://bucket/key of one object"
        raise ValueError(msg)
    with closing(ClientSettings().client()) as client, ThreadPoolExecutor(AHEAD) as pool:
        found = _beneath(client, bucket, key) if not key or key.endswith("/") else [_one(client, bucket, key)]
        for one, first in _begun(client, pool, found):
            with io.BufferedReader(Parts(client, one, first)) as file:
                yield one.name, file


def _begun(
    client: S3Client, pool: ThreadPoolExecutor, found: Iterable[S3Object]
) -> Iterator[tuple[S3Object, Future[bytes]]]:
    """Yield the objects with their first parts, which are fetched ahead."""
    begun = ((one, pool.submit(one.part, client, 0)) for one in found)
    ahead = deque(islice(begun, AHEAD))
    while ahead:
        yield ahead.popleft()
        ahead.extend(islice(begun, 1))


def _beneath(client: S3Client, bucket: str, prefix: str) -> Iterator[S3Object]:
    """Yield what lies beneath a prefix; the empty objects that stand for folders are left out."""
    is_empty = True
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            is_empty = False
            if found["Size"]:
                yield S3Object(bucket, found["Key"], found["Size"], found["ETag"])
    if is_empty:
        msg = f"{SCHEME}{bucket}/{prefix}: no object lies beneath it; look at the bucket and the prefix"
        raise FlashFloodException(msg)


def _one(client: S3Client, bucket: str, key: str) -> S3Object:
    try:
        head = client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        error.add_note(f"this is of {SCHEME}{bucket}/{key}; a prefix ends with a slash")
        raise
    return S3Object(bucket, key, head["ContentLength"], head["ETag"])
