"""What can be said: a speech is a tuple of recorded clips, numbers and free text. Plain records, no I/O.

The pieces travel in the contract (MessagePack and JSON, with the class name as tag), so other packages say *what*
is to be heard and never name files of ours.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

LONGEST_TEXT = 600
"""Characters of free text in one speech: about two and a half minutes."""

LONGEST_SPEECH = 64
"""Pieces in one speech."""


class Clip(msgspec.Struct, tag=True, frozen=True):
    """A prompt's id (``config/prompts.yaml``), or a WAV file by its path below the prompts folder
    (``fire/intro.wav``)."""

    name: str


class Number(msgspec.Struct, tag=True, frozen=True):
    """A number as it is read out. ``Number("8001", "digits") == Number(8001, "digits")``: the value is kept as text
    for digits, else as int.

    ``count``: the cardinal, 12 十二. ``amount``: before a measure word, where 2 is 两. ``digits``: one by one with
    幺 for 1, as seat and telephone numbers are read: 8001 八零零幺; give it as text to keep leading zeros.
    """

    value: int | str
    how: Literal["count", "amount", "digits"] = "count"

    def __post_init__(self) -> None:
        text = str(self.value)
        bare = text.removeprefix("-") if self.how != "digits" else text
        if not (bare.isascii() and bare.isdigit()):
            raise ValueError(f"{text!r} is not a number that can be read as {self.how}")
        if len(bare) > 32 or (self.how != "digits" and len(bare) > 16):
            raise ValueError(f"a number of {len(bare)} digits is too long to be read as {self.how}")
        msgspec.structs.force_setattr(self, "value", text if self.how == "digits" else int(text))


class Text(msgspec.Struct, tag=True, frozen=True):
    """Free text in Chinese, up to ``LONGEST_TEXT`` characters; digits and dates in it are read the Chinese way."""

    text: str


Piece: TypeAlias = Clip | Number | Text
Speech: TypeAlias = tuple[Piece, ...]


def speech(*pieces: Piece | str) -> Speech:
    """Build a speech; plain strings are taken as prompt ids: ``speech("seat_before", Number("8001", "digits"))``."""
    return tuple(Clip(piece) if isinstance(piece, str) else piece for piece in pieces)
