"""Every shortcut past botocore gives what botocore gives: the same random answers and bodies go through both.

Botocore is the real one, all of it but the socket: a handler of its own kind answers in the server's place.
"""

import io
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict, HTTPResponse

from flashflood import FlashFloodException
from flashflood.store.shortcuts import SMALL_BODY, AtOnce, Head, Keys, prepare

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CREDENTIALS: dict[str, Any] = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
ROOT = "root/"
SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
OF_ONE_REQUEST = {"Authorization", "X-Amz-Date", "amz-sdk-invocation-id", "amz-sdk-request", "Expect"}
"""Headers that differ between any two requests, and the one that the shortcut is there to leave out."""

Answer: TypeAlias = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


class Server:
    """What a client is given for an answer, and what it sent."""

    def __init__(self, *, is_prepared: bool) -> None:
        self.answers: list[Answer] = []
        self.sent: list[AWSPreparedRequest] = []
        config = Config(retries={"total_max_attempts": 1})
        self.client: S3Client = boto3.client("s3", region_name="us-east-1", config=config, **CREDENTIALS)
        if is_prepared:
            prepare(self.client)
        self.client.meta.events.register("before-send.s3", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> Any:  # noqa: ANN401  as botocore has it
        self.sent.append(request)
        status, headers, body = self.answers.pop(0)
        heads: Any = HTTPHeaderDict()
        for name, value in headers:
            heads.add(name, value)
        raw: Any = HTTPResponse(io.BytesIO(body), heads, status, preload_content=False, decode_content=False)
        return AWSResponse(request.url, status, heads, raw)


@pytest.fixture(scope="module", name="plain")
def plain_client() -> Server:
    return Server(is_prepared=False)


@pytest.fixture(scope="module", name="prepared")
def prepared_client() -> Server:
    return Server(is_prepared=True)


def outcome(call: Callable[[], Any]) -> Any:  # noqa: ANN401  whatever it gives
    """Give what a call gives, or the kind and the text of what it raises, without addresses in memory."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  compared with the other's
        return type(error), re.sub(" at 0x[0-9a-f]+", "", str(error))


# LIST

NAMES = st.text("ab/+ %~*-_.é☃😀&<>\"'\t\r\n", max_size=12)
XML_DATES = [
    *("", "now", "20261124", "2026-11-24", "2026-W48-2T14:00:00Z", "2026-11-24T14:00:00.1234567Z", "1e9", "nan"),
    *("2026-11-24T14:00:00,5Z", "2026-11-24 14:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T14:00:60Z"),
    *("2026-02-30T14:00:00Z", "0026-11-24T14:00:00Z", "2026-11-24T14:00:00+05:30:15", " 2026-11-24T14:00:00Z"),
    *("2026-11-24T14:00:00z", "\u0662\u0660\u0662\u0666-11-24T14:00:00Z"),
]
ORDINARY_DATE = "2026-11-24T14:00:00.000Z"
ORDINARY_DATES = st.tuples(st.datetimes(), st.sampled_from(["seconds", "milliseconds", "microseconds"])).map(
    lambda date: date[0].isoformat(timespec=date[1]) + "Z"
)
DATES = st.one_of(
    ORDINARY_DATES,
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.datetimes().map(datetime.isoformat),
    st.datetimes().map(lambda date: date.strftime("%a, %d %b %Y %H:%M:%S GMT")),
    st.datetimes().map(lambda date: date.strftime("%Y%m%dT%H%M%SZ")),
    st.integers(-(10**10), 10**11).map(str),
    st.sampled_from(XML_DATES),
)
ORDINARY_SIZES = st.integers(0, 10**13).map(str)
SIZES = st.one_of(
    ORDINARY_SIZES,
    st.sampled_from(
        ["", "-1", " 7 ", "1_000", "\u0663", "7.0", "x", "9" * 18, "9" * 19, "1" + "0" * 40, "0" * 30 + "7"]
    ),
)
OTHER_ELEMENTS = ["<ETag>&quot;x&quot;</ETag>", "<StorageClass/>", "<Owner><ID>x</ID></Owner>", "<Type>Normal</Type>"]
ODD_ELEMENTS = [
    *("<Key/>", "<Size/>", "<LastModified/>", "<New>x</New>", "<Key>root/<b/>x</Key>", "<ChecksumAlgorithm/>"),
    *('<Key xmlns="other">root/x</Key>', '<Size xmlns="">1</Size>', "<!-- --><ETag/>", "<x:Size>1</x:Size>"),
    *(f'<x:Key xmlns:x="{space}">root/x</x:Key>' for space in (SPACE, "other")),
    "<RestoreStatus><RestoreExpiryDate>now</RestoreExpiryDate></RestoreStatus>",
]
ODD_TEXTS = [
    *(
        "%",
        "%4",
        "%zz",
        "%c3%A9",
        "%FF",
        "%ED%A0%80",
        "%00",
        "+",
        "&#34;",
        "&#x41;",
        "&apos;",
        "&copy;",
        "&",
        ">",
        "]]>",
    ),
    *("\r", "\0", "\x7f", "\ufffe", "<![CDATA[x]]>", "<!-- -->", "<?x?>", "<b>", "</b>", "</Contents>", " ", "\n"),
]
DOCTYPE = '<!DOCTYPE x [<!ENTITY copy "Contents">]>'
SPACES = ["", "", "\n", "\n  "]
"""What servers write between elements."""
ODD_HEADS = [
    *("<CommonPrefixes/>", "<KeyCount>x</KeyCount>", "<IsTruncated>true</IsTruncated>", "<Name>&#13;</Name>"),
    *("<EncodingType>url</EncodingType>", "<NextContinuationToken>a&#13;b</NextContinuationToken>", "<Contents/>"),
    f'<Contents xmlns="other"><Key>root/b</Key><Size>1</Size><LastModified>{ORDINARY_DATE}</LastModified></Contents>',
    "<CommonPrefixes><Prefix>root/a+b%2B/</Prefix></CommonPrefixes>",
]
seldom = st.integers(0, 4).map(lambda number: number == 0)


@st.composite
def objects(draw: st.DrawFn, encode: Callable[[str], str], *, is_odd: bool) -> str:
    """Write a listed object: where it is odd, one element may be missing, be there twice, or be of another kind."""
    root = draw(st.sampled_from([ROOT, ROOT, "other/", ""])) if is_odd else ROOT
    values = {
        "Key": encode(root + draw(NAMES)),
        "LastModified": draw(DATES if is_odd else ORDINARY_DATES),
        "Size": draw(SIZES if is_odd else ORDINARY_SIZES),
    }
    odd_texts = {draw(st.sampled_from([*values])): draw(st.sampled_from(ODD_TEXTS))} if is_odd and draw(seldom) else {}
    parts = [f"<{name}>{escaped(value)}{odd_texts.get(name, '')}</{name}>" for name, value in values.items()]
    parts += draw(st.lists(st.sampled_from(OTHER_ELEMENTS), unique=True))
    if is_odd and draw(st.booleans()):
        parts.remove(draw(st.sampled_from(parts)))
    if is_odd and draw(st.booleans()):
        parts.append(draw(st.sampled_from([*parts, *ODD_ELEMENTS])))
    return "".join(draw(st.permutations(parts)))


@st.composite
def listings(draw: st.DrawFn) -> bytes:
    """Write what a server may answer to a LIST: as AWS encodes keys, as RADOS Gateway does, or not at all."""
    encode = draw(st.sampled_from(CODINGS))
    is_odd = draw(seldom)
    between = draw(st.sampled_from(SPACES))
    parts = [f"<Name>bucket</Name><Prefix>{escaped(encode(ROOT))}</Prefix><MaxKeys>1000</MaxKeys>"]
    parts += [f"<IsTruncated>{draw(st.sampled_from(['true', 'false']))}</IsTruncated>"] * (not draw(seldom))
    parts += ["<EncodingType>url</EncodingType>"] * (draw(seldom) if encode is str else not draw(seldom))
    parts += [f"<NextContinuationToken>{draw(st.text('ab+/=', max_size=3))}</NextContinuationToken>"] * draw(seldom)
    contents = draw(
        st.lists(objects(encode, is_odd=is_odd).map(lambda item: item.replace("><", f">{between}<")), max_size=4)
    )
    parts += [f"<Contents>{content}</Contents>" for content in contents]
    if is_odd:
        parts += draw(st.lists(st.sampled_from(ODD_HEADS), max_size=2))
        parts = draw(st.permutations(parts))
    space = draw(st.sampled_from([f' xmlns="{SPACE}"', "", ' xmlns="a}b"']))
    tag = draw(st.sampled_from(["Error", "a.b"])) if is_odd and draw(seldom) else "ListBucketResult"
    declared = draw(st.sampled_from(["", *(f'<?xml version="1.0" encoding="{name}"?>{between}' for name in ENCODINGS)]))
    return (
        f"{declared}{DOCTYPE * (is_odd and draw(seldom))}<{tag}{space}>{between.join(parts)}</{tag}>{between}".encode()
    )


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Write a listing of which some bytes are others, or are missing, or with a text where none belongs."""
    body = draw(listings())
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 3)))
        inserted = draw(st.one_of(st.sampled_from(ODD_TEXTS).map(str.encode), st.binary(max_size=2)))
        body = body[:begin] + inserted + body[end:]
    return body[: draw(st.one_of(st.none(), st.integers(0, len(body)))) if draw(seldom) else None]


