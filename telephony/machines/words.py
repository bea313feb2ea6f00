"""The prompts that a call uses, by the names under which ``config/prompts.yaml`` keeps their Chinese text."""

from __future__ import annotations

from telephony.speech import phrases
from telephony.speech.pieces import Clip, Speech, Text

OUTCOMES = {
    "refused": "transfer_refused",
    "busy": "transfer_busy",
    "no_answer": "transfer_no_answer",
    "unreachable": "transfer_unreachable",
    "no_seats": "transfer_no_seats",
    "cancelled": "transfer_cancelled",
    "caller_left": "caller_left",
    "failed": "transfer_failed",
}
"""Transfer outcome to the prompt that its asker hears."""


def clip(name: str) -> Speech:
    return (Clip(name),)


def text(words: str) -> Speech:
    return (Text(words),)


position = phrases.position
seat_number = phrases.seat


def transfer_position(number: int) -> Speech:
    """All are busy: the place in the other side's queue, and how to cancel."""
    return (*clip("transfer_waiting"), *position(number))


def tells_position(speech: Speech) -> bool:
    """Whether a speech is about a place in a queue."""
    return speech[0] in (position(1)[0], transfer_position(1)[0])
