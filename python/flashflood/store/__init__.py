"""Where objects lie: on S3, or in a local folder; both behind the protocol `Store`."""

import os
import re
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config

from flashflood.store.local import LocalStore
from flashflood.store.protocol import Body, Entry, Found, Page, Store, UndeletedError
from flashflood.store.s3 import S3Store

__all__ = ["Body", "Entry", "Found", "LocalStore", "Page", "S3Store", "Store", "UndeletedError", "open_store"]

CONNECTIONS = 32
"""How many requests to S3 may be under way at a time, where the client is our own."""


def open_store(url: str | os.PathLike[str]) -> Store:
    """Open the store that a URL names: `s3://bucket/prefix`, a folder's path, or its `file://` URL.

    For S3 this makes a boto3 client from what the AWS environment and configuration say (credentials, region,
    `AWS_ENDPOINT_URL`). No request is made, and a folder need not be there. ValueError: the URL names no store.
    FlashFloodException: the folder is a file.
    """
    text = os.fspath(url)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
    if scheme is None:
        if not text:
            message = "A store's URL is empty: give s3://bucket/prefix or the path of a folder."
            raise ValueError(message)
        return LocalStore(text)
    match scheme[1].lower():
        case "s3":
            return _open_s3(text, text[scheme.end() :])
        case "file":
            return _open_file(text)
    message = f"{text!r} names no store: give s3://bucket/prefix or the path of a folder."
    raise ValueError(message)


def _open_s3(url: str, path: str) -> S3Store:
    bucket, _, prefix = path.partition("/")
    prefix = prefix.rstrip("/")
    if not bucket or not prefix:
        message = f"{url!r} names no bucket and prefix: give both, as in s3://bucket/prefix."
        raise ValueError(message)
    config = Config(max_pool_connections=CONNECTIONS, retries={"mode": "standard"})
    return S3Store(boto3.client("s3", config=config), bucket, prefix)


def _open_file(url: str) -> LocalStore:
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or not parts.path or parts.query or parts.fragment:
        message = f"{url!r} names no folder on this machine: give file:///path, with ? and # percent-encoded."
        raise ValueError(message)
    return LocalStore(unquote(parts.path))
