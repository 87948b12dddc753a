"""Every interleaving of a configuration, crashes anywhere, breadth first: what is found first took fewest steps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .promises import broken_promise
from .store import DeleteEach, Key, Request, Response, Store, commutes
from .world import PROCESS_NAMES, Process, World

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN_CHARACTERS = 150


class Taken(NamedTuple):
    """One step of a run: a process made a request and got a response, or (request None) crashed."""

    pid: int
    request: Request | None
    response: Response

    def __str__(self) -> str:
        """Show the step in one line."""
        if self.request is None:
            return f"{PROCESS_NAMES[self.pid]} crashes"
        return f"{PROCESS_NAMES[self.pid]} {self.request} -> {self.response}"[:SHOWN_CHARACTERS]


class State(NamedTuple):
    """A state of the whole: what the store holds, the processes, and how many crashes or failures may still happen."""

    items: frozenset[tuple[Key, Any]]
    processes: tuple[Process, ...]
    crashes: int


class Violation(NamedTuple):
    """A broken promise, and the steps that led to it."""

    message: str
    steps: tuple[Taken, ...]


CameBy: TypeAlias = dict[State, tuple[State, Taken] | None]


@dataclass
class Exploration:
    """What was found: how many states and different ends, and the first violation of each promise that broke."""

    states: int = 0
    ends: int = 0
    complete: bool = True
    violations: dict[str, Violation] = field(default_factory=dict)


def explore(world: World, most_states: int, *, stop_at_first: bool = False) -> Exploration:
    """Run every interleaving; with more than `most_states` states stop, and say that it is not complete."""
    found = Exploration()
    start = State(frozenset(world.store.items()), world.processes, world.configuration.crashes)
    came_by: CameBy = {start: None}
    waiting = deque([start])
    ends: set[Any] = set()
    while waiting:
        state = waiting.popleft()
        following = list(_following(world, state))
        end = (state.items, tuple(one._replace(position=None) for one in state.processes))
        if not following and end not in ends:
            ends.add(end)
            broken = broken_promise(world, dict(state.items), state.processes)
            if broken is not None:
                found.violations.setdefault(broken.promise, Violation(str(broken), _way_to(state, came_by)))
                if stop_at_first:
                    break
        for taken, new in following:
            if new not in came_by:
                came_by[new] = (state, taken)
                waiting.append(new)
        if len(came_by) > most_states:
            found.complete = False
            break
    found.states, found.ends = len(came_by), len(ends)
    return found


def _following(world: World, state: State) -> Iterator[tuple[Taken, State]]:
    """Yield the steps that may come next, with the states that they lead to.

    A step whose time nobody can tell is taken at once and alone: that leaves out many interleavings that come to the
    same.
    """
    store = dict(state.items)
    quiet = _quiet_process(world, state.processes, store)
    for pid, process in enumerate(state.processes):
        if quiet not in (None, pid) or not world.may_go_on(pid, state.processes):
            continue
        now = world.begin(pid, state.processes) if process.status == "idle" else process
        processes = _with(state.processes, pid, now)
        request = now.request()
        new_store, response = request.perform(store, world.running(processes))
        items = state.items if new_store is store else frozenset(new_store.items())
        responded = _with(processes, pid, world.respond(pid, now, response))
        yield Taken(pid, request, response), State(items, responded, state.crashes)
        if state.crashes and isinstance(request, DeleteEach):
            for failing in request.failures(store):
                new_store, response = failing.perform(store, world.running(processes))
                responded = _with(processes, pid, world.respond(pid, now, response))
                items = frozenset(new_store.items())
                yield Taken(pid, failing, response), State(items, responded, state.crashes - 1)
        if state.crashes and process.status == "running" and quiet is None:
            crashed = _with(processes, pid, process.crashed())
            yield Taken(pid, None, None), State(state.items, crashed, state.crashes - 1)


def _quiet_process(world: World, processes: tuple[Process, ...], store: Store) -> int | None:
    """Return a process whose next request commutes with all that others do, if there is one."""
    collects = world.configuration.collects
    for pid, process in enumerate(processes):
        if process.status == "running" and commutes(process.request(), store, collects=collects):
            return pid
    return None


def _with(processes: tuple[Process, ...], pid: int, process: Process) -> tuple[Process, ...]:
    return (*processes[:pid], process, *processes[pid + 1 :])


def _way_to(state: State, came_by: CameBy) -> tuple[Taken, ...]:
    steps = []
    before = came_by[state]
    while before is not None:
        state, taken = before
        steps.append(taken)
        before = came_by[state]
    return tuple(reversed(steps))
