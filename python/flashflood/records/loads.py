"""How many events and bytes of data stand behind listed manifests, told by the metadata of a few. Only reads."""

from typing import NamedTuple

from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.records.journal_counts import journal_counts
from flashflood.records.living import journal_id
from flashflood.store.protocol import Entry

SAMPLE = 8
"""Manifests whose metadata are read."""


class Load(NamedTuple):
    """Bytes of data, and events."""

    size: float
    events: float

    def times(self, factor: float) -> "Load":
        """Give a multiple of it."""
        return Load(self.size * factor, self.events * factor)

    def plus(self, other: "Load") -> "Load":
        """Give both together."""
        return Load(self.size + other.size, self.events + other.events)


NOTHING = Load(0.0, 0.0)


class Sampled(NamedTuple):
    """What the metadata of a sample say."""

    loads: dict[str, Load]
    """Exactly what stands behind each manifest that was read, by its key."""
    per_byte: Load
    """What stands behind a byte of manifest, about."""


class Sample:
    """Some of many manifests: of about as many bytes each time, one is taken; always the same ones."""

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: list[Entry] = []
        self._seen = self._next = self._every = 0

    def add(self, entry: Entry) -> None:
        """Take a manifest, or do not; of up to `SAMPLE`, each."""
        self._seen += entry.size
        if self._seen < self._next:
            return
        self._entries.append(entry)
        if len(self._entries) == 2 * SAMPLE:
            del self._entries[::2]
            self._every = self._seen // SAMPLE
        self._next = self._seen + self._every

    def read(self, ctx: Context) -> Sampled:
        """Read the metadata of `SAMPLE` manifests at most: a HEAD for each."""
        entries = self._entries[-SAMPLE:]
        found = ctx.requests.each(lambda entry: _load_of(ctx, entry), entries)
        read = [(entry, load) for entry, load in zip(entries, found, strict=True) if load is not None]
        total = NOTHING
        for entry, load in read:
            total = total.plus(load.times(1 / entry.size))
        return Sampled({entry.key: load for entry, load in read}, total.times(1 / max(1, len(read))))


def _load_of(ctx: Context, entry: Entry) -> Load | None:
    """Read what stands behind a manifest. None: it is gone, or damaged."""
    try:
        counts = journal_counts(ctx, journal_id(entry))
    except FlashFloodCorruptionError:  # whoever reads the journal finds out
        return None
    return None if counts is None else Load(counts.size, counts.events)
