"""A store that has every kind of object, and all that is in a store."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from conftest import Place

from flashflood import Copied, FlashFlood, FlashFloodEventNotFound
from flashflood.store import SqliteStore, Store
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Death, Mortal, keys, on

Answer = TypeVar("Answer")
Objects = dict[str, tuple[bytes, dict[str, str]]]

STRANGE = ["a", "ab", "-a", "a/b", "..", "~a", "a b+c", "100%", "Ünïcode ☃", "\U0010ffff", "x" * 300]
IDS = [
    *STRANGE,
    *("updated", "deleted", "put again", "in a batch", "in a batch, too"),
    *("new", "new and updated", "new and deleted", "new/and updated", "large"),
    *("late 1", "late 2", "claimed only", "drafted 1", "drafted 2", "never put"),
]
LARGE = bytes(range(256)) * 5_000
"""More than is read at once."""
STRANGER = "notes/readme.txt"
FOLDERS = {"journals", "blobs", "index", "update", "update-ids", "gone", "drafts", "ledger", "notes"}


def furnish(store: Store) -> None:
    """Make every kind of object: of what is alive, pending, applied, dead, marked, and left behind."""
    ff = on(store)
    put_journaled(ff, *STRANGE)
    put_journaled(ff, "updated", "deleted", "put again", start=20)
    ff.update_event("updated", b"first")
    ff.delete_event("deleted")
    ff.delete_event("put again")
    ff.update(None)
    ff.put(b"again", "put again", at(30))
    ff.put_many([(b"one", "in a batch", at(31)), (b"two", "in a batch, too", at(32))])
    put_new(ff, "new", "new and updated", "new and deleted", "new/and updated", start=40)
    for event_id in ("a", "a/b", "updated", "new and updated", "new/and updated"):
        ff.update_event(event_id, f"newest of {event_id}".encode())
    for event_id in ("ab", "new and deleted"):
        ff.delete_event(event_id)
    ff.put(LARGE, "large", at(50))
    _leave_behind(store)
    store.put(STRANGER, b"not an event's", metadata={"by": "somebody"})
    assert {key.partition("/")[0] for key in keys(store)} - {"probe"} == FOLDERS


def _leave_behind(store: Store) -> None:
    """Die in a put, in a batch, and in a combination after its commit."""
    ff = on(store)
    put_new(ff, "late 1", "late 2", start=60)
    with suppress(Death):
        on(DyingAt(store, "create", "journals/")).put(b"claimed", "claimed only", at(70))
    with suppress(Death):
        on(DyingAt(store, "create", "journals/")).put_many([(b"x", "drafted 1", at(71)), (b"y", "drafted 2", at(72))])
    late = list(ff.list_journals(at(59), at(61)))
    with suppress(Death):
        on(DyingAt(store, "delete", "index/")).combine_journals(late)


class DyingAt(Mortal):
    """The store of a client that dies before its first request of a kind."""

    def __init__(self, store: Store, method: str, prefix: str) -> None:
        super().__init__(store, 0, answer_lost=False)
        self._method = method
        self._prefix = prefix

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if self.died or (method == self._method and key.startswith(self._prefix)):
            self.died = True
            raise Death
        return send()


def objects(store: Store) -> Objects:
    """Give all objects with their metadata, but for what is about the store itself."""
    found = {}
    for key in keys(store):
        there = store.get(key)
        if there is not None and not key.startswith("probe/"):
            found[key] = there.body, dict(there.metadata)
    return found


class Furnished(NamedTuple):
    """A store that `furnish` has made."""

    objects: Objects
    tagged: set[str]

    def store(self) -> SqliteStore:
        """Give it again, in memory."""
        made = memory()
        fill(made, *self)
        return made


def memory() -> SqliteStore:
    """Give an empty store in memory."""
    return SqliteStore.in_memory()


def tagged(store: SqliteStore) -> set[str]:
    """Give the keys of the objects that are tagged `garbage=true`."""
    with store._database.connected(creating=False) as connection:  # noqa: SLF001 - no call tells it
        assert connection is not None
        return {key.decode() for (key,) in connection.execute("SELECT key FROM objects WHERE garbage")}


def fill(store: Store, found: Objects, tagged: set[str]) -> None:
    """Put these objects into an empty store, one by one."""
    for key, (body, metadata) in found.items():
        store.put(key, body, metadata=metadata, garbage=key in tagged)


def garbage(place: Place) -> set[str]:
    """Give the keys of the objects that are tagged `garbage=true`, as what keeps them says it."""
    if place.s3:
        client = place.client()
        tag = [{"Key": "garbage", "Value": "true"}]
        return {
            key
            for key in keys(place.store())
            if client.get_object_tagging(Bucket=place.bucket, Key=f"{place.prefix}/{key}")["TagSet"] == tag
        }
    if place.kind == "sqlite":
        connection = sqlite3.connect(place.url.removeprefix("sqlite://"))
        found = {key.decode() for (key,) in connection.execute("SELECT key FROM objects WHERE garbage")}
        connection.close()
        return found
    return {key for key in keys(place.store()) if _tags_of_file(place, key) == {"garbage": "true"}}


def _tags_of_file(place: Place, key: str) -> object:
    path = Path(unquote(urlsplit(place.store().url(key)).path))
    state = Path(place.url, ".flashflood", "meta", path.relative_to(place.url))
    return json.loads(state.read_text())["tags"] if state.exists() else {}


def look(ff: FlashFlood) -> dict[str, bytes | None]:
    """Give what `get_event` gives of each id; None: it finds none."""
    found: dict[str, bytes | None] = {}
    for event_id in IDS:
        try:
            found[event_id] = ff.get_event(event_id).data
        except FlashFloodEventNotFound:
            found[event_id] = None
    return found


def work(ff: FlashFlood) -> list[object]:
    """Make calls of every kind, and give what they give."""
    seen: list[object] = [list(ff.replay()), look(ff), list(ff.list_journals()), ff.check()]
    seen += [ff.update(None), list(ff.replay()), look(ff)]
    ff.update_event("large", b"small now")
    ff.delete_event("in a batch")
    ff.put(b"new", "never put", at(99))
    ff.journal(1)
    seen += [list(ff.replay()), look(ff), len(list(ff.list_journals()))]
    return [*seen, list(ff.replay()), ff.collect_garbage(AT_ONCE), ff.check(), list(ff.replay()), look(ff)]


def copied(source: Store, target: Store) -> Copied:
    """Copy a store to another one, and verify it."""
    return on(source).copy_to(on(target), verify=True)


def half_made(source: Store, target: Store) -> None:
    """Begin to copy, and die on the way."""
    with suppress(Death):
        on(source).copy_to(on(Mortal(target, 150, answer_lost=False)))
    assert "copy/unfinished" in keys(target)
