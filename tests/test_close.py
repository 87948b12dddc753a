"""A closed FlashFlood holds nothing open any more, and says so to whoever goes on using it, or what it gave."""

import gc
import os
import re
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest
from conftest import Place
from support.samples import at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Watched, on

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodException
from flashflood.store import Store

AN_HOUR = timedelta(hours=1)
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
A_KIND_OF_EACH = pytest.mark.parametrize("place", ["folder", "sqlite", "moto"], indirect=True)
CLOSED = "is closed: open another one"

CALLS: dict[str, Callable[[FlashFlood], object]] = {
    "put": lambda ff: ff.put(b"late"),
    "put_many": lambda ff: ff.put_many([(b"late", None, None)]),
    "writer": lambda ff: ff.writer(),
    "get_event": lambda ff: ff.get_event("a"),
    "get_events": lambda ff: ff.get_events(["a"]),
    "event_exists": lambda ff: ff.event_exists("a"),
    "update_event": lambda ff: ff.update_event("a", b"late"),
    "delete_event": lambda ff: ff.delete_event("a"),
    "update": lambda ff: ff.update(),
    "journal": lambda ff: ff.journal(0),
    "compact": lambda ff: ff.compact(),
    "combine_journals": lambda ff: ff.combine_journals([]),
    "list_journals": lambda ff: ff.list_journals(),
    "describe_journals": lambda ff: ff.describe_journals(),
    "journal_ids": lambda ff: ff.journal_ids(),
    "new_journals": lambda ff: ff.new_journals(),
    "open_journal": lambda ff: ff.open_journal("x"),
    "stats": lambda ff: ff.stats(),
    "check": lambda ff: ff.check(),
    "repair": lambda ff: ff.repair(),
    "collect_garbage": lambda ff: ff.collect_garbage(),
    "maintain": lambda ff: ff.maintain(),
    "copy_to": lambda ff: ff.copy_to(FlashFlood.open("memory://")),
    "destroy": lambda ff: ff.destroy(),
    "replay": lambda ff: ff.replay(),
    "follow": lambda ff: ff.follow(),
    "replay_batches": lambda ff: ff.replay_batches(),
    "partitions": lambda ff: ff.partitions(),
    "scan_polars": lambda ff: ff.scan_polars(),
    "search": lambda ff: ff.search("events"),
    "list_event_streams": lambda ff: ff.list_event_streams(),
}


def opened(place: Place, monkeypatch: pytest.MonkeyPatch) -> FlashFlood:
    """Open a place by its URL, so that the client is the package's own."""
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return FlashFlood.open(place.url)


def own_threads() -> set[Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("flashflood")}


