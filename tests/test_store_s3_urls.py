"""Event streams' URLs are signed as the client's requests are: with version 4, which S3 takes for every object."""

import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from conftest import Place
from support.samples import contents, put_journaled
from support.servers.moto import Moto
from urllib3 import HTTPHeaderDict, HTTPResponse

from flashflood import FlashFlood, replay_event_stream
from flashflood.store import open_store
from flashflood.store.s3 import S3Store

REGIONS = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "sa-east-1",
    "eu-central-1",
    "eu-south-2",
]
CREDENTIALS: dict[str, Any] = {"aws_access_key_id": Moto.access_key, "aws_secret_access_key": Moto.secret_key}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set those that all tests open stores with: boto3 keeps the first that it finds."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", Moto.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", Moto.secret_key)


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def assert_version_4(url: str, region: str) -> None:
    found = query(url)
    assert found["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert re.fullmatch(rf"test/\d{{8}}/{region}/s3/aws4_request", found["X-Amz-Credential"])
    assert found["X-Amz-Expires"] == "3600"
    assert "AWSAccessKeyId" not in found


@pytest.mark.parametrize("region", REGIONS)
def test_an_opened_store_signs_with_version_4_in_every_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert_version_4(open_store("s3://bucket/prefix").url("blobs/x"), region)


@pytest.mark.parametrize("region", REGIONS)
def test_so_does_a_callers_client_whose_own_urls_stay_what_they_were(region: str) -> None:
    client = boto3.client("s3", region_name=region, **CREDENTIALS)
    untouched = boto3.client("s3", region_name=region, **CREDENTIALS)
    assert_version_4(S3Store(client, "bucket", "prefix").url("blobs/x"), region)
    where = {"Bucket": "bucket", "Key": "x"}
    own, usual = (query(who.generate_presigned_url("get_object", Params=where)) for who in (client, untouched))
    assert own.keys() == usual.keys()


def test_version_2_is_what_a_client_gets_that_is_configured_so() -> None:
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version="s3"), **CREDENTIALS)
    assert query(S3Store(client, "bucket", "prefix").url("blobs/x")).keys() == {
        "AWSAccessKeyId",
        "Signature",
        "Expires",
    }


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_the_region_is_that_of_the_bucket_into_which_botocore_was_sent(version: str | None) -> None:
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=version), **CREDENTIALS)
    client.meta.events.register("before-send.s3", answer_from_eu_west_1)
    store = S3Store(client, "bucket", "prefix")
    assert_version_4(store.url("blobs/x"), "us-east-1")
    assert store.get("journals/x") is not None
    url = store.url("blobs/x")
    assert_version_4(url, "eu-west-1")
    assert urlsplit(url).netloc == "bucket.s3.eu-west-1.amazonaws.com"


def answer_from_eu_west_1(request: AWSPreparedRequest, **_: object) -> Any:  # noqa: ANN401  as botocore has it
    """Answer as S3 does for a bucket in eu-west-1, elsewhere and there."""
    headers: Any = HTTPHeaderDict(
        {"x-amz-bucket-region": "eu-west-1", "Last-Modified": "Tue, 24 Nov 2026 14:00:00 GMT"}
    )
    is_there = "eu-west-1" in urlsplit(request.url).netloc
    raw: Any = HTTPResponse(io.BytesIO(), headers, 200 if is_there else 301, preload_content=False)
    return AWSResponse(request.url, raw.status, headers, raw)


@pytest.mark.parametrize("place", ["rgw"], indirect=True)
@pytest.mark.parametrize("version", [None, "s3v4"])
def test_a_server_that_checks_signatures_takes_them(
    place: Place, version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    data = put_journaled(place.open(), "a", "b")
    config = Config(signature_version=version)
    for ff in (FlashFlood(boto3.client("s3", config=config), place.bucket, place.prefix), FlashFlood.open(place.url)):
        (stream,) = ff.list_event_streams()
        assert query(stream["stream_url"])["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
        assert contents(replay_event_stream(stream)) == data
