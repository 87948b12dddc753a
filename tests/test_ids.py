"""Which ids are taken and work in every call, and which are refused before any request is made."""

import unicodedata
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from conftest import Place
from hypothesis import given
from hypothesis import strategies as st
from support.samples import at, contents
from support.watched import Counted, keys, on

from flashflood import FlashFlood, FlashFloodEventNotFound, FlashFloodException, JournalID, layout
from flashflood.identifiers import JournalUpdateAction, Update
from flashflood.store import LocalStore

LONGEST_JOURNAL_ID = JournalID.make("0" * 25, "0" * 25, "0" * 25, "0" * 36)
IMPOSSIBLE = {0: "\1", 0xFFFE: "x", 0xFFFF: "x", **dict.fromkeys(range(0xD800, 0xE000), "x")}
"""Characters that are refused for other reasons."""
ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)

HOSTILE = [
    "a",
    "ab",
    "abc",
    "a-",
    "a-b",
    "-",
    "-leading",
    "trailing-",
    "a/b",
    "a/b/c",
    "a//b",
    "/leading",
    "trailing/",
    "/",
    "//",
    "/etc/passwd",
    "../x",
    "../../../x",
    "..",
    ".",
    "a/../b",
    "a/./b",
    "./a",
    "with space",
    " ",
    " leading and trailing ",
    "a%b",
    "a%2Fb",
    "a%2fb",
    "%",
    "%25",
    "a+b",
    "a&b=c",
    "a?b#c",
    "a\\b",
    "a:b",
    "*",
    "\"quoted'",
    "<&amp;>",
    "gr\u00fc\u00df",
    "gru\u0308\u00df",
    "\u65e5\u672c\u8a9e",
    "\U0001f600",
    "\U0001f600" * 60,
    "\ufffd",
    "x" * 300,
    "x/" * 150,
    ".dead",
    "id.dead",
    "0000000001",
    "new",
    "2019-05-16T211813.059000Z",
    "~",
    "C:",
    "con",
    "a\u00a0b",
    "\u202eright to left",
]


OVER_HTTP = [
    "a",
    "ab",
    "-",
    "trailing-",
    "a//b",
    "/",
    "../x",
    ".",
    "with space",
    "a%2Fb",
    "a+b",
    "a?b#c",
    "<&amp;>",
    "\U0001f600",
    "x" * 300,
]
"""Those that tell something more on a server."""


@pytest.fixture
def hostile(place: Place) -> tuple[FlashFlood, dict[str, bytes]]:
    """Give a store with an event for each hostile id."""
    ff = place.open()
    data = {event_id: f"data of {event_id}".encode() for event_id in (OVER_HTTP if place.s3 else HOSTILE)}
    for minute, event_id in enumerate(data):
        assert ff.put(data[event_id], event_id, at(minute)).event_id == event_id
    return ff, data


def test_every_other_id_works_in_every_call(hostile: tuple[FlashFlood, dict[str, bytes]], place: Place) -> None:
    ff, data = hostile
    ids = list(data)
    seen_as(ff, data, ids)
    for event_id in ids[::3]:
        data[event_id] = b"updated while new"
        ff.update_event(event_id, data[event_id])
        assert ff.get_event(event_id).data == data[event_id], event_id
    ff.journal(minimum_number_of_events=len(ids))
    seen_as(ff, data, ids)
    for event_id in ids[1::3]:
        data[event_id] = b"updated once journaled"
        ff.update_event(event_id, data[event_id])
        assert ff.get_event(event_id).data == data[event_id], event_id
    assert ff.update() == len(ids[1::3])
    seen_as(ff, data, ids)
    for event_id in ids[::2]:
        del data[event_id]
        ff.delete_event(event_id)
        assert not ff.event_exists(event_id), event_id
    assert ff.update(None) == len(ids[::2])
    seen_as(ff, data, ids)
    for minute, event_id in enumerate(ids[::2], 1000):
        data[event_id] = b"put again"
        ff.put(data[event_id], event_id, at(minute))
    seen_as(place.open(), data, ids)
    assert ff.check() == []


def seen_as(ff: FlashFlood, data: dict[str, bytes], ids: list[str]) -> None:
    """Assert that every call sees these events, and no others of `ids`."""
    assert contents(ff.replay()) == data
    for event_id in ids:
        assert ff.event_exists(event_id) == (event_id in data), event_id
        if event_id in data:
            assert ff.get_event(event_id).data == data[event_id], event_id
        else:
            with pytest.raises(FlashFloodEventNotFound):
                ff.get_event(event_id)


