"""Index entries that lead to no event: what became void, or was never a valid claim (PROTOCOL.md, step 14).

Writes deletion marks, so that no revision is used twice.
"""

from flashflood import layout
from flashflood.context import Context
from flashflood.identifiers import JournalID
from flashflood.lookup import read_entry, revisions_in_index


def claims_to_delete(ctx: Context, journal_id: JournalID, event_id: str) -> list[str]:
    """Give the keys of an id's index entries that name a journal which will never be; they can be deleted then.

    Where the highest entry is one, its revision is marked as used first.
    """
    listed = revisions_in_index(ctx, event_id)
    void = []
    for revision in listed:
        entry = read_entry(ctx, event_id, revision)
        if entry is not None and entry.target == journal_id:
            void.append(revision)
    return give_up(ctx, event_id, void, listed)


def give_up(ctx: Context, event_id: str, void: list[int], listed: list[int]) -> list[str]:
    """Mark the highest of an id's listed revisions as used, if it is void; give the void entries' keys to delete."""
    if void and void[-1] == listed[-1]:
        ctx.store.put(layout.gone_key(event_id, void[-1]), b"")
    return [layout.index_key(event_id, revision) for revision in void]
