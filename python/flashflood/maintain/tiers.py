"""Which neighbouring journals are worth combining: tier by tier, so that no event is rewritten more than twice.

Only sizes are looked at: of a journal, the bytes of its manifest and its blob. Between what a tier makes at least and
what it takes at most lies a factor of three or four. So what has been combined is not taken again by the same tier,
though it is smaller than what it was made of: events were deleted, and one manifest's frame stands for many.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from flashflood.identifiers import JournalID

LARGE = 1 / 4
"""Of the target: a journal of this size is left alone."""
FULL = 3 / 4
"""Of the target: smaller neighbours are combined into journals of this size at least, and of the target at most."""
SMALL = 1 / 256
"""Of the target: where neighbours do not suffice for that, those below this size are combined with one another."""
GATHERED = 1 / 64
"""Of the target: these make a journal of this size at least."""


class Sized(NamedTuple):
    """A journal, and how many bytes it takes."""

    journal_id: JournalID
    manifest: int
    blob: int

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.manifest + self.blob


def groups(journals: Iterable[Sized], target: int) -> Iterator[list[Sized]]:
    """Yield what to combine, of journals in key order: neighbours that have `target` bytes together at most."""
    for is_large, neighbours in groupby(journals, lambda one: one.size >= LARGE * target):
        if not is_large:
            yield from _of_neighbours(neighbours, target)


def _of_neighbours(journals: Iterable[Sized], target: int) -> Iterator[list[Sized]]:
    waiting: list[Sized] = []
    size = 0
    for journal in journals:
        if size + journal.size > target:
            yield waiting
            waiting, size = [], 0
        waiting.append(journal)
        size += journal.size
    if size >= FULL * target:
        yield waiting
    else:
        yield from _gathered(waiting, target)


def _gathered(journals: Iterable[Sized], target: int) -> Iterator[list[Sized]]:
    for is_small, neighbours in groupby(journals, lambda one: one.size < SMALL * target):
        small = list(neighbours)
        if is_small and total(small) >= GATHERED * target:
            yield small


def total(journals: Iterable[Sized]) -> int:
    """Add up the bytes of journals."""
    return sum(one.size for one in journals)
