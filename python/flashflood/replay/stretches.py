"""Bytes that come before their windows do: where many journals are open, a window needs only a little of each.

So a request brings a stretch of its journal, of which the next windows are cut too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flashflood._core import Window
from flashflood.identifiers import JournalID

if TYPE_CHECKING:
    from concurrent.futures import Future

    from flashflood.exceptions import FlashFloodCorruptionError
    from flashflood.store.protocol import Found

STRETCH = 64 * 1024
"""Bytes that a request brings at least, if the journal has so many left and the budget allows it. In the time that a
request takes, a connection brings about as many."""


class Stretch:
    """Bytes of a journal's blob that one request brings."""

    def __init__(self, journal_id: JournalID, start: int, stop: int) -> None:
        """Request nothing yet."""
        self.journal_id = journal_id
        self.start = start
        self.stop = stop
        self.answer: Future[None] | None = None
        """Done once the bytes are there."""
        self.is_there = False
        self.found: Found | None = None
        """None: there is no blob, or nothing has come yet."""
        self.failure: FlashFloodCorruptionError | None = None
        """What the store says of bytes that are not as they were written; raised, unless damage is left out."""


class Part:
    """The bytes of a stretch that a window needs."""

    def __init__(self, stretch: Stretch, start: int, stop: int, *, is_first: bool) -> None:
        """Take those from `start` to before `stop`, as the blob counts. `is_first`: the stretch is still to be sent."""
        self.stretch = stretch
        self.start = start
        self.stop = stop
        self.is_first = is_first

    def cut(self) -> bytes | None:
        """Give its bytes: fewer where the blob is short. None: there is no blob."""
        found = self.stretch.found
        return None if found is None else found.body[self.start - self.stretch.start : self.stop - self.stretch.start]


class Stretches:
    """The stretches of one pass of which further windows need bytes: one for each journal at most."""

    def __init__(self, sources: list[JournalID], memory_budget: int) -> None:
        """Hold a third of the budget at most. `sources`: the journals by the numbers that windows' requests name."""
        self._sources = sources
        self._most = memory_budget // 3
        self._held: dict[int, Stretch] = {}
        self.size = 0
        """Bytes of those held."""

    def parts(self, window: Window, *, is_ahead: bool) -> Iterator[Part]:
        """Give what a window's requests ask for, in their order. Unless it `is_ahead`, nothing more is asked for."""
        requests = window.requests
        length = min(STRETCH, self._most // max(1, len(requests))) if is_ahead else 0
        for (source, start, stop), end in zip(requests, window.ends, strict=True):
            held = self._held.get(source)
            if held is not None and held.start <= start and stop <= held.stop:
                yield Part(held, start, stop, is_first=False)
                if stop == held.stop:
                    self._let_go(source)
                continue
            self._let_go(source)
            longer = max(stop, min(end, start + length))
            is_held = longer > stop and self.size + longer - start <= self._most
            stretch = Stretch(self._sources[source], start, longer if is_held else stop)
            if is_held:
                self._held[source] = stretch
                self.size += longer - start
            yield Part(stretch, start, stop, is_first=True)

    def _let_go(self, source: int) -> None:
        held = self._held.pop(source, None)
        if held is not None:
            self.size -= held.stop - held.start
