"""The pages of `journals/` in key order, of which many are asked for at a time. Only reads.

Where a page begins is known once the one before it has come. But the keys begin with dates: so it is guessed where the
next pages begin, from how closely the keys of the last page lie. A guess that falls too early gives some keys twice,
which are left out; one that falls too late leaves a gap, which is listed then. So each key is given once, in order.

Pages that were asked for ahead may be older than those before them: see PROTOCOL.md, step 13.
"""

import os
from bisect import bisect_right, insort
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from itertools import zip_longest
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.store.protocol import Entry, Page

PACE = 0.93
"""Pages between two guesses: less than one, since keys do not lie evenly, and a gap costs a request and its time."""


class _Asked(NamedTuple):
    """A page that was asked for."""

    after: str
    """The key that it begins after, or would: a journal's key, or just the beginning of some."""
    page: Future[Page]


class JournalPages:
    """One listing of `journals/`, for one thread at a time. On a thread of the pool, page comes after page."""

    def __init__(self, ctx: Context, after: str | None = None, until: str | None = None) -> None:
        """Begin after a key. `until`: a timestamp; of journals that begin later nothing is asked for ahead."""
        self._ctx = ctx
        self._process = os.getpid()
        self._at = after or ""
        """The last key that was given."""
        self._until = until
        self._ahead: list[_Asked] = []
        """In the order of their beginnings. The first one is the one whose turn it is, once `ask` has been called."""
        self._credit = 0
        """How many pages may be asked for ahead: one more for each that was given, one less for each that was useless.

        So a listing takes no more than twice its pages, however unevenly the keys lie.
        """
        self._span: timedelta | None = None
        """How far in time a page reaches: the last one's dates. None: they are not known."""

    def __iter__(self) -> Iterator[Page]:
        """Give page after page."""
        while True:
            page = self.take()
            yield page
            if not page.more:
                return

    @property
    def is_ready(self) -> bool:
        """Whether the next page has been asked for, and has come."""
        return bool(self._ahead) and self._ahead[0].page.done()

    def ask(self) -> None:
        """Ask for the next page, and for some after it. Waits for nothing."""
        self._drop_useless()
        if not self._ahead or self._ahead[0].after > self._at:
            self._ask_after(self._at)
        while len(self._ahead) < min(self._credit + 1, self._ctx.requests.at_a_time):
            begin = self._next_guess()
            if begin is None:
                return
            self._ask_after(begin)

    def take(self) -> Page:
        """Wait for the next page, and give what it has beyond the last one."""
        while True:
            self.ask()
            self._ctx.meter.tell()
            page = self._ahead.pop(0).page.result()
            entries = page.entries[bisect_right(page.entries, self._at, key=_key) :]
            if entries or not page.more:
                break
            self._credit = max(0, self._credit - 1)
        if entries:
            self._at = entries[-1].key
            self._span = _span(page)
        self._credit = min(self._credit + 1, self._ctx.requests.at_a_time)
        return page._replace(entries=entries)

    def forget_ahead(self) -> None:
        """List what comes next anew: what was asked for ahead may be older than what has been listed elsewhere."""
        self.close()
        self._ahead.clear()

    def close(self) -> None:
        """Send nothing more. In a forked child nothing is under way, and the futures' locks may be held."""
        if self._process == os.getpid():
            for asked in self._ahead:
                asked.page.cancel()

    def _drop_useless(self) -> None:
        """Drop pages that have nothing beyond the last key that was given, or nothing that the next one has not."""
        while self._ahead and (
            self._is_behind(self._ahead[0]) or (len(self._ahead) > 1 and self._ahead[1].after <= self._at)
        ):
            self._ahead.pop(0).page.cancel()
            self._credit = max(0, self._credit - 1)

    def _ask_after(self, key: str) -> None:
        page = self._ctx.requests.start(self._ctx.page, layout.JOURNALS, key or None)
        insort(self._ahead, _Asked(key, page), key=_after)

    def _is_behind(self, asked: _Asked) -> bool:
        """Whether a page is known to have nothing beyond the last key that was given."""
        if not asked.page.done() or asked.page.exception() is not None:
            return False
        page = asked.page.result()
        return page.more and page.entries[-1].key <= self._at

    def _next_guess(self) -> str | None:
        """Give where the first page begins that has not been asked for. None: it cannot be told, or there is none."""
        for asked, following in zip_longest(self._ahead, self._ahead[1:]):
            end = self._end(asked)
            if end is None or end <= asked.after or self._is_beyond(end):
                return None
            if following is None or following.after > end:
                return end
        return None

    def _end(self, asked: _Asked) -> str | None:
        """Give the key that a page reaches to, or may reach to. None: it reaches to the end, or nobody knows."""
        if asked.page.done():
            page = None if asked.page.exception() else asked.page.result()
            return page.entries[-1].key if page is not None and page.more else None
        begin = layout.start_of(asked.after)
        if begin is None or self._span is None:
            return None
        try:
            return layout.before_start(begin + PACE * self._span)
        except (OverflowError, ValueError):  # beyond the last year that a timestamp can say
            return None

    def _is_beyond(self, key: str) -> bool:
        return self._until is not None and layout.journal_name(key) > self._until


def _span(page: Page) -> timedelta | None:
    """Give the dates that a page spans, from the key before it on; None where its first or last key tells no date."""
    first, last = layout.start_of(page.entries[0].key), layout.start_of(page.entries[-1].key)
    if first is None or last is None:
        return None
    between = max(1, len(page.entries) - 1)
    return (last - first) * len(page.entries) / between


def _key(entry: Entry) -> str:
    return entry.key


def _after(asked: _Asked) -> str:
    return asked.after
