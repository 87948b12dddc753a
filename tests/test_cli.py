"""The command `flashflood`, run as people and programs run it: judged by its output, its errors and its exit code."""

import json
import signal
import subprocess
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from subprocess import PIPE

import pytest
from conftest import Place
from support.command_line import FLASHFLOOD, Run, lines, output, refusal, terminal

from flashflood import FlashFlood

COMMANDS = [
    "put",
    "put-many",
    "get",
    "get-many",
    "update",
    "delete",
    "journal",
    "compact",
    "apply-updates",
    "maintain",
    "replay",
    "follow",
    "search",
    "journals",
    "stats",
    "check",
    "repair",
    "collect-garbage",
    "copy",
    "demo",
]
BINARY = bytes(range(256)) * 2


# Putting and getting


def test_put_prints_the_id_alone_and_get_writes_the_data_unchanged(run: Run) -> None:
    assert output(run("put", "the data", "--id", "a")) == b"a\n"
    assert output(run("get", "a")) == b"the data"


def test_put_makes_an_id_where_none_is_given(run: Run) -> None:
    event_id = output(run("put", "the data")).decode().removesuffix("\n")
    assert output(run("get", event_id)) == b"the data"


def test_data_from_standard_input_are_stored_byte_for_byte(run: Run) -> None:
    output(run("put", "--file", "-", "--id", "a", stdin=BINARY))
    assert output(run("get", "a")) == BINARY


def test_data_from_a_file_are_stored_byte_for_byte(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(BINARY)
    output(run("put", "--file", "data", "--id", "a"))
    assert output(run("get", "a")) == BINARY


def test_data_from_an_argument_that_is_no_text_are_stored_byte_for_byte(run: Run) -> None:
    output(run("put", b"\xff\xfe", "--id", "a"))
    assert output(run("get", "a")) == b"\xff\xfe"


def test_empty_data_are_data(run: Run) -> None:
    output(run("put", "", "--id", "a"))
    assert output(run("get", "a")) == b""


def test_get_gives_a_json_line_where_it_is_asked_to(run: Run) -> None:
    output(run("put", "ä", "--id", "a", "--date", "2026-11-24T09:30:00+01:00"))
    assert lines(run("get", "a", "--format", "jsonl")) == [
        {"event_id": "a", "date": "2026-11-24T08:30:00.000000Z", "data": "ä"}
    ]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-11-24", "2026-11-24T00:00:00.000000Z"),
        ("2026-11-24T08:30", "2026-11-24T08:30:00.000000Z"),
        ("2026-11-24T08:30:00Z", "2026-11-24T08:30:00.000000Z"),
        ("2026-11-24T083000.123456Z", "2026-11-24T08:30:00.123456Z"),
        ("0900-01-01T00:00:00-05:00", "0900-01-01T05:00:00.000000Z"),
    ],
)
def test_a_date_is_iso_8601_or_a_timestamp_of_the_layout_and_utc_without_an_offset(
    run: Run, text: str, date: str
) -> None:
    output(run("put", "x", "--id", "a", "--date", text))
    assert lines(run("replay"))[0]["date"] == date


def test_the_option_store_goes_before_the_variable(run: Run) -> None:
    output(run("put", "x", "--id", "a", "--store", "another"))
    assert output(run("get", "a", FLASHFLOOD_STORE="another")) == b"x"
    refusal(run("get", "a"), 1)


def test_an_id_may_begin_with_a_dash(run: Run) -> None:
    output(run("put", "x", "--id", "-a"))
    assert output(run("get", "--", "-a")) == b"x"


# Updating, deleting, journaling


def test_an_update_is_read_at_once_and_replayed_once_it_is_applied(run: Run) -> None:
    output(run("put", "old", "--id", "a"))
    assert output(run("update", "a", "new")) == b""
    assert output(run("get", "a")) == b"new"
    assert output(run("replay", "--format", "data")) == b"old\n"
    assert lines(run("apply-updates")) == [{"updates_applied": 1}]
    assert output(run("replay", "--format", "data")) == b"new\n"


def test_compact_says_what_it_would_do_and_what_it_did(run: Run) -> None:
    for number in range(6):
        run("put", "data", "--id", f"event {number}", "--date", f"2026-01-0{number + 1}")
        run("journal", "--minimum-events", "1")
    (planned,) = lines(run("compact", "--target-size", "3500", "--dry-run"))
    assert len(lines(run("journals"))) == 6
    assert lines(run("compact", "--target-size", "3500")) == [planned]
    assert (planned["journals"], planned["into"], planned["events"]) == (6, 1, 6)
    assert len(lines(run("journals"))) == 1


