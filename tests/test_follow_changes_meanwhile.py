"""A copy that is kept by a follower that is killed, beside processes that change events and are killed too.

It ends as the store is: with what `get_event` gives, and, once what was left behind is finished, with what replay does.
"""

import random
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import AT_ONCE, at

from flashflood import FlashFlood, FlashFloodEventExistsError, FlashFloodEventNotFound, FlashFloodJournalingError
from flashflood.records import ledger

MODULE = "test_follow_changes_meanwhile"
LIVES = 2
IDS = 12


def change(url: str, name: str) -> None:
    """Put, update and delete events of few ids, at different dates; tell of changes."""
    ff = FlashFlood.open(url)
    chance = random.Random(name)  # noqa: S311 - to be repeated, not to be secret
    for number in count():
        time.sleep(0.02)
        event_id = f"id {chance.randrange(IDS)}"
        data = f"{name} {number}".encode()
        with suppress(FlashFloodEventNotFound, FlashFloodEventExistsError):
            match chance.randrange(6):
                case 0 | 1:
                    ff.put(data, event_id, at(chance.randrange(100)))
                case 2:
                    ff.delete_event(event_id)
                    tell("delete")
                case _:
                    ff.update_event(event_id, data)
                    tell("update")


def keep(url: str, cursor: str | None) -> None:
    """Tell each item with the cursor after it."""
    follower = FlashFlood.open(url).follow(cursor, changes=True, every=timedelta(seconds=0.1))
    for kind, event in follower:
        tell((kind, event.event_id, event.data.decode(), follower.cursor))


class Copy:
    """What was made of what followers told."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {}
        self.cursor: str | None = None
        self.kinds: set[str] = set()

    def take(self, told: list[Any]) -> None:
        """Take what one told."""
        for kind, event_id, data, self.cursor in told:
            self.kinds.add(kind)
            if kind == "delete":
                self.data.pop(event_id, None)
            else:
                self.data[event_id] = data

    def catch_up(self, ff: FlashFlood) -> None:
        """Go on until all is taken."""
        follower = ff.follow(self.cursor, changes=True, wait=False)
        for kind, event in follower:
            self.take([(kind, event.event_id, event.data.decode(), follower.cursor)])
        self.cursor = follower.cursor


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_a_copy_ends_as_the_store_is_whoever_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(place.kind)  # noqa: S311 - to be repeated, not to be secret
    copy = Copy()
    for life in range(LIVES):
        with ExitStack() as stack:
            writers = [worker(stack, place, MODULE, "change", f"{life} of writer {number}") for number in range(2)]
            worker(stack, place, "test_follow_meanwhile", "upkeep", f"{life}")
            follower = worker(stack, place, MODULE, "keep", copy.cursor)
            for writer in writers * 2:
                writer.hear()
            copy.take([follower.hear()])
            time.sleep(chance.uniform(0.3, 0.8))
            copy.take(follower.kill())
    ff = place.open()
    copy.catch_up(ff)
    ids = [f"id {number}" for number in range(IDS)]
    assert copy.data == {event.event_id: event.data.decode() for event in ff.get_events(ids, on_missing="skip")}
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    for _ in range(2):
        with suppress(FlashFloodJournalingError):
            ff.journal(1)
        ff.update(None)
    copy.catch_up(ff)
    assert copy.data == {event.event_id: event.data.decode() for event in ff.replay()}
    assert {"put", "update"} <= copy.kinds


def worker(stack: ExitStack, place: Place, module: str, function: str, argument: str | None) -> Worker:
    return stack.enter_context(Worker(place.env, module, function, place.url, argument))
