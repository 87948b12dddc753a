"""The commands, one function each: take parameters, call the API once, write what it gives."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from flashflood import Copied, Event, JournalID, Maintained, Repairs, Rules
from flashflood.cli import demo as walk
from flashflood.cli.input import data_from, ids_from
from flashflood.cli.loading import Asked, put_many_parameters
from flashflood.cli.output import (
    DATE_WIDTH,
    ID_WIDTH,
    EventTable,
    Report,
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
    EVENT_FORMATS,
    Date,
    Duration,
    OrNever,
    Share,
    data_parameters,
    events_format,
    in_one_line,
    open_store,
    opened,
    range_options,
    report_format,
    rule,
    store_option,
    usage_error,
)
from flashflood.cli.progress import counted, passing, working
from flashflood.cli.signals import asked_to_stop
from flashflood.cli.tables import FORMATS, Pairs, once, write_table
from flashflood.maintain.compact import TARGET_SIZE
from flashflood.read.get_events import OnMissing
from flashflood.replay.columns import OnMismatch

T = TypeVar("T")


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
@report_format
def compact(  # noqa: PLR0913, PLR0917  an argument for each option
    url: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    target_size: int,
    dry_run: bool,  # noqa: FBT001  click's flag
    form: str | None,
) -> None:
    """Combine neighbouring small journals into larger ones, with their updates applied, and say what was done."""
    with opened(url) as flood, working("compacting"):
        try:
            done = flood.compact(target_size, from_date, to_date, dry_run=dry_run)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    cost = f", ${done.dollars:,.2f}" if done.dollars else ""
    words = f"{done.journals:,} journals into {done.into:,}: {done.events:,} events, {done.bytes:,} bytes"
    Report(form).write(f"{words}; about {done.requests:,} requests{cost}", done._asdict())


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
@report_format
def maintain(url: str | None, every: timedelta | None, form: str | None, **rules: Any) -> None:  # noqa: ANN401  one for each of `Rules`
    """Journal, apply updates, compact and collect garbage, each where it is due, and say what was done.

    A DURATION is a number and its unit: 90s, 5m, 24h, 7d. `never` takes a rule away.

    Any number of these may run on one store. SIGTERM and Ctrl-C end it after the step under way, with exit code 0; a
    second one at once.
    """
    with opened(url) as flood, asked_to_stop() as stop:
        while True:
            done = flood.maintain(Rules(**rules), stop=stop)
            if every is None or any(done):
                _report_maintained(Report(form), done)
            if every is None or stop.wait(every.total_seconds()):
                return


def _report_maintained(report: Report, done: Maintained) -> None:
    journaled, updates, compacted, collected = done
    words = f"{journaled:,} events journaled, {updates:,} updates applied, {compacted:,} journals compacted"
    report.write(f"{words}, {collected:,} journals and updates removed", done._asdict())
    flush()


@flashflood.command("apply-updates")
@store_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="Stop after about this many; all where none is given."
)
@report_format
def apply_updates(url: str | None, limit: int | None, form: str | None) -> None:
    """Apply pending updates and deletes to the journals, and say how many."""
    with opened(url) as flood, working("applying updates"):
        count = flood.update(limit)
    Report(form).write(f"{count:,} updates applied", {"updates_applied": count})


@flashflood.command()
@store_option
@range_options
@click.option("--filter", metavar="JMESPATH", help="Only events whose JSON data make the expression true.")
@click.option("--select", metavar="JMESPATH", help="What the expression makes of an event's data, in their place.")
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
@click.option(
    "--format",
    "form",
    type=click.Choice([*EVENT_FORMATS, *FORMATS]),
    help="JSON Lines (the default into a file or pipe), the data alone, a table (the default on a terminal), or one "
    "for other programs.",
)
def replay(
    url: str | None,
    form: str | None,
    columns: tuple[tuple[str, str], ...],
    schema: tuple[tuple[str, str], ...],
    on_mismatch: OnMismatch,
    **what: Any,  # noqa: ANN401  the range, filter and select
) -> None:
    """Write the events of a date range, in the order of their dates.

    \b
      flashflood replay --from 2026-03-01 --filter 'level == `"error"`' | jq -r .data
      flashflood replay --format parquet --columns 'n=length(files)' --columns city=address.city > events.parquet
    """  # noqa: D301  click's sign that lines stay as they are
    if (columns or schema or on_mismatch != "error") and form not in FORMATS:
        msg = "--columns, --schema and --on-mismatch are for tables: add --format parquet, arrow or csv."
        raise click.UsageError(msg)
    with opened(url) as flood:
        if form in FORMATS:
            table = {"columns": once("--columns", columns), "schema": once("--schema", schema)}
            write_table(_begun(flood.replay_batches, **what, **table, on_mismatch=on_mismatch), form)
        else:
            _write_events("replaying", _begun(flood.replay, **what), form)


def _begun(call: Callable[..., T], **given: Any) -> T:  # noqa: ANN401  the call's arguments
    """Call; what it refuses is a usage error."""
    try:
        return call(**given)
    except ValueError as error:
        raise usage_error(error) from error


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
@click.option(
    "--sample",
    metavar="SHARE",
    type=Share(),
    help="Look only at such a part of the journals, as 1% or 0.01, chosen by chance, and say of how many it was; what"
    " the index has beside them, and ids that several journals have, are not found so.",
)
@report_format
def check(url: str | None, sample: float | None, form: str | None) -> int:
    """Look for damage, and name each finding; exit code 1 where there is one."""
    with opened(url) as flood, working("checking"):
        findings = flood.check(sample=sample)
    report = Report(form)
    if sample is not None:
        words = f"looked only at {findings.looked_at:,} of {findings.journals:,} journals"
        report.write(words, {"looked_at": findings.looked_at, "journals": findings.journals})
    return _write_findings(report, findings)


def _write_taken_out(report: Report, repairs: Repairs) -> None:
    for event in repairs.taken_out:
        report.write(f"taken out of replay: {event}", {"taken_out": event})


def _write_findings(report: Report, findings: list[str]) -> int:
    for finding in findings:
        report.write(finding, {"finding": finding})
    return 1 if findings else 0


@flashflood.command()
@store_option
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be mended, and look no further.")
@report_format
def repair(url: str | None, dry_run: bool, form: str | None) -> int:  # noqa: FBT001  click's flag
    """Mend what `check` finds, say how many mendings it took, and name what replay shows no more.

    Then name what is still to be mended; exit code 1 where there is something.
    """
    with opened(url) as flood, working("repairing"):
        repairs = flood.repair(dry_run=dry_run)
        findings = [] if dry_run else flood.check()
    report = Report(form)
    words = f"{repairs:,} repairs" + (" to be made" if dry_run else "")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in repairs.kinds.items())
    record: dict[str, object] = {"to_repair" if dry_run else "repairs": repairs}
    report.write(*((f"{words}: {kinds}", record | {"kinds": repairs.kinds}) if kinds else (words, record)))
    _write_taken_out(report, repairs)
    return _write_findings(report, findings)


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
@report_format
def collect_garbage(
    url: str | None,
    grace: float,
    dry_run: bool,  # noqa: FBT001  click's flag
    form: str | None,
) -> None:
    """Remove journals and updates that are long dead, and say how many."""
    with opened(url) as flood, working("collecting garbage"):
        count = flood.collect_garbage(timedelta(hours=grace), dry_run=dry_run)
    if dry_run:
        Report(form).write(f"{count:,} journals and updates to be removed", {"to_collect": count})
    else:
        Report(form).write(f"{count:,} journals and updates removed", {"collected": count})


@flashflood.command()
@click.option("--verify", is_flag=True, help="Read both stores once more at the end, and compare.")
@report_format
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str, verify: bool, form: str | None) -> None:  # noqa: FBT001  click's flag
    """Copy the store SOURCE into the empty store TARGET, and say what was copied; interrupted, repeat it.

    Both are URLs, as --store takes them. Nobody may write to TARGET meanwhile.
    """
    with in_one_line(f"copying {source} to {target}"):
        flood, other = open_store(source), open_store(target)
        with passing("copying") as progress:
            copied = flood.copy_to(other, verify=verify, progress=progress)
    report = Report(form)
    _report_copied(report, copied)
    _write_taken_out(report, copied.repairs)


def _report_copied(report: Report, copied: Copied) -> None:
    objects, size, already_there, repairs = copied
    words = f"{objects:,} objects copied, {size:,} bytes; {already_there:,} were there; {repairs:,} repairs"
    counts = {"objects": objects, "bytes": size, "already_there": already_there, "repairs": int(repairs)}
    report.write(words, counts)


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
