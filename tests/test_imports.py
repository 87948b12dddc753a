"""What takes long to import is imported by those who need it, on any thread and beside any fork."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from flashflood import FlashFlood

HEAVY = ("boto3", "botocore", "urllib3", "http", "pyarrow", "polars")
FORK = """
import importlib.abc, os, signal, sys, threading, time
from flashflood import FlashFlood

begun = threading.Event()

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "boto3" and not begun.is_set():
            begun.set()
            time.sleep(0.5)  # what boto3 takes where a disk is slow; meanwhile the other thread forks
        return None

def open_one():
    FlashFlood.open("s3://bucket/prefix", endpoint_url="http://127.0.0.1:9").close()

sys.meta_path.insert(0, Slow())
assert "boto3" not in sys.modules
thread = threading.Thread(target=open_one)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)  # ends one that waits for ever
    open_one()
    os._exit(0)
thread.join()
open_one()
sys.exit(os.waitpid(child, 0)[1] != 0)
"""


def imported(*arguments: str, folder: Path) -> set[str]:
    """Give what a Python process imports, each by the first part of its name."""
    command = [sys.executable, "-X", "importtime", *arguments]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    names = [line.rpartition("|")[2] for line in process.stderr.splitlines() if line.startswith("import time:")]
    return {name.strip().partition(".")[0] for name in names}


@pytest.mark.parametrize("store", ["events.flashflood", "events/"])
def test_a_command_on_a_file_or_in_a_folder_imports_nothing_that_only_s3_needs(store: str, tmp_path: Path) -> None:
    for command in (["put", "{}", "--id", "a"], ["replay", "--filter", "a == `1`"], ["check"]):
        modules = imported("-m", "flashflood", command[0], "--store", store, *command[1:], folder=tmp_path)
        assert "flashflood" in modules
        assert modules.isdisjoint(HEAVY), command
    assert "boto3" in imported("-c", "import flashflood; flashflood.FlashFlood.open('s3://a/b')", folder=tmp_path)


def test_while_another_thread_imports_boto3_other_stores_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flashflood.store.s3", ModuleType("as it is at first"))
    ff = FlashFlood.open("memory://")
    assert ff.compact(dry_run=True).dollars == 0
    with pytest.raises(AttributeError, match="has no s3_client: only one on S3 has"):
        _ = ff.s3_client


def test_a_child_forked_while_another_thread_imports_boto3_opens_a_store_on_s3() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], timeout=60, check=False).returncode == 0
