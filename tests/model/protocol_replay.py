"""PROTOCOL.md's steps 13 and 14: replay, list_journals, list_event_streams, and collect_garbage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps, Stuck
from .store import (
    DEAD,
    NEW,
    Delete,
    DeleteEach,
    Get,
    JournalID,
    JournalKey,
    Key,
    List,
    Manifest,
    MayCollect,
    Put,
    blob_key,
    draft_key,
    journal_key,
    mark_key,
    tombstone,
)

MOST_RESTARTS = 3
_LAST_ID = "\U0010ffff"
"""What comes after the ids of all events of a date."""

Place: TypeAlias = tuple[int, str]
"""A place in the order of replay: date and event id."""


class Replayed(NamedTuple):
    """An event as replay yields it."""

    event_id: str
    date: int
    data: str


class _Part(NamedTuple):
    """The events after a date, and what a plan says of them; of itself, all events, without a plan."""

    beyond: int = 0
    """The date before the first one."""
    until: int | None = None
    """The last one; None: none is."""
    begin: Key | None = None
    """The key that the first pass begins after; another one begins at the first key."""


@dataclass
class _Pass:
    """What one pass over the journals has shown so far."""

    after: Key | None = None
    """The last key that was listed; at first what a plan says: what lies before was listed when it was made."""
    beyond: int = 0
    """The date before the first one that is wanted: journals that end by then do not count."""
    withheld: tuple[Key, ...] = ()
    """A journal at the end of a page: the next page may begin with its tombstone."""
    ended: bool = False
    shown: set[JournalID] = field(default_factory=set)
    """The journals met so far, living or dead."""
    unresolved: list[JournalID] = field(default_factory=list)
    """Journals that were dead when they were met: what they were combined into may lie among the keys listed."""
    ahead: dict[Key, tuple[Key, ...]] = field(default_factory=dict)
    """Pages that were listed before their turn, by the key that they begin after."""

    def __post_init__(self) -> None:
        """Keep where it began."""
        self.begin = self.after

    @property
    def reached(self) -> int | None:
        """The date before which every journal's beginning has been listed; None: all have been."""
        return None if self.ended or self.after is None else self.after[1].start


@dataclass
class _Merge:
    """The journals that replay has opened."""

    manifests: dict[JournalID, Manifest] = field(default_factory=dict)
    replaced: list[tuple[JournalID, ...]] = field(default_factory=list)
    """What manifests say that they replace, until journals beyond these names are opened."""
    dropped: set[JournalID] = field(default_factory=set)
    """Journals that were opened, and are not to go out: others replace them."""

    def open(self, journal: JournalID, manifest: Manifest) -> None:
        """Take a manifest in, unless its journal is known to be replaced; drop the open journals that it replaces."""
        self.manifests[journal] = manifest
        self.replaced = [names for names in self.replaced if max(names) >= journal]
        if self.replaces(journal):
            self.dropped.add(journal)
        elif manifest.replaces:
            self.replaced.append(manifest.replaces)
            self.dropped |= self.manifests.keys() & set(manifest.replaces)

    def replaces(self, journal: JournalID) -> bool:
        """Say whether an open journal replaces this one."""
        return any(journal in names for names in self.replaced)


def replay_part(caller: Caller, beyond: int) -> Steps[tuple[Replayed, ...] | GoOn]:
    """Step 13, of a part: plan where the listing begins; then, at any later time, yield the events after a date."""
    planned = _Pass(beyond=beyond)
    living: list[JournalID] = []
    while not planned.ended:
        living += yield from _next_page(caller, planned)
    counted = planned.shown if Safeguard.DEAD_IN_BOUNDS in caller.safeguards else living
    if not counted:
        return ()
    beyond = max(beyond, min(one.start for one in counted) - 1)
    begin, until = _cut(min(one.start for one in planned.shown)), max(one.end for one in counted)
    return GoOn(replay, ((beyond, _LAST_ID), (), 0, _Part(beyond, until, begin)))


