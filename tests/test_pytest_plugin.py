"""The fixture that the package brings to its users' tests."""

import subprocess
import sys
from pathlib import Path

THEIR_TESTS = """
import pytest

@pytest.mark.parametrize("time", [1, 2])
def test_the_store_is_empty_and_works(flashflood_store, time):
    assert list(flashflood_store.replay()) == []
    flashflood_store.put({"level": 47}, "reading")
    flashflood_store.journal(minimum_number_of_events=1)
    assert [event.data for event in flashflood_store.replay(filter="level > `40`")] == [b'{"level":47}']
"""


def test_each_of_a_users_tests_gets_an_empty_store_without_further_ado(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIR_TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (process.returncode, process.stderr) == (0, ""), process.stdout
    assert "2 passed" in process.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["test_theirs.py"]
