"""The types that users are handed: mypy and pyright, as strict as they are, take a program with every public call."""

import ast
import os
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


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_wrong_program_does_not_pass(tmp_path: Path, checker: str) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("# pyright: strict\nfrom flashflood import FlashFlood\nFlashFlood.open('x').put(b'', 1)\n")
    assert run([*CHECKERS[checker], str(wrong)]).returncode != 0


def test_the_program_has_every_public_name() -> None:
    used = {node.id for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Attribute)}
    public = {*flashflood.__all__, *public_members(FlashFlood), *public_members(Journal), *public_members(Writer)}
    assert public - used - {"open"} == set()


def public_members(owner: type) -> list[str]:
    return [name for name in vars(owner) if not name.startswith("_")]


def run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
