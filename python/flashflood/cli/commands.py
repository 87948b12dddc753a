"""The commands, one function each: take parameters, call the API once, write what it gives."""

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, TextIO

import click

from flashflood import Copied, Event, JournalID, Maintained, Repairs, Rules
from flashflood.cli import demo as walk
from flashflood.cli.input import data_from, events_from, ids_from
from flashflood.cli.output import (
    DATE_WIDTH,
    ID_WIDTH,
    EventTable,
    Table,
    data_line,
    event_line,
    flush,
    is_for_people,
    iso,
    json_line,
    write,
    writing,
)
from flashflood.cli.parameters import (
    Date,
    Duration,
    OrNever,
    data_parameters,
    events_format,
    in_one_line,
    open_store,
    opened,
    range_options,
    rule,
    store_option,
)
from flashflood.cli.progress import counted, passing, working
from flashflood.cli.signals import asked_to_stop
from flashflood.maintain.compact import TARGET_SIZE
from flashflood.read.get_events import OnMissing
from flashflood.write.put_many import OnConflict


class Commands(click.Group):
    """The commands. Where click cannot write help or version, that is one error line, as for the commands' output."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:  # noqa: ANN401  click's own
        """Read the command line; `--help` and `--version` are answered on the way."""
        with writing():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  what the command gives
        """Run the command."""
        with writing():
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flashflood-rs", prog_name="flashflood", message="%(prog)s %(version)s")
def flashflood() -> None:
    """Record events and stream them back, on S3, in a file or in a local folder.

    On a terminal, results are shown for people; into a file or a pipe they go as JSON Lines.

    Exit codes: 0 done; 1 it could not be done; 2 the command line is wrong.
    """


@flashflood.command()
@store_option
@click.option("--id", "event_id", help="The event's id; made up where none is given.")
@click.option("--date", metavar="DATE", type=Date(), help="When it happened; now where none is given.")
@data_parameters
def put(url: str | None, event_id: str | None, date: datetime | None, text: str | None, path: str | None) -> None:
    """Store an event with DATA, and print its id."""
    data = data_from(text, path)
    with opened(url) as flood:
        event = flood.put(data, event_id, date)
    write(f"{event.event_id}\n".encode())


@flashflood.command()
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


@flashflood.command("put-many")
@store_option
@click.option(
    "--file", "path", metavar="PATH", required=True, help="JSON Lines as `replay` writes them; - is standard input."
)
@click.option(
    "--on-conflict",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="What to do with an event whose id is taken.",
)
@click.option(
    "--skipped",
    "skipped_file",
    metavar="PATH",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Write the ids that were skipped to a file, one a line.",
)
def put_many(url: str | None, path: str, on_conflict: OnConflict, skipped_file: TextIO | None) -> None:
    """Store the events of a file, and say how many; interrupted, repeat it with --on-conflict skip."""
    with opened(url) as flood:
        with closing(counted("storing", events_from(path))) as events:
            stored, skipped = flood.put_many(events, on_conflict=on_conflict)
        if skipped_file is not None:
            skipped_file.writelines(f"{event_id}\n" for event_id in skipped)
    if is_for_people():
        write(f"{stored:,} events stored, {len(skipped):,} skipped\n".encode())
    else:
        write(json_line({"stored": stored, "skipped": len(skipped)}))


@flashflood.command("get-many")
@store_option
@click.option("--file", "path", metavar="PATH", help="Take the ids from a file, one a line; - is standard input.")
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
    """Write the events of the IDs, in their order."""
    if bool(ids) == bool(path):
        msg = "give the ids as arguments, or with --file (- for standard input)."
        raise click.UsageError(msg)
    with opened(url) as flood:
        events = flood.get_events(ids_from(path) if path else ids, on_missing=on_missing)
        _write_events("reading", events, form)


@flashflood.command()
@store_option
@click.argument("event_id")
@data_parameters
def update(url: str | None, event_id: str, text: str | None, path: str | None) -> None:
    """Give an event new DATA; `get` shows them at once, `replay` once they are applied."""
    data = data_from(text, path)
    with opened(url) as flood:
        flood.update_event(event_id, data)


@flashflood.command()
@store_option
@click.argument("event_id")
def delete(url: str | None, event_id: str) -> None:
    """Delete an event; `get` fails at once, `replay` leaves it out once the delete is applied."""
    with opened(url) as flood:
        flood.delete_event(event_id)


@flashflood.command()
@store_option
@click.option("--minimum-events", metavar="N", type=click.IntRange(0), default=100, show_default=True)
@click.option("--minimum-size", metavar="BYTES", type=click.IntRange(0))
def journal(url: str | None, minimum_events: int, minimum_size: int | None) -> None:
    """Combine new events into a journal, oldest first, with their updates applied; fails where there are too few."""
    with opened(url) as flood, working("journaling"):
        flood.journal(minimum_events, minimum_size)


@flashflood.command()
@store_option
@range_options
@click.option(
    "--target-size",
    metavar="BYTES",
    type=click.IntRange(1),
    default=TARGET_SIZE,
    show_default=True,
    help="What a journal, manifest and blob, grows to at most; one of a quarter of it is left alone.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done, and what it would cost.")
def compact(
    url: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    target_size: int,
    dry_run: bool,  # noqa: FBT001  click's flag
) -> None:
    """Combine neighbouring small journals into larger ones, with their updates applied, and say what was done."""
    with opened(url) as flood, working("compacting"):
        try:
            done = flood.compact(target_size, from_date, to_date, dry_run=dry_run)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    if is_for_people():
        cost = f", ${done.dollars:,.2f}" if done.dollars else ""
        words = f"{done.journals:,} journals into {done.into:,}: {done.events:,} events, {done.bytes:,} bytes"
        write(f"{words}; about {done.requests:,} requests{cost}\n".encode())
    else:
        write(json_line(done._asdict()))


@flashflood.command()
@store_option
@click.option("--every", metavar="DURATION", type=Duration(), help="Go on, with a round each so often, until a signal.")
@rule("--journal-events", OrNever(click.IntRange(1)), "Journal where so many events are new.")
@rule("--journal-bytes", OrNever(click.IntRange(1)), "Journal where these have so many bytes of data.")
@rule("--journal-age", OrNever(Duration()), "Journal where the oldest of them was put so long ago.")
@rule("--update-count", OrNever(click.IntRange(1)), "Apply updates and deletes where so many wait.")
@rule("--update-age", OrNever(Duration()), "Apply them where the oldest has waited for so long.")
@rule("--compact-every", OrNever(Duration()), "Compact where nobody has begun to for so long.")
@rule("--target-size", click.IntRange(1), "Bytes of a journal: how far to compact.")
@rule("--collect-every", OrNever(Duration()), "Collect garbage where nobody has begun to for so long.")
@rule("--grace", Duration(), "How long garbage must have been dead.")
def maintain(url: str | None, every: timedelta | None, **rules: Any) -> None:  # noqa: ANN401  one for each of `Rules`
    """Journal, apply updates, compact and collect garbage, each where it is due, and say what was done.

    A DURATION is a number and its unit: 90s, 5m, 24h, 7d. `never` takes a rule away.

    Any number of these may run on one store. SIGTERM and Ctrl-C end it after the step under way, with exit code 0; a
    second one at once.
    """
    with opened(url) as flood, asked_to_stop() as stop:
        while True:
            done = flood.maintain(Rules(**rules), stop=stop)
            if every is None or any(done):
                _report_maintained(done)
            if every is None or stop.wait(every.total_seconds()):
                return


def _report_maintained(done: Maintained) -> None:
    if is_for_people():
        journaled, updates, compacted, collected = done
        words = f"{journaled:,} events journaled, {updates:,} updates applied, {compacted:,} journals compacted"
        write(f"{words}, {collected:,} journals and updates removed\n".encode())
    else:
        write(json_line(done._asdict()))
    flush()


@flashflood.command("apply-updates")
@store_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="Stop after about this many; all where none is given."
)
def apply_updates(url: str | None, limit: int | None) -> None:
    """Apply pending updates and deletes to the journals, and say how many."""
    with opened(url) as flood, working("applying updates"):
        count = flood.update(limit)
    _report("updates_applied", count, "updates applied")


@flashflood.command()
@store_option
@range_options
@click.option("--filter", "condition", metavar="JMESPATH", help="Only events whose JSON data make the expression true.")
@click.option(
    "--select", "projection", metavar="JMESPATH", help="What the expression makes of an event's data, in their place."
)
@events_format
def replay(  # noqa: PLR0913, PLR0917  an argument for each option
    url: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    condition: str | None,
    projection: str | None,
    form: str | None,
) -> None:
    """Write the events of a date range, in the order of their dates."""
    with opened(url) as flood:
        try:
            events: Iterable[Event] = flood.replay(from_date, to_date, filter=condition, select=projection)
        except ValueError as error:
            raise click.UsageError(_in_one_line(error)) from error
        _write_events("replaying", events, form)


def _in_one_line(error: ValueError) -> str:
    """Put an error that shows an expression with a caret beneath into one line: the caret becomes a number."""
    match str(error).split("\n"):
        case [reason, expression, caret]:
            return f"{reason}, at character {len(caret)} of {expression!r}."
        case lines:
            return " ".join(lines)


def _write_events(what: str, events: Iterable[Event], form: str | None) -> None:
    """Write events as they come; into a file or pipe, showing on the terminal that `what` is under way."""
    if not is_for_people():
        events = counted(what, events)
    if (form or ("table" if is_for_people() else "jsonl")) == "table":
        table = EventTable()
        write(table.header())
        line = table.event
    else:
        line = data_line if form == "data" else event_line
    for event in events:
        write(line(event))


@flashflood.command()
@store_option
@range_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "table"]),
    help="JSON Lines (the default into a file or pipe), or a table (the default on a terminal).",
)
def journals(url: str | None, from_date: datetime | None, to_date: datetime | None, form: str | None) -> None:
    """List the journals that overlap a date range, events not yet journaled (version `new`) included."""
    with opened(url) as flood:
        try:
            found = flood.list_journals(from_date, to_date)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        if (form or ("table" if is_for_people() else "jsonl")) == "jsonl":
            for journal_id in found:
                write(_journal_line(journal_id))
            return
        table = Table(("from", DATE_WIDTH), ("to", DATE_WIDTH), ("version", DATE_WIDTH), ("blob", ID_WIDTH))
        write(table.header())
        for journal_id in found:
            dates = iso(journal_id.start_date), iso(journal_id.end_date)
            write(table.row(*dates, journal_id.version, journal_id.blob_id))


def _journal_line(journal_id: JournalID) -> bytes:
    return json_line(
        {
            "journal_id": journal_id,
            "from_date": iso(journal_id.start_date),
            "to_date": iso(journal_id.end_date),
            "version": journal_id.version,
        }
    )


@flashflood.command()
@store_option
def check(url: str | None) -> int:
    """Look for damage, and name each finding; exit code 1 where there is one."""
    with opened(url) as flood, working("checking"):
        findings = flood.check()
    return _write_findings(findings)


def _write_taken_out(repairs: Repairs) -> None:
    for event in repairs.taken_out:
        write(f"taken out of replay: {event}\n".encode() if is_for_people() else json_line({"taken_out": event}))


def _write_findings(findings: list[str]) -> int:
    for finding in findings:
        write(f"{finding}\n".encode() if is_for_people() else json_line({"finding": finding}))
    return 1 if findings else 0


@flashflood.command()
@store_option
def repair(url: str | None) -> int:
    """Mend what `check` finds, say how many mendings it took, and name what replay shows no more.

    Then name what is still to be mended; exit code 1 where there is something.
    """
    with opened(url) as flood, working("repairing"):
        repairs = flood.repair()
        findings = flood.check()
    _report("repairs", repairs, "repairs")
    _write_taken_out(repairs)
    return _write_findings(findings)


@flashflood.command("collect-garbage")
@store_option
@click.option(
    "--grace",
    metavar="HOURS",
    type=click.FloatRange(0),
    default=24.0,
    show_default=True,
    help="How long something must have been dead. No call may last longer than half of this.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; say how many would be removed.")
def collect_garbage(url: str | None, grace: float, dry_run: bool) -> None:  # noqa: FBT001  click's flag
    """Remove journals and updates that are long dead, and say how many."""
    with opened(url) as flood, working("collecting garbage"):
        count = flood.collect_garbage(timedelta(hours=grace), dry_run=dry_run)
    if dry_run:
        _report("to_collect", count, "journals and updates to be removed")
    else:
        _report("collected", count, "journals and updates removed")


@flashflood.command()
@click.option("--verify", is_flag=True, help="Read both stores once more at the end, and compare.")
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str, verify: bool) -> None:  # noqa: FBT001  click's flag
    """Copy the store SOURCE into the empty store TARGET, and say what was copied; interrupted, repeat it.

    Both are URLs, as --store takes them. Nobody may write to TARGET meanwhile.
    """
    with in_one_line(f"copying {source} to {target}"):
        flood, other = open_store(source), open_store(target)
        with passing("copying") as progress:
            copied = flood.copy_to(other, verify=verify, progress=progress)
    _report_copied(copied)
    _write_taken_out(copied.repairs)


def _report_copied(copied: Copied) -> None:
    objects, size, already_there, repairs = copied
    if is_for_people():
        words = f"{objects:,} objects copied, {size:,} bytes; {already_there:,} were there; {repairs:,} repairs\n"
        write(words.encode())
    else:
        write(json_line({"objects": objects, "bytes": size, "already_there": already_there, "repairs": int(repairs)}))


@flashflood.command()
@click.option(
    "--store",
    "url",
    metavar="URL",
    help="Walk below s3://BUCKET/PREFIX or in a folder, in a place of its own, not in a temporary file.",
)
def demo(url: str | None) -> None:
    """Walk through all that the package does, in a temporary file, checking each result."""
    walk.run(url)


def _report(name: str, count: int, words: str) -> None:
    write(f"{count:,} {words}\n".encode() if is_for_people() else json_line({name: count}))
