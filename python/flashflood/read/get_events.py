"""Reading many events (PROTOCOL.md, step 8), in the order of the ids given. Never writes.

The way of the ids: they are taken in chunks -> each chunk is located, many requests at a time -> the data are fetched
ahead, in stretches of blobs where events lie close together -> the events go out. A few chunks are under way while
events are consumed, and a bounded amount of data. Where the data are no longer as they were located, `get_event` looks
the event up again.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Literal, NamedTuple, TypeAlias

from flashflood import layout, telemetry
from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.events import Event
from flashflood.exceptions import FlashFloodEventNotFound
from flashflood.read.get_event import get_event
from flashflood.read.locate import DataRange, Locator
from flashflood.records.index import not_found
from flashflood.several import several
from flashflood.turns import SharedIterator

OnMissing: TypeAlias = Literal["error", "skip"]

LARGEST_CHUNK = 5_000
"""Ids located together: few at first, so that the first event comes soon; then twice as many each time.

So many of a million lie five to a page of the index.
"""
CHUNKS = 2
"""Chunks being located, or located and waiting; one until the first data are on their way, and one of the largest."""
STRETCH = 4_000_000
"""Bytes of data planned at a time, and asked of a blob with one request; or one event, if that is larger."""
GAP = 65_536
"""Bytes between two events of a blob up to which both are fetched with one request."""
GAPS = 500_000
"""Bytes between the events that one request fetches: they are dropped when it is answered."""
BUDGET = 32_000_000
"""Bytes at which no further stretch is begun."""
BYTES_PER_EVENT = 8_000
"""What an event under way counts for beside its data, so that small ones are bounded too."""


_Located: TypeAlias = DataRange | Exception | str
"""Where an event lies, or what is wrong with an id, or an id that `get_event` is to read."""


class _Fetched(NamedTuple):
    """An event whose data are on their way."""

    data_range: DataRange
    answer: Future[list[bytes | None]]
    place: int
    """Which of the answer's data are its own."""


_Answer: TypeAlias = _Fetched | Future[Event] | Event | Exception


class _Stretch(NamedTuple):
    """Answers for ids that follow one another, and the memory that they take, in bytes."""

    answers: list[_Answer]
    cost: int


def get_events(ctx: Context, ids: Iterable[str], on_missing: OnMissing) -> SharedIterator[Event]:
    """Yield the events of these ids, each as it was at some moment since the first one was asked for."""
    if on_missing not in ("error", "skip"):
        msg = f"on_missing={on_missing!r}; give 'error' or 'skip'"
        raise ValueError(msg)
    ids = iter(several(ids, "ids"))
    return SharedIterator(_events(ctx, ids, skips=on_missing == "skip"), "get_events")


def _events(ctx: Context, ids: Iterator[str], *, skips: bool) -> Generator[Event, None, None]:
    process = os.getpid()
    lookahead = _IdLookahead(ctx, ids)
    try:
        for answer in lookahead.answers():
            try:
                event = _event(ctx, answer, lookahead.span)
            except FlashFloodEventNotFound:
                if not skips:
                    raise
            else:
                yield event
    except Exception as error:
        lookahead.span.end(error)
        raise
    finally:
        if process == os.getpid():  # a forked child has nothing under way, and the futures' locks may be held
            lookahead.stop()


def _event(ctx: Context, answer: _Answer, span: telemetry.Span) -> Event:
    """Wait for an event. Raises what is wrong with it."""
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Event):
        return answer
    if isinstance(answer, Future):
        return answer.result()
    data_range = answer.data_range
    data = answer.answer.result()[answer.place]
    if data is None or (len(data) != data_range.size and not data_range.is_update):
        with span:
            return get_event(ctx, data_range.event_id)
    return Event(data_range.event_id, parse_timestamp(data_range.timestamp), data)


