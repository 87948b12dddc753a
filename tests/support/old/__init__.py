"""FlashFlood 0.4.3 itself, in a process of its own: the oracle for the layout, and the witness of its own faults."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flashflood import Event

REPOSITORY = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("FLASHFLOOD_043", REPOSITORY / "build" / "flash-flood-0.4.3")).resolve()
"""Where 0.4.3 and what it needs are installed (`make test` does it)."""


class OldError(Exception):
    """An exception that 0.4.3 raised. `kind` is its class's name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


def encoded(value: object) -> object:
    """Give what JSON can carry of an argument."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"date": value.isoformat()}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value


def decoded(value: Any) -> Any:  # noqa: ANN401 - JSON has no type
    """Give the opposite of the driver's `encoded`, for results."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    if "date" in value:
        return datetime.fromisoformat(value["date"])
    if "event" in value:
        return Event(*decoded(value["event"]))
    return {key: decoded(item) for key, item in value.items()}


class OldFlashFlood:
    """A FlashFlood 0.4.3 on one store: its calls with its arguments, and those of `driver.Calls` through `ask`."""

    def __init__(self, process: "OldProcess", bucket: str, prefix: str) -> None:
        self._process = process
        self._store = {"bucket": bucket, "prefix": prefix}

    def ask(self, call: str, **arguments: object) -> Any:  # noqa: ANN401 - whatever the call gives
        """Do the call; its result, or an `OldError`."""
        question = {"call": call, "arguments": {name: encoded(value) for name, value in arguments.items()}}
        return self._process.ask({**self._store, **question})

    def put(self, data: bytes, event_id: str | None = None, date: datetime | None = None) -> Event:
        """As 0.4.3's `put`."""
        event = self.ask("put", data=data, event_id=event_id, date=date)
        assert isinstance(event, Event)
        return event

    def get_event(self, event_id: str) -> Event:
        """As 0.4.3's `get_event`."""
        event = self.ask("get_event", event_id=event_id)
        assert isinstance(event, Event)
        return event

    def event_exists(self, event_id: str) -> bool:
        """As 0.4.3's `event_exists`."""
        return bool(self.ask("event_exists", event_id=event_id))

    def update_event(self, event_id: str, new_data: bytes) -> None:
        """As 0.4.3's `update_event`."""
        self.ask("update_event", event_id=event_id, new_data=new_data)

    def delete_event(self, event_id: str) -> None:
        """As 0.4.3's `delete_event`."""
        self.ask("delete_event", event_id=event_id)

    def update(self, number_of_updates_to_apply: int | None = 1000) -> int:
        """As 0.4.3's `update`."""
        return int(self.ask("update", number_of_updates_to_apply=number_of_updates_to_apply))

    def journal(self, minimum_number_of_events: int = 100, minimum_size: int | None = None) -> None:
        """As 0.4.3's `journal`."""
        self.ask("journal", minimum_number_of_events=minimum_number_of_events, minimum_size=minimum_size)

    def replay(self, from_date: datetime | None = None, to_date: datetime | None = None) -> list[Event]:
        """As 0.4.3's `replay`, all of it."""
        events = self.ask("replay", from_date=from_date, to_date=to_date)
        assert isinstance(events, list)
        return events

    def list_journals(self, from_date: datetime | None = None, to_date: datetime | None = None) -> list[str]:
        """As 0.4.3's `list_journals`, all of it."""
        return list(self.ask("list_journals", from_date=from_date, to_date=to_date))

    def combine(self, journal_ids: list[str]) -> str | None:
        """0.4.3's `combine_journals` of these; the new journal's id, None where nothing is left."""
        result = self.ask("combine_journals", journal_ids=[str(item) for item in journal_ids])
        return None if result is None else str(result)


class OldProcess:
    """A Python process that runs `driver.py` with 0.4.3, until `close`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        variables = {**os.environ, **environment, "PYTHONPATH": str(FOLDER), "FLASHFLOOD_043": str(FOLDER)}
        command = [sys.executable, str(Path(__file__).with_name("driver.py"))]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, env=variables, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )

    def ask(self, question: Mapping[str, object]) -> Any:  # noqa: ANN401 - whatever the call gives
        """Send one question and wait for its answer."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the process of FlashFlood 0.4.3 has ended; is it installed in {FOLDER}? `make test` does that"
        reply = json.loads(line)
        if "error" in reply:
            raise OldError(*reply["error"])
        return decoded(reply["result"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


class OldProcesses:
    """At most one process of 0.4.3 for each server, kept for many tests."""

    def __init__(self) -> None:
        self._processes: dict[tuple[tuple[str, str], ...], OldProcess] = {}

    def of(self, environment: Mapping[str, str]) -> OldProcess:
        """Give the process for the server that the environment names."""
        key = tuple(sorted(environment.items()))
        if key not in self._processes:
            self._processes[key] = OldProcess(environment)
        return self._processes[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.close()
