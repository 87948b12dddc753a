"""Putting one event (PROTOCOL.md, step 4).

Writes the blob, the claim in the index, and the manifest, whose creation is the commit point. Of several writers of one
id, one succeeds.
"""

import logging
import uuid

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context, Deadline
from flashflood.events import Event
from flashflood.identifiers import NEW, JournalID
from flashflood.records import claims
from flashflood.records.index import PATIENCE, IndexEntry, is_held, moving
from flashflood.write.given import Given

logger = logging.getLogger(__name__)


def put(ctx: Context, given: Given) -> Event:
    """Store a new event and give it back. `FlashFloodEventExistsError` if the id is taken."""
    journal_id = _put(ctx, given)
    logger.info("new journal %s", journal_id)
    return given.event


def _put(ctx: Context, given: Given) -> JournalID:
    """Claim the id as if it were new, and write the blob meanwhile; give the event's journal.

    Where the claim turns out void, or was fenced while its blob was still under way, the event is put again, for
    another journal. An id that was made here is known to nobody else, so its claim needs no look.
    """
    timestamp, event_id, body, is_new_id = given
    deadline = Deadline()
    wanted = _first_claim(event_id, timestamp, len(body))
    blob = ctx.requests.start(ctx.write_blob, wanted.target, body)
    (is_sure,) = claims.claim_unused(ctx, [wanted], [is_new_id])
    claim = wanted if is_sure or claims.create(ctx, wanted) else None
    is_sure = is_sure or is_new_id
    blob.result()
    void: list[str] = []
    for _ in range(PATIENCE):
        claim = claim or claims.claim_free(ctx, wanted)
        if claim is None:
            _discard_claim(ctx, wanted, void)
            raise claims.exists_error(event_id)
        is_valid = is_sure or claims.is_valid(ctx, claim)
        if is_valid:
            deadline.check(f"putting event {event_id!r}")
        if (is_valid and _commit(ctx, claim)) or is_held(ctx, claim):
            if void:
                ctx.discard(void)
            return claim.target
        _discard_claim(ctx, wanted, [])
        void.append(layout.index_key(event_id, claim.revision))
        wanted = _first_claim(event_id, timestamp, len(body))
        ctx.write_blob(wanted.target, body)
        claim, is_sure = None, False
    raise moving(event_id)


def _first_claim(event_id: str, timestamp: str, size: int) -> IndexEntry:
    """Give the claim of an id that nobody has used, for a journal of a new id."""
    journal_id = JournalID.make(timestamp, timestamp, NEW, str(uuid.uuid4()))
    return IndexEntry(event_id, 1, journal_id, None, timestamp, 0, size, birth=1)


def _commit(ctx: Context, claim: IndexEntry) -> bool:
    """Create the manifest. False: there is one: another writer's, a fence, or our own, whose answer was lost."""
    row = claim.row()
    return row is not None and ctx.create_manifest(Manifest.of_rows(claim.target, [row], row.size))


def _discard_claim(ctx: Context, claim: IndexEntry, void: list[str]) -> None:
    """Delete the blob of a claim that came to nothing, and the `void` claims before it.

    The blob stays where there is a manifest: garbage collection needs it then. Claims may be deleted when another event
    has the id: its entry is above them.
    """
    blob = [layout.blob_key(claim.target)] if not ctx.has_manifest(claim.target) else []
    if blob or void:
        ctx.discard([*blob, *void])
