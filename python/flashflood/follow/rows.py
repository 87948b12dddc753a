"""The rows of the journals that count, merged in order: as in a replay, but for the listing, which has been made."""

from collections.abc import Iterable

from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.cursors import Place
from flashflood.dates import EARLIEST, LATEST
from flashflood.follow.look import Listed
from flashflood.identifiers import NEW, JournalID
from flashflood.records.index import lookup
from flashflood.records.living import Met
from flashflood.replay.damage import Skipping
from flashflood.replay.read_ahead import ReadAhead
from flashflood.replay.rows import MergedRows, Scan
from flashflood.store.protocol import Entry


class Made:
    """A listing of one page, which has been made: all journals on it count."""

    def __init__(self, entries: list[Entry]) -> None:
        """Take the journals, in key order."""
        self._entries = entries
        self.reached: str | None = EARLIEST
        self.is_ready = True
        self.pages = 1

    @property
    def is_over(self) -> bool:
        """Whether the page has been given."""
        return self.reached is None

    def next_page(self) -> Met:
        """Give the page. None of its journals is dead."""
        self.reached = None
        return Met(self._entries, [])

    def look_behind(self) -> list[Entry]:
        """Give nothing: no journal is dead whose successor could be missing."""
        return []

    def ask(self) -> None:
        """Ask for nothing: the page is there."""

    def close(self) -> None:
        """Have nothing under way."""


class CountingRows(MergedRows):
    """The rows of the journals that count, beyond a place."""

    def __init__(self, ctx: Context, scan: Scan, ahead: ReadAhead, place: Place, counting: list[Listed]) -> None:
        """Take the journals, in key order."""
        super().__init__(ctx, scan, ahead, place, Skipping(ctx, "error"))
        self._listing = Made([listed.entry for listed in counting])
        self._counting = {listed.journal_id for listed in counting}

    def _parts(self, journal_id: JournalID, manifest: Manifest) -> Iterable[Manifest]:
        """Give the rows of a `new` journal that the index names, of events put again, as those of the newest journal.

        Of two rows of one place the core believes that of the journal made last, and a `new` one least. But the other
        one may be that of an event which has been deleted, and the delete waits to be applied.
        """
        rows = manifest.rows() if journal_id.version == NEW else []
        again = [
            row for row in rows if (row.birth or 0) > 1 and self._holder(row.timestamp, row.event_id) == journal_id
        ]
        if not again:
            return [manifest]
        newest = JournalID.make(journal_id.start, journal_id.end, LATEST, journal_id.blob_id)
        rest = [row for row in rows if row not in again]
        return [Manifest.of_rows(name, some, manifest.size) for name, some in ((newest, again), (journal_id, rest))]

    def _holder(self, timestamp: str, event_id: str) -> JournalID | None:
        """Give which of the journals that count has the event that the index names, which may have moved since."""
        named = lookup(self._ctx, event_id).entry
        target = None if named is None else named.target
        while target is not None and target not in self._counting:
            manifest = self._ctx.manifest(target)
            row = None if manifest is None else manifest.find(event_id)
            came_from = None if row is None or row.timestamp != timestamp else row.came_from
            target = None if came_from is None else JournalID(came_from)
        return target
