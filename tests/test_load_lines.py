"""`load_lines` stores lines of which each is an event, as strangers write them; what will not do is told and left."""

import gzip
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from conftest import Place
from support import strangers
from support.servers.faulty import Answer, Fault, Forward, Request
from support.strangers import KINDS, Kind

from flashflood import Event, FlashFlood, FlashFloodException, Loaded, Rejected, load_lines
from flashflood.load import load, s3_objects
from flashflood.write import put_many

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOON = datetime(2026, 11, 24, 12)


@pytest.fixture
def flood() -> FlashFlood:
    return FlashFlood.open("memory://")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Give what makes a file of bytes."""

    def made(content: bytes, name: str = "lines") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return made


File = Callable[..., Path]


def loaded(flood: FlashFlood, path: Path | str, kind: Kind | None = None, **asked: Any) -> tuple[int, int, int]:  # noqa: ANN401  as `load_lines` takes it
    """Load; give how many events were stored, skipped and rejected."""
    if kind is not None:
        asked = {"id": kind.id, "date": kind.date, "each": kind.each, **asked}
    done = load_lines(flood, path, **asked)
    return done.stored, len(done.skipped), done.rejected


def refusals(flood: FlashFlood, path: Path, **asked: Any) -> list[tuple[int, str]]:  # noqa: ANN401  as above
    """Load; give the lines and reasons of what would not do."""
    found: list[Rejected] = []
    load_lines(flood, path, on_reject=found.append, **asked)
    return [(rejected.line, rejected.reason) for rejected in found]


@pytest.mark.parametrize("name", KINDS)
def test_files_of_five_kinds_are_stored_with_their_ids_dates_and_data(flood: FlashFlood, file: File, name: str) -> None:
    kind = KINDS[name]()
    assert loaded(flood, file(kind.text), kind) == (3, 0, 0)
    events = list(flood.replay())
    assert [event.date for event in events] == kind.dates
    if kind.ids is not None:
        assert [event.event_id for event in events] == kind.ids
    if kind.data is not None:
        assert [event.data for event in events] == kind.data
    assert flood.check() == []


@pytest.mark.parametrize("name", KINDS)
def test_a_second_load_stores_nothing_twice(flood: FlashFlood, file: File, name: str) -> None:
    kind = KINDS[name]()
    loaded(flood, file(kind.text), kind)
    before = list(flood.replay())
    again = load_lines(flood, file(kind.text), id=kind.id, date=kind.date, each=kind.each)
    assert (again.stored, again.rejected) == (0, 0)
    assert sorted(again.skipped) == sorted(event.event_id for event in before)
    assert list(flood.replay()) == before


def test_elements_are_written_again_compactly_and_whole_numbers_keep_their_digits(
    flood: FlashFlood, file: File
) -> None:
    text = b'{"Records": [ {"id": "a", "n": 123456789012345678901234567890, "f": 1.50}, {"id": "b", "s": "]}\\",{"} ]}'
    assert loaded(flood, file(text), id="id", each="Records[]") == (2, 0, 0)
    assert flood.get_event("a").data == b'{"id":"a","n":123456789012345678901234567890,"f":1.5}'
    assert flood.get_event("b").data == b'{"id":"b","s":"]}\\",{"}'


def test_each_may_give_one_object_or_an_empty_list(flood: FlashFlood, file: File) -> None:
    text = b'{"detail": {"id": "a"}, "list": []}\n'
    assert loaded(flood, file(text), id="id", each="detail") == (1, 0, 0)
    assert loaded(flood, file(text), id="id", each="list") == (0, 0, 0)
    assert flood.get_event("a").data == b'{"id":"a"}'


def test_an_expression_that_only_python_can_evaluate_does_the_same(flood: FlashFlood, file: File) -> None:
    text = b'{"l": [{"k": "b", "at": 2}, {"k": "a", "at": 1}]}\n'
    assert loaded(flood, file(text), id="to_string(k)", date="at", each="sort_by(l, &k)") == (2, 0, 0)
    assert [event.event_id for event in flood.replay()] == ["a", "b"]


def test_an_id_that_is_not_given_is_made_of_the_data(flood: FlashFlood, file: File) -> None:
    data = b'{"a": 1}'
    assert loaded(flood, file(data + b"\r\n" + data + b"\n"), date=None) == (1, 1, 0)
    made = sha256(data).hexdigest()[:32]
    assert flood.get_event(made).data == data


def test_a_whole_number_is_an_id_as_text(flood: FlashFlood, file: File) -> None:
    assert loaded(flood, file(b'{"id": 17}'), id="id") == (1, 0, 0)
    assert flood.event_exists("17")


def test_without_a_date_it_is_now(flood: FlashFlood, file: File) -> None:
    before = flood.put(b"").date
    load_lines(flood, file(b'{"id": "a"}'), id="id")
    assert before <= flood.get_event("a").date <= flood.put(b"").date


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ('"2026-11-24T12:00:00Z"', NOON),
        ('"2026-11-24T14:00:00+02:00"', NOON),
        ('"2026-11-24 12:00:00"', NOON),
        ('"2026-11-24T12:00:00.123456789Z"', NOON.replace(microsecond=123456)),
        ('"20261124"', datetime(2026, 11, 24)),
        ("1795521600", NOON),
        ('"1795521600"', NOON),
        ("1795521600.123456", NOON.replace(microsecond=123456)),
        ('"1795521600.123"', NOON.replace(microsecond=123000)),
        ('"1795521600.9999999"', NOON.replace(microsecond=999999)),
        ('"-100000000.0000001"', datetime(1966, 10, 31, 14, 13, 19, 999999)),
        ("1795521600123", NOON.replace(microsecond=123000)),
        ("1795521600123.5", NOON.replace(microsecond=123500)),
        ('"1795521600123456"', NOON.replace(microsecond=123456)),
        ("1795521600123456789", NOON.replace(microsecond=123456)),
        ("-1", datetime(1969, 12, 31, 23, 59, 59)),
        ("99999999999", datetime(5138, 11, 16, 9, 46, 39)),
        ("100000000000", datetime(1973, 3, 3, 9, 46, 40)),
        ("99999999999999", datetime(5138, 11, 16, 9, 46, 39, 999000)),
        ("100000000000000", datetime(1973, 3, 3, 9, 46, 40)),
        ("99999999999999999", datetime(5138, 11, 16, 9, 46, 39, 999999)),
        ("100000000000000000", datetime(1973, 3, 3, 9, 46, 40)),
    ],
)
def test_a_date_is_iso_8601_or_a_number_since_1970_whose_size_says_its_unit(
    flood: FlashFlood, file: File, written: str, date: datetime
) -> None:
    assert loaded(flood, file(b'{"at": %s}' % written.encode()), date="at") == (1, 0, 0)
    assert [event.date for event in flood.replay()] == [date]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nope", "no JSON: "),
        (b'{"id": "a", "at": 1', "no JSON: "),
        (b'{"id": "a", "at": 1, "x": NaN}', "no JSON: "),
        (b'{"id": "a", "at": 1, "x": -Infinity}', "no JSON: "),
        (b'{"id": "\xff", "at": 1}', "no JSON: "),
        (b"[1]", "no JSON object, but of type array"),
        (b'"text"', "no JSON object, but of type string"),
        (b'{"at": 1}', "the id 'id' is no text and no whole number, but null"),
        (b'{"id": "", "at": 1}', "the id 'id' is no text and no whole number, but \"\""),
        (b'{"id": 1.5, "at": 1}', "the id 'id' is no text and no whole number, but 1.5"),
        (b'{"id": true, "at": 1}', "the id 'id' is no text and no whole number, but true"),
        (b'{"id": ["a"], "at": 1}', "the id 'id' is no text and no whole number, but [\"a\"]"),
        (b'{"id": "a--b", "at": 1}', "event_id 'a--b' has '--' inside"),
        (b'{"id": "a\\nb", "at": 1}', "event_id 'a\\nb' has a control character"),
        (b'{"id": "a"}', "the date 'at': null is no date"),
        (b'{"id": "a", "at": true}', "the date 'at': True is no date"),
        (b'{"id": "a", "at": "yesterday"}', "the date 'at': 'yesterday' is not a date"),
        (b'{"id": "a", "at": "17/May/2026:08:05:32 +0000"}', "the date 'at': '17/May/2026"),
        (b'{"id": "a", "at": "0001-01-01T00:00:00+01:00"}', "the date 'at': '0001-01-01T00:00:00+01:00' leaves"),
        (b'{"id": "a", "at": 1e30}', "the date 'at': 1e+30 since 1970 leaves the years"),
        (b'{"id": "a", "at": 20261124}', "the date 'at': 20261124 has the digits of a date"),
        (b'{"id": "a", "at": "20261124120000"}', "the date 'at': 20261124120000 has the digits of a date"),
    ],
)
def test_a_line_that_will_not_do_is_told_with_its_number_and_field_and_the_rest_goes_on(
    flood: FlashFlood, file: File, line: bytes, reason: str
) -> None:
    path = file(b'{"id": "x", "at": 1}\n\n' + line + b'\n{"id": "y", "at": 2}\n')
    ((number, said),) = refusals(flood, path, id="id", date="at")
    assert number == 3
    assert said.startswith(reason)
    assert [event.event_id for event in flood.replay()] == ["x", "y"]


@pytest.mark.parametrize("digits", [20, 23, 40, 200])
def test_a_whole_number_of_any_length_is_an_id_with_all_its_digits(flood: FlashFlood, file: File, digits: int) -> None:
    number = int("123456789" * 30) % 10**digits
    path = file(b'{"id":%d}\n{"id":%d}\n' % (number, number + 1))
    for expression in ("id", "to_string(id)"):
        assert loaded(flood, path, id=expression)[:2] in ((2, 0), (0, 2))
    assert {event.event_id for event in flood.replay()} == {str(number), str(number + 1)}


def test_a_text_may_speak_of_nan_and_have_any_escape(flood: FlashFlood, file: File) -> None:
    assert loaded(flood, file(b'{"id":"a","x":"NaN \\ud800 Infinity"}'), id="id") == (1, 0, 0)


def test_an_unknown_on_conflict_is_refused(flood: FlashFlood, file: File) -> None:
    with pytest.raises(ValueError, match="on_conflict='Skip'; give 'error' or 'skip'"):
        load_lines(flood, file(b"{}"), on_conflict="Skip")  # type: ignore[arg-type]


def test_one_bad_line_in_a_thousand_leaves_the_others_stored(flood: FlashFlood, file: File) -> None:
    lines = [b'{"id":%d}' % number for number in range(1_000)]
    lines[499] = b'{"id":'
    found: list[Rejected] = []
    path = file(b"\n".join(lines))
    assert loaded(flood, path, id="id", on_reject=found.append) == (999, 0, 1)
    assert [(one.file, one.line, one.text) for one in found] == [(str(path), 500, b'{"id":')]


def test_an_element_that_will_not_do_is_told_with_its_line_and_number(flood: FlashFlood, file: File) -> None:
    text = b'{"l": [{"id": "a"}, 1, {"id": "b"}, {}]}\n{"l": 1}\n{"m": 1}\nnope\n'
    *told, (line, reason) = refusals(flood, file(text), id="id", each="l")
    assert told == [
        (1, "element 2: no JSON object, but of type number"),
        (1, "element 4: the id 'id' is no text and no whole number, but null"),
        (2, "'l' gives no list and no object, but 1"),
        (3, "'l' gives no list and no object, but null"),
    ]
    assert (line, reason[:7]) == (4, "no JSON")
    assert sorted(event.event_id for event in flood.replay()) == ["a", "b"]


def test_a_taken_id_with_other_data_is_told_and_with_the_same_data_is_there_already(
    flood: FlashFlood, file: File
) -> None:
    flood.put(b'{"id": "a", "n": 1}', "a")
    flood.put(b'{"id": "b", "n": 1}', "b")
    path = file(b'{"id": "a", "n": 1}\n{"id": "b", "n": 2}\n{"id": "c"}\n{"id": "c", "n": 1}\n{"id": "c"}\n')
    found: list[Rejected] = []
    done = load_lines(flood, path, id="id", on_reject=found.append)
    assert (done.stored, list(done.skipped), done.rejected) == (1, ["a", "c"], 2)
    assert [(one.line, one.reason) for one in found] == [
        (2, "the id 'b' is taken by an event with other data"),
        (4, "the id 'c' is taken by an event with other data"),
    ]
    assert flood.get_event("b").data == b'{"id": "b", "n": 1}'
    assert loaded(flood, path, id="id", on_conflict="skip") == (0, 5, 0)


def test_an_event_whose_id_is_made_of_its_data_is_there_already_though_it_was_updated(
    flood: FlashFlood, file: File
) -> None:
    path = file(b'{"a": 1}')
    load_lines(flood, path)
    (event,) = flood.replay()
    flood.update_event(event.event_id, "new")
    assert loaded(flood, path) == (0, 1, 0)


def test_what_will_not_do_comes_in_the_order_of_the_lines(
    flood: FlashFlood, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "LARGEST_BATCH", 3)
    flood.put(b"other", "3")
    lines = [b'{"id": "%d"}' % number if number not in {4, 5, 8} else b"no" for number in range(10)]
    assert [line for line, _ in refusals(flood, file(b"\n".join(lines)), id="id")] == [4, 5, 6, 9]


def test_without_a_callback_the_first_that_will_not_do_is_an_error_and_the_rest_of_its_batch_is_stored(
    flood: FlashFlood, file: File
) -> None:
    path = file(b'{"id": "a"}\nnope\n{"id": "b"}\n')
    with pytest.raises(FlashFloodException, match="lines, line 2: no JSON") as caught:
        load_lines(flood, path, id="id")
    assert caught.value.__notes__ == ["2 events had been stored, and stay; the same again stores the rest"]
    assert sorted(event.event_id for event in flood.replay()) == ["a", "b"]


def test_an_expression_that_could_never_be_evaluated_is_a_value_error(flood: FlashFlood) -> None:
    for asked in ({"id": "a["}, {"date": "a["}, {"each": "a["}, {"id": "a], [b"}):
        with pytest.raises(ValueError, match="not a JMESPath expression"):
            load_lines(flood, "nowhere", **asked)  # type: ignore[arg-type]  # each in its turn


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_gzip_and_zstd_are_unpacked_whatever_the_file_is_called(
    flood: FlashFlood, file: File, pack: Callable[[bytes], bytes]
) -> None:
    kind = strangers.webhooks()
    lines = kind.text.splitlines(keepends=True)
    in_members = pack(lines[0]) + pack(b"".join(lines[1:]))
    assert loaded(flood, file(in_members, "log.json"), kind) == (3, 0, 0)


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_a_packed_file_that_breaks_off_is_an_error_that_names_it_and_the_last_whole_line(
    flood: FlashFlood, file: File, pack: Callable[[bytes], bytes]
) -> None:
    first, rest = pack(b'{"id": "a"}\n{"id": "b"}\n{"id"'), pack(os.urandom(1_000).hex().encode())
    with pytest.raises(FlashFloodException, match="log: after line 2 it breaks off") as caught:
        load_lines(flood, file(first + rest[:-20], "log"), id="id")
    assert "2 events had been stored" in caught.value.__notes__[0]
    assert sorted(event.event_id for event in flood.replay()) == ["a", "b"]


def test_a_packed_file_that_is_damaged_is_an_error_that_names_it(flood: FlashFlood, file: File) -> None:
    packed = bytearray(gzip.compress(b'{"id": "a"}\n'))
    packed[-6] ^= 1
    with pytest.raises(FlashFloodException, match=r"log: after line \d it breaks off or is damaged"):
        load_lines(flood, file(packed, "log"), id="id")


def test_where_nothing_reads_zstd_it_says_what_to_install(
    flood: FlashFlood, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("backports", "backports.zstd", "compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(FlashFloodException, match=r"log: it is compressed with zstd: install flashflood-rs\[zstd\]"):
        load_lines(flood, file(zstd.compress(b"{}"), "log"))


def test_many_files_are_loaded_one_after_the_other_and_a_missing_one_is_named(
    flood: FlashFlood, file: File, tmp_path: Path
) -> None:
    first, second = file(b'{"id": "a"}', "first"), file(b'{"id": "b"}', "second")
    with pytest.raises(FileNotFoundError) as caught:
        load_lines(flood, [first, str(second), tmp_path / "third"], id="id")
    assert caught.value.filename == str(tmp_path / "third")
    assert sorted(event.event_id for event in flood.replay()) == ["a", "b"]


def test_a_document_over_several_lines_counts_as_one(flood: FlashFlood, file: File) -> None:
    documents = [{"l": [{"id": "a"}, {"id": "b", "m": {"x": [1, {}]}}]}, {"l": [{"id": "c"}]}]
    text = "".join(json.dumps(document, indent=2) + "\n" for document in documents) + '{"l": [{"id": "d"}]}\n'
    assert loaded(flood, file(b"\xef\xbb\xbf" + text.encode()), id="id", each="l") == (4, 0, 0)
    assert flood.get_event("b").data == b'{"id":"b","m":{"x":[1,{}]}}'


def test_a_document_that_does_not_end_takes_only_what_is_indented_with_it(flood: FlashFlood, file: File) -> None:
    text = b'{\n  "id": "a"\n{"id": "b"}\n[\n  1\n'
    found: list[Rejected] = []
    assert loaded(flood, file(text), id="id", on_reject=found.append) == (1, 0, 2)
    assert [(one.line, one.text) for one in found] == [(1, b'{\n  "id": "a"'), (4, b"[\n  1")]


@pytest.fixture
def bucket(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Give a place whose server the environment names."""
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return place


