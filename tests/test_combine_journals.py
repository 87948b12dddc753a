# ruff: noqa: SLF001 - existing code reaches for `ff._Journal`
"""`combine_journals` makes one journal of those that it is given, which must all live."""

from datetime import timedelta

import pytest
from conftest import Place
from support.samples import put_journaled, put_new

from flashflood import FlashFloodException

ON_FOLDER = pytest.mark.parametrize("place", ["folder"], indirect=True)


def test_combine_journals_makes_one_journal_of_several(place: Place) -> None:
    ff = place.open()
    put_journaled(ff, "a", "b")
    put_journaled(ff, "c", start=5)
    journal = ff.combine_journals([ff._Journal.from_id(item) for item in ff.list_journals()])
    assert list(ff.list_journals()) == [journal.id_]
    assert [event.event_id for event in ff.replay()] == ["a", "b", "c"]


@ON_FOLDER
@pytest.mark.parametrize("dead", [0, 10, 39])
@pytest.mark.parametrize("state", ["tombstoned", "collected"])
def test_of_more_journals_than_are_asked_about_one_by_one_a_dead_one_is_noticed(
    place: Place, dead: int, state: str
) -> None:
    ff = place.open()
    put_new(ff, *(f"{number:02}" for number in range(40)))
    journals = list(ff.list_journals())
    assert len(journals) > 4 * place.store().workers
    ff.combine_journals([journals[dead]])
    if state == "collected":
        ff.collect_garbage(grace=timedelta(0))
    with pytest.raises(FlashFloodException, match="not all of these journals live"):
        ff.combine_journals(journals)
    living = list(ff.list_journals())
    assert len(ff.combine_journals(living).events) == 40
    assert len(list(ff.list_journals())) == 1
