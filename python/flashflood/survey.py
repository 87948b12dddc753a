"""What a store holds at one moment, as `check` and `repair` look at it. Only reads."""

from collections import defaultdict
from dataclasses import dataclass

from flashflood import layout, ledger
from flashflood._core import Manifest, Row, format_timestamp, living
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import NEW, TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.ledger import Open
from flashflood.pending import readable, without_dead
from flashflood.store.protocol import Entry


@dataclass(frozen=True, slots=True)
class Survey:
    """What a store holds now."""

    manifests: dict[JournalID, Manifest]
    """Of the living journals that no combination under way uses."""
    made: dict[JournalID, str]
    """When those journals were made: new ones by the server's clock, others as their id says."""
    deletes: dict[str, list[Update]]
    """By event_id, all delete objects, used or not."""
    waiting: set[Update]
    """Those of them that wait to be applied."""
    under_way: list[Open]
    lone_tombstones: list[str]
    """Keys of tombstones without the object that they stand for."""
    problems: list[str]
    """What cannot be read, or is no journal; a line each."""

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
        """Ids that several journals have, after the deletes that wait."""
        holders: defaultdict[str, list[JournalID]] = defaultdict(list)
        for journal_id, manifest in self.manifests.items():
            for row in manifest.rows():
                if not self.is_being_deleted(journal_id, row):
                    holders[row.event_id].append(journal_id)
        return {event_id: found for event_id, found in sorted(holders.items()) if len(found) > 1}

    def is_being_deleted(self, journal_id: JournalID, row: Row) -> bool:
        """Whether a delete waits for this row."""
        addresses = {str(journal_id), row.source}
        deletes = self.deletes.get(row.event_id, [])
        return any(delete.journal_id in addresses and delete in self.waiting for delete in deletes)

    def was_deleted(self, journal_id: JournalID, row: Row) -> bool:
        """Whether 0.4.3 deleted this event in a journal that covers its date, after the row's journal was made.

        It leaves such a row where its journaling stopped before the tombstones: the delete was for the new journal.
        """
        return any(
            delete.journal_id.start <= row.timestamp <= delete.journal_id.end
            and self.made[journal_id] <= delete.timestamp
            for delete in self.deletes.get(row.event_id, [])
        )


@dataclass(frozen=True, slots=True)
class Misplaced:
    """An event that the index does not lead to as it should."""

    journal_id: JournalID
    row: Row
    why: str
    was_deleted: bool
    """Whether the event was deleted; otherwise its index entry is lost."""
    revisions: list[int]
    mark: int


def look(ctx: Context) -> Survey:
    """Read all manifests, and list all journals and updates."""
    under_way, broken = ledger.read_leniently(ctx)
    problems = [str(problem) for problem in broken]
    journals = list(ctx.entries(layout.JOURNALS))
    _, _, strangers = living([entry.key.removeprefix(layout.JOURNALS) for entry in journals])
    strange = {journals[index].key for index in strangers}
    problems += [f"{key}: no journal has such a name; move it away" for key in sorted(strange)]
    alive = [entry for entry in without_dead(journals) if entry.key not in strange]
    manifests = _read_manifests(ctx, alive, problems)
    replaced = {source for manifest in manifests.values() for source in manifest.replaces}.union(
        ledger.taken(under_way)
    )
    updates = [entry for folder in (layout.UPDATES, layout.ENCODED_UPDATES) for entry in ctx.entries(folder)]
    problems += _strange_updates(updates)
    deletes: defaultdict[str, list[Update]] = defaultdict(list)
    for delete in _deletes(updates):
        deletes[delete.event_id].append(delete)
    return Survey(
        {journal_id: manifest for journal_id, manifest in manifests.items() if journal_id not in replaced},
        {journal_id: _made(entry, journal_id) for entry in alive for journal_id in [_journal_id(entry)]},
        deletes,
        set(_deletes(without_dead(updates))),
        under_way,
        _lone_tombstones(journals) + _lone_tombstones(updates),
        problems,
    )


def _read_manifests(ctx: Context, entries: list[Entry], problems: list[str]) -> dict[JournalID, Manifest]:
    """Read what can be read; add to `problems` what cannot."""

    def manifest_or_why(entry: Entry) -> Manifest | str | None:
        try:
            return ctx.manifest(_journal_id(entry))
        except FlashFloodCorruptionError as error:
            return str(error)

    manifests = {}
    for entry, found in zip(entries, ctx.requests.each(manifest_or_why, entries), strict=True):
        if isinstance(found, str):
            problems.append(found)
        elif found is not None:
            manifests[_journal_id(entry)] = found
    return manifests


def _journal_id(entry: Entry) -> JournalID:
    return JournalID.from_key(entry.key)


def _made(entry: Entry, journal_id: JournalID) -> str:
    return format_timestamp(entry.modified) if journal_id.version == NEW else journal_id.version


def _deletes(entries: list[Entry]) -> list[Update]:
    updates = readable(entry for entry in entries if not entry.key.endswith(TOMBSTONE_SUFFIX))
    return [update for update in updates if update.is_delete]


def _strange_updates(entries: list[Entry]) -> list[str]:
    """Give the objects among the updates that are none."""
    strange = []
    for entry in entries:
        try:
            layout.parse_update_key(entry.key.removesuffix(TOMBSTONE_SUFFIX))
        except FlashFloodCorruptionError as error:
            strange.append(str(error))
    return strange


def _lone_tombstones(entries: list[Entry]) -> list[str]:
    keys = {entry.key for entry in entries}
    dead = (entry.key for entry in entries if entry.key.endswith(TOMBSTONE_SUFFIX))
    return [key for key in dead if key.removesuffix(TOMBSTONE_SUFFIX) not in keys]
