"""`replay` into a table: Parquet, Arrow's file format, or CSV, written by pyarrow as the events come."""

from __future__ import annotations

import io
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from flashflood.cli.output import is_for_people, write
from flashflood.cli.progress import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from flashflood import ReplayBatches

FORMATS = ("parquet", "arrow", "csv")

ROWS_OF_A_GROUP = 122_880
"""Rows of a row group of a Parquet file, as DuckDB writes them."""
BYTES_OF_A_GROUP = 64 << 20

_CAUSE = re.compile(r"^External error: (?:\w+\.)*\w+: ")
"""What Arrow puts before our own message."""


class Pairs(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE`."""

    name = "pair"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Give both, or fail with a usage error that shows an example."""
        name, found, text = str(value).partition("=")
        if not (name and found):
            self.fail(f"{value!r} has no name; write it as n=length(files).", param, ctx)
        return name, text


def once(option: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str] | None:
    """Give pairs by name; None if there are none. A usage error for a name that is given twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            msg = f"{option} has {name!r} twice."
            raise click.UsageError(msg)
    return dict(pairs) or None


class _Output(io.RawIOBase):
    """Standard output, as a file that pyarrow writes to from its beginning to its end."""

    def __init__(self) -> None:
        self._written = 0
        self._is_over = False

    def give_up(self) -> None:
        """Write no more, so that what was written is no whole file to any reader."""
        self._is_over = True

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:  # noqa: ANN401  any buffer
        if not self._is_over:
            write(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written


def write_table(batches: ReplayBatches, form: str, limit: int | None) -> None:
    """Write record batches to standard output, `limit` rows at most.

    A click exception says what cannot be written, and why.
    """
    if form != "csv" and is_for_people():
        msg = f"{form} is not for a terminal: send it into a file, as in `> events.{form}`."
        raise click.UsageError(msg)
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra, which only this needs
    except ImportError as error:
        msg = f"--format {form} needs pyarrow: pip install flashflood-rs[arrow]"
        raise click.ClickException(msg) from error
    try:
        schema = _written_schema(pa.schema(batches), form)
        with (
            pa.RecordBatchReader.from_stream(batches, schema=schema) as reader,
            closing(_Output()) as output,
            _writer(pa.PythonFile(output, "w"), reader.schema, form) as writer,
            shown("replaying") as line,
        ):
            try:
                for group in _groups(reader, limit):
                    writer.write_table(group)
                    if line is not None:
                        line.count(group.num_rows, group.nbytes)
            except BaseException:
                output.give_up()  # closing the writer would write the end of a whole file
                raise
    except pa.ArrowInvalid as error:
        raise click.ClickException(_CAUSE.sub("", str(error))) from error


def _written_schema(schema: pa.Schema, form: str) -> pa.Schema:
    """Give the schema to ask for: no format has views, and CSV has nothing but texts and numbers."""
    import pyarrow as pa  # noqa: PLC0415  as above

    data = pa.string() if form == "csv" else pa.binary()
    kinds = {pa.binary_view(): data, pa.string_view(): pa.string(), **({pa.binary(): data} if form == "csv" else {})}
    for field in schema:
        if form == "csv" and pa.types.is_nested(field.type):
            msg = f"CSV has no {field.type}: give the column another type, as in --schema {field.name}=json."
            raise click.UsageError(msg)
    return pa.schema([field.with_type(kinds.get(field.type, field.type)) for field in schema])


def _writer(file: pa.PythonFile, schema: pa.Schema, form: str) -> Any:  # noqa: ANN401  pyarrow has no types
    from pyarrow import csv, ipc, parquet  # noqa: PLC0415  as above

    if form == "parquet":
        return parquet.ParquetWriter(file, schema)
    return ipc.new_file(file, schema) if form == "arrow" else csv.CSVWriter(file, schema)


def _groups(reader: pa.RecordBatchReader, limit: int | None) -> Iterator[pa.Table]:
    """Put record batches together, `limit` rows at most: the first ones of a replay are small."""
    import pyarrow as pa  # noqa: PLC0415  as above

    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader if limit is None else _first(reader, limit):
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= ROWS_OF_A_GROUP or size >= BYTES_OF_A_GROUP:
            yield pa.Table.from_batches(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _first(reader: pa.RecordBatchReader, limit: int) -> Iterator[pa.RecordBatch]:
    """Give the first rows. No batch is read beyond them."""
    while limit > 0 and (batch := next(reader, None)) is not None:
        yield batch.slice(0, limit)
        limit -= batch.num_rows
