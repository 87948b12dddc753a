"""Journaling: new events, each a journal of its own, become one journal (PROTOCOL.md, step 9).

Reads the new journals from the oldest on; `combining` writes.
"""

from collections.abc import Sequence

from flashflood import ledger
from flashflood._core import Manifest, Sources
from flashflood.combining import OvertakenError, are_living, combine, until_settled
from flashflood.context import Context
from flashflood.exceptions import FlashFloodException, FlashFloodJournalingError
from flashflood.finishing import recover
from flashflood.identifiers import JournalID
from flashflood.listing import new_journals


def journal(ctx: Context, minimum_number_of_events: int, minimum_size: int) -> None:
    """Combine the oldest new journals that together reach both minima: of events, and of bytes of data, before deletes.

    `FlashFloodJournalingError` if all new journals together do not.
    """
    recover(ctx)
    until_settled("journal", lambda: _journal(ctx, minimum_number_of_events, minimum_size))


def combine_journals(ctx: Context, journal_ids: Sequence[JournalID]) -> Manifest:
    """Combine these living journals into one, and give its manifest.

    `FlashFloodException` if one of them does not live.
    """
    if not journal_ids:
        msg = "combine_journals was given no journals; give it at least one"
        raise ValueError(msg)
    ids = [JournalID.given(journal_id) for journal_id in dict.fromkeys(journal_ids)]
    recover(ctx)
    return until_settled("combine_journals", lambda: _combine(ctx, ids))


def _journal(ctx: Context, minimum_number_of_events: int, minimum_size: int) -> None:
    under_way = ledger.taken(ledger.read(ctx))
    sources = Sources()
    free = (found for found in new_journals(ctx) if found not in under_way)
    for manifest in ctx.requests.stream(ctx.manifest, free, ahead=ctx.requests.workers):
        if manifest is None:
            raise OvertakenError
        sources.add(manifest)
        if sources.events >= minimum_number_of_events and sources.size >= minimum_size:
            break
    if sources.events < minimum_number_of_events or sources.size < minimum_size:
        msg = (
            f"nothing journaled: {sources.events} new events with {sources.size} bytes, fewer than "
            f"minimum_number_of_events={minimum_number_of_events}, minimum_size={minimum_size}{_under_way(under_way)}"
        )
        raise FlashFloodJournalingError(msg)
    if sources:
        combine(ctx, sources)


def _under_way(journal_ids: set[JournalID]) -> str:
    if not journal_ids:
        return ""
    return (
        f" ({len(journal_ids)} journals are in combinations under way, or left behind by a process that died; the next"
        f" call after {ledger.LEFT_BEHIND} finishes those)"
    )


def _combine(ctx: Context, journal_ids: Sequence[JournalID]) -> Manifest:
    if ledger.taken(ledger.read(ctx)).intersection(journal_ids):
        raise OvertakenError
    manifests = ctx.requests.each(ctx.manifest, journal_ids)
    found = [manifest for manifest in manifests if manifest is not None]
    if len(found) < len(journal_ids) or not are_living(ctx, journal_ids):
        msg = f"not all of these journals live, list them again: {', '.join(journal_ids)}"
        raise FlashFloodException(msg)
    return combine(ctx, Sources(found))
