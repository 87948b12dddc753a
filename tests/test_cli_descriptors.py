"""The command with standard streams that are closed, full or gone: one line where there is anywhere to say it.

And an exit code that is true; as coreutils do it.
"""

import subprocess
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from support.command_line import FLASHFLOOD, environment, output, runner

from flashflood import FlashFlood

CLOSED_OUT = "flashflood: standard output: Bad file descriptor\n"
CLOSED_IN = "flashflood: standard input: Bad file descriptor\n"
FULL = "flashflood: standard output: No space left on device\n"
WRITING = [
    "get a",
    "get a --format jsonl",
    "put x",
    "replay",
    "journals",
    "journal",
    "compact",
    "apply-updates",
    "repair",
    "collect-garbage",
    "get-many a",
    "--help",
    "put --help",
    "--version",
    "demo",
]
SILENT = ["update a new", "delete a", "check"]


@pytest.fixture
def shell(tmp_path: Path) -> "Shell":
    env = environment(tmp_path)
    output(runner(env, tmp_path)("put", "data", "--id", "a"))
    return Shell(env, tmp_path)


class Shell:
    """Runs the command through `sh -c`, which closes what is to be closed."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self._env = env
        self._folder = folder
        self.store = env["FLASHFLOOD_STORE"]

    def run(self, command: str, redirections: str) -> CompletedProcess[str]:
        """Run it to its end; standard error and output are what the redirections leave of them."""
        return self.line(f'exec "{FLASHFLOOD}" {command} {redirections}')

    def line(self, line: str) -> CompletedProcess[str]:
        """Run a line of shell to its end."""
        return subprocess.run(
            ["sh", "-c", line],
            input="",
            capture_output=True,
            text=True,
            env=self._env,
            cwd=self._folder,
            check=False,
            timeout=60,
        )


def said(process: CompletedProcess[str]) -> tuple[int, str]:
    return process.returncode, process.stderr


@pytest.mark.parametrize("command", WRITING)
def test_with_a_closed_standard_output_what_writes_says_so_in_one_line(shell: Shell, command: str) -> None:
    assert said(shell.run(command, ">&-")) == (1, CLOSED_OUT)
    assert said(shell.run(command, "1</dev/null")) == (1, CLOSED_OUT)
    assert said(shell.run(command, ">/dev/full")) == (1, FULL)


@pytest.mark.parametrize("command", WRITING)
def test_with_standard_error_closed_as_well_the_exit_code_says_so(shell: Shell, command: str) -> None:
    for redirections in (">&- 2>&-", ">&- 2>&- <&-", ">/dev/full 2>&1", ">/dev/full 2>&-", ">&- 2>/dev/full"):
        assert said(shell.run(command, redirections)) == (1, "")


@pytest.mark.parametrize("command", SILENT)
def test_what_writes_nothing_needs_no_standard_streams(shell: Shell, command: str) -> None:
    assert said(shell.run(command, "<&- >&- 2>&-")) == (0, "")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- <&-"])
def test_without_standard_error_what_succeeds_is_not_disturbed(shell: Shell, redirection: str) -> None:
    process = shell.run("get a", redirection)
    assert (process.returncode, process.stdout, process.stderr) == (0, "data", "")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&- <&-", ">&- 2>&-"])
def test_without_standard_error_a_failure_keeps_its_exit_code(shell: Shell, redirection: str) -> None:
    assert said(shell.run("get absent", redirection)) == (1, "")
    assert said(shell.run("nonsense", redirection)) == (2, "")
    assert said(shell.run("replay --from never", redirection)) == (2, "")


def test_a_failure_is_said_where_standard_output_is_closed(shell: Shell) -> None:
    status, message = said(shell.run("get absent", ">&-"))
    assert status == 1
    assert message.startswith("flashflood: event 'absent' not found")
    assert message.count("\n") == 1


@pytest.mark.parametrize("command", ["put --file -", "update a --file -", "get-many --file -"])
def test_a_closed_standard_input_that_is_to_be_read_is_one_line_and_1(shell: Shell, command: str) -> None:
    assert said(shell.run(command, "<&-")) == (1, CLOSED_IN)


def test_a_closed_standard_input_ends_put_many_in_one_line(shell: Shell) -> None:
    status, message = said(shell.run("put-many --file -", "<&-"))
    assert status == 1
    assert message.startswith(CLOSED_IN.rstrip())
    assert message.count("\n") == 1


@pytest.mark.parametrize("command", ["get a", "--help", "replay --help", "--version"])
def test_a_reader_that_is_gone_ends_it_silently_with_141(shell: Shell, command: str) -> None:
    process = shell.line(f"""trap '' PIPE; {{ "{FLASHFLOOD}" {command}; echo $? >status; }} | true; cat status""")
    assert (process.stdout, process.stderr) == ("141\n", "")


def test_no_file_of_the_store_gets_the_number_of_a_closed_stream(shell: Shell) -> None:
    """Else what is said to a closed standard error would be written into an event's blob."""
    for number in range(3):
        assert said(shell.run(f"put data --id id-{number}", "<&- >&- 2>&-")) == (1, "")
    ff = FlashFlood.open(shell.store)
    assert [ff.get_event(f"id-{number}").data for number in range(3)] == [b"data"] * 3
    assert ff.check() == []
