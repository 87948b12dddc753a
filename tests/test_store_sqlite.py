"""The store in a SQLite file: what is its own, beside what every store promises (test_store.py)."""

import os
import pickle
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from support.samples import AT_ONCE, at, contents, put_new

from flashflood import FlashFlood, FlashFloodCorruptionError, FlashFloodException
from flashflood.store import SqliteStore, databases, open_store, sqlite
from flashflood.store.sqlite import PART, PARTS_AT_A_TIME


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.flashflood"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as anyone can."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def count(path: Path, table: str) -> int:
    with opened(path) as connection:
        ((found,),) = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608  a name of the test's own
        return int(found)


def test_the_first_write_makes_the_file_and_reads_do_not(path: Path) -> None:
    ff = FlashFlood.open(f"sqlite://{path}")
    assert not ff.event_exists("a")
    assert list(ff.replay()) == []
    assert not path.exists()
    ff.put(b"data", "a", at(0))
    assert contents(FlashFlood.open(f"sqlite://{path}").replay()) == {"a": b"data"}


def test_a_path_with_any_characters_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é.flashflood"
    SqliteStore(path).put("x", b"1")
    address = SqliteStore(path).address
    assert address is not None
    found = open_store(address).get("x")
    assert found is not None
    assert found.body == b"1"
    assert path.exists()


# Large objects


def test_a_large_object_is_read_as_it_was_written_in_every_part(path: Path) -> None:
    store = SqliteStore(path)
    body = os.urandom(3 * PART + 5)
    store.put("x", body)
    for start in (0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 4, 4 * PART):
        for stop in (None, 0, PART, PART + 1, 3 * PART + 1, 9 * PART):
            found = store.get("x", start, stop)
            assert found is not None
            assert found.body == body[start : max(start, len(body) if stop is None else stop)]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, (PARTS_AT_A_TIME + 1) * PART])
@pytest.mark.parametrize("piece", [1_000, PART, 5 * PART])
def test_pieces_of_any_size_make_the_object(path: Path, size: int, piece: int) -> None:
    store = SqliteStore(path)
    body = os.urandom(size)
    store.put("x", (body[start : start + piece] for start in range(0, size, piece)))
    found = store.get("x")
    assert found is not None
    assert found.body == body
    assert store.list("").entries[0].size == size


def test_no_part_stays_of_an_object_that_was_replaced_deleted_or_refused(path: Path) -> None:
    store = SqliteStore(path)
    for key in ("x", "y"):
        store.put(key, bytes(2 * PART))
    assert not store.create("x", bytes(3 * PART))
    store.put("x", bytes(PART + 1))
    store.put("y", b"small")
    assert count(path, "parts") == 2
    store.delete(["x"])
    assert (count(path, "parts"), count(path, "uploads"), count(path, "objects")) == (0, 0, 1)


def test_what_a_killed_writer_left_goes_after_a_day_and_not_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies() -> Iterator[bytes]:
        yield bytes((PARTS_AT_A_TIME + 1) * PART)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SqliteStore(path).put("x", dies())
    SqliteStore(path).put("y", bytes(2 * PART))
    assert (count(path, "uploads"), count(path, "parts")) == (1, PARTS_AT_A_TIME + 2)
    monkeypatch.setattr(sqlite, "ABANDONED", -1)
    SqliteStore(path).put("z", bytes(2 * PART))
    assert (count(path, "uploads"), count(path, "parts")) == (0, 4)


def test_a_writer_whose_parts_were_swept_away_writes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces() -> Iterator[bytes]:
        yield bytes((PARTS_AT_A_TIME + 1) * PART)
        monkeypatch.setattr(sqlite, "ABANDONED", -1)
        SqliteStore(path).put("other", bytes(2 * PART))

    with pytest.raises(FlashFloodException, match="took more than a day, and its parts are gone: write it again"):
        SqliteStore(path).put("x", pieces())
    assert SqliteStore(path).get("x") is None
    assert count(path, "parts") == 2


def test_other_writers_work_while_a_large_object_is_written(path: Path) -> None:
    store = SqliteStore(path)

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            yield bytes(PARTS_AT_A_TIME * PART)
            store.put(f"beside {number}", b"")

    store.put("large", pieces())
    assert [entry.key for entry in store.list("").entries] == ["beside 0", "beside 1", "beside 2", "large"]


def test_the_space_of_what_was_collected_is_given_back(path: Path) -> None:
    ff = FlashFlood.open(f"sqlite://{path}")
    ff.put_many((os.urandom(100_000), f"{number}", at(number)) for number in range(30))
    ff.collect_garbage(AT_ONCE)
    full = path.stat().st_size
    for number in range(30):
        ff.delete_event(f"{number}")
    ff.update(None)
    ff.collect_garbage(AT_ONCE)
    assert full > 3_000_000
    assert path.stat().st_size < full / 10


