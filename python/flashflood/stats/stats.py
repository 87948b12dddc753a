"""Counting what a store holds, from listings.

Reads `ledger/`, `journals/` (twice, where some are dead), `blobs/`, `update/` and `update-ids/`, page by page. Keys
tell dates, and which journals are new; sizes tell bytes; tombstones tell garbage. How many events a journal has, no
listing tells: the metadata of up to eight new ones and of as many others do so, and the sizes of the other manifests.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import compress
from uuid import UUID

from flashflood._core import Manifest, parse_timestamp
from flashflood.context import Context
from flashflood.dates import EARLIEST, timestamp_at
from flashflood.identifiers import NEW, JournalID
from flashflood.records.loads import Sampled
from flashflood.stats.found import Limit, Stats, StatsGroup
from flashflood.stats.histogram import Histogram
from flashflood.stats.listed import Journals, listed, naive

SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
"""Bytes that part groups of journals."""
AGES = (timedelta(hours=1), *(timedelta(days=days) for days in (1, 7, 30, 365)))
"""Ages that do so."""
EMPTY = len(Manifest.of_rows(JournalID.make(EARLIEST, EARLIEST, NEW, str(UUID(int=0))), [], 0).encode())
"""Bytes of a manifest without rows."""


def stats(ctx: Context) -> Stats:
    """Count what a store holds; see `Stats`."""
    journals, updates, date = listed(ctx)
    sampled = [sample.read(ctx) for sample in journals.samples]
    events = _events(journals, sampled)
    histogram = _histogram(journals, events)
    return Stats(
        store=ctx.store.name,
        date=date,
        events=sum(events),
        is_exact=sum(len(one.loads) for one in sampled) == len(journals),
        bytes=sum(journals.blobs),
        first_date=_date(min(journals.starts, default=None)),
        last_date=_date(max(journals.ends, default=None)),
        journals=journals.are_new.count(False),
        by_size=_by_size(journals),
        by_age=_by_age(journals, date),
        new_events=sum(compress(events, journals.are_new)),
        new_is_exact=len(sampled[True].loads) == journals.are_new.count(True),
        new_journals=journals.are_new.count(True),
        oldest_new=min(compress(journals.written, journals.are_new), default=None),
        pending_updates=len(updates.pending),
        oldest_update=min((naive(entry.modified) for entry in updates.pending), default=None),
        dead_journals=journals.dead,
        dead_updates=updates.dead,
        garbage_bytes=journals.dead_bytes + updates.dead_bytes,
        bin_width=histogram.width if histogram else "",
        bins=histogram.bins() if histogram else (),
    )


def _events(journals: Journals, sampled: Sequence[Sampled]) -> list[int]:
    """Say how many events each journal has: exactly where its metadata were read, else by its manifest's size."""
    known = [{journals.number_of(key): round(load.events) for key, load in one.loads.items()} for one in sampled]
    rates = [_rows_a_byte(journals, one) for one in known]
    events = []
    for number, is_new in enumerate(journals.are_new):
        least = 1 if journals.starts[number] == journals.ends[number] else 2
        about = max(least, round(rates[is_new] * (journals.manifests[number] - EMPTY)))
        events.append(known[is_new].get(number, about))
    return events


def _rows_a_byte(journals: Journals, events: Mapping[int, int]) -> float:
    """Say how many rows manifests have for each byte beside that of an empty one, from those whose events are known."""
    rates = [count / max(1, journals.manifests[number] - EMPTY) for number, count in events.items()]
    return sum(rates) / max(1, len(rates))


def _histogram(journals: Journals, events: Sequence[int]) -> Histogram | None:
    if not journals:
        return None
    histogram = Histogram(min(journals.starts), max(journals.ends))
    for one in zip(journals.starts, journals.ends, events, journals.blobs, strict=True):
        histogram.add(*one)
    return histogram


def _date(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else parse_timestamp(timestamp_at(microseconds))


def _by_size(journals: Journals) -> tuple[StatsGroup[int], ...]:
    sizes = _sizes(journals)
    return _groups(SIZES, zip(sizes, sizes, strict=True))


def _by_age(journals: Journals, date: datetime) -> tuple[StatsGroup[timedelta], ...]:
    ages = (date - written for written, new in zip(journals.written, journals.are_new, strict=True) if not new)
    return _groups(AGES, zip(ages, _sizes(journals), strict=True))


def _sizes(journals: Journals) -> list[int]:
    """Give the bytes of each journal that is not new, manifest and blob."""
    columns = zip(journals.manifests, journals.blobs, journals.are_new, strict=True)
    return [manifest + blob for manifest, blob, new in columns if not new]


def _groups(limits: Sequence[Limit], journals: Iterable[tuple[Limit, int]]) -> tuple[StatsGroup[Limit], ...]:
    """Part journals, given by what parts them and by their bytes."""
    counts, sizes = [0] * (len(limits) + 1), [0] * (len(limits) + 1)
    for value, size in journals:
        group = bisect_right(limits, value)
        counts[group] += 1
        sizes[group] += size
    return tuple(StatsGroup(*one) for one in zip([*limits, None], counts, sizes, strict=True))
