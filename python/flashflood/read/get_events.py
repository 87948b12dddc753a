"""Reading many events (PROTOCOL.md, step 8), in the order of the ids given. Never writes.

The way of the ids: they are taken in windows -> each window is located, many requests at a time -> the data are fetched
ahead, in stretches of blobs where events lie close together -> the events go out. A few windows are under way while
events are consumed, and a bounded amount of data. What does not come as it was located is read with `get_event`, which
looks it up anew.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Literal, NamedTuple, TypeAlias

from flashflood import layout
from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.events import Event
from flashflood.exceptions import FlashFloodEventNotFound
from flashflood.read.get_event import get_event
from flashflood.read.locate import Locator, Place
from flashflood.records.index import not_found
from flashflood.requests import Requests
from flashflood.store.protocol import Found
from flashflood.turns import Turns

OnMissing: TypeAlias = Literal["error", "skip"]

LARGEST_WINDOW = 1_000
"""Ids located together: few at first, so that the first event comes soon; then twice as many each time."""
WINDOWS = 2
"""Windows being located, or located and waiting; one until the first data are on their way."""
STRETCH = 4_000_000
"""Bytes of data planned at a time, and of a blob in one request, or one event."""
GAP = 65_536
"""Bytes between two events of a blob up to which both are fetched with one request."""
BUDGET = 32_000_000
"""Bytes at which no further stretch is begun."""
BYTES_PER_EVENT = 4_000
"""What an event under way counts for beside its data, so that small ones are bounded too."""


_Located: TypeAlias = Place | Exception | str
"""Where an event lies, or what is wrong with an id, or an id that `get_event` is to read."""


class _Fetched(NamedTuple):
    """An event whose data are on their way."""

    place: Place
    answer: Future[Found | None]
    start: int
    """Where in the answer its data begin."""


_Answer: TypeAlias = _Fetched | Future[Event] | Event | Exception


class _Stretch(NamedTuple):
    """Answers for ids that follow one another, and the memory that they take, in bytes."""

    answers: list[_Answer]
    cost: int


def get_events(ctx: Context, ids: Iterable[str], on_missing: OnMissing) -> Iterator[Event]:
    """Yield the events of these ids, each as it was at some moment since the first one was asked for."""
    if on_missing not in ("error", "skip"):
        msg = f"on_missing={on_missing!r}; give 'error' or 'skip'"
        raise ValueError(msg)
    return Turns(_events(ctx, iter(ids), skips=on_missing == "skip"), "get_events")


def _events(ctx: Context, ids: Iterator[str], *, skips: bool) -> Generator[Event, None, None]:
    process = os.getpid()
    reader = _Reader(ctx, ids)
    try:
        for answer in reader.answers():
            try:
                event = _event(ctx, answer)
            except FlashFloodEventNotFound:
                if not skips:
                    raise
            else:
                yield event
    finally:
        if process == os.getpid():  # a forked child has nothing under way, and the futures' locks may be held
            reader.stop()


def _event(ctx: Context, answer: _Answer) -> Event:
    """Wait for an event. Raises what is wrong with it."""
    if isinstance(answer, Exception):
        raise answer
    if isinstance(answer, Event):
        return answer
    if isinstance(answer, Future):
        return answer.result()
    place = answer.place
    found = answer.answer.result()
    stop = None if place.is_update else answer.start + place.size
    data = None if found is None else found.body[answer.start : stop]
    if data is None or (len(data) != place.size and not place.is_update):
        return get_event(ctx, place.event_id)
    return Event(place.event_id, parse_timestamp(place.timestamp), data)


class _Reader:
    """The state of one call: what is being located, and what is being fetched."""

    def __init__(self, ctx: Context, ids: Iterator[str]) -> None:
        self._ctx = ctx
        self._ids = ids
        self._is_over = False
        """Whether the ids are, with what their iterator raised as `_failure`."""
        self._failure: Exception | None = None
        self._limit = ctx.requests.workers
        self._locator = Locator(ctx)
        self._locating = Requests(WINDOWS)
        self._windows: deque[Future[list[_Located]]] = deque()
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
        self._locator.stop()
        self._locating.stop()
        for stretch in self._stretches:
            for answer in stretch.answers:
                if isinstance(answer, _Fetched):
                    answer.answer.cancel()
                elif isinstance(answer, Future):
                    answer.cancel()

    def _stretch_is_there(self) -> bool:
        """See that a stretch is under way, waiting for what it takes. False: there are no more ids."""
        self._look_ahead()
        if not self._stretches and self._windows:
            self._located.extend(self._windows.popleft().result())
            self._look_ahead()
        return bool(self._stretches)

    def _look_ahead(self) -> None:
        """Start what may be started now."""
        while self._cost < BUDGET and (self._located or self._take_window()):
            self._start_stretch()
        limit = WINDOWS if self._stretches else 1
        while len(self._windows) < limit and (ids := self._next_ids()):
            self._windows.append(self._locating.start(self._locate, ids))

    def _take_window(self) -> bool:
        """Take the next window if it is located. One that failed is left for its turn."""
        if not (self._windows and self._windows[0].done() and self._windows[0].exception() is None):
            return False
        self._located.extend(self._windows.popleft().result())
        return True

    def _next_ids(self) -> list[str]:
        """Take the ids of the next window; none: they are over."""
        ids: list[str] = []
        try:
            while not self._is_over and len(ids) < self._limit:
                ids.append(next(self._ids))
        except StopIteration:
            self._is_over = True
        except Exception as error:  # noqa: BLE001  raised in its turn
            self._is_over, self._failure = True, error
        self._limit = min(2 * self._limit, LARGEST_WINDOW)
        return ids

    def _locate(self, ids: list[str]) -> list[_Located]:
        """Locate a window, in a thread of its own."""
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
            size += first.size if isinstance(first, Place) else 0
            if located and size > STRETCH:
                break
            located.append(self._located.popleft())
        fetched: dict[Place, _Fetched] = {}
        cost = BYTES_PER_EVENT * len(located)
        for places in _fetched_together([place for place in located if isinstance(place, Place) and place.size]):
            start, stop = places[0].start, max(place.stop for place in places)
            cost += stop - start
            part = () if places[0].is_update else (start, stop)
            answer = self._ctx.requests.start(self._ctx.store.get, places[0].key, *part)
            fetched |= {place: _Fetched(place, answer, place.start - start) for place in places}
        self._stretches.append(_Stretch([self._answer(item, fetched) for item in located], cost))
        self._cost += cost

    def _answer(self, located: _Located, fetched: dict[Place, _Fetched]) -> _Answer:
        if isinstance(located, str):
            return self._ctx.requests.start(get_event, self._ctx, located)
        if isinstance(located, Exception):
            return located
        return fetched.get(located) or Event(located.event_id, parse_timestamp(located.timestamp), b"")


def _fetched_together(places: Sequence[Place]) -> list[list[Place]]:
    """Group the places that one request fetches: of one key, without large gaps. What is needed first comes first."""
    turns = {place: turn for turn, place in reversed(list(enumerate(places)))}
    groups: list[list[Place]] = []
    stop = 0
    for place in sorted(turns, key=lambda place: (place.key, place.start)):
        first = groups[-1][0] if groups else None
        if first and first.key == place.key and place.start - stop <= GAP and place.stop - first.start <= STRETCH:
            groups[-1].append(place)
            stop = max(stop, place.stop)
        else:
            groups.append([place])
            stop = place.stop
    return sorted(groups, key=lambda group: min(turns[place] for place in group))
