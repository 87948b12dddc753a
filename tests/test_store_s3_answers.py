"""What a server answers is held against what it was asked for: other bytes and other keys are never taken for right."""

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import FlexibleChecksumError
from conftest import Place
from hypothesis import given
from hypothesis import strategies as st
from support.samples import at, contents, put_new
from support.servers.faulty import Answer, Fault, Forward, Request

from flashflood import FlashFlood, FlashFloodException
from flashflood.store import UndeletedError
from flashflood.store.answers import wanted_part
from flashflood.store.s3 import S3Store
from flashflood.store.shortcuts import Keys, prepare

ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)

BODY = bytes(range(250))
DATA = {f"e{number:02}": b"%02d" % number * 5 for number in range(20)}
Behind = Callable[[Fault], S3Store]


# GET of a part


def asked(request: Request) -> tuple[int, int] | None:
    """Give the first and the last byte that a GET asks for. None: it asks for no part."""
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
    return None if request.method != "GET" or found is None else (int(found[1]), int(found[2]))


def whole(request: Request, forward: Forward) -> Answer:
    """Know no ranges, as RFC 9110 allows."""
    request.headers.pop("range", None)
    return forward(request)


def more(request: Request, forward: Forward) -> Answer:
    """Send a larger range than was asked for, as caches do that keep objects in blocks."""
    if (part := asked(request)) is not None:
        request.headers["range"] = f"bytes={max(0, part[0] - 7)}-{part[1] + 7}"
    return forward(request)


RIGHT = [whole, more]


def another_range(request: Request, forward: Forward) -> Answer:
    if (part := asked(request)) is not None:
        request.headers["range"] = f"bytes={part[0] + 1}-{part[1] + 1}"
    return forward(request)


def less(request: Request, forward: Forward) -> Answer:
    if (part := asked(request)) is not None:
        request.headers["range"] = f"bytes={part[0]}-{part[1] - 1}"
    return forward(request)


