"""What `journal` takes of memory for a large backlog of new events, each a journal of its own.

    python benches/backlog.py

The store is made up: it gives the new journals as if they had been put, and looks at what is written. So the figures
are for all but the requests, of which as many would take hours on a real server on this machine. Each size runs in a
process of its own; its results are checked there. The figures go to docs/benchmarks.json.
"""

import json
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from contenders import EVENT_SIZE, insist
from events import event_data, event_date, event_id
from measuring import Requests, Row, Stages, machine, save

from flashflood import layout
from flashflood._core import Manifest, format_timestamp
from flashflood._core import Row as ManifestRow
from flashflood.context import Context
from flashflood.identifiers import NEW, JournalID
from flashflood.maintain.journal import journal
from flashflood.store.protocol import Body, Entry, Found, Page, Unused

SIZES = (100_000, 300_000)
RUNS = 3
WORKERS = 32
PAGE = 1_000
MADE = datetime(2020, 1, 1, tzinfo=UTC)


class Backlog:
    """A store with so many new journals of one event each, as `flashflood.store.protocol.Store` describes stores."""

    name = "backlog"
    address = None
    root_prefix = ""
    workers = WORKERS
    is_near = False
    keys_per_listing = 400

    def __init__(self, events: int, kept: Path) -> None:
        """Have the events with the first numbers; keep the new manifest in a file, out of memory."""
        self._events = events
        self._ledger: list[str] = []
        self._kept = kept
        self.written = 0
        """Bytes of the new blob."""
        self.made: list[JournalID] = []
        """The new journals."""

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Make up a new journal's manifest or blob; there is nothing else to read."""
        if not key.startswith((layout.JOURNALS, layout.BLOBS)):
            return None
        number = _number(key)
        data = event_data(number, EVENT_SIZE)
        if key.startswith(layout.BLOBS):
            return Found(data[start:stop], {}, MADE)
        journal_id = _journal_id(number)
        row = ManifestRow(event_id(number), journal_id.start, 0, len(data), 1, 1)
        return Found(Manifest.of_rows(journal_id, [row], len(data)).encode(), {}, MADE)

    def head(self, key: str, /) -> Found | None:
        """Say the same as `get`."""
        return self.get(key)

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,  # noqa: ARG002  nobody reads it
        garbage: bool = False,  # noqa: ARG002
    ) -> None:
        """Look at the blob's bytes, and note the ledger entry's key."""
        if key.startswith(layout.LEDGER):
            self._ledger.append(key)
        if key.startswith(layout.BLOBS):
            for piece in [body] if isinstance(body, Body) else body:
                self._look_at(piece)

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:  # noqa: ARG002
        """Keep the new manifest."""
        if key.startswith(layout.JOURNALS):
            self.made.append(JournalID.from_key(key))
            self._kept.write_bytes(body)
        return True

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Create none."""
        return [False] * len(objects)

    def delete(self, keys: Sequence[str], /) -> None:
        """Forget the ledger entry."""
        self._ledger = [key for key in self._ledger if key not in keys]

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """List the new journals, or the ledger."""
        if not prefix.startswith(layout.JOURNALS):
            entries = [Entry(key, 0, MADE) for key in self._ledger if key.startswith(prefix)]
            return Page(entries, more=False, date=MADE)
        first = bisect_right(range(self._events), after or "", key=_key)
        numbers = range(first, min(first + PAGE, self._events))
        return Page([Entry(_key(number), 0, MADE) for number in numbers], numbers.stop < self._events, MADE)

    def mark_garbage(self, key: str, /) -> bool:  # noqa: ARG002
        """Tag nothing."""
        return True

    def url(self, key: str, /) -> str:
        """Give the key."""
        return key

    def flush(self) -> None:
        """Do nothing: nothing is kept."""

    def damage(self) -> Sequence[str]:
        """Find none."""
        return []

    def give_back(self) -> None:
        """Do nothing: nothing is deleted."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _look_at(self, piece: Body) -> None:
        for start in range(0, len(piece), EVENT_SIZE):
            number = (self.written + start) // EVENT_SIZE
            insist(piece[start : start + EVENT_SIZE] == event_data(number, EVENT_SIZE), f"data of event {number}")
        self.written += len(piece)


def _journal_id(number: int) -> JournalID:
    stamp = format_timestamp(event_date(number))
    return JournalID.make(stamp, stamp, NEW, f"00000000-0000-4000-8000-{number:012x}")


def _key(number: int) -> str:
    return layout.journal_key(_journal_id(number))


def _number(key: str) -> int:
    return int(key[-12:], 16)


def work(events: int) -> None:
    """Journal so many events, check what came of them, and tell the figures."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "manifest")
        store = Backlog(events, kept)
        stages = Stages(Requests())
        with stages.measured("journal", events):
            journal(Context(store, read_pending_updates=True), events, 0)
        (journal_id,) = store.made
        manifest = Manifest.decode(journal_id, kept.read_bytes())
    insist(store.written == events * EVENT_SIZE == manifest.size, f"{store.written} bytes written")
    insist(len(manifest) == events, f"{len(manifest)} events")
    for number in range(events):
        row = manifest.row(number)
        insist((row.event_id, row.came_from) == (event_id(number), _journal_id(number)), f"row {number}: {row}")
    stages.report()


def main() -> None:
    """Run each size so often, and keep the figures."""
    rows = []
    for events in SIZES:
        row = Row("backlog", f"{events:,} new events of {EVENT_SIZE} bytes", "", 0, "ours", "journal")
        for _ in range(RUNS):
            done = subprocess.run(
                [sys.executable, __file__, str(events)], stderr=subprocess.PIPE, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            row.runs.append(json.loads(done.stderr.splitlines()[-1])["journal"])
        rows.append(row)
    save("backlog", machine([]), rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        work(int(sys.argv[1]))
    else:
        main()
