"""Each call makes the requests that the model of the write protocol makes, in its order.

A call is made on a prepared store, and by the model on what the store holds. What the code has under way at one time
is made in both orders that may come of it: each request as soon as it is begun, and each only when its answer is asked
for. Where the code may go another way than the model, a `Swap`, `_in_one_read` or `_in_one_listing` says so, and why
it does no harm.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from model.calls import Caller, Steps
from model.protocol import put, put_many
from model.protocol_events import delete_event, get, update_event
from model.protocol_journal import compact, journal, recover, update, update_some
from model.store import Key
from support.in_the_model import (
    Eager,
    InARow,
    Lazy,
    Names,
    heard,
    in_the_model,
    journals_in,
    one_by_one,
    requests_in_the_model,
    told,
)
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Answer, Counted, Death, Watched, keys, on

from flashflood import FlashFlood, FlashFloodException, layout
from flashflood._core import format_timestamp
from flashflood.identifiers import JournalUpdateAction, Update
from flashflood.maintain import finish
from flashflood.records import ledger
from flashflood.records.pending_updates import LISTED_ONE_BY_ONE
from flashflood.store import LocalStore, Store

ModelStore: TypeAlias = dict[Key, Any]
Prepare: TypeAlias = Callable[[Store], object]
Modelled: TypeAlias = Callable[[Caller], Steps[object]]


class Swap(NamedTuple):
    """Two kinds of requests, on different events, whose order may differ: they begin with these words."""

    one: str
    other: str
    why: str

    def allows(self, first: str, second: str) -> bool:
        """Say whether these two may be swapped."""
        starts = (self.one, self.other)
        are_of_these_kinds = any(
            first.startswith(one) and second.startswith(two) for one, two in (starts, starts[::-1])
        )
        return are_of_these_kinds and first.split()[2:3] != second.split()[2:3]


OF_A_COMBINATION = [
    Swap("create index", "delete index", "all entries are made, then the older ones go; of each event in this order"),
    Swap("list updates", "list updates", "made at one time; what comes to one journal has nothing to do with another"),
    Swap("put updates", "put updates", "tombstones of updates of different journals, written at one time"),
    Swap("get journals", "list journals", "a listing is taken page by page; a manifest never changes"),
]
"""What the code makes in another order than the model."""


SMALL = 2_700
"""Bytes: a target of which four journals of an event each are more than three quarters."""


class Made(NamedTuple):
    """A call, by the package and in the model, and which requests may be swapped."""

    by_us: Callable[[FlashFlood], object]
    in_the_model: Sequence[Modelled]
    may_swap: Sequence[Swap] = ()


CALLS = {
    "put": Made(lambda ff: ff.put(b"data", "a", at(0)), [lambda one: put(one, "a", "", 0)]),
    "put_many": Made(
        lambda ff: ff.put_many([(b"data", "a", at(0)), (b"data", "b", at(1))]),
        [lambda one: put_many(one, (("a", "", 0), ("b", "", 1)))],
    ),
    "update_event": Made(lambda ff: ff.update_event("a", b"new"), [lambda one: update_event(one, "a", "")]),
    "delete_event": Made(lambda ff: ff.delete_event("a"), [lambda one: delete_event(one, "a")]),
    "get_event": Made(lambda ff: ff.get_event("a"), [lambda one: get(one, "a")]),
    "journal": Made(lambda ff: ff.journal(2), [recover, journal], OF_A_COMBINATION),
    "compact": Made(lambda ff: ff.compact(SMALL), [recover, compact], OF_A_COMBINATION),
    "update": Made(lambda ff: ff.update(None), [recover, update], OF_A_COMBINATION),
    "update of one": Made(lambda ff: ff.update(1), [recover, update_some], OF_A_COMBINATION),
    "recover": Made(lambda ff: finish.recover(ff._ctx), [recover], OF_A_COMBINATION),  # noqa: SLF001 - part of others
}


# Stores


def nothing(_store: Store) -> None:
    """Leave the store empty."""


def new(store: Store) -> None:
    """Put two new events."""
    put_new(on(store), "a", "b")


def journaled(store: Store) -> None:
    """Put two events, and journal them."""
    put_journaled(on(store), "a", "b")


def journaled_each(store: Store) -> None:
    """Put four events, and journal each by itself."""
    for minute, event_id in enumerate(("a", "b", "c", "d")):
        put_journaled(on(store), event_id, start=minute)


def updated_and_deleted_each(store: Store) -> None:
    """Do the same, then update one and delete one."""
    journaled_each(store)
    on(store).update_event("b", b"new")
    on(store).delete_event("c")


def combined_each(store: Store) -> None:
    """Do the same as the first, and rewrite each journal."""
    journaled_each(store)
    for journal_id in list(on(store).list_journals()):
        on(store).combine_journals([journal_id])


def entered_in_compact(store: Store) -> None:
    """Leave a compaction before its blob."""
    journaled_each(store)
    dies(store, CALLS["compact"].by_us, "put", "blobs/")


def combined_again(store: Store) -> None:
    """Do the same, and rewrite the journal."""
    journaled(store)
    on(store).update_event("b", b"new")
    on(store).update(None)


def deleted(store: Store) -> None:
    """Delete a new event."""
    new(store)
    on(store).delete_event("a")


def deleted_and_applied(store: Store) -> None:
    """Delete a journaled event, and apply that."""
    journaled(store)
    on(store).delete_event("a")
    on(store).update(None)


def updated(store: Store) -> None:
    """Update a new event."""
    new(store)
    on(store).update_event("a", b"new")


def updated_in_a_journal(store: Store) -> None:
    """Update a journaled event."""
    journaled(store)
    on(store).update_event("a", b"new")


def deleted_in_a_journal(store: Store) -> None:
    """Delete a journaled event."""
    journaled(store)
    on(store).delete_event("a")


def all_deleted(store: Store) -> None:
    """Delete two journaled events."""
    deleted_in_a_journal(store)
    on(store).delete_event("b")


class Dying(Watched):
    """The store of a client that dies before a request, of this method and with a key that begins so."""

    def __init__(self, store: Store, method: str, key: str) -> None:
        super().__init__(store)
        self._last = method, key
        self.is_dead = False

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        self.is_dead |= method == self._last[0] and key.startswith(self._last[1])
        if self.is_dead:
            raise Death
        return send()


def dies(
    store: Store, call: Callable[[FlashFlood], object], method: str, key: str, requests: type[InARow] = Eager
) -> None:
    """Make a call whose client dies before a request."""
    dying = Dying(store, method, key)
    with suppress(Death):
        call(one_by_one(dying, requests))
    assert dying.is_dead


def claimed(store: Store) -> None:
    """Leave a claim whose writer died before its manifest."""
    dies(store, CALLS["put"].by_us, "list", "index/")


def claimed_without_blob(store: Store) -> None:
    """Leave a claim whose writer died before its blob."""
    dies(store, CALLS["put"].by_us, "put", "blobs/", Lazy)


def claimed_in_vain(store: Store) -> None:
    """Leave a claim of an id whose event has moved on."""
    journaled(store)
    dies(store, CALLS["put"].by_us, "list", "index/")


def claimed_after_a_delete(store: Store) -> None:
    """Leave a claim of a revision that a mark makes void."""
    deleted(store)
    dies(store, CALLS["put"].by_us, "list", "index/")


def fenced(store: Store) -> None:
    """Leave a claim of a batch that was fenced."""
    put_new(on(store), "b")
    with suppress(FlashFloodException):
        CALLS["put_many"].by_us(on(store))


def drafted(store: Store) -> None:
    """Leave a batch whose writer died before its manifest."""
    dies(store, CALLS["put_many"].by_us, "create", "journals/")


def drafted_in_part(store: Store) -> None:
    """Leave a batch whose writer died before its last claim."""
    dies(store, CALLS["put_many"].by_us, "create", "index/b--")


def half_deleted(store: Store) -> None:
    """Leave an event whose deleter died before the mark."""
    new(store)
    dies(store, CALLS["delete_event"].by_us, "put", "gone/")


def half_deleted_in_a_journal(store: Store) -> None:
    """Leave a journaled one."""
    journaled(store)
    dies(store, CALLS["delete_event"].by_us, "put", "gone/")


def late(store: Store, action: JournalUpdateAction = JournalUpdateAction.UPDATE) -> None:
    """Leave an update for the journal that an event came from."""
    new(store)
    (source, _) = on(store).list_journals()
    on(store).journal(2)
    store.put(layout.update_key(Update(source, "a", format_timestamp(at(9)), action)), b"late")


def late_delete(store: Store) -> None:
    """Leave a delete for the journal that an event came from."""
    late(store, JournalUpdateAction.DELETE)


def too_late(store: Store) -> None:
    """Leave an update for a journal before that."""
    late(store)
    first = next(keys(store, layout.UPDATES))
    found = store.get(first)
    store.delete([first])
    on(store).update_event("b", b"new")
    on(store).update(None)
    store.put(first, b"" if found is None else found.body)


def entered(store: Store) -> None:
    """Leave a combination before its blob."""
    new(store)
    dies(store, CALLS["journal"].by_us, "put", "blobs/")


def committed(store: Store) -> None:
    """Leave a combination right after its commit."""
    new(store)
    dies(store, CALLS["journal"].by_us, "create", "index/")


def committed_and_updated(store: Store) -> None:
    """Leave one, with an update that came after it."""
    committed(store)
    on(store).update_event("a", b"new")


def committed_and_deleted(store: Store) -> None:
    """Leave one, with a delete that came after it."""
    committed(store)
    on(store).delete_event("a")


def half_buried(store: Store) -> None:
    """Leave a combination at its tombstones."""
    updated(store)
    dies(store, CALLS["journal"].by_us, "put", "journals/")


def emptied_after_its_commit(store: Store) -> None:
    """Leave one without rows at its tombstones."""
    all_deleted(store)
    dies(store, CALLS["update"].by_us, "put", "journals/")


OF_ONE_ID: list[Prepare] = [
    *(nothing, new, journaled, combined_again, deleted, deleted_and_applied, updated, updated_in_a_journal),
    *(deleted_in_a_journal, claimed, claimed_without_blob, claimed_in_vain, claimed_after_a_delete, fenced, drafted),
    *(drafted_in_part, half_deleted, half_deleted_in_a_journal, late, late_delete, too_late, committed),
]


def updated_in_two_journals(store: Store) -> None:
    """Update both of two new events; the first one's update comes last."""
    updated(store)
    on(store).update_event("b", b"new")


