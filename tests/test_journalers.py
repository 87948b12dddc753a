"""Several processes that journal one store share its new journals out."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from conftest import Place
from support.processes import Worker, tell, wait_for_word
from support.races import may_fail, together
from support.samples import contents, put_new
from support.watched import Answer, Watched, keys, on

from flashflood import FlashFlood, FlashFloodJournalingError, layout
from flashflood.identifiers import JournalID
from flashflood.records.ledger import LedgerEntry
from flashflood.store import Store

BEFORE, AFTER = "00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-8fff-ffffffffffff"
"""blob_ids that come before all others, and after them."""
SHARE = 5
SHARES = 8


class Rival(Watched):
    """A store in which another process chooses what a journaler has chosen, right after it; both see that.

    The other one gives up when the journaler does, unless it `stays`.
    """

    def __init__(self, store: Store, blob_id: str, *, stays: bool = False) -> None:
        super().__init__(store)
        self._blob_id = blob_id
        self._stays = stays
        self.collisions = 0

    def put(self, key: str, body: object, /, **options: object) -> None:
        super().put(key, body, **options)  # type: ignore[arg-type]
        if key.startswith(layout.LEDGER) and not self.collisions:
            self.collisions += 1
            mine = LedgerEntry.decode(key, bytes(body))  # type: ignore[call-overload]
            self._theirs = LedgerEntry(
                JournalID(f"{mine.journal_id.rpartition('--')[0]}--{self._blob_id}"), mine.sources, (), mine.size
            )
            self.store.put(layout.ledger_key(self._theirs.journal_id), self._theirs.encode())

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "delete" and key.startswith(layout.LEDGER) and self.collisions == 1 and not self._stays:
            self.collisions += 1
            self.store.delete([layout.ledger_key(self._theirs.journal_id)])
        return send()


def journaled(ff: FlashFlood) -> set[str]:
    """Give the ids of the events that are not in new journals."""
    opened = [ff.open_journal(found) for found in ff.list_journals() if found.version != "new"]
    return {str(event["event_id"]) for journal in opened for event in journal.events}


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize(("blob_id", "taken"), [(BEFORE, "cd"), (AFTER, "ab")])
def test_of_two_that_chose_the_same_one_takes_it_and_the_other_what_follows(
    place: Place, blob_id: str, taken: str
) -> None:
    ff = place.open()
    data = put_new(ff, *"abcdef")
    rival = Rival(place.store(), blob_id)
    on(rival).journal(2)
    assert rival.collisions == 2
    assert journaled(ff) == {*taken}
    assert contents(ff.replay()) == data
    ff.journal(4)
    assert contents(ff.replay()) == data
    assert ff.check() == []


@pytest.mark.usefixtures("no_patience")
def test_where_nothing_follows_the_oldest_are_taken_once_the_other_has_given_up(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, *"ab")
    on(Rival(place.store(), BEFORE)).journal(2)
    assert journaled(ff) == {*"ab"}
    assert contents(ff.replay()) == data


@pytest.mark.usefixtures("no_patience")
def test_where_nothing_follows_and_the_other_goes_on_journal_says_so(place: Place) -> None:
    ff = place.open()
    put_new(ff, *"ab")
    with pytest.raises(FlashFloodJournalingError, match="in combinations under way"):
        on(Rival(place.store(), BEFORE, stays=True)).journal(2)
    assert journaled(ff) == set()


@pytest.mark.usefixtures("no_patience")
def test_beside_a_combination_under_way_a_journaler_takes_the_oldest_or_leaves_its_share(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, *"abcdefgh")
    with pytest.raises(FlashFloodJournalingError):
        on(Rival(place.store(), BEFORE, stays=True)).journal(8)
    (key,) = keys(place.store(), layout.LEDGER)
    entry = LedgerEntry.decode(key, getattr(place.store().get(key), "body", b""))
    place.store().put(key, LedgerEntry(entry.journal_id, entry.sources[:2], (), 1).encode())
    while may_fail(partial(ff.journal, 2)):
        pass
    assert journaled(ff) == {*"cdefgh"}
    assert contents(ff.replay()) == data


def journal_all(url: str) -> None:
    """Journal, once told to, until there are too few; tell how often."""
    ff = FlashFlood.open(url)
    tell("here")
    wait_for_word()
    made = 0
    while may_fail(partial(ff.journal, SHARE)):
        made += 1
    tell(made)


def check_shared_out(ff: FlashFlood, data: dict[str, bytes], made: int) -> None:
    """Assert that all events are journaled once, each call's share in a journal."""
    assert contents(ff.replay()) == data
    assert journaled(ff) == data.keys()
    assert Counter(len(ff.open_journal(found).events) for found in ff.list_journals()) == {SHARE: SHARES}
    assert made == SHARES
    assert all(ff.get_event(event_id).data == body for event_id, body in data.items())
    assert ff.check() == []


@pytest.mark.timeout(120)
def test_processes_that_journal_at_one_time_make_a_journal_of_each_share(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, *(f"{number:02}" for number in range(SHARE * SHARES)))
    with (
        Worker(place.env, "test_journalers", "journal_all", place.url) as one,
        Worker(place.env, "test_journalers", "journal_all", place.url) as two,
        Worker(place.env, "test_journalers", "journal_all", place.url) as three,
    ):
        workers = (one, two, three)
        assert [worker.hear() for worker in workers] == ["here"] * 3
        for worker in workers:
            worker.go()
        made = sum(worker.hear() for worker in workers)
    check_shared_out(ff, data, made)


@pytest.mark.timeout(120)
def test_threads_that_journal_at_one_time_make_a_journal_of_each_share(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, *(f"{number:02}" for number in range(SHARE * SHARES)))

    def journal() -> int:
        own, made = place.open(), 0
        while may_fail(partial(own.journal, SHARE)):
            made += 1
        return made

    check_shared_out(ff, data, sum(together([journal] * 4)))
