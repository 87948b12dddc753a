"""Many ids, and what `get_event` gives of them one by one."""

import pytest

from flashflood import Event, FlashFlood, FlashFloodEventNotFound
from flashflood.records import prefixes
from support.samples import at


def numbered(count: int) -> list[str]:
    return [f"event {number:03}" for number in range(count)]


def put_all(ff: FlashFlood, *ids: str, start: int = 0) -> dict[str, bytes]:
    """Put an event for each id in one batch, a minute apart; their data by id."""
    data = {event_id: f"data of {event_id}".encode() for event_id in ids}
    ff.put_many((data[event_id], event_id, at(minute)) for minute, event_id in enumerate(ids, start))
    return data


def one_by_one(ff: FlashFlood, ids: list[str]) -> list[Event]:
    """Give what `get_event` gives of each id, without those it does not find."""
    found = []
    for event_id in ids:
        try:
            found.append(ff.get_event(event_id))
        except FlashFloodEventNotFound:
            continue
    return found


def worth_a_page(monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    """Let a page be tried for so many prefixes."""
    monkeypatch.setattr(prefixes, "FEW", worth)
    monkeypatch.setattr(prefixes, "KEYS_TO_TRY", 1)
