"""Journaling: new events, each a journal of its own, become one journal (PROTOCOL.md, step 9).

Reads the new journals from the oldest on; `combine` writes.
"""

import random
from collections.abc import Callable, Iterator
from itertools import chain, islice

from flashflood._core import Sources
from flashflood.context import Context
from flashflood.exceptions import FlashFloodJournalingError
from flashflood.identifiers import JournalID
from flashflood.maintain.combine import combine
from flashflood.maintain.finish import recover
from flashflood.records import ledger
from flashflood.records.ledger import OpenEntry
from flashflood.records.living import new_journals
from flashflood.records.overtaken import OvertakenError, until_settled


class TooFewEventsError(FlashFloodJournalingError):
    """All new events together do not reach the minima."""


def journal(ctx: Context, minimum_number_of_events: int, minimum_size: int) -> int:
    """Combine the oldest new journals that together reach both minima: of events, and of bytes of data, before deletes.

    Gives how many events they have. `TooFewEventsError` if all new journals together do not reach the minima.
    """

    def is_enough(sources: Sources) -> bool:
        return sources.events >= minimum_number_of_events and sources.size >= minimum_size

    def too_few(sources: Sources, named: set[JournalID]) -> FlashFloodJournalingError:
        least = f"{minimum_number_of_events:,} events" + (f" and {minimum_size:,} bytes" if minimum_size else "")
        return TooFewEventsError(
            f"nothing journaled: {sources.events:,} new events with {sources.size:,} bytes of data, where a journal is"
            f" to have {least} at least{_under_way(named)}"
        )

    recover(ctx)
    return until_settled("journal", _Journaling(ctx, minimum_number_of_events, is_enough, too_few).attempt).events


def journal_up_to(ctx: Context, events: int, size: int) -> Sources:
    """Combine the oldest new journals that together reach `events` events or `size` bytes of data; or all, if none do.

    Gives these journals. None of them: other processes have all that there are.
    """

    def is_enough(sources: Sources) -> bool:
        return sources.events >= events or sources.size >= size

    recover(ctx)
    return until_settled("journal", _Journaling(ctx, events, is_enough).attempt)


class _Journaling:
    """One call, in all its attempts. It shares the new journals with other processes that journal at the same time.

    All of them would choose the oldest ones. So each leaves some to the others: where combinations are under way,
    whose owners may choose again meanwhile, up to as many shares as there are, by chance; and once several have chosen
    the same, as many as come before it among these. A share is as many journals as a call takes.
    """

    def __init__(
        self,
        ctx: Context,
        share: int,
        is_enough: Callable[[Sources], bool],
        too_few: Callable[[Sources, set[JournalID]], FlashFloodJournalingError] | None = None,
    ) -> None:
        """`too_few`: what to raise where all that are free are not enough. None: they are combined all the same."""
        self._ctx = ctx
        self._share = max(1, share)
        self._is_enough = is_enough
        self._too_few = too_few
        self._rank: int | None = None
        """How many shares are to be left to others; None: nobody has chosen the same yet."""

    def attempt(self) -> Sources:
        """Choose new journals, combine them, and give them. `OvertakenError` if others were faster."""
        under_way = ledger.read(self._ctx)
        chosen, are_all = self._chosen(under_way)
        sources = self._read(chosen)
        if not self._is_enough(sources):
            if not are_all:
                self._rank = 0
                raise OvertakenError
            if self._too_few is not None:
                raise self._too_few(sources, ledger.taken(under_way))
        if sources:
            try:
                combine(self._ctx, sources)
            except OvertakenError as error:
                self._rank, self._share = error.rank, len(sources.journal_ids)
                raise
        return sources

    def _chosen(self, under_way: list[OpenEntry]) -> tuple[Iterator[JournalID], bool]:
        """Give new journals that no combination names, after the shares that are left to others; and if these are all.

        Where no share follows, and nobody has chosen the same yet, they are from the oldest on.
        """
        named = ledger.taken(under_way)
        free = (found for found in new_journals(self._ctx) if found not in named)
        shares = random.randint(0, len(under_way)) if self._rank is None else self._rank  # noqa: S311  no secret
        passed = list(islice(free, shares * self._share))
        following = list(islice(free, self._share)) if passed else []
        if passed and (self._rank or len(following) == self._share):
            return chain(following, free), False
        return chain(passed, following, free), True

    def _read(self, chosen: Iterator[JournalID]) -> Sources:
        """Read manifests until there are enough events."""
        sources, requests, meter = Sources(), self._ctx.requests, self._ctx.meter
        with meter.step("reading", "journals"):
            for manifest in requests.stream(self._ctx.manifest, chosen, ahead=requests.workers):
                if manifest is None:
                    raise OvertakenError
                sources.add(manifest)
                meter.add("journals")
                if self._is_enough(sources):
                    break
        return sources


def _under_way(journal_ids: set[JournalID]) -> str:
    if not journal_ids:
        return ""
    return (
        f" ({len(journal_ids)} journals are in combinations under way, or left behind by a process that died; the next"
        f" call after {ledger.LEFT_BEHIND} finishes those)"
    )