def test_apply_updates_stops_after_its_limit(run: Run) -> None:
    for event_id in ("a", "b", "c"):
        output(run("put", "old", "--id", event_id, "--date", f"2026-01-0{ord(event_id) - ord('a') + 1}"))
        output(run("update", event_id, "new"))
    assert lines(run("apply-updates", "--limit", "2")) == [{"updates_applied": 2}]
    assert lines(run("apply-updates")) == [{"updates_applied": 1}]


def test_a_deleted_event_is_not_found(run: Run) -> None:
    output(run("put", "x", "--id", "a"))
    assert output(run("delete", "a")) == b""
    assert "'a'" in refusal(run("get", "a"), 1)


def test_journal_makes_one_journal_of_new_events(run: Run) -> None:
    for day in ("01", "02", "03"):
        output(run("put", day, "--date", f"2026-01-{day}"))
    assert [found["version"] for found in lines(run("journals"))] == ["new"] * 3
    assert lines(run("journal", "--minimum-events", "3")) == [{"journaled": 3}]
    (journal,) = lines(run("journals"))
    assert (journal["from_date"], journal["to_date"]) == ("2026-01-01T00:00:00.000000Z", "2026-01-03T00:00:00.000000Z")
    assert journal["journal_id"].startswith("2026-01-01T000000.000000Z--2026-01-03T000000.000000Z--")


def test_journals_lists_those_that_overlap_the_range(run: Run) -> None:
    for day in ("01", "02", "03"):
        output(run("put", day, "--date", f"2026-01-{day}"))
    found = lines(run("journals", "--from", "2026-01-01", "--to", "2026-01-02"))
    assert [journal["from_date"] for journal in found] == ["2026-01-02T00:00:00.000000Z"]


def test_a_sound_store_has_no_findings_and_needs_no_repair(run: Run) -> None:
    output(run("put", "x", "--id", "a"))
    assert output(run("check")) == b""
    assert output(run("check", "--format", "text")) == b"no damage found\n"
    assert lines(run("repair")) == [{"repairs": 0}]


def test_check_names_the_damage_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    output(run("put", "x", "--id", "a", "--store", "store/"))
    (blob,) = (tmp_path / "store" / "blobs").iterdir()
    blob.unlink()
    process = run("check", "--store", "store/")
    assert process.returncode == 1
    assert process.stderr == b""
    (finding,) = map(json.loads, process.stdout.splitlines())
    assert f"its blob is missing, with 1 events that are nowhere else ('a'); {finding['remedy']}" in finding["finding"]
    del finding["finding"]
    assert finding == {
        "kind": "blob-missing",
        "journal_id": lines(run("journals", "--store", "store/"))[0]["journal_id"],
        "key": f"blobs/{blob.name}",
        "event_id": None,
        "remedy": f"restore blobs/{blob.name} from a copy",
        "by_repair": False,
    }
    for arguments in (["repair"], ["repair", "--dry-run"]):  # which agree with it
        repaired = run(*arguments, "--store", "store/")
        assert (repaired.returncode, repaired.stdout.splitlines()[1:]) == (1, process.stdout.splitlines())


def test_replay_and_search_skip_what_is_damaged_and_say_so_on_standard_error(run: Run, tmp_path: Path) -> None:
    for name in "ab":
        output(run("put", f'"{name}"', "--id", name, "--store", "store/", "--date", "2026-01-01"))
    lost, _ = lines(run("journals", "--store", "store/"))
    (tmp_path / "store" / "blobs" / lost["journal_id"][-36:]).unlink()
    replay = ("replay", "--store", "store/", "--format")
    assert run(*replay, "data").returncode == 1
    for form, wanted in (("data", b"\n"), ("csv", b'"event_id","date","data"\n')):
        process = run(*replay, form, "--on-damage", "skip")
        assert process.returncode == 0
        assert process.stdout.startswith(wanted[:-1])
        assert len(process.stdout.splitlines()) == 1 + (form == "csv")
        told = process.stderr.decode().splitlines()
        assert told[0].startswith("flashflood: ")
        assert lost["journal_id"] in told[0]
        assert told[1:] == [f"flashflood: {tmp_path}/store: left out of replay: 1 event of 1 journal"]
    searched = run("search", "length(events)", "--store", "store/", "--on-damage", "skip")
    assert (searched.returncode, searched.stdout, searched.stderr.decode().splitlines()) == (0, b"1\n", told)
    assert run("search", "length(events)", "--store", "store/").returncode == 1


