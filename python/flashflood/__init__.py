"""FlashFlood: an event recorder and streamer on S3.

Many writers put JSON events, each with an id and a date; `journal` combines them into journals; readers look one event
up, or replay all events between two dates, filtered with JMESPath. The buckets are those of FlashFlood 0.4.3.

What stands in `__all__` here is the interface, with the modules and names of 0.4.3 that docs/design/SEMANTICS.md
promises. Everything else may change in any release, whether its name begins with `_` or not.
"""

from typing import TYPE_CHECKING

from flashflood.api import FlashFlood
from flashflood.dates import datetime_from_timestamp, datetime_to_timestamp, timestamp_now
from flashflood.events import Event
from flashflood.exceptions import (
    FlashFloodCorruptionError,
    FlashFloodEventExistsError,
    FlashFloodEventNotFound,
    FlashFloodException,
    FlashFloodJournalingError,
    FlashFloodJournalUploadError,
)
from flashflood.follow.changes_follower import ChangesFollower
from flashflood.follow.follower import Follower
from flashflood.identifiers import JournalID
from flashflood.journals import Journal
from flashflood.load.fields import Rejected
from flashflood.load.load import Loaded, load_lines
from flashflood.maintain.check import Findings
from flashflood.maintain.compact import Compaction
from flashflood.maintain.copy import Copied
from flashflood.maintain.finding import Finding
from flashflood.maintain.maintain import Maintained, Rules
from flashflood.maintain.repair import Repairs
from flashflood.progress import Progress
from flashflood.records.journal_counts import JournalSummary
from flashflood.replay.arrow import ReplayBatches
from flashflood.replay.damage import Damage
from flashflood.replay.expressions import Expression
from flashflood.replay.partitions import Partition
from flashflood.replay.replay import Replay
from flashflood.replay.streams import replay_event_stream
from flashflood.spooled_ids import SpooledIds
from flashflood.stats.found import Stats, StatsGroup
from flashflood.stats.histogram import StatsBin
from flashflood.store import UndeletedError
from flashflood.write.put_many import Stored
from flashflood.write.writer import Writer

if TYPE_CHECKING:
    from flashflood.version import __version__
else:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)

__all__ = [
    "ChangesFollower",
    "Compaction",
    "Copied",
    "Damage",
    "Event",
    "Expression",
    "Finding",
    "Findings",
    "FlashFlood",
    "FlashFloodCorruptionError",
    "FlashFloodEventExistsError",
    "FlashFloodEventNotFound",
    "FlashFloodException",
    "FlashFloodJournalUploadError",
    "FlashFloodJournalingError",
    "Follower",
    "Journal",
    "JournalID",
    "JournalSummary",
    "Loaded",
    "Maintained",
    "Partition",
    "Progress",
    "Rejected",
    "Repairs",
    "Replay",
    "ReplayBatches",
    "Rules",
    "SpooledIds",
    "Stats",
    "StatsBin",
    "StatsGroup",
    "Stored",
    "UndeletedError",
    "Writer",
    "__version__",
    "datetime_from_timestamp",
    "datetime_to_timestamp",
    "load_lines",
    "replay_event_stream",
    "timestamp_now",
]
