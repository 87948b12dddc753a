"""When another process was faster: what was begun is given up, and begun again after a while."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from flashflood.exceptions import FlashFloodJournalingError

T = TypeVar("T")

ATTEMPTS = 12


class OvertakenError(Exception):
    """Another process changed what a call had begun with. The call has committed nothing, and begins again.

    `rank`: how many of those that had chosen the same journals at the same time come before it, by their ids.
    """

    def __init__(self, rank: int = 0) -> None:
        """Take the rank; 0 where nobody had chosen the same."""
        super().__init__(rank)
        self.rank = rank


def until_settled(what: str, attempt: Callable[[], T]) -> T:
    """Call `attempt`; where other processes are in the way, wait, longer each time, and call it again.

    `FlashFloodJournalingError` if they stay so.
    """
    for tried in range(ATTEMPTS):
        try:
            return attempt()
        except OvertakenError:
            time.sleep(random.uniform(0, min(2.0, 0.02 * 2**tried)))  # noqa: S311  only to keep writers apart
    msg = f"{what}: other processes were at the same {ATTEMPTS} times meanwhile; try again"
    raise FlashFloodJournalingError(msg)
