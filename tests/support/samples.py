"""Dates and ids that tests take their events from, and what is compared of events."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from flashflood import Event, FlashFlood

JOURNAL_ID = re.compile(
    r"(\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z)--(\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z)--(new|\d{4}-\S+Z)--([0-9a-f-]{36})"
)

SOMEWHERE = "2020-01-01T000000.000000Z--2020-01-01T000000.000000Z--2020-01-01T000000.000000Z--"
"""A journal_id without its blob_id."""

AT_ONCE = timedelta(days=-1)
"""A grace time that has passed even where a server tells times in whole seconds."""


def at(minute: float) -> datetime:
    """Give a date so many minutes into 2020."""
    return datetime(2020, 1, 1) + timedelta(minutes=minute)


def contents(events: Iterable[Event]) -> dict[str, bytes]:
    """Give the data of each event by its id; each id may occur once."""
    listed = [(event.event_id, event.data) for event in events]
    found = dict(listed)
    assert len(found) == len(listed), listed
    return found


def put_new(ff: FlashFlood, *ids: str, start: int = 0) -> dict[str, bytes]:
    """Put an event for each id, a minute apart from minute `start` on; their data by id."""
    found = {}
    for minute, event_id in enumerate(ids, start):
        found[event_id] = f"data of {event_id}".encode()
        ff.put(found[event_id], event_id, at(minute))
    return found


def put_journaled(ff: FlashFlood, *ids: str, start: int = 0) -> dict[str, bytes]:
    """Do the same, and journal all new events into one journal."""
    found = put_new(ff, *ids, start=start)
    ff.journal(minimum_number_of_events=len(ids))
    return found
