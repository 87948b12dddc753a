"""Random calls in random order, against a plain dict that says what each must give."""

import json
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

import jmespath
import pytest
from conftest import Place
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.samples import AT_ONCE, at

from flashflood import Event, FlashFlood, FlashFloodEventExistsError, FlashFloodEventNotFound, FlashFloodJournalingError
from flashflood.util import datetime_from_timestamp

IDS = st.sampled_from(["a", "ab", "a/b", "-a", "\u00e9 %", "../x", "z-"])
MINUTES = st.integers(0, 5)
DATA = st.one_of(
    st.binary(max_size=6),
    st.fixed_dictionaries({"foo": st.integers(0, 9)}).map(lambda document: json.dumps(document).encode()),
)
BOUNDS = st.none() | st.integers(-1, 6)
FILTERS = st.none() | st.sampled_from(["foo", "foo > `4`", "!foo", "foo == `0` || foo == `9`"])


@dataclass
class Life:
    """One event from its put to its delete, as the model knows it."""

    date: datetime
    current: bytes | None
    """Its newest data; None once deleted."""
    shown: set[bytes | None] = field(default_factory=set)
    """What replay may show of it: more than one thing only while it is not known which updates have been applied."""

    def applied(self) -> None:
        """All updates and deletes of it have been applied."""
        self.shown = {self.current}


def matches(expression: str | None, data: bytes) -> bool:
    """Give what the Python package jmespath says of `[?expression]`."""
    if expression is None:
        return True
    try:
        document = json.loads(data)
    except ValueError:
        return False
    return bool(jmespath.search(f"[?{expression}]", [document]))


