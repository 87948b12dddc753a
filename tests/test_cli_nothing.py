"""A store where nothing was ever stored, as one whose name is misspelt: it is said, and none is made."""

import os
import signal
import threading
from datetime import timedelta

import pytest
from conftest import Place
from support.command_line import Run, lines, output, refusal
from support.samples import put_journaled
from support.watched import Counted, keys, on

from flashflood import Rules
from flashflood.context import Context

COMMANDS = [
    ["replay"],
    ["replay", "--from", "2026-01-01", "--to", "2026-01-02", "--format", "csv"],
    ["follow", "--cursor-file", "cursor", "--once"],
    ["journals"],
    ["search", "events"],
    ["stats"],
    ["check"],
    ["check", "--sample", "1%"],
    ["repair"],
    ["repair", "--dry-run"],
    ["collect-garbage"],
    ["collect-garbage", "--dry-run"],
    ["apply-updates"],
    ["compact"],
    ["compact", "--dry-run"],
    ["maintain"],
    ["journal"],
    ["journal", "--minimum-events", "0", "--all"],
]


@pytest.mark.parametrize("place", ["sqlite", "moto"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_that_nothing_was_ever_stored_with_exit_code_1_and_makes_no_store(
    call: Run, place: Place, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    done = call(*command, "--store", place.url)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"nothing was ever stored there" in done.stderr
    assert place.store().name.encode() in done.stderr
    assert list(keys(place.store())) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_in_a_store_of_one_event_nothing_of_the_kind_is_said(call: Run, command: list[str]) -> None:
    output(call("put", "{}", "--id", "a"))
    output(call(*command))


def test_a_copy_of_nothing_is_said_to_be_one(call: Run) -> None:
    assert "nothing was ever stored there" in refusal(call("copy", "typo", "target"), 1)


def test_a_misspelt_folder_or_file_is_not_made(call: Run) -> None:
    for name in ("typo", "typo/"):
        for command in (["maintain"], ["collect-garbage", "--grace", "0"], ["repair"]):
            refusal(call(*command, "--store", name), 1)
    assert os.listdir() == []  # noqa: PTH208 - names, no paths


def test_maintain_that_goes_on_says_it_once_and_waits_for_the_first_event(call: Run) -> None:
    threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGTERM]).start()
    done = call("maintain", "--every", "0.5s")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.count(b"nothing was ever stored there") == 1


def test_maintenance_writes_nothing_where_nothing_was_ever_stored(place: Place) -> None:
    ff = place.open()
    assert sum(ff.maintain()) == 0
    assert ff.collect_garbage(timedelta(0)) == 0
    assert ff.repair() == 0
    assert list(keys(place.store())) == []


def test_where_there_is_something_it_takes_no_request_to_know(place: Place) -> None:
    put_journaled(place.open(), "a")
    store = Counted(place.store())
    ff = on(store)
    for call in (lambda: ff.maintain(Rules(compact_every=None)), ff.check, lambda: list(ff.replay())):
        call()
        before = len(store.requests)
        assert ff._ctx.has_objects()  # noqa: SLF001 - what the commands ask
        assert len(store.requests) == before


def test_a_listing_by_another_context_is_not_known(place: Place) -> None:
    put_journaled(place.open(), "a")
    store = Counted(place.store())
    assert Context(store, read_pending_updates=True).has_objects()
    assert len(store.requests) == 1


def test_updates_that_do_not_wait_are_no_failure(call: Run) -> None:
    output(call("put", "x"))
    assert lines(call("apply-updates")) == [{"updates_applied": 0}]
