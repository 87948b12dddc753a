"""The store on S3, or on any server that speaks its API, through a boto3 client.

A key of the store is `{root_prefix}/{key}` in the bucket. The client stays as the caller made it: its credentials, its
retries, its connections. Botocore's own errors (no access, no bucket, no network) pass through unchanged.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from flashflood import layout
from flashflood.config import object_exists_waiter_config
from flashflood.exceptions import FlashFloodException
from flashflood.store.answers import fault_of_page, is_whole, wanted_part
from flashflood.store.connections import leave_connections
from flashflood.store.protocol import Body, Found, Page, UndeletedError, Unused, closed
from flashflood.store.quick_get import QuickGets
from flashflood.store.shortcuts import AtOnce, Head, Keys, SignedAsRequests, prepare
from flashflood.telemetry import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ErrorTypeDef, ObjectIdentifierTypeDef, TagTypeDef

URL_LIFETIME = 3600
"""Seconds that a presigned URL is good for."""
KEYS_PER_DELETE = 1000
"""S3's limit for one batch delete."""
PART_SIZE = 16 << 20
"""Bytes of a multipart upload's first parts, and of the largest object that an iterable makes without one."""
PARTS_PER_SIZE = 1000
"""After so many parts their size doubles: S3's 5 TB fit into fewer parts than its limit of 10,000."""
CONFLICT_ATTEMPTS = 10
"""How often a request is tried where it races with another one (409)."""
BODY_ATTEMPTS = 5
"""How often an object is asked for where its body breaks off: botocore's own retries end where the body begins."""
KEYS_IN_MESSAGE = 10
"""How many of the keys that could not be deleted an error names."""

_GARBAGE_TAG: TagTypeDef = {"Key": "garbage", "Value": "true"}
_CONFLICTS = frozenset({"ConditionalRequestConflict", "ConcurrentModification", "OperationAborted"})
BROKEN_BODY = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_warned: dict[tuple[str, ...], object] = {}
"""What has been warned about in this process."""

logger = logging.getLogger(__name__)


