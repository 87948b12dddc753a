"""The S3 servers that the benches run on, each in processes of its own, so that only the client's CPU counts."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from stretches import Stretch

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
BUCKET = "flashflood-bench"
LATENCY = 0.02
"""Seconds that a request takes where the servers are made as slow as S3."""
CONNECTIONS = 32
"""Every contender's connection pool, unless a row says otherwise; boto3's own default is 10."""
ONE_CORE = "the client kept on one core"
START_TIMEOUT = 30
"""Seconds until a server that does not serve is given up."""


@dataclass(frozen=True)
class Server:
    """A running server with an empty bucket called `BUCKET`."""

    name: str
    endpoint: str
    direct: str
    """The endpoint without a delay, for what is not measured."""
    access_key: str
    secret_key: str
    latency: float = 0
    """Seconds that each request is made to take."""

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which a process finds its credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self) -> Any:  # noqa: ANN401  boto3 has no static types
        """Give a client that goes straight to the server."""
        return boto3.client(
            "s3",
            endpoint_url=self.direct,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(max_pool_connections=CONNECTIONS),
        )


@contextmanager
def moto() -> Iterator[Server]:
    """Run moto."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        deadline = time.monotonic() + START_TIMEOUT
        while not _serves(port):
            if time.monotonic() > deadline:
                sys.exit(f"moto does not serve: {' '.join(command)}")
            time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}"
        server = Server("moto", endpoint, endpoint, "bench", "bench-secret")
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@contextmanager
def rados_gateway() -> Iterator[Server]:
    """Run Ceph's RADOS Gateway, as the tests do."""
    sys.path.append(str(ROOT / "tests"))
    from support.servers import rgw  # noqa: PLC0415  the tests' folder is not on the path before

    if not rgw.is_installed():
        sys.exit("RADOS Gateway is not installed: apt-get install radosgw ceph-mon ceph-osd")
    with tempfile.TemporaryDirectory() as folder:
        node = rgw.RadosGateway(Path(folder))
        try:
            server = Server("RADOS Gateway", node.endpoint, node.endpoint, node.access_key, node.secret_key)
            server.client().create_bucket(Bucket=BUCKET)
            yield server
        finally:
            node.stop()


@contextmanager
def formula(*stretches: Stretch, latency: float = 0) -> Iterator[Server]:
    """Run benches/server, built if it is not: a store under the prefix `stretches.PREFIX` that is made up.

    Each request takes so many seconds, those through `direct` too. What is written lies over what is made up.
    """
    manifest = str(BENCHES / "server" / "Cargo.toml")
    build = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", manifest]
    target = ROOT / "target"
    subprocess.run([*build, "--target-dir", str(target)], check=True)
    program = str(target / "release" / "flashflood-bench-server")
    command = [program, "--latency", str(latency * 1000), *map(str, stretches)]
    with _running(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        yield formula_at(f"http://127.0.0.1:{int(process.stdout.readline())}", latency)


def formula_at(endpoint: str, latency: float = 0) -> Server:
    """Give benches/server, which runs there. It looks at no credentials."""
    return Server("formula", endpoint, endpoint, "bench", "bench-secret", latency)


def counts(server: Server) -> dict[str, int]:
    """Tell what was asked of a formula's server since it began, or was asked this: how many requests of each kind.

    Besides, how many were under way at most (`most_under_way`), and how many bytes were sent (`bytes_sent`).
    """
    request = urllib.request.Request(f"{server.direct}/_counts", method="POST")  # noqa: S310  it is HTTP
    with urllib.request.urlopen(request) as answer:  # noqa: S310  as above
        found: dict[str, int] = json.load(answer)
    return found


@contextmanager
def delayed(server: Server, seconds: float) -> Iterator[Server]:
    """Put a delay before a server."""
    port = server.direct.rpartition(":")[2]
    command = [sys.executable, str(BENCHES / "delay.py"), port, str(seconds)]
    with _running(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
        yield replace(server, endpoint=endpoint, latency=seconds)


@contextmanager
def _running(command: list[str], **how: Any) -> Iterator[subprocess.Popen[Any]]:  # noqa: ANN401  as Popen takes it
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def _serves(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
