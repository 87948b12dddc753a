"""Collecting garbage: removing what has been dead for longer than any call lasts (PROTOCOL.md, step 14).

S3 may delete some keys of a request and not the others. So the order is one in which what is left is still known to be
dead, and the next call finds it. Of a fenced batch, first the claims go. Of each dead journal, first the blob and the
draft (a draft without its fence would be taken for a batch that nobody has decided), then the manifest, then the
tombstone. Of each update, first the object, then the tombstone. Drafts of living batches go once they are decided.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TypeVar

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context, Deadline
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID
from flashflood.records import claims
from flashflood.records.index import claims_to_delete
from flashflood.records.journal_pages import JournalPages
from flashflood.records.living import without_dead
from flashflood.store import UndeletedError

T = TypeVar("T")

logger = logging.getLogger(__name__)

DEAD_AT_A_TIME = 500
"""Dead objects that are collected at a time: a journal's blob and draft make two keys of a request's 1,000."""


def collect_garbage(ctx: Context, grace: timedelta, is_stopped: Callable[[], bool] = lambda: False) -> int:
    """Remove the journals and updates whose tombstones are older than `grace`, and drafts as old. Gives how many.

    `is_stopped`: asked now and then; once it says so, no further ones are removed.
    `UndeletedError`, once all else is done, where the server would not delete some objects.
    """
    collection = _Collection(ctx, lambda: ctx.now() - grace, is_stopped)
    with ctx.meter.step("removing", "objects"):
        collection.collect_journals()
        collection.collect_updates()
        if not is_stopped():
            collection.collect_drafts()
    ctx.store.give_back()
    logger.info("%s: %d dead journals and updates removed", ctx.store.name, collection.collected)
    if collection.refusals:
        first, *more = collection.refusals
        first.add_note(f"{collection.collected} others were removed; what else is left, the next call removes")
        for refusal in more:
            first.add_note(str(refusal))
        raise first
    return collection.collected


def planned(ctx: Context, grace: timedelta) -> int:
    """Say how many `collect_garbage` would remove, if it is called at once. Reads only.

    How old they are, the date of the server's answers says: the clock that dates objects is asked by writing one.
    """
    collection = _Collection(ctx, lambda: ctx.store.list(layout.DRAFTS).date - grace)
    with ctx.meter.step("listing", "keys"):
        return collection.count()


class _Collection:
    """One call: what it has removed, and what the server would not delete."""

    def __init__(
        self, ctx: Context, until: Callable[[], datetime], is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._ctx = ctx
        self._is_stopped = is_stopped
        self._ask_until = until
        self.collected = 0
        self.refusals: list[UndeletedError] = []

    @cached_property
    def _until(self) -> datetime:
        """What was written by then is old enough. It is asked for at the first thing that may be: asking writes."""
        return self._ask_until()

    def count(self) -> int:
        """Say how much there is to remove; batches that nobody has decided yet are left out."""
        journals = sum(map(len, self._dead(layout.JOURNALS, layout.parse_journal_key)))
        updates = (self._dead(folder, layout.parse_update_key) for folder in (layout.UPDATES, layout.ENCODED_UPDATES))
        drafts = sum(map(self._is_of_a_stored_batch, self._old_drafts()))
        return journals + sum(len(some) for dead in updates for some in dead) + drafts

    def collect_journals(self) -> None:
        drafts = {entry.key for entry in self._ctx.entries(layout.DRAFTS)}
        for dead in self._dead(layout.JOURNALS, layout.parse_journal_key):
            drafted = [journal_id for journal_id in dead.values() if layout.draft_key(journal_id) in drafts]
            left = self._delete_claims(drafted)
            free = {key: journal_id for key, journal_id in dead.items() if journal_id not in left}
            unused = [found for found in free.values() if found.blob_id not in self._blobs_in_use]
            undeleted = self._delete([*map(layout.draft_key, free.values()), *map(layout.blob_key, unused)])
            bare = [
                key
                for key, journal_id in free.items()
                if not undeleted.intersection([layout.draft_key(journal_id), layout.blob_key(journal_id)])
            ]
            self._delete_with_tombstones(bare)

    def collect_updates(self) -> None:
        for folder in (layout.UPDATES, layout.ENCODED_UPDATES):
            for updates in self._dead(folder, layout.parse_update_key):
                self._delete_with_tombstones(list(updates))

    def collect_drafts(self) -> None:
        """Remove old drafts of batches that are stored; settle batches that their writers have left long ago.

        The draft of a fenced batch stays until the fence is collected: it tells of the claims.
        """
        stored = []
        for key in self._old_drafts():
            try:
                stored += [key] if _is_stored(self._ctx, key) else []
            except FlashFloodCorruptionError as error:
                logger.warning("not collected: %s", error)
        self._count(len(stored) - len(self._delete(stored)))

    def _is_of_a_stored_batch(self, draft_key: str) -> bool:
        try:
            return not _is_fence(self._ctx, layout.parse_draft_key(draft_key))
        except FlashFloodCorruptionError:
            return False

    def _old_drafts(self) -> Iterator[str]:
        return (entry.key for entry in self._ctx.entries(layout.DRAFTS) if entry.modified <= self._until)

    def _dead(self, folder: str, parse: Callable[[str], T]) -> Iterator[dict[str, T]]:
        """Yield what has a tombstone old enough, by key, some at a time; not strangers."""
        dead: dict[str, T] = {}
        for page in JournalPages(self._ctx) if folder == layout.JOURNALS else self._ctx.pages(folder):
            for entry in page.entries:
                if entry.key.endswith(TOMBSTONE_SUFFIX) and entry.modified <= self._until:
                    key = entry.key.removesuffix(TOMBSTONE_SUFFIX)
                    try:
                        dead[key] = parse(key)
                    except FlashFloodCorruptionError as error:
                        logger.warning("not collected: %s", error)
                if len(dead) == DEAD_AT_A_TIME:
                    yield dead
                    dead = {}
            if self._is_stopped():
                return
        if dead:
            yield dead

    @cached_property
    def _blobs_in_use(self) -> set[str]:
        """The blob_ids of living journals: a dead journal's id that was made up may name one of them."""
        blobs = set()
        for entry in without_dead(entry for page in JournalPages(self._ctx) for entry in page.entries):
            with suppress(FlashFloodCorruptionError):  # a stranger, which `check` names
                blobs.add(layout.parse_journal_key(entry.key).blob_id)
        return blobs

    def _delete(self, keys: Iterable[str]) -> frozenset[str]:
        """Delete objects; give the keys of those that the server would not delete."""
        try:
            self._ctx.store.delete(list(keys))
        except UndeletedError as error:
            self.refusals.append(error)
            return error.keys
        return frozenset()

    def _delete_with_tombstones(self, keys: list[str]) -> None:
        """Delete dead objects, then the tombstones of those that are known to be gone."""
        undeleted = self._delete(keys)
        tombstones = [layout.tombstone_key(key) for key in keys if key not in undeleted]
        self._count(len(tombstones) - len(self._delete(tombstones)))

    def _count(self, collected: int) -> None:
        self.collected += collected
        self._ctx.meter.add("objects", collected)

    def _delete_claims(self, drafted: list[JournalID]) -> set[JournalID]:
        """Delete the claims of those batches that were fenced; give those of which some are left."""
        left = set()
        for journal_id in drafted:
            if self._delete(_claims_of_fenced(self._ctx, journal_id)):
                left.add(journal_id)
        return left


