"""What a store holds at one moment, as `check` and `repair` look at it. Only reads."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from flashflood import layout
from flashflood._core import Manifest, Row, Seen, classify, format_timestamp
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.maintain.finding import Finding
from flashflood.maintain.sample import Sample
from flashflood.records import ledger
from flashflood.records.ledger import OpenEntry
from flashflood.records.living import without_dead
from flashflood.store.protocol import Entry

Placed: TypeAlias = tuple[JournalID, Row]
"""A row and the journal that has it."""

_UNREADABLE = (
    "restore it from a copy; or move it away, and `repair` writes it again, of what the index knows of its events"
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a store holds now."""

    manifests: dict[JournalID, Manifest]
    """Of the living journals that were read, and that no combination under way uses."""
    unburied: dict[JournalID, Manifest]
    """Of the journals that these replace, and that have no tombstone."""
    written: dict[JournalID, datetime]
    """When each manifest that is there was written, by the server's clock; dead journals' too."""
    deletes: dict[str, dict[Update, datetime]]
    """By event_id, all delete objects, used or not, and when they were written, by the server's clock."""
    pending: set[Update]
    """The pending ones of them."""
    under_way: list[OpenEntry]
    lone_tombstones: list[str]
    """Keys of tombstones without the object that they stand for."""
    problems: list[Finding]
    """What cannot be read, or is no journal."""
    looked_at: int
    journals: int
    """How many journals were looked at, and how many live."""
    is_whole: bool
    """Whether all that live were looked at, and not a sample."""

    @property
    def taken(self) -> set[JournalID]:
        """The journals that combinations under way use or make."""
        return ledger.taken(self.under_way)

    @property
    def disordered(self) -> list[JournalID]:
        """Journals whose rows are out of order, or outside the range that their id names (FORMAT.md)."""
        return [journal_id for journal_id, manifest in self.manifests.items() if not manifest.is_ordered]

    @property
    def shared(self) -> dict[str, list[JournalID]]:
        """Ids that several journals have, after the pending deletes."""
        repeated = self._repeated()
        holders: defaultdict[str, list[JournalID]] = defaultdict(list)
        for journal_id, row in self.rows() if repeated else ():
            if row.event_id in repeated:
                holders[row.event_id].append(journal_id)
        return {event_id: found for event_id, found in sorted(holders.items()) if len(found) > 1}

    def rows(self) -> Iterator[Placed]:
        """Give all rows, but for those for which a delete is pending."""
        for journal_id, manifest in self.manifests.items():
            for row in manifest.rows():
                if not self.is_being_deleted(journal_id, row):
                    yield journal_id, row

    def _repeated(self) -> set[str]:
        """Give the ids that several rows have."""
        seen = Seen()
        repeated: set[str] = set()
        for manifest in self.manifests.values():
            ids = [row.event_id for row in manifest.rows()]
            new = set(seen.add(ids))
            repeated.update(event_id for place, event_id in enumerate(ids) if place not in new)
        return repeated

    def is_being_deleted(self, journal_id: JournalID, row: Row) -> bool:
        """Whether a delete for this row is pending."""
        return not self.pending.isdisjoint(self._addressed(journal_id, row))

    def awaits_update(self, journal_id: JournalID, row: Row) -> bool:
        """Whether a delete for a dead journal is pending that may be for this row, which 0.4.3 has moved.

        `update` finds out if it is.
        """
        return row.revision is None and any(
            delete in self.pending and delete.journal_id not in self.manifests and _covers(delete.journal_id, row)
            for delete in self.deletes.get(row.event_id, ())
            if delete.journal_id != journal_id
        )

    def was_deleted(self, journal_id: JournalID, row: Row) -> bool:
        """Whether there was a delete of this row: for its journal, or for the one that it came from."""
        return any(self._addressed(journal_id, row))

    def was_left_behind(self, journal_id: JournalID, row: Row) -> bool:
        """Whether 0.4.3 may have combined this row into another journal, where it was deleted.

        It leaves such a row where its journaling stops before the tombstones. Then the row's journal is the oldest of
        the three by the server's clock, and by the deleter's clock older than the delete. That is no proof: it may also
        look so if someone put the event again within a second, or copied the bucket, or has a clock that is wrong.
        """
        written = self.written[journal_id]
        return row.revision is None and any(
            delete.journal_id.version != NEW
            and _covers(delete.journal_id, row)
            and delete.journal_id in self.written
            and written <= min(self.written[delete.journal_id], deleted)
            and format_timestamp(written) <= delete.timestamp
            for delete, deleted in self.deletes.get(row.event_id, {}).items()
        )

    def _addressed(self, journal_id: JournalID, row: Row) -> Iterator[Update]:
        """Give the deletes of a row: for its journal, or for the one that it came from."""
        deletes = self.deletes.get(row.event_id, ())
        return (delete for delete in deletes if delete.journal_id in {str(journal_id), row.came_from})


