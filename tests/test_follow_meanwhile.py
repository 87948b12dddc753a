"""A follower that is killed, and goes on from its cursor, beside writers and journalers that are killed too.

Each event that was put is handed over once, those in order by place over all its lives; each that was not is at most
once.
"""

import random
import time
from collections import Counter
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from conftest import Place
from support.dated import Dated
from support.processes import Worker, tell
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Interrupted, Short, on

from flashflood import Event, FlashFlood, FlashFloodException, FlashFloodJournalingError
from flashflood.context import SLACK
from flashflood.records import ledger
from flashflood.store import open_store

MODULE = "test_follow_meanwhile"
LIVES = 3


def begin(ff: FlashFlood, store: Dated) -> None:
    """Put events, some of them long ago, of which some have been journaled."""
    put_journaled(ff, "0", "1", "5", "6", start=0)
    put_new(ff, "7", "8", "9", start=7)
    store.passes(2 * SLACK)
    put_journaled(ff, "10", "11", start=10)
    put_new(ff, "12", "13", start=12)


def work(ff: FlashFlood) -> None:
    """Put late events and others among those that are there, and combine all twice, with an update."""
    put_new(ff, "late 2", start=2)
    ff.put_many([(b"", "late 1.5", at(1.5)), (b"", "in order 12.5", at(12.5))])
    put_new(ff, "in order 9.5", "in order 10.5", start=9)
    ff.update_event("12", b"updated")
    ff.journal(4)
    put_new(ff, "in order 14", start=14)
    ff.update()
    ff.combine_journals(list(ff.list_journals()))


def followed(ff: FlashFlood, cursor: str | None) -> tuple[list[str], str]:
    late: list[Event] = []
    follower = ff.follow(cursor, late=late.append, wait=False)
    in_order = list(follower)
    return [event.event_id for event in (*late, *in_order)], follower.cursor


def test_another_client_may_work_between_any_two_requests_of_a_poll() -> None:
    for number in count(1):
        dated = Dated(open_store("memory://"))
        ff = on(dated)
        put_new(ff, "3", "4", start=3)
        handed, cursor = followed(ff, None)
        begin(ff, dated)
        store = Interrupted(dated, number, partial(work, ff))
        for reader in (on(Short(store, 3)), ff):
            more, cursor = followed(reader, cursor)
            handed += more
            dated.passes(SLACK)
        assert sorted(handed) == sorted(event.event_id for event in ff.replay()), f"at request {number}"
        if not store.reached:
            break
    assert number > 20


def put_and_journal(ff: FlashFlood) -> None:
    """Put an event among those of one date, and journal all: what this makes comes behind them."""
    ff.put(b"", "among them", at(0))
    ff.journal(10)


@pytest.mark.parametrize("number", range(2, 6))
def test_an_event_that_comes_behind_a_page_and_is_journaled_onto_a_later_one_comes_once(number: int) -> None:
    for _ in range(20):  # by chance its key lies behind the page
        ff = on(open_store("memory://"))
        for one in range(8):
            ff.put(b"", f"{one}", at(0))
        ff.put(b"", "the end", at(1))
        store = Interrupted(ff._ctx.store, number, partial(put_and_journal, ff))  # noqa: SLF001
        handed, cursor = followed(on(Short(store, 3)), None)
        handed += followed(ff, cursor)[0]
        assert sorted(handed) == sorted(event.event_id for event in ff.replay())


def write(url: str, name: str) -> None:
    """Put events, now and then with a date long ago, singly and in batches, and update some; tell what is there."""
    ff = FlashFlood.open(url)
    chance = random.Random(name)  # noqa: S311 - to be repeated, not to be secret
    for number in count():
        time.sleep(0.05)
        minutes = [number if chance.random() < 0.8 else chance.randrange(-50, number + 1)] * chance.choice([1, 1, 3])
        ids = [f"{name} {number} {place}" for place, _ in enumerate(minutes)]
        events = [(b"data", event_id, at(minute)) for event_id, minute in zip(ids, minutes, strict=True)]
        if len(events) == 1:
            ff.put(*events[0])
        else:
            ff.put_many(events)
        tell(ids)
        if chance.random() < 0.3:
            ff.update_event(ids[0], b"updated")


def upkeep(url: str, name: str) -> None:
    """Journal, update and combine."""
    ledger.LEFT_BEHIND = AT_ONCE
    ff = FlashFlood.open(url)
    chance = random.Random(name)  # noqa: S311 - to be repeated, not to be secret
    while True:
        time.sleep(0.05)
        with suppress(FlashFloodException):
            match chance.randrange(4):
                case 0 | 1:
                    ff.journal(chance.randrange(1, 9))
                case 2:
                    ff.update()
                case 3:
                    journals = list(ff.list_journals())
                    begin = chance.randrange(len(journals) + 1)
                    ff.combine_journals(journals[begin : begin + 4] or journals[:1])


def follow(url: str, cursor: str | None) -> None:
    """Tell events with the cursor after them: in one line, as others do in one transaction."""
    done: list[tuple[str, float, bool]] = []

    def note(event: Event, *, is_late: bool) -> None:
        done.append((event.event_id, (event.date - at(0)).total_seconds(), is_late))

    def late(event: Event) -> None:
        commit()
        note(event, is_late=True)

    def commit() -> None:
        tell((done, follower.cursor))
        done.clear()

    follower = FlashFlood.open(url).follow(cursor, late=late, every=timedelta(seconds=0.1))
    for event in follower:
        note(event, is_late=False)
        commit()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
def test_each_event_is_handed_over_once_whoever_is_killed(place: Place) -> None:
    chance = random.Random(place.kind)  # noqa: S311 - to be repeated, not to be secret
    there: list[str] = []
    handed: list[tuple[str, float, bool]] = []
    cursor: str | None = None

    def take(told: list[Any]) -> None:
        nonlocal cursor
        for events, after in told:
            handed.extend(events)
            cursor = after

    for life in range(LIVES):
        with ExitStack() as stack:
            writers = [worker(stack, place, "write", f"{life} of writer {number}") for number in range(2)]
            worker(stack, place, "upkeep", f"{life}")
            follower = worker(stack, place, "follow", cursor)
            there += [event_id for writer in writers for _ in range(2) for event_id in writer.hear()]
            take([follower.hear()])
            time.sleep(chance.uniform(0.2, 0.8))
            take(follower.kill())
            there += [event_id for writer in writers for ids in writer.kill() for event_id in ids]
    with suppress(FlashFloodJournalingError):
        place.open().journal(1)
    late: list[Event] = []
    last = [event.event_id for event in place.open().follow(cursor, late=late.append, wait=False)]
    counts = Counter([event_id for event_id, _, _ in handed] + last + [event.event_id for event in late])
    assert counts.most_common(1)[0][1] == 1
    assert set(there) <= set(counts)
    in_order = [(seconds, event_id) for event_id, seconds, is_late in handed if not is_late]
    assert in_order == sorted(in_order)
    assert any(is_late for _, _, is_late in handed)


def worker(stack: ExitStack, place: Place, function: str, argument: str | None) -> Worker:
    return stack.enter_context(Worker(place.env, MODULE, function, place.url, argument))
