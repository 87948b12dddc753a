"""The stores that a storm works on, each server a process of its own that ends with this one."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from botocore.config import Config
from support.servers import rgw

from .killer import FORK
from .plan import Course, Plan, in_ci
from .proxy import Proxying, serve
from .worker import SESSION, options

START_TIMEOUT = 60
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret", "AWS_DEFAULT_REGION": "us-east-1"}


def can_run(course: Course) -> bool:
    """Whether this machine has what a course needs; in CI it must."""
    return course.store != "rgw" or rgw.is_installed() or in_ci()


@contextmanager
def running(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run a server; give the environment variables with which it is reached."""
    if kind == "rgw":
        server = rgw.RadosGateway(folder)
        try:
            yield {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.endpoint}
        finally:
            server.stop()
    else:
        with _moto() as endpoint:
            yield {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}


@contextmanager
def proxied(environment: Mapping[str, str], course: Course, plan: Plan) -> Iterator[dict[str, str]]:
    """Put a proxy before a server, which logs its faults among the workers' logs; give the way through it."""
    ours, theirs = FORK.Pipe()
    how = Proxying(
        environment["AWS_ENDPOINT_URL"], course.faults, plan.seed, plan.times, plan.logs, conditional=course.conditional
    )
    process = FORK.Process(target=serve, args=(how, theirs))
    process.start()
    try:
        if not ours.poll(START_TIMEOUT):
            message = "the proxy does not serve"
            raise RuntimeError(message)
        yield {**environment, "AWS_ENDPOINT_URL": ours.recv()}
    finally:
        process.kill()
        process.join()


@contextmanager
def _moto() -> Iterator[str]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    command = ["setpriv", "--pdeathsig", "KILL", *server]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                message = "moto does not serve"
                raise RuntimeError(message) from None
            time.sleep(0.1)
        else:
            return


def make_bucket(environment: dict[str, str], name: str) -> None:
    """Make a bucket. To be called in a process of its own."""
    config = Config(retries={"mode": "standard", "max_attempts": 8})
    SESSION.client("s3", config=config, **options(environment)).create_bucket(Bucket=name)


@contextmanager
def empty_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder, which goes at the end."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
