"""With `on_damage="skip"` a replay leaves out what cannot be read of damaged journals, and nothing else."""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import jmespath
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from conftest import Place
from support.damaged_store import OURS
from support.documents import OWN
from support.samples import AT_ONCE, at, contents, put_journaled, put_new
from support.watched import Answer, Counted, Watched, keys, on

from flashflood import Damage, Expression, FlashFlood, FlashFloodCorruptionError, JournalID
from flashflood.store import Found, Store, open_store

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def three_journals(ff: FlashFlood) -> list[JournalID]:
    """Put events into three journals that overlap: `a`, `d`, `g`; `b`, `e`, `h`; `c`, `f`, `i`; each with its data."""
    for first, names in enumerate(("adg", "beh", "cfi")):
        ff.put_many([(f"data of {name}", name, at(first + 3 * number)) for number, name in enumerate(names)])
    return list(ff.list_journals())


def ids(ff: FlashFlood, on_damage: Callable[[Damage], object] | None = None) -> tuple[str, list[Damage]]:
    """Give the ids of the events that a replay gives, in its order, and what it has left out."""
    replay = ff.replay(on_damage=on_damage or "skip")
    return "".join(event.event_id for event in replay), replay.skipped


def lose_blob(store: Store, journal_id: JournalID) -> str:
    key = f"blobs/{journal_id.blob_id}"
    store.delete([key])
    return key


def spoil_manifest(store: Store, journal_id: JournalID) -> str:
    key = f"journals/{journal_id}"
    store.put(key, b"{}")
    return key


# What is left out


def test_of_a_journal_without_its_blob_all_events_are_left_out_and_those_of_no_other(place: Place) -> None:
    ff = place.open()
    _, lost, _ = three_journals(ff)
    key = lose_blob(place.store(), lost)
    with pytest.raises(FlashFloodCorruptionError, match=lost):
        list(ff.replay())
    seen, (damage,) = ids(ff)
    assert seen == "acdfgi"
    assert (damage.journal_id, damage.key, damage.events) == (lost, key, 3)
    assert "its blob is missing" in damage.problem


@ON_FOLDER
def test_events_without_data_need_no_blob(place: Place) -> None:
    ff = place.open()
    ff.put_many([(b"", "a", at(0)), (b"data", "b", at(1)), (b"", "c", at(2))])
    lose_blob(place.store(), next(ff.list_journals()))
    seen, (damage,) = ids(ff)
    assert (seen, damage.events) == ("ac", 1)


def test_of_a_short_blob_only_the_events_beyond_its_end_are_left_out(place: Place) -> None:
    ff = place.open()
    _, short, _ = three_journals(ff)
    store, key = place.store(), f"blobs/{short.blob_id}"
    found = store.get(key)
    assert found
    store.put(key, found.body[: len("data of bdata of e") + 3])
    seen, (damage,) = ids(ff)
    assert seen == "abcdefgi"
    assert (damage.journal_id, damage.key, damage.events) == (short, key, 1)
    assert "ends at offset 21" in damage.problem


def test_of_a_manifest_that_cannot_be_read_nobody_knows_how_many_are_left_out(place: Place) -> None:
    ff = place.open()
    _, spoilt, _ = three_journals(ff)
    key = spoil_manifest(place.store(), spoilt)
    with pytest.raises(FlashFloodCorruptionError, match=spoilt):
        list(ff.replay())
    seen, (damage,) = ids(ff)
    assert seen == "acdfgi"
    assert (damage.journal_id, damage.key, damage.events) == (spoilt, key, None)


