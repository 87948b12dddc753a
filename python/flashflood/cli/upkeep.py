"""The commands that look after a store. Each takes parameters, calls the API once, and writes what it gives."""

from datetime import datetime, timedelta
from typing import Any

import click

from flashflood import Copied, Finding, Maintained, Repairs, Rules
from flashflood.cli.output import (
    Report,
    flush,
    say,
)
from flashflood.cli.parameters import (
    Duration,
    OrNever,
    Share,
    in_one_line,
    nothing_in,
    open_store,
    opened,
    range_options,
    refuse_nothing,
    report_format,
    rule,
    store_option,
)
from flashflood.cli.progress import telling
from flashflood.cli.signals import asked_to_stop
from flashflood.maintain.compact import TARGET_SIZE
from flashflood.maintain.journal import TooFewEventsError


@click.command()
@store_option
@click.option(
    "--minimum-events",
    metavar="N",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="How many events a journal has at least; no more are taken than that needs.",
)
@click.option("--minimum-size", metavar="BYTES", type=click.IntRange(0), help="The same for the bytes of their data.")
@click.option("--all", "until_too_few", is_flag=True, help="Make journal after journal, until there are too few.")
@report_format
def journal(
    url: str | None, minimum_events: int, minimum_size: int | None, *, until_too_few: bool, form: str | None
) -> None:
    """Combine new events into a journal, oldest first, with their updates applied, and say how many.

    Where there are too few it does nothing, says so, and is done. `maintain` chooses the moment itself.

    \b
      flashflood journal --minimum-events 1          # whatever is new
      flashflood journal --minimum-events 1000 --all # for a schedule
    """  # noqa: D301  click's sign that lines stay as they are
    journaled, words = 0, "nothing to journal"
    with opened(url) as flood, telling("journaling") as progress:
        try:
            while taken := flood.journal(minimum_events, minimum_size, progress=progress):
                journaled += taken
                if not until_too_few:
                    break
        except TooFewEventsError as too_few:
            words = str(too_few)
        refuse_nothing(flood)
    Report(form).write(f"{journaled:,} events journaled" if journaled else words, {"journaled": journaled})


@click.command()
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
    """Combine neighbouring small journals into larger ones, with their updates applied, and say what was done.

    \b
      flashflood compact --dry-run
      flashflood compact --to -1d
    """  # noqa: D301  click's sign that lines stay as they are
    with opened(url) as flood, telling("compacting") as progress:
        try:
            done = flood.compact(target_size, from_date, to_date, dry_run=dry_run, progress=progress)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        refuse_nothing(flood)
    cost = f", ${done.dollars:,.2f}" if done.dollars else ""
    words = f"{done.journals:,} journals into {done.into:,}: {done.events:,} events, {done.bytes:,} bytes"
    Report(form).write(f"{words}; about {done.requests:,} requests{cost}", done._asdict())


