"""The log of one process: a line before each call and one after it, each written at once, so that a kill loses none."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Log:
    """Writes `{"n", "at", "call", ...}` as a call begins, and `{"n", "at", "outcome", "result"}` once it has ended.

    `at` is CLOCK_MONOTONIC in nanoseconds, which is one clock for all processes of a machine. A line that begins a call
    is in the file before the call makes its first request.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self.calls = 0
        self._file = os.open(Path(folder) / f"{name}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def begin(self, call: str, arguments: dict[str, Any]) -> int:
        self.calls += 1
        self._write({"n": self.calls, "at": time.monotonic_ns(), "call": call, **arguments})
        return self.calls

    def end(self, number: int, outcome: str, result: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        self._write({"n": number, "at": time.monotonic_ns(), "outcome": outcome, "result": result})

    def note(self, **fields: object) -> None:
        """Write a line that is no call's."""
        self._write({"at": time.monotonic_ns(), **fields})

    def _write(self, line: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(line).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._file, rest) :]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a log; the last one may have been cut by a kill."""
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield json.loads(line)
