"""The commands that read events and journals. Each takes parameters, calls the API once, and writes what it gives."""

import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import click
from jmespath.exceptions import JMESPathError

from flashflood import Event, Expression, JournalID
from flashflood.cli.input import ids_from
from flashflood.cli.output import (
    EventTable,
    JournalTable,
    data_line,
    event_line,
    is_for_people,
    iso,
    json_line,
    write,
)
from flashflood.cli.parameters import (
    EVENT_FORMATS,
    FILE,
    after_option,
    events_format,
    filter_option,
    opened,
    range_options,
    refuse_nothing,
    select_option,
    store_option,
    usage_error,
)
from flashflood.cli.progress import counted
from flashflood.cli.tables import FORMATS, Pairs, once, write_table
from flashflood.read.get_events import OnMissing
from flashflood.replay.columns import OnMismatch

T = TypeVar("T")

on_damage_option = click.option(
    "--on-damage",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do where a journal is damaged: end, or leave out what cannot be read of it and say so.",
)


@click.command()
@store_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["data", "jsonl"]),
    default="data",
    help="The data as they are (the default), or one JSON line with id, date and data.",
)
@click.argument("event_id")
def get(url: str | None, form: str, event_id: str) -> None:
    """Write an event's data to standard output."""
    with opened(url) as flood:
        event = flood.get_event(event_id)
    write(event.data if form == "data" else event_line(event))


@click.command("get-many")
@store_option
@click.option(
    "--file", "path", metavar="PATH", type=FILE, help="Take the ids from a file, one a line; - is standard input."
)
@click.option(
    "--on-missing",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do with an id that no event has.",
)
@events_format
@click.argument("ids", metavar="[ID]...", nargs=-1)
def get_many(url: str | None, path: str | None, on_missing: OnMissing, form: str | None, ids: tuple[str, ...]) -> None:
    """Write the events of the IDs, in their order.

    \b
      flashflood get-many monday tuesday
      flashflood get-many --on-missing skip --file ids.txt > events.jsonl
    """  # noqa: D301  click's sign that lines stay as they are
    if bool(ids) == bool(path):
        msg = "give the ids as arguments, or with --file (- for standard input)."
        raise click.UsageError(msg)
    with opened(url) as flood:
        events = flood.get_events(ids_from(path) if path else ids, on_missing=on_missing)
        _write_events("reading", events, form)


@click.command()
@store_option
@range_options
@after_option
@filter_option
@select_option
@click.option(
    "--columns",
    metavar="NAME=JMESPATH",
    type=Pairs(),
    multiple=True,
    help="A column of a table: what the expression gives, beside event_id and date. Once for each column.",
)
@click.option(
    "--schema",
    metavar="NAME=TYPE",
    type=Pairs(),
    multiple=True,
    help="A column's type, such as n=int64; else inferred.",
)
@click.option(
    "--on-mismatch",
    type=click.Choice(["error", "null"]),
    default="error",
    show_default=True,
    help="What to do with a value that does not fit its column's type.",
)
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Stop after so many events.")
@on_damage_option
@click.option(
    "--format",
    "form",
    type=click.Choice([*EVENT_FORMATS, *FORMATS]),
    help="JSON Lines (the default into a file or pipe), the data alone, a table (the default on a terminal), or one "
    "for other programs.",
)
def replay(  # noqa: PLR0913, PLR0917  an argument for each option
    url: str | None,
    form: str | None,
    limit: int | None,
    columns: tuple[tuple[str, str], ...],
    schema: tuple[tuple[str, str], ...],
    on_mismatch: OnMismatch,
    **what: Any,  # noqa: ANN401  the range, the place, filter and select, and what to do about damage
) -> None:
    """Write the events of a date range, in the order of their dates.

    \b
      flashflood replay --from -7d --limit 10
      flashflood replay --from 2026-03-01 --filter 'level == `"error"` && n > `2`' | jq -r .data
      flashflood replay --format parquet --columns 'n=length(files)' --columns city=address.city > events.parquet
    """  # noqa: D301  click's sign that lines stay as they are
    if (columns or schema or on_mismatch != "error") and form not in FORMATS:
        msg = "--columns, --schema and --on-mismatch are for tables: add --format parquet, arrow or csv."
        raise click.UsageError(msg)
    if schema and not columns:
        msg = "--schema has the types of columns: name them with --columns."
        raise click.UsageError(msg)
    with opened(url) as flood:
        if form in FORMATS:
            table = {"columns": once("--columns", columns), "schema": once("--schema", schema)}
            write_table(_begun(flood.replay_batches, **what, **table, on_mismatch=on_mismatch), form, limit)
        else:
            with closing(_begun(flood.replay, **what)) as events:
                _write_events("replaying", islice(events, limit), form)
        refuse_nothing(flood)


