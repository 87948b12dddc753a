"""Putting one event (PROTOCOL.md, step 4).

Writes the blob, the claim in the index, and the manifest, whose creation is the commit point. Of several writers of one
id, one succeeds.
"""

import logging
import uuid
from datetime import datetime

from flashflood import claims, layout
from flashflood._core import Manifest, format_timestamp, parse_timestamp
from flashflood.context import Context, Deadline
from flashflood.data import to_bytes
from flashflood.dates import timestamp_now
from flashflood.events import Event
from flashflood.identifiers import NEW, JournalID
from flashflood.lookup import IndexEntry

logger = logging.getLogger("flashflood")


def put(ctx: Context, data: object, event_id: str | None, date: datetime | None) -> Event:
    """Store a new event and give it back. `FlashFloodEventExistsError` if the id is taken."""
    body = to_bytes(data)
    timestamp = timestamp_now() if date is None else format_timestamp(date)
    journal_id = JournalID.make(timestamp, timestamp, NEW, str(uuid.uuid4()))
    if event_id not in (None, ""):
        layout.refuse_bad_id(event_id, ctx.store.root_prefix)
        _put_under_given_id(ctx, IndexEntry(event_id, 0, journal_id, None, timestamp, 0, len(body)), body)
    else:
        event_id = str(uuid.uuid4())
        claim = IndexEntry(event_id, 1, journal_id, None, timestamp, 0, len(body), birth=1)
        _put_under_new_id(ctx, claim, body)
    logger.info("new journal %s", journal_id)
    return Event(event_id, parse_timestamp(timestamp), body)


def _put_under_new_id(ctx: Context, claim: IndexEntry, body: bytes) -> None:
    """Put an event whose id nobody else can know: no need to look whether it is taken."""
    blob = ctx.requests.start(ctx.store.put, layout.blob_key(claim.target), body, metadata={"journal_id": claim.target})
    claimed = claims.create(ctx, claim)
    blob.result()
    if not claimed:
        raise claims.exists_error(claim.event_id)
    _commit(ctx, claim)


def _put_under_given_id(ctx: Context, wanted: IndexEntry, body: bytes) -> None:
    deadline = Deadline()
    blob_key = layout.blob_key(wanted.target)
    blob = ctx.requests.start(ctx.store.put, blob_key, body, metadata={"journal_id": wanted.target})
    claim = claims.take(ctx, wanted, blob)
    if claim is not None:
        deadline.check(f"putting event {claim.event_id!r}")
        _commit(ctx, claim)
    elif ctx.store.head(layout.journal_key(wanted.target)) is None:  # else another writer has finished this put
        ctx.discard([blob_key])
        raise claims.exists_error(wanted.event_id)


def _commit(ctx: Context, claim: IndexEntry) -> None:
    """Create the manifest; where it is there already, another writer has, or an answer was lost."""
    row = claim.row()
    if row is not None:
        ctx.create_manifest(Manifest.of_rows(claim.target, [row], row.size))
