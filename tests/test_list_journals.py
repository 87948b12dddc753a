"""`list_journals` gives the ids of the journals that live and overlap the range."""

from typing import TYPE_CHECKING

from conftest import Place
from support.samples import at, put_journaled
from support.watched import Counted, on

from flashflood import JournalID, JournalSummary

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_list_journals_gives_journal_ids_whose_range_overlaps(place: Place) -> None:
    ff = place.open()
    for minute in (0, 10, 20):
        put_journaled(ff, f"{minute}", f"{minute + 1}", start=minute)
    listed = list(ff.list_journals())
    assert all(isinstance(journal_id, JournalID) for journal_id in listed)
    assert [item.start_date for item in listed] == [at(0), at(10), at(20)]
    assert list(ff.list_journals(at(5), at(15))) == [listed[1]]
    assert list(ff.list_journals(from_date=at(10.5))) == listed[1:]
    assert list(ff.list_journals(to_date=at(10))) == listed[:2]
    assert list(ff.list_journals(at(11), at(20))) == [listed[2]]


def test_an_old_journal_listing_meets_journals_made_since(place: Place) -> None:
    ff = place.open()
    for number in range(5):
        put_journaled(ff, f"{number}", start=number)
    listed: Iterator[JournalID] = iter(ff.list_journals())
    found = [next(listed)]
    put_journaled(ff, "later", start=50)
    found += list(listed)
    assert len(found) == len(set(found))
    assert [item.start_date for item in found][:5] == [at(number) for number in range(5)]


def test_describe_journals_says_how_many_events_and_bytes_each_holds_with_one_request_more_for_each(
    place: Place,
) -> None:
    ff = place.open()
    for minute, names in ((0, "a"), (10, "bc"), (20, "def")):
        put_journaled(ff, *names, start=minute)
    listed = list(ff.list_journals())
    store = Counted(place.store())
    found = list(on(store).describe_journals(at(5)))
    assert found == [JournalSummary(listed[1], 2, 18), JournalSummary(listed[2], 3, 27)]
    listing = Counted(place.store())
    list(on(listing).list_journals(at(5)))
    assert sorted(set(store.requests) - set(listing.requests)) == sorted(
        ("head", f"journals/{one}") for one in listed[1:]
    )
    assert len(store.requests) == len(listing.requests) + 2


def test_describe_journals_reads_a_manifest_without_metadata_and_does_not_know_of_a_damaged_one(place: Place) -> None:
    ff = place.open()
    for minute in (0, 10):
        put_journaled(ff, f"{minute}", start=minute)
    first, second = ff.list_journals()
    store = place.store()
    copied = store.get(f"journals/{first}")
    assert copied
    store.put(f"journals/{first}", copied.body)
    store.put(f"journals/{second}", b"{}")
    assert list(ff.describe_journals()) == [JournalSummary(first, 1, 9), JournalSummary(second, None, None)]
