"""A folder's members are read once and then known, and whoever changes them, what is listed is what is there."""

import errno
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from mmap import mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.processes import Worker, tell

from flashflood import FlashFlood
from flashflood.store import LocalStore, known
from flashflood.store.local import PAGE_SIZE

LONG = "x" * 203
"""A component that is cut."""
KEYS = ["a/1", "a/2", "a/b/1", "a/b/2", "a/c/1", "d", "a/2.bak", "~e", f"a/{LONG}", f"a/y{LONG}/1"]
LISTINGS = [("", None), ("a/", None), ("a/", "a/1"), ("a/b", None), ("a/", "a/b/1"), ("a/x", None), ("b", "d")]
TICK = 1_500_000_000
"""Nanoseconds between the ticks of a clock that is nearly as slow as `known.QUIET` allows."""
QUIET = 20_000_000
"""Nanoseconds: two ticks of Linux's slowest clock."""
PROCESSES, THREADS = 3, 2
WRITERS = PROCESSES * THREADS
WRITES = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> LocalStore:
    return LocalStore(folder)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the folders of keys that are read from now on, by their names."""
    found: list[str] = []
    scandir = os.scandir

    def counted(folder: int) -> Any:  # noqa: ANN401 - what `os.scandir` gives
        path = Path(f"/proc/self/fd/{folder}").readlink()
        if path.parent.name != ".flashflood":
            found.append(path.name)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counted)
    return found


@pytest.fixture
def known_store(store: LocalStore, readings: list[str]) -> LocalStore:
    """Give a store with `a/1` and `a/2` that knows so."""
    for key in ("a/1", "a/2"):
        store.put(key, b"")
    listed(store)
    readings.clear()
    assert listed(store) == ["a/1", "a/2"]
    assert "a" not in readings
    readings.clear()
    return store


def listed(store: LocalStore, prefix: str = "", after: str | None = None) -> list[str]:
    """List all pages."""
    keys: list[str] = []
    while True:
        page = store.list(prefix, keys[-1] if keys else after)
        keys += [entry.key for entry in page.entries]
        if not page.more:
            return keys


# Whoever changes it

CHANGES: dict[str, Callable[[LocalStore, str], object]] = {
    "put": lambda store, key: store.put(key, b"data", metadata={"a": "b"}),
    "create": lambda store, key: store.create(key, b"data"),
    "delete": lambda store, key: store.delete([key]),
    "mark_garbage": lambda store, key: store.mark_garbage(key),
}


def change_as_a_stranger(folder: Path, what: str, key: str) -> None:
    """Change a folder as a program does that knows nothing of us."""
    path = folder / key
    if what == "delete":
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a stranger's")


@contextmanager
def clock_of_ticks() -> Iterator[None]:
    """Let folders be dated by a clock that ticks: a change shows the last tick, unless it was dated explicitly."""
    fstat, utime = os.fstat, os.utime
    dated: dict[int, int] = {}

    def dating(descriptor: int, *, ns: tuple[int, int]) -> None:
        utime(descriptor, ns=ns)
        dated[fstat(descriptor).st_ino] = ns[1]

    def ticking(descriptor: int) -> Any:  # noqa: ANN401 - what `os.fstat` gives
        found = fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            return found
        names = [name for name in dir(found) if name.startswith("st_")]
        faked = SimpleNamespace(**{name: getattr(found, name) for name in names})
        faked.st_ctime_ns -= faked.st_ctime_ns % TICK
        if dated.get(found.st_ino) != found.st_mtime_ns:
            faked.st_mtime_ns -= faked.st_mtime_ns % TICK
        return faked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "utime", dating)
        patch.setattr(os, "fstat", ticking)
        yield


@contextmanager
def clock_of_this_machine() -> Iterator[None]:
    """Let a folder count as left alone after a time that a test can wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(known, "QUIET", QUIET)
        yield


def wait() -> None:
    """Wait until folders count as left alone."""
    time.sleep(1.5 * QUIET / 1e9)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["one", "other", "stranger"]), st.sampled_from(list(CHANGES)), st.sampled_from(KEYS)),
        st.just(("nobody", "wait", "")),
    ),
    max_size=25,
)


@pytest.mark.parametrize("clock", [clock_of_this_machine, clock_of_ticks])
@given(steps=STEPS)
@settings(max_examples=50)
def test_what_two_stores_and_a_stranger_change_in_turn_is_listed_as_a_fresh_store_lists_it(
    clock: Callable[[], AbstractContextManager[None]], steps: list[tuple[str, str, str]]
) -> None:
    with TemporaryDirectory() as path, clock():
        folder = Path(path) / "store"
        stores = {"one": LocalStore(folder), "other": LocalStore(folder)}
        for who, what, key in steps:
            if what == "wait":
                wait()
            elif who == "stranger":
                change_as_a_stranger(folder, what, key)
            else:
                CHANGES[what](stores[who], key)
            for prefix, after in LISTINGS:
                fresh = LocalStore(folder).list(prefix, after)
                for store in stores.values():
                    assert store.list(prefix, after).entries == fresh.entries


