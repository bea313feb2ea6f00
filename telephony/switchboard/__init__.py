"""The Twisted service that runs calls: room pool, call sessions, command intake, event relay."""
