"""What a store holds: in words and bars for people, as JSON for programs, or as a page of HTML."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import click
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from flashflood import Stats
from flashflood.cli.output import Report, iso, one_line, write
from flashflood.cli.parameters import FILE, opened, refuse_nothing, report_format, store_option
from flashflood.cli.progress import shown
from flashflood.cli.side_files import Output, refuse_shared
from flashflood.stats import words
from flashflood.stats.page import document

SECOND = timedelta(seconds=1)


@click.command()
@store_option
@report_format
@click.option(
    "--html", "path", metavar="PATH", type=FILE, help="Write a page of HTML to a file instead; - is standard output."
)
def stats(url: str | None, form: str | None, path: str | None) -> None:
    """Count events, journals, what waits and what is dead, with a histogram over time, from listings.

    No journal is read: of the events of many journals it is an estimate, which says so.
    """
    if form is not None and path is not None:
        msg = "--html writes a page, which has no --format; leave one of them out."
        raise click.UsageError(msg)
    with opened(url) as flood:
        refuse_shared({"--html": None if path == "-" else path}, (), flood)
        with shown("counting"):
            found = flood.stats()
        refuse_nothing(flood)
        if path is None:
            Report(form).write(_text(found), _record(found))
        elif path == "-":
            write(document(found).encode())
        else:
            with Output(path) as file:
                file.write(document(found).encode())


def _record(found: Stats) -> dict[str, object]:
    """Give all that was found, as JSON has it: dates as text, ages in seconds."""
    return {
        **{name: _json(getattr(found, name)) for name in Stats.__slots__},
        "by_size": [group._asdict() for group in found.by_size],
        "by_age": [
            {**group._asdict(), "below": None if group.below is None else group.below // SECOND}
            for group in found.by_age
        ],
        "bins": [{name: _json(value) for name, value in one._asdict().items()} for one in found.bins],
    }


def _json(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value


def _text(found: Stats) -> str:
    """Lay out what people read, as wide as the terminal."""
    console = Console(highlight=False)
    with console.capture() as capture:
        console.print(Text(one_line(found.store), "bold"), soft_wrap=True)
        for part in _parts(found):
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _parts(found: Stats) -> Iterator[RenderableType]:
    yield f"listed on {words.to_the_second(found.date)} UTC\n"
    yield _grid(words.overview(found), right=())
    if found.bins:
        yield Text(f"\nevents per {found.bin_width}", "bold")
        yield _histogram(found)
    for title, lines in (("size", words.by_size(found)), ("age", words.by_age(found))):
        if lines:
            yield Text(f"\njournals by {title}", "bold")
            yield _grid(lines, right=(1, 2))


def _grid(lines: Sequence[Sequence[str]], right: Sequence[int]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for number in range(len(lines[0])):
        grid.add_column(justify="right" if number in right else "left")
    for line in lines:
        grid.add_row(*line)
    return grid


def _histogram(found: Stats) -> Table:
    most = max(one.events for one in found.bins)
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(ratio=1)
    for label, one in zip(words.labels(found.bins), found.bins, strict=True):
        grid.add_row(label, f"{one.events:,}", Bar(most, 0, one.events))
    return grid
