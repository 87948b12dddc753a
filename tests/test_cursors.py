"""A follower's cursor as a text: it comes back as it was, and what is no cursor of this store is refused."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashflood.cursors import BEGINNING, Changed, Cursor, Partly, cursor_of, name_of, place_of
from flashflood.dates import timestamp_at
from flashflood.identifiers import JournalID

STORE = "s3://bucket/prefix"
LAST = 315_537_897_599_999_999
"""The last microsecond of the year 9999."""

timestamps = st.integers(0, LAST).map(timestamp_at)
watermarks = st.none() | st.integers(1, 2**40)
names = st.binary(min_size=8, max_size=8)
cursors = st.builds(
    Cursor,
    st.tuples(timestamps, st.text(max_size=20)),
    timestamps,
    watermarks,
    watermarks,
    st.lists(names, unique=True, max_size=5).map(lambda found: tuple(sorted(found))),
    st.none() | st.builds(Partly, names, st.integers(1, 2**32 - 1)),
    st.none() | st.builds(Changed, st.integers(0, 2**63), names),
)


@given(cursors, st.sampled_from([STORE, "/a/folder", "memory://"]))
def test_a_cursor_comes_back_from_its_text_as_it_was(cursor: Cursor, store: str) -> None:
    text = cursor.text(store)
    assert cursor_of(text, store) == cursor
    assert cursor_of(f"{text}\n", store) == cursor
    assert place_of(text, store) == cursor.place
    assert set(text) <= {*string.ascii_letters, *string.digits, "-", "_"}


def test_a_cursor_takes_eleven_characters_for_each_name_and_few_beside() -> None:
    few, many = (len(Cursor(seen=tuple(bytes([n]) * 8 for n in range(count))).text(STORE)) for count in (0, 30))
    assert few < 100
    assert many - few == pytest.approx(30 * 8 * 4 / 3, abs=2)


def test_a_cursor_of_another_bucket_or_prefix_is_refused_and_that_of_a_moved_file_is_not() -> None:
    with pytest.raises(ValueError, match="another store's, not that of s3://bucket/other"):
        cursor_of(Cursor().text(STORE), "s3://bucket/other")
    assert cursor_of(Cursor().text("/here/events.flashflood"), "/there/events.flashflood") == Cursor()


@pytest.mark.parametrize("text", ["", "2026-11-24", "no cursor", "ä", "A" * 200, "=", "\ud800"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no cursor"):
        cursor_of(text, STORE)


def test_a_cursor_that_has_lost_or_changed_a_character_is_refused() -> None:
    text = Cursor(("2026-11-24T000000.000000Z", "id"), seen=(b"8 bytes.",)).text(STORE)
    for at in range(len(text) - 1):  # of the last one only some bits count
        for changed in (text[:at] + text[at + 1 :], text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1 :]):
            with pytest.raises(ValueError, match="is no cursor"):
                cursor_of(changed, STORE)


def test_what_is_no_text_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="a cursor is a text"):
        cursor_of(b"bytes", STORE)  # type: ignore[arg-type]


def test_a_cursor_says_which_names_it_has_seen() -> None:
    seen = tuple(sorted(name_of(JournalID(str(number))) for number in range(9)))
    assert all(Cursor(seen=seen).has_seen(name) for name in seen)
    assert not Cursor(seen=seen).has_seen(name_of(JournalID("another")))
    assert Cursor().place == BEGINNING
