"""Ids as a result: any number of them, in memory or in a temporary file."""

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from threading import Lock

from flashflood.several import several

LARGEST_IN_MEMORY = 1_000_000
"""From so many bytes on, the ids lie in a temporary file."""


class SpooledIds(Collection[str]):
    """Ids in the order in which they were found. Where they would take much memory, they lie in a temporary file.

    The file is removed with the object. To look for one id, `in` reads them all.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._count = 0
        self._size = 0
        self._lock = Lock()
        self._file = SpooledTemporaryFile(LARGEST_IN_MEMORY)  # noqa: SIM115  closed with the object
        weakref.finalize(self, self._file.close)

    def extend(self, ids: Iterable[str]) -> None:
        """Add ids, which hold no control characters: each is a line of the file."""
        with self._lock:
            self._file.seek(self._size)
            for event_id in several(ids, "ids"):
                self._size += self._file.write(f"{event_id}\n".encode())
                self._count += 1

    def __len__(self) -> int:
        """Give their number."""
        return self._count

    def __iter__(self) -> Iterator[str]:
        """Yield them from the first on."""
        offset = 0
        while offset < self._size:
            with self._lock:
                self._file.seek(offset)
                lines = self._file.readlines(65_536)
            offset += sum(map(len, lines))
            yield from (line[:-1].decode() for line in lines)

    def __reduce__(self) -> tuple[Callable[[Iterable[str]], "SpooledIds"], tuple[list[str]]]:
        """Pickle as the ids themselves, which are all in memory meanwhile."""
        return _of, (list(self),)

    def __contains__(self, event_id: object) -> bool:
        """Say whether an id is among them."""
        return any(event_id == found for found in self)

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"<{self._count} ids>"


def _of(ids: Iterable[str]) -> SpooledIds:
    made = SpooledIds()
    made.extend(ids)
    return made
