"""The marker of a copy into this store that has not been finished. Reads and writes `copy/unfinished`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException


@dataclass(frozen=True, slots=True)
class UnfinishedCopy:
    """Whose copy lies in a store, and how far it has come."""

    source: str
    """The source's name."""
    where: str
    """On which machine, or at which endpoint, the source has that name."""
    begun: datetime | None
    """When the copy was begun, by the source's clock. None: no object in the target is known to be right."""
    call: str
    """Which call of `copy_to` is at work, or was the last one."""
    is_whole: bool = False
    """Whether all objects are there, and only the repair is left."""

    def encode(self) -> bytes:
        """Give the JSON that is stored."""
        return orjson.dumps({name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def decode(cls, fields: Mapping[str, object]) -> "UnfinishedCopy":
        """Check and convert what is stored. `ValueError` if it has another shape."""
        source, where, begun, call, is_whole = (fields.get(name) for name in cls.__slots__)
        texts = source, where, begun or "", call
        if not all(isinstance(text, str) for text in texts) or not isinstance(is_whole, bool):
            msg = f"{dict(fields)!r} is not the marker of a copy"
            raise ValueError(msg)
        moment = None if begun is None else datetime.fromisoformat(str(begun))
        return cls(str(source), str(where), moment, str(call), is_whole)


def read(ctx: Context) -> UnfinishedCopy | None:
    """Read the marker. None: there is none. `FlashFloodCorruptionError` if it has another shape."""
    key = layout.UNFINISHED_COPY
    found = ctx.store.get(key)
    if found is None:
        return None
    try:
        return UnfinishedCopy.decode(orjson.loads(found.body))
    except (ValueError, AttributeError) as error:
        msg = f"{key} of {ctx.store.name}: {error}; empty that store (`destroy()`), and copy again"
        raise FlashFloodCorruptionError(msg, key=key) from error


def write(ctx: Context, marker: UnfinishedCopy) -> None:
    """Write the marker."""
    ctx.store.put(layout.UNFINISHED_COPY, marker.encode())


def hold(ctx: Context, marker: UnfinishedCopy) -> None:
    """`FlashFloodException` if the marker is no longer that of this call: another one is at work, or has ended."""
    there = read(ctx)
    if there is None or there.call != marker.call:
        msg = (
            f"{ctx.store.name}: another call copies to it, or has done so meanwhile, so this one stops;"
            " let one call copy at a time"
        )
        raise FlashFloodException(msg, key=layout.UNFINISHED_COPY)


def remove(ctx: Context) -> None:
    """Remove the marker: the copy is finished."""
    ctx.store.delete([layout.UNFINISHED_COPY])


def problem(ctx: Context) -> str | None:
    """Say that a copy into this store was not finished. None: there is nothing to say."""
    try:
        marker = read(ctx)
    except FlashFloodCorruptionError as error:
        return str(error)
    if marker is None:
        return None
    return (
        f"a copy from {marker.source} was not finished, and some of its events may be missing; copy from there again,"
        " which goes on, or empty this store (`destroy()`)"
    )
