"""What of a line is the event, its id and its date: JMESPath expressions, which the core evaluates on the bytes.

An event's data are the line, byte for byte, or an element of it, written again.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from flashflood.load.since_1970 import date_in
from flashflood.replay.expressions import Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from flashflood.load.lines import Line

LENGTH_OF_ID = 32
"""Hexadecimal digits of an id that is made of the data: 128 bits of their SHA-256."""

_REFUSED = (ValueError, TypeError, ArithmeticError)
"""What `jmespath` raises, and what is raised here, for a line that will not do."""
_ELEMENTS = json.JSONDecoder(parse_int=len)
"""Finds where elements end. Their numbers are not wanted, and may have any number of digits."""


class Rejected(NamedTuple):
    """A line that will not do, or one event of it."""

    file: str
    """The file's path or URL, or `standard input`."""
    line: int
    """Where the line begins, counted from 1."""
    text: bytes
    """The whole line as it stands there, without its end."""
    reason: str
    """Why, and of which field or element."""


class Incoming(NamedTuple):
    """An event that a line brings."""

    line: Line
    data: bytes
    event_id: str | None
    """None: `put` makes one."""
    date: datetime | None
    """None: now."""
    is_made: bool = False
    """Whether the id is made of the data, so that no other data have it."""

    def rejected(self, reason: str) -> Rejected:
        """Say why it will not do."""
        return Rejected(*self.line, reason)


class Fields:
    """Where an event's id and date are, and where in a line the events are."""

    def __init__(self, event_id: str | None, date: str | None, each: str | None) -> None:
        """Take JMESPath expressions. None: the id is made of the data; the date is now; the line is the event.

        ValueError for one that could never be evaluated, with a caret under the place.
        """
        self._id, self._date = event_id, date
        wanted = [Expression(text).expression for text in (event_id, date) if text is not None]
        self._values = Expression(f"[{', '.join(['type(@)', *wanted])}]")
        self._each = None if each is None else Expression(each)

    def events_of(self, lines: Iterable[Line]) -> Iterator[Incoming | Rejected]:
        """Yield the events of lines, and what will not do, in order."""
        for line in lines:
            yield from self._of_line(line)

    def _of_line(self, line: Line) -> Iterator[Incoming | Rejected]:
        if self._each is None:
            yield self._event(line, line.text, "")
            return
        try:
            elements = _elements(self._each, line.text)
        except _REFUSED as error:
            yield Rejected(*line, str(error))
            return
        for number, data in enumerate(elements, 1):
            yield self._event(line, data, f"element {number}: ")

    def _event(self, line: Line, data: bytes, where: str) -> Incoming | Rejected:
        try:
            kind, *values = self._found(data)
            if kind != "object":
                return Rejected(*line, f"{where}no JSON object, but of type {kind}")
            event_id = self._made_id(data) if self._id is None else _id_in(values[0], self._id)
            date = None if self._date is None else _date_in(values[-1], self._date)
        except _REFUSED as error:
            return Rejected(*line, f"{where}{error}")
        return Incoming(line, data, event_id, date, self._id is None)

    def _found(self, data: bytes) -> Any:  # noqa: ANN401  a list of JSON values
        """Give the data's type, id and date; ValueError for what is no JSON."""
        if b"NaN" in data or b"Infinity" in data:
            _document(data)
        found = None if self._values.core is None else self._values.core.search(data)
        return self._values.search(_document(data)) if found is None else json.loads(found)

    @staticmethod
    def _made_id(data: bytes) -> str:
        return sha256(data).hexdigest()[:LENGTH_OF_ID]


def _document(data: bytes) -> Any:  # noqa: ANN401  any JSON
    """Parse JSON, integers of any length included; `ValueError` for anything else, NaN and infinities among it."""
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        msg = f"no JSON: {error}"
        raise ValueError(msg) from error


def _refuse_constant(name: str) -> None:
    msg = f"{name} is no number of JSON"
    raise ValueError(msg)


def _elements(each: Expression, text: bytes) -> Iterator[bytes]:
    """Yield the elements of the list that the expression gives, or the one object."""
    value = None if each.core is None else each.core.search(text)
    if value is None:
        _document(text)
        value = each.select(text)
    if value.startswith(b"{"):
        return iter([value])
    if not value.startswith(b"["):
        msg = f"{each.expression!r} gives no list and no object, but {value[:60].decode()}"
        raise ValueError(msg)
    return _split(value.decode())


def _split(array: str) -> Iterator[bytes]:
    """Yield the texts of the elements of a JSON array without blanks."""
    begin = 1
    while begin < len(array) - 1:
        _, end = _ELEMENTS.raw_decode(array, begin)
        yield array[begin:end].encode()
        begin = end + 1


def _id_in(value: object, expression: str) -> str:
    """Give the id: a text, or a whole number as text."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    msg = f"the id {expression!r} is no text and no whole number, but {_shown(value)}"
    raise ValueError(msg)


def _date_in(value: object, expression: str) -> datetime:
    try:
        return date_in(value)
    except ValueError as error:
        msg = f"the date {expression!r}: {error}"
        raise ValueError(msg) from error


def _shown(value: object) -> str:
    try:
        return f"{json.dumps(value):.100}"
    except TypeError:  # an `&expression`
        return "an expression"
