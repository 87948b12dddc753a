"""docs/design/SEMANTICS.md names at each promise the tests that hold the package to it: here these are looked for."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from test_faults_of_0_4_3 import FAULTS

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "design" / "SEMANTICS.md"
OF_THE_TABLE = "test_faults_of_0_4_3.py"
NAMED = re.compile(r"`(test_\w+\.py)?::(test_\w+)`")


@cache
def names_in(file: str) -> set[str]:
    """Give the names of the tests in a file; none if there is no such file."""
    path = TESTS / file
    if not path.is_file():
        return set()
    found = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    return {name for name in found if name.startswith("test_")}


def promises() -> dict[str, list[str]]:
    """Give the page's promises by their first line, each with all its lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in PAGE.read_text().splitlines():
        if line.startswith(("- ", "| ")) and not line.startswith(("| ---", "| what was done")):
            lines = found.setdefault(line, [])
        if not line.strip():
            lines = []
        lines.append(line)
    return found


PROMISES = promises()


def named(promise: str) -> list[tuple[str, str]]:
    """Give what a promise names, each as file and name; in the table, a name of `OF_THE_TABLE` stands alone."""
    if promise.startswith("| "):
        last = promise.rstrip(" |").rpartition(" | ")[2]
        return [(OF_THE_TABLE, name) for name in re.findall(r"`(\w+)`", last)]
    found: list[tuple[str, str]] = []
    for line in PROMISES[promise]:
        file = ""
        for other_file, name in NAMED.findall(line):
            file = other_file or file
            found.append((file, name))
    return found


def is_there(file: str, name: str) -> bool:
    """Say whether it is a test; in the table, also whether it is a line of the table that is tried."""
    in_the_table = file == OF_THE_TABLE and name in {fault.scenario.__name__ for fault in FAULTS}
    return in_the_table or name in names_in(file)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[:40])
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    assert named(promise), "no test is named"
    assert [test for test in named(promise) if not is_there(*test)] == []


def test_every_name_of_a_test_stands_at_a_promise_and_is_written_as_all_are() -> None:
    written = [line for line in PAGE.read_text().splitlines() if "::" in line and "`::test_…`" not in line]
    assert len(NAMED.findall("\n".join(written))) == sum(line.count("::") for line in written)
    assert set(written) == {line for promise in PROMISES for line in PROMISES[promise] if "::" in line}


def test_the_table_names_every_fault_that_is_tried() -> None:
    in_the_table = {name for promise in PROMISES if promise.startswith("| ") for _, name in named(promise)}
    assert {fault.scenario.__name__ for fault in FAULTS} <= in_the_table
