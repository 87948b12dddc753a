"""What `stats` gives."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from flashflood.stats import page
from flashflood.stats.histogram import StatsBin

Limit = TypeVar("Limit", bound=int | timedelta)


class StatsGroup(NamedTuple, Generic[Limit]):
    """Journals of like size or age."""

    below: Limit | None
    """Each is below this, and not below that of the group before: bytes, or an age. None: there is no limit."""
    journals: int
    bytes: int
    """Of their manifests and blobs."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stats:
    """What a store holds, told by listings. Dates are naive UTC.

    Exact are journals, updates, garbage, bytes, and the range of dates: as far as nobody wrote while it was listed.
    Estimated are the events of more than eight journals, or of more than eight new ones, and the bins of journals that
    lie in several: their events are taken to lie evenly in time.
    """

    store: str
    """Its name."""
    date: datetime
    """When it was listed, by the server's clock."""
    events: int
    """How many there are, deletes that have not been applied left aside; about, unless `is_exact`."""
    is_exact: bool
    """Whether `events` is exact."""
    bytes: int
    """Of the events' data, as replay shows them."""
    first_date: datetime | None
    """The first event's; None: there is no event."""
    last_date: datetime | None
    """The last event's."""
    journals: int
    """How many live, without those that hold new events."""
    by_size: tuple[StatsGroup[int], ...]
    """These by the bytes of manifest and blob, from the smallest on."""
    by_age: tuple[StatsGroup[timedelta], ...]
    """These by the time since they were written, from the youngest on."""
    new_events: int
    """Events that `journal` has still to take; about, unless `new_is_exact`."""
    new_is_exact: bool
    """Whether `new_events` is exact."""
    new_journals: int
    """The journals that hold them: one for each `put`, or for a small batch."""
    oldest_new: datetime | None
    """When the oldest of these was put."""
    pending_updates: int
    """Updates and deletes that have not been applied."""
    oldest_update: datetime | None
    """When the oldest of these was written."""
    dead_journals: int
    """Journals that were combined into others, and have not been collected."""
    dead_updates: int
    """Updates and deletes that were applied, and have not been collected."""
    garbage_bytes: int
    """Of the dead: manifests, blobs, and updates' data."""
    bin_width: str
    """How long a bin is: `15 minutes`, `day`."""
    bins: tuple[StatsBin, ...]
    """The events by their dates: up to 40 bins, one after the other, from the first event to the last one."""

    def __repr__(self) -> str:
        """Name the store, and what is in it."""
        about = "" if self.is_exact else "about "
        return f"<Stats of {self.store}: {about}{self.events:,} events, {self.bytes:,} bytes>"

    def _repr_html_(self) -> str:
        """Give what a notebook shows."""
        return page.fragment(self)
