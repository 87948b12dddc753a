"""What the local folder promises beyond every store: whole objects though writers are killed, and no way out."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.processes import Worker, tell, wait_for_word

from flashflood import FlashFloodException
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.store import LocalStore, walk
from flashflood.store.names import LONGEST_PIECE, escape, split, unescape
from flashflood.store.protocol import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

KILLS = 25
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
COMPONENT = st.one_of(
    TEXT.map(lambda text: text.replace("/", "")),
    st.sampled_from(["", ".", "..", ".flashflood", "~", "~-", "~~", "~-~-", "~."]),
    st.tuples(st.sampled_from("~-.aé😀"), st.integers(1, 300)).map(lambda pair: pair[0] * pair[1]),
    st.tuples(st.integers(190, 205), st.sampled_from(["é", "😀", "a😀", ".", "..", "~x"])).map(
        lambda pair: "x" * pair[0] + pair[1]
    ),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> LocalStore:
    return LocalStore(folder)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# Paths


@given(COMPONENT)
def test_an_escape_gives_names_that_a_file_can_bear_and_is_reversible(component: str) -> None:
    names = escape(component)
    assert unescape(names) == component
    for name in names:
        assert name not in {"", ".", "..", ".flashflood"}
        assert "/" not in name
        assert len(name.encode()) <= LONGEST_PIECE + 2


@given(st.lists(COMPONENT, min_size=1, max_size=4), st.lists(COMPONENT, min_size=1, max_size=4))
def test_no_two_keys_have_one_path(one: list[str], other: list[str]) -> None:
    def path(components: list[str]) -> tuple[str, ...]:
        return tuple(name for component in components for name in escape(component))

    assert (path(one) == path(other)) == (one == other)


def test_a_key_that_needs_no_escape_is_the_files_path(store: LocalStore, folder: Path) -> None:
    store.put("index/a b%2F+?é-~--0000000001", b"data")
    assert (folder / "index/a b%2F+?é-~--0000000001").read_bytes() == b"data"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("index/../../x", "index/~../~../x"),
        ("/etc/x", "~/etc/x"),
        ("a//b", "a/~/b"),
        ("a/", "a/~"),
        ("a/.", "a/~."),
        (".flashflood/lock", "~.flashflood/lock"),
        ("~x", "~~x"),
        ("a/" + "x" * 201, "a/~-" + "x" * 200 + "/x"),
        ("a/" + "😀" * 51 + "/b", "a/~-" + "😀" * 50 + "/😀/b"),
        ("a/" + "x" * 199 + "é", "a/~-" + "x" * 199 + "/é"),
        ("a/" + "x" * 200 + "..", "a/~-" + "x" * 200 + "/~.."),
    ],
)
def test_what_no_file_can_bear_is_escaped_as_documented(store: LocalStore, folder: Path, key: str, path: str) -> None:
    store.put(key, b"data")
    assert [name for name in files(folder) if not name.startswith(".flashflood/")] == [path]


@pytest.mark.parametrize("key", ["a\0b", "\0", "a/\ud800"])
def test_a_key_that_no_path_can_stand_for_is_refused(store: LocalStore, key: str) -> None:
    for call in (
        store.get,
        store.head,
        lambda key: store.put(key, b""),
        lambda key: store.create(key, b""),
        store.list,
        store.url,
    ):
        with pytest.raises(FlashFloodException, match="cannot be a key"):
            call(key)
    with pytest.raises(FlashFloodException, match="cannot be a key"):
        store.delete([key])


@pytest.mark.parametrize("size", [201, 255])
def test_a_long_name_is_used_where_aws_s3_sync_left_it(store: LocalStore, folder: Path, size: int) -> None:
    key = "update/" + "x" * size
    (folder / "update").mkdir(parents=True)
    (folder / key).write_bytes(b"synced")
    found = store.get(key)
    assert found is not None
    assert found.body == b"synced"
    assert not store.create(key, b"other")
    assert store.mark_garbage(key)
    assert [entry.key for entry in store.list("update/").entries] == [key]
    assert store.url(key).endswith(key)
    store.delete([key])
    assert not (folder / key).exists()


def test_a_folder_that_aws_s3_sync_filled_is_a_store(store: LocalStore, folder: Path) -> None:
    (folder / "journals").mkdir(parents=True)
    (folder / "journals/x").write_bytes(b"{}")
    assert [entry.key for entry in store.list("").entries] == ["journals/x"]
    found = store.get("journals/x")
    assert found is not None
    assert (found.body, found.metadata) == (b"{}", {})


def test_foreign_files_are_keys_but_what_lies_beside_the_keys_is_not(store: LocalStore, folder: Path) -> None:
    store.put("journals/x", b"", metadata={"number_of_events": "1"}, garbage=True)
    (folder / "journals/x~").write_bytes(b"an editor's")
    (folder / "journals/~x").write_bytes(b"no key's path")
    (folder / "journals/~-x").write_bytes(b"no key's path")
    (folder / os.fsdecode(b"journals/\xff")).write_bytes(b"no key's path")
    (folder / ".flashflood/tmp/left").write_bytes(b"a killed writer's")
    assert [entry.key for entry in store.list("").entries] == ["journals/x", "journals/x~"]
    assert store.list(".").entries == store.list(".flashflood/").entries == []


# Missing folders, and what is no folder


def test_a_missing_folder_is_an_empty_store_and_reading_does_not_make_it(store: LocalStore, folder: Path) -> None:
    assert store.get("a/b") is None
    assert store.head("a/b") is None
    assert not store.mark_garbage("a/b")
    assert store.list("").entries == store.list("a/b/c").entries == []
    store.delete(["a/b"])
    assert store.url("a/b") == (folder / "a/b").as_uri()
    assert not folder.exists()


def test_reading_writes_nothing(store: LocalStore, folder: Path) -> None:
    store.put("a/b", b"")
    before = sorted(folder.rglob("*"))
    store.get("c/d")
    store.head("a/c")
    store.list("e/f")
    assert sorted(folder.rglob("*")) == before


def test_the_first_write_makes_the_folder(tmp_path: Path) -> None:
    LocalStore(tmp_path / "new/and/deep").put("a", b"data")
    assert (tmp_path / "new/and/deep/a").read_bytes() == b"data"


def test_a_file_in_the_folders_place_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(FlashFloodException, match="is a file"):
            LocalStore(path)
    store = LocalStore(tmp_path / "later")
    (tmp_path / "later").write_bytes(b"")
    with pytest.raises(FlashFloodException, match="is a file"):
        store.put("a", b"")


def test_the_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("here")
    monkeypatch.chdir("/")
    store.put("a", b"")
    assert (tmp_path / "here/a").exists()


def test_a_key_and_keys_below_it_cannot_both_be_there(store: LocalStore) -> None:
    store.put("a/b", b"")
    with pytest.raises(FlashFloodException, match="'b' is in the way"):
        store.put("a/b/c", b"")
    with pytest.raises(FlashFloodException, match="'a' is in the way"):
        store.put("a", b"")
    assert store.get("a/b/c") is None
    assert store.get("a") is None
    assert [entry.key for entry in store.list("").entries] == ["a/b"]


def test_errors_of_the_operating_system_pass_through_and_leave_nothing(store: LocalStore, folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.put("a", b"x" * 1001, metadata={"target": "x"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(folder) == []


# No way out


@pytest.fixture
def outside(tmp_path: Path, folder: Path) -> Path:
    """Make a folder beside the store with a file, and links to both in the store."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs/file").symlink_to(outside / "secret")
    (folder / "blobs/dangling").symlink_to(outside / "new")
    (folder / "linked").symlink_to(outside)
    return outside


