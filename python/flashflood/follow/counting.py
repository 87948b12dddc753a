"""Which of the journals that a look shows count in order: the store as it was the slack before, and what came since.

One that has died by then does not count, nor does one that was combined since: what it was combined from does, as
FOLLOW.md has it (step 3).
"""

from collections.abc import Iterable
from typing import NamedTuple

from flashflood._core import Manifest
from flashflood.context import Context
from flashflood.follow.look import Listed, Look
from flashflood.identifiers import NEW, JournalID
from flashflood.replay.rows import VanishedError


class Read(NamedTuple):
    """What a follower needs of a manifest beside its rows."""

    replaces: frozenset[str]
    is_arrival: bool
    """Whether its events came to the store with it."""

    @classmethod
    def of(cls, manifest: Manifest) -> "Read":
        """Read it off a manifest. What has no `replaces`, and no births though it is not `new`, 0.4.3 combined."""
        replaces = frozenset(manifest.replaces)
        is_put = JournalID(manifest.journal_id).version == NEW or (len(manifest) and manifest.row(0).birth is not None)
        return cls(replaces, bool(len(manifest) and is_put and not replaces))


_PUT_SINGLY = Read(frozenset(), is_arrival=True)
"""What is known of a `new` journal unread: no combination makes one. It may be a fence, which has no rows."""


class Reader:
    """The manifests of young journals, as far as a follower has read them, from one look to the next."""

    def __init__(self, ctx: Context) -> None:
        """Have read none."""
        self._ctx = ctx
        self._read: dict[JournalID, Read] = {}

    def counting(self, look: Look) -> list[Listed]:
        """Give the journals that count, and that have something between the place and the bound, in key order.

        `VanishedError`: one is gone that was listed.
        """
        self._forget_what_is_old(look)
        due = [listed for listed in look.journals if look.is_due(listed)]
        young = [listed for listed in look.journals if look.is_young(listed.entry.modified)]
        revived: set[str] = set()
        while True:
            asked = [one for one in young if _is_asked(look, one, revived)]
            self._fetch(asked)
            found = revived.union(*(self._read_of(listed).replaces for listed in asked))
            if found == revived:
                return [listed for listed in due if self._counts(look, listed, revived)]
            revived = found

    def is_arrival(self, journal_id: JournalID) -> bool | None:
        """Say whether a journal's events came with it. None: it has not been read."""
        read = self._read.get(journal_id)
        return None if read is None else read.is_arrival

    def _counts(self, look: Look, listed: Listed, revived: set[str]) -> bool:
        if look.is_young(listed.entry.modified) and self._read_of(listed).replaces:
            return False
        return listed.journal_id in revived or not look.has_died(listed)

    def _read_of(self, listed: Listed) -> Read:
        return self._read.get(listed.journal_id, _PUT_SINGLY)

    def _fetch(self, asked: Iterable[Listed]) -> None:
        wanted = [one.journal_id for one in asked if one.journal_id not in self._read]
        unread = [journal_id for journal_id in wanted if journal_id.version != NEW]
        self._read.update(zip(unread, self._ctx.requests.each(self._read_one, unread), strict=True))

    def _read_one(self, journal_id: JournalID) -> Read:
        manifest = self._ctx.manifest(journal_id)
        if manifest is None:
            raise VanishedError(journal_id, "manifest")
        return Read.of(manifest)

    def _forget_what_is_old(self, look: Look) -> None:
        young = {listed.journal_id for listed in look.journals if look.is_young(listed.entry.modified)}
        self._read = {journal_id: read for journal_id, read in self._read.items() if journal_id in young}


def _is_asked(look: Look, listed: Listed, revived: set[str]) -> bool:
    """Say whether a young journal is to say what it replaces."""
    is_asked = look.is_due(listed) and (listed.journal_id in revived or not look.has_died(listed))
    return is_asked or look.may_be_late(listed)