@click.command()
@store_option
@range_options
@after_option
@on_damage_option
@click.argument("expression", metavar="JMESPATH")
def search(url: str | None, expression: str, **how: Any) -> None:  # noqa: ANN401  range, place, and what of damage
    """Evaluate an expression over `{"events": [...]}`, the data of all events of a date range, and write its value.

    \b
      flashflood search 'max(events[].level)' --from -7d
      flashflood search 'events[?city == `"Ulm"`].level' | jq .
    """  # noqa: D301  click's sign that lines stay as they are
    with opened(url) as flood:
        try:
            found = flood.search(Expression(expression), **how)
        except json.JSONDecodeError as error:
            msg = f"the data of some event are not JSON ({error}); `replay --filter` passes over such events."
            raise click.ClickException(msg) from error
        except JMESPathError as error:
            msg = f"{expression!r} has no value on these events: {error}"
            raise click.ClickException(msg) from error
        except ValueError as error:
            raise usage_error(error) from error
        refuse_nothing(flood)
    write(json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace") + b"\n")


def _begun(call: Callable[..., T], **given: Any) -> T:  # noqa: ANN401  the call's arguments
    """Call; what it refuses is a usage error."""
    try:
        return call(**given)
    except ValueError as error:
        raise usage_error(error) from error


def _write_events(what: str, events: Iterable[Event], form: str | None) -> None:
    """Write events as they come; into a file or pipe, showing on the terminal that `what` is under way."""
    if (form or ("table" if is_for_people() else "jsonl")) == "table":
        table = EventTable()
        write(table.header())
        line = table.event
    else:
        line = data_line if form == "data" else event_line
    with ExitStack() as stack:
        shown = events if is_for_people() else stack.enter_context(closing(counted(what, events)))
        for event in shown:
            write(line(event))


@click.command()
@store_option
@range_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "table"]),
    help="JSON Lines (the default into a file or pipe), or a table (the default on a terminal).",
)
def journals(url: str | None, from_date: datetime | None, to_date: datetime | None, form: str | None) -> None:
    """List the journals that overlap a date range, events not yet journaled (version `new`) included.

    A table has dates to the second, how many events and bytes each journal holds, and the beginning of the UUID that
    names its blob. It takes a request for each journal beside the listing; JSON Lines take none.

    \b
      flashflood journals --from -1d
    """  # noqa: D301  click's sign that lines stay as they are
    is_table = (form or ("table" if is_for_people() else "jsonl")) == "table"
    with opened(url) as flood:
        if is_table:
            table = JournalTable()
            found = _begun(flood.describe_journals, from_date=from_date, to_date=to_date)
            write(table.header())
            for summary in found:
                write(table.journal(summary))
        else:
            for journal_id in _begun(flood.list_journals, from_date=from_date, to_date=to_date):
                write(_journal_line(journal_id))
        refuse_nothing(flood)


def _journal_line(journal_id: JournalID) -> bytes:
    return json_line(
        {
            "journal_id": journal_id,
            "from_date": iso(journal_id.start_date),
            "to_date": iso(journal_id.end_date),
            "version": journal_id.version,
        }
    )
