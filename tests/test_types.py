"""The types that users are handed: mypy and pyright, as strict as they are, take a program with every public call."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import flashflood
from flashflood import FlashFlood, Journal, Writer

PROGRAM = Path(__file__).with_name("support").joinpath("typed_program.py")

CHECKERS = {
    "mypy": ["-m", "mypy", "--strict", "--config-file=", f"--cache-dir={os.devnull}"],
    "pyright": ["-m", "pyright", "--pythonpath", sys.executable],
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_users_program_passes_in_the_strictest_mode(checker: str) -> None:
    found = run([*CHECKERS[checker], str(PROGRAM)])
    assert found.returncode == 0, found.stdout


WRONG = [
    "ff.put(b'', 1)",
    "ff.put(3)",
    "ff.put(None)",
    "ff.put(('a tuple',))",
    "ff.update_event('an id', 2.5)",
    "ff.put_many([(3, None, None)])",
    "ff.writer().put({1, 2})",
]


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_line_of_a_wrong_program_is_found(tmp_path: Path, checker: str) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("\n".join(["from flashflood import FlashFlood", "ff = FlashFlood.open('x')", *WRONG, ""]))
    found = run([*CHECKERS[checker], str(wrong)])
    assert found.returncode != 0
    assert {int(line) for line in re.findall(r"wrong\.py:(\d+):.* error", found.stdout)} == {*range(3, 3 + len(WRONG))}


def test_the_program_has_every_public_name() -> None:
    used = {node.id for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Attribute)}
    public = {*flashflood.__all__, *public_members(FlashFlood), *public_members(Journal), *public_members(Writer)}
    assert public - used - {"open"} == set()


def public_members(owner: type) -> list[str]:
    return [name for name in vars(owner) if not name.startswith("_")]


def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
