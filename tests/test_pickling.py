# ruff: noqa: SLF001 - existing code reaches for `ff._Journal`
"""What can be pickled and copied, also into a process that begins anew; what cannot says what to do instead."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from conftest import Place
from jmespath import functions
from support.samples import at, put_journaled

import flashflood
from flashflood import (
    Expression,
    FlashFlood,
    FlashFloodException,
    Loaded,
    Progress,
    Rejected,
    Rules,
    UndeletedError,
    load_lines,
)
from flashflood.store.clients import ClientSettings
from flashflood.write.put_many import Stored

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)
ON_MOTO = pytest.mark.parametrize("place", ["moto"], indirect=True)
THROUGH: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda what: pickle.loads(pickle.dumps(what)),  # noqa: S301 - of our own making
    "deepcopy": copy.deepcopy,
}
ERRORS = {
    name: found
    for name, found in vars(flashflood).items()
    if isinstance(found, type) and issubclass(found, FlashFloodException)
}
ELSEWHERE = {
    *("ChangesFollower", "Expression", "FlashFlood", "Follower", "Journal", "Partition", "Replay", "ReplayBatches"),
    *("SpooledIds", "Writer"),
}
"""The classes that other tests are about."""
EVERY_WAY = pytest.mark.parametrize("way", THROUGH)


class Doubling(functions.Functions):  # type: ignore[misc]  # jmespath has no types
    """A function of the user's own."""

    @functions.signature({"types": ["number"]})  # type: ignore[untyped-decorator]  # as above
    def _func_double(self, number: float) -> float:
        return 2 * number


def count(ff: FlashFlood, expression: Expression) -> tuple[int, Stored]:
    """Work in another process: count events, put one."""
    ff.put(b"from there", "there", at(9))
    return sum(1 for _ in ff.replay(filter=expression)), ff.put_many([(b"", "a", at(0))], on_conflict="skip")


def in_a_new_process(work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - whatever it gives
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result(timeout=60)


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)
def test_a_flashflood_opened_by_its_url_works_in_a_process_that_begins_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    ff = FlashFlood.open(place.url)
    ff.put({"level": 1}, "a", at(0))
    ff.put({"level": 2}, "b", at(1))
    found, stored = in_a_new_process(count, ff, Expression("level > `1`"))
    assert found == 1
    assert (stored.stored, list(stored.skipped)) == (0, ["a"])
    assert ff.get_event("there").data == b"from there"


@ON_MOTO
def test_where_it_is_unpickled_it_asks_the_same_endpoint_whatever_the_environment_says(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    ff = FlashFlood.open(place.url)
    ff.put(b"data", "a", at(0))
    pickled = pickle.dumps(ff)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert place.env["AWS_SECRET_ACCESS_KEY"].encode() not in pickled
    assert pickle.loads(pickled).get_event("a").data == b"data"  # noqa: S301 - of our own making


@EVERY_WAY
@pytest.mark.parametrize(
    "endpoint_url", ["http://127.0.0.1:9000", "https://s3.dualstack.eu-west-1.amazonaws.com"], ids=["other", "AWS"]
)
def test_an_endpoint_url_that_was_given_is_pickled_along(
    way: str, endpoint_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    ff = FlashFlood.open("s3://bucket/prefix", endpoint_url=endpoint_url)
    pickled = pickle.dumps(ff)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for again in (THROUGH[way](ff), pickle.loads(pickled), THROUGH[way](pickle.loads(pickled))):  # noqa: S301 - our own
        assert again.s3_client.meta.endpoint_url == endpoint_url


INTERFACE = "https://bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com"


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ({}, None),
        ({"endpoint_url": "https://s3.eu-west-1.amazonaws.com"}, None),
        ({"endpoint_url": "https://s3.dualstack.eu-west-1.amazonaws.com"}, None),
        ({"endpoint_url": "https://s3.cn-north-1.amazonaws.com.cn", "region_name": "cn-north-1"}, None),
        ({"endpoint_url": INTERFACE}, INTERFACE),
        ({"endpoint_url": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000"),
        ({"endpoint_url": "https://s3.example.org"}, "https://s3.example.org"),
    ],
)
@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(signature_version=UNSIGNED, max_pool_connections=3),
        Config(s3={"addressing_style": "path"}, max_pool_connections=7),
        Config(s3={"addressing_style": "virtual"}),
    ],
)
def test_a_client_is_made_again_as_it_was(given: dict[str, str], endpoint: str | None, config: Config) -> None:
    client = boto3.client("s3", config=config, **{"region_name": "eu-west-1", **given})  # type: ignore[call-overload]
    settings = pickle.loads(pickle.dumps(ClientSettings.of(client)))  # noqa: S301 - of our own making
    assert settings.endpoint_url == endpoint
    again = settings.client()
    assert ClientSettings.of(again) == settings
    assert again.meta.region_name == client.meta.region_name
    assert settings.is_unsigned == (client.meta.config.signature_version is UNSIGNED)


