"""Cutting a range of dates into parts of about so many bytes, from a listing of its journals (PROTOCOL.md, step 13).

The listing says from when to when a journal's events lie, and how large its manifest is. How many events and bytes of
data stand behind a byte of manifest, the metadata of some manifests say: of up to eight of new events, and of as many
others. Within a journal events are taken to lie evenly in time; of the largest ones, the table of the manifest's
sections says better. So a plan takes a listing and at most 32 requests more. Only reads.
"""

from array import array
from bisect import insort
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from hashlib import blake2b
from heapq import merge
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from flashflood import layout
from flashflood.context import Context
from flashflood.cursors import Place
from flashflood.dates import DateRange, microseconds, timestamp_at
from flashflood.identifiers import NEW
from flashflood.records.living import Listing, Plan, journal_id
from flashflood.records.loads import NOTHING, Load, Sample
from flashflood.replay.rows import Scan
from flashflood.replay.sections import outline
from flashflood.store.protocol import Entry

LARGEST = 16
"""How many of the largest journals are asked how their events lie in time."""


class Part(NamedTuple):
    """Some dates of a range."""

    dates: DateRange
    """Bounded at both ends, unless an event has the first date of the calendar."""
    plan: Plan
    events: int
    """About so many."""
    size: int
    """Bytes of their data, about."""
    fingerprint: bytes
    """Of the journals that the range had: another one, as soon as anything is put or applied there."""
    after: Place | None
    """Of the first part: only what comes later in the order of events; None: all of the dates."""


class _Span(NamedTuple):
    """A time in which events lie evenly, both ends included, in microseconds since the year 1."""

    start: int
    end: int
    load: Load


def plan_parts(ctx: Context, scan: Scan, size: int) -> list[Part]:
    """Cut a range into parts of about `size` bytes of data: in order, and together all that it has. None: nothing.

    No two parts have a date in common: more than `size` bytes of one microsecond are in one part.
    """
    dates = scan.dates
    listed = _Listed(ctx, dates)
    # The dead count too: what one was combined into while this was listing may lie among the keys passed.
    starts, ends = listed.living.starts + listed.dead.starts, listed.living.ends + listed.dead.ends
    if listed.date is None or not starts:
        return []
    spans = _Spans(min(starts) - 1, max(ends), dates)
    for span in _all_spans(ctx, listed, size):
        spans.add(span)
    begins = _Begins(listed)
    parts: list[Part] = []
    for start, end, load in _cut(spans, size):
        part = DateRange(timestamp_at(start) if start >= 0 else None, timestamp_at(end))
        plan = Plan(begins.of(start), listed.date)
        after = None if parts else scan.after
        parts.append(Part(part, plan, round(load.events), round(load.size), listed.digest.digest(), after))
    return parts


class _Journals:
    """The journals of a range, as a listing gives them, in key order."""

    def __init__(self) -> None:
        """Begin with none."""
        self.starts, self.ends, self.sizes = array("q"), array("q"), array("q")
        self.are_new = bytearray()

    def add(self, entry: Entry) -> None:
        """Take a journal."""
        start, end = layout.range_of(entry.key)
        self.starts.append(microseconds(start))
        self.ends.append(microseconds(end))
        self.sizes.append(entry.size)
        self.are_new.append(journal_id(entry).version == NEW)


class _Listed:
    """What a listing of a range has given."""

    def __init__(self, ctx: Context, dates: DateRange) -> None:
        """List."""
        self.living, self.dead = _Journals(), _Journals()
        self.samples = Sample(), Sample()
        """Of the journals that were combined; of new ones."""
        self.digest = blake2b(digest_size=16)
        """Of the keys of the living."""
        self.largest: list[tuple[int, int, Entry]] = []
        """Size, number among the living, entry."""
        with closing(Listing(ctx, dates)) as listing:
            while not listing.is_over:
                met = listing.next_page()
                for entry in met.dead:
                    self.dead.add(entry)
                for entry in met.living:
                    self._add(entry)
        self.date = listing.date

    def _add(self, entry: Entry) -> None:
        number = len(self.living.starts)
        self.living.add(entry)
        self.digest.update(entry.key.encode())
        self.samples[self.living.are_new[number]].add(entry)
        if len(self.largest) < LARGEST or entry.size > self.largest[0][0]:
            insort(self.largest, (entry.size, number, entry))
            del self.largest[:-LARGEST]


