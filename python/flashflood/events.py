"""The event as callers see it."""

from datetime import datetime
from typing import NamedTuple


class Event(NamedTuple):
    """One event, as `get_event` and `replay` give it."""

    event_id: str
    """The id: any text without `--`."""
    date: datetime
    """When it happened: a naive datetime in UTC, to the microsecond."""
    data: bytes
    """Its data, as it was put or last updated."""
