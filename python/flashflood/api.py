"""The class that users work with. Each call is one line here or in a room's `calls`, and one module beneath."""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cached_property, partial, wraps
from html import escape
from types import TracebackType
from typing import Any, Self, TypeVar

from flashflood import telemetry
from flashflood.context import Context, kept
from flashflood.data import Data
from flashflood.dates import DateRange
from flashflood.events import Event
from flashflood.follow.calls import Follows
from flashflood.identifiers import JournalID
from flashflood.journals import Journal, Journals
from flashflood.maintain import copy
from flashflood.maintain.calls import Upkeep
from flashflood.maintain.copy import Copied
from flashflood.pickling import no_pickle
from flashflood.progress import OnProgress
from flashflood.read import get_event, get_events
from flashflood.read.get_events import OnMissing
from flashflood.records.journal_counts import JournalSummary, summaries
from flashflood.records.living import journals_between, living_journals, new_journals
from flashflood.replay.calls import Replays
from flashflood.stats.found import Stats
from flashflood.stats.stats import stats
from flashflood.store import Address, Store, bucket_and_prefix, closed, on_client, open_store
from flashflood.store.clients import ClientSettings, resource_on, s3_store
from flashflood.write import change, put_many
from flashflood.write.put_many import Bare, OnConflict, Stored
from flashflood.write.puts import Puts
from flashflood.write.writer import LINGER, Writer, Writers

T = TypeVar("T")


