"""The crew of one round: starts the workers, kills them, stops them and lets them go on, at random."""

import heapq
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from multiprocessing.process import BaseProcess

from . import roles
from .plan import Plan

FORK = multiprocessing.get_context("fork")
PAUSE = 7.0
"""Seconds between two blows to one worker, about."""
AFTERMATH = 1.0
"""Seconds until the one writer that is allowed is followed by another, when its last request has ended."""


class Crew:
    """The workers of a round."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._chance = random.Random(f"{plan.seed} killer")  # noqa: S311 - to be repeated, not to be secret
        self._numbers = count(1)
        self._workers: dict[str, BaseProcess] = {}
        self._due: list[tuple[float, int, str, str]] = []
        """What is to happen when: (time, a number to order by, "go on" or "start", role)."""
        self._stopped: set[str] = set()
        self.done: Counter[str] = Counter()
        """What was done to them."""
        self.crashed: list[str] = []
        """Workers that ended otherwise than by what is done here."""

    def run(self) -> None:
        """Let them work for the round's time; when this returns all have ended."""
        self._until = time.monotonic() + self._plan.times.seconds
        try:
            for role in roles.crew(self._plan):
                self._start(role)
            while (now := time.monotonic()) < self._until:
                self._do_due(now)
                time.sleep(self._chance.uniform(0, PAUSE / (len(self._workers) + 1)))
                self._strike()
            self._end()
        finally:
            for process in self._workers.values():
                process.kill()
                process.join()

    def _start(self, role: str) -> None:
        name = f"{role}-{next(self._numbers):03}"
        process = FORK.Process(target=roles.work, args=(self._plan, name, role, self._until), name=name)
        process.start()
        self._workers[role] = process

    def _strike(self) -> None:
        """Kill a worker, or stop it for a while; start again what has killed itself, since its call took too long."""
        for role, process in list(self._workers.items()):
            if process.exitcode:
                self._note_end(process)
                self._replace(role, process)
        role = self._chance.choice(list(self._workers) or [""])
        if role and self._chance.random() < 0.5:
            self.done["kills"] += 1
            self._workers[role].kill()
            self._replace(role, self._workers[role])
        elif role and role not in self._stopped:
            self.done["stops"] += 1
            self._signal(role, signal.SIGSTOP)
            self._stopped.add(role)
            self._plan_for(self._chance.uniform(0.02, self._plan.times.stop), "go on", role)

    def _note_end(self, process: BaseProcess) -> None:
        if process.exitcode == -signal.SIGALRM:
            self.done["calls that took too long"] += 1
        elif process.exitcode:
            self.crashed.append(f"{process.name} ended with {process.exitcode}")

    def _replace(self, role: str, process: BaseProcess) -> None:
        process.join()
        del self._workers[role]
        self._stopped.discard(role)
        wait = AFTERMATH if self._plan.one_writer else self._chance.choice((0, 0, 0.5))
        self._plan_for(wait, "start", role)

    def _plan_for(self, seconds: float, what: str, role: str) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), what, role))

    def _do_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, _, what, role = heapq.heappop(self._due)
            if what == "start":
                self._start(role)
            elif role in self._stopped:
                self._stopped.discard(role)
                self._signal(role, signal.SIGCONT)

    def _signal(self, role: str, number: signal.Signals) -> None:
        process = self._workers.get(role)
        if process is not None and process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def _end(self) -> None:
        """Let all go on, and wait until their last calls have ended."""
        for role in self._stopped:
            self._signal(role, signal.SIGCONT)
        last = time.monotonic() + self._plan.times.limit + 1
        for process in self._workers.values():
            process.join(max(0, last - time.monotonic()))
            self._note_end(process)