@pytest.mark.parametrize("key", ["blobs/file", "blobs/dangling", "linked/secret", "linked/new"])
def test_no_symbolic_link_is_followed_out_of_the_folder(store: LocalStore, outside: Path, key: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.get(key),
        lambda: store.head(key),
        lambda: store.put(key, b"changed"),
        lambda: store.create(key, b"changed"),
        lambda: store.delete([key]),
        lambda: store.mark_garbage(key),
        lambda: store.list(key.partition("/")[0] + "/"),
    ]
    for call in calls:
        with pytest.raises(FlashFloodException, match="is a symbolic link"):
            call()
    assert files(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("name", [".flashflood", ".flashflood/meta", ".flashflood/meta/a", ".flashflood/tmp"])
def test_the_stores_own_folder_is_followed_nowhere(store: LocalStore, folder: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / name).parent.mkdir(parents=True)
    (folder / name).symlink_to(outside)
    with pytest.raises(FlashFloodException, match="is a symbolic link"):
        store.put("a/b", b"", metadata={"target": "x"})
    assert list(outside.iterdir()) == []


def test_a_link_to_the_folder_itself_is_the_users_choice(tmp_path: Path, folder: Path) -> None:
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    LocalStore(tmp_path / "link").put("a", b"data")
    assert (folder / "a").read_bytes() == b"data"


def test_a_device_is_an_error_and_nobody_waits_for_it(store: LocalStore, folder: Path) -> None:
    (folder / "blobs").mkdir(parents=True)
    os.mkfifo(folder / "blobs/pipe")
    for call in (store.get, store.list, lambda key: store.put(key, b"")):
        with pytest.raises(FlashFloodException, match="or a device"):
            call("blobs/pipe")


# Metadata


def test_metadata_and_tags_lie_beside_the_keys(store: LocalStore, folder: Path) -> None:
    store.put("journals/x", b"", metadata={"number_of_events": "3"})
    store.mark_garbage("journals/x")
    kept = json.loads((folder / ".flashflood/meta/journals/x").read_text())
    assert kept == {"metadata": {"number_of_events": "3"}, "tags": {"garbage": "true"}}
    store.put("update/y", b"", garbage=True)
    assert json.loads((folder / ".flashflood/meta/update/y").read_text())["tags"] == {"garbage": "true"}


@pytest.mark.parametrize("metadata", [{}, {"target": "new"}])
def test_metadata_that_a_killed_writer_left_are_never_a_later_objects(
    store: LocalStore, folder: Path, metadata: dict[str, str]
) -> None:
    (folder / ".flashflood/meta/index").mkdir(parents=True)
    (folder / ".flashflood/meta/index/x").write_text('{"metadata": {"target": "stale"}, "tags": {"garbage": "true"}}')
    assert store.head("index/x") is None
    assert store.create("index/x", b"", metadata=metadata)
    found = store.head("index/x")
    assert found is not None
    assert found.metadata == metadata
    store.delete(["index/x"])
    assert files(folder) == [".flashflood/lock"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"metadata": {}, "tags": 3}', '{"metadata": {"a": 1}, "tags": {}}', "[" * 100_000]
)
def test_broken_metadata_are_an_error_that_names_the_file(store: LocalStore, folder: Path, content: str) -> None:
    store.put("index/x", b"", metadata={"target": "y"})
    (folder / ".flashflood/meta/index/x").write_text(content)
    with pytest.raises(FlashFloodCorruptionError, match=r"\.flashflood/meta/index/x"):
        store.get("index/x")