def test_a_strange_file_is_told_once_with_the_commands_name_before_it(run: Run, tmp_path: Path) -> None:
    output(run("put", "x", "--id", "a", "--store", "store/"))
    (tmp_path / "store" / "journals" / "strange").touch()
    for _ in range(2):
        process = run("replay", "--store", "store/")
        assert process.returncode == 0
        (line,) = process.stderr.decode().splitlines()
        assert line.startswith("flashflood: ")
        assert "journals/strange is no journal" in line
    checked = run("check", "--store", "store/")
    assert (checked.stderr, checked.stdout.count(b"strange: ")) == (b"", 1)


def test_collect_garbage_says_how_many_journals_and_updates_it_removed(run: Run) -> None:
    output(run("put", "x", "--id", "a"))
    output(run("journal", "--minimum-events", "1"))
    assert lines(run("collect-garbage")) == [{"collected": 0}]
    (planned,) = lines(run("collect-garbage", "--grace", "0", "--dry-run"))
    (report,) = lines(run("collect-garbage", "--grace", "0"))
    assert planned == {"to_collect": report["collected"]}
    assert report["collected"] > 0
    assert output(run("replay", "--format", "data")) == b"x\n"


# Replaying


@pytest.fixture
def week(run: Run, env: dict[str, str]) -> Run:
    """Make a store with an event a day, of levels 1 to 7."""
    store = FlashFlood.open(env["FLASHFLOOD_STORE"])
    for day in range(1, 8):
        store.put(f'{{"level": {day}}}', f"day {day}", datetime(2026, 1, day))
    return run


def test_replay_gives_the_dates_after_from_up_to_and_including_to(week: Run) -> None:
    found = lines(week("replay", "--from", "2026-01-02", "--to", "2026-01-04"))
    assert [event["event_id"] for event in found] == ["day 3", "day 4"]


def test_replay_selects_with_jmespath(week: Run) -> None:
    how = ("--filter", "level > `5`", "--select", "{l: level}", "--format", "data")
    assert output(week("replay", *how)) == b'{"l":6}\n{"l":7}\n'


def test_replay_filters_with_jmespath(week: Run) -> None:
    assert output(week("replay", "--filter", "level > `5`", "--format", "data")) == b'{"level": 6}\n{"level": 7}\n'


def test_replay_of_an_empty_range_gives_nothing(week: Run) -> None:
    assert output(week("replay", "--from", "2026-01-02", "--to", "2026-01-02")) == b""


def test_json_lines_carry_any_data_without_loss(run: Run) -> None:
    data = [b"text", "ä\n\0\u2028".encode(), b"", BINARY, b"\xed\xa0\x80"]
    for number, item in enumerate(data):
        output(run("put", "--file", "-", "--id", f"{number}", "--date", f"2026-01-0{number + 1}", stdin=item))
    found = lines(run("replay"))
    assert [b64decode(e["data_base64"]) if "data_base64" in e else e["data"].encode() for e in found] == data
    assert ["data" in event for event in found] == [True, True, True, False, False]


def test_a_table_has_a_title_and_a_line_for_each_event_with_nothing_that_a_terminal_would_obey(run: Run) -> None:
    output(run("put", "--file", "-", "--id", "a", "--date", "2026-01-01", stdin=b"\x1b[31mred\nlines"))
    title, line = output(run("replay", "--format", "table", COLUMNS="120")).decode().splitlines()
    assert title.split() == ["date", "event_id", "data"]
    assert line.split() == ["2026-01-01T00:00:00.000000Z", "a", r"\x1b[31mred\nlines"]


def test_journals_can_be_shown_as_a_table(week: Run) -> None:
    week("journal", "--minimum-events", "6")
    title, journal, new = output(week("journals", "--format", "table", COLUMNS="80")).decode().splitlines()
    assert title.split() == ["from", "to", "events", "bytes", "id"]
    *facts, short_id = journal.split()
    assert facts == ["2026-01-01", "00:00:00", "2026-01-06", "00:00:00", "6", "72", "bytes"]
    assert [found["journal_id"][-36:-28] for found in lines(week("journals"))] == [short_id, new.split()[-2]]
    assert new.split()[-1] == "new"
    assert len(new) == 80


