"""What the calls cost in a SQLite file, in a folder, and in the table that a user would otherwise make, as they grow.

    python benches/embedded.py [--quick | --events 10000000]

Each store is filled by `put_many`; then each call is made a hundred times, in processes of their own, and its results
are looked at there. Every write is on the disk before it returns. Replay is measured beside the S3 store's and its
floor, in one run. The figures go to docs/benchmarks.json. `--quick` is small, and keeps nothing; nor does `--events`,
which tells what a SQLite file of so many events comes to.
"""

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol

from contenders import EVENT_SIZE, insist
from datasets import Dataset, fill, items
from events import BEGIN, Made, event_data, event_id
from measuring import FEW_RUNS, MANY_RUNS, Bench, Contender, Requests, Row, Stages, machine, save
from stores import BENCHES, moto

from flashflood import FlashFlood
from flashflood.store import open_store

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGEST_FOLDER = 100_000
"""Events in a folder at most: four files each."""
CALLS = 100
"""How often each call is made; as many events are then journaled."""
TOGETHER = 20_000
"""Events that one measured `put_many` stores."""
MANY = 5_000
"""Events in one transaction of the table; in one journal where replay is measured beside S3."""
HOUR = 1_000
"""Events that are dated within one hour."""


class Side(Protocol):
    """A store, by the calls that are measured."""

    def put(self, event: Made) -> object:
        """Store an event."""

    def put_many(self, events: Iterable[Made]) -> object:
        """Store many."""

    def get(self, name: str) -> bytes:
        """Read an event's data."""

    def exists(self, name: str) -> bool:
        """Say whether there is an event of this id."""

    def update(self, name: str, data: bytes) -> object:
        """Give an event new data."""

    def delete(self, name: str) -> object:
        """Delete an event."""

    def replay(self, after: datetime, until: datetime) -> Iterator[bytes]:
        """Give the data of the events between two dates, in order."""


class Flood:
    """A store of ours."""

    def __init__(self, url: str) -> None:
        """Open it."""
        self.ff = FlashFlood.open(url)

    def put(self, event: Made) -> object:
        """Store an event."""
        name, date, data = event
        return self.ff.put(data, name, date)

    def put_many(self, events: Iterable[Made]) -> object:
        """Store many."""
        return self.ff.put_many((data, name, date) for name, date, data in events)

    def get(self, name: str) -> bytes:
        """Read an event's data."""
        return self.ff.get_event(name).data

    def exists(self, name: str) -> bool:
        """Say whether there is an event of this id."""
        return self.ff.event_exists(name)

    def update(self, name: str, data: bytes) -> object:
        """Give an event new data."""
        return self.ff.update_event(name, data)

    def delete(self, name: str) -> object:
        """Delete an event."""
        return self.ff.delete_event(name)

    def replay(self, after: datetime, until: datetime) -> Iterator[bytes]:
        """Give the data of the events between two dates, in order."""
        return (event.data for event in self.ff.replay(after, until))


