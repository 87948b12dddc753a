"""A SQLite file that is damaged at random, and whether each call keeps its promise then.

`python -m support.damaged_file RUNS SEED`, in tests/, is the long form of tests/test_damaged_file.py.
"""

import logging
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from flashflood import FlashFlood, FlashFloodException
from flashflood.maintain import check
from flashflood.store import SqliteStore
from support.processes import tell
from support.samples import AT_ONCE, at

Part = Literal["file", "log"]
Outcomes = dict[str, dict[str, Any]]
"""What each call gave, by its argument."""

PAGE = 4096
MANY = [f"many {number}" for number in range(40)]
LARGE = [f"large {number}" for number in range(2)]
FEW = [f"few {number}" for number in range(8)]
UPDATED = ["many 3", "many 30", "few 2", "large 1"]
DELETED = ["many 7", "few 3"]
PENDING = ["many 11", "few 7"]
"""Updated, and the update is not applied."""


def data_of(event_id: str) -> bytes:
    """Give what an event is put with: 450 bytes, or two of a file's parts."""
    return (f"data of {event_id}; ".encode() * 5_000)[: 80_000 if event_id in LARGE else 450]


def changed(event_id: str) -> bytes:
    """Give what it is updated with."""
    return b"updated: " + data_of(event_id)


VERSIONS = {
    event_id: {data_of(event_id), *([changed(event_id)] if event_id in UPDATED + PENDING else [])}
    for event_id in [*MANY, *LARGE, *FEW]
}
"""All data that each event has ever had, in the order in which they are put."""


def fill(ff: FlashFlood) -> None:
    """Write something of everything: journals, new events, large ones, updates and deletes, the dead and the living."""
    ff.put_many([(data_of(event_id), event_id, at(number)) for number, event_id in enumerate(MANY)])
    for number, event_id in enumerate(LARGE):
        ff.put(data_of(event_id), event_id, at(20.5 + number))
    ff.journal(1)
    for number, event_id in enumerate(FEW):
        ff.put(data_of(event_id), event_id, at(30.5 + number))
    for event_id in UPDATED:
        ff.update_event(event_id, changed(event_id))
    for event_id in DELETED:
        ff.delete_event(event_id)
    ff.update()
    for event_id in PENDING:
        ff.update_event(event_id, changed(event_id))


class Raised(NamedTuple):
    """What a call raised."""

    text: str
    is_ours: bool


def _outcome(call: Callable[[], object]) -> Any:  # noqa: ANN401 - whatever a call gives
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - that is the question
        return Raised(f"{type(error).__name__}: {error}", isinstance(error, FlashFloodException))


READS: dict[str, Callable[[FlashFlood], Any]] = {
    "replay": lambda ff: [(event.event_id, event.data) for event in ff.replay()],
    "list_journals": lambda ff: list(ff.list_journals()),
    "check": lambda ff: ff.check(),
}
WRITES: dict[str, Callable[[FlashFlood], Any]] = {
    "put": lambda ff: ff.put(b"data", "another", at(5)).event_id,
    "update_event": lambda ff: ff.update_event("many 20", b"other"),
    "delete_event": lambda ff: ff.delete_event("many 21"),
    "update": lambda ff: ff.update(None),
    "journal": lambda ff: ff.journal(1),
    "repair": lambda ff: ff.repair(),
    "collect_garbage": lambda ff: ff.collect_garbage(AT_ONCE),
}


def outcomes(path: Path) -> Outcomes:
    """Make every call, the writing ones last."""
    ff = FlashFlood.open(str(path))
    made: Outcomes = {"get_event": {}, "event_exists": {}}
    for event_id in VERSIONS:
        made["get_event"][event_id] = _outcome(lambda: ff.get_event(event_id).data)  # noqa: B023 - called at once
        made["event_exists"][event_id] = _outcome(lambda: ff.event_exists(event_id))  # noqa: B023
    for name, call in (READS | WRITES).items():
        made[name] = {"": _outcome(lambda: call(ff))}  # noqa: B023
    return made


