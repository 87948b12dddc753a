"""Copying a store into another one: objects, with their keys, bytes, metadata, and whether they are garbage.

Which objects, and in which order, `differences` says. Passes are made until one finds nothing to do, since others may
write to the source meanwhile. A marker in the target says that it is a copy of this source that is not finished; it
goes last. The source is only read.

**Clocks.** Objects in the target are dated by its own clock, and are never compared with those of the source. What the
target has is right if the source's object is older, by the source's own clock, than the beginning of the pass that
looked at it last. Otherwise both are read and compared.

**Dates.** Everything in the target is younger than in the source. So what waits until something is old waits longer
there: garbage, drafts, combinations and index entries left behind. Where the age of a manifest tells a deleted event
from a living one of 0.4.3's (PROTOCOL.md, "Beside 0.4.3"), a copied one counts as living.
"""

import logging
import platform
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from functools import partial
from itertools import islice
from threading import BoundedSemaphore
from typing import NamedTuple, TypeVar

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodException
from flashflood.maintain.differences import Differences, Item, Items, differences, outside_folders
from flashflood.maintain.objects import SMALL, VanishedError, completed, is_bare, read
from flashflood.maintain.repair import Repairs, mend
from flashflood.records import unfinished_copy
from flashflood.records.unfinished_copy import UnfinishedCopy
from flashflood.requests import Requests
from flashflood.store import Store, s3_of

T = TypeVar("T")

PASSES = 10
"""After so many passes that all found something, the source counts as being written to."""
LARGE_AT_A_TIME = 4
"""Large objects under way at a time, each of which takes some megabytes of memory."""
KEYS_AT_A_TIME = 1000
"""Keys that are deleted with one request."""
KEYS_IN_MESSAGE = 10
"""How many of the keys that differ an error names."""

logger = logging.getLogger(__name__)


class Copied(NamedTuple):
    """What a call of `copy_to` did."""

    objects: int
    """How many objects were written."""
    size: int
    """Their bytes."""
    already_there: int
    """How many an earlier call had written, which was interrupted."""
    repairs: Repairs
    """What was mended in the target, where the source's index had lost its metadata; see `repair`. `left` is empty: a
    copy does not look at it."""


def copy(source: Context, target: Context, *, verify: bool) -> Copied:
    """Make the target a copy of the source; interrupted, the same call goes on.

    `FlashFloodException` if the target holds anything else than an unfinished copy of this source.
    """
    _refuse_unfit_source(source, target)
    there = unfinished_copy.read(target)
    marker = _begun(source, target) if there is None else _taken_up(source, target, there)
    unfinished_copy.write(target, marker)
    copying = _Copying(source, target, marker, there is None)
    if not copying.marker.is_whole:
        copying.make_passes()
        if verify:
            copying.verify()
    copying.finish()
    return Copied(copying.objects, copying.size, copying.already_there, copying.repairs)


def _refuse_unfit_source(source: Context, target: Context) -> None:
    if _is_same_store(source.store, target.store):
        msg = f"{source.store.name} cannot be copied to itself; name another target"
        raise FlashFloodException(msg)
    if _lies_within(source.store, target.store):
        msg = f"{target.store.name} lies within {source.store.name}, and would be copied itself; name another target"
        raise FlashFloodException(msg)
    marker = unfinished_copy.read(source)
    if marker is not None:
        msg = (
            f"{source.store.name} is itself a copy that was not finished, of {marker.source}: copy that one, or finish"
            " the first copy"
        )
        raise FlashFloodException(msg, key=layout.UNFINISHED_COPY)


def _is_same_store(one: Store, other: Store) -> bool:
    if one is other:
        return True
    return one.address is not None and (one.address, _where(one)) == (other.address, _where(other))


def _lies_within(source: Store, target: Store) -> bool:
    if None in (source.address, target.address) or _where(source) != _where(target):
        return False
    return target.name.startswith(source.name.rstrip("/") + "/")


def _where(store: Store) -> str:
    """Say on which machine, or at which endpoint, a store has its name."""
    on_s3 = s3_of(store)
    return platform.node() if on_s3 is None else str(on_s3.client.meta.endpoint_url)


