"""A process is killed at any statement that it sends to a SQLite file, and so in the midst of a request, too.

Nothing that had returned is lost or doubled, the file is sound, and the call can be made again.
"""

import os
import signal
import tempfile
from itertools import count
from pathlib import Path

import pytest
from conftest import copier
from support.processes import Worker, tell
from support.samples import AT_ONCE, at
from test_crashes import CALLS, Call, after_death, prepare

from flashflood import FlashFlood, FlashFloodEventExistsError
from flashflood.records import ledger
from flashflood.store import SqliteStore, databases

LARGE = bytes(300_000)
"""Data of some parts."""
KILLED = CALLS | {
    "put of a large event": Call(
        lambda ff: ff.put(LARGE, "another", at(2.5)), ({}, {"another": LARGE}), (FlashFloodEventExistsError,)
    )
}
MOST = 8
"""How many statements of a call are tried."""


class Mortal(databases._Connection):  # noqa: SLF001 - what each statement goes through
    """A connection of a process that kills itself at one statement."""

    left = 0
    """Statements until then, of all connections."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)  # type: ignore[arg-type]
        self.set_trace_callback(self._count)

    @staticmethod
    def _count(_: str) -> None:
        Mortal.left -= 1
        if Mortal.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def statements_until_end(url: str, name: str, last: int) -> int | None:
    """Make a call in a fork that is killed at statement `last`. None: it was; else how many it made."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        databases._Connection = Mortal  # type: ignore[misc]  # noqa: SLF001
        Mortal.left = last
        KILLED[name].make(FlashFlood.open(url))
        os.write(writing, str(last - Mortal.left).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        _, status = os.waitpid(child, 0)
        assert status in {0, signal.SIGKILL}, status
        return int(told.read()) if status == 0 else None


def kill_at_statements(name: str, most: int) -> None:
    """Try it in a process of its own, each time on a fresh file; tell what was tried."""
    ledger.LEFT_BEHIND = AT_ONCE
    os.fsync = lambda fd: None  # noqa: ARG005
    call = KILLED[name]
    with tempfile.TemporaryDirectory() as folder:
        made_in = Path(folder, "made")
        made_in.mkdir()
        copy = copier("sqlite", made_in, prepare)
        numbers = count()

        def fresh() -> SqliteStore:
            store = copy(Path(folder, f"copy {next(numbers)}"))
            assert isinstance(store, SqliteStore)
            call.before(store)
            return SqliteStore(store.name)

        made = statements_until_end(fresh().name, name, 0)
        assert made
        for last in sorted({1 + made * number // most for number in range(most)}):
            store = fresh()
            died = statements_until_end(store.name, name, last) is None
            assert store.damage() == []
            after_death(store, call, died=died)
            assert store.damage() == []
            tell([last, died])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", KILLED)
def test_after_a_kill_at_any_statement_the_file_is_sound_and_all_is_there_once(name: str) -> None:
    with Worker({}, "test_killed_at_statements", "kill_at_statements", name, MOST) as worker:
        told = worker.rest()
    assert len(told) > MOST // 2
    assert sum(died for _, died in told) > len(told) // 2
