"""A follower hands over what the model's follower does, on random stores, and each event once.

The stores are made by real calls, some of which die on the way; objects are dated by a clock that the test moves, and
some by one that lags behind it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

import pytest
from support.dated import Lagging
from support.followed_in_the_model import ModelledFollower
from support.samples import AT_ONCE
from support.watched import Death, Mortal, Short, on

from flashflood import Event, FlashFlood, FlashFloodException
from flashflood.context import SLACK
from flashflood.follow import look
from flashflood.follow.follower import Glances
from flashflood.follow.look import Full
from flashflood.write import put_many

BEGIN = datetime(2021, 1, 1)
MINUTES = 40
"""Before `BEGIN` that all events are dated in."""
MINUTE = timedelta(minutes=1)


class Near(Glances):
    """Looks near whenever it can."""

    def full(self) -> Full | None:
        return self._full


class Both:
    """A store at which random calls are made, and the two followers of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - nobody is to be kept from guessing it
        self.store = Lagging(self.random)
        self.modelled = ModelledFollower()
        self.cursor: str | None = None
        self.glances: Glances = Near()
        self.living: list[str] = []
        """Ids of events that were never deleted."""
        self.put = 0
        self.reach = 0
        """How many minutes of the dates the polls may reach so far."""
        self.data = defaultdict[str, set[bytes]](set)
        """All that an event may have had; which of it is handed over depends on the journal that counts."""
        self.handed: list[str] = []

    def act(self) -> None:
        """Make a call, which may die."""
        dies = self.random.random() < 0.2
        store = Mortal(self.store, self.random.randint(1, 12), answer_lost=self.random.random() < 0.5)
        ff = on(store) if dies else on(self.store)
        acts = (self.puts, self.puts, self.put_many, self.journal, self.compact, self.change, self.put_again, self.rest)
        with suppress(Death, FlashFloodException):
            self.random.choice(acts)(ff)

    def date(self) -> datetime:
        return BEGIN - self.random.randint(1, MINUTES) * MINUTE

    def bound(self) -> datetime:
        self.reach = min(self.reach + 1, MINUTES)
        return BEGIN - (MINUTES - self.random.randint(0, self.reach)) * MINUTE

    def events(self, count: int) -> list[tuple[bytes, str, datetime]]:
        self.put += count
        made = [(b"%d" % number, f"id {number}", self.date()) for number in range(self.put - count, self.put)]
        for data, event_id, _ in made:
            self.data[event_id].add(data)
        return made

    def puts(self, ff: FlashFlood) -> None:
        (event,) = self.events(1)
        ff.put(*event)
        self.living.append(event[1])

    def put_many(self, ff: FlashFlood) -> None:
        events = self.events(self.random.randint(2, 5))
        ff.put_many(events)
        self.living += [event[1] for event in events]

    def journal(self, ff: FlashFlood) -> None:
        ff.journal(self.random.randint(1, 4))

    def compact(self, ff: FlashFlood) -> None:
        ff.update()
        ff.combine_journals(list(ff.list_journals())[: self.random.randint(2, 4)] or ["none"])

    def change(self, ff: FlashFlood) -> None:
        if self.living:
            event_id, data = self.random.choice(self.living), b"new %d" % self.put
            self.data[event_id].add(data)
            ff.update_event(event_id, data)

    def put_again(self, ff: FlashFlood) -> None:
        """Delete an event, and put it again, mostly with the same date."""
        if self.living:
            event_id = self.random.choice(self.living)
            self.living.remove(event_id)
            date = self.random.choice([ff.get_event(event_id).date, self.date()])
            self.data[event_id].add(b"again")
            ff.delete_event(event_id)
            ff.put(b"again", event_id, date)

    def rest(self, ff: FlashFlood) -> None:
        """Let time go by, and what was dead long before a full look be collected."""
        self.store.passes(self.random.randint(0, 3) * SLACK)
        if self.random.random() < 0.3:
            self.poll(self.bound(), near=False)
            self.store.passes(2 * SLACK)
            ff.collect_garbage(AT_ONCE)
            self.poll(self.bound(), near=False)

    def poll(self, bound: datetime, *, near: bool) -> None:
        """Let both followers poll up to a date, and compare what they hand over."""
        lateness = self.store.now.replace(tzinfo=None) - bound
        late = [] if near else self.begun(lateness)
        expected = self.modelled.poll(self.store, lateness, near=near)
        events = self.followed(late, lateness, near=near)
        in_order = [one.event_id for one in expected.out if not one.is_late]
        assert self.undeleted(event.event_id for event in events) == self.undeleted(in_order)
        late_ids = sorted(one.event_id for one in expected.out if one.is_late)
        assert self.undeleted(sorted(event.event_id for event in late)) == self.undeleted(late_ids)
        assert all(event.data in self.data[event.event_id] for event in (*late, *events))
        self.handed += [event.event_id for event in (*late, *events)]

    def undeleted(self, ids: Iterable[str]) -> list[str]:
        """Leave out events that were deleted: they may be handed over or not, whichever journal counts for them."""
        return [event_id for event_id in ids if event_id in self.living]

    def begun(self, lateness: timedelta) -> list[Event]:
        """Begin with the late events, stop before one of them, and let more come; some times over."""
        handed: list[Event] = []
        for _ in range(self.random.randint(0, 3)):
            late: list[Event] = []
            follower = on(self.store).follow(self.cursor, lateness=lateness, late=self.some(late), wait=False)
            with suppress(InterruptedError):
                next(follower, None)
                break  # nothing stopped it: as if it had never been
            self.cursor = follower.cursor
            handed += late
            self.puts(on(self.store))
        return handed

    def some(self, late: list[Event]) -> Callable[[Event], None]:
        """Give what takes some events, and stops before another one."""
        most = self.random.randint(0, 3)

        def take(event: Event) -> None:
            if len(late) == most:
                raise InterruptedError
            late.append(event)

        return take

    def followed(self, late: list[Event], lateness: timedelta, *, near: bool) -> list[Event]:
        """Poll, and begin anew from the cursor after each event, as if killed, once in a while."""
        events: list[Event] = []
        if not near:
            self.glances = Near()
        while True:
            store = Short(self.store, self.random.randint(1, 9))
            follower = on(store).follow(self.cursor, lateness=lateness, late=late.append, wait=False)
            follower._glances = self.glances  # noqa: SLF001 - which looks are near is up to the test here
            for event in follower:
                events.append(event)
                if not near and self.random.random() < 0.2:
                    break
            else:
                self.cursor = follower.cursor
                return events
            self.cursor, self.glances = follower.cursor, Near()


@pytest.mark.parametrize("seed", range(60))
def test_a_follower_hands_over_what_the_model_does_and_each_event_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "NEAR", timedelta(0))  # as in the model
    monkeypatch.setattr(put_many, "SMALLEST_JOURNAL", 4)
    both = Both(seed)
    for _ in range(40):
        both.act()
        if both.random.random() < 0.4:
            both.poll(both.bound(), near=both.random.random() < 0.5)
    both.poll(BEGIN, near=True)
    both.poll(BEGIN, near=False)
    handed = Counter(both.handed)
    assert {event_id: handed[event_id] for event_id in both.living} == dict.fromkeys(both.living, 1)
