"""Checking a store: is what is there as FORMAT.md and PROTOCOL.md say that it should be? Only reads.

`check` tells what it finds in words; `repair` mends what can be mended.
"""

import time
from collections.abc import Collection, Iterable
from functools import partial
from typing import NamedTuple

from flashflood import layout
from flashflood._core import Manifest, Row
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID
from flashflood.maintain.finding import Finding, Kind
from flashflood.maintain.finish import false_entry
from flashflood.maintain.index_listing import list_index
from flashflood.maintain.misindexed import Misindexed, made_since, misindexed
from flashflood.maintain.sample import Sample
from flashflood.maintain.strays import Lost, look_for_strays
from flashflood.maintain.survey import Survey, look
from flashflood.records import ledger, unfinished_copy
from flashflood.records.index import read_entry, revisions
from flashflood.records.ledger import LedgerEntry

LOOKS = 4
"""How often the store is looked through at most."""
BETWEEN_LOOKS = 1.0
"""Seconds before a fresh look: time for others to finish requests that belong together."""
IDS_IN_FINDING = 5
"""How many ids a finding names."""
ENTRIES_TO_READ = 300
"""How many index entries are read where that takes a request each: such a sample nearly always (95 in 100) has one of
those that are wrong, if that is one entry in a hundred."""


class Findings(list[Finding]):
    """All that is wrong, and how much was looked at. Each is a text, with fields."""

    def __init__(self, found: Iterable[Finding], looked_at: int, journals: int) -> None:
        """Take all three."""
        super().__init__(found)
        self.looked_at = looked_at
        """How many journals were looked at."""
        self.journals = journals
        """How many there are. More than were looked at: only of a sample can something be said."""


def check(ctx: Context, share: float | None = None) -> Findings:
    """Look through the whole store. Gives a finding for each thing that is wrong.

    `share`: look only at such a part of the journals, chosen by chance, and at their blobs and index entries.
    What others are just changing may look wrong: only what a fresh look finds again counts. A sound store is looked
    through once, and any store `LOOKS` times at most. What the store itself says of damage comes first.
    `ValueError` if `share` is not above 0 and up to 1.
    """
    sample = None if share is None else Sample(share)
    damage = [Finding.of_text("store-damaged", line) for line in ctx.store.damage()]
    try:
        found = _found_again_and_again(ctx, sample)
    except FlashFloodCorruptionError as error:
        if not damage:
            raise
        unseen = f"what its objects say was not looked through: {error}"
        return Findings([*damage, Finding.of("store-damaged", unseen, damage[0].remedy, key=error.key)], 0, 0)
    return Findings([*damage, *found.report()], found.looked_at, found.journals)


def _found_again_and_again(ctx: Context, sample: Sample | None) -> "_Look":
    found = _look_through(ctx, sample, None if ctx.store.is_near else ENTRIES_TO_READ)
    for _ in range(1, LOOKS):
        if not found.report():
            break
        time.sleep(BETWEEN_LOOKS)
        entries_to_read = None if ctx.store.is_near or found.is_misindexed else ENTRIES_TO_READ
        before, found = found, found.found_again(_look_through(ctx, sample, entries_to_read))
        if found.report() == before.report():
            break
    return found


class _Look(NamedTuple):
    """What one look finds."""

    findings: list[Finding]
    void: list[str]
    """Keys of index entries that lead to no event, which make one finding together."""
    is_misindexed: bool
    """Whether the index does not lead to some event: a fresh look must see that entry again."""
    looked_at: int
    journals: int
    """How many journals it has looked at, and how many there are."""

    def found_again(self, other: "_Look") -> "_Look":
        """Give what another look finds too."""
        findings, void = set(other.findings), set(other.void)
        return other._replace(
            findings=[found for found in self.findings if found in findings],
            void=[key for key in self.void if key in void],
        )

    def report(self) -> list[Finding]:
        """Give all that is wrong."""
        if not self.void:
            return self.findings
        some = f"{self.void[0]}, …" if len(self.void) > 1 else self.void[0]
        left = f"{len(self.void)} index entries lead to no event, as writers that were killed or refused leave them"
        remedy = "`repair` removes them"
        finding = Finding.of("index-entries-void", f"{left} ({some})", remedy, by_repair=True, key=self.void[0])
        return [*self.findings, finding]