CODINGS: list[Callable[[str], str]] = [quote_plus, lambda text: quote_plus(text, safe="/*"), quote, str]
"""How keys are written: as AWS does, with its slashes too; as RADOS Gateway does; as they are."""
ENCODINGS = ("UTF-8", "utf-8", "ISO-8859-1")
NO_LISTINGS = (b"", b"no XML", b"<ListBucketResult>", b"<html><body/></html>", b"<Error><Code>SlowDown</Code></Error>")
EMPTY_LISTINGS = (b"<ListBucketResult/>", b"<ListBucketResult></ListBucketResult>", b" <ListBucketResult/>\n")


def escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def listed_by_botocore(server: Server) -> dict[str, Any]:
    return {**server.client.list_objects_v2(Bucket="bucket", Prefix=ROOT)}


def listed(server: Server) -> dict[str, Any]:
    """Put an answer together again out of what the shortcut takes, and of what it leaves."""
    with Keys(ROOT) as keys:
        answer = listed_by_botocore(server)
    if keys.taken:
        assert "Contents" not in answer
        answer["Contents"] = [{"Key": ROOT + key, "Size": size, "LastModified": date} for key, size, date in keys.taken]
    return answer


def with_what_is_wanted(answer: Any) -> Any:  # noqa: ANN401  a result or an error
    """Leave of the objects what is wanted of them; write what botocore leaves as XML, where an element comes twice."""
    if not isinstance(answer, dict):
        return answer
    contents = answer.get("Contents", [])
    wanted = [[compared(item.get(name)) for name in ("Key", "Size", "LastModified")] for item in contents]
    return {name: compared(value) for name, value in answer.items()} | {"Contents": wanted}


