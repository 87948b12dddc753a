"""`flashflood put-many --id --date --each`: lines as strangers write them, from files, pipes and S3."""

import gzip
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Place
from support import strangers
from support.command_line import FLASHFLOOD, Run, lines, output, refusal

from flashflood import FlashFlood
from flashflood.write.put_many import LARGEST_BATCH


def sums(stored: int, skipped: int, rejected: int) -> dict[str, int]:
    return {"stored": stored, "skipped": skipped, "rejected": rejected}


def numbered(*numbers: int) -> bytes:
    return b"".join(b'{"id": %d, "at": %d}\n' % (number, 1_767_225_600 + number) for number in numbers)


def test_files_of_three_kinds_are_stored_and_a_second_time_nothing_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "trail.json.gz").write_bytes(gzip.compress(strangers.cloudtrail().text))
    (tmp_path / "hooks").write_bytes(strangers.webhooks().text)
    trail = ["--each", "Records[]", "--id", "eventID", "--date", "eventTime", "trail.json.gz"]
    for result in (sums(3, 0, 0), sums(0, 3, 0)):
        assert lines(run("put-many", *trail)) == [result]
        assert lines(run("put-many", "--id", "id", "--date", "created", "hooks")) == [result]
        log = strangers.access_log().text
        assert lines(run("put-many", "--date", "time", "-", stdin=log)) == [result]
    assert len(output(run("replay")).splitlines()) == 9


def test_a_packed_stream_is_read_from_standard_input_beside_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(numbered(1))
    result = run("put-many", "--id", "id", "--date", "at", "file", "--file", "-", stdin=gzip.compress(numbered(2)))
    assert lines(result) == [sums(2, 0, 0)]
    assert output(run("get", "2")) == numbered(2).rstrip()


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_prefix_on_s3_is_loaded(run: Run, place: Place) -> None:
    for number in (1, 2):
        place.client().put_object(Bucket=place.bucket, Key=f"{place.prefix}/in/{number}", Body=numbered(number))
    assert lines(run("put-many", "--id", "id", f"{place.url}/in/", **place.env)) == [sums(2, 0, 0)]


def test_lines_that_will_not_do_are_named_the_rest_is_stored_and_it_is_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(numbered(1) + b"nope\n" + numbered(2) + b'{"id": 3}\n')
    process = run("put-many", "--id", "id", "--date", "at", "log")
    assert process.returncode == 1
    assert json.loads(process.stdout) == sums(2, 0, 2)
    first, second, said = process.stderr.decode().splitlines()
    assert first.startswith("flashflood: log, line 2: no JSON: ")
    assert second.startswith("flashflood: log, line 4: the date 'at': null is no date")
    assert said.startswith("flashflood: stored 2 of 4 events; 2 would not do; the first: log, line 2: no JSON: ")


def test_of_a_thousand_lines_that_will_not_do_twenty_are_named(run: Run) -> None:
    process = run("put-many", "--id", "id", "--date", "at", "-", stdin=b"{}\n" * 1_000)
    assert process.returncode == 1
    assert json.loads(process.stdout) == sums(0, 0, 1_000)
    *named, said = process.stderr.decode().splitlines()
    assert [line.partition(": the")[0] for line in named] == [
        f"flashflood: standard input, line {number}" for number in range(1, 21)
    ]
    begin = "flashflood: stored 0 of 1,000 events; 1,000 would not do, 20 of them are named here; the first: "
    assert said.startswith(f"{begin}standard input, line 1: the id 'id'")


