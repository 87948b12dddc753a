"""What a contender's process measures of itself, and how processes are run in turn."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stores import BENCHES, ROOT, Server

RESULTS = ROOT / "docs" / "benchmarks.json"
OLD = os.environ.get("FLASHFLOOD_043", str(ROOT / "build" / "flash-flood-0.4.3"))
"""Where FlashFlood 0.4.3 is unpacked."""
PEERS = os.environ.get("FLASHFLOOD_PEERS", str(ROOT / "build" / "peers"))
"""Where DuckDB, polars, deltalake, pyarrow and the flights are unpacked."""

QUIET = {"OPENBLAS_NUM_THREADS": "1"}
"""What keeps libraries from working beside a contender: numpy, which pyarrow loads, starts OpenBLAS, whose threads spin
for some 0.05 s of CPU before they sleep, and would do so while a contender is measured."""

MANY_RUNS = 7
FEW_RUNS = 3
"""How often what takes long is run."""

Figures = dict[str, Any]
"""What one stage of one run cost: `count` of what it worked on, `cpu` and `wall` in seconds, `memory` (the bytes at its
peak above what was in use before), and requests: `puts` (with lists, as S3 prices them), `gets` and `deletes`."""


class Requests:
    """Counts a boto3 client's requests, by what S3 asks for them."""

    def __init__(self) -> None:
        """Begin at none."""
        self._lock = threading.Lock()
        self._sent = Counter[str]()

    def watch(self, client: Any) -> None:  # noqa: ANN401  boto3 has no static types
        """Count this client's requests, each try of them, where they leave botocore: handlers would slow it down."""
        manager = client._endpoint.http_session._manager  # noqa: SLF001  botocore has no public way to it
        manager.pool_classes_by_scheme = {
            scheme: self._counting(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def _counting(self, pool: type[Any]) -> type[Any]:
        """Give the same kind of connections to a server, with each request counted."""
        counter = self

        class Counting(pool):  # type: ignore[misc]  # for http or https
            def urlopen(self, method: str, url: str, *args: Any, **options: Any) -> Any:  # noqa: ANN401  as urllib3's
                counter._count(method, url)
                return super().urlopen(method, url, *args, **options)

        return Counting

    def _count(self, method: str, url: str) -> None:
        query = parse_qs(urlsplit(url).query, keep_blank_values=True)
        is_read = method in {"GET", "HEAD"} and "list-type" not in query
        kind = "gets" if is_read else "deletes" if method == "DELETE" or "delete" in query else "puts"
        with self._lock:
            self._sent[kind] += 1

    def so_far(self) -> Counter[str]:
        """Give the counts."""
        with self._lock:
            return self._sent.copy()


class Stages:
    """What the stages of a task cost in this process."""

    def __init__(self, requests: Requests) -> None:
        """Count these requests."""
        self._requests = requests
        self.found: dict[str, Figures] = {}

    @contextmanager
    def measured(self, stage: str, count: int) -> Iterator[None]:
        """Measure what happens inside, which works on `count` things. Linux only: /proc knows the peak of memory."""
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        memory, before = _memory("VmRSS"), self._requests.so_far()
        cpu, begun = _cpu(), time.perf_counter()
        yield
        wall, used = time.perf_counter() - begun, _cpu() - cpu
        after = self._requests.so_far()
        sent = {kind: after[kind] - before[kind] for kind in ("puts", "gets", "deletes")}
        peak = max(0, _memory("VmHWM") - memory)
        self.found[stage] = {"count": count, "cpu": used, "wall": wall, "memory": peak, **sent}

    def report(self) -> None:
        """Tell the figures to the process that started this one; stdout is the contenders' own."""
        sys.stderr.write(json.dumps(self.found) + "\n")


def _cpu() -> float:
    """Give this process's CPU seconds, threads and kernel time included."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _memory(name: str) -> int:
    """Give a line of this process's /proc status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


@dataclass(frozen=True)
class Contender:
    """One side of a comparison doing one task, in a process of its own."""

    side: str
    """`floor`, `0.4.3`, `ours`, or a peer's name."""
    task: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the task's function takes."""
    runs: int = MANY_RUNS
    """How often it runs at most."""

    def run(self, script: str, server: Server, prefix: str, **more: object) -> dict[str, Figures]:
        """Run once; give the figures of each stage. A contender whose results are wrong ends it all."""
        given = {"side": self.side, "task": self.task, "prefix": prefix, **self.arguments, **more}
        path = OLD if self.side == "0.4.3" else os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), PEERS]))
        environment = os.environ | server.environment | QUIET | {"PYTHONPATH": path}
        places = [server.endpoint, server.direct]
        command = [sys.executable, str(BENCHES / script), *places, json.dumps(given)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{self.side}, {self.task}:\n{done.stderr}")
        found: dict[str, Figures] = json.loads(done.stderr.splitlines()[-1])
        return found


@dataclass
class Row:
    """All runs of one stage of one contender."""

    group: str
    """The table that it belongs to."""
    case: str
    """What was worked on."""
    server: str
    latency: float
    """Seconds that each request was made to take."""
    side: str
    stage: str
    runs: list[Figures] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many events, calls or keys one run worked on."""
        return int(self.runs[0]["count"])

    def median(self, figure: str) -> float:
        """Give a figure's median over the runs."""
        return float(statistics.median(run[figure] for run in self.runs))

    def each(self, figure: str) -> float:
        """Give the median for one event, call or key."""
        return self.median(figure) / self.count

    @property
    def requests(self) -> float:
        """Give the requests of all kinds for one event, call or key."""
        return self.each("puts") + self.each("gets") + self.each("deletes")


class Bench:
    """Runs contenders in turn on a server, each in a process of its own, and collects the rows."""

    def __init__(self, script: str, runs: int) -> None:
        """Let the contenders' tasks be done by a script of benches/, at most `runs` times each."""
        self._script = script
        self._runs = runs
        self.rows: list[Row] = []

    def alternate(
        self, server: Server, group: str, case: str, contenders: Sequence[Contender], prefix: str = ""
    ) -> None:
        """Run the contenders in turn, under a prefix that all share, or, if none is given, each run under its own.

        In the first round each looks at all that it got (`verify`), after the time is taken.
        """
        began = time.monotonic()
        rows: dict[tuple[str, str], Row] = {}
        for number in range(self._runs):
            for contender in contenders:
                if number >= contender.runs:
                    continue
                where = prefix or str(uuid.uuid4())
                found = contender.run(self._script, server, where, verify=number == 0)
                for stage, figures in found.items():
                    new = Row(group, case, server.name, server.latency, contender.side, stage)
                    rows.setdefault((contender.side, stage), new).runs.append(figures)
        self.rows += rows.values()
        where = f"{server.name}, {server.latency * 1000:.0f} ms" if server.latency else server.name
        sys.stderr.write(f"{time.monotonic() - began:6.1f} s  {group}: {case} ({where})\n")


def machine(packages: Sequence[str]) -> dict[str, str]:
    """Say what this was measured on, and with which versions of the packages."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    found = {
        "processor": f"{model or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "system": f"Linux {platform.release()}, Python {platform.python_version()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }
    return found | {package: version(package) for package in packages}


def save(part: str, about: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Keep the results of one script in docs/benchmarks.json, from which the pages are written."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[part] = {"machine": dict(about), "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def load(part: str) -> tuple[dict[str, str], list[Row]]:
    """Read back what `save` kept: the machine and the rows."""
    found = json.loads(RESULTS.read_text())[part]
    return found["machine"], [Row(**row) for row in found["rows"]]
