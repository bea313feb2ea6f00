"""Everything an installation is known to say, so that it can be rendered before the first call. Pure."""

from __future__ import annotations

from config import model
from telephony.speech.pieces import Clip, Number, Speech, Text

POSITIONS = 50
"""Places in a queue that are rendered ahead; a longer queue's are rendered when they are needed."""


def position(number: int) -> Speech:
    """The caller's place in the queue."""
    return (Clip("position_prefix"), Number(number), Clip("position_suffix"))


def seat(seat_id: str) -> Speech:
    """Which seat answered (工号)."""
    return (Clip("seat_prefix"), Number(seat_id, "digits"), Clip("seat_suffix"))


def everything(installation: model.Installation) -> list[Speech]:
    """All prompts by themselves (but for the prefixes and suffixes of numbers), positions 1…50, every seat's
    number, every centre's tag, and the digits."""
    found: list[Speech] = [(Clip(name),) for name in installation.prompts if not name.endswith(("_prefix", "_suffix"))]
    found += [(Text(centre.tag),) for centre in installation.centres]
    if {"seat_prefix", "seat_suffix"} <= installation.prompts.keys():
        found += [seat(one.id) for one in installation.seats]
    if {"position_prefix", "position_suffix"} <= installation.prompts.keys():
        found += [position(number) for number in range(1, POSITIONS + 1)]
    found += [(Number(digit, "digits"),) for digit in range(10)]
    return found