def test_rejects_are_kept_as_they_were_and_the_same_command_takes_them_again(run: Run, tmp_path: Path) -> None:
    bad = [b'{"id": "a--b", "at": 1} ', b'{"id": "\xff"}', b'{"l": [{}, {}]}']
    text = numbered(1) + b"\r\n".join(bad) + b"\r\n" + numbered(2)
    options = ["--id", "id", "--date", "at", "--each", "l || @", "--rejects", "odd"]
    process = run("put-many", *options, "-", stdin=text)
    assert (process.returncode, json.loads(process.stdout)) == (0, sums(2, 0, 4))
    assert (tmp_path / "odd").read_bytes().splitlines() == bad
    assert [line.partition(": ")[2][:22] for line in process.stderr.decode().splitlines()] == [
        "standard input, line 2",
        "standard input, line 3",
        "standard input, line 4",
        "standard input, line 4",
    ]
    mended = (tmp_path / "odd").read_bytes().replace(b"--", b"-")
    again = run("put-many", *options, "-", stdin=mended)
    assert json.loads(again.stdout) == sums(1, 0, 3)


def test_all_reasons_are_said_where_rejects_are_kept(run: Run, tmp_path: Path) -> None:
    process = run("put-many", "--id", "id", "--rejects", "odd", "-", stdin=numbered(1) + b"{}\n" * 100)
    assert (process.returncode, process.stderr.count(b"\n")) == (0, 100)
    assert (tmp_path / "odd").read_bytes() == b"{}\n" * 100


def test_where_no_line_will_do_it_is_1_though_rejects_are_kept(run: Run) -> None:
    process = run("put-many", "--id", "eventId", "--rejects", "odd", "-", stdin=numbered(1, 2))
    assert process.returncode == 1
    assert b"flashflood: stored 0 of 2 events; 2 would not do; the first: standard input, line 1" in process.stderr


@pytest.mark.parametrize("option", ["--rejects", "--skipped"])
def test_a_file_that_is_written_may_be_no_input_and_none_of_the_stores(
    run: Run, env: dict[str, str], tmp_path: Path, option: str
) -> None:
    line = b'{"id":"a"}\n'
    (tmp_path / "log").write_bytes(line)
    output(run("put-many", "--id", "id", "log"))
    store = (tmp_path / "store").read_bytes()
    put = ("put-many", "--id", "id", option)
    assert "is one of the files to be stored" in refusal(run(*put, "./log", "log"), 2)
    redirected = f"{FLASHFLOOD} put-many --id id {option} log - < log"
    shell = subprocess.run(["sh", "-c", redirected], env=env, cwd=tmp_path, capture_output=True, check=False)
    for name in ("store", "./store", "store-wal"):
        assert "is a file of the store" in refusal(run(*put, name, "log"), 2)
    (tmp_path / "folder").mkdir()
    inside = run(*put, "folder/blobs", "--store", "folder/", "log")
    assert "is a file of the store" in refusal(inside, 2)
    both = run("put-many", "--id", "id", "--rejects", "one", "--skipped", "./one", "log")
    assert "--skipped './one' is the file of --rejects" in refusal(both, 2)
    assert b"is one of the files to be stored (-)" in shell.stderr
    assert (tmp_path / "log").read_bytes() == line
    assert (tmp_path / "store").read_bytes() == store


def test_a_wrong_expression_leaves_the_last_rejects_as_they_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"{}\n")
    assert "not a JMESPath expression" in refusal(run("put-many", "--id", "a[", "--rejects", "odd", "-"), 2)
    assert (tmp_path / "odd").read_bytes() == b"{}\n"


@pytest.mark.parametrize("option", ["--rejects", "--skipped"])
def test_a_file_that_cannot_be_written_is_named(run: Run, option: str) -> None:
    lines_ = b'{"id":"a"}\n{"id":1.5}\n'
    output(run("put", "data", "--id", "a"))
    process = run("put-many", "--id", "id", "--on-conflict", "skip", option, "/dev/full", "-", stdin=lines_)
    assert process.stderr.splitlines()[-1].startswith(b"flashflood: /dev/full: No space left on device")
    assert process.returncode == 1


