"""New events, and changes of events: put, put_many, update_event, delete_event."""
