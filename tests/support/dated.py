"""A store whose clock stands where a test puts it: by it objects are dated, and listings answered."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from flashflood.context import SLACK
from flashflood.store import Page, Store, open_store
from support.watched import Counted

Answer = TypeVar("Answer")
DATED = {"put", "create"}


class Dated(Counted):
    """Dates what is written through it by `now`, which moves only when it is told to. It counts requests."""

    def __init__(self, store: Store, now: datetime = datetime(2021, 1, 1, tzinfo=UTC)) -> None:
        super().__init__(store)
        self.now = now
        self.dates: dict[str, datetime] = {}

    def passes(self, time: timedelta) -> None:
        """Let time go by."""
        self.now += time

    def date_of_a_write(self) -> datetime:
        return self.now

    def request(self, method: str, key: str, send: Callable[[], Answer], /) -> Answer:
        answer = super().request(method, key, send)
        if method in DATED and answer is not False:
            self.dates[key] = self.date_of_a_write()
        return answer

    def list(self, prefix: str, after: str | None = None, /) -> Page:
        page = super().list(prefix, after)
        entries = [entry._replace(modified=self.dates.get(entry.key, entry.modified)) for entry in page.entries]
        return Page(entries, page.more, self.now)


class Lagging(Dated):
    """A store in memory, which dates some objects by a clock that is the slack behind."""

    def __init__(self, random: Random) -> None:
        super().__init__(open_store("memory://"))
        self._random = random

    def date_of_a_write(self) -> datetime:
        return self.now - self._random.choice([0, 0, 1]) * SLACK
