"""A file that holds a follower's cursor, for one follower at a time, and whole whatever ends it.

The lock is on the file itself. A new cursor takes its place by a rename, and is locked before that; so whoever gets a
lock looks whether the file is still the one at the path.
"""

import os
from pathlib import Path
from typing import IO, Self

import click

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # on Windows
    flock = None  # type: ignore[assignment]

_NEW = ".new"
"""What the name of the file ends with that takes the cursor file's place."""


class CursorFile:
    """The file, locked until the end of a `with`. What fails with it is an `OSError` that names it."""

    def __init__(self, path: str) -> None:
        """Lock it; it is made where there is none. A click exception where another follower has it."""
        if flock is None:
            msg = f"--cursor-file {path!r}: a file for one follower alone needs what Windows has not (flock)."
            raise click.ClickException(msg)
        self.path = path
        self._place = Path(path).resolve()  # a link stays, and leads to the new cursor
        self._file = self._locked()

    def read(self) -> str | None:
        """Give the text that is in it. None: nothing has been written yet."""
        return self._place.read_bytes().decode(errors="replace").strip() or None

    def write(self, text: str) -> None:
        """Let a text take the place of the one before, on the disk when this returns."""
        try:
            former, self._file = self._file, self._replaced(text)
            former.close()
            self._sync_folder()
        except OSError as error:
            error.filename = self.path
            raise

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have it."""
        self._file.close()

    def _locked(self) -> IO[bytes]:
        while True:
            file = self._place.open("ab")
            try:
                flock(file, LOCK_EX | LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), self._place.stat()):
                    return file
            except BlockingIOError as error:
                file.close()
                msg = f"--cursor-file {self.path!r}: another follower is at work with it; give each one its own."
                raise click.ClickException(msg) from error
            except FileNotFoundError:  # it has been moved away, and is made anew
                pass
            file.close()

    def _replaced(self, text: str) -> IO[bytes]:
        """Put a file of this text in its place, which is locked."""
        new = self._place.with_name(self._place.name + _NEW)
        file = open(new, "wb", opener=_opened_itself)  # noqa: SIM115  it stays open; a Path takes no opener
        try:
            flock(file, LOCK_EX | LOCK_NB)
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            new.replace(self._place)
        except BaseException:
            file.close()
            raise
        return file

    def _sync_folder(self) -> None:
        folder = os.open(self._place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _opened_itself(path: str, flags: int) -> int:
    """Open a file, and not what a link in its place leads to."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)
