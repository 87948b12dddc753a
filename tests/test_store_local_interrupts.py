"""Ctrl-C at any moment of a request to a folder: it comes out as KeyboardInterrupt, and nothing stays open."""

import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.processes import Worker, tell

from flashflood.store import LocalStore

INTERRUPTS = 800
LATEST = 0.004
"""Seconds after which an interrupt comes at the latest, amid the tenth request or so."""


def put_and_delete(store: LocalStore, key: str) -> None:
    store.put(key, b"data")
    store.delete([key])


REQUESTS: dict[str, Callable[[LocalStore, str], object]] = {
    "put": lambda store, _: store.put("there", b"data", metadata={"a": "b"}),
    "create": lambda store, key: store.create(key, b"data"),
    "get": lambda store, _: store.get("there"),
    "list": lambda store, _: store.list("", None),
    "delete": put_and_delete,
    "mark_garbage": lambda store, _: store.mark_garbage("there"),
}


def interrupt_requests(folder: str, name: str) -> None:
    """Interrupt requests at random moments; tell what they raised, what nobody could catch, and the files open."""
    pytest.MonkeyPatch().setattr(os, "fsync", lambda _: None)  # it would be what is interrupted nearly always
    uncaught: list[str] = []
    sys.unraisablehook = lambda found: uncaught.append(repr(found.exc_value))
    store = LocalStore(folder)
    store.put("there", b"data")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    raised: Counter[str] = Counter()
    for number in range(INTERRUPTS):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, LATEST))  # noqa: S311  no secret
            for again in range(1000):
                REQUESTS[name](store, f"key {number}/{again}")
        except KeyboardInterrupt:
            raised["KeyboardInterrupt()"] += 1
        except Exception as error:  # noqa: BLE001  whatever it is, it is told
            raised[repr(error)] += 1
    tell([raised, uncaught, len(list(Path("/dev/fd").iterdir()))])


@pytest.mark.parametrize("name", REQUESTS)
def test_an_interrupted_request_to_a_folder_raises_keyboard_interrupt_and_leaves_no_file_open(
    tmp_path: Path, name: str
) -> None:
    with Worker({}, "test_store_local_interrupts", "interrupt_requests", str(tmp_path / "store"), name) as worker:
        raised, uncaught, still_open = worker.hear()
    # One that comes while the garbage collector clears up after an earlier one, Python cannot raise.
    assert set(raised) | set(uncaught) == {"KeyboardInterrupt()"}
    assert raised["KeyboardInterrupt()"] + len(uncaught) == INTERRUPTS
    assert len(uncaught) < INTERRUPTS // 10
    assert still_open < INTERRUPTS // 10
