"""Following, poll after poll (FOLLOW.md): what `ff.follow` gives."""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX
from typing import NamedTuple, NoReturn, TypeAlias, TypeVar

from flashflood._core import Batch, parse_timestamp
from flashflood.context import GRACE, Context
from flashflood.cursors import Cursor, cursor_of
from flashflood.dates import checked_length
from flashflood.events import Event
from flashflood.follow.counting import Reader
from flashflood.follow.look import Full, Look, look
from flashflood.follow.poll import Poll, Step
from flashflood.pickling import no_pickle
from flashflood.records import blobs
from flashflood.replay.after import After, place_of
from flashflood.replay.rows import VanishedError
from flashflood.replay.windows import Stage
from flashflood.telemetry import iteration
from flashflood.turns import SharedIterator

logger = logging.getLogger(__name__)

T = TypeVar("T")

LATENESS = timedelta(minutes=1)
EVERY = timedelta(seconds=10)
LONGEST_NEAR = GRACE.total_seconds() / 8
"""Seconds after which a full look is due, whatever near ones have listed: well before a cursor is too old."""

Late: TypeAlias = Callable[[Event], object] | None
"""What is called with each late event; None: they are counted, and logged."""


class Pace(NamedTuple):
    """When a follower looks, and up to when."""

    lateness: timedelta
    """For how long an event waits for others of earlier dates."""
    every: timedelta
    """How long after a poll the next one begins."""
    waits: bool
    """Whether it goes on once it has caught up."""

    @classmethod
    def of(cls, lateness: timedelta, every: timedelta, *, waits: bool) -> "Pace":
        """Take what a caller gave. `TypeError` for what is no length of time, `ValueError` below 0."""
        for argument, length in (("lateness", lateness), ("every", every)):
            if checked_length(argument, length) < timedelta(0):
                msg = f"{argument}={length!r} is below 0; give a length of time of 0 or more"
                raise ValueError(msg)
        return cls(lateness, every, waits)


class Following(SharedIterator[T]):
    """Poll after poll, from a cursor. What is handed over of each step, who inherits it says.

    Several threads may share it: each item goes to one of them.
    """

    late: int
    """How many events have come late so far."""

    def __init__(self, ctx: Context, start: Cursor, pace: Pace, stage: Stage[Batch]) -> None:
        """Make no request yet."""
        self._ctx = ctx
        self._pace = pace
        self._stage = stage
        self.late = 0
        self._cursor: Callable[[], Cursor] = lambda: start
        self._reader = Reader(ctx)
        self._glances = Glances()
        self._missed: set[str] = set()
        """The journals of which something was gone, since a look has been handed over."""
        self._is_closed = False
        self._woken: SimpleQueue[None] = SimpleQueue()
        """`close` may be called by a signal's handler, for which it is made."""
        super().__init__(self._items_of_polls(), "this follower", iteration("follow", ctx.store.name))

    @property
    def cursor(self) -> str:
        """The cursor after the event that was given last, as a text to be kept: `follow(after=...)` goes on there."""
        return self._cursor().text(self._ctx.store.name)

    def close(self) -> None:
        """End it, also while it waits, from any thread: no more requests, no more events. The cursor stays."""
        self._is_closed = True
        self._woken.put(None)
        if self._process in {None, os.getpid()}:
            with self._lock:
                if not self._is_taking:  # else this thread is inside, in a callback or a signal's handler
                    super().close()

    def __reduce__(self) -> NoReturn:
        """Say what to do instead of pickling."""
        raise no_pickle(self, "give its `cursor` to the other process, and follow there")

    def _before(self) -> Generator[T, None, int]:
        """Hand over what goes before the events of a full look; give how many pages it has listed beside theirs."""
        yield from ()
        return 0

    def _given(self, step: Step, passed: "Passed") -> T | None:
        """Give what is handed over of a step, before the cursor moves, if anything; what is late counts."""
        raise NotImplementedError

    def _ready(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the steps of a poll."""
        return steps

    def _rest(self) -> None:
        """Do what is due at the end of a poll, once all that it found has been given."""

    def _items_of_polls(self) -> Generator[T, None, None]:
        while not self._is_closed:
            is_whole = yield from self._poll()
            if is_whole:
                self._missed.clear()
                self._rest()
                if not self._pace.waits:
                    return
                self._wait()

    def _poll(self) -> Generator[T, None, bool]:
        """Look, and hand over what there is. Gives whether that was all; else another look is to go on."""
        full = self._glances.full()
        pages = 0 if full is not None else (yield from self._before())
        if self._is_closed:
            return False
        found = look(self._ctx, self._cursor(), self._pace.lateness, full)
        found.pages += pages
        poll = Poll(self._ctx, found, self._reader, self._stage)
        passed = Passed(self._ctx.store.name)
        try:
            for step in self._ready(poll.steps()):
                given = self._given(step, passed)
                self._cursor = step.cursor
                if given is not None:
                    yield given
                if self._is_closed:
                    return False
        except VanishedError as error:
            if error.journal_id in self._missed:
                raise blobs.missing(self._ctx, error.journal_id, error.what) from None
            self._missed.add(error.journal_id)
            self._glances.forget()
            return False
        finally:
            passed.tell()
        if poll.is_over:
            self._glances.forget()
            return False
        self._glances.note(found, self._cursor())
        return True

    def _wait(self) -> None:
        with suppress(Empty):
            self._woken.get(timeout=min(self._pace.every.total_seconds(), TIMEOUT_MAX))


class Follower(Following[Event]):
    """Events as they come, each once for a cursor; in order within what `lateness` allows.

    Several threads may share it: each event goes to one of them.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what `follow` takes
        self,
        ctx: Context,
        after: After | None,
        pace: Pace,
        stage: Stage[Batch],
        late: Late,
        rest: Callable[[], object] = lambda: None,
    ) -> None:
        """Make no request yet. `rest`: called at the end of each poll, once all that it found has been given."""
        self._on_late = late
        self._on_rest = rest
        super().__init__(ctx, begin(after, ctx.store.name, has_changes=False), pace, stage)

    def _given(self, step: Step, passed: "Passed") -> Event | None:
        if step.event is None or not step.is_late:
            return step.event
        (self._on_late or passed.add)(step.event)
        self.late += 1
        return None

    def _rest(self) -> None:
        self._on_rest()


