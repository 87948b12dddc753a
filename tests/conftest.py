"""The places that the tests work on: a folder, a SQLite file, moto's server, and Ceph's RADOS Gateway if installed."""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import settings
from mypy_boto3_s3 import S3Client, S3ServiceResource
from support.command_line import Run, caller, environment, runner
from support.races import ready
from support.servers import rgw
from support.servers.faulty import Fault, FaultyServer
from support.servers.moto import Moto

from flashflood import FlashFlood
from flashflood.store import Store, open_store
from flashflood.store.s3 import S3Store

if TYPE_CHECKING:
    from support.copies import Furnished

IN_CI = os.environ.get("CI") == "true"
KINDS = ("folder", "sqlite", "moto", *(("rgw",) if IN_CI or rgw.is_installed() else ()))
BUCKET = "flashflood-tests"
REGION = "us-east-1"

_SESSION = boto3.Session()
"""One for all clients: it keeps the service's description, which takes 0.1 seconds to load."""
_SESSION_LOCK = Lock()

Server = Moto | rgw.RadosGateway
Copier = Callable[[Path], Store]

LOCAL = {"folder": "{}/", "sqlite": "{}/events.flashflood"}
"""URLs of the stores that are on no server."""

# No test asserts a time, which a busy machine would decide.
settings.register_profile("flashflood", deadline=None)
settings.load_profile("flashflood")


class Place:
    """An empty store of its own for each test. On a server it lies under `prefix` in `bucket`."""

    def __init__(self, kind: str, url: str, env: Mapping[str, str]) -> None:
        self.kind = kind
        """One of `KINDS`."""
        self.url = url
        """What `FlashFlood.open` and `--store` take."""
        self.env = dict(env)
        """Environment variables with which a process of its own finds the place by its URL."""
        self.s3 = kind not in ("folder", "sqlite")
        """Whether it is on a server; only then has it `bucket`, `prefix`, `client()` and `resource()`."""
        if self.s3:
            self.bucket, _, self.prefix = url.removeprefix("s3://").partition("/")
        self._clients: list[S3Client] = []

    def open(self, *, read_pending_updates: bool = True) -> FlashFlood:
        """Open a fresh FlashFlood on the place, with a fresh client."""
        if self.s3:
            return FlashFlood(self.client(), self.bucket, self.prefix, read_pending_updates=read_pending_updates)
        return FlashFlood.open(self.url, read_pending_updates=read_pending_updates)

    def store(self) -> Store:
        """Open a fresh store at the same root."""
        return S3Store(self.client(), self.bucket, self.prefix) if self.s3 else open_store(self.url)

    def client(self) -> S3Client:
        """Make a fresh boto3 client, as a user does."""
        with _SESSION_LOCK:
            client = _SESSION.client("s3", **self._options())
        self._clients.append(client)
        return client

    def resource(self) -> S3ServiceResource:
        """Make a fresh boto3 resource, as a user does."""
        with _SESSION_LOCK:
            resource = _SESSION.resource("s3", **self._options())
        self._clients.append(resource.meta.client)
        return resource

    def close(self) -> None:
        """Close the connections of all clients."""
        for client in self._clients:
            client.close()

    def _options(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.env["AWS_ENDPOINT_URL"],
            "aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"],
            "region_name": REGION,
        }


def pytest_configure() -> None:
    """Keep the tests apart from the AWS account of whoever runs them, from Ray's makers, and Spark from the network."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    rgw_is_there, java_is_there = "rgw" in KINDS, shutil.which("java") is not None
    chromium_is_there = shutil.which("chromium") is not None
    return [
        *(() if rgw_is_there else ["RADOS Gateway is left out: install radosgw, ceph-mon and ceph-osd to test on it"]),
        *(() if java_is_there else ["Spark is left out: install default-jre-headless to test on it"]),
        *(() if chromium_is_there else ["A browser's look at pages is left out: install chromium"]),
    ]


@pytest.fixture(scope="session", autouse=True)
def _nobody_pulls_the_plug() -> Iterator[None]:
    """Let `fsync` do nothing: what it promises, no test can see, and it takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Each kind of place in turn; `@pytest.mark.parametrize("place", ["moto"], indirect=True)` chooses."""
    with _made_place(request, "store") as made:
        yield made


@pytest.fixture(params=KINDS)
def other(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Another place beside `place`, of each kind in turn."""
    with _made_place(request, "other") as made:
        yield made


