# ruff: noqa: SLF001 - existing code reaches for private names of 0.4.3, so that they are promised
"""Every name that code for FlashFlood 0.4.3 reaches for is there, takes the same arguments and does what it did."""

import inspect
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from conftest import Place
from support.samples import JOURNAL_ID, at, contents, put_journaled, put_new
from support.watched import Counted, keys, on

import flashflood
from flashflood import Event, FlashFlood, JournalID, config, exceptions, identifiers, util

S3_PLACES = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)

SIGNATURES: dict[str, list[str | None]] = {
    "put": ["data", "event_id=None", "date=None"],
    "get_event": ["event_id"],
    "event_exists": ["event_id"],
    "update_event": ["event_id", "new_data"],
    "delete_event": ["event_id"],
    "update": ["number_of_updates_to_apply=1000"],
    "journal": ["minimum_number_of_events=100", "minimum_size=None"],
    "combine_journals": [None],
    "replay": ["from_date=None", "to_date=None"],
    "list_journals": ["from_date=None", "to_date=None"],
    "list_event_streams": ["from_date=None", "to_date=None"],
    "_destroy": [],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_methods_take_the_arguments_of_0_4_3_by_position_and_by_name(name: str) -> None:
    parameters = list(inspect.signature(getattr(FlashFlood, name)).parameters.values())[1:]
    for expected, parameter in zip(SIGNATURES[name], parameters, strict=False):
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        default = "" if parameter.default is inspect.Parameter.empty else f"={parameter.default!r}"
        assert expected in (None, parameter.name + default)
    positional = [item for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert len(positional) == len(SIGNATURES[name])


@S3_PLACES
def test_a_boto3_resource_and_a_client_are_taken_by_position(place: Place) -> None:
    FlashFlood(place.resource(), place.bucket, place.prefix).put(b"data", "id", at(0))
    assert FlashFlood(place.client(), place.bucket, place.prefix).get_event("id") == Event("id", at(0), b"data")


@ON_MOTO
def test_a_root_prefix_that_ends_in_a_slash_is_a_value_error(place: Place) -> None:
    with pytest.raises(ValueError, match="/"):
        FlashFlood(place.resource(), place.bucket, place.prefix + "/")


def test_calls_for_an_absent_event_raise_event_not_found_naming_it(place: Place) -> None:
    ff = place.open()
    for call in (ff.get_event, ff.delete_event, lambda event_id: ff.update_event(event_id, b"data")):
        with pytest.raises(exceptions.FlashFloodEventNotFound, match="absent"):
            call("absent")


def test_destroy_deletes_everything_under_the_root_prefix_and_nothing_else(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    ff.update_event("a", b"new")
    ff.delete_event("b")
    ff._destroy()
    assert list(keys(place.store())) == []
    assert list(place.open().replay()) == []


@ON_MOTO
def test_destroy_leaves_a_neighbour_whose_root_prefix_begins_alike(place: Place) -> None:
    neighbour = FlashFlood(place.client(), place.bucket, place.prefix + "2")
    neighbour.put(b"data", "id", at(0))
    place.open().put(b"data", "id", at(0))
    place.open().destroy()
    assert contents(neighbour.replay()) == {"id": b"data"}


def test_journal_id_has_the_members_of_0_4_3() -> None:
    assert JournalID.DELIMITER == "--"
    start, end = "2019-05-16T211813.059000Z", "2019-05-16T211814.000001Z"
    journal_id = JournalID.make(start, end, "new", "11112222-3333-4444-5555-666677778888")
    assert journal_id == f"{start}--{end}--new--11112222-3333-4444-5555-666677778888"
    assert isinstance(journal_id, str)
    assert journal_id.start_date == datetime(2019, 5, 16, 21, 18, 13, 59000)
    assert journal_id.end_date == datetime(2019, 5, 16, 21, 18, 14, 1)
    assert journal_id.version == "new"
    assert journal_id.blob_id == "11112222-3333-4444-5555-666677778888"
    assert journal_id.range_prefix == f"{start}--{end}"
    found = JournalID.from_key(f"some/prefix/journals/{journal_id}")
    assert found == journal_id
    assert type(found) is JournalID


NAMES = [
    "FlashFloodException",
    "FlashFloodEventNotFound",
    "FlashFloodEventExistsError",
    "FlashFloodJournalingError",
    "FlashFloodJournalUploadError",
]


@pytest.mark.parametrize("name", NAMES)
def test_exceptions_come_from_both_modules_and_share_one_base(name: str) -> None:
    found = getattr(flashflood, name)
    assert found is getattr(exceptions, name)
    assert issubclass(found, exceptions.FlashFloodException)


def test_the_tombstone_suffix_is_in_identifiers() -> None:
    assert identifiers.TOMBSTONE_SUFFIX == ".dead"
    assert identifiers.JournalID is JournalID


def test_after_the_greatest_timestamp_comes_itself() -> None:
    assert identifiers.timestamp_after("9999-12-31T235959.999999Z") == "9999-12-31T235959.999999Z"
    assert identifiers.timestamp_after("9999-12-31T235959.999998Z") == "9999-12-31T235959.999999Z"


def test_util_turns_datetimes_into_timestamps_and_back() -> None:
    date = datetime(2019, 5, 16, 21, 18, 13, 59000)
    assert util.datetime_to_timestamp(date) == "2019-05-16T211813.059000Z"
    assert util.datetime_from_timestamp("2019-05-16T211813.059000Z") == date
    now = util.datetime_from_timestamp(util.timestamp_now())
    assert abs((now - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) < 600


@S3_PLACES
def test_util_deletes_keys_of_a_bucket_of_a_resource(place: Place) -> None:
    bucket = place.resource().Bucket(place.bucket)
    names = [f"{place.prefix}/{number}" for number in range(1003)]
    for name in names[:3]:
        bucket.Object(name).put(Body=b"")
    util.delete_keys(bucket, names)
    assert list(bucket.objects.filter(Prefix=f"{place.prefix}/")) == []


@pytest.fixture
def delay() -> Iterator[None]:
    config.object_exists_waiter_config["Delay"] = 1
    yield
    config.object_exists_waiter_config["Delay"] = 0


@ON_MOTO
@pytest.mark.usefixtures("delay")
def test_with_the_waiter_delay_changed_in_place_uploads_wait_until_the_object_can_be_seen(
    place: Place,
) -> None:
    client = place.client()
    sent: list[tuple[str, str]] = []
    client.meta.events.register(
        "before-call.s3", lambda model, params, **_: sent.append((model.name, params["url_path"]))
    )
    FlashFlood(client, place.bucket, place.prefix).put(b"data", "id", at(0))
    uploaded = [path for name, path in sent if name == "PutObject" and "/probe/" not in path]
    assert len(uploaded) >= 3
    for path in uploaded:
        assert ("HeadObject", path) in sent[sent.index(("PutObject", path)) :]


@ON_MOTO
def test_without_the_waiter_delay_no_upload_is_looked_at_again(place: Place) -> None:
    client = place.client()
    sent: list[str] = []
    client.meta.events.register("before-call.s3", lambda model, **_: sent.append(model.name))
    FlashFlood(client, place.bucket, place.prefix).put(b"data", None, at(0))
    assert config.object_exists_waiter_config["Delay"] == 0
    assert "HeadObject" not in sent


def test_journal_from_id_has_the_attributes_of_0_4_3(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    journal = ff._Journal.from_id(journal_id)
    assert journal.id_ == journal_id
    assert isinstance(journal.id_, JournalID)
    assert journal.events == [
        {"event_id": "a", "timestamp": "2020-01-01T000000.000000Z", "offset": 0, "size": 9},
        {"event_id": "b", "timestamp": "2020-01-01T000100.000000Z", "offset": 9, "size": 9},
    ]
    assert journal.size == 18
    assert journal.version == journal_id.version
    assert journal.blob_id == journal_id.blob_id
    assert journal.body.read() == b"data of adata of b"
    assert journal.get_event("b") == Event("b", at(1), b"data of b")
    with pytest.raises(exceptions.FlashFloodEventNotFound, match="absent"):
        journal.get_event("absent")
    manifest = journal.manifest()
    assert json.loads(json.dumps(manifest)) == manifest
    assert {name: manifest[name] for name in ("journal_id", "from_date", "to_date", "size", "events")} == {
        "journal_id": journal_id,
        "from_date": "2020-01-01T000000.000000Z",
        "to_date": "2020-01-01T000100.000000Z",
        "size": 18,
        "events": journal.events,
    }


def test_journal_from_id_of_no_journal_is_an_error_that_names_it(place: Place) -> None:
    absent = JournalID.make(
        "2019-05-16T211813.059000Z", "2019-05-16T211813.059000Z", "new", "1" * 8 + "-2222-3333-4444-" + "5" * 12
    )
    with pytest.raises(exceptions.FlashFloodException, match=absent):
        place.open()._Journal.from_id(absent)


@pytest.mark.parametrize("given", ["x", "", "../../x", "2020-01-01"])
def test_what_is_no_journal_id_is_an_error_that_says_so(place: Place, given: str) -> None:
    with pytest.raises(exceptions.FlashFloodException, match=rf"^'{re.escape(given)}' is no journal_id") as caught:
        place.open().combine_journals([given])
    assert not isinstance(caught.value, exceptions.FlashFloodCorruptionError)
    with pytest.raises(exceptions.FlashFloodException, match=rf"^'{re.escape(given)}' is no journal_id"):
        place.open().open_journal(given)


def test_journal_list_gives_the_living_in_key_order_after_list_from(place: Place) -> None:
    ff = place.open()
    for minute in (20, 0, 10):
        put_journaled(ff, f"{minute}", start=minute)
    listed = ff._Journal.list()
    assert iter(listed) is listed
    found = list(listed)
    assert found == sorted(found)
    assert [item.start_date for item in found] == [at(0), at(10), at(20)]
    assert list(ff._Journal.list(list_from=found[0])) == found[1:]
    assert list(ff._Journal.list(found[2])) == []
    assert list(ff._Journal.list(None)) == found


def test_new_journals_gives_the_journals_of_events_not_yet_journaled(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a")
    put_new(ff, "b", "c", start=3)
    found = list(ff._new_journals())
    assert [item.version for item in found] == ["new", "new"]
    assert [ff._Journal.from_id(item).events[0]["event_id"] for item in found] == ["b", "c"]


def test_what_existing_code_reaches_for_in_private_has_a_public_way(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a")
    put_new(ff, "b", start=3)
    assert list(ff.new_journals()) == list(ff._new_journals())
    listed = list(ff.journal_ids())
    assert listed == list(ff._Journal.list())
    assert list(ff.journal_ids(list_from=listed[0])) == listed[1:]
    assert ff.open_journal(listed[0]).manifest() == ff._Journal.from_id(listed[0]).manifest()
    ff.destroy()
    assert list(keys(place.store())) == []


def test_nothing_prints_and_what_0_4_3_prints_goes_to_the_logger(
    place: Place, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ff = place.open()
    capfd.readouterr()
    with caplog.at_level(logging.DEBUG, logger="flashflood"):
        put_journaled(ff, "a", "b", "c")
        ff.update_event("a", b"new")
        ff.delete_event("b")
        ff.update()
        put_new(ff, "d", start=5)
        ff.combine_journals([ff.open_journal(item) for item in ff.list_journals()])
        list(ff.replay())
        list(ff.list_event_streams())
        (journal_id,) = ff.list_journals()
    assert capfd.readouterr() == ("", "")
    told = [record for record in caplog.records if record.name.startswith("flashflood")]
    assert any(journal_id in record.getMessage() for record in told)
    assert {record.name for record in told} <= sys.modules.keys() - {"flashflood"}  # each by its module's own logger


def test_keys_have_the_shapes_of_the_layout(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    put_new(ff, "c", start=5)
    store = place.store()
    for key in keys(store, "journals/"):
        assert JOURNAL_ID.fullmatch(key.removeprefix("journals/").removesuffix(".dead"))
    assert "index/c--0000000001" in keys(store, "index/")
    living = list(ff.list_journals())
    assert {f"blobs/{item.blob_id}" for item in living} <= set(keys(store, "blobs/"))


def test_readers_open_a_store_that_holds_nothing(place: Place) -> None:
    ff = place.open()
    assert list(ff.replay()) == []
    assert list(ff.list_journals()) == []
    assert list(ff.list_event_streams()) == []
    assert ff.event_exists("id") is False
    assert ff.update() == 0


def test_a_flashflood_counts_its_requests_where_these_tests_say_so(place: Place) -> None:
    store = Counted(place.store())
    on(store).put(b"data", "id", at(0))
    assert {key.partition("/")[0] for _, key in store.writes} == {"blobs", "index", "journals"}
