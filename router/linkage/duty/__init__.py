"""Duty (值班): posts, rosters, the daily look over them, test calls."""
