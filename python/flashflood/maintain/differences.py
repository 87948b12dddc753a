"""What a copy has to write and to delete, so that one store becomes what another one is. Only reads.

**The order.** A half-made target shows too few events, and never an event twice or a deleted one. So what others point
at, and what says that others do not count, is written first: blobs before manifests, marks and updates before the index
entries that they make void, tombstones and ledger entries before the journals that they are about, the index last.

The source may be written to meanwhile. So it is listed in the opposite order, before anything is written: what an
object points at, or what had died before it was made, is then listed after it, and is not missed. Where something has
gone before it could be written, such as a ledger entry, what comes after it is left to another pass.

What has gone from the source is deleted last, again in the opposite order: an index entry or a manifest before what it
points at, an object before its tombstone.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, takewhile
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodException
from flashflood.identifiers import TOMBSTONE_SUFFIX
from flashflood.spooled_ids import SpooledIds
from flashflood.store.protocol import Entry

MARGIN = timedelta(hours=1)
"""By how much the clock that dates the source's objects may be off the one that dates its answers."""
AT_A_TIME = 1000
"""Items that go to the file together."""

_LAST = "\U0010ffff"
"""What no character comes after."""


class Step(NamedTuple):
    """Objects that are listed, written and deleted together."""

    folder: str
    """What their keys begin with; empty: whatever lies outside the folders that the events lie in."""
    of_tombstones: bool = False


STEPS = (
    Step(""),
    Step(layout.BLOBS),
    Step(layout.DRAFTS),
    Step(layout.MARKS),
    Step(layout.UPDATES, of_tombstones=True),
    Step(layout.ENCODED_UPDATES, of_tombstones=True),
    Step(layout.UPDATES),
    Step(layout.ENCODED_UPDATES),
    Step(layout.JOURNALS, of_tombstones=True),
    Step(layout.LEDGER),
    Step(layout.JOURNALS),
    Step(layout.INDEX),
)
"""In the order in which they are written."""
_TOMBSTONED = tuple({step.folder for step in STEPS if step.of_tombstones})
"""The folders that have tombstones among their objects."""
_TRUTH = (Step(""), Step(layout.UPDATES), Step(layout.ENCODED_UPDATES), Step(layout.JOURNALS))
"""Steps of objects that are never deleted while they live: nothing could bring them back."""


class Item(NamedTuple):
    """An object of the source that may have to be written."""

    key: str
    size: int
    is_there: bool
    """Whether the target has one under its key, of the same size, so that it is to be looked at first."""


class _Listed(NamedTuple):
    entry: Entry
    is_dead: bool
    """Whether its tombstone was listed."""


class Items:
    """Any number of items, in memory or in a temporary file. Each is a line of JSON: a key may hold line feeds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lines = SpooledIds()
        self._last: list[str] = []

    def add(self, item: Item) -> None:
        """Add an item."""
        self._last.append(json.dumps(item))
        if len(self._last) == AT_A_TIME:
            self._lines.extend(self._last)
            self._last = []

    def __len__(self) -> int:
        """Give their number."""
        return len(self._lines) + len(self._last)

    def __iter__(self) -> Iterator[Item]:
        """Yield them from the first on."""
        return (Item(*json.loads(line)) for line in chain(self._lines, self._last))


@dataclass(slots=True)
class Difference:
    """What is to be done in one step."""

    step: Step
    to_write: Items = field(default_factory=Items)
    to_delete: Items = field(default_factory=Items)
    left: int = 0
    """How many objects the target has as the source has them."""


class Differences(NamedTuple):
    """What is to be done, step by step in the order of writing."""

    steps: list[Difference]
    dead: set[str]
    """The blob_ids of the source's dead journals, and the keys of its dead updates."""

    def is_garbage(self, key: str) -> bool:
        """Say whether an object is to be tagged as garbage (FORMAT.md): it has a tombstone, is one, or is its blob."""
        is_tombstone = key.startswith(_TOMBSTONED) and key.endswith(TOMBSTONE_SUFFIX)
        return is_tombstone or _name_among_dead(key) in self.dead


def differences(source: Context, target: Context, since: datetime | None) -> Differences:
    """List both stores, and say where they differ.

    `since`: of what was last written to the source before then, the target has the right copies, where it has any.
    None: that is known of no object.
    `FlashFloodException` if the target has something that the source has not and that is not known to be dead, or if
    the source has an id that is too long for the target.
    """
    dead: set[str] = set()
    found = [_difference(step, source, target, since, dead) for step in reversed(STEPS)]
    return Differences(found[::-1], dead)