# What goes wrong


@pytest.mark.parametrize("command", ["get", "delete"])
def test_a_missing_event_is_one_line_and_1(run: Run, command: str) -> None:
    assert "'nobody'" in refusal(run(command, "nobody"), 1)


def test_updating_a_missing_event_is_one_line_and_1(run: Run) -> None:
    assert "'nobody'" in refusal(run("update", "nobody", "x"), 1)


def test_an_id_that_is_taken_is_one_line_and_1(run: Run) -> None:
    output(run("put", "x", "--id", "a"))
    assert "'a'" in refusal(run("put", "y", "--id", "a"), 1)
    assert output(run("get", "a")) == b"x"


def test_an_id_that_cannot_be_is_one_line_and_1(run: Run) -> None:
    assert "--" in refusal(run("put", "x", "--id", "a--b"), 1)


def test_an_id_that_would_break_the_line_is_escaped_in_the_message(run: Run) -> None:
    assert r"a\n\x1b[1mb".replace("\\", "") in refusal(run("get", "a\n\x1b[1mb"), 1).replace("\\", "")


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "0001-01-01T00:00:00+05:00"])
def test_a_bad_date_is_one_line_and_2(run: Run, option: str, text: str) -> None:
    message = refusal(run("replay", option, text), 2)
    assert option in message
    assert repr(text) in message


@pytest.mark.parametrize("command", ["replay", "journals"])
def test_a_range_that_ends_before_it_begins_is_one_line_and_2(run: Run, command: str) -> None:
    refusal(run(command, "--from", "2026-01-02", "--to", "2026-01-01"), 2)


@pytest.mark.parametrize(("expression", "place"), [("level >", 8), ("a && b(c)", 6), ("length()", 1), ("", 1)])
def test_a_bad_filter_is_one_line_and_2_and_shows_the_place(run: Run, expression: str, place: int) -> None:
    for option in ("--filter", "--select"):
        assert f"at character {place} of {expression!r}" in refusal(run("replay", option, expression), 2)


