"""Casework: what happens to a matter. Knows tickets, not SIP."""