def look(ctx: Context, sample: Sample | None = None) -> Survey:
    """List all journals and updates, and read the living journals' manifests: all, or those of a sample."""
    under_way, broken = ledger.read_leniently(ctx)
    problems = [Finding.of_text("ledger-entry-damaged", str(problem), problem.key) for problem in broken]
    journals = _listed(ctx, layout.JOURNALS)
    _, _, strangers = classify([layout.journal_name(entry.key) for entry in journals])
    strange = {journals[index].key for index in strangers}
    problems += [_strange(key, f"{key}: no journal has such a name; move it away") for key in sorted(strange)]
    known = [entry for entry in journals if entry.key not in strange]
    living = without_dead(known)
    chosen = living if sample is None else sample.of(living)
    manifests = _read_manifests(ctx, chosen, problems)
    replaced = {source for manifest in manifests.values() for source in manifest.replaces}
    taken = ledger.taken(under_way)
    updates = _listed(ctx, layout.UPDATES, layout.ENCODED_UPDATES)
    problems += _strange_updates(updates)
    deletes: defaultdict[str, dict[Update, datetime]] = defaultdict(dict)
    for delete, written in _deletes(updates).items():
        deletes[delete.event_id][delete] = written
    return Survey(
        {journal_id: found for journal_id, found in manifests.items() if journal_id not in replaced | taken},
        {journal_id: found for journal_id, found in manifests.items() if journal_id in replaced - taken},
        _written(known),
        deletes,
        set(_deletes(without_dead(updates))),
        under_way,
        _lone_tombstones(journals) + _lone_tombstones(updates),
        problems,
        len(chosen),
        len(living),
        is_whole=sample is None,
    )


def _listed(ctx: Context, *folders: str) -> list[Entry]:
    with ctx.meter.step("listing", "keys"):
        return [entry for folder in folders for entry in ctx.entries(folder)]


def _written(journals: list[Entry]) -> dict[JournalID, datetime]:
    manifests = (entry for entry in journals if not entry.key.endswith(TOMBSTONE_SUFFIX))
    return {layout.journal_id_of(entry.key): entry.modified for entry in manifests}


def _read_manifests(ctx: Context, entries: list[Entry], problems: list[Finding]) -> dict[JournalID, Manifest]:
    """Read what can be read; add to `problems` what cannot."""

    def manifest_or_why(entry: Entry) -> Manifest | Finding | None:
        journal_id = layout.journal_id_of(entry.key)
        try:
            manifest = ctx.manifest(journal_id)
            ctx.meter.add("events", 0 if manifest is None else len(manifest))
        except FlashFloodCorruptionError as error:
            return Finding.of("manifest-damaged", str(error), _UNREADABLE, journal_id=journal_id, key=entry.key)
        return manifest

    with ctx.meter.step("reading", "journals", len(entries)):
        read = ctx.requests.each(ctx.meter.counting("journals", manifest_or_why), entries)
    manifests = {}
    for entry, found in zip(entries, read, strict=True):
        if isinstance(found, Finding):
            problems.append(found)
        elif found is not None:
            manifests[layout.journal_id_of(entry.key)] = found
    return manifests


def _covers(journal_id: JournalID, row: Row) -> bool:
    return journal_id.start <= row.timestamp <= journal_id.end


def _deletes(entries: list[Entry]) -> dict[Update, datetime]:
    """Give the delete objects, and when they were written."""
    written = {}
    for entry in entries:
        with suppress(FlashFloodCorruptionError):  # named elsewhere
            if not entry.key.endswith(TOMBSTONE_SUFFIX):
                written[layout.parse_update_key(entry.key)] = entry.modified
    return {update: modified for update, modified in written.items() if update.is_delete}


def _strange(key: str, text: str) -> Finding:
    return Finding.of_text("object-strange", text, key)


def _strange_updates(entries: list[Entry]) -> list[Finding]:
    """Say of each object among the updates that is none what is wrong with it."""
    strange = []
    for entry in entries:
        try:
            layout.parse_update_key(entry.key.removesuffix(TOMBSTONE_SUFFIX))
        except FlashFloodCorruptionError as error:
            strange.append(_strange(entry.key, str(error)))
    return strange


def _lone_tombstones(entries: list[Entry]) -> list[str]:
    keys = {entry.key for entry in entries}
    dead = (entry.key for entry in entries if entry.key.endswith(TOMBSTONE_SUFFIX))
    return [key for key in dead if key.removesuffix(TOMBSTONE_SUFFIX) not in keys]
