"""Replay of many journals of the same time: what is cut from longer stretches is what was put."""

from random import Random

from support.samples import at

from flashflood import FlashFlood


def test_many_journals_of_the_same_time_are_replayed_in_order_whatever_the_range_and_the_budget() -> None:
    ff, stored = FlashFlood.open("memory://"), []
    random = Random(5)  # noqa: S311  a test is no secret
    for journal in range(20):
        events = [
            (bytes([journal]) * random.choice([0, 10, 800, 3000]), f"{journal}.{number}", at(random.randrange(900)))
            for number in range(120)
        ]
        list(ff.put_many(events))
        stored += [(date, event_id, data) for data, event_id, date in events]
    for budget in [0, 10**5, 10**6, 4 * 10**6, 160 * 10**6] * 3:
        start, end = sorted(at(random.randrange(900)) for _ in range(2))
        expected = sorted(event for event in stored if start < event[0] <= end)
        replayed = [(event.date, event.event_id, event.data) for event in ff.replay(start, end, memory_budget=budget)]
        assert replayed == expected
