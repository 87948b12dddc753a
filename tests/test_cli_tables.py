"""`flashflood replay` into tables: Parquet, Arrow and CSV."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import csv, ipc, parquet
from support.command_line import FLASHFLOOD, Run, output, terminal
from support.samples import at

from flashflood import FlashFlood

COLUMNS = ("--columns", "n=length(files)", "--columns", "city=address.city")
EVENTS = 300


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Open the store that the command works on."""
    return FlashFlood.open(env["FLASHFLOOD_STORE"])


@pytest.fixture(autouse=True)
def _events(ff: FlashFlood) -> None:
    ff.put_many(
        ({"files": ["x"] * (number % 3), "address": {"city": "Ulm, D"}}, f"{number:03}", at(number))
        for number in range(EVENTS)
    )


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_table_has_the_columns_of_replay_batches(run: Run, ff: FlashFlood, tmp_path: Path) -> None:
    expected = ff.replay_batches(at(7), columns={"n": "length(files)", "city": "address.city"}).to_arrow()
    given = ("--from", at(7).isoformat(), *COLUMNS)
    as_parquet = parquet.read_table(written(tmp_path / "x", output(run("replay", "--format", "parquet", *given))))
    assert as_parquet == expected
    as_arrow = ipc.open_file(output(run("replay", "--format", "arrow", *given))).read_all()
    assert as_arrow.combine_chunks() == expected.combine_chunks()
    as_csv = csv.read_csv(pa.BufferReader(output(run("replay", "--format", "csv", *given))))
    assert as_csv.column_names == expected.column_names
    assert as_csv["n"].to_pylist() == expected["n"].to_pylist()
    assert as_csv["city"].to_pylist() == ["Ulm, D"] * (EVENTS - 8)


def test_without_columns_a_table_has_the_data(run: Run, ff: FlashFlood, tmp_path: Path) -> None:
    data = [event.data for event in ff.replay()]
    table = parquet.read_table(written(tmp_path / "x", output(run("replay", "--format", "parquet"))))
    assert table.schema.field("data").type == pa.binary()
    assert table["data"].to_pylist() == data
    frame = pl.read_csv(output(run("replay", "--format", "csv")))
    assert [json.loads(text) for text in frame["data"]] == list(map(json.loads, data))
    ff.put(b"\xff", "no text", at(EVENTS))
    failed = run("replay", "--format", "csv")
    assert b'flashflood: event "no text": its data are asked for as a text' in failed.stderr
    assert failed.returncode == 1


def test_types_are_given_by_name(run: Run) -> None:
    given = ("replay", "--format", "arrow", "--columns", "n=length(files)", "--schema", "n=float64")
    assert ipc.open_file(output(run(*given))).read_all().schema.field("n").type == pa.float64()
    bad = run("replay", "--format", "csv", "--columns", "n=address.city", "--schema", "n=int64")
    message = 'event "000": column "n" is "Ulm, D", which does not fit int64'
    assert bad.stderr.decode().startswith(f"flashflood: {message}")
    assert bad.returncode == 1
    null = run(
        "replay", "--format", "csv", "--columns", "n=address.city", "--schema", "n=int64", "--on-mismatch", "null"
    )
    assert set(pl.read_csv(output(null))["n"]) == {None}


@pytest.mark.parametrize(("form", "reads"), [("parquet", parquet.read_table), ("arrow", ipc.open_file)])
def test_what_ends_with_an_error_is_no_whole_file(
    run: Run, ff: FlashFlood, tmp_path: Path, form: str, reads: Callable[[Path], object]
) -> None:
    ff.put({"files": "none"}, "late", at(EVENTS))
    failed = run("replay", "--format", form, "--columns", "n=files[0]", "--schema", "n=int64")
    assert failed.returncode == 1
    with pytest.raises(pa.ArrowInvalid):
        reads(written(tmp_path / "x", failed.stdout))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (COLUMNS, "--columns, --schema and --on-mismatch are for tables: add --format parquet, arrow or csv."),
        (("--on-mismatch", "null"), "--columns, --schema and --on-mismatch are for tables"),
        (("--format", "csv", "--columns", "n"), "'n' has no name; write it as n=length(files)."),
        (("--format", "csv", "--columns", "n=a", "--columns", "n=b"), "--columns has 'n' twice."),
        (("--format", "csv", "--columns", "n=a["), "at character"),
        (("--format", "csv", "--columns", "n=a", "--schema", "n=int32"), '"int32" is no type of a column'),
        (
            ("--format", "csv", "--columns", "n=files"),
            "CSV has no list<item: string>: give the column another type, as",
        ),
    ],
)
def test_what_makes_no_table_is_a_usage_error(run: Run, given: tuple[str, ...], message: str) -> None:
    done = run("replay", *given)
    assert done.returncode == 2
    assert message in done.stderr.decode()


def test_a_reader_that_has_enough_ends_it_quietly(env: dict[str, str]) -> None:
    arguments = [FLASHFLOOD, "replay", "--format", "csv"]
    with subprocess.Popen(arguments, stdout=PIPE, stderr=PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_a_packed_table_is_not_written_to_a_terminal(env: dict[str, str]) -> None:
    with terminal() as (screen, shown):
        arguments = [FLASHFLOOD, "replay", "--format", "parquet"]
        done = subprocess.run(arguments, stdout=screen, stderr=PIPE, env=env, check=False)
        assert shown() == ""
    assert b"parquet is not for a terminal: send it into a file, as in `> events.parquet`." in done.stderr
    assert done.returncode == 2
