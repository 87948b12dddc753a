"""What packed columns beside the blobs, and compressed blobs, would bring: a prototype, not part of the package.

    python benches/packed.py

The flights lie on this machine: as journals in a folder, as the package has them; as the same journals with a file of
packed columns (Arrow's format, compressed with zstd) beside each blob, the blobs plain or compressed in pieces of
64 KB; and as a Delta table. Two questions are asked of each: three columns of all flights, and the whole events of the
late ones. Each asks three times in a process of its own, and the fastest counts. Prints a table; keeps nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contenders import insist
from flights import FIELD, LATE, Flight, flights
from measuring import PEERS, QUIET
from stores import BENCHES

from flashflood import FlashFlood
from flashflood.store import open_store

PIECE = 64 << 10
"""Bytes of a blob that are compressed together."""
COLUMNS = ("id", "carrier", "dep_delay")
ROW_GROUP = 65_536


def fill(folder: Path, events: list[Flight], journal_of: int) -> None:
    """Write everything."""
    import pyarrow as pa  # noqa: PLC0415  it is in the peers' folder, or in .venv
    from datasets import journal  # noqa: PLC0415  as above
    from deltalake import WriterProperties, write_deltalake  # noqa: PLC0415  as above

    store = open_store(f"{folder}/events/")
    for name in ("packed", "plain", "zstd"):
        (folder / name).mkdir()
    for number, begin in enumerate(range(0, len(events), journal_of)):
        some = events[begin : begin + journal_of]
        for item in journal([(one.id, one.time, one.data) for one in some]):
            if item.key.startswith(("journals/", "blobs/")):
                store.put(item.key, item.body, metadata=item.metadata)
        documents = [json.loads(one.data) for one in some]
        ends, end = [], 0
        for one in some:
            end += len(one.data)
            ends.append(end)
        columns = {name: [one[name] for one in documents] for name in COLUMNS} | {"end": ends}
        _write_ipc(folder / "packed" / f"{number:04}", pa.table(columns))
        blob = b"".join(one.data for one in some)
        (folder / "plain" / f"{number:04}").write_bytes(blob)
        codec = pa.Codec("zstd")
        pieces = [codec.compress(blob[at : at + PIECE], asbytes=True) for at in range(0, len(blob), PIECE)]
        (folder / "zstd" / f"{number:04}").write_bytes(_framed(pieces))
    store.flush()
    rows = [json.loads(one.data) | {"time": one.time} for one in events]
    properties = WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP)
    write_deltalake(str(folder / "delta"), pa.Table.from_pylist(rows), writer_properties=properties)


def _write_ipc(path: Path, table: Any) -> None:  # noqa: ANN401  pyarrow has no types
    from pyarrow import ipc  # noqa: PLC0415  as above

    with ipc.new_file(str(path), table.schema, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)


def _framed(pieces: list[bytes]) -> bytes:
    return (
        len(pieces).to_bytes(4, "little")
        + b"".join(len(one).to_bytes(4, "little") for one in pieces)
        + b"".join(pieces)
    )


def _unframed(body: bytes, size: int) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  as above

    codec, count = pa.Codec("zstd"), int.from_bytes(body[:4], "little")
    at, out = 4 + 4 * count, []
    for number in range(count):
        length = int.from_bytes(body[4 + 4 * number : 8 + 4 * number], "little")
        out.append(codec.decompress(body[at : at + length], min(PIECE, size - number * PIECE), asbytes=True))
        at += length
    return b"".join(out)


def packed_columns(folder: Path) -> Any:  # noqa: ANN401  as above
    """Read three packed columns."""
    import pyarrow as pa  # noqa: PLC0415  as above
    from pyarrow import ipc  # noqa: PLC0415  as above

    parts = [ipc.open_file(pa.memory_map(str(path))).read_all() for path in sorted((folder / "packed").iterdir())]
    return pa.concat_tables(parts).select(COLUMNS)


def packed_filter(folder: Path, blobs: str) -> Any:  # noqa: ANN401  as above
    """Find the late flights by their packed column, and take their bytes out of the blobs."""
    import numpy as np  # noqa: PLC0415  as above
    import pyarrow as pa  # noqa: PLC0415  as above
    from pyarrow import ipc  # noqa: PLC0415  as above

    found: list[bytes] = []
    for path in sorted((folder / "packed").iterdir()):
        options = ipc.IpcReadOptions(included_fields=[2, 3])
        table = ipc.open_file(pa.memory_map(str(path)), options=options).read_all()
        ends = table["end"].to_numpy()
        late = np.nonzero(table["dep_delay"].fill_null(0).to_numpy() > LATE)[0]
        body = (folder / blobs / path.name).read_bytes()
        blob = body if blobs == "plain" else _unframed(body, int(ends[-1]))
        starts = np.concatenate(([0], ends[:-1]))
        found += [blob[start:end] for start, end in zip(starts[late], ends[late], strict=True)]
    return pa.table({"data": found})


def ours_columns(folder: Path) -> Any:  # noqa: ANN401  as above
    """Replay three columns, as the package does."""
    import pyarrow as pa  # noqa: PLC0415  as above

    columns = {"event_id": None, "date": None, **{name: name for name in COLUMNS}}
    schema = {"id": "string", "carrier": "string", "dep_delay": "int64"}
    return pa.table(FlashFlood.open(f"{folder}/events/").replay_batches(columns=columns, schema=schema))


def ours_filter(folder: Path) -> Any:  # noqa: ANN401  as above
    """Replay the late flights, as the package does."""
    import pyarrow as pa  # noqa: PLC0415  as above

    return pa.table(FlashFlood.open(f"{folder}/events/").replay_batches(filter=FIELD))


def delta(folder: Path, *, late: bool) -> Any:  # noqa: ANN401  as above
    """Ask polars for the same of the Delta table."""
    import polars as pl  # noqa: PLC0415  as above

    frame = pl.scan_delta(str(folder / "delta"))
    asked = frame.filter(pl.col("dep_delay") > LATE) if late else frame.select(COLUMNS)
    return asked.collect(engine="streaming").to_arrow()


WAYS: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "three columns, as now": (ours_columns, ("events",)),
    "three columns, packed": (packed_columns, ("packed",)),
    "three columns, Delta table": (lambda folder: delta(folder, late=False), ("delta",)),
    "late flights whole, as now": (ours_filter, ("events",)),
    "late flights whole, packed filter": (lambda folder: packed_filter(folder, "plain"), ("packed", "plain")),
    "late flights whole, packed filter, zstd": (lambda folder: packed_filter(folder, "zstd"), ("packed", "zstd")),
    "late flights whole, Delta table": (lambda folder: delta(folder, late=True), ("delta",)),
}


def work(folder: Path, way: str, late: int, events: int) -> None:
    """Ask three times; tell the least CPU and wall clock, in seconds."""
    ask, _ = WAYS[way]
    figures = []
    for _ in range(3):
        cpu, wall = time.process_time(), time.perf_counter()
        table = ask(folder)
        figures.append((time.process_time() - cpu, time.perf_counter() - wall))
    insist(table.num_rows == (late if "late" in way else events), f"{way}: {table.num_rows} rows")
    if "late" not in way:
        delays = table["dep_delay"].to_pylist()
        insist(sum(1 for delay in delays if (delay or 0) > LATE) == late, f"{way}: delays")
    sys.stderr.write(json.dumps([min(found) for found in zip(*figures, strict=True)]) + "\n")


def main() -> None:
    """Read the command line, and measure."""
    sys.path.append(PEERS)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        folder, way, late, count = given.work
        work(Path(folder), way, int(late), int(count))
        return
    events = flights(1)
    late = sum(1 for one in events if (one.delays[0] or 0) > LATE)
    for journal_of in (5_000, 50_000):
        with tempfile.TemporaryDirectory(dir=BENCHES.parent / "build") as folder:
            fill(Path(folder), events, journal_of)
            for way, (_, files) in WAYS.items():
                environment = os.environ | QUIET | {"PYTHONPATH": PEERS}
                command = [sys.executable, __file__, "--work", folder, way, str(late), str(len(events))]
                done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
                if done.returncode:
                    sys.exit(done.stderr)
                cpu, wall = json.loads(done.stderr.splitlines()[-1])
                size = sum(
                    path.stat().st_size for name in files for path in Path(folder, name).rglob("*") if path.is_file()
                )
                each = [f"{1e6 * figure / len(events):.2f}" for figure in (cpu, wall)]
                line = f"journals of {journal_of:,}: {way}: {each[0]} us CPU, {each[1]} us wall, {size / 1e6:.0f} MB"
                sys.stdout.write(line + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
