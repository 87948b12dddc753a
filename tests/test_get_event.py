"""`get_event` gives one event with its newest data, and `event_exists` says whether it is there."""

import pytest
from conftest import Place
from support.damage import one_journal
from support.samples import at, put_journaled, put_new
from support.watched import keys

from flashflood import FlashFloodException

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def test_event_exists_says_whether_put_has_stored_the_id(place: Place) -> None:
    ff = place.open()
    ff.put(b"", "there", at(0))
    assert ff.event_exists("there") is True
    assert ff.event_exists("absent") is False


def test_get_event_returns_the_newest_data_at_once(place: Place) -> None:
    ff = place.open()
    put_new(ff, "new")
    put_journaled(ff, "journaled", start=5)
    for event_id in ("new", "journaled"):
        for data in (b"first", b"", b"third"):
            ff.update_event(event_id, data)
            assert ff.get_event(event_id).data == data
            assert place.open().get_event(event_id).data == data


def test_without_reading_pending_updates_get_event_gives_the_old_data_until_they_are_applied(place: Place) -> None:
    ff = place.open()
    old_way = place.open(read_pending_updates=False)
    put_new(ff, "b")
    put_journaled(ff, "a", start=3)
    put_new(ff, "b2", start=9)
    ff.update_event("a", b"updated")
    ff.update_event("b2", b"updated")
    assert old_way.get_event("a").data == b"data of a"
    assert old_way.get_event("b2").data == b"data of b2"
    old_way.update()
    assert old_way.get_event("a").data == old_way.get_event("b2").data == b"updated"
    old_way.delete_event("a")
    assert not old_way.event_exists("a")


def test_without_reading_pending_updates_get_event_gives_the_old_data_until_journal_has_applied_them(
    place: Place,
) -> None:
    ff = place.open(read_pending_updates=False)
    put_new(ff, "a", "b")
    ff.update_event("a", b"updated")
    assert ff.get_event("a").data == b"data of a"
    ff.journal(minimum_number_of_events=2)
    assert ff.get_event("a").data == b"updated"


@ON_FOLDER
@pytest.mark.parametrize("field", ["from", "date", "offset", "size", "updated", "birth"])
@pytest.mark.parametrize("value", ["", "../../x", "-1", "9" * 40, "1e3", "\u00bd".encode().hex()])
def test_other_fields_of_an_index_entry_that_are_not_what_they_should_be_never_give_wrong_data(
    place: Place, field: str, value: str
) -> None:
    ff, _ = one_journal(place)
    store = place.store()
    (key,) = (key for key in keys(store, "index/") if key.startswith("index/b--"))
    entry = store.head(key)
    assert entry
    store.put(key, b"", metadata={**entry.metadata, field: value})
    try:
        found = ff.get_event("b").data
    except FlashFloodException as error:
        assert key in str(error) or "b" in str(error)  # noqa: PT017 - either way out is right
    else:
        assert found == b"data of b"
