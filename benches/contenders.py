"""What each side of compare.py does, in a process of its own: FlashFlood (this one or 0.4.3, as the path says), floor.

    python benches/contenders.py <endpoint> <direct endpoint> <JSON: side, task, prefix, and what the task takes>

The figures of each stage are the last line on stderr. Whatever a contender gets wrong ends it with an error. What is
not measured goes to the direct endpoint, which has no delay before it.
"""

import inspect
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from operator import itemgetter
from typing import Any

import boto3
import jmespath
from botocore.config import Config
from events import FIELD, NESTED, SELECT, event_data, event_date, event_id, made, meets_field, meets_nested, selected
from measuring import Requests, Stages
from stores import BUCKET, CONNECTIONS

FILTERS = {FIELD: meets_field, NESTED: meets_nested}
EVENT_SIZE = 450
"""Of the events that are put one by one."""
WRITERS = 8
"""Threads that put what is then journaled, each with a boto3 session of its own, as 0.4.3 needs it."""


def insist(is_right: bool, what: str) -> None:  # noqa: FBT001  it is what an assertion says
    """End the process where a result is wrong."""
    if not is_right:
        sys.exit(f"wrong: {what}")


def insist_each(found: Iterable[Any], expected: Iterable[Any]) -> None:
    """End the process where one of many results is wrong, or one is missing or too many."""
    for place, (one, other) in enumerate(zip_longest(found, expected)):
        if one != other:
            sys.exit(f"wrong: number {place} is {one}, not {other}")


class Side:
    """What all sides share: clients, and a count of their requests."""

    def __init__(self, endpoint: str, direct: str, prefix: str, connections: int) -> None:
        """Connect, and make a connection warm."""
        self.prefix = prefix
        self.direct = direct
        self._config = Config(max_pool_connections=connections)
        self.s3 = boto3.resource("s3", endpoint_url=endpoint, config=self._config)
        self.client = self.s3.meta.client
        self.client.head_bucket(Bucket=BUCKET)
        requests = Requests()
        requests.watch(self.client)
        self.stages = Stages(requests)


class Floor(Side):
    """The same bytes through plain calls of boto3's client, one after the other, with nothing done to them."""

    def replay(self, events: int, size: int) -> None:
        """Fetch all manifests and blobs."""
        with self.stages.measured("replay", events):
            found = 0
            for key in self._keys():
                self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                blob = f"{self.prefix}/blobs/{key[-36:]}"
                found += len(self.client.get_object(Bucket=BUCKET, Key=blob)["Body"].read())
        insist(found == events * size, f"{found} bytes")

    def listing(self, journals: int) -> None:
        """List all journals' keys."""
        with self.stages.measured("list_journals", journals):
            found = sum(1 for _ in self._keys())
        insist(found == journals, f"{found} keys")

    def _keys(self) -> Iterator[str]:
        for page in self.client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, Prefix=f"{self.prefix}/journals/"
        ):
            for item in page["Contents"]:
                yield item["Key"]


