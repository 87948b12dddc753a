"""A replay as Arrow record batches, for whatever reads Arrow: pyarrow, polars, DuckDB, pandas. Only reads.

Nothing of theirs is needed here: the batches cross by the Arrow PyCapsule interface
(https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from flashflood._core import export_stream
from flashflood.pickling import no_pickle

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from typing_extensions import CapsuleType

    from flashflood._core import Columns, RecordBatch
    from flashflood.replay.damage import Damage
    from flashflood.replay.wanted import Begin, Wanted

BATCH_SIZE = 65_536
"""Rows in a record batch at most, unless the caller says so."""


class ReplayBatches:
    """The events of a replay as a stream of Arrow record batches.

    Columns: event_id (string), date (timestamp, microseconds in UTC), data (binary view), none with nulls; or those
    that `columns` asks for. Rows in (date, event_id) order. Each time that the stream is asked for, a replay of its own
    begins.
    """

    skipped: Sequence[Damage] = ()
    """The damaged journals of which the stream that was asked for last has left out what cannot be read."""

    def __init__(self, begin: Begin, wanted: Wanted, batch_size: int, sample: Begin | None = None) -> None:
        """Make no request yet. `begin`: begins a replay; `sample`: one that only infers types, if it is another.

        `ValueError` if `batch_size` is not 1 or more.
        """
        if batch_size < 1:
            msg = f"batch_size={batch_size}; a record batch has 1 row or more"
            raise ValueError(msg)
        self._begin = begin
        self._sample = sample or begin
        self._given = wanted
        self._batch_size = batch_size

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood, if it was opened by its URL, and replay there; or read it here")

    def __arrow_c_schema__(self) -> CapsuleType:
        """Give the schema. Where types have to be inferred, the first events are read for it."""
        return self._core.export_schema()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """Give the record batches as a stream that makes its requests as it is read.

        Of `requested_schema` is honoured what it says of texts and bytes: another layout (`large_string`,
        `binary_view`), and either for the other; data that are no UTF-8 are an error then. The rest changes nothing, as
        the interface allows: the consumer casts.
        """
        core = self._core if requested_schema is None else self._core.as_asked(requested_schema)
        found = self._begin(self._wanted.record_batches(core))
        self.skipped = found.skipped
        return export_stream(found, core, self._batch_size)

    def only(self, names: Sequence[str]) -> ReplayBatches:
        """Give some of the columns, in the order of `names`: values of no others are read.

        `ValueError` for a name that no column has, and for one that is given twice.
        """
        chosen = ReplayBatches(self._begin, self._wanted, self._batch_size, self._sample)
        chosen._core = self._core.only(names)
        return chosen

    @property
    def types(self) -> dict[str, str]:
        """The types of the columns that `columns` asked for, by name, as texts that `schema` takes: `{"n": "int64"}`.

        Where types have to be inferred, the first events are read for it. What is kept of them and given as `schema`
        spares the next replay that, and holds it to the same types.
        """
        columns = self._wanted.columns
        return {} if columns is None else columns.types

    def to_arrow(self) -> pa.Table:
        """Read all into a pyarrow table, in memory. `ModuleNotFoundError` without pyarrow."""
        import pyarrow as pa  # noqa: PLC0415  whoever wants it has it

        return pa.table(self)

    def to_polars(self) -> pl.DataFrame:
        """Read all into a polars DataFrame, in memory. `ModuleNotFoundError` without polars."""
        import polars as pl  # noqa: PLC0415  as above

        return pl.DataFrame(self)

    def to_pandas(self) -> pd.DataFrame:
        """Read all into a pandas DataFrame, in memory: texts are pandas' strings, timestamps its own, all else Arrow's.

        So whole numbers stay what they are beside nulls. `ModuleNotFoundError` without pandas and pyarrow.
        """
        from flashflood.replay.pandas_types import frame_of  # noqa: PLC0415  as above

        return frame_of(self.to_arrow())

    @cached_property
    def _wanted(self) -> Wanted:
        return self._given.inferred(self._sample)

    @cached_property
    def _core(self) -> Columns:
        return self._wanted.core()


class Rows:
    """Record batches that are there, or none, as a stream, for whatever reads Arrow streams."""

    def __init__(self, columns: Columns, *found: RecordBatch) -> None:
        """Show batches that have these columns."""
        self._columns = columns
        self._found = found

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """Give the stream."""
        return export_stream(iter(self._found), self._columns, BATCH_SIZE)
