"""Collecting garbage: removing what has been dead for longer than any call lasts (PROTOCOL.md, step 14).

Deletes dead journals' blobs and drafts, then manifest and tombstone in one request (a draft that stayed without its
fence would be taken for a batch that nobody has decided); dead updates with their tombstones, in one request too (a
tombstone that goes before its object revives it); and the drafts of living batches, once they are decided.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from flashflood import claims, layout
from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID
from flashflood.pending import without_dead

T = TypeVar("T")

logger = logging.getLogger("flashflood")

PAIRS = 500
"""Objects that are deleted with their tombstones in one request of at most 1,000 keys."""


def collect_garbage(ctx: Context, grace: timedelta) -> int:
    """Remove the journals and updates whose tombstones are older than `grace`, and drafts as old. Gives how many."""
    collected = 0
    in_use = _blobs_in_use(ctx)
    for dead in _dead(ctx, layout.JOURNALS, grace, _journal_id):
        blobs = [layout.blob_key(journal_id) for journal_id in dead.values() if journal_id.blob_id not in in_use]
        ctx.store.delete([*map(layout.draft_key, dead.values()), *blobs])
        _delete_with_tombstones(ctx, list(dead))
        collected += len(dead)
    for folder in (layout.UPDATES, layout.ENCODED_UPDATES):
        for updates in _dead(ctx, folder, grace, layout.parse_update_key):
            _delete_with_tombstones(ctx, list(updates))
            collected += len(updates)
    return collected + _collect_drafts(ctx, grace)


def _blobs_in_use(ctx: Context) -> set[str]:
    """Give the blobs of living journals: a dead journal's id may name one of them, if it was made up."""
    blobs = set()
    for entry in without_dead(ctx.entries(layout.JOURNALS)):
        with suppress(FlashFloodCorruptionError):  # a stranger, which `check` names
            blobs.add(_journal_id(entry.key).blob_id)
    return blobs


def _dead(ctx: Context, folder: str, grace: timedelta, parse: Callable[[str], T]) -> Iterator[dict[str, T]]:
    """Yield what has a tombstone old enough by the server's clock, by key, `PAIRS` at a time; not strangers."""
    dead: dict[str, T] = {}
    for page in ctx.pages(folder):
        for entry in page.entries:
            if entry.key.endswith(TOMBSTONE_SUFFIX) and page.date - entry.modified >= grace:
                key = entry.key.removesuffix(TOMBSTONE_SUFFIX)
                try:
                    dead[key] = parse(key)
                except FlashFloodCorruptionError as error:
                    logger.warning("not collected: %s", error)
            if len(dead) == PAIRS:
                yield dead
                dead = {}
    if dead:
        yield dead


def _journal_id(key: str) -> JournalID:
    return JournalID.checked(key.removeprefix(layout.JOURNALS), key)


def _delete_with_tombstones(ctx: Context, keys: list[str]) -> None:
    ctx.store.delete([name for key in keys for name in (key, layout.tombstone_key(key))])


def _collect_drafts(ctx: Context, grace: timedelta) -> int:
    """Settle the batches whose drafts are old, which their writers have left long ago, and remove the drafts."""
    collected = 0
    for page in ctx.pages(layout.DRAFTS):
        for entry in page.entries:
            if page.date - entry.modified >= grace:
                try:
                    collected += _collect_draft(ctx, entry.key)
                except FlashFloodCorruptionError as error:
                    logger.warning("not collected: %s", error)
    return collected


def _collect_draft(ctx: Context, key: str) -> int:
    journal_id = JournalID.checked(key.removeprefix(layout.DRAFTS), key)
    if ctx.store.head(layout.journal_key(journal_id)) is None:
        found = ctx.store.get(key)
        if found is None:
            return 0  # another process has collected it
        claims.settle(ctx, Manifest.decode(journal_id, found.body))
    ctx.store.delete([key])
    return 1
