"""Compaction: neighbouring small journals become larger ones (PROTOCOL.md, step 9).

Lists blobs and journals once, and lets `tiers` choose; `combine` writes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Sources
from flashflood.context import Context
from flashflood.dates import DateRange
from flashflood.identifiers import NEW
from flashflood.maintain.combine import Plan, combine_each, cut
from flashflood.maintain.finish import recover
from flashflood.maintain.tiers import Sized, groups, total
from flashflood.records import ledger
from flashflood.records.living import journal_id, living_entries
from flashflood.records.overtaken import OvertakenError
from flashflood.records.pending_updates import lineage, pending_updates_of
from flashflood.store import s3_of

TARGET_SIZE = 16_000_000
"""Bytes of a journal: whoever reads some minutes of it reads its manifest whole."""
SAMPLED = 100
"""Manifests that a dry run reads at most."""
WRITE = 5.0e-6
"""Dollars for a PUT, a CREATE, a TAG or a LIST: S3 Standard, us-east-1, 2026. A DELETE is free."""
READ = 0.4e-6
"""Dollars for a GET."""


class Compaction(NamedTuple):
    """What a compaction has done, or would do."""

    journals: int
    """Journals that were combined."""
    into: int
    """Journals that were made of them."""
    events: int
    """Events that were rewritten. A dry run works it out from some of the manifests."""
    bytes: int
    """Bytes of the journals that were combined: blobs and manifests."""
    requests: int
    """What this takes about, after the listing."""
    dollars: float
    """What S3 asks for these requests, by the prices of S3 Standard in us-east-1; 0 in other stores."""


def compact(
    ctx: Context, target_size: int, dates: DateRange, is_stopped: Callable[[], bool] = lambda: False
) -> Compaction:
    """Combine neighbouring small journals. What another process is faster with is left to it.

    `is_stopped`: asked now and then; once it says so, no further journal is begun.
    """
    recover(ctx)
    done: list[list[Sized]] = []
    events = 0
    chosen = _chosen(ctx, target_size, dates)
    with ctx.meter.step("combining", "journals", sum(map(len, chosen))):
        for part in cut(chosen, total):
            if is_stopped():
                break
            for group, rows in _combined(ctx, part):
                done.append(group)
                events += rows
    return _compaction(ctx, done, events)


def planned(ctx: Context, target_size: int, dates: DateRange) -> Compaction:
    """Say what `compact` would do. Reads only."""
    chosen = _chosen(ctx, target_size, dates)
    return _compaction(ctx, chosen, _about_events(ctx, [one for group in chosen for one in group]))


def _chosen(ctx: Context, target_size: int, dates: DateRange) -> list[list[Sized]]:
    if target_size <= 0:
        msg = f"target_size is a number of bytes above 0, not {target_size}"
        raise ValueError(msg)
    with ctx.meter.step("listing", "keys"):
        journals = sorted(_journals(ctx, dates))
    return list(groups(journals, target_size))


def _journals(ctx: Context, dates: DateRange) -> Iterator[Sized]:
    """Yield the living journals whose events all lie in the range, but for the new ones.

    One that was made after the blobs were listed is left out.
    """
    blobs = {entry.key: entry.size for entry in ctx.entries(layout.BLOBS)}
    for entry in living_entries(ctx):
        found = journal_id(entry)
        size = blobs.get(layout.blob_key(found))
        if size is not None and found.version != NEW and dates.holds(found.start, found.end):
            yield Sized(found, entry.size, size)


def _combined(ctx: Context, chosen: Iterable[list[Sized]]) -> list[tuple[list[Sized], int]]:
    """Combine each group into a journal. Gives the groups for which it was done, with the rows of what was made."""
    taken = ledger.taken(ledger.read(ctx))
    free = [group for group in chosen if taken.isdisjoint(one.journal_id for one in group)]
    found = [(group, sources) for group in free if (sources := _sources(ctx, group)) is not None]
    lines = [lineage(sources) for _, sources in found]
    pending = pending_updates_of(ctx, set().union(*lines))
    plans = [
        Plan(sources, {one: size for one, size in pending.items() if one.journal_id in line})
        for (_, sources), line in zip(found, lines, strict=True)
    ]
    made = zip(found, combine_each(ctx, plans), strict=True)
    return [(group, len(one)) for (group, _), one in made if not isinstance(one, OvertakenError)]


def _sources(ctx: Context, group: Sequence[Sized]) -> Sources | None:
    """Read the journals. None: some are there no more."""
    manifests = ctx.requests.each(ctx.manifest, [one.journal_id for one in group])
    found = [manifest for manifest in manifests if manifest is not None]
    return Sources(found) if len(found) == len(group) else None


def _about_events(ctx: Context, journals: Sequence[Sized]) -> int:
    """Work out how many events journals have, from the manifests of some, evenly chosen."""
    some = journals[:: -(-len(journals) // SAMPLED) or 1]
    with ctx.meter.step("reading", "journals", len(some)):
        manifests = ctx.requests.each(ctx.meter.counting("journals", ctx.manifest), [one.journal_id for one in some])
    read = [(one.manifest, len(found)) for one, found in zip(some, manifests, strict=True) if found is not None]
    if not read:
        return 0
    events_a_byte = sum(events for _, events in read) / sum(size for size, _ in read)
    return round(events_a_byte * sum(one.manifest for one in journals))


def _compaction(ctx: Context, done: Sequence[list[Sized]], events: int) -> Compaction:
    """Add up; the requests are those of PROTOCOL.md's steps 9 and 10.

    For an event an index entry; for a source its manifest and its blob read, a look whether it lives, a tombstone and
    two tags; for a combination blob, manifest, ledger entry, the ledger twice, and the updates twice in two folders.
    """
    journals = sum(map(len, done))
    reads, writes = 2 * journals, events + 4 * journals + 9 * len(done)
    deletes = len(done) + -(-events // 1000)
    dollars = READ * reads + WRITE * writes if s3_of(ctx.store) is not None else 0.0
    return Compaction(journals, len(done), events, sum(map(total, done)), reads + writes + deletes, dollars)