def _spanned(*names: str) -> Callable[[type[T]], type[T]]:
    """Make a span of each of these calls, where they are measured. What gives an iterator does so by itself."""

    def in_a_span(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def spanned(self: "FlashFlood", /, *args: Any, **options: Any) -> Any:  # noqa: ANN401  what any call takes
            with telemetry.call(call.__name__, self._ctx.store.name):
                return call(self, *args, **options)

        return spanned

    def decorate(cls: type[T]) -> type[T]:
        for name in names if telemetry.IS_ON else ():
            setattr(cls, name, in_a_span(getattr(cls, name)))
        return cls

    return decorate


@_spanned("put", "put_many", "get_event", "event_exists", "update_event", "delete_event")
@_spanned("update", "journal", "compact", "combine_journals", "open_journal", "partitions", "search")
@_spanned("stats", "check", "repair", "collect_garbage", "copy_to", "destroy")
class FlashFlood(Replays, Follows, Upkeep):
    """Events in one place: a prefix of an S3 bucket, a folder, a SQLite file, or memory.

    Every call may be made from any thread, in a forked child too, and beside any other process. Several threads may
    share an iterator that a call gives: each item goes to one of them. A date that you give is aware, or naive in UTC;
    a date that you get is naive in UTC.
    One for a program is enough, for as long as it runs. `close`, or the end of a `with`, gives back what it holds.
    The package's own errors are `FlashFloodException`s; botocore's (no access, no bucket, no network) pass through
    unchanged.
    """

    def __init__(
        self,
        s3_resource: Any,  # noqa: ANN401  boto3 has no static types
        bucket: str,
        root_prefix: str,
        *,
        read_pending_updates: bool = True,
    ) -> None:
        """Work on the events under `root_prefix` in a bucket, through a boto3 S3 resource or client.

        The client is left as it is, and no request is made yet. As many requests are under way at a time as the client
        has `max_pool_connections` (botocore's Config; 10 unless set).
        `read_pending_updates=False` reads as 0.4.3 does: `get_event` gives the old data until an update has been
        applied.
        `ValueError` if the root prefix ends with `/`.
        """
        if root_prefix.endswith("/"):
            msg = f"root prefix {root_prefix!r} ends with '/'; leave that out"
            raise ValueError(msg)
        client = getattr(s3_resource.meta, "client", s3_resource)
        self._begin(on_client(client, bucket, root_prefix), read_pending_updates=read_pending_updates)
        if client is not s3_resource:
            self.s3 = s3_resource

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        client: Any = None,  # noqa: ANN401  boto3 has no static types
        endpoint_url: str | None = None,
        read_pending_updates: bool = True,
    ) -> Self:
        """Work on a file (`events.flashflood`), on `s3://bucket/prefix`, on a folder, or in memory (`memory://`).

        A path is a SQLite file's, as `sqlite:///path` is, unless it is a folder's: one that is there, or that ends in a
        slash. In a folder each key is a file, so `aws s3 sync` of a prefix makes one that replays. The first write
        makes the file or the folder.
        For S3, credentials and endpoint come from the environment, as the AWS CLI finds them, unless they are given:
        `endpoint_url` names another server, such as `http://127.0.0.1:9000`; `client` is a boto3 S3 client or resource,
        which is left as it is.
        What is put in memory goes with the object that this gives.
        The object can be pickled, unless it is in memory or was given a `client`; where it is unpickled, it opens the
        same URL, at the same endpoint, with the credentials that it finds there.
        `ValueError` for a URL that names no store, for `client` or `endpoint_url` where it is not on S3, and for both
        at once.
        """
        if client is None:
            store = open_store(url, ClientSettings(endpoint_url=endpoint_url))
            return cls._opened(store, read_pending_updates=read_pending_updates)
        bucket, prefix = bucket_and_prefix(url, "client")
        if endpoint_url is not None:
            msg = f"endpoint_url={endpoint_url!r} beside a client, which has its own: leave one of the two out"
            raise ValueError(msg)
        return cls(client, bucket, prefix, read_pending_updates=read_pending_updates)

    @classmethod
    def _opened(cls, store: Store, *, read_pending_updates: bool) -> Self:
        self = cls._on(store, read_pending_updates=read_pending_updates)
        self._is_opened = True
        return self

    @classmethod
    def _on(cls, store: Store, *, read_pending_updates: bool = True) -> Self:
        """Work on any store."""
        self = cls.__new__(cls)
        self._begin(store, read_pending_updates=read_pending_updates)
        return self

    def _begin(self, store: Store, *, read_pending_updates: bool) -> None:
        self._context = Context(store, read_pending_updates=read_pending_updates)
        self._puts = Puts(self._context)
        self._writers = Writers()
        self._Journal = Journals(self._context)
        self._is_opened = False

    @property
    def _ctx(self) -> Context:
        """What calls work with. `FlashFloodException` once it is closed."""
        if self._context.is_closed:
            raise closed(self._context.store.name)
        return self._context

    def close(self) -> None:
        """Store what waits in its writers, and give back threads, files and connections; later calls do nothing.

        It waits for requests under way on threads of its own. What is under way elsewhere, an iterator, a call of
        another thread, an opened journal, fails with a `FlashFloodException` at its next request, as every call does
        from now on. So no iterator ends as if that had been all. A boto3 client that was given is left as it is.
        What is in memory (`memory://`) is gone. In a forked child this gives back what is the child's.
        Raises the first failure that a writer has and that nobody has asked for; it is closed all the same.
        `FlashFloodException` in a callback of a writer's future: then it is not closed.
        """
        self._writers.refuse_in_a_callback()
        try:
            self._writers.close()
            self._puts.finish()
        except Exception:
            self._context.close()
            raise
        self._context.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, and leave an exception that is on its way as it is, with a note of what failed in closing."""
        try:
            self.close()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"closing {self!r} failed too: {failure!r}")

    def __repr__(self) -> str:
        """Name the store."""
        return f"<FlashFlood on {self._context.store.name}{', closed' if self._context.is_closed else ''}>"

    def _repr_html_(self) -> str:
        """Name the store in a notebook. No request."""
        return (
            f"FlashFlood on <code>{escape(self._context.store.name)}</code>; <code>stats()</code> shows what it holds"
        )

    def __reduce__(self) -> tuple[Callable[[], "FlashFlood"], tuple[()]]:
        """Pickle by URL, options, and what the client needs to be made again, without credentials.

        `TypeError` for one that was not opened by a URL.
        """
        address, reads = Address.of(self._ctx.store), self._ctx.read_pending_updates
        if address is None:
            raise no_pickle(self, "its store is in this process's memory; open one in a file")
        if not self._is_opened:
            endpoint = address.client.endpoint_url if address.client else None
            opened = f"FlashFlood.open({address.url!r}{f', endpoint_url={endpoint!r}' if endpoint else ''})"
            raise no_pickle(self, f"it holds a boto3 client; open it with {opened}, or make it where it is used")
        return partial(_open_again, type(self), address, read_pending_updates=reads), ()

    def __copy__(self) -> Self:
        """Give another one on the same store, with the same client; they are closed together."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    @cached_property
    def s3(self) -> Any:  # noqa: ANN401  boto3 has no static types
        """The boto3 resource that this was made from, or one on the same client. `AttributeError` in a folder."""
        return resource_on(self._ctx.store, "s3")

    @property
    def s3_client(self) -> Any:  # noqa: ANN401  as above
        """The boto3 client. `AttributeError` in a folder."""
        return s3_store(self._ctx.store, "s3_client").client

    @property
    def bucket(self) -> Any:  # noqa: ANN401  as above
        """The boto3 `Bucket`. `AttributeError` in a folder."""
        name = s3_store(self._ctx.store, "bucket").bucket
        return self.s3.Bucket(name)

    @property
    def root_prefix(self) -> str:
        """What all keys in the bucket begin with, but for a `/`; empty in a folder."""
        return self._ctx.store.root_prefix

    @kept
    def put(self, data: Data, event_id: str | None = None, date: datetime | None = None) -> Event:
        """Store a new event and give it back.

        `data`: bytes, bytearray or memoryview as they are, `str` as UTF-8, a `dict` or `list` as JSON; else a
        `TypeError`.
        `event_id`: any text without `--` and control characters; None or "" makes a random UUID. `date`: now, if None.
        `FlashFloodEventExistsError` if an event has the id. Once this returns, no crash and no other process loses the
        event.
        """
        return self._puts.put(data, event_id, date)

    def writer(self, *, linger: timedelta = LINGER) -> Writer:
        """Open a writer, for a program that can wait: `with ff.writer() as writer`, then `writer.put` from any thread.

        What is put within `linger` of the first event that waits goes together, sooner where a batch is full. That
        takes a third of the requests, and each put gives a future at once.
        `ValueError` for a `linger` below 0.
        """
        return self._writers.open(self._ctx, linger)

    @kept
    def put_many(
        self,
        events: Iterable[Event | Bare],
        *,
        on_conflict: OnConflict = "error",
        progress: OnProgress | None = None,
    ) -> Stored:
        """Store many new events, given as `Event`s or as (data, event_id, date), each as `put` takes it.

        They are written in batches of at most 5,000 events or about 16 MB, as they come from the iterable; each batch
        is stored whole or not at all. An id that another event has is a `FlashFloodEventExistsError`, and its batch is
        not stored; with `on_conflict="skip"` only that event is left out. After an interruption, the same call with
        "skip" stores the rest. Gives how many were stored, and the ids left out.
        `progress`: is given a `Progress` now and then, and at the end.
        """
        with self._ctx.telling("put_many", progress) as ctx:
            return put_many.put_many(ctx, events, on_conflict)

    def get_event(self, event_id: str) -> Event:
        """Read one event, with its newest data. `FlashFloodEventNotFound` if there is none of this id."""
        return get_event.get_event(self._ctx, event_id)

    def get_events(self, ids: Iterable[str], *, on_missing: OnMissing = "error") -> Iterator[Event]:
        """Yield the events of these ids with their newest data, in the order of the ids: twice if an id comes twice.

        No request is made before the first event is asked for. From then on ids are taken, and events are read, some
        thousand ahead at most. Each event is as `get_event` would give it at some moment since then.
        An id without an event is a `FlashFloodEventNotFound` when its turn comes; with `on_missing="skip"` it is left
        out. Closing the iterator ends what is under way. `TypeError` if `ids` is one text.
        """
        return get_events.get_events(self._ctx, ids, on_missing)

    def event_exists(self, event_id: str) -> bool:
        """Say whether there is an event of this id."""
        return get_event.event_exists(self._ctx, event_id)

    @kept
    def update_event(self, event_id: str, new_data: Data) -> None:
        """Give an event new data (of the kinds that `put` takes).

        `get_event` shows it at once, replay once it is applied.

        `FlashFloodEventNotFound` if there is no such event.
        """
        change.update_event(self._ctx, event_id, new_data)

    @kept
    def delete_event(self, event_id: str) -> None:
        """Delete an event. It cannot be read from now on; replay shows it until the delete is applied.

        `FlashFloodEventNotFound` if there is no such event.
        """
        change.delete_event(self._ctx, event_id)

    def list_journals(self, from_date: datetime | None = None, to_date: datetime | None = None) -> Iterator[JournalID]:
        """Yield the ids of the living journals that overlap from_date < date <= to_date, in key order, lazily."""
        return journals_between(self._ctx, DateRange.of(from_date, to_date))

    def describe_journals(
        self, from_date: datetime | None = None, to_date: datetime | None = None
    ) -> Iterator[JournalSummary]:
        """Yield the same journals, each with how many events and bytes of data it holds, lazily.

        A listing does not say so: each journal takes a request more, a HEAD, many at a time.
        """
        return summaries(self._ctx, self.list_journals(from_date, to_date))

    def journal_ids(self, list_from: str | None = None) -> Iterator[JournalID]:
        """Yield the ids of all living journals in key order, after `list_from`, lazily."""
        return living_journals(self._ctx, None if list_from is None else JournalID(list_from))

    def new_journals(self) -> Iterator[JournalID]:
        """Yield the ids of the living journals that hold one new event each, not yet journaled."""
        return new_journals(self._ctx)

    def open_journal(self, journal_id: str) -> Journal:
        """Open a journal: its events, its manifest, its body. `FlashFloodException` if there is none of this id."""
        return Journal.open(self._ctx, journal_id)

    def stats(self) -> Stats:
        """Count events, bytes, journals, what waits and what is dead, from listings; a notebook draws it.

        Of the events of many journals it is an estimate, which says so. No journal is read: beside a LIST of journals,
        blobs and updates for each thousand of them, this takes 16 requests at most.
        """
        return stats(self._ctx)

    def copy_to(self, other: "FlashFlood", *, verify: bool = False, progress: OnProgress | None = None) -> Copied:
        """Copy the whole store into another one, which is empty: events, pending updates, index, and what is dead.

        Interrupted, the same call goes on. This store is only read. What others write to it before the last pass is
        copied too; nobody may write to `other` before this returns. `verify`: read both once more at the end, and
        compare. `progress`: is given a `Progress` now and then, and at the end.
        Where the index came without its metadata (a folder by `aws s3 sync`), it is written again from the journals.
        `FlashFloodException` if `other` is not empty, or has an unfinished copy of another store; if this store is
        written to all the time; if what is to be verified differs.
        """
        target = other._ctx  # noqa: SLF001  another one of us
        try:
            with self._ctx.telling("copy_to", progress) as ctx:
                return copy.copy(ctx, target.told_by(ctx.meter), verify=verify)
        finally:
            target.store.flush()

    @kept
    def destroy(self) -> None:
        """Delete every object under the root prefix, events included."""
        for page in self._ctx.pages(""):
            self._ctx.store.delete([entry.key for entry in page.entries])

    _new_journals = new_journals
    _destroy = destroy


def opened(store: str | os.PathLike[str] | FlashFlood) -> FlashFlood:
    """Open a store by its URL, unless it is open."""
    return store if isinstance(store, FlashFlood) else FlashFlood.open(store)


def _open_again(cls: type[FlashFlood], address: Address, *, read_pending_updates: bool) -> FlashFlood:
    """Make a FlashFlood where it is unpickled."""
    return cls._opened(address.open(), read_pending_updates=read_pending_updates)
