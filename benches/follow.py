"""What a follower asks of S3: the requests of its polls, counted exactly, before moto.

    python benches/follow.py

The figures go to docs/benchmarks.json; their seconds say nothing, and no page shows them.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

from contenders import EVENT_SIZE, insist
from events import event_data, event_date, event_id
from measuring import Requests, Row, Stages, machine, save
from stores import BUCKET, moto

from flashflood import Event, FlashFlood

SINGLE = 1_200
"""Events that were put singly before: two pages of journals."""
BATCH = 100
PREFIX = "followed"


class Followed:
    """A store that others put into, and its follower, which looks as soon as it is asked for the next event."""

    def __init__(self, others: FlashFlood, ff: FlashFlood, stages: Stages) -> None:
        """Put nothing yet."""
        self._others = others
        self._ff = ff
        self._stages = stages
        self._put = 0
        self._follower = ff.follow(every=timedelta(0))

    def measure(self) -> None:
        """Go through the stages."""
        self._taken("the first poll, events put singly", SINGLE, self._singly)
        self._taken("a near poll, an event put singly", 1, self._singly)
        self._taken("a poll, a batch", BATCH, self._batch)
        cursor = self._follower.cursor
        with self._stages.measured("an idle poll, full", 1):
            insist(list(self._ff.follow(cursor, wait=False)) == [], "nothing has come")

    def _taken(self, stage: str, count: int, put: Callable[[Iterator[Event]], None]) -> None:
        """Put so many events, and take them."""
        put(
            Event(event_id(at), event_date(at), event_data(at, EVENT_SIZE))
            for at in range(self._put, self._put + count)
        )
        self._put += count
        with self._stages.measured(stage, count):
            found = len(list(islice(self._follower, count)))
        insist(found == count, f"{found} of {count} events")

    def _singly(self, events: Iterator[Event]) -> None:
        for event in events:
            self._others.put(event.data, event.event_id, event.date)

    def _batch(self, events: Iterator[Event]) -> None:
        self._others.put_many(events)


def main() -> None:
    """Measure, and keep the figures."""
    with moto() as server:
        client, requests = server.client(), Requests()
        requests.watch(client)
        stages = Stages(requests)
        others = FlashFlood(server.client(), BUCKET, PREFIX)
        Followed(others, FlashFlood(client, BUCKET, PREFIX), stages).measure()
    rows = [Row("follow", "moto", "moto", 0, "ours", stage, [found]) for stage, found in stages.found.items()]
    save("follow", machine(["boto3", "moto"]), rows)


if __name__ == "__main__":
    main()
