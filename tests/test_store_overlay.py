"""An overlay shows what the store would be after the writes that it keeps, and leaves the store as it is."""

from random import Random

import pytest
from support.watched import Counted, Short, keys

from flashflood.store import Store, open_store
from flashflood.store.overlay import Overlay

KEYS = [f"{folder}/{name}" for folder in ("a", "a-", "b", "blobs") for name in ("", "é", "x", "x.dead", "x0", "z")]


def below(chance: Random) -> tuple[Store, Store]:
    """Give two stores with the same objects."""
    stores = open_store("memory://"), open_store("memory://")
    for key in chance.sample(KEYS, chance.randrange(len(KEYS))):
        for store in stores:
            store.put(key, b"old " + key.encode(), metadata={"of": "old"})
    return stores


def overlaid(store: Store) -> Overlay:
    return Overlay(store, store.list("").date, "blobs/")


def work(stores: tuple[Store, Store], chance: Random) -> None:
    """Do the same to both; each says the same."""
    key, body = chance.choice(KEYS), b"new" * chance.randrange(3)
    match chance.randrange(5):
        case 0:
            for store in stores:
                store.put(key, [body, body], metadata={"of": "new"})
        case 1:
            assert len({store.create(key, body) for store in stores}) == 1
        case 2:
            some = chance.sample(KEYS, 3)
            for store in stores:
                store.delete(some)
        case 3:
            assert len({store.mark_garbage(key) for store in stores}) == 1
        case _:
            start, stop = chance.choice([(None, None), (0, 2), (1, 100), (5, 5)])
            found = [store.get(key, start, stop) for store in stores]
            if key.startswith("blobs/"):
                assert len({one and len(one.body) for one in found}) == 1
            else:
                assert len({one and (one.body, *one.metadata.items()) for one in found}) == 1


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_it_shows_what_a_store_shows_that_was_written_to(page: int) -> None:
    chance = Random(page)  # noqa: S311 - to be repeated, not to be secret
    for _ in range(40):
        under, real = below(chance)
        counted = Counted(under)
        over = overlaid(Short(counted, page))
        for _ in range(12):
            work((over, real), chance)
            prefix = chance.choice(["", "a", "a/", "b/", "blobs/", "c"])
            assert list(keys(over, prefix)) == list(keys(real, prefix))
        assert counted.writes == []
        heads = {key: (over.head(key), real.head(key)) for key in KEYS}
        assert all((one and one.metadata) == (other and other.metadata) for one, other in heads.values())


def test_a_page_has_a_thousand_keys_and_the_next_one_follows() -> None:
    over = overlaid(open_store("memory://"))
    written = [f"a/{number:04}" for number in range(2_500)]
    for key in written:
        over.put(key, b"")
    assert len(over.list("a/").entries) == 1_000
    assert list(keys(over, "a/")) == written
