"""`replay_event_stream`: a stream needs no credentials, only its URL.

And nobody who makes a stream gets more out of its reader than events.
"""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from conftest import Place
from support.samples import at, contents, put_journaled, put_new
from support.servers.web import BLOB, send, send_range, serving, stream_of

from flashflood import FlashFloodCorruptionError, FlashFloodException, replay_event_stream

SERVERS = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

READ_STREAMS = """
import json, sys
from flashflood import replay_event_stream
for stream in json.load(sys.stdin):
    for event in replay_event_stream(stream):
        print(json.dumps([event.event_id, event.data.decode()]))
"""


@SERVERS
def test_a_stream_that_went_through_json_is_replayed_without_credentials(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b") | put_new(ff, "c", start=5)
    streams = json.dumps(list(ff.list_event_streams()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    command = [sys.executable, "-c", READ_STREAMS]
    told = subprocess.run(
        command, input=streams, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert dict(json.loads(line) for line in told.stdout.splitlines()) == {
        name: text.decode() for name, text in data.items()
    }
    assert told.stderr == ""


@SERVERS
def test_the_url_is_signed_for_this_blob_only(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (stream,) = ff.list_event_streams()
    assert "Signature=" in stream["stream_url"]
    assert urlsplit(stream["stream_url"]).path.endswith(f"blobs/{ff.open_journal(stream['journal_id']).blob_id}")


@pytest.mark.parametrize("place", ["rgw"], indirect=True)
def test_a_url_whose_signature_does_not_hold_is_an_error_that_does_not_show_it(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (stream,) = ff.list_event_streams()
    signature = stream["stream_url"].partition("Signature=")[2].partition("&")[0]
    stream["stream_url"] = stream["stream_url"].replace(signature, "0" * len(signature))
    with pytest.raises(FlashFloodException, match="403") as caught:
        list(replay_event_stream(stream))
    assert "0" * len(signature) not in str(caught.value)


@SERVERS
def test_ranges_and_rows_out_of_order_are_replayed_in_order(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b", "c", "d")
    (stream,) = ff.list_event_streams()
    stream["events"].reverse()
    assert [event.event_id for event in replay_event_stream(stream)] == ["a", "b", "c", "d"]
    assert contents(replay_event_stream(stream, at(0), at(2))) == {name: data[name] for name in "bc"}
    assert contents(replay_event_stream(stream, to_date=at(0))) == {"a": data["a"]}
    assert list(replay_event_stream(stream, at(1), at(1))) == []
    with pytest.raises(ValueError, match="2020"):
        list(replay_event_stream(stream, at(1), at(0)))


@SERVERS
def test_a_stream_whose_journal_has_been_combined_can_still_be_replayed(place: Place) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b")
    (stream,) = ff.list_event_streams()
    ff.update_event("a", b"updated")
    ff.update()
    assert contents(replay_event_stream(stream)) == data


@SERVERS
def test_empty_events_are_replayed(place: Place) -> None:
    ff = place.open()
    for minute, data in enumerate([b"", b"x", b""]):
        ff.put(data, f"{minute}", at(minute))
    ff.journal(minimum_number_of_events=3)
    (stream,) = ff.list_event_streams()
    assert [event.data for event in replay_event_stream(stream)] == [b"", b"x", b""]
    ff.put(b"", "alone", at(9))
    assert [event.data for event in replay_event_stream(list(ff.list_event_streams())[-1])] == [b""]


# A server that is not what it should be


def test_only_the_bytes_that_the_range_needs_are_asked_for() -> None:
    with serving(send_range) as server:
        stream = stream_of(server.url, [(0, 2), (2, 3), (5, 5)])
        assert [event.data for event in replay_event_stream(stream, at(0), at(1))] == [b"234"]
        assert server.ranges == ["bytes=2-4"]
        assert [event.data for event in replay_event_stream(stream)] == [b"01", b"234", b"56789"]


def test_an_empty_range_asks_for_nothing() -> None:
    with serving(send_range) as server:
        stream = stream_of(server.url, [(0, 2), (2, 3)])
        assert list(replay_event_stream(stream, at(1), at(1))) == []
        assert list(replay_event_stream(stream, at(5), at(6))) == []
        assert server.ranges == []


@pytest.mark.parametrize(
    "row",
    [
        (0, 11),
        (10, 1),
        (-1, 2),
        (0, -1),
        (5, 1 << 62),
        (1 << 63, 1),
        ((1 << 64) - 1, 2),
        (0, 2.5),
        ("0", 1),
        (None, 1),
        (True, 1),
    ],
    ids=str,
)
def test_offsets_and_sizes_outside_the_announced_size_are_refused_before_any_request(row: tuple[Any, Any]) -> None:
    with serving(send_range) as server:
        stream = stream_of(server.url, [(0, 2), row])
        with pytest.raises(FlashFloodException, match=stream["journal_id"]):
            list(replay_event_stream(stream))
        assert server.ranges == []


@pytest.mark.parametrize("name", ["journal_id", "size", "events", "stream_url"])
@pytest.mark.parametrize("value", [None, 1.5, [], {}, "text", "absent"])
def test_a_stream_whose_fields_are_not_what_they_should_be_is_refused_before_any_request(
    name: str, value: object
) -> None:
    with serving(send_range) as server:
        stream = stream_of(server.url, [(0, 2), (2, 3)])
        if value == "absent":
            del stream[name]
        elif name == "events" and value == []:
            stream[name] = [1]
        else:
            stream[name] = value
        with pytest.raises(FlashFloodException, match=r".{10}"):
            list(replay_event_stream(stream))
        assert server.ranges == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving(send_range) as elsewhere:
        moved = elsewhere.url
        with (
            serving(lambda handler: send(handler, status, b"", Location=moved)) as server,
            pytest.raises(FlashFloodException, match=str(status)) as caught,
        ):
            list(replay_event_stream(stream_of(server.url, [(0, 2)])))
        assert elsewhere.ranges == []
    assert "secret" not in str(caught.value)


def test_a_server_that_sends_more_than_asked_gets_no_more_read() -> None:
    hung_up = threading.Event()

    def send_a_gigabyte(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(206)
        handler.send_header("Connection", "close")
        handler.send_header("Content-Range", "bytes 0-1/10")
        handler.end_headers()
        try:
            for _ in range(1 << 14):
                handler.wfile.write(b"01" * 32_768)
        except OSError:
            hung_up.set()

    with serving(send_a_gigabyte) as server:
        events = list(replay_event_stream(stream_of(server.url, [(0, 2)])))
        assert [event.data for event in events] == [b"01"]
        assert hung_up.wait(timeout=60)


def test_a_server_that_sends_less_than_asked_is_an_error_that_names_the_journal() -> None:
    with serving(lambda handler: send(handler, 206, b"01", Content_Range="bytes 0-1/10")) as server:
        stream = stream_of(server.url, [(0, 2), (2, 3)])
        with pytest.raises(FlashFloodException, match=stream["journal_id"]):
            list(replay_event_stream(stream))


@pytest.mark.parametrize("status", [401, 403, 404, 412, 505])
def test_an_answer_that_is_an_error_is_an_exception_that_says_so(status: int) -> None:
    with serving(lambda handler: send(handler, status, b"no")) as server:
        with pytest.raises(FlashFloodException, match=str(status)) as caught:
            list(replay_event_stream(stream_of(server.url, [(0, 2)])))
        assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_an_exception_that_does_not_show_the_signature() -> None:
    with serving(send_range) as server:
        url = server.url
    with pytest.raises(FlashFloodException, match=r"127\.0\.0\.1") as caught:
        list(replay_event_stream(stream_of(url, [(0, 2)])))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/blob", "data:,0123456789", "", "blob", "gopher://127.0.0.1/", "http://", "//x"]
)
def test_urls_that_are_neither_of_the_web_nor_files_are_refused(url: str) -> None:
    with pytest.raises(FlashFloodException, match=r".{10}"):
        list(replay_event_stream(stream_of(url, [(0, 2)])))


# Files


@ON_FOLDER
def test_a_folders_streams_are_opened_only_under_the_folder_that_the_caller_names(place: Place, tmp_path: Path) -> None:
    ff = place.open()
    data = put_journaled(ff, "a", "b") | put_new(ff, "c", start=5)
    streams = json.loads(json.dumps(list(ff.list_event_streams())))
    assert all(stream["stream_url"].startswith("file://") for stream in streams)
    for folder in (place.url, Path(place.url), Path(place.url).parent):
        events = [event for stream in streams for event in replay_event_stream(stream, allow_file_urls=folder)]
        assert contents(events) == data
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewheres: list[Path | None] = [None, elsewhere, Path(place.url) / "journals"]
    for named_folder in elsewheres:
        for stream in streams:
            with pytest.raises(FlashFloodException, match="allow_file_urls"):
                list(replay_event_stream(stream, allow_file_urls=named_folder))


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """Give a folder with a blob, beside a secret that lies outside."""
    (tmp_path / "secret").write_bytes(BLOB)
    (tmp_path / "named-too").mkdir()
    (tmp_path / "named-too" / "secret").write_bytes(BLOB)
    folder = tmp_path / "named"
    folder.mkdir()
    (folder / "blob").write_bytes(BLOB)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    return folder


def test_a_file_in_the_named_folder_is_read(named: Path) -> None:
    for url in (
        f"file://{named}/blob",
        f"file://{quote(str(named))}/%62lob",
        f"file://localhost{named}/blob",
        f"file://{named}/./blob",
    ):
        events = replay_event_stream(stream_of(url, [(2, 3)]), allow_file_urls=named)
        assert [event.data for event in events] == [b"234"]


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "x/../../secret",
        "%2e%2e/secret",
        "%2E%2E%2Fsecret",
        "..%2fsecret",
        "link",
        "folder/secret",
        "../named-too/secret",
        "..",
        "",
        "absent",
        "blob%00",
        "blob\x00",
        ".",
    ],
)
def test_no_file_outside_the_named_folder_is_read(named: Path, path: str) -> None:
    with pytest.raises(FlashFloodException, match=r".{10}"):
        list(replay_event_stream(stream_of(f"file://{named}/{path}", [(0, 2)]), allow_file_urls=named))


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "..", "C:"])
def test_a_file_url_of_another_host_is_refused(named: Path, host: str) -> None:
    with pytest.raises(FlashFloodException, match=r".{10}"):
        list(replay_event_stream(stream_of(f"file://{host}{named}/blob", [(0, 2)]), allow_file_urls=named))


def test_a_file_shorter_than_announced_is_a_broken_journal_which_is_named(named: Path) -> None:
    (named / "blob").write_bytes(BLOB[:4])
    stream = stream_of(f"file://{named}/blob", [(0, 2), (2, 3)])
    with pytest.raises(FlashFloodCorruptionError, match=stream["journal_id"]):
        list(replay_event_stream(stream, allow_file_urls=named))


def test_of_a_file_that_is_gone_the_error_says_to_list_the_streams_again(named: Path) -> None:
    stream = stream_of(f"file://{named}/absent", [(0, 2)])
    with pytest.raises(FlashFloodException, match="list the streams again") as caught:
        list(replay_event_stream(stream, allow_file_urls=named))
    assert not isinstance(caught.value, FlashFloodCorruptionError)


def test_list_event_streams_gives_what_replay_event_stream_replays(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    put_new(ff, "c", start=5)
    streams = list(ff.list_event_streams())
    for stream in streams:
        assert set(stream) >= {"journal_id", "from_date", "to_date", "size", "events", "stream_url"}
    if place.url.startswith("s3:"):
        replayed = [event for stream in streams for event in replay_event_stream(stream)]
        assert replayed == list(ff.replay())
