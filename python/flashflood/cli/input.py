"""What the commands read from files and from standard input: data, events as JSON Lines, ids."""

import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import click
import orjson

from flashflood.dates import date_of
from flashflood.load.fields import Incoming, Rejected
from flashflood.load.lines import STANDARD_INPUT, Line

T = TypeVar("T")

FIELDS = {"event_id", "date", "data", "data_base64"}
"""What an event's JSON line may have."""
LATE = "late"
"""A field that `follow` writes, and no part of the event."""


def data_from(text: str | None, path: str | None) -> bytes:
    """Give the event's data: the argument's bytes as the shell passed them, a file's, or standard input's."""
    if text is not None and path is not None:
        msg = "give the data as an argument or with --file, not both."
        raise click.UsageError(msg)
    if text is not None and text != STANDARD_INPUT:
        return os.fsencode(text)
    path = path or text
    if path is None:
        msg = "no data: give them as an argument, with --file, or - for standard input."
        raise click.UsageError(msg)
    with _opened_file(path) as file:
        return file.read()


def events_from(lines: Iterable[Line]) -> Iterator[Incoming | Rejected]:
    """Yield the events of JSON Lines, as `output.event_line` writes them, and what will not do."""
    for line in lines:
        try:
            yield _event(line)
        except ValueError as error:
            yield Rejected(*line, str(error))


def ids_from(path: str) -> Iterator[str]:
    """Yield the ids of a file, one a line."""
    return _records(path, bytes.decode)


def _records(path: str, read: Callable[[bytes], T]) -> Iterator[T]:
    """Yield what `read` makes of each line that is not empty; a click exception names the line where it cannot."""
    with _opened_file(path) as file:
        for number, line in enumerate(file, 1):
            text = line.rstrip(b"\r\n")
            if not text:
                continue
            try:
                record = read(text)
            except ValueError as error:
                msg = f"{_name(path)}, line {number}: {error}"
                raise click.ClickException(msg) from error
            yield record


@contextmanager
def _opened_file(path: str) -> Iterator[BinaryIO]:
    """Open a file to read, or standard input, which `-` stands for; a click exception names it where that fails."""
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
            yield file
    except OSError as error:
        msg = f"{_name(path)}: {error.strerror}"
        raise click.ClickException(msg) from error


def _name(path: str) -> str:
    return "standard input" if path == "-" else path


def _event(line: Line) -> Incoming:
    """Read an event, of which id and date may be missing. ValueError names the field that is wrong."""
    record = orjson.loads(line.text)
    fault = _fault(record)
    if fault:
        msg = f"no event as `replay` writes it: {fault} (for lines of another kind: --id, --date, --each)"
        raise ValueError(msg)
    date = _field(record, "date", date_of) if "date" in record else None
    data = _field(record, "data_base64", _decoded) if "data_base64" in record else record["data"].encode()
    return Incoming(line, data, record.get("event_id"), date)


def _fault(record: object) -> str | None:
    if not isinstance(record, dict):
        return "it is no JSON object"
    for name, value in record.items():
        if name == LATE:
            continue
        if name not in FIELDS:
            return f"it has a field `{name}`"
        if not isinstance(value, str):
            return f"its field `{name}` is no text"
    if ("data" in record) == ("data_base64" in record):
        return "it has both `data` and `data_base64`" if "data" in record else "it has no field `data`"
    return None


def _field(record: dict[str, str], name: str, read: Callable[[str], T]) -> T:
    try:
        return read(record[name])
    except ValueError as error:
        msg = f"field `{name}`: {error}"
        raise ValueError(msg) from error


def _decoded(text: str) -> bytes:
    return b64decode(text, validate=True)