@measured()
class S3Store:
    """Objects in a bucket, under a root prefix; see `flashflood.store.protocol.Store` for what each method promises."""

    def __init__(
        self, client: S3Client, bucket: str, root_prefix: str, *, owned: bool = False, endpoint_url: str | None = None
    ) -> None:
        """Use `client` as it is; make no request. `root_prefix` may be empty and does not end in `/`.

        `owned`: the client was made for this store, and is closed with it. `endpoint_url`: what it was to ask, if that
        was said.
        """
        self.name = f"s3://{bucket}/{root_prefix}"
        self.address = self.name
        self.root_prefix = root_prefix
        options: Any = client.meta.config  # whose stubs know none of its attributes
        self.workers: int = options.max_pool_connections
        self.is_near = False
        self.keys_per_listing = 400
        prepare(client)
        self.endpoint_url = endpoint_url
        self._shared_client = client
        self._owns_client = owned
        self._is_closed = False
        self._process = os.getpid()
        self._bucket = bucket
        self.client, self.bucket = client, bucket  # the user's, as in 0.4.3
        self._root = f"{root_prefix}/"
        self._probe_locks: dict[int, threading.Lock] = {}
        """By process id: a forked child's copy of its parent's lock may be held for ever."""
        self._creates_conditionally: bool | None = None
        self._takes_tags = True
        """As far as requests have shown."""
        self._quick_gets = QuickGets()
        self._region: str | None = None
        """Where the bucket is, as far as requests have shown; None: in the client's region."""

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Read an object or a part of it. One more request where the object ends before `start`."""
        first = start or 0
        if stop is not None and stop <= first:
            return self.head(key)
        where = self._at(key)
        if start is not None or stop is not None:
            where["Range"] = f"bytes={first}-" if stop is None else f"bytes={first}-{stop - 1}"
        answer = self._quick_gets.get(self._client, where["Key"], where.get("Range"))
        if answer is None:
            return self._get(key, where, first, stop)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return self.head(key)
        part = self._part(answer.fields, answer.body, where, first, stop)
        return self._found(answer.head, answer.fields, key, part)

    def _get(self, key: str, where: dict[str, Any], first: int, stop: int | None) -> Found | None:
        """Read an object through botocore."""
        attempt = 1
        while True:
            try:
                with Head() as head:
                    answer = self._client.get_object(**where)
                body = answer["Body"].read()
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    return None
                if _status(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return self.head(key)
                raise
            except BROKEN_BODY:
                if attempt == BODY_ATTEMPTS:
                    raise
                attempt += 1
            else:
                self._region = head.region
                self._quick_gets.learn(self._client, where["Key"], head)
                return self._found(head, answer, key, self._part(answer, body, where, first, stop))

    def head(self, key: str, /) -> Found | None:
        """Read an object's metadata. None also where the bucket is missing: S3 does not tell the two apart here."""
        try:
            with Head() as head:
                answer = self._client.head_object(**self._at(key))
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise
        return self._found(head, answer, key)

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,
    ) -> None:
        """Write an object: with one request, or, from an iterable of more than 16 MB, in parts."""
        if isinstance(body, Body):
            self._put_at_once(key, body, metadata, garbage=garbage)
        else:
            parts = _parts(body)
            first, second = next(parts), next(parts, None)
            if second is None:
                self._put_at_once(key, first, metadata, garbage=garbage)
            else:
                self._put_in_parts(key, chain((first, second), parts), metadata)
                if garbage:  # RADOS Gateway loses tags that are given to a multipart upload.
                    self.mark_garbage(key)
        self._wait_until_seen(key)

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Write an object if the key is free.

        The first call finds out whether the server can decide that: one request more, or two where no marker is there.
        """
        if self._knows_conditional_put():
            created = self._put_if_free(key, body, metadata)
        else:
            created = self.head(key) is None
            if created:
                self._put_at_once(key, body, metadata)
        if created:
            self._wait_until_seen(key)
        return created

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Create none: each would take requests of its own."""
        return [False] * len(objects)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, 1,000 with a request."""
        refused: list[ErrorTypeDef] = []
        left: set[str] = set()
        for begin in range(0, len(keys), KEYS_PER_DELETE):
            batch: list[ObjectIdentifierTypeDef] = [
                {"Key": self._root + key} for key in keys[begin : begin + KEYS_PER_DELETE]
            ]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})
            if errors := answer.get("Errors", []):
                refused += errors
                sent = {item["Key"] for item in batch}
                reported = {error.get("Key", "") for error in errors}
                left |= sent if reported - sent else reported  # a key that was not sent: nobody knows which are left
        if refused:
            named = [f"{error.get('Key')}: {error.get('Code')} ({error.get('Message')})" for error in refused]
            more = ", …" if len(named) > KEYS_IN_MESSAGE else ""
            message = (
                f"{len(named)} of {len(keys)} objects of {self.name} could not be deleted: "
                f"{', '.join(named[:KEYS_IN_MESSAGE])}{more}. "
                f"If access is denied, allow s3:DeleteObject; then try again."
            )
            raise UndeletedError(message, (key[len(self._root) :] for key in left))

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """List one page of keys, with the server's date from the answer's head."""
        query: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._root + prefix}
        if after is not None:
            query["StartAfter"] = self._root + after
        while True:
            with Keys(self._root) as keys:
                answer = self._client.list_objects_v2(**query)
            entries = keys.of(answer)
            fault = fault_of_page(answer, entries, prefix, after, query.get("ContinuationToken"))
            if fault is not None:
                raise self._unfit(fault)
            if entries or not answer["IsTruncated"]:
                break
            query["ContinuationToken"] = answer["NextContinuationToken"]
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if date is None:
            message = (
                f"The server of {self.name} dates no answer, so ages cannot be told: use one that does (RFC 9110)."
            )
            raise FlashFloodException(message)
        return Page(entries, answer["IsTruncated"], parsedate_to_datetime(date))

    def mark_garbage(self, key: str, /) -> bool:
        """Tag an object `garbage=true`, in place of the tags it has.

        Where the server takes no tags, only see whether the object is there.
        """
        if self._takes_tags:
            try:
                _retry_conflicts(
                    partial(self._client.put_object_tagging, **self._at(key), Tagging={"TagSet": [_GARBAGE_TAG]})
                )
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    return False
                self._do_without_tags(error)
            else:
                return True
        return self.head(key) is not None

    def url(self, key: str, /) -> str:
        """Presign a GET of the object, for an hour. No request is made: the object need not be there.

        It is signed as the client's requests are: with version 4, unless the client is configured otherwise.
        """
        with SignedAsRequests(self._region):
            return self._client.generate_presigned_url("get_object", Params=self._at(key), ExpiresIn=URL_LIFETIME)

    def flush(self) -> None:
        """Do nothing: S3 keeps what it has accepted."""

    def give_back(self) -> None:
        """Do nothing: a deleted object takes no space."""

    def close(self) -> None:
        """Take no more requests, and close the client if it was made for this store."""
        self._is_closed = True
        if self._owns_client:
            self._leave_to_the_parent()
            self._shared_client.close()

    def damage(self) -> Sequence[str]:
        """Find nothing: the server looks after what it keeps."""
        return []

    @property
    def _client(self) -> S3Client:
        """The client; in a forked child with connections of its own."""
        if self._is_closed:
            raise closed(self.name)
        self._leave_to_the_parent()
        return self._shared_client

    def _leave_to_the_parent(self) -> None:
        """Leave a forked child's parent the connections that it had."""
        process = os.getpid()
        if process != self._process:
            leave_connections(self._shared_client)
            self._process = process

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._root + key}

    def _part(
        self, answer: Mapping[str, Any], body: bytes, where: Mapping[str, Any], start: int, stop: int | None
    ) -> bytes:
        """Give what was asked for of a body. FlashFloodException: something else came."""
        asked = where.get("Range")
        try:
            part = wanted_part(answer, body, start, stop)
        except ValueError as error:
            message = (
                f"{self.name}: a GET of {asked or 'the whole'} of {where['Key']} is answered with {error}: "
                f"that is not what was asked for, whatever the object has. "
                f"The server, or a proxy or cache before it, does so: use another one, or go around it."
            )
            key = where["Key"].removeprefix(self._root)
            raise FlashFloodException(message, key=key) from error
        if asked and is_whole(answer) and len(part) < len(body):
            self._warn_once("The server sends whole objects where parts are asked for: reads take much longer.")
        return part

    def _found(self, head: Head, answer: Mapping[str, Any], key: str, body: bytes = b"") -> Found:
        """Give an object, its metadata's names as they were written.

        RADOS Gateway changes each `_` in them to `-`, and a proxy may change the case. Ours have no `-` and no
        capitals.
        """
        metadata, modified = head.of(answer)
        if modified is None:
            message = f"{self.name}: the server does not say when {key} was written (Last-Modified): use one that does."
            raise FlashFloodException(message, key=key)
        return Found(body, {name.lower().replace("-", "_"): value for name, value in metadata.items()}, modified)

    def _unfit(self, fault: str) -> FlashFloodException:
        message = (
            f"The server of {self.name} lists {fault}: it will not do. A store needs a LIST that gives each key once, "
            f"in the order of the keys' UTF-8 bytes, and goes on after any key (S3's directory buckets do not): "
            f"use another server or bucket."
        )
        return FlashFloodException(message)

    def _warn_once(self, message: str) -> None:
        """Warn of the server; once for each store and process."""
        mine = object()
        if _warned.setdefault((self._client.meta.endpoint_url, self.name, message), mine) is mine:
            logger.warning("%s: %s", self.name, message)

    def _put_at_once(
        self,
        key: str,
        body: Body,
        metadata: Mapping[str, str] | None,
        *,
        garbage: bool = False,
        only_if_free: bool = False,
    ) -> None:
        how: dict[str, Any] = {"IfNoneMatch": "*"} if only_if_free else {}
        content = body if isinstance(body, bytes) else bytes(body)
        send = partial(self._client.put_object, **self._at(key), Body=content, Metadata=dict(metadata or {}), **how)
        if garbage and self._takes_tags:
            try:
                with AtOnce(content):
                    send(Tagging=f"{_GARBAGE_TAG['Key']}={_GARBAGE_TAG['Value']}")
            except ClientError as error:
                self._do_without_tags(error)
            else:
                return
        with AtOnce(content):
            send()

    def _do_without_tags(self, error: ClientError) -> None:
        """Go on without tags where the server has none: nothing but lifecycle rules asks for them."""
        message = str(error.response.get("Error", {}).get("Message"))
        if not _is_not_implemented(error) and "x-amz-tagging" not in message:
            raise error
        self._warn_once("The server takes no tags: no lifecycle rule finds dead objects; collect_garbage does.")
        self._takes_tags = False

    def _put_in_parts(self, key: str, parts: Iterable[bytes], metadata: Mapping[str, str] | None) -> None:
        where = self._at(key)
        where["UploadId"] = self._client.create_multipart_upload(**where, Metadata=dict(metadata or {}))["UploadId"]
        try:
            done = [self._put_part(where, number, part) for number, part in enumerate(parts, start=1)]
            self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
        except BaseException:
            self._abort(where)
            raise

    def _put_part(self, where: dict[str, Any], number: int, part: bytes) -> CompletedPartTypeDef:
        answer = self._client.upload_part(**where, PartNumber=number, Body=part)
        done: dict[str, Any] = {"PartNumber": number, "ETag": answer["ETag"]}
        # S3 asks for each part's checksum again at the end where botocore chose one for the upload.
        done.update((name, value) for name, value in answer.items() if name.startswith("Checksum"))
        return done  # type: ignore[return-value]  # The names are those of the answer's own type.

    def _abort(self, where: dict[str, Any]) -> None:
        """Give a failed upload's parts back. Its failure is what the caller hears of; this one's goes to the log."""
        try:
            self._client.abort_multipart_upload(**where)
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "%s: the parts of the failed upload %s of %s stay until a lifecycle rule removes them: %s",
                self.name,
                where["UploadId"],
                where["Key"],
                error,
            )

    def _put_if_free(self, key: str, body: Body, metadata: Mapping[str, str] | None) -> bool:
        try:
            _retry_conflicts(partial(self._put_at_once, key, body, metadata, only_if_free=True))
        except ClientError as error:
            if _status(error) == HTTPStatus.PRECONDITION_FAILED:
                return False
            raise
        return True

    def _knows_conditional_put(self) -> bool:
        """Find out, once, whether the server refuses a conditional PUT of a key that is there: a marker."""
        marker = layout.CONDITIONAL_PUT
        with self._probe_locks.setdefault(os.getpid(), threading.Lock()):
            if self._creates_conditionally is None:
                try:
                    # False: it was refused, so the server knows. It succeeds where there is no marker yet: then again.
                    refused = not (self._put_if_free(marker, b"", None) and self._put_if_free(marker, b"", None))
                except ClientError as error:
                    if not _is_not_implemented(error):
                        raise
                    refused = False
                if not refused:
                    self._warn_once(
                        "The server knows no conditional PUT (If-None-Match): there may be only one writer."
                    )
                self._creates_conditionally = refused
            return self._creates_conditionally

    def _wait_until_seen(self, key: str) -> None:
        if object_exists_waiter_config["Delay"] > 0:
            waiter = self._client.get_waiter("object_exists")
            delay, attempts = object_exists_waiter_config["Delay"], object_exists_waiter_config["MaxAttempts"]
            waiter.wait(**self._at(key), WaiterConfig={"Delay": delay, "MaxAttempts": attempts})


def _retry_conflicts(send: Callable[[], object]) -> None:
    """Send a request; again, after a random wait, where it raced with another one."""
    for attempt in range(1, CONFLICT_ATTEMPTS):
        try:
            send()
        except ClientError as error:
            if _code(error) not in _CONFLICTS:
                raise
            time.sleep(random.uniform(0, 0.05 * attempt))  # noqa: S311  # a wait is no secret
        else:
            return
    send()


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Cut what `pieces` make together into parts of a multipart upload; at least one, which may be empty."""
    part, number = bytearray(), 0
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            size = PART_SIZE << (number // PARTS_PER_SIZE)
            room = size - len(part)
            part += rest[:room]
            rest = rest[room:]
            if len(part) == size:
                yield bytes(part)
                part, number = bytearray(), number + 1
    if part or number == 0:
        yield bytes(part)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _status(error: ClientError) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def _is_not_implemented(error: ClientError) -> bool:
    return _status(error) == HTTPStatus.NOT_IMPLEMENTED or _code(error) == "NotImplemented"