def test_of_a_blob_that_fails_its_checks_only_the_events_whose_bytes_fail_are_left_out(tmp_path: Path) -> None:
    """A SQLite file has a checksum for each 64 KB of a blob."""
    path = tmp_path / "store"
    ff = FlashFlood.open(path)
    size = 20_000
    ff.put_many([(bytes([number]) * size, f"{number:02}", at(number)) for number in range(40)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE parts SET sum = sum + 1 WHERE number = 3")
    with pytest.raises(FlashFloodCorruptionError, match="is not as it was written"):
        list(FlashFlood.open(path).replay())
    replay = FlashFlood.open(path).replay(on_damage="skip")
    part = range(3 * 65_536, 4 * 65_536)
    whole = [n for n in range(40) if (n + 1) * size <= part.start or n * size >= part.stop]
    assert [(event.event_id, event.data) for event in replay] == [(f"{n:02}", bytes([n]) * size) for n in whole]
    assert [damage.events for damage in replay.skipped] == [40 - len(whole)]


@ON_FOLDER
def test_of_many_damaged_journals_each_is_found_in_one_pass(place: Place) -> None:
    ff = place.open()
    for number in range(30):
        ff.put_many([(b"data", f"{number}", at(number)), (b"data", f"{number} too", at(number + 1))])
    living = list(ff.list_journals())
    for number, journal_id in enumerate(living):
        if number % 3 == 0:
            (lose_blob if number % 2 else spoil_manifest)(place.store(), journal_id)
    store = Counted(place.store())
    replay = on(store).replay(on_damage="skip")
    assert sum(1 for _ in replay) == 40
    assert sorted(damage.journal_id for damage in replay.skipped) == living[::3]
    assert store.requests.count(("list", "journals/")) <= 2
    assert store.writes == []


# Who is told


@ON_FOLDER
def test_a_callable_is_told_of_each_damaged_journal_once_and_the_log_says_how_many(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    first, second, _ = three_journals(ff)
    lose_blob(place.store(), first)
    spoil_manifest(place.store(), second)
    told: list[Damage] = []
    with caplog.at_level(logging.WARNING, "flashflood"):
        seen, skipped = ids(ff, told.append)
    assert seen == "cfi"
    assert {damage.journal_id: damage.events for damage in told} == {first: 3, second: None}
    assert skipped == told
    lines = [record.getMessage() for record in caplog.records]
    assert sum(first in line for line in lines) == sum(second in line for line in lines) == 1
    assert lines[-1].endswith(
        "left out of replay: 3 events of 1 journal, and all of 1 journal without a readable manifest"
    )


@ON_FOLDER
def test_a_filter_is_not_asked_about_what_is_left_out_and_a_range_counts_only_its_own(place: Place) -> None:
    ff = place.open()
    _, lost, _ = three_journals(ff)
    lose_blob(place.store(), lost)
    replay = ff.replay(at(1), at(6), filter="`false`", on_damage="skip")
    assert list(replay) == []
    assert [damage.events for damage in replay.skipped] == [1]  # e; b is not later than at(1), h is later than at(6)


@ON_FOLDER
def test_what_is_no_on_damage_is_a_value_error_before_any_request(place: Place) -> None:
    store = Counted(place.store())
    ff = on(store)
    search = partial(ff.search, "events")
    calls: list[Callable[..., object]] = [ff.replay, ff.replay_batches, ff.partitions, ff.scan_polars, search]
    for call in calls:
        with pytest.raises(ValueError, match='on_damage=\'ignore\'; it is "error", "skip", or a callable'):
            call(on_damage="ignore")
    assert store.requests == []


# Searches


@ON_FOLDER
@pytest.mark.parametrize(
    "expression", ["events[].n", "events | [*].n", "events[].double(n)"], ids=["batch by batch", "as a whole", "Python"]
)
def test_a_search_leaves_out_the_same_and_a_callable_is_told_once(
    place: Place, expression: str, caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    for number, name in enumerate("abc"):
        ff.put_many([({"n": number}, name, at(number)), ({"n": 10 + number}, f"{name}{name}", at(10 + number))])
    _, lost, _ = ff.list_journals()
    lose_blob(place.store(), lost)
    ff.put(json.dumps({"n": 20}).encode("utf-16"), "wide", at(20))  # the core leaves it to Python, after the damage
    told: list[Damage] = []
    search = partial(ff.search, Expression(expression, OWN))
    for to_date, numbers in ((at(12), [0, 2, 10, 12]), (None, [0, 2, 10, 12, 20])):
        told.clear()
        caplog.clear()
        expected = jmespath.search(expression, {"events": [{"n": number} for number in numbers]}, OWN)
        assert search(to_date=to_date, on_damage=told.append) == search(to_date=to_date, on_damage="skip") == expected
        assert [(damage.journal_id, damage.events) for damage in told] == [(lost, 2)]
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert [lost in line for line in lines] == [True, False] * 2
        assert lines[1].endswith("left out of replay: 2 events of 1 journal")
    with pytest.raises(FlashFloodCorruptionError, match=lost):
        search()


# Batches, partitions, tables


@ON_FOLDER
def test_batches_and_columns_leave_out_the_same_and_a_callable_is_told_once(place: Place) -> None:
    ff = place.open()
    for number, name in enumerate("abc"):
        ff.put_many([({"n": number}, name, at(number)), ({"n": 10 + number}, f"{name}{name}", at(10 + number))])
    _, lost, _ = ff.list_journals()
    lose_blob(place.store(), lost)
    told: list[Damage] = []
    batches = ff.replay_batches(columns={"n": "n"}, on_damage=told.append)
    assert pa.table(batches)["n"].to_pylist() == [0, 2, 10, 12]
    assert [(damage.journal_id, damage.events) for damage in told] == [(lost, 2)]
    assert batches.skipped == told
    assert ff.scan_polars(on_damage="skip").collect()["event_id"].to_list() == ["a", "c", "aa", "cc"]


@ON_FOLDER
def test_partitions_leave_out_the_same_together(place: Place) -> None:
    ff = place.open()
    first, second, _ = three_journals(ff)
    lose_blob(place.store(), first)
    spoil_manifest(place.store(), second)
    cut = ff.partitions(on_damage="skip", size=20)
    assert len(cut) > 1
    replays = [partition.events() for partition in cut]
    assert "".join(event.event_id for replay in replays for event in replay) == "cfi"
    counted = [damage.events for replay in replays for damage in replay.skipped if damage.journal_id == first]
    assert sum(events or 0 for events in counted) == 3
    assert sum(pa.table(partition.batches()).num_rows for partition in cut) == 3
    with pytest.raises(FlashFloodCorruptionError):
        [list(partition.events()) for partition in ff.partitions(size=20)]


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_presigned_partitions_cannot_tell_damage(place: Place) -> None:
    with pytest.raises(ValueError, match="leave out presigned, or on_damage"):
        place.open().partitions(presigned=True, on_damage="skip")


# What is no damage


class Meanwhile(Watched):
    """Lets another client work right before the first request for a blob."""

    def __init__(self, store: Store, work: Callable[[], object]) -> None:
        super().__init__(store)
        self.work = work
        self.is_done = False

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "get" and key.startswith("blobs/") and not self.is_done:
            self.is_done = True
            self.work()
        return send()


def test_a_journal_that_was_combined_and_collected_meanwhile_is_no_damage(place: Place) -> None:
    ff = place.open()
    data = put_new(ff, "a", "b", "c")

    def work() -> None:
        ff.update_event("b", b"changed")
        ff.journal(3)
        ff.collect_garbage(AT_ONCE)

    replay = on(Meanwhile(place.store(), work)).replay(on_damage="skip")
    assert contents(replay) == data | {"b": b"changed"}
    assert replay.skipped == []
    assert not any("--new--" in key for key in keys(place.store(), "journals/"))


class Failing(Watched):
    """Fails its checks at the first bytes of a blob, and lets another client work before the next ones are read."""

    def __init__(self, store: Store, work: Callable[[], object]) -> None:
        super().__init__(store)
        self.work = work
        self.is_done = False

    def get(self, key: str, start: int | None = None, stop: int | None = None, /) -> Found | None:
        if key.startswith("blobs/") and not self.is_done:
            if not start:
                raise FlashFloodCorruptionError(key, key=key)
            self.is_done = True
            self.work()
        return super().get(key, start, stop)

    def request(self, _method: str, _key: str, send: Callable[[], Answer], /) -> Answer:
        return send()


def test_a_damaged_journal_that_was_combined_and_collected_meanwhile_loses_no_more(tmp_path: Path) -> None:
    ff = FlashFlood.open(f"{tmp_path}/store/")
    data = put_journaled(ff, "a", "b", "c")
    (before,) = ff.list_journals()

    def work() -> None:
        ff.delete_event("a")
        ff.update(None)
        ff.collect_garbage(AT_ONCE)
        assert before not in list(ff.list_journals())

    replay = on(Failing(open_store(f"{tmp_path}/store/"), work)).replay(on_damage="skip", memory_budget=0)
    assert contents(replay) == {"b": data["b"], "c": data["c"]}
    assert [(damage.journal_id, damage.events) for damage in replay.skipped] == [(before, 1)]


class Refusing(Watched):
    """Refuses one kind of request."""

    def __init__(self, store: Store, prefix: str, error: Exception) -> None:
        super().__init__(store)
        self.prefix = prefix
        self.error = error

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        if method == "get" and key.startswith(self.prefix):
            raise self.error
        return send()


@pytest.mark.parametrize("prefix", ["blobs/", "journals/"])
@pytest.mark.parametrize("status", [403, 503])
def test_what_a_server_or_the_network_refuses_is_an_error_all_the_same(prefix: str, status: int) -> None:
    store = open_store("memory://")
    put_journaled(on(store), "a", "b")
    answer = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    for error in (ClientError(answer, "GetObject"), ConnectionResetError()):  # type: ignore[arg-type]
        replay = on(Refusing(store, prefix, error)).replay(on_damage="skip")
        with pytest.raises(type(error)):
            list(replay)
        assert replay.skipped == []


class Hidden(Watched):
    """Answers that a manifest is not there, though it is listed, some times."""

    def __init__(self, store: Store, key: str, times: int) -> None:
        super().__init__(store)
        self.key = key
        self.times = times

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = send()
        if method == "get" and key == self.key and self.times:
            self.times -= 1
            return None  # type: ignore[return-value]
        return answer


@pytest.mark.parametrize(("times", "expected"), [(1, "abcdefghi"), (2, "acdfgi")])
def test_a_manifest_that_is_listed_again_and_still_missing_is_damage_and_nothing_comes_twice(
    times: int, expected: str
) -> None:
    store = open_store("memory://")
    _, hidden, _ = three_journals(on(store))
    seen, skipped = ids(on(Hidden(store, f"journals/{hidden}", times)))
    assert seen == expected
    assert [damage.journal_id for damage in skipped] == [hidden] * (times == 2)


@ON_FOLDER
def test_a_row_that_0_4_3_left_in_two_journals_comes_from_the_one_that_the_index_names_or_not_at_all(
    place: Place,
) -> None:
    """The newer journal's blob is lost: the older one has the data as they were before an update, or a delete."""
    ff = place.open()
    put_journaled(ff, "a", "b")
    store = place.store()
    (before,) = ff.list_journals()
    old = store.get(f"journals/{before}")
    ff.update_event("a", b"updated")
    ff.update(None)
    (after,) = ff.list_journals()
    new = store.get(f"journals/{after}")
    assert old
    assert new
    for journal_id, found in ((before, old), (after, new)):
        fields = {name: value for name, value in json.loads(found.body).items() if name not in OURS}
        store.put(f"journals/{journal_id}", json.dumps(fields).encode())
    store.delete([f"journals/{before}.dead"])
    lose_blob(store, after)
    seen, (damage,) = ids(ff)
    assert seen == ""
    assert (damage.journal_id, damage.events) == (after, 2)
