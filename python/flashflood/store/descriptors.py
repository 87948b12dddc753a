"""File descriptors that are closed once, whatever interrupts their owner.

An interrupt (Ctrl-C) may come between any two steps of Python, right after `os.open` too, but never inside a call into
C. So what opens a file is called from C, where the number becomes an object that closes it when it is dropped.
"""

import os
from collections.abc import Callable
from typing import Self, TypeVar

A = TypeVar("A")


class _Closed(int):
    """The number that a descriptor had."""

    is_open = False

    def close(self) -> None:
        """Do nothing: the number may be another file's by now."""


class Descriptor(_Closed):
    """An open file's descriptor, closed at the end of a `with`, or else with the last reference to it."""

    is_open = True

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close it; later calls do nothing."""
        self.__class__ = _Closed  # type: ignore[assignment]  # It is not one of ours any more: nobody else closes it.
        os.close(self)

    def __del__(self) -> None:
        """Close what an interrupt has left open; a closed one has no such method."""
        os.close(self)


def opened(call: Callable[[A], int], argument: A) -> Descriptor:
    """Own the descriptor that a call gives. `call` must be C (`os.open`, or a `partial` of it)."""
    return next(map(Descriptor, map(call, (argument,))))
