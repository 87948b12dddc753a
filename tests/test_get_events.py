"""`get_events` gives many events as `get_event` gives each, in the order of the ids, from an iterable of any length."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from threading import Event as Flag
from threading import Lock
from time import sleep

import pytest
from conftest import Place
from support.many_ids import numbered, one_by_one, put_all, worth_a_page
from support.samples import at, put_journaled, put_new
from support.watched import Answer, Counted, Short, Watched, on

from flashflood import Event, FlashFlood, FlashFloodCorruptionError, FlashFloodEventNotFound, JournalID
from flashflood._core import Manifest
from flashflood.read import get_events, locate
from flashflood.store import Store

MANY = 80
"""More ids than are listed one by one."""
KNOWN_TO_0_4_3 = ("journal_id", "from_date", "to_date", "size", "events")
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def busy_store(ff: FlashFlood, journaled: int = MANY) -> list[str]:
    """Make events of every kind, new, journaled, updated and deleted ones; give their ids and some of none."""
    ids = numbered(journaled)
    put_all(ff, *ids)
    put_all(ff, *(f"more {number}" for number in range(5)), start=100)
    ff.combine_journals(list(ff.list_journals())[:1])
    put_new(ff, "new", "new and updated", "new and deleted", "a", "a-", "ab", "-a", "folder/a", "%", "ä")
    ff.update_event(ids[3], "changed")
    ff.update_event(ids[4], "")
    ff.update_event("folder/a", "changed too")
    ff.update()
    ff.update_event(ids[4], "changed again")
    for number in range(5):
        ff.update_event("new and updated", f"newer {number}")
    ff.update_event("folder/a", "newest")
    ff.update_event("-a", "dashed")
    ff.delete_event(ids[5])
    ff.delete_event(ids[6])
    ff.put("back again", ids[6], at(1000))
    ff.delete_event("new and deleted")
    there = [*ids, *(f"more {number}" for number in range(5)), "new", "new and updated", "new and deleted"]
    return [*there, "a", "a-", "ab", "-a", "folder/a", "%", "ä", "never put", "a--b", "", "x" * 2000, "\ud800"]


@pytest.mark.parametrize("read_pending_updates", [True, False])
def test_each_event_is_as_get_event_gives_it(place: Place, read_pending_updates: bool) -> None:  # noqa: FBT001
    ids = busy_store(place.open())
    ff = place.open(read_pending_updates=read_pending_updates)
    expected = one_by_one(ff, ids)
    assert len(expected) == len(ids) - 7
    assert list(ff.get_events(ids, on_missing="skip")) == expected


def test_events_come_in_the_order_of_the_ids_as_often_as_one_is_given(place: Place) -> None:
    ff = place.open()
    data = put_all(ff, *"abc") | put_journaled(ff, "d", "e", start=10)
    ids = [*"edcba", *"abcde", "c", "c"] * 4
    found = list(ff.get_events(ids))
    assert [(event.event_id, event.data) for event in found] == [(event_id, data[event_id]) for event_id in ids]
    assert found[0] == ff.get_event("e")


def test_a_missing_event_is_an_error_when_its_turn_comes(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    events = ff.get_events(["a", "nobody", "b"])
    assert next(events).event_id == "a"
    with pytest.raises(FlashFloodEventNotFound, match="'nobody'"):
        next(events)


def test_with_skip_missing_events_are_left_out(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b", "c")
    ff.delete_event("b")
    events = ff.get_events(["nobody", "a", "b", "a--b", "", "c"], on_missing="skip")
    assert [event.event_id for event in events] == ["a", "c"]


@pytest.mark.parametrize("wrong", [1, None, b"a", ["a"]])
@pytest.mark.parametrize("on_missing", ["error", "skip"])
def test_what_is_no_text_is_a_type_error_when_its_turn_comes(
    place: Place, wrong: object, on_missing: get_events.OnMissing
) -> None:
    ff = place.open()
    put_new(ff, "a")
    events = ff.get_events(["a", wrong, "a"], on_missing=on_missing)  # type: ignore[list-item]  # that is what is wrong
    assert next(events).event_id == "a"
    with pytest.raises(TypeError, match="an event_id is a str"):
        next(events)


def test_another_word_for_on_missing_is_a_value_error_at_once(place: Place) -> None:
    with pytest.raises(ValueError, match="'error' or 'skip'"):
        place.open().get_events([], on_missing="ignore")  # type: ignore[arg-type]  # that is what is wrong


def test_an_error_of_the_callers_own_iterable_passes_through_after_the_events_before_it(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")

    def ids() -> Iterator[str]:
        yield from ("a", "b")
        msg = "the file has ended early"
        raise OSError(msg)

    events = ff.get_events(ids())
    assert [next(events).event_id, next(events).event_id] == ["a", "b"]
    with pytest.raises(OSError, match="the file has ended early"):
        next(events)


class Failing(Watched):
    """Fails where the index entry of an event in the third window is read; `failed` says when."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.failed = Flag()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "head" and key.startswith(f"index/event {5 * self.workers:03}"):
            self.failed.set()
            msg = "no network"
            raise OSError(msg)
        return send()


