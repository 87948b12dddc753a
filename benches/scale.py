"""What calls take in stores with a long past, and in stores of a tenth of it (S3 made up from a formula, 20 ms each).

    python benches/scale.py [--quick]

Each call is made in a process of its own, where its results are looked at, and each try of its requests is counted.
The figures go to docs/benchmarks.json; `--quick` looks at small stores, and keeps nothing.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta

import scale_check
import scale_find
import scale_listing
import scale_wide
import scale_writers
from contenders import insist
from measuring import FEW_RUNS, Requests, Row, Stages, machine, save
from stores import BUCKET, LATENCY, Server, formula, formula_at
from stretches import BEGIN, PREFIX, Calls, Stretch

from flashflood import FlashFlood

SIZE = 100
"""Bytes of an event."""
MINUTES = (52_560, 525_600)
"""Journals of one minute each: of a tenth of a year, and of a year."""
DEAD = (10_000, 100_000)
"""Dead journals that nobody has collected, before the living ones."""
LIVING = 200
"""New journals of an event each, after the dead."""
FEW_EVENTS = 3
"""In a journal of a minute."""


def minutes(journals: int) -> list[Stretch]:
    """Give a store of so many journals of a minute each."""
    return [Stretch(journals=journals, every=60, size=SIZE, events=FEW_EVENTS)]


def dead(journals: int) -> list[Stretch]:
    """Give a store of so many dead journals, and some new ones after them."""
    return [
        Stretch(journals=journals, every=1, size=SIZE, kind="dead"),
        Stretch(journals=LIVING, every=1, size=SIZE, kind="new"),
    ]


def first_of_the_last_hour(ff: FlashFlood, journals: int) -> None:
    """Replay the last hour as far as its first event."""
    begin = BEGIN + timedelta(minutes=journals - 60)
    first = next(iter(ff.replay(begin)))
    insist(begin < first.date <= begin + timedelta(minutes=1), f"first event at {first.date}")


def all_journals(ff: FlashFlood, journals: int) -> None:
    """List all journals."""
    found = sum(1 for _ in ff.list_journals())
    insist(found == journals, f"{found} journals")


def first_after_the_dead(ff: FlashFlood, journals: int) -> None:
    """Replay as far as the first event."""
    first = next(iter(ff.replay()))
    insist(first.date >= BEGIN + timedelta(seconds=journals), f"first event at {first.date}")


def journal_after_the_dead(ff: FlashFlood, _: int) -> None:
    """Journal a hundred new events."""
    ff.journal(100)
    insist(sum(1 for _ in ff.new_journals()) == LIVING - 100, "new journals left")


def collect_nothing(ff: FlashFlood, _: int) -> None:
    """Collect garbage, where none is old enough."""
    insist(ff.collect_garbage(grace=timedelta(days=100_000)) == 0, "nothing is collected")


CALLS: Calls = {
    "journals of a minute each: first event of the last hour": (minutes, MINUTES, first_of_the_last_hour),
    "journals of a minute each: list_journals": (minutes, MINUTES, all_journals),
    "dead journals before 200 new ones: first event": (dead, DEAD, first_after_the_dead),
    "dead journals before 200 new ones: journal(100)": (dead, DEAD, journal_after_the_dead),
    "dead journals before 200 new ones: collect_garbage, none old enough": (dead, DEAD, collect_nothing),
    **scale_check.CALLS,
    **scale_find.CALLS,
    **scale_listing.CALLS,
    **scale_wide.CALLS,
    **scale_writers.CALLS,
}


def measured(runs: int, part: int) -> list[Row]:
    """Make each call in stores of both sizes, in so many runs."""
    rows = []
    for stage, (stretches, sizes, _) in CALLS.items():
        for size in sizes:
            row = Row("scale", f"{size // part:,}", "formula", LATENCY, "ours", stage)
            for _ in range(runs):
                with formula(*stretches(size // part), latency=LATENCY) as server:
                    row.runs.append(_called(server, stage, size // part))
            sys.stderr.write(f"{size // part:,} {stage}\n")
            rows.append(row)
    return rows


def _called(server: Server, stage: str, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--work", server.endpoint, stage, str(size)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, dict[str, float]] = json.loads(done.stderr.splitlines()[-1])
    return found[stage]


def work(endpoint: str, stage: str, size: int) -> None:
    """Make one call, and tell the figures."""
    client = formula_at(endpoint).client()
    client.head_bucket(Bucket=BUCKET)
    requests = Requests()
    requests.watch(client)
    stages = Stages(requests)
    with stages.measured(stage, 1):
        CALLS[stage][2](FlashFlood(client, BUCKET, PREFIX), size)
    stages.report()


def tell(rows: Sequence[Row]) -> None:
    """Say what each call took."""
    for row in rows:
        wall, cpu, memory = row.each("wall"), row.each("cpu"), row.median("memory") / 1_000_000
        took = f"{row.requests:,.0f} requests, {wall:.2f} s, {cpu:.2f} s CPU, {memory:.1f} MB"
        sys.stdout.write(f"{row.case} {row.stage}: {took}\n")


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small stores, once; keep nothing")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        endpoint, stage, size = given.work
        work(endpoint, stage, int(size))
    elif given.quick:
        tell(measured(1, 50))
    else:
        rows = measured(FEW_RUNS, 1)
        tell(rows)
        save("scale", machine([]), rows)


if __name__ == "__main__":
    main()
