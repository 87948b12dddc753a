"""Calls work while the interpreter ends: in atexit's functions, in a log handler's flush, in a thread that goes on."""

import atexit
import logging
import threading
import time
from collections.abc import Callable

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import at, put_journaled, put_new

from flashflood import FlashFlood, replay_event_stream

IDS = [f"id {number}" for number in range(60)]


def write(ff: FlashFlood) -> list[str]:
    """Put through a writer."""
    with ff.writer() as writer:
        futures = [writer.put(b"data", f"written {number}", at(102)) for number in range(3)]
    return [future.result().event_id for future in futures]


CALLS: dict[str, Callable[[FlashFlood], object]] = {
    "get_event": lambda ff: ff.get_event(IDS[0]).event_id,
    "event_exists": lambda ff: ff.event_exists(IDS[0]),
    "get_events": lambda ff: len(list(ff.get_events(IDS))),
    "replay": lambda ff: len(list(ff.replay())),
    "replay_with_a_filter": lambda ff: len(list(ff.replay(filter="foo"))),
    "search": lambda ff: ff.search("length(events)", at(-1), at(-0.5)),
    "list_journals": lambda ff: len(list(ff.list_journals())),
    "list_event_streams": lambda ff: len(list(ff.list_event_streams())),
    "replay_event_stream": lambda ff: len(
        list(replay_event_stream(next(ff.list_event_streams()), allow_file_urls="/"))
    ),
    "put": lambda ff: ff.put(b"data", "late", at(100)).event_id,
    "put_many": lambda ff: ff.put_many((b"data", f"late {number}", at(101)) for number in range(40)).stored,
    "writer": write,
    "update_event": lambda ff: ff.update_event("late", b"new"),
    "delete_event": lambda ff: ff.delete_event("late 1"),
    "journal": lambda ff: ff.journal(20),
    "update": lambda ff: ff.update(None) is not None,
    "check": lambda ff: ff.check(),
}

RESULTS = [
    IDS[0],
    True,
    60,
    60,
    0,
    0,
    21,
    21,
    40,
    "late",
    40,
    ["written 0", "written 1", "written 2"],
    None,
    None,
    20,
    True,
    [],
]


def call_at_the_end(url: str, when: str) -> None:
    """Begin a replay and `get_events`; when the interpreter ends, go on with them, and make each call."""
    ff = FlashFlood.open(url)
    events, read = ff.replay(), ff.get_events(IDS)
    begun = [next(events), next(read)]

    def at_the_end() -> None:
        tell(len(begun))
        tell([len(list(events)), len(list(read))])
        tell([call(ff) for call in CALLS.values()])

    class AtFlush(logging.Handler):
        def flush(self) -> None:
            if begun:
                at_the_end()
                begun.clear()

    def outlive() -> None:
        threading.main_thread().join()
        time.sleep(0.2)  # until no thread takes anything on any more
        at_the_end()

    match when:
        case "atexit":
            atexit.register(at_the_end)
        case "flush":
            logging.getLogger().addHandler(AtFlush())
        case "thread":
            threading.Thread(target=outlive).start()


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
@pytest.mark.parametrize("when", ["atexit", "flush", "thread"])
def test_every_call_works_while_the_interpreter_ends(place: Place, when: str) -> None:
    ff = place.open()
    put_journaled(ff, *IDS[:40])
    put_new(ff, *IDS[40:], start=40)
    with Worker(place.env, "test_interpreter_end", "call_at_the_end", place.url, when) as worker:
        assert worker.rest() == [2, [59, 59], RESULTS]