def _look_through(ctx: Context, sample: Sample | None, entries_to_read: int | None) -> _Look:
    """Look through the store, or a sample; of the index entries that a listing shows read so many, or, None, all."""
    survey = look(ctx, sample)
    listing = list_index(ctx, survey)
    strays = look_for_strays(ctx, survey, listing)
    unled = misindexed(ctx, survey, listing, entries_to_read)
    unfinished = unfinished_copy.problem(ctx)
    copies = [] if unfinished is None else [Finding.of_text("copy-unfinished", unfinished, layout.UNFINISHED_COPY)]
    bodiless, short = _blob_problems(ctx, survey)
    shared = survey.shared
    stuck = _stuck([*bodiless, *short], shared.values())
    findings = [*copies, *survey.problems, *strays.problems]
    findings += [_about_disordered(journal_id, stuck) for journal_id in survey.disordered]
    findings += [one.finding() for one in incomplete_among(ctx, survey, bodiless)]
    findings += [_about_short(journal_id) for journal_id in short]
    findings += [_about_shared(event_id, holders, stuck) for event_id, holders in shared.items()]
    findings += [_about_left_behind(ctx, open_.entry) for open_ in survey.under_way if open_.is_left_behind]
    findings += [_about_misindexed(item, stuck) for item in unled]
    findings += [_about_lost(lost) for lost in strays.lost]
    void = [layout.index_key(void.event_id, revision) for void in strays.void for revision in void.revisions]
    return _Look(findings, void, bool(unled), survey.looked_at, survey.journals)


def _stuck(damaged: Collection[JournalID], shared: Collection[list[JournalID]]) -> set[JournalID]:
    """Give the journals that cannot be rewritten: the damaged ones, and those that share events with one of them."""
    stuck = set(damaged)
    while stuck and (more := {one for link in shared if not stuck.isdisjoint(link) for one in link} - stuck):
        stuck |= more
    return stuck


_NOT_YET = ", once the blobs of these journals have been restored from a copy"
"""What goes after `repair`'s remedy where it has to write journals anew, and cannot read them."""


def _about_disordered(journal_id: JournalID, stuck: set[JournalID]) -> Finding:
    problem = f"journal {journal_id}: its rows are out of order, or outside the range that it names"
    is_stuck = journal_id in stuck
    remedy = "`repair` writes it in order" + _NOT_YET * is_stuck
    return Finding.of("journal-disordered", problem, remedy, by_repair=not is_stuck, journal_id=journal_id)


def _about_short(journal_id: JournalID) -> Finding:
    problem, key = f"journal {journal_id}: its blob is shorter than its events", layout.blob_key(journal_id)
    return Finding.of("blob-short", problem, f"restore {key} from a copy", journal_id=journal_id, key=key)


def _about_shared(event_id: str, holders: list[JournalID], stuck: set[JournalID]) -> Finding:
    problem = f"event {event_id!r} is in several journals: {', '.join(holders)}"
    is_stuck = holders[0] in stuck
    remedy = "`repair` keeps one of them" + _NOT_YET * is_stuck
    return Finding.of("event-in-several-journals", problem, remedy, by_repair=not is_stuck, event_id=event_id)


def _about_left_behind(ctx: Context, entry: LedgerEntry) -> Finding:
    key, journal_id = layout.ledger_key(entry.journal_id), entry.journal_id
    problem = f"{key}: a combination was left behind"
    try:
        manifest = ctx.manifest(journal_id)
    except FlashFloodCorruptionError as error:
        problem += f", and cannot be finished, since {error}"
        remedy = "restore that manifest from a copy, or remove it and this entry"
        return Finding.of("ledger-entry-damaged", problem, remedy, journal_id=journal_id, key=key)
    false = None if manifest is None or ledger.is_fence(manifest) else false_entry(entry, manifest)
    if false is not None:
        return Finding.of("ledger-entry-damaged", str(false), "remove the entry", journal_id=journal_id, key=key)
    return Finding.of("combination-left-behind", problem, "`repair` finishes it", by_repair=True, key=key)


def _about_misindexed(item: Misindexed, stuck: set[JournalID]) -> Finding:
    event_id, journal_id = item.row.event_id, item.journal_id
    problem = f"event {event_id!r} in journal {journal_id}: {item.why}"
    remedy = "`repair` deletes it again" if item.was_deleted else "`repair` writes its index entry again"
    is_stuck = journal_id in stuck and (item.was_deleted or item.is_outdated)
    remedy += _NOT_YET * is_stuck
    kind: Kind = "event-misindexed"
    return Finding.of(kind, problem, remedy, by_repair=not is_stuck, journal_id=journal_id, event_id=event_id)


def _about_lost(lost: Lost) -> Finding:
    known, whole = len(lost.entries), len(lost.recoverable)
    events = ", ".join(repr(entry.event_id) for entry in lost.entries[:IDS_IN_FINDING])
    more = ", …" if known > IDS_IN_FINDING else ""
    what = "its manifest" if lost.blob_size is not None else "its manifest and its blob"
    remedy = "`repair` writes the manifest again" if whole == known else "restore it from a copy"
    if 0 < whole < known:
        remedy += f"; `repair` would write it again with {whole} of them"
    found = f"{known} events that the index names ({events}{more})"
    problem = f"journal {lost.journal_id}: {what} is missing, with {found}"
    kind: Kind = "manifest-missing"
    key = layout.journal_key(lost.journal_id)
    return Finding.of(kind, problem, remedy, by_repair=whole > 0, journal_id=lost.journal_id, key=key)


