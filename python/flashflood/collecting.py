"""Collecting garbage: removing what has been dead for longer than any call lasts (PROTOCOL.md, step 14).

Deletes dead journals' blobs, then manifest and tombstone in one request; and dead updates with their tombstones, in
one request too: a tombstone that
goes before its object revives it.
"""

from collections.abc import Iterator
from datetime import timedelta

from flashflood import layout
from flashflood.context import Context
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID
from flashflood.pending import without_dead

PAIRS = 500
"""Objects that are deleted with their tombstones in one request of at most 1,000 keys."""


def collect_garbage(ctx: Context, grace: timedelta) -> int:
    """Remove the journals and updates whose tombstones are older than `grace`. Gives how many there were."""
    collected = 0
    in_use = {JournalID.from_key(entry.key).blob_id for entry in without_dead(ctx.entries(layout.JOURNALS))}
    for keys in _dead_keys(ctx, layout.JOURNALS, grace):
        journal_ids = [JournalID.checked(key.removeprefix(layout.JOURNALS), key) for key in keys]
        blobs = [layout.blob_key(journal_id) for journal_id in journal_ids if journal_id.blob_id not in in_use]
        ctx.store.delete(blobs)
        _delete_with_tombstones(ctx, keys)
        collected += len(keys)
    for folder in (layout.UPDATES, layout.ENCODED_UPDATES):
        for keys in _dead_keys(ctx, folder, grace):
            _delete_with_tombstones(ctx, keys)
            collected += len(keys)
    return collected


def _dead_keys(ctx: Context, folder: str, grace: timedelta) -> Iterator[list[str]]:
    """Yield the keys (without the suffix) of the tombstones old enough by the server's clock, `PAIRS` at a time."""
    keys: list[str] = []
    for page in ctx.pages(folder):
        keys += [
            entry.key.removesuffix(TOMBSTONE_SUFFIX)
            for entry in page.entries
            if entry.key.endswith(TOMBSTONE_SUFFIX) and page.date - entry.modified >= grace
        ]
        while len(keys) >= PAIRS:
            yield keys[:PAIRS]
            del keys[:PAIRS]
    if keys:
        yield keys


def _delete_with_tombstones(ctx: Context, keys: list[str]) -> None:
    ctx.store.delete([name for key in keys for name in (key, layout.tombstone_key(key))])
