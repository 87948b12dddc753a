"""The fixture for users' tests. pytest loads this module wherever the package is installed."""

import pytest

from flashflood.api import FlashFlood


@pytest.fixture
def flashflood_store() -> FlashFlood:
    """Give an empty store in memory, which goes with the test."""
    return FlashFlood.open("memory://")
