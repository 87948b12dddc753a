"""docs/cost.md: what a million and a billion events a day cost, worked out from the measured figures."""

from collections.abc import Sequence
from typing import NamedTuple

from measuring import Row
from results import Results, number, table

PUT_PRICE = 0.005 / 1000
"""Dollars for a PUT, COPY, POST or LIST request, S3 Standard, us-east-1."""
GET_PRICE = 0.0004 / 1000
"""Dollars for a GET or HEAD; DELETE is free."""
WRITES_A_SECOND = 3_500
"""What S3 promises at least for each partitioned prefix; it takes more where it has had time to partition."""
SECONDS_A_DAY = 86_400
EACH_HEAD = ["", "PUT and LIST", "GET and HEAD", "dollars for a million", "client CPU, ms"]
REPLAY_HEAD = ["", "requests for a million", "dollars for a billion", "CPU s for a million", "core hours for a billion"]
FOLLOW_HEAD = ["", "events", "LIST", "GET"]
EVERY = 10
"""Seconds between two polls of a follower, unless it is told otherwise."""
DAYS = (("a million", 10**6), ("a billion", 10**9))


class Way(NamedTuple):
    """A way to store events until replay streams them fast: the calls that each event takes part in."""

    name: str
    calls: Sequence[Row]

    def each(self, figure: str) -> float:
        """Give a figure for one event, over all calls."""
        return sum(row.each(figure) for row in self.calls)

    @property
    def dollars(self) -> float:
        """Give what S3 asks for the requests of one event."""
        return dollars(self.each("puts"), self.each("gets"))


def dollars(puts: float, gets: float) -> float:
    """Give what S3 asks for so many requests."""
    return puts * PUT_PRICE + gets * GET_PRICE


def page(results: Results) -> str:
    """Write the page."""
    ways = list(_ways(results))
    replays = [
        Way(side, [results.one("growth", case=results.cases("growth")[-1], side=side, stage=stage)])
        for side, stage in (("0.4.3", "replay"), ("ours", "replay"), ("ours", "replay_batches"))
    ]
    old, single, many, given = ways
    million, billion = (events for _, events in DAYS)
    return f"""# What it costs

Worked out by `benches/report.py` from the requests and the CPU seconds that [the benches](benchmarks.md) measured, for
events of 450 bytes, and from S3's prices: ${PUT_PRICE * 1000:.3f} for 1,000 PUT or LIST requests and
${GET_PRICE * 1000:.4f} for 1,000 GET or HEAD requests (S3 Standard, us-east-1); deletes are free. Storage is not in it:
it is the same for all.

## One event

From the call that stores it to the journal that replay streams. `put` is followed by `journal`, {_count(old)} new
events at a time with 0.4.3 and {_count(single)} with this package; a batch of `put_many` is a journal from the start.

{table(EACH_HEAD, [_each(way) for way in ways])}
## A day

Cores: the CPU seconds, spread evenly over the day's {SECONDS_A_DAY:,} seconds. More requests than
{WRITES_A_SECOND:,} writes a second need more than one of S3's partitions.

{"".join(_day(name, events, ways) for name, events in DAYS)}
A billion events a day cost ${number(old.dollars * billion)} in requests and {number(_cores(old, billion))} cores with
0.4.3; with this package, put singly, ${number(single.dollars * billion)} and {number(_cores(single, billion))} cores,
or ${number(many.dollars * billion)} and {number(_cores(many, billion))} cores with `put_many`, where it makes the ids.
Ids that the caller gives are looked up first, for ${number(given.dollars * billion)} in all. A million a day cost
${number(old.dollars * million)}, ${number(single.dollars * million)} and ${number(many.dollars * million)}. Nearly all
of what is left is the index, one object for each event: by it `get_event` finds an event among any number, and one id
is one event.

## Reading all of it once

{results.cases("growth")[-1]}:

{table(REPLAY_HEAD, [_replay(way) for way in replays])}
{_following(results)}"""


def _following(results: Results) -> str:
    first, near, batch, idle = results.of("follow")
    polls = SECONDS_A_DAY // EVERY
    nearly_idle = dollars(near.each("puts"), near.each("gets") - first.each("gets"))
    single, many = (first.each("gets") * GET_PRICE, batch.each("gets") * GET_PRICE)
    return f"""## Following

What [`follow`](following.md) asked for, beside {first.count:,} events that had been put singly:

{table(FOLLOW_HEAD, [_poll(row) for row in (first, near, batch, idle)])}
A poll lists 1,000 keys at a time, and a page more where it guesses wrong how closely they lie. A full one lists all
journals, the dead too; a near one those that begin five minutes before the place or later. Where all are more than a
page, a full one is due once near ones have listed as many pages, and after three hours.

A poll each {EVERY} seconds is {polls:,} a day. Near, and with nothing to give, they cost
${number(nearly_idle * polls)}; with the full ones about twice that, or ${number(8 * PUT_PRICE * 1000)} for each million
keys under `journals/` and day, where that is more. An event that was put singly takes {number(first.each("gets"))}
GETs, so a million cost ${number(single * 1e6)}; of a batch of {batch.count} they cost ${number(many * 1e6)}.
"""


def _poll(row: Row) -> list[str]:
    return [row.stage, f"{row.count:,}", f"{row.median('puts'):,.0f}", f"{row.median('gets'):,.0f}"]


def _ways(results: Results) -> list[Way]:
    def call(side: str, stage: str) -> Row:
        return results.one("calls", server="moto", latency=0, side=side, stage=stage)

    journal = {side: results.one("journal", server="moto", latency=0, side=side) for side in ("0.4.3", "ours")}
    return [
        Way("0.4.3: put, journal", [call("0.4.3", "put, id made"), journal["0.4.3"]]),
        Way("ours: put, journal", [call("ours", "put, id made"), journal["ours"]]),
        Way("ours: put_many, ids made", [call("ours", "put_many, ids made")]),
        Way("ours: put_many, ids given", [call("ours", "put_many, ids given")]),
    ]


def _count(way: Way) -> str:
    return f"{way.calls[-1].count:,}"


def _cores(way: Way, events: int) -> float:
    return way.each("cpu") * events / SECONDS_A_DAY


def _each(way: Way) -> list[str]:
    dollars = number(way.dollars * 1e6)
    return [way.name, number(way.each("puts")), number(way.each("gets")), dollars, number(way.each("cpu") * 1e3)]


def _day(name: str, events: int, ways: Sequence[Way]) -> str:
    head = [f"{name} events a day", "requests", "writes a second", "dollars", "cores"]
    lines = [
        [
            way.name,
            f"{(way.each('puts') + way.each('gets')) * events:,.0f}",
            number(way.each("puts") * events / SECONDS_A_DAY),
            number(way.dollars * events),
            number(_cores(way, events)),
        ]
        for way in ways
    ]
    return table(head, lines) + "\n"


def _replay(way: Way) -> list[str]:
    row = way.calls[0]
    return [
        f"{way.name}: {row.stage}",
        number(row.requests * 1e6),
        number(way.dollars * 1e9),
        number(way.each("cpu") * 1e6),
        number(way.each("cpu") * 1e9 / 3600),
    ]