def test_an_error_of_the_store_passes_through_after_the_events_that_were_located_before(place: Place) -> None:
    put_all(place.open(), *numbered(60))
    store = Failing(place.store())
    events = on(store).get_events(numbered(60))
    found = [next(events).event_id]
    assert store.failed.wait(60)  # in the third window, which is twice and twice as large as the first
    sleep(0.2)  # so that the error has come before its turn
    with pytest.raises(OSError, match="no network"):
        found.extend(event.event_id for event in events)
    assert found == numbered(3 * store.workers)


def test_no_ids_give_no_events_and_no_request(place: Place) -> None:
    store = Counted(place.store())
    assert list(on(store).get_events([])) == []
    assert store.requests == []


# Streaming


def test_nothing_is_asked_for_and_no_id_is_taken_before_the_first_event_is(place: Place) -> None:
    put_new(place.open(), "a")
    store = Counted(place.store())
    ids = iter(["a"])
    events = on(store).get_events(ids)
    assert store.requests == []
    assert next(events).event_id == "a"
    assert list(ids) == []


@ON_FOLDER
def test_of_endless_ids_a_bounded_number_is_taken_ahead(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_events, "BUDGET", 100 * get_events.BYTES_PER_EVENT)
    monkeypatch.setattr(get_events, "LARGEST_CHUNK", 100)
    ff = place.open()
    put_new(ff, "a", "b")
    taken = 0

    def ids() -> Iterator[str]:
        nonlocal taken
        for taken in count(1):
            yield "ba"[taken % 2]

    events = ff.get_events(ids())
    for number in range(2000):
        assert next(events).event_id == "ab"[number % 2]
        assert number < taken <= number + 500
    close(events)


class Data(Watched):
    """Counts what is sent for and fetched of blobs; those not in `free` (if that is set) wait for `gate`."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.store())
        self.gate = Flag()
        self.free: set[str] | None = None
        self.sent = 0
        self.fetched = 0
        self._lock = Lock()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if not (method == "get" and key.startswith("blobs/")):
            return send()
        with self._lock:
            self.sent += 1
        if self.free is not None and key not in self.free:
            assert self.gate.wait(60)
        answer = send()
        with self._lock:
            self.fetched += len(getattr(answer, "body", b""))
        return answer


@ON_FOLDER
def test_further_data_are_fetched_while_events_are_consumed_within_a_budget(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_events, "BYTES_PER_EVENT", 0)
    monkeypatch.setattr(get_events, "BUDGET", 50_000)
    monkeypatch.setattr(get_events, "STRETCH", 10_000)
    ids = numbered(300)
    place.open().put_many((event_id.encode() * 100, event_id, at(0)) for event_id in ids)
    store = Data(place)
    ahead = []
    for number, event in enumerate(on(store).get_events(ids), 1):
        assert event.data == event.event_id.encode() * 100
        ahead.append(store.fetched - number * len(event.data))
    assert store.fetched == 300 * 900
    assert 10_000 < max(ahead) <= 50_000 + 10_000


@ON_FOLDER
def test_what_is_under_way_is_cancelled_when_the_iterator_is_closed(place: Place) -> None:
    ids = numbered(60)
    put_new(place.open(), *ids)
    blobs = [f"blobs/{journal_id.blob_id}" for journal_id in place.open().new_journals()]
    store = Data(place)
    store.workers = 2
    store.free = set(blobs[:7])  # in windows of 2, 4, 8 ... ids, the third one's data cannot all come
    ff = on(store)
    events = ff.get_events(ids)
    assert [next(events).event_id for _ in range(7)] == ids[:7]
    close(events)
    store.gate.set()
    assert ff.get_event(ids[0]).event_id == ids[0]  # what waited before it has been sent by now, if it ever is
    assert store.sent <= 7 + store.workers + 1


class Stopped(Watched):
    """Counts the looks at index entries; they wait for `gate`. `is_full` says when no more can be sent."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.store())
        self.workers = 2
        self.gate, self.is_full = Flag(), Flag()
        self.sent = 0
        self._lock = Lock()

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "head" and key.startswith("index/event 1"):
            with self._lock:
                self.sent += 1
                if self.sent == self.workers:
                    self.is_full.set()
            assert self.gate.wait(60)
        return send()


