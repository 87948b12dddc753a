"""`put-many`: which lines it takes, what it says of those that will not do, and where these are kept."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

import click

from flashflood import FlashFlood, FlashFloodEventExistsError, Loaded, Rejected
from flashflood.cli.input import events_from
from flashflood.cli.output import Report, one_line, say
from flashflood.cli.parameters import FILE, Command, usage_error
from flashflood.cli.progress import telling
from flashflood.cli.side_files import Output, refuse_shared
from flashflood.load.compression import GZIP, ZSTD
from flashflood.load.fields import Fields, Incoming
from flashflood.load.lines import STANDARD_INPUT, Line, lines_of
from flashflood.load.load import load
from flashflood.progress import OnProgress
from flashflood.write.put_many import LARGEST_BATCH, Bare, OnConflict, Stored

MOST_REASONS = 20
"""How many lines are named that will not do, where they are not kept in a file; the others are counted."""

EventsOf: TypeAlias = Callable[[Iterable[Line]], Iterable[Incoming | Rejected]]


def put_many_parameters(command: Command) -> Command:
    """Add what `Asked` has."""
    parameters: list[Callable[[Command], Command]] = [
        click.argument("files", metavar="[FILE]...", type=FILE, nargs=-1),
        click.option("--file", "file", metavar="PATH", type=FILE, help="One more FILE; - is standard input."),
        click.option("--id", "event_id", metavar="JMESPATH", help="The event's id; made of its data without this."),
        click.option(
            "--date", metavar="JMESPATH", help="Its date: ISO 8601, or a number since 1970; now without this."
        ),
        click.option("--each", metavar="JMESPATH", help="What of a line the events are, as 'Records[]'."),
        click.option("--rejects", metavar="PATH", type=FILE, help="Keep lines that will not do in a file, and go on."),
        click.option(
            "--on-conflict",
            type=click.Choice(["error", "skip"]),
            default="error",
            show_default=True,
            help="What to do with an event whose id is taken.",
        ),
        click.option(
            "--skipped", metavar="PATH", type=FILE, help="Write the ids that were skipped to a file, one a line."
        ),
    ]
    for parameter in reversed(parameters):
        command = parameter(command)
    return command


class Asked(NamedTuple):
    """What `put-many` was asked for."""

    files: tuple[str, ...]
    file: str | None
    event_id: str | None
    date: str | None
    each: str | None
    rejects: str | None
    on_conflict: OnConflict
    skipped: str | None

    def put(self, flood: FlashFlood, report: Report) -> int:
        """Do it, say what was done, and give the exit code."""
        paths = [*self.files, *([] if self.file is None else [self.file])]
        if not paths:
            msg = "no file named: give FILEs; - is standard input."
            raise click.UsageError(msg)
        events_of = self._events_of()
        refuse_shared({"--rejects": self.rejects, "--skipped": self.skipped}, paths, flood)
        with ExitStack() as stack:
            rejects, skipped_ids = (
                None if path is None else stack.enter_context(Output(path)) for path in (self.rejects, self.skipped)
            )
            if events_of is events_from and rejects is None:
                stored, skipped = self._put_events(flood, paths)
                done, status = {"stored": stored, "skipped": len(skipped)}, 0
            else:
                told = _Told(rejects)
                loaded = self._load(flood, paths, events_of, told.tell)
                stored, skipped, rejected = loaded
                done, status = {"stored": stored, "skipped": len(skipped), "rejected": rejected}, told.status(loaded)
            if skipped_ids is not None:
                for event_id in skipped:
                    skipped_ids.write(f"{event_id}\n".encode())
        words = ", ".join(f"{count:,} {'events stored' if what == 'stored' else what}" for what, count in done.items())
        report.write(words, done)
        return status

    def _events_of(self) -> EventsOf:
        """Give what reads the events of lines: as strangers write them, or as `replay` does."""
        if self.event_id is self.date is self.each is None:
            return events_from
        try:
            return Fields(self.event_id, self.date, self.each).events_of
        except ValueError as error:
            raise usage_error(error) from error

    def _put_events(self, flood: FlashFlood, paths: list[str]) -> Stored:
        """Put events as `replay` writes them; the first line that will not do ends it."""
        read = _Read(paths)
        events = _Events(events_from(read.lines(lines_of(paths))))
        with telling("storing") as progress:
            try:
                return flood.put_many(events, on_conflict=self.on_conflict, progress=read.told_by(progress))
            except FlashFloodEventExistsError as error:
                error.add_note(events.where(error.event_id))
                raise

    def _load(
        self, flood: FlashFlood, paths: list[str], events_of: EventsOf, tell: Callable[[Rejected], None]
    ) -> Loaded:
        """Load what will do, and tell the rest."""
        read = _Read(paths)
        with closing(lines_of(paths)) as lines, telling("storing") as progress:
            return load(flood, events_of(read.lines(lines)), tell, self.on_conflict, read.told_by(progress))


class _Read:
    """How much of some files has been read: only the files' sizes say when all will be stored."""

    def __init__(self, paths: list[str]) -> None:
        """Take the files."""
        self._paths = paths
        self._bytes = 0

    def lines(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Pass lines on."""
        for line in lines:
            self._bytes += len(line.text) + 1
            yield line

    def told_by(self, on_progress: OnProgress | None) -> OnProgress | None:
        """Tell of bytes read instead of events, where it is known how many there are."""
        sizes = [] if on_progress is None else [_size(path) for path in self._paths]
        known = [size for size in sizes if size is not None]
        if on_progress is None or len(known) < len(sizes):
            return on_progress
        total = sum(known)
        return lambda told: on_progress(replace(told, done=min(self._bytes, total), total=total, unit="bytes"))


def _size(path: str) -> int | None:
    """Give the bytes of a file. None: it is none on a disk, or it is packed."""
    file = Path(path)
    if path == STANDARD_INPUT or not file.is_file():
        return None
    with file.open("rb") as opened:
        return None if opened.read(len(ZSTD)).startswith((GZIP, ZSTD)) else file.stat().st_size


class _Events:
    """Events as `put_many` takes them, and on which lines the last ones were."""

    def __init__(self, events: Iterable[Incoming | Rejected]) -> None:
        self._events = events
        self._last: deque[tuple[str | None, str, int]] = deque(maxlen=LARGEST_BATCH)

    def __iter__(self) -> Iterator[Bare]:
        """Yield them; a click exception names the first line that will not do."""
        for event in self._events:
            if isinstance(event, Rejected):
                raise click.ClickException(_said(event))
            self._last.append((event.event_id, event.line.file, event.line.number))
            yield event.data, event.event_id, event.date

    def where(self, event_id: str | None) -> str:
        """Say where an id of the batch under way was last."""
        return next(f"it is in {file}, line {line}" for found, file, line in reversed(self._last) if found == event_id)


class _Told:
    """What the user is told of lines that will not do."""

    def __init__(self, kept: Output | None) -> None:
        """Take the file that keeps them; None: there is none."""
        self._kept = kept
        self._count = 0
        self._first = ""
        self._last = ("", 0)

    def tell(self, rejected: Rejected) -> None:
        """Say why a line will not do, and keep it, once."""
        self._count += 1
        self._first = self._first or _said(rejected)
        if self._kept is not None or self._count <= MOST_REASONS:
            say(f"flashflood: {one_line(_said(rejected))}")
        if self._kept is not None and (rejected.file, rejected.line) != self._last:
            self._kept.write(rejected.text + b"\n")
        self._last = rejected.file, rejected.line

    def status(self, loaded: Loaded) -> int:
        """Give the exit code: 0 where all was stored, or what was not is kept; with 1, say the sum."""
        there = len(loaded.skipped)
        done = loaded.stored + there
        if not loaded.rejected or (self._kept is not None and done):
            return 0
        named = f", {MOST_REASONS} of them are named here" if self._kept is None and self._count > MOST_REASONS else ""
        sums = f"stored {loaded.stored:,} of {done + loaded.rejected:,} events"
        sums += f", {there:,} were there already" if there else ""
        sums += f"; {loaded.rejected:,} would not do{named}"
        say(f"flashflood: {sums}; the first: {one_line(self._first)}")
        return 1


def _said(rejected: Rejected) -> str:
    return f"{rejected.file}, line {rejected.line}: {rejected.reason}"
