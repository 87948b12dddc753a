"""`repair` combines together the journals that share events; how long it takes to find them grows with their number."""

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from flashflood.identifiers import JournalID
from flashflood.maintain.repair import _groups

LINKS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True), max_size=20)


def journal(number: int) -> JournalID:
    return JournalID(f"journal {number:05}")


def joined_plainly(links: list[list[JournalID]]) -> list[list[JournalID]]:
    groups: list[set[JournalID]] = []
    for link in links:
        touching = [group for group in groups if group.intersection(link)]
        groups = [group for group in groups if group not in touching] + [set(link).union(*touching)]
    return sorted(map(sorted, groups))


@given(LINKS)
def test_journals_that_share_events_come_into_one_group(numbers: list[list[int]]) -> None:
    links = [[journal(number) for number in link] for link in numbers]
    assert sorted(_groups(links)) == joined_plainly(links)


class Counted(JournalID):
    """A journal_id that counts how often it is looked for."""

    looks: ClassVar[int] = 0

    def __hash__(self) -> int:
        Counted.looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


def looks(links: list[list[int]]) -> int:
    """Say how often a journal is looked for in all."""
    Counted.looks = 0
    _groups([[Counted(journal(number)) for number in link] for link in links])
    return Counted.looks


def test_grouping_twice_as_many_journals_takes_about_twice_as_many_looks() -> None:
    alone = [[number] for number in range(1000)]
    chain = [[number, number + 1] for number in range(1000)]
    for links in (alone, chain):
        few, many = looks(links[:500]), looks(links)
        assert few >= 500
        assert many < 3 * few
