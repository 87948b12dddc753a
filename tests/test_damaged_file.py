"""A SQLite file that is damaged: what calls give then, and what `check` says of it."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.damaged_file import PAGE, data_of, fill
from support.processes import Worker
from support.watched import keys

from flashflood import FlashFlood, FlashFloodCorruptionError, FlashFloodException
from flashflood.store import SqliteStore

RUNS = 25
"""Damages of one test."""


LEAF = 10
"""The first byte of a page of rows (https://sqlite.org/fileformat.html#b_tree_pages)."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "events.flashflood"
    fill(FlashFlood.open(str(path)))
    SqliteStore(path).give_back()
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path))


def broken(part: str, block: int) -> dict[str, list[str]]:
    """Try some damages in a process of its own, which must live through them; give the promises that were broken."""
    with Worker({}, "support.damaged_file", "try_damages", part, block * RUNS, RUNS) as worker:
        told = worker.rest()
    assert len(told) == 2 * RUNS
    return {how: faults for how, faults in zip(told[::2], told[1::2], strict=True) if faults}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", range(6))
def test_a_call_on_a_damaged_file_gives_what_it_gave_or_an_error_that_names_the_file_or_check_names_the_damage(
    block: int,
) -> None:
    assert broken("file", block) == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", range(2))
def test_a_file_whose_log_is_damaged_is_as_it_was_at_some_commit(block: int) -> None:
    assert broken("log", block) == {}


def flipped(path: Path, what: bytes) -> None:
    """Change a byte of each place in the file that has these bytes."""
    content = path.read_bytes()
    assert what in content
    path.write_bytes(content.replace(what, what[:-1] + b"?"))


def journal_of(ff: FlashFlood, event_id: str) -> str:
    """Give the id of the journal that has an event."""
    (journal_id,) = [
        journal_id
        for journal_id in ff.list_journals()
        if any(row["event_id"] == event_id for row in ff.open_journal(journal_id).events)
    ]
    return journal_id


def blob_of(ff: FlashFlood, event_id: str) -> str:
    """Give the key of the blob that has an event's data."""
    return f"blobs/{ff.open_journal(journal_of(ff, event_id)).blob_id}"


@pytest.mark.parametrize("event_id", ["few 1", "many 5", "large 0"])
def test_changed_data_are_an_error_that_names_the_file_and_the_key(path: Path, event_id: str) -> None:
    key = blob_of(FlashFlood.open(str(path)), event_id)
    flipped(path, data_of(event_id)[:30])
    ff = FlashFlood.open(str(path))
    for call in (lambda: ff.get_event(event_id), lambda: list(ff.replay())):
        with pytest.raises(FlashFloodCorruptionError, match=f"{path} is damaged: {key} is not as it was written"):
            call()
    assert any(str(path) in line and key in line for line in ff.check())
    assert ff.get_event("few 7").event_id == "few 7"


def test_a_changed_key_is_an_error_and_no_other_objects(path: Path) -> None:
    """As in a delete whose key names the event."""
    FlashFlood.open(str(path)).delete_event("few 5")
    store = SqliteStore(path)
    (key,) = (key for key in keys(store, "update") if "few 5" in key)
    store.give_back()
    changed = key.replace("few 5", "few 4")
    path.write_bytes(path.read_bytes().replace(key.encode(), changed.encode()))
    with pytest.raises(FlashFloodCorruptionError, match=re.escape(f"{path} is damaged: {changed} is not as it was")):
        FlashFlood.open(str(path)).update()


@pytest.mark.parametrize("column", ["size", "metadata", "key_sum", "sum"])
def test_check_names_each_row_that_is_not_as_it_was_written(path: Path, column: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE objects SET {column} = 7 WHERE key = CAST('index/few 1--0000000001' AS BLOB)")  # noqa: S608
    lines = FlashFlood.open(str(path)).check()
    assert lines[0].startswith(f"{path} is damaged: index/few 1--0000000001 is not as it was written; restore it")


def test_check_names_parts_that_are_missing(path: Path) -> None:
    key = blob_of(FlashFlood.open(str(path)), "large 0")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM parts WHERE number = 0")
    assert any(f"65536 bytes of {key} are missing" in line for line in FlashFlood.open(str(path)).check())


def test_what_seems_to_be_missing_in_a_damaged_file_is_told_with_the_damage_and_given_up_by_nobody(path: Path) -> None:
    journal_id = journal_of(FlashFlood.open(path), "many 5")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM objects WHERE key = CAST(? AS BLOB)", (f"journals/{journal_id}",))
        connection.execute("UPDATE objects SET sum = 7 WHERE key = CAST('index/few 1--0000000001' AS BLOB)")
    ff, there = FlashFlood.open(path), set(keys(SqliteStore(path), "index/many 5--"))
    assert there
    for call in (
        lambda: ff.update_event("many 5", b"other"),
        lambda: ff.delete_event("many 5"),
        lambda: ff.put(b"data", "many 5"),
    ):
        with pytest.raises(FlashFloodCorruptionError, match=f"many 5.* is missing; {path} is damaged: index/few 1--"):
            call()
    store = SqliteStore(path)
    assert there <= set(keys(store, "index/many 5--"))
    assert list(keys(store, "gone/many 5--")) == []


def test_check_says_what_sqlite_finds_of_a_page_and_nothing_is_repaired(path: Path) -> None:
    content = bytearray(path.read_bytes())
    pages = range(0, len(content), PAGE)
    page = next(at for at in pages if content[at] == LEAF and b"few " in content[at : at + PAGE])
    content[page : page + PAGE] = bytes(PAGE)
    path.write_bytes(content)
    before = path.read_bytes()
    ff = FlashFlood.open(str(path))
    assert any(
        line.startswith(f"{path} is damaged: ") and f"page {page // PAGE + 1}" in line.lower() for line in ff.check()
    )
    with pytest.raises(FlashFloodCorruptionError, match=f"nothing was repaired, since {path} is damaged"):
        ff.repair()
    SqliteStore(path).give_back()
    assert path.read_bytes() == before


def test_check_of_a_sound_file_finds_nothing(path: Path) -> None:
    assert SqliteStore(path).damage() == []
    assert FlashFlood.open(str(path)).check() == []


def test_a_damaged_beginning_is_an_error_that_says_so(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[:PAGE] = bytes(PAGE)
    path.write_bytes(content)
    with pytest.raises(FlashFloodException, match=f"{path} is no FlashFlood store.* or its beginning is damaged"):
        FlashFlood.open(str(path)).check()
