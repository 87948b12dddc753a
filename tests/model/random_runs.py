"""Random runs of three to five processes: larger than what can be explored exhaustively, and only sampled."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

from .checker import Taken, Violation
from .configurations import EARLY_C, A, B
from .promises import Broken, broken_promise
from .store import COMBINED, WRITES, DeleteEach, Request, Response
from .world import FOLLOWING_CALLS, PROCESS_NAMES, Call, Configuration, HeldBack, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .calls import Safeguard

C = EARLY_C._replace(date=2)
RUNS_EACH = 30
CHANCE_TO_SWITCH = 0.25
CHANCE_TO_CRASH = 0.02
CHANCE_TO_FAIL = 0.2
CHANCE_TO_REPEAT = 0.05
CHANCE_TO_ARRIVE = 0.1
CHANCE_STORED = 0.6
CHANCE_JOURNALED = 0.3
CHANCE_AS_BEGUN = 0.5
CHANCE_SLOW = 0.2
CHANCE_LAGGING = 0.4
CALL_NAMES = (
    *("put", "put", "put_many", "update_event", "delete_event", "get"),
    *("journal", "journal", "compact", "update", "update_some", "replay", "replay_part", "collect_garbage", "recover"),
    *("follow", "follow", "follow_changes", "follow_changes", "tick", "tick"),
)
AHEAD = ((), (2,), (2, 1), (1, 2))
SHARES = ((), (0, 1), (1,), (1, 2))
"""Which of the new journals a journaler takes: all, the first, those after it, the second."""
FOLLOWING: tuple[Call, ...] = (((1, 2),), ((2,),), ((1, 1, 2),), ((1, -2, 2),), ((1, 2), True))
RANGES: dict[str, tuple[Call, ...]] = {
    "replay_part": ((0,), (1,)),
    "follow": FOLLOWING,
    "follow_changes": FOLLOWING,
}
DATES = {"a": 1, "b": 1, "c": 2}


def random_runs(
    seconds: float, seed: int, safeguards: frozenset[Safeguard]
) -> Iterator[tuple[Configuration, Violation | None]]:
    """Yield a configuration and the promise that one run of it broke, if it did, for that many seconds."""
    random = Random(seed)  # noqa: S311 (no secret)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        configuration = _configuration(random)
        world = World(configuration, safeguards)
        for _ in range(RUNS_EACH):
            broken, steps = run_once(world, random)
            yield configuration, Violation(str(broken), steps) if broken is not None else None
            if broken is not None:
                break


def _configuration(random: Random) -> Configuration:
    programs = tuple(
        tuple(_call(random, f"{process}{number}") for number in range(random.randint(1, 3)))
        for process in range(random.randint(3, 5))
    )
    follows = any(call[0] in {*FOLLOWING_CALLS, "tick"} for program in programs for call in program)
    return Configuration(
        programs=programs,
        stored=tuple(
            stored._replace(version=COMBINED) if random.random() < CHANCE_JOURNALED else stored
            for stored in (A, B, C)
            if random.random() < CHANCE_STORED
        ),
        crashes=random.randint(0, 2),
        collects=True,
        as_begun=random.random() < CHANCE_AS_BEGUN,
        ahead=random.choice(AHEAD),
        repeats=random.randint(0, 2),
        slow="".join(name for name in PROCESS_NAMES if random.random() < CHANCE_SLOW),
        lagging="".join(name for name in PROCESS_NAMES if random.random() < CHANCE_LAGGING) if follows else None,
    )


def _call(random: Random, data: str) -> Call:
    name = random.choice(CALL_NAMES)
    event_id = random.choice(list(DATES))
    if name == "put":
        return (name, event_id, f"p{data}", DATES[event_id])
    if name == "put_many":
        return (name, tuple((one, f"m{data}", DATES[one]) for one in ("a", "c")))
    if name == "update_event":
        return (name, event_id, f"u{data}")
    if name == "journal":
        return (name, 0, *random.choice(SHARES))
    if name in RANGES:
        return (name, *random.choice(RANGES[name]))
    return (name, event_id) if name in ("delete_event", "get") else (name,)


def run_once(world: World, random: Random) -> tuple[Broken | None, tuple[Taken, ...]]:
    """Run once, mostly letting one process go on for a while: long sleeps of the others are what breaks protocols."""
    run = _Run(world, random)
    chosen = -1
    while able := [pid for pid in range(len(run.processes)) if world.may_go_on(pid, tuple(run.processes))]:
        if chosen not in able or random.random() < CHANCE_TO_SWITCH:
            chosen = random.choice(able)
        if run.late and random.random() < CHANCE_TO_ARRIVE:
            run.let_arrive()
        elif run.crashes and run.processes[chosen].status == "running" and random.random() < CHANCE_TO_CRASH:
            run.crash(chosen)
        else:
            run.go_on(chosen)
    while run.late:
        run.let_arrive()
    return broken_promise(world, run.store, tuple(run.processes)), tuple(run.steps)


class _Run:
    """One run as far as it has come."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.store = world.store
        self.processes = list(world.processes)
        self.crashes = world.configuration.crashes
        self.repeats = world.configuration.repeats
        self.late: tuple[HeldBack, ...] = ()
        self.steps: list[Taken] = []

    def go_on(self, pid: int) -> None:
        """Let a process make its next request, and perhaps send it twice."""
        if self.processes[pid].status == "idle":
            self.processes[pid] = self.world.begin(pid, tuple(self.processes))
        request = self.processes[pid].request()
        if self.repeats and isinstance(request, WRITES) and self.random.random() < CHANCE_TO_REPEAT:
            self.repeats -= 1
            self.late = (*self.late, self.world.held_back(pid, self.processes[pid]))
            self.steps.append(Taken(pid, request, None, "sends twice: "))
            return
        if self.crashes and isinstance(request, DeleteEach) and self.random.random() < CHANCE_TO_FAIL:
            request = self.random.choice([request, *request.failures(self.store)])
            self.crashes -= request.fails is not None
        response = self._perform(pid, request, "")
        self.processes[pid] = self.world.respond(pid, self.processes[pid], response)

    def let_arrive(self) -> None:
        """Let a request arrive that was held back."""
        held = self.random.choice(self.late)
        self.late = tuple(one for one in self.late if one is not held)
        self._perform(held.call.process, held.request, "late: ")

    def crash(self, pid: int) -> None:
        """End a process."""
        self.processes[pid] = self.processes[pid].crashed()
        self.crashes -= 1
        self.steps.append(Taken(pid, None, None))

    def _perform(self, pid: int, request: Request, how: str) -> Response:
        running = self.world.running(tuple(self.processes), self.late)
        self.store, response = request.perform(self.store, running)
        self.steps.append(Taken(pid, request, response, how))
        return response
