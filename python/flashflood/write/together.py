"""Events of several callers, stored together (PROTOCOL.md, steps 4 and 5); each is told of its own event only."""

from collections.abc import Collection
from functools import partial
from typing import TypeAlias

from flashflood.context import Context
from flashflood.exceptions import FlashFloodException, FlashFloodJournalingError
from flashflood.records.overtaken import until_settled
from flashflood.write.given import Given
from flashflood.write.put import put
from flashflood.write.put_many import Batch

Outcome: TypeAlias = Exception | None
"""What became of an event: it is stored, or the error that `put` raises of it."""


def put_together(ctx: Context, events: Collection[Given]) -> list[Outcome]:
    """Store events, no two of them of one id; say what became of each. It is a batch, unless puts take fewer requests.

    What ends a batch as a whole, such as a server that does not answer, is raised; then each event may be stored or
    not, as where a `put` fails.
    """
    if not _is_worthwhile(ctx, events):
        return _put_each(ctx, events)
    refused: dict[str, Outcome] = {}

    def refuse(given: Given, error: FlashFloodException) -> None:
        refused[given.event_id] = error

    try:
        until_settled("put", Batch(ctx, events, refuse).put)
    except FlashFloodJournalingError:  # other writers were at the same ids each time
        rest = [given for given in events if given.event_id not in refused]
        refused |= zip([given.event_id for given in rest], _put_each(ctx, rest), strict=True)
    return [refused.get(given.event_id) for given in events]


def _put_each(ctx: Context, events: Collection[Given]) -> list[Outcome]:
    return ctx.requests.each(partial(_put, ctx), events)


def _put(ctx: Context, given: Given) -> Outcome:
    try:
        put(ctx, given)
    except Exception as error:  # noqa: BLE001  its caller is told
        return error
    return None


def _is_worthwhile(ctx: Context, events: Collection[Given]) -> bool:
    """Whether a batch takes no more requests than puts.

    A batch takes one for each id that was made here, four for each that was given, and three of its own; a put three
    and five. In a near store any batch is cheaper: it is one transaction instead of several.
    """
    made = sum(given.is_new_id for given in events)
    others = len(events) - made
    return len(events) > 1 and (ctx.store.is_near or made + 4 * others + 3 <= 3 * made + 5 * others)
