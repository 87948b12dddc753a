"""What the command line says of itself: help, examples, completion, the log, and an installation that lacks files."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from itertools import takewhile
from pathlib import Path

import click
import pytest
from support.command_line import FLASHFLOOD, Run, output, refusal

import flashflood
from flashflood import Expression
from flashflood.cli.commands import flashflood as group

PACKAGE = Path(flashflood.__file__).parent
FILES_OF_0_4_3 = ("__init__", "config", "exceptions", "identifiers", "key_index", "objects", "util", "version")


def test_without_a_command_the_help_is_shown_as_it_is(call: Run) -> None:
    done = call()
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == output(call("--help"))
    assert len(done.stderr.splitlines()) > 20


def test_python_m_flashflood_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "flashflood", "--version"], capture_output=True, check=False)
    assert done.stdout.startswith(b"flashflood ")
    assert done.returncode == 0


def test_the_version_is_the_distributions(call: Run) -> None:
    assert output(call("--version")) == b"flashflood 1.0.0\n"


@pytest.mark.parametrize("name", [None, *group.commands])
def test_the_examples_of_a_help_are_right(name: str | None) -> None:
    command = group if name is None else group.commands[name]
    for line in re.findall(r"^ +(?:\S+ .*\| )?(flashflood .+)$", command.help or "", re.MULTILINE):
        words = list(takewhile(lambda word: word not in ("|", ">", ">>"), shlex.split(line, comments=True)))
        named = group.commands[words[1]]
        with named.make_context(words[1], words[2:]) as context:
            assert context.args == []
            for option in ("filter", "select", "expression", "each"):
                Expression(context.params.get(option) or "@")


@pytest.mark.parametrize("name", ["put", "put-many", "replay", "search", "journal", "maintain", "get-many"])
def test_where_it_helps_there_are_examples(call: Run, name: str) -> None:
    assert output(call(name, "--help")).count(b"flashflood ") > 1


def test_bash_completes_commands_options_and_their_values(env: dict[str, str]) -> None:
    ask = 'COMPREPLY=() COMP_WORDS=($1) COMP_CWORD=$2; _flashflood_completion flashflood; echo "${COMPREPLY[@]}"'
    asked = [("flashflood rep", 1), ("flashflood replay --format pa", 3)]
    script = [f"ask() {{ {ask}; }}", *(f"ask {shlex.quote(words)} {place}" for words, place in asked)]
    done = subprocess.run(
        ["bash", "-c", "\n".join(['eval "$(_FLASHFLOOD_COMPLETE=bash_source flashflood)" 2>/dev/null', *script])],
        capture_output=True,
        env={**env, "PATH": f"{Path(FLASHFLOOD).parent}:{env['PATH']}"},
        check=False,
    )
    assert done.stdout.decode().splitlines() == ["repair replay", "parquet"]


@pytest.mark.parametrize(("before", "after"), [(["-v"], []), ([], ["-v"]), ([], ["--verbose"])])
def test_v_says_what_is_done_with_its_date_level_and_module(call: Run, before: list[str], after: list[str]) -> None:
    done = call(*before, "put", "x", "--id", "a", *after)
    assert (done.returncode, done.stdout) == (0, b"a\n")
    line = rb"flashflood: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO flashflood\.write\.put: new journal .*\n"
    assert re.fullmatch(line, done.stderr)


def test_vv_says_it_in_detail_and_without_v_nothing_is_said(call: Run) -> None:
    output(call("put", "x", "--id", "a"))
    assert call("replay", "-v").stderr == b""
    assert b"DEBUG flashflood.replay.rows: " in call("replay", "-vv").stderr
    output(call("replay"))


def test_a_warning_is_a_line_with_the_commands_name(call: Run, tmp_path: Path) -> None:
    output(call("put", "x", "--store", "store/"))
    (tmp_path / "store" / "journals" / "strange").write_bytes(b"")
    done = call("replay", "--store", "store/")
    assert done.returncode == 0
    assert re.fullmatch(rb"flashflood: .*strange is no journal; it is left out\n", done.stderr)


@pytest.mark.parametrize("is_overwritten", [False, True])
def test_an_installation_that_lacks_files_says_so(tmp_path: Path, *, is_overwritten: bool) -> None:
    broken = tmp_path / "flashflood"
    shutil.copytree(PACKAGE, broken, copy_function=os.symlink)
    for name in FILES_OF_0_4_3:
        (broken / f"{name}.py").unlink()
        if is_overwritten:
            (broken / f"{name}.py").write_text("class FlashFlood: pass\n")
    begin = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {sysconfig.get_path('purelib')!r}]; "
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{begin}from flashflood.cli import main"],
        capture_output=True,
        env=environment,
        check=False,
    )
    assert "pip install --force-reinstall --no-deps flashflood-rs" in refusal(done, 1)


def test_every_file_and_store_can_be_completed_as_a_path() -> None:
    for name, command in group.commands.items():
        for parameter in command.params:
            if parameter.metavar == "PATH" or parameter.name == "files":
                assert isinstance(parameter.type, click.Path), (name, parameter.name)
