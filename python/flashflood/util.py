"""The functions that existing code imports from here; those about dates come from `flashflood.dates`."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from flashflood import config
from flashflood.dates import datetime_from_timestamp, datetime_to_timestamp, timestamp_now
from flashflood.exceptions import FlashFloodException
from flashflood.several import several

if not TYPE_CHECKING:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)

__all__ = ["config", "datetime_from_timestamp", "datetime_to_timestamp", "delete_keys", "timestamp_now"]

BATCH = 1000
"""Keys that S3 deletes in one request."""


def delete_keys(bucket: Any, keys: Iterable[str], number_of_workers: int = 4) -> None:  # noqa: ANN401  boto3 has no static types
    """Delete objects from a boto3 `Bucket`, with `number_of_workers` requests at a time.

    `FlashFloodException` for those that are there and cannot be deleted; `TypeError` for one key instead of several.
    """
    remaining = iter(several(keys, "keys"))
    batches = iter(lambda: list(islice(remaining, BATCH)), [])
    with ThreadPoolExecutor(number_of_workers) as pool:
        errors = [error for failed in pool.map(partial(_delete, bucket), batches) for error in failed]
    if errors:
        msg = f"could not delete {', '.join(error['Key'] + ': ' + error['Code'] for error in errors)}"
        raise FlashFloodException(msg)


def _delete(bucket: Any, keys: list[str]) -> list[dict[str, str]]:  # noqa: ANN401  as above
    """Delete at most 1,000 objects; give the errors."""
    answer = bucket.delete_objects(Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    errors: list[dict[str, str]] = answer.get("Errors", [])
    return errors
