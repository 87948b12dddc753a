"""`flashflood demo`: every step of the walk gives what it says, and the walk leaves nothing behind."""

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from flashflood import FlashFlood
from flashflood.cli import demo, main

FLASHFLOOD = str(Path(sysconfig.get_path("scripts"), "flashflood"))

SHOWN = [
    "put 'gauge-7', dated 2026-03-01T06:30:00.000000Z, 11 bytes",
    "id 'gauge-7', date 2026-03-01T06:30:00.000000Z, data b'level 38 cm'",
    "id 'gauge-7', date 2026-03-01T06:30:00.000000Z, data b'level 83 cm'",
    "getting it says: event 'gauge-7' not found",
    "so 0 journals are left",
    '2026-03-03T03:00:00.000000Z  {"gauge":7,"level":49}',
    "2026-03-02T000000.000000Z--2026-03-03T030000.000000Z--",
    "[40, 41, 42, 43, 44, 45, 46, 47, 48, 49]",
    "All 11 steps gave what they should.",
]


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "TMPDIR": str(folder), "FLASHFLOOD_STORE": str(folder / "somebody's store")}
    command = [FLASHFLOOD, "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False, timeout=60)


def test_the_demo_shows_each_result_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = run(tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    place = 0
    for wanted in SHOWN:
        place = process.stdout.find(wanted, place)
        assert place >= 0, f"{wanted!r} is missing, or out of its place, in:\n{process.stdout}"
    assert list(tmp_path.iterdir()) == []


def test_the_stream_between_two_dates_and_the_filter_show_the_readings_that_they_should(tmp_path: Path) -> None:
    steps = run(tmp_path).stdout.split("\n\n")
    levels = [[int(level) for level in re.findall(r'"level":(\d+)', step)] for step in steps]
    assert [found for found in levels if found] == [list(range(40, 50)), list(range(43, 49)), [47, 48]]


def test_the_demo_in_a_store_that_is_in_use_changes_none_of_its_events(tmp_path: Path) -> None:
    store = tmp_path / "store"
    ff = FlashFlood.open(f"{store}/")
    event = ff.put(b"mine", "gauge-7")
    process = run(tmp_path, "--store", str(store))
    assert (process.returncode, process.stderr) == (0, "")
    assert list(ff.replay()) == [event]
    assert not [path for path in store.iterdir() if "demo" in path.name]


@pytest.mark.parametrize("url", ["memory://", "sqlite:///store"])
def test_the_demo_says_where_it_walks_and_where_not(tmp_path: Path, url: str) -> None:
    process = run(tmp_path, "--store", url)
    assert (process.returncode, process.stdout) == (2, "")
    assert f"{url}: the walk needs a place of its own; give s3://BUCKET/PREFIX or a folder" in process.stderr


def test_a_result_that_is_not_what_it_should_be_ends_the_demo_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "LEVELS", range(41, 51))
    assert main(["demo"]) == 1
    assert "demo: the levels in that range: got [44, 45, 46, 47, 48, 49], should be [43, " in capsys.readouterr().err
