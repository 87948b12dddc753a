"""Making a boto3 client that asks the same server as another one does, with the credentials of where it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from flashflood.store.s3 import S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from flashflood.store.protocol import Store

CONNECTIONS = 32
"""How many requests to S3 may be under way at a time, where the client is our own."""

_OF_A_REGION = re.compile(r"s3[.-](?:[a-z0-9-]+\.)*amazonaws\.com(?:\.cn)?", re.ASCII)
"""AWS's own endpoints; those of a private network (`bucket.vpce-…`) begin otherwise."""


class ClientSettings(NamedTuple):
    """What a client asks, and how; without credentials. None: as the environment says where it is made."""

    region: str | None = None
    endpoint_url: str | None = None
    addressing_style: str | None = None
    is_unsigned: bool = False
    connections: int = CONNECTIONS

    @classmethod
    def of(cls, client: S3Client) -> ClientSettings:
        """Take a client's. AWS's own endpoint follows from the region."""
        config: Any = client.meta.config  # whose stubs know none of its attributes
        endpoint = client.meta.endpoint_url
        follows = _OF_A_REGION.fullmatch(urlsplit(endpoint).hostname or "") is not None
        return cls(
            client.meta.region_name,
            None if follows else endpoint,
            (config.s3 or {}).get("addressing_style"),
            config.signature_version is UNSIGNED,
            config.max_pool_connections,
        )

    def client(self) -> S3Client:
        """Make a client. Makes no request."""
        options: dict[str, Any] = {"signature_version": UNSIGNED} if self.is_unsigned else {}
        if self.addressing_style is not None:
            options["s3"] = {"addressing_style": self.addressing_style}
        config = Config(max_pool_connections=self.connections, retries={"mode": "standard"}, **options)
        return boto3.client("s3", region_name=self.region, endpoint_url=self.endpoint_url, config=config)


def resource_on(store: Store, name: str) -> Any:  # noqa: ANN401  boto3 has no static types
    """Give a boto3 resource on a store's own client. In a folder, `AttributeError` that names `name`."""
    made = boto3.resource("s3")
    made.meta.client = s3_store(store, name).client
    return made


def s3_store(store: Store, name: str) -> S3Store:
    """Give the store, if it is on S3; otherwise `AttributeError` that names `name`."""
    if isinstance(store, S3Store):
        return store
    msg = f"a FlashFlood on {store.name} has no {name}: only one on S3 has"
    raise AttributeError(msg)
