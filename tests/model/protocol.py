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
    Key,
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
MOST_CLAIMS = 6
SLOW_BY = 50
"""Ticks by which a slow clock is behind."""

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
        marked = (yield from _highest_mark(caller, event_id)) if caller.marks_first else 0
        entries = yield List(("index", event_id))
        if not caller.marks_first:
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

    An entry whose journal is missing, or is without the event, counts only when it has been looked up twice: between
    the list and the look at the entry, a void claim may have taken the key of one that moved. One that is no claim is
    written after its manifest, and moved on before that is collected: a missing manifest is then lost, never void.
    """
    vain_helps = 0
    before: Current | None = None
    helped: Current | None = None
    while True:
        current, next_revision, entries = yield from lookup(caller, event_id)
        if current is None:
            return Existing(None, next_revision)
        manifest = yield Get(journal_key(current.entry.target))
        updates = yield from _waiting(caller, event_id, current.entry)
        if manifest is not None and _has_row(caller, manifest, event_id):
            is_deleted = Safeguard.WAITING_DELETES in caller.safeguards and any(map(is_delete, updates))
            return Existing(None if is_deleted else current, next_revision, entries, updates)
        if manifest is None and _is_claim(current):
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


def _is_claim(current: Current) -> bool:
    """Say whether an event began with the entry; 0.4.3 writes none before the manifest."""
    return current.entry.birth == current.revision


def _has_row(caller: Caller, manifest: Manifest, event_id: str) -> bool:
    if Safeguard.WAITING_DELETES not in caller.safeguards:
        return True
    return any(row.event_id == event_id for row in manifest.rows)


def _waiting(caller: Caller, event_id: str, entry: Entry) -> Steps[tuple[UpdateKey, ...]]:
    """List the updates of the event's journal and of the one it came from, used ones too (the end of step 2)."""
    updates: tuple[Key, ...] = yield List(("updates", entry.target, event_id))
    if entry.origin is not None:
        updates += yield List(("updates", entry.origin, event_id))
    if _combined_by_043(caller, entry):
        everywhere = yield List(("updates",))
        updates += tuple(one for one in without_dead(everywhere) if one.event_id == event_id)
    return tuple(update for update in updates if isinstance(update, UpdateKey))


def _combined_by_043(caller: Caller, entry: Entry) -> bool:
    """Say whether 0.4.3 made the entry's journal, so that updates may wait for journals that nothing names."""
    return caller.beside_043 and entry.origin is None and entry.target.version != NEW


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
    claimed = yield from _create_claim(caller, event_id, 1, Entry(journal, None, date, 1, 0))
    yield Put(blob_key(caller.name), (data,))
    return GoOn(_commit, (wanted, 1)) if claimed else GoOn(_put_after_a_look, (wanted,))


def _create_claim(caller: Caller, event_id: str, revision: int, claim: Entry) -> Steps[bool]:
    """Create a claim; say whether it was made.

    Refused, it may be there, its answer lost; it may even have been helped, and its event moved on or deleted: then
    its manifest is there.
    """
    if (yield Create(index_key(event_id, revision), claim)):
        return True
    if Safeguard.OWN_CLAIM not in caller.safeguards:
        return False
    there = yield Get(index_key(event_id, revision))
    return (there is not None and there.target == claim.target) or (yield from _is_made(claim.target))


def _is_made(journal: JournalID) -> Steps[bool]:
    """Say whether a journal's manifest is there, and no fence."""
    manifest = yield Get(journal_key(journal))
    return manifest is not None and not manifest.fence


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
    """Look at the claim, and create the manifest; someone may have done so before, or fenced it."""
    event_id, journal = wanted.event_id, wanted.journal
    counts = True
    if Safeguard.LIST_AFTER_CLAIM in caller.safeguards:
        counts = yield from _counts(caller, event_id, revision)
    if counts:
        row = Row(event_id, journal.start, revision, 0, revision)
        if (yield Create(journal_key(journal), Manifest((row,)))):
            return (yield from _end(wanted, "ok"))
    if (counts or Safeguard.OWN_MANIFEST in caller.safeguards) and (yield from _is_made(journal)):
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
    yield PutOwn(blob_key(blob), tuple(data for _, data, _ in items))
    draft = tuple((event_id, date) for event_id, _, date in items)
    yield PutOwn(draft_key(journal), draft)
    revisions: list[int | None] = []
    for place, (event_id, _, date) in enumerate(items):
        revisions.append((yield from _claim(caller, event_id, Entry(journal, None, date, None, place))))
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

    An id without index entries takes the first, unseen whether there are marks: the listing after the claim shows them.
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


