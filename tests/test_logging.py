"""The log: what INFO says, by which module, and that a replay's journals are for DEBUG."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.samples import AT_ONCE, put_journaled, put_new

import flashflood
from flashflood import FlashFlood

CALLS: dict[str, tuple[Callable[[FlashFlood], object], str, str]] = {
    "put": (lambda ff: ff.put(b"x", "c"), "flashflood.write.put", "new journal 20"),
    "put_many": (lambda ff: ff.put_many([(b"x", "c", None)]), "flashflood.write.put_many", "of 1 events"),
    "update_event": (lambda ff: ff.update_event("a", b"x"), "flashflood.write.change", "update of event 'a'"),
    "delete_event": (lambda ff: ff.delete_event("b"), "flashflood.write.change", "delete of event 'b'"),
    "journal": (lambda ff: ff.journal(1), "flashflood.maintain.combine", "combining 1 journals into 20"),
    "update": (lambda ff: ff.update(), "flashflood.maintain.apply_updates", "1 updates applied"),
    "repair": (lambda ff: ff.repair(), "flashflood.maintain.repair", "repairs: none"),
    "collect_garbage": (
        lambda ff: ff.collect_garbage(AT_ONCE),
        "flashflood.maintain.collect",
        "dead journals and updates removed",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_info_says_what_a_call_did_by_the_module_that_did_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    ff = FlashFlood.open("memory://")
    put_journaled(ff, "a", "b")
    put_new(ff, "new", start=5)
    ff.update_event("a", b"y")
    call, module, words = CALLS[name]
    with caplog.at_level(logging.INFO, "flashflood"):
        call(ff)
    said = [record.getMessage() for record in caplog.records if record.name == module]
    assert any(words in message for message in said), caplog.text


def test_a_replay_says_one_line_for_each_journal_at_debug_and_none_at_info(caplog: pytest.LogCaptureFixture) -> None:
    ff = FlashFlood.open("memory://")
    put_journaled(ff, "a", "b")
    put_journaled(ff, "c", start=5)
    with caplog.at_level(logging.DEBUG, "flashflood"):
        list(ff.replay())
    assert [(record.name, record.levelno) for record in caplog.records] == [
        ("flashflood.replay.rows", logging.DEBUG)
    ] * 2
    caplog.clear()
    with caplog.at_level(logging.INFO, "flashflood"):
        list(ff.replay())
    assert caplog.records == []


def test_a_combination_that_was_left_behind_is_said_to_be_recovered(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ff = FlashFlood.open("memory://")
    put_new(ff, "a")
    with monkeypatch.context() as patch:
        patch.setattr("flashflood.maintain.combine.finish", _fail)
        with pytest.raises(MemoryError):
            ff.journal(1)
    monkeypatch.setattr("flashflood.records.ledger.LEFT_BEHIND", timedelta(0))
    with caplog.at_level(logging.INFO, "flashflood"):
        ff.update()
    assert any("which was left behind" in record.getMessage() for record in caplog.records)


def _fail(*_: object, **__: object) -> None:
    raise MemoryError


def test_every_module_has_a_logger_of_its_own() -> None:
    package = Path(flashflood.__file__).parent
    loggers = [path for path in package.rglob("*.py") if 'getLogger("flashflood")' in path.read_text()]
    assert loggers == [package / "cli" / "log.py"]