def test_what_killed_writers_left_goes_after_a_day(store: LocalStore, folder: Path) -> None:
    tmp = folder / ".flashflood/tmp"
    tmp.mkdir(parents=True)
    for name, age in (("old", 25), ("young", 23)):
        (tmp / name).write_bytes(b"")
        then = time.time() - age * 60 * 60
        os.utime(tmp / name, (then, then))
    store.put("a", b"")
    assert [path.name for path in tmp.iterdir()] == ["young"]


# Kills and races


def kill_writers(folder: str, lives: int) -> None:
    """Fork a writer for each life, kill it after a while, tell the last number that it finished, and wait for word."""
    moments = random.Random(0)  # noqa: S311  # moments are no secrets
    for life in range(lives):
        reading, writing = os.pipe()
        writer = os.fork()
        if writer == 0:
            write_until_killed(folder, life, writing)
        os.close(writing)
        time.sleep(moments.uniform(0.01, 0.1))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        with os.fdopen(reading, "rb") as finished:
            tell(len(finished.read()) - 1)
        wait_for_word()


def write_until_killed(folder: str, life: int, finished: int) -> None:
    """Write objects whose key, body and metadata tell of each other: new ones, and two that are written over."""
    store = LocalStore(folder)
    for number in count():
        text = f"{life}-{number}"
        store.create(f"new/{text}", text.encode() * 1000, metadata={"text": text})
        store.put(f"old/{number % 2}", text.encode() * 1000, metadata={"text": text} if number % 4 < 2 else None)
        store.delete([f"new/{life}-{number - 3}"])
        os.write(finished, b".")


