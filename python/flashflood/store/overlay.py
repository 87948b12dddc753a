"""A store as it would be, had the writes been made that go to it: it keeps them, and passes on only what reads."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import NamedTuple

from flashflood.store.protocol import Body, Entry, Found, Page, Store, Unused

PAGE_SIZE = 1_000


class _Written(NamedTuple):
    """An object that was written here."""

    size: int
    body: bytes | None
    """None: only its length is kept."""
    metadata: Mapping[str, str]


class Overlay:
    """Lies over a store, which is only read. Its own objects go with it."""

    def __init__(self, store: Store, date: datetime, hollow: str) -> None:
        """Lie over a store.

        `date`: when all that is written here is written. `hollow`: of objects under this prefix only the length is
        kept; they read as zeros.
        """
        self.name = f"{store.name} (dry run)"
        self.root_prefix = store.root_prefix
        self.workers = store.workers
        self.is_near = store.is_near
        self.keys_per_listing = store.keys_per_listing
        self.address = None
        self._store = store
        self._date = date
        self._hollow = hollow
        self._lock = Lock()
        self._changed: dict[str, _Written | None] = {}
        """What was written or, None, deleted."""
        self._keys: list[str] = []
        """The keys of all these, in order."""

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Read an object or a part of it."""
        if key not in self._changed:
            return self._store.get(key, start, stop)
        written = self._changed[key]
        if written is None:
            return None
        part = range(written.size)[start:stop]
        body = bytes(len(part)) if written.body is None else written.body[start:stop]
        return Found(body, written.metadata, self._date)

    def head(self, key: str, /) -> Found | None:
        """Read an object's metadata."""
        return self.get(key, 0, 0) if key in self._changed else self._store.head(key)

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,  # noqa: ARG002  tags say nothing here
    ) -> None:
        """Keep an object."""
        written = self._written(key, body, metadata)
        with self._lock:
            self._keep(key, written)

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Keep an object if its key is free here."""
        is_below = key not in self._changed and self._store.head(key) is not None
        with self._lock:
            if self._changed[key] is not None if key in self._changed else is_below:
                return False
            self._keep(key, self._written(key, body, metadata))
            return True

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Leave them out: each is to be created by itself."""
        return [False] * len(objects)

    def delete(self, keys: Sequence[str], /) -> None:
        """Let objects be gone here."""
        with self._lock:
            for key in keys:
                self._keep(key, None)

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """List what is below, without what is gone, and what was written."""
        while True:
            page = self._store.list(prefix, after)
            entries = self._merged(prefix, after or "", page)
            if entries or not page.more:
                return Page([*entries[:PAGE_SIZE]], page.more or len(entries) > PAGE_SIZE, page.date)
            after = page.entries[-1].key

    def mark_garbage(self, key: str, /) -> bool:
        """Say whether there is such an object."""
        return self.head(key) is not None

    def url(self, key: str, /) -> str:
        """Give the URL of what is below."""
        return self._store.url(key)

    def flush(self) -> None:
        """Do nothing: nothing is written."""

    def give_back(self) -> None:
        """Do nothing: nothing is deleted."""

    def close(self) -> None:
        """Do nothing: what is below is its owner's."""

    def damage(self) -> Sequence[str]:
        """Say what is damaged below."""
        return self._store.damage()

    def _written(self, key: str, body: Body | Iterable[bytes], metadata: Mapping[str, str] | None) -> _Written:
        pieces = [body] if isinstance(body, Body) else body
        if key.startswith(self._hollow):
            return _Written(sum(map(len, pieces)), None, dict(metadata or {}))
        joined = b"".join(pieces)
        return _Written(len(joined), joined, dict(metadata or {}))

    def _keep(self, key: str, written: _Written | None) -> None:
        if key not in self._changed:
            insort(self._keys, key)
        self._changed[key] = written

    def _merged(self, prefix: str, after: str, page: Page) -> Sequence[Entry]:
        """Give a page's entries that are not changed, and what was written among them."""
        with self._lock:
            first = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
            last = bisect_right(self._keys, prefix, key=lambda key: key[: len(prefix)])
            if page.more:
                last = min(last, bisect_right(self._keys, page.entries[-1].key))
            changed = {key: self._changed[key] for key in self._keys[first:last]}
        own = [Entry(key, found.size, self._date) for key, found in changed.items() if found is not None]
        return sorted([*(entry for entry in page.entries if entry.key not in changed), *own])
