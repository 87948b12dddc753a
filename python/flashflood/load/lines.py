"""Files, taken apart into lines. A JSON document that is written over several lines counts as one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from flashflood.exceptions import FlashFloodException
from flashflood.load.compression import broken, unpacked
from flashflood.store.late import import_boto3

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

StrPath: TypeAlias = str | os.PathLike[str]

STANDARD_INPUT = "-"
SCHEME = "s3://"
"""How the URL of an object begins, or that of a prefix."""
_BOM = b"\xef\xbb\xbf"
_GOES_ON = frozenset(b" \t\r\n}]")
"""How each line of a document but the first one begins; what is not indented ends it."""
_ENDS = frozenset(b"}]")


class Line(NamedTuple):
    """One line that is not empty."""

    file: str
    """The file's name: its path or URL, or `standard input`."""
    number: int
    """Where it begins, counted from 1."""
    text: bytes
    """As it stands there, without the line's end."""


def lines_of(paths: Iterable[StrPath]) -> Generator[Line, None, None]:
    """Yield the lines of files, unpacked: paths, `-` for standard input, `s3://bucket/prefix/` for all beneath it.

    `FlashFloodException` for a compressed file that ends too early or is damaged; OSError, which names it, for one that
    cannot be read.
    """
    for path in paths:
        for name, file in _files(os.fspath(path)):
            yield from _lines(name, file)


def _files(path: str) -> Iterator[tuple[str, BinaryIO]]:
    if path == STANDARD_INPUT:
        yield "standard input", sys.stdin.buffer
    elif path.startswith(SCHEME):
        import_boto3()
        from flashflood.load.s3_objects import s3_files  # noqa: PLC0415  see `import_boto3`

        yield from s3_files(path)
    else:
        with Path(path).open("rb") as file:
            yield path, file


def _lines(name: str, file: BinaryIO) -> Iterator[Line]:
    last = 0
    try:
        for number, text in _texts(unpacked(file)):
            yield Line(name, number, text)
            last = number
    except broken() as error:
        msg = f"{name}: after line {last:,} it breaks off or is damaged ({error}); fetch it and load it again"
        raise FlashFloodException(msg) from error
    except FlashFloodException as error:
        msg = f"{name}: {error}"
        raise FlashFloodException(msg) from error
    except OSError as error:
        error.filename = name
        raise


def _texts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield lines, and documents that begin with a line `{` or `[` and go on indented, each with its first number."""
    document: list[bytes] = []
    begin = 0
    for number, line in enumerate(file, 1):
        if document:
            if line[0] in _GOES_ON:
                document.append(line)
                if line[0] not in _ENDS:
                    continue
                line = b""  # noqa: PLW2901  it has been taken
            yield begin, b"".join(document).rstrip(b"\r\n")
            document = []
        text = line.rstrip(b"\r\n")
        if number == 1:
            text = text.removeprefix(_BOM)
        if not text or text.isspace():
            continue
        if text.rstrip() in {b"{", b"["}:
            document, begin = [text + b"\n"], number
        else:
            yield number, text
    if document:
        yield begin, b"".join(document).rstrip(b"\r\n")
