"""What each peer of peers.py does, in a process of its own: answer one question about the flights on S3.

    python benches/peer_queries.py <endpoint> <direct endpoint> <JSON: side, task, prefix, and what is asked>

All get the events between two dates that match a filter, in order, whole (but where the way says otherwise); what they
got is compared with the answer in a file after the time is taken. Each asks twice: the first time starts threads and
connections, and shows the peak of memory, the second time is measured.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from flights import FIELD, FROM, LATE, NESTED, TO, VERY_LATE
from measuring import Requests, Stages
from stores import BUCKET, CONNECTIONS

Found: TypeAlias = list[dict[str, Any]]
"""Events as dicts, in order."""

NUMBERS = [
    *("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay"),
    *("flight", "air_time", "distance", "hour", "minute"),
]
TEXTS = ["carrier", "tailnum", "origin", "dest", "time_hour"]


class Asked(NamedTuple):
    """A question, and where its answer lies."""

    endpoint: str
    prefix: str
    """The root prefix of the journals."""
    compacted: str
    """The root prefix of the compacted ones."""
    lines: str
    """The prefix of the JSON Lines files, one for each month."""
    months: list[str]
    """Those which have events between the dates."""
    table: str
    """The prefix of the Delta table."""
    filter: str
    """`FIELD` or `NESTED`."""
    events: int
    """How many events are between the dates."""

    @property
    def files(self) -> list[str]:
        """Give the URLs of the JSON Lines files."""
        return [f"s3://{BUCKET}/{self.lines}/{month}.jsonl" for month in self.months]

    @property
    def storage_options(self) -> dict[str, str]:
        """Give what polars and deltalake take to find the server."""
        return {"aws_endpoint_url": self.endpoint, "aws_allow_http": "true", "aws_region": "us-east-1"}


Ask: TypeAlias = Callable[[], Any]
Read: TypeAlias = Callable[[Any], Found]
Peer: TypeAlias = Callable[[Asked], tuple[Ask, Read]]
"""Prepares to ask: gives what is measured, and what makes dicts of its result afterwards."""


def s3_client(asked: Asked) -> Any:  # noqa: ANN401  boto3 has no static types
    """Give a client with a warm connection."""
    import boto3  # noqa: PLC0415  each process loads what it measures
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client("s3", endpoint_url=asked.endpoint, config=Config(max_pool_connections=CONNECTIONS))
    client.head_bucket(Bucket=BUCKET)
    return client


def parsed(lines: Iterable[bytes | str]) -> Found:
    """Parse events."""
    return [json.loads(line) for line in lines]


def floor(asked: Asked) -> tuple[Ask, Read]:
    """Fetch the files, one after the other, and do nothing with them."""
    client = s3_client(asked)

    def ask() -> None:
        for month in asked.months:
            client.get_object(Bucket=BUCKET, Key=f"{asked.lines}/{month}.jsonl")["Body"].read()

    return ask, lambda _: []


def orjson_and_jmespath(asked: Asked) -> tuple[Ask, Read]:
    """Fetch the files ahead on threads; parse each line and search it with a compiled expression."""
    import jmespath  # noqa: PLC0415
    import orjson  # noqa: PLC0415

    client = s3_client(asked)
    matches = jmespath.compile(asked.filter).search
    first, last = FROM.isoformat(), TO.isoformat()

    def fetch(month: str) -> bytes:
        body: bytes = client.get_object(Bucket=BUCKET, Key=f"{asked.lines}/{month}.jsonl")["Body"].read()
        return body

    def ask() -> list[bytes]:
        found = []
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for body in pool.map(fetch, asked.months):
                for line in body.splitlines():
                    event = orjson.loads(line)
                    if first < event["time"] <= last and matches(event):
                        found.append(line)
        return found

    return ask, parsed


def duckdb_connection(asked: Asked) -> Any:  # noqa: ANN401  duckdb is not installed where types are checked
    """Connect to S3 with the httpfs extension that is installed from PyPI."""
    import duckdb  # noqa: PLC0415
    import duckdb_extension_httpfs  # noqa: PLC0415

    folder = Path(duckdb_extension_httpfs.__file__).parent
    connection = duckdb.connect(config={"enable_external_file_cache": False})  # the second time reads all again
    connection.load_extension(str(next(folder.rglob("httpfs.duckdb_extension"))))
    connection.execute(
        f"""CREATE SECRET (TYPE s3, KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}',
        SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}', REGION 'us-east-1',
        ENDPOINT '{asked.endpoint.removeprefix("http://")}', USE_SSL false, URL_STYLE 'path')"""
    )
    return connection


def duckdb_objects(asked: Asked) -> tuple[Ask, Read]:
    """Ask DuckDB for whole events, as JSON: the files' lines, of which it extracts what the conditions need."""
    connection = duckdb_connection(asked)
    condition = {
        FIELD: f"(json->>'$.dep_delay')::INT > {LATE}",
        NESTED: f"list_max((json->'$.stops[*].delay')::INT[]) > {VERY_LATE}",
    }[asked.filter]
    query = f"""SELECT json->>'$.time' AS time, json->>'$.id' AS id, json
        FROM read_json_objects({asked.files}, format = 'newline_delimited')
        WHERE {condition} AND (json->>'$.time') > '{FROM.isoformat()}' AND (json->>'$.time') <= '{TO.isoformat()}'
        ORDER BY time, id"""
    return lambda: connection.sql(query).to_arrow_table(), lambda table: parsed(table["json"].to_pylist())


