"""A bar on standard error while something takes long: on a terminal, and only there."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")

STEP = 1000
"""Events or objects between two looks at the bar: few enough to move it, enough to cost nothing."""


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that `what` is under way, and for how long, until the block ends."""
    with _bar("") as bar:
        bar.add_task(what, total=None)
        yield


def counted(what: str, events: Iterable[T]) -> Generator[T, None, None]:
    """Pass events on, showing how many there were so far."""
    with _bar("{task.completed:,} events") as bar:
        task = bar.add_task(what, total=None)
        count = 0
        for count, event in enumerate(events, 1):
            yield event
            if count % STEP == 0:
                bar.update(task, completed=count)
        bar.update(task, completed=count, total=max(count, 1))


@contextmanager
def passing(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show that `what` is under way; the block calls what this gives with how many of how many objects are done."""
    with _bar("{task.completed:,} of {task.total:,} objects") as bar:
        task = bar.add_task(what, total=0)

        def show(done: int, total: int) -> None:
            if done % STEP == 0 or done == total:
                bar.update(task, completed=done, total=total)

        yield show


@contextmanager
def _bar(amount: str) -> Iterator[Progress]:
    """Show a bar while the block runs. Where that is broken off, nothing of it stays on the terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn(amount), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        try:
            yield bar
        except BaseException:
            bar.live.transient = True
            raise
