"""Claims: how an id comes to have one event (PROTOCOL.md, steps 2 to 5).

A claim is an index entry that is written before the manifest that it names. Its writer may stop in between; the next
writer that meets the claim finishes it. It creates the manifest of a single event; for a batch, it settles the batch's
draft. Writes `index/` and `journals/`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context, Deadline
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodEventExistsError
from flashflood.identifiers import NEW, JournalID, Update
from flashflood.records import ledger
from flashflood.records.index import (
    PATIENCE,
    IndexEntry,
    create_entry,
    highest_mark,
    is_held,
    lookup,
    moving,
    read_entry,
    revisions_in_index,
)
from flashflood.records.pending_updates import updates_of_event
from flashflood.store.protocol import Unused


class Existing(NamedTuple):
    """An event that exists: its entry, its updates, tombstoned ones too, and the index revisions listed."""

    entry: IndexEntry
    updates: list[Update]
    revisions: list[int]
    is_lost: bool = False
    """Its journal's manifest is missing."""


class Absent(NamedTuple):
    """An id without an event, and the revision that a claim of it takes."""

    next_revision: int


class Claim(NamedTuple):
    """A claim that was made."""

    entry: IndexEntry
    is_valid: bool
    """False: another writer changed the index meanwhile. Claim the id again, under a new journal_id: whoever has read
    this claim could take the new event for this one."""

    @property
    def key(self) -> str:
        """The index entry's key."""
        return layout.index_key(self.entry.event_id, self.entry.revision)


def find(ctx: Context, event_id: str, *, helping: bool) -> Existing | Absent:
    """Say whether there is an event of this id (step 2).

    A writer (`helping`) finishes a claim that was left behind. A reader does not: to a reader it is no event yet.
    Where an entry's journal is missing, or is without the event, the id is looked up a second time: the entry may have
    moved meanwhile, and a void claim may have taken its key. A journal that was there and is missing then is lost; its
    event still exists, so that no other event takes its id.
    """
    before = None
    deadline = Deadline()
    for _ in range(PATIENCE):
        seen = lookup(ctx, event_id)
        if seen.entry is None:
            return Absent(seen.next_revision)
        holding = ctx.requests.start(is_held, ctx, seen.entry)
        updates = updates_of_event(ctx, seen.entry)
        held = holding.result()
        if held:
            is_deleted = any(update.is_delete for update in updates)
            return Absent(seen.next_revision) if is_deleted else Existing(seen.entry, updates, seen.revisions)
        if held is None and helping and seen.entry.is_claim and _help(ctx, seen.entry, deadline):
            continue
        if seen.entry == before:
            if held is None and (helping or not seen.entry.is_claim) and was_there(ctx, seen.entry):
                return Existing(seen.entry, updates, seen.revisions, is_lost=True)
            return Absent(seen.next_revision)
        before = seen.entry
    raise moving(event_id)


def was_there(ctx: Context, entry: IndexEntry) -> bool:
    """Say whether the journal that an id's highest entry names, now missing, was there; for a claim: may have been.

    An entry that is no claim is written once its journal is there, and moves on before that is collected. A claim's
    blob is there from before the commit until the journal, or its fence, is collected.
    """
    return not entry.is_claim or ctx.blob_size(entry.target) is not None


def lost(ctx: Context, entry: IndexEntry) -> FlashFloodCorruptionError:
    """Say that an event's journal is missing."""
    remedy = ctx.remedy(
        "`repair` writes it again where the data are still there; otherwise restore it from a copy, or give the event"
        " up with `delete_event`"
    )
    return FlashFloodCorruptionError(
        f"event {entry.event_id!r}: the manifest of its journal {entry.target} is missing; {remedy}",
        event_id=entry.event_id,
        journal_id=entry.target,
        key=layout.journal_key(entry.target),
    )


def claim_id(ctx: Context, first: IndexEntry) -> Claim | None:
    """Claim an id for a journal whose blob is there, then see if the claim is valid. None: another event has the id.

    `first`: the claim of its first revision. Where the id has no index entries, its first revision is claimed without
    a look at the deletion marks: the look at the claim shows them.
    """
    claim: IndexEntry | None = first
    if revisions_in_index(ctx, first.event_id) or not create(ctx, first):
        claim = claim_free(ctx, first)
    return None if claim is None else Claim(claim, is_valid(ctx, claim))


