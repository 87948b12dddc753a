"""Journaling: new events, each a journal of its own, become one journal (PROTOCOL.md, step 9).

Reads the new journals from the oldest on; `combine` writes.
"""

from flashflood._core import Sources
from flashflood.context import Context
from flashflood.exceptions import FlashFloodJournalingError
from flashflood.identifiers import JournalID
from flashflood.maintain.combine import combine
from flashflood.maintain.finish import recover
from flashflood.records import ledger
from flashflood.records.living import new_journals
from flashflood.records.overtaken import OvertakenError, until_settled


def journal(ctx: Context, minimum_number_of_events: int, minimum_size: int) -> None:
    """Combine the oldest new journals that together reach both minima: of events, and of bytes of data, before deletes.

    `FlashFloodJournalingError` if all new journals together do not.
    """
    recover(ctx)
    until_settled("journal", lambda: _journal(ctx, minimum_number_of_events, minimum_size))


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
