"""PROTOCOL.md's steps 1 to 5: lookup, exists, help, put, put_many."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps, Stuck
from .store import (
    FENCE,
    NEW,
    Bury,
    Create,
    Delete,
    Entry,
    Get,
    IndexKey,
    JournalID,
    Key,
    List,
    Manifest,
    Put,
    PutOwn,
    Row,
    UpdateKey,
    blob_key,
    draft_key,
    index_key,
    is_delete,
    journal_key,
    without_dead,
)

MOST_BATCH_ATTEMPTS = 2
MOST_VAIN_HELPS = 2
MOST_CLAIMS = 6

Item: TypeAlias = tuple[str, str, int]
"""One event of a batch: id, data, date."""


class Current(NamedTuple):
    """The index entry that counts for an id."""

    revision: int
    entry: Entry


class Lookup(NamedTuple):
    """What `lookup` says of an id: the entry that counts, the next free revision, and all entries listed."""

    current: Current | None
    next_revision: int
    entries: tuple[IndexKey, ...] = ()


class Existing(NamedTuple):
    """What `exists` says of an id: its entry if the event is there, the next free revision, and what was listed."""

    current: Current | None
    next_revision: int
    entries: tuple[IndexKey, ...] = ()
    updates: tuple[UpdateKey, ...] = ()


def lookup(caller: Caller, event_id: str, known: Current | None = None) -> Steps[Lookup]:
    """Step 1: return the entry that counts, if one does, and the next free revision.

    Entries and marks are asked for at one time; which answer comes first, nobody knows. An entry that is `known` never
    changes as long as it is the highest.
    """
    while True:
        marked = (yield from _highest_mark(caller, event_id)) if caller.as_begun else 0
        entries = yield List(("index", event_id))
        if not caller.as_begun:
            marked = yield from _highest_mark(caller, event_id)
        if not entries or entries[-1].revision <= marked:
            return Lookup(None, marked + 1, entries)
        if known is not None and known.revision == entries[-1].revision:
            return Lookup(known, known.revision + 1, entries)
        entry = yield Get(entries[-1])
        if entry is not None:
            return Lookup(Current(entries[-1].revision, entry), entries[-1].revision + 1, entries)


def _highest_mark(caller: Caller, event_id: str) -> Steps[int]:
    if Safeguard.MARKS not in caller.safeguards:
        return 0
    marks = yield List(("gone", event_id))
    return max((mark.revision for mark in marks), default=0)


def exists(caller: Caller, event_id: str) -> Steps[Existing]:
    """Step 2, as a writer takes it: an unfinished claim is helped first.

    Where an entry's journal is missing, or is without the event, the id is looked up a second time: between the list
    and the look at the entry, that may have moved, and a void claim may have taken its key. An entry that is no claim
    is written after its manifest, and moved on before that is collected: a missing manifest is lost then, never void.
    """
    vain_helps = 0
    before: Current | None = None
    helped: Current | None = None
    while True:
        current, next_revision, entries = yield from lookup(caller, event_id)
        if current is None:
            return Existing(None, next_revision)
        manifest = (yield Get(journal_key(current.entry.target))) if caller.as_begun else None
        updates = yield from _updates_of_event(caller, event_id, current.entry)
        if not caller.as_begun:
            manifest = yield Get(journal_key(current.entry.target))
        if manifest is not None and _has_row(caller, manifest, event_id):
            is_deleted = Safeguard.WAITING_DELETES in caller.safeguards and any(map(is_delete, updates))
            return Existing(None if is_deleted else current, next_revision, entries, updates)
        if manifest is None and is_claim(current):
            vain_helps += current == helped
            if vain_helps > MOST_VAIN_HELPS:
                message = f"{event_id} has no manifest, although it was helped"
                raise Stuck(message)
            helped = current
            yield from _help(caller, event_id, current)
        elif current == before:
            if manifest is None:
                message = f"{event_id} has moved to {current.entry.target}, which is lost"
                raise Stuck(message)
            return Existing(None, next_revision)
        else:
            before = current


def is_claim(current: Current) -> bool:
    """Say whether an event began with the entry; 0.4.3 writes none before the manifest."""
    return current.entry.birth == current.revision


def _has_row(caller: Caller, manifest: Manifest, event_id: str) -> bool:
    if Safeguard.WAITING_DELETES not in caller.safeguards:
        return True
    return any(row.event_id == event_id for row in manifest.rows)


def _updates_of_event(caller: Caller, event_id: str, entry: Entry) -> Steps[tuple[UpdateKey, ...]]:
    """List the event's updates for its journal and the one that it came from, tombstoned ones too (step 2)."""
    updates: list[Key] = []
    for journal in addressed(caller, entry):
        updates += yield List(("updates", journal, event_id))
    if combined_by_043(caller, entry):
        everywhere = yield List(("updates",))
        updates += [one for one in without_dead(everywhere) if one.event_id == event_id]
    return tuple(update for update in updates if isinstance(update, UpdateKey))


