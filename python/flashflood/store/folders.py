"""Folders and files below a root folder, opened one component at a time, never through a symbolic link.

Folders are held as file descriptors, so what was checked is what is used, whatever another process renames meanwhile.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from flashflood.exceptions import FlashFloodException
from flashflood.store.descriptors import Descriptor, opened
from flashflood.store.names import escape, may_lie_uncut

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _ROOT | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_root(path: str) -> Iterator[Descriptor | None]:
    """Open the root folder, which may be a symbolic link itself.

    None: it is missing. FlashFloodException: it is a file.
    """
    try:
        root = opened(partial(os.open, path), _ROOT)
    except FileNotFoundError:
        yield None
        return
    except NotADirectoryError as error:
        raise _not_a_folder(path) from error
    with root:
        yield root


@contextmanager
def made_root(path: str) -> Iterator[Descriptor]:
    """Open the root folder, made where it is missing. FlashFloodException: it is a file."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        root = opened(partial(os.open, path), _ROOT)
    except (FileExistsError, NotADirectoryError) as error:
        raise _not_a_folder(path) from error
    with root:
        yield root


@contextmanager
def opened_folder(root: int, names: Sequence[str]) -> Iterator[Descriptor | None]:
    """Open a folder by the names of the folders down to it. None: one is missing, or is a file."""
    folder = opened(os.dup, root)
    try:
        for name in names:
            below = _open_below(folder, name)
            if below is None:
                yield None
                return
            folder.close()
            folder = below
        yield folder
    finally:
        folder.close()


@contextmanager
def made_folder(root: int, names: Sequence[str]) -> Iterator[Descriptor]:
    """Open a folder by the names of the folders down to it, made where they are missing.

    FlashFloodException: one is a file.
    """
    folder = opened(os.dup, root)
    try:
        for name in names:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=folder)
                os.fsync(folder)
            below = _open_below(folder, name)
            if below is None:
                raise in_the_way(name)
            folder.close()
            folder = below
        yield folder
    finally:
        folder.close()


def locate(root: int | None, components: Sequence[str]) -> tuple[str, ...]:
    """Give the names of a key's path: each component escaped, but a long one uncut where it lies there uncut."""
    names: tuple[str, ...] = ()
    for component in components:
        if root is not None and may_lie_uncut(component):
            with opened_folder(root, names) as folder:
                if folder is not None and status(folder, component) is not None:
                    names = (*names, component)
                    continue
        names = (*names, *escape(component))
    return names


def status(folder: int, name: str) -> os.stat_result | None:
    """Give a member's status, a link's own. None: there is none."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def object_status(folder: int, name: str) -> os.stat_result | None:
    """Give a file's status. None: it is missing, or is a folder. FlashFloodException: a link or a device."""
    found = status(folder, name)
    if found is None or stat.S_ISDIR(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        raise refusal(name)
    return found


def open_object(folder: int, name: str) -> Descriptor | None:
    """Open a file for reading. None: it is missing, or is a folder. FlashFloodException: a link or a device."""
    if object_status(folder, name) is None:
        return None
    try:
        return opened(partial(os.open, name, dir_fd=folder), _FILE)
    except FileNotFoundError:
        return None


def refusal(name: str) -> FlashFloodException:
    """Say that something is neither a file nor a folder."""
    message = (
        f"{name!r} is a symbolic link or a device: a local store follows none. Put the file or folder itself there."
    )
    return FlashFloodException(message)


def in_the_way(name: str) -> FlashFloodException:
    """Say that a file is where a folder must be, or the other way round."""
    message = (
        f"{name!r} is in the way: a local store cannot hold both a key and keys that go on after it with a slash. "
        f"Use another id, or move it away."
    )
    return FlashFloodException(message)


def _open_below(above: int, name: str) -> Descriptor | None:
    """Open a folder in another one. None: it is missing, or is a file. FlashFloodException: a link or a device."""
    try:
        return opened(partial(os.open, name, dir_fd=above), _FOLDER)
    except FileNotFoundError:
        return None
    except OSError:
        found = status(above, name)
        if found is not None and stat.S_ISREG(found.st_mode):
            return None
        if found is not None and not stat.S_ISDIR(found.st_mode):
            raise refusal(name) from None
        raise


def _not_a_folder(path: str) -> FlashFloodException:
    message = f"{path} is a file, or lies below one: a local store is a folder. Name another one."
    return FlashFloodException(message)
