"""The question "all events between two dates that match a filter", asked of what people would otherwise take.

    python benches/peers.py [--quick]

The events are the flights of flights.py. They lie on RADOS Gateway four times: as journals of 5,000 events, as put_many
writes them; as journals of 30,000, as `compact` leaves them; as JSON Lines, one file for each month; and as a Delta
table, sorted by time. Every answer is
compared with the one that Python's own json gives. The figures of every run go to docs/benchmarks.json, from which
report.py writes the pages. `--quick` asks once, about a twentieth of the flights, and keeps nothing.
"""

import argparse
import json
import sys
import tempfile

from datasets import Item, journal, put_all
from flights import FIELD, NESTED, Flight, flights, months
from measuring import FEW_RUNS, Bench, Contender, machine, save
from measuring import PEERS as PEERS_FOLDER
from peer_queries import PEERS
from stores import BUCKET, Server, rados_gateway

PACKAGES = ("duckdb", "polars", "deltalake", "pyarrow", "orjson", "jmespath")
JOURNAL = 5_000
"""Events in a journal."""
COMPACTED = 30_000
"""Events in one that has been compacted: about `flashflood.maintain.compact.TARGET_SIZE` bytes."""
ROW_GROUP = 65_536
"""Rows in a row group of the Delta table's file: few enough that dates tell some apart."""


def fill_journals(server: Server, events: list[Flight], size: int) -> str:
    """Store the flights as journals of so many events; give the prefix."""
    made = [(flight.id, flight.time, flight.data) for flight in events]
    journals = (made[start : start + size] for start in range(0, len(made), size))
    return put_all(server, (item for of_journal in journals for item in journal(of_journal)))


def fill_lines(server: Server, events: list[Flight]) -> str:
    """Store the flights as JSON Lines; give the prefix."""
    return put_all(
        server,
        (
            Item(f"{month}.jsonl", b"".join(flight.data + b"\n" for flight in of_month), {})
            for month, of_month in months(events)
        ),
    )


def fill_table(server: Server, events: list[Flight]) -> str:
    """Store the flights as a Delta table of typed columns; give the prefix."""
    import pyarrow as pa  # noqa: PLC0415  it is in the peers' folder
    from deltalake import WriterProperties, write_deltalake  # noqa: PLC0415

    rows = [json.loads(flight.data) | {"time": flight.time} for flight in events]
    prefix = "flights-table"
    options = {"aws_endpoint_url": server.direct, "aws_allow_http": "true", "aws_conditional_put": "etag"}
    properties = WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP)
    options |= server.environment
    write_deltalake(
        f"s3://{BUCKET}/{prefix}",
        pa.Table.from_pylist(rows),
        storage_options=options,
        writer_properties=properties,
    )
    return prefix


class Question:
    """The question with one filter, asked of every peer."""

    def __init__(self, server: Server, events: list[Flight]) -> None:
        """Store the flights in every form."""
        self._events = events
        self._in_range = [flight for flight in events if flight.is_in_range]
        self._journals = fill_journals(server, events, JOURNAL)
        self._stored = {
            "compacted": fill_journals(server, events, COMPACTED),
            "lines": fill_lines(server, events),
            "months": [month for month, _ in months(self._in_range)],
            "table": fill_table(server, events),
        }

    def ask(self, bench: Bench, server: Server, expression: str) -> None:
        """Ask all, in turn."""
        answer = [flight.data for flight in self._in_range if flight.meets(expression)]
        case = f"{expression}: {len(answer):,} of {len(self._in_range):,} flights"
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\n".join(answer))
            file.flush()
            asked = self._stored | {"filter": expression, "events": len(self._in_range), "answer": file.name}
            contenders = [Contender("peers", task, asked, FEW_RUNS) for task in PEERS]
            bench.alternate(server, "peers", case, contenders, self._journals)


def main() -> None:
    """Read the command line, and measure."""
    sys.path.insert(0, PEERS_FOLDER)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the flights, once; keep nothing")
    quick = parser.parse_args().quick
    bench = Bench("peer_queries.py", runs=1 if quick else FEW_RUNS)
    events = flights(20 if quick else 1)
    with rados_gateway() as server:
        question = Question(server, events)
        for expression in (FIELD, NESTED):
            question.ask(bench, server, expression)
    if not quick:
        save("peers", machine(PACKAGES), bench.rows)
    sys.stdout.write(f"{len(bench.rows)} rows; every answer was right\n")


if __name__ == "__main__":
    main()
