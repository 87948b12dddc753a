"""Columns of a replay's record batches: values of JMESPath expressions, with types. Makes no request.

The core reads them (`_core.Columns`); this module takes what a caller says of them, and infers what he leaves open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from flashflood._core import Columns as CoreColumns
from flashflood._core import type_text, types_of_schema
from flashflood.replay.expressions import Expression
from flashflood.replay.stages import Given

if TYPE_CHECKING:
    from collections.abc import Iterable

OnMismatch: TypeAlias = Literal["error", "null"]


class ArrowSchema(Protocol):
    """A schema, field or type of any package that knows Arrow, as `pyarrow.schema` gives it."""

    def __arrow_c_schema__(self) -> object:
        """Give it as Arrow's C structure."""


GivenColumns: TypeAlias = Mapping[str, Given | None]
"""A JMESPath expression for each column's name; None leaves `event_id` or `date` out."""

GivenSchema: TypeAlias = Mapping[str, str | ArrowSchema] | ArrowSchema
"""The columns' types: an Arrow schema, or for each name an Arrow type or a text, such as `int64`."""

_OF_EVENTS = {"event_id": "string", "date": "timestamp"}
"""What comes along, and its types."""
_INT64 = range(-(2**63), 2**63)


class Value(NamedTuple):
    """A column: an expression's values."""

    name: str
    expression: Expression
    type: str | None
    """None: to be inferred."""


class Columns(NamedTuple):
    """What a caller wants of each event. It can be pickled."""

    values: tuple[Value, ...]
    of_events: tuple[str, ...]
    """Which of `event_id` and `date` come along."""
    nulls: bool
    """What does not fit its type is null; else an error."""

    @classmethod
    def of(cls, columns: GivenColumns | None, schema: GivenSchema | None, on_mismatch: OnMismatch) -> Columns | None:
        """Take what a caller gave; None if he wants whole events.

        `ValueError` for an expression that can never be evaluated or written as JSON, a type that no column has, a type
        for a column that there is not, and an unknown `on_mismatch`.
        """
        if on_mismatch not in ("error", "null"):
            msg = f'on_mismatch={on_mismatch!r}; it is "error" or "null"'
            raise ValueError(msg)
        if columns is None:
            if schema is not None:
                msg = "schema has the types of columns; say what they are: columns={name: expression}"
                raise ValueError(msg)
            return None
        types = {} if schema is None else _types(schema)
        of_events = tuple(name for name in _OF_EVENTS if name not in columns)
        wanted = {name: given for name, given in columns.items() if not (given is None and name in _OF_EVENTS)}
        for name in of_events:
            if types.pop(name, _OF_EVENTS[name]) != _OF_EVENTS[name]:
                msg = f"schema gives {name!r} another type than {_OF_EVENTS[name]}; leave it out, or cast what you get"
                raise ValueError(msg)
        unknown = [name for name in types if name not in wanted]
        if unknown:
            msg = f"schema has {unknown[0]!r}, and columns has no such column"
            raise ValueError(msg)
        values = tuple(_value(name, given, types.get(name)) for name, given in wanted.items())
        return cls(values, of_events, on_mismatch == "null")

    @property
    def are_typed(self) -> bool:
        """Whether no type has to be inferred."""
        return all(value.type is not None for value in self.values)

    @property
    def types(self) -> dict[str, str]:
        """The types of the values, as `schema` takes them. All must be known."""
        return {value.name: value.type or "json" for value in self.values}

    def inferred(self, data: Iterable[bytes]) -> Columns:
        """Give the same with the types that are open inferred from some events' data.

        Integers give int64, floats and both together float64, texts string, booleans bool, arrays a list of what their
        elements give. Anything else, and what disagrees, gives json; so does what is always null.
        """
        kinds: list[_Kind] = [None] * len(self.values)
        for one in data:
            for index, value in enumerate(self.values):
                if value.type is None:
                    kinds[index] = _merged(kinds[index], _kind(_evaluated(value.expression, one)))
        typed = (
            value if value.type is not None else value._replace(type=_text(kind))
            for value, kind in zip(self.values, kinds, strict=True)
        )
        return self._replace(values=tuple(typed))

    def core(self) -> CoreColumns:
        """Give the core's columns. All types must be known."""
        values = [(value.name, value.expression.core, self.types[value.name]) for value in self.values]
        return CoreColumns(values, *(name in self.of_events for name in _OF_EVENTS))


def _value(name: str, given: Given | None, kind: str | None) -> Value:
    if given is None:
        msg = f"columns[{name!r}] is None; only event_id and date can be left out so"
        raise ValueError(msg)
    expression = Expression(given)
    expression.check_gives_json()
    return Value(name, expression, kind)


def _types(schema: GivenSchema) -> dict[str, str]:
    if isinstance(schema, Mapping) and not hasattr(schema, "__arrow_c_schema__"):
        return {name: type_text(given) for name, given in schema.items()}
    return dict(types_of_schema(schema))


_Kind: TypeAlias = "str | list[_Kind] | None"
"""What is known of a type: a text; of a list, a list of what is known of its elements; None: nothing."""


def _kind(value: Any) -> _Kind:  # noqa: ANN401, PLR0911  any JSON; a type each
    match value:
        case None:
            return None
        case bool():
            return "bool"
        case int():
            return "int64" if value in _INT64 else "json"
        case float():
            return "float64"
        case str():
            return "string" if _is_utf8(value) else "json"
        case list():
            merged: _Kind = None
            for element in value:
                merged = _merged(merged, _kind(element))
            return [merged]
    return "json"


def _is_utf8(text: str) -> bool:
    """Say whether a text has no lone surrogate, which Arrow's texts have not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _merged(one: _Kind, other: _Kind) -> _Kind:
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(one[0], other[0])]
    return "float64" if {"int64", "float64"} == {*map(str, (one, other))} else "json"


def _text(kind: _Kind) -> str:
    if isinstance(kind, list):
        return f"list<{_text(kind[0])}>"
    return kind or "json"


def _evaluated(expression: Expression, data: bytes) -> Any:  # noqa: ANN401  any JSON
    found = None if expression.core is None else expression.core.select(data)
    return json.loads(expression.select(data) if found is None else found)