def test_a_writer_killed_at_any_moment_leaves_only_whole_objects(folder: Path) -> None:
    store = LocalStore(folder)
    with Worker({}, "test_store_local", "kill_writers", str(folder), KILLS) as killer:
        for life in range(KILLS):
            finished = killer.hear()
            seen = {entry.key for entry in store.list("").entries}
            assert {f"new/{life}-{number}" for number in range(max(0, finished - 1), finished + 1)} <= seen
            for key in seen:
                found = store.get(key)
                assert found is not None
                text = found.body[: len(found.body) // 1000].decode()
                assert found.body == text.encode() * 1000
                has_metadata = key.startswith("new/") or int(text.rpartition("-")[2]) % 4 < 2
                assert found.metadata == ({"text": text} if has_metadata else {})
            killer.go()


def fork_creators(folder: str, keys: int) -> None:
    """Fork eight processes that create the same keys at once; each tells which were its."""
    reading, writing = os.pipe()
    for number in range(8):
        if os.fork() == 0:
            os.close(writing)
            os.read(reading, 1)
            store = LocalStore(folder)
            tell(
                [
                    key
                    for key in range(keys)
                    if store.create(f"race/{key}", b"%d" % number, metadata={"by": str(number)})
                ]
            )
            os._exit(0)
    os.close(writing)
    for _ in range(8):
        os.wait()


def test_of_eight_processes_that_create_one_key_one_succeeds(folder: Path) -> None:
    keys = 20
    with Worker({}, "test_store_local", "fork_creators", str(folder), keys) as creators:
        created = creators.rest()
    assert len(created) == 8
    assert sorted(key for won in created for key in won) == list(range(keys))
    store = LocalStore(folder)
    for won in created:
        for key in won:
            found = store.get(f"race/{key}")
            assert found is not None
            assert found.metadata == {"by": found.body.decode()}


def write_over_and_over(folder: str, times: int) -> None:
    """Write one object again and again, with and without metadata, and delete it now and then."""
    store = LocalStore(folder)
    for number in range(times):
        store.put("a/b", str(number).encode(), metadata={"number": str(number)} if number % 3 else None)
        if number % 10 == 9:
            store.delete(["a/b"])


def test_a_reader_never_sees_one_writes_body_with_anothers_metadata(folder: Path) -> None:
    store = LocalStore(folder)
    with Worker({}, "test_store_local", "write_over_and_over", str(folder), 300) as writer:
        while writer.process.poll() is None:
            found = store.get("a/b")
            if found is not None:
                number = int(found.body)
                assert found.metadata == ({"number": str(number)} if number % 3 else {})
        assert writer.rest() == []


@pytest.mark.parametrize("id_", ["a", "b/a"])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_key_that_takes_another_ones_place_while_a_page_is_listed_is_in_it(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch, id_: str, *, is_known: bool
) -> None:
    """As an index entry does when its event is journaled: the new one is made before the old one goes."""
    old, new = (f"index/{id_}--000000000{revision}" for revision in (1, 2))
    for key in (old, "index/z"):
        store.put(key, b"")
    if is_known:
        store.list("index/")
    other, look = LocalStore(folder), walk._entry  # noqa: SLF001 - the moment between reading a folder and a file

    def look_late(within: int, component: str, key: str) -> Entry | None:
        if key == old and store.head(old):
            other.put(new, b"")
            other.delete([old])
        return look(within, component, key)

    monkeypatch.setattr(walk, "_entry", look_late)
    assert [entry.key for entry in store.list("index/").entries] == [new, "index/z"]


def test_a_file_that_a_stranger_removes_unseen_ends_no_listing(
    store: LocalStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("a", "b", "c"):
        store.put(key, b"")
    there = store._known.members  # noqa: SLF001 - what a stranger's removal in the same tick leaves known
    monkeypatch.setattr(store._known, "members", lambda *given: sorted({"b", *there(*given)}))  # noqa: SLF001
    (folder / "b").unlink()
    assert [entry.key for entry in store.list("").entries] == ["a", "c"]


def test_importing_the_stores_asks_for_no_credentials_and_no_folder(tmp_path: Path) -> None:
    program = "from flashflood.store import open_store; open_store('s3://bucket/prefix'); open_store('none')"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_split_at_its_slashes() -> None:
    assert split("a//b/") == ["a", "", "b", ""]
