"""Moto's server, in a thread of the test process: S3 over real HTTP, without a check of credentials.

It lists as AWS and MinIO do: asked to encode keys, they write a space as `+`, where moto by itself and RADOS Gateway
write `%20`. A listing leaves out what is deleted meanwhile, where moto by itself answers 500. What services it has, it
looks up in its own folder once, and not for each request, which takes a third of its time.
"""

import logging
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote_plus

from botocore.handlers import BUILTIN_HANDLERS
from moto import backends
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.server import ThreadedMotoServer

BUILTIN_HANDLERS.remove(("before-send", botocore_stubber))
"""Moto listens to all clients of a process that loads it, for mocks that nobody here uses. Users' clients have no such
handler."""


def _listed_by_aws(self: FakeKey, encoding_type: str | None = None) -> str:
    """Write a key as Java's URLEncoder does, with the slashes left."""
    return quote_plus(self.name, safe="/*").replace("~", "%7E") if encoding_type == "url" else self.name


def _items_left(self: _VersionedKeyStore) -> Iterator[tuple[str, FakeKey]]:
    """Give each key with its newest version, from a copy of the keys."""
    return ((key, versions[-1]) for key, versions in dict.items(dict(self)) if versions)


class Moto:
    """A running server on a free port of the loopback interface."""

    access_key = "test"
    secret_key = "testsecret"  # noqa: S105  # of a server that lives as long as the tests

    def __init__(self) -> None:
        FakeKey.safe_name = _listed_by_aws  # type: ignore[method-assign]
        _VersionedKeyStore.items = _items_left
        backends.list_of_moto_modules = partial(list, list(backends.list_of_moto_modules()))
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    def forget(self, bucket: str, prefix: str) -> None:
        """Drop all keys with a prefix: a listing takes time for each key of the whole bucket."""
        keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
        for key in [key for key in dict(keys) if key.startswith(prefix)]:
            keys.pop(key)

    def stop(self) -> None:
        """End it; what it holds is gone."""
        self._server.stop()
