"""The functions that existing code imports from here; their home is `flashflood.dates` and `flashflood.deleting`."""

from flashflood.dates import datetime_from_timestamp, datetime_to_timestamp, timestamp_now
from flashflood.deleting import delete_keys

__all__ = ["datetime_from_timestamp", "datetime_to_timestamp", "delete_keys", "timestamp_now"]
