"""What a store promises, whatever it lies on: the same tests on a local folder, on moto and on RADOS Gateway."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus
from urllib.request import urlopen

import pytest
from conftest import Place

from flashflood.store import Store, open_store

BODY = b"0123456789"
HOSTILE = (
    "..",
    "../x",
    "../../../x",
    "/absolute",
    "a//b",
    "//",
    "a/",
    "a/./b",
    "a/../b",
    ".",
    ".flashflood/lock",
    "~",
    "~x",
    "~-x",
    "-x-",
    "a b",
    " ",
    "a+b",
    "a%20b",
    "%2F",
    "a?x=1",
    "a#f",
    "a&b<c>\"'",
    "a\\b",
    "é☃😀",
    "e\u0301",
    "*",
    "x" * 201,
    "😀" * 150,
)


@pytest.fixture
def store(place: Place) -> Store:
    return place.store()


def keys(store: Store, prefix: str, after: str | None = None) -> list[str]:
    return [entry.key for entry in store.list(prefix, after).entries]


def read_url(url: str) -> bytes:
    if url.startswith("sqlite:"):
        place, _, key = url.partition("?key=")
        found = open_store(place).get(unquote_plus(key))
        assert found is not None
        return found.body
    with urlopen(url) as answer:  # noqa: S310  # the store's own, file:// among them
        content: bytes = answer.read()
        return content


def test_a_key_that_is_not_there_is_none_false_or_no_error(store: Store) -> None:
    assert store.get("blobs/x") is None
    assert store.get("blobs/x", 0, 5) is None
    assert store.head("blobs/x") is None
    assert not store.mark_garbage("blobs/x")
    store.delete(["blobs/x"])
    store.delete([])
    assert store.list("blobs/").entries == []


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview], ids=lambda kind: kind.__name__)
def test_an_object_is_read_as_it_was_written(store: Store, kind: Callable[[bytes], bytes]) -> None:
    store.put("blobs/x", kind(BODY), metadata={"journal_id": "a journal"})
    found = store.get("blobs/x")
    assert found is not None
    assert (found.body, found.metadata) == (BODY, {"journal_id": "a journal"})


@pytest.mark.parametrize("new", [{}, {"new": "2"}])
@pytest.mark.parametrize("old", [{}, {"old": "1"}])
def test_put_replaces_body_and_metadata(store: Store, old: dict[str, str], new: dict[str, str]) -> None:
    store.put("blobs/x", b"old", metadata=old)
    store.put("blobs/x", b"new", metadata=new)
    found = store.get("blobs/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"new", new)


def test_head_gives_metadata_and_no_body(store: Store) -> None:
    store.put("index/x", BODY, metadata={"target": "y"})
    found = store.head("index/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"", {"target": "y"})


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 3), (2, 5), (9, 10), (3, None), (None, 4), (5, 100), (10, 20), (50, 60), (10, None), (2, 2)]
)
def test_a_part_of_an_object_ends_where_the_object_ends(store: Store, start: int | None, stop: int | None) -> None:
    store.put("blobs/x", BODY, metadata={"journal_id": "y"})
    found = store.get("blobs/x", start, stop)
    assert found is not None
    assert (found.body, found.metadata) == (BODY[start:stop], {"journal_id": "y"})


def test_every_part_of_an_empty_object_is_empty(store: Store) -> None:
    store.put("blobs/x", b"", metadata={"journal_id": "y"})
    for part in ((None, None), (0, 10), (0, 0), (5, None)):
        found = store.get("blobs/x", *part)
        assert found is not None
        assert (found.body, found.metadata) == (b"", {"journal_id": "y"})


def test_create_writes_a_free_key_and_leaves_a_taken_one(store: Store) -> None:
    assert store.create("journals/x", b"first", metadata={"by": "first"})
    assert not store.create("journals/x", b"second", metadata={"by": "second"})
    found = store.get("journals/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"first", {"by": "first"})


def test_create_writes_a_key_that_was_deleted(store: Store) -> None:
    store.put("journals/x", b"first", metadata={"by": "first"})
    store.delete(["journals/x"])
    assert store.create("journals/x", b"second")
    found = store.get("journals/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"second", {})


def test_of_eight_threads_that_create_one_key_one_succeeds(place: Place) -> None:
    stores = [place.store() for _ in range(8)]

    def create(number: int) -> bool:
        return stores[number].create("journals/x", b"%d" % number, metadata={"by": str(number)})

    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(create, range(8)))
    assert created.count(True) == 1
    found = stores[0].get("journals/x")
    assert found is not None
    winner = created.index(True)
    assert (found.body, found.metadata) == (b"%d" % winner, {"by": str(winner)})


def test_more_than_1000_keys_are_listed_by_pages_in_order_and_deleted_in_one_call(store: Store) -> None:
    written = [f"index/{number:04}" for number in range(1003)]
    with ThreadPoolExecutor(store.workers) as threads:
        list(threads.map(lambda key: store.put(key, b""), written))
    first = store.list("index/")
    second = store.list("index/", first.entries[-1].key)
    assert [entry.key for entry in first.entries + second.entries] == written
    assert (len(first.entries), first.more, second.more) == (1000, True, False)
    store.delete(written)
    assert store.list("").entries == []


def test_keys_come_in_the_order_of_their_utf_8_bytes(store: Store) -> None:
    texts = [
        "a",
        "a b",
        "a!/x",
        "a-",
        "a/b",
        "a/b/c/d",
        "a/é",
        "a0",
        "aa",
        "b/~x",
        "b/x",
        "é/x",
        "\ufffd",
        "😀",
        "A",
        "/",
        "//x",
        "a//",
    ]
    written = sorted({f"index/{text}--1" for text in texts}, key=str.encode)
    for key in written:
        store.put(key, b"")
    assert keys(store, "index/") == written
    for place, key in enumerate(written):
        assert keys(store, "index/", key) == written[place + 1 :]


def test_list_gives_the_keys_that_begin_with_the_prefix(store: Store) -> None:
    for key in ("index/a--1", "index/a--2", "index/a-", "index/ab--1", "index/a/b--1", "index2/a--1", "gone/a--1"):
        store.put(key, b"")
    assert keys(store, "index/a--") == ["index/a--1", "index/a--2"]
    assert keys(store, "index/a/") == ["index/a/b--1"]
    assert keys(store, "index/a") == ["index/a-", "index/a--1", "index/a--2", "index/a/b--1", "index/ab--1"]
    assert keys(store, "index") == [*keys(store, "index/"), "index2/a--1"]
    assert keys(store, "gone/", "index/a") == []
    assert keys(store, "index/", "gone/a") == keys(store, "index/")
    assert keys(store, "nothing/") == []


def test_a_listing_tells_sizes_and_times_by_the_servers_clock(store: Store) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    store.put("blobs/x", BODY)
    page = store.list("blobs/")
    after = datetime.now(UTC)
    [entry] = page.entries
    found = store.head("blobs/x")
    assert found is not None
    assert entry.size == len(BODY)
    for moment in (entry.modified, found.modified, page.date):
        assert before <= moment <= after
    assert abs(entry.modified - found.modified) < timedelta(seconds=1)  # S3 tells milliseconds only in a listing


def test_marking_an_object_as_garbage_leaves_body_and_metadata(store: Store) -> None:
    store.put("journals/x", BODY, metadata={"number_of_events": "3"})
    assert store.mark_garbage("journals/x")
    assert store.mark_garbage("journals/x")
    found = store.get("journals/x")
    assert found is not None
    assert (found.body, found.metadata) == (BODY, {"number_of_events": "3"})


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_an_object_is_written_from_pieces(store: Store, count: int) -> None:
    size = 4 << 20

    def pieces() -> Iterator[bytes]:
        for number in range(count):
            yield b"%d" % number * size

    store.put("blobs/x", pieces(), metadata={"journal_id": "y"}, garbage=True)
    found = store.get("blobs/x")
    assert found is not None
    assert found.metadata == {"journal_id": "y"}
    assert found.body == b"".join(pieces())


def test_an_object_whose_pieces_fail_does_not_appear(store: Store) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(9):
            yield b"x" * (4 << 20)
        message = "no more"
        raise OSError(message)

    with pytest.raises(OSError, match="no more"):
        store.put("blobs/x", pieces())
    assert store.get("blobs/x") is None
    assert keys(store, "") == []


def test_a_url_reads_the_object_without_credentials(store: Store) -> None:
    store.put("blobs/é x+y?#%", BODY)
    assert read_url(store.url("blobs/é x+y?#%")) == BODY


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("shape", ["index/{}--0000000001", "update-ids/{}"])
def test_any_text_makes_a_key_that_every_call_knows(store: Store, shape: str, text: str) -> None:
    key = shape.format(text)
    body = key.encode()
    store.put(key, b"", metadata={"target": "x"})
    store.put(key, body, metadata={"target": "y"})
    assert not store.create(key, b"")
    assert store.mark_garbage(key)
    found, head = store.get(key), store.head(key)
    assert found is not None
    assert head is not None
    assert (found.body, found.metadata, head.metadata) == (body, {"target": "y"}, {"target": "y"})
    assert keys(store, key) == [key]
    assert keys(store, key.rpartition("/")[0] + "/") == [key]
    assert keys(store, key, key) == []
    assert read_url(store.url(key)) == body
    store.delete([key])
    assert store.get(key) is None
    assert keys(store, key) == []
    assert store.create(key, b"")


def test_hostile_keys_lie_beside_each_other(store: Store) -> None:
    written = {f"index/{text}--0000000001": text.encode() for text in HOSTILE}
    for key, body in written.items():
        assert store.create(key, body)
    for key, body in written.items():
        found = store.get(key)
        assert found is not None
        assert found.body == body
    assert keys(store, "index/") == sorted(written)
    store.delete(list(written))
    assert keys(store, "index/") == []
