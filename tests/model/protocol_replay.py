"""PROTOCOL.md's steps 13 and 14: replay and collect_garbage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps, Stuck
from .store import (
    DEAD,
    NEW,
    Delete,
    Get,
    JournalID,
    JournalKey,
    Key,
    List,
    ListFirstPage,
    Manifest,
    MayCollect,
    blob_key,
    journal_key,
)

MOST_RESTARTS = 3

Place: TypeAlias = tuple[int, str]
"""A place in the order of replay: date and event id."""


class Replayed(NamedTuple):
    """An event as replay yields it."""

    event_id: str
    date: int
    data: str


@dataclass
class _Listing:
    """What a listing has shown so far, and the keys that were there when it began."""

    before: frozenset[Key]
    seen: list[JournalID] = field(default_factory=list)
    dead: set[JournalID] = field(default_factory=set)
    manifests: dict[JournalID, Manifest] = field(default_factory=dict)
    replaced: list[tuple[JournalID, ...]] = field(default_factory=list)
    """What manifests say that they replace, until names beyond it are read: who is met again later has a tombstone."""
    dropped: set[JournalID] = field(default_factory=set)
    """Journals that were read, and are not to go out: others replace them."""

    def open(self, journal: JournalID, manifest: Manifest) -> None:
        """Take a manifest in, unless its journal is known to be replaced; drop the open journals that it replaces."""
        self.manifests[journal] = manifest
        self.replaced = [names for names in self.replaced if max(names) >= journal]
        if any(journal in names for names in self.replaced):
            self.dropped.add(journal)
        elif manifest.replaces:
            self.replaced.append(manifest.replaces)
            self.dropped |= self.manifests.keys() & set(manifest.replaces)


def replay(
    caller: Caller, place: Place = (0, ""), out: tuple[Replayed, ...] = (), restarts: int = 0
) -> Steps[tuple[Replayed, ...] | GoOn]:
    """Step 13: yield the events after `place`, after those in `out`."""
    if restarts > MOST_RESTARTS:
        message = "replay starts again and again"
        raise Stuck(message)
    page, before = yield ListFirstPage(caller.page)
    listing = _Listing(before)
    while True:
        looks_behind = _take_in(listing, page)
        while looks_behind and Safeguard.YOUNG_TOMBSTONE in caller.safeguards:
            looks_behind = yield from _look_behind(caller, listing, _settled(caller, page))
        readable = yield from _read(caller, listing, page)
        if not readable:
            return GoOn(replay, (place, out, restarts + 1))
        ended = len(page) < caller.page
        for due in _due(listing, place, None if ended else page[-1][1].start):
            blob = yield Get(blob_key(due.journal.blob))
            if blob is None:
                return GoOn(replay, (place, out, restarts + 1))
            out = (*out, Replayed(due.place[1], due.place[0], blob[due.row]))
            place = due.place
        if ended:
            return out
        page = yield List(("journals",), page[-1], caller.page)


def _take_in(listing: _Listing, page: tuple[Key, ...]) -> bool:
    """Take in a page; say whether a journal has died since the listing began: what it became may have been passed."""
    died = False
    for key in page:
        if isinstance(key, JournalKey):
            listing.seen.append(key.journal)
        else:
            died |= key not in listing.before
            listing.dead.add(key[1])
    return died


def _settled(caller: Caller, page: tuple[Key, ...]) -> Key | None:
    """Return the last key of a page but for a journal at its end, whose tombstone may be still to come."""
    is_withheld = len(page) == caller.page and isinstance(page[-1], JournalKey)
    settled = page[:-1] if is_withheld else page
    return settled[-1] if settled else None


def _look_behind(caller: Caller, listing: _Listing, position: Key | None) -> Steps[bool]:
    """List once more what has been passed, for journals made since; say whether one of those died unseen."""
    after: Key | None = None
    again = False
    while True:
        page = yield List(("journals",), after, caller.page)
        for key in page:
            is_made_since = journal_key(key[1]) not in listing.before and key[1] not in listing.seen
            if not is_made_since or position is None or key > position:
                continue
            if isinstance(key, JournalKey):
                listing.seen.append(key.journal)
            elif key[1] not in listing.dead:
                again |= after is not None
                listing.dead.add(key[1])
        if position is None or len(page) < caller.page or page[-1] >= position:
            return again
        after = page[-1]


def _read(caller: Caller, listing: _Listing, page: tuple[Key, ...]) -> Steps[bool]:
    """Read the manifests of the living; return False if the store has to be listed again."""
    ended = len(page) < caller.page
    for journal in listing.seen:
        if journal in listing.manifests or journal in listing.dead:
            continue
        if not ended and journal == page[-1][1]:  # its tombstone would be the next page's first key
            continue
        manifest = yield Get(journal_key(journal))
        if manifest is None:
            return False
        listing.open(journal, manifest)
    return True


class _Due(NamedTuple):
    """An event that may go out: its place, its journal, and its row there."""

    place: Place
    journal: JournalID
    row: int


def _due(listing: _Listing, place: Place, passed: int | None) -> list[_Due]:
    """Return, in order, the living journals' events after `place` that the listing has passed (None: it has ended)."""
    due: dict[Place, _Due] = {}
    for journal, manifest in listing.manifests.items():
        if journal in listing.dead or journal in listing.dropped:
            continue
        for number, row in enumerate(manifest.rows):
            here = (row.date, row.event_id)
            if here <= place or (passed is not None and row.date >= passed):
                continue
            rival = due.get(here)
            if rival is None or _rank(rival.journal) <= _rank(journal):
                due[here] = _Due(here, journal, number)
    return [due[here] for here in sorted(due)]


def _rank(journal: JournalID) -> tuple[bool, JournalID]:
    """Say which of two journals with one event is taken: the combined, then the one with the higher id."""
    return journal.version != NEW, journal


def collect_garbage(caller: Caller) -> Steps[str]:
    """Step 14: delete what is dead and what no call that ran at its death can still need."""
    await_writers = Safeguard.GRACE_FOR_WRITERS in caller.safeguards
    for key in (yield List(("journals",))):
        if key[-1] == DEAD and (yield MayCollect(key, await_writers)):
            yield Delete(key[:-1])
            yield Delete(blob_key(key[1].blob))
            yield Delete(key)
    for key in (yield List(("updates",))):
        if key[-1] == DEAD and (yield MayCollect(key, await_writers)):
            yield Delete(key[:-1])
            yield Delete(key)
    return "ok"