def replay(
    caller: Caller,
    place: Place = (0, ""),
    out: tuple[Replayed, ...] = (),
    restarts: int = 0,
    part: _Part = _Part(),  # noqa: B008 (immutable)
) -> Steps[tuple[Replayed, ...] | GoOn]:
    """Step 13: yield the events of a part after `place`, after those in `out`."""
    if restarts > MOST_RESTARTS:
        message = "replay starts again and again"
        raise Stuck(message)
    listing, merge = _Pass(part.begin, part.beyond), _Merge()
    pages = looked_behind_at = 0
    while not listing.ended:
        found = yield from _next_page(caller, listing)
        pages += 1
        is_whole = yield from _open(listing, merge, found)
        _resolve(listing, merge)
        blocked_at = _blocked_at(listing)
        if is_whole and blocked_at is not None:
            goes_on = pages < 2 * looked_behind_at or not _some_wait(merge, place, blocked_at)
            if goes_on and not listing.ended:
                continue
            looked_behind_at = pages
            found = yield from _look_behind(caller, listing)
            is_whole = yield from _open(listing, merge, found)
        if not is_whole:
            return GoOn(replay, (place, out, restarts + 1, part._replace(begin=None)))
        for due in _due(merge, place, listing.reached):
            blob = yield Get(blob_key(due.journal.blob))
            if blob is None:
                return GoOn(replay, (place, out, restarts + 1, part._replace(begin=None)))
            out = (*out, Replayed(due.place[1], due.place[0], blob[due.row]))
            place = due.place
    return tuple(one for one in out if part.until is None or one.date <= part.until)


def list_journals(caller: Caller) -> Steps[tuple[Replayed, ...]]:
    """Step 13 without an order: return the rows that a caller finds who then reads each journal listed."""
    rows: list[Replayed] = []
    for journal in (yield from living_journals(caller)):
        manifest = yield Get(journal_key(journal))
        rows += [Replayed(row.event_id, row.date, "") for row in (manifest.rows if manifest is not None else ())]
    return tuple(rows)


def living_journals(caller: Caller) -> Steps[list[JournalID]]:
    """List the living journals; last, those that were made meanwhile among the keys passed."""
    replaced = yield from committed()
    listing = _Pass()
    journals: list[JournalID] = []
    while not listing.ended:
        journals += yield from _next_page(caller, listing)
    if listing.unresolved:
        journals += yield from _look_behind(caller, listing)
    return [journal for journal in journals if journal not in replaced]


def list_event_streams(caller: Caller) -> Steps[tuple[Replayed, ...]]:
    """Step 13 without an order: return the rows of the streams.

    A stream leaves out the rows that came from a journal whose stream has been given.
    """
    replaced = yield from committed()
    listing = _Pass()
    given: set[JournalID] = set()
    rows: list[Replayed] = []
    while not listing.ended or listing.unresolved:
        is_over = listing.ended
        found = yield from (_look_behind if is_over else _next_page)(caller, listing)
        for journal in found:
            if journal in replaced:
                continue
            manifest = yield Get(journal_key(journal))
            if manifest is None:
                listing.unresolved.append(journal)
                continue
            given.add(journal)
            replaced |= set(manifest.replaces)
            of_rows = manifest.came_from or (None,) * len(manifest.rows)
            rows += [
                Replayed(row.event_id, row.date, "")
                for row, came_from in zip(manifest.rows, of_rows, strict=True)
                if came_from not in given
            ]
    return tuple(rows)


def _next_page(caller: Caller, listing: _Pass, until: Key | None = None) -> Steps[list[JournalID]]:
    """List a page; return the journals that live there, up to the key `until`, in key order."""
    replaced: set[JournalID] = set()
    if Safeguard.LEDGER_AT_START not in caller.safeguards:
        replaced = yield from committed()
    page, has_more = yield from _page_in_turn(caller, listing)
    listing.after = page[-1] if page else listing.after
    listing.ended = not has_more or (until is not None and page[-1] >= until)
    keys = (*listing.withheld, *page)
    listing.withheld = keys[-1:] if has_more and isinstance(keys[-1], JournalKey) else ()
    settled = keys[: len(keys) - len(listing.withheld)]
    living, dead = _take(listing, [key for key in settled if until is None or key <= until])
    listing.unresolved += dead
    return [journal for journal in living if journal not in replaced]


