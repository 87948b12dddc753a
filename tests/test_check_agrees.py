"""`check` lists index, marks and blobs once each; what it finds is what a look at each id by itself finds."""

import random
from collections import Counter
from random import Random

import pytest
from support import plain_check
from support.damaged_store import Aged, Damaged
from support.samples import put_journaled
from support.watched import Counted, Far, keys, on

from flashflood import layout
from flashflood.maintain import check
from flashflood.maintain.check import ENTRIES_TO_READ, _blob_problems
from flashflood.maintain.index_listing import list_index
from flashflood.maintain.misindexed import misindexed
from flashflood.maintain.sample import Sample
from flashflood.maintain.strays import look_for_strays
from flashflood.maintain.survey import look
from flashflood.store import Store, open_store

SEEDS = range(150)


def damaged(seed: int) -> tuple[Store, bool]:
    """Give a store that was damaged by chance, whose objects are new or old, and may be listed in short pages.

    And whether index entries say what no protocol lets them say.
    """
    chance = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    made = Damaged(open_store("memory://"), chance)
    for _ in range(chance.randrange(7)):
        made.damage()
    store = Aged(made.store) if chance.random() < 0.7 else made.store
    return Far(store, 3) if chance.random() < 0.3 else store, made.is_misled


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("no_patience")
def test_what_the_merged_listings_find_is_what_a_look_at_each_id_finds() -> None:
    met = Counter[str]()
    for seed in SEEDS:
        store, is_misled = damaged(seed)
        ctx = on(store)._ctx  # noqa: SLF001 - what the calls share
        survey, now = look(ctx), ctx.now()
        listing, plain = list_index(ctx, survey, now), plain_check.listing(ctx, survey, now)
        wrong = sorted(map(str, misindexed(ctx, survey, plain)))
        strays, plain_strays = look_for_strays(ctx, survey, listing), look_for_strays(ctx, survey, plain)
        blobs = _blob_problems(ctx, survey)
        for entries_to_read in (None, ENTRIES_TO_READ) if is_misled else (None, ENTRIES_TO_READ, 0):
            assert sorted(map(str, misindexed(ctx, survey, listing, entries_to_read))) == wrong, seed
        sampled = look(ctx, Sample(1))
        assert sorted(map(str, misindexed(ctx, sampled, list_index(ctx, sampled)))) == wrong, seed
        assert _blob_problems(ctx, sampled) == blobs, seed
        assert sorted(strays.void) == sorted(plain_strays.void), seed
        assert strays.lost == plain_strays.lost, seed
        assert sorted(strays.problems) == sorted(plain_strays.problems), seed
        assert survey.shared == plain_check.shared(survey), seed
        assert blobs == plain_check.blob_problems(ctx, survey), seed
        proven = plain.unproven.keys() - listing.unproven.keys()
        for name, found in {
            "proven": proven,
            "unproven": listing.unproven,
            "wrong": wrong,
            "void": strays.void,
            "lost": strays.lost,
            "problems": strays.problems,
            "shared": survey.shared,
            "missing blobs": blobs[0],
            "short blobs": blobs[1],
        }.items():
            met[name] += bool(found)
    assert min(met.values()) >= 2, met


IDS = [f"event {number}" for number in range(12)]


def sound(*, far: bool) -> Counted:
    """Give a store of twelve events in three journals, and count its requests from now on."""
    store = open_store("memory://")
    for start in range(0, 12, 4):
        put_journaled(on(store), *IDS[start : start + 4], start=start)
    return Counted(Far(store, 1000) if far else store)


def lose_metadata(store: Store, *ids: str) -> None:
    for event_id in ids:
        (key,) = keys(store, layout.index_prefix(event_id))
        store.put(key, b"")


@pytest.mark.parametrize(("far", "entries_read"), [(False, 12), (True, 3)])
def test_a_sound_store_takes_one_listing_of_each_folder_and_a_far_one_some_entries(
    monkeypatch: pytest.MonkeyPatch,
    far: bool,  # noqa: FBT001
    entries_read: int,
) -> None:
    monkeypatch.setattr(check, "ENTRIES_TO_READ", 3)
    store = sound(far=far)
    assert on(store).check() == []
    asked = Counter((method, key.partition("/")[0]) for method, key in store.requests)
    folders = ("ledger", "journals", "update", "update-ids", "gone", "index", "blobs")
    assert asked.pop(("get", "copy")) == 1
    assert asked == {("get", "journals"): 3, ("head", "index"): entries_read} | {
        ("list", folder): 1 for folder in folders
    }


@pytest.mark.usefixtures("no_patience")
def test_where_a_sample_of_the_entries_has_a_wrong_one_all_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ENTRIES_TO_READ", 3)
    store = sound(far=True)
    lose_metadata(store, *IDS)
    findings = on(store).check()
    assert len(findings) == len(IDS)
    assert all("`target`" in finding for finding in findings)


@pytest.mark.usefixtures("no_patience")
def test_a_wrong_entry_that_one_sample_has_met_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = iter([[2], [5], [7], [9]])
    monkeypatch.setattr(random, "sample", lambda *_: next(samples))
    store = sound(far=True)
    lose_metadata(store, IDS[2])
    (finding,) = on(store).check()
    assert repr(IDS[2]) in finding


def test_repair_reads_every_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ENTRIES_TO_READ", 0)
    store = sound(far=True)
    lose_metadata(store, IDS[7])
    ff = on(store)
    assert ff.check() == []
    assert ff.repair() == 1
    assert ff.get_event(IDS[7]).event_id == IDS[7]
