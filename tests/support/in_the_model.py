"""A real store in the words of the model in `tests/model`: what it holds, and the requests that are made to it.

So that the model can make a call on what a store holds, and its requests be held against those that the package makes.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from typing import ParamSpec, TypeVar

from model import store as model
from model.calls import Caller, GoOn, Safeguard, Steps

from flashflood import FlashFlood, layout
from flashflood._core import Manifest, parse_timestamp
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID, Update
from flashflood.records.index import parse_entry
from flashflood.records.ledger import LedgerEntry
from flashflood.requests import Requests
from flashflood.store import Store
from support.watched import keys, on

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")

EVERY_SAFEGUARD = frozenset(Safeguard)
MOST_EVENTS = 9
METHODS: dict[type[model.Request], str] = {
    model.Put: "put",
    model.PutOwn: "put",
    model.Create: "create",
    model.Get: "get",
    model.Delete: "delete",
}
NOBODY: model.Running = frozenset()


class Names:
    """Short names for journals, the same for the code's and the model's: in the order in which they come up."""

    def __init__(self, known: dict[str, str]) -> None:
        """Begin with those of journals that are there, by blob_id."""
        self._known = known
        self._made: dict[str, str] = {}

    def of(self, blob_id: str) -> str:
        """Name a journal, by its blob_id."""
        return self._known.get(blob_id) or self._made.setdefault(blob_id, f"new {len(self._made) + 1}")


# What a store holds


def in_the_model(store: Store) -> model.Store:
    """Give what the model's store holds when the real one holds this."""
    manifests = {
        key: Manifest.decode(JournalID.from_key(key), found.body)
        for key in keys(store, layout.JOURNALS)
        if not key.endswith(TOMBSTONE_SUFFIX) and (found := store.get(key)) is not None
    }
    held: model.Store = {}
    for key in keys(store):
        dead = key.endswith(TOMBSTONE_SUFFIX)
        modelled = _key(key.removesuffix(TOMBSTONE_SUFFIX))
        if dead and modelled is not None:
            held[model.tombstone(modelled)] = NOBODY
        elif modelled is not None:
            held[modelled] = _value(store, key, manifests)
    return held


def journals_in(held: model.Store) -> set[model.JournalID]:
    """Give the journals that a store has or names."""
    named = {part for key in held for part in key if isinstance(part, model.JournalID)}
    for value in held.values():
        if isinstance(value, model.Entry):
            named |= {journal for journal in (value.target, value.came_from) if journal is not None}
        elif isinstance(value, model.Combination):
            named |= {journal for journal in (*value.sources, value.journal) if journal is not None}
    return named


def journal_of(text: str) -> model.JournalID:
    """Give a journal's id in the model, where dates are texts too."""
    journal_id = JournalID(text)
    return model.JournalID(journal_id.start, journal_id.end, journal_id.version, journal_id.blob_id)  # type: ignore[arg-type]  # dates are only compared


def _moment(timestamp: str | None) -> int:
    """Give a timestamp as the model's clock has it: a number."""
    return 0 if timestamp is None else (parse_timestamp(timestamp) - datetime.min) // timedelta(microseconds=1)  # noqa: DTZ901  naive dates are UTC here


def _update(update: Update) -> model.UpdateKey:
    journal = journal_of(update.journal_id)
    return model.update_key(journal, update.event_id, _moment(update.timestamp), update.action.name)


def _key(key: str) -> model.Key | None:
    """Give a key in the model; None for what the model leaves out."""
    folder, _, name = key.partition("/")
    if folder in ("index", "gone"):
        event_id, _, revision = name.rpartition("--")
        return model.IndexKey(folder, event_id, int(revision))
    if folder in ("update", "update-ids"):
        return _update(layout.parse_update_key(key))
    if folder == "journals":
        return model.journal_key(journal_of(name))
    if folder == "drafts":
        return model.draft_key(journal_of(name))
    return (folder, name) if folder in ("blobs", "ledger") else None


def _value(store: Store, key: str, manifests: dict[str, Manifest]) -> object:
    folder, _, name = key.partition("/")
    if folder == "journals":
        return _manifest(manifests[key])
    if folder == "index":
        return _entry(store, key, manifests)
    if folder == "drafts":
        found = store.get(key)
        rows = [] if found is None else Manifest.decode(name, found.body).rows()
        return tuple((row.event_id, row.timestamp) for row in rows)
    if folder == "ledger":
        found = store.get(key)
        assert found is not None
        entry = LedgerEntry.decode(key, found.body)
        used = tuple(map(_update, entry.updates))
        return model.Combination(tuple(map(journal_of, entry.sources)), journal_of(entry.journal_id), used)
    return tuple(f"data {place}" for place in range(MOST_EVENTS))


def _manifest(manifest: Manifest) -> model.Manifest:
    rows = tuple(
        model.Row(row.event_id, row.timestamp, row.revision or 0, _moment(row.updated), row.birth)  # type: ignore[arg-type]  # dates are only compared
        for row in manifest.rows()
    )
    came_from = tuple(None if row.came_from is None else journal_of(row.came_from) for row in manifest.rows())
    replaces = tuple(map(journal_of, manifest.replaces))
    return model.Manifest(rows, replaces, fence=not rows and not replaces, came_from=came_from)