def duckdb_columns(asked: Asked, columns: str = "*") -> tuple[Ask, Read]:
    """Ask DuckDB for typed columns, whose types are given, so that nothing is read twice to find them out."""
    connection = duckdb_connection(asked)
    types = {"id": "VARCHAR", "time": "TIMESTAMP"}
    types |= dict.fromkeys(NUMBERS, "INTEGER") | dict.fromkeys(TEXTS, "VARCHAR")
    types["stops"] = "STRUCT(airport VARCHAR, scheduled INTEGER, actual INTEGER, delay INTEGER)[]"
    condition, needed = {
        FIELD: (f"dep_delay > {LATE}", "dep_delay"),
        NESTED: (f"len(list_filter(stops, lambda stop: stop.delay > {VERY_LATE})) > 0", "stops"),
    }[asked.filter]
    if columns != "*":
        types = {name: types[name] for name in ("id", "time", needed)}
    query = f"""SELECT {columns} FROM read_json({asked.files}, format = 'newline_delimited', columns = {types})
        WHERE {condition} AND time > TIMESTAMP '{FROM}' AND time <= TIMESTAMP '{TO}' ORDER BY time, id"""
    return lambda: connection.sql(query).to_arrow_table(), typed


def duckdb_id_and_time(asked: Asked) -> tuple[Ask, Read]:
    """Ask DuckDB for no more than id and time."""
    return duckdb_columns(asked, "id, time")


def typed(table: Any) -> Found:  # noqa: ANN401  pyarrow is not installed where types are checked
    """Make of typed columns what the JSON has."""
    rows: Found = table.to_pylist()
    for row in rows:
        row["time"] = row["time"].isoformat()
    return rows


def polars_conditions(filter_: str) -> Any:  # noqa: ANN401  polars is not installed where types are checked
    """Give a question's filter as a polars expression, without the dates."""
    import polars as pl  # noqa: PLC0415

    if filter_ == FIELD:
        return pl.col("dep_delay") > LATE
    return pl.col("stops").list.eval(pl.element().struct.field("delay") > VERY_LATE).list.any()


def polars_needed(filter_: str) -> dict[str, Any]:
    """Give the schema of what a question's conditions need."""
    import polars as pl  # noqa: PLC0415

    needed = {FIELD: ("dep_delay", pl.Int64), NESTED: ("stops", pl.List(pl.Struct({"delay": pl.Int64})))}[filter_]
    return dict([("id", pl.String), ("time", pl.String), needed])


def polars_between(frame: Any, filter_: str, first: Any, last: Any) -> Any:  # noqa: ANN401  as above
    """Put a question to a lazy frame."""
    import polars as pl  # noqa: PLC0415

    time = pl.col("time")
    return frame.filter((time > first) & (time <= last) & polars_conditions(filter_)).sort("time", "id")


def polars_lines(asked: Asked) -> tuple[Ask, Read]:
    """Ask polars for whole events, as JSON: the files' lines, of which it decodes what the conditions need."""
    import polars as pl  # noqa: PLC0415

    def ask() -> Any:  # noqa: ANN401  as above
        lines = pl.scan_lines(asked.files, name="json", storage_options=asked.storage_options)
        decoded = pl.col("json").str.json_decode(pl.Struct(polars_needed(asked.filter)))
        frame = lines.with_columns(decoded.alias("event")).unnest("event")
        return polars_between(frame, asked.filter, FROM.isoformat(), TO.isoformat()).collect(engine="streaming")

    return ask, lambda frame: parsed(frame["json"].to_list())


def polars_id_and_time(asked: Asked) -> tuple[Ask, Read]:
    """Ask polars for no more than id and time."""
    import polars as pl  # noqa: PLC0415

    def ask() -> Any:  # noqa: ANN401  as above
        schema = polars_needed(asked.filter)
        frame = pl.scan_ndjson(asked.files, schema=schema, storage_options=asked.storage_options)
        question = polars_between(frame, asked.filter, FROM.isoformat(), TO.isoformat())
        return question.select("id", "time").collect(engine="streaming")

    return ask, lambda frame: frame.to_dicts()


def delta_polars(asked: Asked, *columns: str) -> tuple[Ask, Read]:
    """Ask polars for typed columns of the Delta table."""
    import polars as pl  # noqa: PLC0415

    def ask() -> Any:  # noqa: ANN401  as above
        frame = pl.scan_delta(f"s3://{BUCKET}/{asked.table}", storage_options=asked.storage_options)
        question = polars_between(frame, asked.filter, FROM, TO)
        return (question.select(columns) if columns else question).collect(engine="streaming")

    return ask, lambda frame: typed(frame.to_arrow())


