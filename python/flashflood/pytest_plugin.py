"""The fixture for users' tests. pytest loads this module wherever the package is installed."""

from collections.abc import Iterator

import pytest

from flashflood.api import FlashFlood


@pytest.fixture
def flashflood_store() -> Iterator[FlashFlood]:
    """Give an empty store in memory, which goes with the test."""
    with FlashFlood.open("memory://") as store:
        yield store
