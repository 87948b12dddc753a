"""A year of one journal a minute, maintained day by day: what is left, what it costs, and how soon a replay begins.

    python benches/year.py [--quick]

The store is in memory, which saves the time of a server; it is asked as S3 is, and each request is counted.
Each day 1,440 journals come, as `put_many` or `journal` leave them. Then `maintain` is called twice: it removes what
died the day before, and compacts. After each month of 30 days a replay of the last hour is timed as far as its first
event, each request taking 20 ms. At the end all events are replayed and counted. The figures go to
docs/benchmarks.json; `--quick` lives for six days, and keeps nothing.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import TypeVar

from contenders import insist
from datasets import journal
from events import BEGIN, Made, event_data, event_id
from measuring import Figures, Row, machine, save
from stores import CONNECTIONS, LATENCY, ROOT

from flashflood import FlashFlood, JournalID, Rules, layout
from flashflood._core import Manifest
from flashflood.records.index import IndexEntry
from flashflood.store import Store, open_store

sys.path.append(str(ROOT / "tests"))
from support.watched import Watched

T = TypeVar("T")

MINUTES_A_DAY = 1_440
FEW_EVENTS = 3
"""In a journal of a minute."""
SIZE = 100
"""Bytes of an event."""
MONTH = 30
"""Days."""
MONTHS = 12
COLLECT = Rules(compact_every=None, collect_every=timedelta(0), grace=timedelta(0))
COMPACT = Rules(compact_every=timedelta(0), collect_every=None)


class Metered(Watched):
    """A store that counts its requests, and takes so many seconds for each."""

    def __init__(self, store: Store) -> None:
        """Be asked as S3 is: from many threads, and by listings that look ahead."""
        super().__init__(store)
        self.workers, self.is_near, self.keys_per_listing = CONNECTIONS, False, 400
        self.sent = Counter[str]()
        self.latency = 0.0
        self._lock = threading.Lock()

    def request(self, method: str, _key: str, send: Callable[[], T], /) -> T:
        """Count, wait, and do it."""
        with self._lock:
            self.sent["gets" if method in ("get", "head") else "deletes" if method == "delete" else "puts"] += 1
        if self.latency:
            time.sleep(self.latency)
        return send()


def minute(number: int) -> list[Made]:
    """Give the events of a minute."""
    events = range(number * FEW_EVENTS, (number + 1) * FEW_EVENTS)
    return [(event_id(one), BEGIN + one * timedelta(minutes=1) / FEW_EVENTS, event_data(one, SIZE)) for one in events]


def fill(store: Store, minutes: range) -> None:
    """Store a journal for each minute, with its index entries; no request is counted."""
    for number in minutes:
        blob, manifest = journal(minute(number))
        for item in (blob, manifest):
            store.put(item.key, item.body, metadata=item.metadata)
        journal_id = JournalID(layout.journal_name(manifest.key))
        for row in Manifest.decode(journal_id, manifest.body).rows():
            entry = IndexEntry.of_row(row, 1, journal_id)
            store.put(layout.index_key(row.event_id, 1), b"", metadata=entry.metadata())


def months(days: int, month: int) -> Iterator[Row]:
    """Live so many days, and tell of each month."""
    inner = open_store("memory://")
    store = Metered(inner)
    ff = FlashFlood._on(store)  # noqa: SLF001  a store of our own
    cpu = 0.0
    for day in range(1, days + 1):
        fill(inner, range((day - 1) * MINUTES_A_DAY, day * MINUTES_A_DAY))
        begun = time.process_time()
        ff.maintain(COLLECT)
        ff.maintain(COMPACT)
        cpu += time.process_time() - begun
        if day % month == 0:
            row = Row("year", f"{day // month}", "memory", LATENCY, "ours", "maintained day by day")
            row.runs.append({"cpu": cpu, **store.sent, **_looked_at(inner, day * MINUTES_A_DAY)})
            yield row
            store.sent.clear()
            cpu = 0.0
    _check_all(ff, days * MINUTES_A_DAY)


def _looked_at(inner: Store, minutes: int) -> Figures:
    """Say how many journals live, and how soon a replay of the last hour gives its first event."""
    journals = sum(1 for _ in FlashFlood._on(inner).list_journals())  # noqa: SLF001  as above
    store = Metered(inner)
    store.latency = LATENCY
    begin = BEGIN + timedelta(minutes=minutes - 60)
    begun = time.perf_counter()
    first = next(iter(FlashFlood._on(store).replay(begin)))  # noqa: SLF001  as above
    wall = time.perf_counter() - begun
    insist(begin < first.date <= begin + timedelta(minutes=1), f"first event at {first.date}")
    return {"count": journals, "wall": wall, "first": store.sent.total()}


def _check_all(ff: FlashFlood, minutes: int) -> None:
    """Replay all."""
    dates = [event.date for event in ff.replay()]
    insist(len(dates) == minutes * FEW_EVENTS, f"{len(dates)} events")
    insist(all(one < other for one, other in pairwise(dates)), "order")


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="six days, of which each two are a month; keep nothing")
    given = parser.parse_args()
    rows = []
    for row in months(6, 2) if given.quick else months(MONTHS * MONTH, MONTH):
        (found,) = row.runs
        sys.stdout.write(f"month {row.case}: {found}\n")
        sys.stdout.flush()
        rows.append(row)
    if not given.quick:
        save("year", machine([]), rows)


if __name__ == "__main__":
    main()
