"""Replays on Dask (`pip install flashflood-rs[dask]`): a DataFrame, or a bag of events, that its workers read.

    import flashflood.dask

    frame = flashflood.dask.read("s3://bucket/prefix", filter="level == 'error'")

The range is cut into partitions (`FlashFlood.partitions`); each is read by whichever worker has its turn, with the
credentials that it finds there, once more where a worker dies. What `partitions` promises holds: in date order, each
event once, for twelve hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dask.bag
import dask.dataframe
import pandas as pd
import pyarrow as pa

from flashflood.api import FlashFlood, opened
from flashflood.replay.pandas_types import frame_of
from flashflood.replay.partitions import SIZE

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from flashflood.events import Event
    from flashflood.replay.after import After
    from flashflood.replay.columns import GivenColumns, GivenSchema, OnMismatch
    from flashflood.replay.damage import OnDamage
    from flashflood.replay.partitions import Partition
    from flashflood.replay.stages import Given

_FIRST = datetime.min  # noqa: DTZ901  naive dates are UTC here
_MICROSECOND = timedelta(microseconds=1)


def read(  # noqa: PLR0913  all but store and range by name only
    store: str | os.PathLike[str] | FlashFlood,
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    *,
    after: After | None = None,
    filter: Given | None = None,
    select: Given | None = None,
    columns: GivenColumns | None = None,
    schema: GivenSchema | None = None,
    on_mismatch: OnMismatch = "error",
    on_damage: OnDamage = "error",
    size: int = SIZE,
) -> dask.dataframe.DataFrame:
    """Give the events of a replay as a Dask DataFrame: index `date` (UTC, microseconds), columns `event_id`, `data`.

    `store`: what `FlashFlood.open` takes, or what it gives. The other arguments are those of `FlashFlood.partitions`:
    a partition of the frame has about `size` bytes of data before filtering; with `columns`, one for each of these
    expressions takes the place of `data`, and a worker reads only those that are needed.
    The divisions are known, so that `frame.loc[day]` reads the partitions of that day alone. The names of its tasks are
    the same each time, as long as the store has not changed.
    `ValueError` as for `partitions`, and if `columns` has `date`.
    """
    if columns is not None and "date" in columns:
        msg = "columns has 'date', which is the frame's index; give the column another name"
        raise ValueError(msg)
    ff = opened(store)
    how: dict[str, Any] = {"after": after, "columns": columns, "schema": schema}
    how |= {"on_mismatch": on_mismatch, "on_damage": on_damage}
    partitions = ff.partitions(from_date, to_date, filter=filter, select=select, size=size, **how)
    batches = partitions[0].batches() if partitions else ff.replay_batches(from_date, to_date, **how)
    meta = frame_of(pa.schema(batches).empty_table()).set_index("date")
    if not partitions:
        return dask.dataframe.from_pandas(meta, npartitions=1)
    return dask.dataframe.from_map(_frame, partitions, meta=meta, divisions=_divisions(partitions), label="flashflood")


def read_bag(  # noqa: PLR0913  as above
    store: str | os.PathLike[str] | FlashFlood,
    from_date: datetime | None = None,
    to_date: datetime | None = None,
    *,
    after: After | None = None,
    filter: Given | None = None,
    select: Given | None = None,
    on_damage: OnDamage = "error",
    size: int = SIZE,
) -> dask.bag.Bag:
    """Give the events of a replay as a Dask bag of `Event`s, in (date, event_id) order. Arguments: as for `read`."""
    how: dict[str, Any] = {"after": after, "on_damage": on_damage, "size": size}
    partitions = opened(store).partitions(from_date, to_date, filter=filter, select=select, **how)
    return dask.bag.from_sequence(partitions, partition_size=1).map(_events).flatten()


def _divisions(partitions: list[Partition]) -> tuple[pd.Timestamp, ...]:
    """Give where each partition begins: a partition has what is later than its bound, Dask's what is not earlier."""
    firsts = [_FIRST if one.from_date is None else one.from_date + _MICROSECOND for one in partitions]
    return tuple(pd.Timestamp(date, tz=UTC).as_unit("us") for date in [*firsts, partitions[-1].to_date])


def _frame(partition: Partition, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a partition, on a worker."""
    batches = partition.batches()
    frame = batches.to_pandas() if columns is None else batches.only(["date", *columns]).to_pandas()
    return frame.set_index("date")


def _events(partition: Partition) -> Iterator[Event]:
    """Read a partition, on a worker."""
    return partition.events()
