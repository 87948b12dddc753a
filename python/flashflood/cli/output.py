"""How results look on standard output: JSON Lines for programs, one aligned line each for people."""

import base64
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TextIO

import click
import orjson
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from flashflood import Event, JournalSummary
from flashflood.identifiers import NEW

DATE_WIDTH = 27
"""Characters of a date as `iso` writes it."""
SECONDS_WIDTH = 19
"""Those of one without fractions of a second."""
DAY_WIDTH = 10
LEAST_WIDTH = 12
"""Characters of an id and of the data for which a narrow table gives up the time of day."""
ID_WIDTH = 36
"""Characters of a UUID, which is what most ids are; longer ids are not cut."""


class ReaderGone(Exception):
    """Whoever read standard output has closed it, as `head` does: there is nobody left to write for."""


def stand_in_for_closed_streams() -> None:
    """Put something in the place of the standard streams that were closed when the process began (`>&-`).

    Python has None for them then. To read or write a stand-in fails with EBADF, as on a closed descriptor; only what is
    written to standard error is dropped. Each takes the closed descriptor's number, so that no file or connection of
    the store gets it.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_WRONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def write(line: bytes) -> None:
    """Write to standard output, byte for byte.

    `ReaderGone` when nobody reads it; a click exception, which becomes an error line, when it cannot be written.
    """
    with writing():
        sys.stdout.buffer.write(line)


def flush() -> None:
    """Hand on what `write` has kept back; the same errors."""
    with writing():
        sys.stdout.flush()


def sync() -> None:
    """Do the same, onto the disk where standard output is a file."""
    flush()
    with writing():
        descriptor = sys.stdout.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fsync(descriptor)


@contextmanager
def writing() -> Iterator[None]:
    """Turn what goes wrong while standard output is written into these errors."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        msg = f"{error.filename or 'standard output'}: {error.strerror}"
        raise click.ClickException(msg) from error


def say(message: str) -> None:
    """Write a line to standard error; where that cannot be written, there is nowhere to say it."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        _let_vanish(sys.stderr)


def abandon_stdout() -> None:
    """Hand on what can be handed on and let the rest vanish, so that the interpreter does not complain again."""
    try:
        flush()
    except (ReaderGone, click.ClickException):
        _let_vanish(sys.stdout)


def _let_vanish(stream: TextIO) -> None:
    """Send what a stream still holds, and whatever comes, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def is_for_people() -> bool:
    """Say whether standard output is a terminal."""
    return sys.stdout.isatty()


def heading(text: str) -> bytes:
    """Give a heading, bold on a terminal."""
    return (click.style(text, bold=True) if is_for_people() else text).encode()


def iso(date: datetime) -> str:
    """Give a naive UTC date in ISO 8601, always with microseconds and Z."""
    return f"{date.isoformat(timespec='microseconds')}Z"


def json_line(record: Mapping[str, object]) -> bytes:
    """Give one JSON Lines line."""
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


class Report:
    """What a command has done or found: JSON Lines, or words for people."""

    def __init__(self, form: str | None) -> None:
        """Take `jsonl` or `text`; None: words on a terminal, JSON Lines elsewhere."""
        self._is_text = (form or ("text" if is_for_people() else "jsonl")) == "text"

    def write(self, words: str, record: Mapping[str, object]) -> None:
        """Write a line, which says the same in words and as a record."""
        write(f"{words}\n".encode() if self._is_text else json_line(record))

    def say(self, words: str) -> None:
        """Write words that are for people only: no line of JSON says that there is none."""
        if self._is_text:
            write(f"{words}\n".encode())


def event_line(event: Event, *, is_late: bool = False) -> bytes:
    """Give an event as JSON without loss: its data as the string `data` if they are UTF-8, else as `data_base64`.

    One that came late has a field `late`.
    """
    record: dict[str, object] = {"event_id": event.event_id, "date": iso(event.date)}
    try:
        record["data"] = event.data.decode()
    except UnicodeDecodeError:
        record["data_base64"] = base64.b64encode(event.data).decode()
    if is_late:
        record["late"] = True
    return json_line(record)


