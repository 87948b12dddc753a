"""Events by date: replay, replay_batches, search, and event streams. Nothing in here writes."""
