"""The prompts that a call uses, by the names under which ``config/prompts.yaml`` keeps their Chinese text."""

from __future__ import annotations

from telephony.speech.pieces import Clip, Number, Speech, Text

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


def position(number: int) -> Speech:
    return (Clip("position_prefix"), Number(number), Clip("position_suffix"))


def seat_number(seat: str) -> Speech:
    """The seat's number, as the caller hears it when it answers (工号)."""
    return (Clip("seat_prefix"), Number(int(seat), how="digits"), Clip("seat_suffix"))
