"""What the calls cost beside FlashFlood 0.4.3 and the floor: requests, client CPU, wall clock and memory, in one run.

    python benches/compare.py [--quick]

Each contender works in a process of its own, on the same server, in turn with the others; its results are checked
there. The floor is the same bytes, fetched with plain boto3 client calls and nothing done with them. The figures of
every run go to docs/benchmarks.json, from which report.py writes the pages.
`--quick` shrinks all sizes and runs each contender once: to try the benches out; it keeps nothing.
"""

import argparse
import sys
from dataclasses import replace

from datasets import Dataset, fill, fill_names
from events import FIELD, NESTED
from measuring import FEW_RUNS, MANY_RUNS, Bench, Contender, machine, save
from stores import LATENCY, ONE_CORE, Server, delayed, moto, rados_gateway

VARIANTS: dict[str, dict[str, object]] = {
    "boto3's own pool of 10 connections": {"connections": 10},
    ONE_CORE: {"is_on_one_core": True},
}
"""Other ways to run our client where each request takes its time. On one core its threads do not pass the interpreter's
lock from core to core, and the server has the other core to itself."""


class Comparison:
    """The tables, at full size or at a part of it."""

    def __init__(self, runs: int, part: int) -> None:
        """Run each contender at most `runs` times, at one `part`th of the size."""
        self.bench = Bench("contenders.py", runs)
        self.part = part

    def ways_to_replay(self, server: Server) -> None:
        """Replay one dataset in every way."""
        dataset = self._dataset(100_000, 450, 20)
        given = {"events": dataset.events, "size": dataset.size}
        ours: list[Contender] = [
            Contender("ours", "selected", given),
            Contender("ours", "batches", given),
        ]
        old: list[Contender] = []
        for expression in (FIELD, NESTED):
            filtered = given | {"expression": expression}
            old.append(Contender("0.4.3", "filtered", filtered))
            ours.append(Contender("ours", "filtered", filtered))
            ours.append(Contender("ours", "batches", filtered))
        contenders = [*self._replaying(dataset), *old, *ours]
        self.bench.alternate(server, "ways", dataset.name, contenders, fill(server, dataset))

    def kinds_of_stores(self, server: Server) -> None:
        """Replay large and small events, few large and many small journals, overlapping and not."""
        for dataset in (
            self._dataset(200_000, 100, 20),
            self._dataset(20_000, 10_000, 20),
            self._dataset(50_000, 450, 1_000),
            self._dataset(100_000, 450, 20, is_overlapping=True),
            self._dataset(100_000, 450, 20, is_combined=True),
        ):
            self._alternate_few(server, "stores", dataset.name, self._replaying(dataset), fill(server, dataset))

    def growth(self, server: Server) -> None:
        """Replay ten and a hundred times the events, in journals of one size."""
        for events in (10_000, 100_000, 1_000_000):
            dataset = self._dataset(events, 450, events // 5_000)
            given = {"events": dataset.events, "size": dataset.size}
            filtered = given | {"expression": FIELD}
            contenders = [
                *self._replaying(dataset),
                Contender("ours", "filtered", filtered),
                Contender("ours", "batches", given),
                Contender("ours", "batches", filtered),
            ]
            self._alternate_few(server, "growth", dataset.name, contenders, fill(server, dataset))

    def replay_at_latency(self, server: Server) -> None:
        """Replay many journals where each request takes its time."""
        dataset = self._dataset(20_000, 450, 200)
        contenders = self._replaying(dataset)
        prefix = fill(server, dataset)
        self._alternate_few(server, "replay at latency", dataset.name, contenders, prefix)
        for how, more in VARIANTS.items():
            ours = replace(contenders[-1], arguments={**contenders[-1].arguments, **more})
            self._alternate_few(server, "replay at latency", f"{dataset.name}, {how}", [ours], prefix)

    def journal(self, server: Server, old_events: int) -> None:
        """Journal new events; 0.4.3, whose time grows with their number, fewer of them where it takes too long."""
        case = "new events of 450 bytes"
        ours = Contender("ours", "journal", {"events": 500 // self.part})
        old = Contender("0.4.3", "journal", {"events": old_events // self.part})
        self._alternate_few(server, "journal", case, [old, ours])
        if server.latency:
            one_core = replace(ours, arguments={**ours.arguments, **VARIANTS[ONE_CORE]})
            self._alternate_few(server, "journal", f"{case}, {ONE_CORE}", [one_core])

    def calls(self, server: Server, calls: int) -> None:
        """Make the calls that work on one event."""
        given = {"calls": calls}
        contenders = [
            Contender("0.4.3", "calls", given),
            Contender("ours", "calls", given),
            Contender("ours", "reading_as_0_4_3", given),
        ]
        self._alternate_few(server, "calls", "events of 450 bytes", contenders)

    def bulk(self, server: Server) -> None:
        """Make the calls that work on many events."""
        contenders = [Contender("ours", "bulk", {"events": 1_000 // self.part})]
        self._alternate_few(server, "calls", "events of 450 bytes", contenders)

    def listing(self, server: Server) -> None:
        """List journals."""
        journals = 3_000 // self.part
        contenders = [Contender(side, "listing", {"journals": journals}) for side in ("floor", "0.4.3", "ours")]
        self.bench.alternate(server, "listing", f"{journals:,} journals", contenders, fill_names(server, journals))

    def _alternate_few(
        self, server: Server, group: str, case: str, contenders: list[Contender], prefix: str = ""
    ) -> None:
        few = [replace(contender, runs=FEW_RUNS) for contender in contenders]
        self.bench.alternate(server, group, case, few, prefix)

    def _dataset(self, events: int, size: int, journals: int, **how: bool) -> Dataset:
        journals = max(2, journals // self.part)
        return Dataset(events // self.part // journals * journals, size, journals, **how)

    @staticmethod
    def _replaying(dataset: Dataset) -> list[Contender]:
        given = {"events": dataset.events, "size": dataset.size}
        # 0.4.3 replays journal by journal.
        old = given | {"is_ordered": not dataset.is_overlapping}
        return [
            Contender("floor", "replay", given),
            Contender("0.4.3", "replay", old),
            Contender("ours", "replay", given),
        ]


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size, once; keep nothing")
    quick = parser.parse_args().quick
    comparison = Comparison(runs=1, part=20) if quick else Comparison(runs=MANY_RUNS, part=1)
    with moto() as server:
        comparison.ways_to_replay(server)
        comparison.kinds_of_stores(server)
        comparison.growth(server)
    # Each on one of its own: a LIST of moto's takes as long as the bucket has keys.
    with moto() as server:
        comparison.listing(server)
    with moto() as server:
        comparison.calls(server, 40 // min(comparison.part, 4))
    with moto() as server:
        comparison.bulk(server)
    with moto() as server:
        comparison.journal(server, old_events=200)
    for kind in (moto, rados_gateway):
        with kind() as server, delayed(server, LATENCY) as far:
            comparison.replay_at_latency(far)
            comparison.journal(far, old_events=50)
            if kind is rados_gateway:
                comparison.calls(far, 10)
                comparison.bulk(far)
    if not quick:
        save("compare", machine(["boto3", "moto"]), comparison.bench.rows)
    sys.stdout.write(f"{len(comparison.bench.rows)} rows; every result was right\n")


if __name__ == "__main__":
    main()