def test_no_store_named_is_one_line_and_2(run: Run) -> None:
    message = refusal(run("get", "a", FLASHFLOOD_STORE=""), 2)
    assert "--store" in message
    assert "FLASHFLOOD_STORE" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["put"],
        ["put", "x", "--file", "-"],
        ["get"],
        ["get", "a", "b"],
        ["put-many"],
        ["get-many"],
        ["get-many", "a", "--file", "-"],
        ["unheard-of"],
        ["replay", "--unheard-of"],
        ["replay", "--format", "unheard-of"],
        ["journal", "--minimum-events", "-1"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(run: Run, arguments: list[str]) -> None:
    assert "--help" in refusal(run(*arguments), 2)


def test_a_file_that_cannot_be_read_is_one_line_and_1(run: Run) -> None:
    assert "missing: No such file" in refusal(run("put", "--file", "missing"), 1)


@pytest.mark.parametrize("url", ["notes.txt", "notes.txt/"])
def test_a_file_that_is_no_store_is_one_line_and_1(run: Run, tmp_path: Path, url: str) -> None:
    (tmp_path / "notes.txt").write_text("a line of text")
    assert "notes.txt is" in refusal(run("put", "x", "--store", url), 1)
    assert (tmp_path / "notes.txt").read_text() == "a line of text"


def test_missing_credentials_are_one_line_and_1(run: Run) -> None:
    assert "s3://bucket/prefix: Unable to locate credentials" in refusal(
        run("get", "a", "--store", "s3://bucket/prefix"), 1
    )


def test_a_server_that_is_not_there_is_one_line_and_1(run: Run) -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert "http://127.0.0.1:1" in refusal(run("get", "a", "--store", "s3://bucket/prefix", **nowhere), 1)


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_bucket_that_is_not_there_is_one_line_and_1(run: Run, place: Place) -> None:
    store = "s3://nobodys-bucket/prefix"
    message = refusal(run("put", "x", "--store", store, **place.env), 1)
    assert message.startswith(f"flashflood: {store}: ")
    assert "NoSuchBucket" in message


@pytest.mark.parametrize("place", ["rgw"], indirect=True)
def test_no_access_is_one_line_and_1(run: Run, place: Place) -> None:
    wrong = {**place.env, "AWS_SECRET_ACCESS_KEY": "wrong"}
    message = refusal(run("replay", "--store", place.url, **wrong), 1)
    assert message.startswith(f"flashflood: {place.url}: ")
    assert "SignatureDoesNotMatch" in message


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_store_on_s3_is_worked_on_by_its_url(run: Run, place: Place) -> None:
    on_s3 = {**place.env, "FLASHFLOOD_STORE": place.url}
    output(run("put", "old", "--id", "a", "--date", "2026-01-01", **on_s3))
    output(run("update", "a", "new", **on_s3))
    output(run("journal", "--minimum-events", "1", **on_s3))
    assert output(run("get", "a", **on_s3)) == b"new"
    assert lines(run("replay", **on_s3)) == [{"event_id": "a", "date": "2026-01-01T00:00:00.000000Z", "data": "new"}]
    assert output(run("demo", "--store", place.url, **place.env)).splitlines()[-1].startswith(b"All 11 steps")


def test_a_full_disk_is_one_line_and_1(env: dict[str, str], run: Run) -> None:
    output(run("put", "x", "--id", "a"))
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run([FLASHFLOOD, "get", "a"], stdout=full, stderr=PIPE, env=env, check=False, timeout=60)
    assert (process.returncode, process.stderr) == (1, b"flashflood: standard output: No space left on device\n")


def test_a_reader_that_has_enough_ends_it_silently(env: dict[str, str], run: Run) -> None:
    for _ in range(2):
        output(run("put", "--file", "-", stdin=b"x" * 1_000_000))
    script = f'"{FLASHFLOOD}" replay | head -c 10 > /dev/null; echo "${{PIPESTATUS[0]}}"'
    process = subprocess.run(["bash", "-c", script], capture_output=True, env=env, check=False, timeout=60)
    assert (process.stdout, process.stderr) == (b"141\n", b"")


def test_ctrl_c_ends_it_with_130_and_no_traceback(env: dict[str, str], run: Run) -> None:
    for _ in range(2):
        output(run("put", "--file", "-", stdin=b"x" * 1_000_000))
    with subprocess.Popen([FLASHFLOOD, "replay"], stdout=PIPE, stderr=PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stdout.read(10)  # it is in the middle of writing more than a pipe holds
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == b""


# At a terminal


@pytest.mark.parametrize(
    ("arguments", "shown_there"),
    [
        (["journal", "--minimum-events", "1"], "journaling"),  # of seven events there are enough for two runs
        (["compact"], "compacting"),
        (["apply-updates"], "applying updates"),
        (["replay"], "replaying"),
        (["get-many", "day 1"], "reading"),
        (["put-many", "--file", "/dev/null"], "storing"),
    ],
)
def test_long_work_shows_progress_on_a_terminal_and_only_there(
    env: dict[str, str], week: Run, arguments: list[str], shown_there: str
) -> None:
    with terminal() as (screen, shown):
        process = subprocess.run([FLASHFLOOD, *arguments], stdout=PIPE, stderr=screen, env=env, check=False, timeout=60)
        assert shown_there in shown()
    assert process.returncode == 0
    assert b"\x1b" not in process.stdout
    output(week(*arguments))  # in a pipe it says nothing on standard error


def test_at_a_terminal_replay_shows_a_table_without_a_bar_and_counts_are_words(env: dict[str, str], week: Run) -> None:
    output(week("update", "day 1", "x"))
    for arguments, wanted in (
        (["replay"], "day 7"),
        (["journals"], "events"),
        (["compact"], "0 journals into 0"),
        (["apply-updates"], "1 updates applied"),
        (["put-many", "--file", "/dev/null"], "0 events stored, 0 skipped"),
    ):
        with terminal() as (screen, shown):
            command = [FLASHFLOOD, *arguments]
            process = subprocess.run(command, stdout=screen, stderr=PIPE, env=env, check=False, timeout=60)
            seen = shown()
        assert (process.returncode, process.stderr) == (0, b"")
        assert wanted in seen
        assert "{" not in seen or arguments == ["replay"]
        assert "event_id" in seen or arguments != ["replay"]


# Everything else


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(run: Run, command: str) -> None:
    assert output(run(command, "--help")).startswith(f"Usage: flashflood {command} ".encode())


def test_the_help_names_every_command(run: Run) -> None:
    help_text = output(run("--help")).decode()
    assert [line.split()[0] for line in help_text.partition("Commands:\n")[2].splitlines()] == sorted(COMMANDS)
