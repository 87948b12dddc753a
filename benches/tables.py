"""Columns with types out of JSON: ours from journals in a folder, DuckDB's and polars' from the events in one file.

    python benches/tables.py [--quick]

Both lie on this machine, in the page cache. All types are given. Each reads twice in a process of its own, the second
time counts, and what it got is compared with the answer afterwards, column by column, in order. The floor reads the
file and does nothing with it. The figures go to docs/benchmarks.json; `--quick` is small, and keeps nothing.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from contenders import EVENT_SIZE, insist
from datasets import journal
from events import made
from flights import FIELD, flights
from measuring import FEW_RUNS, MANY_RUNS, PEERS, QUIET, Requests, Row, Stages, machine, save
from peer_queries import NUMBERS, TEXTS
from stores import BENCHES

from flashflood import FlashFlood
from flashflood.store import open_store

JOURNAL = 5_000
"""Events in a journal."""
FOLDER, LINES = "events/", "events.jsonl"
PACKAGES = ("duckdb", "polars", "pyarrow")

Types: TypeAlias = dict[str, str]
"""The columns, `int` or `text`, by their names, which are the fields' names."""


class Case(NamedTuple):
    """What is asked for."""

    name: str
    types: Types
    filter: str | None = None
    """Ours alone: what a filter costs with a column, and with the bytes."""


TWO = Case("two columns of 100,000 events of 450 bytes", {"foo": "int", "transaction": "text"})
THREE = Case("three columns of the flights", {"id": "text", "carrier": "text", "dep_delay": "int"})
ALL = Case("all 19 columns of the flights", dict.fromkeys(NUMBERS, "int") | dict.fromkeys(TEXTS, "text"))
ONE = Case(f"one column of the flights, {FIELD}", {"arr_delay": "int"}, FIELD)


def floor(folder: str, _case: Case) -> Any:  # noqa: ANN401  pyarrow and polars give what they give
    """Read the file."""
    Path(folder, LINES).read_bytes()


def ours(folder: str, case: Case) -> Any:  # noqa: ANN401  as above
    """Replay into a pyarrow table."""
    import pyarrow as pa  # noqa: PLC0415  each process loads what it measures

    schema = {name: "int64" if kind == "int" else "string" for name, kind in case.types.items()}
    columns = {"event_id": None, "date": None, **{name: name for name in case.types}}
    ff = FlashFlood.open(f"{folder}/{FOLDER}")
    return pa.table(ff.replay_batches(columns=columns, schema=schema, filter=case.filter))


def ours_as_bytes(folder: str, case: Case) -> Any:  # noqa: ANN401  as above
    """Replay the data as they are."""
    import pyarrow as pa  # noqa: PLC0415  as above

    return pa.table(FlashFlood.open(f"{folder}/{FOLDER}").replay_batches(filter=case.filter))


def duckdb_json(folder: str, case: Case) -> Any:  # noqa: ANN401  as above
    """Ask DuckDB's read_json."""
    import duckdb  # noqa: PLC0415  as above

    types = {name: "BIGINT" if kind == "int" else "VARCHAR" for name, kind in case.types.items()}
    names = ", ".join(f'"{name}"' for name in types)
    query = f"SELECT {names} FROM read_json('{folder}/{LINES}', format = 'newline_delimited', columns = {types})"
    return duckdb.connect().sql(query).to_arrow_table()


def polars_json(folder: str, case: Case) -> Any:  # noqa: ANN401  as above
    """Ask polars' scan_ndjson."""
    import polars as pl  # noqa: PLC0415  as above

    schema = {name: pl.Int64 if kind == "int" else pl.String for name, kind in case.types.items()}
    return pl.scan_ndjson(f"{folder}/{LINES}", schema=schema).collect().to_arrow()


SIDES: dict[str, Callable[[str, Case], Any]] = {
    "floor": floor,
    "ours, replay_batches(columns=…)": ours,
    "ours, replay_batches": ours_as_bytes,
    "DuckDB, read_json": duckdb_json,
    "polars, scan_ndjson": polars_json,
}
CASES = {case.name: (case, list(SIDES)) for case in (TWO, THREE, ALL)}
CASES[ONE.name] = (ONE, ["floor", "ours, replay_batches(columns=…)", "ours, replay_batches"])


def digest(column: list[object]) -> str:
    """Tell a column's values."""
    return hashlib.sha256(json.dumps(column).encode()).hexdigest()


def fill(folder: str, events: list[tuple[str, datetime, bytes]]) -> None:
    """Write the events as journals and as lines."""
    store = open_store(f"{folder}/{FOLDER}")
    for begin in range(0, len(events), JOURNAL):
        for item in journal(events[begin : begin + JOURNAL]):
            if item.key.startswith(("journals/", "blobs/")):  # no index: replay does not read it
                store.put(item.key, item.body, metadata=item.metadata)
    store.flush()
    Path(folder, LINES).write_bytes(b"".join(data + b"\n" for _, _, data in events))


def answers(case: Case, events: list[tuple[str, datetime, bytes]]) -> dict[str, str]:
    """Give what each column must have."""
    documents = [json.loads(data) for _, _, data in events]
    if case.filter is not None:
        documents = [one for one in documents if (one["dep_delay"] or 0) > 60]  # noqa: PLR2004  it is in FIELD
    return {name: digest([one.get(name) for one in documents]) for name in case.types}


def work(folder: str, name: str, side: str, events: int) -> None:
    """Read twice, and tell what the second time took."""
    case, _ = CASES[name]
    stages = Stages(Requests())
    SIDES[side](folder, case)
    with stages.measured(side, events):
        table = SIDES[side](folder, case)
    if side not in {"floor", "ours, replay_batches"}:
        expected = json.loads(Path(folder, f"{case.name}.json").read_text())
        insist({column: digest(table[column].to_pylist()) for column in case.types} == expected, f"{side}, {name}")
    stages.report()


def measure(folder: str, name: str, events: int, runs: int) -> list[Row]:
    """Let the sides read in turn."""
    rows: dict[str, Row] = {}
    for _ in range(runs):
        for side in CASES[name][1]:
            environment = os.environ | QUIET | {"PYTHONPATH": PEERS}
            command = [sys.executable, __file__, "--work", folder, name, side, str(events)]
            done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            for stage, figures in json.loads(done.stderr.splitlines()[-1]).items():
                rows.setdefault(side, Row("tables", name, "", 0, side, stage)).runs.append(figures)
    for row in rows.values():
        sys.stderr.write(f"{name}: {row.side}: {row.each('cpu') * 1e6:.2f} us\n")
    return list(rows.values())


def main() -> None:
    """Read the command line, and measure."""
    sys.path.append(PEERS)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the events, once; keep nothing")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        folder, name, side, events = given.work
        work(folder, name, side, int(events))
        return
    part, runs = (20, 1) if given.quick else (1, FEW_RUNS)
    flown = [(flight.id, flight.time, flight.data) for flight in flights(part)]
    rows: list[Row] = []
    for cases, events in (([TWO], [made(n, EVENT_SIZE) for n in range(100_000 // part)]), ([THREE, ALL, ONE], flown)):
        with tempfile.TemporaryDirectory(dir=BENCHES.parent / "build") as folder:
            fill(folder, events)
            for case in cases:
                Path(folder, f"{case.name}.json").write_text(json.dumps(answers(case, events)))
                rows += measure(folder, case.name, len(events), runs if case is not TWO else min(MANY_RUNS, 2 * runs))
    if not given.quick:
        save("tables", machine(PACKAGES), rows)


if __name__ == "__main__":
    main()
