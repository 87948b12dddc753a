"""What the workers call, by their roles."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from flashflood import Event, Rules, replay_event_stream

from .content import BASE, SPAN, Shown, data_of, date_of, hot_ids, own_id, shown
from .plan import Plan
from .worker import Worker

LARGEST_BATCH = 130
"""Events: more than the 100 from which on a batch is a journal at once."""
REST = 0.15
"""Seconds that a worker rests between two calls at most."""


class Caller(Worker):
    """A worker, and each call that it can make."""

    def an_id(self) -> str:
        """Give an id that others use, or one that was seen in a replay."""
        if self.seen and self.chance.random() < 0.4:
            return self.chance.choice(self.seen)
        return self.chance.choice(hot_ids(self.plan.hot))

    def put(self) -> None:
        token = self.token()
        event_id = own_id(token) if self.chance.random() < 0.4 else self.an_id()
        self.made("put", lambda: bool(self.ff.put(data_of(token), event_id, date_of(token))), id=event_id, token=token)

    def put_together(self) -> None:
        first = self.log.calls + 1
        tokens = [f"{self.log.name}.{first + number:05}" for number in range(self.chance.choice((1, 3, 20)))]
        ids = [own_id(token) if self.chance.random() < 0.6 else self.an_id() for token in tokens]
        self.made_together([(event_id, token, date_of(token)) for event_id, token in zip(ids, tokens, strict=True)])

    def put_many(self) -> None:
        count = self.chance.choice((2, 5, 12, 30, LARGEST_BATCH))
        shared = min(count, self.chance.choice((0, 1, 3, 6)))
        token = self.token()
        ids = self.chance.sample(hot_ids(self.plan.hot), shared)
        tokens = [f"{token}.{number:03}" for number in range(count)]
        ids += [own_id(one) for one in tokens[shared:]]
        mode = self.chance.choice(("error", "skip"))

        def do() -> list[str]:
            events = [Event(event_id, date_of(one), data_of(one)) for event_id, one in zip(ids, tokens, strict=True)]
            return list(self.ff.put_many(events, on_conflict=mode).skipped)  # type: ignore[arg-type]

        self.made("put_many", do, events=list(zip(ids, tokens, strict=True)), mode=mode)

    def update_event(self) -> None:
        event_id, token = self.an_id(), self.token()
        self.made("update_event", lambda: self.ff.update_event(event_id, data_of(token)), id=event_id, token=token)

    def delete_event(self) -> None:
        event_id = self.an_id()
        self.made("delete_event", lambda: self.ff.delete_event(event_id), id=event_id)

    def get_event(self) -> None:
        event_id = self.an_id()
        self.made("get_event", lambda: shown(*self.ff.get_event(event_id)), id=event_id)

    def event_exists(self) -> None:
        event_id = self.an_id()
        self.made("event_exists", lambda: self.ff.event_exists(event_id), id=event_id)

    def get_events(self) -> None:
        ids = list({self.an_id() for _ in range(self.chance.choice((2, 10, 60)))})
        self.made(
            "get_events", lambda: [shown(*event) for event in self.ff.get_events(ids, on_missing="skip")], ids=ids
        )

    def replay(self) -> None:
        since, until = self._range()
        slow = self.chance.random() < 0.3

        def do() -> list[Shown]:
            return [shown(*event) for event in self._slowly(iter(self.ff.replay(*_dates(since, until))), slow=slow)]

        events = self.made("replay", do, since=since, until=until)
        if events:
            self.seen = [event_id for event_id, _, _ in events]

    def parts(self) -> None:
        """Read some partitions one after the other, a while after they were planned."""
        since, until = self._range()
        count, slow = self.chance.choice((1, 3, 8)), self.chance.random() < 0.3

        def do() -> list[Shown]:
            size = sum(one.estimated_bytes for one in self.ff.partitions(*_dates(since, until)))
            partitions = self.ff.partitions(*_dates(since, until), size=max(1, size // count))
            events = chain.from_iterable(partition.events() for partition in partitions)
            time.sleep(self.plan.times.stop / 4 if slow else 0)
            return [shown(*event) for event in self._slowly(events, slow=slow)]

        self.made("parts", do, since=since, until=until, count=count)

    def streams(self) -> None:
        since, until = self._range()
        self.made("streams", lambda: list(self._streams(*_dates(since, until))), since=since, until=until)

    def journal(self) -> None:
        least = self.chance.choice((1, 5, 20, 60))
        self.made("journal", lambda: self.ff.journal(least), least=least)

    def update(self) -> None:
        most = self.chance.choice((None, None, 1, 10))
        self.made("update", lambda: self.ff.update(most), most=most)

    def combine_journals(self) -> None:
        def do() -> str | None:
            living = list(self.ff.list_journals())
            chosen = self.chance.sample(living, min(len(living), self.chance.choice((1, 2, 3, 8))))
            return self.ff.combine_journals(chosen).id_ if chosen else None

        self.made("combine_journals", do)

    def compact(self) -> None:
        target = self.chance.choice((1_500, 5_000, 50_000))
        self.made("compact", lambda: self.ff.compact(target), target=target)

    def maintain(self) -> None:
        ages = (None, timedelta(0), timedelta(seconds=2))
        rules = Rules(
            journal_events=self.chance.choice((1, 5, 30)),
            update_count=self.chance.choice((1, 10)),
            update_age=self.chance.choice(ages),
            compact_every=self.chance.choice(ages),
            target_size=self.chance.choice((1_500, 50_000)),
            collect_every=self.chance.choice(ages),
            grace=timedelta(seconds=self.plan.times.grace),
        )
        self.made("maintain", lambda: self.ff.maintain(rules))

    def collect_garbage(self) -> None:
        grace = timedelta(seconds=self.plan.times.grace)
        self.made("collect_garbage", lambda: self.ff.collect_garbage(grace))

    def repair(self) -> None:
        self.made("repair", self.ff.repair)

    def check(self) -> None:
        self.made("check", self.ff.check)

    def _range(self) -> tuple[int | None, int | None]:
        """Give a range of dates, in microseconds since `BASE`: mostly all."""
        if self.chance.random() < 0.6:
            return None, None
        since, until = sorted(self.chance.sample(range(SPAN), 2))
        return since, until

    def _slowly(self, events: Iterator[Event], *, slow: bool) -> Iterator[Event]:
        """Take a while over the first events, so that others work meanwhile."""
        for number, event in enumerate(events):
            yield event
            if slow and number < 10:
                time.sleep(self.plan.times.stop / 20)

    def _streams(self, since: datetime | None, until: datetime | None) -> Iterator[dict[str, Any]]:
        """List event streams and read each, after a way through JSON."""
        for stream in self.ff.list_event_streams(since, until):
            told = json.loads(json.dumps(stream))
            events = replay_event_stream(told, since, until, allow_file_urls=self.plan.folder)
            yield {"journal": told["journal_id"], "events": [shown(*event) for event in events]}


def _dates(since: int | None, until: int | None) -> tuple[datetime | None, datetime | None]:
    return (
        None if since is None else BASE + timedelta(microseconds=since),
        None if until is None else BASE + timedelta(microseconds=until),
    )


Weights = Mapping[Callable[[Caller], None], int]

READERS: dict[str, Weights] = {
    "replayer-1": {Caller.replay: 2, Caller.parts: 1},
    "replayer-2": {Caller.replay: 3, Caller.check: 1},
    "looker-1": {Caller.get_event: 6, Caller.event_exists: 3, Caller.get_events: 2, Caller.replay: 1},
    "streamer-1": {Caller.streams: 1},
}
WRITERS: dict[str, Weights] = {
    "putter-1": {Caller.put: 1},
    "putter-2": {Caller.put: 6, Caller.replay: 1},
    "gatherer-1": {Caller.put_together: 1},
    "batcher-1": {Caller.put_many: 1},
    "updater-1": {Caller.update_event: 8, Caller.get_event: 2, Caller.replay: 1},
    "deleter-1": {Caller.delete_event: 10, Caller.event_exists: 3, Caller.put: 3, Caller.replay: 1},
    "journaler-1": {Caller.journal: 2, Caller.update: 1},
    "keeper-1": {Caller.maintain: 1},
    "combiner-1": {Caller.combine_journals: 2, Caller.compact: 2, Caller.update: 1, Caller.journal: 1},
    "collector-1": {Caller.collect_garbage: 3, Caller.repair: 1, Caller.update: 1},
}
ONE_WRITER: dict[str, Weights] = {
    "writer-1": {
        Caller.put: 12,
        Caller.put_together: 1,
        Caller.put_many: 2,
        Caller.update_event: 8,
        Caller.delete_event: 5,
        Caller.journal: 3,
        Caller.update: 2,
        Caller.combine_journals: 2,
        Caller.compact: 1,
        Caller.maintain: 1,
        Caller.collect_garbage: 1,
        Caller.repair: 1,
        Caller.get_event: 3,
    }
}


def crew(plan: Plan) -> dict[str, Weights]:
    """Say which workers a round has."""
    return {**READERS, **(ONE_WRITER if plan.one_writer else WRITERS)}


def work(plan: Plan, name: str, role: str, until: float) -> None:
    """Be a worker until a time of the monotonic clock: it ends after the call that it is in then."""
    caller = Caller(plan, name)
    weights = crew(plan)[role]
    while time.monotonic() < until:
        (call,) = caller.chance.choices(list(weights), list(weights.values()))
        call(caller)
        caller.rest(REST)
