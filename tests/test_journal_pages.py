"""A listing of journals asks for many pages at a time, and gives each key once, in order."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from conftest import Place
from support.samples import at, contents, put_journaled, put_new
from support.watched import Far, Interrupted, on

from flashflood import FlashFlood, JournalID, layout
from flashflood._core import format_timestamp
from flashflood.context import Context
from flashflood.records.journal_pages import JournalPages
from flashflood.store import Entry, LocalStore, Page, SqliteStore, Store

PAGE = 40


class Names:
    """No more of a store than its listing: what lies in `journals/`."""

    def __init__(self, names: list[str]) -> None:
        self.keys = sorted(names)

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        found = [key for key in self.keys if key.startswith(prefix) and key > (after or "")]
        return Page([Entry(key, 0, datetime.now(UTC)) for key in found[:PAGE]], len(found) > PAGE, datetime.now(UTC))


@pytest.fixture
def far(tmp_path: Path) -> Callable[[list[str]], Far]:
    """Give a far store with these keys."""

    def made(names: list[str]) -> Far:
        store = Far(SqliteStore(tmp_path / "events.flashflood"), PAGE, latency=0.002)
        store.store.list = Names(names).list  # type: ignore[method-assign]
        return store

    return made


def pages_of(store: Store, after: str | None = None, until: str | None = None) -> JournalPages:
    return JournalPages(Context(store, read_pending_updates=True), after, until)


def given(pages: JournalPages) -> list[str]:
    return [entry.key for page in pages for entry in page.entries]


def journal(date: datetime, rest: str = "", *, number: int = 0) -> str:
    start = format_timestamp(date)
    return layout.journal_key(JournalID.make(start, start, "new", str(UUID(int=number)))) + rest


def evenly(number: int) -> list[str]:
    return [journal(at(minute)) for minute in range(number)]


def unevenly(chance: random.Random) -> Iterator[str]:
    """Keys that lie closely here and far apart there, many of one moment; with tombstones, and what is no journal."""
    date = at(0)
    for number in range(chance.randrange(2_000)):
        if not chance.randrange(100):
            date += timedelta(days=chance.randrange(4_000))
        if chance.randrange(6):
            date += timedelta(seconds=chance.choice((1, 60, 3_600)))
        key = journal(date, number=number)
        yield key
        yield from (key + end for end in (".bak", ".dead", "-copy") if not chance.randrange(5))
    yield from (f"journals/{name}" for name in ("", "0", "2020", "README", "z") if chance.randrange(2))


@pytest.mark.parametrize("seed", range(60))
def test_each_key_is_given_once_and_in_order_however_the_keys_lie_by_twice_the_pages_at_most(
    far: Callable[[list[str]], Far], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    names = sorted(set(unevenly(chance)))
    begin = chance.choice([None, *names])
    store = far(names)
    after = [name for name in names if name > (begin or "")]
    assert given(pages_of(store, begin)) == after
    assert store.lists <= 2 * (len(after) // PAGE + 1) + store.workers


def test_pages_are_listed_side_by_side_and_hardly_more_of_them_than_there_are(far: Callable[[list[str]], Far]) -> None:
    store = far(evenly(100 * PAGE))
    assert given(pages_of(store)) == evenly(100 * PAGE)
    assert store.most == store.workers
    assert 100 <= store.lists <= 112


def test_where_all_keys_begin_alike_pages_are_listed_one_by_one(far: Callable[[list[str]], Far]) -> None:
    names = [journal(at(0), number=number) for number in range(20 * PAGE)]
    store = far(names)
    assert given(pages_of(store)) == names
    assert store.lists == 20


def test_the_first_page_is_asked_for_alone_and_a_short_listing_takes_no_more(far: Callable[[list[str]], Far]) -> None:
    for number, lists in ((0, 1), (1, 1), (PAGE, 1)):
        store = far(evenly(number))
        assert given(pages_of(store)) == evenly(number)
        assert store.lists == lists
    store = far(evenly(100 * PAGE))
    pages_of(store).take()
    assert store.lists == 1


def test_nothing_is_asked_for_ahead_that_begins_after_the_end(far: Callable[[list[str]], Far]) -> None:
    store = far(evenly(100 * PAGE))
    pages = pages_of(store, until=format_timestamp(at(2.5 * PAGE)))
    for _ in range(3):
        pages.take()
    assert store.lists == 3


def test_what_was_asked_for_ahead_is_asked_for_anew_once_it_may_be_too_old(far: Callable[[list[str]], Far]) -> None:
    names = evenly(10 * PAGE)
    store = far(names)
    pages = pages_of(store)
    found = [entry.key for _ in range(3) for entry in pages.take().entries]
    store.store.list.__self__.keys.insert(5 * PAGE, names[5 * PAGE - 1] + ".dead")  # type: ignore[attr-defined]
    pages.forget_ahead()
    assert names[5 * PAGE - 1] + ".dead" in [*found, *given(pages)]


def test_a_page_that_could_not_be_listed_is_asked_for_again(far: Callable[[list[str]], Far]) -> None:
    store = far(evenly(5 * PAGE))
    pages = pages_of(store)
    found = [entry.key for entry in pages.take().entries]
    listed = store.store.list
    store.store.list = partial(_fails, OSError("no answer"))  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no answer"):
        pages.take()
    store.store.list = listed  # type: ignore[method-assign]
    pages.forget_ahead()
    assert found + given(pages) == evenly(5 * PAGE)


def _fails(error: Exception, *_: object) -> Page:
    raise error


def test_listings_of_a_far_store_are_those_of_a_near_one(place: Place) -> None:
    ff = place.open()
    for minute in range(0, 60, 2):
        (put_new if minute % 3 else put_journaled)(ff, f"{minute:02}", f"{minute + 1:02}", start=minute)
    store = Far(ff._ctx.store, 3)  # noqa: SLF001  the place's own
    far = on(store)
    assert list(far.list_journals()) == list(ff.list_journals())
    assert list(far.new_journals()) == list(ff.new_journals())
    assert list(far.list_journals(at(10), at(40))) == list(ff.list_journals(at(10), at(40)))
    assert list(far.replay()) == list(ff.replay())
    assert list(far.replay(at(30), at(50))) == list(ff.replay(at(30), at(50)))
    assert store.most > 1


def test_dead_journals_that_nobody_waits_behind_are_listed_twice_before_the_first_event() -> None:
    ff = FlashFlood.open("memory://")
    dead = put_new(ff, *(f"{number}" for number in range(50)))
    ff._ctx.bury(list(ff.new_journals()))  # noqa: SLF001  as if they had been combined, and what they became too
    put_new(ff, "living", start=len(dead))
    store = Far(ff._ctx.store, 4)  # noqa: SLF001  the place of these
    store.workers = 1
    replay = on(store).replay()
    assert next(replay).event_id == "living"
    assert store.lists == 2 * (2 * len(dead) // 4 + 1)
    assert list(replay) == []


def combine_two(ff: FlashFlood) -> None:
    """Journal twice, and combine what that has made."""
    ff.journal(3)
    ff.journal(3)
    made = [journal_id for journal_id in ff.list_journals() if journal_id.version != "new"]
    ff.combine_journals([ff.open_journal(journal_id) for journal_id in made[-2:]])


WORKS: dict[str, Callable[[FlashFlood], object]] = {
    "journals": lambda ff: ff.journal(4),
    "deletes the first, and journals": lambda ff: (ff.delete_event("00"), ff.journal(6)),
    "journals twice, and combines that": combine_two,
}


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("page", [2, 3])
def test_another_client_may_work_while_pages_are_listed_ahead(tmp_path: Path, work: str, page: int) -> None:
    for number in count(1):
        folder = LocalStore(tmp_path / f"{number}")
        ff = on(folder)
        before = put_journaled(ff, "00", "01", start=0) | put_new(ff, *(f"{n:02}" for n in range(2, 12)), start=2)
        store = Interrupted(Far(folder, page), number, partial(WORKS[work], ff))
        store.is_near = False
        after = set(before) - {"00"} if "deletes" in work else set(before)
        assert set(before) >= set(contents(on(store).replay(memory_budget=60))) >= after, f"at request {number}"
        if not store.reached:
            break
    assert number > 10
