"""Supervision 督办: what goes wrong is listed by itself, demands need an answer, deadlines and notices go to the right people."""
