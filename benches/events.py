"""The events that compare.py works with: every contender makes the same ones from their numbers."""

import json
import uuid
from datetime import datetime, timedelta
from typing import TypeAlias

BEGIN = datetime(2019, 5, 16)
KINDS = ("bam", "bai", "fastq", "json")
LARGE = 400
"""Bytes from which on an event has a file of each kind; below, it has one."""

Made: TypeAlias = tuple[str, datetime, bytes]
"""An event's id, date and data."""

FIELD = "foo < `10`"
NESTED = "files[?name == '7.bam']"
SELECT = "{id: match.bundle_uuid, n: length(files)}"


def event_id(number: int) -> str:
    """Give an event's id."""
    return str(uuid.UUID(int=number))


def event_date(number: int) -> datetime:
    """Give an event's date: one each second."""
    return BEGIN + timedelta(seconds=number)


def event_data(number: int, size: int) -> bytes:
    """Give an event of `size` bytes, of the shape of a notification that a bundle of files has come."""
    fields: dict[str, object] = {"foo": number % 100, "match": {"bundle_uuid": f"{number:016x}"}}
    kinds = KINDS if size >= LARGE else KINDS[:1]
    fields["files"] = [_file(f"{number % 50}.{kind}", number, size) for kind in kinds]
    if size >= LARGE:
        fields |= {"type": "CREATE", "transaction": event_id(number), "subscription": event_id(number % 1000)}
    fields["pad"] = ""
    short = json.dumps(fields, separators=(",", ":")).encode()
    return short[:-2] + b"x" * (size - len(short)) + b'"}'


def _file(name: str, number: int, size: int) -> dict[str, object]:
    return {"name": name, "size": number * 31, "crc": f"{number * 7919:08x}"} if size >= LARGE else {"name": name}


def made(number: int, size: int) -> Made:
    """Give an event, as replay should."""
    return event_id(number), event_date(number), event_data(number, size)


def meets_field(number: int) -> bool:
    """Say whether `FIELD` is true of an event: of one in ten."""
    return number % 100 < 10  # noqa: PLR2004  as `FIELD` says


def meets_nested(number: int) -> bool:
    """Say whether `NESTED` is true of an event: of one in fifty."""
    return number % 50 == 7  # noqa: PLR2004  as `NESTED` says


def selected(number: int, size: int) -> dict[str, object]:
    """Give what `SELECT` makes of an event."""
    return {"id": f"{number:016x}", "n": len(KINDS) if size >= LARGE else 1}
