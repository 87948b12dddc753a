"""`check` and `repair` agree: what the one says that the other mends is mended, and the rest stays named."""

import pickle
from collections import Counter
from random import Random

import pytest
from support.damaged_store import Aged, Damaged
from support.samples import AT_ONCE, contents, put_journaled
from support.watched import keys, on

from flashflood import Finding, FlashFlood, FlashFloodCorruptionError
from flashflood.store import open_store

SEEDS = range(150)
MENDED = {
    "combination-left-behind",
    "event-in-several-journals",
    "event-misindexed",
    "index-entries-void",
    "journal-disordered",
    "journal-unburied",
    "manifest-missing",
}
LEFT = {"blob-missing", "blob-short", "event-misindexed", "index-entry-damaged", "manifest-missing", "object-strange"}
ROUNDS = 3
"""What repair mends may show more of the same: an index entry of an event that it has deleted again."""


def damaged(seed: int) -> FlashFlood:
    chance = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    made = Damaged(open_store("memory://"), chance)
    for _ in range(chance.randrange(1, 7)):
        made.damage()
    return on(Aged(made.store))


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("no_patience")
def test_what_check_says_that_repair_mends_is_mended_and_the_rest_stays_named() -> None:
    met = Counter[str]()
    for seed in SEEDS:
        ff = damaged(seed)
        found = ff.check()
        for _ in range(ROUNDS):
            if any(finding.kind == "ledger-entry-damaged" for finding in found):
                with pytest.raises(FlashFloodCorruptionError, match="ledger/"):
                    ff.repair()
                break
            met.update(f"{finding.kind} {finding.by_repair}" for finding in found)
            assert ff.repair() or not any(finding.by_repair for finding in found), seed
            found = ff.check()
        else:
            assert not [finding for finding in found if finding.by_repair], seed
    assert min(met[f"{kind} True"] for kind in MENDED) >= 1, met
    assert min(met[f"{kind} False"] for kind in LEFT) >= 1, met


@pytest.mark.usefixtures("no_patience")
def test_a_damaged_journal_does_not_keep_repair_from_mending_the_others() -> None:
    """Journals that have to be written anew, of which one has lost its blob."""
    store = open_store("memory://")
    ff = on(store)
    for name in "abc":
        ff.put_many([(b"data", name, None), (b"data", f"{name} too", None)])
        ff.delete_event(name)
    store.delete(list(keys(store, "update/")))
    first, *_ = ff.list_journals()
    store.delete([f"blobs/{first.blob_id}"])
    found = {finding.event_id: finding for finding in ff.check()}
    assert [(name, found[name].by_repair) for name in "abc"] == [("a", False), ("b", True), ("c", True)]
    assert "once the blobs of these journals have been restored" in found["a"]
    assert ff.repair() == 2
    assert {event.event_id for event in ff.replay(on_damage="skip")} == {"b too", "c too"}
    (left,) = ff.check()
    assert (left.kind, left.journal_id, left.key) == ("blob-missing", first, f"blobs/{first.blob_id}")
    assert left.remedy == f"restore blobs/{first.blob_id} from a copy"


@pytest.mark.usefixtures("no_patience")
def test_a_manifest_that_cannot_be_read_is_written_again_once_it_has_been_moved_away_as_check_says() -> None:
    store = open_store("memory://")
    ff = on(store)
    data = put_journaled(ff, "a", "b", "c")
    ff.collect_garbage(AT_ONCE)
    (journal_id,) = ff.list_journals()
    store.put(f"journals/{journal_id}", b"{}")
    assert ff.repair() == 0
    (finding, *_) = ff.check()
    assert (finding.kind, finding.journal_id, finding.by_repair) == ("manifest-damaged", journal_id, False)
    assert "move it away, and `repair` writes it again" in finding.remedy
    assert finding.key
    store.delete([finding.key])
    assert ff.repair() == 1
    assert contents(ff.replay()) == data
    assert ff.check() == []


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("no_patience")
def test_what_is_left_is_what_check_finds_and_of_a_dry_run_what_stays() -> None:
    met = Counter[str]()
    for seed in SEEDS[:60]:
        ff = damaged(seed)
        found = ff.check()
        if any(finding.kind == "ledger-entry-damaged" for finding in found):
            continue
        assert ff.repair(dry_run=True).left == [finding for finding in found if not finding.by_repair], seed
        left = ff.repair().left
        assert left == ff.check(), seed
        met.update(f"{finding.kind} {finding.by_repair}" for finding in left)
    assert {kind.partition(" ")[0] for kind in met} >= LEFT - {"index-entry-damaged"}, met


def test_a_finding_is_the_text_that_it_was_and_keeps_its_fields_when_pickled() -> None:
    finding = Finding.of("blob-missing", "its blob is missing", "restore it", key="blobs/1")
    again = pickle.loads(pickle.dumps(finding))  # noqa: S301 - our own
    assert again == "its blob is missing; restore it"
    assert again.record() == finding.record()
    assert finding.record()["key"] == "blobs/1"
