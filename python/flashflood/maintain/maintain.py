"""Maintenance: the jobs that a store needs, each when it is due: journal, apply updates, compact, collect garbage.

Looks at what waits, and calls the jobs, which may run anywhere else at the same time. Writes only the markers that say
when a job was last begun; see `layout.LAST`.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from flashflood import layout, telemetry
from flashflood.context import GRACE, Context
from flashflood.dates import ALWAYS
from flashflood.exceptions import FlashFloodJournalingError
from flashflood.maintain.apply_updates import apply_updates
from flashflood.maintain.collect import collect_garbage
from flashflood.maintain.compact import TARGET_SIZE, compact
from flashflood.maintain.journal import journal_up_to
from flashflood.records.living import journal_id, new_entries
from flashflood.records.pending_updates import pending_entries
from flashflood.store.protocol import Entry

logger = logging.getLogger(__name__)

EVENTS_OF_A_JOURNAL = 10_000
"""New events that go into one journal at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When `maintain` does what. A job is due as soon as one of its rules says so. None: that rule never does."""

    journal_events: int | None = 1000
    """Journal where so many events are new. Of `put_many`, a batch of fewer than 100 counts as one."""
    journal_bytes: int | None = 16_000_000
    """Journal where these have so many bytes of data."""
    journal_age: timedelta | None = timedelta(minutes=5)
    """Journal where the oldest of them was put so long ago."""
    update_count: int | None = 1000
    """Apply updates and deletes where so many wait."""
    update_age: timedelta | None = timedelta(hours=1)
    """Apply them where the oldest has waited for so long."""
    compact_every: timedelta | None = timedelta(hours=1)
    """Compact where nobody has begun to for so long."""
    target_size: int = TARGET_SIZE
    """Bytes of a journal: how far `compact` goes."""
    collect_every: timedelta | None = timedelta(hours=1)
    """Collect garbage where nobody has begun to for so long."""
    grace: timedelta = GRACE
    """How long garbage must have been dead."""


RULES = Rules()
"""Those of whoever gives none."""


class Maintained(NamedTuple):
    """What maintenance has done."""

    journaled: int
    """New events that went into journals."""
    updates: int
    """Updates and deletes that were applied, without those that journaling and compacting applied on the way."""
    compacted: int
    """Journals that were combined into larger ones."""
    collected: int
    """Dead journals and updates that were removed."""


def maintain(ctx: Context, rules: Rules, every: timedelta | None, stop: threading.Event) -> Maintained:
    """Do what is due: once, or again after each `every`, until `stop` is set."""
    done = one_round(ctx, rules, stop)
    while every is not None and not stop.wait(every.total_seconds()):
        done = Maintained(*map(sum, zip(done, one_round(ctx, rules, stop), strict=True)))
    return done


def one_round(ctx: Context, rules: Rules, stop: threading.Event) -> Maintained:
    """Do what is due. Where a job fails, the others are done all the same; then the first error is raised."""
    failures: list[Exception] = []
    with telemetry.call("maintain", ctx.store.name):
        this = _Round(ctx, rules, stop)
        try:
            jobs = (this.journal, this.apply_updates, this.compact, this.collect_garbage)
            counts = [0 if stop.is_set() else _done(ctx, job, failures) for job in jobs]
        finally:
            ctx.store.flush()
        if failures:
            first, *more = failures
            for failure in more:
                first.add_note(str(failure))
            raise first
        return Maintained(*counts)


def _done(ctx: Context, job: Callable[[], int], failures: list[Exception]) -> int:
    """Do a job, and give how much was done. An error is added to `failures`; one of the caller's own ends it all."""
    try:
        return job()
    except Exception as error:
        if ctx.meter.is_ended_by(error):
            raise
        if isinstance(error, FlashFloodJournalingError):
            logger.info("left to other processes: %s", error)
        else:
            failures.append(error)
    return 0


class _Waiting(NamedTuple):
    """Objects that wait for a job."""

    number: int
    oldest: datetime | None
    """When the oldest one was written."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "_Waiting":
        """Go through them."""
        number, oldest = 0, None
        for entry in entries:
            number += 1
            oldest = entry.modified if oldest is None else min(oldest, entry.modified)
        return cls(number, oldest)


class _Round:
    """The jobs of one round: each looks whether it is due, and gives how much it has done."""

    def __init__(self, ctx: Context, rules: Rules, stop: threading.Event) -> None:
        self._ctx = ctx
        self._rules = rules
        self._stop = stop

    @cached_property
    def _now(self) -> datetime:
        """Asked for where it matters: asking writes, which would make a store where there is none."""
        return self._ctx.now()

    def _waiting(self, entries: Iterable[Entry]) -> "_Waiting":
        with self._ctx.meter.step("listing", "keys"):
            return _Waiting.of(entries)

    def journal(self) -> int:
        """Journal all events that are new now, where that is due."""
        waiting = self._waiting(new_entries(self._ctx))
        left = waiting.number if self._is_journal_due(waiting) else 0
        journaled = 0
        while left > 0 and not self._stop.is_set():
            some = journal_up_to(self._ctx, EVENTS_OF_A_JOURNAL, self._rules.target_size)
            if not some:
                break
            left -= len(some.journal_ids)
            journaled += some.events
        return journaled

    def _is_journal_due(self, waiting: "_Waiting") -> bool:
        rules = self._rules
        if self._is_due(waiting, rules.journal_events, rules.journal_age):
            return True
        return rules.journal_bytes is not None and waiting.number > 0 and self._new_reach(rules.journal_bytes)

    def _new_reach(self, size: int) -> bool:
        """Whether the data of the new events have so many bytes."""
        requests, found = self._ctx.requests, 0
        with closing(new_entries(self._ctx)) as entries:
            for manifest in requests.stream(self._ctx.manifest, map(journal_id, entries), ahead=requests.workers):
                found += 0 if manifest is None else manifest.size
                if found >= size:
                    return True
        return False

    def apply_updates(self) -> int:
        """Apply all updates that wait, where that is due."""
        waiting = self._waiting(pending_entries(self._ctx))
        if not self._is_due(waiting, self._rules.update_count, self._rules.update_age):
            return 0
        return apply_updates(self._ctx, None, self._stop.is_set)

    def _is_due(self, waiting: "_Waiting", count: int | None, age: timedelta | None) -> bool:
        """Whether so many wait, or one for so long."""
        if waiting.oldest is None:
            return False
        return (count is not None and waiting.number >= count) or (
            age is not None and self._now - waiting.oldest >= age
        )

    def compact(self) -> int:
        """Compact, where nobody has for a while."""
        if not self._begins("compact", self._rules.compact_every):
            return 0
        return compact(self._ctx, self._rules.target_size, ALWAYS, self._stop.is_set).journals

    def collect_garbage(self) -> int:
        """Collect garbage, where nobody has for a while."""
        if not self._begins("collect", self._rules.collect_every):
            return 0
        return collect_garbage(self._ctx, self._rules.grace, self._stop.is_set)

    def _begins(self, job: str, every: timedelta | None) -> bool:
        """Whether nobody has begun a job for so long; then this process does, and the marker says so."""
        if every is None:
            return False
        marker = self._ctx.store.head(layout.last_key(job))
        if marker is None and not self._ctx.has_objects():
            return False
        if marker is not None and self._now - marker.modified < every:
            return False
        self._ctx.store.put(layout.last_key(job), b"")
        return True
