"""What the calls cost beside FlashFlood 0.4.3 and the floor: requests, client CPU and wall clock, in one run.

    FLASHFLOOD_043=<folder> python benches/compare.py [--events 100000] [--journals 20] [--new-events 1000] [--runs 5]

The server is moto, in a process of its own; each contender runs in a process of its own too, so that only the client
counts. 0.4.3 is taken from the folder that FLASHFLOOD_043 names (build/flash-flood-0.4.3, where `make test` puts it,
unless set). The floor is the same bytes, fetched with plain boto3 client calls and nothing done with them. Results are
checked while they are timed. The contenders' runs alternate; figures are medians, but for journaling, which runs once.
"""

import argparse
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import boto3

BUCKET = "flashflood-bench"
BEGIN = datetime(2019, 5, 16)
ROOT = Path(__file__).resolve().parent.parent
EVENT_SIZE = 457
CALLS = 100
"""How many puts and lookups are made for one figure."""


def event_data(number: int) -> bytes:
    """Give an event of `EVENT_SIZE` bytes, of the shape of a bundle notification."""
    bundle_uuid = str(uuid.UUID(int=number))
    fields = {"foo": number % 100, "match": {"bundle_uuid": bundle_uuid}, "files": [{"name": "a.bam"}]}
    head = json.dumps(fields).encode()[:-1] + b', "pad": "'
    return head + b"x" * (EVENT_SIZE - len(head) - 2) + b'"}'


def s3_client(endpoint: str) -> Any:  # noqa: ANN401  boto3 has no static types
    """Give a client."""
    return boto3.client("s3", endpoint_url=endpoint)


def fill(endpoint: str, prefix: str, events: int, journals: int) -> None:
    """Write journals that follow one another, as `journal` does; without an index, which replay does not read."""
    from flashflood import layout  # noqa: PLC0415  0.4.3's processes have no such module
    from flashflood._core import Manifest, Row, format_timestamp  # noqa: PLC0415
    from flashflood.identifiers import JournalID  # noqa: PLC0415
    from flashflood.store import S3Store  # noqa: PLC0415

    store = S3Store(s3_client(endpoint), BUCKET, prefix)
    size = events // journals
    for start in range(0, events, size):
        data = [event_data(number) for number in range(start, start + size)]
        stamps = [format_timestamp(BEGIN + timedelta(seconds=number)) for number in range(start, start + size)]
        rows = [
            Row(str(uuid.UUID(int=start + index)), stamp, index * EVENT_SIZE, EVENT_SIZE, 2, 1)
            for index, stamp in enumerate(stamps)
        ]
        journal_id = JournalID.make(stamps[0], stamps[-1], format_timestamp(datetime(2020, 1, 1)), str(uuid.uuid4()))
        manifest = Manifest.of_rows(journal_id, rows, size * EVENT_SIZE)
        counts = {"number_of_events": str(size), "journal_data_size": str(size * EVENT_SIZE)}
        store.put(layout.blob_key(journal_id), b"".join(data), metadata={"journal_id": journal_id})
        store.put(layout.journal_key(journal_id), manifest.encode(), metadata=counts)


class Contender:
    """One side's way to do each task; runs in a process of its own."""

    def __init__(self, endpoint: str, prefix: str) -> None:
        """Connect, and make the connection warm."""
        import flashflood  # noqa: PLC0415  which one, the process's path says

        s3 = boto3.resource("s3", endpoint_url=endpoint)
        self.requests = 0
        s3.meta.client.meta.events.register("before-send.s3", self._count)
        self.client = s3.meta.client
        self.client.head_bucket(Bucket=BUCKET)
        self.prefix = prefix
        self.flashflood = flashflood.FlashFlood(s3, BUCKET, prefix)

    def _count(self, **_: object) -> None:
        self.requests += 1

    def floor(self) -> str:
        """Fetch the manifests and blobs."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{self.prefix}/journals/")["Contents"]
        size = 0
        for key in (item["Key"] for item in listed):
            self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            blob = f"{self.prefix}/blobs/{key[-36:]}"
            size += len(self.client.get_object(Bucket=BUCKET, Key=blob)["Body"].read())
        return f"{size} bytes"

    def replay(self) -> str:
        """Replay all events in a loop that keeps none; give a digest of what came."""
        events = size = 0
        for event in self.flashflood.replay():
            events += 1
            size += len(event.data)
        return f"{size} bytes" if size == events * EVENT_SIZE else "wrong data"

    def put(self) -> str:
        """Put events under ids that the caller gives."""
        for number in range(CALLS):
            self.flashflood.put(event_data(number), f"event {number:04}", BEGIN)
        return "put"

    def get_event(self) -> str:
        """Read each of those events."""
        found = [self.flashflood.get_event(f"event {number:04}").data for number in range(CALLS)]
        return "right" if found == [event_data(number) for number in range(CALLS)] else "wrong data"

    def prepare_journal(self, events: int) -> None:
        """Put the new events that are to be journaled."""
        for number in range(events):
            self.flashflood.put(event_data(number), None, BEGIN + timedelta(seconds=number))

    def journal(self, events: int) -> str:
        """Journal them."""
        self.flashflood.journal(minimum_number_of_events=events)
        return "journaled"


def cpu() -> float:
    """Give this process's CPU seconds, threads and kernel time included."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def contend(endpoint: str, prefix: str, task: str, events: int) -> None:
    """Do one task in this process, and print what it cost."""
    contender = Contender(endpoint, prefix)
    call: Callable[[], str] = getattr(contender, task)
    if task == "journal":
        contender.prepare_journal(events)
        call = partial(contender.journal, events)
    requests, cpu_before, begun = contender.requests, cpu(), time.perf_counter()
    result = call()
    wall, used = time.perf_counter() - begun, cpu() - cpu_before
    figures = {"result": result, "requests": contender.requests - requests, "cpu": used, "wall": wall}
    sys.stderr.write(json.dumps(figures) + "\n")


