"""The write protocol, in the model kept beside these tests, breaks no promise however its requests interleave."""

from itertools import islice
from math import inf
from random import Random

import pytest
from model.calls import Safeguard
from model.checker import explore
from model.configurations import (
    BESIDE_043,
    FOLLOWED_TWICE_BESIDE_043,
    NOT_TO_BE_HAD_BESIDE_043,
    READ_ACROSS_TWO_MOVES,
    SMALL,
)
from model.random_runs import random_runs, run_once
from model.world import World

EVERY_SAFEGUARD = frozenset(Safeguard)
MOST_STATES = 300_000
TAKES_LONGER = {"put-put-journal-gc", "oj-journal-replay"}
EVERYWHERE = {**SMALL, **BESIDE_043}


@pytest.mark.parametrize("name", sorted(EVERYWHERE.keys() - TAKES_LONGER))
def test_no_interleaving_and_no_crash_breaks_a_promise(name: str) -> None:
    found = explore(World(EVERYWHERE[name], EVERY_SAFEGUARD), MOST_STATES)
    assert found.violations == {}
    assert found.complete
    assert found.states > found.ends > 0


@pytest.mark.parametrize("name", NOT_TO_BE_HAD_BESIDE_043)
def test_beside_043_nothing_else_breaks_than_the_order_of_calls(name: str) -> None:
    found = explore(World(NOT_TO_BE_HAD_BESIDE_043[name], EVERY_SAFEGUARD), MOST_STATES)
    assert set(found.violations) == {"calls are linearizable"}
    assert found.complete


def test_beside_043_a_follower_may_hand_over_an_event_twice_and_loses_none() -> None:
    found = explore(World(FOLLOWED_TWICE_BESIDE_043, EVERY_SAFEGUARD), MOST_STATES)
    assert set(found.violations) == {"follow hands over an event once"}
    assert found.complete


@pytest.mark.parametrize(
    ("safeguard", "configuration"),
    [
        (Safeguard.LIST_AFTER_CLAIM, "put-put-journal"),
        (Safeguard.OWN_MANIFEST, "put-put-journal"),
        (Safeguard.OWN_CLAIM, "put-twice"),
        (Safeguard.FENCE_BLOBLESS, "race-put"),
        (Safeguard.MARKS, "del-del-reput"),
        (Safeguard.WAITING_DELETES, "del-reput-journal"),
        (Safeguard.LEDGER_AGAIN, "journal-journal"),
        (Safeguard.LEDGER_AGAIN, "compact-compact"),
        (Safeguard.TOMBSTONED_UPDATES, "journal-upd"),
        (Safeguard.CAME_FROM_UPDATES, "del-reput-journal"),
        (Safeguard.CAME_FROM_UPDATES, "del-del-reput"),
        (Safeguard.GRACE_FOR_WRITERS, "fence-gc"),
        (Safeguard.LOOK_BEHIND, "replay-journal"),
        (Safeguard.LOOK_BEHIND, "replay-compact"),
        (Safeguard.LOOK_BEHIND, "list-journal"),
        (Safeguard.LOOK_BEHIND, "streams-torn"),
        (Safeguard.LISTED_ANEW, "replay-compact-del"),
        (Safeguard.DEAD_IN_BOUNDS, "part-journal"),
        (Safeguard.DEAD_IN_BOUNDS, "part-compact"),
        (Safeguard.BEHIND_THE_PLAN, "part-journal"),
        (Safeguard.BEHIND_THE_PLAN, "part-compact"),
        (Safeguard.LEDGER_AT_START, "replay-journal"),
        (Safeguard.LEDGER_AT_START, "list-journal"),
        (Safeguard.LEDGER_AT_START, "streams-journal"),
        (Safeguard.TOMBSTONE_LAST, "delete-update-gc"),
        (Safeguard.MARKED_CLAIMS, "many-claims-gc"),
        (Safeguard.LATE_ARRIVALS, "follow-put"),
        (Safeguard.SLACK, "follow-put"),
        (Safeguard.SLACK, "follow-many"),
        (Safeguard.SEEN_ARRIVALS, "follow-put"),
        (Safeguard.COMBINED_NO_ARRIVAL, "follow-upd"),
        (Safeguard.DEAD_ARRIVALS, "follow-many-journal"),
        (Safeguard.AS_OF_THE_SLACK, "follow-put-journal"),
        (Safeguard.SOURCES_COUNT, "follow-skew"),
        (Safeguard.PARTLY_FIRST, "follow-late-batch"),
        (Safeguard.REMEMBERED, "follow-near-many"),
        (Safeguard.FAR_NAMES, "follow-near"),
        (Safeguard.CHANGES_SLACK, "copy-upd"),
        (Safeguard.DEAD_CHANGES, "copy-update"),
        (Safeguard.READ_WHERE_CHANGED, "copy-before-turn"),
        (Safeguard.AS_IT_IS, "copy-del-reput"),
        (Safeguard.AWAITS_ITS_TURN, "copy-before-turn"),
    ],
)
def test_the_model_finds_what_breaks_without_a_safeguard(safeguard: Safeguard, configuration: str) -> None:
    world = World(SMALL[configuration], EVERY_SAFEGUARD - {safeguard})
    found = explore(world, MOST_STATES, stop_at_first=True)
    assert len(found.violations) == 1
    assert all(violation.steps for violation in found.violations.values())


def test_random_runs_of_more_processes_break_no_promise() -> None:
    runs = islice(random_runs(seconds=inf, seed=43, safeguards=EVERY_SAFEGUARD), 600)
    assert {violation.message for _, violation in runs if violation is not None} == set()


def test_a_read_across_two_combinations_breaks_nothing_else_than_the_order_of_calls() -> None:
    world, random = World(READ_ACROSS_TWO_MOVES, EVERY_SAFEGUARD), Random(43)  # noqa: S311 - to be repeated
    runs = [run_once(world, random) for _ in range(600)]
    assert {broken.promise for broken, _ in runs if broken is not None} <= {"calls are linearizable"}
