"""The journals that the benches replay and list, written to a server as this package's `put_many` or `journal` would.

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
from flashflood._core import Combination, Manifest, Row, Sources, format_timestamp
from flashflood.identifiers import NEW, JournalID

MADE = format_timestamp(datetime(2020, 1, 1))


class Dataset(NamedTuple):
    """Journaled events."""

    events: int
    size: int
    """Bytes of each event."""
    journals: int
    is_overlapping: bool = False
    """Whether each journal has events from the first to the last day, or they follow one another."""
    is_combined: bool = False
    """Whether `journal` has made each journal of events that were put one by one, whose journals its manifest then
    names; or `put_many` has written it."""

    @property
    def name(self) -> str:
        """Name it as the tables do."""
        how = ", all of the same days" if self.is_overlapping else ", put one by one" if self.is_combined else ""
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
    return put_all(server, items(dataset))


@cache
def fill_names(server: Server, journals: int) -> str:
    """Store nothing but journals' names, for listing; give their prefix."""
    return put_all(server, map(_journal_name, range(journals)))


class Item(NamedTuple):
    """An object to store."""

    key: str
    body: bytes
    metadata: dict[str, str]


def items(dataset: Dataset) -> Iterator[Item]:
    """Give a dataset's blobs and manifests."""
    journals = ([made(number, dataset.size) for number in numbers] for numbers in dataset.numbers())
    make = combined if dataset.is_combined else journal
    return (item for events in journals for item in make(events))


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
    """Give a batch's blob and manifest; the events are in order."""
    stamps = [format_timestamp(date) for _, date, _ in events]
    rows, offset = [], 0
    for (name, _, data), stamp in zip(events, stamps, strict=True):
        rows.append(Row(name, stamp, offset, len(data), 1, 1))
        offset += len(data)
    return _items(
        Manifest.of_rows(JournalID.make(stamps[0], stamps[-1], MADE, str(uuid.uuid4())), rows, offset), events
    )


def combined(events: Sequence[Made]) -> Iterator[Item]:
    """Give the blob and the manifest of a journal that was made of one new journal for each event."""
    sources = Sources()
    for name, date, data in events:
        stamp = format_timestamp(date)
        journal_id = JournalID.make(stamp, stamp, NEW, str(uuid.uuid4()))
        sources.add(Manifest.of_rows(journal_id, [Row(name, stamp, 0, len(data), 1, 1)], len(data)))
    combination = Combination(sources)
    journal_id = JournalID.make(str(combination.start), str(combination.end), MADE, str(uuid.uuid4()))
    return _items(combination.manifest(journal_id), events)


def _items(manifest: Manifest, events: Sequence[Made]) -> Iterator[Item]:
    journal_id = JournalID(manifest.journal_id)
    yield Item(layout.blob_key(journal_id), b"".join(data for _, _, data in events), {"journal_id": journal_id})
    counts = {"number_of_events": str(len(manifest)), "journal_data_size": str(manifest.size)}
    yield Item(layout.journal_key(journal_id), manifest.encode(), counts)


def _journal_name(number: int) -> Item:
    """Give an empty object where a journal's manifest would be."""
    stamp = format_timestamp(event_date(number))
    return Item(layout.journal_key(JournalID.make(stamp, stamp, MADE, str(uuid.uuid4()))), b"", {})
