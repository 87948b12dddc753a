"""What the commands take: the store, dates, where an event's data are."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from click.shell_completion import CompletionItem

from flashflood import FlashFlood, FlashFloodException, Rules
from flashflood.dates import UNITS, date_of, duration_of
from flashflood.replay.after import After


class Date(click.ParamType[datetime]):
    """A date in ISO 8601 or in the form of journal ids (`2019-05-16T211813.059000Z`), or one so long ago (`-7d`).

    Without an offset it is UTC; without a time, midnight.
    """

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the naive UTC datetime, or fail with a usage error that shows an example."""
        text = str(value)
        try:
            return _so_long_ago(duration_of(text[1:])) if text.startswith("-") else date_of(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Place(click.ParamType[After]):
    """A place in the order of events: `DATE ID`, cut at the first space, or a follower's cursor, which has none."""

    name = "place"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> After:
        """Give what the API takes. A bad date is a usage error that shows an example; of a cursor the API says it."""
        date, space, event_id = str(value).partition(" ")
        return (Date().convert(date, param, ctx), event_id) if space else date


def _so_long_ago(length: timedelta) -> datetime:
    try:
        return datetime.now(UTC).replace(tzinfo=None) - length
    except OverflowError as error:
        msg = "that is before the year 1."
        raise ValueError(msg) from error


class Share(click.ParamType[float]):
    """A part of a whole, above 0 and up to 1: `0.01` or `1%`."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give the part, or fail with a usage error that shows an example."""
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share <= 1:
            self.fail(f"{text!r} is not a part such as 1% or 0.01, up to 100%.", param, ctx)
        return share


class Duration(click.ParamType[timedelta]):
    """A length of time (`90s`, `5m`, `24h`, `7d`)."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Give it, or fail with a usage error that shows examples."""
        try:
            return duration_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class OrNever(click.ParamType[Any]):
    """What another type takes, or `never`, which is None."""

    def __init__(self, kind: click.ParamType[Any]) -> None:
        """Take the other type."""
        self.kind = kind
        self.name = kind.name

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401  the other type's
        """Give it, or fail as the other type does."""
        return None if value == "never" else self.kind.convert(value, param, ctx)


def duration_text(duration: timedelta) -> str:
    """Write a duration of whole seconds in the largest unit that it is a multiple of."""
    unit, length = next(found for found in UNITS.items() if not duration % found[1])
    return f"{duration // length}{unit}"


Command = Callable[..., Any]

FILE = click.Path(readable=False)
"""The path of a file, which a shell completes; whether it can be read, whoever opens it says."""


def _complete_path(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a store's URL as the path of a file or a folder."""
    return [CompletionItem(incomplete, type="file")]


store_option = click.option(
    "--store",
    "url",
    metavar="URL",
    envvar="FLASHFLOOD_STORE",
    shell_complete=_complete_path,
    help="s3://BUCKET/PREFIX, a file, or a FOLDER/; FLASHFLOOD_STORE names it where this does not.",
)


EVENT_FORMATS = ("jsonl", "data", "table")

events_format = click.option(
    "--format",
    "form",
    type=click.Choice(EVENT_FORMATS),
    help="JSON Lines (the default into a file or pipe), the data alone, or a table (the default on a terminal).",
)


report_format = click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "text"]),
    help="JSON Lines (the default into a file or pipe), or words (the default on a terminal).",
)


def range_options(command: Command) -> Command:
    """Add `--from` and `--to`."""
    start = click.option(
        "--from", "from_date", metavar="DATE", type=Date(), help="Only what is later than this; -7d: than 7 days ago."
    )
    end = click.option("--to", "to_date", metavar="DATE", type=Date(), help="Only up to this, itself included.")
    return start(end(command))


after_option = click.option(
    "--after",
    metavar="PLACE",
    type=Place(),
    help="Only what comes later than 'DATE ID' of the last event read, cut at the first space, or a follower's cursor.",
)


filter_option = click.option(
    "--filter",
    metavar="JMESPATH",
    help="Only events whose JSON data make the expression true; in single quotes, numbers and texts in backquotes.",
)
select_option = click.option(
    "--select", metavar="JMESPATH", help="What the expression makes of an event's data, in their place."
)


def rule(name: str, kind: click.ParamType[Any], words: str) -> Callable[[Command], Command]:
    """Add an option that is named after one of `Rules`, with its default."""
    default = getattr(Rules(), name.removeprefix("--").replace("-", "_"))
    text = duration_text(default) if isinstance(default, timedelta) else default
    metavar = "DURATION" if isinstance(default, timedelta) else "N"
    return click.option(name, metavar=metavar, type=kind, default=text, show_default=True, help=words)


def data_parameters(command: Command) -> Command:
    """Add the argument `DATA` and `--file`, of which `input.data_from` takes one."""
    argument = click.argument("text", metavar="[DATA]", required=False)
    option = click.option(
        "--file", "path", metavar="PATH", type=FILE, help="Take the data from a file; - is standard input."
    )
    return argument(option(command))


@contextmanager
def opened(url: str | None) -> Iterator[FlashFlood]:
    """Open the store for the block, in which every failure that a user can meet becomes one line and exit code 1."""
    if not url:
        msg = "no store named: give --store URL, or set FLASHFLOOD_STORE."
        raise click.UsageError(msg)
    with in_one_line(url), open_store(url) as flood:
        yield flood


def refuse_nothing(flood: FlashFlood) -> None:
    """Fail where nothing was ever stored: a misspelt URL looks like a store without events."""
    nothing = nothing_in(flood)
    if nothing is not None:
        raise click.ClickException(nothing)


def nothing_in(flood: FlashFlood) -> str | None:
    """Say that nothing was ever stored. None: there is something. Where a listing had it, this takes no request."""
    ctx = flood._ctx  # noqa: SLF001  an inner room's way in
    return None if ctx.has_objects() else f"{ctx.store.name}: nothing was ever stored there; is its name right?"


def open_store(url: str) -> FlashFlood:
    """Open the store; a URL that names none is a usage error."""
    try:
        return FlashFlood.open(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def usage_error(error: ValueError) -> click.UsageError:
    """Put an error that shows an expression with a caret beneath into one line: the caret becomes a number."""
    match str(error).split("\n"):
        case [reason, expression, caret]:
            return click.UsageError(f"{reason}, at character {len(caret)} of {expression!r}.")
        case lines:
            return click.UsageError(" ".join(lines))


@contextmanager
def in_one_line(what: str) -> Iterator[None]:
    """Turn every failure that a user can meet into one line; `what` stands before those that do not say where."""
    try:
        yield
    except FlashFloodException as error:
        raise _failure(error, str(error)) from error
    except _of_boto3() as error:
        msg = f"{what}: {error}"
        raise _failure(error, msg) from error
    except OSError as error:
        msg = f"{error.filename or what}: {error.strerror or error}"
        raise _failure(error, msg) from error


def _of_boto3() -> tuple[type[Exception], ...]:
    """Give the base classes of boto3's errors; none where it is not imported, and so has not raised any."""
    if "boto3" not in sys.modules:
        return ()
    from boto3.exceptions import Boto3Error  # noqa: PLC0415  see `import_boto3`
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  as above

    return BotoCoreError, ClientError, Boto3Error


def _failure(error: Exception, message: str) -> click.ClickException:
    """Make the error that is shown; it keeps the notes of its cause."""
    failure = click.ClickException(message)
    for note in getattr(error, "__notes__", ()):
        failure.add_note(note)
    return failure