@pytest.mark.parametrize("clock", [clock_of_this_machine, clock_of_ticks])
def test_a_change_in_the_same_tick_as_the_one_before_is_seen(
    store: LocalStore, folder: Path, clock: Callable[[], AbstractContextManager[None]]
) -> None:
    with clock():
        for number in range(20):
            store.put(f"a/{number}", b"")
            assert f"a/{number}" in listed(store)
            (folder / f"a/stranger {number}").write_bytes(b"")
            assert f"a/stranger {number}" in listed(store)
            (folder / f"a/{number}").unlink()
            assert f"a/{number}" not in listed(store)


def test_what_a_stranger_changes_in_the_moment_of_our_own_change_is_seen_after_a_while(
    known_store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def beside_a_stranger(*args: Any, **options: Any) -> None:  # noqa: ANN401
        (folder / "a/stranger").write_bytes(b"")
        rename(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", beside_a_stranger)
        known_store.put("a/3", b"")
    later = time.monotonic() + known.TRUST
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert listed(known_store) == ["a/1", "a/2", "a/3", "a/stranger"]


def test_what_another_processs_killed_writer_had_renamed_is_seen(known_store: LocalStore, folder: Path) -> None:
    with Worker({}, "test_store_local_known", "be_killed_before_the_mark", str(folder)) as worker:
        assert worker.process.wait() == -signal.SIGKILL
    assert listed(known_store) == ["a/1", "a/2", "a/3"]
    known_store.put("a/4", b"")
    assert listed(known_store) == listed(LocalStore(folder)) == ["a/1", "a/2", "a/3", "a/4"]


def be_killed_before_the_mark(folder: str) -> None:
    """Write, and be killed after the rename, before the folder is marked."""
    rename = os.rename

    def rename_and_die(*args: Any, **options: Any) -> None:  # noqa: ANN401
        rename(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(os, "rename", rename_and_die)
    LocalStore(folder).put("a/3", b"")


def test_what_is_written_while_a_folder_is_read_is_known_with_it(
    store: LocalStore, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1", "a/2", "a/3"):
        store.put(name, b"")
    scan = known.scan

    def beside_a_writer(folder: int) -> known.Scan:
        found = scan(folder)
        store.put("a/4", b"")
        store.delete(["a/1"])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(known, "scan", beside_a_writer)
        store.list("a/")
    assert readings == ["a"]
    assert [entry.key for entry in store.list("a/").entries] == ["a/2", "a/3", "a/4"]
    assert readings == ["a"]


def test_a_key_whose_component_is_cut_is_listed_at_once(store: LocalStore, folder: Path) -> None:
    key = f"a/{LONG}"
    store.put(key, b"")
    store.delete([key])
    store.put("a/1", b"")
    store.put("a/2", b"")
    assert listed(store) == ["a/1", "a/2"]
    LocalStore(folder).put(key, b"")  # which makes no folder, and so does not show in that of `a`
    assert listed(store) == ["a/1", "a/2", key]


def test_a_write_that_fails_leaves_nothing_known_that_is_not_there(
    known_store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def rename_and_fail(*args: Any, **options: Any) -> None:  # noqa: ANN401
        rename(*args, **options)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename_and_fail)
        with pytest.raises(OSError, match="Input/output error"):
            known_store.put("a/3", b"")
    assert listed(known_store) == ["a/1", "a/2", "a/3"]


# Where a reader may not write


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_folder_that_may_only_be_read_is_read_once(
    store: LocalStore, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a/1", b"")
    store.put("a/2", b"")
    for name in ("utime", "mkdir", "rename", "unlink", "ftruncate", "write", "pwrite"):
        monkeypatch.setattr(os, name, refuse)
    reader = LocalStore(store.name)
    with clock_of_this_machine():
        wait()
        for _ in range(5):
            assert [entry.key for entry in reader.list("a/").entries] == ["a/1", "a/2"]
    assert readings == ["a"]


def test_a_folder_that_aws_s3_sync_made_is_read_once(store: LocalStore, folder: Path, readings: list[str]) -> None:
    (folder / "a").mkdir(parents=True)
    (folder / "a/1").write_bytes(b"")
    with clock_of_this_machine():
        wait()
        for _ in range(5):
            assert [entry.key for entry in store.list("a/").entries] == ["a/1"]
    assert readings == ["a"]
    assert not (folder / ".flashflood").exists()


def test_where_a_folder_is_another_users_and_cannot_be_marked_all_is_listed_nevertheless(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    utime = os.utime

    def refuse_for_folders(descriptor: int, **options: Any) -> None:  # noqa: ANN401
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            refuse()
        utime(descriptor, **options)

    monkeypatch.setattr(os, "utime", refuse_for_folders)
    with clock_of_ticks():
        for number in range(5):
            store.put(f"a/{number}", b"")
            LocalStore(folder).put(f"a/of another {number}", b"")
            assert len(listed(store)) == 2 * number + 2


# How often it is read


def test_puts_and_lookups_read_no_folder_again(tmp_path: Path, readings: list[str]) -> None:
    ff = FlashFlood.open(f"{tmp_path}/store/")
    for number in range(5):  # the first ones make the folders
        ff.put(b"data", f"early {number}")
        ff.update_event(f"early {number}", b"new")
    assert ff.get_event("early 0").data == b"new"
    readings.clear()
    for number in range(20):
        ff.put(b"data", f"late {number}")
        assert ff.get_event(f"late {number}").data == b"data"
        ff.update_event(f"late {number}", b"new")
        assert ff.event_exists(f"late {number}")
    assert readings == []


def test_a_check_reads_each_folder_once(tmp_path: Path, readings: list[str]) -> None:
    ff = FlashFlood.open(f"{tmp_path}/store/")
    ff.put_many((b"data", f"event {number}", None) for number in range(100))
    with clock_of_this_machine():
        wait()
        readings.clear()
        assert FlashFlood.open(f"{tmp_path}/store/").check() == []
    assert len(readings) == len(set(readings))
    assert {"index", "journals"} <= set(readings)


def test_a_listing_of_many_pages_reads_a_folder_once(store: LocalStore, folder: Path, readings: list[str]) -> None:
    (folder / "a").mkdir(parents=True)
    names = [f"{number:05}" for number in range(3 * PAGE_SIZE)]
    for name in names:
        (folder / "a" / name).write_bytes(b"")
    with clock_of_this_machine():
        wait()
        assert listed(store) == [f"a/{name}" for name in names]
    assert sorted(readings) == ["a", "store"]


def test_ids_with_a_slash_read_no_folder_again_but_their_own(store: LocalStore, readings: list[str]) -> None:
    store.put("index/the first one/x", b"")
    store.put("index/the second one/x", b"")
    for number in range(10):
        store.put(f"index/{number}/x", b"")
        assert [entry.key for entry in store.list(f"index/{number}").entries] == [f"index/{number}/x"]
    assert sorted(readings) == sorted(["index", *map(str, range(10))])


def test_threads_that_write_read_a_folder_once_between_them(store: LocalStore, readings: list[str]) -> None:
    store.put("a/first", b"")

    def work(name: int) -> None:
        for number in range(10):
            store.put(f"a/{name} {number}", b"")
            assert [entry.key for entry in store.list(f"a/{name} {number}").entries] == [f"a/{name} {number}"]

    threads = [Thread(target=work, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert readings == ["a"]
    assert len(listed(store)) == 41


# Many at a time


class Progress:
    """How far each of some writers is, in memory that processes share.

    Writer `w` creates `a/w-000`, `a/w-001`, … and deletes them in the same order, more slowly.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(3 * 8 * WRITERS))
        with path.open("r+b") as file:
            numbers = memoryview(mmap(file.fileno(), 0)).cast("Q")
        self.created, self.deleting, self.deleted = (numbers[start * WRITERS :][:WRITERS] for start in range(3))

    def faults_of(self, store: LocalStore) -> list[str]:
        """List the keys; tell what is missing of what was there all the time, and what is there that was deleted."""
        created, deleted = list(self.created), list(self.deleted)
        found = set(listed(store))
        must = {key(w, n) for w in range(WRITERS) for n in range(self.deleting[w], created[w])}
        must_not = {key(w, n) for w in range(WRITERS) for n in range(deleted[w])}
        return [f"missing: {name}" for name in must - found] + [f"still there: {name}" for name in must_not & found]


def key(writer: int, number: int) -> str:
    return f"a/{writer}-{number:03}"


def write_and_look(store: LocalStore, progress: Progress, me: int, faults: list[str]) -> None:
    for number in range(WRITES):
        store.create(key(me, number), b"")
        progress.created[me] = number + 1
        if number % 3 == 2:
            progress.deleting[me] += 1
            store.delete([key(me, number // 3)])
            progress.deleted[me] += 1
        faults += progress.faults_of(store)


def write_by_threads(folder: str, progress: str, process: int) -> None:
    """Let threads write to one store, and tell what they found wrong."""
    store, shared, faults = LocalStore(folder), Progress(Path(progress)), list[str]()
    writers = [
        Thread(target=write_and_look, args=[store, shared, process * THREADS + number, faults])
        for number in range(THREADS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    tell(faults)


def test_what_processes_and_their_threads_write_at_one_time_is_listed_from_the_moment_when_the_write_returned(
    store: LocalStore, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "progress"
    progress = Progress(path)
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                Worker({}, "test_store_local_known", "write_by_threads", str(folder), str(path), process)
            )
            for process in range(PROCESSES)
        ]
        while min(progress.created) < WRITES and all(worker.process.poll() is None for worker in workers):
            assert progress.faults_of(store) == []
        assert [worker.rest() for worker in workers] == [[[]]] * PROCESSES
    assert progress.faults_of(store) == []
