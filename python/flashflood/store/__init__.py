"""Where objects lie: on S3, in a folder, in a SQLite file, or in memory; all behind the protocol `Store`."""

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import boto3
from botocore.config import Config

from flashflood.exceptions import FlashFloodException
from flashflood.store.protocol import Body, Entry, Found, Page, Store, UndeletedError, Unused
from flashflood.store.s3 import S3Store
from flashflood.store.sqlite import SqliteStore

if sys.platform != "win32":
    from flashflood.store.local import LocalStore

__all__ = [
    "Body",
    "Entry",
    "Found",
    "LocalStore",
    "Page",
    "S3Store",
    "SqliteStore",
    "Store",
    "UndeletedError",
    "Unused",
    "open_store",
]

CONNECTIONS = 32
"""How many requests to S3 may be under way at a time, where the client is our own."""
_KINDS = "s3://bucket/prefix, the path of a file, or that of a folder with a slash at its end"


def open_store(url: str | os.PathLike[str]) -> Store:
    """Open the store that a URL names: `s3://bucket/prefix`, a path (or its `file://` URL), or `sqlite:///path`.

    A path is a folder's if one is there, or if it ends in a slash; any other one is a SQLite file's.
    `memory://` makes a new store, which goes with what opened it.

    For S3 this makes a boto3 client from what the AWS environment and configuration say (credentials, region,
    `AWS_ENDPOINT_URL`). No request is made, and a folder or a file need not be there.
    ValueError: the URL names no store. FlashFloodException: the folder is a file.
    """
    text = os.fspath(url)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is None:
        if not text:
            message = f"A store's URL is empty: give {_KINDS}."
            raise ValueError(message)
        return _open_path(text)
    match scheme[1].lower():
        case "s3":
            return _open_s3(text, text[scheme.end() :])
        case "file":
            return _open_path(_path_of(text))
        case "sqlite":
            return SqliteStore(_path_of(text))
        case "memory":
            return _open_memory(text)
    message = f"{text!r} names no store: give {_KINDS}."
    raise ValueError(message)


def _open_s3(url: str, path: str) -> S3Store:
    bucket, _, prefix = path.partition("/")
    prefix = prefix.rstrip("/")
    if not bucket or not prefix:
        message = f"{url!r} names no bucket and prefix: give both, as in s3://bucket/prefix."
        raise ValueError(message)
    config = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard"})
    return S3Store(boto3.client("s3", config=config), bucket, prefix)


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
