"""JMESPath expressions on events' data. The Python package `jmespath` decides, always.

Reads an event's data; writes nothing, makes no request. The core (`_core.Expression`) evaluates where it is sure to get
the same result, and leaves the rest to this module. Promises: an expression that could never be evaluated is refused
when it is made, with its position; and no event's data, however odd, stop a replay.
"""

from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import jmespath
from jmespath.exceptions import EmptyExpressionError, IncompleteExpressionError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.lexer import Lexer
from jmespath.parser import ParsedResult

from flashflood._core import Expression as CoreExpression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGGER = logging.getLogger(__name__)

MOST_NESTED_JSON = 500
"""Data that nest deeper than this count as not JSON."""

MOST_NESTED_EXPRESSION = 400
"""The deepest expression, in levels of its syntax tree. `jmespath` takes two frames a level; Python allows 1,000."""

_STRING_IN_JSON = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_A_BRACKET = re.compile(r"[^\[\]{}]+")
_BRACKET_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}

_NEVER_GIVE_A_REFERENCE = frozenset(
    [
        *("abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "max", "min", "sort"),
        *("starts_with", "sum", "to_number", "to_string", "type"),
    ]
)
"""JMESPath's own functions in whose value no `&expression` is, whatever the arguments."""

_REFERENCE_ARGUMENT = {"map": 0, "max_by": 1, "min_by": 1, "sort_by": 1}
"""JMESPath's own functions that take an `&expression`, and as which argument."""

T = TypeVar("T")


class Compiled(Protocol):
    """What `jmespath.compile` gives."""

    expression: str
    parsed: dict[str, Any]

    def search(self, value: object, options: jmespath.Options | None = None) -> Any:  # noqa: ANN401 (any JSON)
        """Evaluate it on a document."""


class Expression:
    """A JMESPath expression, compiled, for `filter` and `select`. Many threads may use one."""

    def __init__(self, expression: str | Compiled | Expression, options: jmespath.Options | None = None) -> None:
        """Compile a text, or take what `jmespath.compile` gives, or another Expression.

        `options`, as for `jmespath.search`, may bring functions of the user's own. The log says so if only Python can
        evaluate the expression.

        Raises TypeError for anything else, and ValueError if it does not parse, nests too deeply, calls an unknown
        function or one with the wrong number of arguments, or slices in steps of 0. The message has a caret under the
        position.
        """
        self.options: jmespath.Options | None = options
        self.compiled: Compiled
        if isinstance(expression, Expression):
            self.options = options or expression.options
            self.compiled = expression.compiled
        elif isinstance(expression, str):
            self.compiled = _compile(expression)
        elif isinstance(expression, ParsedResult):
            self.compiled = expression
        else:
            message = (
                "an expression is a JMESPath text (str), a result of jmespath.compile, or a flashflood.Expression, "
                f"not {type(expression).__name__}"
            )
            raise TypeError(message)
        self.expression = self.compiled.expression
        _check(self.compiled, _functions(self.options))
        self.core = _core_expression(self.compiled, self.options)

    @classmethod
    def of_tree(cls, tree: dict[str, Any]) -> Self:
        """Make one of a syntax tree, which was put together of others' parts and has no text."""
        self = cls.__new__(cls)
        self.options, self.compiled, self.expression = None, ParsedResult("", tree), ""
        self.core = _core_expression(self.compiled, None)
        return self

    def __reduce__(self) -> tuple[type[Expression], tuple[str, jmespath.Options | None]]:
        """Pickle by text and options."""
        return type(self), (self.expression, self.options)

    def __repr__(self) -> str:
        """Show the expression."""
        return f"Expression({self.expression!r})"

    def check_gives_json(self) -> None:
        """Raise ValueError if an `&expression` may be in the value: JSON has none. The message has a caret under it."""
        functions = _functions(self.options)
        references = [node for node, _ in _nodes(self.compiled.parsed) if node["type"] == "expref"]
        given = next(_references_given(self.compiled.parsed, functions), None)
        if given is not None:
            positions = [token["start"] for token in Lexer().tokenize(self.expression) if token["type"] == "expref"]
            position = next(position for position, node in zip(positions, references, strict=True) if node is given)
            reason = "the value of this JMESPath expression cannot be written as JSON: an &expression may be in it"
            message = f"{reason}\n{_shown(self.expression, position)}"
            raise ValueError(message)

    def search(self, document: object) -> Any:  # noqa: ANN401 (any JSON)
        """Give the expression's value on a document, as `jmespath.search` does, errors included."""
        return self.compiled.search(document, self.options)

    def matches(self, data: bytes) -> bool:
        """Say whether the expression is true of `data`, as JMESPath defines it for `[?…]`. Python's word alone.

        Null, false, "", [] and {} are false, 0 is true. False also where `data` are not JSON, and where `jmespath`
        fails on them, as on a type that a function cannot take.
        """
        return _on_enough_stack(self._is_true_of, data, otherwise=False)

    def select(self, data: bytes) -> bytes:
        """Give the expression's value on `data` as JSON: ASCII, no blanks. Python's word alone.

        `null` also where `data` are not JSON, and where `jmespath` fails on them. TypeError if a function of the user's
        own gives what JSON does not have.
        """
        return _on_enough_stack(self._json_of, data, otherwise=b"null")

    def _is_true_of(self, data: bytes) -> bool:
        value = self._value_of(data)
        return not (value is None or value is False or value in ("", [], {}))

    def _json_of(self, data: bytes) -> bytes:
        value = self._value_of(data)
        try:
            return json.dumps(value, separators=(",", ":")).encode()
        except ValueError:  # Python's limit on the digits of an int
            return b"null"

    def _value_of(self, data: bytes) -> Any:  # noqa: ANN401 (any JSON)
        """Give the expression's value, None where there is none."""
        if _nests_deeper(data, MOST_NESTED_JSON):
            return None
        try:
            document = json.loads(data)
        except ValueError:
            return None
        try:
            return self.search(document)
        except (ValueError, TypeError, ArithmeticError):
            return None


def _on_enough_stack(work: Callable[[bytes], T], data: bytes, *, otherwise: T) -> T:
    """Do the work; if the stack is too small for it, in a thread of its own; `otherwise` if that is too small too.

    So what comes out does not depend on how deep the caller's stack is.
    """
    try:
        return work(data)
    except RecursionError:
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                return thread.submit(work, data).result()
            except RecursionError:
                return otherwise


def _functions(options: jmespath.Options | None) -> Any:  # noqa: ANN401 (jmespath has no types)
    """Give the functions that an expression may call."""
    return Functions if options is None or options.custom_functions is None else options.custom_functions


def _core_expression(compiled: Compiled, options: jmespath.Options | None) -> CoreExpression | None:
    """Make the core's expression; None, said in the log, where only Python can evaluate it."""
    used = {node["type"] for node, _ in _nodes(compiled.parsed)}
    if _functions(options) is not Functions and "function_expression" in used:
        reason = "functions of your own may be called"
    elif options is not None and options.dict_cls is not None and "multi_select_dict" in used:
        reason = "dict_cls makes its objects"
    else:
        try:
            return CoreExpression(compiled.parsed)
        except (ValueError, RecursionError) as error:
            reason = str(error)
    LOGGER.info("Python evaluates %r on each event, which takes longer: %s", compiled.expression, reason)
    return None


def _nests_deeper(data: bytes, levels: int) -> bool:
    """Say whether the JSON text `data` nests deeper than `levels`; brackets inside strings do not count.

    For data that are not JSON the answer means nothing.
    """
    if data.count(b"[") + data.count(b"{") <= levels:
        return False
    text = data.decode(json.detect_encoding(data), "replace")
    brackets = _NOT_A_BRACKET.sub("", _STRING_IN_JSON.sub("", text))
    return max(accumulate(map(_BRACKET_STEP.__getitem__, brackets)), default=0) > levels


def _compile(expression: str) -> Compiled:
    """Return what `jmespath.compile` returns, or raise the ValueError that shows the position of the fault."""
    try:
        compiled: Compiled = jmespath.compile(expression)
    except EmptyExpressionError:
        raise _refusal(expression, 0, "it is empty") from None
    except ParseError as error:
        raise _refusal(expression, *_parse_failure(expression, error)) from None
    except RecursionError:
        raise _refusal(expression, 0, "it nests too deeply") from None
    except ValueError as error:  # Python's limit on the digits of an int
        longest_number = max(re.finditer(r"\d+", expression), key=lambda digits: len(digits.group()))
        raise _refusal(expression, longest_number.start(), str(error)) from None
    return compiled


def _check(compiled: Compiled, functions: Any) -> None:  # noqa: ANN401 (jmespath has no types)
    """Refuse what parses and could never be evaluated."""
    _check_depth(compiled.expression, compiled.parsed)
    _check_calls(compiled.expression, compiled.parsed, functions.FUNCTION_TABLE)
    _check_slices(compiled.expression)


def _parse_failure(expression: str, error: ParseError) -> tuple[int, str]:
    """Return where, and why, `expression` does not parse."""
    if isinstance(error, LexerError):
        return error.lexer_position, error.message
    if isinstance(error, IncompleteExpressionError):
        return len(expression), "it ends too early"
    if error.token_type == "LPAREN" and not expression.startswith("(", error.lex_position):  # noqa: S105 (no password)
        # For a quoted function name jmespath gives no position.
        quoted = next(token for token in _called_names(expression) if token["type"] == "quoted_identifier")
        return quoted["start"], error.msg
    number = re.match(r"-?\d+(\.\d+)?", expression[error.lex_position :])
    if number is not None:
        return (
            error.lex_position,
            f"{error.msg}; a number that is compared, or given to a function, is written `{number[0]}`",
        )
    return error.lex_position, error.msg


def _check_depth(expression: str, tree: dict[str, Any]) -> None:
    if any(depth > MOST_NESTED_EXPRESSION for _, depth in _nodes(tree)):
        raise _refusal(expression, 0, f"it nests deeper than {MOST_NESTED_EXPRESSION} levels")


def _check_calls(expression: str, tree: dict[str, Any], functions: dict[str, Any]) -> None:
    """Refuse an unknown function, or a wrong number of arguments, also where evaluation would never come."""
    calls = [node for node, _ in _nodes(tree) if node["type"] == "function_expression"]
    for token, call in zip(_called_names(expression), calls, strict=True):
        name, given = call["value"], len(call["children"])
        if name not in functions:
            raise _refusal(expression, token["start"], f"there is no function {name}()")
        signature = functions[name]["signature"]
        variadic = bool(signature) and signature[-1].get("variadic", False)
        if given < len(signature) or (given > len(signature) and not variadic):
            wanted = f"{'at least ' if variadic else ''}{len(signature)} argument{'' if len(signature) == 1 else 's'}"
            raise _refusal(expression, token["start"], f"{name}() takes {wanted}, not {given}")


def _check_slices(expression: str) -> None:
    """Refuse `[::0]`, on which `jmespath` fails with every array.

    It reads the tokens, which have positions; a number stands only in an index or a slice.
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


def _references_given(node: dict[str, Any], functions: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (as above)
    """Yield the `&expression` nodes that may be the value of `node`, or be inside it."""
    kind, children = node["type"], node["children"]
    if kind == "expref":
        yield node
        return
    if kind in ("comparator", "not_expression", "slice"):
        return
    if kind == "filter_projection":
        children = children[:2]
    elif kind == "function_expression" and functions is Functions:
        name = node["value"]
        if name in _NEVER_GIVE_A_REFERENCE:
            return
        position = _REFERENCE_ARGUMENT.get(name)
        if position is not None and children[position]["type"] == "expref":
            applied = children[position]["children"] if name == "map" else []
            children = [*children[:position], *applied, *children[position + 1 :]]
    for child in children:
        yield from _references_given(child, functions)


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


def _refusal(expression: str, position: int, reason: str) -> ValueError:
    """Make the error that gives `reason` and shows `expression` with a caret under `position`."""
    message = f"this is not a JMESPath expression that can be evaluated: {reason}"
    return ValueError(f"{message}\n{_shown(expression, position)}")


def _shown(expression: str, position: int) -> str:
    """Show the expression with a caret under `position`, counted in characters."""
    line_start = expression.rfind("\n", 0, position) + 1
    line_end = expression.find("\n", position)
    if line_end < 0:
        line_end = len(expression)
    caret_line = " " * (position - line_start) + "^"
    return f"{expression[:line_end]}\n{caret_line}{expression[line_end:]}"
