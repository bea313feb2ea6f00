"""Server-sent events: what changes, told to those who may know."""
