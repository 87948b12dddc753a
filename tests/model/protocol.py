"""PROTOCOL.md's steps 1 to 8: lookup, exists, help, put, put_many, update_event, delete_event, get_event."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps, Stuck
from .store import (
    DEAD,
    FENCE,
    NEW,
    Bury,
    Create,
    Delete,
    Entry,
    Get,
    IndexKey,
    JournalID,
    List,
    Manifest,
    Now,
    Put,
    PutOwn,
    Row,
    UpdateKey,
    blob_key,
    draft_key,
    index_key,
    is_delete,
    journal_key,
    mark_key,
    update_key,
    without_dead,
)

MOST_BATCH_ATTEMPTS = 2
MOST_VAIN_HELPS = 2

Item: TypeAlias = tuple[str, str, int]
"""One event of a batch: id, data, date."""


class Current(NamedTuple):
    """The index entry that counts for an id."""

    revision: int
    entry: Entry


class Existing(NamedTuple):
    """What `exists` says of an id: its entry if the event is there, and the next free revision."""

    current: Current | None
    next_revision: int


def lookup(caller: Caller, event_id: str) -> Steps[tuple[Current | None, int]]:
    """Step 1: return the entry that counts, if one does, and the next free revision.

    Entries and marks are asked for at one time; which answer comes first, nobody knows.
    """
    while True:
        marked = (yield from _highest_mark(caller, event_id)) if caller.marks_first else 0
        entries = yield List(("index", event_id))
        if not caller.marks_first:
            marked = yield from _highest_mark(caller, event_id)
        if not entries or entries[-1].revision <= marked:
            return None, marked + 1
        entry = yield Get(entries[-1])
        if entry is not None:
            return Current(entries[-1].revision, entry), entries[-1].revision + 1


def _highest_mark(caller: Caller, event_id: str) -> Steps[int]:
    if Safeguard.MARKS not in caller.safeguards:
        return 0
    marks = yield List(("gone", event_id))
    return max((mark.revision for mark in marks), default=0)


def exists(caller: Caller, event_id: str) -> Steps[Existing]:
    """Step 2, as a writer takes it: an unfinished claim is helped first.

    An entry whose journal is missing, or is without the event, counts only when it has been looked up twice: between
    the list and the look at the entry, a void claim may have taken the key of one that moved. One that is no claim is
    written after its manifest, and moved on before that is collected: a missing manifest is then lost, never void.
    """
    vain_helps = 0
    before: Current | None = None
    while True:
        current, next_revision = yield from lookup(caller, event_id)
        if current is None:
            return Existing(None, next_revision)
        target = current.entry.target
        manifest = yield Get(journal_key(target))
        if manifest is not None and _has_row(caller, manifest, event_id):
            deleted = yield from _is_deleted(caller, event_id, current.entry)
            return Existing(None if deleted else current, next_revision)
        if manifest is None and target.version == NEW:
            still_vain = yield from _help(caller, event_id, current)
            vain_helps += still_vain
            if vain_helps > MOST_VAIN_HELPS:
                message = f"{event_id} has no manifest, although it was helped"
                raise Stuck(message)
        elif current == before:
            if manifest is None and current.entry.birth != current.revision:
                message = f"{event_id} has moved to {target}, which is lost"
                raise Stuck(message)
            return Existing(None, next_revision)
        else:
            before = current


def _has_row(caller: Caller, manifest: Manifest, event_id: str) -> bool:
    if Safeguard.WAITING_DELETES not in caller.safeguards:
        return True
    return any(row.event_id == event_id for row in manifest.rows)


def _is_deleted(caller: Caller, event_id: str, entry: Entry) -> Steps[bool]:
    """Say whether a DELETE waits for the event (the end of step 2)."""
    if Safeguard.WAITING_DELETES not in caller.safeguards:
        return False
    if any(map(is_delete, (yield List(("updates", entry.target, event_id))))):
        return True
    if _combined_by_043(caller, entry):
        everywhere = yield List(("updates",))
        if any(is_delete(update) and update.event_id == event_id for update in without_dead(everywhere)):
            return True
    return entry.origin is not None and any(map(is_delete, (yield List(("updates", entry.origin, event_id)))))


def _combined_by_043(caller: Caller, entry: Entry) -> bool:
    """Say whether 0.4.3 made the entry's journal, so that updates may wait for journals that nothing names."""
    return caller.beside_043 and entry.origin is None and entry.target.version != NEW


def _help(caller: Caller, event_id: str, claim: Current) -> Steps[bool]:
    """Step 3: finish another's claim. Return True if its manifest is still missing."""
    if Safeguard.SECOND_LOOKUP in caller.safeguards:
        again, _ = yield from lookup(caller, event_id)
        if again != claim:
            return False
    entry = claim.entry
    draft = yield Get(draft_key(entry.target))
    if draft is not None:
        yield from _settle(caller, entry.target, draft)
    elif Safeguard.FENCE_BLOBLESS in caller.safeguards and (yield Get(blob_key(entry.target.blob))) is None:
        yield from _fence(entry.target)
    else:
        row = Row(event_id, entry.date, claim.revision, 0, entry.birth)
        yield Create(journal_key(entry.target), Manifest((row,)))
    return (yield Get(journal_key(entry.target))) is None


