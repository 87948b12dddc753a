"""What can go wrong, as a user sees it: one base class, a subclass for each thing that a caller would handle apart."""


class FlashFloodException(Exception):
    """The base of every error that this package itself raises. Botocore's own errors pass through unchanged."""


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
