"""FOLLOW.md's steps: a follower, which hands over each event once, by a cursor that is all that it knows of the past.

The bounds of its polls are given: a poll hands over in order what has a date up to its bound. So nothing rests on how
events' dates go with the server's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Steps
from .protocol_replay import Place, rank
from .store import DEAD, NEW, SLACK, Get, JournalID, Key, ListDated, Manifest, blob_key, journal_key, tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator


class Cursor(NamedTuple):
    """All that a follower knows of what it has handed over.

    In order, all up to `place`. Of what arrived with a place at or before it: all that is older than the watermark,
    less the slack, and the journals in `seen`; of `partly`, which is late, so many rows. Journals that begin before
    `begin` have a watermark of their own: near looks do not list them.
    """

    place: Place = (0, "")
    begin: int = 0
    watermark: int = 0
    far_watermark: int = 0
    seen: tuple[JournalID, ...] = ()
    partly: tuple[JournalID | None, int] = (None, 0)


class Handed(NamedTuple):
    """An event that was handed over, and whether as one that is late."""

    event_id: str
    date: int
    data: str
    is_late: bool


class Followed(NamedTuple):
    """What a follower has come to: its cursor, and what it has handed over."""

    cursor: Cursor = Cursor()
    out: tuple[Handed, ...] = ()


class _Listed(NamedTuple):
    """What a look shows: the server's time when it began, and each key with its date.

    A near look lists the keys of journals that begin at `begin` or later, and reads the store as of the last full look:
    of the other keys it has those that this had.
    """

    now: int
    full_at: int
    dates: dict[Key, int]
    begin: int | None = None

    def is_young(self, key: Key) -> bool:
        """Say whether the last full look may have begun before a key could be listed."""
        return key in self.dates and self.dates[key] >= self.full_at - SLACK

    def is_listed(self, key: Key) -> bool:
        """Say whether this look itself has listed a key."""
        return self.begin is None or key[1].start >= self.begin


Memory: TypeAlias = tuple[int, tuple[tuple[Key, int], ...]]
"""What a follower that has not stopped remembers of the last full look: when it began, and each key with its date."""


class Found(NamedTuple):
    """An event that a poll has to hand over: where its data lie, and the cursor once it is handed over."""

    place: Place
    journal: JournalID
    row: int
    is_late: bool
    cursor: Cursor


class Look(NamedTuple):
    """What a poll has to hand over, the cursor once all is handed over, and what it remembers for near looks."""

    found: tuple[Found, ...]
    cursor: Cursor
    memory: Memory | None


def follow(
    caller: Caller,
    bounds: tuple[int, ...],
    stops: bool = False,  # noqa: FBT001, FBT002 (a call's arguments are a tuple)
    so_far: Followed = Followed(),  # noqa: B008 (immutable)
    memory: Memory | None = None,
) -> Steps[Followed | GoOn]:
    """Poll for each of `bounds`, and hand over what each poll finds. A bound below 0 is that of a near look.

    Nothing but the cursor is known from full look to full look. One that `stops` does so after each event, and looks
    again from the cursor that it has then, until there is nothing more up to the bound.
    """
    if not bounds:
        return so_far
    cursor, out = so_far
    seen = yield from look(caller, cursor, bounds[0], memory)
    if seen is None:
        return GoOn(follow, (bounds, stops, so_far))
    for one in seen.found:
        blob = yield Get(blob_key(one.journal.blob))
        if blob is None:
            return GoOn(follow, (bounds, stops, Followed(cursor, out)))
        out = (*out, Handed(one.place[1], one.place[0], blob[one.row], one.is_late))
        cursor = one.cursor
        if stops:
            return GoOn(follow, (bounds, stops, Followed(cursor, out)))
    return GoOn(follow, (bounds[1:], stops, Followed(seen.cursor, out), seen.memory))


def look(caller: Caller, cursor: Cursor, bound: int, memory: Memory | None) -> Steps[Look | None]:
    """Find what a poll has to hand over; None: something has gone that was listed."""
    listed = yield from _list(caller, cursor, memory if bound < 0 else None)
    manifests = yield from _read(caller, listed, cursor, abs(bound))
    if manifests is None:
        return None
    found = (*_late(caller, listed, manifests, cursor), *_in_order(caller, listed, manifests, cursor, abs(bound)))
    last = found[-1].cursor if found else cursor
    if listed.begin is None:
        memory = (listed.now, tuple(sorted(listed.dates.items())))
    return Look(found, _beyond(caller, listed, last, last.place), memory)


def _list(caller: Caller, cursor: Cursor, memory: Memory | None) -> Steps[_Listed]:
    """List all journals, page by page; where something is remembered, those that begin at the cursor's `begin`."""
    after = None if memory is None else journal_key(JournalID(cursor.begin, 0, "", ""))
    now, page = yield from _page(caller, after)
    dates = dict(page)
    while len(page) == caller.page:
        _, page = yield from _page(caller, page[-1][0])
        dates.update(page)
    if memory is None:
        return _Listed(now, now, dates)
    full_at, before = memory
    if Safeguard.REMEMBERED in caller.safeguards:
        dates |= {key: date for key, date in before if key[1].start < cursor.begin}
    return _Listed(now, full_at, dates, cursor.begin)


