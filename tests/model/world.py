"""Processes that make calls one after the other, and how one goes on from one response to the next request.

A generator cannot be copied, so a call's state is the responses that it has had so far: `Position`, of which there is
one object for each such history. A position's request is found by running the call anew with that history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from .calls import Caller, GoOn, Safeguard, Step, Steps, Stuck
from .old import old_delete, old_journal, old_put, old_update
from .protocol import put, put_many
from .protocol_changes import follow_changes
from .protocol_events import delete_event, get, update_event
from .protocol_follow import follow
from .protocol_journal import compact, journal, recover, update, update_some
from .protocol_replay import collect_garbage, list_event_streams, list_journals, replay, replay_part
from .store import (
    DATES,
    NEW,
    TIME,
    Entry,
    JournalID,
    Manifest,
    Request,
    Response,
    Row,
    Running,
    RunningCall,
    Store,
    Tick,
    Time,
    blob_key,
    index_key,
    journal_key,
)

Call: TypeAlias = tuple[Any, ...]
"""A call's name (a key of `CALLS`) and its arguments."""


def tick(_caller: Caller) -> Steps[str]:
    """Let the server's time go on."""
    yield Tick()
    return "ok"


CALLS: dict[str, Step] = {
    "put": put,
    "put_many": put_many,
    "update_event": update_event,
    "delete_event": delete_event,
    "get": get,
    "journal": journal,
    "compact": compact,
    "update": update,
    "update_some": update_some,
    "recover": recover,
    "replay": replay,
    "replay_part": replay_part,
    "list_journals": list_journals,
    "list_event_streams": list_event_streams,
    "collect_garbage": collect_garbage,
    "follow": follow,
    "follow_changes": follow_changes,
    "tick": tick,
    "old_put": old_put,
    "old_update": old_update,
    "old_delete": old_delete,
    "old_journal": old_journal,
}
LISTING_CALLS = frozenset({"replay", "replay_part", "list_journals", "list_event_streams"})
FOLLOWING_CALLS = frozenset({"follow", "follow_changes"})
READING_CALLS = LISTING_CALLS | FOLLOWING_CALLS | {"get"}
PROCESS_NAMES = "PQRSTVW"
FIRST_TIME = 10
MOST_REQUESTS_ALONE = 400


class Stored(NamedTuple):
    """An event that is in the store from the start, in a journal of its own: a new one, or a batch's."""

    event_id: str
    data: str
    date: int
    blob: str
    version: str = NEW


@dataclass(frozen=True)
class Configuration:
    """What is run: the calls of each process, and what surrounds them.

    `after` says which processes must have ended before a process begins. `crashes` may happen, in all, at any request.
    With `collects` the model keeps, as an oracle of the grace time, who was running when something was buried.
    `repeats` requests are sent twice; one of the two arrives at any time, even when its client is gone. The clocks of
    the processes whose letters are in `slow` are behind. What the processes in `lagging` write is dated before it can
    be seen; None: nothing is dated, and nobody follows.
    """

    programs: tuple[tuple[Call, ...], ...]
    stored: tuple[Stored, ...] = ()
    crashes: int = 0
    after: dict[int, tuple[int, ...]] = field(default_factory=dict)
    collects: bool = False
    beside_043: bool = False
    as_begun: bool = False
    torn: bool = False
    ahead: tuple[int, ...] = ()
    repeats: int = 0
    slow: str = ""
    lagging: str | None = None


class HeldBack(NamedTuple):
    """A request that arrives late, and the call that sent it."""

    call: RunningCall
    request: Request


class Position:
    """Where a call stands: its next request, or its result, or what it goes on with. Compared by identity."""

    __slots__ = ("after", "goes_on", "history", "request", "result", "root")

    def __init__(self, root: tuple[Caller, Step, Call], history: tuple[Response, ...]) -> None:
        """Run the call with the responses in `history`."""
        self.root = root
        self.history = history
        self.after: dict[Response, Position] = {}
        self.request: Request | None = None
        self.result: Any = None
        self.goes_on: GoOn | None = None
        caller, step, arguments = root
        steps = step(caller, *arguments)
        try:
            self.request = next(steps)
            for response in history:
                self.request = steps.send(response)
        except StopIteration as end:
            self.request = None
            if isinstance(end.value, GoOn):
                self.goes_on = end.value
            else:
                self.result = end.value
        except Stuck as stuck:
            self.request = None
            self.result = f"STUCK {stuck}"


class Ended(NamedTuple):
    """A call that has returned: its result, and how many calls each process had ended when it began."""

    result: Any
    ended_before: tuple[int, ...]


class Process(NamedTuple):
    """A process: the number of its next or present call, where that stands, and the calls that have returned."""

    number: int = 0
    position: Position | None = None
    ended_before: tuple[int, ...] | None = None
    status: str = "idle"
    ended: tuple[Ended, ...] = ()

    def request(self) -> Request:
        """Return the request that a running process makes next."""
        if self.position is None or self.position.request is None:
            message = f"a process that is {self.status} has no request"
            raise AssertionError(message)
        return self.position.request

    def crashed(self) -> Process:
        """Return the process with its call broken off for ever."""
        return self._replace(position=None, status="crashed")


