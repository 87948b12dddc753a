"""Putting one event (PROTOCOL.md, step 4).

Writes the blob, the claim in the index, and the manifest, whose creation is the commit point. Of several writers of
one id, one succeeds.
"""

import logging
import uuid
from datetime import datetime

from flashflood import layout
from flashflood._core import Manifest, format_timestamp, parse_timestamp
from flashflood.context import Context, Deadline
from flashflood.data import to_bytes
from flashflood.dates import timestamp_now
from flashflood.events import Event
from flashflood.exceptions import FlashFloodEventExistsError
from flashflood.identifiers import NEW, JournalID
from flashflood.lookup import PATIENCE, Absent, IndexEntry, find, moving, read_entry, revisions

logger = logging.getLogger("flashflood")


def put(ctx: Context, data: object, event_id: str | None, date: datetime | None) -> Event:
    """Store a new event and give it back. `FlashFloodEventExistsError` if the id is taken."""
    body = to_bytes(data)
    timestamp = timestamp_now() if date is None else format_timestamp(date)
    journal_id = JournalID.make(timestamp, timestamp, NEW, str(uuid.uuid4()))
    if event_id:
        layout.refuse_bad_id(event_id, ctx.store.root_prefix)
        _put_under_given_id(ctx, IndexEntry(event_id, 0, journal_id, None, timestamp, 0, len(body)), body)
    else:
        event_id = str(uuid.uuid4())
        claim = IndexEntry(event_id, 1, journal_id, None, timestamp, 0, len(body), birth=1)
        _put_under_new_id(ctx, claim, body)
    logger.info("new journal %s", journal_id)
    return Event(event_id, parse_timestamp(timestamp), body)


def _put_under_new_id(ctx: Context, claim: IndexEntry, body: bytes) -> None:
    blob = ctx.requests.start(ctx.store.put, layout.blob_key(claim.target), body, metadata={"journal_id": claim.target})
    claimed = _create_claim(ctx, claim)
    blob.result()
    if not claimed:
        raise _exists(claim.event_id)
    _commit(ctx, claim)


def _put_under_given_id(ctx: Context, draft: IndexEntry, body: bytes) -> None:
    deadline = Deadline()
    blob_key = layout.blob_key(draft.target)
    blob = ctx.requests.start(ctx.store.put, blob_key, body, metadata={"journal_id": draft.target})
    claimed = False
    for _ in range(PATIENCE):
        standing = find(ctx, draft.event_id, helping=True)
        blob.result()
        if not isinstance(standing, Absent):
            if standing.entry.target == draft.target:
                return
            if not claimed:
                ctx.store.delete([blob_key])
            raise _exists(draft.event_id)
        revision = standing.next_revision
        claim = IndexEntry(
            draft.event_id, revision, draft.target, None, draft.date, draft.offset, draft.size, birth=revision
        )
        if not _create_claim(ctx, claim):
            continue
        claimed = True
        if _is_valid(ctx, claim):
            deadline.check(f"putting event {claim.event_id!r}")
            _commit(ctx, claim)
            return
        if ctx.store.head(layout.journal_key(claim.target)) is not None:  # someone helped
            return
    raise moving(draft.event_id)


def _create_claim(ctx: Context, claim: IndexEntry) -> bool:
    """Create the index entry. False: another writer has this revision."""
    if ctx.store.create(layout.index_key(claim.event_id, claim.revision), b"", metadata=claim.metadata()):
        return True
    there = read_entry(ctx, claim.event_id, claim.revision)
    return there is not None and there.target == claim.target


def _is_valid(ctx: Context, claim: IndexEntry) -> bool:
    """Whether the claim, once made, is the highest entry and above the deletion marks."""
    index, mark = revisions(ctx, claim.event_id)
    return bool(index) and index[-1] == claim.revision > mark


def _commit(ctx: Context, claim: IndexEntry) -> None:
    """Create the manifest; where it is there already, someone helped, or an answer was lost."""
    row = claim.row()
    if row is not None:
        ctx.create_manifest(Manifest.of_rows(claim.target, [row], row.size))


def _exists(event_id: str) -> FlashFloodEventExistsError:
    return FlashFloodEventExistsError(f"event {event_id!r} exists already; `update_event` changes it")
