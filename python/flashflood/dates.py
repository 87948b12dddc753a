"""Dates as callers give them, and the timestamps that the layout holds."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flashflood._core import format_timestamp, parse_timestamp

EARLIEST = format_timestamp(datetime.min)  # noqa: DTZ901  naive dates are UTC here
LATEST = format_timestamp(datetime.max)  # noqa: DTZ901  as above

_MICROSECOND = timedelta(microseconds=1)


def timestamp_now() -> str:
    """Give the timestamp of this moment, by this machine's clock."""
    return format_timestamp(datetime.now(UTC))


def microseconds(timestamp: str) -> int:
    """Give how many microseconds after the beginning of the year 1 a timestamp is."""
    return (parse_timestamp(timestamp) - datetime.min) // _MICROSECOND  # noqa: DTZ901  naive dates are UTC here


def timestamp_at(microseconds: int) -> str:
    """Give the timestamp of so many microseconds after the beginning of the year 1."""
    return format_timestamp(datetime.min + timedelta(microseconds=microseconds))  # noqa: DTZ901  as above


def timestamp_before(timestamp: str, length: timedelta) -> str:
    """Give the timestamp of so long before another one; not before the year 1."""
    return timestamp_at(max(0, microseconds(timestamp) - length // _MICROSECOND))


def timestamp_of(argument: str, date: datetime) -> str:
    """Give the timestamp of a date that a caller gave. `TypeError` or `ValueError`, which name the argument."""
    try:
        return format_timestamp(date)
    except (TypeError, ValueError) as error:
        msg = f"{argument}: {error}"
        raise (TypeError if isinstance(error, TypeError) else ValueError)(msg) from error


def checked_length(argument: str, length: timedelta) -> timedelta:
    """Take a length of time that a caller gave. `TypeError`, which names the argument, if it is none."""
    if not isinstance(length, timedelta):
        msg = f"{argument}: a length of time must be a datetime.timedelta, not {type(length).__name__}: {length!r:.100}"
        raise TypeError(msg)
    return length


class DateRange(NamedTuple):
    """Dates after `start`, up to and including `end`, as timestamps; None is no bound (FORMAT.md)."""

    start: str | None
    end: str | None

    @classmethod
    def of(cls, from_date: datetime | None, to_date: datetime | None) -> "DateRange":
        """Check and convert what a caller gave. `ValueError` for a start after the end, or years outside 1 to 9999."""
        start = None if from_date is None else timestamp_of("from_date", from_date)
        end = None if to_date is None else timestamp_of("to_date", to_date)
        if start is not None and end is not None and start > end:
            msg = f"the range begins at {start}, after its end {end}; swap the two dates"
            raise ValueError(msg)
        return cls(start, end)

    @property
    def is_empty(self) -> bool:
        """Whether no date can lie in it."""
        return self.start is not None and self.start == self.end

    def overlaps(self, start: str, end: str) -> bool:
        """Say whether a journal from `start` to `end`, both included, can have events in the range."""
        return (self.start is None or end > self.start) and not self.is_before(start)

    def since(self, timestamp: str) -> "DateRange":
        """Give the part of it that begins at a date, itself included; an empty range, if it ends before."""
        if self.is_before(timestamp):
            return DateRange(self.end, self.end)
        if timestamp == EARLIEST:
            return self
        before = timestamp_before(timestamp, _MICROSECOND)
        return self._replace(start=max(self.start or before, before))

    def holds(self, start: str, end: str) -> bool:
        """Say whether all dates from `start` to `end`, both included, are in the range."""
        return (self.start is None or start > self.start) and (self.end is None or end <= self.end)

    def share_of(self, start: str, end: str) -> float:
        """Say which part of the time from `start` to `end` lies in the range, from 0 to 1."""
        begin, stop = parse_timestamp(start), parse_timestamp(end)
        if begin == stop:
            return float(self.holds(start, end))
        first = begin if self.start is None else max(begin, parse_timestamp(self.start))
        last = stop if self.end is None else min(stop, parse_timestamp(self.end))
        return max(0.0, (last - first) / (stop - begin))

    def is_before(self, start: str) -> bool:
        """Say whether the range ends before `start`."""
        return self.end is not None and start > self.end


ALWAYS = DateRange(None, None)
"""All dates."""


def datetime_to_timestamp(dt: datetime) -> str:
    """Give a date's timestamp, as 0.4.3's `flashflood.util` does, for all years from 1 to 9999."""
    return format_timestamp(dt)


def datetime_from_timestamp(ts: str) -> datetime:
    """Give a timestamp's naive UTC datetime. `ValueError` for any other text."""
    return parse_timestamp(ts)


def date_of(text: str) -> datetime:
    """Give the naive UTC datetime of a text in ISO 8601, or in the form of journal ids; without an offset it is UTC.

    `ValueError`, with an example, if it is none.
    """
    try:
        date = datetime.fromisoformat(text)
        return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    except ValueError as error:
        msg = f"{text!r} is not a date such as 2026-11-24 or 2026-11-24T08:30:00Z."
        raise ValueError(msg) from error
    except OverflowError as error:
        msg = f"{text!r} leaves the years 1 to 9999 in UTC."
        raise ValueError(msg) from error


UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
"""Of lengths of time."""


def duration_of(text: str) -> timedelta:
    """Give the length of time that a text such as `90s` says. `ValueError`, with examples, if it says none."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text, re.ASCII)
    if found is None:
        msg = f"{text!r} is not a length of time such as 90s, 5m, 24h or 7d."
        raise ValueError(msg)
    try:
        return float(found[1]) * UNITS[found[2]]
    except OverflowError as error:
        msg = f"{text!r} is longer than any store lasts."
        raise ValueError(msg) from error
