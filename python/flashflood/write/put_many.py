"""Putting many events at once (PROTOCOL.md, step 5): a batch is one journal from the start, stored whole or not at all.

Writes a batch's blob and draft, a claim for each event, and the manifest, whose creation is the commit point.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Sized
from datetime import datetime
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context, Deadline
from flashflood.data import Data
from flashflood.dates import timestamp_now
from flashflood.events import Event
from flashflood.exceptions import FlashFloodEventExistsError, FlashFloodException
from flashflood.identifiers import NEW, JournalID
from flashflood.records import claims
from flashflood.records.claims import Claim
from flashflood.records.index import IndexEntry
from flashflood.records.overtaken import OvertakenError, until_settled
from flashflood.spooled_ids import SpooledIds
from flashflood.write.given import Given

logger = logging.getLogger(__name__)

LARGEST_BATCH = 5_000
"""Events in a batch at most."""
LARGEST_BLOB = 16_000_000
"""Bytes of data at which a batch is closed."""
SMALLEST_JOURNAL = 100
"""A batch of fewer events has the version `new`, so that `journal` combines it; a larger one is a journal already."""

OnConflict: TypeAlias = Literal["error", "skip"]
Bare: TypeAlias = tuple[Data, str | None, datetime | None]
"""(data, event_id, date), as `put` takes them."""


class Stored(NamedTuple):
    """What `put_many` did."""

    stored: int
    """How many events it stored."""
    skipped: SpooledIds
    """The ids that it left out, since events had them already."""


def put_many(ctx: Context, events: Iterable[Event | Bare], on_conflict: OnConflict) -> Stored:
    """Store events, batch by batch as they come."""
    if on_conflict not in ("error", "skip"):
        msg = f"on_conflict={on_conflict!r}; give 'error' or 'skip'"
        raise ValueError(msg)
    stored = 0
    skipped = SpooledIds()
    try:
        with ctx.meter.step("storing", "events", len(events) if isinstance(events, Sized) else None):
            for batch in _batches(map(partial(_checked, ctx), events)):
                left_out: list[str] = []
                refuse = partial(_raise if on_conflict == "error" else _skip, left_out)
                stored += until_settled("put_many", Batch(ctx, batch, refuse).put)
                skipped.extend(left_out)
                ctx.meter.add("events", len(batch))
                ctx.meter.tell()
    except Exception as error:
        seen = stored + len(skipped)
        had = f"{stored} of the first {seen} events, in earlier batches; they stay" if seen else "none of the events"
        error.add_note(f"this call had stored {had}")
        raise
    return Stored(stored, skipped)


def _raise(_: list[str], __: Given, error: FlashFloodException) -> None:
    raise error


def _skip(left_out: list[str], given: Given, error: FlashFloodException) -> None:
    if not isinstance(error, FlashFloodEventExistsError):
        raise error
    left_out.append(given.event_id)


def _checked(ctx: Context, event: Event | Bare) -> Given:
    """Check and convert what the caller gave: an `Event`, or (data, event_id, date)."""
    if not isinstance(event, tuple | list) or len(event) != len(Event._fields):
        msg = f"put_many was given {event!r:.100}; give Events or (data, event_id, date)"
        raise TypeError(msg)
    data, event_id, date = (event.data, event.event_id, event.date) if isinstance(event, Event) else event
    try:
        return Given.of(ctx, data, event_id, date)
    except (TypeError, ValueError) as error:
        error.add_note(f"this is of the event with event_id={event_id!r:.100}")
        raise


def _batches(events: Iterator[Given]) -> Iterator[list[Given]]:
    """Cut the events into batches, bounded by number and bytes."""
    batch: list[Given] = []
    size = 0
    for event in events:
        batch.append(event)
        size += len(event.body)
        if len(batch) == LARGEST_BATCH or size >= LARGEST_BLOB:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Batch:
    """One batch, in all its attempts. An event whose id is taken, or cannot be claimed, is left out of the next one."""

    def __init__(
        self, ctx: Context, events: Iterable[Given], refuse: Callable[[Given, FlashFloodException], None]
    ) -> None:
        """Take events; of two with one id the second one is refused. `refuse` is told what is left out, and why."""
        self._ctx = ctx
        self._refuse = refuse
        self._void: list[str] = []
        self._is_first_attempt = True
        self._events: dict[str, Given] = {}
        for event in events:
            if event.event_id in self._events:
                refuse(event, claims.exists_error(event.event_id))
            else:
                self._events[event.event_id] = event

    def put(self) -> int:
        """Put what is not left out, as one journal; give how many events that are.

        `OvertakenError` if the batch was fenced, and has to be put again. It fences itself when an id was taken, or a
        claim was void; another writer fences it to get an id that was claimed here.
        """
        if not self._events:
            return self._done()
        deadline = Deadline()
        draft = _draft(sorted(self._events.values()))
        journal_id = JournalID(draft.journal_id)
        self._write(draft)
        found = self._claims(journal_id, draft.rows())
        self._is_first_attempt = False
        made = [claim for claim in found if isinstance(claim, Claim)]
        rows = [row for claim in made if claim.is_valid and (row := claim.entry.row()) is not None]
        deadline.check("put_many")
        if len(rows) < len(draft):
            is_fenced = claims.fence(self._ctx, journal_id)
        else:
            manifest = Manifest.of_rows(journal_id, rows, draft.size)
            is_fenced = not self._ctx.create_manifest(manifest) and claims.fence(self._ctx, journal_id)
        if is_fenced:
            self._void += [claim.key for claim in made]
            for row, claim in zip(draft.rows(), found, strict=True):
                if not isinstance(claim, Claim):
                    self._refuse(self._events.pop(row.event_id), claim)
            raise OvertakenError
        logger.info("new journal %s of %d events", journal_id, len(rows))
        self._ctx.meter.add("bytes", draft.size)
        return self._done()

    def _done(self) -> int:
        """Delete the claims of fenced attempts, below the entry that each id has now; give how many are stored."""
        if self._void:
            self._ctx.discard(self._void)
        return len(self._events)

    def _write(self, draft: Manifest) -> None:
        """Write the blob and the draft."""
        journal_id = JournalID(draft.journal_id)
        body = b"".join(self._events[row.event_id].body for row in draft.rows())
        blob = self._ctx.requests.start(self._ctx.write_blob, journal_id, body)
        self._ctx.store.put(layout.draft_key(journal_id), draft.encode())
        blob.result()

    def _claims(self, journal_id: JournalID, rows: list[Row]) -> list[Claim | FlashFloodException]:
        """Claim the rows' ids, or say why not.

        Those that nobody has used are claimed all at once, where the store can do that; the others each.
        """
        first = [
            IndexEntry(row.event_id, 1, journal_id, None, row.timestamp, row.offset, row.size, birth=1) for row in rows
        ]
        at_once = claims.claim_unused(self._ctx, first, [self._is_new(row.event_id) for row in rows])
        each = iter(
            self._ctx.requests.each(
                self._claim, [claim for claim, is_made in zip(first, at_once, strict=True) if not is_made]
            )
        )
        return [
            Claim(claim, is_valid=True) if is_made else next(each)
            for claim, is_made in zip(first, at_once, strict=True)
        ]

    def _claim(self, first: IndexEntry) -> Claim | FlashFloodException:
        """Claim an id, or say why it cannot be claimed: for one, another event has it.

        An id that was made here is claimed without a look.
        """
        taken = claims.exists_error(first.event_id)
        try:
            if not self._is_new(first.event_id):
                return claims.claim_id(self._ctx, first) or taken
        except FlashFloodException as error:
            return error
        return Claim(first, is_valid=True) if claims.create(self._ctx, first) else taken

    def _is_new(self, event_id: str) -> bool:
        """Whether nobody has claimed the id. From the second attempt on, an earlier claim of our own may be there."""
        return self._is_first_attempt and self._events[event_id].is_new_id


def _draft(events: list[Given]) -> Manifest:
    """Give the manifest of a batch before its claims: the revisions are missing."""
    rows, offset = [], 0
    for event in events:
        rows.append(Row(event.event_id, event.timestamp, offset, len(event.body)))
        offset += len(event.body)
    version = NEW if len(events) < SMALLEST_JOURNAL else timestamp_now()
    journal_id = JournalID.make(events[0].timestamp, events[-1].timestamp, version, str(uuid.uuid4()))
    return Manifest.of_rows(journal_id, rows, offset)
