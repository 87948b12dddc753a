"""Events by id: get_event, event_exists, get_events. Nothing in here writes."""
