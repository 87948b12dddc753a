"""Filters and projections: what is done with each batch of a replay, on the thread that brings it. No requests."""

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

from flashflood._core import Batch
from flashflood.events import Event
from flashflood.replay.expressions import Compiled, Expression
from flashflood.replay.windows import Stage

logger = logging.getLogger(__name__)

T = TypeVar("T")

Given: TypeAlias = str | Compiled | Expression
"""A JMESPath text, what `jmespath.compile` gives, or an `Expression`."""


class Stages(NamedTuple):
    """What a replay does with each event; unlike a stage, it can be pickled."""

    filter: Expression | None
    select: Expression | None

    @classmethod
    def of(cls, filter: Given | None, select: Given | None) -> "Stages":
        """Take what a caller gave. `ValueError` as for `stage_of`."""
        stage_of(filter, select)
        return cls(*(None if given is None else Expression(given) for given in (filter, select)))

    def applied(self, event: Event) -> Event | None:
        """Do to one event what a stage does to a batch. None: the filter is not true of it."""
        if self.filter is not None:
            core = self.filter.core
            is_true = None if core is None else core.matches(event.data)
            if not (self.filter.matches(event.data) if is_true is None else is_true):
                return None
        if self.select is None:
            return event
        selected = None if self.select.core is None else self.select.core.select(event.data)
        return event._replace(data=self.select.select(event.data) if selected is None else selected)


def stage_of(filter: Given | None, select: Given | None) -> Stage[Batch]:
    """Give the stage: it keeps the events that `filter` is true of, and makes the value of `select` their data.

    `ValueError` for an expression that cannot be evaluated, or `select`ed.
    """
    steps: list[Stage[Batch]] = []
    if filter is not None:
        steps.append(_filtering(Expression(filter)))
    if select is not None:
        steps.append(_selecting(Expression(select)))

    def stage(batch: Batch) -> Batch:
        for step in steps:
            batch = step(batch)
        return batch

    return stage


def _filtering(expression: Expression) -> Stage[Batch]:
    decide = logging_first_use(expression, expression.matches)
    return lambda batch: batch.filter(expression.core, decide)


def _selecting(expression: Expression) -> Stage[Batch]:
    expression.check_gives_json()
    evaluate = logging_first_use(expression, expression.select)
    return lambda batch: batch.select(expression.core, evaluate)


def logging_first_use(expression: Expression, evaluate: Callable[[bytes], T]) -> Callable[[bytes], T]:
    """Give a function that evaluates, and says so in the log at the first event that the core leaves to Python."""
    first = iter([expression])

    def evaluated(data: bytes) -> T:
        if expression.core is not None and next(first, None) is not None:
            logger.info("Python evaluates %r on some of the events", expression.expression)
        return evaluate(data)

    return evaluated
