"""repair(dry_run=True) says what repair would mend, and only reads."""

from collections import Counter
from random import Random

import pytest
from support.damage import said
from support.damaged_store import Aged, Damaged
from support.watched import Counted, Far, on

from flashflood import FlashFloodException
from flashflood.store import Store, open_store

SEEDS = range(120)
KINDS = {
    "combinations finished",
    "tombstones removed",
    "journals buried",
    "manifests written",
    "index entries removed",
    "groups of journals combined",
    "index entries written",
    "events deleted",
}


def damaged(seed: int) -> Store:
    chance = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    made = Damaged(open_store("memory://"), chance)
    for _ in range(chance.randrange(1, 7)):
        made.damage()
    store = Aged(made.store)
    return Far(store, 3) if chance.random() < 0.3 else store


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("no_patience")
def test_a_dry_run_says_what_repair_then_does_and_only_reads() -> None:
    met = Counter[str]()
    for seed in SEEDS:
        counted = Counted(damaged(seed))
        ff = on(counted)
        try:
            planned = ff.repair(dry_run=True)
        except FlashFloodException as error:
            with pytest.raises(type(error)):
                ff.repair()
            met["failed"] += 1
            continue
        assert counted.writes == [], seed
        done = ff.repair()
        assert said(planned) == said(done), seed
        met.update(done.kinds.keys())
        met["taken out"] += bool(done.taken_out)
    assert met.keys() >= KINDS | {"taken out"}, met
