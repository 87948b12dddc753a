"""A line on standard error while something takes long: on a terminal, and only there."""

import sys
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from flashflood import Event, Progress
from flashflood.progress import OnProgress

NARROWEST, WIDEST = 8, 40
"""Columns of a bar."""
GAP = "  "
"""What parts figures."""


class Line:
    """The line: what is being done, a bar, how much of it, for how long yet, how fast, and how many bytes."""

    def __init__(self, what: str) -> None:
        """Show `what`, without figures."""
        self._what = what
        self._begun = self._step_begun = time.monotonic()
        self._last: Progress | None = None
        self._events = self._bytes = 0
        """Those of which no `Progress` is to tell."""
        self._is_over = False
        self._spinner = Spinner("dots")

    def show(self, progress: Progress) -> None:
        """Show how far a call has come. The next call goes on with the events and bytes of the one before."""
        last = self._last
        if last is not None and progress.seconds < last.seconds:
            self.count(last.events, last.bytes)
        if last is None or progress.step != last.step:
            self._step_begun = time.monotonic()
        self._last = progress

    def count(self, events: int, size: int) -> None:
        """Show so many events more, with so many bytes."""
        self._events += events
        self._bytes += size

    def finish(self) -> None:
        """Show what was done in all."""
        self._is_over = True

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, in one line of whatever width: a narrow one has fewer figures."""
        last = self._last
        name = self._what if last is None or self._is_over else last.step
        room = options.max_width - cell_len(name) - len("⠋  ") - NARROWEST
        chosen: list[str] = []
        for figure in self._figures():
            if room < len(figure) + len(GAP):
                break
            room -= len(figure) + len(GAP)
            chosen.append(figure)
        grid = Table.grid(padding=(0, 1))
        mark = Text(" ") if self._is_over else self._spinner
        grid.add_row(mark, Text(name), self._bar(min(NARROWEST + room, WIDEST)), Text(GAP.join(chosen)))
        yield grid

    def _bar(self, width: int) -> ProgressBar:
        last = self._last
        if self._is_over:
            return ProgressBar(1, 1, width)
        if last is None or last.total is None:
            return ProgressBar(None, width=width, pulse=True)
        return ProgressBar(max(last.total, 1), last.done if last.total else 1, width)

    def _figures(self) -> Iterator[str]:
        """Give the figures, the most telling first."""
        now, last = time.monotonic(), self._last
        events, size = self._events, self._bytes
        if last is not None:
            events, size = events + last.events, size + last.bytes
        if last is None or self._is_over:
            if events:
                yield _amount(events, "events")
            yield _time(now - self._begun)
            if events:
                yield f"{events / max(now - self._begun, 0.001):,.0f}/s"
        else:
            yield from self._figures_of_step(last, now)
            if events and last.unit != "events":
                yield _amount(events, "events")
        if size and (last is None or last.unit != "bytes" or self._is_over):
            yield decimal(size)

    def _figures_of_step(self, last: Progress, now: float) -> Iterator[str]:
        done, rate = _amount(last.done, last.unit), last.done / max(now - self._step_begun, 0.001)
        if last.total is None:
            yield done
        else:
            yield f"{done if last.unit == 'bytes' else f'{last.done:,}'} of {_amount(last.total, last.unit)}"
        if last.total is not None and rate:
            yield f"{_time((last.total - last.done) / rate)} left"
        else:
            yield _time(now - self._begun)
        if rate:
            yield f"{decimal(round(rate))}/s" if last.unit == "bytes" else f"{rate:,.0f}/s"


def _amount(count: int, unit: str) -> str:
    return decimal(count) if unit == "bytes" else f"{count:,} {unit}"


def _time(seconds: float) -> str:
    return str(timedelta(seconds=int(seconds)))


@contextmanager
def telling(what: str) -> Iterator[OnProgress | None]:
    """Show that `what` is under way; a call takes what this gives as its `progress`. None: nobody sees it."""
    with shown(what) as line:
        yield None if line is None else line.show


def counted(what: str, events: Iterable[Event]) -> Generator[Event, None, None]:
    """Pass events on, showing how many there were so far."""
    with shown(what) as line:
        for event in events:
            yield event
            if line is not None:
                line.count(1, len(event.data))


@contextmanager
def shown(what: str) -> Iterator[Line | None]:
    """Show that `what` is under way, until the block ends. None: nobody sees it.

    Where the block is broken off, nothing of it stays on the terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    line = Line(what)
    with Live(line, console=Console(stderr=True), refresh_per_second=10) as live:
        try:
            yield line
        except BaseException:
            live.transient = True
            raise
        line.finish()
