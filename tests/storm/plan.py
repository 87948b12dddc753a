"""What is to be run: a course is one kind of store with one kind of surroundings, in rounds, each on an empty store."""

import os
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = {
    "reset": 0.006,
    "lose answer": 0.008,
    "cut body": 0.006,
    "delay": 0.03,
    "duplicate": 0.008,
    "copy later": 0.008,
    "hold": 0.004,
    "503": 0.006,
    "500": 0.005,
    "500 but done": 0.005,
    "half a delete": 0.4,
    "ignore range": 0.05,
    "date off": 0.05,
}
"""What the proxy does to a request, and the part of the requests (of those it can be done to) that it does it to."""
UNSIGNED = frozenset({"half a delete", "ignore range"})
"""Those that change a request, which a server that checks signatures refuses."""
FOR_ONE_WRITER = frozenset({"reset", "lose answer", "cut body", "503", "500", "500 but done", "duplicate"})
"""Those that leave nothing of a dead writer's on its way: it would be a second one."""
LONGEST_ROUND = 60
"""Seconds: the longer a round, the longer the histories and the more events `check` and `repair` look at."""
SHORTEST_GRACE = 12


@dataclass(frozen=True)
class Times:
    """Seconds. No call may last longer than half of the grace time, and nothing of it may come later: see `limit`."""

    seconds: float
    """How long a round lasts."""

    @property
    def grace(self) -> float:
        """How long something is dead before it is collected."""
        return max(SHORTEST_GRACE, self.seconds / 2.5)

    @property
    def limit(self) -> float:
        """When a process is killed whose call has not ended."""
        return self.grace / 3

    @property
    def hold(self) -> float:
        """How long a request is held back at most, its process dead or not."""
        return self.grace / 5

    @property
    def stop(self) -> float:
        """How long a process is stopped at most."""
        return self.grace / 8

    @property
    def timeout(self) -> float:
        """How long a client waits for an answer."""
        return self.grace / 10


@dataclass(frozen=True)
class Course:
    """One kind of store, and what is done to it."""

    store: str
    """folder, sqlite, moto or rgw."""
    faults: frozenset[str] = frozenset()
    """Names of `FAULTS`. None: there is no proxy."""
    conditional: bool = True
    """Whether the proxy lets If-None-Match through. Otherwise there is one writer."""
    pages: tuple[int, ...] = (7, 1000)
    """Keys on a page of a listing, round by round."""

    @property
    def is_direct(self) -> bool:
        """Whether nothing is between clients and the store."""
        return not self.faults and self.conditional

    def __str__(self) -> str:
        """Name it as the report does."""
        through = "" if self.is_direct else " through the proxy" if self.conditional else " without If-None-Match"
        return self.store + through


COURSES = (
    Course("folder"),
    Course("sqlite"),
    Course("moto"),
    Course("rgw"),
    Course("moto", frozenset(FAULTS)),
    Course("rgw", frozenset(FAULTS) - UNSIGNED),
    Course("moto", FOR_ONE_WRITER, conditional=False),
)


@dataclass(frozen=True)
class Plan:
    """What the processes of one round are told."""

    seed: str
    times: Times
    page: int
    logs: str
    """The folder of the logs."""
    url: str
    """Where the store is, as `FlashFlood.open` takes it."""
    environment: dict[str, str] = field(default_factory=dict)
    """With which the store is reached, through the proxy if there is one."""
    one_writer: bool = False
    hot: int = 60
    """How many ids all workers share."""

    @property
    def folder(self) -> str | None:
        """The folder that is the store, or has its file. None: it is on a server."""
        if self.url.startswith("s3://"):
            return None
        return self.url if self.url.endswith("/") else str(Path(self.url).parent)


def in_ci() -> bool:
    """Whether nothing may be left out."""
    return os.environ.get("CI") == "true"
