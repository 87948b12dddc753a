"""The call that follows."""

from datetime import timedelta

from flashflood.context import Calls
from flashflood.follow.follower import EVERY, LATENESS, After, Follower, Late, Pace
from flashflood.replay.stages import Given, stage_of


class Follows(Calls):
    """The part of `FlashFlood` that follows."""

    def follow(  # noqa: PLR0913  all but the beginning by name only
        self,
        after: After = None,
        *,
        lateness: timedelta = LATENESS,
        late: Late = None,
        every: timedelta = EVERY,
        wait: bool = True,
        filter: Given | None = None,
        select: Given | None = None,
    ) -> Follower:
        """Yield events as they come, each once for a cursor, in (date, event_id) order within what `lateness` allows.

        `after`: None, the first event; the text of a `cursor`, exactly where its follower stopped; or (date, event_id),
        that place, all that is there by now taken for handed over.
        `lateness`: an event is given once its date is so long ago, so that others of earlier dates may come meanwhile.
        One that comes later than that is late: it is not given, but counted (`late`), and handed to `late`, a callable;
        without it, a warning in the log says so.
        `every`: the time between two polls. `wait`: False ends once all is given that there is.
        `filter` and `select`: as for `replay`.
        What this gives has the `cursor` after the event that was given last, and `close`. It never writes.
        `ValueError` for what is no cursor, or is another store's; `FlashFloodException` for a cursor that has lain for
        more than twelve hours, at the first poll. No request is made before the first event is asked for.
        """
        return Follower(self._ctx, after, Pace.of(lateness, every, waits=wait), stage_of(filter, select), late)
