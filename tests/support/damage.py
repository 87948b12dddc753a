"""The store that tests of damage begin with."""

from conftest import Place

from flashflood import FlashFlood
from support.samples import put_journaled


def one_journal(place: Place) -> tuple[FlashFlood, str]:
    """Give a store whose one living journal holds `a`, `b` and `c`; and its id."""
    ff = place.open()
    put_journaled(ff, "a", "b", "c")
    (journal_id,) = ff.list_journals()
    return ff, str(journal_id)
