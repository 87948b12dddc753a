"""The names of 0.4.3 that are not this package's own: each works, or its error says what has taken its place.

No requests. docs/coming-from-0.4.3.md has the same in words.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

MODULES = frozenset({"config", "exceptions", "identifiers", "key_index", "objects", "util", "version"})
"""0.4.3's modules: `import flashflood` alone lets existing code write `flashflood.util`."""

HOMES = {
    "__version__": "flashflood.version",
    "FlashFloodEventExistsError": "flashflood.exceptions",
    "FlashFloodEventNotFound": "flashflood.exceptions",
    "FlashFloodException": "flashflood.exceptions",
    "FlashFloodJournalUploadError": "flashflood.exceptions",
    "FlashFloodJournalingError": "flashflood.exceptions",
    "JournalID": "flashflood.identifiers",
    "JournalUpdateAction": "flashflood.identifiers",
    "TOMBSTONE_SUFFIX": "flashflood.identifiers",
    "datetime_from_timestamp": "flashflood.util",
    "datetime_to_timestamp": "flashflood.util",
    "delete_keys": "flashflood.util",
    "timestamp_now": "flashflood.util",
}
"""Where the names are that 0.4.3's modules import from one another."""

SUCCESSORS = {
    "BaseJournal": "flashflood.Journal, which ff.open_journal and ff.combine_journals give",
    "BaseJournalUpdate": "ff.update_event and ff.delete_event, which write updates, and ff.update, which applies them",
    "BaseKeyIndex": "ff.event_exists and ff.get_event, which read the index, and ff.repair, which mends it",
    "DateRange": "from_date and to_date of each call",
    "JournalUpdateID": "ff.update_event and ff.delete_event, which write updates under ids of their own",
    "S3Deleter": "flashflood.util.delete_keys, which takes any number of keys",
    "concurrent_listing": "boto3's bucket.objects.filter(Prefix=...)",
    "update_object_tagging": "boto3's client.put_object_tagging",
    "upload_object": "boto3's client.put_object",
}
"""What took the place of a name that is gone."""

JOURNAL_SUCCESSORS = {
    "bucket": "ff.bucket",
    "data": "journal.body.read()",
    "from_id": "ff.open_journal(journal_id)",
    "from_key": "ff.open_journal(JournalID.from_key(key))",
    "is_empty": "not journal.events",
    "keys": "journal.id_ and journal.blob_id, which the keys end in",
    "list": "ff.journal_ids(list_from)",
    "reload": "journal.body.seek(0)",
    "s3_client": "ff.s3_client",
    "updated": "ff.update() or ff.combine_journals",
    "upload": "ff.put_many, ff.journal or ff.combine_journals, which write journals",
    "upload_tombstone": "ff.update, ff.journal and ff.combine_journals, which bury what they replace",
}
"""The same for what 0.4.3's journals have."""


def names_of(module: str) -> Callable[[str], Any]:
    """Give a module's `__getattr__`, for 0.4.3's names.

    A name that is gone is an `ImportError` that names its successor, also where it is read as an attribute: of an
    `AttributeError`, `from … import` would not show the text.
    """

    def find(name: str) -> Any:  # noqa: ANN401  whatever has the name
        if name in HOMES:
            return getattr(import_module(HOMES[name]), name)
        if name in SUCCESSORS:
            msg = f"{module}.{name} of FlashFlood 0.4.3 is gone; in its place: {SUCCESSORS[name]}"
            raise ImportError(msg)
        if module == "flashflood" and name in MODULES:
            return import_module(f"flashflood.{name}")
        msg = f"module {module!r} has no attribute {name!r}"
        raise AttributeError(msg)

    return find


def journal_attribute(name: str) -> AttributeError:
    """Give the error for what a journal does not have; it names the successor of what 0.4.3's has."""
    if name in JOURNAL_SUCCESSORS:
        return AttributeError(f"Journal.{name} of FlashFlood 0.4.3 is gone; in its place: {JOURNAL_SUCCESSORS[name]}")
    return AttributeError(f"'Journal' object has no attribute {name!r}")
