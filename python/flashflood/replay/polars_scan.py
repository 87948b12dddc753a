"""A replay as a polars LazyFrame: polars says which columns, dates and rows it wants, and only these are read.

What of a query's predicate bounds the date is read off the JSON that polars writes of it. That is a hint, which may
find too little and never too much: polars' own predicate is applied to each batch all the same.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from flashflood._core import format_timestamp
from flashflood.dates import DateRange
from flashflood.replay.arrow import Rows
from flashflood.replay.replay import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flashflood._core import Columns
    from flashflood.context import Context
    from flashflood.replay.rows import Scan
    from flashflood.replay.wanted import Wanted

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)
_LEAST, _MOST = ((date - _EPOCH) // _MICROSECOND for date in (datetime.min, datetime.max))  # noqa: DTZ901  UTC
_LATEST = format_timestamp(datetime.max)  # noqa: DTZ901  naive dates are UTC here
_NANOSECONDS = {"Nanoseconds": 1, "Microseconds": 1_000, "Milliseconds": 1_000_000}
_MIRRORED = {"Gt": "Lt", "GtEq": "LtEq", "Lt": "Gt", "LtEq": "GtEq", "Eq": "Eq"}
_CLOSED = {"Both": ("GtEq", "LtEq"), "Left": ("GtEq", "Lt"), "Right": ("Gt", "LtEq"), "None": ("Gt", "Lt")}


def scan_polars(ctx: Context, scan: Scan, wanted: Wanted) -> pl.LazyFrame:
    """Give a LazyFrame of a replay: each time that it is collected, a replay of its own begins."""
    schema = pl.DataFrame(Rows(wanted.core())).schema
    return register_io_source(partial(_read, ctx, scan, wanted), schema=schema)


def _read(  # noqa: PLR0913, PLR0917  polars says how it is called
    ctx: Context,
    scan: Scan,
    wanted: Wanted,
    columns: list[str] | None,
    predicate: pl.Expr | None,
    rows: int | None,
    _batch_size: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield what polars asks for: of the first `rows` rows, those that fulfil the predicate; of these, some columns."""
    has_date = wanted.columns is None or "date" in wanted.columns.of_events
    dates = narrowed(scan.dates, predicate) if predicate is not None and rows is None and has_date else scan.dates
    core, left = _needed(wanted.core(), columns, predicate), rows
    with closing(batches(ctx, scan._replace(dates=dates), wanted.record_batches(core))) as found:
        for batch in found:
            frame = pl.DataFrame(Rows(core, batch))
            if left is not None:
                frame = frame.head(left)
                left -= len(frame)
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if columns is None else frame.select(columns)
            if left == 0:
                return


def _needed(core: Columns, columns: list[str] | None, predicate: pl.Expr | None) -> Columns:
    """Give the columns that polars asks for, and those that its predicate reads."""
    if not columns:
        return core
    read = [] if predicate is None else predicate.meta.root_names()
    return core.only([name for name in core.names if name in columns or name in read])


def narrowed(dates: DateRange, predicate: pl.Expr) -> DateRange:
    """Give the part of a range in which a predicate may hold, as far as it can be told."""
    try:
        bounds = list(_bounds(json.loads(predicate.meta.serialize(format="json"))))
    except (pl.exceptions.PolarsError, ValueError, RecursionError):  # a function of the user's own may be in it
        return dates
    start, end = dates
    for operator, nanoseconds in bounds:
        first, last = _microseconds(operator, nanoseconds)
        if first is not None and first > _LEAST:  # else every date is later
            start = max(start or "", _timestamp(first - 1))
        end = end if last is None else min(end or _LATEST, _timestamp(last))
    return DateRange(end, end) if start is not None and end is not None and start > end else DateRange(start, end)


def _bounds(tree: Any) -> Iterator[tuple[str, int]]:  # noqa: ANN401  any JSON
    """Yield the comparisons of the date that must all hold: operator, and nanoseconds since 1970."""
    match tree:
        case {"BinaryExpr": {"left": left, "op": "And", "right": right}}:
            yield from _bounds(left)
            yield from _bounds(right)
        case {"BinaryExpr": {"left": {"Column": "date"}, "op": operator, "right": literal}} if operator in _MIRRORED:
            yield from ((operator, value) for value in _nanoseconds(literal))
        case {"BinaryExpr": {"left": literal, "op": operator, "right": {"Column": "date"}}} if operator in _MIRRORED:
            yield from ((_MIRRORED[operator], value) for value in _nanoseconds(literal))
        case {
            "Function": {
                "input": [{"Column": "date"}, low, high],
                "function": {"Boolean": {"IsBetween": {"closed": closed}}},
            }
        } if closed in _CLOSED:
            for operator, literal in zip(_CLOSED[closed], (low, high), strict=True):
                yield from ((operator, value) for value in _nanoseconds(literal))


def _nanoseconds(tree: Any) -> Iterator[int]:  # noqa: ANN401  as above
    """Yield the date that a literal is."""
    match tree:
        case {"Literal": {"Scalar": {"Datetime": [int(value), str(unit), *_]}}} if unit in _NANOSECONDS:
            yield value * _NANOSECONDS[unit]


def _microseconds(operator: str, nanoseconds: int) -> tuple[int | None, int | None]:
    """Give the first and the last microsecond since 1970 for which a comparison holds; None: no bound."""
    below, rest = divmod(nanoseconds, 1_000)
    above = below + bool(rest)
    match operator:
        case "Gt":
            return below + 1, None
        case "GtEq":
            return above, None
        case "Lt":
            return None, above - 1
        case "LtEq":
            return None, below
    return above, below


def _timestamp(microseconds: int) -> str:
    """Give a timestamp; of a date beyond the calendar, the nearest one."""
    return format_timestamp(_EPOCH + min(max(microseconds, _LEAST), _MOST) * _MICROSECOND)
