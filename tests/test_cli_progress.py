"""The line that a terminal shows while a command is at work: one line, whatever its width, and gone where it failed."""

import io
import json
import re
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import pytest
from rich.console import Console
from support.command_line import FLASHFLOOD, terminal
from support.samples import put_new

from flashflood import FlashFlood, Progress
from flashflood.cli.progress import Line

CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3|4|9|10)\d[;m]")
EVENTS = 6_000
"""So many that storing them takes two batches."""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    path.write_text("".join(json.dumps({"event_id": str(number), "data": "x" * 80}) + "\n" for number in range(EVENTS)))
    return path


def shown_by(arguments: list[str], env: dict[str, str], columns: int, status: int = 0) -> str:
    """Run a command whose standard error is a terminal, and give what that showed, read as it came."""
    its_own = {name: value for name, value in env.items() if name != "COLUMNS"}  # the terminal says how wide it is
    with terminal(columns) as (screen, shown):
        seen: list[str] = []
        process = subprocess.Popen([FLASHFLOOD, *arguments], stdout=PIPE, stderr=screen, env=its_own)
        reader = threading.Thread(target=lambda: seen.append(shown()))
        reader.start()
        process.communicate(timeout=100)
        reader.join(timeout=100)
    assert process.returncode == status
    return seen[0]


def drawing(line: Line, columns: int) -> str:
    """Give what is drawn of it in so many columns."""
    file = io.StringIO()
    Console(file=file, width=columns).print(line)
    return file.getvalue()


def frames(seen: str) -> list[str]:
    """Give each line that was shown."""
    return [line.rstrip() for line in re.split(r"[\r\n]+", CODE.sub("", seen)) if line.strip()]


@pytest.mark.parametrize("columns", [60, 80])
def test_it_is_one_line_on_a_terminal_of_any_width(events: Path, env: dict[str, str], columns: int) -> None:
    for arguments, last in ((["put-many", str(events)], "storing"), (["check"], "checking")):
        shown = frames(shown_by(arguments, env, columns))
        assert max(map(len, shown)) <= columns
        assert re.search(rf"^  {last} \S+ 6,000 events  \d:\d\d:\d\d", shown[-1]), shown


@pytest.mark.parametrize(("columns", "figures"), [(50, 1), (60, 2), (70, 3), (80, 4)])
def test_it_has_what_is_done_the_time_left_the_rate_and_the_bytes_as_far_as_it_is_wide(
    columns: int, figures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((0.0, 0.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock, 10.0))
    line = Line("journaling")
    told = Progress(
        call="journal",
        step="indexing",
        done=45_120,
        total=99_000,
        unit="events",
        events=45_120,
        bytes=7_500_000,
        seconds=9,
    )
    line.show(told)
    shown = ["45,120 of 99,000 events", "0:00:11 left", "4,512/s", "7.5 MB"][:figures]
    (drawn,) = frames(drawing(line, columns))
    assert re.fullmatch(rf". indexing \S+ +{'  '.join(shown)}", drawn), drawn
    line.show(replace(told, total=None, unit="keys"))
    (drawn,) = frames(drawing(line, columns))
    assert re.match(r". indexing \S+ 45,120 keys  0:00:10", drawn), drawn


def test_no_color_takes_its_colours_away(events: Path, env: dict[str, str]) -> None:
    assert not COLOUR.search(shown_by(["put-many", str(events)], {**env, "NO_COLOR": "1"}, 80))
    assert COLOUR.search(shown_by(["apply-updates"], env, 80))


def test_where_the_command_fails_nothing_of_it_stays(events: Path, env: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(events.read_bytes() + b"[]\n")
    seen = shown_by(["put-many", str(broken)], env, 80, status=1)
    line, _, after = seen.rpartition("\x1b[2K")
    assert "storing" in line
    assert frames(after)[0].startswith("flashflood: ")


def test_standard_input_shows_events_and_no_time_left(events: Path, env: dict[str, str]) -> None:
    shown = frames(shown_by(["put-many", "--id", "event_id", "-", str(events)], env, 80))
    assert re.search(r"storing \S+ 6,000 events", shown[-1]), shown
    assert not any(" left" in line for line in shown)


def test_calls_after_one_another_are_summed_up(env: dict[str, str]) -> None:
    put_new(FlashFlood.open(env["FLASHFLOOD_STORE"]), *map(str, range(6)))
    shown = frames(shown_by(["journal", "--all", "--minimum-events", "2"], env, 80))
    assert re.search(r"journaling \S+ 6 events", shown[-1]), shown