def claim_unused(ctx: Context, first: Sequence[IndexEntry], are_new: Sequence[bool]) -> list[bool]:
    """Claim the ids that nobody has ever used, all at one moment, where the store can do that; say which.

    `first`: claims of first revisions; `are_new`: whether nobody else can know the id. A claim that was made is valid:
    at that moment there is no other entry, and no mark.
    """
    return ctx.store.create_unused(
        [
            Unused(
                layout.index_key(entry.event_id, entry.revision),
                entry.metadata(),
                None if is_new else (layout.index_prefix(entry.event_id), layout.mark_prefix(entry.event_id)),
            )
            for entry, is_new in zip(first, are_new, strict=True)
        ]
    )


def claim_free(ctx: Context, wanted: IndexEntry) -> IndexEntry | None:
    """Look an id up and claim its next revision; the claim has not been looked at yet. None: the id is taken."""
    for _ in range(PATIENCE):
        existing = find(ctx, wanted.event_id, helping=True)
        if isinstance(existing, Existing):
            if existing.is_lost:
                raise lost(ctx, existing.entry)
            return existing.entry if existing.entry.target == wanted.target else None
        claim = replace(wanted, revision=existing.next_revision, birth=existing.next_revision)
        if create(ctx, claim):
            return claim
    raise moving(wanted.event_id)


def is_valid(ctx: Context, claim: IndexEntry) -> bool:
    """Whether a claim, once made, is the highest entry and above the deletion marks.

    The marks are listed after the entries: a deletion in between may have removed the entry above the claim.
    """
    index = revisions_in_index(ctx, claim.event_id)
    return bool(index) and index[-1] == claim.revision > highest_mark(ctx, claim.event_id)


def create(ctx: Context, claim: IndexEntry) -> bool:
    """Create the index entry. False: another writer has this revision.

    A refused claim may be our own, whose answer was lost. Then it is still there; or others have finished it, and moved
    or deleted its event: the manifest that it names is there. To claim the id again would bring the event back.
    """
    if create_entry(ctx, claim):
        return True
    there = read_entry(ctx, claim.event_id, claim.revision)
    return (there is not None and there.target == claim.target) or bool(is_held(ctx, claim))


def exists_error(event_id: str) -> FlashFloodEventExistsError:
    """Say that the id is taken."""
    msg = f"event {event_id!r} exists already; `update_event` changes it"
    return FlashFloodEventExistsError(msg, event_id=event_id)


def settle(ctx: Context, draft: Manifest, deadline: Deadline) -> None:
    """Decide a batch that was left behind (step 5): create its manifest if all its claims are valid, or a fence.

    It is a fence, too, if the blob is gone: the batch was fenced before, and the fence has been collected. `deadline`:
    begun before it was seen that there is no manifest.
    """
    journal_id = JournalID(draft.journal_id)
    rows = [row for row in ctx.requests.each(partial(_claimed, ctx, journal_id), draft.rows()) if row is not None]
    if len(rows) == len(draft) and ctx.has_blob(journal_id):
        deadline.check(f"finishing the batch {journal_id}")
        ctx.create_manifest(Manifest.of_rows(journal_id, rows, draft.size))
    else:
        fence(ctx, journal_id)


def fence(ctx: Context, journal_id: JournalID) -> bool:
    """Keep an event or a batch from being committed. False: it has been committed."""
    there = ledger.create_fence(ctx, journal_id)
    if there is None or ledger.is_fence(there):
        ctx.bury([journal_id])
        return True
    return False


def _help(ctx: Context, claim: IndexEntry, deadline: Deadline) -> bool:
    """Finish a claim without a manifest, if nothing has changed (step 3). False: it cannot be; there is no event.

    A claim without its blob is fenced: its writer may still be writing the blob, and then puts the event again. A claim
    that was looked up too long ago is not finished: it may have been finished, and collected, since.
    """
    if lookup(ctx, claim.event_id).entry != claim:
        return True
    found = ctx.store.get(layout.draft_key(claim.target))
    if found is not None:
        settle(ctx, Manifest.decode(claim.target, found.body), deadline)
        return True
    row = claim.row()
    if claim.target.version != NEW or row is None or row.offset:  # a batch's, whose draft has been collected
        return False
    size = ctx.blob_size(claim.target)
    if size is not None and size != row.size:
        return False
    if size is None:
        fence(ctx, claim.target)
    else:
        deadline.check(f"finishing the put of event {claim.event_id!r}")
        ctx.create_manifest(Manifest.of_rows(claim.target, [row], row.size))
    return True


def _claimed(ctx: Context, journal_id: JournalID, drafted: Row) -> Row | None:
    """Give a draft's row with its claim's revision. None: the claim is not valid, or was never made."""
    for _ in range(PATIENCE):
        entry = lookup(ctx, drafted.event_id).entry
        if entry == lookup(ctx, drafted.event_id).entry:
            return entry.row() if entry is not None and entry.target == journal_id else None
    raise moving(drafted.event_id)