def open_files() -> set[str]:
    """Give what this process has open in folders of tests. An open socket is a ResourceWarning later."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if "pytest-of" in target:
            found.add(target)
    return found


# What is given back


@A_KIND_OF_EACH
def test_a_closed_one_leaves_no_thread_no_file_and_no_connection_open(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()
    threads, files = own_threads(), open_files()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with opened(place, monkeypatch) as ff:
            ff.put_many([(b"data", str(number), at(number)) for number in range(40)])
            ff.update_event("7", b"new")
            begun = ff.replay(memory_budget=0)
            read = ff.get_events(str(number) for number in range(40))
            assert next(begun).event_id == next(read).event_id == "0"
            with ff.writer() as writer:
                writer.put(b"data")
        assert own_threads() <= threads
        assert open_files() <= files
        del ff, begun, read, writer
        gc.collect()


@ON_SQLITE
def test_the_last_one_that_is_closed_leaves_the_file_alone_in_its_folder(place: Place) -> None:
    with place.open() as ff:
        ff.put(b"data", "a")
        assert len(list(Path(ff._ctx.store.name).parent.glob("*"))) == 3  # noqa: SLF001  with SQLite's log
    path = Path(place.url.removeprefix("sqlite://"))
    assert list(path.parent.iterdir()) == [path]


@ON_MOTO
def test_a_client_that_was_given_is_left_open_and_one_that_was_made_is_closed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = place.client()
    for ff in (
        FlashFlood(client, place.bucket, place.prefix),
        FlashFlood.open(place.url, client=client),
    ):
        with ff:
            ff.put(b"data")
        assert connections_of(client) == 1
    ours = opened(place, monkeypatch)
    made = ours.s3_client
    ours.put(b"data")
    assert connections_of(made) > 0
    ours.close()
    assert connections_of(made) == 0


def connections_of(client: Any) -> int:  # noqa: ANN401  boto3 has no static types
    """Count the servers to which a client keeps connections."""
    return len(client._endpoint.http_session._manager.pools)  # noqa: SLF001  botocore has no public way


def test_a_store_in_memory_is_gone_with_its_close() -> None:
    ff = FlashFlood.open("memory://")
    ff.put(b"data", "a")
    ff.close()
    with pytest.raises(FlashFloodException, match=f"memory:// {CLOSED}"):
        ff.get_event("a")


# What comes after


def test_every_call_has_its_line_here() -> None:
    calls = {name for name in dir(FlashFlood) if not name.startswith("_") and callable(getattr(FlashFlood, name))}
    assert calls == {*CALLS, "open", "close"}


@A_KIND_OF_EACH
def test_after_close_each_call_is_an_error_that_names_the_store_and_makes_no_request(place: Place) -> None:
    counted = Counted(place.store())
    ff = on(counted)
    ff.put(b"data", "a")
    before = len(counted.requests)
    ff.close()
    for call in CALLS.values():
        with pytest.raises(FlashFloodException, match=f"{re.escape(counted.name)} {CLOSED}"):
            call(ff)
    assert len(counted.requests) == before
    assert repr(ff).endswith(", closed>")
    assert contents(place.open().replay()) == {"a": b"data"}


@A_KIND_OF_EACH
def test_close_may_be_called_again_and_by_any_thread(place: Place) -> None:
    ff = place.open()
    ff.put(b"data", "a")
    threads = [Thread(target=ff.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ff.close()
    with pytest.raises(FlashFloodException, match=CLOSED):
        ff.put(b"")


@A_KIND_OF_EACH
def test_two_on_one_place_are_closed_each_for_itself(place: Place) -> None:
    one, other = place.open(), place.open()
    one.put(b"data", "a")
    assert other.get_event("a").data == b"data"
    one.close()
    assert other.get_event("a").data == b"data"


def begin(ff: FlashFlood) -> dict[str, Callable[[], object]]:
    """Begin what can be under way; give what goes on with each, to its end."""
    replay, streams = ff.replay(memory_budget=0), ff.list_event_streams()
    read = ff.get_events(map(str, count()), on_missing="skip")
    batches = pa.RecordBatchReader.from_stream(ff.replay_batches(batch_size=1, memory_budget=0))
    listed, journal = ff.journal_ids(), ff.open_journal(next(ff.journal_ids()))
    for begun in (replay, batches, read, streams):
        next(begun)
    return {
        "replay": lambda: list(replay),
        "replay_batches": batches.read_all,
        "get_events": lambda: list(read),
        "list_event_streams": lambda: list(streams),
        "journal_ids, not begun": lambda: list(listed),
        "a journal": lambda: journal.get_event("0"),
        "its body": journal.body.read,
        "a partition": ff.partitions()[0].events().__next__,
    }


@A_KIND_OF_EACH
def test_what_is_under_way_ends_with_the_error_and_never_as_if_that_were_all(place: Place) -> None:
    ff = place.open()
    for first in range(0, 36, 3):
        ff.put_many([(b"data", str(number), at(number)) for number in range(first, first + 3)])
    begun = begin(ff)
    ff.close()
    for name, go_on in begun.items():
        with pytest.raises((FlashFloodException, pa.ArrowException, OSError), match=CLOSED):
            pytest.fail(f"{name} ended: {go_on()!r:.80}")


@ON_FOLDER
def test_a_call_of_another_thread_ends_with_the_error_or_has_done_its_work(place: Place) -> None:
    ff = place.open()
    told: list[str] = []
    failed: list[Exception] = []
    some = Flag()

    def put() -> None:
        try:
            for number in count():
                told.append(ff.put(b"data", str(number)).event_id)
                some.set()
        except Exception as error:  # noqa: BLE001  it is looked at
            failed.append(error)

    thread = Thread(target=put)
    thread.start()
    some.wait()
    ff.close()
    thread.join()
    assert [type(error) for error in failed] == [FlashFloodException]
    assert CLOSED in str(failed[0])
    assert set(told) <= set(contents(place.open().replay()))


class Slow(Watched):
    """Lets the requests for blobs wait until it is told to go on."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.is_asked, self.goes_on = Flag(), Flag()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "get" and key.startswith("blobs/"):
            self.is_asked.set()
            self.goes_on.wait()
        return send()


