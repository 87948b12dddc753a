"""A process is forked amid its work: its child stops nobody, takes over nothing, and may work on the same store."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.config import Config
from conftest import Place
from support.processes import Worker, tell, wait_for_word
from support.samples import at, put_journaled, put_new
from support.servers.faulty import Answer, FaultyServer, Forward, Request
from support.servers.moto import Moto

from flashflood import FlashFlood, replay_event_stream
from flashflood.layout import CONDITIONAL_PUT
from flashflood.store import LocalStore

PATIENCE = 60
"""Seconds after which a process that hangs is ended."""
IDS = [f"id {number}" for number in range(40)]
CHILDREN = 6
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
IN_A_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def in_a_child(work: Callable[[], object]) -> int:
    """Do some work in a forked child, which nothing but that ends well; give the child's process id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE)
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def ends_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


# The lock of a folder


def fork_while_locked(folder: str, dies: bool) -> None:  # noqa: FBT001
    """Fork in the middle of a write, and tell the child, which does nothing; then die, or write on."""
    signal.alarm(PATIENCE)
    rename = os.rename
    children: list[int] = []

    def rename_and_fork(*args: Any, **options: Any) -> None:  # noqa: ANN401
        if not children:
            children.append(in_a_child(idle))
            tell(children)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)
        rename(*args, **options)

    pytest.MonkeyPatch().setattr(os, "rename", rename_and_fork)
    LocalStore(folder).put("key", b"data")
    write(folder)


def idle() -> None:
    signal.alarm(3 * PATIENCE)  # longer than any writer waits for it
    os.closerange(0, 3)  # what the test reads to its end
    signal.pause()


def write(folder: str) -> None:
    signal.alarm(PATIENCE)
    LocalStore(folder).put("another key", b"data")
    tell("written")


@IN_A_FOLDER
@pytest.mark.parametrize("dies", [False, True], ids=["writer_goes_on", "writer_is_killed"])
def test_a_child_that_does_nothing_stops_no_writer(place: Place, dies: bool) -> None:  # noqa: FBT001
    with Worker({}, "test_forks", "fork_while_locked", place.url, dies) as worker:
        (child,) = worker.hear()
        try:
            if not dies:
                assert worker.hear() == "written"
            with Worker({}, "test_forks", "write", place.url) as other:
                assert other.hear() == "written"
        finally:
            os.kill(child, signal.SIGKILL)


def list_in_a_child_while_a_thread_writes(folder: str) -> None:
    """Fork while a thread changes the folder; tell whether the child could list it, and write to it."""
    signal.alarm(PATIENCE)
    store = LocalStore(folder)
    store.put("key", b"data")
    is_amid, may_go_on = threading.Event(), threading.Event()
    rename = os.rename

    def wait_and_rename(*args: Any, **options: Any) -> None:  # noqa: ANN401
        if threading.current_thread() is writer:
            is_amid.set()
            may_go_on.wait()
        rename(*args, **options)

    pytest.MonkeyPatch().setattr(os, "rename", wait_and_rename)
    writer = threading.Thread(target=store.put, args=["another key", b"data"])
    writer.start()
    is_amid.wait()

    def list_and_write() -> None:
        assert [entry.key for entry in store.list("").entries] == ["key"]
        tell("listed")
        store.put("the child's", b"data")

    child = in_a_child(list_and_write)
    wait_for_word()
    may_go_on.set()
    writer.join()
    tell([ends_well(child), [entry.key for entry in store.list("").entries]])


@IN_A_FOLDER
def test_a_child_may_list_and_write_though_a_thread_was_changing_the_folder_when_it_was_forked(place: Place) -> None:
    with Worker({}, "test_forks", "list_in_a_child_while_a_thread_writes", place.url) as worker:
        assert worker.hear() == "listed"
        worker.go()
        assert worker.rest() == [[True, ["another key", "key", "the child's"]]]


# Iterators

ITERATORS: dict[str, Callable[[FlashFlood], Iterator[Any]]] = {
    "replay": lambda ff: ff.replay(),
    "replay_in_a_loop": lambda ff: iter(ff.replay()),
    "get_events": lambda ff: ff.get_events(IDS),
    "list_journals": lambda ff: ff.list_journals(),
    "list_event_streams": lambda ff: ff.list_event_streams(),
    "journal_ids": lambda ff: ff.journal_ids(),
    "new_journals": lambda ff: ff.new_journals(),
    "_Journal.list": lambda ff: ff._Journal.list(),  # noqa: SLF001
    "replay_batches": lambda ff: iter(record_batches(ff)),
    "replay_event_stream": lambda ff: replay_event_stream(next(ff.list_event_streams()), allow_file_urls="/"),
}


def record_batches(ff: FlashFlood) -> Iterable[object]:
    import pyarrow as pa  # noqa: PLC0415  it takes a while, and a child of the others has no use for it

    batches: Iterable[object] = pa.RecordBatchReader.from_stream(ff.replay_batches(batch_size=1))
    return batches


def fork_amid(url: str, name: str) -> None:
    """Fork once an iterator has given its first item; child and parent tell what comes of going on."""
    ff = FlashFlood.open(url)
    first, not_begun = ITERATORS[name](ff), ITERATORS[name](ff)
    items = len(list(ITERATORS[name](ff)))
    next(first)

    def go_on() -> None:
        tell(error_of(first))
        tell([len(list(found)) == items for found in (not_begun, ITERATORS[name](ff))])

    tell(ends_well(in_a_child(go_on)))
    tell(len(list(first)) == items - 1)


