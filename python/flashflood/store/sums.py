"""Checksums of what a SQLite file holds. SQLite has none: a byte that a disk changed would be read as data.

An object's row has one of its key and size, which listings check, and one of all but its date; a part has one. SQLite
may give values of any type for what is damaged.
"""

from zlib import crc32


def key_sum(key: bytes, size: int) -> int:
    """Give the sum of what a listing gives of an object beside its date."""
    return crc32(key, size)


def row_sum(key: int, metadata: bytes, upload: int | None, body: bytes | None) -> int:
    """Give the sum of an object's row; `key`: the sum of its key and size."""
    return crc32(body or b"", crc32(metadata, key + (upload or 0)))


def part_sum(upload: int, number: int, body: bytes) -> int:
    """Give the sum of a part, and of where it belongs."""
    return crc32(body, crc32(b"%a %a" % (upload, number)))


def is_key(key: bytes, size: int, found: int) -> bool:
    """Whether a row's key and size are as they were written."""
    try:
        return crc32(key, size) == found
    except TypeError:
        return False


def is_row(  # noqa: PLR0913, PLR0917  what a row has
    key: bytes, size: int, metadata: bytes, upload: int | None, body: bytes | None, found: int
) -> bool:
    """Whether an object's row is as it was written."""
    try:
        return row_sum(crc32(key, size), metadata, upload, body) == found
    except TypeError:
        return False


def is_part(upload: int, number: int, body: bytes, found: int) -> bool:
    """Whether a part is as it was written."""
    return isinstance(body, bytes) and part_sum(upload, number, body) == found
