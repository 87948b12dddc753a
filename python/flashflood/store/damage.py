"""What is damaged in a SQLite file: what SQLite finds of its pages, and rows that are not as they were written."""

import sqlite3
from collections.abc import Iterator

from flashflood.store import sums

MOST = 10
"""Lines at most of what SQLite says: one bad page makes many."""
_PAGES = "SELECT integrity_check FROM pragma_integrity_check(?) LIMIT 1"
_OBJECTS = "SELECT key, size, metadata, upload, key_sum, sum, body FROM objects"
_PARTS = "SELECT upload, number, sum, body FROM parts"


def damaged_pages(connection: sqlite3.Connection) -> Iterator[str]:
    """Ask SQLite whether its pages and tables hang together.

    Its first row has all that it finds of pages. Where it fails at the second, Python would lose the first.
    """
    for (found,) in connection.execute(_PAGES, (MOST,)):
        said = found.decode(errors="replace").splitlines()
        yield from (line for line in said if line != "ok" and not line.startswith("***"))


def damaged_rows(connection: sqlite3.Connection) -> Iterator[str]:
    """Read every row; say which are not as they were written, or where they do not belong."""
    missing: dict[int, tuple[str, int]] = {}
    before: bytes | None = None
    for key, size, metadata, upload, of_key, sum_, body in connection.execute(_OBJECTS):
        name = spelled(key)
        if not sums.is_key(key, size, of_key) or not sums.is_row(key, size, metadata, upload, body, sum_):
            yield f"{name} is not as it was written"
            continue
        if before is not None and key <= before:
            yield f"{name} is not where it belongs"
        if upload is not None:
            missing[upload] = name, size
        before = key
    yield from _damaged_parts(connection, missing)


def _damaged_parts(connection: sqlite3.Connection, missing: dict[int, tuple[str, int]]) -> Iterator[str]:
    """Do the same with the parts. `missing`: the name and the size of each object, by its upload."""
    for upload, number, sum_, body in connection.execute(_PARTS):
        name, size = missing.get(upload, (f"an object that is not there, upload {upload}", 0))
        if not sums.is_part(upload, number, body, sum_):
            yield f"part {number} of {name} is not as it was written"
        elif upload in missing:
            missing[upload] = name, size - len(body)
    for name, size in missing.values():
        if size:
            yield f"{size} bytes of {name} are missing"


def spelled(key: object) -> str:
    """Write a key as a text, whatever SQLite has found in its place."""
    return key.decode(errors="backslashreplace") if isinstance(key, bytes) else repr(key)