class FlashFloodSide(Side):
    """Either FlashFlood, by the calls that both have."""

    def __init__(self, endpoint: str, direct: str, prefix: str, connections: int) -> None:
        """Open the store."""
        super().__init__(endpoint, direct, prefix, connections)
        import flashflood  # noqa: PLC0415  which one, the process's path says

        self.package = flashflood
        self.ff = flashflood.FlashFlood(self.s3, BUCKET, prefix)

    def unmeasured(self) -> Any:  # noqa: ANN401  either FlashFlood
        """Open the store once more, without the delay."""
        return self.package.FlashFlood(self._resource(), BUCKET, self.prefix)

    def _resource(self) -> Any:  # noqa: ANN401  boto3 has no static types
        return boto3.session.Session().resource("s3", endpoint_url=self.direct, config=self._config)

    def replay(self, events: int, size: int, *, verify: bool, is_ordered: bool = True) -> None:
        """Replay all events in a loop that keeps none; `verify` looks at each, after the time is taken."""
        with self.stages.measured("replay", events):
            found = 0
            for event in self.ff.replay():
                found += len(event.data)
        insist(found == events * size, f"{found} bytes")
        if verify:
            replayed: Iterable[Any] = self.unmeasured().replay()
            expected = (made(number, size) for number in range(events))
            insist_each(map(tuple, replayed if is_ordered else sorted(replayed, key=itemgetter(1))), expected)

    def listing(self, journals: int) -> None:
        """List all journals."""
        with self.stages.measured("list_journals", journals):
            found = sum(1 for _ in self.ff.list_journals())
        insist(found == journals, f"{found} journals")

    def calls(self, calls: int) -> None:
        """Make each call that works on one event, a number of times; then apply what waits."""
        ids = [f"event-{number:06}" for number in range(calls)]
        old = [event_data(number, EVENT_SIZE) for number in range(calls)]
        new = [event_data(number + calls, EVENT_SIZE) for number in range(calls)]
        self.ff.put(b"{}")  # ours finds out, once, whether the server knows conditional PUT
        with self.stages.measured("put, id made", calls):
            for data in old:
                self.ff.put(data)
        with self.stages.measured("put, id given", calls):
            for number, name in enumerate(ids):
                self.ff.put(old[number], name, event_date(number))
        self._get(ids, old, "get_event, not journaled")
        self.unmeasured().journal(minimum_number_of_events=2 * calls)
        self._get(ids, old, "get_event")
        with self.stages.measured("update_event", calls):
            for name, data in zip(ids, new, strict=True):
                self.ff.update_event(name, data)
        with self.stages.measured("update", calls):
            applied = self.ff.update()
        insist(applied == calls, f"{applied} updates applied")
        insist([self.unmeasured().get_event(name).data for name in ids] == new, "data after the update")
        with self.stages.measured("delete_event", calls):
            for name in ids:
                self.ff.delete_event(name)
        insist(not any(self.unmeasured().event_exists(name) for name in ids), "an event after its delete")

    def _get(self, ids: list[str], data: list[bytes], stage: str) -> None:
        with self.stages.measured(stage, len(ids)):
            found = [self.ff.get_event(name).data for name in ids]
        insist(found == data, f"data of {stage}")

    def journal(self, events: int) -> None:
        """Journal new events, after having put them."""
        here = threading.local()

        def put(number: int) -> None:
            if not hasattr(here, "ff"):
                here.ff = self.unmeasured()
            here.ff.put(event_data(number, EVENT_SIZE), event_id(number), event_date(number))

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(put, range(events)))
        with self.stages.measured("journal", events):
            self.ff.journal(minimum_number_of_events=events)
        journals = list(self.unmeasured().list_journals())
        insist(len(journals) == 1, f"{len(journals)} journals")
        insist_each(map(tuple, self.unmeasured().replay()), (made(number, EVENT_SIZE) for number in range(events)))


class Old(FlashFloodSide):
    """0.4.3, and what its users write around it."""

    def filtered(self, events: int, size: int, expression: str, *, verify: bool) -> None:
        """Replay the events that meet an expression: each is parsed and searched in Python."""
        matches = jmespath.compile(expression).search
        expected = matching(events, expression)
        with self.stages.measured(f"replay, {expression}", events):
            found = sum(1 for event in self.ff.replay() if matches(json.loads(event.data)))
        insist(found == len(expected), f"{found} events")
        if verify:
            replayed = (event for event in self.unmeasured().replay() if matches(json.loads(event.data)))
            insist_each(map(tuple, replayed), (made(number, size) for number in expected))


