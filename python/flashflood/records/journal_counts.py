"""How many events a journal has, and how many bytes of data, from its manifest's metadata. Only reads."""

from collections.abc import Generator, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.telemetry import iteration
from flashflood.turns import SharedIterator

AHEAD = 100
"""Journals that are asked about before the first one is told."""


class JournalSummary(NamedTuple):
    """A journal, and what it holds."""

    journal_id: JournalID
    events: int | None
    """None: its manifest cannot be read, or is gone."""
    bytes: int | None
    """Of its events' data. None: as above."""


class Counts(NamedTuple):
    """What stands behind a manifest."""

    events: int
    size: int
    """Bytes of data."""


def journal_counts(ctx: Context, journal_id: JournalID) -> Counts | None:
    """Ask for the metadata of a journal's manifest; without them the manifest itself is read.

    None: it is gone. `FlashFloodCorruptionError` if it cannot be read.
    """
    found = ctx.store.head(layout.journal_key(journal_id))
    if found is None:
        return None
    try:
        return Counts(int(found.metadata["number_of_events"]), int(found.metadata["journal_data_size"]))
    except (KeyError, ValueError):  # a tool that copies only the data has left them out
        manifest = ctx.manifest(journal_id)
        return None if manifest is None else Counts(len(manifest), manifest.size)


def summaries(ctx: Context, journal_ids: Iterable[JournalID]) -> Iterator[JournalSummary]:
    """Say of journals, in their order, what they hold. A HEAD for each, many at a time."""
    span = iteration("describe_journals", ctx.store.name)
    return SharedIterator(_summaries(ctx, journal_ids), "this listing of journals", span)


def _summaries(ctx: Context, journal_ids: Iterable[JournalID]) -> Generator[JournalSummary, None, None]:
    yield from ctx.requests.stream(partial(_summary, ctx), journal_ids, ahead=AHEAD)


def _summary(ctx: Context, journal_id: JournalID) -> JournalSummary:
    try:
        counts = journal_counts(ctx, journal_id)
    except FlashFloodCorruptionError:
        counts = None
    return JournalSummary(journal_id, *(counts or (None, None)))
