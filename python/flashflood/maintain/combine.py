"""Combining journals into one, with their updates applied (PROTOCOL.md, step 9). The one way in which journals change.

Writes a ledger entry, the new blob, and the new manifest, whose creation is the commit point; `finish` does the
rest.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from flashflood import layout
from flashflood._core import Combination, Manifest, Sources, Window
from flashflood.context import Context, Deadline
from flashflood.dates import timestamp_now
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID, Update
from flashflood.maintain.finish import Made, finish
from flashflood.records import blobs, ledger
from flashflood.records.index import lookup
from flashflood.records.ledger import LedgerEntry
from flashflood.records.living import are_living
from flashflood.records.overtaken import OvertakenError
from flashflood.records.pending_updates import lineage, pending_updates_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

BYTES_AT_A_TIME = 16_000_000
"""Bytes of a combined blob that are fetched at a time, however large an event is."""
LARGEST_IN_ONE_REQUEST = 64_000_000
"""A combined blob of so many bytes at most is written with one request."""


class Plan(NamedTuple):
    """What is to be combined into one journal: living journals that no open ledger entry names, with their updates."""

    sources: Sources
    updates: Mapping[Update, int]
    """Each with the size of its data. Some may be addressed to dead journals, and apply here."""


class _Begun(NamedTuple):
    """A combination with its ledger entry."""

    plan: Plan
    entry: LedgerEntry
    combination: Combination


def combine(ctx: Context, sources: Sources) -> Manifest:
    """Combine living journals that no open ledger entry names into one, and apply their updates.

    Gives the new manifest: without rows, if every event was deleted. `OvertakenError` if another process was faster.
    """
    (made,) = combine_each(ctx, [Plan(sources, pending_updates_of(ctx, lineage(sources)))])
    if isinstance(made, OvertakenError):
        raise made
    return made


def combine_each(ctx: Context, plans: Sequence[Plan]) -> list[Manifest | OvertakenError]:
    """Make several combinations at one time. No journal is in two of them.

    Gives the new manifests, or that another process was faster; then nothing has been changed.
    """
    deadline = Deadline()
    begun = [_begin(plan, combination) for plan, combination in zip(plans, _combinations(ctx, plans), strict=True)]
    try:
        ctx.requests.each(partial(_enter, ctx), begun)
        written, ranks = _rechecked(ctx, begun)
        with ctx.meter.step("writing", "bytes", sum(each.combination.size for each in written)):
            is_written = ctx.requests.each(partial(_write_blob, ctx), written)
        deadline.check("combining journals")
    except Exception:
        ctx.discard([layout.ledger_key(each.entry.journal_id) for each in begun])
        raise
    written = [each for each, is_done in zip(written, is_written, strict=True) if is_done]
    made = ctx.requests.each(partial(_commit, ctx), written)
    committed = [
        Made(each.entry, manifest) for each, manifest in zip(written, made, strict=True) if manifest is not None
    ]
    done = {one.entry.journal_id: one.manifest for one in committed}
    if len(done) < len(begun):
        ledger.close(ctx, [each.entry for each in begun if each.entry.journal_id not in done])
    if committed:
        finish(ctx, committed, [known for each in written for known in each.plan.sources.journaled])
    names = [each.entry.journal_id for each in begun]
    return [done[name] if name in done else OvertakenError(ranks.get(name, 0)) for name in names]


def cut(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut what is to be combined so that what each part writes fits into memory, or is one item."""
    part: list[T] = []
    whole = 0
    for item in items:
        more = size(item)
        if part and whole + more > LARGEST_IN_ONE_REQUEST:
            yield part
            part, whole = [], 0
        part.append(item)
        whole += more
    if part:
        yield part


def _combinations(ctx: Context, plans: Sequence[Plan]) -> list[Combination]:
    update_fields = [
        [
            (update.journal_id, update.event_id, update.timestamp, update.is_delete, size)
            for update, size in plan.updates.items()
        ]
        for plan in plans
    ]
    contested = [
        Combination.contested(plan.sources, updates) for plan, updates in zip(plans, update_fields, strict=True)
    ]
    event_ids = sorted({event_id for found in contested for event_id in found})
    current = {
        event_id: found.entry.target
        for event_id, found in zip(event_ids, ctx.requests.each(partial(lookup, ctx), event_ids), strict=True)
        if found.entry is not None
    }
    return [Combination(plan.sources, updates, current) for plan, updates in zip(plans, update_fields, strict=True)]


def _begin(plan: Plan, combination: Combination) -> _Begun:
    ids = tuple(map(JournalID, plan.sources.journal_ids))
    start, end = combination.start or ids[0].start, combination.end or ids[0].end
    journal_id = JournalID.make(start, end, timestamp_now(), str(uuid.uuid4()))
    return _Begun(plan, LedgerEntry(journal_id, ids, tuple(plan.updates), combination.size), combination)


def _enter(ctx: Context, begun: _Begun) -> None:
    logger.info("%s: combining %d journals into %s", ctx.store.name, len(begun.entry.sources), begun.entry.journal_id)
    ctx.store.put(layout.ledger_key(begun.entry.journal_id), begun.entry.encode())


