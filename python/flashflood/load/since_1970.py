"""Dates as strangers write them: ISO 8601, or numbers since 1970, whose size says of which unit they are."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from flashflood.dates import date_of

EPOCH = datetime(1970, 1, 1)

_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6))
"""Below so much, a number has so many units in a second: seconds to the year 5138, then milliseconds, microseconds."""
_NANOSECONDS = 10**9
"""What greater numbers have in a second."""
_DIGITS = re.compile(r"-?\d{9,30}(?:\.\d{1,30})?", re.ASCII)
"""Texts that are numbers. Those of eight digits are dates, as in 20190516."""
_CALENDAR = (range(19_000_000, 21_000_000), range(19_000_000_000_000, 21_000_000_000_000))
"""Numbers that are rather a date's digits, as in 20190516 and 20190516211813, than of 1970 or of the year 2609."""


def date_in(value: object) -> datetime:
    """Give the naive UTC datetime that a JSON value means. ValueError, with an example, if it is none.

    What is finer than a microsecond is dropped.
    """
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            return date_of(value)
        whole, _, fraction = value.partition(".")
        return _date_of_number(value, int(whole + fraction), 10 ** len(fraction))
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = "null" if value is None else f"{value!r:.100}"
        msg = f"{shown} is no date: give a text such as 2026-11-24T08:30:00Z, or a number since 1970"
        raise ValueError(msg)  # noqa: TRY004  it is data, and no argument
    return _date_of_number(value, *Decimal(repr(value)).as_integer_ratio())  # of the digits that were written


def _date_of_number(shown: float | str, numerator: int, denominator: int) -> datetime:
    """Give the date of a fraction; what is finer than a microsecond is dropped."""
    whole = abs(numerator) // denominator
    if any(whole in digits for digits in _CALENDAR):
        msg = f"{shown} has the digits of a date, and would be another one since 1970; write it in ISO 8601"
        raise ValueError(msg)
    in_a_second = next((units for limit, units in _UNITS if whole < limit), _NANOSECONDS)
    try:
        return EPOCH + timedelta(microseconds=numerator * 10**6 // (denominator * in_a_second))
    except OverflowError as error:
        msg = f"{shown} since 1970 leaves the years 1 to 9999"
        raise ValueError(msg) from error