def _claims_of_fenced(ctx: Context, journal_id: JournalID) -> list[str]:
    """Give the claims of a dead batch to delete: all, if it was fenced. Others have moved on with their events."""
    if not _is_fence(ctx, journal_id):
        return []
    found = ctx.store.get(layout.draft_key(journal_id))
    try:
        rows = [] if found is None else Manifest.decode(journal_id, found.body).rows()
    except FlashFloodCorruptionError as error:
        logger.warning("its claims are not collected: %s", error)
        return []
    to_delete = ctx.requests.each(partial(claims_to_delete, ctx, journal_id), [row.event_id for row in rows])
    return [key for keys in to_delete for key in keys]


def _is_fence(ctx: Context, journal_id: JournalID) -> bool:
    """Whether a batch was fenced, or its fence has just been collected."""
    there = ctx.store.head(layout.journal_key(journal_id))
    return there is None or there.metadata.get("number_of_events") == "0"


def _is_stored(ctx: Context, key: str) -> bool:
    """Say whether the batch of an old draft has been committed; one that is not decided yet is settled first."""
    journal_id = layout.parse_draft_key(key)
    deadline = Deadline()
    if not ctx.has_manifest(journal_id):
        found = ctx.store.get(key)
        if found is None:
            return False  # another process has collected it
        claims.settle(ctx, Manifest.decode(journal_id, found.body), deadline)
    return not _is_fence(ctx, journal_id)