def broken_promises(path: Path, sound: Outcomes, got: Outcomes) -> Iterator[str]:
    """Say what a damaged file must not do: `got` is what it gave, `sound` what the file gave before."""
    differences = [
        (name, argument, outcome)
        for name, given in got.items()
        for argument, outcome in given.items()
        if outcome != sound[name][argument]
    ]
    for name, argument, outcome in differences:
        if isinstance(outcome, Raised) and not outcome.is_ours:
            yield f"{name}({argument}) raised {outcome.text}"
        elif isinstance(outcome, Raised) and "Corruption" in outcome.text and str(path) not in outcome.text:
            yield f"{name}({argument}) does not name the file: {outcome.text}"
    for event_id, data in _given(got):
        if data not in VERSIONS[event_id]:
            yield f"{event_id} has data that it never had: {data[:50]!r}"
    finding = got["check"][""]
    if differences and not (isinstance(finding, Raised) or any(str(path) in line for line in finding)):
        yield f"check says {finding}, and other calls differ: {differences[:3]}"


def moved_back_wrongly(_path: Path, _sound: Outcomes, got: Outcomes) -> Iterator[str]:
    """Say what a damaged log must not do: the file is as it was at some commit, and works on from there."""
    raised = [outcome.text for name in ("replay", "check", *WRITES) if isinstance(outcome := got[name][""], Raised)]
    yield from (text for text in raised if not text.startswith(("FlashFloodEventNotFound", "FlashFloodJournaling")))
    for event_id, data in _given(got):
        if data not in VERSIONS[event_id]:
            yield f"{event_id} has data that it never had: {data[:50]!r}"
    there = [is_there for event_id, is_there in got["event_exists"].items() if event_id not in DELETED]
    if there != sorted(there, reverse=True):
        yield f"an event is there, and an earlier one is not: {there}"


PROMISES = {"file": broken_promises, "log": moved_back_wrongly}


def _given(got: Outcomes) -> Iterator[tuple[str, bytes]]:
    """Give all events that `get_event` and `replay` gave."""
    yield from ((event_id, data) for event_id, data in got["get_event"].items() if isinstance(data, bytes))
    if not isinstance(got["replay"][""], Raised):
        yield from got["replay"][""]


def _flip(chance: random.Random, content: bytearray, count: int) -> str:
    places = sorted(chance.randrange(len(content)) for _ in range(count))
    for place in places:
        content[place] ^= chance.randrange(1, 256)
    return f"flipped {places}"


def _zero(chance: random.Random, content: bytearray) -> str:
    first = chance.randrange(len(content) // PAGE) * PAGE
    content[first : first + PAGE] = bytes(PAGE)
    return f"zeroed from {first}"


def _cut(chance: random.Random, content: bytearray) -> str:
    del content[chance.randrange(1, len(content)) :]
    return f"cut to {len(content)}"


DAMAGES: list[Callable[[random.Random, bytearray], str]] = [
    lambda chance, content: _flip(chance, content, 1),
    lambda chance, content: _flip(chance, content, 8),
    _zero,
    _cut,
]


def damage(path: Path, chance: random.Random) -> str:
    """Damage a file; say how."""
    content = bytearray(path.read_bytes())
    how = chance.choice(DAMAGES)(chance, content)
    path.write_bytes(content)
    return how


def sound_file(folder: Path, part: Part) -> Path:
    """Make a filled file; its log is empty, or has everything."""
    path = folder / "made" / "events.flashflood"
    path.parent.mkdir()
    ff = FlashFlood.open(str(path))
    fill(ff)
    if part == "file":
        SqliteStore(path).give_back()
    (folder / "sound").mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.parent / name, folder / "sound" / name)
    return folder / "sound" / path.name


def try_damages(part: Part, first: int, count: int) -> None:
    """Damage a file again and again, in a process of its own; tell what is done, and which promises are broken."""
    logging.disable()
    check.BETWEEN_LOOKS = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = sound_file(folder, part)
        sound = outcomes(Path(shutil.copytree(path.parent, folder / "calls")) / path.name)
        for number in range(first, first + count):
            copy = Path(shutil.copytree(path.parent, folder / f"{number}")) / path.name
            how = damage(copy if part == "file" else copy.with_name(f"{copy.name}-wal"), random.Random(number))  # noqa: S311
            tell(f"{number}: {how}")
            tell(list(PROMISES[part](copy, sound, outcomes(copy))))
            shutil.rmtree(copy.parent)


if __name__ == "__main__":
    for one in ("file", "log"):
        try_damages(one, int(sys.argv[2]), int(sys.argv[1]))
