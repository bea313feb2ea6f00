"""Drills (演练): scripts, and how they went."""