class _IdLookahead:
    """The state of one call: what is being located, and what is being fetched."""

    def __init__(self, ctx: Context, ids: Iterator[str]) -> None:
        self._ctx = ctx
        self._ids = ids
        self._is_over = False
        """Whether there are no more ids. What their iterator raised is `_failure`."""
        self._failure: Exception | None = None
        self._limit = ctx.requests.workers
        self.span = telemetry.Span("get_events", ctx.store.name)
        self._locator = Locator(ctx)
        self._locating = ctx.requests.beside(CHUNKS)
        self._chunks: deque[Future[list[_Located]]] = deque()
        self._located: deque[_Located] = deque()
        self._stretches: deque[_Stretch] = deque()
        self._cost = 0
        """Of all stretches, in bytes."""

    def answers(self) -> Iterator[_Answer]:
        """Yield an answer for each id; whatever is under way goes on meanwhile."""
        while self._stretch_is_there():
            stretch = self._stretches[0]
            for answer in stretch.answers:
                self._look_ahead()
                yield answer
            self._stretches.popleft()
            self._cost -= stretch.cost
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Send nothing more."""
        self.span.end()
        self._locator.stop()
        self._locating.stop()
        for stretch in self._stretches:
            for answer in stretch.answers:
                if isinstance(answer, _Fetched):
                    answer.answer.cancel()
                elif isinstance(answer, Future):
                    answer.cancel()

    def _stretch_is_there(self) -> bool:
        """Make sure that a stretch is under way; wait until one can be. False: there are no more ids."""
        self._look_ahead()
        if not self._stretches and self._chunks:
            self._located.extend(self._chunks.popleft().result())
            self._look_ahead()
        return bool(self._stretches)

    def _look_ahead(self) -> None:
        """Start what may be started now."""
        while self._cost < BUDGET and (self._located or self._take_chunk()):
            with self.span:
                self._start_stretch()
        limit = CHUNKS if self._stretches and self._limit < LARGEST_CHUNK else 1
        while len(self._chunks) < limit and (ids := self._next_ids()):
            with self.span:
                self._chunks.append(self._locating.start(self._locate, ids))

    def _take_chunk(self) -> bool:
        """Take the next chunk if it is located. A chunk that failed is left until its turn comes."""
        if not (self._chunks and self._chunks[0].done() and self._chunks[0].exception() is None):
            return False
        self._located.extend(self._chunks.popleft().result())
        return True

    def _next_ids(self) -> list[str]:
        """Take the ids of the next chunk. An empty list: there are no more."""
        ids: list[str] = []
        try:
            while not self._is_over and len(ids) < self._limit:
                ids.append(next(self._ids))
        except StopIteration:
            self._is_over = True
        except Exception as error:  # noqa: BLE001  raised in its turn
            self._is_over, self._failure = True, error
        self._limit = min(2 * self._limit, LARGEST_CHUNK)
        return ids

    def _locate(self, ids: list[str]) -> list[_Located]:
        """Locate a chunk, in a thread of its own."""
        problems = [self._problem(event_id) for event_id in ids]
        possible = (event_id for event_id, problem in zip(ids, problems, strict=True) if problem is None)
        located = self._locator.locate(possible)
        return [problem or located[event_id] or event_id for event_id, problem in zip(ids, problems, strict=True)]

    def _problem(self, event_id: str) -> Exception | None:
        """Say why an id cannot be an event's."""
        try:
            return None if layout.may_exist(event_id, self._ctx.store.root_prefix) else not_found(event_id)
        except TypeError as error:
            return error

    def _start_stretch(self) -> None:
        """Fetch the data of the next events located."""
        located: list[_Located] = []
        size = 0
        while self._located:
            first = self._located[0]
            size += first.size if isinstance(first, DataRange) else 0
            if located and size > STRETCH:
                break
            located.append(self._located.popleft())
        fetched: dict[DataRange, _Fetched] = {}
        for ranges in _fetched_together([each for each in located if isinstance(each, DataRange) and each.size]):
            answer = self._ctx.requests.start(self._data, ranges)
            fetched |= {each: _Fetched(each, answer, place) for place, each in enumerate(ranges)}
        cost = BYTES_PER_EVENT * len(located) + sum(each.size for each in fetched)
        self._stretches.append(_Stretch([self._answer(item, fetched) for item in located], cost))
        self._cost += cost

    def _data(self, ranges: Sequence[DataRange]) -> list[bytes | None]:
        """Fetch an update's data, or those of a blob's events with one request. None: it is gone."""
        first = ranges[0]
        if first.is_update:
            found = self._ctx.store.get(first.key)
            return [None if found is None else found.body]
        found = self._ctx.blob(first.journal_id, first.start, max(each.stop for each in ranges))
        if found is None:
            return [None] * len(ranges)
        return [found.body[each.start - first.start : each.stop - first.start] for each in ranges]

    def _answer(self, located: _Located, fetched: dict[DataRange, _Fetched]) -> _Answer:
        if isinstance(located, str):
            return self._ctx.requests.start(get_event, self._ctx, located)
        if isinstance(located, Exception):
            return located
        return fetched.get(located) or Event(located.event_id, parse_timestamp(located.timestamp), b"")


def _fetched_together(ranges: Sequence[DataRange]) -> list[list[DataRange]]:
    """Group the ranges that one request fetches: of one key, without large gaps. What is needed first comes first."""
    turns = {each: turn for turn, each in reversed(list(enumerate(ranges)))}
    groups: list[list[DataRange]] = []
    stop = gaps = 0
    for each in sorted(turns, key=lambda each: (each.key, each.start)):
        first = groups[-1][0] if groups else each
        gap = max(0, each.start - stop)
        is_far = gap > GAP or gaps + gap > GAPS or each.stop - first.start > STRETCH
        if not groups or first.key != each.key or is_far:
            groups.append([])
            stop = gaps = gap = 0
        groups[-1].append(each)
        stop = max(stop, each.stop)
        gaps += gap
    return sorted(groups, key=lambda group: min(turns[each] for each in group))
