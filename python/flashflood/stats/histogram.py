"""Events over time, in bins of a round width that begin at round dates."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

MOST = 40
"""Bins of a histogram, at most. No width is more than 2.5 times the one before it: so hardly ever fewer than 16."""

_MICROSECOND = timedelta(microseconds=1)
_FIRST = datetime.min  # noqa: DTZ901  naive dates are UTC here
_LAST_YEAR = 9999
_BEYOND = (datetime.max - _FIRST) // _MICROSECOND + 1  # noqa: DTZ901  as above
"""The first microsecond after it."""


class StatsBin(NamedTuple):
    """Some of the time that a store's events lie in."""

    start: datetime
    """Its first moment; naive UTC."""
    end: datetime
    """The first moment after it; naive UTC. At the end of the calendar, the last moment."""
    events: int
    """About so many have their date in it."""
    bytes: int
    """Of their data, about."""


class _Width(NamedTuple):
    """How long a bin is: so many microseconds, or so many months."""

    words: str
    microseconds: int
    months: int = 0

    def number_at(self, microseconds: int) -> int:
        """Give the number of the bin that a moment lies in."""
        if not self.months:
            return microseconds // self.microseconds
        date = _FIRST + microseconds * _MICROSECOND
        return (12 * date.year + date.month - 1) // self.months

    def begin_of(self, number: int) -> int:
        """Give the first moment of a bin; of those that the calendar cuts, what is left of them."""
        if not self.months:
            return min(number * self.microseconds, _BEYOND)
        year, month = divmod(number * self.months, 12)
        if year > _LAST_YEAR:
            return _BEYOND
        return (datetime(year, month + 1, 1) - _FIRST) // _MICROSECOND if year else 0


def _widths() -> Iterator[_Width]:
    """Give the widths from the least on. Weeks begin on Mondays: the first day of the year 1 was one."""
    yield from (_Width(f"{length:,} µs", length) for length in _rounded(3))
    yield from (_Width(f"{length} ms", 1_000 * length) for length in _rounded(3))
    second = 1_000_000
    for unit, length, counts in (
        ("second", second, (1, 2, 5, 10, 15, 30)),
        ("minute", 60 * second, (1, 2, 5, 10, 15, 30)),
        ("hour", 3_600 * second, (1, 2, 3, 6, 12)),
        ("day", 86_400 * second, (1, 2, 4)),
        ("week", 7 * 86_400 * second, (1, 2)),
    ):
        yield from (_Width(_number_of(unit, count), count * length) for count in counts)
    yield from (_Width(_number_of("month", count), 0, count) for count in (1, 2, 3, 6))
    yield from (_Width(_number_of("year", count), 0, 12 * count) for count in _rounded(3))


def _rounded(powers: int) -> list[int]:
    return [count * 10**power for power in range(powers) for count in (1, 2, 5)]


def _number_of(unit: str, count: int) -> str:
    return unit if count == 1 else f"{count} {unit}s"


class Histogram:
    """Events over the time from one moment to another, both included; in microseconds since the year 1."""

    def __init__(self, first: int, last: int) -> None:
        """Choose the least width of which `MOST` bins reach, and begin with nothing in them."""
        for width in _widths():
            begin, end = width.number_at(first), width.number_at(last)
            if end - begin < MOST:
                break
        self.width = width.words
        self._edges = [width.begin_of(number) for number in range(begin, end + 2)]
        self._events = [0] * (end + 1 - begin)
        self._bytes = [0] * (end + 1 - begin)

    def add(self, start: int, end: int, events: int, size: int) -> None:
        """Add events of one size: the first at `start`, the last at `end`, the others evenly between them."""
        first, last = (bisect_right(self._edges, at) - 1 for at in (start, end))
        passed = passed_bytes = 0
        for number in range(first, last if events else first):
            before = -((start - self._edges[number + 1]) * (events - 1) // (end - start))
            self._events[number] += before - passed
            self._bytes[number] += size * before // events - passed_bytes
            passed, passed_bytes = before, size * before // events
        self._events[last] += events - passed
        self._bytes[last] += size - passed_bytes

    def bins(self) -> tuple[StatsBin, ...]:
        """Give them in the order of time."""
        dates = [_FIRST + min(edge, _BEYOND - 1) * _MICROSECOND for edge in self._edges]
        counts = zip(self._events, self._bytes, strict=True)
        return tuple(StatsBin(*ends, *both) for ends, both in zip(pairwise(dates), counts, strict=True))
