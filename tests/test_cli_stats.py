"""`flashflood stats`: words and bars for people, JSON Lines for programs, a page of HTML."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

import pytest
from support.command_line import FLASHFLOOD, Run, lines, terminal
from support.samples import at, put_journaled, put_new
from test_readme import REPOSITORY, blocks

from flashflood import FlashFlood, Stats


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Give the store that the commands work on: a journal of three events, one that was updated, and a new one."""
    ff = FlashFlood.open(env["FLASHFLOOD_STORE"])
    put_journaled(ff, "a", "b", "c")
    put_new(ff, "new", start=20)
    ff.update_event("a", b"x")
    return ff


DOCS = REPOSITORY / "docs" / "stats.md"

Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(call: Run) -> Here:
    """Give what runs the command in this process: its exit code, its output and what it said."""

    def run(*arguments: str) -> tuple[int, str, str]:
        done = call("stats", *arguments)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def without_times(text: str) -> str:
    """Take out what differs from run to run: when, and how long ago."""
    return re.sub(r"\d+ (second|minute)s? ago", "… ago", re.sub(r"listed on .* UTC", "listed on … UTC", text))


def test_a_program_gets_every_field_as_one_json_line(run: Run, ff: FlashFlood) -> None:
    (found,) = lines(run("stats"))
    stats = ff.stats()
    assert list(found) == list(Stats.__slots__)
    assert [found[name] for name in ("events", "is_exact", "bytes", "journals")] == [4, True, stats.bytes, 1]
    assert (found["first_date"], found["last_date"]) == ("2020-01-01T00:00:00.000000Z", "2020-01-01T00:20:00.000000Z")
    assert found["by_size"][0] == {"below": 10_000, "journals": 1, "bytes": stats.by_size[0].bytes}
    assert [group["below"] for group in found["by_age"]] == [3600, 86400, 604800, 2592000, 31536000, None]
    assert len(found["bins"]) == len(stats.bins) == 21
    assert found["bins"][20]["start"] == "2020-01-01T00:20:00.000000Z"
    assert found["bins"][20]["events"] == 1


@pytest.mark.usefixtures("ff")
def test_a_terminal_gets_words_and_bars_as_wide_as_it_is(env: dict[str, str]) -> None:
    with terminal() as (screen, shown):
        command = [FLASHFLOOD, "stats"]
        variables = {**env, "COLUMNS": "80", "NO_COLOR": "1"}
        process = subprocess.run(command, stdout=screen, stderr=PIPE, env=variables, check=False, timeout=60)
        seen = shown()
    assert (process.returncode, process.stderr) == (0, b"")
    written = without_times(re.sub(r"\x1b\[\d*m", "", seen).replace("\r", "")).splitlines()
    words = written[written.index("listed on … UTC") :]
    assert words[:9] == [
        "listed on … UTC",
        "",
        "events           4",
        "data             38 bytes",
        "dates            2020-01-01 00:00:00 to 2020-01-01 00:20:00",
        "journals         1",
        "new events       1 in 1 journal; the oldest was written … ago",
        "pending updates  1; the oldest was written … ago",
        "garbage          3 journals and 0 updates, 1.2 kB",
    ]
    assert words[10] == "events per minute"
    assert words[11] == f"2020-01-01 00:00  1  {'█' * 59}"
    assert words[15] == "2020-01-01 00:04  0"
    assert max(map(len, words)) == 80


def test_the_docs_show_what_one_sees(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    (example,), (session,) = blocks(DOCS, "python"), blocks(DOCS, "console")
    exec(compile(example, DOCS.name, "exec"), {})  # noqa: S102 - it is our own text
    _, seen, _ = here("--store", "readings.flashflood", "--format", "text")
    command, _, shown = session.partition("\n")
    assert command == "$ flashflood stats --store readings.flashflood"
    assert without_times(seen.replace(str(tmp_path), "/data")) == without_times(shown)


@pytest.mark.usefixtures("ff")
def test_a_page_is_written_to_a_file_or_to_standard_output(here: Here, tmp_path: Path) -> None:
    assert here("--html", "page.html") == (0, "", "")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    status, shown, _ = here("--html", "-")
    assert status == 0
    times = re.compile(r"Listed on .* UTC|\d+ seconds? ago")
    assert times.sub("", shown) == times.sub("", page)


@pytest.mark.usefixtures("ff")
def test_a_page_has_no_other_format_and_is_no_file_of_the_store(here: Here, env: dict[str, str]) -> None:
    assert "leave one of them out" in refused(here("--html", "page.html", "--format", "text"), 2)
    assert "of the store" in refused(here("--html", env["FLASHFLOOD_STORE"]), 2)
    assert "nowhere/page.html: " in refused(here("--html", "nowhere/page.html"), 1)


def refused(done: tuple[int, str, str], status: int) -> str:
    """Give the line that the command ended with."""
    assert done[:2] == (status, "")
    assert done[2].startswith("flashflood: ")
    assert done[2].count("\n") == 1
    return done[2]


def test_text_goes_into_a_narrow_pipe_too_and_a_name_is_one_line(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    store = tmp_path / "two\nlines [bold]"
    FlashFlood.open(store).put(b"x", "a", at(0))
    status, written, _ = here("--store", str(store), "--format", "text")
    assert status == 0
    name, *others = written.splitlines()
    assert name == str(tmp_path / r"two\nlines [bold]")
    assert max(map(len, others)) <= 30
