"""The commands that write events. Each takes parameters, calls the API once, and writes what it gives."""

from datetime import datetime
from typing import Any

import click

from flashflood.cli.input import data_from
from flashflood.cli.loading import Asked, put_many_parameters
from flashflood.cli.output import (
    Report,
    write,
)
from flashflood.cli.parameters import (
    Date,
    data_parameters,
    opened,
    report_format,
    store_option,
)


@click.command()
@store_option
@click.option("--id", "event_id", help="The event's id; made up where none is given.")
@click.option("--date", metavar="DATE", type=Date(), help="When it happened; now where none is given.")
@data_parameters
def put(url: str | None, event_id: str | None, date: datetime | None, text: str | None, path: str | None) -> None:
    """Store an event with DATA, and print its id.

    \b
      flashflood put '{"level": 43}'
      flashflood put --id monday --date 2026-03-02T06:00:00Z --file level.json
      echo 43 | flashflood put - --date -1h
    """  # noqa: D301  click's sign that lines stay as they are
    data = data_from(text, path)
    with opened(url) as flood:
        event = flood.put(data, event_id, date)
    write(f"{event.event_id}\n".encode())


@click.command("put-many")
@store_option
@put_many_parameters
@report_format
def put_many(url: str | None, form: str | None, **asked: Any) -> int:  # noqa: ANN401  one for each of `Asked`
    """Store the events of FILES, and say how many; interrupted, repeat it.

    A FILE is a path, - for standard input, or s3://BUCKET/PREFIX/ for all beneath it; plain, gzip or zstd. Its lines
    are events as `replay` writes them; with --id, --date or --each, the line itself is the event:

    \b
      flashflood put-many --id id --date created_at 2026-01-01-*.json.gz
      flashflood put-many --each 'Records[]' --id eventID --date eventTime s3://trails/AWSLogs/
      journalctl -o json | flashflood put-many --id __CURSOR --date __REALTIME_TIMESTAMP -
      flashflood put-many --date time --rejects odd.jsonl access.log
    """  # noqa: D301  click's sign that lines stay as they are
    with opened(url) as flood:
        return Asked(**asked).put(flood, Report(form))


@click.command()
@store_option
@click.argument("event_id")
@data_parameters
def update(url: str | None, event_id: str, text: str | None, path: str | None) -> None:
    """Give an event new DATA; `get` shows them at once, `replay` once they are applied."""
    data = data_from(text, path)
    with opened(url) as flood:
        flood.update_event(event_id, data)


@click.command()
@store_option
@click.argument("event_id")
def delete(url: str | None, event_id: str) -> None:
    """Delete an event; `get` fails at once, `replay` leaves it out once the delete is applied."""
    with opened(url) as flood:
        flood.delete_event(event_id)
