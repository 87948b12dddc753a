"""The journals that the benches replay and list, written to a server as this package's `journal` would.

But for the index, which replay does not read.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from typing import NamedTuple

from events import Made, event_date, made
from stores import BUCKET, CONNECTIONS, Server

from flashflood import layout
from flashflood._core import Manifest, Row, format_timestamp
from flashflood.identifiers import JournalID

MADE = format_timestamp(datetime(2020, 1, 1))


class Dataset(NamedTuple):
    """Journaled events."""

    events: int
    size: int
    """Bytes of each event."""
    journals: int
    is_overlapping: bool = False
    """Whether each journal has events from the first to the last day, or they follow one another."""

    @property
    def name(self) -> str:
        """Name it as the tables do."""
        how = ", all of the same days" if self.is_overlapping else ""
        return f"{self.events:,} events of {self.size:,} bytes in {self.journals:,} journals{how}"

    def numbers(self) -> Iterator[range]:
        """Give each journal's events."""
        size = self.events // self.journals
        for journal in range(self.journals):
            if self.is_overlapping:
                yield range(journal, self.events, self.journals)
            else:
                yield range(journal * size, (journal + 1) * size)


@cache
def fill(server: Server, dataset: Dataset) -> str:
    """Store a dataset; give the prefix."""
    journals = ([made(number, dataset.size) for number in numbers] for numbers in dataset.numbers())
    return put_all(server, (item for events in journals for item in journal(events)))


@cache
def fill_names(server: Server, journals: int) -> str:
    """Store nothing but journals' names, for listing; give their prefix."""
    return put_all(server, map(_journal_name, range(journals)))


class Item(NamedTuple):
    """An object to store."""

    key: str
    body: bytes
    metadata: dict[str, str]


def put_all(server: Server, items: Iterable[Item]) -> str:
    """Put objects under a new prefix, many at a time, and give it."""
    prefix = str(uuid.uuid4())
    client = server.client()

    def put(item: Item) -> None:
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/{item.key}", Body=item.body, Metadata=item.metadata)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(put, items))
    return prefix


def journal(events: Sequence[Made]) -> Iterator[Item]:
    """Give a journal's blob and manifest; the events are in order."""
    stamps = [format_timestamp(date) for _, date, _ in events]
    rows, offset = [], 0
    for (name, _, data), stamp in zip(events, stamps, strict=True):
        rows.append(Row(name, stamp, offset, len(data), 2, 1))
        offset += len(data)
    journal_id = JournalID.make(stamps[0], stamps[-1], MADE, str(uuid.uuid4()))
    yield Item(layout.blob_key(journal_id), b"".join(data for _, _, data in events), {"journal_id": journal_id})
    counts = {"number_of_events": str(len(rows)), "journal_data_size": str(offset)}
    yield Item(layout.journal_key(journal_id), Manifest.of_rows(journal_id, rows, offset).encode(), counts)


def _journal_name(number: int) -> Item:
    """Give an empty object where a journal's manifest would be."""
    stamp = format_timestamp(event_date(number))
    return Item(layout.journal_key(JournalID.make(stamp, stamp, MADE, str(uuid.uuid4()))), b"", {})
