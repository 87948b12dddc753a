"""A replay in parts, each of which reads itself, in any process that can reach the store. Only reads."""

from __future__ import annotations

import pickle
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.pickling import no_pickle
from flashflood.replay.arrow import BATCH_SIZE, ReplayBatches
from flashflood.replay.expressions import Expression
from flashflood.replay.planning import Part, plan_parts
from flashflood.replay.replay import MEMORY_BUDGET, Replay, checked_budget
from flashflood.replay.rows import Scan
from flashflood.replay.stages import stage_of
from flashflood.store import Address

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flashflood.dates import DateRange
    from flashflood.replay.stages import Given

SIZE = 256 << 20
"""Bytes of data in a partition, about, unless the caller says so."""


class _Wanted(NamedTuple):
    """What a partition is, but for its store."""

    part: Part
    filter: Expression | None
    select: Expression | None


class Partition:
    """The events of some dates. It can be pickled, and reads itself anywhere: with the credentials found there.

    It is good for twelve hours: what it was planned by may be gone then, and reading it is a `FlashFloodException`.
    """

    def __init__(self, ctx: Context, address: Address | None, wanted: _Wanted) -> None:
        """Make no request. `address`: what opens the store again; None: nothing does."""
        self._ctx = ctx
        self._address = address
        self._wanted = wanted

    @property
    def from_date(self) -> datetime | None:
        """All events are later; naive UTC. None: it has the first events that a date can have."""
        start = self._wanted.part.dates.start
        return None if start is None else parse_timestamp(start)

    @property
    def to_date(self) -> datetime:
        """No event is later; naive UTC."""
        return parse_timestamp(self._wanted.part.dates.end or "")

    @property
    def estimated_events(self) -> int:
        """About so many events, before filtering."""
        return self._wanted.part.events

    @property
    def estimated_bytes(self) -> int:
        """About so many bytes of data, before filtering and selecting."""
        return self._wanted.part.size

    def events(self, *, memory_budget: int = MEMORY_BUDGET) -> Replay:
        """Yield the events in (date, event_id) order, as `replay` does, with the plan's `filter` and `select`."""
        return Replay(self._ctx, self._scan(memory_budget), stage_of(self._wanted.filter, self._wanted.select))

    def batches(self, *, batch_size: int = BATCH_SIZE, memory_budget: int = MEMORY_BUDGET) -> ReplayBatches:
        """Give the same events as a stream of Arrow record batches, as `replay_batches` does."""
        stage = stage_of(self._wanted.filter, self._wanted.select)
        return ReplayBatches(self._ctx, self._scan(memory_budget), stage, batch_size)

    def __repr__(self) -> str:
        """Name its dates, and what is in it."""
        bounds = f"{self.from_date or 'the first event'} < date <= {self.to_date}"
        return f"<Partition {bounds}: about {self.estimated_events:,} events, {self.estimated_bytes:,} bytes>"

    def __reduce__(self) -> tuple[Callable[[Address, _Wanted], Partition], tuple[Address, _Wanted]]:
        """Pickle by the store's URL and what its client needs. `TypeError` where the store is in memory."""
        if self._address is None:
            raise no_pickle(self, "its store is in this process's memory; open one in a file")
        return _opened, (self._address, self._wanted)

    def __dask_tokenize__(self) -> tuple[str, ...]:
        """Give what Dask names its tasks by: the same for the same store and call, as long as nothing has changed."""
        part = self._wanted.part
        what = part.dates, part.fingerprint, self._wanted.filter, self._wanted.select
        return self._ctx.store.name, blake2b(pickle.dumps(what)).hexdigest()

    def _scan(self, memory_budget: int) -> Scan:
        part = self._wanted.part
        return Scan(part.dates, checked_budget(memory_budget), part.plan)


def _opened(address: Address, wanted: _Wanted) -> Partition:
    return Partition(_context(address), address, wanted)


@lru_cache(maxsize=16)
def _context(address: Address) -> Context:
    """Open a store, with one client for all partitions of it that come to this process."""
    return Context(address.open(), read_pending_updates=True)


def partitions(
    ctx: Context, dates: DateRange, filter: Given | None, select: Given | None, size: int
) -> list[Partition]:
    """Cut the replay of a range into partitions of about `size` bytes; see `plan_parts`.

    `ValueError` for a size below 1, or an expression that can never be evaluated.
    """
    if size < 1:
        msg = f"size={size}; a partition has 1 byte or more"
        raise ValueError(msg)
    stage_of(filter, select)  # checks them
    expressions = [None if given is None else Expression(given) for given in (filter, select)]
    address = Address.of(ctx.store)
    parts = [] if dates.is_empty else plan_parts(ctx, dates, size)
    return [Partition(ctx, address, _Wanted(part, *expressions)) for part in parts]
