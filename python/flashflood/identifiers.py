"""The names that keys are made of: journal ids and update ids, with FORMAT.md's shapes."""

import re
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from flashflood._core import format_timestamp, parse_timestamp
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException

if not TYPE_CHECKING:
    from flashflood.former import names_of

    __getattr__ = names_of(__name__)


TOMBSTONE_SUFFIX = ".dead"
NEW = "new"

_TIMESTAMP = r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_JOURNAL_ID = re.compile(rf"{_TIMESTAMP}--{_TIMESTAMP}--(?:{NEW}|{_TIMESTAMP})--{_UUID}", re.ASCII)
_UPDATE_NAME = re.compile(
    r"(?P<reversed>[0-9a-fA-F-]{36}--(?:wen|.{25})--.{25}--.{25})"
    rf"--(?P<event_id>.+)--(?P<timestamp>{_TIMESTAMP})--(?P<action>UPDATE|DELETE)",
    re.ASCII | re.DOTALL,
)


class JournalID(str):
    """A journal's id, `{start}--{end}--{version}--{blob_id}`, and what can be read off it."""

    __slots__ = ()

    DELIMITER = "--"

    @classmethod
    def make(cls, start_timestamp: str, end_timestamp: str, version: str, blob_id: str) -> "JournalID":
        """Join the four parts: timestamps of the first and last event, `new` or the timestamp of the making, a UUID."""
        return cls(cls.DELIMITER.join((start_timestamp, end_timestamp, version, blob_id)))

    @classmethod
    def from_key(cls, key: str) -> "JournalID":
        """Take the id from the last part of an object's key."""
        return cls(key.rsplit("/", 1)[1])

    @classmethod
    def checked(cls, text: str, where: str, *, key: str | None = None) -> "JournalID":
        """Take an id from data. `FlashFloodCorruptionError`, naming `where`, if it does not have FORMAT.md's shape.

        `key`: of the object that the text is from.
        """
        if not _is_journal_id(text):
            msg = f"{where}: {text!r} is not a journal_id; restore the object from a copy, or remove it"
            raise FlashFloodCorruptionError(msg, key=key)
        return cls(text)

    @classmethod
    def given(cls, text: str) -> "JournalID":
        """Take an id from a caller. `FlashFloodException` if it does not have FORMAT.md's shape."""
        if not _is_journal_id(text):
            msg = f"{text!r} is no journal_id; `list_journals` gives those that there are"
            raise FlashFloodException(msg, journal_id=str(text))
        return cls(text)

    @property
    def start(self) -> str:
        """The timestamp of the first event, as text."""
        return self.split(self.DELIMITER)[0]

    @property
    def end(self) -> str:
        """The timestamp of the last event, as text."""
        return self.split(self.DELIMITER)[1]

    @property
    def start_date(self) -> datetime:
        """The date of the first event: naive, UTC."""
        return parse_timestamp(self.start)

    @property
    def end_date(self) -> datetime:
        """The date of the last event: naive, UTC."""
        return parse_timestamp(self.end)

    @property
    def version(self) -> str:
        """`new` for an event just put and not yet journaled; otherwise the timestamp of the journal's making."""
        return self.split(self.DELIMITER)[2]

    @property
    def blob_id(self) -> str:
        """The UUID that names the blob with the events' data."""
        return self.split(self.DELIMITER)[3]

    @property
    def range_prefix(self) -> str:
        """`{start}--{end}`, which all journals of that range begin with."""
        return self.rsplit(self.DELIMITER, 2)[0]


class JournalUpdateAction(Enum):
    """What an update object asks for; the names are those in its id."""

    UPDATE = "update"
    DELETE = "delete"


class Update(NamedTuple):
    """One update object: new data for an event of a journal, or its deletion."""

    journal_id: JournalID
    event_id: str
    timestamp: str
    action: JournalUpdateAction

    @property
    def is_delete(self) -> bool:
        """Whether it deletes the event."""
        return self.action is JournalUpdateAction.DELETE

    def moved_to(self, journal_id: JournalID) -> "Update":
        """Give the same update, addressed to another journal."""
        return self._replace(journal_id=journal_id)

    @property
    def name(self) -> str:
        """The update_id: the last part of the key, with the event_id percent-encoded where FORMAT.md asks for it."""
        event_id = encoded(self.event_id) if needs_encoding(self.event_id) else self.event_id
        return JournalID.DELIMITER.join((self.journal_id[::-1], event_id, self.timestamp, self.action.name))

    @classmethod
    def parse(cls, name: str, *, is_encoded: bool, where: str) -> "Update":
        """Read an update_id. `FlashFloodCorruptionError`, naming `where`, if it does not have FORMAT.md's shape."""
        found = _UPDATE_NAME.fullmatch(name)
        try:
            if not found:
                raise _no_update(name, where)
            event_id = unquote(found["event_id"], errors="strict") if is_encoded else found["event_id"]
            parse_timestamp(found["timestamp"])
        except ValueError as error:  # not UTF-8, or no date
            raise _no_update(name, where) from error
        journal_id = JournalID.checked(found["reversed"][::-1], where, key=where)
        return cls(journal_id, event_id, found["timestamp"], JournalUpdateAction[found["action"]])


def _is_journal_id(text: object) -> bool:
    if not isinstance(text, str) or not _JOURNAL_ID.fullmatch(text):
        return False
    start, end, version, _ = text.split(JournalID.DELIMITER)
    try:
        for timestamp in {start, end, version} - {NEW}:
            parse_timestamp(timestamp)
    except ValueError:
        return False
    return True


def _no_update(name: str, where: str) -> FlashFloodCorruptionError:
    return FlashFloodCorruptionError(f"{where}: {name!r} is not an update_id; move the object away", key=where)


def needs_encoding(event_id: str) -> bool:
    """Say whether updates of this id go where 0.4.3 does not look: it fails on ids with `/` or a leading `-`."""
    return "/" in event_id or event_id.startswith("-")


def encoded(event_id: str) -> str:
    """Percent-encode an id, leading `-` included, so that it can be read back between delimiters."""
    text = quote(event_id, safe="")
    return "%2D" + text[1:] if text.startswith("-") else text


def timestamp_after(timestamp: str) -> str:
    """Give the timestamp one microsecond later; the greatest one has none after it, and stays."""
    try:
        return format_timestamp(parse_timestamp(timestamp) + datetime.resolution)
    except OverflowError:
        return timestamp
