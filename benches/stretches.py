"""The events of a store that benches/server makes up, to give it its formula and to check what is replayed of it.

A formula is a list of stretches, one after the other in time, each of journals that are alike. Events are numbered
through all of them, and have the data that `events.event_data` gives their numbers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import gcd
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from events import Made, event_data

if TYPE_CHECKING:
    from flashflood import FlashFlood

PREFIX = "formula"
"""The root prefix of the store."""
BEGIN = datetime(2020, 1, 1)
"""When the first stretch begins, unless it says otherwise."""
MICROSECOND = datetime.resolution


class Stretch(NamedTuple):
    """Journals that are alike, at even distances in time."""

    journals: int
    every: float
    """Seconds between their starts."""
    size: int
    """Bytes of each event's data: some 100 at least, or 450 where it is 400 or more."""
    events: int = 1
    """How many each has, spread evenly over `span`."""
    span: float | None = None
    """Seconds; None: `every`. Where it is more, the journals overlap."""
    kind: Literal["journal", "new", "dead"] = "journal"
    """As `put_many` writes them; one event each, just put; the same, journaled, and in the index no more."""
    updates: int = 0
    """How many of the events have a waiting update: evenly chosen, one of each journal before a second of any."""
    begin: datetime | None = None
    """When it begins, in whole seconds; only for the first one."""

    def __str__(self) -> str:
        """Give the server's argument."""
        begin = None if self.begin is None else self.begin.isoformat(timespec="seconds")
        fields = self._replace(begin=None)._asdict() | {"begin": begin}
        return ",".join(f"{name}={value}" for name, value in fields.items() if value is not None)

    @property
    def spread(self) -> timedelta:
        """Over what time a journal's events are spread."""
        return timedelta(seconds=self.every if self.span is None else self.span)


Calls: TypeAlias = Mapping[
    str, tuple[Callable[[int], list[Stretch]], Sequence[int], Callable[["FlashFlood", int], None]]
]
"""By name, the calls of benches/scale.py: the store for a size, the sizes, and what is called there and checked."""


def living(stretches: Sequence[Stretch]) -> Iterator[Made]:
    """Give the events that replay gives, by number: in its order where no journals overlap."""
    for event in _events(stretches):
        if event.stretch.kind != "dead":
            yield event.event_id, event.date, event_data(event.number, event.stretch.size)


def updated(stretches: Sequence[Stretch]) -> dict[str, bytes]:
    """Give the data that waiting updates have for events, living or not, by their ids."""
    total = sum(stretch.journals * stretch.events for stretch in stretches)
    return {
        event.event_id: event_data(total + event.number, event.stretch.size)
        for event in _events(stretches)
        if event.is_updated
    }


def numbered(stretch: Stretch, numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Give id and data of some events, of a store that has only this stretch, which lives."""
    for number in numbers:
        yield _event_id(number, number, stretch.journals * stretch.events), event_data(number, stretch.size)


class _Numbered(NamedTuple):
    """An event of a formula."""

    stretch: Stretch
    number: int
    event_id: str
    date: datetime
    is_updated: bool


def _events(stretches: Sequence[Stretch]) -> Iterator[_Numbered]:
    """Give all events, by number."""
    number, place = 0, 0
    begin = stretches[0].begin or BEGIN
    count = sum(stretch.journals * stretch.events for stretch in stretches if stretch.kind != "dead")
    for stretch in stretches:
        every, spread = timedelta(seconds=stretch.every), stretch.spread
        chosen = set(_chosen(stretch))
        for journal in range(stretch.journals):
            for index in range(stretch.events):
                is_dead = stretch.kind == "dead"
                name = f"{number:08x}-dead-4000-8000-{number:012x}" if is_dead else _event_id(place, number, count)
                date = begin + journal * every + index * (spread // MICROSECOND) // stretch.events * MICROSECOND
                yield _Numbered(stretch, number, name, date, (journal, index) in chosen)
                number += 1
                place += not is_dead
        begin += (stretch.journals - 1) * every + max(every, spread, MICROSECOND)


def _event_id(place: int, number: int, count: int) -> str:
    """Give the id of the living event number `place` of `count`: its rank among the ids comes first."""
    rank = place * _step(count) % count
    return f"{(rank << 32) // count:08x}-0000-4000-8000-{number:012x}"


def _step(count: int) -> int:
    step = max(1, count * 618 // 1000)
    while gcd(step, count) != 1:
        step += 1
    return step


def _chosen(stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Give journal and index of the events that have updates."""
    rounds = -(-stretch.updates // stretch.journals)
    for nth in range(rounds):
        chosen = min(stretch.journals, stretch.updates - nth * stretch.journals)
        for journal in range(chosen):
            yield journal * stretch.journals // chosen, nth * stretch.events // rounds
