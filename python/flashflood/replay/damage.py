"""What a replay does about damaged journals: it ends with an error, or leaves out what cannot be read of them.

Damaged is a living journal whose manifest or blob is missing or too short, cannot be decoded, or is not as it was
written, where the store can tell. What has been replaced meanwhile is not damaged, and no refusal or failure of a
server or network is damage.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Damage:
    """A damaged journal, of which a replay leaves out what cannot be read."""

    journal_id: JournalID
    key: str
    """The key of the manifest or blob that is damaged, without the root prefix."""
    problem: str
    """What is wrong with it, and what to do."""
    events: int | None
    """How many of its events this replay has left out so far. None: the manifest cannot be read, and nobody knows."""


OnDamage: TypeAlias = Literal["error", "skip"] | Callable[[Damage], object]
"""`error`: damage ends the replay. `skip`: it goes on. A callable: it goes on, and tells this of each journal once."""


class Lost(NamedTuple):
    """What cannot be read of a journal."""

    journal_id: JournalID
    error: FlashFloodCorruptionError
    events: int | None


def unheard(_damage: Damage) -> None:
    """Stand for a replay that only samples the events of another one, which tells of the same damage itself."""


def checked(on_damage: OnDamage) -> OnDamage:
    """Check what a caller gave; `ValueError`."""
    if on_damage in ("error", "skip") or callable(on_damage):
        return on_damage
    msg = f'on_damage={on_damage!r}; it is "error", "skip", or a callable that is told of each damaged journal'
    raise ValueError(msg)


class Skipping:
    """What one replay has found damaged."""

    def __init__(self, ctx: Context, on_damage: OnDamage) -> None:
        """Begin with nothing found."""
        self._ctx = ctx
        self._on_damage = on_damage
        self.is_on = on_damage != "error"
        """Whether damage is left out."""
        self.damages: list[Damage] = []
        self.missed: set[JournalID] = set()
        """Journals of which something was missing, and which were listed again since then."""
        self.without_blob: dict[JournalID, FlashFloodCorruptionError] = {}
        """What to say of journals that live, and whose blobs are missing."""
        self.spoilt: dict[JournalID, FlashFloodCorruptionError] = {}
        """What to say of those whose blobs are short or not as they were written."""

    def leave_out(self, lost: Iterable[Lost]) -> None:
        """Count what goes out no more, and tell of each journal once."""
        for journal_id, error, events in lost:
            known = next((damage for damage in self.damages if damage.journal_id == journal_id), None)
            if known is None:
                self._tell(Damage(journal_id, error.key or "", str(error), events))
            else:
                known.events = None if events is None or known.events is None else known.events + events

    def sum_up(self) -> None:
        """Say at the end what was left out."""
        if self._on_damage is not unheard:
            _say_sum(self._ctx, self.damages)

    def _tell(self, damage: Damage) -> None:
        self.damages.append(damage)
        if self._on_damage is not unheard:
            _say(self._ctx, self._on_damage, damage)


def tell(ctx: Context, on_damage: OnDamage, damages: list[Damage]) -> None:
    """Tell of what a replay has left out that told nobody itself."""
    for damage in damages:
        _say(ctx, on_damage, damage)
    _say_sum(ctx, damages)


def _say(ctx: Context, on_damage: OnDamage, damage: Damage) -> None:
    logger.warning("%s: left out of replay: %s", ctx.store.name, damage.problem)
    if callable(on_damage):
        on_damage(damage)


def _say_sum(ctx: Context, damages: list[Damage]) -> None:
    if damages:
        logger.warning("%s: left out of replay: %s", ctx.store.name, _summary(damages))


def _summary(damages: list[Damage]) -> str:
    """Say how many events of how many journals were left out."""
    counted = [damage.events for damage in damages if damage.events is not None]
    unknown = len(damages) - len(counted)
    parts = [f"{_so_many(sum(counted), 'event')} of {_so_many(len(counted), 'journal')}"] if counted else []
    parts += [f"all of {_so_many(unknown, 'journal')} without a readable manifest"] if unknown else []
    return ", and ".join(parts)


def _so_many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
