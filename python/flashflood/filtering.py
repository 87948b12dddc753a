"""Which events a JMESPath expression keeps. The Python package `jmespath` decides, always.

Reads an event's data; writes nothing, makes no request. Promises: an expression that could never be evaluated is
refused when the filter is made, with its place; and no event's data, however odd, stop a replay.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.lexer import Lexer

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NESTED_JSON = 500
"""Data that nest deeper than this count as not JSON."""

MOST_NESTED_EXPRESSION = 400
"""The deepest expression, in levels of its syntax tree. `jmespath` takes two frames a level; Python allows 1,000."""

_STRING_IN_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_BRACKET_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}


class Filter:
    """A JMESPath expression, compiled, that says of an event's data whether it is kept. Many threads may use one."""

    def __init__(self, expression: str) -> None:
        """Compile `expression`.

        Raises TypeError if it is not a string, and ValueError if it does not parse, nests too deeply, calls an unknown
        function or one with the wrong number of arguments, or slices in steps of 0. The message has a caret under the
        place.
        """
        if not isinstance(expression, str):
            message = f"a filter is a JMESPath expression (str), not {type(expression).__name__}"
            raise TypeError(message)
        self.expression = expression
        self._compiled = _compile(expression)

    def __repr__(self) -> str:
        """Show the expression."""
        return f"Filter({self.expression!r})"

    def matches(self, data: bytes) -> bool:
        """Say whether the expression is true of `data`, as JMESPath defines it for `[?…]`.

        Null, false, "", [] and {} are false, 0 is true. False also where `data` are not JSON, and where `jmespath`
        fails on them, as on a type that a function cannot take.
        """
        try:
            return self._is_true_of(data)
        except RecursionError:
            return self._is_true_of_on_an_empty_stack(data)

    def _is_true_of(self, data: bytes) -> bool:
        if _nests_deeper(data, MOST_NESTED_JSON):
            return False
        try:
            document = json.loads(data)
        except ValueError:
            return False
        try:
            value = self._compiled.search(document)
        except (ValueError, TypeError, ArithmeticError):
            return False
        return not (value is None or value is False or value in ("", [], {}))

    def _is_true_of_on_an_empty_stack(self, data: bytes) -> bool:
        """Answer in a thread of its own, so that what is kept does not depend on how deep the caller's stack is."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                return thread.submit(self._is_true_of, data).result()
            except RecursionError:
                return False


def _nests_deeper(data: bytes, levels: int) -> bool:
    """Say whether the JSON text `data` nests deeper than `levels`; brackets inside strings do not count.

    For data that are not JSON the answer means nothing.
    """
    if data.count(b"[") + data.count(b"{") <= levels:
        return False
    text = data.decode(json.detect_encoding(data), "replace")
    brackets = _NOT_A_BRACKET.sub("", _STRING_IN_JSON.sub("", text))
    return max(accumulate(map(_BRACKET_STEP.__getitem__, brackets)), default=0) > levels


def _compile(expression: str) -> Any:  # noqa: ANN401 (jmespath has no types)
    """Return what `jmespath.compile` returns, checked, or raise the ValueError that shows the place of the fault."""
    try:
        compiled = jmespath.compile(expression)
    except EmptyExpressionError:
        raise _refusal(expression, 0, "it is empty") from None
    except ParseError as error:
        raise _refusal(expression, *_parse_failure(expression, error)) from None
    except RecursionError:
        raise _refusal(expression, 0, "it nests too deeply") from None
    except ValueError as error:  # Python's limit on the digits of an int
        longest_number = max(re.finditer(r"\d+", expression), key=lambda digits: len(digits.group()))
        raise _refusal(expression, longest_number.start(), str(error)) from None
    _check_depth(expression, compiled.parsed)
    _check_calls(expression, compiled.parsed)
    _check_slices(expression)
    return compiled


def _parse_failure(expression: str, error: ParseError) -> tuple[int, str]:
    """Return where, and why, `expression` does not parse."""
    if isinstance(error, LexerError):
        return error.lexer_position, error.message
    if isinstance(error, IncompleteExpressionError):
        return len(expression), "it ends too early"
    if error.token_type == "LPAREN" and not expression.startswith("(", error.lex_position):  # noqa: S105 (no password)
        # For a quoted function name jmespath gives no place.
        quoted = next(token for token in _called_names(expression) if token["type"] == "quoted_identifier")
        return quoted["start"], error.msg
    return error.lex_position, error.msg


def _check_depth(expression: str, tree: dict[str, Any]) -> None:
    if any(depth > MOST_NESTED_EXPRESSION for _, depth in _nodes(tree)):
        raise _refusal(expression, 0, f"it nests deeper than {MOST_NESTED_EXPRESSION} levels")


def _check_calls(expression: str, tree: dict[str, Any]) -> None:
    """Refuse an unknown function, or a wrong number of arguments, also where evaluation would not come by."""
    calls = [node for node, _ in _nodes(tree) if node["type"] == "function_expression"]
    for token, call in zip(_called_names(expression), calls, strict=True):
        name, given = call["value"], len(call["children"])
        if name not in Functions.FUNCTION_TABLE:
            raise _refusal(expression, token["start"], f"there is no function {name}()")
        signature = Functions.FUNCTION_TABLE[name]["signature"]
        variadic = signature[-1].get("variadic", False)
        if given < len(signature) or (given > len(signature) and not variadic):
            wanted = f"{'at least ' if variadic else ''}{len(signature)} argument{'s' if len(signature) > 1 else ''}"
            raise _refusal(expression, token["start"], f"{name}() takes {wanted}, not {given}")


def _check_slices(expression: str) -> None:
    """Refuse `[::0]`, on which `jmespath` fails with every array.

    Read from the tokens, which have places; a number stands nowhere else than in an index or a slice.
    """
    colons = 0
    for token, following in pairwise(Lexer().tokenize(expression)):
        if token["type"] == "lbracket":
            colons = 0
        elif token["type"] == "colon":
            colons += 1
        elif (token["type"], token["value"], following["type"], colons) == ("number", 0, "rbracket", 2):
            raise _refusal(expression, token["start"], "a slice cannot go in steps of 0")


def _nodes(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each node of a syntax tree with its depth (1 for the root), in the order of the expression's text."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        children = node["children"]
        if node["type"] == "slice":  # its children are numbers
            continue
        if node["type"] == "filter_projection":  # jmespath keeps the condition last, but it is written second
            base, projected, condition = children
            children = [base, condition, projected]
        waiting.extend((child, depth + 1) for child in reversed(children))


def _called_names(expression: str) -> list[dict[str, Any]]:
    """Return the tokens that name a called function, in order: `name(`, and also `(name)(`, which `jmespath` takes."""
    names = []
    candidate = None
    for token in Lexer().tokenize(expression):
        if token["type"] in ("unquoted_identifier", "quoted_identifier"):
            candidate = token
        elif token["type"] == "lparen" and candidate is not None:
            names.append(candidate)
            candidate = None
        elif token["type"] != "rparen":
            candidate = None
    return names


def _refusal(expression: str, place: int, reason: str) -> ValueError:
    """Make the error that gives `reason` and shows `expression` with a caret under `place`, counted in characters."""
    line_start = expression.rfind("\n", 0, place) + 1
    line_end = expression.find("\n", place)
    if line_end < 0:
        line_end = len(expression)
    caret_line = " " * (place - line_start) + "^"
    shown = f"{expression[:line_end]}\n{caret_line}{expression[line_end:]}"
    return ValueError(f"the filter is not a JMESPath expression that can be evaluated: {reason}\n{shown}")