class Glances:
    """When to look near: so long as that lists no more pages than the last full look did."""

    def __init__(self) -> None:
        """Begin with a full look."""
        self._full: Full | None = None
        self._pages = 0
        self._full_at = 0.0

    def full(self) -> Full | None:
        """Give what a near look is to go by. None: a full one is due."""
        if self._full is None or self._pages >= self._full.pages or time.monotonic() - self._full_at > LONGEST_NEAR:
            self._full = None
        return self._full

    def note(self, found: Look, cursor: Cursor) -> None:
        """Take a look that has been handed over, and the cursor then."""
        if found.is_full:
            self._full, self._full_at, self._pages = found.remembered(cursor), time.monotonic(), 1
        else:
            self._pages += found.pages

    def forget(self) -> None:
        """Let the next look be full."""
        self._full = None


class Passed:
    """The late events of a poll that were handed to nobody."""

    def __init__(self, store: str) -> None:
        """Have none yet. `store`: its name."""
        self._store = store
        self._first: Event | None = None
        self._count = 0

    def add(self, event: Event) -> None:
        """Count an event."""
        self._first = self._first or event
        self._count += 1

    def tell(self) -> None:
        """Say how many there were, and which was the first."""
        if self._first is not None:
            logger.warning(
                "%s: %d late events were passed over, the first one %r of %s; `follow(late=...)` hands them over",
                self._store,
                self._count,
                self._first.event_id,
                self._first.date,
            )


def begin(after: After | None, store: str, *, has_changes: bool) -> Cursor:
    """Give the cursor to begin with. `TypeError` or `ValueError` for what is none, and for another store's.

    `has_changes`: whether the follower is told of changes; a cursor is one with them, or without.
    """
    if isinstance(after, str):
        cursor = cursor_of(after, store)
        if (cursor.changes is not None) != has_changes:
            msg = (
                f"the cursor is of a follower with changes={not has_changes}: follow with that,"
                f" or from its place, follow(after=({parse_timestamp(cursor.place[0])!r}, {cursor.place[1]!r}))"
            )
            raise ValueError(msg)
        return cursor
    place = place_of(after, store)
    return Cursor() if place is None else Cursor(place, place[0])
