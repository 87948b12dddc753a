"""What every call works with: the store, its requests, and the rules that hold for all of them."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from flashflood import layout
from flashflood._core import Manifest
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.identifiers import JournalID, Update
from flashflood.progress import SILENT, Meter, OnProgress
from flashflood.requests import Requests
from flashflood.store.protocol import Body, Entry, Found, Page, Store

logger = logging.getLogger(__name__)

C = TypeVar("C", bound="Calls")
P = ParamSpec("P")
T = TypeVar("T")

GRACE = timedelta(days=1)
"""How long something must have been dead before it is collected. No call may last that long: see `Deadline`."""
SLACK = timedelta(minutes=5)
"""By how much an object's date may be older than the moment from which a LIST shows it (FOLLOW.md)."""


class Context:
    """One store, as one `FlashFlood` sees it. Its calls share this, from any thread."""

    def __init__(self, store: Store, *, read_pending_updates: bool) -> None:
        """Work on a store; `read_pending_updates` says whether lookups show pending updates."""
        self.store = store
        self.read_pending_updates = read_pending_updates
        self.requests = Requests(store.workers, is_near=store.is_near)
        self.meter = SILENT
        """Counts what one call does; see `telling`."""
        self._listed: list[str] = []
        """A key, once a listing has had one; the copy that `over` gives shares it."""
        self.is_closed = False

    def over(self, store: Store) -> "Context":
        """Give the same on another store, which is as near and takes as many requests."""
        other = copy(self)
        other.store = store
        return other

    @contextmanager
    def telling(self, call: str, on_progress: OnProgress | None) -> Iterator["Context"]:
        """Give the same for one call, which tells how far it has come: this thread, now and then, and at the end.

        None: it does not. `TypeError` for what cannot be called.
        """
        if on_progress is None:
            yield self
            return
        if not callable(on_progress):
            msg = f"progress={on_progress!r}; give what can be called with a Progress"
            raise TypeError(msg)
        meter = Meter(call, on_progress)
        yield self.told_by(meter)
        meter.tell_now()

    def told_by(self, meter: Meter) -> "Context":
        """Give the same for the call that this meter is of."""
        if meter is SILENT:
            return self
        other = copy(self)
        other.meter = meter
        other.requests = self.requests.telling(meter)
        return other

    def reading_pending_updates(self) -> "Context":
        """Give the same, with lookups that show pending updates."""
        other = copy(self)
        other.read_pending_updates = True
        return other

    def close(self) -> None:
        """Give back threads, files and connections. Requests under way end; each later one is an error."""
        self.is_closed = True
        self.store.close()
        self.requests.close()
        self.store.close()  # what was under way has given back its connections by now

    def now(self) -> datetime:
        """Tell the time by the clock that dates this store's objects: write a marker, and read its date.

        No other clock can say how old an object is: not this machine's, nor the one that dates the server's answers.
        """
        while True:
            self.store.put(layout.CLOCK, b"")
            marker = self.store.head(layout.CLOCK)
            if marker is not None:  # else another process destroys the store
                return marker.modified

    def has_objects(self) -> bool:
        """Say whether anything is in the store. It takes a request only where no listing has had an object yet."""
        return bool(self._listed or self.page("").entries)

    def page(self, prefix: str, after: str | None = None) -> Page:
        """List one page of the objects under a prefix."""
        page = self.store.list(prefix, after)
        self.meter.add("keys", len(page.entries))
        self.meter.tell()
        if page.entries and not self._listed:
            self._listed.append(page.entries[0].key)
        return page

    def pages(self, prefix: str, after: str | None = None) -> Iterator[Page]:
        """List the objects under a prefix, page by page."""
        while True:
            page = self.page(prefix, after)
            yield page
            if not page.more:
                return
            after = page.entries[-1].key

    def entries(self, prefix: str, after: str | None = None) -> Iterator[Entry]:
        """List the objects under a prefix."""
        for page in self.pages(prefix, after):
            yield from page.entries

    def manifest(self, journal_id: JournalID) -> Manifest | None:
        """Read a journal's manifest.

        None: there is none (any more). `FlashFloodCorruptionError` if it cannot be read.
        """
        key = layout.journal_key(journal_id)
        found = self.store.get(key)
        try:
            return None if found is None else Manifest.decode(journal_id, found.body)
        except FlashFloodCorruptionError as error:
            error.key = key
            raise

    def manifest_bytes(self, journal_id: JournalID, start: int, stop: int) -> bytes:
        """Read the bytes of a journal's manifest from `start` to before `stop`; fewer, where there are none."""
        found = self.store.get(layout.journal_key(journal_id), start, stop)
        return b"" if found is None else found.body

    def create_manifest(self, manifest: Manifest) -> bool:
        """Create a manifest: the commit point. False: its key is taken; read what is there."""
        key = layout.journal_key(JournalID(manifest.journal_id))
        body, begun = manifest.encode(), time.monotonic()
        is_created = self.store.create(key, body, metadata=manifest_metadata(manifest))
        self._warn_of_slack(key, begun, "where its events were late, a follower may have missed them")
        return is_created

    def put_update(self, update: Update, body: Body) -> None:
        """Write an update or delete of an event."""
        key, begun = layout.update_key(update), time.monotonic()
        self.store.put(key, body)
        self._warn_of_slack(key, begun, "a follower with changes=True may have missed it")

    def _warn_of_slack(self, key: str, begun: float, missed: str) -> None:
        took = timedelta(seconds=time.monotonic() - begun)
        if took > SLACK:
            logger.warning("%s: writing %s took %s, longer than %s: %s", self.store.name, key, took, SLACK, missed)

    def blob(self, journal_id: JournalID, start: int, stop: int) -> Found | None:
        """Read the bytes of a journal's blob from `start` to before `stop`; fewer, where it ends before.

        None: there is no blob (any more).
        """
        return self.store.get(layout.blob_key(journal_id), start, stop)

    def blob_size(self, journal_id: JournalID) -> int | None:
        """Give the length of a journal's blob in bytes. None: there is none."""
        key = layout.blob_key(journal_id)
        return next((entry.size for entry in self.entries(key) if entry.key == key), None)

    def has_blob(self, journal_id: JournalID) -> bool:
        """Say whether a journal's blob is there."""
        return self.store.head(layout.blob_key(journal_id)) is not None

    def write_blob(self, journal_id: JournalID, body: Body | Iterable[bytes]) -> None:
        """Write a journal's blob."""
        self.store.put(layout.blob_key(journal_id), body, metadata={"journal_id": journal_id})

    def has_manifest(self, journal_id: JournalID) -> bool:
        """Say whether a journal's manifest is there."""
        return self.store.head(layout.journal_key(journal_id)) is not None

    def bury(self, journal_ids: Iterable[JournalID]) -> None:
        """Write the tombstones of journals, and tag them and their blobs as garbage."""
        self.requests.each(self.meter.counting("journals", self._bury), journal_ids)

    def _bury(self, journal_id: JournalID) -> None:
        self.bury_object(layout.journal_key(journal_id))
        self.store.mark_garbage(layout.blob_key(journal_id))

    def bury_object(self, key: str) -> None:
        """Write the tombstone of a journal or an update and tag the object.

        Where the object has been collected meanwhile, the tombstone goes again: 0.4.3's listing fails on a lone one
        (FORMAT.md).
        """
        tombstone = layout.tombstone_key(key)
        self.store.put(tombstone, b"", garbage=True)
        if not self.store.mark_garbage(key):
            self.store.delete([tombstone])

    def remedy(self, usual: str) -> str:
        """Say what to do about something that is missing: in a store that is itself damaged it may only be hidden."""
        damage = self.store.damage()
        return damage[0] if damage else usual

    def discard(self, keys: Sequence[str]) -> None:
        """Delete what a call leaves behind. If that fails, the objects stay, and a warning names them.

        It fails, for one, where the writer may not delete. If the call itself has failed, its caller still gets the
        error of the call.
        """
        try:
            self.store.delete(keys)
        except Exception:
            logger.warning("left behind: %s", ", ".join(keys), exc_info=True)


