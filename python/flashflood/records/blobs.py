"""What to say of a living journal whose blob or manifest is missing, or whose blob is short: one text for each.

`Window.batch` of the core says of a short blob what `short` says.
"""

from typing import Literal

from flashflood import layout
from flashflood.context import Context
from flashflood.exceptions import FlashFloodCorruptionError
from flashflood.identifiers import JournalID


def missing(
    ctx: Context, journal_id: JournalID, what: Literal["blob", "manifest"] = "blob", event_id: str | None = None
) -> FlashFloodCorruptionError:
    """Say that a journal's blob or manifest is not there, and for which event, where it is about one."""
    which = "" if event_id is None else f", with event {event_id!r} in it"
    remedy = ctx.remedy("`repair` mends it where it can, `check` says what else to do")
    return FlashFloodCorruptionError(
        f"journal {journal_id}: its {what} is missing{which}; {remedy}",
        event_id=event_id,
        journal_id=journal_id,
        key=(layout.blob_key if what == "blob" else layout.journal_key)(journal_id),
    )


def short(journal_id: JournalID, size: int, stop: int, event_id: str | None = None) -> FlashFloodCorruptionError:
    """Say that a blob ends after `size` bytes, and not at `stop` or beyond, where an event ends."""
    which = "its events" if event_id is None else f"event {event_id!r}"
    return FlashFloodCorruptionError(
        f"journal {journal_id}: its blob ends at offset {size}, before the end of {which} at offset {stop};"
        " restore it from a copy",
        event_id=event_id,
        journal_id=journal_id,
        key=layout.blob_key(journal_id),
    )
