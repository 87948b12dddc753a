"""A replay by worker processes on Dask: the same events read by 1, 2 and 4 of them.

    python benches/workers.py [--events 10000000]

The events lie in a folder on this machine, in journals of 5,000, two of each time. Each cluster counts them and sums a
column, and what it got is compared. Prints a line for each cluster; keeps nothing.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from contenders import EVENT_SIZE, insist
from dask import compute
from datasets import journal
from distributed import Client, LocalCluster
from events import made
from stores import BENCHES

import flashflood.dask
from flashflood.store import open_store

JOURNAL = 5_000
"""Events in a journal."""
SIZE = 64 << 20
"""Bytes of a partition."""
FIELD = "foo"
FIELDS = 100
"""`foo` counts up to this, and begins again."""


def write(url: str, first: int) -> None:
    """Write two journals of the same time: the events of one lie between those of the other."""
    store = open_store(url)
    for part in range(2):
        numbers = range(first + part, first + 2 * JOURNAL, 2)
        for item in journal([made(number, EVENT_SIZE) for number in numbers]):
            if item.key.startswith(("journals/", "blobs/")):  # no index: replay does not read it
                store.put(item.key, item.body, metadata=item.metadata)
    store.flush()


def read(url: str, workers: int, events: int) -> str:
    """Let a cluster read all, and say what that took."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        begun = time.perf_counter()
        frame = flashflood.dask.read(url, columns={FIELD: FIELD}, schema={FIELD: "int64"}, size=SIZE)
        count, total = compute(frame[FIELD].count(), frame[FIELD].sum())
        wall = time.perf_counter() - begun
    insist(count == events, f"{count} events")
    insist(total == events // FIELDS * sum(range(FIELDS)), f"a sum of {total}")
    each = f"{wall:.1f} s, {wall / events * 1e6:.2f} us each"
    return f"{workers} workers, {frame.npartitions} partitions: {events:,} events, {each}"


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000_000, help="a multiple of 10,000")
    events = parser.parse_args().events
    (BENCHES.parent / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCHES.parent / "build") as folder:
        url = f"{folder}/"
        with ProcessPoolExecutor() as pool:
            list(pool.map(write, repeat(url), range(0, events, 2 * JOURNAL)))
        for workers in (1, 2, 4):
            sys.stdout.write(read(url, workers, events) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
