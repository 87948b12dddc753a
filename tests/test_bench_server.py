"""The benches' own S3 server: what it makes up is a sound store, and it answers as S3 does."""

import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from support.old import OldFlashFlood, OldProcesses
from support.samples import AT_ONCE

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodJournalingError
from flashflood._core import Manifest
from flashflood.store.s3 import S3Store

sys.path.append(str(Path(__file__).parents[1] / "benches"))
from stores import BUCKET, Server, counts, formula
from stretches import PREFIX, Stretch, living, updated

JOURNALS = Stretch(journals=5, every=60, size=120, events=7, updates=3)
OVERLAPPING = Stretch(journals=6, every=1, size=100, events=40, span=90, updates=9)
OF_THE_SAME_DAYS = Stretch(journals=4, every=0, size=500, events=9, span=864_000)
NEW = Stretch(journals=12, every=0.5, size=100, kind="new", updates=2)
DEAD = Stretch(journals=8, every=60, size=100, kind="dead", updates=2)
AT_ONE_MOMENT = Stretch(journals=9, every=0, size=100, kind="new")
OF_ALL_KINDS = (DEAD, JOURNALS, OVERLAPPING, NEW)
FORMULAS = (
    OF_ALL_KINDS,
    (JOURNALS._replace(begin=datetime(2019, 5, 16, 21, 18, 13)),),
    (OF_THE_SAME_DAYS, AT_ONE_MOMENT),
    (DEAD,),
)


