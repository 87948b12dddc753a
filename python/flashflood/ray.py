"""Replays on Ray (`pip install flashflood-rs[ray]`): a datasource whose partitions Ray's workers read.

    import ray
    from flashflood.ray import FlashFloodDatasource

    events = ray.data.read_datasource(FlashFloodDatasource("s3://bucket/prefix", filter="level == 'error'"))

The range is cut into partitions (`FlashFlood.partitions`); each is read by whichever worker has its turn, with the
credentials that it finds there, once more where a worker dies. What `partitions` promises holds: each event once, for
twelve hours.
"""

from __future__ import annotations

from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import pyarrow as pa
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata

from flashflood.api import opened
from flashflood.replay.pandas_types import without_views
from flashflood.replay.partitions import SIZE

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from datetime import datetime

    from ray.data import DataContext

    from flashflood.api import FlashFlood
    from flashflood.replay.after import After
    from flashflood.replay.columns import GivenColumns, GivenSchema, OnMismatch
    from flashflood.replay.damage import OnDamage
    from flashflood.replay.partitions import Partition
    from flashflood.replay.stages import Given


class FlashFloodDatasource(Datasource):  # type: ignore[misc]  # Ray has no types
    """The events of a replay: columns event_id, date (UTC, microseconds) and data (binary), in (date, event_id) order.

    `store`: what `FlashFlood.open` takes, or what it gives. The other arguments are those of `FlashFlood.partitions`:
    with `columns`, a column for each of these expressions takes the place of the data.
    Without a `size` there are as many partitions as Ray asks for, of at most about 256 MB.
    """

    def __init__(  # noqa: PLR0913  all but store and range by name only
        self,
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
        size: int | None = None,
    ) -> None:
        """List the range, and plan its partitions."""
        super().__init__()
        self._plan = partial(
            opened(store).partitions,
            from_date,
            to_date,
            after=after,
            filter=filter,
            select=select,
            columns=columns,
            schema=schema,
            on_mismatch=on_mismatch,
            on_damage=on_damage,
        )
        self._has_size = size is not None
        self._partitions = self._plan(size=SIZE if size is None else size)

    def estimate_inmemory_data_size(self) -> int:
        """Say how many bytes of data the partitions have, about, before filtering."""
        return sum(partition.estimated_bytes for partition in self._partitions)

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,  # noqa: ARG002  as Ray calls it
    ) -> list[ReadTask]:
        """Give a task for each partition. Where they are fewer than `parallelism`, smaller ones are planned."""
        if not self._has_size and 0 < len(self._partitions) < parallelism:
            self._partitions = self._plan(size=max(1, ceil(self.estimate_inmemory_data_size() / parallelism)))
        schema = None
        if self._partitions:
            schema = without_views(pa.schema(self._partitions[0].batches()).empty_table()).schema
        return [
            ReadTask(
                partial(_tables, partition),
                # The number of rows is left open: Ray would count by it, and it is an estimate.
                BlockMetadata(num_rows=None, size_bytes=partition.estimated_bytes, exec_stats=None, input_files=None),
                schema=schema,
                per_task_row_limit=per_task_row_limit,
            )
            for partition in self._partitions
        ]


def _tables(partition: Partition) -> Iterator[pa.Table]:
    """Read a partition, on a worker."""
    for batch in pa.RecordBatchReader.from_stream(partition.batches()):
        yield without_views(pa.Table.from_batches([batch]))
