"""Searching all events of a replay at once: a JMESPath expression over `{"events": [...]}`. Only reads.

Where the expression goes through the events one by one (`events[].foo`, `events[?foo].bar[]`), its value is that of
each batch, one after the other, so that no more than some batches are held; anything else needs the range as a whole.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import jmespath

from flashflood._core import Batch
from flashflood._core import Expression as CoreExpression
from flashflood.context import Context
from flashflood.replay.damage import tell
from flashflood.replay.expressions import Compiled, Expression
from flashflood.replay.hints import BareNames
from flashflood.replay.replay import Replay, batches
from flashflood.replay.rows import Scan
from flashflood.replay.stages import Given, stage_of

logger = logging.getLogger(__name__)

AHEAD = 4
"""Batches that are evaluated at a time."""

_HEAD, _TAIL = b'{"events":[', b"]}"


class _LeftToPythonError(Exception):
    """The core has no value: some data are not JSON, the expression fails on them, or only Python can tell."""


def search(ctx: Context, expression: Given, scan: Scan) -> Any:  # noqa: ANN401  any JSON
    """Give `jmespath.search(expression, {"events": [json.loads(event.data) for event in events]})`, errors included.

    Damage is told of once all events have been read: where Python has to search, they are read twice.
    """
    options = expression.options if isinstance(expression, Expression) else None
    compiled: Compiled = (
        jmespath.compile(expression) if isinstance(expression, str) else Expression(expression).compiled
    )
    core = _core_of(compiled, options)
    quiet, stage = scan.of_sample(), stage_of(None, None)
    if core is not None:
        try:
            with closing(batches(ctx, quiet, stage)) as found:
                value = _by_core(ctx, core, compiled, found)
        except _LeftToPythonError:
            logger.info("Python searches %r: the core leaves some of the events to it", compiled.expression)
        else:
            tell(ctx, scan.on_damage, found.skipped)
            return value
    replay = Replay.begun(ctx, quiet, stage)
    events = [json.loads(event.data) for event in replay]
    tell(ctx, scan.on_damage, replay.skipped)
    return compiled.search({"events": events}, options)


def _by_core(ctx: Context, core: CoreExpression, compiled: Compiled, found: Iterator[Batch]) -> Any:  # noqa: ANN401  any JSON
    """Let the core search, and end with a hint where there is one."""
    names = BareNames(Expression(compiled))
    if _goes_through_events(compiled.parsed):
        value: Any = _one_by_one(ctx, partial(_value, core, names), found)
    else:
        value = json.loads(_value(core, names, b",".join(map(_joined, found))))
    names.tell("search")
    return value


def _core_of(compiled: Compiled, options: jmespath.Options | None) -> CoreExpression | None:
    """Give the core's expression. None: Python must evaluate it, and raise what there is to be raised."""
    try:
        return Expression(compiled, options).core
    except ValueError:
        return None


def _goes_through_events(node: dict[str, Any]) -> bool:
    """Whether a syntax tree's value on a list of events is that on its parts, one after the other."""
    if node["type"] in ("projection", "filter_projection", "flatten"):
        return _goes_through_events(node["children"][0])
    return bool(node["type"] == "field" and node["value"] == "events")


def _one_by_one(ctx: Context, value_of: Callable[[bytes], bytes], found: Iterator[Batch]) -> list[Any]:
    values: list[Any] = []
    for value in ctx.requests.stream(lambda batch: value_of(_joined(batch)), found, ahead=AHEAD):
        values += json.loads(value)
    return values


def _joined(batch: Batch) -> bytes:
    joined = batch.joined()
    if joined is None:
        raise _LeftToPythonError
    return joined


def _value(core: CoreExpression, names: BareNames, items: bytes) -> bytes:
    document = b"".join((_HEAD, items, _TAIL))
    value = core.search(document)
    if value is None:
        raise _LeftToPythonError
    names.look_at(document)
    return value
