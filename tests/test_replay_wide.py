"""Replay of many journals of the same time: what the first event takes; what is cut from stretches is what was put."""

from collections.abc import Callable
from random import Random
from threading import Lock
from time import sleep
from typing import TypeVar

import pytest
from support.samples import at
from support.watched import Counted, on

from flashflood import FlashFlood
from flashflood.store import Store

Answer = TypeVar("Answer")


class FarReads(Counted):
    """A far store; `most` says how many requests were under way at one time."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.is_near = False
        self.workers = 4
        self.most = self._under_way = 0
        self._lock = Lock()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        sleep(0.002)
        with self._lock:
            self._under_way -= 1
            return super().request(method, key, send)

    def gets(self, folder: str) -> int:
        return sum(method == "get" and key.startswith(folder) for method, key in self.requests)


def test_many_journals_of_the_same_time_are_replayed_in_order_whatever_the_range_and_the_budget() -> None:
    ff, stored = FlashFlood.open("memory://"), []
    random = Random(5)  # noqa: S311  a test is no secret
    for journal in range(20):
        events = [
            (bytes([journal]) * random.choice([0, 10, 800, 3000]), f"{journal}.{number}", at(random.randrange(900)))
            for number in range(120)
        ]
        list(ff.put_many(events))
        stored += [(date, event_id, data) for data, event_id, date in events]
    for budget in [0, 10**5, 10**6, 4 * 10**6, 160 * 10**6] * 3:
        start, end = sorted(at(random.randrange(900)) for _ in range(2))
        expected = sorted(event for event in stored if start < event[0] <= end)
        replayed = [(event.date, event.event_id, event.data) for event in ff.replay(start, end, memory_budget=budget)]
        assert replayed == expected


@pytest.mark.parametrize("budget", [0, 160_000_000])
def test_the_first_of_many_events_of_one_date_takes_the_manifest_of_each_and_one_blob(budget: int) -> None:
    ff = FlashFlood.open("memory://")
    ids = [f"{number:02}" for number in range(40)]
    for event_id in Random(1).sample(ids, len(ids)):  # noqa: S311  a test is no secret
        ff.put(event_id, event_id, at(1))
    ff.put(b"later", "later", at(2))
    store = FarReads(ff._ctx.store)  # noqa: SLF001  the store of a FlashFlood
    replay = on(store).replay(memory_budget=budget)
    assert next(replay).event_id == "00"
    assert (store.gets("journals/"), store.gets("blobs/")) == (len(ids), 1)
    assert (store.most > 1) == (budget > 0)
    assert [event.event_id for event in replay] == [*ids[1:], "later"]


def test_the_first_event_of_a_range_takes_the_journals_that_begin_by_then_side_by_side_and_no_others() -> None:
    ff = FlashFlood.open("memory://")
    for number in range(12):
        ff.put_many([(b"data", f"{minute}", at(minute)) for minute in (number, 50 + number)])
    store = FarReads(ff._ctx.store)  # noqa: SLF001  as above
    replay = on(store).replay(at(7.5))
    assert next(replay).event_id == "8"
    assert (store.gets("journals/"), store.gets("blobs/")) == (9, 1)
    assert store.most > 1
    assert [event.event_id for event in replay] == [f"{minute}" for minute in (9, 10, 11, *range(50, 62))]
