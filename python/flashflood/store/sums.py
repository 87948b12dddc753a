"""Checksums of what a SQLite file holds. SQLite has none: a byte that a disk changed would be read as data.

An object's row has one of its head and one of its data, a part has one. They are checked wherever these are read.
"""

from zlib import crc32


def head_sum(key: bytes, size: int, metadata: bytes, upload: int | None) -> int:
    """Give the sum of what an object's row says beside its data. Its date is not in it: SQL may move that on."""
    return crc32(b"%b %a %b %a" % (key, size, metadata, upload))


def part_sum(upload: int, number: int, body: bytes) -> int:
    """Give the sum of a part, and of where it belongs."""
    return crc32(body, crc32(b"%a %a" % (upload, number)))


def is_head(key: bytes, size: int, metadata: bytes, upload: int | None, found: int) -> bool:
    """Whether a row's head is as it was written. SQLite may give values of any type for what is damaged."""
    return isinstance(key, bytes) and isinstance(metadata, bytes) and head_sum(key, size, metadata, upload) == found


def is_body(body: bytes | None, found: int) -> bool:
    """Whether an object's data are as they were written; None: they are in parts."""
    return crc32(body) == found if isinstance(body, bytes) else body is None and not found


def is_part(upload: int, number: int, body: bytes, found: int) -> bool:
    """Whether a part is as it was written."""
    return isinstance(body, bytes) and part_sum(upload, number, body) == found
