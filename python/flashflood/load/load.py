"""Loading lines into a store: in batches, as `put_many` stores them, while what will not do is told and left out.

An id that is taken is no fault where the event has the same data: a second load stores nothing twice. The data of such
events are read and compared, unless the id is made of them.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from flashflood.exceptions import FlashFloodEventExistsError, FlashFloodException
from flashflood.load.fields import Fields, Incoming, Rejected
from flashflood.load.lines import StrPath, lines_of
from flashflood.read.get_events import get_events
from flashflood.records.overtaken import until_settled
from flashflood.spooled_ids import SpooledIds
from flashflood.write.given import Given
from flashflood.write.put_many import LARGEST_BATCH, LARGEST_BLOB, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flashflood.api import FlashFlood
    from flashflood.context import Context
    from flashflood.progress import OnProgress
    from flashflood.write.put_many import OnConflict


class Loaded(NamedTuple):
    """What `load_lines` did."""

    stored: int
    """How many events it stored."""
    skipped: SpooledIds
    """The ids that events had already, with the same data; with `on_conflict="skip"`, with whatever data."""
    rejected: int
    """How many events, or lines without one, would not do."""


def load_lines(  # noqa: PLR0913  what a line means has three parts
    flood: FlashFlood,
    paths: StrPath | Iterable[StrPath],
    *,
    id: str | None = None,
    date: str | None = None,
    each: str | None = None,
    on_reject: Callable[[Rejected], object] | None = None,
    on_conflict: OnConflict = "error",
    progress: OnProgress | None = None,
) -> Loaded:
    """Store the JSON Lines of files, where the line is the event, and say what was done.

    `paths`: one or many files, `-` for standard input, `s3://bucket/prefix/` for all beneath it; plain, gzip or zstd.
    A document over several lines, as `jq` writes it, counts as a line.
    `id`, `date`: JMESPath on the event. No id: it is made of the data. No date: it is now. A date is ISO 8601, in UTC
    where it has no offset, or a number since 1970: below 1e11 seconds, below 1e14 milliseconds, below 1e17
    microseconds, else nanoseconds.
    `each`: JMESPath on the line, whose elements are the events, as in `Records[]`.
    `progress`: is given a `Progress` now and then, and at the end.

    A line that will not do is given to `on_reject` in its turn, and the rest goes on; without it, it is a
    `FlashFloodException` that names file and line, once its batch is stored. So is an id that is taken by an event with
    other data; `on_conflict="skip"` leaves that one out, and reads no data. Interrupted, the same call stores the rest.
    ValueError for an expression that could never be evaluated. OSError for a file that cannot be read, and
    FlashFloodException for one that is damaged or ends too early: what comes before it is stored.
    """
    if on_conflict not in ("error", "skip"):
        msg = f"on_conflict={on_conflict!r}; give 'error' or 'skip'"
        raise ValueError(msg)
    fields = Fields(id, date, each)
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    with closing(lines_of(given)) as lines:
        return load(flood, fields.events_of(lines), on_reject or _raise, on_conflict, progress)


def load(
    flood: FlashFlood,
    events: Iterable[Incoming | Rejected],
    on_reject: Callable[[Rejected], object],
    on_conflict: OnConflict = "error",
    progress: OnProgress | None = None,
) -> Loaded:
    """Store events, batch by batch as they come; tell `on_reject` of the others, in the order in which they came."""
    with flood._ctx.telling("load_lines", progress) as ctx:  # noqa: SLF001  an inner room's way in
        loading = _Loading(ctx, on_reject, compares=on_conflict != "skip")
        try:
            loading.put_all(events)
        except Exception as error:
            stored = f"{loading.stored:,} events had been stored, and stay"
            error.add_note(f"{stored if loading.stored else 'nothing had been stored'}; the same again stores the rest")
            raise
        finally:
            ctx.store.flush()
    return Loaded(loading.stored, loading.skipped, loading.rejected)


def _raise(rejected: Rejected) -> None:
    msg = f"{rejected.file}, line {rejected.line}: {rejected.reason}"
    raise FlashFloodException(msg)


def _batches(events: Iterable[Incoming | Rejected]) -> Iterator[list[Incoming | Rejected]]:
    """Cut what comes into batches as large as those of `put_many`; where it ends with an error, the last one first."""
    batch: list[Incoming | Rejected] = []
    size = 0
    try:
        for event in events:
            batch.append(event)
            size += len(event.text if isinstance(event, Rejected) else event.data)
            if len(batch) == LARGEST_BATCH or size >= LARGEST_BLOB:
                yield batch
                batch, size = [], 0
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


class _Loading:
    """One load, and what it has done so far."""

    def __init__(self, ctx: Context, on_reject: Callable[[Rejected], object], *, compares: bool) -> None:
        """Begin. `compares`: whether an id that is taken must have the same data."""
        self._ctx = ctx
        self._on_reject = on_reject
        self._compares = compares
        self.stored = 0
        self.skipped = SpooledIds()
        self.rejected = 0

    def put_all(self, events: Iterable[Incoming | Rejected]) -> None:
        """Store batch after batch."""
        meter = self._ctx.meter
        with meter.step("storing", "events"):
            for batch in _batches(events):
                self.put(batch)
                meter.add("events", len(batch))
                meter.tell()

    def put(self, batch: list[Incoming | Rejected]) -> None:
        """Store what can be stored, and then tell of the rest in its order."""
        reasons: dict[int, str] = {}
        given: dict[int, Given] = {}
        for place, event in enumerate(batch):
            if isinstance(event, Rejected):
                reasons[place] = event.reason
                continue
            try:
                given[place] = Given.of(self._ctx, event.data, event.event_id, event.date)
            except FlashFloodException as error:
                reasons[place] = str(error)
        taken = self._store(given, reasons)
        events = {place: event for place, event in enumerate(batch) if isinstance(event, Incoming)}
        reasons |= self._differing({place: events[place] for place in taken})
        self.skipped.extend(given[place].event_id for place in taken if place not in reasons)
        for place, reason in sorted(reasons.items()):
            event = batch[place]
            self.rejected += 1
            self._on_reject(event if isinstance(event, Rejected) else event.rejected(reason))

    def _store(self, given: dict[int, Given], reasons: dict[int, str]) -> list[int]:
        """Store events, and give the places of those whose ids are taken; add the reasons why others cannot be."""
        taken: list[int] = []
        places = {id(event): place for place, event in given.items()}

        def refuse(event: Given, error: FlashFloodException) -> None:
            if isinstance(error, FlashFloodEventExistsError):
                taken.append(places[id(event)])
            else:
                reasons[places[id(event)]] = str(error)

        self.stored += until_settled("load_lines", Batch(self._ctx, given.values(), refuse).put)
        return sorted(taken)

    def _differing(self, events: dict[int, Incoming]) -> dict[int, str]:
        """Give the places of events whose ids are taken by events with other data, each with the reason."""
        places: dict[str, list[int]] = {}
        for place, event in events.items():
            if self._compares and event.event_id and not event.is_made:
                places.setdefault(event.event_id, []).append(place)
        same = {
            place
            for found in get_events(self._ctx, places, "skip")
            for place in places[found.event_id]
            if events[place].data == found.data
        }
        return {
            place: f"the id {event_id!r} is taken by an event with other data"
            for event_id, at in places.items()
            for place in at
            if place not in same
        }
