"""Stores that were damaged by chance, in every way that `check` names and `repair` mends."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import TypeVar

from flashflood import FlashFloodException, JournalID, layout
from flashflood._core import Manifest, Row
from flashflood.identifiers import TOMBSTONE_SUFFIX
from flashflood.store import Entry, Found, Page, Store
from support.samples import AT_ONCE, at
from support.watched import Answer, Death, Mortal, Watched, keys, on

IDS = ["a", "a-", "-a", "a!", "ab", "a b", "a.", "a/b", "a-0000000001", "é", "b", "b0", "c", "d", "0"]
"""Among them ids that begin alike, and that go on with what sorts before `-`."""
OURS = ("revisions", "updated", "births", "from", "replaces")
"""What 0.4.3 does not write into a manifest."""
One = TypeVar("One", Entry, Found)
TWO_DAYS = timedelta(days=2)


class Aged(Watched):
    """A store whose objects are two days older than they are; not what is written from now on."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        store.put(layout.CLOCK, b"")
        marker = store.head(layout.CLOCK)
        assert marker is not None
        self._since = marker.modified

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()

    def head(self, key: str, /) -> Found | None:
        found = super().head(key)
        return None if found is None else self._older(found)

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        page = super().list(prefix, after)
        return page._replace(entries=[self._older(entry) for entry in page.entries])

    def _older(self, one: One) -> One:
        return one._replace(modified=one.modified - TWO_DAYS) if one.modified <= self._since else one


