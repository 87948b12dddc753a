"""Combining journals that the caller names (PROTOCOL.md, step 9); `combine` writes."""

from collections.abc import Sequence

from flashflood._core import Manifest, Sources
from flashflood.context import Context
from flashflood.exceptions import FlashFloodException
from flashflood.identifiers import JournalID
from flashflood.maintain.combine import combine
from flashflood.maintain.finish import recover
from flashflood.records import ledger
from flashflood.records.living import are_living
from flashflood.records.overtaken import OvertakenError, until_settled


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


def _combine(ctx: Context, journal_ids: Sequence[JournalID]) -> Manifest:
    if ledger.taken(ledger.read(ctx)).intersection(journal_ids):
        raise OvertakenError
    manifests = ctx.requests.each(ctx.manifest, journal_ids)
    found = [manifest for manifest in manifests if manifest is not None]
    if len(found) < len(journal_ids) or not are_living(ctx, journal_ids):
        msg = f"not all of these journals live, list them again: {', '.join(journal_ids)}"
        raise FlashFloodException(msg)
    return combine(ctx, Sources(found))
