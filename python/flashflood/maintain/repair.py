"""Repairing a store: the manifests and the updates are the truth, and the index is made to agree with them.

(PROTOCOL.md, "Beside 0.4.3".) Finishes what was left behind, buries again what has died, writes lost manifests again
from the index, removes index entries of no event, writes disordered journals anew, combines journals that share events,
mends the index, and deletes again what was deleted.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Self, TypeVar

from flashflood import layout
from flashflood._core import Manifest, Row, Sources
from flashflood.context import Context
from flashflood.dates import timestamp_now
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID, JournalUpdateAction, Update
from flashflood.maintain.check import check, find_incomplete
from flashflood.maintain.combine import combine
from flashflood.maintain.finding import Finding
from flashflood.maintain.finish import recover
from flashflood.maintain.index_listing import list_index
from flashflood.maintain.misindexed import Misindexed, misindexed
from flashflood.maintain.strays import Lost, Void, look_for_strays
from flashflood.maintain.survey import Survey, look
from flashflood.records import ledger
from flashflood.records.index import IndexEntry, create_entry, lookup, mark_before_delete
from flashflood.records.living import are_living
from flashflood.records.overtaken import OvertakenError, until_settled
from flashflood.store.overlay import Overlay

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Repairs(int):
    """How many things were mended, which events replay no longer shows because of it, and what is left."""

    kinds: dict[str, int]
    """How many of each kind; those of which there were none are left out."""
    taken_out: list[str]
    """A line for each event: its id, date and journal, and why."""
    left: list[Finding]
    """What `check` finds afterwards, and what would mend it; of a dry run, what it would not mend."""

    def __new__(cls, kinds: Mapping[str, int], taken_out: Iterable[str], left: Iterable[Finding] = ()) -> Self:
        """Take all three."""
        self = super().__new__(cls, sum(kinds.values()))
        self.kinds = {kind: count for kind, count in kinds.items() if count}
        self.taken_out = list(taken_out)
        self.left = list(left)
        return self

    def __getnewargs__(self) -> tuple[dict[str, int], list[str], list[Finding]]:  # type: ignore[override]
        """Give what it is made of, for pickle and copy: an int's own would be the sum alone."""
        return self.kinds, self.taken_out, self.left


def repair(ctx: Context) -> Repairs:
    """Mend what can be mended, and look at what is left."""
    mended = mend(ctx)
    return Repairs(mended.kinds, mended.taken_out, check(ctx))


def planned(ctx: Context) -> Repairs:
    """Say what `repair` would mend, if it is called at once, and what it would not. Reads only.

    It is done on an overlay, which goes with its result. How old something is, the date of the server's answers says:
    the clock that dates objects is asked by writing one. What the log says meanwhile names the store as a dry run.
    """
    date = ctx.store.list(layout.LEDGER).date
    would_be = mend(ctx.over(Overlay(ctx.store, date, layout.BLOBS)))
    return Repairs(would_be.kinds, would_be.taken_out, [found for found in check(ctx) if not found.by_repair])


def mend(ctx: Context) -> Repairs:
    """Mend what can be mended; it can be called at any time, and again. Gives how many things were mended.

    What cannot be mended (a manifest or blob that is broken or missing) stays, and `check` names it. In a store that is
    itself damaged nothing is mended: what it does not show, or shows wrongly, would be taken for lost.
    """
    if damage := ctx.store.damage():
        message = f"nothing was repaired, since {damage[0]} (`check` names {len(damage)} such things)"
        raise FlashFloodCorruptionError(message)
    kinds = {"combinations finished": recover(ctx)}
    survey = look(ctx)
    if not ctx.has_objects():
        return Repairs({}, [])  # asking for the time would write
    strays = look_for_strays(ctx, survey, list_index(ctx, survey, ctx.now()))
    kinds["tombstones removed"] = _remove_lone_tombstones(ctx, survey.lone_tombstones)
    kinds["journals buried"] = _bury_again(ctx, survey)
    kinds["manifests written"] = _write_again(ctx, strays.lost)
    kinds["index entries removed"] = _remove_void(ctx, strays.void)
    kinds["groups of journals combined"], taken_out = _combine_groups(ctx)
    indexed: set[str] = set()
    stuck: set[JournalID] = set()
    deleted = until_settled("repair", partial(_mend_index, ctx, indexed, stuck))
    kinds["index entries written"] = len(indexed)
    kinds["events deleted"], deleted_again = _delete_all_again(ctx, deleted)
    taken_out += deleted_again
    for line in taken_out:
        logger.warning("%s: taken out of replay: %s", ctx.store.name, line)
    repairs = Repairs(kinds, taken_out)
    logger.info("%s: repairs: %s", ctx.store.name, repairs.kinds or "none")
    return repairs


