"""What the store on S3 promises beyond every store, and what `open_store` makes of a URL."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from conftest import Place
from mypy_boto3_s3 import S3Client
from support.servers.faulty import Answer, Fault, Forward, Request, error
from support.servers.tls import TlsEnd

from flashflood import FlashFloodException, config
from flashflood.store import LocalStore, SqliteStore, open_store
from flashflood.store.s3 import S3Store
from flashflood.store.shortcuts import SMALL_BODY

SERVERS = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
ON_RGW = pytest.mark.parametrize("place", ["rgw"], indirect=True)
BODY = b"0123456789" * 100_000


def methods_sent(client: S3Client) -> list[str]:
    """Give a list that fills with the names of the requests that a client sends."""
    sent: list[str] = []
    client.meta.events.register("before-call.s3", lambda model, **_: sent.append(model.name))
    return sent


# Keys, metadata and tags as FORMAT prescribes them


@SERVERS
def test_an_object_lies_under_the_root_prefix_with_its_metadata_and_tags(place: Place) -> None:
    place.store().put("journals/x", BODY, metadata={"number_of_events": "3"}, garbage=True)
    key = f"{place.prefix}/journals/x"
    client = place.client()
    found = client.get_object(Bucket=place.bucket, Key=key)
    assert found["Body"].read() == BODY
    assert [value for name, value in found["Metadata"].items() if name in {"number_of_events", "number-of-events"}] == [
        "3"
    ]
    assert client.get_object_tagging(Bucket=place.bucket, Key=key)["TagSet"] == [{"Key": "garbage", "Value": "true"}]


@SERVERS
@pytest.mark.parametrize("count", [1, 5])
def test_garbage_is_tagged_however_the_object_is_written(place: Place, count: int) -> None:
    store = place.store()
    store.put("blobs/x", (b"x" * (4 << 20) for _ in range(count)), garbage=True)
    store.put("blobs/y", (b"x" * (4 << 20) for _ in range(count)))
    store.mark_garbage("blobs/y")
    for name in ("x", "y"):
        tags = place.client().get_object_tagging(Bucket=place.bucket, Key=f"{place.prefix}/blobs/{name}")["TagSet"]
        assert tags == [{"Key": "garbage", "Value": "true"}]


@SERVERS
def test_an_empty_root_prefix_is_a_prefix_too(place: Place) -> None:
    store = S3Store(place.client(), place.bucket, "")
    key = f"{place.prefix}/journals/x"
    store.put(key, b"data")
    assert [entry.key for entry in store.list(place.prefix).entries] == [key]
    assert place.client().head_object(Bucket=place.bucket, Key=f"/{key}")["ContentLength"] == 4


@ON_MOTO
def test_a_listing_shows_only_what_lies_under_the_root_prefix(place: Place) -> None:
    S3Store(place.client(), place.bucket, f"{place.prefix}2").put("journals/x", b"")
    assert place.store().list("").entries == []


# The client


@ON_MOTO
def test_the_client_is_left_as_it_is_and_its_connections_are_enough(place: Place) -> None:
    client = place.client()
    before = repr(vars(client.meta.config))
    store = S3Store(client, place.bucket, place.prefix)
    store.create("journals/x", b"")
    store.list("")
    assert repr(vars(client.meta.config)) == before
    assert store.workers == 10


@ON_MOTO
def test_each_call_is_one_request(place: Place) -> None:
    client = place.client()
    sent = methods_sent(client)
    store = S3Store(client, place.bucket, place.prefix)
    store.put("blobs/x", BODY, metadata={"a": "b"}, garbage=True)
    store.put("blobs/x", [BODY])
    store.get("blobs/x", 2, 5)
    store.head("blobs/x")
    store.list("blobs/")
    store.mark_garbage("blobs/x")
    store.delete(["blobs/x", "blobs/y"])
    store.url("blobs/x")
    assert sent == [
        "PutObject",
        "PutObject",
        "GetObject",
        "HeadObject",
        "ListObjectsV2",
        "PutObjectTagging",
        "DeleteObjects",
    ]
    sent.clear()
    store.delete([])
    assert sent == []


@ON_MOTO
def test_each_upload_waits_until_it_is_seen_where_the_waiter_has_a_delay(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = place.client()
    store = S3Store(client, place.bucket, place.prefix)
    store.create("first", b"")
    sent = methods_sent(client)
    monkeypatch.setitem(config.object_exists_waiter_config, "Delay", 1)
    store.put("blobs/x", b"")
    store.create("journals/x", b"")
    store.create("journals/x", b"")
    assert sent == ["PutObject", "HeadObject", "PutObject", "HeadObject", "PutObject"]


# Conditional PUT


@SERVERS
def test_whether_the_server_knows_conditional_put_is_found_out_once_and_silently(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    client = place.client()
    sent = methods_sent(client)
    store = S3Store(client, place.bucket, place.prefix)
    assert store.create("journals/x", b"")
    assert not store.create("journals/x", b"")
    assert sent == ["PutObject"] * 4
    sent.clear()
    client = place.client()
    sent = methods_sent(client)
    assert S3Store(client, place.bucket, place.prefix).create("journals/y", b"")
    assert sent == ["PutObject"] * 2
    assert caplog.records == []


def ignore_condition(request: Request, forward: Forward) -> Answer:
    request.headers.pop("if-none-match", None)
    return forward(request)


def refuse_condition(request: Request, forward: Forward) -> Answer:
    return error(501, "NotImplemented") if "if-none-match" in request.headers else forward(request)


@ON_MOTO
@pytest.mark.parametrize("fault", [ignore_condition, refuse_condition])
def test_a_server_without_conditional_put_is_found_out_and_warned_about_once_in_a_process(
    place: Place, behind: Callable[[Fault], S3Store], caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    store = behind(fault)
    assert store.create("journals/x", b"first", metadata={"a": "b"})
    assert not store.create("journals/x", b"second")
    found = store.get("journals/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"first", {"a": "b"})
    assert place.store().create("journals/y", b"")
    [record] = caplog.records
    assert (record.name, record.levelno) == ("flashflood.store.s3", logging.WARNING)
    assert "only one writer" in record.getMessage()


class Conflicts:
    """A server on which the first conditional PUTs race with another one."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, request: Request, forward: Forward) -> Answer:
        if "if-none-match" in request.headers and "journals" in request.path and self.left:
            self.left -= 1
            return error(409, "ConditionalRequestConflict")
        return forward(request)


