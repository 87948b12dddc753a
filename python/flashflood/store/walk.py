"""The keys below a folder, in the order of their UTF-8 bytes."""

import os
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from flashflood.store.folders import object_status, opened_folder, refusal
from flashflood.store.names import CONTINUES, ESCAPE, OWN_FOLDER, unescape
from flashflood.store.protocol import Entry


class _Member(NamedTuple):
    """A component found in a folder."""

    text: str
    """The component; with a slash after it where it is a folder, so that sorting by it sorts the keys."""
    names: tuple[str, ...]
    """Its path from the folder."""


def entries(folder: int, base: str, beginning: str, after: str) -> Generator[Entry, None, None]:
    """List what lies below an open folder.

    `base` is the beginning of the folder's keys: empty, or ends in a slash. The rest of a key begins with `beginning`,
    which holds no slash. Only keys greater than `after` come. A folder is read when its turn comes.
    FlashFloodException: a link or a device.
    """
    for member in sorted(_members(folder, (), beginning)):
        key = base + member.text
        if member.text.endswith("/"):
            if key > after or after.startswith(key):
                with opened_folder(folder, member.names) as below:
                    if below is not None:
                        yield from entries(below, key, "", after)
        elif key > after:
            entry = _entry(folder, member, key)
            if entry is not None:
                yield entry


def _entry(folder: int, member: _Member, key: str) -> Entry | None:
    """Look at a file; None: it has gone meanwhile."""
    with opened_folder(folder, member.names[:-1]) as holder:
        found = None if holder is None else object_status(holder, member.names[-1])
    return None if found is None else Entry(key, found.st_size, modified(found))


def modified(found: os.stat_result) -> datetime:
    """Tell when a file was written."""
    return datetime.fromtimestamp(found.st_mtime_ns // 1000 / 1e6, UTC)


def _members(folder: int, pieces: tuple[str, ...], beginning: str) -> Iterator[_Member]:
    """Give the components in a folder that begin with `beginning`; `pieces` are the names of a cut one down to it."""
    with os.scandir(folder) as found:
        for item in found:
            if not item.name.startswith((beginning, ESCAPE)) and not pieces:
                continue
            names = (*pieces, item.name)
            is_folder = item.is_dir(follow_symlinks=False)
            if item.name.startswith(CONTINUES) and is_folder:
                with opened_folder(folder, names[-1:]) as inside:
                    if inside is not None:
                        yield from _members(inside, names, beginning)
                continue
            component = unescape(names)
            if component is None or not component.startswith(beginning) or item.name == OWN_FOLDER:
                continue
            if not is_folder and not item.is_file(follow_symlinks=False):
                raise refusal(item.name)
            yield _Member(component + "/" if is_folder else component, names)
