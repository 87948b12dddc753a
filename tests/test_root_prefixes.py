"""Any root prefix that does not end in a slash has a whole store, its event streams included."""

import pytest
from conftest import Place
from support.samples import at, contents, put_journaled, put_new

from flashflood import FlashFlood, replay_event_stream

SERVERS = pytest.mark.parametrize("place", ["moto", "rgw"], indirect=True)

PREFIXES = [
    *(
        "{}/.",
        "{}/..",
        "{}/./a",
        "{}/../a",
        "{}/a/../../b",
        "./{}",
        "../{}",
        "../../{}",
        "..{}",
        "{}/.../a",
        "{}/%2e%2e/a",
    ),
    *("{}//a", "/{}", "//{}", "{}/a b+c", "{}/é☃", "{}/%2F", "{}/a?b#c&d", "{}/~", "{}/-"),
]


@SERVERS
@pytest.mark.parametrize("shape", PREFIXES)
def test_a_store_under_any_root_prefix_is_whole(place: Place, shape: str) -> None:
    place.prefix = shape.format(place.prefix)
    ff = place.open()
    data = put_journaled(ff, "a", "b") | put_new(ff, "c", start=5)
    ff.update_event("a", b"updated")
    ff.delete_event("b")
    assert ff.update() == 2
    data = {"a": b"updated", "c": data["c"]}
    assert contents(ff.replay()) == data
    assert contents(ff.get_events(data)) == data
    streamed = [event for stream in ff.list_event_streams() for event in replay_event_stream(stream)]
    assert contents(streamed) == data
    assert {event.event_id: event.date for event in streamed} == {"a": at(0), "c": at(5)}
    assert ff.check() == []
    listed = place.client().list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/")["Contents"]
    assert {item["Key"].startswith(f"{place.prefix}/") for item in listed} == {True}
    ff.destroy()
    assert "Contents" not in place.client().list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/")


@SERVERS
@pytest.mark.parametrize("shape", ["{}/..", "../{}", "/{}"])
def test_a_url_names_the_same_prefix(place: Place, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    place.prefix = shape.format(place.prefix)
    data = put_new(place.open(), "a")
    assert contents(FlashFlood.open(f"s3://{place.bucket}/{place.prefix}").replay()) == data
