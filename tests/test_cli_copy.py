"""`flashflood copy`: a store is copied into another one, from the command line."""

import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import Place
from support.command_line import FLASHFLOOD, Run, environment, lines, output, refusal, terminal
from support.copies import objects
from support.samples import put_journaled, put_new
from support.watched import keys

from flashflood import FlashFlood
from flashflood.store import open_store


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Make a folder with some events, of which a pending delete and an update are to go along."""
    ff = FlashFlood.open(f"{tmp_path}/source/")
    put_journaled(ff, "a", "b")
    put_new(ff, "c", start=5)
    ff.update_event("a", b"updated")
    ff.delete_event("b")
    return "source/"


@pytest.mark.parametrize("options", [[], ["--verify"]])
def test_copy_makes_the_same_store_and_says_how_many_objects_it_copied(
    run: Run, tmp_path: Path, source: str, options: list[str]
) -> None:
    target = f"sqlite://{tmp_path}/target"
    (result,) = lines(run("copy", *options, source, target))
    found = objects(open_store(target))
    assert found == objects(open_store(tmp_path / source))
    size = sum(len(body) for body, _ in found.values())
    assert result == {"objects": len(found), "bytes": size, "already_there": 0, "repairs": 0}
    assert output(run("get", "a", "--store", target)) == b"updated"
    assert output(run("apply-updates", "--store", target)) == b'{"updates_applied":2}\n'


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_folder_is_copied_to_s3_and_back_into_a_file(run: Run, tmp_path: Path, source: str, place: Place) -> None:
    output(run("copy", source, place.url, **place.env))
    output(run("copy", place.url, f"sqlite://{tmp_path}/back", **place.env))
    assert objects(open_store(f"sqlite://{tmp_path}/back")) == objects(open_store(tmp_path / source))


def test_a_target_that_is_not_empty_is_one_line_and_1(run: Run, tmp_path: Path, source: str) -> None:
    output(run("put", "x", "--store", f"sqlite://{tmp_path}/target"))
    assert "target is not empty" in refusal(run("copy", source, f"sqlite://{tmp_path}/target"), 1)


@pytest.mark.parametrize("place", ["moto"], indirect=True)
@pytest.mark.parametrize("is_source", [True, False])
def test_a_bucket_that_is_missing_is_one_line_and_1_that_names_both_ends(
    run: Run,
    source: str,
    place: Place,
    is_source: bool,  # noqa: FBT001
) -> None:
    ends = ("s3://no-such-bucket/x", "target") if is_source else (source, "s3://no-such-bucket/x")
    message = refusal(run("copy", *ends, **place.env), 1)
    assert f"{ends[0]} to {ends[1]}" in message
    assert "NoSuchBucket" in message


def test_a_url_that_names_no_store_is_2(run: Run, source: str) -> None:
    refusal(run("copy", source, "ftp://host/x"), 2)
    refusal(run("copy", "ftp://host/x", source), 2)
    refusal(run("copy", source), 2)


def test_a_copy_that_was_killed_is_named_by_check_and_goes_on(run: Run, tmp_path: Path) -> None:
    ff, target = FlashFlood.open(f"{tmp_path}/source/"), f"sqlite://{tmp_path}/target"
    ff.put_many((b"x", f"event {number}", None) for number in range(400))
    command = [FLASHFLOOD, "copy", "source/", target]
    with subprocess.Popen(command, env=environment(tmp_path), cwd=tmp_path) as process:
        while sum(1 for _ in keys(open_store(target))) < 50:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    found = run("check", "--store", target)
    assert found.returncode == 1
    assert f"a copy from {tmp_path}/source was not finished" in found.stdout.decode()
    (result,) = lines(run("copy", "source/", target))
    assert result["already_there"] >= 40
    assert objects(open_store(target)) == objects(open_store(tmp_path / "source"))
    assert output(run("check", "--store", target)) == b""


def test_at_a_terminal_copy_shows_a_bar_and_says_its_result_in_words(tmp_path: Path, source: str) -> None:
    with terminal() as (screen, shown):
        command = [FLASHFLOOD, "copy", source, f"sqlite://{tmp_path}/target"]
        subprocess.run(command, stdout=screen, stderr=screen, env=environment(tmp_path), cwd=tmp_path, check=True)
        seen = shown()
    count = len(objects(open_store(tmp_path / source)))
    assert " copying " in seen
    assert f"{count} objects copied" in seen
