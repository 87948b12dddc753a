"""Ending when asked to: what is under way is finished first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """Give an event that is set once a signal asks this process to end. A second signal ends it as usual.

    A signal that is ignored, as `nohup` has it, stays so.
    """
    stop = threading.Event()
    asked: SimpleQueue[int | None] = SimpleQueue()
    """A handler may come while this thread holds the event's lock; a `SimpleQueue` is made for that."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    former = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

    def ask(number: int, _frame: FrameType | None) -> None:
        restore()
        asked.put(number)

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def wait() -> None:
        if asked.get() is not None:
            stop.set()

    watcher = threading.Thread(target=wait)
    watcher.start()
    for number in former:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()
        asked.put(None)
        watcher.join()
