"""Arguments that are several texts. One text is an iterable of texts too: each of its characters would be taken."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def several(given: Iterable[T], name: str) -> Iterable[T]:
    """Give back what a caller gave as the argument `name`. `TypeError` if it is one text, or bytes."""
    if isinstance(given, str | bytes | bytearray):
        msg = f"{name}={given!r:.100} is one text, and would be taken for its characters: give a list of them"
        raise TypeError(msg)
    return given
