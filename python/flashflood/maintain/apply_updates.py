"""Applying pending updates to the journals that they are for (PROTOCOL.md, step 11).

Reads `update/`, and follows updates whose journal is dead; `combine` writes.
"""

from collections import defaultdict
from functools import partial

from flashflood import layout
from flashflood._core import Sources, format_timestamp
from flashflood.context import Context
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.maintain.combine import Plan, combine_each, cut
from flashflood.maintain.finish import recover
from flashflood.records import ledger
from flashflood.records.index import lookup
from flashflood.records.living import are_living, living_journals
from flashflood.records.overtaken import OvertakenError, until_settled
from flashflood.records.pending_updates import all_pending_updates

JOURNALS_AT_A_TIME = 64
"""Journals that are taken up at a time; `cut` cuts them further, by their bytes."""


def apply_updates(ctx: Context, number_of_updates_to_apply: int | None) -> int:
    """Apply the pending updates, journal by journal, until so many have been used up, and give how many were.

    None: all.
    """
    recover(ctx)
    applied = 0
    pending = _by_journal(ctx)
    left = sorted(pending)
    while left and (number_of_updates_to_apply is None or applied < number_of_updates_to_apply):
        group: dict[JournalID, dict[Update, int]] = {}
        in_group = 0
        for journal_id in left[:JOURNALS_AT_A_TIME]:
            if number_of_updates_to_apply is not None and applied + in_group >= number_of_updates_to_apply:
                break
            group[journal_id] = pending[journal_id]
            in_group += len(pending[journal_id])
        applied += until_settled("update", _Group(ctx, group).apply)
        left = left[len(group) :]
    return applied


class _Group:
    """Journals that are rewritten at one time, each with its updates. A journal that is done is not tried again."""

    def __init__(self, ctx: Context, pending: dict[JournalID, dict[Update, int]]) -> None:
        self._ctx = ctx
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


def _by_journal(ctx: Context) -> dict[JournalID, dict[Update, int]]:
    """Group the pending updates by the living journal that each is for; bury those that are for none (any more)."""
    taken = ledger.taken(ledger.read(ctx))
    addressed: defaultdict[JournalID, dict[Update, int]] = defaultdict(dict)
    for found, size in all_pending_updates(ctx).items():
        if found.journal_id not in taken:
            addressed[found.journal_id][found] = size
    pending: defaultdict[JournalID, dict[Update, int]] = defaultdict(dict)
    states = ctx.requests.each(partial(_state, ctx), addressed)
    for (journal_id, updates), state in zip(addressed.items(), states, strict=True):
        if state == {""}:
            pending[journal_id] |= updates
            continue
        holders = ctx.requests.each(partial(_holder, ctx), updates)
        for (found, size), holder in zip(updates.items(), holders, strict=True):
            if holder is not None:
                pending[holder][found] = size
            elif state or journal_id.version != NEW:  # else it may be for the claim of a put that is under way
                ctx.bury_object(layout.update_key(found))
    return {journal_id: updates for journal_id, updates in pending.items() if journal_id not in taken}


def _state(ctx: Context, journal_id: JournalID) -> set[str]:
    """Say what there is of a journal: its manifest (""), its tombstone (".dead")."""
    key = layout.journal_key(journal_id)
    return {entry.key.removeprefix(key) for entry in ctx.entries(key)} & {"", TOMBSTONE_SUFFIX}


def _holder(ctx: Context, found: Update) -> JournalID | None:
    """Follow an update one step, from its dead journal to the living one that the row came to.

    None: the row is gone, or has moved on further.
    """
    entry = lookup(ctx, found.event_id).entry
    if entry is not None and _holds(ctx, found, entry.target):
        return entry.target
    start, end = found.journal_id.start, found.journal_id.end
    overlapping = (other for other in living_journals(ctx) if other.start <= end and start <= other.end)
    return next((other for other in overlapping if _holds(ctx, found, other)), None)


def _holds(ctx: Context, found: Update, journal_id: JournalID) -> bool:
    """Whether a journal has the very row that an update was written for.

    It says so itself, or 0.4.3 wrote it and nothing speaks against it.
    """
    manifest = ctx.manifest(journal_id)
    row = None if manifest is None else manifest.find(found.event_id)
    if manifest is None or row is None:
        return False
    if manifest.is_ours:
        return row.came_from == found.journal_id
    if not found.journal_id.start <= row.timestamp <= found.journal_id.end:
        return False
    head = ctx.store.head(layout.journal_key(journal_id))
    return journal_id.version != NEW or (head is not None and format_timestamp(head.modified) <= found.timestamp)