def _begun(source: Context, target: Context) -> UnfinishedCopy:
    """Begin a copy. `FlashFloodException` if the target is not empty."""
    found = next(_objects(target), None)
    if found is not None:
        msg = f"{target.store.name} is not empty, and no unfinished copy: it has {found}, for one; name another target"
        raise FlashFloodException(msg, key=found)
    return UnfinishedCopy(source.store.name, _where(source.store), _moment(source), str(uuid.uuid4()))


def _taken_up(source: Context, target: Context, there: UnfinishedCopy) -> UnfinishedCopy:
    """Go on with a copy. `FlashFloodException` if it is one of another source."""
    if there.source != source.store.name:
        msg = (
            f"{target.store.name} has a copy of {there.source} that was not finished: go on with that one, or empty the"
            " target (`destroy()`) first"
        )
        raise FlashFloodException(msg, key=layout.UNFINISHED_COPY)
    where = _where(source.store)
    is_surely_the_same = there.where == where and source.store.address is not None
    begun = there.begun if is_surely_the_same else None
    return replace(there, where=where, begun=begun, call=str(uuid.uuid4()))


def _objects(ctx: Context) -> Iterator[str]:
    """Yield the keys that make a store not empty."""
    for folder in layout.FOLDERS:
        yield from (entry.key for entry in islice(ctx.entries(folder), 1))
    yield from (entry.key for entry in outside_folders(ctx))


def _moment(source: Context) -> datetime:
    return source.store.list(layout.LEDGER).date


def _requests(source: Context, target: Context) -> Requests:
    """Give the pool to work on: one that does not ask a client for more connections than it has."""
    on_servers = [ctx.requests for ctx in (source, target) if s3_of(ctx.store) is not None]
    if on_servers:
        return min(on_servers, key=lambda requests: requests.workers)
    return max(source.requests, target.requests, key=lambda requests: requests.workers)


def _to_write(found: Differences) -> int:
    return sum(len(step.to_write) for step in found.steps)


class _Outcome(Enum):
    """What came of an object."""

    WRITTEN = auto()
    SAME = auto()
    """The target has it."""
    GONE = auto()
    """The source has it no more."""
    DELETED = auto()
    """It was deleted in the target."""
    LEFT_OUT = auto()
    """An index entry without its metadata, which says nothing."""