def _page_in_turn(caller: Caller, listing: _Pass) -> Steps[tuple[tuple[Key, ...], bool]]:
    """Return the page whose turn it is, and whether more follows; list others before it, the last one first."""
    for cut in [_cut(date) for date in caller.ahead]:
        if cut not in listing.ahead and (listing.after is None or listing.after < cut):
            listing.ahead[cut] = yield from _page(caller, cut)
    for cut, page in listing.ahead.items():
        is_full = len(page) == caller.page
        if listing.after is not None and cut <= listing.after and (not is_full or page[-1] > listing.after):
            return tuple(key for key in page if key > listing.after), is_full
    page = yield from _page(caller, listing.after)
    return page, len(page) == caller.page


def _cut(date: int) -> Key:
    """Return what comes right before the keys of all journals that begin on a date or later."""
    return journal_key(JournalID(date, 0, "", ""))


def _page(caller: Caller, after: Key | None) -> Steps[tuple[Key, ...]]:
    """List a page of journals. A torn one is of two moments: it shows who died between them, and not who was made."""
    if not caller.torn:
        page: tuple[Key, ...] = yield List(("journals",), after, caller.page)
        return page
    before = yield List(("journals",), after)
    keys = yield List(("journals",), after)
    return tuple(key for key in keys if key in before or key[-1] == DEAD)[: caller.page]


def _take(listing: _Pass, keys: list[Key]) -> tuple[list[JournalID], list[JournalID]]:
    """Return the living and the dead journals among these keys that were not met before."""
    keys = [key for key in keys if not listing.beyond or key[1].end > listing.beyond]
    dead = {key[1] for key in keys if key[-1] == DEAD} - listing.shown
    living = {key[1] for key in keys} - listing.shown - dead
    listing.shown |= dead | living
    return sorted(living), sorted(dead)


def _look_behind(caller: Caller, listing: _Pass) -> Steps[list[JournalID]]:
    """List again what has been passed; return the journals made since, in key order.

    What was listed before its turn is forgotten: it may show journals as they were before those that are made since.
    It begins at the first key, also where a plan has said where to begin: there may lie what was made since the plan.
    What the dead journals were combined into is there. If that has died too, it is as good: its manifest and blob stay
    for the grace time. A `new` journal that has died was put since this pass began: it is left out.
    """
    listing.unresolved.clear()
    if Safeguard.LOOK_BEHIND not in caller.safeguards:
        return []
    if Safeguard.LISTED_ANEW in caller.safeguards:
        listing.ahead.clear()
    begin = None if Safeguard.BEHIND_THE_PLAN in caller.safeguards else listing.begin
    behind = _Pass(begin, listing.beyond, shown=listing.shown)
    found: list[JournalID] = []
    while not behind.ended:
        found += yield from _next_page(caller, behind, None if listing.ended else listing.after)
    return sorted([*found, *(dead for dead in behind.unresolved if dead.version != NEW)])


def committed() -> Steps[set[JournalID]]:
    """Return the journals that committed combinations have replaced, as far as the ledger tells."""
    replaced: set[JournalID] = set()
    for key in (yield List(("ledger",))):
        entry = yield Get(key)
        manifest = None if entry is None else (yield Get(journal_key(entry.journal)))
        if manifest is not None:
            replaced |= set(manifest.replaces)
    return replaced


def _open(listing: _Pass, merge: _Merge, journals: list[JournalID]) -> Steps[bool]:
    """Read the manifests of these journals, in key order; return False if one is gone."""
    for journal in journals:
        manifest = yield Get(journal_key(journal))
        if manifest is None:
            return False
        _resolve(listing, merge, journal)
        merge.open(journal, manifest)
    return True


