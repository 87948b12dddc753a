"""What a terminal and a page say alike: labels, amounts, and lengths of time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.filesize import decimal

from flashflood.stats.histogram import StatsBin

if TYPE_CHECKING:
    from flashflood.stats.found import Stats, StatsGroup

_FORMS = (4, 7, 10, 16, 19, 23, 26)
"""Characters of a date in its shorter forms: year, month, day, minute, second, millisecond, microsecond."""
_LEAST = "0001-01-01 00:00:00.000000"
_UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
_AGES = {
    timedelta(hours=1): "an hour",
    timedelta(days=1): "a day",
    timedelta(days=7): "a week",
    timedelta(days=30): "30 days",
    timedelta(days=365): "a year",
}


class Line(NamedTuple):
    """A label, and what stands beside it."""

    label: str
    value: str


class GroupLine(NamedTuple):
    """Journals of like size or age."""

    label: str
    journals: str
    size: str


def overview(stats: "Stats") -> list[Line]:
    """Say what is in a store, a line for each kind of thing."""
    about, about_new = ("" if exact else "about " for exact in (stats.is_exact, stats.new_is_exact))
    dates = [to_the_second(date) for date in (stats.first_date, stats.last_date) if date is not None]
    new = f"{about_new}{stats.new_events:,} in {_number_of(stats.new_journals, 'journal')}"
    dead = f"{_number_of(stats.dead_journals, 'journal')} and {_number_of(stats.dead_updates, 'update')}"
    return [
        Line("events", f"{about}{stats.events:,}"),
        Line("data", decimal(stats.bytes)),
        Line("dates", " to ".join(dates) or "none"),
        Line("journals", f"{stats.journals:,}"),
        Line("new events", new + _since(stats.oldest_new, stats.date) if stats.new_journals else "none"),
        Line("pending updates", f"{stats.pending_updates:,}" + _since(stats.oldest_update, stats.date)),
        Line("garbage", f"{dead}, {decimal(stats.garbage_bytes)}"),
    ]


def by_size(stats: "Stats") -> list[GroupLine]:
    """Say how many journals there are of each size that there is."""
    limits = [None if group.below is None else decimal(group.below, precision=0) for group in stats.by_size]
    return _group_lines(limits, stats.by_size)


def by_age(stats: "Stats") -> list[GroupLine]:
    """Say how many journals there are of each age that there is."""
    limits = [None if group.below is None else _AGES[group.below] for group in stats.by_age]
    return _group_lines(limits, stats.by_age)


def _group_lines(limits: Sequence[str | None], groups: "Sequence[StatsGroup[Any]]") -> list[GroupLine]:
    lines = []
    for lower, upper, group in zip([None, *limits], limits, groups, strict=False):
        label = f"{lower} or more" if upper is None else f"{lower} to {upper}" if lower else f"under {upper}"
        if group.journals:
            lines.append(GroupLine(label, f"{group.journals:,}", decimal(group.bytes)))
    return lines


def labels(bins: Sequence[StatsBin]) -> list[str]:
    """Give the beginnings of bins in the shortest form that tells them whole."""
    texts = [one.start.isoformat(" ", "microseconds") for one in bins]
    length = next(length for length in _FORMS if all(text[length:] == _LEAST[length:] for text in texts))
    return [text[:length] for text in texts]


def to_the_second(date: datetime) -> str:
    """Give a date as people read it."""
    return date.isoformat(" ", "seconds")


def _since(date: datetime | None, now: datetime) -> str:
    return "" if date is None else f"; the oldest was written {_length(now - date)} ago"


def _length(duration: timedelta) -> str:
    """Give a length of time in the largest unit of which it has one."""
    for unit, length in _UNITS.items():
        if duration >= length:
            return _number_of(duration // length, unit)
    return _number_of(max(0, duration // timedelta(seconds=1)), "second")


def _number_of(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