def _page(caller: Caller, after: Key | None) -> Steps[tuple[int, tuple[tuple[Key, int], ...]]]:
    """List a page. A torn one is of two moments: it shows who died between them, and not who was made."""
    now, page = yield ListDated(after, None if caller.torn else caller.page)
    if not caller.torn:
        return now, page
    before = {key for key, _ in page}
    _, keys = yield ListDated(after, None)
    return now, tuple(one for one in keys if one[0] in before or one[0][-1] == DEAD)[: caller.page]


def _read(caller: Caller, listed: _Listed, cursor: Cursor, bound: int) -> Steps[dict[JournalID, Manifest] | None]:
    """Read the manifests that may have something to hand over, and those of what young ones combined.

    None: one is gone.
    """
    manifests: dict[JournalID, Manifest] = {}
    known = [key for key in sorted(listed.dates) if key[-1] != DEAD]
    due = [key for key in known if key[1].end >= cursor.place[0] and key[1].start <= bound]
    wanted = [key for key in due if not _has_died(caller, listed, key)]
    wanted += [key for key in known if key not in wanted and _may_be_late(caller, listed, cursor, key)]
    while wanted:
        for key in wanted:
            manifest = yield Get(key)
            if manifest is None:
                return None
            manifests[key[1]] = manifest
        revived = _revived(caller, listed, manifests)
        wanted = [key for key in due if key[1] in revived and key[1] not in manifests]
    return manifests


def _revived(caller: Caller, listed: _Listed, manifests: dict[JournalID, Manifest]) -> set[JournalID]:
    """Return what young combinations combined: that counts instead of these, whenever it was buried."""
    if Safeguard.SOURCES_COUNT not in caller.safeguards:
        return set()
    young = [manifest for journal, manifest in manifests.items() if listed.is_young(journal_key(journal))]
    return {name for manifest in young for name in manifest.replaces}


def _has_died(caller: Caller, listed: _Listed, key: Key) -> bool:
    """Say whether a journal was dead when the slack before the pass began.

    Whatever it was combined into had been made by then, so the pass has listed that.
    """
    is_young = Safeguard.AS_OF_THE_SLACK in caller.safeguards and listed.is_young(tombstone(key))
    return tombstone(key) in listed.dates and not is_young


def _may_be_late(caller: Caller, listed: _Listed, cursor: Cursor, key: Key) -> bool:
    """Say whether a journal may have arrived since the watermark, at or before the place."""
    if Safeguard.LATE_ARRIVALS not in caller.safeguards or not listed.is_listed(key):
        return False
    if Safeguard.DEAD_ARRIVALS not in caller.safeguards and tombstone(key) in listed.dates:
        return False
    date, watermark = listed.dates[key], cursor.watermark if key[1].start >= cursor.begin else cursor.far_watermark
    has_come = date >= watermark - SLACK if Safeguard.SLACK in caller.safeguards else date > watermark
    return has_come and key[1] not in cursor.seen and (key[1].start, "") <= cursor.place


