"""docs/design/REQUESTS.md says what each call asks of the store, in which order: here the calls are made."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.in_the_model import Eager, one_by_one
from support.samples import AT_ONCE, at, put_journaled, put_new
from support.watched import Counted

from flashflood import FlashFlood, Rules
from flashflood.store import LocalStore

PAGE = Path(__file__).parent.parent / "docs" / "design" / "REQUESTS.md"
WORDS = {"put": "PUT", "create": "CREATE", "get": "GET", "head": "HEAD", "list": "LIST", "mark_garbage": "TAG"}


def new(ff: FlashFlood) -> None:
    put_new(ff, "a", "b")


def journaled(ff: FlashFlood) -> None:
    new(ff)
    ff.journal(2)


def combined(ff: FlashFlood) -> None:
    journaled(ff)
    ff.combine_journals(list(ff.list_journals()))
    ff.collect_garbage(AT_ONCE)


def one_dead(ff: FlashFlood) -> None:
    combined(ff)
    ff.combine_journals(list(ff.list_journals()))


def updated(ff: FlashFlood) -> None:
    combined(ff)
    ff.update_event("a", b"updated")


def maintained(ff: FlashFlood) -> None:
    new(ff)
    ff.maintain()


def four_small(ff: FlashFlood) -> None:
    for event_id in ("a", "b", "c", "d"):
        put_journaled(ff, event_id)
    ff.collect_garbage(AT_ONCE)


def read_late(ff: FlashFlood) -> None:
    """Read the second of two partitions, both of whose journals have been combined since; count only that."""
    store = ff._ctx.store  # noqa: SLF001
    partition = ff.partitions(size=1)[-1]
    FlashFlood.open(store.name).journal(2)
    assert isinstance(store, Counted)
    store.requests.clear()
    assert [event.event_id for event in partition.events()] == ["b"]


def follow_late(ff: FlashFlood) -> None:
    """Follow on where one is late, and one journaled; count only that."""
    store = ff._ctx.store  # noqa: SLF001
    before = FlashFlood.open(store.name).follow(wait=False)
    list(before)
    put_new(FlashFlood.open(store.name), "late", start=-1)
    put_journaled(FlashFlood.open(store.name), "c", start=2)
    assert isinstance(store, Counted)
    store.requests.clear()
    assert [event.event_id for event in ff.follow(before.cursor, late=print, wait=False)] == ["c"]


def follow_changes(ff: FlashFlood) -> None:
    """Follow on where one event was updated, and one deleted; count only that."""
    store = ff._ctx.store  # noqa: SLF001
    before = FlashFlood.open(store.name).follow(changes=True, wait=False)
    list(before)
    FlashFlood.open(store.name).update_event("a", b"x")
    FlashFlood.open(store.name).delete_event("b")
    assert isinstance(store, Counted)
    store.requests.clear()
    changes = ff.follow(before.cursor, changes=True, wait=False)
    assert {(kind, event.event_id) for kind, event in changes} == {("update", "a"), ("delete", "b")}


def write_three(ff: FlashFlood) -> None:
    with ff.writer(linger=timedelta(hours=1)) as writer:
        for _ in range(3):
            writer.put(b"x")


CALLS: dict[str, tuple[Callable[[FlashFlood], object], Callable[[FlashFlood], object]]] = {
    "put, of an id made by the call": (new, lambda ff: ff.put(b"x")),
    "put, of a given id": (new, lambda ff: ff.put(b"x", "c")),
    "put_many, of two given ids": (new, lambda ff: ff.put_many([(b"x", "c", at(1)), (b"y", "d", at(2))])),
    "writer, three events whose ids it makes": (new, write_three),
    "get_event, of a new event": (new, lambda ff: ff.get_event("a")),
    "get_event, of a journaled event": (journaled, lambda ff: ff.get_event("a")),
    "event_exists": (journaled, lambda ff: ff.event_exists("a")),
    "update_event": (journaled, lambda ff: ff.update_event("a", b"x")),
    "delete_event": (journaled, lambda ff: ff.delete_event("a")),
    "journal, of two new events": (new, lambda ff: ff.journal(2)),
    "update, of one event in a journal of two": (updated, lambda ff: ff.update()),
    "combine_journals, of one journal of two": (
        combined,
        lambda ff: ff.combine_journals(list(FlashFlood._on(LocalStore(ff._ctx.store.name)).list_journals())),  # noqa: SLF001
    ),
    "compact, of four small journals of one event each": (four_small, lambda ff: ff.compact(2_500)),
    "maintain, where nothing is due": (maintained, lambda ff: ff.maintain(Rules(journal_bytes=None))),
    "replay, of two journals": (new, lambda ff: list(ff.replay())),
    "follow, of two new journals": (new, lambda ff: list(ff.follow(wait=False))),
    "follow, of a late event, and of one that has been journaled since": (new, follow_late),
    "follow with changes, of an update and a delete": (new, follow_changes),
    "partitions, of two new journals": (new, lambda ff: ff.partitions()),
    "a partition of two, whose journal has been combined since": (new, read_late),
    "list_journals, where one has died": (one_dead, lambda ff: list(ff.list_journals())),
    "list_event_streams, where one journal has died": (one_dead, lambda ff: list(ff.list_event_streams())),
    "stats, of a store with a dead journal": (one_dead, lambda ff: ff.stats()),
    "collect_garbage, of one dead journal": (one_dead, lambda ff: ff.collect_garbage(AT_ONCE)),
}


def tables() -> dict[str, list[str]]:
    """Give the requests that the page has under each heading."""
    found: dict[str, list[str]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        rows = re.findall(r"^\| ([A-Z]+ \S+/(?: \.dead)?) \| .* \| \d+ \|$", body, re.MULTILINE)
        if rows:
            found[heading] = rows
    return found


def request(method: str, keys: str) -> str:
    """Name a request as the page does."""
    key = keys.partition(",")[0]
    dead = " .dead" if key.endswith(".dead") else ""
    return f"{WORDS.get(method, method.upper())} {key.partition('/')[0]}/{dead}"


def test_the_page_has_a_table_for_each_of_these_calls() -> None:
    assert sorted(tables()) == sorted(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_makes_the_requests_of_the_page_in_their_order(tmp_path: Path, name: str) -> None:
    prepare, call = CALLS[name]
    prepare(FlashFlood.open(str(tmp_path)))
    store = Counted(LocalStore(tmp_path))
    store.workers = 1
    call(one_by_one(store, Eager))
    made = [request(method, keys) for method, keys in store.requests if method != "delete" or keys]
    assert made == tables()[name]
