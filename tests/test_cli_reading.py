"""`flashflood replay`, `search`, `journals`: limits, dates so long ago, values, narrow tables, bars."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from subprocess import PIPE

import pytest
from support.command_line import FLASHFLOOD, Run, lines, output, refusal, terminal
from support.samples import at, put_journaled
from support.watched import Counted, on

from flashflood import FlashFlood, datetime_to_timestamp
from flashflood.cursors import Cursor
from flashflood.store import SqliteStore

UUID = "0ae4c46a-0525-4796-8f08-e681ebcc5194"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3|4|9|10)\d")


@pytest.fixture
def ff(env: dict[str, str]) -> FlashFlood:
    """Give the store that the commands work on, with an event of each of the last 7 hours, of levels 1 to 7."""
    ff = FlashFlood.open(env["FLASHFLOOD_STORE"])
    now = datetime.now(UTC)
    ff.put_many(
        ({"level": 8 - hours, "city": "Ulm"}, f"{hours} h", now - timedelta(hours=hours)) for hours in range(1, 8)
    )
    return ff


# Limits


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("form", ["jsonl", "data", "csv"])
def test_limit_gives_the_first_events(call: Run, form: str) -> None:
    whole, some = (output(call("replay", "--format", form, *more)).splitlines() for more in ([], ["--limit", "3"]))
    titles = int(form == "csv")
    assert some == whole[: 3 + titles]
    assert len(whole) == 7 + titles
    assert output(call("replay", "--format", form, "--limit", "8")).splitlines() == whole


def test_limit_stops_reading(call: Run, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        put_journaled(on(SqliteStore(env["FLASHFLOOD_STORE"])), f"{number:02}", start=number)
    opened = []

    def open_one(_: str) -> FlashFlood:
        opened.append(Counted(SqliteStore(env["FLASHFLOOD_STORE"])))
        return on(opened[-1])

    monkeypatch.setattr(FlashFlood, "open", open_one)
    assert lines(call("replay", "--limit", "1"))[0]["event_id"] == "00"
    output(call("replay"))
    few, all_ = (len(store.requests) for store in opened)
    assert few < 10
    assert all_ > 50


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_of_no_events_is_a_usage_error(call: Run, limit: str) -> None:
    refusal(call("replay", "--limit", limit), 2)


# Dates


@pytest.mark.usefixtures("ff")
def test_from_and_to_may_be_so_long_ago(call: Run) -> None:
    found = lines(call("replay", "--from", "-3.5h", "--to", "-90m"))
    assert [event["event_id"] for event in found] == ["3 h", "2 h"]
    assert lines(call("journals", "--from", "-59m")) == []
    assert len(lines(call("journals", "--from", "-1d"))) == 1
    assert lines(call("compact", "--to", "-2d", "--dry-run"))[0]["journals"] == 0


@pytest.mark.parametrize(("text", "word"), [("-7", "7d"), ("-x", "7d"), ("-9999999d", "before the year 1")])
def test_what_is_no_length_of_time_is_a_usage_error(call: Run, text: str, word: str) -> None:
    assert word in refusal(call("replay", "--from", text), 2)


# Places


def test_after_goes_on_after_a_place_cut_at_the_first_space_and_after_a_cursor(
    call: Run, env: dict[str, str], ff: FlashFlood
) -> None:
    ff.put_many((b"%d" % number, f"an id {number}", at(0)) for number in range(4))
    found = lines(call("replay", "--to", "2020-01-02"))
    cursor = Cursor((datetime_to_timestamp(at(0)), "an id 1")).text(SqliteStore(env["FLASHFLOOD_STORE"]).name)
    for after in (f"{found[1]['date']} {found[1]['event_id']}", cursor):
        assert lines(call("replay", "--to", "2020-01-02", "--after", after)) == found[2:]
        assert output(call("search", "events[]", "--to", "2020-01-02", "--after", after)) == b"[2,3]\n"
        table = output(call("replay", "--to", "2020-01-02", "--after", after, "--format", "csv"))
        assert len(table.splitlines()) == 3
    assert lines(call("replay", "--to", "2020-01-02", "--after", "2020-01-01 ")) == found


def test_what_is_no_place_is_a_usage_error_that_says_what_to_give(call: Run) -> None:
    for command in (["replay"], ["replay", "--format", "csv"], ["search", "events"]):
        for after in ("", "2026-01-01", "monday"):
            assert f"after: {after!r} is no cursor" in refusal(call(*command, "--after", after), 2)
        assert "'tomorrow' is not a date such as" in refusal(call(*command, "--after", "tomorrow x"), 2)


# What a message says


def test_messages_speak_of_options(call: Run) -> None:
    for command in (["replay"], ["search", "events"], ["journals"], ["compact"]):
        message = refusal(call(*command, "--from", "2026-01-02", "--to", "2026-01-01"), 2)
        assert "the range begins at 2026-01-02T000000.000000Z, after its end 2026-01-01T000000.000000Z" in message
        assert "from_date" not in message
    message = refusal(call("replay", "--format", "csv", "--schema", "n=int64"), 2)
    assert "name them with --columns" in message


# Searching


@pytest.mark.usefixtures("ff")
def test_search_writes_the_value_of_an_expression_over_all_events(call: Run) -> None:
    assert output(call("search", "max(events[].level)")) == b"7\n"
    assert json.loads(output(call("search", 'events[?city == `"Ulm"`].level', "--from", "-150m"))) == [6, 7]
    assert output(call("search", "events[].level", "--to", "-1d")) == b"[]\n"
    assert output(call("search", "missing")) == b"null\n"


def test_search_says_what_is_wrong_with_the_expression_or_the_data(call: Run, ff: FlashFlood) -> None:
    assert "at character 8" in refusal(call("search", "events[>"), 2)
    assert "invalid type" in refusal(call("search", "sum(events[].city)"), 1)
    ff.put(b"no JSON")
    assert "are not JSON" in refusal(call("search", "events[].level"), 1)


# At a terminal


def test_a_narrow_table_shows_date_id_and_data(call: Run, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    FlashFlood.open(env["FLASHFLOOD_STORE"]).put({"city": "Ulm"}, UUID, at(0))
    widths = {
        83: f"2020-01-01T00:00:00.000000Z  {UUID}  {{",
        75: f"2020-01-01T00:00:00  {UUID}  {{",
        60: f"2020-01-01T00:00:00  {UUID[:17]}…  {{",
        47: f"2020-01-01T00:00:00  {UUID[:11]}…  {{",
        30: f"2020-01-01  {UUID[:7]}…  {{",
    }
    for width, begins in widths.items():
        monkeypatch.setenv("COLUMNS", str(width))
        title, line = output(call("replay", "--format", "table")).decode().splitlines()
        assert line.startswith(begins)
        assert len(line) <= width
        assert title.split() == ["date", "event_id", "data"]


@pytest.mark.usefixtures("ff")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_honoured(env: dict[str, str], no_color: str) -> None:
    with terminal() as (screen, shown):
        command = [FLASHFLOOD, "replay"]
        subprocess.run(command, stdout=PIPE, stderr=screen, env={**env, "NO_COLOR": no_color}, check=True)
        seen = shown()
    assert "replaying" in seen
    assert bool(COLOUR.search(seen)) == (not no_color)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_no_bar_is_left_where_the_reader_had_enough(env: dict[str, str], ff: FlashFlood, form: str) -> None:
    ff.put_many((b"x" * 1000, f"more {number}", at(number)) for number in range(2000))
    with terminal() as (screen, shown):
        command = [FLASHFLOOD, "replay", "--format", form]
        with subprocess.Popen(command, stdout=PIPE, stderr=screen, env=env) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.stdout.close()
            assert process.wait() == 141
        seen = shown()
    *_, last = seen.split("\r\n")
    assert seen.count("\n") == 1  # one bar, which then is wiped off
    assert last.endswith("\x1b[1A\x1b[2K")