def _entry(store: Store, key: str, manifests: dict[str, Manifest]) -> model.Entry:
    found = store.head(key)
    assert found is not None
    event_id, _, revision = key.removeprefix(layout.INDEX).rpartition("--")
    entry = parse_entry(key, event_id, int(revision), dict(found.metadata))
    manifest = manifests.get(layout.journal_key(entry.target))
    ids = [] if manifest is None else [row.event_id for row in manifest.rows()]
    row_index = ids.index(event_id) if event_id in ids else 0
    return model.Entry(
        journal_of(entry.target),
        None if entry.came_from is None else journal_of(entry.came_from),
        entry.date,  # type: ignore[arg-type]  # dates are only compared
        entry.birth,
        row_index if entry.is_ours else None,
        _moment(entry.updated),
    )


# Requests in words


def heard(method: str, key: str, names: Names) -> Iterator[str]:
    """Tell a real request in words; a batch delete as one delete for each key.

    Tags are none of the model's, nor is a listing of all blobs, which tells sizes.
    """
    for one in key.split(", ") if method == "delete" else [key]:
        folder, _, name = one.partition("/")
        if method == "mark_garbage" or folder == "probe" or (method, one) == ("list", layout.BLOBS):
            continue
        if method == "list" and folder == "blobs":
            yield _said("get", ("blobs", name), names)  # whether it is there, and how long it is
        elif method == "list":
            yield from _listed(folder, name, names)
        else:
            yield _said({"head": "get"}.get(method, method), _key_in_words(one), names)


def _listed(folder: str, name: str, names: Names) -> Iterator[str]:
    if folder in ("index", "gone"):
        yield f"list {folder} {name.removesuffix('--')}"
    elif folder in ("update", "update-ids"):
        if not name:
            yield from ["list updates"] if folder == "update" else []
        else:
            reversed_id, event_id = name.removesuffix("--"), ""
            if not _is_reversed_id(reversed_id):
                reversed_id, _, event_id = reversed_id.rpartition("--")
            if event_id or folder == "update":
                yield f"list updates {names.of(JournalID(reversed_id[::-1]).blob_id)} {event_id}".rstrip()
    elif folder == "journals" and name:
        yield f"list journals {names.of(JournalID(name).blob_id)}"
    else:
        yield f"list {folder}"


def _is_reversed_id(name: str) -> bool:
    return name.count("--") == len(("start", "end", "version", "blob_id")) - 1


def _key_in_words(key: str) -> model.Key:
    dead = key.endswith(TOMBSTONE_SUFFIX)
    modelled = _key_of(key.removesuffix(TOMBSTONE_SUFFIX))
    return model.tombstone(modelled) if dead else modelled


def _key_of(key: str) -> model.Key:
    modelled = _key(key)
    assert modelled is not None, key
    return modelled


def told(request: model.Request, names: Names) -> str | None:
    """Tell a request of the model in words. None: it is none to a real store, but a look at the clock."""
    match request:
        case model.Now():
            return None
        case model.List(prefix=prefix):
            what = [names.of(part.blob) if isinstance(part, model.JournalID) else part for part in prefix]
            return f"list {' '.join(what)}"
        case model.Bury(key=key):
            return _said("put", model.tombstone(key), names)
        case (
            model.Put(key=key)
            | model.PutOwn(key=key)
            | model.Create(key=key)
            | model.Get(key=key)
            | model.Delete(key=key)
        ):
            return _said(METHODS[type(request)], key, names)
    raise AssertionError(request)


def _said(method: str, key: model.Key, names: Names) -> str:
    folder, *rest = key
    parts = []
    for part in rest:
        if isinstance(part, model.JournalID):
            parts.append(names.of(part.blob))
        elif folder in ("blobs", "ledger") and not parts:
            parts.append(names.of(part))
        elif not (folder == "updates" and isinstance(part, int)):  # timestamps differ
            parts.append(str(part))
    return " ".join([method, folder, *parts])


# Calls


def requests_in_the_model(
    call: Callable[[Caller], Steps[object]], store: model.Store, *, as_begun: bool, name: str = "X", page: int = 1000
) -> Iterator[model.Request]:
    """Make a call of the model on its store, which is changed in place; yield each request before it is performed."""
    caller = Caller(name, EVERY_SAFEGUARD, as_begun=as_begun, page=page)
    steps = call(caller)
    response: object = None
    while True:
        try:
            request = steps.send(response)
        except StopIteration as end:
            if not isinstance(end.value, GoOn):
                return
            steps, response = end.value.step(caller, *end.value.arguments), None
            continue
        yield request
        following, response = request.perform(dict(store), NOBODY)
        store.clear()
        store.update(following)


class InARow(Requests):
    """Makes no two requests at a time."""

    def each(self, call: Callable[[A], T], items: Iterable[A]) -> list[T]:
        """Call with each item."""
        return list(map(call, items))

    def stream(self, call: Callable[[A], T], items: Iterable[A], *, ahead: int) -> Iterator[T]:  # noqa: ARG002
        """Call with each item when its result is asked for."""
        return map(call, items)


class Eager(InARow):
    """Makes each request as soon as it is begun."""

    def work(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Make it."""
        done: Future[T] = Future()
        try:
            done.set_result(call(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it is the future's, as it would be from another thread
            done.set_exception(error)
        return done


class Lazy(InARow):
    """Makes each request only when its answer is asked for."""

    def work(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Put it off."""
        return _PutOff(partial(call, *args, **kwargs))


class _PutOff(Future[T]):
    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__()
        self._call = call

    def result(self, timeout: float | None = None) -> T:  # noqa: ARG002
        return self._call()


def one_by_one(store: Store, requests: type[InARow]) -> FlashFlood:
    """Give a FlashFlood that makes no two requests at a time."""
    ff = on(store)
    ff._ctx.requests = requests(store.workers)  # noqa: SLF001 - no user needs it
    return ff
