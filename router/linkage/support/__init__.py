"""Seats from elsewhere (异地座席支援)."""
