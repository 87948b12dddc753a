"""check(sample=…) looks at a part of the journals, and says so."""

import pytest
from support.samples import at, put_journaled, put_new
from support.watched import Counted, Far, keys, on

from flashflood import FlashFlood, layout
from flashflood.store import Store, open_store


def of_journals(count: int) -> tuple[Store, FlashFlood]:
    """Give a store of so many journals of two events."""
    store = open_store("memory://")
    ff = on(store)
    for number in range(count):
        put_journaled(ff, f"a {number}", f"b {number}", start=number)
    return store, ff


def test_a_sample_takes_a_part_of_the_journals_and_says_of_how_many() -> None:
    store, _ = of_journals(20)
    counted = Counted(Far(store, 1000))
    found = on(counted).check(sample=0.2)
    assert (found, found.looked_at, found.journals) == ([], 4, 20)
    assert sum(method == "get" and key.startswith(layout.JOURNALS) for method, key in counted.requests) == 4
    assert sum(method == "get" and key.startswith(layout.BLOBS) for method, key in counted.requests) == 4
    assert sum(method == "head" and key.startswith(layout.INDEX) for method, key in counted.requests) == 8
    assert counted.writes == []


def test_a_check_of_all_has_looked_at_all() -> None:
    _, ff = of_journals(3)
    found = ff.check()
    assert (found, found.looked_at, found.journals) == ([], 3, 3)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize("folder", [layout.BLOBS, layout.INDEX])
def test_what_is_wrong_in_a_sample_is_found_and_only_there(folder: str) -> None:
    store, ff = of_journals(20)
    store.delete(list(keys(store, folder)))
    found = ff.check(sample=0.25)
    named = {journal_id for journal_id in ff.list_journals() if any(journal_id in finding for finding in found)}
    assert len(named) == 5


@pytest.mark.usefixtures("no_patience")
def test_a_sample_neither_finds_what_the_index_has_beside_the_journals_nor_says_so() -> None:
    store, ff = of_journals(2)
    (first, _) = ff.list_journals()
    store.delete([layout.journal_key(first)])
    assert len(ff.check()) == 1
    found = ff.check(sample=1)
    assert (found, found.looked_at, found.journals) == ([], 1, 1)


def test_of_the_fewest_journals_a_sample_has_one() -> None:
    ff = on(open_store("memory://"))
    assert ff.check(sample=0.01).looked_at == 0
    put_new(ff, "a")
    ff.put(b"", "b", at(9))
    assert ff.check(sample=0.01).looked_at == 1


@pytest.mark.parametrize("sample", [0, -0.1, 1.01, 100, float("nan")])
def test_what_is_no_part_is_a_value_error_before_any_request(sample: float) -> None:
    counted = Counted(open_store("memory://"))
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        on(counted).check(sample=sample)
    assert counted.requests == []
