"""Of a large manifest, only the sections that a range needs (FORMAT.md, "The table of sections").

The table is the manifest's last field, so its last bytes are read first. It names the journal, and has a sum of itself
and of each piece that it leads to. So what is read is what the whole manifest says. Where there is no table, or
anything is not as it says, the whole is read.
"""

from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import orjson

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.dates import DateRange
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.records.living import journal_id
from flashflood.store.protocol import Entry

WORTH_A_REQUEST = 1_000_000
"""Bytes of a manifest that take about as much CPU as a request more."""
TABLE_OF_SECTION = 56
"""Bytes of the table for each section."""
SECTION = 25_000
"""Bytes of a manifest for each section, at least; more where there would be more of them than `MOST_SECTIONS`."""
MOST_SECTIONS = 1_024
BESIDE = 2_000
"""Bytes to read of what stands beside the sections in the table, and of the journals replaced before it."""

_TABLE = b', "sections": '
_SUM = b', "sum": '
_BETWEEN_ROWS = b", "


def expected_bytes(entry: Entry, dates: DateRange) -> int:
    """Give how many bytes of a listed manifest will be read for a range, if its events lie evenly in its time.

    All of it, unless a part saves as much as a request takes.
    """
    if entry.size < WORTH_A_REQUEST:
        return entry.size
    share = dates.share_of(*layout.range_of(entry.key))
    part = _end_bytes(entry) + 3 * max(SECTION, entry.size // MOST_SECTIONS) + int(share * entry.size)
    return part if part + WORTH_A_REQUEST < entry.size else entry.size


def read_rows(ctx: Context, entry: Entry, dates: DateRange) -> Manifest | None:
    """Read a listed manifest: all of it, or of a large one the rows in the range, with some around them.

    None: it is gone. `FlashFloodCorruptionError` if it cannot be read.
    """
    found = journal_id(entry)
    if expected_bytes(entry, dates) < entry.size:
        part = _read_part(ctx, entry, dates)
        if part is not None:
            return part
    return ctx.manifest(found)


def outline(ctx: Context, entry: Entry) -> list[tuple[str, int]]:
    """Give the timestamp with which each section of a listed manifest begins, and the section's bytes.

    None are given where it has no table, is gone, or cannot be read: whoever reads its rows finds out.
    """
    if entry.size < SECTION:
        return []
    try:
        table, _ = _read_table(ctx, entry)
    except FlashFloodCorruptionError:
        return []
    if table is None:
        return []
    return list(zip(table.first, (stop - start for start, stop in pairwise(table.at)), strict=True))


def _end_bytes(entry: Entry) -> int:
    return BESIDE + TABLE_OF_SECTION * min(MOST_SECTIONS, entry.size // SECTION)


def _sum(piece: bytes) -> str:
    return f"{crc32(piece):08x}"


def _read_table(ctx: Context, entry: Entry) -> tuple["_Table | None", bytes]:
    """Read a manifest's table, and the bytes at its end that lie before the table. None: it has none."""
    found = journal_id(entry)
    end = ctx.manifest_bytes(found, entry.size - _end_bytes(entry), entry.size)
    at = end.rfind(_TABLE)
    table = _Table.read(end[at + len(_TABLE) : -1]) if at >= 0 else None
    return table if table is not None and table.journal_id == found else None, end[:at]


def _read_part(ctx: Context, entry: Entry, dates: DateRange) -> Manifest | None:
    found = journal_id(entry)
    start = entry.size - _end_bytes(entry)
    table, before = _read_table(ctx, entry)
    if table is None:
        return None
    first, beyond = table.sections_of(dates)
    begin, stop = table.at[first], table.at[beyond]
    replaces_at, replaces_sum = table.replaces
    rows = ctx.manifest_bytes(found, begin, stop)
    if replaces_at < start:
        replaces = ctx.manifest_bytes(found, replaces_at, start) + before
    else:
        replaces = before[replaces_at - start :]
    if not table.has(rows, first, beyond) or _sum(replaces) != replaces_sum:
        return None
    return Manifest.decode_part(found, table.size, rows.removesuffix(_BETWEEN_ROWS), replaces)


class _Table(NamedTuple):
    """Where a manifest's sections stand in its JSON."""

    journal_id: str
    size: int
    """Of the blob, in bytes."""
    first: list[str]
    """The timestamp of each section's first row."""
    at: list[int]
    """At which byte each section begins, and the last one ends."""
    sums: list[str]
    """Of each section."""
    replaces: tuple[int, str]
    """At which byte the array of the journals replaced begins, and its sum."""

    @classmethod
    def read(cls, text: bytes) -> "_Table | None":
        """Read its JSON. None: it is not as this package writes it."""
        fields, _, sum_ = text.rpartition(_SUM)
        if sum_ != f'"{_sum(fields)}"}}'.encode():
            return None
        try:
            table = cls(**orjson.loads(fields + b"}"))
            return table if table._is_whole() else None
        except (ValueError, TypeError):
            return None

    def _is_whole(self) -> bool:
        """Whether it has as many values of each kind as it must; a `TypeError` may say so too."""
        places, texts = [0, *self.at, self.replaces[0]], [self.journal_id, *self.first, *self.sums]
        of_kinds = all(type(one) is int for one in (self.size, *places)) and all(type(one) is str for one in texts)
        return of_kinds and places == sorted(places) and len(self.at) == len(self.first) + 1 == len(self.sums) + 1

    def sections_of(self, dates: DateRange) -> tuple[int, int]:
        """Give the first section that can have rows in the range, and the one after the last."""
        first = 0 if dates.start is None else max(0, bisect_right(self.first, dates.start) - 1)
        beyond = len(self.first) if dates.end is None else bisect_right(self.first, dates.end)
        return first, max(first, beyond)

    def has(self, rows: bytes, first: int, beyond: int) -> bool:
        """Say whether these are the bytes of some sections."""
        begin = self.at[first]
        return all(
            _sum(rows[self.at[section] - begin : self.at[section + 1] - begin]) == self.sums[section]
            for section in range(first, beyond)
        )
