"""What must hold when all processes have ended or crashed: what each call promises, checked in store and results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .linearizable import ORDERED_CALLS, Made, Phase, why_not_linearizable
from .store import DEAD, JournalID, JournalKey, Manifest, Store, is_delete
from .world import LISTING_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .protocol_changes import Told
    from .protocol_follow import Handed
    from .protocol_replay import Replayed
    from .world import Call, Process, World

REPEATED_AFTER_A_CRASH = frozenset(
    {"put", "put_many", "update_event", "delete_event", "journal", "update", "update_some"}
)
LAST_DATE = 99
PUTS = frozenset({"put", "old_put"})
DELETES = frozenset({"delete_event", "old_delete"})
COMBINES = frozenset({"journal", "compact", "update", "update_some", "recover", "old_journal"})
TIDYING: tuple[Call, ...] = (("recover",), ("update",), ("journal",), ("recover",), ("update",), ("update",))


class Broken(NamedTuple):
    """A promise that does not hold, and what shows it."""

    promise: str
    shown_by: str

    def __str__(self) -> str:
        """Show both."""
        return f"{self.promise}: {self.shown_by}"


def broken_promise(world: World, store: Store, processes: tuple[Process, ...]) -> Broken | None:
    """Return the first promise that is broken, if one is.

    Looks at the store as it was left, then makes the calls that crashed once more, then lets journaling, updates and
    recovery come to rest, and looks again.
    """
    made = _calls_made(world, processes)
    ids = sorted({one.call[1] for one in made if one.call[0] in {*ORDERED_CALLS, *PUTS} - {"get"}})
    broken = (
        _stuck(made)
        or (None if world.configuration.beside_043 else _shared_event(store))
        or next(filter(None, (_replay_beside_writers(one, made) for one in made if one.call[0] in LISTING_CALLS)), None)
        or _replay_alone(world, store, made)
        or _followers(world, store, made)
    )
    if broken is not None:
        return broken
    gets = _get_each(world, store, ids, Phase.AS_LEFT)
    unordered = why_not_linearizable([*made, *gets])
    if unordered is not None:
        return Broken("calls are linearizable", unordered)
    repeated = _repeat_crashed(world, store, processes)
    if isinstance(repeated, Broken):
        return repeated
    store, again = repeated
    return _at_rest(world, store, [*made, *gets, *again], ids)


def _at_rest(world: World, store: Store, made: list[Made], ids: list[str]) -> Broken | None:
    """Let all work that was left behind be finished, and look for what is broken then."""
    for turn in range(2):
        for number, call in enumerate(TIDYING):
            store, result = world.alone(store, call, f"X{turn}{call[0][0]}{number}")
            if str(result).startswith("STUCK"):
                return Broken("nothing hangs", f"{call}, alone: {result}")
        if world.configuration.collects:
            store, _ = world.alone(store, ("collect_garbage",), f"X{turn}g")
    broken = _shared_event(store) or (None if world.configuration.collects else _followers(world, store, made))
    if broken is not None:
        return broken
    _, replayed = world.alone(store, ("replay",), "Z")
    if isinstance(replayed, str):
        return Broken("nothing hangs", f"replay, at rest: {replayed}")
    gets = _get_each(world, store, ids, Phase.AT_REST)
    for one in gets:
        shown = [event.data for event in replayed if event.event_id == one.call[1]]
        if shown != ([] if one.result is None else [one.result]):
            return Broken("replay shows what get_event gives, at rest", f"{one.call[1]}: {shown}, {one.result}")
    unordered = why_not_linearizable([*made, *gets])
    return Broken("calls are linearizable, at rest", unordered) if unordered is not None else None


def _calls_made(world: World, processes: tuple[Process, ...]) -> list[Made]:
    """Return all calls with their results (None for those that crashed); a batch as one put for each of its events."""
    made = [
        Made(Phase.BEFORE, -1, number, ("put", *stored[:3]), "ok", None)
        for number, stored in enumerate(world.configuration.stored)
    ]
    for pid, process in enumerate(processes):
        calls = world.configuration.programs[pid]
        for number, (result, ended_before) in enumerate(process.ended):
            made.append(Made(Phase.TOGETHER, pid, number, calls[number], result, ended_before))
        if process.status == "crashed":
            number = process.number
            made.append(Made(Phase.TOGETHER, pid, number, calls[number], None, process.ended_before, crashed=True))
    return [one for batch_or_call in made for one in _as_single_puts(batch_or_call) if one.result != "failed"]


def _as_single_puts(made: Made) -> list[Made]:
    if made.call[0] != "put_many":
        return [made]
    if made.result == "exists":
        return []
    return [made._replace(call=("put", *item)) for item in made.call[1]]


def _get_each(world: World, store: Store, ids: list[str], phase: Phase) -> list[Made]:
    calls = [("get", event_id) for event_id in ids]
    return [Made(phase, -1, 0, call, world.alone(store, call, "Z")[1], None) for call in calls]


def _stuck(made: list[Made]) -> Broken | None:
    for one in made:
        if isinstance(one.result, str) and one.result.startswith("STUCK"):
            return Broken("nothing hangs", f"{one.call}: {one.result}")
    return None


def _repeat_crashed(world: World, store: Store, processes: tuple[Process, ...]) -> tuple[Store, list[Made]] | Broken:
    """Make each call that crashed once more, by a fresh process."""
    again: list[Made] = []
    crashed = [(pid, process.number) for pid, process in enumerate(processes) if process.status == "crashed"]
    for pid, number in crashed:
        call = world.configuration.programs[pid][number]
        if call[0] not in REPEATED_AFTER_A_CRASH:
            continue
        store, result = world.alone(store, call, f"Y{pid}")
        if str(result).startswith("STUCK"):
            return Broken("a call that crashed can be made again", f"{call}: {result}")
        again += _as_single_puts(Made(Phase.REPEATED, -1, pid, call, result, None))
    return store, again


def _shared_event(store: Store) -> Broken | None:
    """One id, one event: no two living journals have a row of one id, pending deletes taken as applied."""
    manifests = {key.journal: value for key, value in store.items() if isinstance(key, JournalKey)}
    dead = {key[1] for key in store if key[0] == "journals" and key[-1] == DEAD}
    dead |= {source for manifest in manifests.values() for source in manifest.replaces}
    deletes = {(key[1], key[2]) for key in store if key[0] == "updates" and is_delete(key)}
    owners: dict[str, list[JournalID]] = {}
    for journal, manifest in manifests.items():
        if journal in dead:
            continue
        ancestors = _two_generations(journal, manifests)
        for row in manifest.rows:
            if not any((ancestor, row.event_id) in deletes for ancestor in ancestors):
                owners.setdefault(row.event_id, []).append(journal)
    for event_id, sharers in owners.items():
        if len(sharers) > 1:
            return Broken("one id, one event", f"{event_id} is in {sharers}")
    return None


def _two_generations(journal: JournalID, manifests: dict[JournalID, Manifest]) -> set[JournalID]:
    """Return a journal, what it replaces, and what these replace, as far as it can be read."""
    parents = {journal, *manifests[journal].replaces}
    return parents.union(*(manifests[parent].replaces for parent in parents if parent in manifests))


def _puts_of(made: Iterable[Made]) -> set[str]:
    return {one.call[1] for one in made if one.call[0] in PUTS}


def _is_deleted(made: Iterable[Made], event_id: str) -> bool:
    return any(one.call[0] in DELETES and one.call[1] == event_id for one in made)


def _replay_alone(world: World, store: Store, made: list[Made]) -> Broken | None:
    """Check that the store as it was left replays every event whose put returned, and none twice."""
    _, replayed = world.alone(store, ("replay",), "Z")
    if isinstance(replayed, str):
        return Broken("nothing hangs", f"replay, alone: {replayed}")
    for event_id in _puts_of(made):
        shown = [event for event in replayed if event.event_id == event_id]
        if _is_deleted(made, event_id):
            continue
        if len(shown) > 1:
            return Broken("replay shows an event once", f"{shown}")
        was_put = any(one.call[0] in PUTS and one.call[1] == event_id and one.result == "ok" for one in made)
        if was_put and not shown:
            return Broken("replay loses nothing", f"{event_id} is not in {replayed}")
    return None


def _replay_beside_writers(one: Made, made: list[Made]) -> Broken | None:
    """Check the same of a replay that ran beside the writers; and it sees the updates applied before it began.

    A listing loses nothing either. It may show an event in a journal and in what that was combined into meanwhile; an
    event stream does so only where that was combined again.
    """
    if one.result is None:
        return None
    may_repeat = one.call[0] == "list_journals" or (one.call[0] == "list_event_streams" and _combinations(made) > 1)
    for event_id in _puts_of(made):
        shown: list[Replayed] = [event for event in one.result if event.event_id == event_id]
        deleted = _is_deleted(made, event_id)
        is_repeated = len(shown) > 1 and (not deleted or len({event.date for event in shown}) < len(shown))
        if is_repeated and not may_repeat:
            return Broken(f"{one.call[0]} beside writers shows an event once", f"{shown}")
        beyond = one.call[1] if one.call[0] == "replay_part" else 0
        put_before = any(
            other.call[0] in PUTS
            and other.call[1] == event_id
            and other.call[3] > beyond
            and other.result == "ok"
            and other.precedes(one)
            for other in made
        )
        if put_before and not deleted and not shown:
            return Broken(f"{one.call[0]} beside writers loses nothing", f"{event_id} is not in {one.result}")
        is_replay = one.call[0] in {"replay", "replay_part"}
        if is_replay and shown and _applied_before(one, made, event_id) not in (None, shown[0].data):
            return Broken("replay shows what update() has applied", f"{event_id} in {one.result}")
    return None


def _followers(world: World, store: Store, made: list[Made]) -> Broken | None:
    """Check all followers, each of which polls once more at the end."""
    check = {"follow": _followed, "follow_changes": _copied}
    followers = [one for one in made if one.call[0] in check and one.result is not None]
    return next(filter(None, (check[one.call[0]](world, store, one, made) for one in followers)), None)


def _followed(world: World, store: Store, one: Made, made: list[Made]) -> Broken | None:
    """Check that a follower has handed over each event that is there once.

    What comes in order does so by place, and what was put before it began is never late.
    """
    _, followed = world.alone(store, ("follow", (LAST_DATE,), False, one.result), "Z")
    _, replayed = world.alone(store, ("replay",), "Z")
    if isinstance(followed, str):
        return Broken("nothing hangs", f"{one.call}, its last poll: {followed}")
    places = [(event.date, event.event_id) for event in followed.out if not event.is_late]
    if places != sorted(places):
        return Broken("follow keeps the order", f"{followed.out}")
    for event_id in sorted(_puts_of(made)):
        broken = _handed_over_once(event_id, followed.out, replayed, made, one)
        if broken is not None:
            return broken
    return None


def _handed_over_once(
    event_id: str, out: tuple[Handed, ...], replayed: tuple[Replayed, ...], made: list[Made], follower: Made
) -> Broken | None:
    """Check that of one id. Where it was deleted, there may be several events; each has data of its own."""
    shown = [event for event in out if event.event_id == event_id]
    deletes = [other for other in made if other.call[:2] in {(name, event_id) for name in DELETES}]
    puts = [other for other in made if other.call[0] in PUTS and other.call[1] == event_id]
    if len({event.data for event in shown} if deletes else shown[:1]) < len(shown):
        return Broken("follow hands over an event once", f"{out}")
    if not deletes and len(shown) < sum(event.event_id == event_id for event in replayed):
        return Broken("follow loses nothing", f"{event_id} is not in {out}")
    stays = [put for put in puts if put.result == "ok" and deletes and all(one.precedes(put) for one in deletes)]
    if any(put.call[2] not in [event.data for event in shown] for put in stays):
        return Broken("follow loses nothing that was put after a delete", f"{event_id} is not in {out}")
    if all(put.precedes(follower) for put in puts) and any(event.is_late for event in shown):
        return Broken("follow calls nothing late that was put before it began", f"{out}")
    return None


def _copied(world: World, store: Store, one: Made, made: list[Made]) -> Broken | None:
    """Check a follower that is told of changes, which goes on at the end, or is started anew from its cursor."""
    ways = (one.result, one.result.stopped())
    return next(filter(None, (_is_copied(world, store, one._replace(result=way), made) for way in ways)), None)


def _is_copied(world: World, store: Store, one: Made, made: list[Made]) -> Broken | None:
    """Check that a copy ends as the store is.

    An event that nobody deletes comes as put once: before its updates, unless it is late.
    """
    _, followed = world.alone(store, ("follow_changes", (LAST_DATE,), False, one.result), "Z")
    if isinstance(followed, str):
        return Broken("nothing hangs", f"{one.call}, its last poll: {followed}")
    places = [(told.date, told.event_id) for told in followed.out if told.kind == "put" and not told.is_late]
    if places != sorted(places):
        return Broken("follow with changes keeps the order", f"{followed.out}")
    copy = _copy_of(followed.out)
    for event_id in sorted(_puts_of(made)):
        data = world.alone(store, ("get", event_id), "Z")[1]
        if copy.get(event_id) != data:
            return Broken("a copy kept by following ends as the store is", f"{event_id}: {data}, by {followed.out}")
        kinds = [told.kind for told in followed.out if told.event_id == event_id]
        puts = [other for other in made if other.call[0] in PUTS and other.call[1] == event_id]
        was_late = any(told.is_late for told in followed.out if told.event_id == event_id)
        is_in_turn = kinds.count("put") == 1 and (was_late or kinds[0] == "put")
        if kinds and not _is_deleted(made, event_id) and not is_in_turn:
            return Broken("follow with changes puts an event once, and first", f"{event_id} in {followed.out}")
        if was_late and all(put.precedes(one) for put in puts):
            return Broken("follow with changes calls nothing late that was put before it began", f"{followed.out}")
    return None


def _copy_of(out: tuple[Told, ...]) -> dict[str, str]:
    """Keep a copy: what is put or updated replaces what is there of its id, and what is deleted goes."""
    copy: dict[str, str] = {}
    for told in out:
        if told.kind == "delete":
            copy.pop(told.event_id, None)
        else:
            copy[told.event_id] = told.data
    return copy


def _combinations(made: list[Made]) -> int:
    return sum(one.call[0] in COMBINES for one in made)


def _applied_before(replay: Made, made: list[Made], event_id: str) -> str | None:
    """Return what the only update of all gave this event, if it was applied before the replay began, otherwise None.

    It was applied if update() began after the update, and returned before the replay, and nobody else was combining
    journals meanwhile: update() leaves to another process what that has under way. (journal() applies only the
    pending updates of the journals that it combines.)
    """
    updates = [one for one in made if one.call[0] in ("update_event", "delete_event")]
    if len(updates) != 1 or updates[0].call[:2] != ("update_event", event_id) or updates[0].result != "ok":
        return None
    combining = [one for one in made if one.call[0] in COMBINES]
    for one in combining:
        in_order = updates[0].precedes(one) and one.precedes(replay)
        alone = all(other is one or other.precedes(one) or one.precedes(other) for other in combining)
        if one.call[0] == "update" and one.result == "ok" and in_order and alone:
            return str(updates[0].call[2])
    return None