@dataclass
class _Copying:
    """One call, and what it has done so far."""

    source: Context
    target: Context
    marker: UnfinishedCopy
    is_new: bool
    objects: int = 0
    size: int = 0
    already_there: int = 0
    repairs: Repairs = field(default_factory=lambda: Repairs({}, ()))

    def __post_init__(self) -> None:
        self._requests = _requests(self.source, self.target)
        self._lacks_metadata = False
        """Whether an index entry of the source has lost its metadata."""
        self._is_fresh = False
        """Whether the target has nothing yet."""
        self._large = BoundedSemaphore(LARGE_AT_A_TIME)

    def make_passes(self) -> None:
        """Make passes until one finds nothing to do."""
        since = self.marker.begun
        for number in range(PASSES):
            begun = _moment(self.source)
            self._is_fresh = number == 0 and self.is_new
            found = self._differences(since)
            counts = self._make_pass(found)
            if number == 0:
                self.already_there = counts[_Outcome.SAME] + sum(step.left for step in found.steps)
            if not counts.keys() & {_Outcome.WRITTEN, _Outcome.GONE, _Outcome.DELETED}:
                return
            if _Outcome.GONE not in counts:  # else the pass has not looked at all
                since = begun
        msg = (
            f"{self.source.store.name} is being written to: {PASSES} passes each found something to copy. Stop what"
            " writes to it, and make this call again, which goes on"
        )
        raise FlashFloodException(msg)

    def verify(self) -> None:
        """Read everything once more. `FlashFloodException` that names what differs."""
        found = self._differences(None)
        with self.source.meter.step("verifying", "objects", _to_write(found)):
            differing = self._differing(found)
            named = list(islice(differing, KEYS_IN_MESSAGE))
            if named:
                unfinished_copy.write(self.target, replace(self.marker, begun=None))
            more = sum(1 for _ in differing)
        if named:
            msg = (
                f"{len(named) + more} objects of {self.target.store.name} are not as in {self.source.store.name}:"
                f" {', '.join(named)}{', …' if more else ''}. Let nobody write to either, and make this call again: it"
                " compares everything, and copies these anew"
            )
            raise FlashFloodException(msg)

    def _differing(self, found: Differences) -> Iterator[str]:
        """Yield the keys whose objects differ."""
        verify = self.source.meter.counting("objects", self._verify)
        for step in found.steps:
            yield from (item.key for item in step.to_delete)
            for item, is_right in zip(step.to_write, self._stream(verify, step.to_write), strict=True):
                if not is_right:
                    yield item.key

    def _verify(self, item: Item) -> bool:
        with self._room_for(item), suppress(VanishedError):
            return self._is_right(item)
        return False

    def finish(self) -> None:
        """Mend the index where it came without its metadata, and remove the marker."""
        self._hold()
        if self._lacks_metadata:
            self.marker = replace(self.marker, is_whole=True)
            unfinished_copy.write(self.target, self.marker)
        if self.marker.is_whole:
            logger.info("%s: its index came without its metadata, and is mended", self.target.store.name)
            self.repairs = mend(self.target)
        unfinished_copy.remove(self.target)

    def _differences(self, since: datetime | None) -> Differences:
        with self.source.meter.step("listing", "keys"):
            return differences(self.source, self.target, since)

    def _make_pass(self, found: Differences) -> Counter["_Outcome"]:
        """Write and delete what is to be, and count what came of it. It ends early where the source has moved on."""
        counts: Counter[_Outcome] = Counter()
        write = self.source.meter.counting("objects", partial(self._copy, found))
        with self.source.meter.step("copying", "objects", _to_write(found)):
            for step in found.steps:
                if step.to_write:
                    self._hold()
                for item, outcome in zip(step.to_write, self._stream(write, step.to_write), strict=True):
                    counts[outcome] += 1
                    if outcome is _Outcome.WRITTEN:
                        self.objects += 1
                        self.size += item.size
                if _Outcome.GONE in counts:
                    return counts  # what follows may rely on what has gone
        for step in reversed(found.steps):
            if step.to_delete:
                self._hold()
                counts[_Outcome.DELETED] += self._delete(step.to_delete)
        return counts

    def _copy(self, found: Differences, item: Item) -> "_Outcome":
        """Write an object, unless the target has it."""
        with self._room_for(item), suppress(VanishedError):
            if item.is_there and self._is_right(item):
                return _Outcome.SAME
            content = read(self.source, item.key, item.size)
            if content is None:
                return _Outcome.GONE
            if is_bare(item.key, content):
                self._lacks_metadata = True
                return _Outcome.LEFT_OUT
            if not self._is_fresh:
                self._tag_what_died(item.key)
            whole = completed(item.key, content)
            garbage = found.is_garbage(item.key)
            self.target.store.put(item.key, whole.pieces, metadata=whole.metadata, garbage=garbage)
            self.source.meter.add("bytes", item.size)
            return _Outcome.WRITTEN
        return _Outcome.GONE

    def _is_right(self, item: Item) -> bool:
        """Say whether the target has an object as a copy has it."""
        content = read(self.source, item.key, item.size)
        if content is not None and is_bare(item.key, content):
            self._lacks_metadata = True
            return True
        there = read(self.target, item.key, item.size)
        return content is not None and there is not None and completed(item.key, content).is_same(there)

    def _tag_what_died(self, key: str) -> None:
        """Tag what a tombstone is about as garbage, if it was copied before it died; `bury` has the same order."""
        for dead in layout.buried_by(key):
            self.target.store.mark_garbage(dead)

    def _delete(self, items: Items) -> int:
        """Delete objects, and give how many."""
        keys = (item.key for item in items)
        while batch := list(islice(keys, KEYS_AT_A_TIME)):
            self.target.store.delete(batch)
        return len(items)

    def _stream(self, call: Callable[[Item], T], items: Items) -> Iterator[T]:
        """Call with each item, many at a time; results in the items' order."""
        return self._requests.stream(call, items, ahead=2 * self._requests.workers)

    def _room_for(self, item: Item) -> AbstractContextManager[object]:
        """Wait until a large object fits into memory."""
        return nullcontext() if item.size <= SMALL else self._large

    def _hold(self) -> None:
        unfinished_copy.hold(self.target, self.marker)
