"""A replay as Arrow record batches, for whatever reads Arrow: pyarrow, polars, DuckDB, pandas. Only reads.

Nothing of theirs is needed here: the batches cross by the Arrow PyCapsule interface
(https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from flashflood._core import export_schema, export_stream
from flashflood.pickling import no_pickle

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing_extensions import CapsuleType

    from flashflood._core import Batch, RecordBatch
    from flashflood.replay.windows import Stage
    from flashflood.turns import SharedIterator

    Begin = Callable[[Stage[RecordBatch]], SharedIterator[RecordBatch]]

BATCH_SIZE = 65_536
"""Rows in a record batch at most, unless the caller says so."""


class ReplayBatches:
    """The events of a replay as a stream of Arrow record batches.

    Columns: event_id (string), date (timestamp, microseconds in UTC), data (binary view), none with nulls; rows in
    (date, event_id) order. Each time that the stream is asked for, a replay of its own begins.
    """

    def __init__(self, begin: Begin, stage: Stage[Batch], batch_size: int) -> None:
        """Make no request yet. `begin`: begins a replay. `ValueError` if `batch_size` is not 1 or more."""
        if batch_size < 1:
            msg = f"batch_size={batch_size}; a record batch has 1 row or more"
            raise ValueError(msg)
        self._begin = begin
        self._stage = stage
        self._batch_size = batch_size

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood, if it was opened by its URL, and replay there; or read it here")

    def __arrow_c_schema__(self) -> CapsuleType:
        """Give the schema."""
        return export_schema()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """Give the record batches as a stream that makes its requests as it is read.

        `requested_schema` changes nothing, as the interface allows: the consumer casts.
        """
        return export_stream(self._begin(self._record_batch), self._batch_size)

    def to_arrow(self) -> pa.Table:
        """Read all into a pyarrow table, in memory. `ModuleNotFoundError` without pyarrow."""
        import pyarrow as pa  # noqa: PLC0415  whoever wants it has it

        return pa.table(self)

    def to_polars(self) -> pl.DataFrame:
        """Read all into a polars DataFrame, in memory. `ModuleNotFoundError` without polars."""
        import polars as pl  # noqa: PLC0415  as above

        return pl.DataFrame(self)

    def to_pandas(self) -> pd.DataFrame:
        """Read all into a pandas DataFrame, in memory: event_id a string, date aware in UTC, data Arrow's large binary.

        `ModuleNotFoundError` without pandas and pyarrow.
        """
        import pandas as pd  # noqa: PLC0415  as above
        import pyarrow as pa  # noqa: PLC0415  as above

        table = self.to_arrow()
        data = table["data"].cast(pa.large_binary())  # pandas can do little with a binary view
        types = {pa.string(): pd.StringDtype("pyarrow"), data.type: pd.ArrowDtype(data.type)}
        return table.set_column(2, "data", data).to_pandas(types_mapper=types.get)

    def _record_batch(self, batch: Batch) -> RecordBatch:
        return self._stage(batch).record_batch()


class OneBatch:
    """A record batch as a stream of itself, for whatever reads Arrow streams."""

    def __init__(self, batch: RecordBatch) -> None:
        """Show a batch that has rows."""
        self._batch = batch

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """Give the stream."""
        return export_stream(iter([self._batch]), len(self._batch))
