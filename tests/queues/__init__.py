"""Seats and waiting calls on a real Valkey."""