def data_line(event: Event) -> bytes:
    """Give an event's data and a line feed."""
    return event.data + b"\n"


class Table:
    """Lines for people, each written as soon as it is known and cut at the terminal's width."""

    def __init__(self, *columns: tuple[str, int]) -> None:
        """Take the columns' titles and least widths, in characters."""
        self._widths = [width for _, width in columns]
        self._console = Console()
        self._titles = [title for title, _ in columns]

    def header(self) -> bytes:
        """Give the titles' line."""
        return self._line(self._titles, "bold")

    def row(self, *cells: str) -> bytes:
        """Give one line; what would move the cursor or colour the terminal is shown as an escape."""
        return self._line(cells, "")

    def _line(self, cells: Iterable[str], style: str) -> bytes:
        padded = (one_line(cell).ljust(width) for cell, width in zip(cells, self._widths, strict=True))
        line = Text("  ".join(padded).rstrip(), style)
        line.truncate(self._console.width, overflow="ellipsis")
        with self._console.capture() as capture:
            self._console.print(line, soft_wrap=True)
        return capture.get().encode(errors="backslashreplace")


class EventTable(Table):
    """Events for people: date, id and the beginning of the data. Each of them is seen at any width."""

    def __init__(self) -> None:
        """Lay out the three columns."""
        self._date_width, self._id_width = _widths(Console().width)
        super().__init__(("date", self._date_width), ("event_id", self._id_width), ("data", 0))
        self._is_narrow = self._id_width < ID_WIDTH

    def event(self, event: Event) -> bytes:
        """Give an event's line."""
        seen = event.data[: self._console.width].decode(errors="backslashreplace")
        name = one_line(event.event_id)
        if self._is_narrow:
            shown = Text(name)
            shown.truncate(self._id_width, overflow="ellipsis")
            name = shown.plain
        return self.row(iso(event.date)[: self._date_width], name, seen)


def _widths(width: int) -> tuple[int, int]:
    """Give the characters of a date and of an id on a terminal: narrow ones cut dates short, and then ids."""
    blanks = 4
    for date in (DATE_WIDTH, SECONDS_WIDTH):
        if width >= date + ID_WIDTH + LEAST_WIDTH + blanks:
            return date, ID_WIDTH
    date = SECONDS_WIDTH if width >= SECONDS_WIDTH + 2 * LEAST_WIDTH + blanks else DAY_WIDTH
    return date, max(1, (width - date - blanks) // 2)


class JournalTable(Table):
    """Journals for people, in 80 columns: dates to the second, events, bytes of data, and whether they are new."""

    _EVENTS, _BYTES = 11, 10

    def __init__(self) -> None:
        """Lay out the six columns."""
        short_id = len("0b48b328")
        counts = ("events".rjust(self._EVENTS), self._EVENTS), ("bytes".rjust(self._BYTES), self._BYTES)
        super().__init__(("from", SECONDS_WIDTH), ("to", SECONDS_WIDTH), *counts, ("id", short_id), ("", 0))

    def journal(self, summary: JournalSummary) -> bytes:
        """Give a journal's line; what is not known of it is a question mark."""
        journal_id, events, size = summary
        dates = (date.isoformat(" ", "seconds") for date in (journal_id.start_date, journal_id.end_date))
        counts = "?" if events is None else f"{events:,}", "?" if size is None else decimal(size)
        padded = counts[0].rjust(self._EVENTS), counts[1].rjust(self._BYTES)
        state = journal_id.version if journal_id.version == NEW else ""
        return self.row(*dates, *padded, journal_id.blob_id[:8], state)


def one_line(text: str) -> str:
    """Show each character that is not printable (line feeds, escapes, lone surrogates) as Python's escape of it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
