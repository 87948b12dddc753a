"""Making a boto3 client that asks the same server as another one does, with the credentials of where it is made."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from flashflood.store.late import import_boto3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from flashflood.store.protocol import Store
    from flashflood.store.s3 import S3Store

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
        from botocore import UNSIGNED  # noqa: PLC0415  see `import_boto3`

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
        import_boto3()
        import boto3  # noqa: PLC0415  see `import_boto3`
        from botocore import UNSIGNED  # noqa: PLC0415  as above
        from botocore.config import Config  # noqa: PLC0415  as above

        options: dict[str, Any] = {"signature_version": UNSIGNED} if self.is_unsigned else {}
        if self.addressing_style is not None:
            options["s3"] = {"addressing_style": self.addressing_style}
        config = Config(max_pool_connections=self.connections, retries={"mode": "standard"}, **options)
        return boto3.client("s3", region_name=self.region, endpoint_url=self.endpoint_url, config=config)


def on_client(client: S3Client, bucket: str, prefix: str) -> S3Store:
    """Give the store in a bucket, through a client, which is left as it is."""
    import_boto3()
    from flashflood.store.s3 import S3Store  # noqa: PLC0415  see `import_boto3`

    return S3Store(client, bucket, prefix)


def new_on_s3(settings: ClientSettings, bucket: str, prefix: str) -> S3Store:
    """Give the store in a bucket, through a client that is made for it."""
    client = settings.client()
    from flashflood.store.s3 import S3Store  # noqa: PLC0415  see `import_boto3`

    return S3Store(client, bucket, prefix, owned=True, endpoint_url=settings.endpoint_url)


def s3_of(store: Store) -> S3Store | None:
    """Give a store as what it is on S3. None: it is elsewhere."""
    # Without the class no store is on S3. Another thread may be importing its module.
    kind = getattr(sys.modules.get("flashflood.store.s3"), "S3Store", None)
    return store if kind is not None and isinstance(store, kind) else None


def resource_on(store: Store, name: str) -> Any:  # noqa: ANN401  boto3 has no static types
    """Give a boto3 resource on a store's own client. In a folder, `AttributeError` that names `name`."""
    client = s3_store(store, name).client
    import boto3  # noqa: PLC0415  see `import_boto3`

    made = boto3.resource("s3")
    made.meta.client = client
    return made


def s3_store(store: Store, name: str) -> S3Store:
    """Give the store, if it is on S3; otherwise `AttributeError` that names `name`."""
    if (found := s3_of(store)) is not None:
        return found
    msg = f"a FlashFlood on {store.name} has no {name}: only one on S3 has"
    raise AttributeError(msg)