def delta_polars_id_and_time(asked: Asked) -> tuple[Ask, Read]:
    """Ask polars for no more than id and time of the Delta table."""
    return delta_polars(asked, "id", "time")


def delta_sql(asked: Asked) -> tuple[Ask, Read]:
    """Ask deltalake's own engine for typed columns."""
    import pyarrow as pa  # noqa: PLC0415
    from deltalake import DeltaTable, QueryBuilder  # noqa: PLC0415

    condition = {
        FIELD: f"dep_delay > {LATE}",
        NESTED: f"(stops[1]['delay'] > {VERY_LATE} OR stops[2]['delay'] > {VERY_LATE})",
    }[asked.filter]
    query = f"""SELECT * FROM flights WHERE {condition}
        AND time > TIMESTAMP '{FROM}' AND time <= TIMESTAMP '{TO}' ORDER BY time, id"""

    def ask() -> Any:  # noqa: ANN401  as above
        table = DeltaTable(f"s3://{BUCKET}/{asked.table}", storage_options=asked.storage_options)
        return pa.table(QueryBuilder().register("flights", table).execute(query))

    return ask, typed


def flashflood(asked: Asked) -> Any:  # noqa: ANN401  0.4.3's processes find another package by this name
    """Open the store."""
    from flashflood import FlashFlood  # noqa: PLC0415

    return FlashFlood(s3_client(asked), BUCKET, asked.prefix)


def replay(asked: Asked) -> tuple[Ask, Read]:
    """Replay events, in a loop."""
    ff = flashflood(asked)
    return lambda: [event.data for event in ff.replay(FROM, TO, filter=asked.filter)], parsed


def replay_batches(asked: Asked) -> tuple[Ask, Read]:
    """Replay Arrow batches into a pyarrow table."""
    import pyarrow as pa  # noqa: PLC0415

    ff = flashflood(asked)
    return lambda: pa.table(ff.replay_batches(FROM, TO, filter=asked.filter)), arrow_data


def replay_into_polars(asked: Asked) -> tuple[Ask, Read]:
    """Replay Arrow batches into a polars frame."""
    import polars as pl  # noqa: PLC0415

    ff = flashflood(asked)
    return lambda: pl.DataFrame(ff.replay_batches(FROM, TO, filter=asked.filter)), arrow_data


def replay_into_duckdb(asked: Asked) -> tuple[Ask, Read]:
    """Replay Arrow batches into a DuckDB table."""
    import duckdb  # noqa: PLC0415

    ff = flashflood(asked)
    connection = duckdb.connect()

    def ask() -> None:
        batches = ff.replay_batches(FROM, TO, filter=asked.filter)
        connection.register("batches", batches)
        connection.execute("CREATE OR REPLACE TABLE events AS SELECT * FROM batches")

    return ask, lambda _: arrow_data(connection.sql("SELECT data FROM events").to_arrow_table())


def arrow_data(table: Any) -> Found:  # noqa: ANN401  pyarrow is not installed where types are checked
    """Parse the column of data."""
    column = table["data"]
    return parsed(column.to_pylist() if hasattr(column, "to_pylist") else column.to_list())


def replay_compacted(asked: Asked) -> tuple[Ask, Read]:
    """Replay Arrow batches of compacted journals into a pyarrow table."""
    return replay_batches(asked._replace(prefix=asked.compacted))


PEERS: dict[str, Peer] = {
    "floor": floor,
    "orjson and jmespath": orjson_and_jmespath,
    "DuckDB, read_json_objects": duckdb_objects,
    "DuckDB, read_json": duckdb_columns,
    "DuckDB, read_json, id and time only": duckdb_id_and_time,
    "polars, scan_lines and json_decode": polars_lines,
    "polars, scan_ndjson, id and time only": polars_id_and_time,
    "Delta table, deltalake's SQL": delta_sql,
    "Delta table, polars": delta_polars,
    "Delta table, polars, id and time only": delta_polars_id_and_time,
    "ours, replay": replay,
    "ours, replay_batches into pyarrow": replay_batches,
    "ours, replay_batches into polars": replay_into_polars,
    "ours, replay_batches into DuckDB": replay_into_duckdb,
    "ours, compacted, replay_batches into pyarrow": replay_compacted,
}


def main() -> None:
    """Answer one question, once."""
    given = json.loads(sys.argv[3])
    asked = Asked(sys.argv[1], *(given[name] for name in Asked._fields[1:]))
    task = given["task"]
    stages = Stages(Requests())
    ask, read = PEERS[task](asked)
    with stages.measured("first", asked.events):
        ask()
    with stages.measured(task, asked.events):
        result = ask()
    stages.found[task]["memory"] = stages.found.pop("first")["memory"]
    found = read(result)
    expected = [json.loads(line) for line in Path(given["answer"]).read_bytes().splitlines()]
    if found and set(found[0]) == {"id", "time"}:
        expected = [{"id": event["id"], "time": event["time"]} for event in expected]
    if task != "floor" and found != expected:
        sys.exit(f"wrong: {len(found)} events, beginning {found[:1]}; expected {len(expected)}: {expected[:1]}")
    stages.report()


if __name__ == "__main__":
    main()
