"""Recordings: finding them by call, matter or number; hearing them, which leaves a trace."""
