"""Key sequences of staff within a call: ``*1`` one-key, ``*3`` three-way, ``*7`` consult, ``*0`` cancel."""

from __future__ import annotations

from telephony.machines import records

PAUSE = 2.0
"""Seconds at most between the digits of one sequence."""

MEANINGS = {"*1": "one-key", "*3": "three-way", "*7": "consult", "*0": "cancel"}


def press(party: records.Party, digit: str, now: float) -> str | None:
    """Add a digit to what a party has pressed; return the meaning when a sequence is complete."""
    if digit == "*":
        party.keys, party.keys_at = "*", now
        return None
    if not party.keys or now - party.keys_at > PAUSE:
        party.keys = ""
        return None
    sequence = party.keys + digit
    party.keys = ""
    return MEANINGS.get(sequence)