class Table:
    """A table with an index by date: one writer, and nothing of journals."""

    def __init__(self, path: str) -> None:
        """Open it."""
        self._file = sqlite3.connect(path, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE IF NOT EXISTS events(id TEXT PRIMARY KEY, date TEXT NOT NULL, data BLOB NOT NULL)",
            "CREATE INDEX IF NOT EXISTS by_date ON events(date)",
        ):
            self._file.execute(statement)

    def put(self, event: Made) -> object:
        """Store an event."""
        return self._file.execute("INSERT INTO events VALUES (?, ?, ?)", _row(event))

    def put_many(self, events: Iterable[Made]) -> object:
        """Store many, some thousand in each transaction."""
        rows = map(_row, events)
        while batch := list(islice(rows, MANY)):
            self._file.execute("BEGIN")
            self._file.executemany("INSERT INTO events VALUES (?, ?, ?)", batch)
            self._file.execute("COMMIT")
        return None

    def get(self, name: str) -> bytes:
        """Read an event's data."""
        ((data,),) = self._file.execute("SELECT data FROM events WHERE id = ?", (name,))
        return bytes(data)

    def exists(self, name: str) -> bool:
        """Say whether there is an event of this id."""
        return self._file.execute("SELECT 1 FROM events WHERE id = ?", (name,)).fetchone() is not None

    def update(self, name: str, data: bytes) -> object:
        """Give an event new data."""
        return self._file.execute("UPDATE events SET data = ? WHERE id = ?", (data, name))

    def delete(self, name: str) -> object:
        """Delete an event."""
        return self._file.execute("DELETE FROM events WHERE id = ?", (name,))

    def replay(self, after: datetime, until: datetime) -> Iterator[bytes]:
        """Give the data of the events between two dates, in order."""
        statement = "SELECT data FROM events WHERE date > ? AND date <= ? ORDER BY date, id"
        return (data for (data,) in self._file.execute(statement, (after.isoformat(), until.isoformat())))


def _row(event: Made) -> tuple[str, str, bytes]:
    name, date, data = event
    return name, date.isoformat(), data


SIDES: dict[str, tuple[Callable[[str], Side], str]] = {
    "SQLite file": (Flood, "events.flashflood"),
    "folder": (Flood, "events/"),
    "table": (Table, "events.db"),
}
"""How each side is opened, and what it is called in its folder."""


def event(number: int) -> Made:
    """Give an event."""
    return event_id(number), date(number), event_data(number, EVENT_SIZE)


def date(number: int) -> datetime:
    """Give an event's date."""
    return BEGIN + number * timedelta(hours=1) / HOUR


def filling(side: Side, stages: Stages, events: int) -> None:
    """Fill a store, with a journal for each hour, but for the last events, which are put together and measured."""
    measured = min(events, TOGETHER)
    for begin in range(0, events - measured, HOUR):
        side.put_many([event(number) for number in range(begin, begin + HOUR)])
    last = [event(number) for number in range(events - measured, events)]
    with stages.measured("put_many", measured):
        side.put_many(last)


def calling(side: Side, stages: Stages, events: int, run: int) -> None:
    """Make each call so often, on events that are there and on new ones, which are dated after all others."""
    some = random.Random(run).sample(range(events), CALLS)  # noqa: S311  no secret
    names = [event_id(number) for number in some]
    first = events + run * CALLS
    fresh = [event(number) for number in range(first, first + CALLS)]
    with stages.measured("put", CALLS):
        for one in fresh:
            side.put(one)
    with stages.measured("get_event", CALLS):
        found = [side.get(name) for name in names]
    insist(found == [event_data(number, EVENT_SIZE) for number in some], "data")
    with stages.measured("event_exists", CALLS):
        found_all = all(side.exists(name) for name in names)
    insist(found_all and not side.exists("another id"), "which events exist")
    if isinstance(side, Flood):
        _journaling(side.ff, stages)
    with stages.measured("update_event", CALLS):
        for name, _, _ in fresh:
            side.update(name, b"new data")
    if isinstance(side, Flood):
        with stages.measured("update, of 100", 1):
            applied = side.ff.update()
        insist(applied == CALLS, f"{applied} updates applied")
    insist({side.get(name) for name, _, _ in fresh} == {b"new data"}, "data after the update")
    with stages.measured("delete_event", CALLS):
        for name, _, _ in fresh:
            side.delete(name)
    insist(not any(side.exists(name) for name, _, _ in fresh), "deleted events are gone")
    begin = random.Random(run).randrange(events - HOUR + 1)  # noqa: S311  as above
    with stages.measured("replay of an hour", 1):
        replayed = list(side.replay(date(begin - 1), date(begin + HOUR - 1)))
    insist(replayed == [event_data(number, EVENT_SIZE) for number in range(begin, begin + HOUR)], "replayed data")


