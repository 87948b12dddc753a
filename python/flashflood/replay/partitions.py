"""A replay in parts, each of which reads itself, in any process that can reach the store. Only reads."""

from __future__ import annotations

import pickle
from bisect import bisect_right
from collections.abc import Sized
from functools import lru_cache, partial
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.pickling import no_pickle
from flashflood.replay.arrow import BATCH_SIZE, ReplayBatches
from flashflood.replay.planning import Part, plan_parts
from flashflood.replay.replay import MEMORY_BUDGET, Batches, Replay, batches, checked_budget
from flashflood.replay.rows import Scan
from flashflood.replay.stages import stage_of
from flashflood.replay.streams import list_event_streams, stream_batches
from flashflood.store import Address, s3_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flashflood._core import Batch
    from flashflood.dates import DateRange
    from flashflood.replay.damage import OnDamage
    from flashflood.replay.wanted import Wanted
    from flashflood.replay.windows import Stage

SIZE = 256 << 20
"""Bytes of data in a partition, about, unless the caller says so."""


B = TypeVar("B", bound=Sized)


class _InStore:
    """Where a partition is read from: the store, with the credentials of the process that reads it."""

    def __init__(self, ctx: Context, address: Address | None) -> None:
        """Make no request. `address`: what opens the store again; None: nothing does."""
        self._ctx = ctx
        self.address = address
        self.name = ctx.store.name

    def __reduce__(self) -> tuple[Callable[[Address | None], _InStore], tuple[Address | None]]:
        """Pickle by the address."""
        return _in_store, (self.address,)

    def events(self, scan: Scan, stage: Stage[Batch]) -> Replay:
        """Replay a part."""
        return Replay.begun(self._ctx, scan, stage)

    def batches(self, scan: Scan, stage: Stage[B]) -> Batches[B]:
        """Do so, many events at a time."""
        return batches(self._ctx, scan, stage)


@lru_cache(maxsize=16)
def _in_store(address: Address) -> _InStore:
    """Open a store, with one client for all partitions of it that come to this process."""
    return _InStore(Context(address.open(), read_pending_updates=True), address)


class _InStreams(NamedTuple):
    """The same: presigned event streams."""

    streams: list[dict[str, Any]]
    name: str

    def events(self, scan: Scan, stage: Stage[Batch]) -> Replay:
        """Replay a part."""
        return Replay((stage(batch).events() for batch in stream_batches(self.streams, scan.dates, scan.after)), [])

    def batches(self, scan: Scan, stage: Stage[B]) -> Batches[B]:
        """Do so, many events at a time."""
        staged = (stage(batch) for batch in stream_batches(self.streams, scan.dates, scan.after))
        return Batches((batch for batch in staged if len(batch)), [])


class Partition:
    """The events of some dates. It can be pickled, and reads itself anywhere.

    It is read with the credentials of the process that reads it, for twelve hours after planning; what it was planned
    by may be gone then, and reading it is a `FlashFloodException`. A presigned one needs no credentials, and is good
    for an hour.
    """

    def __init__(self, source: _InStore | _InStreams, part: Part, wanted: Wanted, on_damage: OnDamage) -> None:
        """Make no request."""
        self._source = source
        self._part = part
        self._wanted = wanted
        self._on_damage = on_damage

    @property
    def from_date(self) -> datetime | None:
        """All events are later; naive UTC. None: it has the first events that a date can have."""
        start = self._part.dates.start
        return None if start is None else parse_timestamp(start)

    @property
    def to_date(self) -> datetime:
        """No event is later; naive UTC."""
        return parse_timestamp(self._part.dates.end or "")

    @property
    def estimated_events(self) -> int:
        """About so many events, before filtering."""
        return self._part.events

    @property
    def estimated_bytes(self) -> int:
        """About so many bytes of data, before filtering and selecting."""
        return self._part.size

    def events(self, *, memory_budget: int = MEMORY_BUDGET) -> Replay:
        """Yield the events in (date, event_id) order, as `replay` does, with the plan's `filter` and `select`."""
        return self._source.events(self._scan(memory_budget), stage_of(*self._wanted.stages))

    def batches(self, *, batch_size: int = BATCH_SIZE, memory_budget: int = MEMORY_BUDGET) -> ReplayBatches:
        """Give the same events as a stream of Arrow record batches, as `replay_batches` does, with the plan's columns.

        Types that were left open were inferred when it was planned.
        """
        return ReplayBatches(partial(self._source.batches, self._scan(memory_budget)), self._wanted, batch_size)

    def _scan(self, memory_budget: int) -> Scan:
        return Scan(self._part.dates, checked_budget(memory_budget), self._part.plan, self._on_damage, self._part.after)

    def __repr__(self) -> str:
        """Name its dates, and what is in it."""
        bounds = f"{self.from_date or 'the first event'} < date <= {self.to_date}"
        return f"<Partition {bounds}: about {self.estimated_events:,} events, {self.estimated_bytes:,} bytes>"

    def __getstate__(self) -> dict[str, Any]:
        """Give what is pickled. `TypeError` where the store is in memory."""
        if isinstance(self._source, _InStore) and self._source.address is None:
            raise no_pickle(self, "its store is in this process's memory; open one in a file")
        return self.__dict__

    def __dask_tokenize__(self) -> tuple[str, ...]:
        """Give what Dask names its tasks by: the same for the same store and call, as long as nothing has changed."""
        what = self._part.dates, self._part.after, self._part.fingerprint, self._wanted
        return self._source.name, blake2b(pickle.dumps(what)).hexdigest(), repr(self._on_damage)


def partitions(ctx: Context, scan: Scan, wanted: Wanted, size: int, *, presigned: bool) -> list[Partition]:
    """Cut a replay into partitions of about `size` bytes; see `plan_parts`.

    `ValueError` for a size below 1, or `presigned` where the store is not on S3, or damage is to be left out.
    """
    dates, on_damage = scan.dates, scan.on_damage
    if size < 1:
        msg = f"size={size}; a partition has 1 byte or more"
        raise ValueError(msg)
    if presigned and s3_of(ctx.store) is None:
        msg = f"presigned=True, but {ctx.store.name} is not on S3: only its URLs can be read without credentials"
        raise ValueError(msg)
    if presigned and on_damage != "error":
        msg = (
            "on_damage is for partitions that read the store: without credentials nobody can tell a lost blob from one"
            " that was replaced; leave out presigned, or on_damage"
        )
        raise ValueError(msg)
    parts = [] if dates.is_empty else plan_parts(ctx, scan, size)
    if not presigned:
        in_store = _InStore(ctx, Address.of(ctx.store))
        return [Partition(in_store, part, wanted, on_damage) for part in parts]
    streams = list(list_event_streams(ctx, dates))
    name = ctx.store.name
    return [Partition(_InStreams(_within(streams, part.dates), name), part, wanted, on_damage) for part in parts]


def _within(streams: list[dict[str, Any]], dates: DateRange) -> list[dict[str, Any]]:
    """Give streams with the rows of some dates only."""
    found = []
    for stream in streams:
        rows, timestamp = stream["events"], itemgetter("timestamp")
        first = 0 if dates.start is None else bisect_right(rows, dates.start, key=timestamp)
        beyond = len(rows) if dates.end is None else bisect_right(rows, dates.end, key=timestamp)
        if first < beyond:
            found.append({**stream, "events": rows[first:beyond]})
    return found
