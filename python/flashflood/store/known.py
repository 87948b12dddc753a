"""The members of a store's folders, as they were read last, for as long as a folder's own times prove them right.

A lookup need not read a folder again that nobody has changed. Whoever changes a folder's members sets its `mtime` and
its `ctime`; but Linux before 6.13 sets them to the last tick of a clock that ticks every 1 to 10 ms, so of two changes
within a tick the second one does not show. So what was read is kept only from a *telling* look at the times, after
which every change shows:

- nobody had changed the folder for `QUIET` before the look: whatever comes falls into a later tick;
- or the `mtime` is this process's own *mark*. Still in the lock, a writer sets it to the exact time, which is later
  than at any change before, and which no tick has; and it changes what is known along with the folder.

A reader takes no lock, writes nothing, and relies on nobody else's marks. One change is not seen: that of somebody who
does not take the lock, as all our processes do, while a writer of this process is between its look and its mark, for
some 0.1 ms. So what a writer has changed is read again after `TRUST`.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from math import inf
from threading import RLock
from typing import NamedTuple

from flashflood.store.descriptors import Descriptor
from flashflood.store.folders import opened_folder, refusal
from flashflood.store.names import CONTINUES, unescape

QUIET = 2_000_000_000
"""Nanoseconds: more than any file system's clock takes for a tick."""
TRUST = 60
"""Seconds."""
AT_A_TIME = 1001
"""Members given at a time: a page's, and the one that tells that more follow."""


class Part(NamedTuple):
    """Which members are asked for: those that begin with `beginning`, from `first` on."""

    beginning: str
    first: str

    def of(self, members: list[str]) -> list[str]:
        """Give at most `AT_A_TIME` of the sorted members."""
        start = bisect_left(members, max(self.beginning, self.first))
        return list(takewhile(self._is_asked_for, members[start : start + AT_A_TIME]))

    def _is_asked_for(self, member: str) -> bool:
        return member.startswith(self.beginning)


class _Folder:
    """What is known of one folder since a telling look."""

    def __init__(self, times: tuple[int, int]) -> None:
        self.times = times
        """Its `mtime` and `ctime`."""
        self.members: list[str] | None = None
        """Sorted. None: they were not read yet."""
        self.until = inf
        """When the members are to be read again, by the monotonic clock."""
        self.changes: dict[str, bool] | None = None
        """While they are being read: which of them this process's writers have made (True) or removed meanwhile."""

    def change(self, member: str, *, is_there: bool) -> None:
        """Note a change that a writer has made."""
        if self.changes is not None:
            self.changes[member] = is_there
        if self.until == inf:
            self.until = time.monotonic() + TRUST
        if self.members is not None:
            index = bisect_left(self.members, member)
            was_there = self.members[index : index + 1] == [member]
            if was_there and not is_there:
                del self.members[index]
            elif is_there and not was_there:
                self.members.insert(index, member)

    def learn(self, members: list[str]) -> None:
        """Take what was read. It may have, or not, what writers changed meanwhile."""
        changes, self.changes = self.changes or {}, None
        self.members, self.until = members, inf
        for member, is_there in changes.items():
            self.change(member, is_there=is_there)


