"""One iterator in several threads: each item goes to one of them, and all of them hear of a failure."""

from collections.abc import Callable, Generator, Iterator
from operator import itemgetter
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pyarrow as pa
import pytest
from conftest import Place
from support.samples import at, put_new

from flashflood import FlashFlood, FlashFloodException, replay_event_stream
from flashflood.turns import SharedLists

THREADS = 6
BATCHES = 5
EVENTS = 30
"""In a batch."""
SMALL = 8_000
"""A memory budget that makes windows of a thousand bytes."""
MISSING = "no such event"

IN_A_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def rows(ff: FlashFlood) -> Iterator[str]:
    """Give the id in each record batch of one row."""
    reader: Iterator[pa.RecordBatch] = pa.RecordBatchReader.from_stream(ff.replay_batches(batch_size=1))
    return map(id_of, reader)


def id_of(batch: pa.RecordBatch) -> str:
    event_id: str = batch.column("event_id")[0].as_py()
    return event_id


ITERATORS: dict[str, Callable[[FlashFlood], Iterator[Any]]] = {
    "replay": lambda ff: ff.replay(memory_budget=SMALL),
    "replay_in_a_loop": lambda ff: iter(ff.replay(memory_budget=SMALL)),
    "replay_with_a_filter": lambda ff: iter(ff.replay(filter="n != `7`")),
    "get_events": lambda ff: ff.get_events([event.event_id for event in ff.replay()]),
    "list_journals": lambda ff: ff.list_journals(),
    "list_event_streams": lambda ff: map(itemgetter("journal_id"), ff.list_event_streams()),
    "journal_ids": lambda ff: ff.journal_ids(),
    "new_journals": lambda ff: ff.new_journals(),
    "replay_batches": rows,
    "replay_event_stream": lambda ff: replay_event_stream(next(ff.list_event_streams()), allow_file_urls="/"),
}


def shared_out(items: Iterator[Any]) -> tuple[list[Any], list[Exception | None]]:
    """Let threads take all items; give what they took, and what ended each of them: an error, or None."""
    taken: list[Any] = []
    ends: list[Exception | None] = []
    together = Barrier(THREADS)

    def take() -> None:
        together.wait()
        try:
            for item in items:
                taken.append(item)  # noqa: PERF402  not at once: all of them shall take some
        except Exception as error:  # noqa: BLE001  it is told
            ends.append(error)
        else:
            ends.append(None)

    threads = [Thread(target=take) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, ends


@pytest.fixture
def filled(place: Place) -> FlashFlood:
    """Put batches, and a new event for each."""
    ff = place.open()
    for batch in range(BATCHES):
        minute = batch * EVENTS
        ff.put_many(({"n": number}, f"{batch}-{number}", at(minute + number)) for number in range(EVENTS))
        put_new(ff, f"{batch}-new", start=minute + 1)
    return ff


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
@pytest.mark.parametrize("name", ITERATORS)
def test_threads_that_share_an_iterator_take_each_item_once(filled: FlashFlood, name: str) -> None:
    expected = list(ITERATORS[name](filled))
    for _ in range(3):
        taken, ends = shared_out(ITERATORS[name](filled))
        assert ends == [None] * THREADS
        assert sorted(taken) == sorted(expected)


def lose_a_blob(ff: FlashFlood, folder: Path) -> None:
    """Delete the data of the journal in the middle."""
    journal_ids = [journal_id for journal_id in ff.list_journals() if journal_id.start_date != journal_id.end_date]
    (folder / "blobs" / journal_ids[BATCHES // 2].blob_id).unlink()


def break_a_manifest(ff: FlashFlood, folder: Path) -> None:
    """Cut the manifest of the last journal."""
    *_, last = ff.list_journals()
    (folder / "journals" / last).write_bytes(b"{")


@IN_A_FOLDER
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("replay", lose_a_blob),
        ("replay_in_a_loop", lose_a_blob),
        ("list_event_streams", break_a_manifest),
    ],
)
def test_where_an_iterator_fails_no_thread_takes_it_for_the_end(
    place: Place, filled: FlashFlood, name: str, harm: Callable[[FlashFlood, Path], None]
) -> None:
    harm(filled, Path(place.url))
    taken, ends = shared_out(ITERATORS[name](filled))
    assert 0 < len(taken) == len(set(map(str, taken)))
    assert all(isinstance(error, FlashFloodException) for error in ends), ends


@IN_A_FOLDER
def test_where_get_events_finds_no_event_no_thread_takes_it_for_the_end(filled: FlashFlood) -> None:
    ids = [f"{batch}-new" for batch in range(BATCHES)]
    taken, ends = shared_out(filled.get_events([*ids, MISSING, *ids]))
    assert sorted(event.event_id for event in taken) == sorted(ids)
    assert all(MISSING in str(error) for error in ends), ends


@IN_A_FOLDER
def test_an_iterator_that_was_interrupted_says_so_and_does_not_end_early(filled: FlashFlood) -> None:
    def ids() -> Iterator[str]:
        yield "0-new"
        raise KeyboardInterrupt

    events = filled.get_events(ids())
    with pytest.raises(KeyboardInterrupt):
        next(events)
    for _ in range(2):
        with pytest.raises(FlashFloodException, match=r"get_events was interrupted.*call it again"):
            next(events)


@IN_A_FOLDER
def test_an_iterator_that_is_asked_for_an_item_while_it_makes_one_says_so(filled: FlashFlood) -> None:
    def ids() -> Iterator[str]:
        with pytest.raises(FlashFloodException, match="get_events was asked for an item while"):
            next(events)
        yield "0-new"

    events = filled.get_events(ids())
    assert [event.event_id for event in events] == ["0-new"]


@IN_A_FOLDER
def test_a_closed_replay_gives_no_thread_anything(filled: FlashFlood) -> None:
    replay = filled.replay()
    next(replay)
    next(replay)
    replay.close()
    assert shared_out(replay) == ([], [None] * THREADS)


def test_threads_that_share_lists_take_each_item_once_and_all_hear_of_a_failure() -> None:
    made = [list(range(4 * number, 4 * number + number % 4)) for number in range(3_000)]

    def lists(*, fails: bool) -> Generator[list[int], None, None]:
        yield from made
        if fails:
            raise FlashFloodException

    for fails in (False, True):
        taken, ends = shared_out(SharedLists(lists(fails=fails), "a test"))
        assert sorted(taken) == [item for items in made for item in items]
        assert [error is not None for error in ends] == [fails] * THREADS