REFUSED = {
    "a delimiter": "a--b",
    "only a delimiter": "--",
    "three hyphens": "a---b",
    "a null": "a\x00b",
    "a line feed": "a\nb",
    "a tab": "\t",
    "an escape": "\x1b[31m",
    "a delete": "a\x7f",
    "a C1 control": "a\x85",
    "a lone surrogate": "a\ud800",
    "U+FFFE": "a\ufffeb",
    "U+FFFF": "\uffff",
    "a key longer than 1,024 bytes": "x" * 1024,
    "the same in bytes only": "\u20ac" * 340,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_put_refuses_such_an_id_before_any_request(place: Place, kind: str) -> None:
    store = Counted(place.store())
    with pytest.raises(FlashFloodException) as caught:
        on(store).put(b"data", REFUSED[kind], at(0))
    assert not isinstance(caught.value, FlashFloodEventNotFound)
    assert store.requests == []
    message = str(caught.value)
    message.encode()  # a message that can be printed
    assert "\x1b" not in message
    assert "\n" not in message


@pytest.mark.parametrize("place", ["folder", "moto"], indirect=True)  # RADOS Gateway answers 500 to some of them
@pytest.mark.parametrize("kind", REFUSED)
def test_for_the_other_calls_such_an_id_does_not_exist(place: Place, kind: str) -> None:
    ff = place.open()
    event_id = REFUSED[kind]
    ff.put(b"data", "a", at(0))
    assert ff.event_exists(event_id) is False
    with pytest.raises(FlashFloodEventNotFound):
        ff.get_event(event_id)
    with pytest.raises(FlashFloodEventNotFound):
        ff.delete_event(event_id)
    with pytest.raises(FlashFloodEventNotFound):
        ff.update_event(event_id, b"")
    assert contents(ff.replay()) == {"a": b"data"}


CALLS_WITH_AN_ID: dict[str, Callable[[FlashFlood, Any], object]] = {
    "put": lambda ff, event_id: ff.put(b"data", event_id),
    "put_many": lambda ff, event_id: ff.put_many([(b"data", event_id, None)]),
    "get_event": lambda ff, event_id: ff.get_event(event_id),
    "event_exists": lambda ff, event_id: ff.event_exists(event_id),
    "update_event": lambda ff, event_id: ff.update_event(event_id, b""),
    "delete_event": lambda ff, event_id: ff.delete_event(event_id),
}


@ON_FOLDER
@pytest.mark.parametrize("name", CALLS_WITH_AN_ID)
@pytest.mark.parametrize("event_id", [0, 7, b"a", b"", ["a"]])
def test_an_id_that_is_not_a_str_is_a_type_error_that_names_its_type_before_any_request(
    place: Place, name: str, event_id: object
) -> None:
    store = Counted(place.store())
    with pytest.raises(TypeError, match=rf"an event_id is a str, not {type(event_id).__name__}"):
        CALLS_WITH_AN_ID[name](on(store), event_id)
    assert store.requests == []


def test_the_empty_id_does_not_exist_for_the_other_calls(place: Place) -> None:
    ff = place.open()
    ff.put(b"data", "a", at(0))
    assert ff.event_exists("") is False
    with pytest.raises(FlashFloodEventNotFound):
        ff.get_event("")
    with pytest.raises(FlashFloodEventNotFound):
        ff.delete_event("")


def test_ids_whose_longest_key_is_not_measured_have_one_that_fits() -> None:
    short = layout._SURELY_SHORT  # noqa: SLF001 - the bound itself
    for size in range(1, short + 1):
        root_prefix = "😀" * (short - size)
        for event_id in ("/" * size, "-" + "\x1f" * (size - 1), "é" * (size // 2)):
            update = Update(LONGEST_JOURNAL_ID, event_id, "0" * 25, JournalUpdateAction.UPDATE)
            key = f"{root_prefix}/{layout.tombstone_key(layout.update_key(update))}"
            assert len(key.encode()) <= layout.LONGEST_KEY


@given(st.text(st.characters(), max_size=3))
def test_put_refuses_the_control_characters_of_unicode_and_no_others(text: str) -> None:
    has_one = any(unicodedata.category(character) == "Cc" for character in text)
    with pytest.raises(FlashFloodException, match="has a control character") if has_one else nullcontext():
        layout.refuse_bad_id(f"x{text.replace('--', '').translate(IMPOSSIBLE)}", "")


def test_the_longest_id_that_put_takes_can_be_updated_and_deleted(place: Place) -> None:
    """Every key that is ever made of an id fits into S3's 1,024 bytes, those of updates' tombstones included."""
    ff = place.open()
    longest = 0
    for length in range(1024, 0, -1):
        try:
            ff.put(b"data", "x" * length, at(0))
        except FlashFloodException:
            continue
        longest = length
        break
    assert longest > 500
    event_id = "x" * longest
    ff.update_event(event_id, b"updated")
    ff.journal(minimum_number_of_events=1)
    assert contents(ff.replay()) == {event_id: b"updated"}
    ff.update_event(event_id, b"again")
    ff.update()
    assert ff.get_event(event_id).data == b"again"
    ff.delete_event(event_id)
    ff.update()
    assert list(ff.replay()) == []


@ON_FOLDER
def test_no_hostile_id_leaves_the_folder(place: Place, hostile: tuple[FlashFlood, dict[str, bytes]]) -> None:
    ff, _ = hostile
    store = place.store()
    assert isinstance(store, LocalStore)
    assert sorted(keys(store, "index/")) == sorted(f"index/{event_id}--0000000001" for event_id in HOSTILE)
    ff.destroy()