def _resolve(listing: _Pass, merge: _Merge, before: JournalID | None = None) -> None:
    """Forget the dead journals (up to `before`) that an open journal replaces."""
    listing.unresolved = [
        dead for dead in listing.unresolved if (before is not None and dead > before) or not merge.replaces(dead)
    ]


def _blocked_at(listing: _Pass) -> int | None:
    """Return the first date whose events may be due of a dead journal, while what that was combined into is not known.

    None: there is none.
    """
    starts = [dead.start for dead in listing.unresolved if listing.reached is None or dead.start < listing.reached]
    return min(starts, default=None)


def _some_wait(merge: _Merge, place: Place, blocked_at: int) -> bool:
    """Say whether an open journal has events after `place` that wait for a look behind."""
    living = (manifest for journal, manifest in merge.manifests.items() if journal not in merge.dropped)
    rows = (row for manifest in living for row in manifest.rows if (row.date, row.event_id) > place)
    return any(row.date >= blocked_at for row in rows)


class _Due(NamedTuple):
    """An event that may go out: its place, its journal, and its row there."""

    place: Place
    journal: JournalID
    row: int


def _due(merge: _Merge, place: Place, passed: int | None) -> list[_Due]:
    """Return, in order, the living journals' events after `place` that the listing has passed (None: it has ended)."""
    due: dict[Place, _Due] = {}
    for journal, manifest in merge.manifests.items():
        if journal in merge.dropped:
            continue
        for number, row in enumerate(manifest.rows):
            here = (row.date, row.event_id)
            if here <= place or (passed is not None and row.date >= passed):
                continue
            rival = due.get(here)
            if rival is None or rank(rival.journal) <= rank(journal):
                due[here] = _Due(here, journal, number)
    return [due[here] for here in sorted(due)]


def rank(journal: JournalID) -> tuple[bool, JournalID]:
    """Say which of two journals with one event is taken: the combined, then the one with the higher id."""
    return journal.version != NEW, journal


def collect_garbage(caller: Caller) -> Steps[str]:
    """Step 14: delete what is dead and what no call that ran at its death can still need.

    The manifest goes once blob and draft are known to be gone, and the tombstone once the manifest is.
    """
    await_writers = Safeguard.GRACE_FOR_WRITERS in caller.safeguards
    for key in (yield List(("journals",))):
        if key[-1] == DEAD and (yield MayCollect(key, await_writers)):
            yield from _remove_claims(caller, key[1])
            data_are_gone = yield DeleteEach((draft_key(key[1]), blob_key(key[1].blob)))
            if not (data_are_gone and (yield from _delete_with_tombstone(caller, key[:-1]))):
                return "failed"
    for key in (yield List(("updates",))):
        is_due = key[-1] == DEAD and (yield MayCollect(key, await_writers))
        if is_due and not (yield from _delete_with_tombstone(caller, key[:-1])):
            return "failed"
    return "ok"


def _delete_with_tombstone(caller: Caller, key: Key) -> Steps[bool]:
    """Delete a dead object, then its tombstone; say whether both are gone."""
    if Safeguard.TOMBSTONE_LAST not in caller.safeguards:
        return bool((yield DeleteEach((key, tombstone(key)))))
    return bool((yield DeleteEach((key,))) and (yield DeleteEach((tombstone(key),))))


def _remove_claims(caller: Caller, journal: JournalID) -> Steps[None]:
    """Delete the claims of a batch that was fenced; where one is the id's highest entry, a mark keeps its revision."""
    draft = yield Get(draft_key(journal))
    manifest = yield Get(journal_key(journal))
    if draft is None or manifest is None or not manifest.fence:
        return
    for event_id, _ in draft:
        keys = yield List(("index", event_id))
        for key in keys:
            entry = yield Get(key)
            if entry is not None and entry.target == journal:
                if key == keys[-1] and Safeguard.MARKED_CLAIMS in caller.safeguards:
                    yield Put(mark_key(event_id, key.revision), "")
                yield Delete(key)
