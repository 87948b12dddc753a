"""Listing what lies under each of many prefixes, for as little as may be. Only reads.

A page, up to 1,000 keys, serves all prefixes that it covers. It is worth its keys where it covers several; elsewhere
each prefix is listed by itself. Which of the two is better changes along the keys, so it is found out again and again.
All keys under one prefix are from one page, or from a listing of it alone.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from os.path import commonprefix

from flashflood.context import Context
from flashflood.store.protocol import Entry, Page

FEW = 5
"""Fewer prefixes are each listed by itself."""
KEYS_TO_TRY = 150
"""A page is tried where it may save listings that cost as much as so many keys."""


def listed_under(
    ctx: Context, prefixes: Iterable[str], go_on: Callable[[], None] = lambda: None
) -> dict[str, list[Entry]]:
    """List what lies under each prefix. `go_on` is called before each request; what it raises ends the listing."""
    left = sorted(set(prefixes))
    few = max(FEW, -(-KEYS_TO_TRY // ctx.store.keys_per_listing))
    if len(left) < few:
        return _alone(ctx, left, go_on)
    first = _Stretch(ctx, left, few, go_on)
    first.list_page()
    for listed in ctx.requests.each(_Stretch.list_all, first.cut()):
        first.listed |= listed
    return first.listed


class _Stretch:
    """Prefixes that follow one another, which are listed one after the other, or page by page."""

    def __init__(
        self, ctx: Context, prefixes: Sequence[str], few: int, go_on: Callable[[], None], alone: int = 0
    ) -> None:
        self.listed: dict[str, list[Entry]] = {}
        self._ctx = ctx
        self._left = prefixes
        self._few = few
        self._go_on = go_on
        self._alone = alone
        """How many to list by themselves before a page is tried again: more after each that was not worth it."""

    def list_page(self) -> None:
        """List a page, from the first prefix that is left."""
        self._go_on()
        before = self._left[0][:-1]  # the prefix may itself be a key
        page = self._ctx.page(commonprefix(self._left), before)  # noqa: RUF071  of keys, not paths
        covered = _covered(page, self._left)
        self.listed |= covered
        self._left = [prefix for prefix in self._left if prefix not in covered]
        is_worth_it = len(page.entries) <= len(covered) * self._ctx.store.keys_per_listing
        self._alone = 0 if is_worth_it else max(self._few, 2 * self._alone)

    def list_all(self) -> dict[str, list[Entry]]:
        """List all that are left."""
        while self._left:
            count = self._alone if len(self._left) >= self._few else len(self._left)
            self.listed |= _alone(self._ctx, self._left[:count], self._go_on)
            self._left = self._left[count:]
            if self._left:
                self.list_page()
        return self.listed

    def cut(self) -> "list[_Stretch]":
        """Cut what is left into parts that can be listed at one time."""
        parts = self._ctx.requests.at_a_time
        size = max(self._few, -(-len(self._left) // parts))
        return [
            _Stretch(self._ctx, self._left[begin : begin + size], self._few, self._go_on, self._alone)
            for begin in range(0, len(self._left), size)
        ]


def _alone(ctx: Context, prefixes: Iterable[str], go_on: Callable[[], None]) -> dict[str, list[Entry]]:
    """List each by itself, many at a time."""

    def listed(prefix: str) -> list[Entry]:
        go_on()
        return list(ctx.entries(prefix))

    prefixes = list(prefixes)
    return dict(zip(prefixes, ctx.requests.each(listed, prefixes), strict=True))


def _covered(page: Page, prefixes: Iterable[str]) -> dict[str, list[Entry]]:
    """Give a page's entries under each prefix that it covers to the end. It begins before all of them."""
    keys = [entry.key for entry in page.entries]
    covered = {}
    for prefix in prefixes:
        if not page.more or (keys[-1] > prefix and not keys[-1].startswith(prefix)):
            rest = map(page.entries.__getitem__, range(bisect_left(keys, prefix), len(keys)))
            covered[prefix] = list(takewhile(lambda entry: entry.key.startswith(prefix), rest))  # noqa: B023  used here
    return covered