def late_and_updated(store: Store) -> None:
    """Leave an update for the journal that an event came from, and one for the journal that has it now."""
    late(store)
    on(store).update_event("b", b"new")


OF_A_STORE: dict[str, list[Prepare]] = {
    "journal": [new, deleted, updated, half_deleted, claimed_in_vain],
    "compact": [nothing, journaled_each, updated_and_deleted_each, combined_each, entered_in_compact],
    "update": [
        *(nothing, journaled, updated_in_a_journal, deleted_in_a_journal, all_deleted, half_deleted_in_a_journal),
        *(late, late_delete, too_late, updated, half_deleted),
    ],
    "update of one": [
        *(nothing, updated_in_a_journal, deleted_in_a_journal, late, late_delete, too_late, updated, half_deleted),
        *(updated_in_two_journals, late_and_updated),
    ],
    "recover": [
        *(
            nothing,
            entered,
            committed,
            committed_and_updated,
            committed_and_deleted,
            half_buried,
            emptied_after_its_commit,
        ),
    ],
}
EVERYWHERE = [(name, prepare) for name in CALLS for prepare in OF_A_STORE.get(name, OF_ONE_ID)]


# The requests


def ours(store: Store, made: Made, requests: type[InARow], names: Names) -> list[str]:
    """Give the requests that the package makes."""
    counted = Counted(store)
    with suppress(FlashFloodException):
        made.by_us(one_by_one(counted, requests))
    return [words for method, key in counted.requests for words in heard(method, key, names)]