class World:
    """A configuration under a set of safeguards, and all positions met so far."""

    def __init__(self, configuration: Configuration, safeguards: frozenset[Safeguard]) -> None:
        """Make the store and the processes as they are at the start."""
        self.configuration = configuration
        self.safeguards = safeguards
        self.store: Store = {}
        if configuration.lagging is not None:
            self.store[TIME] = Time(FIRST_TIME, configuration.lagging)
        for event_id, data, date, blob, version in configuration.stored:
            first = JournalID(date, date, version, blob)
            self.store[blob_key(blob)] = (data,)
            self.store[index_key(event_id, 1)] = Entry(first, None, date, 1, 0)
            self.store[journal_key(first)] = Manifest((Row(event_id, date, 1, 0, 1),))
            if configuration.lagging is not None:
                self.store[DATES, journal_key(first)] = 0
        self.processes = tuple(Process() for _ in configuration.programs)
        self._roots: dict[tuple[Caller, Step, Call], Position] = {}

    def running(self, processes: tuple[Process, ...], late: tuple[HeldBack, ...] = ()) -> Running:
        """Return the calls under way, also those with requests held back: a tombstone written now remembers them."""
        if not self.configuration.collects:
            return frozenset()
        calls = [self._running_call(pid, one) for pid, one in enumerate(processes) if one.status == "running"]
        return frozenset([*calls, *self._followers(processes), *(held.call for held in late)])

    def _followers(self, processes: tuple[Process, ...]) -> list[RunningCall]:
        """Return the followers that have ended: the grace time outlasts the time until their cursors are used."""
        return [
            RunningCall(pid, number, reads=True)
            for pid, process in enumerate(processes)
            for number in range(len(process.ended))
            if self.configuration.programs[pid][number][0] in FOLLOWING_CALLS
        ]

    def held_back(self, pid: int, process: Process) -> HeldBack:
        """Return a process's next request as one that arrives late."""
        return HeldBack(self._running_call(pid, process), process.request())

    def _running_call(self, pid: int, process: Process) -> RunningCall:
        name = self.configuration.programs[pid][process.number][0]
        return RunningCall(pid, process.number, name in READING_CALLS)

    def may_go_on(self, pid: int, processes: tuple[Process, ...]) -> bool:
        """Say whether a process has something to do, and what it has to wait for has ended."""
        if processes[pid].status == "idle":
            waits_for = self.configuration.after.get(pid, ())
            return all(processes[other].status in ("done", "crashed") for other in waits_for)
        return processes[pid].status == "running"

    def begin(self, pid: int, processes: tuple[Process, ...]) -> Process:
        """Return an idle process at the first request of its next call."""
        process = processes[pid]
        name, *arguments = self.configuration.programs[pid][process.number]
        position = self._root(f"{PROCESS_NAMES[pid]}{process.number}", CALLS[name], tuple(arguments))
        ended_before = tuple(len(one.ended) for one in processes)
        return Process(process.number, position, ended_before, "running", process.ended)

    def respond(self, pid: int, process: Process, response: Response) -> Process:
        """Return the process after a response: at its next request, or with its call ended."""
        position = self._follow(process.position, response)
        if position.request is not None:
            return process._replace(position=position)
        number = process.number + 1
        status = "idle" if number < len(self.configuration.programs[pid]) else "done"
        return Process(number, None, None, status, (*process.ended, Ended(position.result, process.ended_before or ())))

    def alone(self, store: Store, call: Call, name: str) -> tuple[Store, Any]:
        """Make a call while nobody else does anything; return the store and the result."""
        position = self._root(name, CALLS[call[0]], call[1:])
        for _ in range(MOST_REQUESTS_ALONE):
            if position.request is None:
                return store, position.result
            store, response = position.request.perform(store, frozenset())
            position = self._follow(position, response)
        return store, f"STUCK {call} makes requests without end"

    def _follow(self, position: Position | None, response: Response) -> Position:
        """Return the position after a response. What is forgotten by going on is not part of it."""
        if position is None:
            message = "a process that is not running got a response"
            raise AssertionError(message)
        following = position.after.get(response)
        if following is None:
            following = Position(position.root, (*position.history, response))
            while following.goes_on is not None:
                following = self._root(position.root[0].name, *following.goes_on)
            position.after[response] = following
        return following

    def _root(self, name: str, step: Step, arguments: Call) -> Position:
        here = self.configuration
        caller = Caller(
            name,
            self.safeguards,
            here.beside_043,
            as_begun=here.as_begun,
            torn=here.torn,
            ahead=here.ahead,
            is_slow=name[0] in here.slow,
        )
        root = (caller, step, arguments)
        if root not in self._roots:
            self._roots[root] = Position(root, ())
        return self._roots[root]