def test_an_id_that_is_taken_by_other_data_is_named_with_its_line(run: Run) -> None:
    output(run("put", "other", "--id", "1"))
    process = run("put-many", "--id", "id", "-", stdin=numbered(1, 2))
    assert (process.returncode, json.loads(process.stdout)) == (1, sums(1, 0, 1))
    assert b"standard input, line 1: the id '1' is taken by an event with other data\n" in process.stderr
    skipping = run("put-many", "--id", "id", "--on-conflict", "skip", "--skipped", "ids", "-", stdin=numbered(1, 2))
    assert lines(skipping) == [sums(0, 2, 0)]
    assert len(lines(run("get-many", "--file", "ids"))) == 2


def test_lines_of_replay_go_on_past_a_bad_one_where_rejects_are_kept(run: Run, tmp_path: Path) -> None:
    text = b'{"data": "x", "event_id": "a"}\n{"data": 1}\n{"data": "y", "event_id": "b"}\n'
    process = run("put-many", "--rejects", "odd", "-", stdin=text)
    assert (process.returncode, json.loads(process.stdout)) == (0, sums(2, 0, 1))
    assert process.stderr.startswith(b"flashflood: standard input, line 2: no event as `replay` writes it: ")
    assert (tmp_path / "odd").read_bytes() == b'{"data": 1}\n'


def test_lines_of_another_kind_without_an_option_are_told_of_the_options(run: Run) -> None:
    message = refusal(run("put-many", "-", stdin=numbered(1)), 1)
    assert "standard input, line 1: no event as `replay` writes it: it has a field `id`" in message
    assert "--id, --date, --each" in message


@pytest.mark.parametrize("option", ["--id", "--date", "--each"])
def test_an_expression_that_could_never_be_evaluated_is_one_line_and_2(run: Run, option: str) -> None:
    assert "at character 3 of 'a['" in refusal(run("put-many", option, "a[", "-"), 2)


def test_a_packed_file_that_breaks_off_is_one_line_and_1_and_what_came_before_is_stored(
    run: Run, tmp_path: Path
) -> None:
    packed = gzip.compress(numbered(1, 2)) + gzip.compress(os.urandom(1_000).hex().encode())
    (tmp_path / "log.gz").write_bytes(packed[:-20])
    message = refusal(run("put-many", "--id", "id", "log.gz"), 1)
    assert message.startswith("flashflood: log.gz: after line 2 it breaks off")
    assert "2 events had been stored" in message
    assert output(run("get", "2")) == numbered(2).rstrip()


def test_a_minus_stands_for_standard_input(run: Run) -> None:
    output(run("put", "-", "--id", "a", stdin=b"what was piped"))
    assert output(run("get", "a")) == b"what was piped"
    output(run("update", "a", "-", stdin=b"new"))
    assert output(run("get", "a")) == b"new"
    assert "not both" in refusal(run("put", "-", "--file", "-"), 2)


def test_killed_in_mid_load_and_started_again_nothing_is_lost_and_nothing_twice(
    run: Run, env: dict[str, str], tmp_path: Path
) -> None:
    text = numbered(*range(2 * LARGEST_BATCH + 100))
    options = ["put-many", "--id", "id", "--date", "at"]
    with subprocess.Popen([FLASHFLOOD, *options, "-"], stdin=subprocess.PIPE, env=env, cwd=tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.flush()
        while not Path(env["FLASHFLOOD_STORE"]).exists() or not stored(env):
            time.sleep(0.05)
        process.kill()
    before = stored(env)
    assert LARGEST_BATCH <= before < len(text.splitlines())
    (result,) = lines(run(*options, "-", stdin=text))
    assert result == sums(len(text.splitlines()) - before, before, 0)
    events = list(FlashFlood.open(env["FLASHFLOOD_STORE"]).replay())
    assert [event.data for event in events] == text.splitlines()


def stored(env: dict[str, str]) -> int:
    return sum(1 for _ in FlashFlood.open(env["FLASHFLOOD_STORE"]).replay())