def the_models(held: ModelStore, made: Made, requests: type[InARow], names: Names) -> list[str]:
    """Give the requests that the model makes."""
    found = [
        words
        for call in made.in_the_model
        for request in requests_in_the_model(call, held, as_begun=requests is Eager)
        if (words := told(request, names)) is not None
    ]
    return _in_one_listing(_in_one_read(found))


def _in_one_read(requests: list[str]) -> Iterator[str]:
    """Take data of a blob that lie side by side for one read."""
    for words, some in groupby(requests):
        yield from [words] if words.startswith("get blobs") else some


def _in_one_listing(requests: Iterable[str]) -> list[str]:
    """Take the updates of more than a few journals for one listing of all updates; a page of it is of one moment."""
    found: list[str] = []
    for is_of_journal, some in groupby(requests, key=lambda words: bool(re.fullmatch(r"list updates \w+", words))):
        together = list(some)
        found += ["list updates"] if is_of_journal and len(together) > LISTED_ONE_BY_ONE else together
    return found


def differences(ours: Sequence[str], models: Sequence[str], made: Made) -> list[str]:
    """Say what differs that may not."""
    found = [f"not in the model: {words}" for words in (Counter(ours) - Counter(models)).elements()]
    found += [f"only in the model: {words}" for words in (Counter(models) - Counter(ours)).elements()]
    place = {one: number for number, one in enumerate(_numbered(ours))}
    there = [one for one in _numbered(models) if one in place]
    for number, first in enumerate(there):
        for second in there[number + 1 :]:
            may_swap = any(swap.allows(first[0], second[0]) for swap in made.may_swap)
            if place[second] < place[first] and not may_swap:
                found.append(f"{second[0]}, before: {first[0]}")
    return found


def _numbered(requests: Sequence[str]) -> list[tuple[str, int]]:
    """Tell requests in the same words apart: the first, the second, ..."""
    count: Counter[str] = Counter()
    numbered = []
    for words in requests:
        count[words] += 1
        numbered.append((words, count[words]))
    return numbered


@pytest.mark.parametrize("requests", [Eager, Lazy])
@pytest.mark.parametrize(("name", "prepare"), EVERYWHERE)
def test_a_call_makes_the_requests_of_the_model_in_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, prepare: Prepare, requests: type[InARow]
) -> None:
    store = LocalStore(tmp_path)
    prepare(store)
    monkeypatch.setattr(ledger, "LEFT_BEHIND", AT_ONCE)
    held = in_the_model(store)
    known = {journal.blob: f"J{number}" for number, journal in enumerate(sorted(journals_in(held)), start=1)}
    models = the_models(held, CALLS[name], requests, Names(known))
    made = ours(store, CALLS[name], requests, Names(known))
    assert made
    assert differences(made, models, CALLS[name]) == [], f"\nours: {made}\nthe model's: {models}"
