"""A walk through the package: each step says what it does, does it, and shows what came back.

A result that is not what it should be ends the walk. The story is a river gauge that reports its level. It is written
to a store of its own, which is removed at the end.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import click
import jmespath

from flashflood import FlashFlood, FlashFloodEventNotFound
from flashflood.cli.output import flush, heading, iso, write
from flashflood.cli.parameters import opened

EVENT_ID = "gauge-7"
DATE = datetime(2026, 3, 1, 6, 30)
FIRST = datetime(2026, 3, 2)
LEVELS = range(40, 50)
"""Centimetres that the gauge reports, one reading every `PAUSE`, the first at `FIRST`."""
PAUSE = timedelta(hours=3)


def run(url: str | None) -> None:
    """Walk through all steps in a temporary file, or in a place of its own in the bucket or folder `url`."""
    with _own_store(url) as place, opened(place) as flood:
        try:
            _say(heading(f"FlashFlood in {place}"))
            for number, step in enumerate(STEPS, 1):
                _say(heading(f"\n{number}. {step.__doc__}"))
                for line in step(flood):
                    _say(f"   {line}".encode())
        finally:
            flood.destroy()
        _say(heading(f"\nAll {len(STEPS)} steps gave what they should."))


@contextmanager
def _own_store(url: str | None) -> Iterator[str]:
    if url is None:
        with tempfile.TemporaryDirectory(prefix="flashflood-demo-") as folder:
            yield f"{folder}/events.flashflood"
    elif url.lower().startswith("s3://"):
        yield f"{url.rstrip('/')}/demo-{uuid4()}"
    elif "://" in url:
        msg = f"{url}: the walk needs a place of its own; give s3://BUCKET/PREFIX or a folder, or leave --store out"
        raise click.UsageError(msg)
    else:
        Path(url).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="flashflood-demo-", dir=url) as folder:
            yield f"{folder}/"


def _put(flood: FlashFlood) -> Iterator[str]:
    """Put an event: data, an id and a date."""
    event = flood.put(b"level 38 cm", EVENT_ID, DATE)
    yield f"put {event.event_id!r}, dated {iso(event.date)}, {len(event.data)} bytes"
    _expect("its existence", flood.event_exists(EVENT_ID), wanted=True)


def _get(flood: FlashFlood) -> Iterator[str]:
    """Get it back by its id."""
    event = flood.get_event(EVENT_ID)
    _expect("the event", event, wanted=(EVENT_ID, DATE, b"level 38 cm"))
    yield f"id {event.event_id!r}, date {iso(event.date)}, data {event.data!r}"


def _update(flood: FlashFlood) -> Iterator[str]:
    """Update it: the gauge was misread."""
    flood.update_event(EVENT_ID, b"level 83 cm")
    yield "new data are on record"


def _get_again(flood: FlashFlood) -> Iterator[str]:
    """Get it again: the new data, at once, under the same id and date."""
    event = flood.get_event(EVENT_ID)
    _expect("the updated event", event, wanted=(EVENT_ID, DATE, b"level 83 cm"))
    yield f"id {event.event_id!r}, date {iso(event.date)}, data {event.data!r}"


def _delete(flood: FlashFlood) -> Iterator[str]:
    """Delete it: from now on there is no such event."""
    flood.delete_event(EVENT_ID)
    try:
        flood.get_event(EVENT_ID)
    except FlashFloodEventNotFound as error:
        yield f"getting it says: {error}"
    else:
        _fail("the deleted event", "an event", "FlashFloodEventNotFound")


def _journal_the_delete(flood: FlashFlood) -> Iterator[str]:
    """Journal: new events become one journal, with their updates and deletes applied."""
    flood.journal(minimum_number_of_events=1)
    count = sum(1 for _ in flood.list_journals())
    _expect("the number of journals", count, wanted=0)
    yield f"the only new event was deleted, so {count} journals are left"


def _put_ten(flood: FlashFlood) -> Iterator[str]:
    """Put ten readings, three hours apart, as JSON."""
    for number, level in enumerate(LEVELS):
        event = flood.put({"gauge": 7, "level": level}, date=FIRST + number * PAUSE)
        yield f"{iso(event.date)}  {event.data.decode()}"


def _journal_ten(flood: FlashFlood) -> Iterator[str]:
    """Journal the ten, and list the journals."""
    flood.journal(minimum_number_of_events=len(LEVELS))
    journals = list(flood.list_journals())
    _expect("the number of journals", len(journals), wanted=1)
    _expect("the journal's range", (journals[0].start_date, journals[0].end_date), wanted=(FIRST, FIRST + 9 * PAUSE))
    yield from journals


def _stream(flood: FlashFlood) -> Iterator[str]:
    """Stream the events between two dates: later than the third reading's, up to the ninth's."""
    events = list(flood.replay(FIRST + 2 * PAUSE, FIRST + 8 * PAUSE))
    levels = [json.loads(event.data)["level"] for event in events]
    _expect("the levels in that range", levels, wanted=[43, 44, 45, 46, 47, 48])
    yield from (f"{iso(event.date)}  {event.data.decode()}" for event in events)


def _filter(flood: FlashFlood) -> Iterator[str]:
    """Filter with JMESPath while streaming: level > `46`."""
    events = list(flood.replay(FIRST + 2 * PAUSE, FIRST + 8 * PAUSE, filter="level > `46`"))
    _expect("the levels above 46", [json.loads(event.data)["level"] for event in events], wanted=[47, 48])
    yield from (f"{iso(event.date)}  {event.data.decode()}" for event in events)


def _search(flood: FlashFlood) -> Iterator[str]:
    """Search the data of a whole stream with JMESPath: readings[].level."""
    readings = [json.loads(event.data) for event in flood.replay()]
    levels = jmespath.search("readings[].level", {"readings": readings})
    _expect("the search", levels, wanted=list(LEVELS))
    yield str(levels)


STEPS: tuple[Callable[[FlashFlood], Iterator[str]], ...] = (
    _put,
    _get,
    _update,
    _get_again,
    _delete,
    _journal_the_delete,
    _put_ten,
    _journal_ten,
    _stream,
    _filter,
    _search,
)


def _say(line: bytes) -> None:
    write(line + b"\n")
    flush()


def _expect(what: str, found: object, *, wanted: object) -> None:
    if found != wanted:
        _fail(what, repr(found), repr(wanted))


def _fail(what: str, found: str, wanted: str) -> None:
    msg = f"demo: {what}: got {found}, should be {wanted}"
    raise click.ClickException(msg)
