"""What Python's `jmespath` says of an expression on an event's data: what the core must say too, or leave to Python."""

import json
from typing import NamedTuple

import jmespath

from flashflood import _core
from flashflood.replay.expressions import Compiled

MOST_NESTED = 500
"""Data that nest deeper are not JSON."""


class Answers(NamedTuple):
    """What an expression gives for some data; None is the core's word for what it leaves to Python."""

    matches: bool | None
    """Whether it is true of them."""
    selects: bytes | None
    """Its value on them as JSON."""


NOTHING = Answers(matches=False, selects=b"null")
"""What is said of data that are not JSON, and where the evaluation fails."""


class Deep(NamedTuple):
    """How deep a value nests, members included whose key comes again."""

    levels: int


def levels(value: object) -> int:
    """Say how deep what `json.loads` made with `object_pairs_hook=members` nests."""
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return value.levels if isinstance(value, Deep) else 0


def members(pairs: list[tuple[str, object]]) -> Deep:
    """Take an object's place, for `levels`."""
    return Deep(1 + max((levels(value) for _, value in pairs), default=0))


def nests_too_deeply(data: bytes) -> bool:
    """Say whether JSON data nest deeper than `MOST_NESTED`; read with Python's parser, which takes some 990."""
    if data.count(b"[") + data.count(b"{") <= MOST_NESTED:
        return False
    return levels(json.loads(data, object_pairs_hook=members)) > MOST_NESTED


def python_says(compiled: Compiled, data: bytes) -> Answers:
    """Evaluate on what `json.loads` gives; data that are no JSON, and errors, give `NOTHING`."""
    try:
        document = json.loads(data)
        if nests_too_deeply(data):
            return NOTHING
        value = compiled.search(document)
        selects = json.dumps(value, separators=(",", ":")).encode()
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return NOTHING
    false = value is None or value is False or value in ("", [], {})
    return Answers(matches=not false, selects=selects)


def core_expression(text: str) -> _core.Expression:
    """Compile a text for the core; ValueError if it leaves the expression to Python, whatever the data."""
    return _core.Expression(jmespath.compile(text).parsed)


def core_says(expression: _core.Expression, data: bytes) -> Answers:
    """Ask the core."""
    return Answers(expression.matches(data), expression.select(data))
