"""Deleting objects by key, as existing tests do it to clean up a bucket."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from flashflood.exceptions import FlashFloodException

BATCH = 1000
"""Keys that S3 deletes in one request."""


def delete_keys(bucket: Any, keys: Iterable[str]) -> None:  # noqa: ANN401  boto3's resources have no static type
    """Delete objects from a boto3 `Bucket`. `FlashFloodException` for those that are there and cannot be deleted."""
    remaining = iter(keys)
    while batch := list(islice(remaining, BATCH)):
        answer = bucket.delete_objects(Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True})
        if errors := answer.get("Errors"):
            msg = f"could not delete {', '.join(error['Key'] + ': ' + error['Code'] for error in errors)}"
            raise FlashFloodException(msg)
