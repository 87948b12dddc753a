"""`flashflood put-many` and `get-many`: many events from files and into them."""

import json
from pathlib import Path

import pytest
from conftest import Place
from support.command_line import Run, lines, output, refusal

BINARY = bytes(range(256)) * 2


def event_lines(*ids: str) -> bytes:
    """Give a JSON line for each id, a day apart."""
    events = [{"event_id": e, "date": f"2026-01-{day:02}", "data": f"data of {e}"} for day, e in enumerate(ids, 1)]
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_what_replay_writes_put_many_stores_so_that_both_copy_a_store(run: Run) -> None:
    for number, data in enumerate([b"text", "ä\n\0\u2028".encode(), b"", BINARY, b"\xed\xa0\x80"]):
        output(run("put", "--file", "-", "--id", f"id {number}/ä", "--date", f"0900-01-0{number + 1}", stdin=data))
    replayed = output(run("replay"))
    assert lines(run("put-many", "--file", "-", "--store", "copy", stdin=replayed)) == [{"stored": 5, "skipped": 0}]
    assert output(run("replay", "--store", "copy")) == replayed


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_folder_is_copied_to_s3_and_its_events_are_got_there(run: Run, tmp_path: Path, place: Place) -> None:
    (tmp_path / "events").write_bytes(event_lines("a", "b", "c"))
    assert lines(run("put-many", "--file", "events", "--store", place.url, **place.env)) == [
        {"stored": 3, "skipped": 0}
    ]
    got = lines(run("get-many", "c", "a", "--store", place.url, **place.env))
    assert [(event["event_id"], event["data"]) for event in got] == [("c", "data of c"), ("a", "data of a")]


def test_an_event_needs_only_data(run: Run) -> None:
    assert lines(run("put-many", "--file", "-", stdin=b'{"data": "x"}\n\n{"data_base64": "eA=="}')) == [
        {"stored": 2, "skipped": 0}
    ]
    assert output(run("replay", "--format", "data")) == b"x\nx\n"


def test_an_id_that_is_taken_is_one_line_and_1_that_says_what_is_stored(run: Run) -> None:
    output(run("put", "x", "--id", "b"))
    message = refusal(run("put-many", "--file", "-", stdin=event_lines("a", "b")), 1)
    assert "'b'" in message
    assert "it is in standard input, line 2" in message
    assert "this call had stored none of the events" in message


def test_with_skip_ids_that_are_taken_are_counted_and_written_to_a_file_that_get_many_takes(
    run: Run, tmp_path: Path
) -> None:
    output(run("put-many", "--file", "-", stdin=event_lines("ä/1", " 2 ")))
    more = event_lines("ä/1", " 2 ", "3")
    result = lines(run("put-many", "--file", "-", "--on-conflict", "skip", "--skipped", "skipped", stdin=more))
    assert result == [{"stored": 1, "skipped": 2}]
    assert sorted((tmp_path / "skipped").read_text().splitlines()) == [" 2 ", "ä/1"]
    found = lines(run("get-many", "--file", "skipped"))
    assert sorted(event["event_id"] for event in found) == [" 2 ", "ä/1"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "unexpected end of data"),
        (b"[]", "no event as `replay` writes it"),
        (b'{"event_id": "b"}', "no event as `replay` writes it"),
        (b'{"data": 1}', "no event as `replay` writes it"),
        (b'{"data": "x", "data_base64": "eA=="}', "no event as `replay` writes it"),
        (b'{"data": "x", "id": "b"}', "no event as `replay` writes it"),
        (b'{"data_base64": "!"}', "base64"),
        (b'{"data": "x", "date": "yesterday"}', "field `date`: 'yesterday' is not a date"),
        (b'{"data": "x", "id": "b"}', "it has a field `id`"),
        (b'{"data": "x", "event_id": 1}', "its field `event_id` is no text"),
        (b'{"event_id": "b"}', "it has no field `data`"),
        (b'{"data": "x", "data_base64": "eA=="}', "it has both `data` and `data_base64`"),
        (b'{"data": "\xff"}', "utf-8"),
    ],
)
def test_a_line_that_is_no_event_is_one_line_that_names_it_and_1(run: Run, line: bytes, said: str) -> None:
    message = refusal(run("put-many", "--file", "-", stdin=event_lines("a") + line + b"\n"), 1)
    assert "standard input, line 2: " in message
    assert said.lower() in message.lower()
    assert "nothing was ever stored there" in refusal(run("replay"), 1)


def test_a_file_that_is_not_there_is_one_line_and_1(run: Run) -> None:
    assert "nowhere: No such file" in refusal(run("put-many", "--file", "nowhere"), 1)
    assert "nowhere: No such file" in refusal(run("get-many", "--file", "nowhere"), 1)


def test_get_many_writes_the_events_in_the_order_of_the_ids(run: Run) -> None:
    output(run("put-many", "--file", "-", stdin=event_lines("a", "b", "c")))
    output(run("update", "b", "changed"))
    assert output(run("get-many", "b", "a", "b", "--format", "data")) == b"changed\ndata of a\nchanged\n"
    from_a_pipe = output(run("get-many", "--file", "-", "--format", "data", stdin=b"c\r\n\na"))
    assert from_a_pipe == b"data of c\ndata of a\n"
    assert lines(run("get-many", "b", "a"))[::-1] == [
        {"event_id": "a", "date": "2026-01-01T00:00:00.000000Z", "data": "data of a"},
        {"event_id": "b", "date": "2026-01-02T00:00:00.000000Z", "data": "changed"},
    ]


def test_a_missing_event_is_one_line_and_1_after_the_events_before_it_or_left_out(run: Run) -> None:
    output(run("put-many", "--file", "-", stdin=event_lines("a", "b")))
    process = run("get-many", "a", "nobody", "b", "--format", "data")
    assert (process.returncode, process.stdout) == (1, b"data of a\n")
    assert process.stderr.startswith(b"flashflood: event 'nobody' not found")
    skipping = output(run("get-many", "a", "nobody", "b", "--on-missing", "skip", "--format", "data"))
    assert skipping == b"data of a\ndata of b\n"
