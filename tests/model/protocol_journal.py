"""PROTOCOL.md's steps 9, 11 and 12: journal, compact, update, recovery; and `repair` beside 0.4.3."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .calls import Caller, GoOn, Safeguard, Step, Steps, Stuck
from .protocol import lookup
from .protocol_events import newest
from .protocol_finish import Ledger, finish, read_ledger
from .protocol_replay import committed, living_journals
from .store import (
    COMBINED,
    FENCE,
    NEW,
    Bury,
    Combination,
    Create,
    Delete,
    Get,
    JournalID,
    JournalKey,
    Key,
    List,
    Manifest,
    Put,
    PutOwn,
    Row,
    UpdateKey,
    blob_key,
    is_delete,
    journal_key,
    update_key,
    without_dead,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ATTEMPTS = 4
FAR_FUTURE = 999


class Gathered(NamedTuple):
    """A row for the journal to come, where it came from, and where its data lie: in an update, or in a blob."""

    row: Row
    came_from: JournalID
    key: Key
    row_index: int | None


class Attempt(NamedTuple):
    """An attempt at a combination: the call that makes it, its number, the sources, and the ledger as it was read.

    `moved`: updates of dead journals that belong to the source. `known`: those for the source itself, where they have
    been listed with all others. `manifest`: the source's, where it has been read. `arguments`: what the call was given
    besides. `gives_way`: a call that is disturbed leaves the sources to whoever disturbed it.
    """

    call: Step
    number: int
    sources: tuple[JournalID, ...]
    ledger: Ledger
    moved: tuple[UpdateKey, ...] = ()
    known: tuple[UpdateKey, ...] | None = None
    manifest: Manifest | None = None
    arguments: tuple[int | None, ...] = ()
    gives_way: bool = False

    def start_over(self) -> GoOn | str:
        """Return what the call goes on with when it was disturbed."""
        if self.gives_way or self.number == MOST_ATTEMPTS:
            return "busy"
        return GoOn(self.call, (self.number + 1, *self.arguments))


def journal(caller: Caller, attempt: int = 0, first: int = 0, last: int | None = None) -> Steps[str | GoOn]:
    """Step 9: combine the new journals that no open ledger entry names: those from number `first` to before `last`.

    Where there are none of these numbers, all.
    """
    ledger = yield from read_ledger()
    busy = _under_way(caller, ledger)
    replaced = yield from committed()
    keys: list[JournalKey] = without_dead((yield List(("journals",))))
    found = [key.journal for key in keys if key.journal.version == NEW]
    sources = [journal_id for journal_id in found if journal_id not in busy and journal_id not in replaced]
    if not sources:
        return "none"
    chosen = tuple(sources[first:last] or sources)
    return (yield from _combine(caller, Attempt(journal, attempt, chosen, ledger, arguments=(first, last))))


def compact(caller: Caller) -> Steps[str | GoOn]:
    """Step 9: combine journals that are no new ones, chosen before the ledger is read."""
    chosen = tuple([one for one in (yield from living_journals(caller)) if one.version != NEW])
    if len(chosen) <= 1:
        return "none"
    ledger = yield from read_ledger()
    if _under_way(caller, ledger).intersection(chosen):
        return "none"
    return (yield from _combine(caller, Attempt(compact, 0, chosen, ledger, gives_way=True)))


def update(caller: Caller, attempt: int = 0) -> Steps[str | GoOn]:
    """Step 9 for the first journal that has pending updates; step 11 for pending updates of a dead journal."""
    waiting = yield from _list_waiting(caller)
    yield from _look_at(caller, waiting, list(waiting.addressed))
    return (yield from _apply(caller, partial(Attempt, update, attempt), waiting))


def update_some(caller: Caller, attempt: int = 0) -> Steps[str | GoOn]:
    """Do the same, as far as the first journal that is found to have some: what others are for is not asked.

    Only updates of events that this one has are looked at before it is rewritten.
    """
    waiting = yield from _list_waiting(caller)
    count = 1
    while waiting.addressed and not waiting.free():
        yield from _look_at(caller, waiting, sorted(waiting.addressed)[:count])
        count *= 2
    if not waiting.free():
        return "none"
    source = waiting.free()[0]
    manifest = yield Get(journal_key(source))
    if manifest is None:
        return Attempt(update_some, attempt, (source,), waiting.ledger).start_over()
    ids = {row.event_id for row in manifest.rows}
    related = [
        journal_id
        for journal_id, updates in sorted(waiting.addressed.items())
        if journal_id == source or any(one.event_id in ids for one in updates)
    ]
    yield from _look_at(caller, waiting, related)
    return (yield from _apply(caller, partial(Attempt, update_some, attempt, manifest=manifest), waiting, source))


class Waiting(NamedTuple):
    """Pending updates: by the journals that they are addressed to; those looked at, by the ones that they are for."""

    ledger: Ledger
    busy: set[JournalID | None]
    addressed: dict[JournalID, list[UpdateKey]]
    to_apply: dict[JournalID, list[UpdateKey]]

    def free(self) -> list[JournalID]:
        """Return the journals that updates are for and that nobody combines."""
        return sorted(home for home in self.to_apply if home not in self.busy)


def _list_waiting(caller: Caller) -> Steps[Waiting]:
    ledger = yield from read_ledger()
    busy = _under_way(caller, ledger)
    pending: list[UpdateKey] = without_dead((yield List(("updates",))))
    addressed: dict[JournalID, list[UpdateKey]] = {}
    for one in pending:
        if one.journal not in busy or Safeguard.ONE_STEP not in caller.safeguards:
            addressed.setdefault(one.journal, []).append(one)
    return Waiting(ledger, busy, addressed, {})


def _look_at(caller: Caller, waiting: Waiting, journals: list[JournalID]) -> Steps[None]:
    """Find what the updates addressed to these journals are for; bury those that are for nothing."""
    for journal_id in journals:
        updates = waiting.addressed.pop(journal_id)
        there = yield List(("journals", journal_id))
        if without_dead(there):
            waiting.to_apply.setdefault(journal_id, []).extend(updates)
            continue
        for one in updates:
            home = yield from _home(caller, one, waiting.ledger)
            if home is not None:
                waiting.to_apply.setdefault(home, []).append(one)
            elif there or journal_id.version != NEW:
                yield Bury(one)


def _apply(
    caller: Caller, attempt: Callable[..., Attempt], waiting: Waiting, source: JournalID | None = None
) -> Steps[str | GoOn]:
    """Rewrite the first journal that updates are for, or the source given."""
    if not waiting.free():
        return "none"
    source = source or waiting.free()[0]
    moved = tuple(one for one in waiting.to_apply[source] if one.journal != source)
    known = tuple(one for one in waiting.to_apply[source] if one.journal == source)
    return (yield from _combine(caller, attempt((source,), waiting.ledger, moved, known)))


def _home(caller: Caller, one: UpdateKey, ledger: Ledger) -> Steps[JournalID | None]:
    """Step 11: return the living journal that an update of a dead one is for, or None."""
    if Safeguard.ONE_STEP in caller.safeguards:
        return (yield from _one_step(caller, one))
    home = yield from _all_steps(one)
    return one.journal if home is None and _is_source(one.journal, ledger) else home


def _under_way(caller: Caller, ledger: Ledger) -> set[JournalID | None]:
    """Return the journals that open ledger entries name."""
    named: set[JournalID | None] = {source for _, entry in ledger for source in entry.sources}
    if Safeguard.LEDGER_RESULTS in caller.safeguards:
        named |= {entry.journal for _, entry in ledger}
    return named


def _is_source(journal_id: JournalID, ledger: Ledger) -> bool:
    return any(journal_id in entry.sources for _, entry in ledger)


def _one_step(caller: Caller, one: UpdateKey) -> Steps[JournalID | None]:
    """Follow the index, then look through the living journals, for the row that comes from the update's journal."""
    current = (yield from lookup(caller, one.event_id)).current
    if current is not None and (yield from _holds(caller, current.entry.target, one)):
        return current.entry.target
    for journal_id in (yield from living_journals(caller)):
        if (yield from _holds(caller, journal_id, one)):
            return journal_id
    return None


