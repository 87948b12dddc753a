"""Applying pending updates to the journals that they are for (PROTOCOL.md, step 11).

`WaitingUpdates` says which updates are for which journal; `combine` writes.
"""

import logging
from collections.abc import Callable

from flashflood._core import Sources
from flashflood.context import Context
from flashflood.identifiers import JournalID, Update
from flashflood.maintain.combine import Plan, combine_each, cut
from flashflood.maintain.finish import recover
from flashflood.maintain.waiting_updates import WaitingUpdates
from flashflood.records import ledger
from flashflood.records.living import are_living
from flashflood.records.overtaken import OvertakenError, until_settled

logger = logging.getLogger(__name__)


def apply_updates(
    ctx: Context, number_of_updates_to_apply: int | None, is_stopped: Callable[[], bool] = lambda: False
) -> int:
    """Apply the pending updates, journal by journal, until so many have been used up, and give how many were.

    None: all. Of those that are not reached, it is not asked what they are for.
    `is_stopped`: asked now and then; once it says so, no further update is begun.
    """
    recover(ctx)
    with ctx.meter.step("listing", "keys"):
        waiting = WaitingUpdates(ctx)
    applied = 0
    left = number_of_updates_to_apply
    with ctx.meter.step("applying", "updates", waiting.count if left is None else min(left, waiting.count)):
        while not is_stopped() and (left is None or left > 0) and (group := waiting.next_group(left)):
            used = until_settled("update", _Group(ctx, waiting, group).apply)
            applied += used
            left = None if left is None else left - used
    logger.info("%s: %d updates applied", ctx.store.name, applied)
    return applied


class _Group:
    """Journals that are rewritten at one time, each with its updates. A journal that is done is not tried again."""

    def __init__(self, ctx: Context, waiting: WaitingUpdates, pending: dict[JournalID, dict[Update, int]]) -> None:
        self._ctx = ctx
        self._waiting = waiting
        self._pending = pending
        self._applied = 0
        self._is_first_attempt = True

    def apply(self) -> int:
        """Rewrite the journals. Gives how many updates were used up.

        The updates of a journal that another process has replaced, or is replacing, are left to it. `OvertakenError`
        if some journals have to be tried again.
        """
        if not self._is_first_attempt:
            self._leave_out_taken()
        self._is_first_attempt = False
        manifests = self._ctx.requests.each(self._ctx.manifest, self._pending)
        found = [manifest for manifest in manifests if manifest is not None]
        for journal_id, updates in self._waiting.also_for(found).items():
            self._pending[journal_id] |= updates
        plans = [Plan(Sources([one]), self._pending[JournalID(one.journal_id)]) for one in found]
        self._pending = {_journal_of(plan): dict(plan.updates) for plan in plans}
        for chunk in cut(plans, _size):
            for plan, made in zip(chunk, combine_each(self._ctx, chunk), strict=True):
                if not isinstance(made, OvertakenError):
                    self._applied += len(plan.updates)
                    del self._pending[_journal_of(plan)]
        if self._pending:
            raise OvertakenError
        return self._applied

    def _leave_out_taken(self) -> None:
        taken = ledger.taken(ledger.read(self._ctx))
        alive = self._ctx.requests.each(lambda journal_id: are_living(self._ctx, [journal_id]), self._pending)
        self._pending = {
            journal_id: updates
            for (journal_id, updates), is_alive in zip(self._pending.items(), alive, strict=True)
            if is_alive and journal_id not in taken
        }


def _journal_of(plan: Plan) -> JournalID:
    (journal_id,) = plan.sources.journal_ids
    return JournalID(journal_id)


def _size(plan: Plan) -> int:
    return plan.sources.size + sum(plan.updates.values())
