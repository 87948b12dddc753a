"""Where objects lie: on S3, in a folder, in a SQLite file, or in memory; all behind the protocol `Store`."""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from flashflood.exceptions import FlashFloodException
from flashflood.store.clients import ClientSettings, new_on_s3, on_client, s3_of
from flashflood.store.file_urls import url2pathname
from flashflood.store.protocol import Body, Entry, Found, Page, Store, UndeletedError, Unused, closed
from flashflood.store.sqlite import SqliteStore

if sys.platform != "win32":
    from flashflood.store.local import LocalStore

__all__ = [
    "Address",
    "Body",
    "Entry",
    "Found",
    "LocalStore",
    "Page",
    "SqliteStore",
    "Store",
    "UndeletedError",
    "Unused",
    "bucket_and_prefix",
    "closed",
    "on_client",
    "open_store",
    "s3_of",
]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_KINDS = "s3://bucket/prefix, the path of a file, or that of a folder with a slash at its end"


class Address(NamedTuple):
    """What opens a store again, on this machine or on another one that can reach it."""

    url: str
    client: ClientSettings | None
    """None: the store needs no client."""

    @classmethod
    def of(cls, store: Store) -> "Address | None":
        """Give a store's. None: it is in memory, or has no URL."""
        if store.address is None:
            return None
        if (on_s3 := s3_of(store)) is None:
            return cls(store.address, None)
        settings = ClientSettings.of(on_s3.client)
        return cls(store.address, settings._replace(endpoint_url=on_s3.endpoint_url or settings.endpoint_url))

    def open(self) -> Store:
        """Open the store. No request is made."""
        return open_store(self.url, self.client or ClientSettings())


def open_store(url: str | os.PathLike[str], client: ClientSettings = ClientSettings()) -> Store:  # noqa: B008  immutable
    """Open the store that a URL names: `s3://bucket/prefix`, a path (or its `file://` URL), or `sqlite:///path`.

    A path is a folder's if one is there, or if it ends in a slash; any other one is a SQLite file's.
    `memory://` makes a new store, which goes with what opened it.

    For S3 this makes a boto3 client, by `client` and by what the AWS environment and configuration say (credentials,
    region, `AWS_ENDPOINT_URL`). No request is made, and a folder or a file need not be there.
    ValueError: the URL names no store, or none on S3 where there is an endpoint. FlashFloodException: the folder is a
    file.
    """
    text = os.fspath(url)
    scheme = _SCHEME.match(text)
    if client.endpoint_url is not None:
        bucket_and_prefix(url, "endpoint_url")
    if scheme is None:
        if not text:
            message = f"A store's URL is empty: give {_KINDS}."
            raise ValueError(message)
        return _open_path(text)
    match scheme[1].lower():
        case "s3":
            return new_on_s3(client, *bucket_and_prefix(url))
        case "file":
            return _open_path(_path_of(text))
        case "sqlite":
            return SqliteStore(_path_of(text))
        case "memory":
            return _open_memory(text)
    message = f"{text!r} names no store: give {_KINDS}."
    raise ValueError(message)


def bucket_and_prefix(url: str | os.PathLike[str], argument: str | None = None) -> tuple[str, str]:
    """Give those of a URL on S3. ValueError: it names none; or it is no such URL, which `argument` is for."""
    text = os.fspath(url)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() != "s3":
        message = f"{argument} is for a store on S3, and {text!r} is none: leave it out, or give s3://bucket/prefix."
        raise ValueError(message)
    bucket, _, prefix = text[scheme.end() :].partition("/")
    prefix = prefix.rstrip("/")
    if not bucket or not prefix:
        message = f"{text!r} names no bucket and prefix: give both, as in s3://bucket/prefix."
        raise ValueError(message)
    return bucket, prefix


def _open_path(path: str) -> Store:
    if not path.endswith(("/", os.sep)) and not Path(path).is_dir():
        return SqliteStore(path)
    if sys.platform == "win32":
        message = f"{path!r}: a folder as a store needs what Windows has not (flock). Open a file."
        raise FlashFloodException(message)
    return LocalStore(path)


def _open_memory(url: str) -> SqliteStore:
    if url.lower() != "memory://":
        message = f"{url!r} names no store: give memory://, which is a new one each time."
        raise ValueError(message)
    return SqliteStore.in_memory()


def _path_of(url: str) -> str:
    """Take the absolute path out of a `file://` or `sqlite://` URL."""
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path or parts.query or parts.fragment:
        message = f"{url!r} names no path on this machine: give {parts.scheme}:///path, with ? and # percent-encoded."
        raise ValueError(message)
    return url2pathname(parts.path)
