"""The package's log on standard error: warnings always, more with `-v` and `-vv`."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from flashflood.cli.output import one_line, say

logger = logging.getLogger("flashflood")

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""By how often `-v` is given."""


class _Handler(logging.Handler):
    """Says each message in a line of its own, a warning once; with its date, level and module once `-v` is given."""

    def __init__(self) -> None:
        super().__init__()
        self._warned: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            if text in self._warned:
                return
            self._warned.add(text)
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {record.exc_info[1]}"
        if logger.isEnabledFor(logging.INFO):
            date = datetime.fromtimestamp(record.created, UTC)
            text = f"{date:%Y-%m-%dT%H:%M:%SZ} {record.levelname} {record.name}: {text}"
        say(f"flashflood: {one_line(text)}")


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Say warnings of the block on standard error, and what `verbose` asks for."""
    handler, level = _Handler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(LEVELS[0])
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _listen(_ctx: click.Context, _param: click.Parameter, count: int) -> None:
    """Let the log say more, never less: the group and a command both have the option."""
    logger.setLevel(min(logger.level, LEVELS[min(count, len(LEVELS) - 1)]))


verbose: Callable[[Any], Any] = click.option(
    "-v",
    "--verbose",
    count=True,
    expose_value=False,
    callback=_listen,
    help="Say on standard error what is done; -vv: in detail.",
)
