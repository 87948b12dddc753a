"""What the commands read from files and from standard input: data, events as JSON Lines, ids."""

import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, TypeVar

import click
import orjson

from flashflood.cli.parameters import date_of
from flashflood.write.put_many import Bare

T = TypeVar("T")

FIELDS = {"event_id", "date", "data", "data_base64"}
"""What an event's JSON line may have."""


def data_from(text: str | None, path: str | None) -> bytes:
    """Give the event's data: the argument's bytes as the shell passed them, a file's, or standard input's."""
    if text is not None and path is not None:
        msg = "give the data as an argument or with --file, not both."
        raise click.UsageError(msg)
    if text is not None:
        return os.fsencode(text)
    if path is None:
        msg = "no data: give them as an argument, or with --file (- for standard input)."
        raise click.UsageError(msg)
    with _opened_file(path) as file:
        return file.read()


def events_from(path: str) -> Iterator[Bare]:
    """Yield the events of a file of JSON Lines, as `output.event_line` writes them."""
    return _records(path, _event)


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


def _event(line: bytes) -> Bare:
    """Read an event as (data, event_id, date), of which the last two may be missing."""
    record = orjson.loads(line)
    is_event = isinstance(record, dict) and ("data" in record) != ("data_base64" in record)
    if not is_event or not all(name in FIELDS and isinstance(value, str) for name, value in record.items()):
        msg = "no event as `replay` writes it; it has texts `data` or `data_base64`, and mostly `event_id` and `date`"
        raise ValueError(msg)
    data = record["data"].encode() if "data" in record else b64decode(record["data_base64"], validate=True)
    return data, record.get("event_id"), date_of(record["date"]) if "date" in record else None
