"""Repairing a store.

bringing it back to one truth, which the manifests and the updates are; the index follows (PROTOCOL.md, "Beside
0.4.3").

Finishes what was left behind, writes disordered journals anew, combines journals that share events, and mends the
index.
"""

from functools import partial

from flashflood import layout
from flashflood.checking import misplaced
from flashflood.combining import are_living, combine, until_settled
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
    found = misplaced(ctx, look(ctx))
    ctx.requests.each(partial(_mend_index, ctx), [item for item in found if not item.was_deleted])
    for item in found:
        if item.was_deleted:
            _delete_again(ctx, item)
    return mended + len(found)


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
    combine(ctx, manifests)
    return 1


def _mend_index(ctx: Context, item: Misplaced) -> None:
    """Lead the index to an event again."""
    entry = entry_of(item.row, max([item.mark, *item.revisions]) + 1, item.journal_id)
    if ctx.store.create(layout.index_key(entry.event_id, entry.revision), b"", metadata=entry.metadata()):
        ctx.store.delete([layout.index_key(entry.event_id, revision) for revision in item.revisions])


def _delete_again(ctx: Context, item: Misplaced) -> None:
    """Write the delete of an event that has been deleted for the journal that still has it, and apply it."""
    delete = Update(item.journal_id, item.row.event_id, timestamp_now(), JournalUpdateAction.DELETE)
    ctx.store.put(layout.update_key(delete), b"")
    until_settled("repair", partial(_rewrite, ctx, [item.journal_id]))
