"""Which pending updates wait for which living journals (PROTOCOL.md, steps 9 and 11).

All updates are listed once. Whether the journals that they are addressed to live is asked when their turn comes, for
many at a time. Updates of dead journals are followed together. Reads; and buries updates that are for no journal.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from heapq import heappop, heappush

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.maintain.holders import holders
from flashflood.records import ledger
from flashflood.records.pending_updates import all_pending_updates
from flashflood.records.prefixes import listed_under

JOURNALS_AT_A_TIME = 64
"""Journals that are given at a time."""

Sized = dict[Update, int]
"""Updates, each with the size of its data in bytes."""


class WaitingUpdates:
    """The pending updates of one call, given journal by journal. Those for journals being combined are left out."""

    def __init__(self, ctx: Context) -> None:
        """Read the ledger, and list all updates."""
        self._ctx = ctx
        self._taken = ledger.taken(ledger.read(ctx))
        self._addressed: dict[JournalID, Sized] = {}
        """By the journals that they are addressed to, of which it is not known yet whether they live; in key order."""
        self._waiting: dict[JournalID, Sized] = {}
        """By the living journals that they are for."""
        self._order: list[JournalID] = []
        """A heap of these journals, and of some that were given."""
        self._looked_at = 0
        """How many journals were looked at together last."""
        self._of_events: defaultdict[str, list[JournalID]] = defaultdict(list)
        """The journals that updates of each event are addressed to."""
        for found, size in sorted(all_pending_updates(ctx).items(), key=lambda pending: pending[0].journal_id):
            if found.journal_id not in self._taken:
                self._addressed.setdefault(found.journal_id, {})[found] = size
                self._of_events[found.event_id].append(found.journal_id)
        self.count = sum(map(len, self._addressed.values()))
        """How many there are; some may turn out to be for no journal."""

    def next_group(self, count: int | None) -> dict[JournalID, Sized]:
        """Give some living journals with their updates, so that there are `count` of them, or all (None), if it can be.

        No journal: there are no more. Before one is rewritten, ask `also_for` its manifest.
        """
        while self._addressed and (count is None or sum(map(len, self._waiting.values())) < count):
            self._look_at(self._next_journals(count))
        group: dict[JournalID, Sized] = {}
        left = count
        while self._order and len(group) < JOURNALS_AT_A_TIME and (left is None or left > 0):
            journal_id = heappop(self._order)
            if journal_id in self._waiting:
                group[journal_id] = self._waiting.pop(journal_id)
                left = None if left is None else left - len(group[journal_id])
        return group

    def also_for(self, manifests: Iterable[Manifest]) -> dict[JournalID, Sized]:
        """Give, of what has not been looked at yet, the updates that wait for these living journals too.

        They are for events that these have, and may be addressed to journals that were combined into these. Once a
        journal has been rewritten, what it becomes could not tell any more that they were for it.
        """
        heirs = {JournalID(manifest.journal_id): manifest for manifest in manifests}
        related = set(heirs)
        for manifest in heirs.values() if self._addressed else ():
            for row in manifest.rows():
                related.update(self._of_events.get(row.event_id, ()))
        self._look_at(sorted(related & self._addressed.keys()))
        return {journal_id: self._waiting.pop(journal_id) for journal_id in heirs if journal_id in self._waiting}

    def _next_journals(self, count: int | None) -> list[JournalID]:
        """Give the first journals that have so many updates; at least twice as many journals as the last time."""
        chosen: list[JournalID] = []
        updates = 0
        for journal_id, addressed in self._addressed.items():
            if count is not None and updates >= count and len(chosen) >= 2 * self._looked_at:
                break
            chosen.append(journal_id)
            updates += len(addressed)
        self._looked_at = len(chosen)
        return chosen

    def _look_at(self, journal_ids: Collection[JournalID]) -> None:
        """Find out which living journals the updates addressed to these are for; bury those that are for none."""
        addressed = {journal_id: self._addressed.pop(journal_id) for journal_id in journal_ids}
        states = _states(self._ctx, addressed)
        dead: Sized = {}
        for journal_id, updates in addressed.items():
            if states[journal_id] == {""}:
                self._wait(journal_id, updates)
            else:
                dead |= updates
        held = holders(self._ctx, dead)
        for update, holder in held.items():
            self._wait(holder, {update: dead[update]})
        # A `new` journal of which nothing is there may be the claim of a put that is under way.
        void = [found for found in dead if found not in held and (states[found.journal_id] or not _is_new(found))]
        self._ctx.requests.each(lambda found: self._ctx.bury_object(layout.update_key(found)), void)

    def _wait(self, journal_id: JournalID, updates: Sized) -> None:
        if journal_id in self._taken:
            return
        if journal_id not in self._waiting:
            self._waiting[journal_id] = {}
            heappush(self._order, journal_id)
        self._waiting[journal_id] |= updates


def _states(ctx: Context, journal_ids: Iterable[JournalID]) -> dict[JournalID, set[str]]:
    """Say what there is of each journal: its manifest (""), its tombstone (".dead")."""
    keys = {journal_id: layout.journal_key(journal_id) for journal_id in journal_ids}
    listed = listed_under(ctx, keys.values())
    return {
        journal_id: {entry.key.removeprefix(key) for entry in listed[key]} & {"", TOMBSTONE_SUFFIX}
        for journal_id, key in keys.items()
    }


def _is_new(found: Update) -> bool:
    return found.journal_id.version == NEW
