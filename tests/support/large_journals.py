"""Journals of many events, stored without the requests that each event would take."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from flashflood import Event, layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.identifiers import JournalID
from flashflood.store import Store
from flashflood.util import datetime_to_timestamp
from support.samples import at

LONG = "an id of many characters, so that a manifest of few events is a large one " * 2


def each_second(count: int, name: str = LONG) -> list[Event]:
    """Give events a second apart, which begin at `at(0)`."""
    return [Event(f"{name}{number:06}", at(number / 60), b"%07d" % number) for number in range(count)]


def store_journal(
    store: Store, events: Sequence[Event], *, replaces: Sequence[str] = (), number: int = 1, is_ours: bool = True
) -> JournalID:
    """Store a journal as `put_many` and `journal` do, or 0.4.3, without its index entries, which no replay reads."""
    ctx = Context(store, read_pending_updates=True)
    events = sorted(events, key=lambda event: (event.date, event.event_id))
    start, end = (datetime_to_timestamp(event.date) for event in (events[0], events[-1]))
    version = datetime_to_timestamp(datetime(2021, 1, 1) + timedelta(seconds=number))
    made = JournalID.make(start, end, version, str(UUID(int=number)))
    rows, offset = [], 0
    for event in events:
        rows.append(Row(event.event_id, datetime_to_timestamp(event.date), offset, len(event.data)))
        offset += len(event.data)
    manifest = Manifest.of_rows(made, rows, offset, replaces)
    ctx.write_blob(made, b"".join(event.data for event in events))
    body = manifest.encode()
    store.put(layout.journal_key(made), body if is_ours else body.partition(b', "revisions"')[0] + b"}")
    return made