def compared(value: Any) -> Any:  # noqa: ANN401  anything in an answer
    if isinstance(value, list):
        return [compared(item) for item in value]
    return ET.tostring(value) if isinstance(value, ET.Element) else value


@settings(max_examples=400)
@given(body=st.one_of(listings(), broken(), st.sampled_from(NO_LISTINGS + EMPTY_LISTINGS)))
def test_a_listing_is_what_botocore_makes_of_the_same_answer(plain: Server, prepared: Server, body: bytes) -> None:
    for server in (plain, prepared):
        server.answers = [(200, [("Date", "Tue, 24 Nov 2026 14:00:00 GMT")], body)]
    ours = with_what_is_wanted(outcome(lambda: listed(prepared)))
    assert ours == with_what_is_wanted(outcome(lambda: listed_by_botocore(plain)))


ETAG = "d41d8cd98f00b204e9800998ecf8427e"
DECLARED = '<?xml version="1.0" encoding="UTF-8"?>'
HEAD = f"<Name>b</Name><Prefix>{ROOT}</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys>"
SERVERS = {
    "AWS": (
        f'{DECLARED}\n<ListBucketResult xmlns="{SPACE}">{HEAD}<EncodingType>url</EncodingType>'
        f"<IsTruncated>false</IsTruncated><Contents><Key>root/a+b%2Bc</Key><LastModified>{ORDINARY_DATE}</LastModified>"
        f"<ETag>&quot;{ETAG}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
        f"<ChecksumType>FULL_OBJECT</ChecksumType><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>"
        f"</ListBucketResult>"
    ),
    "RADOS Gateway": (
        f'{DECLARED}<ListBucketResult xmlns="{SPACE}">{HEAD}<IsTruncated>false</IsTruncated>'
        f"<EncodingType>url</EncodingType><Contents><Key>root/a%20b%2Bc</Key><LastModified>{ORDINARY_DATE}</LastModified>"
        f"<ETag>&quot;{ETAG}&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass>"
        f"<Owner><ID>x</ID><DisplayName>x</DisplayName></Owner><Type>Normal</Type></Contents></ListBucketResult>"
    ),
    "MinIO": (
        f'{DECLARED}\n<ListBucketResult xmlns="{SPACE}">{HEAD}<Delimiter></Delimiter><IsTruncated>false</IsTruncated>'
        f"<Contents><Key>root/a+b%2Bc</Key><LastModified>{ORDINARY_DATE}</LastModified><ETag>&#34;{ETAG}&#34;</ETag>"
        f"<Size>7</Size><StorageClass>STANDARD</StorageClass></Contents><EncodingType>url</EncodingType>"
        f"</ListBucketResult>\n"
    ),
    "one that encodes nothing": (
        "<ListBucketResult><IsTruncated>false</IsTruncated>\n<Contents>\n  <Key>root/a b+c</Key>\n"
        "  <LastModified>2026-11-24T14:00:00Z</LastModified>\n  <Size>7</Size>\n</Contents>\n</ListBucketResult>"
    ),
}
"""The same listing, as servers write it."""


