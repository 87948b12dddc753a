"""A follower's cursor: all that it knows of what it has handed over, and the text that a user keeps (FOLLOW.md).

The text is base64url, without padding, of: a byte for its version; 8 bytes for the store; the two watermarks in seconds
since 1970, and the place's date and `begin` in microseconds since the year 1, 8 bytes each; the place's id after its
length, 4 bytes; the name of the batch that is handed over in part, 8 bytes, and so many of its rows, 4 bytes; of a
follower that is told of changes how far they are done with, a date and a name, 8 bytes each; the names in `seen`, 8
bytes each, in order; and 4 bytes that tell whether it has come through whole.
"""

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64Error
from bisect import bisect_left
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from flashflood.dates import EARLIEST, microseconds, timestamp_at

Place: TypeAlias = tuple[str, str]
"""Where an event stands in the order of replay: its date's timestamp, and its id."""

BEGINNING: Place = (EARLIEST, "")
"""Before all events."""

_VERSION = 1
"""Also what the slack is: names and watermarks go by one slack."""
_WITH_CHANGES = 2
"""The same, with how far changes are done with."""
_CHANGES = struct.Struct(">Q8s")
_HEAD = struct.Struct(">B8sQQQQI")
_PART = struct.Struct(">8sI")
_SUM = 4
_NAME = 8
_NO_STORE = bytes(8)
_NO_NAME = bytes(_NAME)


class Partly(NamedTuple):
    """A late batch of which some rows have been handed over."""

    name: bytes
    rows: int


class Changed(NamedTuple):
    """Where a change stands in the order of changes."""

    date: int
    """The date of its object by the server's clock, in microseconds since 1970."""
    name: bytes
    """What tells it from others of that date."""


class Cursor(NamedTuple):
    """Up to `place` all is handed over in order, and, of what arrived at or before it, all that the rest names."""

    place: Place = BEGINNING
    begin: str = EARLIEST
    """Journals that begin before this timestamp have a watermark of their own: near looks do not list them."""
    watermark: int | None = None
    """The server's date, in seconds since 1970, of the look from which the cursor is. None: there was none yet."""
    far_watermark: int | None = None
    """The same of the last look that listed all."""
    seen: tuple[bytes, ...] = ()
    """The names, in order, of journals at or before the place that were young at that look, and are done with."""
    partly: Partly | None = None
    changes: Changed | None = None
    """Up to which change all are done with. None: its follower is not told of changes."""

    def has_seen(self, name: bytes) -> bool:
        """Say whether a journal is done with, by its name."""
        at = bisect_left(self.seen, name)
        return at < len(self.seen) and self.seen[at] == name

    def text(self, store: str) -> str:
        """Give the text that `cursor_of` reads, for the store of this name."""
        timestamp, event_id = self.place
        encoded = event_id.encode()
        watermarks = (self.watermark or 0, self.far_watermark or 0)
        dates = (microseconds(timestamp), microseconds(self.begin))
        version = _VERSION if self.changes is None else _WITH_CHANGES
        head = _HEAD.pack(version, _store_sum(store), *watermarks, *dates, len(encoded))
        changes = b"" if self.changes is None else _CHANGES.pack(*self.changes)
        body = b"".join((head, encoded, _PART.pack(*(self.partly or (_NO_NAME, 0))), changes, *self.seen))
        return urlsafe_b64encode(body + _sum(body)).rstrip(b"=").decode()


def cursor_of(text: str, store: str) -> Cursor:
    """Read a cursor's text. `ValueError` if it is none, or is that of another store than the one of this name."""
    body = _body(text)
    version, of_store, *numbers, length = _HEAD.unpack_from(body)
    _check(version, of_store, store)
    part = _HEAD.size + length
    has_changes = version == _WITH_CHANGES
    seen = part + _PART.size + has_changes * _CHANGES.size
    partly = Partly(*_PART.unpack_from(body, part))
    watermark, far_watermark, date, begin = numbers
    return Cursor(
        (timestamp_at(date), body[_HEAD.size : part].decode()),
        timestamp_at(begin),
        watermark or None,
        far_watermark or None,
        tuple(body[at : at + _NAME] for at in range(seen, len(body), _NAME)),
        partly if partly.rows else None,
        Changed(*_CHANGES.unpack_from(body, part + _PART.size)) if has_changes else None,
    )


def place_of(text: str, store: str) -> Place:
    """Give the place in a cursor's text: of the last event in order that was handed over. `ValueError` as above."""
    return cursor_of(text, store).place


def name_of(journal_id: str) -> bytes:
    """Give the name by which a cursor knows a journal by its id, or a change by its key."""
    return blake2b(journal_id.encode(), digest_size=_NAME).digest()


def _body(text: str) -> bytes:
    """Take a text apart that has come through whole."""
    if not isinstance(text, str):
        msg = f"a cursor is a text, as `follow(...).cursor` gives it, not {type(text).__name__}: {text!r:.100}"
        raise TypeError(msg)
    try:
        whole = urlsafe_b64decode(text.strip() + "=" * (-len(text.strip()) % 4))
    except (NotBase64Error, ValueError):
        whole = b""
    body = whole[:-_SUM]
    if len(body) < _HEAD.size + _PART.size or whole[-_SUM:] != _sum(body):
        msg = f"{text!r:.100} is no cursor, or a part is missing: give the whole text that `follow(...).cursor` gave"
        raise ValueError(msg)
    return body


def _check(version: int, of_store: bytes, store: str) -> None:
    if version not in (_VERSION, _WITH_CHANGES):
        msg = (
            f"the cursor is of version {version}, and this package reads {_VERSION} and {_WITH_CHANGES}:"
            " use the package that made it"
        )
        raise ValueError(msg)
    if of_store != _store_sum(store):
        msg = f"the cursor is another store's, not that of {store}: each store has cursors of its own"
        raise ValueError(msg)


def _store_sum(store: str) -> bytes:
    """Give what tells a bucket and prefix from others. Files and folders may be moved: they are all alike."""
    return blake2b(store.encode(), digest_size=8).digest() if store.startswith("s3://") else _NO_STORE


def _sum(body: bytes) -> bytes:
    return blake2b(body, digest_size=_SUM).digest()
