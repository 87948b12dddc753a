"""The command `flashflood` run as people and programs run it, and what it gave."""

import json
import os
import pty
import subprocess
import sysconfig
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from flashflood.cli import main

FLASHFLOOD = str(Path(sysconfig.get_path("scripts"), "flashflood"))

Run = Callable[..., CompletedProcess[bytes]]


def environment(folder: Path) -> dict[str, str]:
    """Give an environment that names a store in the folder, and no credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLASHFLOOD_"))}
    return {
        **kept,
        "FLASHFLOOD_STORE": str(folder / "store"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "TERM": "xterm",
    }


def runner(env: Mapping[str, str], folder: Path) -> Run:
    """Give a function that runs the command to its end, in the folder, its output and errors in pipes."""

    def run(*arguments: str | bytes, stdin: bytes = b"", **variables: str) -> CompletedProcess[bytes]:
        command = [FLASHFLOOD, *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, env={**env, **variables}, cwd=folder, check=False, timeout=60
        )

    return run


def caller(captured: pytest.CaptureFixture[bytes]) -> Run:
    """Give a function that runs the command in this process."""

    def call(*arguments: str) -> CompletedProcess[bytes]:
        captured.readouterr()
        status = main(arguments)
        found = captured.readouterr()
        return CompletedProcess(arguments, status, found.out, found.err)

    return call


def output(process: CompletedProcess[bytes]) -> bytes:
    """Give what a run that succeeded wrote; it said nothing on standard error."""
    assert (process.returncode, process.stderr) == (0, b"")
    return process.stdout


def lines(process: CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output(process).splitlines()]


def refusal(process: CompletedProcess[bytes], status: int) -> str:
    """Give the one line that a failed run says on standard error."""
    message = process.stderr.decode()
    assert process.returncode == status, message
    assert message.startswith("flashflood: ")
    assert message.count("\n") == 1
    assert message.endswith("\n")
    assert process.stdout == b""
    return message


@contextmanager
def terminal(columns: int = 0) -> Iterator[tuple[int, Callable[[], str]]]:
    """Give a terminal's file descriptor for a process, and a function that gives all it showed. 0: of unknown width."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))

    def shown() -> str:
        os.close(theirs)
        found = b""
        try:
            while piece := os.read(ours, 65536):
                found += piece
        except OSError:  # the other side is closed, and all is read
            pass
        return found.decode()

    try:
        yield theirs, shown
    finally:
        os.close(ours)
