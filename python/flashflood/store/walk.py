"""The keys below a folder, in the order of their UTF-8 bytes."""

import os
from collections.abc import Generator
from datetime import UTC, datetime

from flashflood.store.folders import locate, object_status, opened_folder
from flashflood.store.known import AT_A_TIME, KnownFolders, Part
from flashflood.store.protocol import Entry


def entries(known: KnownFolders, folder: int, base: str, beginning: str, after: str) -> Generator[Entry, None, None]:
    """List what lies below an open folder.

    `base` is the beginning of the folder's keys: empty, or ends in a slash. The rest of a key begins with `beginning`,
    which holds no slash. Only keys greater than `after` come. A folder is read when its turn comes; where a
    file has gone since then, again from there on: what has taken the file's place was there before that.
    FlashFloodException: a link or a device.
    """
    first, gone = _first(base, after), ""
    while True:
        members = known.members(folder, Part(beginning, first))
        for member in members:
            key = base + member
            if member.endswith("/"):
                if key > after or after.startswith(key):
                    with opened_folder(folder, locate(folder, [member[:-1]])) as below:
                        if below is not None:
                            yield from entries(known, below, key, "", after)
            elif key > after:
                entry = _entry(folder, member, key)
                if entry is not None:
                    yield entry
                elif member != gone:
                    first = gone = member
                    break
        else:
            if len(members) < AT_A_TIME:
                return
            first = members[-1] + "\0"


def _first(base: str, after: str) -> str:
    """Give what no member comes before that is, or holds, a key greater than `after`."""
    if not after.startswith(base):
        return ""
    component, slash, _ = after[len(base) :].partition("/")
    return component + slash


def _entry(folder: int, component: str, key: str) -> Entry | None:
    """Look at a file; None: it has gone meanwhile."""
    names = locate(folder, [component])
    with opened_folder(folder, names[:-1]) as holder:
        found = None if holder is None else object_status(holder, names[-1])
    return None if found is None else Entry(key, found.st_size, modified(found))


def modified(found: os.stat_result) -> datetime:
    """Tell when a file was written."""
    return datetime.fromtimestamp(found.st_mtime_ns // 1000 / 1e6, UTC)
