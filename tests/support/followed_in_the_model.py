"""The modelled follower on what a real store holds, dates included."""

from datetime import datetime, timedelta
from typing import Any

from model import store as model
from model.calls import Caller, GoOn
from model.protocol_follow import Followed, Memory, follow

from flashflood import layout
from flashflood._core import Manifest
from flashflood.context import SLACK
from flashflood.dates import microseconds
from flashflood.identifiers import TOMBSTONE_SUFFIX, JournalID
from support.dated import Dated
from support.in_the_model import EVERY_SAFEGUARD
from support.watched import keys

LONG_AGO = datetime(2021, 1, 1)


def journal_of(text: str) -> model.JournalID:
    """Give a journal's id in the model, with dates as numbers."""
    found = JournalID(text)
    return model.JournalID(microseconds(found.start), microseconds(found.end), found.version, found.blob_id)


def dated_in_the_model(store: Dated) -> model.Store:
    """Give the journals and blobs of a store, and its time in ticks of the slack."""
    held: model.Store = {model.TIME: model.Time(_tick(store.now), "")}
    for key in keys(store.store, layout.JOURNALS):
        name = layout.journal_name(key)
        modelled = model.journal_key(journal_of(name.removesuffix(TOMBSTONE_SUFFIX)))
        if name.endswith(TOMBSTONE_SUFFIX):
            modelled = model.tombstone(modelled)  # type: ignore[assignment]
        held[modelled] = _manifest(store, key, held)
        held[model.DATES, modelled] = _tick(store.dates[key])
    return held


def _tick(date: datetime) -> int:
    return (date.replace(tzinfo=None) - LONG_AGO) // SLACK


def _manifest(store: Dated, key: str, held: model.Store) -> model.Manifest | None:
    if key.endswith(TOMBSTONE_SUFFIX):
        return None
    found, journal_id = store.store.get(key), JournalID.from_key(key)
    assert found is not None
    manifest = Manifest.decode(journal_id, found.body)
    blob = store.store.get(layout.blob_key(journal_id))
    body = b"" if blob is None else blob.body
    rows = manifest.rows()
    held[model.blob_key(journal_id.blob_id)] = tuple(body[row.offset : row.offset + row.size] for row in rows)
    modelled = tuple(model.Row(row.event_id, microseconds(row.timestamp), 0, 0, row.birth) for row in rows)
    return model.Manifest(modelled, tuple(map(journal_of, manifest.replaces)), fence=not rows)


class ModelledFollower:
    """The model's follower, poll by poll."""

    def __init__(self) -> None:
        self.followed = Followed()
        self._memory: Memory | None = None

    def poll(self, store: Dated, lateness: timedelta, *, near: bool) -> Followed:
        """Poll once, and give all that it has handed over since the last poll. `near`: if it remembers a full look."""
        held = dated_in_the_model(store)
        bound = (store.now.replace(tzinfo=None) - lateness - datetime.min) // timedelta(microseconds=1)  # noqa: DTZ901
        caller = Caller("follower", EVERY_SAFEGUARD, page=1000)
        so_far = self.followed._replace(out=())
        step: Any = GoOn(follow, ((-bound if near else bound,), False, so_far, self._memory))
        while step.arguments[0]:
            step = _performed(step.step(caller, *step.arguments), held)
        _, _, self.followed, self._memory = step.arguments
        return self.followed


def _performed(steps: Any, held: model.Store) -> Any:  # noqa: ANN401  what a modelled call gives
    """Let a call make its requests up to where it goes on."""
    response = None
    while True:
        try:
            request = steps.send(response)
        except StopIteration as end:
            return end.value
        held, response = request.perform(held, frozenset())