class Store(RuleBasedStateMachine):
    """Two clients of one store, and the dict of what must be in it."""

    def open(self, *, read_pending_updates: bool = True) -> FlashFlood:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.lives: dict[str, list[Life]] = defaultdict(list)

    @initialize()
    def clients(self) -> None:
        self.ff = self.open()
        self.other = self.open()
        self.old_way = self.open(read_pending_updates=False)

    def alive(self, event_id: str) -> Life | None:
        """Give the event that has the id now."""
        lives = self.lives[event_id]
        return lives[-1] if lives and lives[-1].current is not None else None

    @rule(event_id=IDS, minute=MINUTES, data=DATA)
    def put(self, event_id: str, minute: int, data: bytes) -> None:
        if self.alive(event_id):
            with pytest.raises(FlashFloodEventExistsError):
                self.ff.put(data, event_id, at(minute))
            return
        assert self.ff.put(data, event_id, at(minute)) == Event(event_id, at(minute), data)
        self.lives[event_id].append(Life(at(minute), data, {data}))

    @rule(event_id=IDS, data=DATA)
    def update_event(self, event_id: str, data: bytes) -> None:
        life = self.alive(event_id)
        if life is None:
            with pytest.raises(FlashFloodEventNotFound):
                self.other.update_event(event_id, data)
            return
        self.other.update_event(event_id, data)
        life.current = data

    @rule(event_id=IDS)
    def delete_event(self, event_id: str) -> None:
        life = self.alive(event_id)
        if life is None:
            with pytest.raises(FlashFloodEventNotFound):
                self.ff.delete_event(event_id)
            return
        self.ff.delete_event(event_id)
        life.current = None

    @rule()
    def apply_all_updates(self) -> None:
        self.other.update(None)
        for lives in self.lives.values():
            for life in lives:
                life.applied()

    @rule(number=st.integers(1, 3))
    def apply_some_updates(self, number: int) -> None:
        self.ff.update(number)
        for lives in self.lives.values():
            for life in lives:
                life.shown.add(life.current)

    @rule(minimum=st.integers(1, 4))
    def journal(self, minimum: int) -> None:
        taken: list[tuple[str, datetime]] = []
        for journal_id in self.ff.new_journals():
            journal = self.ff.open_journal(journal_id)
            taken += [(str(row["event_id"]), journal_id.start_date) for row in journal.events]
            if len(taken) >= minimum:
                break
        if len(taken) < minimum:
            with pytest.raises(FlashFloodJournalingError):
                self.ff.journal(minimum)
            return
        self.ff.journal(minimum_number_of_events=minimum)
        self.seen_to_be_applied(taken)

    def seen_to_be_applied(self, rows: list[tuple[str, datetime]]) -> None:
        """Note that the updates of these events were applied; where an id has had two of one date, of one of them."""
        for event_id, date in rows:
            of_date = [life for life in self.lives[event_id] if life.date == date]
            for life in of_date:
                if len(of_date) == 1:
                    life.applied()
                else:
                    life.shown.add(life.current)

    @rule(chosen=st.lists(st.integers(0, 5), min_size=1, max_size=4))
    def combine(self, chosen: list[int]) -> None:
        journals = list(self.ff.list_journals())
        picked = [self.ff.open_journal(journals[number]) for number in sorted(set(chosen)) if number < len(journals)]
        if not picked:
            return
        rows = [
            (str(row["event_id"]), datetime_from_timestamp(str(row["timestamp"])))
            for journal in picked
            for row in journal.events
        ]
        self.ff.combine_journals(picked)
        self.seen_to_be_applied(rows)

    @rule()
    def collect_garbage(self) -> None:
        self.other.collect_garbage(grace=AT_ONCE)

    @rule()
    def repair(self) -> None:
        self.ff.repair()
        for lives in self.lives.values():
            for life in lives:
                life.shown.add(life.current)

    @rule(start=BOUNDS, end=BOUNDS, expression=FILTERS, budget=st.sampled_from([1, 1 << 20]))
    def replay(self, start: int | None, end: int | None, expression: str | None, budget: int) -> None:
        from_date, to_date = (None if minute is None else at(minute) for minute in (start, end))
        if from_date is not None and to_date is not None and from_date > to_date:
            from_date, to_date = to_date, from_date
        events = list(self.ff.replay(from_date, to_date, filter=expression, memory_budget=budget))
        places = [(event.date, event.event_id) for event in events]
        assert places == sorted(set(places)), "in order, and no (date, id) twice"
        replayed = {(event.event_id, event.date): event.data for event in events}
        known = {(event_id, life.date) for event_id, lives in self.lives.items() for life in lives}
        assert replayed.keys() <= known
        for event_id, date in known:
            inside = (from_date is None or from_date < date) and (to_date is None or date <= to_date)
            shown = replayed.get((event_id, date))
            assert shown in (self.may_show(event_id, date, expression) if inside else {None}), (event_id, date)

    def may_show(self, event_id: str, date: datetime, expression: str | None) -> set[bytes | None]:
        """Give what a replay may show for an id and a date. None: nothing."""
        lives = [life for life in self.lives[event_id] if life.date == date]
        states = set().union(*(life.shown for life in lives))
        if len(lives) > 1 and lives[-1].current is not None and None not in lives[-1].shown:
            states.discard(None)
        return {data if data is not None and matches(expression, data) else None for data in states}

    @rule(event_id=IDS)
    def get_event(self, event_id: str) -> None:
        life = self.alive(event_id)
        assert self.ff.event_exists(event_id) == (life is not None)
        if life is None:
            for client in (self.other, self.old_way):
                with pytest.raises(FlashFloodEventNotFound):
                    client.get_event(event_id)
            return
        assert self.other.get_event(event_id) == Event(event_id, life.date, life.current or b"")
        assert self.old_way.get_event(event_id).data in life.shown

    @precondition(lambda self: self.lives)
    @rule()
    def every_event_stream_can_be_read(self) -> None:
        streams = list(self.ff.list_event_streams())
        assert [stream["journal_id"] for stream in streams] == list(self.ff.list_journals())

    @invariant()
    def nothing_is_wrong(self) -> None:
        if hasattr(self, "ff"):
            assert self.ff.check() == []

    def teardown(self) -> None:
        if not hasattr(self, "ff"):
            return
        self.apply_all_updates()
        for event_id in list(self.lives):
            self.get_event(event_id)
        self.replay(None, None, None, 1 << 20)


class OnAFolder(Store):
    """Each run in a folder of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()

    def open(self, *, read_pending_updates: bool = True) -> FlashFlood:
        return FlashFlood.open(self.folder, read_pending_updates=read_pending_updates)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


class OnASqliteFile(OnAFolder):
    """Each run in a file of its own."""

    def open(self, *, read_pending_updates: bool = True) -> FlashFlood:
        return FlashFlood.open(f"{self.folder}/events.flashflood", read_pending_updates=read_pending_updates)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("machine", [OnAFolder, OnASqliteFile])
def test_any_calls_in_any_order_give_what_a_dict_gives(machine: type[OnAFolder]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=120, stateful_step_count=30))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("place", ["moto"], indirect=True)
def test_any_calls_in_any_order_on_s3_give_what_a_dict_gives(place: Place) -> None:
    class OnS3(Store):
        """Each run on the emptied store of the test."""

        def open(self, *, read_pending_updates: bool = True) -> FlashFlood:
            return place.open(read_pending_updates=read_pending_updates)

        def teardown(self) -> None:
            super().teardown()
            place.open().destroy()

    few = settings(max_examples=5, stateful_step_count=15, suppress_health_check=[HealthCheck.too_slow])
    run_state_machine_as_test(OnS3, settings=few)
