"""Linkage: emergencies, who is called, and what is reported."""
