"""The modelled store: what S3 does in one atomic step.

A store is a dict that is never changed in place; a key is a tuple that begins with its prefix. A request's `perform`
takes the store and the calls that are running, and gives the store afterwards and the response.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

Key: TypeAlias = tuple[Any, ...]
Store: TypeAlias = dict[Key, Any]
Response: TypeAlias = Any

DEAD = ".dead"
NEW = "new"
COMBINED = "0v"
CLOCK = ("clock",)
TIME = ("time",)
DATES = "dates"
DATED = ("journals", "updates")
SLACK = 1
"""Ticks of the server's time by which a date may be older than the moment from which its object can be listed."""


class RunningCall(NamedTuple):
    """A call under way: the process that makes it, its number in that process, and whether it only reads."""

    process: int
    number: int
    reads: bool


Running: TypeAlias = frozenset[RunningCall]


class JournalID(NamedTuple):
    """A journal's id. The version is `new` or, for a combined journal, a timestamp (here one constant)."""

    start: int
    end: int
    version: str
    blob: str


class JournalKey(NamedTuple):
    """The key of a manifest."""

    prefix: str
    journal: JournalID


class IndexKey(NamedTuple):
    """The key of an index entry, or (prefix `gone`) of a deletion mark."""

    prefix: str
    event_id: str
    revision: int


class UpdateKey(NamedTuple):
    """The key of an update; `kind` is UPDATE or DELETE."""

    prefix: str
    journal: JournalID
    event_id: str
    timestamp: int
    kind: str


class Entry(NamedTuple):
    """What an index entry holds. `came_from` is the journal that the event came from.

    0.4.3 writes the target alone. We write what the manifest's row says, with its `row_index` there.
    """

    target: JournalID
    came_from: JournalID | None
    date: int
    birth: int | None
    row_index: int | None = None
    updated: int = 0


class Row(NamedTuple):
    """One event in a manifest, with the timestamp of the last update applied to it."""

    event_id: str
    date: int
    revision: int
    updated: int
    birth: int | None


class Manifest(NamedTuple):
    """A manifest; `came_from` is parallel to `rows`. A fence has no rows: it stops whoever would create it later."""

    rows: tuple[Row, ...]
    replaces: tuple[JournalID, ...] = ()
    fence: bool = False
    came_from: tuple[JournalID | None, ...] = ()


FENCE = Manifest((), fence=True)


class Combination(NamedTuple):
    """A ledger entry: a combination under way, with its sources, the journal that it makes, and the updates it uses."""

    sources: tuple[JournalID, ...]
    journal: JournalID | None
    used: tuple[UpdateKey, ...]


def journal_key(journal: JournalID) -> JournalKey:
    """Return the key of a manifest."""
    return JournalKey("journals", journal)


def index_key(event_id: str, revision: int) -> IndexKey:
    """Return the key of an index entry."""
    return IndexKey("index", event_id, revision)


def mark_key(event_id: str, revision: int) -> IndexKey:
    """Return the key of a deletion mark."""
    return IndexKey("gone", event_id, revision)


def update_key(journal: JournalID, event_id: str, timestamp: int, kind: str) -> UpdateKey:
    """Return the key of an update."""
    return UpdateKey("updates", journal, event_id, timestamp, kind)


def blob_key(blob: str) -> Key:
    """Return the key of a blob; its value is a tuple of the events' data."""
    return ("blobs", blob)


def draft_key(journal: JournalID) -> Key:
    """Return the key of a batch's draft."""
    return ("drafts", journal)


def tombstone(key: Key) -> Key:
    """Return the key of a key's tombstone: the next in key order."""
    return (*key, DEAD)


def is_delete(key: Key) -> bool:
    """Say whether the key of an update, or of its tombstone, is that of a DELETE."""
    return bool(key[4] == "DELETE")


def without_dead(keys: tuple[Key, ...]) -> list[Any]:
    """Return those of the listed keys that are no tombstone and have none."""
    listed = set(keys)
    return [key for key in keys if key[-1] != DEAD and tombstone(key) not in listed]


class Time(NamedTuple):
    """The server's time, where a configuration has it: then journals and updates have a date (LastModified).

    Assumed of S3: an object is listed from one moment on, and its date is that moment's or at most `SLACK` ticks older.
    It is older for what the processes in `lagging` make: S3 dates a PUT before it can be seen.
    """

    now: int
    lagging: str

    def date_of(self, key: Key, by: str) -> int:
        """Return the date of an object that is written now; a journal's blob is named for who makes it."""
        return self.now - (SLACK if (by or key[1].blob)[0] in self.lagging else 0)


class Request(Protocol):
    """One request to the store."""

    def perform(self, store: Store, running: Running) -> tuple[Store, Response]:
        """Return the store after the request, and the response."""


