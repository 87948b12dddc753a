"""`update` looks at many journals and follows many updates at a time, and no further than it has to.

What it does is what a plain `update` does, which asks for each by itself.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from support import plain_update
from support.samples import at, contents, put_new
from support.watched import Counted, Short, keys, on

from flashflood import FlashFlood, FlashFloodEventNotFound, JournalID, layout
from flashflood._core import format_timestamp
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalUpdateAction, Update
from flashflood.records import pending_updates, prefixes
from flashflood.records.pending_updates import all_pending_updates, pending_updates_of
from flashflood.store import LocalStore, Store

KNOWN_TO_0_4_3 = ("journal_id", "from_date", "to_date", "size", "events")
IDS = [f"event {number}" for number in range(12)]


def living(ff: FlashFlood) -> list[JournalID]:
    return list(ff.list_journals())


def as_0_4_3_makes_it(store: Store, journal_id: JournalID) -> None:
    """Leave of a journal what 0.4.3 would have written of it: its manifest, and its events' index entries."""
    key = layout.journal_key(journal_id)
    there = store.get(key)
    assert there is not None
    manifest = json.loads(there.body)
    store.put(key, json.dumps({name: manifest[name] for name in KNOWN_TO_0_4_3}).encode())
    for entry in list(keys(store, layout.INDEX)):
        found = store.head(entry)
        if found is not None and found.metadata["target"] == journal_id:
            store.put(entry, b"", metadata={"target": journal_id})


class History:
    """What happens to a store, by chance: events, journals of ours and of 0.4.3's, updates of living and dead ones."""

    def __init__(self, store: Store, random: Random) -> None:
        self.store = store
        self.ff = on(store)
        self.random = random
        self.journals: set[JournalID] = set()
        """All that there have been."""
        self.minute = 0

    def go_on(self) -> None:
        """Let something happen."""
        steps: list[Callable[[], object]] = [self.put, self.put, self.combine, self.combine, self.update, self.late]
        self.random.choice(steps)()
        self.journals.update(living(self.ff))

    def put(self) -> None:
        self.minute += 1
        event_id = self.random.choice(IDS)
        if not self.ff.event_exists(event_id):
            put_new(self.ff, event_id, start=self.random.randrange(10))
        elif self.random.random() < 0.3:
            self.ff.delete_event(event_id)

    def combine(self) -> None:
        there = living(self.ff)
        if there:
            chosen = self.random.sample(there, self.random.randint(1, min(3, len(there))))
            made = self.ff.combine_journals(chosen)
            if self.random.random() < 0.4 and made.id_ in living(self.ff):
                as_0_4_3_makes_it(self.store, made.id_)

    def update(self) -> None:
        event_id = self.random.choice(IDS)
        if self.ff.event_exists(event_id):
            self.ff.update_event(event_id, self.random.randbytes(5))

    def late(self) -> None:
        """Leave a change for any journal that there has been, as a slow writer does."""
        if not self.journals:
            return
        journal_id = self.random.choice(sorted(self.journals))
        action = self.random.choice([*[JournalUpdateAction.UPDATE] * 4, JournalUpdateAction.DELETE])
        timestamp = format_timestamp(at(10**7 + self.random.randrange(100)))
        update = Update(journal_id, self.random.choice(IDS), timestamp, action)
        self.store.put(layout.update_key(update), b"" if update.is_delete else self.random.randbytes(6))


def all_of(store: Store) -> tuple[dict[str, bytes], dict[str, bytes | None], set[str]]:
    """Give what a store shows: by replay, by id, and which updates wait, but for the names of journals."""
    ff = on(store)
    by_id: dict[str, bytes | None] = {}
    for event_id in IDS:
        try:
            by_id[event_id] = ff.get_event(event_id).data
        except FlashFloodEventNotFound:
            by_id[event_id] = None
    names = list(keys(store, layout.UPDATES))
    waiting = {
        name for name in names if not name.endswith(TOMBSTONE_SUFFIX) and f"{name}{TOMBSTONE_SUFFIX}" not in names
    }
    return contents(ff.replay()), by_id, waiting


def until_none_is_left(ff: FlashFlood, count: int | None) -> int:
    """Call `update` until it applies nothing; give how many updates it has applied."""
    applied = 0
    while used := ff.update(count):
        applied += used
    return applied


