"""A hint where an expression compares with a name that nothing has, as where a shell has taken the quotes off a text.

Looks at events that a replay brings anyway, until it has seen each such name once. No requests.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias, TypeVar

import jmespath

from flashflood._core import Batch
from flashflood.replay.expressions import Expression
from flashflood.replay.stages import Given

logger = logging.getLogger(__name__)

B = TypeVar("B")
Node: TypeAlias = dict[str, Any]
"""A node of the syntax tree that `jmespath` makes."""
Within: TypeAlias = Callable[[Node], Node]
"""Makes, of a condition on what is looked at somewhere in an expression, one on the whole: it holds somewhere."""

_COMPARING = frozenset(["contains", "ends_with", "starts_with"])
_PATH = frozenset(["field", "index", "index_expression", "subexpression"])


class _Bare:
    """A name that is compared with something that is no text and no number."""

    def __init__(self, name: str, within: Within, *, is_of_event: bool) -> None:
        """Take the name, and where it is looked for."""
        self.name = name
        self.is_of_event = is_of_event
        """Whether events themselves are looked at, or what [?…] goes through."""
        self.has = _whether(within(_both(_IS_OBJECT, _has(name))))
        self.is_there = _whether(within(_IS_OBJECT))
        self.was_there = False
        """Whether there was anything that might have had it."""


class BareNames:
    """The names that an expression compares with something that is no text and no number, in one replay."""

    def __init__(self, given: Given | None) -> None:
        """Take an expression that can be evaluated; None: there is none."""
        compiled = given.compiled if isinstance(given, Expression) else given
        if isinstance(compiled, str):
            compiled = jmespath.compile(compiled)
        self._expression = "" if compiled is None else compiled.expression
        try:
            self._unseen = [] if compiled is None else list(_bare_names(compiled.parsed, _same))
        except RecursionError:  # too deep for the caller's stack: no hint is no harm
            self._unseen = []

    def watching(self, stage: Callable[[Batch], B]) -> Callable[[Batch], B]:
        """Give the stage, and look for the names on the way: in each event."""
        if not self._unseen:
            return stage

        def watched(batch: Batch) -> B:
            self._look(lambda one: len(batch.filter(one.core, one.matches)) > 0)
            return stage(batch)

        return watched

    def look_at(self, document: bytes) -> None:
        """Look for the names in a document that the expression is evaluated on as a whole."""
        self._look(lambda one: one.core is not None and one.core.search(document) == b"true")

    def tell(self, what: str = "filter") -> None:
        """Say, at the end of the replay, which names nothing has. Of what there was not, there is nothing to say."""
        for bare in self._unseen:
            if bare.was_there:
                logger.warning(
                    "%s %s: %s a field %s; if it is meant as a text, write %s, and in a shell put the whole %s into"
                    " single quotes",
                    what,
                    self._expression,
                    "no event of this replay has" if bare.is_of_event else "nothing that it compares has",
                    bare.name,
                    _literal(bare.name),
                    "filter" if what == "filter" else "expression",
                )

    def _look(self, holds: Callable[[Expression], bool]) -> None:
        for bare in list(self._unseen):
            if holds(bare.has):
                with suppress(ValueError):  # another thread was faster
                    self._unseen.remove(bare)
            elif not bare.was_there:
                bare.was_there = holds(bare.is_there)


def _bare_names(node: Node, within: Within) -> Iterator[_Bare]:
    """Yield the names of fields that are compared with fields, wherever in an expression."""
    kind, children = node["type"], node["children"]
    is_comparing = kind == "comparator" or (kind == "function_expression" and node["value"] in _COMPARING)
    if is_comparing and all(map(_is_path, children)):
        for child in children:
            if child["type"] == "field":
                yield _Bare(child["value"], within, is_of_event=within is _same)
        return
    for child, inner in zip(children, _scopes(node, within), strict=True):
        if inner is not None:
            yield from _bare_names(child, inner)


def _scopes(node: Node, within: Within) -> list[Within | None]:
    """Say what each child of a node looks at. None: it cannot be said."""
    kind, children = node["type"], node["children"]
    if kind in {"subexpression", "pipe"}:
        return [within, *[partial(_after, kind, children[:place], within) for place in range(1, len(children))]]
    if kind in {"filter_projection", "projection", "value_projection"}:
        left = children[0]
        if kind == "value_projection":
            left = {"type": kind, "children": [left, _IDENTITY]}
        each: Within = partial(_any_of, left, within)
        return [within, *[each for _ in children[1:]]]
    return [None if kind in {"expref", "slice"} else within for _ in children]


def _any_of(listed: Node, within: Within, condition: Node) -> Node:
    return within({"type": "filter_projection", "children": [listed, _IDENTITY, condition]})


def _after(kind: str, before: list[Node], within: Within, condition: Node) -> Node:
    return within({"type": kind, "children": [*before, condition]})


def _same(condition: Node) -> Node:
    """Look at the event itself."""
    return condition


def _is_path(node: Node) -> bool:
    return node["type"] in _PATH and all(map(_is_path, node["children"]))


def _whether(condition: Node) -> Expression:
    """Make an expression that is true or false, however much fulfils the condition."""
    return Expression.of_tree(_not(_not(condition)))


def _not(one: Node) -> Node:
    return {"type": "not_expression", "children": [one]}


def _call(function: str, *arguments: Node) -> Node:
    return {"type": "function_expression", "value": function, "children": list(arguments)}


def _both(one: Node, other: Node) -> Node:
    return {"type": "and_expression", "children": [one, other]}


def _has(name: str) -> Node:
    return _call("contains", _call("keys", _CURRENT), {"type": "literal", "value": name, "children": []})


_IDENTITY: Node = {"type": "identity", "children": []}
_CURRENT: Node = {"type": "current", "children": []}
_IS_OBJECT: Node = {
    "type": "comparator",
    "value": "eq",
    "children": [_call("type", _CURRENT), {"type": "literal", "value": "object", "children": []}],
}


def _literal(text: str) -> str:
    """Write a text as JMESPath has it, in a way that stays whole between a shell's single quotes."""
    return "`{}`".format(json.dumps(text, ensure_ascii=False).replace("`", "\\`"))
