"""What the commands take: the store, dates, an event's data."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from flashflood import FlashFlood, FlashFloodException


class Date(click.ParamType[datetime]):
    """A date in ISO 8601 or in the form of journal ids (`2019-05-16T211813.059000Z`).

    Without an offset it is UTC; without a time, midnight.
    """

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the naive UTC datetime, or fail with a usage error that shows an example."""
        try:
            date = datetime.fromisoformat(str(value))
            return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-11-24 or 2026-11-24T08:30:00Z.", param, ctx)
        except OverflowError:
            self.fail(f"{value!r} leaves the years 1 to 9999 in UTC.", param, ctx)


Command = Callable[..., Any]

store_option = click.option(
    "--store",
    "url",
    metavar="URL",
    envvar="FLASHFLOOD_STORE",
    help="s3://BUCKET/PREFIX, or a folder; FLASHFLOOD_STORE names it where this does not.",
)


def range_options(command: Command) -> Command:
    """Add `--from` and `--to`."""
    start = click.option("--from", "from_date", metavar="DATE", type=Date(), help="Only what is later than this.")
    end = click.option("--to", "to_date", metavar="DATE", type=Date(), help="Only up to this, itself included.")
    return start(end(command))


def data_parameters(command: Command) -> Command:
    """Add the argument `DATA` and `--file`, of which `data_from` takes one."""
    argument = click.argument("text", metavar="[DATA]", required=False)
    option = click.option("--file", "path", metavar="PATH", help="Take the data from a file; - is standard input.")
    return argument(option(command))


def data_from(text: str | None, path: str | None) -> bytes:
    """Give the event's data: the argument's bytes as the shell passed them, a file's, or standard input's."""
    if text is not None and path is not None:
        msg = "give the data as an argument or with --file, not both."
        raise click.UsageError(msg)
    if text is not None:
        return os.fsencode(text)
    if path is None:
        msg = "no data: give them as an argument, or with --file (- for standard input)."
        raise click.UsageError(msg)
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise click.ClickException(msg) from error


@contextmanager
def opened(url: str | None) -> Iterator[FlashFlood]:
    """Open the store for the block, in which every failure that a user can meet becomes one line and exit code 1."""
    if not url:
        msg = "no store named: give --store URL, or set FLASHFLOOD_STORE."
        raise click.UsageError(msg)
    try:
        try:
            flood = FlashFlood.open(url)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        yield flood
    except FlashFloodException as error:
        raise click.ClickException(str(error)) from error
    except (BotoCoreError, ClientError, Boto3Error) as error:
        msg = f"{url}: {error}"
        raise click.ClickException(msg) from error
    except OSError as error:
        msg = f"{error.filename or url}: {error.strerror or error}"
        raise click.ClickException(msg) from error