def _late(caller: Caller, listed: _Listed, manifests: dict[JournalID, Manifest], cursor: Cursor) -> Iterator[Found]:
    """Yield what arrived at or before the place: journal by journal, so that a cursor can say how far that came.

    The one that has been handed over in part is the first: others may have come meanwhile.
    """
    first = cursor.partly[0] if Safeguard.PARTLY_FIRST in caller.safeguards else None
    for journal, manifest in sorted(manifests.items(), key=lambda one: (one[0] != first, one[0])):
        if not _may_be_late(caller, listed, cursor, journal_key(journal)) or not _is_arrival(caller, journal, manifest):
            continue
        rows = [number for number, row in enumerate(manifest.rows) if (row.date, row.event_id) <= cursor.place]
        done = cursor.partly[1] if cursor.partly[0] == journal else 0
        for count, number in enumerate(rows[done:], start=done + 1):
            is_whole = count == len(rows)
            if is_whole:
                cursor = cursor._replace(seen=tuple(sorted({*cursor.seen, journal})), partly=(None, 0))
            else:
                cursor = cursor._replace(partly=(journal, count))
            row = manifest.rows[number]
            yield Found((row.date, row.event_id), journal, number, is_late=True, cursor=cursor)


def _is_arrival(caller: Caller, journal: JournalID, manifest: Manifest) -> bool:
    """Say whether a journal's events came to the store with it.

    What combines journals names them. What 0.4.3 combined names none, nor births, and is not `new`.
    """
    by_043 = journal.version != NEW and any(row.birth is None for row in manifest.rows)
    return not (manifest.replaces or by_043) or Safeguard.COMBINED_NO_ARRIVAL not in caller.safeguards


def _in_order(
    caller: Caller, listed: _Listed, manifests: dict[JournalID, Manifest], cursor: Cursor, bound: int
) -> Iterator[Found]:
    """Yield, in order, the events after the place: of the journals as they were a slack before the pass, and since.

    A combination that is younger does not count: what it combined does, dead or not. So what is handed over in order
    is what the pass has listed the arrival of. Of two events at one place the one that was born later counts: the other
    was deleted before.
    """
    as_of = Safeguard.AS_OF_THE_SLACK in caller.safeguards
    revived = _revived(caller, listed, manifests)
    counting = {
        journal: manifest
        for journal, manifest in manifests.items()
        if (journal in revived or not _has_died(caller, listed, journal_key(journal)))
        and not (as_of and manifest.replaces and listed.is_young(journal_key(journal)))
    }
    replaced = {name for manifest in counting.values() for name in manifest.replaces}
    due: dict[Place, list[tuple[int, tuple[bool, JournalID], JournalID, int]]] = {}
    for journal in counting.keys() - replaced:
        for number, row in enumerate(counting[journal].rows):
            if cursor.place < (row.date, row.event_id) and row.date <= bound:
                one = (row.birth or 0, rank(journal), journal, number)
                due.setdefault((row.date, row.event_id), []).append(one)
    for place in sorted(due):
        *_, journal, number = max(due[place])
        yield Found(place, journal, number, is_late=False, cursor=_beyond(caller, listed, cursor, place))


def _beyond(caller: Caller, listed: _Listed, before: Cursor, place: Place) -> Cursor:
    """Return the cursor of one who has handed over all late events that a look shows, and those in order up to a place.

    Of the journals that the watermark does not tell for certain it names those that begin by then.
    """
    young = [key for key, date in listed.dates.items() if key[-1] != DEAD and date >= listed.now - SLACK]
    seen = {key[1] for key in young if listed.is_listed(key) and (key[1].start, "") <= place}
    if Safeguard.SEEN_ARRIVALS not in caller.safeguards:
        seen.clear()
    if listed.begin is None:
        return Cursor(place, place[0], listed.now, listed.now, tuple(sorted(seen)))
    if Safeguard.FAR_NAMES in caller.safeguards:
        seen |= {journal for journal in before.seen if journal.start < before.begin}
    return Cursor(place, before.begin, listed.now, before.far_watermark, tuple(sorted(seen)))
