"""Durable timers: rows that a worker claims under a lease, runs once, and treats by a policy when they are late."""