def without_content_range(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-range"}
    return answer


def another_length(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if asked(request) is not None:
        answer.body = answer.body[:-1]
    return answer


def a_part_as_the_whole(request: Request, forward: Forward) -> Answer:
    answer = without_content_range(request, forward)
    if answer.status == 206:
        answer.status = 200
    return answer


def in_several_parts(request: Request, forward: Forward) -> Answer:
    answer = without_content_range(request, forward)
    if answer.status == 206:
        answer.headers["Content-Type"] = "multipart/byteranges; boundary=x"
        answer.body = b"--x\r\nContent-Range: bytes 1-2/9\r\n\r\n" + answer.body + b"\r\n--x--\r\n"
    return answer


def compressed(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if request.method == "GET" and "/blobs/" in request.path:
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
    return answer


WRONG = [another_range, less, without_content_range, another_length, a_part_as_the_whole, in_several_parts, compressed]


@ON_MOTO
@pytest.mark.parametrize("fault", RIGHT)
@pytest.mark.parametrize(
    "part", [(0, 1), (100, 200), (249, 250), (0, 250), (200, 300), (250, 260), (7, None), (250, None)]
)
def test_a_part_is_cut_out_of_what_came(behind: Behind, fault: Fault, part: tuple[int, int | None]) -> None:
    store = behind(fault)
    store.put("blobs/x", BODY)
    start, stop = part
    if fault is whole and (stop or 0) > len(BODY):
        with pytest.raises(FlashFloodException, match="status 200 and 250 bytes"):
            store.get("blobs/x", start, stop)
    else:
        found = store.get("blobs/x", start, stop)
        assert found is not None
        assert found.body == BODY[start:stop]


@ON_MOTO
@pytest.mark.parametrize("fault", RIGHT)
def test_an_empty_object_has_no_bytes_to_send(behind: Behind, fault: Fault) -> None:
    store = behind(fault)
    store.put("blobs/x", b"")
    found = store.get("blobs/x", 0, 5)
    assert found is not None
    assert found.body == b""


@ON_MOTO
@pytest.mark.parametrize("fault", WRONG)
def test_what_does_not_have_the_part_for_sure_is_an_error_that_says_what_came(behind: Behind, fault: Fault) -> None:
    store = behind(fault)
    store.put("blobs/x", BODY)
    with pytest.raises(
        FlashFloodException, match=r"bytes=100-199 of .*/blobs/x is answered with status 20[06]"
    ) as caught:
        store.get("blobs/x", 100, 200)
    assert "restore" not in str(caught.value)


def readers(ff: FlashFlood) -> list[Callable[[], dict[str, bytes]]]:
    """Everything that reads event data."""
    return [
        lambda: {name: ff.get_event(name).data for name in DATA},
        lambda: contents(ff.get_events(DATA)),
        lambda: contents(ff.replay()),
        lambda: {**contents(ff.replay(to_date=at(9))), **contents(ff.replay(at(9)))},
        lambda: {name: ff.open_journal(next(ff.list_journals())).get_event(name).data for name in DATA},
        lambda: blob_read(ff),
        lambda: contents(combined(ff).replay()),
    ]


def blob_read(ff: FlashFlood) -> dict[str, bytes]:
    journal = ff.open_journal(next(ff.list_journals()))
    data: dict[str, bytes] = {}
    for row in journal.events:
        journal.body.seek(int(row["offset"]))
        data[str(row["event_id"])] = journal.body.read(int(row["size"]))
    return data


def combined(ff: FlashFlood) -> FlashFlood:
    ff.combine_journals(list(ff.list_journals()))
    return ff


def stored(place: Place) -> None:
    """Put the events into one journal."""
    ff = place.open()
    ff.put_many((data, name, at(number)) for number, (name, data) in enumerate(DATA.items()))
    ff.journal(minimum_number_of_events=len(DATA))


@ON_MOTO
@pytest.mark.parametrize("fault", RIGHT)
def test_every_reader_gives_the_right_bytes_of_more_than_was_asked_for(
    place: Place, behind: Behind, fault: Fault
) -> None:
    stored(place)
    behind(fault)
    for read in readers(place.open()):
        assert read() == DATA


@ON_MOTO
@pytest.mark.parametrize("fault", WRONG)
def test_no_reader_gives_wrong_bytes_or_false_advice(place: Place, behind: Behind, fault: Fault) -> None:
    stored(place)
    behind(fault)
    for read in readers(place.open()):
        outcome = data_or_error(read)
        if outcome != DATA:
            assert isinstance(outcome, FlexibleChecksumError) or "is answered with status" in str(outcome)
            assert "restore" not in str(outcome)


def data_or_error(read: Callable[[], dict[str, bytes]]) -> dict[str, bytes] | Exception:
    try:
        return read()
    except (FlashFloodException, FlexibleChecksumError) as error:
        return error


@ON_MOTO
def test_whole_objects_in_place_of_parts_are_warned_about_once_in_a_process(
    behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    store = behind(whole)
    store.put("blobs/x", BODY)
    for _ in range(2):
        store.get("blobs/x", 0, len(BODY))
    assert caplog.records == []
    for start in (0, 1):
        store.get("blobs/x", start, 9)
    [record] = caplog.records
    assert re.search(f"{store.name}.*sends whole objects.*take much longer", record.getMessage())


@given(data=st.data())
def test_an_answer_gives_the_bytes_that_were_asked_for_or_none(data: st.DataObject) -> None:
    body = data.draw(st.binary(max_size=20))
    start = data.draw(st.integers(0, 25))
    stop = data.draw(st.one_of(st.none(), st.integers(start + 1, 30)))
    begin = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(begin, len(body)))
    told = f"bytes {begin}-{end - 1}/{data.draw(st.sampled_from([len(body), '*']))}"
    is_whole = (begin, end) == (0, len(body))
    answer: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": data.draw(st.sampled_from([200, 206]))}}
    if not is_whole or data.draw(st.booleans()):
        answer["ContentRange"] = told
    try:
        assert wanted_part(answer, body[begin:end], start, stop) == body[start:stop]
    except ValueError:
        has_it = begin <= start and stop is not None and stop <= end
        assert not (has_it and end > begin and "ContentRange" in answer)


# DELETE


@ON_MOTO
@pytest.mark.parametrize("named", ["{root}/blobs/b", "elsewhere", ""])
def test_what_may_be_left_of_a_delete_is_all_that_was_sent_where_the_server_names_another_key(
    place: Place, behind: Behind, named: str
) -> None:
    named = named.format(root=place.prefix)

    def refuse(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        told = f"<Error><Key>{named}</Key><Code>InternalError</Code></Error>"
        answer.body = f"<DeleteResult>{told}</DeleteResult>".encode()
        return answer

    with pytest.raises(UndeletedError, match="could not be deleted") as caught:
        behind(refuse).delete(["blobs/a", "blobs/b"])
    assert caught.value.keys == ({"blobs/b"} if named.startswith(place.prefix) else {"blobs/a", "blobs/b"})


# LIST

KEY = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)


def is_list(request: Request) -> bool:
    return request.method == "GET" and "list-type=2" in request.path


def backwards(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    if is_list(request):
        turned = iter(KEY.findall(answer.body)[::-1])
        answer.body = KEY.sub(lambda _: next(turned), answer.body)
    return answer


def each_twice(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    answer.body = KEY.sub(lambda found: found[0] * 2, answer.body)
    return answer


def from_the_start(request: Request, forward: Forward) -> Answer:
    """Know no StartAfter."""
    request.path = re.sub("&start-after=[^&]*", "", request.path)
    return forward(request)


def another_prefix(request: Request, forward: Forward) -> Answer:
    request.path = request.path.replace("blobs", "index")
    return forward(request)


@ON_MOTO
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (backwards, "'blobs/b' after 'blobs/c'"),
        (each_twice, "'blobs/a' after 'blobs/a'"),
        (from_the_start, "'blobs/a' after 'blobs/a'"),
        (another_prefix, "'index/a' where keys that begin with 'blobs/' were asked for"),
    ],
)
def test_a_server_that_lists_otherwise_is_named_as_one_that_will_not_do(
    place: Place, behind: Behind, fault: Fault, says: str
) -> None:
    for key in ("blobs/a", "blobs/b", "blobs/c", "index/a"):
        place.store().put(key, b"")
    store = behind(fault)
    with pytest.raises(FlashFloodException, match=f"{store.name} lists {says}: it will not do.*use another"):
        store.list("blobs/", "blobs/a" if fault is from_the_start else None)


def leads_nowhere(request: Request, forward: Forward) -> Answer:
    """Send pages without a key that lead to one another for ever."""
    request.path = re.sub("&continuation-token=[^&]*", "", request.path)
    answer = forward(request)
    if is_list(request):
        answer.body = KEY.sub(b"", answer.body).replace(b"<IsTruncated>false</IsTruncated>", NO_END)
    return answer


NO_END = b"<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"


def no_token(request: Request, forward: Forward) -> Answer:
    answer = leads_nowhere(request, forward)
    answer.body = answer.body.replace(b"<NextContinuationToken>x</NextContinuationToken>", b"")
    return answer


def whether_more_follow_is_left_out(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    answer.body = answer.body.replace(b"<IsTruncated>false</IsTruncated>", b"")
    return answer


@ON_MOTO
@pytest.mark.parametrize("fault", [leads_nowhere, no_token, whether_more_follow_is_left_out])
def test_a_listing_of_which_nobody_knows_how_it_goes_on_is_an_error(place: Place, behind: Behind, fault: Fault) -> None:
    place.store().put("blobs/a", b"")
    with pytest.raises(FlashFloodException, match=r"lists (no key|keys), and not .*: it will not do"):
        behind(fault).list("blobs/")


@ON_MOTO
def test_a_store_on_a_server_that_lists_out_of_order_says_so_and_not_that_others_were_at_it(
    place: Place, behind: Behind
) -> None:
    put_new(place.open(), "a", "b", "c")
    behind(backwards)
    ff = place.open()
    calls: list[Callable[[], object]] = [
        lambda: list(ff.replay()),
        lambda: list(ff.list_journals()),
        lambda: ff.journal(minimum_number_of_events=1),
        ff.check,
        ff.destroy,
    ]
    for call in calls:
        with pytest.raises(FlashFloodException, match="it will not do"):
            call()


@pytest.mark.parametrize(("place", "written"), [("moto", b"a+%2B"), ("rgw", b"a%20%2B")], indirect=["place"])
def test_the_servers_of_these_tests_write_a_space_in_both_ways(place: Place, written: bytes) -> None:
    place.store().put("blobs/a +", b"")
    listed: list[bytes] = []
    client = place.client()
    client.meta.events.register("before-parse.s3", lambda response_dict, **_: listed.append(response_dict["body"]))
    client.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)
    assert written in listed[0]


@pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
def test_the_core_knows_the_listings_of_the_servers_of_these_tests(place: Place) -> None:
    store = place.store()
    store.put('blobs/a +&"', b"x")
    store.put("blobs/\u00e9", b"")
    client = place.client()
    prepare(client)
    with Keys(f"{place.prefix}/") as keys:
        client.list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/blobs/")
    assert keys.taken is not None
    assert keys.taken == store.list("blobs/").entries
    assert [(entry.key, entry.size) for entry in keys.taken] == [('blobs/a +&"', 1), ("blobs/\u00e9", 0)]