def run(side: str, endpoint: str, prefix: str, task: str, events: int = 0) -> dict[str, Any]:
    """Let one side do a task in a process of its own; give its figures."""
    command = [sys.executable, __file__, "--contend", task, "--endpoint", endpoint, "--prefix", prefix]
    command += ["--new-events", str(events)]
    old = os.environ.get("FLASHFLOOD_043", str(ROOT / "build" / "flash-flood-0.4.3"))
    environment = os.environ | ({"PYTHONPATH": old} if side == "0.4.3" else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side}, {task}:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return figures


@contextmanager
def server() -> Iterator[str]:
    """Run moto in a process of its own; give its endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


Found = dict[tuple[str, str], list[dict[str, Any]]]
"""Each run's figures, by side and task."""


def measure(endpoint: str, new_events: int, runs: int) -> Found:
    """Run all tasks of all contenders."""
    found: Found = {}
    for number in range(runs):
        for side, task in (("floor", "floor"), ("ours", "replay"), ("0.4.3", "replay")):
            found.setdefault((side, task), []).append(run(side, endpoint, "replay", task))
        for side in ("ours", "0.4.3"):
            for task in ("put", "get_event"):
                found.setdefault((side, task), []).append(run(side, endpoint, f"single-{side}-{number}", task))
    for side in ("ours", "0.4.3"):
        found[side, "journal"] = [run(side, endpoint, f"journal-{side}", "journal", new_events)]
    return found


def check(found: Found, events: int) -> None:
    """See that every contender got what it should."""
    right = {"replay": f"{events * EVENT_SIZE} bytes", "floor": f"{events * EVENT_SIZE} bytes", "put": "put"}
    right |= {"get_event": "right", "journal": "journaled"}
    for (side, task), runs in found.items():
        for figures in runs:
            if figures["result"] != right[task]:
                sys.exit(f"{side}, {task}: {figures['result']}")


def table(found: Found, events: int, journals: int, new_events: int) -> str:
    """Write the figures as a table in Markdown."""

    def medians(task: str, figure: str, scale: float = 1.0) -> list[float]:
        return [statistics.median(run[figure] for run in found[side, task]) * scale for side in ("0.4.3", "ours")]

    floor = statistics.median(run["cpu"] for run in found["floor", "floor"])
    replay = f"replay {events:,} events of {EVENT_SIZE} bytes in {journals} journals"
    above = [(cpu_ - floor) / events * 1e6 for cpu_ in medians("replay", "cpu")]
    figures = [
        (replay, "requests", medians("replay", "requests")),
        (replay, f"client CPU, s (floor: {floor:.3g})", medians("replay", "cpu")),
        (replay, "above the floor, µs an event", above),
        (replay, "wall clock, s", medians("replay", "wall")),
    ]
    for task in ("put", "get_event"):
        figures += [
            (task, "requests", medians(task, "requests", 1 / CALLS)),
            (task, "client CPU, ms", medians(task, "cpu", 1e3 / CALLS)),
            (task, "wall clock, ms", medians(task, "wall", 1e3 / CALLS)),
        ]
    journal = f"journal {new_events:,} new events"
    figures += [
        (journal, "requests", medians("journal", "requests")),
        (journal, "client CPU, s", medians("journal", "cpu")),
        (journal, "wall clock, s", medians("journal", "wall")),
    ]
    lines = ["| work | figure | 0.4.3 | ours | ratio |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {work} | {figure} | {old:.4g} | {new:.4g} | {old / new:.3g} |" for work, figure, (old, new) in figures
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--journals", type=int, default=20)
    parser.add_argument("--new-events", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--contend", help=argparse.SUPPRESS)
    parser.add_argument("--endpoint", help=argparse.SUPPRESS)
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}
    if given.contend:
        contend(given.endpoint, given.prefix, given.contend, given.new_events)
        return
    with server() as endpoint:
        s3_client(endpoint).create_bucket(Bucket=BUCKET)
        fill(endpoint, "replay", given.events, given.journals)
        found = measure(endpoint, given.new_events, given.runs)
    check(found, given.events)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    sys.stdout.write(f"{machine}; moto on loopback; medians of {given.runs} runs\n\n")
    sys.stdout.write(table(found, given.events, given.journals, given.new_events) + "\n")


if __name__ == "__main__":
    main()
