"""Combining journals into one, with their updates applied (PROTOCOL.md, step 9). The one way in which journals change.

Writes a ledger entry, the new blob, and the new manifest, whose creation is the commit point; `finishing` does the
rest.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import TypeVar

from flashflood import layout, ledger
from flashflood._core import Combination, Manifest, Window
from flashflood.context import Context, Deadline
from flashflood.dates import timestamp_now
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodJournalingError
from flashflood.finishing import finish
from flashflood.identifiers import JournalID, Update
from flashflood.ledger import LedgerEntry
from flashflood.lookup import lookup
from flashflood.pending import lineage, live_updates, without_dead

logger = logging.getLogger("flashflood")

T = TypeVar("T")

WINDOW = 16_000_000
"""Bytes of a combined blob that are fetched and written at a time."""
WHOLE = 64_000_000
"""Up to so many bytes, a combined blob is written in one request."""
ATTEMPTS = 12


class OvertakenError(Exception):
    """Another process changed what a combination had begun with; it has changed nothing, and begins again."""


def until_settled(what: str, attempt: Callable[[], T]) -> T:
    """Begin again, after a while that grows, when other processes are in the way.

    `FlashFloodJournalingError` if they stay so.
    """
    for tried in range(ATTEMPTS):
        try:
            return attempt()
        except OvertakenError:
            time.sleep(random.uniform(0, min(2.0, 0.02 * 2**tried)))  # noqa: S311  only to keep writers apart
    msg = f"{what}: other processes were at the same {ATTEMPTS} times meanwhile; try again"
    raise FlashFloodJournalingError(msg)


def combine(ctx: Context, sources: Sequence[Manifest], followed: Mapping[Update, int] | None = None) -> Manifest:
    """Combine living journals that no open ledger entry names into one, and apply their updates.

    `followed`: updates of dead journals that apply too, with the size of their data. Gives the new manifest: without
    rows, if every event was deleted. `OvertakenError` if another process was faster.
    """
    deadline = Deadline()
    updates = live_updates(ctx, lineage(sources)) | dict(followed or {})
    combination = _plan(ctx, sources, updates)
    ids = [JournalID(source.journal_id) for source in sources]
    start, end = combination.start or ids[0].start, combination.end or ids[0].end
    journal_id = JournalID.make(start, end, timestamp_now(), str(uuid.uuid4()))
    entry = LedgerEntry(journal_id, tuple(ids), tuple(updates), combination.size)
    logger.info("combining %d journals into %s", len(ids), journal_id)
    ctx.store.put(layout.ledger_key(journal_id), entry.encode())
    try:
        _recheck(ctx, entry)
        _write_blob(ctx, entry, combination)
        deadline.check("combining journals")
    except Exception:
        ctx.discard([layout.ledger_key(journal_id)])
        raise
    manifest = combination.manifest(journal_id)
    if not ctx.create_manifest(manifest):
        _check_own(ctx, manifest)
    finish(ctx, entry, manifest)
    return manifest


def _plan(ctx: Context, sources: Sequence[Manifest], updates: Mapping[Update, int]) -> Combination:
    told = [
        (update.journal_id, update.event_id, update.timestamp, update.is_delete, size)
        for update, size in updates.items()
    ]
    current = {}
    contested = Combination.contested(sources, told)
    for event_id, found in zip(contested, ctx.requests.each(partial(lookup, ctx), contested), strict=True):
        if found.entry is not None:
            current[event_id] = found.entry.target
    return Combination(sources, told, current)


def _recheck(ctx: Context, entry: LedgerEntry) -> None:
    """See that the entry made is there, that no other one names a source, and that all sources live."""
    there = ledger.read(ctx)
    others = [open_ for open_ in there if open_.entry.journal_id != entry.journal_id]
    if len(others) == len(there):  # recovered, as one left behind
        raise OvertakenError
    if ledger.taken(others).intersection(entry.sources):
        raise OvertakenError
    if not are_living(ctx, entry.sources):
        raise OvertakenError


def are_living(ctx: Context, journal_ids: Sequence[JournalID]) -> bool:
    """Say whether journals are all there and none has a tombstone."""
    keys = sorted(map(layout.journal_key, journal_ids))
    if len(keys) <= ctx.requests.workers:
        return all(ctx.requests.each(partial(_is_living, ctx), keys))
    last = layout.tombstone_key(keys[-1])
    listed = takewhile(lambda entry: entry.key <= last, ctx.entries(layout.JOURNALS, keys[0][:-1]))
    return set(keys) <= {entry.key for entry in without_dead(listed)}


def _is_living(ctx: Context, key: str) -> bool:
    return any(entry.key == key for entry in without_dead(ctx.entries(key)))


def _write_blob(ctx: Context, entry: LedgerEntry, combination: Combination) -> None:
    if not len(combination):
        return
    pieces = (_piece(ctx, entry, window) for window in combination.windows(WINDOW))
    body = b"".join(pieces) if combination.size <= WHOLE else pieces
    ctx.store.put(layout.blob_key(entry.journal_id), body, metadata={"journal_id": entry.journal_id})


def _piece(ctx: Context, entry: LedgerEntry, window: Window) -> bytes:
    """Fetch and join one stretch of the combined blob."""
    blobs = ctx.requests.each(
        lambda request: _blob_bytes(ctx, entry.sources[request[0]], request[1], request[2]), window.requests
    )
    updates = ctx.requests.each(lambda index: _update_data(ctx, entry.updates[index]), window.updates)
    return window.data(blobs, updates)


def _blob_bytes(ctx: Context, source: JournalID, start: int, stop: int) -> bytes:
    found = ctx.store.get(layout.blob_key(source), start, stop)
    if found is not None:
        return found.body
    if are_living(ctx, [source]):
        msg = f"journal {source}: its blob is missing; restore it from a copy, or remove the journal"
        raise FlashFloodCorruptionError(msg)
    raise OvertakenError


def _update_data(ctx: Context, update: Update) -> bytes:
    found = ctx.store.get(layout.update_key(update))
    if found is None:
        raise OvertakenError
    return found.body


def _check_own(ctx: Context, manifest: Manifest) -> None:
    """See who took the manifest's key: our own PUT, whose answer was lost, or a fence, which is an `OvertakenError`."""
    there = ctx.manifest(JournalID(manifest.journal_id))
    if there is None or ledger.is_fence(there):
        raise OvertakenError
