"""Real processes that work on a store beside a test: each a fresh Python that runs one function of a test module."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TESTS = Path(__file__).parents[1]
RUN = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module, name, arguments = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
getattr(importlib.import_module(module), name)(*arguments)
"""


def tell(message: object) -> None:
    """Say something to the test that started this process."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def wait_for_word() -> None:
    """Wait until the test says `go`, or has ended."""
    sys.stdin.readline()


class Worker:
    """A process that runs `function(*arguments)` of a test module; it waits for `go`, and tells what `hear` gives."""

    def __init__(self, environment: Mapping[str, str], module: str, function: str, *arguments: object) -> None:
        command = [sys.executable, "-c", RUN, str(TESTS), module, function, json.dumps(arguments)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdin=pipe, stdout=pipe, text=True)

    def go(self) -> None:
        """End its `wait_for_word`."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def hear(self) -> Any:  # noqa: ANN401 - whatever was told
        """Give the next thing that it tells; an assertion when it has ended."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the process ended with {self.process.wait()}"
        return json.loads(line)

    def rest(self) -> list[Any]:
        """All that it tells until it ends, which it must do well."""
        told = self._read_on()
        assert self.process.wait(timeout=120) == 0
        return [json.loads(line) for line in told.splitlines()]

    def kill(self) -> list[Any]:
        """End it by SIGKILL; what it told before, without a last line that was cut."""
        self.process.kill()
        told = self._read_on()
        self.process.wait()
        return [json.loads(line) for line in told.splitlines(keepends=True) if line.endswith("\n")]

    def _read_on(self) -> str:
        """Read what comes until its end; `communicate` would pass over what `hear` has read ahead."""
        assert self.process.stdout
        return self.process.stdout.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
