"""`list_journals` gives the ids of the journals that live and overlap the range."""

from typing import TYPE_CHECKING

from conftest import Place
from support.samples import at, put_journaled

from flashflood import JournalID

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