@contextmanager
def _made_place(request: pytest.FixtureRequest, name: str) -> Iterator[Place]:
    if request.param == "folder":
        yield Place("folder", f"{request.getfixturevalue('tmp_path')}/{name}/", {})
    elif request.param == "sqlite":
        yield Place("sqlite", f"sqlite://{request.getfixturevalue('tmp_path')}/{name}.flashflood", {})
    else:
        server: Server = request.getfixturevalue(request.param)
        place = Place(request.param, f"s3://{BUCKET}/{uuid.uuid4()}", environment_of(server))
        yield place
        place.close()
        if isinstance(server, Moto):
            server.forget(place.bucket, place.prefix)


@pytest.fixture
def behind(place: Place) -> Iterator[Callable[[Fault], S3Store]]:
    """Give what puts a faulty server before the place's own and opens a store there; so does the place from then on."""
    servers = []

    def behind(fault: Fault) -> S3Store:
        servers.append(FaultyServer(place.env["AWS_ENDPOINT_URL"], fault))
        place.env["AWS_ENDPOINT_URL"] = servers[-1].endpoint
        return S3Store(place.client(), place.bucket, place.prefix)

    yield behind
    place.close()
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    """Moto's server with a bucket; one for each worker of pytest-xdist."""
    server = Moto()
    _make_bucket(server)
    yield server
    server.stop()


@pytest.fixture(scope="session", name="rgw")
def rgw_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rgw.RadosGateway]:
    """RADOS Gateway with a bucket; one for each worker of pytest-xdist: it takes 1.5 seconds and 320 MB."""
    if not rgw.is_installed():
        if IN_CI:
            pytest.fail("radosgw, ceph-mon and ceph-osd are not installed: in CI nothing is skipped")
        pytest.skip("radosgw, ceph-mon and ceph-osd are not installed")
    server = rgw.RadosGateway(tmp_path_factory.mktemp("rgw"))
    try:
        _make_bucket(server)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def java() -> None:
    """Make sure that there is Java, which Spark needs."""
    if shutil.which("java") is None:
        if IN_CI:
            pytest.fail("java is not installed: in CI nothing is skipped")
        pytest.skip("java is not installed")


@pytest.fixture
def chromium(tmp_path: Path) -> list[str]:
    """Give the command of a browser without a window, which keeps what it keeps in the test's own folder."""
    if shutil.which("chromium") is None:
        if IN_CI:
            pytest.fail("chromium is not installed: in CI nothing is skipped")
        pytest.skip("chromium is not installed")
    kept = f"--user-data-dir={tmp_path / 'chromium'}"
    return [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        kept,
    ]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Give the environment of commands that work on a store of the test's own, which is named in it."""
    return environment(tmp_path)


@pytest.fixture
def run(env: dict[str, str], tmp_path: Path) -> Run:
    """Give what runs the command there, to its end."""
    return runner(env, tmp_path)


@pytest.fixture
def call(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Give what runs the command there in this process, which takes less than to begin one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLASHFLOOD_STORE", env["FLASHFLOOD_STORE"])
    return caller(capfdbinary)


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No client waits for another, which will not go on before it has given up."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.fixture(scope="module", params=LOCAL)
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Copier:
    """Give what copies the store that `support.races` describes."""
    return copier(request.param, tmp_path_factory.mktemp("prepared"), ready)


def copier(kind: str, folder: Path, prepare: Callable[[FlashFlood], object]) -> Copier:
    """Prepare a store in a folder or a file; give what copies it to a new folder, and opens it there."""
    store = open_store(LOCAL[kind].format(folder))
    prepare(FlashFlood._on(store))  # noqa: SLF001 - the way in for any store
    store.give_back()
    return lambda target: open_store(LOCAL[kind].format(shutil.copytree(folder, target)))


@pytest.fixture
def copies(prepared: Copier, tmp_path: Path) -> Iterator[Store]:
    """Give the prepared store again and again."""
    return (prepared(tmp_path / f"copy {number}") for number in count())


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> "Furnished":
    """Give a store with every kind of object."""
    from support.copies import Furnished, furnish, garbage, objects  # noqa: PLC0415 - which imports `Place` from here

    place = Place("sqlite", f"sqlite://{tmp_path_factory.mktemp('furnished')}/store.flashflood", {})
    furnish(place.store())
    return Furnished(objects(place.store()), garbage(place))


def environment_of(server: Server) -> dict[str, str]:
    """Give the environment variables with which a process of its own finds a server."""
    return {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": REGION,
    }


def _make_bucket(server: Server) -> None:
    place = Place("server", f"s3://{BUCKET}/", environment_of(server))
    place.client().create_bucket(Bucket=BUCKET)
    place.close()