class Store(NamedTuple):
    """A formula, its server, and a client."""

    stretches: tuple[Stretch, ...]
    server: Server
    client: S3Client

    def open(self) -> FlashFlood:
        return FlashFlood(self.client, BUCKET, PREFIX)

    def listed(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [item["Key"] for page in pages for item in page["Contents"]]


@contextmanager
def serving(*stretches: Stretch) -> Iterator[Store]:
    with formula(*stretches) as server, closing(server.client()) as client:
        yield Store(stretches, server, client)


@pytest.fixture(scope="module", params=FORMULAS, ids=["all kinds", "journals", "one time", "dead"])
def made(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Give a store of each formula, to which nobody writes."""
    with serving(*request.param) as store:
        yield store


@pytest.fixture
def store() -> Iterator[Store]:
    """Give a store of its own to a test that writes."""
    with serving(*OF_ALL_KINDS) as store:
        yield store


@pytest.fixture
def client(store: Store) -> S3Client:
    return store.client


def in_order(event: Event) -> tuple[datetime, str]:
    return event.date, event.event_id


def events(stretches: Sequence[Stretch]) -> list[Event]:
    return sorted((Event(*one) for one in living(stretches)), key=in_order)


def with_updates(stretches: Sequence[Stretch]) -> list[Event]:
    data = updated(stretches)
    return [event._replace(data=data.get(event.event_id, event.data)) for event in events(stretches)]


def refusal(call: Any, **arguments: object) -> str:  # noqa: ANN401 - boto3 has no static types
    with pytest.raises(ClientError) as caught:
        call(Bucket=BUCKET, **arguments)
    return str(caught.value.response["Error"]["Code"])


# What it makes up


def test_what_is_made_up_is_a_sound_store(made: Store) -> None:
    assert made.open().check() == []


def test_the_formulas_events_are_replayed(made: Store) -> None:
    assert list(made.open().replay()) == events(made.stretches)


def test_any_range_is_replayed(made: Store) -> None:
    ff, there = made.open(), events(made.stretches)
    step = len(there) // 4 or 1
    for start, end in zip(there[::step], there[step // 2 :: step], strict=False):
        expected = [event for event in there if start.date < event.date <= end.date]
        assert list(ff.replay(start.date, end.date)) == expected


def test_events_are_found_by_id_with_their_updates(made: Store) -> None:
    ff, expected = made.open(), with_updates(made.stretches)
    assert [ff.get_event(event.event_id) for event in expected[::9]] == expected[::9]
    assert list(ff.get_events(event.event_id for event in expected)) == expected


def test_0_4_3_replays_the_same(made: Store) -> None:
    environment = made.server.environment | {"AWS_ENDPOINT_URL": made.server.endpoint}
    with OldProcesses() as processes:
        old = OldFlashFlood(processes.of(environment), BUCKET, PREFIX)
        found = sorted(old.replay(), key=in_order)
        read = [old.get_event(event.event_id) for event in found[:3]]
    expected = [Event(*one) for one in living(made.stretches)]
    if AT_ONE_MOMENT in made.stretches:  # of the journals of the last range, it lists the last one alone
        del expected[-AT_ONE_MOMENT.journals : -1]
    assert found == sorted(expected, key=in_order)
    assert read == found[:3]


def test_manifests_are_those_that_the_package_writes(made: Store) -> None:
    client = made.client
    for item in client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/journals/")["Contents"]:
        if not item["Key"].endswith(".dead"):
            answer = client.get_object(Bucket=BUCKET, Key=item["Key"])
            body = answer["Body"].read()
            manifest = Manifest.decode(item["Key"].rpartition("/")[2], body)
            assert manifest.encode() == body
            assert manifest.is_ours
            expected = {"number_of_events": str(len(manifest)), "journal_data_size": str(manifest.size)}
            assert answer["Metadata"] == expected
            assert item["Size"] == len(body)


def test_a_large_manifest_is_that_which_the_package_writes() -> None:
    with serving(Stretch(journals=2, every=60, size=100, events=2_500)) as store:
        for journal_id in store.open().list_journals():
            body = store.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/journals/{journal_id}")["Body"].read()
            assert Manifest.decode(journal_id, body).encode() == body
            assert b'"sections"' in body


def test_an_object_is_as_old_as_its_journal() -> None:
    with serving(Stretch(journals=2, every=60, size=100)) as store:
        found = store.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    dates = {item["LastModified"].replace(tzinfo=None) for item in found}
    assert dates == {datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 1)}


def test_an_object_of_a_time_to_come_is_as_old_as_the_server() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with serving(Stretch(journals=2, every=60, size=100, kind="dead", begin=datetime(2999, 1, 1))) as store:
        found = store.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert len(found) == 6
    assert all(before <= item["LastModified"] <= datetime.now(UTC) for item in found)


# What the package does on it


def test_events_are_put_updated_and_deleted(store: Store) -> None:
    ff = store.open()
    first, second, *_ = events(OF_ALL_KINDS)
    put = ff.put(b"put", "put", datetime(2019, 1, 1))
    with pytest.raises(FlashFloodEventExistsError):
        ff.put(b"again", first.event_id)
    ff.update_event(first.event_id, b"changed")
    ff.delete_event(second.event_id)
    assert ff.get_event(first.event_id).data == b"changed"
    assert not ff.event_exists(second.event_id)
    ff.update(None)
    rest = [event for event in with_updates(OF_ALL_KINDS) if event.event_id not in (first.event_id, second.event_id)]
    assert list(ff.replay()) == [put, first._replace(data=b"changed"), *rest]
    assert ff.check() == []


def test_new_events_are_journaled_and_garbage_is_collected(store: Store) -> None:
    ff = store.open()
    ff.journal(minimum_number_of_events=NEW.journals)
    with pytest.raises(FlashFloodJournalingError):
        ff.journal(minimum_number_of_events=1)
    ff.update(None)
    assert len(list(ff.list_journals())) == JOURNALS.journals + OVERLAPPING.journals + 1
    assert ff.collect_garbage(AT_ONCE) > 0
    assert list(ff.replay()) == with_updates(OF_ALL_KINDS)
    assert ff.check() == []
    assert not [key for key in store.listed() if key.endswith(".dead") or "/update/" in key]


def test_all_journals_become_one(store: Store) -> None:
    ff = store.open()
    ff.combine_journals(list(ff.list_journals()))
    assert len(list(ff.list_journals())) == 1
    assert list(ff.replay()) == with_updates(OF_ALL_KINDS)
    assert ff.check() == []


def test_a_batch_is_put(store: Store) -> None:
    ff = store.open()
    batch = [Event(f"id {number}/ü&<", datetime(2030, 1, 1) + timedelta(seconds=number), b"x") for number in range(20)]
    ff.put_many(batch)
    assert list(ff.replay(datetime(2029, 1, 1))) == batch
    assert ff.get_event(batch[7].event_id) == batch[7]


# How it answers


def test_any_page_is_what_the_same_objects_in_a_list_give(store: Store, client: S3Client) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    made = store.listed()
    written = [f"{PREFIX}/{name}" for name in ("a", "blobs/a b", "index/ü+%&<>", "journals", "update/\r\n", "z", "ø")]
    written += [key + end for key in chance.sample(made, 20) for end in ("", "!", ".dead")]
    deleted = chance.sample(made, 40) + chance.sample(written, 5)
    for key in written:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in deleted]})
    there = sorted({*made, *written}.difference(deleted))
    for _ in range(300):
        at = chance.choice([*made, *written])
        prefix = chance.choice(["", f"{PREFIX}/", chance.choice(there)])[: chance.randrange(120)]
        after, most = at[: chance.randrange(150)], chance.choice([0, 1, 2, 7, 1000])
        expected = [key for key in there if key.startswith(prefix) and key > after]
        answer = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix, StartAfter=after, MaxKeys=most)
        assert [item["Key"] for item in answer.get("Contents", [])] == expected[:most]
        assert answer["IsTruncated"] == (0 < most < len(expected))
        assert answer["KeyCount"] == len(expected[:most])
    for name in ("list_objects_v2", "list_objects"):
        pages = client.get_paginator(name).paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 7})
        assert [item["Key"] for page in pages for item in page["Contents"]] == there


def test_parts_of_objects_are_read(client: S3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="written", Body=b"0123456789", Metadata={"some_name": "value"})
    blob = f"{PREFIX}/blobs/{DEAD.journals:08x}-0000-4000-8000-{DEAD.journals:012x}"
    for key in ("written", blob):
        head = client.head_object(Bucket=BUCKET, Key=key)
        whole = client.get_object(Bucket=BUCKET, Key=key)
        body = whole["Body"].read()
        assert head["ContentLength"] == len(body)
        assert (head["ETag"], head["LastModified"]) == (whole["ETag"], whole["LastModified"])
        assert head["Metadata"] == whole["Metadata"] != {}
        for asked, part in (("2-5", body[2:6]), ("3-", body[3:]), ("-4", body[-4:]), ("0-99999", body)):
            answer = client.get_object(Bucket=BUCKET, Key=key, Range=f"bytes={asked}")
            assert answer["Body"].read() == part
            assert answer["ContentRange"].endswith(f"/{len(body)}")
        assert refusal(client.get_object, Key=key, Range=f"bytes={len(body)}-") == "InvalidRange"


def test_what_is_not_there_is_refused(client: S3Client) -> None:
    (first,) = client.list_objects_v2(Bucket=BUCKET, MaxKeys=1)["Contents"]
    assert refusal(client.get_object, Key="none") == "NoSuchKey"
    assert refusal(client.head_object, Key="none") == "404"
    assert refusal(client.put_object_tagging, Key="none", Tagging={"TagSet": []}) == "NoSuchKey"
    assert refusal(client.put_object, Key=first["Key"], Body=b"", IfNoneMatch="*") == "PreconditionFailed"
    client.delete_object(Bucket=BUCKET, Key=first["Key"])
    assert refusal(client.get_object, Key=first["Key"]) == "NoSuchKey"
    client.put_object(Bucket=BUCKET, Key=first["Key"], Body=b"", IfNoneMatch="*")
    client.put_object_tagging(Bucket=BUCKET, Key=first["Key"], Tagging={"TagSet": []})
    assert refusal(client.list_objects_v2, Delimiter="/") == "NotImplemented"


def test_a_large_body_is_kept(client: S3Client) -> None:
    body = random.Random(1).randbytes(5 << 20)  # noqa: S311 - no secret
    client.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert client.get_object(Bucket=BUCKET, Key="large")["Body"].read() == body


def test_an_object_is_written_in_parts(store: Store) -> None:
    parts = [b"a" * (20 << 20), b"b"]
    written = S3Store(store.client, BUCKET, PREFIX)
    written.put("large", iter(parts), metadata={"name": "value"})
    found = written.get("large")
    assert found is not None
    assert (found.body, found.metadata) == (b"".join(parts), {"name": "value"})


def test_an_upload_in_parts_that_breaks_off_writes_nothing(store: Store, client: S3Client) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a" * (40 << 20)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        S3Store(client, BUCKET, PREFIX).put("large", parts())
    assert refusal(client.get_object, Key=f"{PREFIX}/large") == "NoSuchKey"
    assert counts(store.server)["delete"] == 1


def test_of_many_that_create_one_key_one_does(client: S3Client) -> None:
    def create(number: int) -> bool:
        try:
            client.put_object(Bucket=BUCKET, Key="key", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(40))) == 1


def test_requests_are_counted(store: Store, client: S3Client) -> None:
    assert not any(counts(store.server).values())
    client.put_object(Bucket=BUCKET, Key="a", Body=b"")
    client.put_object_tagging(Bucket=BUCKET, Key="a", Tagging={"TagSet": []})
    client.head_object(Bucket=BUCKET, Key="a")
    client.delete_object(Bucket=BUCKET, Key="a")
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "a"}]})
    blobs = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/blobs/")["Contents"]
    size = sum(len(client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()) for item in islice(blobs, 10))
    found = counts(store.server)
    assert size < found.pop("bytes_sent") < size + 50_000
    expected = {"put": 1, "tag": 1, "head": 1, "delete": 1, "delete_many": 1, "list": 1, "get": 10, "other": 0}
    assert found == expected | {"most_under_way": 1}
    assert not any(counts(store.server).values())
