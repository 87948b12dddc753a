"""`flashflood journal`, by hand and on a schedule."""

import pytest
from support.command_line import Run, lines, output

from flashflood import FlashFlood, FlashFloodJournalingError


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Give the store that the command works on, with 7 new events."""
    ff = FlashFlood.open(env["FLASHFLOOD_STORE"])
    for number in range(7):
        ff.put(b"x", f"{number}")
    return ff


@pytest.mark.usefixtures("ff")
def test_it_says_how_many_events_it_journaled_and_takes_no_more_than_its_minimum(call: Run) -> None:
    assert lines(call("journal", "--minimum-events", "3")) == [{"journaled": 3}]
    assert output(call("journal", "--minimum-events", "2", "--format", "text")) == b"2 events journaled\n"


def test_all_makes_journal_after_journal_until_there_are_too_few(call: Run, ff: FlashFlood) -> None:
    assert lines(call("journal", "--minimum-events", "3", "--all")) == [{"journaled": 6}]
    assert len(list(ff.new_journals())) == 1
    assert len(list(ff.journal_ids())) == 3


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("more", [[], ["--all"]])
def test_too_few_is_said_and_no_failure(call: Run, more: list[str]) -> None:
    assert lines(call("journal", *more)) == [{"journaled": 0}]
    words = output(call("journal", "--minimum-events", "8", "--minimum-size", "9", "--format", "text", *more))
    assert b"7 new events with 7 bytes of data, where a journal is to have 8 events and 9 bytes at least" in words


def test_all_of_nothing_new_ends(call: Run, ff: FlashFlood) -> None:
    ff.journal(7)
    assert lines(call("journal", "--minimum-events", "0", "--all")) == [{"journaled": 0}]


def test_the_call_gives_how_many_and_fails_where_there_are_too_few(ff: FlashFlood) -> None:
    assert ff.journal(4) == 4
    with pytest.raises(FlashFloodJournalingError, match="3 new events"):
        ff.journal(4)