@pytest.mark.parametrize("body", SERVERS.values(), ids=SERVERS)
def test_an_ordinary_listing_is_taken(prepared: Server, body: str) -> None:
    prepared.answers = [(200, [], body.encode())]
    with Keys(ROOT) as keys:
        answer = listed_by_botocore(prepared)
    assert keys.taken == [("a b+c", 7, datetime(2026, 11, 24, 14, tzinfo=UTC))]
    assert keys.of(answer) == keys.taken


ON = ["before-parse", "before-parse.s3", "before-parse.s3.ListObjectsV2", "before-parse.s3.*", "before-parse.*"]


@pytest.mark.parametrize("event", ON)
@pytest.mark.parametrize("is_first", [False, True])
def test_a_handler_of_the_callers_sees_a_listing_whole_and_what_it_changes_counts(
    event: str, *, is_first: bool
) -> None:
    server = Server(is_prepared=not is_first)
    seen: list[Answer] = []

    def change(response_dict: dict[str, Any], **_: object) -> None:
        seen.append((response_dict["status_code"], [], response_dict["body"]))
        response_dict["body"] = response_dict["body"].replace(b"%2Bc", b"")

    server.client.meta.events.register(event, change)
    prepare(server.client)
    server.answers = [(200, [], SERVERS["AWS"].encode())]
    with Keys(ROOT) as keys:
        answer = listed_by_botocore(server)
    assert seen == [(200, [], SERVERS["AWS"].encode())]
    assert [entry.key for entry in keys.of(answer)] == ["a b"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_listing_is_read_once(prepared: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Counted(ET.XMLParser):
        def feed(self, data: Any, /) -> None:  # noqa: ANN401  as the class has it
            read.append(len(data))
            super().feed(data)

    monkeypatch.setattr("xml.etree.ElementTree.XMLParser", Counted)
    prepared.answers = [(200, [], SERVERS["AWS"].encode())]
    with Keys(ROOT):
        listed_by_botocore(prepared)
    assert sum(read) < len(SERVERS["AWS"])


@pytest.mark.parametrize(
    "item",
    [
        "<Key>other/a</Key><LastModified>2026-11-24T14:00:00Z</LastModified><Size>7</Size>",
        "<LastModified>2026-11-24T14:00:00Z</LastModified><Size>7</Size>",
        "<Key>root/a</Key><Key>root/a</Key><LastModified>2026-11-24T14:00:00Z</LastModified><Size>7</Size>",
        "<Key>root/a</Key><Size>7</Size>",
        "<Key>root/a</Key><LastModified>2026-11-24T14:00:00Z</LastModified>",
    ],
)
def test_what_is_no_object_below_the_root_is_an_error_that_shows_it(prepared: Server, item: str) -> None:
    prepared.answers = [(200, [], f"<ListBucketResult><Contents>{item}</Contents></ListBucketResult>".encode())]
    with Keys(ROOT) as keys:
        answer = listed_by_botocore(prepared)
    with pytest.raises(FlashFloodException, match=f"where objects below {ROOT} were asked for.*[Uu]se another"):
        keys.of(answer)


# GET and HEAD

HTTP_DATES = [
    *("Tue, 24 Nov 2026 14:00:00 GMT", "Mon, 24 Nov 2026 14:00:00 GMT", "Tue, 24 Nov 0026 14:00:00 GMT", "", "now"),
    *("Tuesday, 24-Nov-26 14:00:00 GMT", "Tue Nov 24 14:00:00 2026", "Tue, 24 Nov 2026 14:00:00 EST", "1795528800"),
    *("Tue, 24 Nov 2026 14:00:00 -0000", "Tue, 24 Nov 2026 14:00:00 +0500", "Tue, 31 Feb 2026 14:00:00 GMT"),
    *("Tue, 24 Nov 2026 24:00:00 GMT", "Tue, 24 Nov 2026 14:00:60 GMT", "24 Nov 2026 14:00 GMT", "tue, 24 nov 2026"),
    *("Tue, 24 Nov 26 14:00:00 GMT", "Tue, \u0662\u0664 Nov 2026 14:00:00 GMT", "2026-11-24T14:00:00Z"),
]
METADATA_NAMES = st.text("abyz_-.09", min_size=1, max_size=8).flatmap(
    lambda name: st.sampled_from([f"x-amz-meta-{name}", f"X-Amz-Meta-{name.title()}", f"X-AMZ-META-{name.upper()}"])
)
HEADERS = st.one_of(
    st.tuples(METADATA_NAMES, st.text("ab 09%,=é", max_size=8)),
    st.tuples(st.sampled_from(["Last-Modified", "last-modified"]), st.sampled_from(HTTP_DATES)),
    st.tuples(st.sampled_from(["Content-Range", "content-range"]), st.sampled_from(["bytes 0-3/9", "bytes */9", ""])),
    st.tuples(st.sampled_from(["Content-Encoding", "CONTENT-ENCODING"]), st.sampled_from(["gzip", "aws-chunked", ""])),
    st.sampled_from([("ETag", '"x"'), ("x-amz-request-id", "x"), ("x-amz-meta-", "x"), ("x-amz-metal", "x")]),
    st.sampled_from([("Cache-Control", "x"), ("x-amz-version-id", "2"), ("x-amz-server-side-encryption", "AES256")]),
)
GMT = st.datetimes(datetime(1970, 1, 1)).map(lambda date: date.strftime("%a, %d %b %Y %H:%M:%S GMT"))
HEADS = st.tuples(st.lists(HEADERS, max_size=8), st.lists(st.tuples(st.just("Last-Modified"), GMT), max_size=1)).map(
    lambda parts: parts[0] + parts[1]
)
BODIES = st.one_of(st.binary(max_size=8), st.sampled_from(NO_LISTINGS))
Wanted: TypeAlias = tuple[Mapping[str, str], datetime | None, str | None, str | None, int, bytes]


def read_by_botocore(server: Server, call: str) -> dict[str, Any]:
    return {**getattr(server.client, call)(Bucket="bucket", Key="key")}


def wanted(answer: dict[str, Any], metadata: Mapping[str, str], date: datetime | None) -> Wanted:
    body = answer["Body"].read() if "Body" in answer else b""
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return metadata, date, answer.get("ContentRange"), answer.get("ContentEncoding"), status, body


def read(server: Server, call: str) -> Wanted:
    with Head() as head:
        answer = read_by_botocore(server, call)
    return wanted(answer, *head.of(answer))


@given(answer=st.tuples(st.sampled_from([200, 206]), HEADS, BODIES))
@pytest.mark.parametrize("call", ["get_object", "head_object"])
@pytest.mark.filterwarnings("ignore:tzname EST")  # dateutil's, of a date that it does not understand
def test_an_object_is_what_botocore_makes_of_the_same_answer(
    plain: Server, prepared: Server, call: str, answer: Answer
) -> None:
    for server in (plain, prepared):
        server.answers = [answer]

    def by_botocore() -> Wanted:
        read = read_by_botocore(plain, call)
        date = read.get("LastModified")
        return wanted(read, read["Metadata"], date and (date if date.tzinfo else date.replace(tzinfo=UTC)))

    assert outcome(lambda: read(prepared, call)) == outcome(by_botocore)


def test_an_ordinary_head_is_taken(prepared: Server) -> None:
    headers = [
        ("Last-Modified", HTTP_DATES[0]),
        ("x-amz-meta-target", "x"),
        ("ETag", "x"),
        ("Content-Range", "bytes 0-0/1"),
    ]
    prepared.answers = [(206, headers, b"x")]
    with Head():
        answer = prepared.client.get_object(Bucket="bucket", Key="key")
    assert answer["ResponseMetadata"]["HTTPHeaders"] == {"content-range": "bytes 0-0/1"}


# PUT


def put(server: Server, data: bytes, metadata: dict[str, str]) -> tuple[bytes, dict[str, Any]]:
    """Give the body and the headers that go out."""
    server.answers = [(200, [("ETag", '"x"')], b"")]
    server.client.put_object(Bucket="bucket", Key="key", Body=data, Metadata=metadata, IfNoneMatch="*")
    sent = server.sent.pop()
    body: Any = sent.body
    content: bytes = body if isinstance(body, bytes) else body.read()
    return content, {name: value for name, value in sent.headers.items() if name not in OF_ONE_REQUEST}


@given(
    body=st.one_of(st.binary(max_size=100), st.sampled_from([SMALL_BODY, SMALL_BODY + 1]).map(bytes)),
    metadata=st.dictionaries(st.sampled_from(["target", "number_of_events"]), st.text("ab09", max_size=5)),
)
def test_a_body_goes_out_as_botocore_would_send_it(
    plain: Server, prepared: Server, body: bytes, metadata: dict[str, str]
) -> None:
    with AtOnce(body):
        ours = put(prepared, body, metadata)
    assert ours == put(plain, body, metadata)


@pytest.mark.parametrize("size", [0, 1, SMALL_BODY])
def test_a_small_body_does_not_ask(prepared: Server, size: int) -> None:
    prepared.answers = [(200, [], b"")]
    with AtOnce(bytes(size)):
        prepared.client.put_object(Bucket="bucket", Key="key", Body=bytes(size))
    assert "Expect" not in prepared.sent.pop().headers


def test_a_body_that_a_handler_of_the_callers_has_changed_stays_changed() -> None:
    server = Server(is_prepared=True)

    def encrypt(params: dict[str, Any], **_: object) -> None:
        params["body"] = io.BytesIO(b"encrypted")

    server.client.meta.events.register("before-call.s3.PutObject", encrypt)
    with AtOnce(b"data"):
        assert b"encrypted" in put(server, b"data", {})[0]


# Calls in between


@pytest.mark.parametrize("shortcut", [Head, lambda: Keys(ROOT), lambda: AtOnce(b"")])
def test_a_call_that_botocore_makes_in_between_is_left_whole(
    plain: Server, prepared: Server, shortcut: Callable[[], Head | Keys | AtOnce]
) -> None:
    headers = [("x-amz-bucket-region", "eu-west-1"), ("Last-Modified", HTTP_DATES[0])]
    for server in (plain, prepared):
        server.answers = [(200, headers, b"")]
    with shortcut():
        answer = prepared.client.head_bucket(Bucket="bucket")
    assert answer == plain.client.head_bucket(Bucket="bucket")
