"""The store in a local folder: the keys are files, as `aws s3 sync` would leave them.

`flashflood.store.names` says which path a key has. Beside the keys lies `.flashflood/`, with

- `meta/`: a JSON file for each object that has metadata or tags (see `flashflood.store.metadata`);
- `tmp/`: files that are being written; what killed writers left here goes after a day;
- `lock`: locked (flock) by writers while they rename.

A write is seen at one moment: the rename of the object's file. Its metadata are renamed to their place just before.
Readers take no lock: they open the file, read the metadata, then look whether the file is still the same. A write is on
the disk (fsync) before it returns.

No symbolic link below the folder is followed, not even to a place inside it: one where a key is looked for is an error
that names it. The folder wants a file system that tells upper from lower case and knows flock, as those of Linux do.
"""

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from flashflood.store.folders import (
    in_the_way,
    locate,
    made_folder,
    made_root,
    object_status,
    open_object,
    opened_folder,
    opened_root,
    status,
)
from flashflood.store.known import KnownFolders
from flashflood.store.locking import locked
from flashflood.store.metadata import META, NOTHING, State, encode, identity, read_state
from flashflood.store.names import OWN_FOLDER, split
from flashflood.store.protocol import Body, Found, Page, Unused, closed
from flashflood.store.walk import entries, modified
from flashflood.telemetry import measured

PAGE_SIZE = 1000
"""Keys on a page of a listing, as on S3."""
WORKERS = 8
"""Requests at a time: enough for threads to share an fsync, few enough for one disk."""
ABANDONED = 24 * 60 * 60
"""Seconds after which a temporary file is taken for a killed writer's."""

_TMP = (OWN_FOLDER, "tmp")
_GARBAGE = {"garbage": "true"}


@measured()
class LocalStore:
    """Objects in a folder; see `flashflood.store.protocol.Store` for what each method promises.

    Errors of the operating system (no space, no permission) pass through as `OSError`.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Use `folder`, which the first write makes where it is missing. FlashFloodException: it is a file."""
        self.name = str(Path(folder).absolute())
        self.address = os.path.join(self.name, "")  # noqa: PTH118  the slash at its end says that it is a folder
        self.root_prefix = ""
        self.workers = WORKERS
        self.is_near = False
        self.keys_per_listing = 5
        self._is_closed = False
        self._swept = False
        self._owner_and_known = os.getpid(), KnownFolders()
        with opened_root(self._folder):
            pass

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        """Read an object or a part of it."""
        return self._read(key, start or 0, stop)

    def head(self, key: str, /) -> Found | None:
        """Read an object's metadata."""
        return self._read(key, 0, 0)

    def put(
        self,
        key: str,
        body: Body | Iterable[bytes],
        /,
        *,
        metadata: Mapping[str, str] | None = None,
        garbage: bool = False,
    ) -> None:
        """Write an object, in the place of one that is there."""
        self._write(key, body, State(metadata or {}, _GARBAGE if garbage else {}), only_if_free=False)

    def create(self, key: str, body: Body, /, *, metadata: Mapping[str, str] | None = None) -> bool:
        """Write an object if the key is free; of several threads and processes one succeeds."""
        return self._write(key, body, State(metadata or {}, {}), only_if_free=True)

    def create_unused(self, objects: Sequence[Unused], /) -> list[bool]:
        """Create none: each would take requests of its own."""
        return [False] * len(objects)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects. The folders that held them stay."""
        paths = [split(key) for key in keys]
        with opened_root(self._folder) as root:
            if root is None:
                return
            deleted = [names for names in (locate(root, path) for path in paths) if self._delete(root, names)]
            for names in {names[:-1] for names in deleted}:
                _sync_folder(root, names)

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        """List one page of keys, dated by the local clock. Only the folders that can hold such keys are read."""
        date = datetime.now(UTC)
        *components, beginning = split(prefix)
        base = "".join(component + "/" for component in components)
        found = []
        with ExitStack() as stack:
            root = stack.enter_context(opened_root(self._folder))
            if root is not None:
                folder = stack.enter_context(opened_folder(root, locate(root, components)))
                if folder is not None:
                    listed = stack.enter_context(closing(entries(self._known, folder, base, beginning, after or "")))
                    found = list(islice(listed, PAGE_SIZE + 1))
        return Page(found[:PAGE_SIZE], len(found) > PAGE_SIZE, date)

    def mark_garbage(self, key: str, /) -> bool:
        """Note in an object's metadata file that it is garbage."""
        components = split(key)
        if self.head(key) is None:
            return False
        with made_root(self._folder) as root, locked(root):
            names = locate(root, components)
            found = _status(root, names)
            if found is not None:
                _replace(root, (*META, *names), encode(read_state(root, names, found)._replace(tags=_GARBAGE)))
        return found is not None

    def url(self, key: str, /) -> str:
        """Give the file's `file://` URL. The file need not be there."""
        components = split(key)
        with opened_root(self._folder) as root:
            names = locate(root, components)
        return Path(self._folder, *names).as_uri()

    def flush(self) -> None:
        """Do nothing: each write has been synced."""

    def give_back(self) -> None:
        """Do nothing: a deleted file takes no space."""

    def close(self) -> None:
        """Take no more requests: between two of them nothing is open."""
        self._is_closed = True

    def damage(self) -> Sequence[str]:
        """Find nothing: the file system looks after its files."""
        return []

    @property
    def _folder(self) -> str:
        """The folder's path, which every request begins with."""
        if self._is_closed:
            raise closed(self.name)
        return self.name

    def _read(self, key: str, start: int, stop: int | None) -> Found | None:
        components = split(key)
        while True:
            with ExitStack() as stack:
                root = stack.enter_context(opened_root(self._folder))
                if root is None:
                    return None
                names = locate(root, components)
                folder = stack.enter_context(opened_folder(root, names[:-1]))
                descriptor = None if folder is None else open_object(folder, names[-1])
                if folder is None or descriptor is None:
                    return None
                file = stack.enter_context(open(stack.enter_context(descriptor), "rb", closefd=False))
                found = os.fstat(descriptor)
                state = read_state(root, names, found)
                now = status(folder, names[-1])
                if now is not None and identity(now) == identity(found):
                    file.seek(start)
                    body = file.read(-1 if stop is None else max(0, stop - start))
                    return Found(body, state.metadata, modified(found))

    def _write(self, key: str, body: Body | Iterable[bytes], state: State, *, only_if_free: bool) -> bool:
        components = split(key)
        with ExitStack() as stack:
            root = stack.enter_context(made_root(self._folder))
            self._sweep(root)
            names = locate(root, components)
            if only_if_free and _status(root, names) is not None:
                return False
            written = stack.enter_context(_temporary(root, body))
            state_written = stack.enter_context(_temporary(root, encode(state))) if state != NOTHING else None
            with locked(root):
                over = _status(root, names)
                if over is not None and only_if_free:
                    return False
                _stamp(written, over)
                if over is not None:
                    before = read_state(root, names, over)
                    if state != NOTHING or before != NOTHING:
                        _replace(root, (*META, *names), encode(state, before, over))
                elif state_written is not None:
                    _rename(root, state_written, (*META, *names))
                else:
                    _unlink(root, (*META, *names))
                with self._known.changing(root, names, is_there=True):
                    _rename(root, written, names)
            _sync_folder(root, (*META, *names[:-1]))
            _sync_folder(root, names[:-1])
        return True

    def _delete(self, root: int, names: Sequence[str]) -> bool:
        """Delete an object, then its metadata. False: it was not there."""
        if _status(root, names) is None:
            return False
        with locked(root):
            there = _status(root, names) is not None
            if there:
                with self._known.changing(root, names, is_there=False):
                    _unlink(root, names)
                _unlink(root, (*META, *names))
        return there

    @property
    def _known(self) -> KnownFolders:
        """Give what is known to this process: a forked child may find its parent's locked, by no thread of its own."""
        owner, known = self._owner_and_known
        if owner != os.getpid():
            known = KnownFolders()
            self._owner_and_known = os.getpid(), known
        return known

    def _sweep(self, root: int) -> None:
        """Remove the temporary files of writers that were killed; once for each store."""
        if self._swept:
            return
        self._swept = True
        limit = time.time() - ABANDONED
        with made_folder(root, _TMP) as folder:
            with os.scandir(folder) as left:
                names = [item.name for item in left]
            for name in names:
                found = status(folder, name)
                if found is not None and found.st_mtime < limit:
                    _unlink(root, (*_TMP, name))


