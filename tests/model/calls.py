"""What a modelled call is: a generator that yields requests and gets responses, and the safeguards that it may have."""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .store import Request, Response

T = TypeVar("T")
Steps: TypeAlias = Generator[Request, Response, T]


class Safeguard(Enum):
    """One thing that the protocol does so as not to break; its value is what `without` on the command line takes."""

    LIST_AFTER_CLAIM = "list-after-claim"
    """put lists index and marks again after its claim (step 4)."""
    OWN_MANIFEST = "own-manifest"
    """put, where its claim is void, looks if someone has made its manifest for it (step 4)."""
    OWN_CLAIM = "own-claim"
    """A writer whose claim is refused looks if it is there all the same, or its event has moved on (step 4)."""
    FRESH_TARGET = "fresh-target"
    """put, where its claim is void, begins again with another journal (step 4)."""
    FENCE_BLOBLESS = "fence-blobless"
    """A writer that helps a claim without a blob fences it (step 3)."""
    MARKS = "marks"
    """delete_event leaves a mark that voids the index entries at or below it (steps 1 and 7)."""
    WAITING_DELETES = "waiting-deletes"
    """An event with a DELETE for its journal, or for the one that it came from, is absent (step 2)."""
    SECOND_LOOKUP = "second-lookup"
    """A writer that helps an unfinished claim first looks it up again (step 3)."""
    AGAIN_WHILE_MOVING = "again-while-moving"
    """update_event and delete_event follow a target that moves (step 6); finish lists the updates again (step 10)."""
    ONE_STEP = "one-step"
    """update follows `replaces` one step, and only to rows that come from there (step 11)."""
    LEDGER_AGAIN = "ledger-again"
    """A combination lists ledger and sources again after its ledger entry (step 9)."""
    LEDGER_RESULTS = "ledger-results"
    """A journal that an open ledger entry is making is nobody's source (step 9)."""
    LEDGER_NAMES = "ledger-names"
    """A ledger entry's name is never used again (step 9)."""
    INDEX_LISTED = "index-listed"
    """finish moves the entry of an event that 0.4.3 put only if the index names one of its sources (step 10)."""
    DELETE_WINS = "delete-wins"
    """A DELETE beats every UPDATE of the same journal (step 9)."""
    TOMBSTONED_UPDATES = "tombstoned-updates"
    """get_event reads tombstoned updates too (step 8)."""
    CAME_FROM_UPDATES = "came-from-updates"
    """get_event reads the updates for the journal that the event came from (step 8)."""
    EMPTY_MANIFEST = "empty-manifest"
    """A combination of which no row is left commits with an empty manifest (step 9)."""
    LOOK_BEHIND = "look-behind"
    """A listing looks again among the keys passed for what a dead journal was combined into (step 13)."""
    LISTED_ANEW = "listed-anew"
    """Pages that were listed before their turn are listed anew after a look behind (step 13)."""
    DEAD_IN_BOUNDS = "dead-in-bounds"
    """A plan's parts reach to the end of the last journal that was listed, living or dead (step 13)."""
    BEHIND_THE_PLAN = "behind-the-plan"
    """A part's replay that looks behind begins at the first key, and not where its plan says (step 13)."""
    LEDGER_AT_START = "ledger-at-start"
    """A listing believes the ledger only about what was committed before it began (step 13)."""
    GRACE_FOR_WRITERS = "grace-for-writers"
    """collect_garbage waits for writers as it does for readers (step 14)."""
    TOMBSTONE_LAST = "tombstone-last"
    """collect_garbage deletes a tombstone once what it stands for is known to be gone (step 14)."""
    MARKED_CLAIMS = "marked-claims"
    """collect_garbage marks the revision of a fenced batch's claim that it removes (step 14)."""
    LATE_ARRIVALS = "late-arrivals"
    """follow looks for what arrived at or before its place, and does not just go on from there (FOLLOW.md)."""
    SLACK = "slack"
    """follow takes for arrived what is younger than its watermark, or older by no more than the slack (FOLLOW.md)."""
    SEEN_ARRIVALS = "seen-arrivals"
    """A cursor names the journals that had arrived within the slack (FOLLOW.md)."""
    COMBINED_NO_ARRIVAL = "combined-no-arrival"
    """What names what it replaces is no arrival (FOLLOW.md)."""
    DEAD_ARRIVALS = "dead-arrivals"
    """A journal that has died since it arrived has arrived (FOLLOW.md)."""
    AS_OF_THE_SLACK = "as-of-the-slack"
    """follow reads the store as it was a slack before its listing, and what arrived since (FOLLOW.md)."""
    SOURCES_COUNT = "sources-count"
    """Where follow leaves a young combination out, what that combined counts, whenever it was buried (FOLLOW.md)."""
    PARTLY_FIRST = "partly-first"
    """follow first hands over the rest of a late batch of which its cursor has a part (FOLLOW.md)."""
    REMEMBERED = "remembered"
    """A near look counts the journals before those that it lists, as the last full look showed them (FOLLOW.md)."""
    FAR_NAMES = "far-names"
    """A near look leaves the names of journals that it does not list in the cursor (FOLLOW.md)."""
    CHANGES_SLACK = "changes-slack"
    """A cursor says that a change is handed over once none can come that is dated before it (FOLLOW.md)."""
    DEAD_CHANGES = "dead-changes"
    """A change that has been applied is handed over (FOLLOW.md)."""
    READ_WHERE_CHANGED = "read-where-changed"
    """An event of which a change is listed is read, when its turn comes, as get_event does (FOLLOW.md)."""
    AS_IT_IS = "as-it-is"
    """Of a change the event is handed over as get_event gives it, not what the change wrote (FOLLOW.md)."""
    AWAITS_ITS_TURN = "awaits-its-turn"
    """An update of an event whose turn is yet to come is not handed over before it (FOLLOW.md)."""


class Caller(NamedTuple):
    """Who makes a call. `name` is unique in a run and becomes the blob's name; `page` is the length of a LIST page.

    `as_begun`: of requests made at one time, those begun first are answered first; otherwise last. `torn`: a page of
    journals is of two moments. `ahead`: the pages of journals from these dates on are listed before their turn, in this
    order. `is_slow`: the caller's clock is behind.
    """

    name: str
    safeguards: frozenset[Safeguard]
    beside_043: bool = False
    page: int = 2
    as_begun: bool = False
    torn: bool = False
    ahead: tuple[int, ...] = ()
    is_slow: bool = False


class Stuck(Exception):
    """A call met what must never be; the checker takes it for a broken promise."""


Step: TypeAlias = Callable[..., Steps[Any]]


class GoOn(NamedTuple):
    """What a call returns to go on with `step(caller, *arguments)`, all that it knew so far forgotten."""

    step: Step
    arguments: tuple[Any, ...]
