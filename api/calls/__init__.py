"""Calls: what was spoken, what is being spoken, and steering it through the call core."""