@ON_FOLDER
def test_it_waits_for_requests_under_way_on_its_own_threads(place: Place) -> None:
    with place.open() as ff:
        put_journaled(ff, "a", "b")
    gc.collect()
    threads = own_threads()
    store = Slow(place.store())
    ff = on(store)
    replay = ff.replay()
    failed: list[Exception] = []

    def ask() -> None:
        try:
            list(replay)
        except FlashFloodException as error:
            failed.append(error)

    asking = Thread(target=ask)
    asking.start()
    store.is_asked.wait()
    closing = Thread(target=ff.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    store.goes_on.set()
    closing.join()
    asking.join()
    assert own_threads() == threads
    assert len(failed) <= 1  # none, where it had asked for all


@ON_FOLDER
def test_on_one_of_its_own_threads_it_waits_for_none(place: Place) -> None:
    ff = on(place.store())
    read = ff.get_events(map(str, count()), on_missing="skip")
    asking = Thread(target=lambda: ended.append(ends(read)))
    ended: list[str] = []
    asking.start()
    ff._ctx.requests.work(ff.close).result(timeout=60)  # noqa: SLF001  as a function of a filter would call it
    asking.join(60)
    assert [CLOSED in message for message in ended] == [True]


def ends(items: Iterator[object]) -> str:
    """Take all items; give the error that ends them."""
    try:
        return f"{len(list(items))} items"
    except FlashFloodException as error:
        return str(error)


# Writers


@A_KIND_OF_EACH
def test_what_waits_in_writers_is_stored_first(place: Place) -> None:
    with place.open() as ff:
        one, other = ff.writer(linger=AN_HOUR), ff.writer(linger=AN_HOUR)
        futures = [one.put(b"1", "a"), other.put(b"2", "b")]
    assert [future.result().event_id for future in futures] == ["a", "b"]
    assert contents(place.open().replay()) == {"a": b"1", "b": b"2"}
    with pytest.raises(FlashFloodException, match="'late' was put into a writer that is closed"):
        one.put(b"", "late")


@ON_FOLDER
def test_what_a_writer_failed_to_store_is_raised_and_it_is_closed_all_the_same(place: Place) -> None:
    put_new(place.open(), "taken")
    ff = place.open()
    writer = ff.writer()
    writer.put(b"", "taken")
    with pytest.raises(FlashFloodEventExistsError, match="taken"):
        ff.close()
    ff.close()
    with pytest.raises(FlashFloodException, match=CLOSED):
        ff.put(b"")


@ON_FOLDER
def test_an_exception_that_leaves_the_with_stays_itself_and_has_a_note_of_what_failed(place: Place) -> None:
    put_new(place.open(), "taken")
    ff = place.open()
    writer = ff.writer()
    with pytest.raises(LookupError) as caught, ff:  # noqa: PT012  what leaves the block is looked at
        writer.put(b"", "taken")
        raise LookupError
    assert "FlashFloodEventExistsError" in caught.value.__notes__[0]
    with pytest.raises(FlashFloodException, match=CLOSED):
        ff.put(b"")


@ON_FOLDER
def test_in_a_callback_of_a_writers_future_it_is_refused_and_nothing_is_lost(place: Place) -> None:
    ff = place.open()
    refused: list[str] = []

    def close(_: Future[Event]) -> None:
        try:
            ff.close()
        except FlashFloodException as error:
            refused.append(str(error))

    with ff.writer(linger=AN_HOUR) as writer:
        writer.put(b"1", "a").add_done_callback(close)
        writer.put(b"2", "b")
    assert ["callback" in message for message in refused] == [True]
    assert contents(ff.replay()) == {"a": b"1", "b": b"2"}


# Forks and copies


@A_KIND_OF_EACH
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_closes_what_is_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ff = opened(place, monkeypatch)
    ff.put(b"data", "a")
    writer = ff.writer(linger=AN_HOUR)
    future = writer.put(b"more", "b")
    child = os.fork()
    if child == 0:
        try:
            ff.close()
        finally:
            os._exit(0 if ff._context.is_closed else 1)  # noqa: SLF001
    assert os.waitpid(child, 0)[1] == 0
    assert not future.done()
    assert ff.get_event("a").data == b"data"
    ff.close()
    assert contents(place.open().replay()) == {"a": b"data", "b": b"more"}


def test_a_dry_run_and_a_copy_of_it_hold_nothing_more(tmp_path: Path) -> None:
    ff = FlashFlood.open(tmp_path / "a.flashflood")
    ff.put(b"data", "a")
    ff.repair(dry_run=True)
    with FlashFlood.open(tmp_path / "b.flashflood") as other:
        ff.copy_to(other)
    assert contents(ff.replay()) == {"a": b"data"}
    ff.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flashflood", "b.flashflood"]
    with sqlite3.connect(tmp_path / "a.flashflood") as connection:
        assert connection.execute("SELECT count(*) FROM objects").fetchone()[0] > 0
    connection.close()
