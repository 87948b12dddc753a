"""What can go wrong, as a user sees it: one base class, a subclass for each thing that a caller would handle apart."""


class FlashFloodException(Exception):
    """The base of every error that this package itself raises. Botocore's own errors pass through unchanged.

    Its message says what was wrong and what to do; the attributes name the things that it is about, where there is one
    of the kind.
    """

    event_id: str | None
    """The event's id."""
    journal_id: str | None
    """The journal's id."""
    key: str | None
    """The object's key, without the root prefix."""

    def __init__(
        self, *args: object, event_id: str | None = None, journal_id: str | None = None, key: str | None = None
    ) -> None:
        """Take a message, and what it is about."""
        super().__init__(*args)
        self.event_id = event_id
        self.journal_id = journal_id
        self.key = key


class FlashFloodJournalingError(FlashFloodException):
    """Journaling did not take place: too few new events, or another process has them under way."""


class FlashFloodEventExistsError(FlashFloodException):
    """`put` was given an id that an event already has."""


class FlashFloodEventNotFound(FlashFloodException):
    """No event has this id, or it has been deleted."""


class FlashFloodJournalUploadError(FlashFloodException):
    """A journal could not be written."""


class FlashFloodCorruptionError(FlashFloodException):
    """Something in the store does not have its layout's shape; the message names the key and the place in it."""