def manifest_metadata(manifest: Manifest) -> dict[str, str]:
    """Give the S3 metadata that a manifest is kept with."""
    return {"number_of_events": str(len(manifest)), "journal_data_size": str(manifest.size)}


class Calls:
    """Some calls of `FlashFlood`."""

    @property
    def _ctx(self) -> Context:
        """What calls work with."""
        raise NotImplementedError


def kept(call: Callable[Concatenate[C, P], T]) -> Callable[Concatenate[C, P], T]:
    """Let a call that writes return once what it has written stays; see `Store.flush`."""

    @wraps(call)
    def kept(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        store = self._ctx.store
        try:
            return call(self, *args, **kwargs)
        finally:
            store.flush()

    return kept


class Deadline:
    """Stops a writer whose call has lasted half of the grace time, before its commit (PROTOCOL.md, step 14).

    Of two clocks the one counts that shows more time: the monotonic clock stands still while Linux is suspended, and
    the wall clock may be set back.
    """

    def __init__(self) -> None:
        """Begin now."""
        self._begun = time.monotonic(), time.time()

    def check(self, what: str) -> None:
        """`FlashFloodException` once it is too late; nothing has been committed, and the call can be made again."""
        monotonic, wall = self._begun
        if max(time.monotonic() - monotonic, time.time() - wall) > GRACE.total_seconds() / 2:
            msg = f"{what} has taken more than {GRACE / 2}, and what it relies on may be collected: call it again"
            raise FlashFloodException(msg)
