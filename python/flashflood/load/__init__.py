"""Loading strangers' files: JSON Lines in which the line, or each element of it, is the event."""
