"""What workers write: each put and each update has a token of its own, which its data hold and its date comes from."""

import hashlib
import json
import random
from datetime import datetime, timedelta
from typing import TypeAlias

BASE = datetime(2024, 1, 1)
SPAN = 10**12
"""Microseconds, eleven days: so many dates that no two tokens have one (0.4.3 cannot tell events of one date apart)."""
MOST_PADDING = 600

Shown: TypeAlias = tuple[str, int, str]
"""An event as logs have it: id, microseconds from `BASE`, and the token of its data, or "?" and other data."""

_KINDS = ("hot", "a b+", "\u00e9%", "in/", "-x", "~.")


def hot_ids(count: int) -> list[str]:
    """Give ids that many workers share; none begins with another one, which 0.4.3 would take for it."""
    return [f"{_KINDS[number % len(_KINDS)]}{number:03}" for number in range(count)]


def own_id(token: str) -> str:
    """Give an id that only the put of this token uses."""
    return f"one {token}"


def microseconds_of(token: str) -> int:
    """Give the date of the event that is put with this token, in microseconds since `BASE`."""
    return int.from_bytes(hashlib.sha256(token.encode()).digest()[:8]) % SPAN


def date_of(token: str) -> datetime:
    """Give the date itself."""
    return BASE + timedelta(microseconds=microseconds_of(token))


def data_of(token: str) -> bytes:
    """Give the data that this token is written as: no two tokens' are equal, and their lengths differ."""
    padding = random.Random(token).randrange(MOST_PADDING)  # noqa: S311 - to be repeated, not to be secret
    return json.dumps({"token": token, "padding": "x" * padding}).encode()


def shown(event_id: str, date: datetime, data: bytes) -> Shown:
    """Give an event as logs have it."""
    return event_id, (date - BASE) // timedelta(microseconds=1), _token_of(data)


def _token_of(data: bytes) -> str:
    try:
        token = json.loads(data)["token"]
    except (ValueError, KeyError, TypeError):
        token = None
    return token if isinstance(token, str) and data == data_of(token) else f"?{data[:60]!r}"