@ON_FOLDER
def test_what_is_being_located_is_not_looked_for_any_further_when_the_iterator_is_closed(place: Place) -> None:
    put_new(place.open(), *numbered(3))
    put_all(place.open(), *numbered(200)[100:], start=100)
    store = Stopped(place)
    ff = on(store)
    events = ff.get_events([*numbered(2), *numbered(200)[100:]])
    assert next(events).event_id == numbered(1)[0]
    assert store.is_full.wait(60)
    close(events)
    store.gate.set()
    assert ff.get_event("event 002").event_id == "event 002"
    sleep(0.2)  # for what would still be sent
    assert store.sent <= 2 * store.workers


def close(events: Iterator[Event]) -> None:
    events.close()  # type: ignore[attr-defined]  # it is a generator


# What it costs


def requests_of(place: Place, work: Callable[[FlashFlood], object]) -> list[tuple[str, str]]:
    """Give the requests that a piece of work makes."""
    store = Counted(place.store())
    work(on(store))
    return store.requests


def test_events_of_one_journal_share_all_requests_but_one_each(place: Place) -> None:
    ff = place.open()
    ids = numbered(400)
    put_all(ff, *ids)
    ff.combine_journals(ff.list_journals())
    ff.update_event(ids[7], "changed")
    expected = one_by_one(ff, ids[:10])
    found: list[Event] = []
    requests = requests_of(place, lambda ff: found.extend(ff.get_events(ids)))
    assert found[:10] == expected
    assert [event.event_id for event in found] == ids
    assert len(requests) < 2 * len(ids)
    assert sum(method == "head" for method, _ in requests) == len(ids)


def test_the_manifest_of_a_journal_that_0_4_3_wrote_is_read_for_many_events_at_once(place: Place) -> None:
    ff = place.open()
    ids = numbered(100)
    put_all(ff, *ids)
    (journal_id,) = ff.list_journals()
    as_0_4_3_writes_it(place, journal_id, ids)
    expected = one_by_one(ff, ids)
    found: list[Event] = []
    requests = requests_of(place, lambda ff: found.extend(ff.get_events(ids)))
    assert found == expected
    assert len(found) == len(ids)
    assert 1 <= sum(request == ("get", f"journals/{journal_id}") for request in requests) <= get_events.CHUNKS


def as_0_4_3_writes_it(place: Place, journal_id: JournalID, ids: list[str]) -> None:
    """Leave of the index entries and the manifest what 0.4.3 knows."""
    store = place.store()
    key = f"journals/{journal_id}"
    there = store.get(key)
    assert there is not None
    manifest = json.loads(there.body)
    store.put(key, json.dumps({name: manifest[name] for name in KNOWN_TO_0_4_3}).encode())
    for event_id in ids:
        store.put(f"index/{event_id}--0000000001", b"", metadata={"target": journal_id})


def test_of_the_manifests_that_0_4_3_wrote_a_bounded_number_of_rows_is_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate, "ROWS_KEPT", 50)
    ff = place.open()
    ids = []
    for start in (0, 20, 40):
        ids += numbered(60)[start : start + 20]
        put_all(ff, *ids[start:], start=start)
    for number, journal_id in enumerate(list(ff.list_journals())):
        as_0_4_3_writes_it(place, journal_id, ids[20 * number : 20 * number + 20])
    mixed = [ids[number * 7 % 60] for number in range(60)]
    assert list(ff.get_events(mixed)) == one_by_one(ff, mixed)