@contextmanager
def _temporary(root: int, body: Body | Iterable[bytes]) -> Iterator[BinaryIO]:
    """Write a temporary file, to the disk, and give it open, named as in its folder. It goes unless it was renamed."""
    name = uuid.uuid4().hex
    with (
        made_folder(root, _TMP) as folder,
        # The opener is C, as `Descriptor` needs it too: no interrupt finds the file open and nobody's.
        open(name, "xb", opener=partial(os.open, mode=0o666, dir_fd=folder)) as file,
    ):
        try:
            file.writelines([body] if isinstance(body, Body) else body)
            file.flush()
            os.fsync(file.fileno())
            yield file
        finally:
            # By a descriptor of its own: after an interrupt this may come late, when `root` is closed.
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _stamp(file: BinaryIO, over: os.stat_result | None) -> None:
    """Set the time at which the object appears, different from that of the one it is written over."""
    now = time.time_ns()
    if over is not None and over.st_mtime_ns == now:
        now += 1
    os.utime(file.fileno(), ns=(now, now))


def _status(root: int, names: Sequence[str]) -> os.stat_result | None:
    with opened_folder(root, names[:-1]) as folder:
        return None if folder is None else object_status(folder, names[-1])


def _rename(root: int, temporary: BinaryIO, names: Sequence[str]) -> None:
    with made_folder(root, _TMP) as tmp, made_folder(root, names[:-1]) as folder:
        try:
            os.rename(temporary.name, names[-1], src_dir_fd=tmp, dst_dir_fd=folder)
        except IsADirectoryError:
            raise in_the_way("/".join(names)) from None


def _replace(root: int, names: Sequence[str], content: bytes) -> None:
    with _temporary(root, content) as written:
        _rename(root, written, names)


def _unlink(root: int, names: Sequence[str]) -> None:
    with opened_folder(root, names[:-1]) as folder:
        if folder is not None:
            with suppress(FileNotFoundError):
                os.unlink(names[-1], dir_fd=folder)


def _sync_folder(root: int, names: Sequence[str]) -> None:
    with opened_folder(root, names) as folder:
        if folder is not None:
            os.fsync(folder)