def addressed(caller: Caller, entry: Entry) -> list[JournalID]:
    """Return the journals that updates of an event may be for, in the order in which they are asked for."""
    journals = [journal for journal in (entry.came_from, entry.target) if journal is not None]
    return journals if caller.as_begun else journals[::-1]


def combined_by_043(caller: Caller, entry: Entry) -> bool:
    """Say whether 0.4.3 made the entry's journal, so that updates may wait for journals that nothing names."""
    return caller.beside_043 and entry.came_from is None and entry.target.version != NEW


def _help(caller: Caller, event_id: str, claim: Current) -> Steps[None]:
    """Step 3: finish another's claim."""
    if Safeguard.SECOND_LOOKUP in caller.safeguards:
        again = yield from lookup(caller, event_id)
        if again.current != claim:
            return
    entry = claim.entry
    draft = yield Get(draft_key(entry.target))
    if draft is not None:
        yield from _settle(caller, entry.target, draft)
    elif Safeguard.FENCE_BLOBLESS in caller.safeguards and (yield Get(blob_key(entry.target.blob))) is None:
        yield from _fence(entry.target)
    else:
        row = Row(event_id, entry.date, claim.revision, 0, entry.birth)
        yield Create(journal_key(entry.target), Manifest((row,)))


class Wanted(NamedTuple):
    """One event that is being put, the number of the attempt, and the journal that the event is to be."""

    event_id: str
    data: str
    journal: JournalID
    attempt: int
    void: tuple[int, ...] = ()
    """Revisions of claims that came to nothing; another entry, or a mark, is above each when the call ends."""


def put(caller: Caller, event_id: str, data: str, date: int) -> Steps[str | GoOn]:
    """Step 4, at first as if the id were new: its first revision is claimed, the blob being still under way."""
    journal = JournalID(date, date, NEW, caller.name)
    wanted = Wanted(event_id, data, journal, 0)
    if caller.as_begun:
        yield Put(blob_key(caller.name), (data,))
    claimed = yield from _create_claim(caller, event_id, 1, Entry(journal, None, date, 1, 0))
    if not caller.as_begun:
        yield Put(blob_key(caller.name), (data,))
    return GoOn(_commit, (wanted, 1)) if claimed else GoOn(_put_after_a_look, (wanted,))


def _create_claim(caller: Caller, event_id: str, revision: int, claim: Entry) -> Steps[bool]:
    """Create a claim; say whether it was made.

    A refused claim may be one's own, whose answer was lost: it is there. Or it has been helped, and its event has moved
    on or been deleted: then its manifest is there.
    """
    if (yield Create(index_key(event_id, revision), claim)):
        return True
    if Safeguard.OWN_CLAIM not in caller.safeguards:
        return False
    there = yield Get(index_key(event_id, revision))
    return (there is not None and there.target == claim.target) or (yield from is_made(claim.target))


def is_made(journal: JournalID) -> Steps[bool]:
    """Say whether a journal's manifest is there, and no fence."""
    manifest = yield Get(journal_key(journal))
    return manifest is not None and not manifest.fence


def _put_again(caller: Caller, before: Wanted, void: int) -> Steps[GoOn]:
    """Put the event again, for another journal, after a claim that turned out void or was fenced.

    Whoever has read the void claim could take this event for the one before.
    """
    attempt = before.attempt + 1
    blob = f"{caller.name}.{attempt}"
    yield PutOwn(blob_key(blob), (before.data,))
    journal = before.journal._replace(blob=blob)
    wanted = before._replace(journal=journal, attempt=attempt, void=(*before.void, void))
    return GoOn(_put_after_a_look, (wanted,))


def _end(wanted: Wanted, result: str) -> Steps[str]:
    """Delete the claims that came to nothing."""
    for revision in wanted.void:
        yield Delete(index_key(wanted.event_id, revision))
    return result


def _give_back(journal: JournalID) -> Steps[None]:
    """Delete the blob of a claim that came to nothing, unless garbage collection will, with the manifest."""
    if (yield Get(journal_key(journal))) is None:
        yield Delete(blob_key(journal.blob))


def _put_after_a_look(caller: Caller, wanted: Wanted) -> Steps[str | GoOn]:
    """Claim the next revision, the blob being there."""
    event_id, journal = wanted.event_id, wanted.journal
    existing = yield from exists(caller, event_id)
    if existing.current is not None:
        if existing.current.entry.target == journal:
            return GoOn(_commit, (wanted, existing.current.revision))
        yield from _give_back(journal)
        return (yield from _end(wanted, "exists"))
    revision = existing.next_revision
    claimed = yield from _create_claim(caller, event_id, revision, Entry(journal, None, journal.start, revision, 0))
    return GoOn(_commit, (wanted, revision)) if claimed else GoOn(_put_after_a_look, (wanted,))