@click.command()
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

    \b
      flashflood maintain                                    # once, from cron
      flashflood maintain --every 1m --journal-events 500    # as a service
    """  # noqa: D301  click's sign that lines stay as they are
    with opened(url) as flood, asked_to_stop() as stop:
        if every is None:
            with telling("maintaining") as progress:
                done = flood.maintain(Rules(**rules), stop=stop, progress=progress)
                refuse_nothing(flood)
            _report_maintained(Report(form), done)
            return
        done = flood.maintain(Rules(**rules), stop=stop)
        if nothing := nothing_in(flood):
            say(f"flashflood: {nothing}")
        while True:
            if any(done):
                _report_maintained(Report(form), done)
            if stop.wait(every.total_seconds()):
                return
            done = flood.maintain(Rules(**rules), stop=stop)


def _report_maintained(report: Report, done: Maintained) -> None:
    journaled, updates, compacted, collected = done
    words = f"{journaled:,} events journaled, {updates:,} updates applied, {compacted:,} journals compacted"
    report.write(f"{words}, {collected:,} journals and updates removed", done._asdict())
    flush()


@click.command("apply-updates")
@store_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="Stop after about this many; all where none is given."
)
@report_format
def apply_updates(url: str | None, limit: int | None, form: str | None) -> None:
    """Apply pending updates and deletes to the journals, and say how many."""
    with opened(url) as flood, telling("applying updates") as progress:
        count = flood.update(limit, progress=progress)
        refuse_nothing(flood)
    Report(form).write(f"{count:,} updates applied", {"updates_applied": count})


@click.command()
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
    with opened(url) as flood, telling("checking") as progress:
        findings = flood.check(sample=sample, progress=progress)
        refuse_nothing(flood)
    report = Report(form)
    if sample is not None:
        words = f"looked only at {findings.looked_at:,} of {findings.journals:,} journals"
        report.write(words, {"looked_at": findings.looked_at, "journals": findings.journals})
    status = _write_findings(report, findings)
    if not findings:
        report.say("no damage found")
    return status


@click.command()
@store_option
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be mended, and what would not.")
@report_format
def repair(url: str | None, dry_run: bool, form: str | None) -> int:  # noqa: FBT001  click's flag
    """Mend what `check` finds, say how many mendings it took, and name what replay shows no more.

    Then name what is left, and what would mend that; exit code 1 where there is something.
    """
    with opened(url) as flood, telling("repairing") as progress:
        repairs = flood.repair(dry_run=dry_run, progress=progress)
        refuse_nothing(flood)
    report = Report(form)
    words = f"{repairs:,} repairs" + (" to be made" if dry_run else "")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in repairs.kinds.items())
    record: dict[str, object] = {"to_repair" if dry_run else "repairs": repairs}
    report.write(*((f"{words}: {kinds}", record | {"kinds": repairs.kinds}) if kinds else (words, record)))
    _write_taken_out(report, repairs)
    return _write_findings(report, repairs.left)


def _write_taken_out(report: Report, repairs: Repairs) -> None:
    for event in repairs.taken_out:
        report.write(f"taken out of replay: {event}", {"taken_out": event})


def _write_findings(report: Report, findings: list[Finding]) -> int:
    for finding in findings:
        report.write(finding, finding.record())
    return 1 if findings else 0


@click.command("collect-garbage")
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
    with opened(url) as flood, telling("collecting garbage") as progress:
        count = flood.collect_garbage(timedelta(hours=grace), dry_run=dry_run, progress=progress)
        refuse_nothing(flood)
    if dry_run:
        Report(form).write(f"{count:,} journals and updates to be removed", {"to_collect": count})
    else:
        Report(form).write(f"{count:,} journals and updates removed", {"collected": count})


@click.command()
@click.option("--verify", is_flag=True, help="Read both stores once more at the end, and compare.")
@report_format
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str, verify: bool, form: str | None) -> None:  # noqa: FBT001  click's flag
    """Copy the store SOURCE into the empty store TARGET, and say what was copied; interrupted, repeat it.

    Both are URLs, as --store takes them. Nobody may write to TARGET meanwhile.

    \b
      flashflood copy s3://my-bucket/events copy.flashflood --verify
    """  # noqa: D301  click's sign that lines stay as they are
    with (
        in_one_line(f"copying {source} to {target}"),
        open_store(source) as flood,
        open_store(target) as other,
        telling("copying") as progress,
    ):
        copied = flood.copy_to(other, verify=verify, progress=progress)
        refuse_nothing(flood)
    report = Report(form)
    _report_copied(report, copied)
    _write_taken_out(report, copied.repairs)


def _report_copied(report: Report, copied: Copied) -> None:
    objects, size, already_there, repairs = copied
    words = f"{objects:,} objects copied, {size:,} bytes; {already_there:,} were there; {repairs:,} repairs"
    counts = {"objects": objects, "bytes": size, "already_there": already_there, "repairs": int(repairs)}
    report.write(words, counts)
