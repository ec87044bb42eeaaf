"""Redis: the embedded server, the event bus and the stores that live in it."""
