"""Every interleaving of a configuration, with crashes anywhere, breadth first: the shortest way is found first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .promises import broken_promise
from .store import WRITES, DeleteEach, Key, Request, Response, Store, commutes
from .world import PROCESS_NAMES, HeldBack, Process, World

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN_CHARACTERS = 150


class Taken(NamedTuple):
    """One step of a run: a process made a request and got a response, or (request None) crashed.

    `how` names any other step: a request is sent twice, or one that was held back arrives.
    """

    pid: int
    request: Request | None
    response: Response
    how: str = ""

    def __str__(self) -> str:
        """Show the step in one line."""
        if self.request is None:
            return f"{PROCESS_NAMES[self.pid]} crashes"
        return f"{PROCESS_NAMES[self.pid]} {self.how}{self.request} -> {self.response}"[:SHOWN_CHARACTERS]


class State(NamedTuple):
    """A state of the whole: what the store holds, the processes, and how many crashes or failures may still happen.

    `late`: requests that were held back, and arrive at any time. `repeats`: how many more may be held back.
    """

    items: frozenset[tuple[Key, Any]]
    processes: tuple[Process, ...]
    crashes: int
    repeats: int = 0
    late: tuple[HeldBack, ...] = ()


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
    here = world.configuration
    start = State(frozenset(world.store.items()), world.processes, here.crashes, here.repeats)
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

    Where nobody can tell when a step is taken, it is taken at once, and no other one beside it: that leaves out many
    interleavings that end the same.
    """
    store = dict(state.items)
    quiet = _quiet_process(world, state.processes, store)
    for pid, process in enumerate(state.processes):
        if quiet not in (None, pid) or not world.may_go_on(pid, state.processes):
            continue
        now = world.begin(pid, state.processes) if process.status == "idle" else process
        processes = _with(state.processes, pid, now)
        request = now.request()
        running = world.running(processes, state.late)
        new_store, response = request.perform(store, running)
        items = state.items if new_store is store else frozenset(new_store.items())
        responded = _with(processes, pid, world.respond(pid, now, response))
        yield Taken(pid, request, response), state._replace(items=items, processes=responded)
        if state.crashes and isinstance(request, DeleteEach):
            for failing in request.failures(store):
                new_store, response = failing.perform(store, running)
                responded = _with(processes, pid, world.respond(pid, now, response))
                items = frozenset(new_store.items())
                fewer = state.crashes - 1
                yield Taken(pid, failing, response), state._replace(items=items, processes=responded, crashes=fewer)
        if state.crashes and process.status == "running" and quiet is None:
            crashed = _with(processes, pid, process.crashed())
            yield Taken(pid, None, None), state._replace(processes=crashed, crashes=state.crashes - 1)
        if state.repeats and isinstance(request, WRITES) and quiet is None:
            late = (*state.late, world.held_back(pid, now))
            twice = state._replace(processes=processes, repeats=state.repeats - 1, late=late)
            yield Taken(pid, request, None, "sends twice: "), twice
    if quiet is None:
        yield from _arrivals(world, state, store)


def _arrivals(world: World, state: State, store: Store) -> Iterator[tuple[Taken, State]]:
    """Yield the arrivals of requests that were held back."""
    for held in state.late:
        new_store, response = held.request.perform(store, world.running(state.processes, state.late))
        late = tuple(one for one in state.late if one is not held)
        arrived = state._replace(items=frozenset(new_store.items()), late=late)
        yield Taken(held.call.process, held.request, response, "late: "), arrived


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
