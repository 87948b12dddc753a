"""A large event is held once, and journaling holds no more than parts of it."""

from pathlib import Path

import pytest
from conftest import Place
from support.processes import Worker, tell
from support.samples import at

from flashflood import FlashFlood, FlashFloodCorruptionError
from flashflood.maintain import combine

MB = 1_000_000
LARGE = 300 * MB
ELSE = 160 * MB
"""What a process may take beside it."""


def _peak() -> int:
    """Give the most memory that this process has had: `ru_maxrss` has its parent's too."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def replay_it(url: str) -> None:
    """Tell how many bytes each event has, and by how many the process grew at most."""
    ff = FlashFlood.open(url)
    before = _peak()
    tell([len(event.data) for event in ff.replay()])
    tell(_peak() - before)


def journal_it(url: str) -> None:
    """Tell by how many bytes the process grew at most."""
    ff = FlashFlood.open(url)
    before = _peak()
    ff.journal(2)
    tell(_peak() - before)


@pytest.fixture
def stored(place: Place) -> Place:
    """Give a place with a large event and a small one, put by this process."""
    ff = place.open()
    ff.put(bytes(LARGE), "large", at(0))
    ff.put(b"small", "small", at(1))
    return place


ON_FOLDER_AND_MOTO = pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)


@ON_FOLDER_AND_MOTO
def test_a_replay_holds_a_large_event_once(stored: Place) -> None:
    with Worker(stored.env, __name__, "replay_it", stored.url) as worker:
        sizes, grown = worker.rest()
    assert sizes == [LARGE, 5]
    assert grown < LARGE + ELSE


@ON_FOLDER_AND_MOTO
def test_journaling_holds_only_parts_of_a_large_event(stored: Place) -> None:
    with Worker(stored.env, __name__, "journal_it", stored.url) as worker:
        (grown,) = worker.rest()
    assert grown < ELSE
    assert [len(event.data) for event in stored.open().replay()] == [LARGE, 5]


def test_what_comes_in_parts_is_the_event_and_its_update(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combine, "BYTES_AT_A_TIME", 1000)
    ff = place.open()
    data = [bytes(range(256)) * size for size in (1, 9, 2, 13)]
    for number, one in enumerate(data):
        ff.put(one, f"event {number}", at(number))
    updated = data[3][::-1] + b"end"
    ff.update_event("event 3", updated)
    ff.journal(4)
    assert [event.data for event in ff.replay()] == [*data[:3], updated]


@pytest.mark.parametrize("place", ["folder"], indirect=True)
def test_a_blob_that_ends_within_a_large_event_is_an_error_that_names_the_journal_and_the_offset(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combine, "BYTES_AT_A_TIME", 1000)
    ff = place.open()
    ff.put(bytes(5000), "large", at(0))
    ((journal),) = ff.list_journals()
    place.store().put(f"blobs/{journal.blob_id}", bytes(2500))
    with pytest.raises(FlashFloodCorruptionError, match=f"{journal}: its blob ends at offset 2500"):
        ff.journal(1)
