"""Random runs of three to five processes: larger than what can be explored exhaustively, and only sampled."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

from .checker import Taken, Violation
from .configurations import EARLY_C, A, B
from .promises import Broken, broken_promise
from .store import DeleteEach
from .world import Call, Configuration, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .calls import Safeguard

C = EARLY_C._replace(date=2)
RUNS_EACH = 30
CHANCE_TO_SWITCH = 0.25
CHANCE_TO_CRASH = 0.02
CHANCE_TO_FAIL = 0.2
CHANCE_STORED = 0.6
CHANCE_MARKS_FIRST = 0.5
CALL_NAMES = (
    *("put", "put", "put_many", "update_event", "delete_event", "get"),
    *("journal", "journal", "update", "replay", "collect_garbage", "recover"),
)
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
            broken, steps = _run(world, random)
            yield configuration, Violation(str(broken), steps) if broken is not None else None
            if broken is not None:
                break


def _configuration(random: Random) -> Configuration:
    return Configuration(
        programs=tuple(
            tuple(_call(random, f"{process}{number}") for number in range(random.randint(1, 3)))
            for process in range(random.randint(3, 5))
        ),
        stored=tuple(stored for stored in (A, B, C) if random.random() < CHANCE_STORED),
        crashes=random.randint(0, 2),
        collects=True,
        marks_first=random.random() < CHANCE_MARKS_FIRST,
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
    return (name, event_id) if name in ("delete_event", "get") else (name,)


def _run(world: World, random: Random) -> tuple[Broken | None, tuple[Taken, ...]]:
    """Run once, mostly letting one process go on for a while: long sleeps of the others are what breaks protocols."""
    store, processes, crashes = world.store, list(world.processes), world.configuration.crashes
    steps = []
    chosen = -1
    while able := [pid for pid in range(len(processes)) if world.may_go_on(pid, tuple(processes))]:
        if chosen not in able or random.random() < CHANCE_TO_SWITCH:
            chosen = random.choice(able)
        if crashes and processes[chosen].status == "running" and random.random() < CHANCE_TO_CRASH:
            processes[chosen] = processes[chosen].crashed()
            crashes -= 1
            steps.append(Taken(chosen, None, None))
            continue
        if processes[chosen].status == "idle":
            processes[chosen] = world.begin(chosen, tuple(processes))
        request = processes[chosen].request()
        if crashes and isinstance(request, DeleteEach) and random.random() < CHANCE_TO_FAIL:
            request = random.choice([request, *request.failures(store)])
            crashes -= request.fails is not None
        store, response = request.perform(store, world.running(tuple(processes)))
        steps.append(Taken(chosen, request, response))
        processes[chosen] = world.respond(chosen, processes[chosen], response)
    return broken_promise(world, store, tuple(processes)), tuple(steps)