def _journaling(ff: FlashFlood, stages: Stages) -> None:
    ff.update()  # the run before has deleted events
    with stages.measured("journal(100)", 1):
        ff.journal(CALLS)
    insist(not list(ff.new_journals()), "all new events are journaled")
    with stages.measured("list_journals", 1):
        journals = list(ff.list_journals(date(0), date(HOUR)))
    insist(bool(journals), "journals")


def levels(sizes: Iterable[int], runs: int, sides: Iterable[str]) -> list[Row]:
    """Fill each side to each size, and call it in so many runs, in turn with the others."""
    rows: dict[tuple[int, str, str], Row] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=BENCHES.parent / "build") as folder:
            here = [side for side in sides if side != "folder" or size <= LARGEST_FOLDER]
            for run in range(-1, runs):
                for side in here:
                    for stage, figures in _worked(side, folder, size, run).items():
                        new = Row("embedded", f"{size:,}", "", 0, side, stage)
                        rows.setdefault((size, side, stage), new).runs.append(figures)
                    sys.stderr.write(f"{size:,} events, {side}, run {run}\n")
            for side in here:
                used = sum(path.stat().st_blocks for path in Path(folder).rglob(f"{SIDES[side][1].rstrip('/')}*"))
                rows[size, side, "put_many"].runs[0]["bytes"] = used * 512
    return list(rows.values())


def _worked(side: str, folder: str, size: int, run: int) -> dict[str, dict[str, float]]:
    command = [sys.executable, __file__, "--work", side, folder, str(size), str(run)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, dict[str, float]] = json.loads(done.stderr.splitlines()[-1])
    return found


def work(name: str, folder: str, size: int, run: int) -> None:
    """Fill a store, or call it, and tell the figures."""
    opening, path = SIDES[name]
    side = opening(str(Path(folder)) + "/" + path)
    stages = Stages(Requests())
    if run < 0:
        filling(side, stages, size)
    else:
        calling(side, stages, size, run)
    stages.report()


def replays(runs: int, part: int) -> list[Row]:
    """Replay the same events from S3, from a SQLite file and from a folder, beside the floor."""
    journals = 20 // part
    dataset = Dataset(journals * MANY, EVENT_SIZE, journals)
    bench = Bench("contenders.py", runs)
    with tempfile.TemporaryDirectory(dir=BENCHES.parent / "build") as folder, moto() as server:
        given = {"events": dataset.events, "size": dataset.size}
        contenders = [Contender("floor", "replay", given), Contender("ours", "replay", given)]
        for path in ("events.flashflood", "events/"):
            url = f"{folder}/{path}"
            store = open_store(url)
            for item in items(dataset):
                store.put(item.key, item.body, metadata=item.metadata)
            store.flush()
            contenders.append(Contender("ours", "replay_of", {**given, "url": url}))
        bench.alternate(server, "embedded replay", dataset.name, contenders, fill(server, dataset))
    return bench.rows


def tell(rows: Iterable[Row]) -> None:
    """Say what each call took."""
    for row in rows:
        each = row.each("wall") * 1e3
        sys.stdout.write(f"{row.case} events, {row.side}: {row.stage} {each:.3f} ms, {1e3 / each:,.0f} a second\n")


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small stores, once; keep nothing")
    parser.add_argument("--events", type=int, help="only a SQLite file of so many events; keep nothing")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    (BENCHES.parent / "build").mkdir(exist_ok=True)
    if given.work:
        side, folder, size, run = given.work
        work(side, folder, int(size), int(run))
    elif given.events:
        tell(levels([given.events], FEW_RUNS, ["SQLite file"]))
    elif given.quick:
        tell([*levels(SIZES[:2], 1, SIDES), *replays(1, 10)])
    else:
        save("embedded", machine([]), [*levels(SIZES, FEW_RUNS, SIDES), *replays(MANY_RUNS, 1)])


if __name__ == "__main__":
    main()
