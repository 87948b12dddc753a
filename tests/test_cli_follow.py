"""`flashflood follow --cursor-file`: at least once whatever ends it, once where it was asked to end; one for a file."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from time import sleep
from typing import Any

import pytest
from conftest import Place
from support.command_line import FLASHFLOOD, Run, lines, output, refusal
from support.processes import Worker, tell
from support.samples import at

from flashflood import FlashFlood, FlashFloodJournalingError

QUICKLY = ("--every", "0.1s")
Line = dict[str, Any]


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Give the store that the commands work on, with three events."""
    ff = FlashFlood.open(env["FLASHFLOOD_STORE"])
    ff.put_many(({"level": number}, f"e{number}", at(number)) for number in (1, 2, 3))
    return ff


def ids(found: list[Line]) -> list[str]:
    return [line["event_id"] for line in found]


def once(call: Run, *more: str) -> list[Line]:
    return lines(call("follow", "--cursor-file", "cursor", "--once", *more))


@contextmanager
def following(env: dict[str, str], folder: Path, *more: str) -> Iterator[Popen[bytes]]:
    """Run a follower, which is killed in the end."""
    command = [FLASHFLOOD, "follow", "--cursor-file", "cursor", *QUICKLY, *more]
    with Popen(command, env=env, cwd=folder, stdout=PIPE, stderr=PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def hear(process: Popen[bytes], count: int) -> list[Line]:
    """Give so many lines that it writes."""
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


# Going on


@pytest.mark.usefixtures("ff")
def test_it_goes_on_after_the_cursor_in_the_file_and_says_what_is_late(call: Run, tmp_path: Path) -> None:
    assert ids(once(call)) == ["e1", "e2", "e3"]
    kept = (tmp_path / "cursor").read_text()
    output(call("put", "x", "--id", "late", "--date", "2020-01-01"))
    output(call("put", "y", "--id", "new", "--date", "2020-01-02"))
    late, new = once(call)
    assert late == {"event_id": "late", "date": "2020-01-01T00:00:00.000000Z", "data": "x", "late": True}
    assert new == {"event_id": "new", "date": "2020-01-02T00:00:00.000000Z", "data": "y"}
    assert once(call) == []
    assert (tmp_path / "cursor").read_text() != kept


@pytest.mark.usefixtures("ff")
def test_after_is_where_it_begins_while_the_file_has_no_cursor(call: Run) -> None:
    after = ("--after", "2020-01-01T00:02:00Z e2")
    assert ids(once(call, *after)) == ["e3"]
    assert once(call, *after) == []
    output(call("put", "x", "--id", "e4", "--date", "2020-01-01T00:01:30Z"))
    assert ids(once(call, *after)) == ["e4"]


@pytest.mark.usefixtures("ff")
def test_filter_select_and_lateness_are_those_of_the_call(call: Run) -> None:
    output(call("put", '{"level": 9}', "--id", "now", "--date=-10m"))
    assert ids(once(call, "--filter", "level > `1`", "--lateness", "1h")) == ["e2", "e3"]
    assert [line["data"] for line in once(call, "--select", "level", "--lateness", "0s")] == ["9"]
    assert "at character 8" in refusal(call("follow", "--cursor-file", "other", "--filter", "level >"), 2)


@pytest.mark.usefixtures("ff")
def test_what_it_writes_goes_into_another_store(call: Run, run: Run, tmp_path: Path) -> None:
    once(call)
    output(call("put", "x", "--id", "late", "--date", "2020-01-01"))
    written = output(call("follow", "--cursor-file", "cursor", "--once"))
    assert b'"late":true' in written
    output(run("put-many", "--store", "copy", "--file", "-", stdin=written))
    assert FlashFlood.open(tmp_path / "copy").get_event("late").data == b"x"


# Ending


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_the_cursor_written_and_exit_code_0(
    env: dict[str, str], tmp_path: Path, call: Run, number: signal.Signals
) -> None:
    with following(env, tmp_path) as process:
        assert ids(hear(process, 3)) == ["e1", "e2", "e3"]
        output(call("put", "x", "--id", "e4", "--date", "2020-01-02"))
        assert ids(hear(process, 1)) == ["e4"]
        process.send_signal(number)
        rest, said = process.communicate(timeout=60)
    assert (process.returncode, rest, said) == (0, b"", b"")
    assert once(call) == []


@pytest.mark.usefixtures("ff")
def test_what_cannot_be_written_comes_again(env: dict[str, str], tmp_path: Path, call: Run) -> None:
    command = [FLASHFLOOD, "follow", "--cursor-file", "cursor", "--once"]
    with Path("/dev/full").open("wb") as full:
        buffered = {**env, "PYTHONUNBUFFERED": ""}
        failed = subprocess.run(command, env=buffered, cwd=tmp_path, stdout=full, stderr=PIPE, check=False)
    assert (failed.returncode, failed.stderr) == (1, b"flashflood: standard output: No space left on device\n")
    assert ids(once(call)) == ["e1", "e2", "e3"]


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("failing", [1, 2])
def test_a_cursor_that_does_not_reach_the_disk_is_an_error_and_the_former_one_stays_whole(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    once(call)
    kept = (tmp_path / "cursor").read_text()
    output(call("put", "x", "--id", "e4", "--date", "2020-01-02"))
    left = [None] * (failing - 1)

    def fsync(descriptor: int) -> None:
        if stat_is_of_cursor(descriptor, tmp_path):
            if not left:
                raise OSError(5, "Input/output error")
            left.pop()

    monkeypatch.setattr(os, "fsync", fsync)
    failed = call("follow", "--cursor-file", "cursor", "--once")
    assert (failed.returncode, failed.stderr) == (1, b"flashflood: cursor: Input/output error\n")
    monkeypatch.undo()
    assert ((tmp_path / "cursor").read_text() == kept) == (failing == 1)


def stat_is_of_cursor(descriptor: int, folder: Path) -> bool:
    """Say whether this is the new cursor file, or the folder that it is in."""
    return any(os.path.samestat(os.fstat(descriptor), path.stat()) for path in (folder, *folder.glob("cursor*")))


def test_the_former_cursor_stays_where_a_kill_left_a_new_one_half_written(call: Run, tmp_path: Path) -> None:
    output(call("put", "x", "--id", "a", "--date", "2020-01-01"))
    (tmp_path / "cursor.new").write_text("AQAAAAAAAAAA")
    assert ids(once(call)) == ["a"]
    assert once(call) == []
    assert not (tmp_path / "cursor.new").exists()


# Beside others


@pytest.mark.usefixtures("ff")
def test_a_second_one_on_a_file_is_refused_as_long_as_the_first_runs(
    env: dict[str, str], tmp_path: Path, call: Run
) -> None:
    (tmp_path / "link").symlink_to("cursor")
    with following(env, tmp_path) as process:
        for event_id in ("", "e4", "e5"):
            if event_id:
                output(call("put", "x", "--id", event_id, "--date", "2020-01-02"))
            hear(process, 1 if event_id else 3)
            for name in ("cursor", "link"):
                message = refusal(call("follow", "--cursor-file", name, "--once"), 1)
                assert f"'{name}': another follower is at work with it" in message
    assert ids(lines(call("follow", "--cursor-file", "link", "--once"))) in ([], ["e5"])
    assert (tmp_path / "link").is_symlink()


def write_and_journal(url: str, count: int) -> None:
    """Put events of dates that are not in order, singly and together, and journal, update and compact them."""
    chance = random.Random(count)  # noqa: S311  no secret
    ff = FlashFlood.open(url)
    for number in range(count):
        date = at(number + chance.choice([0, 0, 0, -5, -200]))
        if number % 3:
            single = ff.put(b"single", f"{number:04}", date)
        else:
            ff.put_many((b"many", f"{number:04} {part}", date + timedelta(seconds=part)) for part in range(3))
        if number % 10 == 9:
            ff.update_event(single.event_id, b"updated")
            with suppress(FlashFloodJournalingError):
                ff.journal(minimum_number_of_events=5)
            ff.update()
        if number % 40 == 39:
            ff.compact()
    tell("done")


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_killed_again_and_again_beside_writers_it_loses_nothing(place: Place, tmp_path: Path) -> None:
    env = {**os.environ, **place.env, "FLASHFLOOD_STORE": place.url}
    found: list[Line] = []
    with Worker(place.env, "test_cli_follow", "write_and_journal", place.url, 60) as writer:
        for part in range(3):
            place.open().put_many((b"", f"{part} {number}", at(50 * part + number)) for number in range(20))
            with following(env, tmp_path) as process:
                found += hear(process, 10)
                process.kill()
                found += whole_lines(process)
        assert writer.rest() == ["done"]
    for _ in range(2):
        with following(env, tmp_path, "--once") as process:
            last, said = process.communicate(timeout=60)
            assert (process.returncode, said) == (0, b"")
        found += [json.loads(line) for line in last.splitlines()]
    there = [event.event_id for event in place.open().replay()]
    assert set(ids(found)) == set(there)
    assert last == b""


def whole_lines(process: Popen[bytes]) -> list[Line]:
    """Give the lines that a killed one had written, without one that was cut."""
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")]


# What the file may have


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("text", ["no cursor", "AQAAAAAAAAAAAAAA", "\x00\xff"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(call: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "cursor").write_bytes(text.encode("latin-1"))
    assert "--cursor-file 'cursor'" in refusal(call("follow", "--cursor-file", "cursor", "--once"), 1)
    assert (tmp_path / "cursor").read_bytes() == text.encode("latin-1")


@pytest.mark.usefixtures("ff")
def test_a_file_of_the_store_a_folder_and_a_missing_one_are_refused(call: Run, tmp_path: Path) -> None:
    assert "is a file of the store" in refusal(call("follow", "--cursor-file", "store"), 2)
    assert "Is a directory" in refusal(call("follow", "--cursor-file", "."), 1)
    assert "missing/cursor: No such file" in refusal(call("follow", "--cursor-file", "missing/cursor"), 1)
    assert "--cursor-file" in refusal(call("follow"), 2)
    assert [path.name for path in tmp_path.iterdir() if "cursor" in path.name] == []


IDLE = """
import sys
from flashflood.cli import following, main
following.IDLE = -1
sys.exit(main(["follow", "--cursor-file", "cursor", "--every", "0.1s"]))
"""


@pytest.mark.usefixtures("ff")
def test_where_nothing_comes_for_long_the_cursor_is_written_all_the_same(env: dict[str, str], tmp_path: Path) -> None:
    with Popen([sys.executable, "-c", IDLE], env=env, cwd=tmp_path, stdout=PIPE) as process:
        hear(process, 3)
        seen = set[bytes]()
        while len(seen - {b""}) < 3:
            seen.add((tmp_path / "cursor").read_bytes())
            sleep(0.1)
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_where_nothing_was_ever_stored_it_says_so_and_waits_for_the_first_event(
    env: dict[str, str], tmp_path: Path, call: Run
) -> None:
    with following(env, tmp_path, "--lateness", "0s") as process:
        assert process.stderr is not None
        assert b"nothing was ever stored there" in process.stderr.readline()
        output(call("put", "x", "--id", "first"))
        assert ids(hear(process, 1)) == ["first"]
        process.terminate()
        assert process.communicate(timeout=60) == (b"", b"")
