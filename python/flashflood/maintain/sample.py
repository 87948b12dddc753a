"""A part of a store's journals, chosen by chance."""

import random
from collections.abc import Sequence
from math import ceil

from flashflood.store.protocol import Entry


class Sample:
    """Chooses journals at the first look at a store; at later ones it gives those of them that still live."""

    def __init__(self, share: float) -> None:
        """Take the part to choose, above 0 and up to 1; `ValueError` for another one."""
        if not 0 < share <= 1:
            msg = f"a sample is a part of the store, above 0 and up to 1, not {share!r}"
            raise ValueError(msg)
        self._share = share
        self._chosen: frozenset[str] | None = None

    def of(self, living: Sequence[Entry]) -> list[Entry]:
        """Give those of the living journals that are chosen: at least one, where there is any."""
        if self._chosen is None:
            chosen = random.sample(living, ceil(self._share * len(living)))
            self._chosen = frozenset(entry.key for entry in chosen)
        return [entry for entry in living if entry.key in self._chosen]