def _rechecked(ctx: Context, begun: Sequence[_Begun]) -> tuple[list[_Begun], dict[JournalID, int]]:
    """Give those that may go on: their entry is there, their sources all live, and no other entry names one of them.

    Of those whose sources others name, give the rank among them; see `OvertakenError`.
    """
    own = {layout.ledger_key(each.entry.journal_id): each.entry for each in begun}
    there = ledger.read(ctx, own)
    present = {open_.entry.journal_id for open_ in there}  # the others were recovered, as left behind
    others = [open_.entry for open_ in there if layout.ledger_key(open_.entry.journal_id) not in own]
    rivals = {each.entry.journal_id: ledger.rivals(each.entry, others) for each in begun}
    free = [each for each in begun if each.entry.journal_id in present and not rivals[each.entry.journal_id]]
    live = ctx.requests.each(lambda each: are_living(ctx, each.entry.sources), free)
    ranks = {name: sum(rival.blob_id < name.blob_id for rival in found) for name, found in rivals.items()}
    return [each for each, is_live in zip(free, live, strict=True) if is_live], ranks


def _write_blob(ctx: Context, begun: _Begun) -> bool:
    """Fetch and write the new journal's blob. False: a source has been replaced."""
    _, entry, combination = begun
    if not len(combination):
        return True
    pieces = (piece for window in _windows(combination) for piece in _pieces(ctx, entry, window))
    try:
        body = _joined(pieces) if combination.size <= LARGEST_IN_ONE_REQUEST else pieces
        ctx.write_blob(entry.journal_id, body)
    except OvertakenError:
        return False
    return True


def _windows(combination: Combination) -> Iterator[Window]:
    first = 0
    while window := combination.window(first, BYTES_AT_A_TIME):
        yield window
        first += len(window)


def _joined(pieces: Iterator[bytes]) -> bytearray:
    """Join the pieces; each is let go before the next one is made."""
    body = bytearray()
    for piece in pieces:
        body += piece
    return body


def _pieces(ctx: Context, entry: LedgerEntry, window: Window) -> Iterator[bytes]:
    """Fetch one stretch of the combined blob, `BYTES_AT_A_TIME` at most as one piece.

    What is larger is one event. Its data lie in one place, and come part by part.
    """
    if window.size <= BYTES_AT_A_TIME:
        yield _piece(ctx, entry, window)
        return
    for source, start, stop in window.requests:
        journal_id = entry.sources[source]
        yield from _parts(partial(_blob_bytes, ctx, journal_id), start, stop, partial(blobs.short, journal_id))
    for index in window.updates:
        update = entry.updates[index]
        yield from _parts(partial(_update_data, ctx, update), 0, window.size, partial(_short_update, update))


def _parts(
    fetch: Callable[[int, int], bytes], start: int, stop: int, short: Callable[[int, int], FlashFloodCorruptionError]
) -> Iterator[bytes]:
    """Fetch the bytes from `start` to before `stop`, part by part. `short` says what is wrong where they end before."""
    for begin in range(start, stop, BYTES_AT_A_TIME):
        end = min(begin + BYTES_AT_A_TIME, stop)
        part = fetch(begin, end)
        if len(part) < end - begin:
            raise short(begin + len(part), stop)
        yield part


def _piece(ctx: Context, entry: LedgerEntry, window: Window) -> bytes:
    """Fetch and join what a window has."""
    bodies = ctx.requests.each(
        lambda request: _blob_bytes(ctx, entry.sources[request[0]], request[1], request[2]), window.requests
    )
    updates = ctx.requests.each(lambda index: _update_data(ctx, entry.updates[index]), window.updates)
    return window.data(bodies, updates)


def _blob_bytes(ctx: Context, source: JournalID, start: int, stop: int) -> bytes:
    found = ctx.blob(source, start, stop)
    if found is not None:
        ctx.meter.add("bytes", len(found.body))
        return found.body
    if are_living(ctx, [source]):
        raise blobs.missing(ctx, source)
    raise OvertakenError


def _update_data(ctx: Context, update: Update, start: int | None = None, stop: int | None = None) -> bytes:
    found = ctx.store.get(layout.update_key(update), start, stop)
    if found is None:
        raise OvertakenError
    ctx.meter.add("bytes", len(found.body))
    return found.body


def _short_update(update: Update, size: int, stop: int) -> FlashFloodCorruptionError:
    return FlashFloodCorruptionError(
        f"journal {update.journal_id}: the update of its event {update.event_id!r} gave {size} bytes, not {stop}",
        event_id=update.event_id,
        journal_id=update.journal_id,
        key=layout.update_key(update),
    )


def _commit(ctx: Context, begun: _Begun) -> Manifest | None:
    """Create the manifest, or find it there where only the answer was lost. None: a fence has its key."""
    manifest = begun.combination.manifest(begun.entry.journal_id)
    if ctx.create_manifest(manifest):
        return manifest
    there = ctx.manifest(begun.entry.journal_id)
    return None if there is None or ledger.is_fence(there) else manifest