class Ours(FlashFloodSide):
    """The package as it is, and the ways that only it has."""

    def __init__(self, endpoint: str, direct: str, prefix: str, connections: int) -> None:
        """Load pyarrow too, which reads the batches."""
        super().__init__(endpoint, direct, prefix, connections)
        import pyarrow as pa  # noqa: PLC0415  the other sides do not have it

        self._read = pa.RecordBatchReader.from_stream

    def replay_of(self, url: str, events: int, size: int, *, verify: bool) -> None:
        """Replay another store, on this machine, as `replay` does; the stage names its kind."""
        ff = self.package.FlashFlood.open(url)
        with self.stages.measured("replay of a folder" if url.endswith("/") else "replay of a SQLite file", events):
            found = 0
            for event in ff.replay():
                found += len(event.data)
        insist(found == events * size, f"{found} bytes")
        if verify:
            insist_each(map(tuple, ff.replay()), (made(number, size) for number in range(events)))

    def filtered(self, events: int, size: int, expression: str, *, verify: bool) -> None:
        """Replay the events that meet an expression, in a loop that keeps none."""
        expected = matching(events, expression)
        with self.stages.measured(f"replay, {expression}", events):
            found = sum(1 for _ in self.ff.replay(filter=expression))
        insist(found == len(expected), f"{found} events")
        if verify:
            replayed = self.unmeasured().replay(filter=expression)
            insist_each(map(tuple, replayed), (made(number, size) for number in expected))

    def selected(self, events: int, size: int, *, verify: bool) -> None:
        """Replay what an expression makes of each event."""
        with self.stages.measured(f"replay, select {SELECT}", events):
            found = sum(1 for _ in self.ff.replay(select=SELECT))
        insist(found == events, f"{found} events")
        if verify:
            replayed = ((*event[:2], json.loads(event.data)) for event in self.unmeasured().replay(select=SELECT))
            expected = ((*made(number, size)[:2], selected(number, size)) for number in range(events))
            insist_each(replayed, expected)

    def batches(self, events: int, size: int, *, verify: bool, expression: str | None = None) -> None:
        """Replay as Arrow batches, which pyarrow reads and does nothing with."""
        expected = list(range(events)) if expression is None else matching(events, expression)
        with self.stages.measured("replay_batches" if expression is None else f"replay_batches, {expression}", events):
            found = sum(batch.num_rows for batch in self._read(self.ff.replay_batches(filter=expression)))
        insist(found == len(expected), f"{found} rows")
        if verify:
            batches = self._read(self.unmeasured().replay_batches(filter=expression))
            columns = ([column.to_pylist() for column in batch.columns] for batch in batches)
            rows = (row for three in columns for row in zip(*three, strict=True))
            found_rows = ((name, date.replace(tzinfo=None), data) for name, date, data in rows)
            insist_each(found_rows, (made(number, size) for number in expected))

    def bulk(self, events: int) -> None:
        """Put and get many events with one call."""
        given = [made(number, EVENT_SIZE) for number in range(events)]
        with self.stages.measured("put_many, ids made", events):
            stored = self.ff.put_many((data, None, date) for _, date, data in given)
        insist(stored.stored == events, f"{stored.stored} events stored")
        with self.stages.measured("put_many, ids given", events):
            self.ff.put_many((data, name, date) for name, date, data in given)
        with self.stages.measured("get_events", events):
            found = [event.data for event in self.ff.get_events(name for name, _, _ in given)]
        insist(found == [data for _, _, data in given], "data of get_events")

    def reading_as_0_4_3(self, calls: int) -> None:
        """Read single events without a look at updates that wait."""
        ff = self.package.FlashFlood(self.s3, BUCKET, self.prefix, read_pending_updates=False)
        given = [made(number, EVENT_SIZE) for number in range(calls)]
        self.unmeasured().put_many((data, name, date) for name, date, data in given)
        with self.stages.measured("get_event, read_pending_updates=False", calls):
            found = [ff.get_event(name).data for name, _, _ in given]
        insist(found == [data for _, _, data in given], "data of get_event")


def matching(events: int, expression: str) -> list[int]:
    """Give the events that meet an expression."""
    return [number for number in range(events) if FILTERS[expression](number)]


SIDES: dict[str, type[Side]] = {"floor": Floor, "0.4.3": Old, "ours": Ours}


def main() -> None:
    """Do one task."""
    endpoint, direct = sys.argv[1:3]
    given = json.loads(sys.argv[3])
    side, task, prefix = (given.pop(name) for name in ("side", "task", "prefix"))
    if given.pop("is_on_one_core", False):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    contender = SIDES[side](endpoint, direct, prefix, given.pop("connections", CONNECTIONS))
    work = getattr(contender, task)
    if "verify" not in inspect.signature(work).parameters:
        del given["verify"]
    work(**given)
    contender.stages.report()


if __name__ == "__main__":
    main()
