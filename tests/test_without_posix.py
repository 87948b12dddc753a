"""The package can be imported, and a SQLite file opened, where there is no POSIX: on Windows."""

import subprocess
import sys
from pathlib import Path

AS_ON_WINDOWS = """
import concurrent.futures, logging, multiprocessing, os, sys, tempfile, threading
import boto3, botocore.httpsession, botocore.parsers, click, jmespath, orjson, urllib3, sqlite3, s3transfer.manager
for name in ("fcntl", "pwd", "grp", "termios", "resource"):
    sys.modules[name] = None
for name in ("register_at_fork", "fork", "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK"):
    if hasattr(os, name):
        delattr(os, name)
sys.platform = "win32"
from flashflood import FlashFlood, FlashFloodException
flood = FlashFlood.open(sys.argv[1])
flood.put(b"data", "id")
print([event.data for event in flood.replay()])
try:
    FlashFlood.open(".")
except FlashFloodException as error:
    print(error)
from flashflood.cli import main
sys.stderr = sys.stdout
print(main(["follow", "--store", sys.argv[1], "--cursor-file", "cursor"]))
"""


def test_without_what_posix_has_a_sqlite_file_is_opened_and_a_folder_is_refused(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS, str(tmp_path / "events.flashflood")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stderr == ""
    assert found.stdout.splitlines() == [
        "[b'data']",
        "'.': a folder as a store needs what Windows has not (flock). Open a file.",
        "flashflood: --cursor-file 'cursor': a file for one follower alone needs what Windows has not (flock).",
        "1",
    ]