def _all_spans(ctx: Context, listed: _Listed, size: int) -> Iterator[_Span]:
    """Say how the events of all living journals lie in time."""
    of_kinds = [sample.read(ctx).per_byte for sample in listed.samples]
    living = listed.living
    large = {
        number: entry
        for _, number, entry in listed.largest
        if of_kinds[living.are_new[number]].size * entry.size > size / 2
    }
    outlines = dict(zip(large, ctx.requests.each(partial(outline, ctx), large.values()), strict=True))
    for number, (start, end) in enumerate(zip(living.starts, living.ends, strict=True)):
        load = of_kinds[living.are_new[number]].times(living.sizes[number])
        sections = outlines.get(number)
        if not sections:
            yield _Span(start, end, load)
            continue
        edges = sorted([*(microseconds(first) for first, _ in sections), end])
        total = sum(length for _, length in sections)
        for (first, last), (_, length) in zip(pairwise(edges), sections, strict=True):
            yield _Span(first, last, load.times(length / total))


class _Spans:
    """Spans within a range, and their loads one after the other in time."""

    def __init__(self, start: int, end: int, dates: DateRange) -> None:
        """Begin with none. The range is that of `dates`, but no wider than from after `start` up to `end`."""
        self.start = start if dates.start is None else max(start, microseconds(dates.start))
        self.end = end if dates.end is None else min(end, microseconds(dates.end))
        self.total = NOTHING
        self._starts, self._ends = array("q"), array("q")
        self._sizes, self._events = array("d"), array("d")

    def add(self, span: _Span) -> None:
        """Take what of a span lies in the range."""
        if span.end <= self.start or span.start > self.end:
            return
        first, last = max(span.start, self.start), min(span.end, self.end)
        load = span.load if span.start == span.end else span.load.times((last - first) / (span.end - span.start))
        self._starts.append(first)
        self._ends.append(last)
        self._sizes.append(load.size)
        self._events.append(load.events)
        self.total = self.total.plus(load)

    def __iter__(self) -> Iterator[_Span]:
        """Give spans that follow one another and do not overlap, with the loads that lie there."""
        numbers = range(len(self._starts))
        begun = sorted(numbers, key=self._starts.__getitem__)
        ended = sorted(numbers, key=self._ends.__getitem__)
        edges = merge(
            ((self._starts[number], True, number) for number in begun),
            ((self._ends[number], False, number) for number in ended),
        )
        under_way, rate, since = 0, NOTHING, self.start
        for at, is_start, number in edges:
            if under_way and at > since:
                yield _Span(since, at, rate.times(at - since))
            since = at
            length = self._ends[number] - self._starts[number]
            load = Load(self._sizes[number], self._events[number])
            if length:
                under_way += 1 if is_start else -1
                rate = rate.plus(load.times((1 if is_start else -1) / length)) if under_way else NOTHING
            elif is_start:
                yield _Span(at, at, load)


def _cut(spans: _Spans, size: int) -> Iterator[tuple[int, int, Load]]:
    """Cut the range: give the start and end of each part, and its load. All parts have about as many bytes."""
    parts = max(1, ceil(spans.total.size / size))
    most, cuts = spans.total.size / parts, 0
    start, load = spans.start, NOTHING
    for span in spans:
        rest = span
        while rest.start < rest.end and load.size + rest.load.size > most and cuts < parts - 1:
            length = rest.end - rest.start
            wanted = int((most - load.size) / rest.load.size * length) if load.size < most else 1
            at = min(rest.start + max(1, wanted), rest.end)
            share = (at - rest.start) / length
            yield start, at, load.plus(rest.load.times(share))
            start, load, cuts = at, NOTHING, cuts + 1
            rest = _Span(at, rest.end, rest.load.times(1 - share))
        load = load.plus(rest.load)
        if load.size >= most and rest.end > start and cuts < parts - 1:
            yield start, rest.end, load
            start, load, cuts = rest.end, NOTHING, cuts + 1
    if start < spans.end:
        yield start, spans.end, load


class _Begins:
    """Where the listings of parts may begin, from part to part."""

    def __init__(self, listed: _Listed) -> None:
        """Begin before the first part."""
        self._journals = listed.living, listed.dead
        self._passed = [0, 0]

    def of(self, start: int) -> str:
        """Give the timestamp at which the first journal begins, living or dead, that ends after a part's start.

        Each call has a later start than the one before.
        """
        found = array("q")
        for which, journals in enumerate(self._journals):
            while self._passed[which] < len(journals.ends) and journals.ends[self._passed[which]] <= start:
                self._passed[which] += 1
            found += journals.starts[self._passed[which] : self._passed[which] + 1]
        return timestamp_at(min(found))
