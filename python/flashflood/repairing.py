"""Repairing a store: bringing it back to one truth, which the manifests and the updates are; the index follows.

(PROTOCOL.md, "Beside 0.4.3".) Finishes what was left behind, writes disordered journals anew, combines journals that
share events, mends the index, and deletes again what was deleted.
"""

from collections import defaultdict
from functools import partial

from flashflood import layout, ledger
from flashflood._core import Manifest, Row, Sources
from flashflood.checking import misplaced
from flashflood.combining import OvertakenError, are_living, combine, until_settled
from flashflood.context import Context
from flashflood.dates import timestamp_now
from flashflood.finishing import entry_of, recover
from flashflood.identifiers import JournalID, JournalUpdateAction, Update
from flashflood.survey import Misplaced, look


def repair(ctx: Context) -> int:
    """Mend what can be mended; it can be called at any time, and again. Gives how many things were mended.

    What cannot be mended (a manifest or blob that is broken or missing) stays, and `check` names it.
    """
    mended = recover(ctx)
    survey = look(ctx)
    ctx.store.delete(survey.lone_tombstones)
    mended += len(survey.lone_tombstones)
    for journal_ids in _groups([[journal_id] for journal_id in survey.disordered] + list(survey.shared.values())):
        mended += until_settled("repair", partial(_rewrite, ctx, journal_ids))
    led: set[str] = set()
    deleted = until_settled("repair", partial(_mend_misplaced, ctx, led))
    for journal_id, event_ids in deleted.items():
        if until_settled("repair", partial(_delete_again, ctx, journal_id, event_ids)):
            mended += len(event_ids)
    return mended + len(led)


def _groups(links: list[list[JournalID]]) -> list[list[JournalID]]:
    """Join the links that have a journal in common."""
    groups: list[set[JournalID]] = []
    for link in links:
        touching = [group for group in groups if group.intersection(link)]
        groups = [group for group in groups if group not in touching] + [set(link).union(*touching)]
    return [sorted(group) for group in groups]


def _rewrite(ctx: Context, journal_ids: list[JournalID]) -> int:
    manifests = [manifest for manifest in ctx.requests.each(ctx.manifest, journal_ids) if manifest is not None]
    if len(manifests) < len(journal_ids) or not are_living(ctx, journal_ids):
        return 0  # another process has combined them meanwhile
    combine(ctx, Sources(manifests))
    return 1


def _mend_misplaced(ctx: Context, led: set[str]) -> dict[JournalID, list[str]]:
    """Lead the index to the events that it has lost; add their ids to `led`.

    Gives those that have been deleted and are still in a journal, by journal. `OvertakenError` if other processes have
    changed what was seen of some event; the others are mended.
    """
    found = misplaced(ctx, look(ctx))
    lost = [item for item in found if not item.was_deleted]
    overgrown: defaultdict[JournalID, set[str]] = defaultdict(set)
    for item in lost:
        if item.row.revision is not None and item.row.revision <= max([item.mark, *item.revisions]):
            overgrown[item.journal_id].add(item.row.event_id)
    for journal_id, event_ids in overgrown.items():
        _forget_revisions(ctx, journal_id, event_ids)
    if overgrown:
        raise OvertakenError
    done = ctx.requests.each(partial(_lead, ctx), lost)
    led.update(item.row.event_id for item, is_done in zip(lost, done, strict=True) if is_done)
    if not all(done):
        raise OvertakenError
    deleted: defaultdict[JournalID, list[str]] = defaultdict(list)
    for item in found:
        if item.was_deleted:
            deleted[item.journal_id].append(item.row.event_id)
    return deleted


def _forget_revisions(ctx: Context, journal_id: JournalID, event_ids: set[str]) -> None:
    """Write a journal anew without the revisions of events whose index has others, as high or higher.

    Combining the journal then lists the index for them, as for events of 0.4.3 (PROTOCOL.md, step 10).
    """
    manifest = ctx.manifest(journal_id)
    if manifest is None or not _is_free(ctx, journal_id):
        return
    rows = [
        Row(row.event_id, row.timestamp, row.offset, row.size, None, row.birth, row.updated, row.source)
        if row.event_id in event_ids
        else row
        for row in manifest.rows()
    ]
    combine(ctx, Sources([Manifest.of_rows(journal_id, rows, manifest.size, manifest.replaces)]))


def _lead(ctx: Context, item: Misplaced) -> bool:
    """Lead the index to an event again. False: look again, another process has changed the index or the journal.

    The entry has the revision that the event's row tells of; without one, it is above every revision that the index
    tells of, so that none is used twice.

    Safe beside combinations: one that takes the journal makes the next entry, or lists the index, where it does not
    know which is next, after the entry was made, and moves it along (PROTOCOL.md, step 10). One that has taken it
    before may have listed the index already. Then the entry stays, though it names a journal about to die: so the event
    exists for `put` and `delete_event`, whose updates are followed from there (step 11), and looking again finds and
    mends it. To remove it would let another event have the id.
    """
    revision = item.row.revision or max([item.mark, *item.revisions], default=0) + 1
    entry = entry_of(item.row, revision, item.journal_id)
    if not _is_free(ctx, item.journal_id):
        return False
    if not ctx.store.create(layout.index_key(entry.event_id, revision), b"", metadata=entry.metadata()):
        return False
    if not _is_free(ctx, item.journal_id):
        return False
    ctx.store.delete([layout.index_key(entry.event_id, listed) for listed in item.revisions])
    return True


def _is_free(ctx: Context, journal_id: JournalID) -> bool:
    """Whether a journal lives, and no combination is under way that uses it."""
    return journal_id not in ledger.taken(ledger.read(ctx)) and are_living(ctx, [journal_id])


def _delete_again(ctx: Context, journal_id: JournalID, event_ids: list[str]) -> int:
    """Write the deletes of events that have been deleted for the journal that still has them, and apply them.

    Gives 0 if another process has replaced the journal.
    """
    if not are_living(ctx, [journal_id]):
        return 0
    timestamp = timestamp_now()
    deletes = [Update(journal_id, event_id, timestamp, JournalUpdateAction.DELETE) for event_id in event_ids]
    ctx.requests.each(lambda delete: ctx.store.put(layout.update_key(delete), b""), deletes)
    return _rewrite(ctx, [journal_id])
