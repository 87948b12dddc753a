"""What the rooms above ask of a store: objects under keys, with the promises that S3 gives.

Keys are relative to the store's root (`journals/…`, never with the root prefix), always text, and compare by their
UTF-8 bytes. Promised: a read sees every write that returned before it began, `list` too; an object appears whole or not
at all; `create` succeeds for one of many.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias

from flashflood.exceptions import FlashFloodException

Body: TypeAlias = bytes | bytearray | memoryview


class Entry(NamedTuple):
    """One object in a listing."""

    key: str
    size: int
    """In bytes."""
    modified: datetime
    """When it was last written, by the server's clock; aware."""


class Page(NamedTuple):
    """One answer to a LIST."""

    entries: list[Entry]
    """In key order; at most 1,000."""
    more: bool
    """Whether keys follow: list again after the last one."""
    date: datetime
    """The server's clock when it answered; aware. Whole seconds on S3."""


class Found(NamedTuple):
    """An object, or the part of it that was asked for."""

    body: bytes
    """Empty where only the head was asked for."""
    metadata: Mapping[str, str]
    """S3's user metadata: lower-case names, ASCII values."""
    modified: datetime


class Unused(NamedTuple):
    """An empty object to be created if its key is free, and nothing lies under two prefixes where they are given."""

    key: str
    metadata: Mapping[str, str]
    prefixes: tuple[str, str] | None


class UndeletedError(FlashFloodException):
    """Some of the objects that were to be deleted are still there; the others are gone."""

    def __init__(self, message: str, keys: Iterable[str] = ()) -> None:
        """Say it, and name the keys that are still there."""
        super().__init__(message)
        self.keys = frozenset(keys)


def closed(name: str) -> FlashFloodException:
    """Give the error for a request to a store of this name, which was closed."""
    return FlashFloodException(f"the FlashFlood on {name} is closed: open another one")


class Store(Protocol):
    """Objects under keys. Every method may be called from any thread; it is one request (`delete`: for 1,000 keys)."""

    name: str
    """How messages name it: `s3://bucket/prefix`, or the path."""
    root_prefix: str
    """What the keys begin with on S3, before a `/`; it counts for their length. Empty elsewhere."""
    workers: int
    """How many requests may be under way at a time."""
    is_near: bool
    """Whether a request is done sooner than another thread would take it over."""
    keys_per_listing: int
    """How many keys more in one listing are as good as another listing, for all that it costs."""

    @property
    def address(self) -> str | None:
        """What `open_store` opens it by, in any process on this machine. None: nothing does."""

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Read an object, or its bytes from `start` to before `stop`, fewer where it is shorter. None: no such key."""

    def head(self, key: str, /) -> Found | None:
        """Read an object's metadata. None: there is no such key."""

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,
    ) -> None:
        """Write an object, whatever was there. `garbage` tags it `garbage=true`.

        An iterable is written piece by piece, in bounded memory.
        """

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Write an object if the key is free. False: it is not.

        What is there may be the caller's own object, whose answer was lost: read it.
        """

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Create those objects that may be created, all at one moment, and say which were.

        A store that would need a request for each creates none; one that need not may leave out any. Ask for those one
        by one.
        """

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects; a key that is not there is no error. They may go in any order, each by itself.

        `UndeletedError` names those that the server would not delete. After any other error, any may be there.
        """

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """One page of the keys that begin with `prefix`, from the first one greater than `after` on."""

    def mark_garbage(self, key: str, /) -> bool:
        """Tag an object `garbage=true`. False: there is no such key."""

    def url(self, key: str, /) -> str:
        """Give a URL that reads the object without credentials for an hour (S3: presigned; a folder: `file://`)."""

    def flush(self) -> None:
        """Make sure that what this process has written stays, whatever happens to the machine.

        Where it stays once it is written, this does nothing.
        """

    def give_back(self) -> None:
        """Give the space of what was deleted back to the file system, where deleting does not do it."""

    def close(self) -> None:
        """Give back what it holds open, once or again. Requests under way end; each later one is the error `closed`.

        Where requests were under way, another call gives back what they held.
        """

    def damage(self) -> Sequence[str]:
        """Say what is damaged below the objects, a line each. A store that has nobody to ask finds nothing."""
