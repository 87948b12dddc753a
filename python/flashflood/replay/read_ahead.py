"""How much of a replay is under way at a time: more where the process waits for a far server."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any

READ_AHEAD = 8_000_000
"""Bytes of event data under way at first, and half as many of manifests: enough where the network is near, and little
memory to touch. Each time that the process waits for `PAUSE` seconds, and uses less than the part `BUSY` of one core
meanwhile, they become `FURTHER` times as many, up to what the budget allows."""
PAUSE = 0.02
BUSY = 0.5
FURTHER = 4


class ReadAhead:
    """How many bytes may be under way before their events are asked for."""

    def __init__(self, memory_budget: int, *, is_on: bool) -> None:
        """Allow half of the budget at most. Off: only what the next event takes."""
        self.is_on = is_on
        self._most = memory_budget // 2
        self.size = min(READ_AHEAD, self._most)
        """Bytes of event data; of manifests, half as many."""

    def wait_for(self, answers: Iterable[Future[Any]], start_more: Callable[[], None]) -> None:
        """Wait for answers; where the process has little to do meanwhile, let more be under way.

        Then it is latency that it waits for. Where the process is busy, more would only take memory.
        """
        while self.is_on and self.size < self._most:
            begun, busy = time.monotonic(), time.process_time()
            if not wait(answers, PAUSE).not_done:
                return
            if time.process_time() - busy > BUSY * (time.monotonic() - begun):
                return
            self.size = min(FURTHER * self.size, self._most)
            start_more()
