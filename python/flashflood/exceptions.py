"""What can go wrong, as a user sees it: one base class, and a subclass for each case that is handled by itself."""


class FlashFloodException(Exception):
    """The base of every error that this package itself raises. Botocore's own errors pass through unchanged.

    Its message says what was wrong and what to do. The attributes name the event, the journal and the object that it
    is about; None where it is about none.
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