def _holds(caller: Caller, journal_id: JournalID, one: UpdateKey) -> Steps[bool]:
    """Say whether a journal has the row that an update was written for: it says so, or 0.4.3 wrote it."""
    manifest = yield Get(journal_key(journal_id))
    if manifest is None:
        return False
    of_rows = manifest.came_from or (None,) * len(manifest.rows)
    return any(
        row.event_id == one.event_id and (came_from == one.journal or (caller.beside_043 and row.birth is None))
        for row, came_from in zip(manifest.rows, of_rows, strict=True)
    )


def _all_steps(one: UpdateKey) -> Steps[JournalID | None]:
    """Follow `replaces` as far as manifests can be read (what the first version did)."""
    journal_keys = yield List(("journals",))
    alive = [key.journal for key in without_dead(journal_keys)]
    home = one.journal
    manifests = [key for key in journal_keys if isinstance(key, JournalKey)]
    for _ in range(5):
        if home in alive:
            return home
        following = None
        for key in manifests:
            manifest = yield Get(key)
            if manifest is not None and home in manifest.replaces and not manifest.fence:
                following = key.journal
        if following is None:
            break
        home = following
    return home if home in alive else None


def _combine(caller: Caller, attempt: Attempt) -> Steps[str | GoOn]:
    """Step 9, from the chosen sources on."""
    used = list(attempt.moved)
    manifests: dict[JournalID, Manifest] = {}
    gathered = yield from _gather_all(caller, attempt, manifests, used)
    if gathered is None:
        if attempt.gives_way or isinstance(attempt.start_over(), GoOn):
            return attempt.start_over()
        message = f"{attempt.sources} or their updates have vanished, again and again"
        raise Stuck(message)
    name = f"{caller.name}.{attempt.number}" if attempt.number else caller.name
    made = _journal_to_make(caller, gathered, attempt.sources[0], name)
    entry = Combination(attempt.sources, made, tuple(used))
    ledger_key: Key = ("ledger", name)
    if Safeguard.LEDGER_NAMES not in caller.safeguards:
        ledger_key = ("ledger", max((key[1] for key, _ in attempt.ledger), default=0) + 1)
    entered = yield from _enter(caller, ledger_key, entry)
    if not entered:
        return attempt.start_over()
    manifest = yield from _commit(caller, entry, gathered)
    if manifest is None:
        yield Delete(ledger_key)
        return attempt.start_over()
    yield from finish(caller, ledger_key, entry, manifest, manifests)
    return "ok"


