"""Repeatable measurements of what the call core promises."""