# What is written stays


def test_every_call_that_writes_returns_once_the_log_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(str(Path(f"/proc/self/fd/{number}").readlink())))
    ff = FlashFlood.open(f"sqlite://{path}")
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: ff.put(b"1", "a", at(0)),
        "put_many": lambda: ff.put_many([(b"2", "b", at(1))]),
        "update_event": lambda: ff.update_event("a", b"3"),
        "journal": lambda: ff.journal(2),
        "delete_event": lambda: ff.delete_event("b"),
        "update": ff.update,
        "combine_journals": lambda: ff.combine_journals(list(ff.list_journals())),
        "collect_garbage": lambda: ff.collect_garbage(timedelta(0)),
        "repair": ff.repair,
    }
    for name, call in calls.items():
        synced.clear()
        call()
        assert f"{path}-wal" in synced, name
    synced.clear()
    list(ff.replay())
    assert synced == []


def test_the_folder_is_synced_with_the_first_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    store = SqliteStore(path)
    store.put("x", b"")
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(str(Path(f"/proc/self/fd/{number}").readlink())))
    store.flush()
    assert synced == [f"{path}-wal", str(path.parent)]
    store.flush()
    store.put("x", b"")
    store.flush()
    assert synced == [f"{path}-wal", str(path.parent), f"{path}-wal"]


def test_what_could_not_be_synced_is_synced_the_next_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError

    store = SqliteStore(path)
    store.put("x", b"")
    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fails)
        with pytest.raises(OSError):  # noqa: PT011  it has no text
            store.flush()
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    store.flush()
    assert synced != []


def test_a_thread_does_not_return_before_the_sync_that_has_its_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    store.put("x", b"")
    begun, may_end = threading.Event(), threading.Event()

    def slow_sync(_: int) -> None:
        begun.set()
        assert may_end.wait(60)

    monkeypatch.setattr(os, "fsync", slow_sync)
    first = threading.Thread(target=store.flush)
    first.start()
    assert begun.wait(60)
    second = threading.Thread(target=store.flush)
    second.start()
    second.join(0.2)
    assert second.is_alive()
    may_end.set()
    first.join()
    second.join()


KILLED = """
import os, sys
from flashflood import FlashFlood
ff = FlashFlood.open("sqlite://" + sys.argv[1])
for number in range(10**6):
    ff.put(b"x" * 100_000 if number % 7 == 0 else b"x", f"{number:06}")
    print(number, flush=True)
    if number % 10 == 9:
        ff.journal(10)
"""


def test_what_a_killed_process_has_put_is_there(tmp_path: Path) -> None:
    for life in range(3):
        path = tmp_path / f"{life}.flashflood"
        with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                last = int(line)
                if last == 33:
                    writer.kill()
                    break
        ff = FlashFlood.open(f"sqlite://{path}")
        assert {f"{number:06}" for number in range(last + 1)} <= {event.event_id for event in ff.replay()}
        ff.repair()
        assert ff.check() == []


def test_a_writer_interrupted_anywhere_keeps_no_lock(path: Path) -> None:
    """Ctrl-C comes between any two steps of Python: here, at each line of the store's own code in turn."""
    mine = {databases.__file__, sqlite.__file__}
    SqliteStore(path).put("x", b"")
    for number in range(1, 10_000):
        store = SqliteStore(path)
        if not interrupted_at(number, mine, lambda: store.put("x", b"new")):  # noqa: B023  done at once
            break
        SqliteStore(path).put("y", b"")
        store.put("z", b"")
    assert number > 20


def interrupted_at(number: int, files: set[str], call: Callable[[], object]) -> bool:
    """Make a call, and interrupt it at a line of some files. False: it has fewer lines."""
    seen = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401  as sys.settrace has it
        nonlocal seen
        if frame.f_code.co_filename not in files:
            return None
        seen += event == "line"
        if event == "line" and seen == number:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


# Several processes


def test_a_forked_child_and_its_parent_both_write(path: Path) -> None:
    ff = FlashFlood.open(f"sqlite://{path}")
    put_new(ff, "before")
    child = os.fork()
    if child == 0:
        try:
            ff.put(b"data of child", "child", at(1))
        finally:
            os._exit(0)
    ff.put(b"data of parent", "parent", at(2))
    os.waitpid(child, 0)
    assert set(contents(ff.replay())) == {"before", "child", "parent"}


