"""What lies under many prefixes is listed as if each had been listed by itself."""

from pathlib import Path
from random import Random
from typing import NoReturn

import pytest
from support.watched import Counted, Short, keys, on

from flashflood.records import prefixes
from flashflood.store import LocalStore

ALPHABET = "-!a0~"


def made_up(random: Random, count: int) -> list[str]:
    """Give so many names, of which some begin as others do."""
    return ["".join(random.choices(ALPHABET, k=random.randint(1, 4))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(12))
def test_each_prefix_has_the_keys_that_a_listing_of_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - to be repeated, not to be secret
    store = LocalStore(tmp_path)
    for name in made_up(random, 60):
        store.put(f"index/{name}", b"")
    there = list(keys(store))
    for size in (1, 2, 3, 7, 1000):
        for worth in (1, 2, 5, 8):
            monkeypatch.setattr(prefixes, "FEW", worth)
            monkeypatch.setattr(prefixes, "KEYS_TO_TRY", 1)
            asked = {f"index/{name}" for name in made_up(random, random.choice((1, 5, 40)))}
            asked |= set(random.sample(there, 5))  # a key is a prefix too
            short = Short(store, size)
            short.keys_per_listing = random.choice((1, 2, 400))
            ctx = on(short)._ctx  # noqa: SLF001 - part of calls
            listed = prefixes.listed_under(ctx, asked)
            found = {prefix: [entry.key for entry in entries] for prefix, entries in listed.items()}
            assert found == {prefix: [key for key in there if key.startswith(prefix)] for prefix in asked}


def test_prefixes_that_lie_close_together_share_pages_and_others_are_listed_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "KEYS_TO_TRY", 1)
    store = LocalStore(tmp_path)
    for number in range(300):
        store.put(f"index/{number:03}", b"")
    for wanted, most in ((range(100, 200), 15), (range(0, 300, 10), 40)):
        counted = Counted(Short(store, 20))
        counted.workers = 4
        counted.keys_per_listing = 8  # of pages of 20
        asked = [f"index/{number:03}" for number in wanted]
        listed = prefixes.listed_under(on(counted)._ctx, asked)  # noqa: SLF001 - part of calls
        assert [[entry.key for entry in listed[prefix]] for prefix in asked] == [[prefix] for prefix in asked]
        assert len(counted.requests) <= most


def test_no_request_is_made_once_the_caller_has_stopped(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop() -> NoReturn:
        raise StoppedError

    counted = Counted(LocalStore(tmp_path))
    for count in (1, 100):
        with pytest.raises(StoppedError):
            prefixes.listed_under(on(counted)._ctx, map(str, range(count)), stop)  # noqa: SLF001 - part of calls
    assert counted.requests == []
