"""Typed messages between switchboard and room."""