def error_of(items: Iterator[object]) -> str:
    """Give the error that taking an item raises."""
    try:
        return f"no error, but {next(items)}"
    except Exception as error:  # noqa: BLE001  it is told
        return f"{error!r}"


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
@pytest.mark.parametrize("name", ITERATORS)
def test_an_iterator_begun_before_a_fork_says_so_in_the_child_at_once_and_goes_on_in_the_parent(
    place: Place, name: str
) -> None:
    ff = place.open()
    put_journaled(ff, *IDS[:10])
    put_new(ff, *IDS[10:], start=10)
    with Worker(place.env, "test_forks", "fork_amid", place.url, name) as worker:
        error, fresh, child_ended_well, parent_went_on = worker.rest()
    assert "was begun in process" in error
    assert "call it again in this one" in error
    assert fresh == [True, True]
    assert child_ended_well
    assert parent_went_on


# Fresh calls in a child


@pytest.fixture
def kept_alive(place: Place, moto: Moto) -> Iterator[Place]:
    """Give a place on a server that keeps its connections open, as S3 does and moto does not."""
    server = FaultyServer(moto.endpoint, lambda request, forward: forward(request))
    place.env["AWS_ENDPOINT_URL"] = server.endpoint
    yield place
    server.stop()


def read_in_parent_and_child(bucket: str, prefix: str) -> None:
    """Read on one connection; tell what either got that is not what it asked for."""
    client = boto3.client("s3", config=Config(max_pool_connections=1, read_timeout=5, retries={"max_attempts": 0}))
    ff = FlashFlood(client, bucket, prefix)

    def read(ids: list[str]) -> None:
        wrong = []
        for event_id in ids:
            try:
                event = ff.get_event(event_id)
            except Exception as error:  # noqa: BLE001  it is told
                wrong.append(repr(error))
            else:
                wrong += [] if event.data == f"data of {event_id}".encode() else [f"{event} for {event_id}"]
        tell(wrong)

    read(IDS[:1])
    child = in_a_child(lambda: read(IDS[::2]))
    read(IDS[1::2])
    tell(ends_well(child))


@ON_MOTO
def test_parent_and_child_each_get_what_they_ask_for(kept_alive: Place) -> None:
    put_journaled(kept_alive.open(), *IDS)
    with Worker(
        kept_alive.env, "test_forks", "read_in_parent_and_child", kept_alive.bucket, kept_alive.prefix
    ) as worker:
        assert worker.rest() == [[], [], [], True]


def fork_often(url: str) -> None:
    """Fork again and again while all threads are busy; each child makes each call."""
    ff = FlashFlood.open(url)
    put_journaled(ff, *IDS)
    is_over = threading.Event()

    def work(name: str) -> None:
        for number in count():
            if is_over.is_set():
                return
            ff.put(b"data", f"{name} {number}", at(100))
            ff.put_many([(b"data", f"{name} {number} {part}", at(100)) for part in range(8)])
            list(ff.get_events(IDS))
            list(ff.replay())

    def make_each_call(name: str) -> None:
        ff.put(b"data", name, at(200))
        assert ff.get_event(name).data == b"data"
        assert ff.put_many([(b"data", f"{name} {part}", at(200)) for part in range(8)]).stored == 8
        assert [event.event_id for event in ff.get_events(IDS)] == IDS
        assert {event.event_id for event in ff.replay()} >= {name, *IDS}
        ff.update_event(name, b"new")
        ff.delete_event(name)

    threads = [threading.Thread(target=work, args=[f"thread {number}"]) for number in range(2)]
    for thread in threads:
        thread.start()
    ended = []
    for number in range(CHILDREN):
        time.sleep(0.05)
        name = f"child {number}"
        ended.append(ends_well(in_a_child(partial(make_each_call, name))))
    is_over.set()
    for thread in threads:
        thread.join()
    tell(ended)


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
def test_a_child_may_make_every_call_though_all_threads_were_busy_when_it_was_forked(place: Place) -> None:
    with Worker(place.env, "test_forks", "fork_often", place.url) as worker:
        assert worker.rest() == [[True] * CHILDREN]


def fork_while_probing(url: str) -> None:
    """Fork while the first put of a thread finds out what the server knows; put in the child."""
    ff = FlashFlood.open(url)
    thread = threading.Thread(target=ff.put, args=[b"data"])
    thread.start()
    wait_for_word()
    tell(ends_well(in_a_child(lambda: ff.put(b"data"))))
    thread.join()


@ON_MOTO
def test_a_child_may_put_though_a_put_was_finding_out_about_the_server_when_it_was_forked(
    place: Place, moto: Moto
) -> None:
    reached, released = threading.Event(), threading.Event()

    def hold_first_probe(request: Request, forward: Forward) -> Answer:
        if CONDITIONAL_PUT in request.path and not reached.is_set():
            reached.set()
            released.wait()
        return forward(request)

    server = FaultyServer(moto.endpoint, hold_first_probe)
    with Worker(
        {**place.env, "AWS_ENDPOINT_URL": server.endpoint}, "test_forks", "fork_while_probing", place.url
    ) as it:
        assert reached.wait(PATIENCE)
        it.go()
        child_ended_well = it.hear()
        released.set()
        assert it.rest() == []
    server.stop()
    assert child_ended_well
    assert len(list(place.open().replay())) == 2
