"""Casework: what happens to a matter, on real databases."""
