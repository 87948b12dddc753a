"""Compressed files, read as what they hold: gzip and zstd, told by their first bytes."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from typing import TYPE_CHECKING, BinaryIO, cast

from flashflood.exceptions import FlashFloodException

if TYPE_CHECKING:
    from types import ModuleType

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
"""How such files begin. No JSON text begins with the first byte of either."""


def unpacked(file: BinaryIO) -> BinaryIO:
    """Give what reads the file's content, unpacked where it is compressed, as it comes.

    `FlashFloodException` for a zstd file where nothing that reads it is installed.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    begin = buffered.peek(1)[:1]
    if begin == GZIP[:1]:
        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered))
    if begin == ZSTD[:1]:
        return cast("BinaryIO", _zstd().ZstdFile(buffered))
    return buffered


def broken() -> tuple[type[Exception], ...]:
    """Give the errors of a compressed file that ends too early, or is damaged."""
    try:
        return EOFError, gzip.BadGzipFile, zlib.error, _zstd().ZstdError
    except FlashFloodException:
        return EOFError, gzip.BadGzipFile, zlib.error


def _zstd() -> ModuleType:
    """Import what reads zstd: Python's own module, from 3.14 on, or the package that brings it to older ones."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415  few need it
        else:
            from backports import zstd  # noqa: PLC0415  as above
    except ImportError as error:
        msg = "it is compressed with zstd: install flashflood-rs[zstd], or give it through `zstd -dc`"
        raise FlashFloodException(msg) from error
    return zstd