def _commit(caller: Caller, wanted: Wanted, revision: int) -> Steps[str | GoOn]:
    """Look at the claim, and create the manifest; someone may have created it before, or a fence."""
    event_id, journal = wanted.event_id, wanted.journal
    counts = True
    if Safeguard.LIST_AFTER_CLAIM in caller.safeguards:
        counts = yield from _counts(caller, event_id, revision)
    if counts:
        row = Row(event_id, journal.start, revision, 0, revision)
        if (yield Create(journal_key(journal), Manifest((row,)))):
            return (yield from _end(wanted, "ok"))
    if (counts or Safeguard.OWN_MANIFEST in caller.safeguards) and (yield from is_made(journal)):
        return (yield from _end(wanted, "ok"))
    yield from _give_back(journal)
    if counts or Safeguard.FRESH_TARGET in caller.safeguards:
        return GoOn(_put_again, (wanted, revision))
    return GoOn(_put_after_a_look, (wanted,))


def _counts(caller: Caller, event_id: str, claimed: int) -> Steps[bool]:
    """Say whether a claim is the highest entry and above the marks: no newer revision or deletion came in between.

    The marks are listed after the entries: a deletion in between removes the entry above.
    """
    entries = yield List(("index", event_id))
    if not entries or entries[-1].revision != claimed:
        return False
    return (yield from _highest_mark(caller, event_id)) < claimed


def put_many(
    caller: Caller, items: tuple[Item, ...], attempt: int = 0, void: tuple[IndexKey, ...] = ()
) -> Steps[str | GoOn]:
    """Step 5, with `error`: a batch that meets an existing id is not put. `void`: the claims of fenced attempts."""
    blob = f"{caller.name}.{attempt}" if attempt else caller.name
    journal = JournalID(items[0][2], items[-1][2], NEW, blob)
    draft = PutOwn(draft_key(journal), tuple((event_id, date) for event_id, _, date in items))
    data = PutOwn(blob_key(blob), tuple(data for _, data, _ in items))
    first, second = (data, draft) if caller.as_begun else (draft, data)
    yield first
    yield second
    revisions: list[int | None] = []
    for index, (event_id, _, date) in enumerate(items):
        revisions.append((yield from _claim(caller, event_id, Entry(journal, None, date, None, index))))
    rows = [Row(item[0], item[2], one, 0, one) for item, one in zip(items, revisions, strict=True) if one]
    is_whole = len(rows) == len(items)
    is_made = is_whole and (yield Create(journal_key(journal), Manifest(tuple(rows))))
    if is_made or not (yield from _fence(journal)):
        for key in void:
            yield Delete(key)
        return "ok"
    if attempt == MOST_BATCH_ATTEMPTS or None in revisions:
        return "exists"
    return GoOn(put_many, (items, attempt + 1, (*void, *(index_key(row.event_id, row.revision) for row in rows))))


def _claim(caller: Caller, event_id: str, wanted: Entry) -> Steps[int | None]:
    """Claim one id of a batch: return the revision; 0 if others were in the way, None if the id is taken.

    Where the id has no index entries, its first revision is claimed without a look at the marks: the look at the claim
    shows them.
    """
    revision = 0
    if not (yield List(("index", event_id))):
        claimed = yield from _create_claim(caller, event_id, 1, wanted._replace(birth=1))
        revision = 1 if claimed else 0
    for _ in range(MOST_CLAIMS):
        if revision:
            return revision if (yield from _counts(caller, event_id, revision)) else 0
        existing = yield from exists(caller, event_id)
        if existing.current is not None:
            if existing.current.entry.target != wanted.target:
                return None
            revision = existing.current.revision
            continue
        following = existing.next_revision
        claimed = yield from _create_claim(caller, event_id, following, wanted._replace(birth=following))
        revision = following if claimed else 0
    return 0


def _fence(journal: JournalID) -> Steps[bool]:
    """Create the manifest as a fence; return False if it was there, and is none."""
    manifest = FENCE if (yield Create(journal_key(journal), FENCE)) else (yield Get(journal_key(journal)))
    if manifest is None:
        message = f"{journal} has gone"
        raise Stuck(message)
    if manifest.fence:
        yield Bury(journal_key(journal))
    return bool(manifest.fence)


def _settle(caller: Caller, journal: JournalID, draft: tuple[tuple[str, int], ...]) -> Steps[None]:
    """Create a batch's manifest if all its claims count and its blob is there, and a fence otherwise (step 5).

    The blob is gone where the batch was fenced before, and the fence has been collected.
    """
    rows = []
    for event_id, date in draft:
        current = (yield from lookup(caller, event_id)).current
        again = (yield from lookup(caller, event_id)).current
        while current != again:
            current = (yield from lookup(caller, event_id)).current
            again = (yield from lookup(caller, event_id)).current
        if current is None or current.entry.target != journal:
            yield from _fence(journal)
            return
        rows.append(Row(event_id, date, current.revision, 0, current.entry.birth))
    if (yield Get(blob_key(journal.blob))) is None:
        yield from _fence(journal)
        return
    yield Create(journal_key(journal), Manifest(tuple(rows)))
