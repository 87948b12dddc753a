"""The reference has an example of each public call and class, and each runs and prints what stands beside it.

Those of Ray and Spark run where these run: in test_ray.py and test_spark.py.
"""

import re
from pathlib import Path

import pytest
from support.examples import EXAMPLES, REFERENCE, prints_what_it_shows

import flashflood

WITHOUT = {"__version__", "FlashFloodJournalUploadError", "UndeletedError"}
"""Errors that nothing raises any more, or only where a server refuses to delete something."""
NOT_CALLED = {
    "Expression.check_gives_json",
    "Expression.of_tree",
    "Expression.search",
    "Finding.of",
    "Finding.of_text",
    "Journal.open",
    "JournalID.checked",
    "JournalID.given",
    "Replay.begun",
    "SpooledIds.extend",
}
"""What the package itself calls."""
ELSEWHERE = {"ray.FlashFloodDatasource", "spark.FlashFloodDataSource"}


def methods(name: str) -> set[str]:
    """Give the methods of a class that users call; of what is no class, or an error, none."""
    found = getattr(flashflood, name)
    if not isinstance(found, type) or issubclass(found, Exception):
        return set()
    own = {method for cls in found.__mro__ if cls.__module__.startswith("flashflood.") for method in vars(cls)}
    called = {method for method in own if not method.startswith("_") and callable(getattr(found, method))}
    return {method for method in called if f"{name}.{method}" not in NOT_CALLED}


def test_each_public_call_and_class_has_an_example() -> None:
    assert set(flashflood.__all__) - WITHOUT - EXAMPLES.keys() == set()
    assert {f"FlashFlood.{method}" for method in methods("FlashFlood")} - EXAMPLES.keys() == set()
    engines = re.findall(r"^::: flashflood\.(\w+\.\w+)$", (REFERENCE / "engines.md").read_text(), re.MULTILINE)
    assert set(engines) - EXAMPLES.keys() == set()


@pytest.mark.parametrize("name", sorted(set(flashflood.__all__) - WITHOUT - {"FlashFlood"}))
def test_the_example_of_a_class_has_each_of_its_methods(name: str) -> None:
    assert {method for method in methods(name) if f".{method}(" not in EXAMPLES[name]} == set()


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - ELSEWHERE))
def test_an_example_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    prints_what_it_shows(name, tmp_path)