@ON_FOLDER
def test_a_journal_is_asked_once_whether_it_is_whole_however_many_of_its_events_are_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_events, "LARGEST_CHUNK", 10)
    ids = numbered(200)
    put_all(place.open(), *ids)
    store = Counted(place.store())
    store.workers = 2
    assert [event.event_id for event in on(store).get_events(ids)] == ids
    assert (
        1
        <= sum(method == "head" and key.startswith("journals/") for method, key in store.requests)
        <= get_events.CHUNKS
    )


@ON_FOLDER
def test_one_request_fetches_events_with_few_bytes_between_them(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    gap = len("data of event 000")
    monkeypatch.setattr(get_events, "GAP", gap)
    monkeypatch.setattr(get_events, "GAPS", 5 * gap)
    data = put_all(place.open(), *numbered(40))
    every_second = numbered(40)[::2]
    store = Counted(place.store())
    store.workers = len(every_second)  # ids that are located together
    found = [(event.event_id, event.data) for event in on(store).get_events(every_second)]
    assert found == [(event_id, data[event_id]) for event_id in every_second]
    assert sum(method == "get" and key.startswith("blobs/") for method, key in store.requests) == 4


def test_one_by_one_and_by_pages_the_same_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = busy_store(place.open(), 12)
    expected = one_by_one(place.open(), ids)
    for worth in (1, 2, 10**6):
        worth_a_page(monkeypatch, worth)
        assert list(place.open().get_events(ids, on_missing="skip")) == expected


@ON_FOLDER
@pytest.mark.parametrize("worth", [1, 3])
def test_pages_that_end_anywhere_hide_no_event(place: Place, monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    worth_a_page(monkeypatch, worth)
    ids = busy_store(place.open(), 12)
    expected = one_by_one(place.open(), ids)
    assert list(on(Short(place.store(), 3)).get_events(ids, on_missing="skip")) == expected


# What is broken


def test_a_broken_index_entry_is_an_error_when_its_turn_comes(place: Place) -> None:
    ff = place.open()
    put_new(ff, "a", "b")
    place.store().put("index/b--0000000001", b"", metadata={"target": "nowhere"})
    events = ff.get_events(["a", "b"])
    assert next(events).event_id == "a"
    with pytest.raises(FlashFloodCorruptionError, match="index/b--0000000001"):
        next(events)


def test_a_blob_cut_short_or_missing_is_an_error_that_names_the_first_event_that_it_hides(place: Place) -> None:
    ff = place.open()
    put_all(ff, "a", "b", "c")
    (journal_id,) = ff.list_journals()
    store = place.store()
    store.put(f"blobs/{journal_id.blob_id}", b"data of adata")
    events = ff.get_events(["a", "b", "c"])
    assert next(events).data == b"data of a"
    with pytest.raises(FlashFloodCorruptionError, match="'b'"):
        next(events)
    store.delete([f"blobs/{journal_id.blob_id}"])
    with pytest.raises(FlashFloodCorruptionError, match="'c'"):
        next(ff.get_events(["c", "b"], on_missing="skip"))


def test_a_manifest_that_cannot_be_read_is_an_error_of_its_events_alone(place: Place) -> None:
    ff = place.open()
    put_all(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    as_0_4_3_writes_it(place, journal_id, ["a", "b"])
    put_new(ff, "c")
    place.store().put(f"journals/{journal_id}", b"{}")
    events = ff.get_events(["c", "a"])
    assert next(events).event_id == "c"
    with pytest.raises(FlashFloodCorruptionError, match=journal_id):
        next(events)


def test_a_claim_whose_writer_has_died_is_no_event(place: Place) -> None:
    ff = place.open()
    put_all(ff, "a", "b")
    put_new(ff, "c")
    store = place.store()
    store.delete([f"journals/{journal_id}" for journal_id in ff.list_journals()])
    put_new(ff, "d")
    assert [event.event_id for event in ff.get_events([*"abcd"], on_missing="skip")] == ["d"]


def test_an_event_of_a_batch_that_was_fenced_is_not_found(place: Place) -> None:
    ff = place.open()
    put_all(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    fence = Manifest.of_rows(journal_id, [], 0).encode()
    place.store().put(f"journals/{journal_id}", fence, metadata={"number_of_events": "0"})
    with pytest.raises(FlashFloodEventNotFound, match="'a'"):
        next(ff.get_events(["a"]))
