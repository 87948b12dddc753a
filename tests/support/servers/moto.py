"""Moto's server, in a thread of the test process: S3 over real HTTP, without a check of credentials.

It lists as AWS and MinIO do: asked to encode keys, they write a space as `+`, where moto by itself and RADOS Gateway
write `%20`. What services it has, it looks up in its own folder once, and not for each request, which takes a third of
its time.
"""

import logging
from functools import partial
from urllib.parse import quote_plus

from moto import backends
from moto.s3.models import FakeKey
from moto.server import ThreadedMotoServer


def _listed_by_aws(self: FakeKey, encoding_type: str | None = None) -> str:
    """Write a key as Java's URLEncoder does, with the slashes left."""
    return quote_plus(self.name, safe="/*").replace("~", "%7E") if encoding_type == "url" else self.name


class Moto:
    """A running server on a free port of the loopback interface."""

    access_key = "test"
    secret_key = "testsecret"  # noqa: S105  # of a server that lives as long as the tests

    def __init__(self) -> None:
        FakeKey.safe_name = _listed_by_aws  # type: ignore[method-assign]
        backends.list_of_moto_modules = partial(list, list(backends.list_of_moto_modules()))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    def stop(self) -> None:
        """End it; what it holds is gone."""
        self._server.stop()
