"""The commands that keep a store in order: what they say in words and as JSON Lines, samples and dry runs."""

import json
import subprocess
from subprocess import PIPE
from typing import Any

import pytest
from support.command_line import FLASHFLOOD, Run, lines, output, refusal, terminal
from support.samples import put_journaled
from support.watched import keys

from flashflood import FlashFlood
from flashflood.store import open_store


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Give the store that the commands work on, with three journals of two events."""
    ff = FlashFlood.open(env["FLASHFLOOD_STORE"])
    for number in range(3):
        put_journaled(ff, f"a {number}", f"b {number}", start=number)
    return ff


def lose_blobs(ff: FlashFlood) -> None:
    store = open_store(ff._ctx.store.name)  # noqa: SLF001 - where it lies
    store.delete(list(keys(store, "blobs/")))


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["check"], []),
        (["check", "--sample", "100%"], [{"looked_at": 3, "journals": 3}]),
        (["repair"], [{"repairs": 0}]),
        (["repair", "--dry-run"], [{"to_repair": 0}]),
        (["collect-garbage"], [{"collected": 0}]),
        (["apply-updates"], [{"updates_applied": 0}]),
        (["maintain"], [{"journaled": 0, "updates": 0, "compacted": 0, "collected": 0}]),
        (["compact"], [{"journals": 0, "into": 0, "events": 0}]),
        (["put-many", "--file", "/dev/null"], [{"stored": 0, "skipped": 0}]),
        (["get-many", "a 1"], [{"event_id": "a 1", "data": "data of a 1"}]),
    ],
)
def test_with_format_jsonl_a_terminal_gets_json_lines_too(
    env: dict[str, str], arguments: list[str], wanted: list[dict[str, Any]]
) -> None:
    with terminal() as (screen, shown):
        command = [FLASHFLOOD, *arguments, "--format", "jsonl"]
        process = subprocess.run(command, stdout=screen, stderr=PIPE, env=env, check=False, timeout=60)
        seen = shown()
    assert (process.returncode, process.stderr) == (0, b"")
    found = [json.loads(line) for line in seen.splitlines()]
    assert len(found) == len(wanted)
    for line, fields in zip(found, wanted, strict=True):
        assert line | fields == line


@pytest.mark.usefixtures("ff")
def test_with_format_text_a_pipe_gets_words_too(run: Run) -> None:
    assert output(run("repair", "--format", "text")) == b"0 repairs\n"
    assert b"0 journals into 0: 0 events" in output(run("compact", "--dry-run", "--format", "text"))


@pytest.mark.parametrize("share", ["34%", "0.34"])
def test_a_sample_is_said_to_be_one_and_what_is_wrong_in_it_is_exit_code_1(
    run: Run, ff: FlashFlood, share: str
) -> None:
    lose_blobs(ff)
    done = run("check", "--sample", share, "--format", "text")
    assert done.returncode == 1
    first, *findings = done.stdout.decode().splitlines()
    assert first == "looked only at 2 of 3 journals"
    assert len(findings) == 2


@pytest.mark.parametrize("share", ["0", "101%", "a tenth"])
def test_what_is_no_part_is_a_usage_error_with_an_example(run: Run, share: str) -> None:
    assert "1% or 0.01" in refusal(run("check", "--sample", share), 2)


def test_a_dry_run_of_repair_says_what_repair_then_does(run: Run, ff: FlashFlood) -> None:
    store = open_store(ff._ctx.store.name)  # noqa: SLF001 - where it lies
    store.delete(list(keys(store, "index/a ")))
    (planned,) = lines(run("repair", "--dry-run"))
    assert planned == {"to_repair": 3, "kinds": {"index entries written": 3}}
    assert output(run("repair", "--dry-run", "--format", "text")) == b"3 repairs to be made: 3 index entries written\n"
    assert len(ff.check()) == 3
    assert lines(run("repair")) == [{"repairs": 3, "kinds": {"index entries written": 3}}]
    assert ff.check() == []