@pytest.mark.parametrize("seed", range(40))
def test_it_does_what_a_plain_update_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    monkeypatch.setattr(prefixes, "FEW", random.choice([1, 2, 5, 10**6]))
    monkeypatch.setattr(prefixes, "KEYS_TO_TRY", 1)
    history = History(LocalStore(tmp_path / "store"), random)
    for _ in range(random.randint(10, 40)):
        history.go_on()
    for _ in range(random.randint(0, 10)):
        history.late()
    stores = {}
    for name in ("plain", "all", "two", "one"):
        shutil.copytree(tmp_path / "store", tmp_path / name)
        stores[name] = LocalStore(tmp_path / name)
    applied = {"plain": plain_update.update(on(stores["plain"]))}
    for name, count in (("all", None), ("two", 2), ("one", 1)):
        applied[name] = until_none_is_left(on(stores[name]), count)
    shown = all_of(stores["plain"])
    for name in ("all", "two", "one"):
        assert all_of(stores[name]) == shown, name
        assert applied[name] == applied["plain"], name


# What it costs


def asked(store: Store, work: Callable[[FlashFlood], object]) -> list[tuple[str, str]]:
    """Give the requests that a piece of work makes."""
    counted = Counted(store)
    work(on(counted))
    return counted.requests


def many(root: Path, count: int) -> Store:
    """Make a store of so many journals of two events, each with an update."""
    store = LocalStore(root / f"{count}")
    for number in range(count):
        on(store).put_many((b"data", f"{number:03} {which}", at(number)) for which in "ab")
    for number in range(count):
        on(store).update_event(f"{number:03} a", b"new")
    return store


def test_ten_updates_take_as_many_requests_however_many_wait(tmp_path: Path) -> None:
    few, lots = (asked(many(tmp_path, count), lambda ff: ff.update(10)) for count in (20, 80))
    assert len(lots) == len(few)


def test_updates_of_dead_journals_share_one_listing_and_each_manifest_is_read_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    put_new(on(store), *IDS)
    dead = living(on(store))
    on(store).journal(len(IDS))
    put_new(on(store), "other")
    for journal_id, event_id in zip(dead, IDS, strict=True):
        update = Update(journal_id, event_id, format_timestamp(at(10)), JournalUpdateAction.UPDATE)
        store.put(layout.update_key(update), b"late")
        on(store).delete_event(event_id)  # so that the index does not tell where it is
    for key in keys(store, layout.UPDATES):
        if JournalUpdateAction.DELETE.name in key:
            store.delete([key])
    requests = asked(store, lambda ff: ff.update(None))
    made = [key for method, key in requests if method == "get" and key.startswith("journals/")]
    assert sum(request == ("list", "journals/") for request in requests) == 2  # one pass, and the look behind
    assert len(made) <= 3  # each journal once for the updates, and the one that is rewritten once more
    assert [event.data for event in on(store).replay()].count(b"late") == len(IDS)


def test_updates_of_few_journals_are_listed_without_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = many(tmp_path, 12)
    expected = all_pending_updates(on(store)._ctx)  # noqa: SLF001 - part of calls
    monkeypatch.setattr(pending_updates, "JOURNALS_PER_PAGE", 2)
    for size, requests in ((1000, 2), (2, 2 + 1 + 5 * 2)):  # a page has all; or two of six, then journal by journal
        counted = Counted(Short(store, size))
        ids = sorted({update.journal_id for update in expected})[:5]
        found = pending_updates_of(on(counted)._ctx, ids)  # noqa: SLF001 - part of calls
        assert found == {update: size for update, size in expected.items() if update.journal_id in ids}
        assert len(counted.requests) == requests


@pytest.mark.parametrize(
    "combine",
    [
        lambda ff: ff.combine_journals(living(ff)),
        lambda ff: ff.combine_journals(living(ff)[2:3]),
        lambda ff: [ff.combine_journals([one]) for _ in range(2) for one in living(ff)],
        lambda ff: ff.compact(2_300),
    ],
)
def test_what_0_4_3_combined_may_be_combined_before_an_update_of_it_is_applied(
    tmp_path: Path, combine: Callable[[FlashFlood], object]
) -> None:
    store = LocalStore(tmp_path)
    ff = on(store)
    for minute, event_id in enumerate(IDS[:6]):
        put_new(ff, event_id, start=minute)
        (new,) = ff.new_journals()
        late = Update(new, event_id, format_timestamp(at(99)), JournalUpdateAction.UPDATE)
        ff.journal(1)
        as_0_4_3_makes_it(store, living(ff)[-1])
    store.put(layout.update_key(late), b"late")
    before = living(ff)
    combine(ff)
    assert living(ff) != before
    assert ff.update(None) == 1
    assert contents(ff.replay())[late.event_id] == b"late"
    assert ff.get_event(late.event_id).data == b"late"
