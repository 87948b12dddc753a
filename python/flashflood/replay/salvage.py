"""Of a window with damaged journals, the events that can be read. Only reads.

Where a request failed the store's checks, its events are read again, fewer at a time, until only those are left out
whose own bytes fail.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flashflood._core import Batch, Window
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.records import blobs
from flashflood.records.living import are_living
from flashflood.replay.damage import Lost, Skipping
from flashflood.replay.rows import VanishedError
from flashflood.replay.stretches import Part

Range = tuple[int, int]
"""Bytes of a blob, from the first one to before the second one."""


class _Read(NamedTuple):
    """What has come of a request."""

    body: bytes
    holes: list[Range]
    """Bytes in it that are void."""
    error: FlashFloodCorruptionError | None
    """What is wrong; None: all has come."""


def salvaged(ctx: Context, window: Window, parts: Sequence[Part], skipping: Skipping) -> tuple[Batch, list[Lost]]:
    """Give the events of a window that can be read, and what cannot. `parts`: what its requests have brought.

    `VanishedError` for a journal that has been replaced meanwhile.
    """
    found = [_read(ctx, window, number, part, skipping) for number, part in enumerate(parts)]
    if all(one.error is None for one in found):
        return window.batch([one.body for one in found]), []
    holes = [(number, *hole) for number, one in enumerate(found) for hole in one.holes]
    batch, counts = window.readable([one.body for one in found], holes)
    lost = [
        Lost(part.stretch.journal_id, one.error, count)
        for part, one, count in zip(parts, found, counts, strict=True)
        if one.error is not None and count
    ]
    return batch, lost


def _read(ctx: Context, window: Window, number: int, part: Part, skipping: Skipping) -> _Read:
    journal_id, failure = part.stretch.journal_id, part.stretch.failure
    if failure is not None:
        again, holes = _read_again(ctx, journal_id, part, window.ranges(number))
        return _Read(again, holes, skipping.spoilt.setdefault(journal_id, failure))
    body = part.cut()
    if body is None:
        return _Read(b"", [], _missing(ctx, journal_id, skipping))
    if len(body) == part.stop - part.start:
        return _Read(body, [], None)
    error = skipping.spoilt.get(journal_id) or blobs.short(journal_id, ctx.blob_size(journal_id) or 0, part.stop)
    return _Read(body, [], skipping.spoilt.setdefault(journal_id, error))


def _missing(ctx: Context, journal_id: JournalID, skipping: Skipping) -> FlashFloodCorruptionError:
    """Say that a blob is missing; `VanishedError` unless its journal lives now: no living journal's is removed."""
    if journal_id not in skipping.without_blob:
        if journal_id not in skipping.missed and not are_living(ctx, [journal_id]):
            raise VanishedError(journal_id, "blob")
        skipping.without_blob[journal_id] = blobs.missing(ctx, journal_id)
    return skipping.without_blob[journal_id]


def _read_again(ctx: Context, journal_id: JournalID, part: Part, ranges: list[Range]) -> tuple[bytes, list[Range]]:
    """Read the ranges of a part's events; give its bytes as far as they can be read, and where they cannot."""
    body = bytearray(part.stop - part.start)
    holes = []
    for (start, stop), found in _halved(ctx, journal_id, ranges):
        body[start - part.start : start - part.start + len(found)] = found
        if len(found) < stop - start:
            holes.append((start + len(found), stop))
    return bytes(body), holes


def _halved(ctx: Context, journal_id: JournalID, ranges: list[Range]) -> Iterator[tuple[Range, bytes]]:
    """Read ranges together; where that fails, each half by itself. Of a single one that fails nothing is given."""
    together = ranges[0][0], max(stop for _, stop in ranges)
    try:
        found = ctx.blob(journal_id, *together)
    except FlashFloodCorruptionError:
        if len(ranges) == 1:
            yield together, b""
            return
        half = len(ranges) // 2
        yield from _halved(ctx, journal_id, ranges[:half])
        yield from _halved(ctx, journal_id, ranges[half:])
    else:
        if found is None:
            raise VanishedError(journal_id, "blob")
        yield together, found.body