class Wanted(NamedTuple):
    """One event that is being put, for the how manieth time, and the journal that it is to be."""

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
    claimed = yield Create(index_key(event_id, 1), Entry(journal, None, date, 1))
    yield Put(blob_key(caller.name), (data,))
    return GoOn(_commit, (wanted, 1)) if claimed else GoOn(_put_after_a_look, (wanted,))


def _put_again(caller: Caller, before: Wanted, void: int) -> Steps[GoOn]:
    """Go again after a claim that turned out void or was fenced: for another journal.

    Whoever has read the void claim might take this event for the one before.
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


def _put_after_a_look(caller: Caller, wanted: Wanted) -> Steps[str | GoOn]:
    """Claim the next revision, the blob being there."""
    event_id, journal = wanted.event_id, wanted.journal
    existing = yield from exists(caller, event_id)
    if existing.current is not None:
        return (yield from _end(wanted, "ok" if existing.current.entry.target == journal else "exists"))
    revision = existing.next_revision
    claimed = yield Create(index_key(event_id, revision), Entry(journal, None, journal.start, revision))
    return GoOn(_commit, (wanted, revision)) if claimed else GoOn(_put_after_a_look, (wanted,))


def _commit(caller: Caller, wanted: Wanted, revision: int) -> Steps[str | GoOn]:
    """Look at the claim, and create the manifest; someone may have done so before, or fenced it."""
    event_id, journal = wanted.event_id, wanted.journal
    if Safeguard.LIST_AFTER_CLAIM in caller.safeguards:
        counts = yield from _counts(caller, event_id, revision)
        if not counts:
            own = (yield Get(journal_key(journal))) if Safeguard.OWN_MANIFEST in caller.safeguards else None
            if own is not None and not own.fence:
                return (yield from _end(wanted, "ok"))
            if Safeguard.FRESH_TARGET in caller.safeguards:
                return GoOn(_put_again, (wanted, revision))
            return GoOn(_put_after_a_look, (wanted,))
    row = Row(event_id, journal.start, revision, 0, revision)
    if (yield Create(journal_key(journal), Manifest((row,)))):
        return (yield from _end(wanted, "ok"))
    there = yield Get(journal_key(journal))
    if there is None or there.fence:
        return GoOn(_put_again, (wanted, revision))
    return (yield from _end(wanted, "ok"))


def _looked_up(caller: Caller, event_id: str) -> Steps[Existing]:
    """Step 2, before a claim.

    An id without index entries takes the first, unseen whether there are marks: the listing after the claim shows them.
    """
    if not (yield List(("index", event_id))):
        return Existing(None, 1)
    return (yield from exists(caller, event_id))


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
    yield PutOwn(blob_key(blob), tuple(data for _, data, _ in items))
    draft = tuple((event_id, date) for event_id, _, date in items)
    yield PutOwn(draft_key(journal), draft)
    rows: list[Row] = []
    for event_id, _, date in items:
        revision = yield from _claim(caller, event_id, date, journal)
        if revision is None or revision == 0:
            break
        rows.append(Row(event_id, date, revision, 0, revision))
    is_whole = len(rows) == len(items)
    is_made = is_whole and (yield Create(journal_key(journal), Manifest(tuple(rows))))
    if is_made or not (yield from _fence(journal)):
        for key in void:
            yield Delete(key)
        return "ok"
    if attempt == MOST_BATCH_ATTEMPTS or (not is_whole and revision is None):
        return "exists"
    return GoOn(put_many, (items, attempt + 1, (*void, *(index_key(row.event_id, row.revision) for row in rows))))


def _claim(caller: Caller, event_id: str, date: int, journal: JournalID) -> Steps[int | None]:
    """Claim one id of a batch: return the revision; 0 if others were in the way, None if the id is taken."""
    existing = yield from _looked_up(caller, event_id)
    if existing.current is not None:
        return existing.current.revision if existing.current.entry.target == journal else None
    revision = existing.next_revision
    if not (yield Create(index_key(event_id, revision), Entry(journal, None, date, revision))):
        return 0
    return revision if (yield from _counts(caller, event_id, revision)) else 0


def _fence(journal: JournalID) -> Steps[bool]:
    """Create the manifest as a fence; return False if it was there, and is none."""
    yield Create(journal_key(journal), FENCE)
    manifest = yield Get(journal_key(journal))
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
        current, _ = yield from lookup(caller, event_id)
        again, _ = yield from lookup(caller, event_id)
        while current != again:
            current, _ = yield from lookup(caller, event_id)
            again, _ = yield from lookup(caller, event_id)
        if current is None or current.entry.target != journal:
            yield from _fence(journal)
            return
        rows.append(Row(event_id, date, current.revision, 0, current.entry.birth))
    if (yield Get(blob_key(journal.blob))) is None:
        yield from _fence(journal)
        return
    yield Create(journal_key(journal), Manifest(tuple(rows)))


def update_event(_caller: Caller, event_id: str, data: str) -> Steps[str | GoOn]:
    """Step 6: take the timestamp."""
    timestamp = yield Now()
    return GoOn(_update_at, (event_id, data, timestamp))


def _update_at(caller: Caller, event_id: str, data: str, timestamp: int) -> Steps[str]:
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    first = existing.current.entry
    target = first.target
    yield Put(update_key(target, event_id, timestamp, "UPDATE"), data)
    while Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        current, _ = yield from lookup(caller, event_id)
        if current is None or current.entry.target == target or not _same_event(caller, current.entry, first):
            break
        target = current.entry.target
        yield Put(update_key(target, event_id, timestamp, "UPDATE"), data)
    return "ok"


def _same_event(caller: Caller, one: Entry, other: Entry) -> bool:
    """Say whether two entries of an id are of the same event; 0.4.3 tells no birth."""
    return one.birth == other.birth or (caller.beside_043 and None in (one.birth, other.birth))


def delete_event(_caller: Caller, event_id: str) -> Steps[str | GoOn]:
    """Step 7: take the timestamp."""
    timestamp = yield Now()
    return GoOn(_delete_at, (event_id, timestamp))


def _delete_at(caller: Caller, event_id: str, timestamp: int) -> Steps[str]:
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    revision, first = existing.current
    target = first.target
    entries = yield List(("index", event_id))
    yield Put(update_key(target, event_id, timestamp, "DELETE"), None)
    if Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        while True:
            current, _ = yield from lookup(caller, event_id)
            if current is None or not _same_event(caller, current.entry, first):
                break
            if current.entry.target == target:
                revision = max(revision, current.revision)
                break
            revision, target = current.revision, current.entry.target
            yield Put(update_key(target, event_id, timestamp, "DELETE"), None)
        entries = yield List(("index", event_id))
    if Safeguard.MARKS in caller.safeguards:
        yield Put(mark_key(event_id, revision), "")
        entries = [entry for entry in entries if entry.revision <= revision]
    for entry in entries:
        yield Delete(entry)
    return "ok"


def newest(caller: Caller, updates: list[UpdateKey]) -> UpdateKey | None:
    """Return the update that counts of those of one event: a DELETE before every UPDATE."""
    if Safeguard.DELETE_WINS in caller.safeguards:
        for update in updates:
            if is_delete(update):
                return update
    return max(updates, key=lambda update: update.timestamp, default=None)


def get(caller: Caller, event_id: str, before: Current | None = None) -> Steps[str | GoOn | None]:
    """Step 8: get_event; None for NotFound. `before` is what an earlier lookup gave, whose journal was not of use."""
    current, _ = yield from lookup(caller, event_id)
    if current is None:
        return None
    from_the_start = GoOn(get, (event_id, current))
    entry = current.entry
    manifest = yield Get(journal_key(entry.target))
    rows = () if manifest is None else manifest.rows
    place = next((place for place, row in enumerate(rows) if row.event_id == event_id), None)
    if manifest is None or place is None:
        return None if current == before else from_the_start
    updates = yield from _updates_to_read(caller, event_id, entry, manifest)
    updated = manifest.rows[place].updated
    update = newest(caller, [update for update in updates if is_delete(update) or update.timestamp > updated])
    if update is not None and is_delete(update):
        return None
    if update is not None:
        updated_data: str | None = yield Get(update)
        return from_the_start if updated_data is None else updated_data
    blob: tuple[str, ...] | None = yield Get(blob_key(entry.target.blob))
    return from_the_start if blob is None else blob[place]


def _updates_to_read(caller: Caller, event_id: str, entry: Entry, manifest: Manifest) -> Steps[list[UpdateKey]]:
    """Return the updates that may be newer than a row's data."""
    journals = [entry.target]
    if Safeguard.UPDATES_OF_ORIGIN not in caller.safeguards:
        journals += manifest.replaces
    elif entry.origin is not None:
        journals.append(entry.origin)
    updates = []
    for journal in journals:
        listed = yield List(("updates", journal, event_id))
        if Safeguard.TOMBSTONED_UPDATES in caller.safeguards:
            updates += [update for update in listed if update[-1] != DEAD]
        else:
            updates += without_dead(listed)
    if _combined_by_043(caller, entry):
        everywhere = yield List(("updates",))
        updates += [u for u in without_dead(everywhere) if u.event_id == event_id and u not in updates]
    return updates