def test_a_writer_that_waits_in_vain_says_for_whom(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "PATIENCE", 0.2)
    store = SqliteStore(path)
    store.put("x", b"")
    with opened(path) as other:
        other.execute("BEGIN IMMEDIATE")
        who = f"process {os.getpid()}|another process" if sys.platform == "linux" else "another process"
        with pytest.raises(FlashFloodException, match=f"{path}: ({who}) has been writing .* try again"):
            store.put("x", b"")
        assert store.get("x") is not None
        other.execute("ROLLBACK")
    store.put("x", b"")


def test_a_file_that_was_removed_and_made_anew_is_the_store(path: Path) -> None:
    store, other = SqliteStore(path), SqliteStore(path)
    store.put("x", b"old")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    assert store.get("x") is None
    other.put("y", b"new")
    store.put("z", b"new")
    assert [entry.key for entry in other.list("").entries] == ["y", "z"]


# Files that are no store of ours


def refused(path: Path) -> FlashFloodException:
    with pytest.raises(FlashFloodException) as reading:
        SqliteStore(path).list("")
    with pytest.raises(FlashFloodException) as writing:
        SqliteStore(path).put("x", b"")
    assert str(reading.value) == str(writing.value)
    assert str(path) in str(writing.value)
    return writing.value


def test_a_file_that_is_no_database_is_refused_and_stays(path: Path) -> None:
    path.write_bytes(b"my diary" * 1000)
    assert "is no FlashFlood store, nor any SQLite database" in str(refused(path))
    assert path.read_bytes() == b"my diary" * 1000


def test_another_programs_database_is_refused_and_stays(path: Path) -> None:
    with opened(path) as connection:
        connection.execute("CREATE TABLE diary(day)")
    before = path.read_bytes()
    assert "is another program's SQLite database" in str(refused(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(("version", "advice"), [(1, "replay it with what wrote it"), (99, "install a newer one")])
def test_another_version_of_the_schema_is_refused(path: Path, version: int, advice: str) -> None:
    SqliteStore(path).put("x", b"")
    with opened(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    assert f"has version {version} of the schema" in str(refused(path))
    assert advice in str(refused(path))


def test_a_damaged_file_is_an_error_that_says_so(path: Path) -> None:
    store = SqliteStore(path)
    for number in range(200):
        store.put(f"{number}", bytes(1_000))
    store.give_back()
    del store
    content = bytearray(path.read_bytes())
    content[8_192:] = bytes(byte ^ 0x55 for byte in content[8_192:])
    path.write_bytes(content)
    with pytest.raises(FlashFloodCorruptionError, match=r"is damaged .* restore it from a copy"):
        SqliteStore(path).list("")


def test_a_folder_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "no" / "events.flashflood"
    assert SqliteStore(path).get("x") is None
    with pytest.raises(FlashFloodException, match="the file and its folder must be there"):
        SqliteStore(path).put("x", b"")


READ_ONLY = """
import os, sys
from flashflood import FlashFlood, FlashFloodException
os.setuid(65534)
ff = FlashFlood.open("sqlite://" + sys.argv[1])
for call in (lambda: ff.put(b"data"), lambda: list(ff.replay())):
    try:
        call()
    except FlashFloodException as error:
        print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_file_that_may_not_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "events.flashflood"
    FlashFlood.open(f"sqlite://{path}").put(b"data")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(Path("/tmp").resolve()) and folder != Path("/tmp").resolve():  # noqa: S108
            folder.chmod(0o755)
    found = subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    assert [line.rpartition(". ")[2] for line in found] == [
        "SQLite writes beside the file even to read it: the file and its folder must be there and be writable"
    ] * 2


# In memory


def test_a_store_in_memory_works_and_is_its_own() -> None:
    ff, other = FlashFlood.open("memory://"), FlashFlood.open("memory://")
    put_new(ff, "a", "b")
    ff.update_event("a", b"new")
    ff.journal(2)
    assert contents(ff.replay()) == {"a": b"new", "b": b"data of b"}
    assert ff.check() == []
    assert list(other.replay()) == []


def test_a_store_in_memory_is_not_pickled_and_has_no_urls() -> None:
    ff = FlashFlood.open("memory://")
    put_new(ff, "a")
    with pytest.raises(TypeError, match="in this process's memory"):
        pickle.dumps(ff)
    with pytest.raises(FlashFloodException, match="has no URLs"):
        list(ff.list_event_streams())


def test_a_store_in_memory_is_refused_to_a_forked_child() -> None:
    ff = FlashFlood.open("memory://")
    put_new(ff, "a")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ff.get_event("a")
        except FlashFloodException as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert f"belongs to process {os.getpid()}" in said.read()


def test_other_ways_to_name_memory_are_no_store() -> None:
    with pytest.raises(ValueError, match="memory://"):
        FlashFlood.open("memory://name")
