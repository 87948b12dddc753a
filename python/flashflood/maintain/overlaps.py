"""Journals, to be found by the dates that they span."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from flashflood.identifiers import JournalID


class Overlaps:
    """Finds those of some journals that overlap another one, without going through all."""

    def __init__(self, journal_ids: Iterable[JournalID]) -> None:
        """Search among these."""
        self._ids = sorted(journal_ids)
        self._starts = [journal_id.start for journal_id in self._ids]
        self._latest_ends = list(accumulate((journal_id.end for journal_id in self._ids), max))
        """Of each journal and those before it."""

    def of(self, journal_id: JournalID) -> Iterator[JournalID]:
        """Give those that overlap a journal, the last ones first."""
        start, end = journal_id.start, journal_id.end
        place = bisect_right(self._starts, end)
        while place and self._latest_ends[place - 1] >= start:
            place -= 1
            if self._ids[place].end >= start:
                yield self._ids[place]
