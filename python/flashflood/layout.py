"""Where things lie: the only place that spells a key (FORMAT.md), relative to the root prefix.

Ids are checked here too, since what an id may be follows from the keys made of it.
"""

import re
from datetime import datetime

from flashflood._core import format_timestamp, parse_timestamp
from flashflood.exceptions import FlashFloodCorruptionError, FlashFloodException
from flashflood.identifiers import (
    TOMBSTONE_SUFFIX,
    JournalID,
    JournalUpdateAction,
    Update,
    encoded,
    needs_encoding,
)

JOURNALS = "journals/"
BLOBS = "blobs/"
INDEX = "index/"
UPDATES = "update/"
ENCODED_UPDATES = "update-ids/"
MARKS = "gone/"
DRAFTS = "drafts/"
LEDGER = "ledger/"
FOLDERS = (BLOBS, DRAFTS, MARKS, INDEX, JOURNALS, LEDGER, ENCODED_UPDATES, UPDATES)
"""All that the events lie in."""
PROBES = "probe/"
"""Markers that say something of the store and its server, and nothing of the events. A copy has its own."""
CLOCK = "probe/clock"
"""The marker whose date is that of the moment: see `Context.now`."""
CONDITIONAL_PUT = "probe/conditional-put"
"""The marker that tells whether the server knows conditional PUT: see `S3Store.create`."""
LAST = "probe/last-"
"""What the markers begin with whose dates are those of the last compaction and the last collection: see `maintain`."""
UNFINISHED_COPY = "copy/unfinished"
"""The marker that a copy into this store has not been finished: see `records.unfinished_copy`."""

LONGEST_KEY = 1024
"""Bytes of UTF-8 that S3 allows in a key, root prefix included."""

_CONTROL_CHARACTER = re.compile("[\0-\x1f\x7f-\x9f]")  # Unicode's category Cc
_REVISION_DIGITS = 10
_SURELY_SHORT = 200
"""A root prefix's characters and an id's bytes that together make no key too long, each byte percent-encoded."""
_START = slice(len(JOURNALS), len(f"{JOURNALS}2019-05-16T211813.059000Z"))
_END = slice(_START.stop + len(JournalID.DELIMITER), _START.stop + len("--2019-05-16T211813.059000Z"))
"""Where the key of a manifest has its timestamps."""
_LONGEST_JOURNAL_ID = JournalID.make("0" * 25, "0" * 25, "0" * 25, "0" * 36)


def journal_key(journal_id: JournalID) -> str:
    """Name the manifest of a journal."""
    return f"{JOURNALS}{journal_id}"


def journal_name(key: str) -> str:
    """Give what stands after `journals/` in a key: a journal_id, a tombstone's name, or a stranger's."""
    return key.removeprefix(JOURNALS)


def journal_id_of(key: str) -> JournalID:
    """Take the journal_id from the key of a manifest whose shape has been checked: `classify` did."""
    return JournalID(key[len(JOURNALS) :])


def range_of(key: str) -> tuple[str, str]:
    """Take the timestamps of the first and the last event from such a key."""
    return key[_START], key[_END]


def start_of(key: str) -> datetime | None:
    """Read off a key in `journals/` when its journal begins, naive UTC. None: no timestamp stands there."""
    try:
        return parse_timestamp(journal_name(key).partition(JournalID.DELIMITER)[0])
    except ValueError:
        return None


def before_start(date: datetime) -> str:
    """Give what comes right before the keys of all journals that begin on a date or later."""
    return f"{JOURNALS}{format_timestamp(date)}"


def parse_journal_key(key: str) -> JournalID:
    """Read the key of a manifest. `FlashFloodCorruptionError` if it does not have the shape."""
    return JournalID.checked(journal_name(key), key, key=key)


def parse_draft_key(key: str) -> JournalID:
    """Read the key of a draft. `FlashFloodCorruptionError` if it does not have the shape."""
    return JournalID.checked(key.removeprefix(DRAFTS), key, key=key)


def tombstone_key(key: str) -> str:
    """Name the tombstone of a journal or an update."""
    return f"{key}{TOMBSTONE_SUFFIX}"


def buried_by(key: str) -> list[str]:
    """Give the keys of what a tombstone is about: an update; or a journal's manifest, and its blob. Of others: none."""
    dead = key.removesuffix(TOMBSTONE_SUFFIX)
    if dead == key or not key.startswith((JOURNALS, UPDATES, ENCODED_UPDATES)):
        return []
    blob_id = blob_id_of(dead)
    return [dead] if blob_id is None else [dead, f"{BLOBS}{blob_id}"]


def blob_key(journal_id: JournalID) -> str:
    """Name the blob that holds the data of a journal's events."""
    return f"{BLOBS}{journal_id.blob_id}"


def blob_id_of(key: str) -> str | None:
    """Read the blob_id off the key of a blob, or of a manifest. None: it is neither's."""
    if key.startswith(BLOBS):
        return key.removeprefix(BLOBS)
    try:
        return parse_journal_key(key).blob_id if key.startswith(JOURNALS) else None
    except FlashFloodCorruptionError:
        return None