class KnownFolders:
    """What one process knows of a store's folders, for all its threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._folders: dict[tuple[int, int], _Folder] = {}
        """By device and inode."""
        # A signal's handler may make a request amid one of its own thread's: so both can be taken twice.
        self._lock = RLock()
        self._turn = RLock()
        """Whose turn it is to read a folder: the others wait for what it finds."""

    def members(self, folder: int, part: Part) -> list[str]:
        """Give some members of an open folder. Those that are folders have a slash after them, so as to sort as keys.

        FlashFloodException: one of those asked for is a link or a device.
        """
        found = self._known(folder, part)
        if found is None:
            with self._turn:
                found = self._known(folder, part)
                if found is None:
                    found = self._read(folder, part)
        return found

    @contextmanager
    def changing(self, root: int, names: Sequence[str], *, is_there: bool) -> Iterator[None]:
        """Change the folder along with what is known of it: the path `names` comes to be there, or goes.

        The caller holds the folder's lock.
        """
        with self._lock, _holder(root, names) as (folder, member):
            before = os.fstat(folder)
            known = self._current(before)
            self._folders.pop(_identity(before), None)
            yield
            times = _mark(folder, before)
            if times is not None:
                if known is None or member is None:
                    known = _Folder(times)
                else:
                    known.change(member, is_there=is_there)
                    known.times = times
                self._folders[_identity(before)] = known

    def _known(self, folder: int, part: Part) -> list[str] | None:
        with self._lock:
            known = self._current(os.fstat(folder))
            if known is None or known.members is None or time.monotonic() >= known.until:
                return None
            return part.of(known.members)

    def _current(self, look: os.stat_result) -> _Folder | None:
        known = self._folders.get(_identity(look))
        return known if known is not None and known.times == _times(look) else None

    def _read(self, folder: int, part: Part) -> list[str]:
        changes: dict[str, bool] = {}
        with self._lock:
            known = self._begun(folder)
            known.changes = changes
        try:
            found = scan(folder)
            found.refuse(part.beginning)
            members = sorted(found.members)
            with self._lock:
                if found.is_whole and known.changes is changes and self._current(os.fstat(folder)) is known:
                    known.learn(members)
                return part.of(members)
        finally:
            known.changes = None

    def _begun(self, folder: int) -> _Folder:
        now = _exact_time()
        look = os.fstat(folder)
        known = self._current(look)
        if known is None:
            known = _Folder(_times(look))
            if now - look.st_ctime_ns > QUIET:
                self._folders[_identity(look)] = known
        return known


class Scan(NamedTuple):
    """What lies in a folder."""

    members: list[str]
    """Files and folders, as components of keys; a slash after those of folders."""
    strange: list[tuple[str, str]]
    """Links and devices: the component, and the name."""
    is_whole: bool
    """Whether nothing of it lies in the folders of cut components, which have times of their own."""

    def refuse(self, beginning: str) -> None:
        """FlashFloodException: a component that begins so is a link or a device."""
        for component, name in self.strange:
            if component.startswith(beginning):
                raise refusal(name)


def scan(folder: int, pieces: tuple[str, ...] = ()) -> Scan:
    """Read an open folder; `pieces` are the names of a cut component down to it."""
    found = Scan([], [], is_whole=True)
    with os.scandir(folder) as items:
        for item in items:
            is_folder = item.is_dir(follow_symlinks=False)
            if is_folder and item.name.startswith(CONTINUES):
                found = _with_pieces(found, folder, (*pieces, item.name))
                continue
            component = unescape((*pieces, item.name))
            if component is None:
                continue
            if is_folder:
                found.members.append(component + "/")
            elif item.is_file(follow_symlinks=False):
                found.members.append(component)
            else:
                found.strange.append((component, item.name))
    return found


def _with_pieces(found: Scan, folder: int, pieces: tuple[str, ...]) -> Scan:
    with opened_folder(folder, pieces[-1:]) as below:
        if below is not None:
            members, strange, _ = scan(below, pieces)
            found.members.extend(members)
            found.strange.extend(strange)
    return found._replace(is_whole=False)


@contextmanager
def _holder(root: int, names: Sequence[str]) -> Iterator[tuple[Descriptor, str | None]]:
    """Open the folder whose members change when the path `names` comes or goes; give the member too.

    That is the folder above the first one that is missing. None: it is a piece of a component, or belongs to no key.
    """
    depth = len(names) - 1
    while True:
        with opened_folder(root, names[:depth]) as folder:
            if folder is not None:
                component = unescape((names[depth],))
                is_folder = component is not None and depth < len(names) - 1
                yield folder, f"{component}/" if is_folder else component
                return
        depth -= 1


def _exact_time() -> int:
    """Tell the system's time, by which folders are dated. Programs under test may have another `time.time_ns`."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def _identity(look: os.stat_result) -> tuple[int, int]:
    return look.st_dev, look.st_ino


def _times(look: os.stat_result) -> tuple[int, int]:
    return look.st_mtime_ns, look.st_ctime_ns


def _mark(folder: int, before: os.stat_result) -> tuple[int, int] | None:
    """Mark a changed folder; give its times. None: it cannot be marked by this user, or keeps no times so exact."""
    exact = max(_exact_time(), before.st_mtime_ns + 1)
    try:
        os.utime(folder, ns=(before.st_atime_ns, exact))
    except OSError:
        return None
    look = os.fstat(folder)
    return _times(look) if look.st_mtime_ns == exact != look.st_ctime_ns else None