class Put(NamedTuple):
    """Write a key, whether or not it is there. `by`: who writes an update, which its key does not say."""

    key: Key
    value: Any
    by: str = ""

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Write."""
        return _written(store, self.key, self.value, self.by), True


class PutOwn(NamedTuple):
    """Write a key that nobody reads before the writer has said, by a manifest or a claim, that it is there."""

    key: Key
    value: Any

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Write."""
        return {**store, self.key: self.value}, True


class Bury(NamedTuple):
    """Write a key's tombstone. Its value, an oracle of the grace time, is who was running at that moment."""

    key: Key

    def perform(self, store: Store, running: Running) -> tuple[Store, Response]:
        """Write."""
        return _written(store, tombstone(self.key), running), True


class Create(NamedTuple):
    """Write a key if it is not there (the conditional PUT); the response says whether it was written."""

    key: Key
    value: Any

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Write, or not."""
        return (store, False) if self.key in store else (_written(store, self.key, self.value), True)


class Get(NamedTuple):
    """Read a key; the response is its value, or None."""

    key: Key

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Read."""
        return store, store.get(self.key)


class Delete(NamedTuple):
    """Delete a key, if it is there."""

    key: Key

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Delete."""
        if self.key not in store:
            return store, False
        return {key: value for key, value in store.items() if key != self.key}, True


class DeleteEach(NamedTuple):
    """Delete keys with one request, in which each succeeds or fails by itself; the response says whether all are gone.

    `fails` is the key that the server would not delete: the checker tries each, as it tries crashes.
    """

    keys: tuple[Key, ...]
    fails: Key | None = None

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Delete."""
        deleted = set(self.keys) - {self.fails}
        left = {key: value for key, value in store.items() if key not in deleted}
        return (store if len(left) == len(store) else left), self.fails not in store

    def failures(self, store: Store) -> list[DeleteEach]:
        """Return the same request for each of its keys that is there, that one failing."""
        return [self._replace(fails=key) for key in self.keys if key in store]


class List(NamedTuple):
    """List the keys that begin with `prefix`, in order: those after `after`, at most `limit` of them."""

    prefix: Key
    after: Key | None = None
    limit: int | None = None

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """List."""
        return store, _listed(store, self.prefix, self.after)[: self.limit]


class ListDated(NamedTuple):
    """List a page as `List` does; the response is the server's time, and each key with its date."""

    after: Key | None
    limit: int | None
    prefix: Key = ("journals",)

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """List."""
        keys = _listed(store, self.prefix, self.after)[: self.limit]
        return store, (store[TIME].now, tuple((key, store[DATES, key]) for key in keys))


class Tick(NamedTuple):
    """Let the server's time go on."""

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Tick."""
        time = store[TIME]
        return {**store, TIME: time._replace(now=time.now + 1)}, True


class Now(NamedTuple):
    """Read the one global clock, which goes on by a tick each time."""

    def perform(self, store: Store, _running: Running) -> tuple[Store, Response]:
        """Tick."""
        now = store.get(CLOCK, 100) + 1
        return {**store, CLOCK: now}, now


class MayCollect(NamedTuple):
    """Ask the oracle of the grace time whether all readers (or all calls) that ran at a burial have ended.

    A grace time is longer than the slack.
    """

    key: Key
    await_writers: bool

    def perform(self, store: Store, running: Running) -> tuple[Store, Response]:
        """Answer."""
        is_young = TIME in store and store[TIME].now - store.get((DATES, self.key), 0) <= SLACK
        if self.key not in store or is_young:
            return store, False
        return store, not any(call in running and (self.await_writers or call.reads) for call in store[self.key])


WRITES = (Put, Bury, Create, Delete, DeleteEach)
"""Requests that botocore sends again when it gets no answer; the first one may arrive later."""


def commutes(request: Request, store: Store, *, collects: bool) -> bool:
    """Say whether no other process can tell when this request is made.

    So it is with what nobody looks for yet, and with reading what never changes, unless garbage collection removes it.
    """
    if isinstance(request, Get):
        return not collects and request.key[0] in ("journals", "blobs", "updates") and request.key in store
    return isinstance(request, PutOwn)


def _written(store: Store, key: Key, value: object, by: str = "") -> Store:
    """Return the store with an object, dated where dates are kept."""
    dated = {(DATES, key): store[TIME].date_of(key, by)} if TIME in store and key[0] in DATED else {}
    return {**store, key: value, **dated}


def _listed(store: Store, prefix: Key, after: Key | None = None) -> tuple[Key, ...]:
    length = len(prefix)
    return tuple(sorted(key for key in store if key[:length] == prefix and (after is None or key > after)))
