"""One process of the storm: a fresh client that calls, one call after the other, and logs each before and after.

It is forked from the storm's main process, which has imported the package and has made no request and no thread.
"""

import ctypes
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import boto3
import urllib3.exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from flashflood import (
    FlashFlood,
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
    context,
    dates,
)
from flashflood.records import ledger
from flashflood.store import local, sqlite

from .content import data_of
from .log import Log
from .plan import Plan

SESSION = boto3.Session()
"""Made before the fork: it keeps the service's description, which takes 0.1 seconds to load."""
PR_SET_PDEATHSIG = 1
LEFT_BEHIND = timedelta(seconds=2)
"""When a combination counts as left behind: a minute would be longer than most rounds."""
CLOCKS = (0.0, 0.0, 2.0, -30.0, 3600.0, -86_400.0, 3 * 86_400.0, -40 * 86_400.0)
"""By how many seconds a process's clock is off."""
_OUTCOMES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (FlashFloodEventExistsError, "exists"),
    (FlashFloodEventNotFound, "notfound"),
    (FlashFloodJournalingError, "too few"),
    (FlashFloodCorruptionError, "corrupt"),
    (FlashFloodException, "refused"),
    ((BotoCoreError, ClientError, urllib3.exceptions.HTTPError, OSError), "server"),
)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def set_clock(seconds: float) -> None:
    """Have this process's clock off, as far as the package's own timestamps go.

    The monotonic clock, which the log needs, stays true, and so does the one that requests are signed by. A folder's
    times are its server's.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    setattr(dates, "datetime", Clock)  # noqa: B010 - mypy knows it as a class that is imported


def hurry(plan: Plan) -> None:
    """Bring the package's times down to what a round has, and its pages to what the plan asks for; let it be silent."""
    logging.getLogger("flashflood").setLevel(logging.CRITICAL)
    context.GRACE = timedelta(seconds=plan.times.grace)
    set_grace(context.GRACE)
    ledger.LEFT_BEHIND = LEFT_BEHIND
    local.PAGE_SIZE = sqlite.PAGE_SIZE = plan.page
    setattr(os, "fsync", lambda _: None)  # noqa: B010 - nobody pulls the plug


def set_grace(grace: timedelta) -> None:
    """Set the grace time in all modules that have taken it over from `context`, by which writers stop."""
    for name, module in list(sys.modules.items()):
        if name.startswith("flashflood.") and module is not context and hasattr(module, "GRACE"):
            setattr(module, "GRACE", grace)  # noqa: B010 - a module's, whichever


def open_store(plan: Plan, *, patient: bool = False) -> FlashFlood:
    """Open a fresh FlashFlood. `patient`: with no limit to a page, and with time."""
    if plan.folder is not None:
        return FlashFlood.open(plan.url)
    timeout = 60 if patient else plan.times.timeout
    config = Config(
        max_pool_connections=4,
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"mode": "standard", "max_attempts": 4},
    )
    client = SESSION.client("s3", config=config, **options(plan.environment))
    if not patient:
        client.meta.events.register("provide-client-params.s3.ListObjectsV2", _small_pages(plan.page))
    bucket, _, prefix = plan.url.removeprefix("s3://").partition("/")
    return FlashFlood(client, bucket, prefix)


def options(environment: dict[str, str]) -> dict[str, Any]:
    """Give boto3's arguments for a server that environment variables name."""
    return {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_DEFAULT_REGION"],
    }


def _small_pages(size: int) -> Callable[..., None]:
    def ask(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = size

    return ask


class Worker:
    """A process with its client, its log and its chance; `made` is the way for every call."""

    def __init__(self, plan: Plan, name: str, *, patient: bool = False) -> None:
        """Be this process from now on."""
        die_with_parent()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.plan = plan
        self.limit = 0.0 if patient else plan.times.limit
        self.chance = random.Random(f"{plan.seed} {name}")  # noqa: S311 - to be repeated, not to be secret
        hurry(plan)
        if not patient:
            set_clock(self.chance.choice(CLOCKS))
        self.log = Log(plan.logs, name)
        self.ff = open_store(plan, patient=patient)
        self.seen: list[str] = []
        """Ids that this worker has read in a replay."""

    def token(self) -> str:
        """Give a token for the call that comes next."""
        return f"{self.log.name}.{self.log.calls + 1:05}"

    def made(self, call: str, do: Callable[[], Any], **arguments: object) -> Any:  # noqa: ANN401 - whatever it gives
        """Make a call, log it, and give its result, or None where it failed.

        A call that takes too long ends with this process, by a signal without a handler, also where it was stopped.
        """
        number = self.log.begin(call, arguments)
        signal.setitimer(signal.ITIMER_REAL, self.limit)
        result, error = _tried(do)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._end(number, result, error)
        return result

    def made_together(self, events: Iterable[tuple[str, str, datetime]]) -> None:
        """Put events (id, token, date) through one writer; each is a call of its own, and all are under way at once."""
        signal.setitimer(signal.ITIMER_REAL, self.limit)
        with self.ff.writer() as writer:
            begun = [
                (self.log.begin("put", {"id": event_id, "token": token}), writer.put(data_of(token), event_id, date))
                for event_id, token, date in events
            ]
            for number, future in begun:
                event, error = _tried(future.result)
                self._end(number, bool(event), error)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, number: int, result: object, error: Exception | None) -> None:
        """Log how a call ended; whoever checks the log judges an error."""
        if error is None:
            self.log.end(number, "done", result)
            return
        outcome = next((name for kind, name in _OUTCOMES if isinstance(error, kind)), "bug")
        self.log.end(number, outcome, f"{type(error).__name__}: {error}"[:2000])

    def rest(self, most: float) -> None:
        """Let others work for a random while."""
        time.sleep(self.chance.uniform(0, most))


def _tried(do: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return do(), None
    except Exception as error:  # noqa: BLE001 - it is logged
        return None, error
