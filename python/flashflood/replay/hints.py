"""A hint where a filter compares with a name that no event has, as where a shell has taken the quotes off a text.

Looks at events that a replay brings anyway, until it has seen each such name once. No requests.
"""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jmespath

from flashflood._core import Batch
from flashflood.replay.expressions import Expression
from flashflood.replay.stages import Given

logger = logging.getLogger(__name__)

B = TypeVar("B")

_JOINED = frozenset(["and_expression", "or_expression", "not_expression"])
_COMPARING = frozenset(["contains", "ends_with", "starts_with"])
_PATH = frozenset(["field", "index", "index_expression", "subexpression"])


class BareNames:
    """The names that a filter compares with something that is no text and no number, in one replay."""

    def __init__(self, given: Given | None) -> None:
        """Take a filter that can be evaluated; None: there is none."""
        compiled = given.compiled if isinstance(given, Expression) else given
        if isinstance(compiled, str):
            compiled = jmespath.compile(compiled)
        self._filter = "" if compiled is None else compiled.expression
        names = () if compiled is None else _bare_names(compiled.parsed)
        self._unseen = {name: Expression(f"contains(keys(@), {_literal(name)})") for name in names}
        self._has_looked = False

    def watching(self, stage: Callable[[Batch], B]) -> Callable[[Batch], B]:
        """Give the stage, and look for the names on the way."""
        if not self._unseen:
            return stage

        def watched(batch: Batch) -> B:
            self._look(batch)
            return stage(batch)

        return watched

    def tell(self) -> None:
        """Say, at the end of the replay, which names no event has. Without events there is nothing to say."""
        for name in self._unseen if self._has_looked else ():
            logger.warning(
                "filter %s: no event of this replay has a field %s; if it is meant as a text, write %s, and in a shell"
                " put the whole filter into single quotes",
                self._filter,
                name,
                _literal(name),
            )

    def _look(self, batch: Batch) -> None:
        for name, has in list(self._unseen.items()):
            if len(batch.filter(has.core, has.matches)):
                self._unseen.pop(name, None)
        self._has_looked = True


def _bare_names(node: dict[str, Any]) -> Iterator[str]:
    """Yield the names of fields of the event itself that are compared with fields."""
    kind, children = node["type"], node["children"]
    if kind in _JOINED:
        for child in children:
            yield from _bare_names(child)
        return
    is_comparing = kind == "comparator" or (kind == "function_expression" and node["value"] in _COMPARING)
    if is_comparing and all(map(_is_path, children)):
        yield from (child["value"] for child in children if child["type"] == "field")


def _is_path(node: dict[str, Any]) -> bool:
    return node["type"] in _PATH and all(map(_is_path, node["children"]))


def _literal(text: str) -> str:
    """Write a text as JMESPath has it, in a way that stays whole between a shell's single quotes."""
    return "`{}`".format(json.dumps(text, ensure_ascii=False).replace("`", "\\`"))