@EVERY_WAY
@ON_FOLDER
def test_a_relative_folder_is_the_same_folder_wherever_it_is_opened_again(
    place: Place, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(Path(place.url).parent)
    ff = FlashFlood.open("store/", read_pending_updates=False)
    ff.put(b"old", "id", at(0))
    ff.update_event("id", b"new")
    (tmp_path / "elsewhere").mkdir()
    pickled = pickle.dumps(ff)
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = THROUGH[way](ff)
    assert again.get_event("id").data == b"old"  # the option goes with it
    assert pickle.loads(pickled).get_event("id").data == b"old"  # noqa: S301 - of our own making
    assert list((tmp_path / "elsewhere").iterdir()) == []


@EVERY_WAY
@ON_MOTO
def test_a_flashflood_on_a_boto3_client_says_to_open_it_by_its_url(place: Place, way: str) -> None:
    given = FlashFlood.open(place.url, client=place.client())
    for ff in (place.open(), FlashFlood(place.resource(), place.bucket, place.prefix), given):
        with pytest.raises(TypeError, match="FlashFlood can be neither pickled nor copied") as caught:
            THROUGH[way](ff)
        endpoint = place.env["AWS_ENDPOINT_URL"]
        assert f"FlashFlood.open({place.url!r}, endpoint_url={endpoint!r})" in str(caught.value)


def test_a_shallow_copy_works_on_the_same_store(place: Place) -> None:
    ff = place.open(read_pending_updates=False)
    ff.put(b"old", "id", at(0))
    copied = copy.copy(ff)
    copied.update_event("id", b"new")
    assert copied.get_event("id").data == b"old"
    assert repr(copied) == repr(ff)
    if place.s3:
        assert copied.s3_client is ff.s3_client


@EVERY_WAY
@ON_FOLDER
def test_what_is_on_its_way_says_what_to_do_instead(place: Place, way: str) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    (journal_id,) = ff.list_journals()
    for what, instead in (
        (ff.replay(), "replay there"),
        (ff.replay_batches(), "replay there"),
        (ff.open_journal(journal_id), "ff.open_journal"),
        (ff._Journal, "pickle the FlashFlood"),
        (ff.writer(), "pickle the FlashFlood, and open a writer"),
    ):
        with pytest.raises(TypeError, match=f"can be neither pickled nor copied: .*{instead}"):
            THROUGH[way](what)


@EVERY_WAY
@ON_FOLDER
def test_what_calls_give_can_be_pickled(place: Place, way: str) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    stored = ff.put_many([(b"", "a", at(0)), (b"", "c", at(3))], on_conflict="skip")
    again = THROUGH[way](stored)
    assert (again.stored, list(again.skipped), len(again.skipped)) == (1, ["a"], 1)
    for what in (ff.get_event("a"), *ff.list_journals(), *ff.list_event_streams()):
        found = THROUGH[way](what)
        assert (found, type(found)) == (what, type(what))


def results(ff: FlashFlood, folder: Path) -> list[object]:
    """Give one of each kind of thing that calls give, of a store with damage."""
    put_journaled(ff, "a", "b")
    stored = ff.put_many([(b"", "a", at(0)), (b"", "c", at(3)), (b"data", "d", at(4))], on_conflict="skip")
    other = FlashFlood.open("memory://")
    copied = ff.copy_to(other)
    Path(folder / "lines").write_text("{}\nnone\n")
    rejected: list[Rejected] = []
    loaded = load_lines(other, folder / "lines", on_reject=rejected.append)
    _, lost = ff.list_journals()
    Path(folder / "store" / "blobs" / lost.blob_id).unlink()
    replay = ff.replay(on_damage="skip")
    event, *_ = replay
    repairs, found, stats = ff.repair(), ff.check(), ff.stats()
    told: list[Progress] = []
    compaction = other.compact(progress=told.append)
    assert repairs.left == found
    return [
        *(stored, copied, loaded, *rejected, lost, *replay.skipped, event, repairs, found, found[0]),
        *(stats, stats.bins[0], stats.by_size[0], *ff.describe_journals(), Rules(), other.maintain()),
        *(compaction, told[-1]),
    ]


def shown(what: object) -> object:
    """Give what is to stay the same: the type, the value, and the attributes beside it."""
    value = (*what[:1], *what.skipped, *what[2:]) if isinstance(what, (Stored, Loaded)) else what
    return type(what), value, getattr(what, "__dict__", None)


@EVERY_WAY
@ON_FOLDER
@pytest.mark.usefixtures("no_patience")
def test_each_thing_that_a_call_gives_is_the_same_once_pickled(place: Place, way: str) -> None:
    made = results(place.open(), Path(place.url).parent)
    for what in made:
        assert shown(THROUGH[way](what)) == shown(what)
    classes = {name for name in flashflood.__all__ if isinstance(getattr(flashflood, name), type)}
    assert {type(what).__name__ for what in made} == classes - ERRORS.keys() - ELSEWHERE


@EVERY_WAY
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_keeps_what_it_is_about(error: type[FlashFloodException], way: str) -> None:
    made = error("a message", ["key"]) if issubclass(error, UndeletedError) else error("a message", key="key")
    again = THROUGH[way](made)
    assert (type(again), again.args, vars(again)) == (error, made.args, vars(made))
    assert "key" in (again.key or again.keys)


@EVERY_WAY
def test_an_expression_is_pickled_with_its_options(way: str) -> None:
    options = jmespath.Options(custom_functions=Doubling())
    for made in (
        Expression("level"),
        Expression(jmespath.compile("level > `1`")),
        Expression("double(level)", options),
    ):
        again = THROUGH[way](made)
        assert repr(again) == repr(made)
        assert again.select(b'{"level": 3}') == made.select(b'{"level": 3}')
        assert (again.core is None) == (made.core is None)
