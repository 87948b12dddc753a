"""Replaying all events between two dates, in (date, event_id) order (PROTOCOL.md, step 13). Never writes.

The way of the data: `Listing` names the living journals, page by page -> their manifests are fetched ahead -> the core
merges their rows and plans windows: which byte ranges hold the next events -> those are fetched ahead, within the
memory budget -> whichever thread brings the last bytes of a window makes a batch of them, and filters it -> the
batches come out in order.

A window goes out once every journal that could hold an earlier event has been opened. The order is total, so the last
event that went out is the place to go on from when something listed is gone.
"""

import operator
import os
from collections.abc import Callable, Generator, Iterator, Sized
from typing import NoReturn, Self, TypeVar

from flashflood._core import Batch, Run
from flashflood.context import Context
from flashflood.pickling import no_pickle
from flashflood.records import blobs
from flashflood.replay.damage import Damage, Skipping
from flashflood.replay.hints import BareNames
from flashflood.replay.read_ahead import ReadAhead
from flashflood.replay.rows import MergedRows, Scan, VanishedError
from flashflood.replay.stages import Given
from flashflood.replay.windows import Stage, Windows
from flashflood.telemetry import Span, iteration
from flashflood.turns import Events, SharedIterator

MEMORY_BUDGET = 160_000_000
"""Bytes that one replay may hold: half of it for event data, a quarter for manifests under way, the rest for rows."""

B = TypeVar("B", bound=Sized)


class Replay(Events):
    """The events of a replay, one by one."""

    skipped: list[Damage]
    """The damaged journals of which it has left out what cannot be read; with `on_damage="error"` none."""

    def __init__(self, runs: Generator[Run, None, None], skipped: list[Damage], span: Span | None = None) -> None:
        """Take no event yet. `span`: what measures it."""
        super().__init__(runs, "this replay", span)
        self.skipped = skipped

    @classmethod
    def begun(cls, ctx: Context, scan: Scan, stage: Stage[Batch], filter: Given | None = None) -> Self:
        """Replay from the first event on. No request is made before one is asked for.

        `filter`: what the stage filters with, for a hint where it names what no event has.
        """
        skipping = Skipping(ctx, scan.on_damage)
        runs = _runs(ctx, scan, stage, skipping, BareNames(filter))
        return cls(runs, skipping.damages, iteration("replay", ctx.store.name))

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "pickle the FlashFlood, if it was opened by its URL, or the partition, and replay there")


class Batches(SharedIterator[B]):
    """The events of a replay, many at a time."""

    def __init__(self, found: Generator[B, None, None], skipped: list[Damage], span: Span | None = None) -> None:
        """Take no batch yet. `skipped`: as a `Replay` has it; `span`: what measures it."""
        super().__init__(found, "this replay", span)
        self.skipped = skipped


def checked_budget(memory_budget: int) -> int:
    """Check a number of bytes that a caller gave. `TypeError` if it is no int, `ValueError` if it is below 0."""
    if isinstance(memory_budget, bool) or not hasattr(memory_budget, "__index__"):
        msg = f"memory_budget={memory_budget!r:.100}; give a whole number of bytes, an int"
        raise TypeError(msg)
    if memory_budget < 0:
        msg = f"memory_budget={memory_budget}; give 0 bytes or more"
        raise ValueError(msg)
    return operator.index(memory_budget)


def batches(ctx: Context, scan: Scan, stage: Stage[B], filter: Given | None = None) -> Batches[B]:
    """Give the events in the range, many at a time. The look ahead starts when a second batch is asked for.

    `filter`: as for `Replay`.
    """
    skipping = Skipping(ctx, scan.on_damage)
    told = _told(ctx, scan, stage, skipping, BareNames(filter))
    return Batches((batch for batch, _ in told), skipping.damages, iteration("replay", ctx.store.name))


def _runs(
    ctx: Context, scan: Scan, stage: Stage[Batch], skipping: Skipping, names: BareNames
) -> Generator[Run, None, None]:
    """Yield the events in runs: the first one alone, then those of a batch each time."""
    is_first = True
    for batch, look_ahead in _told(ctx, scan, stage, skipping, names):
        if is_first:
            yield batch.events(0, 1)
            look_ahead()
        yield batch.events(int(is_first))
        is_first = False


def _told(
    ctx: Context, scan: Scan, stage: Stage[B], skipping: Skipping, names: BareNames
) -> Iterator[tuple[B, Callable[[], None]]]:
    """Yield what `_batches` does, and end with a hint where there is one."""
    yield from _batches(ctx, scan, names.watching(stage), skipping)
    names.tell()


def _batches(ctx: Context, scan: Scan, stage: Stage[B], skipping: Skipping) -> Iterator[tuple[B, Callable[[], None]]]:
    """Yield the batches that have events, each with the call that starts the look ahead before the next batch does."""
    place = scan.after
    process = os.getpid()
    while not scan.dates.is_empty:
        ahead = ReadAhead(scan.memory_budget, is_on=place != scan.after)
        rows = MergedRows(ctx, scan, ahead, place, skipping)
        windows = Windows(ctx, rows, scan.memory_budget, ahead, stage)
        try:
            for fetch in windows.fetches():
                batch = fetch.batch()
                place = max(place or fetch.window.last, fetch.window.last)
                skipping.leave_out(fetch.lost)
                if len(batch):
                    yield batch, windows.look_ahead
                windows.look_ahead()
        except VanishedError as error:
            if error.journal_id in skipping.missed:
                raise blobs.missing(ctx, error.journal_id, error.what) from None
            skipping.missed.add(error.journal_id)
            scan = scan._replace(plan=None)
        else:
            skipping.sum_up()
            return
        finally:
            if process == os.getpid():  # a forked child has nothing under way, and the futures' locks may be held
                windows.stop()
