"""Following: events as they come, each once for a cursor (FOLLOW.md)."""
