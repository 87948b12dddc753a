"""Calls of the scale bench that list journals among dead ones or beside a combination, and replay many new events."""

from datetime import datetime, timedelta

from contenders import insist
from stretches import BEGIN, Calls, Stretch, numbered

from flashflood import FlashFlood, JournalID, datetime_to_timestamp, layout
from flashflood.identifiers import NEW
from flashflood.records.ledger import LedgerEntry

SIZE = 100
"""Bytes of an event."""
EVENTS = (10_000, 100_000)
AT_ONE_MOMENT = (2_000, 20_000)
KEYS = (10_000, 80_000)
KEYS_PER_PAGE = 1_000
DEAD_PER_PAGE = 10
JOURNALS = (14_000, 140_000)
SOURCES = 10_000
"""Of the combination that is under way, at most."""
LATER = datetime(2999, 1, 1)
"""Objects of that time are as old as the server that makes them up."""
HOUR = timedelta(hours=1)


def at_one_moment(events: int) -> list[Stretch]:
    """Give a store of so many new events of one date."""
    return [Stretch(journals=events, every=0, size=SIZE, kind="new")]


def new(events: int) -> list[Stretch]:
    """Give a store of a new event each second."""
    return [Stretch(journals=events, every=1, size=SIZE, kind="new")]


def dying(keys: int) -> list[Stretch]:
    """Give a store of which each page has journals that have just died; so many keys, in whole pages."""
    dead = Stretch(journals=DEAD_PER_PAGE, every=1, size=SIZE, kind="dead")
    living = Stretch(journals=KEYS_PER_PAGE - 2 * DEAD_PER_PAGE, every=1, size=SIZE)
    first, *others = [dead, living] * max(1, keys // KEYS_PER_PAGE)
    return [first._replace(begin=LATER), *others]


def first_of_one_moment(ff: FlashFlood, events: int) -> None:
    """Replay as far as the first event."""
    ((event_id, data),) = numbered(at_one_moment(events)[0], [0])
    first = next(iter(ff.replay()))
    insist((first.event_id, first.data) == (event_id, data), f"{first.event_id} comes first")


def one_hour(ff: FlashFlood, events: int) -> None:
    """Replay an hour in the middle."""
    begin = events // 2
    found = [
        event.data for event in ff.replay(BEGIN + timedelta(seconds=begin), BEGIN + timedelta(seconds=begin) + HOUR)
    ]
    of_the_hour = range(begin + 1, min(events, begin + 1 + HOUR // timedelta(seconds=1)))
    insist(found == [data for _, data in numbered(new(events)[0], of_the_hour)], f"{len(found)} events")


def all_living(ff: FlashFlood, keys: int) -> None:
    """List all journals."""
    found = sum(1 for _ in ff.list_journals())
    insist(found == sum(stretch.journals for stretch in dying(keys) if stretch.kind != "dead"), f"{found} journals")


def beside_a_combination(ff: FlashFlood, journals: int) -> None:
    """List all journals, once somebody has begun to combine many of them."""
    sources = new_journal_ids(min(journals, SOURCES))
    first, last = sources[0].start, sources[-1].start
    combined = JournalID.make(first, last, last, "0f8fad5b-d9cb-469f-a165-70867728950e")
    entry = LedgerEntry(combined, tuple(sources), (), len(sources) * SIZE)
    ff._ctx.store.put(layout.ledger_key(combined), entry.encode())  # noqa: SLF001  as `journal` does
    found = sum(1 for _ in ff.list_journals())
    insist(found == journals, f"{found} journals")


def new_journal_ids(count: int) -> list[JournalID]:
    """Give the ids of the first journals of `new`, in key order."""
    dates = [datetime_to_timestamp(BEGIN + timedelta(seconds=number)) for number in range(count)]
    return [
        JournalID.make(date, date, NEW, f"{number:08x}-0000-4000-8000-{number:012x}")
        for number, date in enumerate(dates)
    ]


CALLS: Calls = {
    "new events of one moment: first event": (at_one_moment, AT_ONE_MOMENT, first_of_one_moment),
    "new events: replay of an hour": (new, EVENTS, one_hour),
    "keys of journals, of which some on each page have just died: list_journals": (dying, KEYS, all_living),
    "new events, 10,000 of which are being journaled: list_journals": (new, JOURNALS, beside_a_combination),
}
