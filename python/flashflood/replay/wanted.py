"""What a replay gives of each event: which events, what is made of their data, and the columns of record batches."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from flashflood._core import Columns as CoreColumns
from flashflood.replay.stages import Stages, logging_first_use, stage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sized

    from flashflood._core import Batch, RecordBatch
    from flashflood.replay.columns import Columns
    from flashflood.replay.expressions import Expression
    from flashflood.replay.replay import Batches
    from flashflood.replay.windows import Stage

B = TypeVar("B", bound="Sized")

SAMPLE = 1_000
"""Events that types are inferred from."""
MOST_SAMPLED = 100_000
"""Events that are looked at for these, about, where a filter leaves few."""


class Begin(Protocol):
    """Begins a replay."""

    def __call__(self, stage: Stage[B], /) -> Batches[B]:
        """Give its batches, each as a stage makes it."""


class Wanted(NamedTuple):
    """Unlike a stage, it can be pickled."""

    stages: Stages
    columns: Columns | None
    """None: whole events."""

    def inferred(self, begin: Begin) -> Wanted:
        """Give the same with the types that are open inferred from the first events that the filter is true of."""
        if self.columns is None or self.columns.are_typed:
            return self
        return self._replace(columns=self.columns.inferred(islice(_sample(begin, stage_of(*self.stages)), SAMPLE)))

    def core(self) -> CoreColumns:
        """Give the core's columns. All types must be known."""
        return CoreColumns.of_events() if self.columns is None else self.columns.core()

    def record_batches(self, core: CoreColumns) -> Stage[RecordBatch]:
        """Give the stage that filters, selects and lays out for Arrow. The core filters and reads values in one pass.

        `core`: as `core()` gives them, or some of these.
        """
        stage, columns = stage_of(*self.stages), self.columns
        if columns is None:
            return lambda batch: stage(batch).record_batch(core)
        filter_, answer = self.stages.filter, _answering(self.stages.filter, columns)
        if filter_ is not None and filter_.core is not None and self.stages.select is None:
            return lambda batch: batch.record_batch(core, filter_.core, answer, columns.nulls)
        return lambda batch: stage(batch).record_batch(core, None, answer, columns.nulls)


def _answering(filter_: Expression | None, columns: Columns) -> Callable[[str | None, bytes], bytes]:
    """Give what Python says of data that the core leaves to it, as `Batch.record_batch` asks."""
    makes = {name: logging_first_use(expression, expression.select) for name, expression, _ in columns.values}
    is_true = None if filter_ is None else logging_first_use(filter_, filter_.matches)

    def answer(column: str | None, data: bytes) -> bytes:
        if column is not None:
            return makes[column](data)
        return b"true" if is_true is not None and is_true(data) else b"false"

    return answer


def _sample(begin: Begin, stage: Stage[Batch]) -> Iterator[bytes]:
    looked_at = 0
    with closing(begin(lambda batch: (len(batch), stage(batch)))) as found:
        for before, batch in found:
            yield from (event.data for event in batch.events())
            looked_at += before
            if looked_at >= MOST_SAMPLED:
                return
