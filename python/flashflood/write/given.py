"""An event as a caller gives it, checked and converted before any request."""

import uuid
from datetime import datetime
from typing import NamedTuple

from flashflood import layout
from flashflood._core import parse_timestamp
from flashflood.context import Context
from flashflood.data import Data, to_bytes
from flashflood.dates import timestamp_now, timestamp_of
from flashflood.events import Event


class Given(NamedTuple):
    """One event to be stored."""

    timestamp: str
    event_id: str
    body: bytes
    is_new_id: bool
    """Whether the id was made here, so that nobody else can know it before its first claim."""

    @classmethod
    def of(cls, ctx: Context, data: Data, event_id: str | None, date: datetime | None) -> "Given":
        """Check and convert what `put` takes. Without an id a random one is made; without a date it is now."""
        body = to_bytes(data)
        timestamp = timestamp_now() if date is None else timestamp_of("date", date)
        if event_id is None or event_id == "":
            return cls(timestamp, str(uuid.uuid4()), body, is_new_id=True)
        layout.refuse_bad_id(event_id, ctx.store.root_prefix)
        return cls(timestamp, event_id, body, is_new_id=False)

    @property
    def event(self) -> Event:
        """The event as it is, once it is stored."""
        return Event(self.event_id, parse_timestamp(self.timestamp), self.body)