@ON_MOTO
def test_a_conditional_put_that_races_with_another_is_tried_again(behind: Callable[[Fault], S3Store]) -> None:
    conflicts = Conflicts(3)
    store = behind(conflicts)
    assert store.create("journals/x", b"")
    assert conflicts.left == 0
    assert not store.create("journals/x", b"")


@ON_MOTO
def test_a_conditional_put_that_races_for_ever_is_an_error(behind: Callable[[Fault], S3Store]) -> None:
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        behind(Conflicts(1000)).create("journals/x", b"")


# Errors


@ON_RGW
def test_a_wrong_secrets_403_passes_through(place: Place) -> None:
    place.env["AWS_SECRET_ACCESS_KEY"] = "wrong"  # noqa: S105  # on purpose
    store = place.store()
    calls: list[Callable[[], object]] = [
        lambda: store.get("x"),
        lambda: store.head("x"),
        lambda: store.put("x", b""),
        lambda: store.put("x", (b"x" * (4 << 20) for _ in range(5))),
        lambda: store.create("x", b""),
        lambda: store.delete(["x"]),
        lambda: store.list(""),
        lambda: store.mark_garbage("x"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@SERVERS
def test_a_missing_bucket_passes_through(place: Place) -> None:
    store = S3Store(place.client(), "no-such-bucket", place.prefix)
    calls: list[Callable[[], object]] = [
        lambda: store.get("x"),
        lambda: store.get("x", 0, 5),
        lambda: store.put("x", b""),
        lambda: store.create("x", b""),
        lambda: store.delete(["x"]),
        lambda: store.list(""),
        lambda: store.mark_garbage("x"),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="NoSuchBucket"):
            call()


@ON_RGW
def test_what_may_not_be_deleted_is_an_error_that_names_the_keys(place: Place) -> None:
    store = place.store()
    store.put("blobs/free", b"")
    store.put("journals/kept", b"")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{place.bucket}/{place.prefix}/journals/*",
    }
    client = place.client()
    client.put_bucket_policy(
        Bucket=place.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    try:
        with pytest.raises(
            FlashFloodException, match=r"1 of 2 objects .*/journals/kept: AccessDenied.*s3:DeleteObject"
        ):
            store.delete(["blobs/free", "journals/kept"])
    finally:
        client.delete_bucket_policy(Bucket=place.bucket)
    assert [entry.key for entry in store.list("").entries] == ["journals/kept"]


class BrokenBodies:
    """A server whose connection breaks in the middle of an object, the first times that it is read."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.method == "GET" and self.left:
            self.left -= 1
            answer.announced = len(answer.body)
            answer.body = answer.body[: len(answer.body) // 2]
        return answer


@ON_MOTO
def test_an_object_whose_body_breaks_off_is_read_again(behind: Callable[[Fault], S3Store]) -> None:
    broken = BrokenBodies(2)
    store = behind(broken)
    store.put("blobs/x", BODY)
    found = store.get("blobs/x")
    assert found is not None
    assert (found.body, broken.left) == (BODY, 0)


@ON_MOTO
def test_an_object_whose_body_always_breaks_off_is_botocores_error(behind: Callable[[Fault], S3Store]) -> None:
    store = behind(BrokenBodies(1000))
    store.put("blobs/x", BODY)
    with pytest.raises(ResponseStreamingError):
        store.get("blobs/x")


@SERVERS
def test_a_multipart_upload_that_fails_leaves_no_parts(place: Place) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"x" * (4 << 20) for _ in range(9))
        message = "the source broke"
        raise OSError(message)

    with pytest.raises(OSError, match="the source broke"):
        place.store().put("blobs/x", pieces())
    uploads = place.client().list_multipart_uploads(Bucket=place.bucket, Prefix=place.prefix)
    assert uploads.get("Uploads", []) == []


# URLs of stores


def test_an_s3_url_is_a_bucket_and_a_prefix() -> None:
    for url in ("s3://bucket/some/prefix", "s3://bucket/some/prefix/", "S3://bucket/some/prefix"):
        store = open_store(url)
        assert isinstance(store, S3Store)
        assert (store.name, store.workers) == ("s3://bucket/some/prefix", 32)


@ON_MOTO
def test_an_s3_url_is_opened_as_the_aws_environment_says(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    place.store().put("blobs/x", b"data")
    found = open_store(place.url).get("blobs/x")
    assert found is not None
    assert found.body == b"data"


@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "s3://bucket/", "s3://bucket//", "s3:///prefix"])
def test_an_s3_url_without_bucket_or_prefix_is_a_value_error_that_says_so(url: str) -> None:
    with pytest.raises(ValueError, match="bucket and prefix"):
        open_store(url)


@pytest.mark.parametrize(
    "url", ["", "http://bucket/prefix", "gs://bucket/prefix", "file://host/path", "file://", "file:///a?b"]
)
def test_another_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"names no|is empty"):
        open_store(url)


def test_a_path_or_a_file_url_with_a_slash_at_its_end_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#é"
    for url in (f"{folder}/", f"{folder.as_uri()}/", f"{folder.as_uri()}/".replace("file://", "file://localhost")):
        store = open_store(url)
        assert isinstance(store, LocalStore)
        assert store.name == str(folder)
    assert not folder.exists()


def test_a_path_of_a_folder_that_is_there_is_that_folder_and_any_other_path_is_a_sqlite_file(tmp_path: Path) -> None:
    place = tmp_path / "a b%20?#é"
    for url in (place, str(place), place.as_uri(), place.as_uri().replace("file", "sqlite")):
        store = open_store(url)
        assert isinstance(store, SqliteStore)
        assert store.name == str(place)
    place.mkdir()
    for url in (place, str(place), place.as_uri()):
        assert isinstance(open_store(url), LocalStore)


def test_a_folder_keeps_its_kind_where_it_is_opened_by_its_address_though_it_is_not_there_yet(tmp_path: Path) -> None:
    address = open_store(f"{tmp_path}/folder/").address
    assert address is not None
    assert isinstance(open_store(address), LocalStore)


def test_a_folder_that_is_opened_as_a_file_is_an_error_that_says_how_to_open_it(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri().replace("file", "sqlite"))
    with pytest.raises(FlashFloodException, match=f"{tmp_path} is a folder; open it as {tmp_path}/, or name a file"):
        store.put("key", b"")


STRANGE_KEYS = ("a b", "ü/ä%2F+", "<&>\"'", "~", "日本")


@SERVERS
def test_the_callers_own_listings_are_as_they_were(place: Place) -> None:
    client, untouched = place.client(), place.client()
    store = S3Store(client, place.bucket, place.prefix)
    for key in STRANGE_KEYS:
        store.put(key, b"data")
    store.list("")
    answers = [who.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix) for who in (client, untouched)]
    assert answers[0]["Contents"] == answers[1]["Contents"]


@SERVERS
def test_a_listing_gives_what_botocore_reads_of_it(place: Place) -> None:
    store = S3Store(place.client(), place.bucket, place.prefix)
    for key in STRANGE_KEYS:
        store.put(key, b"data of " + key.encode())
    listed = place.client().list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
    start = len(place.prefix) + 1
    assert store.list("").entries == [(item["Key"][start:], item["Size"], item["LastModified"]) for item in listed]
    assert [entry.key for entry in store.list("").entries] == sorted(STRANGE_KEYS, key=str.encode)


@SERVERS
def test_the_callers_own_gets_are_as_they_were(place: Place) -> None:
    client, untouched = place.client(), place.client()
    store = S3Store(client, place.bucket, place.prefix)
    store.put("x", b"data", metadata={"journal_id": "x"})
    store.get("x")
    where = {"Bucket": place.bucket, "Key": f"{place.prefix}/x"}
    for read in ("get_object", "head_object"):
        answers = [getattr(who, read)(**where) for who in (client, untouched)]
        assert len({frozenset(answer) for answer in answers}) == 1
        assert answers[0]["LastModified"] == answers[1]["LastModified"]
        assert answers[0]["Metadata"] == answers[1]["Metadata"]
        headers = [set(answer["ResponseMetadata"]["HTTPHeaders"]) for answer in answers]
        assert headers[0] == headers[1] > {"content-length", "last-modified"}


@SERVERS
def test_a_small_body_goes_with_its_head_and_a_large_one_and_the_callers_own_ask_first(place: Place) -> None:
    client = place.client()
    store = S3Store(client, place.bucket, place.prefix)
    asked: list[bool] = []
    client.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: asked.append("Expect" in request.headers)
    )
    sizes = {"empty": 0, "small": 450, "largest": SMALL_BODY, "large": SMALL_BODY + 1}
    for key, size in sizes.items():
        store.put(key, bytes(size), metadata={"a": "b"})
        found = store.get(key)
        assert found is not None
        assert found.body == bytes(size)
        assert found.metadata == {"a": "b"}
    client.put_object(Bucket=place.bucket, Key=f"{place.prefix}/own", Body=b"data")
    assert asked == [False, False, False, True, True]


@SERVERS
def test_an_object_has_the_metadata_and_the_date_that_botocore_reads_of_it(place: Place) -> None:
    store = S3Store(place.client(), place.bucket, place.prefix)
    store.put("x", b"data", metadata={"journal_id": "x"})
    read = place.client().head_object(Bucket=place.bucket, Key=f"{place.prefix}/x")
    for found in (store.get("x"), store.get("x", 1), store.head("x")):
        assert found is not None
        assert found.metadata == {"journal_id": "x"}
        assert found.modified == read["LastModified"]
        assert found.modified.tzinfo is not None


@ON_MOTO
def test_over_tls_every_body_and_answer_is_as_over_plain_http(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = TlsEnd(place.env["AWS_ENDPOINT_URL"], tmp_path)
    plain = place.store()
    try:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(end.certificate))
        place.env["AWS_ENDPOINT_URL"] = end.endpoint
        store = place.store()
        for key, size in {"empty": 0, "small": 450, "largest": SMALL_BODY, "large": SMALL_BODY + 1}.items():
            body = (2 * BODY)[:size]
            assert store.create(key, body, metadata={"a": "b"})
            assert not store.create(key, b"other")
            store.put(f"{key}, put", body)
            assert store.get(key) == plain.get(key)
            assert store.head(key) == plain.head(key)
            found = store.get(f"{key}, put")
            assert found is not None
            assert found.body == body
        assert store.list("").entries == plain.list("").entries
    finally:
        place.close()
        end.stop()