def _difference(step: Step, source: Context, target: Context, since: datetime | None, dead: set[str]) -> Difference:
    found = Difference(step)
    for one, other in _side_by_side(_listed(source, step), _listed(target, step)):
        if one is None:
            if other is not None:
                _refuse_living(step, source, target, other)
                found.to_delete.add(Item(other.entry.key, 0, is_there=True))
            continue
        key, size, modified = one.entry
        _refuse_too_long(step, source, target, key)
        if step.of_tombstones:
            dead.add(_name_among_dead(key.removesuffix(TOMBSTONE_SUFFIX)))
        is_there = other is not None and other.entry.size == size
        if is_there and since is not None and modified < since - MARGIN:
            found.left += 1
        else:
            found.to_write.add(Item(key, size, is_there))
    return found


def _name_among_dead(key: str) -> str:
    return layout.blob_id_of(key) or key


def _side_by_side(
    source: Iterator[_Listed], target: Iterator[_Listed]
) -> Iterator[tuple[_Listed | None, _Listed | None]]:
    """Go through two listings in the order of keys; give what both have under each key."""
    one, other = next(source, None), next(target, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.entry.key < other.entry.key):
            yield one, None
            one = next(source, None)
        elif one is None or other.entry.key < one.entry.key:
            yield None, other
            other = next(target, None)
        else:
            yield one, other
            one, other = next(source, None), next(target, None)


def _listed(ctx: Context, step: Step) -> Iterator[_Listed]:
    """List the objects of a step, in the order of keys."""
    if not step.folder:
        yield from (_Listed(entry, is_dead=False) for entry in outside_folders(ctx))
    elif step.of_tombstones:
        for entry in ctx.entries(step.folder):
            if entry.key.endswith(TOMBSTONE_SUFFIX):
                yield _Listed(entry, is_dead=False)
    elif step.folder in _TOMBSTONED:
        yield from _with_tombstones(ctx.entries(step.folder))
    else:
        yield from (_Listed(entry, is_dead=False) for entry in ctx.entries(step.folder))


def _with_tombstones(entries: Iterable[Entry]) -> Iterator[_Listed]:
    """Give what is no tombstone; a tombstone comes right after what it stands for."""
    before: Entry | None = None
    for entry in entries:
        if before is not None:
            yield _Listed(before, is_dead=entry.key == layout.tombstone_key(before.key))
        before = None if entry.key.endswith(TOMBSTONE_SUFFIX) else entry
    if before is not None:
        yield _Listed(before, is_dead=False)


def outside_folders(ctx: Context) -> Iterator[Entry]:
    """List what lies outside the folders that the events lie in, but for what is about the store itself.

    The folders are not listed: it hops over each.
    """
    after: str | None = None
    for folder in sorted([*layout.FOLDERS, layout.PROBES]):
        yield from _others(_before(folder, ctx.entries("", after)))
        after = folder + _LAST
    yield from _others(ctx.entries("", after))


def _before(key: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    return takewhile(lambda entry: entry.key < key, entries)


def _others(entries: Iterable[Entry]) -> Iterator[Entry]:
    own = (*layout.FOLDERS, layout.PROBES)
    return (entry for entry in entries if not entry.key.startswith(own) and entry.key != layout.UNFINISHED_COPY)


def _refuse_living(step: Step, source: Context, target: Context, other: _Listed) -> None:
    if step in _TRUTH and not other.is_dead:
        msg = (
            f"{target.store.name} has {other.entry.key}, which {source.store.name} has not: it was put there meanwhile,"
            " or it was copied, and the source has collected it since. Nothing is deleted. If you need nothing of it,"
            " empty the target (`destroy()`), and copy again"
        )
        raise FlashFloodException(msg, key=other.entry.key)


def _refuse_too_long(step: Step, source: Context, target: Context, key: str) -> None:
    """`FlashFloodException` for an id that the target's root prefix leaves no room for."""
    parsed = layout.parse_index_key(key) if step.folder == layout.INDEX else None
    if parsed is None or len(target.store.root_prefix) <= len(source.store.root_prefix):
        return
    event_id = parsed[0]
    if layout.may_exist(event_id, source.store.root_prefix) and not layout.may_exist(
        event_id, target.store.root_prefix
    ):
        msg = (
            f"event_id {event_id!r} would make a key in {target.store.name} longer than S3's {layout.LONGEST_KEY}"
            " bytes; copy to a shorter prefix"
        )
        raise FlashFloodException(msg, event_id=event_id, key=key)