def _commit(caller: Caller, entry: Combination, gathered: list[Gathered]) -> Steps[Manifest | None]:
    """Write the blob and create the manifest; None if a source has vanished, or a fence has the manifest's key."""
    if entry.journal is None:
        return Manifest(())
    if gathered:
        data = yield from _read(gathered)
        if data is None:
            return None
        yield PutOwn(blob_key(entry.journal.blob), data)
    rows, came_from = tuple(one.row for one in gathered), tuple(one.came_from for one in gathered)
    manifest = Manifest(rows, entry.sources, came_from=came_from)
    if (yield Create(journal_key(entry.journal), manifest)):
        return manifest
    there = (yield Get(journal_key(entry.journal))) if Safeguard.OWN_CLAIM in caller.safeguards else FENCE
    return None if there is None or there.fence else manifest


def _read(gathered: list[Gathered]) -> Steps[tuple[str, ...] | None]:
    """Read the rows' data, blobs first, once nobody else can take the sources; None if some have vanished."""
    data: dict[Gathered, str] = {}
    for one in sorted(gathered, key=lambda one: one.row_index is None):
        found = yield Get(one.key)
        if found is None:
            return None
        data[one] = found if one.row_index is None else found[one.row_index]
    return tuple(data[one] for one in gathered)


def _journal_to_make(caller: Caller, gathered: list[Gathered], source: JournalID, name: str) -> JournalID | None:
    """Return the id of the journal to make; of one without rows, with a source's range."""
    if gathered:
        return JournalID(gathered[0].row.date, gathered[-1].row.date, COMBINED, name)
    if Safeguard.EMPTY_MANIFEST in caller.safeguards:
        return JournalID(source.start, source.end, COMBINED, name)
    return None


def _gather_all(
    caller: Caller, attempt: Attempt, manifests: dict[JournalID, Manifest], used: list[UpdateKey]
) -> Steps[list[Gathered] | None]:
    """Return the rows of all sources in order, or None if one has vanished; fill `manifests`, add updates to `used`."""
    for source in attempt.sources:
        manifest = attempt.manifest or (yield Get(journal_key(source)))
        if manifest is None:
            return None
        manifests[source] = manifest
    updates = list(attempt.known or ())
    if attempt.known is None:
        updates = yield from _pending_updates(caller, manifests)
    used += updates
    updates += attempt.moved
    gathered = [one for source, manifest in manifests.items() for one in _applied(caller, source, manifest, updates)]
    if caller.beside_043:
        gathered = yield from _one_of_each(gathered)
    return sorted(gathered, key=lambda one: (one.row.date, one.row.event_id))


def _pending_updates(caller: Caller, manifests: dict[JournalID, Manifest]) -> Steps[list[UpdateKey]]:
    """List the pending updates of the sources, and of the journals that they replace."""
    journals = list(manifests)
    if Safeguard.ONE_STEP in caller.safeguards:
        journals += [replaced for manifest in manifests.values() for replaced in manifest.replaces]
    updates: list[UpdateKey] = []
    for journal_id in journals:
        updates += without_dead((yield List(("updates", journal_id))))
    return updates


def _applied(caller: Caller, source: JournalID, manifest: Manifest, updates: list[UpdateKey]) -> list[Gathered]:
    """Return a source's rows, updates applied."""
    gathered = []
    for index, row in enumerate(manifest.rows):
        came_from = manifest.came_from[index] if manifest.came_from else None
        mine = [
            one
            for one in updates
            if one.event_id == row.event_id
            and (is_delete(one) or one.timestamp > row.updated)
            and (one.journal in (source, came_from) or row.birth is None)
        ]
        applied = newest(caller, mine)
        if applied is not None and is_delete(applied):
            continue
        updated = row.updated if applied is None else applied.timestamp
        following = row._replace(revision=row.revision + 1, updated=updated)
        in_blob = (blob_key(source.blob), index)
        gathered.append(Gathered(following, source, *(in_blob if applied is None else (applied, None))))
    return gathered