def update_event(caller: Caller, event_id: str, data: str) -> Steps[str | GoOn]:
    """Step 6: look the event up, and take the timestamp."""
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    timestamp = yield from _timestamp(caller, existing)
    return GoOn(_update_at, (event_id, data, existing.current, timestamp))


def _timestamp(caller: Caller, existing: Existing) -> Steps[int]:
    """Return a timestamp newer than every update known of the event, whatever the clock says."""
    now: int = yield Now()
    known = [update.timestamp for update in existing.updates]
    if existing.current is not None:
        known.append(existing.current.entry.updated)
    return max([now - SLOW_BY if caller.is_slow else now, *(timestamp + 1 for timestamp in known)])


def _update_at(caller: Caller, event_id: str, data: str, current: Current, timestamp: int) -> Steps[str]:
    first, target = current.entry, current.entry.target
    yield Put(update_key(target, event_id, timestamp, "UPDATE"), data)
    known = current
    while Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        found = (yield from lookup(caller, event_id, known)).current
        if found is None or found.entry.target == target or not _same_event(caller, found.entry, first):
            break
        known, target = found, found.entry.target
        yield Put(update_key(target, event_id, timestamp, "UPDATE"), data)
    return "ok"


def _same_event(caller: Caller, one: Entry, other: Entry) -> bool:
    """Say whether two entries of an id are of the same event; 0.4.3 tells no birth."""
    return one.birth == other.birth or (caller.beside_043 and None in (one.birth, other.birth))


def delete_event(caller: Caller, event_id: str) -> Steps[str | GoOn]:
    """Step 7: look the event up, and take the timestamp."""
    existing = yield from exists(caller, event_id)
    if existing.current is None:
        return "notfound"
    timestamp = yield from _timestamp(caller, existing)
    return GoOn(_delete_at, (event_id, existing.current, existing.entries, timestamp))


def _delete_at(
    caller: Caller, event_id: str, current: Current, entries: tuple[IndexKey, ...], timestamp: int
) -> Steps[str]:
    first, target = current.entry, current.entry.target
    yield Put(update_key(target, event_id, timestamp, "DELETE"), None)
    while Safeguard.AGAIN_WHILE_MOVING in caller.safeguards:
        found, _, entries = yield from lookup(caller, event_id, current)
        if found is None or not _same_event(caller, found.entry, first):
            break
        current = found
        if found.entry.target == target:
            break
        target = found.entry.target
        yield Put(update_key(target, event_id, timestamp, "DELETE"), None)
    if Safeguard.MARKS in caller.safeguards:
        yield Put(mark_key(event_id, current.revision), "")
        entries = tuple(entry for entry in entries if entry.revision <= current.revision)
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


class Read(NamedTuple):
    """What was read of an event; None: it is deleted. `vanished`: look it up again."""

    data: str | None
    vanished: bool = False


def get(caller: Caller, event_id: str, before: Current | None = None) -> Steps[str | GoOn | None]:
    """Step 8: get_event; None for NotFound. `before` is what an earlier lookup gave, whose journal was not of use."""
    current = (yield from lookup(caller, event_id)).current
    if current is None:
        return None
    read = yield from _read(caller, event_id, current)
    if not read.vanished:
        return read.data
    if current == before:
        manifest = yield Get(journal_key(current.entry.target))
        if manifest is None or not any(row.event_id == event_id for row in manifest.rows):
            return None
    return GoOn(get, (event_id, current))


def _read(caller: Caller, event_id: str, current: Current) -> Steps[Read]:
    """Read the event that an entry names. What a combination wrote says all that its manifest's row does."""
    entry = current.entry
    place, updated = entry.place, entry.updated
    manifest = None
    if place is None or _is_claim(current):
        manifest = yield Get(journal_key(entry.target))
    if place is None:
        rows = () if manifest is None else manifest.rows
        place = next((place for place, row in enumerate(rows) if row.event_id == event_id), None)
        if place is None:
            return Read(None, vanished=True)
        updated = rows[place].updated
    updates = yield from _updates_to_read(caller, event_id, entry, manifest)
    blob: tuple[str, ...] | None = yield Get(blob_key(entry.target.blob))
    if _is_claim(current) and (manifest is None or manifest.fence):
        return Read(None, vanished=True)
    update = newest(caller, [update for update in updates if is_delete(update) or update.timestamp > updated])
    if update is not None and is_delete(update):
        return Read(None)
    data = (blob[place] if blob is not None else None) if update is None else (yield Get(update))
    return Read(data, vanished=data is None)


def _updates_to_read(caller: Caller, event_id: str, entry: Entry, manifest: Manifest | None) -> Steps[list[UpdateKey]]:
    """Return the updates that may be newer than a row's data."""
    journals = [entry.target]
    if Safeguard.UPDATES_OF_ORIGIN not in caller.safeguards:
        journals += manifest.replaces if manifest is not None else ()
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