def _combine_groups(ctx: Context) -> tuple[int, list[str]]:
    """Write journals anew that share events or are out of order; give how many times, and what replay shows no more."""
    survey = look(ctx)
    combined, taken_out = 0, []
    for journal_ids in _groups([[journal_id] for journal_id in survey.disordered] + list(survey.shared.values())):
        out = _unless_damaged(ctx, partial(_rewrite, ctx, journal_ids))
        combined += out is not None
        taken_out += out or []
    return combined, taken_out


def _unless_damaged(ctx: Context, call: Callable[[], T]) -> T | None:
    """Call until other processes are done with what it needs. None: damage is in its way, as the log says."""
    try:
        return until_settled("repair", call)
    except FlashFloodCorruptionError as error:
        logger.warning("%s: not repaired: %s", ctx.store.name, error)
        return None


def _delete_all_again(ctx: Context, deleted: Mapping[JournalID, list[Row]]) -> tuple[int, list[str]]:
    """Delete events again, by journal; give how many, and a line for each."""
    taken_out: list[str] = []
    for journal_id, rows in deleted.items():
        if _unless_damaged(ctx, partial(_delete_again, ctx, journal_id, rows)):
            taken_out += [_line_about_row(row, journal_id, "it has been deleted") for row in rows]
    return len(taken_out), taken_out


def _line_about_row(row: Row, journal_id: str, why: str) -> str:
    return f"event {row.event_id!r} of {row.timestamp} in journal {journal_id}: {why}"


def _remove_lone_tombstones(ctx: Context, keys: list[str]) -> int:
    """Remove tombstones of what is still not there: what came between two pages of a listing has not been seen."""
    there = ctx.requests.each(ctx.store.head, [key.removesuffix(TOMBSTONE_SUFFIX) for key in keys])
    lone = [key for key, found in zip(keys, there, strict=True) if found is None]
    ctx.store.delete(lone)
    return len(lone)


def _bury_again(ctx: Context, survey: Survey) -> int:
    """Write the tombstones of journals that have died, as the index shows of each of their events."""
    dead = {one.journal_id for one in find_incomplete(ctx, survey) if not one.only_here}
    dead -= ledger.taken(ledger.read(ctx))
    ctx.bury(dead)
    return len(dead)


def _write_again(ctx: Context, lost: Iterable[Lost]) -> int:
    """Write missing manifests again, from the index. This finishes claims that were left behind, too."""
    written = 0
    for one in lost:
        entries = one.recoverable
        again = ctx.requests.each(lambda entry: lookup(ctx, entry.event_id).entry, entries)
        if entries and again == entries:
            rows = [row for entry in entries if (row := entry.row()) is not None]
            replaces = sorted({row.came_from for row in rows if row.came_from is not None})
            manifest = Manifest.of_rows(one.journal_id, rows, one.blob_size or 0, replaces)
            if ctx.create_manifest(manifest):
                written += 1
                logger.warning("%s: %s", ctx.store.name, _line_about_written(manifest))
    return written


def _line_about_written(manifest: Manifest) -> str:
    rows = manifest.rows()
    unknown = manifest.size - sum(row.size for row in rows)
    line = f"journal {manifest.journal_id}: its manifest was missing, and is written again with {len(rows)} events"
    if unknown > 0:
        line += (
            f"; {unknown} bytes of its blob belong to none: events that had been deleted, or that the index has lost"
        )
    return line


def _remove_void(ctx: Context, void: Iterable[Void]) -> int:
    """Remove index entries that lead to no event."""
    given = ctx.requests.each(lambda one: mark_before_delete(ctx, one.event_id, one.revisions, one.to_mark), void)
    keys = [key for some in given for key in some]
    ctx.store.delete(keys)
    return len(keys)


def _groups(links: list[list[JournalID]]) -> list[list[JournalID]]:
    """Join the links that have a journal in common. The smaller of two groups goes into the larger one."""
    group_of: dict[JournalID, set[JournalID]] = {}
    for link in links:
        touching = [group_of[journal_id] for journal_id in link if journal_id in group_of]
        largest = max(touching, key=len, default=set[JournalID]())
        for group in (link, *touching):
            if group is not largest:
                largest.update(group)
                group_of.update(dict.fromkeys(group, largest))
    return [sorted(group) for group in {id(group): group for group in group_of.values()}.values()]


def _rewrite(ctx: Context, journal_ids: list[JournalID]) -> list[str] | None:
    """Combine journals, so that each id has one event in them; say which events are in replay no more.

    None: another process has combined them meanwhile.
    """
    manifests = [manifest for manifest in ctx.requests.each(ctx.manifest, journal_ids) if manifest is not None]
    if len(manifests) < len(journal_ids) or not are_living(ctx, journal_ids):
        return None
    made = combine(ctx, Sources(manifests))
    return [line for manifest in manifests for line in _taken_out(manifest, made)]


