"""Where a replay goes on, as a caller says it: after a place in the order of events, or after that of a cursor."""

from datetime import datetime
from typing import TypeAlias

from flashflood import cursors
from flashflood.cursors import Place
from flashflood.dates import timestamp_of

After: TypeAlias = tuple[datetime, str] | str
"""(date, event_id), or the text of a follower's cursor."""


def place_of(after: After | None, store: str) -> Place | None:
    """Take what a caller gave, for the store of this name; None: from the first event on.

    `TypeError` or `ValueError`, which name the argument, for what is no place, and for another store's cursor.
    """
    if after is None:
        return None
    if isinstance(after, str):
        return _place_of_cursor(after, store)
    if not isinstance(after, tuple):
        msg = f"after: give (date, event_id), or a cursor's text, not {type(after).__name__}: {after!r:.100}"
        raise TypeError(msg)
    if len(after) != 2:  # noqa: PLR2004  date and event_id
        msg = f"after: give (date, event_id), or a cursor's text, not {len(after)} values: {after!r:.100}"
        raise ValueError(msg)
    date, event_id = after
    return timestamp_of("after", date), _checked_id(event_id)


def _place_of_cursor(text: str, store: str) -> Place:
    try:
        return cursors.place_of(text, store)
    except ValueError as error:
        msg = f"after: {error}; or give a date and an id"
        raise ValueError(msg) from error


def _checked_id(event_id: str) -> str:
    if not isinstance(event_id, str):
        msg = f"after: an event_id must be str, not {type(event_id).__name__}: {event_id!r:.100}"
        raise TypeError(msg)
    try:
        event_id.encode()
    except UnicodeEncodeError as error:
        msg = f"after: the event_id {event_id!r:.100} is no text that UTF-8 can hold"
        raise ValueError(msg) from error
    return event_id
