"""The functions that existing code imports from here; their home is `flashflood.dates` and `flashflood.deleting`."""

from typing import TYPE_CHECKING

from flashflood import config
from flashflood.dates import datetime_from_timestamp, datetime_to_timestamp, timestamp_now
from flashflood.deleting import delete_keys

if not TYPE_CHECKING:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)

__all__ = ["config", "datetime_from_timestamp", "datetime_to_timestamp", "delete_keys", "timestamp_now"]
