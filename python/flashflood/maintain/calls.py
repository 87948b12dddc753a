"""The calls that look after a store: journals, updates, compaction, garbage, check and repair. Each is one line."""

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from flashflood.context import GRACE, Calls, kept
from flashflood.dates import DateRange, checked_length
from flashflood.identifiers import JournalID
from flashflood.journals import Journal
from flashflood.maintain import apply_updates, check, collect, combine_journals, compact, journal, repair
from flashflood.maintain.check import Findings
from flashflood.maintain.compact import Compaction
from flashflood.maintain.maintain import RULES, Maintained, Rules, maintain
from flashflood.maintain.repair import Repairs
from flashflood.progress import OnProgress
from flashflood.several import several


class Upkeep(Calls):
    """The part of `FlashFlood` that looks after a store."""

    @kept
    def update(self, number_of_updates_to_apply: int | None = 1000, *, progress: OnProgress | None = None) -> int:
        """Apply the pending updates and deletes, journal by journal, and give how many were applied.

        It ends once it has applied `number_of_updates_to_apply`. None: it applies all.
        `progress`: is given a `Progress` now and then, and at the end.
        """
        with self._ctx.telling("update", progress) as ctx:
            return apply_updates.apply_updates(ctx, number_of_updates_to_apply)

    @kept
    def journal(
        self,
        minimum_number_of_events: int = 100,
        minimum_size: int | None = None,
        *,
        progress: OnProgress | None = None,
    ) -> int:
        """Combine new events into one journal: the oldest ones that reach both minima, and no more. Gives how many.

        Where other processes journal at the same time, these are the oldest of those that it does not leave to them.

        `minimum_size`: bytes of data.
        `progress`: is given a `Progress` now and then, and at the end.
        `FlashFloodJournalingError` if there are too few. Pending updates and deletes are applied; an event that this
        deletes still counts for the minima.
        """
        with self._ctx.telling("journal", progress) as ctx:
            return journal.journal(ctx, minimum_number_of_events, minimum_size or 0)

    @kept
    def compact(
        self,
        target_size: int = compact.TARGET_SIZE,
        from_date: datetime | None = None,
        to_date: datetime | None = None,
        *,
        dry_run: bool = False,
        progress: OnProgress | None = None,
    ) -> Compaction:
        """Combine neighbouring small journals into larger ones, with their updates applied, and say what was done.

        `target_size`: bytes of manifest and blob that a journal grows to at most; one of a quarter of it is left alone.
        No event is rewritten more than twice, however often this is called; a few small journals stay until more have
        come. New events are left to `journal`.
        Only journals whose events all lie in from_date < date <= to_date are combined; a missing end is unbounded.
        `dry_run`: change nothing, and say what would be done, and what it would cost.
        `progress`: is given a `Progress` now and then, and at the end.
        `ValueError` for a range that ends before it begins, or a target below 1 byte.
        """
        call = compact.planned if dry_run else compact.compact
        dates = DateRange.of(from_date, to_date)
        with self._ctx.telling("compact", progress) as ctx:
            return call(ctx, target_size, dates)

    @kept
    def combine_journals(self, journals: Iterable[Journal | str]) -> Journal:
        """Combine living journals into one, with their pending updates applied, and give it.

        `journals`: as `open_journal` gives them, or their ids.
        `FlashFloodException` if one of them does not live (any more). `TypeError` if `journals` is one id.
        """
        given = several(journals, "journals")
        ids = [JournalID(journal.id_ if isinstance(journal, Journal) else journal) for journal in given]
        return Journal(self._ctx, combine_journals.combine_journals(self._ctx, ids))

    def check(self, *, sample: float | None = None, progress: OnProgress | None = None) -> Findings:
        """Look through the whole store, and give a `Finding` for each thing that is wrong. Reads only.

        A finding is a text, and has fields: kind, journal_id, key, event_id, remedy, and whether `repair` does that.
        Other calls may be under way: only what a fresh look finds again is wrong.
        `sample`: look only at such a part of the journals (0.01: one in a hundred), chosen by chance, with their
        manifests, blobs and index entries. What the index has beside them, and ids that several journals have, are not
        found so. The list's `looked_at` and `journals` say how many of how many journals were looked at.
        `progress`: is given a `Progress` now and then, and at the end.
        `ValueError` if `sample` is not above 0 and up to 1.
        """
        with self._ctx.telling("check", progress) as ctx:
            return check.check(ctx, sample)

    @kept
    def repair(self, *, dry_run: bool = False, progress: OnProgress | None = None) -> Repairs:
        """Mend what can be mended of what `check` finds, and give how many things were mended.

        These are combinations left behind, journals that share events or are out of order, manifests that are missing,
        and the index. The number's `taken_out` names each event that replay shows no more: one that had been deleted,
        or one of two events of one id; its `kinds` says how many of each kind there were. What cannot be mended stays:
        its `left` has the findings of a `check` afterwards.
        `dry_run`: change nothing, and say what would be mended, and what not.
        `progress`: is given a `Progress` now and then, and at the end.
        """
        with self._ctx.telling("repair", progress) as ctx:
            return (repair.planned if dry_run else repair.repair)(ctx)

    @kept
    def collect_garbage(
        self, grace: timedelta = GRACE, *, dry_run: bool = False, progress: OnProgress | None = None
    ) -> int:
        """Remove journals and updates that have been dead for longer than `grace`, and give how many.

        `dry_run`: change nothing, and give how many would be removed.
        `progress`: is given a `Progress` now and then, and at the end.
        No call of any process may last longer than half of `grace`: what it works with may be gone then.
        """
        call, length = collect.planned if dry_run else collect.collect_garbage, checked_length("grace", grace)
        with self._ctx.telling("collect_garbage", progress) as ctx:
            return call(ctx, length)

    def maintain(
        self,
        rules: Rules = RULES,
        *,
        every: timedelta | None = None,
        stop: threading.Event | None = None,
        progress: OnProgress | None = None,
    ) -> Maintained:
        """Journal, apply updates, compact and collect garbage, each where it is due by `rules`, and say what was done.

        `every`: do so again after each such time, until `stop` is set; None: once.
        `stop`: a `threading.Event`. Once it is set, nothing further is begun, and this returns after the step under
        way: a journal, some journals' updates, a part of a compaction.
        `progress`: is given a `Progress` now and then while a job is done, and at the end.
        Any number of processes may maintain one store, and be killed at any moment: what another one is at is left to
        it, and what one has left behind, the next one finishes.
        Where a job fails, the others are still done; then its error is raised.
        """
        pause = None if every is None else checked_length("every", every)
        with self._ctx.telling("maintain", progress) as ctx:
            return maintain(ctx, rules, pause, stop or threading.Event())