class Damaged:
    """A store with a past, by chance, and with damage."""

    def __init__(self, store: Store, random: Random) -> None:
        self.store = store
        self.random = random
        self.ff = on(store)
        self.is_misled = False
        """Whether index entries may say what no protocol lets them say."""
        self._minute = 0
        for _ in range(random.randrange(4, 12)):
            self._one_of(self._put, self._put, self._put_many, self._update, self._delete, self._combine, self._apply)
        manifests = {key: store.get(key) for key in keys(store, layout.JOURNALS) if not key.endswith(TOMBSTONE_SUFFIX)}
        self._past = {key: found for key, found in manifests.items() if found is not None}
        """Manifests as they were before some died and were collected."""
        if random.random() < 0.5:
            self._one_of(self._combine)
            self.ff.collect_garbage(AT_ONCE)

    def damage(self) -> None:
        """Damage something."""
        self._one_of(
            self._lose_one,
            self._lose_manifest,
            self._lose_dead,
            self._lose_metadata,
            self._mislead,
            self._forget_ours,
            self._disorder,
            self._shorten,
            self._revive,
            self._mark,
            self._leave_claim,
            self._put_twice,
            self._die,
            self._put_stranger,
        )

    def _one_of(self, *steps: Callable[[], object]) -> None:
        with suppress(FlashFloodException):  # the damage is in its way
            self.random.choice(steps)()

    # What happens in a sound store

    def _put(self) -> None:
        self._minute += 1
        self.ff.put(b"data", self.random.choice(IDS), at(self._minute))

    def _put_many(self) -> None:
        self._minute += 1
        ids = self.random.sample(IDS, self.random.randrange(1, 6))
        self.ff.put_many([(b"more data", event_id, at(self._minute)) for event_id in ids], on_conflict="skip")

    def _update(self) -> None:
        self.ff.update_event(self.random.choice(IDS), b"updated")

    def _delete(self) -> None:
        self.ff.delete_event(self.random.choice(IDS))

    def _combine(self) -> None:
        self.ff.journal(self.random.randrange(1, 4))

    def _apply(self) -> None:
        self.ff.update(None)

    # What damages it

    def _lose_one(self) -> None:
        folder = self.random.choice([*layout.FOLDERS, layout.BLOBS, layout.INDEX, layout.JOURNALS])
        self.store.delete(self._some(folder))

    def _lose_manifest(self) -> None:
        living = list(self.ff.list_journals())
        self.store.delete([layout.journal_key(self.random.choice(living))] if living else [])

    def _lose_dead(self) -> None:
        """Leave a tombstone without what it stands for."""
        tombstones = [key for key in keys(self.store) if key.endswith(TOMBSTONE_SUFFIX)]
        if tombstones:
            self.store.delete([self.random.choice(tombstones).removesuffix(TOMBSTONE_SUFFIX)])

    def _lose_metadata(self) -> None:
        self.is_misled = True
        for key in self._some(layout.INDEX):
            self.store.put(key, b"", metadata={} if self.random.random() < 0.5 else {"target": "nowhere"})

    def _mislead(self) -> None:
        """Let an index entry name another journal, or a revision above it that leads nowhere."""
        self.is_misled = True
        for (event_id, revision), other in zip(self._entries(), self._some(layout.JOURNALS), strict=False):
            target = other.removeprefix(layout.JOURNALS).removesuffix(TOMBSTONE_SUFFIX)
            key = layout.index_key(event_id, revision + self.random.randrange(2))
            self.store.put(key, b"", metadata={"target": target})

    def _forget_ours(self) -> None:
        """Leave of a manifest what 0.4.3 would have written."""
        for key in self._some(layout.JOURNALS):
            there = self.store.get(key)
            if there is not None and there.body:
                fields = {name: value for name, value in json.loads(there.body).items() if name not in OURS}
                self.store.put(key, json.dumps(fields).encode())

    def _disorder(self) -> None:
        """Turn the rows of a manifest round, as 0.4.3 may write them."""
        for key in self._some(layout.JOURNALS):
            there = self.store.get(key)
            if there is not None and there.body:
                fields = {name: value for name, value in json.loads(there.body).items() if name not in OURS}
                fields["events"].reverse()
                self.store.put(key, json.dumps(fields).encode())

    def _shorten(self) -> None:
        for key in self._some(layout.BLOBS):
            there = self.store.get(key)
            assert there is not None
            self.store.put(key, there.body[:-1], metadata=there.metadata)

    def _revive(self) -> None:
        """Bring a manifest back that may have died since, without its tombstone."""
        if self._past:
            key, found = self.random.choice(sorted(self._past.items()))
            self.store.put(key, found.body, metadata=found.metadata)
            self.store.delete([layout.tombstone_key(key)])

    def _mark(self) -> None:
        for event_id, revision in self._entries():
            self.store.put(layout.mark_key(event_id, revision), b"")

    def _leave_claim(self) -> None:
        """Leave a claim of a put that has not come to more, above the id's revisions or below."""
        event_id = self.random.choice(IDS)
        nowhere = _journal("new", self.random)
        claim = {"target": nowhere, "date": nowhere.start, "offset": "0", "size": "4", "birth": "1"}
        key = layout.index_key(event_id, self.random.randrange(1, 4))
        self.is_misled |= self.store.create(key, b"", metadata=claim)

    def _put_twice(self) -> None:
        """Put an event of an id that another one may have, as 0.4.3 does."""
        journal_id = _journal("new", self.random)
        row = Row(self.random.choice(IDS), journal_id.start, 0, 5)
        self.store.put(layout.blob_key(journal_id), b"other")
        self.store.put(layout.journal_key(journal_id), Manifest.of_rows(journal_id, [row], 5).encode())

    def _die(self) -> None:
        """Die in a call that combines journals."""
        with suppress(Death):
            dying = on(Mortal(self.store, self.random.randrange(5, 40), answer_lost=False))
            if self.random.random() < 0.5:
                dying.journal(1)
            else:
                dying.update(None)

    def _put_stranger(self) -> None:
        self.store.put(f"{self.random.choice(layout.FOLDERS)}stranger", b"")

    def _entries(self) -> list[tuple[str, int]]:
        """Give id and revision of some index entries."""
        found = map(layout.parse_index_key, self._some(layout.INDEX))
        return [one for one in found if one is not None]

    def _some(self, folder: str) -> list[str]:
        """Give one key of a folder, or several; none where it is empty."""
        there = list(keys(self.store, folder))
        return self.random.sample(there, min(len(there), self.random.choice([1, 1, 1, 3, 20])))


def _journal(version: str, random: Random) -> JournalID:
    timestamp = f"2021-01-01T{random.randrange(24):02}0000.000000Z"
    return JournalID.make(timestamp, timestamp, version, f"11112222-3333-4444-5555-{random.randrange(10**12):012}")
