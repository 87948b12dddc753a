"""Combinations under way, one ledger entry each, and what becomes of those left behind (PROTOCOL.md, steps 9 and 12).

Reads and writes `ledger/`; recovery also creates fences in `journals/`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID, Update

LEFT_BEHIND = timedelta(minutes=1)
"""From this age on an entry counts as left behind; plus a second for each `SLOWEST` bytes that it has to write."""
SLOWEST = 1_000_000


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One combination: which journals become which, with which updates."""

    journal_id: JournalID
    sources: tuple[JournalID, ...]
    updates: tuple[Update, ...]
    size: int
    """Bytes of the combined blob."""

    def encode(self) -> bytes:
        """Give the JSON that is stored."""
        fields = {
            "journal_id": self.journal_id,
            "sources": self.sources,
            "updates": [layout.update_key(update) for update in self.updates],
            "size": self.size,
        }
        return orjson.dumps(fields)

    @classmethod
    def decode(cls, key: str, body: bytes) -> "LedgerEntry":
        """Check and convert what is stored. `FlashFloodCorruptionError` that names the key."""
        try:
            fields = orjson.loads(body)
            entry = cls(
                JournalID.checked(fields["journal_id"], "journal_id"),
                tuple(JournalID.checked(source, "sources") for source in fields["sources"]),
                tuple(layout.parse_update_key(update) for update in fields["updates"]),
                int(fields["size"]),
            )
        except (FlashFloodCorruptionError, ValueError, TypeError, LookupError, AttributeError) as error:
            msg = f"{key}: not a ledger entry ({type(error).__name__}: {error}); remove it, then run `repair()`"
            raise FlashFloodCorruptionError(msg, key=key) from error
        if layout.ledger_key(entry.journal_id) != key:
            msg = f"{key}: names another journal, {entry.journal_id}; remove it, then run `repair()`"
            raise FlashFloodCorruptionError(msg, journal_id=entry.journal_id, key=key)
        return entry


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """A ledger entry that is still there, and since when."""

    entry: LedgerEntry
    written: datetime
    listed: datetime
    """When it was listed, by the clock that dates the answers. A writer has a better one: `Context.now`."""

    @property
    def age(self) -> timedelta:
        """How long it has been there."""
        return self.listed - self.written

    @property
    def is_left_behind(self) -> bool:
        """Whether its owner has had all the time it needs."""
        return self.age >= LEFT_BEHIND + timedelta(seconds=self.entry.size / SLOWEST)


def read(ctx: Context, own: Mapping[str, LedgerEntry] | None = None) -> list[OpenEntry]:
    """Read all entries: one LIST, and a GET for each that is not in `own`, by key: an entry never changes.

    `FlashFloodCorruptionError` if one of them is no ledger entry.
    """
    entries, problems = read_leniently(ctx, own)
    if problems:
        raise problems[0]
    return entries


def read_leniently(
    ctx: Context, own: Mapping[str, LedgerEntry] | None = None
) -> tuple[list[OpenEntry], list[FlashFloodCorruptionError]]:
    """Read all entries; give those that can be read, and what is wrong with the others."""
    known = own or {}
    entries, problems = [], []
    listed = [(item.key, item.modified, page.date) for page in ctx.pages(layout.LEDGER) for item in page.entries]
    unknown = [key for key, *_ in listed if key not in known]
    bodies = dict(zip(unknown, ctx.requests.each(ctx.store.get, unknown), strict=True))
    for key, *dates in listed:
        found = bodies.get(key)
        if key in known:
            entries.append(OpenEntry(known[key], *dates))
        elif found is not None:
            try:
                entries.append(OpenEntry(LedgerEntry.decode(key, found.body), *dates))
            except FlashFloodCorruptionError as error:
                problems.append(error)
    return entries, problems


def taken(entries: list[OpenEntry]) -> set[JournalID]:
    """Give the journals that combinations under way use or make: others leave them alone."""
    return {journal_id for open_ in entries for journal_id in (*open_.entry.sources, open_.entry.journal_id)}


def rivals(entry: LedgerEntry, others: Iterable[LedgerEntry]) -> list[JournalID]:
    """Give the journals that other combinations make which name a source of this one."""
    sources = set(entry.sources)
    return [other.journal_id for other in others if sources.intersection((*other.sources, other.journal_id))]


def close(ctx: Context, entries: Iterable[LedgerEntry]) -> None:
    """Remove entries."""
    ctx.store.delete([layout.ledger_key(entry.journal_id) for entry in entries])


def create_fence(ctx: Context, journal_id: JournalID) -> Manifest | None:
    """Keep a journal from being made: create its manifest, empty, unless it is there; give what is there then."""
    fence = Manifest.of_rows(journal_id, [], 0)
    return fence if ctx.create_manifest(fence) else ctx.manifest(journal_id)


def is_fence(manifest: Manifest) -> bool:
    """Say whether a manifest is a fence. An empty journal is none: it `replaces` its sources."""
    return not len(manifest) and not manifest.replaces
