"""Seats and waiting calls in Redis: reservation, order, overflow, all atomic."""
