"""The call that follows."""

from datetime import timedelta
from typing import Literal, overload

from flashflood.context import Calls
from flashflood.follow.changes_follower import ChangesFollower
from flashflood.follow.follower import EVERY, LATENESS, Follower, Late, Pace
from flashflood.replay.after import After
from flashflood.replay.stages import Given, Stages, stage_of


class Follows(Calls):
    """The part of `FlashFlood` that follows."""

    @overload
    def follow(
        self,
        after: After | None = None,
        *,
        lateness: timedelta = LATENESS,
        late: Late = None,
        changes: Literal[False] = False,
        every: timedelta = EVERY,
        wait: bool = True,
        filter: Given | None = None,
        select: Given | None = None,
    ) -> Follower: ...

    @overload
    def follow(
        self,
        after: After | None = None,
        *,
        lateness: timedelta = LATENESS,
        late: None = None,
        changes: Literal[True],
        every: timedelta = EVERY,
        wait: bool = True,
        filter: Given | None = None,
        select: Given | None = None,
    ) -> ChangesFollower: ...

    def follow(  # noqa: PLR0913  all but the beginning by name only
        self,
        after: After | None = None,
        *,
        lateness: timedelta = LATENESS,
        late: Late = None,
        changes: bool = False,
        every: timedelta = EVERY,
        wait: bool = True,
        filter: Given | None = None,
        select: Given | None = None,
    ) -> Follower | ChangesFollower:
        """Yield events as they come, each once for a cursor, in (date, event_id) order within what `lateness` allows.

        `after`: None, the first event; the text of a `cursor`, exactly where its follower stopped; or (date, event_id),
        that place, all that is there by now taken for handed over.
        `lateness`: an event is given once its date is so long ago, so that others of earlier dates may come meanwhile.
        One that comes later than that is late: it is not given, but counted (`late`), and handed to `late`, a callable;
        without it, a warning in the log says so.
        `changes`: True yields (kind, event), for whoever keeps a copy: "put" an event that has come, also a late one;
        "update" one that was changed, as `get_event` gives it by then; "delete" one that is there no more, or that the
        filter is true of no more, without data, its date that of the delete. What is put or updated replaces what the
        copy has of its id. A change may come twice, and of several of one event only the last; `late` is not taken.
        `every`: the time between two polls. `wait`: False ends once all is given that there is.
        `filter` and `select`: as for `replay`.
        What this gives has the `cursor` after the event that was given last, and `close`. It never writes.
        `ValueError` for what is no cursor, or is another store's; `FlashFloodException` for a cursor that has lain for
        more than twelve hours, at the first poll. No request is made before the first event is asked for.
        """
        pace = Pace.of(lateness, every, waits=wait)
        if not changes:
            return Follower(self._ctx, after, pace, stage_of(filter, select), late)
        if late is not None:
            msg = "late= is not taken beside changes=True, which yields late events too, as puts; give one of them"
            raise ValueError(msg)
        return ChangesFollower(self._ctx, after, pace, Stages.of(filter, select))
