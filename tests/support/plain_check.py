"""What `check` looks at, as plainly as can be said, to hold the package's own against: each row and blob by itself."""

from collections import defaultdict
from datetime import datetime

from flashflood import layout
from flashflood._core import Row
from flashflood.context import GRACE, Context
from flashflood.identifiers import JournalID
from flashflood.maintain.index_listing import IndexListing, Listed
from flashflood.maintain.survey import Survey


def rows(survey: Survey) -> list[tuple[JournalID, Row]]:
    """Give each row that no pending delete is for."""
    return [
        (journal_id, row)
        for journal_id, manifest in survey.manifests.items()
        for row in manifest.rows()
        if not survey.is_being_deleted(journal_id, row)
    ]


def shared(survey: Survey) -> dict[str, list[JournalID]]:
    """Give the ids that several rows have, with their journals."""
    holders: defaultdict[str, list[JournalID]] = defaultdict(list)
    for journal_id, row in rows(survey):
        holders[row.event_id].append(journal_id)
    return {event_id: found for event_id, found in sorted(holders.items()) if len(found) > 1}


def listing(ctx: Context, survey: Survey, now: datetime) -> IndexListing:
    """Say of each row that the listing proves nothing, and of each id what the index has of it."""
    ids = {row.event_id for manifest in survey.manifests.values() for row in manifest.rows()}
    by_id: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for entry in ctx.entries(layout.INDEX):
        found = layout.parse_index_key(entry.key)
        if found is not None:
            by_id[found[0]][found[1]] = now - entry.modified >= GRACE
    plain = IndexListing(dict.fromkeys(ids, 0), [], [])
    for event_id, is_old in sorted(by_id.items()):
        all_of_it = sorted(is_old)
        lower = all_of_it[:-1]
        if event_id not in ids:
            plain.unknown.append(Listed(event_id, all_of_it, {one for one in all_of_it if is_old[one]}))
        elif any(is_old[one] for one in lower):
            plain.outdated.append(Listed(event_id, lower, {one for one in lower if is_old[one]}))
    return plain


def blob_problems(ctx: Context, survey: Survey) -> tuple[list[JournalID], list[JournalID]]:
    """Give the journals without a blob, and those whose blob is too short: of each one the last byte is read."""
    filled = [(journal_id, manifest.size) for journal_id, manifest in survey.manifests.items() if manifest.size]
    last = {journal_id: ctx.blob(journal_id, size - 1, size) for journal_id, size in filled}
    return (
        [journal_id for journal_id, found in last.items() if found is None],
        [journal_id for journal_id, found in last.items() if found is not None and not found.body],
    )
