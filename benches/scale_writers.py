"""The calls of benches/scale.py with many threads and processes on one store.

Of several processes only the wall clock tells something: requests and CPU are those of the one that waits for them.
"""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

from contenders import insist
from stores import BUCKET, formula_at
from stretches import PREFIX, Calls, Stretch

from flashflood import FlashFlood, FlashFloodJournalingError

SIZE = 100
"""Bytes of an event."""
EVENTS = (2_000, 4_000)
SHARES = 40
"""Calls of `journal` that combine all new events."""
LINGER = timedelta(milliseconds=20)


def one(_: int) -> list[Stretch]:
    """Give a store of one journal."""
    return [Stretch(journals=1, every=60, size=SIZE)]


def new(events: int) -> list[Stretch]:
    """Give a store of so many new events."""
    return [Stretch(journals=events, every=1, size=SIZE, kind="new")]


def put_from(threads: int) -> Callable[[FlashFlood, int], None]:
    """Give a call that puts so many events, shared out among threads."""

    def put(ff: FlashFlood, events: int) -> None:
        _in_threads(threads, events, lambda: ff.put(b"x" * SIZE))
        insist(sum(1 for _ in ff.replay()) == events + 1, "events")

    return put


def write_from(threads: int) -> Callable[[FlashFlood, int], None]:
    """Give a call that puts so many events through a writer."""

    def write(ff: FlashFlood, events: int) -> None:
        with ff.writer(linger=LINGER) as writer:
            _in_threads(threads, events, lambda: writer.put(b"x" * SIZE))
        insist(sum(1 for _ in ff.replay()) == events + 1, "events")

    return write


def journal_by(processes: int) -> Callable[[FlashFlood, int], None]:
    """Give a call that lets so many processes journal until there is nothing left."""

    def journal(ff: FlashFlood, events: int) -> None:
        command = [sys.executable, __file__, ff.s3_client.meta.endpoint_url, str(max(1, events // SHARES))]
        working = [subprocess.Popen(command) for _ in range(processes)]
        insist([each.wait() for each in working] == [0] * processes, "a process failed")
        insist(sum(1 for _ in ff.list_journals()) == min(events, SHARES), "journals")
        insist(sum(1 for _ in ff.replay()) == events, "events")

    return journal


def _in_threads(threads: int, events: int, call: Callable[[], object]) -> None:
    def work(first: int) -> None:
        for _ in range(first, events, threads):
            call()

    working = [threading.Thread(target=work, args=[first]) for first in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()


CALLS: Calls = {
    **{f"put from {threads} threads": (one, EVENTS, put_from(threads)) for threads in (8, 40, 80)},
    "a writer, from 8 threads": (one, EVENTS, write_from(8)),
    **{
        f"new events, journaled in {SHARES} calls by {processes} processes": (new, EVENTS, journal_by(processes))
        for processes in (1, 2, 4)
    },
}


def main(endpoint: str, share: str) -> None:
    """Journal until there are too few events."""
    ff = FlashFlood(formula_at(endpoint).client(), BUCKET, PREFIX)
    try:
        while True:
            ff.journal(int(share))
    except FlashFloodJournalingError:
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