class Incomplete(NamedTuple):
    """A journal that another one replaces, without a tombstone; or a living one without a blob."""

    journal_id: JournalID
    only_here: list[str]
    """Ids of its events that are nowhere else."""
    is_replaced: bool
    """Whether another journal says that it replaces it; otherwise its blob is missing."""

    def finding(self) -> Finding:
        """Say it."""
        journal_id = self.journal_id
        kind: Kind
        if not self.only_here:
            kind, key = "journal-unburied", layout.tombstone_key(layout.journal_key(journal_id))
            problem = f"journal {journal_id}: it is dead, but its tombstone is missing"
            remedy = "`repair` writes it again"
            return Finding.of(kind, problem, remedy, by_repair=True, journal_id=journal_id, key=key)
        events = ", ".join(map(repr, self.only_here[:IDS_IN_FINDING])) + (
            ", …" if len(self.only_here) > IDS_IN_FINDING else ""
        )
        if self.is_replaced:
            kind, key = "journal-replaced-in-part", layout.journal_key(journal_id)
            problem = f"journal {journal_id}: another journal says that it replaces it, but has not its events {events}"
            remedy = "restore the other one's manifest from a copy"
            return Finding.of(kind, problem, remedy, journal_id=journal_id, key=key)
        kind, key, count = "blob-missing", layout.blob_key(journal_id), len(self.only_here)
        problem = f"journal {journal_id}: its blob is missing, with {count} events that are nowhere else ({events})"
        return Finding.of(kind, problem, f"restore {key} from a copy", journal_id=journal_id, key=key)


def find_incomplete(ctx: Context, survey: Survey) -> list[Incomplete]:
    """Look for journals that another one replaces, or that have no blob, and where their events are."""
    return incomplete_among(ctx, survey, _blob_problems(ctx, survey)[0])


def incomplete_among(ctx: Context, survey: Survey, bodiless: list[JournalID]) -> list[Incomplete]:
    """Say where the events are of journals that another one replaces, and of the `bodiless`, which have no blob."""
    manifests = survey.unburied | {journal_id: survey.manifests[journal_id] for journal_id in bodiless}
    return [
        Incomplete(journal_id, _nowhere_else(ctx, survey, manifest), journal_id in survey.unburied)
        for journal_id, manifest in manifests.items()
    ]


def _blob_problems(ctx: Context, survey: Survey) -> tuple[list[JournalID], list[JournalID]]:
    """Give the journals whose blobs are missing, and those whose blobs are too short.

    The blobs are listed, but for a sample. Of those that are not shown to be as long as they must be, the last byte is
    read.
    """
    filled = [(journal_id, manifest.size) for journal_id, manifest in survey.manifests.items() if manifest.size]
    sizes = {layout.blob_key(journal_id): 0 for journal_id, _ in filled}
    with ctx.meter.step("listing", "keys"):
        for entry in ctx.entries(layout.BLOBS) if survey.is_whole else ():
            if entry.key in sizes:
                sizes[entry.key] = entry.size
    doubtful = [(journal_id, size) for journal_id, size in filled if sizes[layout.blob_key(journal_id)] < size]
    last_bytes = ctx.requests.each(lambda one: ctx.blob(one[0], one[1] - 1, one[1]), doubtful)
    looked_at = [(journal_id, found) for (journal_id, _), found in zip(doubtful, last_bytes, strict=True)]
    return (
        [journal_id for journal_id, found in looked_at if found is None],
        [journal_id for journal_id, found in looked_at if found is not None and not found.body],
    )


def _nowhere_else(ctx: Context, survey: Survey, manifest: Manifest) -> list[str]:
    """Give the ids of a journal's events that have not certainly been deleted, or gone on to another journal."""
    rows = manifest.rows()
    found = ctx.requests.each(partial(_is_gone_from, ctx, survey, JournalID(manifest.journal_id)), rows)
    return [row.event_id for row, is_gone in zip(rows, found, strict=True) if not is_gone]


def _is_gone_from(ctx: Context, survey: Survey, journal_id: JournalID, row: Row) -> bool:
    listed, mark = revisions(ctx, row.event_id)
    if row.revision is not None and mark >= row.revision:
        return True
    if not listed or listed[-1] <= max(mark, row.revision or 0):
        return False
    try:
        entry = read_entry(ctx, row.event_id, listed[-1])
    except FlashFloodCorruptionError:
        return False
    if entry is None or entry.target == journal_id:
        return False
    other = survey.manifests.get(entry.target) or made_since(ctx, entry.target)
    return other is not None and other.find(row.event_id) is not None