def _taken_out(source: Manifest, made: Manifest) -> Iterator[str]:
    """Name a source's events in whose place another one of the same id has stayed, with another date."""
    for row in source.rows():
        stayed = made.find(row.event_id)
        if stayed is not None and stayed.timestamp != row.timestamp:
            why = f"of two events of its id, that of {stayed.timestamp} stays, from journal {stayed.came_from}"
            yield _line_about_row(row, source.journal_id, why)


def _mend_index(ctx: Context, indexed: set[str], stuck: set[JournalID]) -> dict[JournalID, list[Row]]:
    """Write the index entries of events that the index has lost; add these events' ids to `indexed`.

    Journals that would have to be written anew, and are damaged, are added to `stuck`, and left alone.

    Gives those that have been deleted and are still in a journal, by journal. `OvertakenError` if other processes have
    changed what was seen of some event; the others are mended.
    """
    survey = look(ctx)
    found = misindexed(ctx, survey, list_index(ctx, survey))
    lost = [item for item in found if not item.was_deleted]
    outdated: defaultdict[JournalID, set[str]] = defaultdict(set)
    for item in lost:
        if item.is_outdated:
            outdated[item.journal_id].add(item.row.event_id)
    for journal_id in outdated.keys() - stuck:
        if not _unless_damaged(ctx, partial(_forget_revisions, ctx, journal_id, outdated[journal_id])):
            stuck.add(journal_id)
    if outdated.keys() - stuck:
        raise OvertakenError
    lost = [item for item in lost if not item.is_outdated]
    done = ctx.requests.each(partial(_index_again, ctx), lost)
    indexed.update(item.row.event_id for item, is_done in zip(lost, done, strict=True) if is_done)
    if not all(done):
        raise OvertakenError
    deleted: defaultdict[JournalID, list[Row]] = defaultdict(list)
    for item in found:
        if item.was_deleted:
            deleted[item.journal_id].append(item.row)
    return deleted


def _forget_revisions(ctx: Context, journal_id: JournalID, event_ids: set[str]) -> bool:
    """Write a journal anew without the revisions of events whose index has others, as high or higher; give True.

    Combining the journal then lists the index for them, as for events of 0.4.3 (PROTOCOL.md, step 10).
    """
    manifest = ctx.manifest(journal_id)
    if manifest is None or not _is_free(ctx, journal_id):
        return True
    rows = [
        Row(row.event_id, row.timestamp, row.offset, row.size, None, row.birth, row.updated, row.came_from)
        if row.event_id in event_ids
        else row
        for row in manifest.rows()
    ]
    combine(ctx, Sources([Manifest.of_rows(journal_id, rows, manifest.size, manifest.replaces)]))
    return True


def _index_again(ctx: Context, item: Misindexed) -> bool:
    """Write an event's index entry again. False: look again, another process has changed the index or the journal.

    The entry has the revision that the event's row names. If the row names none, the revision is above all that the
    index knows of, so that none is used twice.

    This is safe beside combinations. One that takes the journal afterwards moves the entry along (PROTOCOL.md, step
    10): it makes the next revision, or, where it does not know that, lists the index. One that took the journal before
    may have listed the index already. Then the entry stays, though it names a journal that is about to die. So the
    event still exists for `put` and `delete_event`, whose updates are followed from there (step 11), and the next look
    mends the entry. If it were removed, another event could take the id.
    """
    revision = item.row.revision or max([item.mark, *item.revisions], default=0) + 1
    entry = IndexEntry.of_row(item.row, revision, item.journal_id)
    if not _is_free(ctx, item.journal_id):
        return False
    if not create_entry(ctx, entry):
        return False
    if not _is_free(ctx, item.journal_id):
        return False
    ctx.store.delete([layout.index_key(entry.event_id, listed) for listed in item.revisions])
    return True


def _is_free(ctx: Context, journal_id: JournalID) -> bool:
    """Whether a journal lives, and no combination is under way that uses it."""
    return journal_id not in ledger.taken(ledger.read(ctx)) and are_living(ctx, [journal_id])


def _delete_again(ctx: Context, journal_id: JournalID, rows: list[Row]) -> bool:
    """Write the deletes of events that have been deleted for the journal that still has them, and apply them.

    False: another process has replaced the journal.
    """
    if not are_living(ctx, [journal_id]):
        return False
    timestamp = timestamp_now()
    deletes = [Update(journal_id, row.event_id, timestamp, JournalUpdateAction.DELETE) for row in rows]
    ctx.requests.each(lambda delete: ctx.store.put(layout.update_key(delete), b""), deletes)
    manifest = ctx.manifest(journal_id)
    if manifest is None:
        return False
    combine(ctx, Sources([manifest]))
    return True
