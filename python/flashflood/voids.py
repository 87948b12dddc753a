"""Giving up index entries that lead to no event: what became void, or was never a valid claim (PROTOCOL.md, step 14).

Writes deletion marks, so that no revision is used twice.
"""

from collections.abc import Sequence

from flashflood import layout
from flashflood.context import Context
from flashflood.identifiers import JournalID
from flashflood.lookup import read_entry, revisions_in_index


def claims_to_delete(ctx: Context, journal_id: JournalID, event_id: str) -> list[str]:
    """Give the keys of an id's index entries that name a journal which will never be; they can be deleted then."""
    listed = revisions_in_index(ctx, event_id)
    void = []
    for revision in listed:
        entry = read_entry(ctx, event_id, revision)
        if entry is not None and entry.target == journal_id:
            void.append(revision)
    return given_up(ctx, event_id, void, listed[-1] if void and void[-1] == listed[-1] else None)


def given_up(ctx: Context, event_id: str, void: Sequence[int], to_mark: int | None) -> list[str]:
    """Mark a revision as used, where it is the id's highest; give the void entries' keys, which can be deleted then."""
    if to_mark is not None:
        ctx.store.put(layout.gone_key(event_id, to_mark), b"")
    return [layout.index_key(event_id, revision) for revision in void]
