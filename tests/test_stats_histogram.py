"""The histogram of `stats`: bins of round widths, and loads that are spread evenly over the time they lie in."""

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from flashflood.stats.histogram import MOST, Histogram

FIRST = datetime(1, 1, 1)
MICROSECOND = timedelta(microseconds=1)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)
ALL = (LAST - FIRST) // MICROSECOND


def since(date: datetime) -> int:
    return (date - FIRST) // MICROSECOND


@pytest.mark.parametrize(
    ("first", "last", "width", "start"),
    [
        (datetime(2026, 3, 1, 8, 30, 1), datetime(2026, 3, 1, 8, 30, 1), "1 µs", datetime(2026, 3, 1, 8, 30, 1)),
        (datetime(2026, 3, 1, 8, 30, 1), datetime(2026, 3, 1, 8, 59), "minute", datetime(2026, 3, 1, 8, 30)),
        (datetime(2026, 3, 1, 8, 30), datetime(2026, 3, 2, 20), "hour", datetime(2026, 3, 1, 8)),
        (datetime(2026, 3, 5, 8), datetime(2026, 3, 31), "day", datetime(2026, 3, 5)),
        (datetime(2026, 3, 5), datetime(2026, 10, 1), "week", datetime(2026, 3, 2)),
        (datetime(2024, 3, 5), datetime(2026, 10, 1), "month", datetime(2024, 3, 1)),
        (datetime(2020, 11, 5), datetime(2029, 10, 1), "3 months", datetime(2020, 10, 1)),
        (datetime(1999, 3, 5), datetime(2026, 10, 1), "year", datetime(1999, 1, 1)),
        (datetime(1, 1, 1), LAST, "500 years", datetime(1, 1, 1)),
    ],
)
def test_bins_have_a_round_width_and_begin_at_a_round_date(
    first: datetime, last: datetime, width: str, start: datetime
) -> None:
    histogram = Histogram(since(first), since(last))
    bins = histogram.bins()
    assert (histogram.width, bins[0].start) == (width, start)
    assert bins[0].start <= first
    assert last < bins[-1].end or last == LAST == bins[-1].end


@pytest.mark.parametrize("seed", range(100))
def test_up_to_forty_bins_follow_one_another_from_the_first_date_to_the_last(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    length = int(10 ** chance.uniform(0, 17.4))
    first = chance.randrange(ALL - length)
    bins = Histogram(first, first + length).bins()
    assert min(16, length) <= len(bins) <= MOST
    assert all(one.end == another.start for one, another in pairwise(bins))
    dates = [FIRST + at * MICROSECOND for at in (first, first + length)]
    assert bins[0].start <= dates[0] < bins[0].end
    assert bins[-1].start <= dates[1] < bins[-1].end


def test_events_of_one_bin_are_all_in_it_and_others_lie_evenly() -> None:
    start = since(datetime(2026, 3, 1))
    minute = 60_000_000
    histogram = Histogram(start, start + 30 * minute)
    histogram.add(start, start + minute - 1, 7, 70)
    histogram.add(start + 2 * minute, start + 2 * minute, 5, 50)
    histogram.add(start + 20 * minute, start + 24 * minute, 9, 10)
    counts = {one.start.minute: (one.events, one.bytes) for one in histogram.bins() if one.events}
    assert counts == {0: (7, 70), 2: (5, 50), 20: (2, 2), 21: (2, 2), 22: (2, 2), 23: (2, 2), 24: (1, 2)}


def test_a_journal_without_events_adds_none() -> None:
    histogram = Histogram(0, 10**9)
    histogram.add(0, 10**9, 0, 0)
    assert {one.events for one in histogram.bins()} == {0}


@pytest.mark.parametrize("seed", range(20))
def test_events_that_lie_evenly_are_counted_exactly(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    events, apart = chance.randrange(2, 60), chance.randrange(1, 10**9)
    first = chance.randrange(10**17)
    dates = [first + number * apart for number in range(events)]
    histogram = Histogram(dates[0] - chance.randrange(10**9), dates[-1] + chance.randrange(10**9))
    histogram.add(dates[0], dates[-1], events, 7 * events)
    for one in histogram.bins():
        there = sum(since(one.start) <= date < since(one.end) for date in dates)
        assert (one.events, one.bytes) == (there, 7 * there)


@pytest.mark.parametrize("seed", range(5))
def test_bins_add_up_to_all_that_was_added(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    first, last = sorted(chance.randrange(ALL) for _ in range(2))
    histogram = Histogram(first, last)
    for _ in range(50):
        start, end = sorted(chance.randint(first, last) for _ in range(2))
        histogram.add(start, end, 9, 31)
    bins = histogram.bins()
    assert all(one.events >= 0 <= one.bytes for one in bins)
    assert (sum(one.events for one in bins), sum(one.bytes for one in bins)) == (450, 1550)