def _one_of_each(gathered: list[Gathered]) -> Steps[list[Gathered]]:
    """Beside 0.4.3: of an id's rows keep the one updated last, or else the one that the index names."""
    kept = []
    for event_id in sorted({one.row.event_id for one in gathered}):
        rows = [one for one in gathered if one.row.event_id == event_id]
        if len(rows) > 1:
            entries = yield List(("index", event_id))
            entry = (yield Get(entries[-1])) if entries else None
            target = entry and entry.target
            rows.sort(key=partial(_rank, target))
        kept.append(rows[-1])
    return kept


def _rank(target: JournalID | None, one: Gathered) -> tuple[int, bool, bool, JournalID]:
    """Rank one of several rows of an id, whose index entry names `target`: the highest is kept."""
    source = one.came_from
    return one.row.updated, source == target, source.version != NEW, source


def _enter(caller: Caller, ledger_key: Key, entry: Combination) -> Steps[bool]:
    """Write the ledger entry, then look again: say whether the sources are still ours alone; if not, take it back."""
    yield Put(ledger_key, entry)
    if Safeguard.LEDGER_AGAIN not in caller.safeguards:
        return True
    ledger = yield from read_ledger(((ledger_key, entry),))
    others = tuple(one for one in ledger if one[0] != ledger_key)
    named = {source for _, other in others for source in other.sources} | {other.journal for _, other in others}
    is_free = (ledger_key, entry) in ledger and not named.intersection(entry.sources)
    if is_free and (yield from _are_living(entry.sources)):
        return True
    yield Delete(ledger_key)
    return False


def _are_living(journals: tuple[JournalID, ...]) -> Steps[bool]:
    """Say whether these journals are all there and none has a tombstone: each is listed by itself."""
    are_living = True
    for journal_id in journals:
        are_living &= bool(without_dead((yield List(("journals", journal_id)))))
    return are_living


def recover(caller: Caller) -> Steps[str | GoOn]:
    """Step 12, for every ledger entry that is open; beside 0.4.3, `repair` then."""
    ledger = yield from read_ledger()
    if not ledger and not caller.beside_043:
        return "none"
    for key, entry in ledger:
        if entry.journal is None:
            yield Delete(key)
            continue
        fenced = yield Create(journal_key(entry.journal), FENCE)
        manifest = FENCE if fenced else (yield Get(journal_key(entry.journal)))
        if manifest is not None and not manifest.fence:
            yield from finish(caller, key, entry, manifest, {})
            continue
        if manifest is not None:
            yield Bury(journal_key(entry.journal))
        yield Delete(key)
    return GoOn(_combine_sharers, ()) if caller.beside_043 else "ok"


def _combine_sharers(caller: Caller, attempt: int = 0) -> Steps[str | GoOn]:
    """Combine the living journals that share an id; delete what 0.4.3 journaled after its event had been deleted."""
    ledger = yield from read_ledger()
    if ledger:
        return "busy"
    owners: dict[str, list[JournalID]] = {}
    by_043: list[tuple[str, JournalID]] = []
    for key in without_dead((yield List(("journals",)))):
        manifest = yield Get(key)
        for row in manifest.rows if manifest is not None else ():
            owners.setdefault(row.event_id, []).append(key.journal)
            if row.birth is None and key.journal.version != NEW:
                by_043.append((row.event_id, key.journal))
    for event_id, owner in by_043:
        current = (yield from lookup(caller, event_id)).current
        if current is None and (yield from _was_deleted(event_id)):
            yield Put(update_key(owner, event_id, FAR_FUTURE, "DELETE"), None, caller.name)
    sources = tuple(sorted({owner for sharers in owners.values() if len(sharers) > 1 for owner in sharers}))
    if not sources:
        return "ok"
    return (yield from _combine(caller, Attempt(_combine_sharers, attempt, sources, ledger)))


def _was_deleted(event_id: str) -> Steps[bool]:
    """Say whether the only new journal that has ever been of an event, as far as can be seen, has a DELETE."""
    deleted = {key[1] for key in (yield List(("updates",))) if is_delete(key) and key[2] == event_id}
    puts = []
    for key in (yield List(("journals",))):
        if isinstance(key, JournalKey) and key.journal.version == NEW:
            manifest = yield Get(key)
            if manifest is not None and any(row.event_id == event_id for row in manifest.rows):
                puts.append(key.journal)
    return len(puts) == 1 and puts[0] in deleted