def last_key(job: str) -> str:
    """Name the marker whose date is that of a job's last beginning."""
    return f"{LAST}{job}"


def draft_key(journal_id: JournalID) -> str:
    """Name the draft of a batch's manifest."""
    return f"{DRAFTS}{journal_id}"


def ledger_key(journal_id: JournalID) -> str:
    """Name the ledger entry of the combination that makes this journal."""
    return f"{LEDGER}{journal_id.blob_id}"


def index_prefix(event_id: str) -> str:
    """Give what all index keys of an id begin with. Keys of longer ids may do so too: see `revision_of`."""
    return f"{INDEX}{event_id}{JournalID.DELIMITER}"


def index_key(event_id: str, revision: int) -> str:
    """Name one index entry."""
    return f"{index_prefix(event_id)}{revision:0{_REVISION_DIGITS}}"


def mark_prefix(event_id: str) -> str:
    """Give what all deletion marks of an id begin with."""
    return f"{MARKS}{event_id}{JournalID.DELIMITER}"


def mark_key(event_id: str, revision: int) -> str:
    """Name the deletion mark that makes index entries up to `revision` void."""
    return f"{mark_prefix(event_id)}{revision:0{_REVISION_DIGITS}}"


def revision_of(key: str, prefix: str) -> int | None:
    """Read the revision off an index key or a mark. None: it is another id's (`a-` for `a`)."""
    digits = key[len(prefix) :]
    return int(digits) if len(digits) == _REVISION_DIGITS and digits.isascii() and digits.isdigit() else None


def parse_index_key(key: str) -> tuple[str, int] | None:
    """Read the event_id and the revision off an index key. None: it does not have the shape."""
    event_id = key.removeprefix(INDEX).rpartition(JournalID.DELIMITER)[0]
    revision = revision_of(key, index_prefix(event_id))
    return None if revision is None else (event_id, revision)


def update_key(update: Update) -> str:
    """Name an update object."""
    return f"{ENCODED_UPDATES if needs_encoding(update.event_id) else UPDATES}{update.name}"


def updates_of_journal(journal_id: JournalID) -> list[str]:
    """Give what all updates of one journal begin with: some lie under one prefix, some under the other."""
    return [f"{folder}{journal_id[::-1]}{JournalID.DELIMITER}" for folder in (UPDATES, ENCODED_UPDATES)]


def updates_prefix(journal_id: JournalID, event_id: str) -> str:
    """Give what all updates of one event for one journal begin with.

    Those of longer ids may do so too: compare `event_id`.
    """
    plain, percent_encoded = updates_of_journal(journal_id)
    if needs_encoding(event_id):
        return f"{percent_encoded}{encoded(event_id)}{JournalID.DELIMITER}"
    return f"{plain}{event_id}{JournalID.DELIMITER}"


def parse_update_key(key: str) -> Update:
    """Read an update object's key (not a tombstone's). `FlashFloodCorruptionError` if it does not have the shape."""
    folder, _, name = key.partition("/")
    update = Update.parse(name, is_encoded=f"{folder}/" == ENCODED_UPDATES, where=key)
    if update_key(update) != key:
        msg = f"{key} is not the key of an update; move the object away"
        raise FlashFloodCorruptionError(msg, key=key)
    return update


def refuse_bad_id(event_id: str, root_prefix: str) -> None:
    """`FlashFloodException` for an id that `put` does not take: it could not be found or listed again.

    `TypeError` for what is not text.
    """
    problem = _impossible(event_id, root_prefix) or (
        "has a control character" if _CONTROL_CHARACTER.search(event_id) else None
    )
    if problem:
        msg = f"event_id {event_id!r} {problem}; choose another one"
        raise FlashFloodException(msg, event_id=event_id)


def may_exist(event_id: str, root_prefix: str) -> bool:
    """Say whether an event can have this id at all; with control characters, 0.4.3 may have stored one.

    `TypeError` for what is not text.
    """
    return not _impossible(event_id, root_prefix) and event_id != ""


def _impossible(event_id: str, root_prefix: str) -> str | None:
    if not isinstance(event_id, str):
        msg = f"an event_id is a str, not {type(event_id).__name__}"
        raise TypeError(msg)
    if JournalID.DELIMITER in event_id:
        return "has '--' inside, which separates the parts of keys"
    if "\0" in event_id:
        return "has a NUL, which no key can hold"
    if "\ufffe" in event_id or "\uffff" in event_id:
        return "has U+FFFE or U+FFFF, which S3's answers (XML 1.0) cannot hold"
    try:
        size = len(event_id.encode())
    except UnicodeEncodeError:
        return "has a lone surrogate, which is not text"
    if len(root_prefix) + size > _SURELY_SHORT:
        update = Update(_LONGEST_JOURNAL_ID, event_id, "0" * 25, JournalUpdateAction.UPDATE)
        longest = f"{root_prefix}/{tombstone_key(update_key(update))}"
        if len(longest.encode()) > LONGEST_KEY:
            return f"would make a key longer than S3's {LONGEST_KEY} bytes"
    return None
