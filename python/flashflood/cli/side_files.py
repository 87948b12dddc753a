"""Files that a command writes beside its output. Each is emptied, so none may be what the command reads or works on."""

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import click

from flashflood import FlashFlood
from flashflood.load.lines import STANDARD_INPUT
from flashflood.store.file_urls import url2pathname


class Output:
    """A file that is written beside the store, unbuffered: a fault of it is named as its own."""

    def __init__(self, path: str) -> None:
        """Empty it, or make it."""
        self._path = path
        self._file = Path(path).open("wb")  # noqa: SIM115  `__exit__` closes it

    def write(self, text: bytes) -> None:
        """Append a text. `OSError`, which names the file, where it cannot be written."""
        self._named(lambda: self._file.write(text))

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._named(self._file.close)

    def _named(self, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            error.filename = self._path
            raise


def refuse_shared(options: dict[str, str | None], inputs: Iterable[str], flood: FlashFlood) -> None:
    """Refuse a file that is to be written, by an option, and is an input, the store's, or another option's."""
    places = [(f"one of the files to be stored ({one})", one) for one in inputs]
    for option, path in options.items():
        if path is None:
            continue
        what = next((what for what, other in places if _are_same(path, other)), None)
        if what is None and _is_of_store(path, flood):
            what = "a file of the store"
        if what is not None:
            msg = f"{option} {path!r} is {what}; name another one."
            raise click.UsageError(msg)
        places.append((f"the file of {option}", path))


def _are_same(path: str, other: str) -> bool:
    """Say whether two paths, of which the second may be standard input, name one file."""
    try:
        found = os.fstat(sys.stdin.fileno()) if other == STANDARD_INPUT else os.stat(other)  # noqa: PTH116  as fstat
        return os.path.samestat(os.stat(path), found)  # noqa: PTH116  as above
    except (OSError, ValueError):  # there is none, or standard input is none
        return other != STANDARD_INPUT and Path(path).resolve() == Path(other).resolve()


def _is_of_store(path: str, flood: FlashFlood) -> bool:
    """Say whether a path is the store's SQLite file, one that SQLite keeps beside it, or lies in its folder."""
    address = flood._ctx.store.address  # noqa: SLF001  an inner room's way in
    if address is None or address.startswith("s3://"):
        return False
    given = Path(path).resolve()
    if not address.startswith("sqlite:"):
        return Path(address).resolve() in given.parents
    store = Path(url2pathname(urlsplit(address).path)).resolve()
    return given in {store, *(store.with_name(store.name + end) for end in ("-wal", "-shm", "-journal"))}
