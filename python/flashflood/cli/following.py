"""`flashflood follow`: events as they come, and in a file the cursor of what has been written."""

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from flashflood import Event, FlashFlood, Follower
from flashflood._core import Batch
from flashflood.cli.cursor_file import CursorFile
from flashflood.cli.output import event_line, say, sync, write
from flashflood.cli.parameters import (
    FILE,
    Duration,
    after_option,
    duration_text,
    filter_option,
    nothing_in,
    opened,
    refuse_nothing,
    select_option,
    store_option,
    usage_error,
)
from flashflood.cli.side_files import refuse_shared
from flashflood.cli.signals import asked_to_stop
from flashflood.cursors import Cursor, cursor_of
from flashflood.follow.follower import EVERY, LATENESS, Pace
from flashflood.replay.after import After
from flashflood.replay.stages import stage_of
from flashflood.replay.windows import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

OFTEN = 1.0
"""Seconds after which the cursor of what has been written is in the file."""
IDLE = 60.0
"""Seconds after which it is written there where nothing comes: a cursor that has lain for long is refused."""


class Printing:
    """Events on their way to standard output, and the cursor in the file, which is never ahead of them."""

    def __init__(
        self, flood: FlashFlood, file: CursorFile, after: After | None, pace: Pace, stage: Stage[Batch]
    ) -> None:
        """Have written nothing. `ValueError` where `after` is no cursor."""
        self._flood = flood
        self._file = file
        self._waits = pace.waits
        self._lock = threading.Lock()
        self._written: deque[Callable[[], Cursor]] = deque(maxlen=1)
        """What gives the cursor of all that has been written since the file was. Empty: nothing has been."""
        self._has_given = False
        """Whether there was anything in this poll."""
        self._rested_at: float | None = None
        """When the cursor of a whole poll went into the file."""
        self._ctx = flood._ctx  # noqa: SLF001  an inner room's way in
        self._follower = Follower(self._ctx, after, pace, stage, self._write_late, self._rest)

    def run(self, stop: threading.Event) -> None:
        """Write what comes, until it has caught up, or `stop` is set. Where that fails, the cursor is kept too."""
        with ThreadPoolExecutor(1) as thread:
            watching = thread.submit(self._watch, stop)
            try:
                for event in self._follower:
                    write(event_line(event))
                    self._note()
            finally:
                stop.set()
                watching.result()
                self._keep()

    def _watch(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(OFTEN):
                self._keep()
        finally:
            self._follower.close()

    def _write_late(self, event: Event) -> None:
        self._note()  # so far the cursor has the late events before this one
        write(event_line(event, is_late=True))

    def _rest(self) -> None:
        """Keep the cursor of a whole poll, which tells more than that of its last event."""
        if self._rested_at is None and self._waits and (nothing := nothing_in(self._flood)):
            say(f"flashflood: {nothing}")
        if self._has_given or self._rested_at is None or time.monotonic() - self._rested_at > IDLE:
            self._note()
            self._keep()
            self._rested_at = time.monotonic()
        self._has_given = False

    def _note(self) -> None:
        self._written.append(self._follower._cursor)  # noqa: SLF001  its text takes longer than an event
        self._has_given = True

    def _keep(self) -> None:
        """Hand on what has been written, and then put its cursor into the file."""
        with self._lock:
            if self._written:
                cursor = self._written.pop()
                sync()
                self._file.write(cursor().text(self._ctx.store.name))


@click.command()
@store_option
@click.option(
    "--cursor-file",
    "path",
    metavar="PATH",
    type=FILE,
    required=True,
    help="Where the cursor is: read at the start, and written as events are. It is made where there is none.",
)
@after_option
@click.option(
    "--lateness",
    metavar="DURATION",
    type=Duration(),
    default=duration_text(LATENESS),
    show_default=True,
    help="For how long an event waits for others of earlier dates; what comes later than that is late.",
)
@click.option(
    "--every",
    metavar="DURATION",
    type=Duration(),
    default=duration_text(EVERY),
    show_default=True,
    help="How often to look for new events.",
)
@filter_option
@select_option
@click.option("--once", is_flag=True, help="End once all is written that there is.")
def follow(  # noqa: PLR0913, PLR0917  an argument for each option
    url: str | None,
    path: str,
    after: After | None,
    lateness: timedelta,
    every: timedelta,
    filter: str | None,
    select: str | None,
    once: bool,  # noqa: FBT001  click's flag
) -> None:
    """Write events as they come, as JSON Lines, and keep in a file how far that is.

    Each event comes at least once: what was written in the last second before a kill or a power cut is written again.
    Events are in the order of their dates; one that comes too late for that is there all the same, with "late":true.

    Without a cursor in the file it begins with the first event, or with --after. SIGTERM and Ctrl-C end it after the
    event under way, with exit code 0; a second one at once.

    \b
      flashflood follow --cursor-file cursor >> events.jsonl
      flashflood follow --cursor-file cursor --once --filter 'level > `40`' | jq -r .event_id
    """  # noqa: D301  click's sign that lines stay as they are
    with opened(url) as flood:
        refuse_shared({"--cursor-file": path}, (), flood)
        with CursorFile(path) as file, asked_to_stop() as stop:
            try:
                pace, stage = Pace.of(lateness, every, waits=not once), stage_of(filter, select)
                printing = Printing(flood, file, _kept(file, flood) or after, pace, stage)
            except ValueError as error:
                raise usage_error(error) from error
            printing.run(stop)
        if once:
            refuse_nothing(flood)


def _kept(file: CursorFile, flood: FlashFlood) -> str | None:
    """Read the cursor that the file has. A click exception, which names it, where that is none of this store's."""
    text = file.read()
    if text is not None:
        try:
            cursor_of(text, flood._ctx.store.name)  # noqa: SLF001  as above
        except ValueError as error:
            msg = f"--cursor-file {file.path!r}: {error}"
            raise click.ClickException(msg) from error
    return text
