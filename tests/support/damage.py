"""The store that tests of damage begin with, and what is compared of repairs."""

from conftest import Place

from flashflood import FlashFlood, Repairs
from support.samples import JOURNAL_ID, put_journaled


def one_journal(place: Place) -> tuple[FlashFlood, str]:
    """Give a store whose one living journal holds `a`, `b` and `c`; and its id."""
    ff = place.open()
    put_journaled(ff, "a", "b", "c")
    (journal_id,) = ff.list_journals()
    return ff, str(journal_id)


def said(repairs: Repairs) -> tuple[int, dict[str, int], list[str]]:
    """Give what is said, but for version and blob of each journal: those that are made have new ones each time."""
    return int(repairs), repairs.kinds, sorted(JOURNAL_ID.sub(r"\1--\2", line) for line in repairs.taken_out)