def put_object(place: Place, key: str, body: bytes) -> str:
    place.client().put_object(Bucket=place.bucket, Key=f"{place.prefix}/{key}", Body=body)
    return f"{place.url}/{key}"


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_all_objects_beneath_a_prefix_on_s3_are_read(
    flood: FlashFlood, bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_objects, "PART", 100)
    for number in range(12):
        put_object(bucket, f"in/{number:02}/log.gz", gzip.compress(b'{"id": "%d"}\n' % number * 2))
    put_object(bucket, "in/", b"")
    put_object(bucket, "inner", b'{"id": "not beneath"}')
    long = put_object(bucket, "in/plain", b"\n".join(b'{"id": "p%d"}' % number for number in range(50)))
    assert loaded(flood, f"{bucket.url}/in/", id="id") == (62, 12, 0)
    assert loaded(flood, long, id="id") == (0, 50, 0)
    assert not flood.event_exists("not beneath")


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_line_of_an_object_is_named_by_its_url(flood: FlashFlood, bucket: Place) -> None:
    url = put_object(bucket, "in/a b.json", b"{}\nnope\n")
    found: list[Rejected] = []
    load_lines(flood, f"{bucket.url}/in/", on_reject=found.append)
    assert [(one.file, one.line) for one in found] == [(url, 2)]


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_prefix_with_nothing_beneath_and_an_object_that_is_not_there_are_errors_that_name_them(
    flood: FlashFlood, bucket: Place
) -> None:
    with pytest.raises(FlashFloodException, match=f"{bucket.url}/none/: no object lies beneath it"):
        load_lines(flood, f"{bucket.url}/none/")
    with pytest.raises(Exception, match="404") as caught:
        load_lines(flood, f"{bucket.url}/none")
    assert f"this is of {bucket.url}/none; a prefix ends with a slash" in caught.value.__notes__
    with pytest.raises(ValueError, match="'s3:///none' names no bucket"):
        load_lines(flood, "s3:///none")


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_a_body_that_breaks_off_is_asked_for_again(
    flood: FlashFlood, place: Place, behind: Callable[[Fault], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = put_object(place, "log", b'{"id": "a"}\n{"id": "b"}\n')
    broken: list[str] = []

    def fault(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if request.method == "GET" and len(broken) < 2:
            broken.append(request.path)
            answer.announced, answer.body = len(answer.body), answer.body[:5]
        return answer

    behind(fault)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    assert loaded(flood, url, id="id") == (2, 0, 0)
    assert len(broken) == 2


@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_an_object_that_changes_while_it_is_read_is_an_error_that_names_it(
    flood: FlashFlood, bucket: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_objects, "PART", 20)
    monkeypatch.setattr(load, "LARGEST_BATCH", 1)
    url = put_object(bucket, "log", b'{"id": "a"}\n{"id": "b"}\nnope\n{"id": "c"}\n')
    with pytest.raises(Exception, match="PreconditionFailed") as caught:
        load_lines(flood, url, id="id", on_reject=lambda _: put_object(bucket, "log", b"other"))
    assert f"this is of {url}" in caught.value.__notes__


def test_lines_are_put_in_batches_as_large_as_those_of_put_many(flood: FlashFlood, file: File) -> None:
    load_lines(flood, file(b"\n".join(b'{"id": "%d"}' % number for number in range(6_000))), id="id")
    assert [len(flood.open_journal(found).events) for found in flood.list_journals()] == [put_many.LARGEST_BATCH, 1_000]


def test_it_gives_what_it_did(flood: FlashFlood, file: File) -> None:
    done = load_lines(flood, file(b'{"id": "a"}\n{"id": "a"}\n'), id="id")
    assert isinstance(done, Loaded)
    assert (done.stored, list(done.skipped), done.rejected) == (1, ["a"], 0)
    assert flood.get_event("a") == Event("a", flood.get_event("a").date, b'{"id": "a"}')
