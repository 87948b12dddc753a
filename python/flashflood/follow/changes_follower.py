"""Following events and their changes, to keep a copy (FOLLOW.md, "Updates and deletes"): `ff.follow(changes=True)`."""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Literal, TypeAlias

from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.events import Event
from flashflood.follow.changes import NEVER, Changes
from flashflood.follow.follower import Following, Pace, Passed, begin
from flashflood.follow.late import place_of
from flashflood.follow.poll import Step
from flashflood.identifiers import Update
from flashflood.read.get_events import get_events
from flashflood.replay.after import After
from flashflood.replay.rows import VanishedError
from flashflood.replay.stages import Stages

Kind: TypeAlias = Literal["put", "update", "delete"]
"""What has happened to an event."""

FOLDERS = 2
"""Where updates lie: their first pages do not put off the next full look."""
RUN = 500
"""Steps that are looked through at a time for events that have changed, so that these are read together."""
RUN_BYTES = 4_000_000
"""Bytes of data at which such a run ends, however few its steps."""


class ChangesFollower(Following[tuple[Kind, Event]]):
    """Events as they come and as they change, each as (kind, event).

    A copy that replaces what it has of an id by what is put or updated, and drops what is deleted, ends as the store.
    Several threads may share it: each item goes to one of them.
    """

    def __init__(self, ctx: Context, after: After | None, pace: Pace, stages: Stages) -> None:
        """Make no request yet."""
        ctx = ctx.reading_pending_updates()  # what is applied later is no change any more
        start = begin(after, ctx.store.name, has_changes=True)
        self._stages = stages
        self._changes = Changes(ctx, start.changes or NEVER)
        super().__init__(ctx, start, pace, lambda batch: batch)  # the filter waits for what has changed

    @property
    def cursor(self) -> str:
        """The cursor after what was given last, as a text to be kept: `follow(after=..., changes=True)` goes on."""
        return self._cursor()._replace(changes=self._changes.done).text(self._ctx.store.name)

    def _before(self) -> Generator[tuple[Kind, Event], None, int]:
        with closing(self._changes.read_new(self._cursor())) as changed:
            for update, event in changed:
                told = self._told(update, event)
                if told is not None:
                    yield told
                if self._is_closed:
                    break
        return self._changes.pages - FOLDERS

    def _told(self, update: Update, event: Event | None) -> tuple[Kind, Event] | None:
        """Say what a change comes to. An event whose turn is yet to come is handed over then."""
        if event is not None and place_of(event) > self._cursor().place:
            if not update.is_delete:
                return None
            event = None
        given = None if event is None else self._stages.applied(event)
        if given is not None:
            return "update", given
        return "delete", Event(update.event_id, parse_timestamp(update.timestamp), b"")

    def _given(self, step: Step, passed: Passed) -> tuple[Kind, Event] | None:  # noqa: ARG002  none is passed over
        given = None if step.event is None else self._stages.applied(step.event)
        if given is None:
            return None
        self.late += step.is_late
        return "put", given

    def _ready(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the steps, events that have changed as they are by now; without one that has been deleted."""
        for run in _runs(steps):
            ids = [step.event.event_id for step in run if step.event is not None]
            changed = [event_id for event_id in ids if self._changes.has(event_id)]
            places = {place_of(event): event for event in get_events(self._ctx, changed, "skip")}
            for step in run:
                if step.event is not None and self._changes.has(step.event.event_id):
                    yield step._replace(event=places.get(place_of(step.event)))
                else:
                    yield step


def _runs(steps: Iterator[Step]) -> Iterator[list[Step]]:
    """Yield the steps in runs. What came before something was found gone comes before the error."""
    run: list[Step] = []
    gone, size = None, 0
    try:
        for step in steps:
            run.append(step)
            size += 0 if step.event is None else len(step.event.data)
            if len(run) == RUN or size >= RUN_BYTES:
                yield run
                run, size = [], 0
    except VanishedError as error:
        gone = error
    yield run
    if gone is not None:
        raise gone
