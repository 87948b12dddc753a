"""What `FlashFlood.open` takes beside a URL, and what several ids are."""

import inspect
from collections.abc import Callable
from datetime import datetime

import boto3
import pytest
from conftest import Place
from support.samples import at, contents
from support.watched import Counted, on

from flashflood import FlashFlood, ReplayBatches, SpooledIds, util

ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
NOWHERE = "http://127.0.0.1:9"


@ON_MOTO
@pytest.mark.parametrize("made", [Place.client, Place.resource], ids=["client", "resource"])
def test_a_url_is_opened_through_a_client_or_resource_that_is_given(
    place: Place, made: Callable[[Place], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    given = made(place)
    ff = FlashFlood.open(place.url, client=given, read_pending_updates=False)
    ff.put(b"old", "a", at(0))
    ff.update_event("a", b"new")
    assert ff.get_event("a").data == b"old"
    assert ff.s3_client is getattr(given.meta, "client", given)  # type: ignore[attr-defined]  # both have it


@ON_MOTO
def test_an_endpoint_url_that_is_given_is_asked_whatever_the_environment_says(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**place.env, "AWS_ENDPOINT_URL": NOWHERE}.items():
        monkeypatch.setenv(name, value)
    with FlashFlood.open(place.url, endpoint_url=place.env["AWS_ENDPOINT_URL"]) as ff:
        ff.put(b"data", "a")
    assert contents(place.open().replay()) == {"a": b"data"}


@pytest.mark.parametrize("url", ["events.flashflood", "folder/", "memory://", "sqlite:///events", "file:///folder/"])
def test_where_a_store_is_not_on_s3_a_client_or_an_endpoint_is_a_value_error(url: str) -> None:
    client = boto3.client("s3", region_name="us-east-1")
    with pytest.raises(ValueError, match=f"client is for a store on S3, and '{url}' is none"):
        FlashFlood.open(url, client=client)
    with pytest.raises(ValueError, match=f"endpoint_url is for a store on S3, and '{url}' is none"):
        FlashFlood.open(url, endpoint_url=NOWHERE)


def test_a_client_and_an_endpoint_at_once_and_a_url_without_a_prefix_are_value_errors() -> None:
    client = boto3.client("s3", region_name="us-east-1")
    with pytest.raises(ValueError, match="beside a client, which has its own"):
        FlashFlood.open("s3://bucket/prefix", client=client, endpoint_url=NOWHERE)
    for options in ({"client": client}, {"endpoint_url": NOWHERE}):
        with pytest.raises(ValueError, match="names no bucket and prefix"):
            FlashFlood.open("s3://bucket", **options)


# Several ids

TAKE_SEVERAL: dict[str, Callable[[FlashFlood, str], object]] = {
    "FlashFlood.get_events(ids)": lambda ff, one: ff.get_events(one),
    "FlashFlood.combine_journals(journals)": lambda ff, one: ff.combine_journals(one),
    "FlashFlood.put_many(events)": lambda ff, one: ff.put_many(one),  # type: ignore[arg-type]  # to be refused
    "ReplayBatches.only(names)": lambda ff, one: ff.replay_batches().only(one),
    "SpooledIds.extend(ids)": lambda _, one: SpooledIds().extend(one),
    "util.delete_keys(keys)": lambda _, one: util.delete_keys(None, one),
}


def test_each_call_that_takes_several_has_its_line_here() -> None:
    found = {
        f"{owner.__name__.removeprefix('flashflood.')}.{name}({parameter.name})"
        for owner in (FlashFlood, ReplayBatches, SpooledIds, util)
        for name, call in inspect.getmembers(owner, inspect.isfunction)
        if name in getattr(owner, "__all__", dir(owner)) and not name.startswith("_")
        for parameter in inspect.signature(call).parameters.values()
        if str(parameter.annotation).startswith(("collections.abc.Iterable", "Iterable", "Sequence"))
    }
    assert found == set(TAKE_SEVERAL)


@ON_FOLDER
@pytest.mark.parametrize("call", TAKE_SEVERAL.values(), ids=TAKE_SEVERAL)
@pytest.mark.parametrize("one", ["e1", b"e1"], ids=["text", "bytes"])
def test_one_text_where_several_are_taken_is_a_type_error_before_any_request(
    place: Place, call: Callable[[FlashFlood, str], object], one: str
) -> None:
    ff = on(counted := Counted(place.store()))
    with pytest.raises(TypeError):
        call(ff, one)
    assert counted.requests == []


@ON_FOLDER
def test_one_text_for_ids_or_journals_is_named(place: Place) -> None:
    ff = place.open()
    for call, name in ((ff.get_events, "ids"), (ff.combine_journals, "journals")):
        with pytest.raises(TypeError, match=f"{name}='e1' is one text, and would be taken for its characters"):
            call("e1")
    ff.put(b"data", "e1", datetime(2026, 3, 1))
    assert [event.event_id for event in ff.get_events({"e1": 1})] == ["e1"]
