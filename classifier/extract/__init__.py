"""What a person tells of where, when and how to be reached: places, times, phone numbers, plates, identity numbers. Pure.

``find`` reads a text as citizens speak or write it; ``mask`` takes out what points at a person before a text is kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from classifier.extract import folding, moments, numbers
from classifier.extract import places as localities
from classifier.extract.masking import mask

__all__ = ["Found", "Kind", "find", "mask"]

Kind = Literal["phone", "time", "place", "plate", "id_number"]
_ORDER: dict[Kind, int] = {"id_number": 0, "phone": 1, "plate": 2}
_Piece = tuple[Kind, int, int, str]
_TAKEN = "\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was found; ``text`` is ``source[start:end]``, ``value`` its normal form.

    A phone's value is a number of the directory's form, a time's is ISO 8601 (:mod:`classifier.extract.when`) or empty if it is
    vague, a place's has digits for the numbers of houses, a plate's and an identity number's have capitals and no gaps.
    """

    kind: Kind
    start: int
    end: int
    text: str
    value: str


def find(text: str, *, now: dt.datetime | None = None, places: Collection[str] = ()) -> tuple[Found, ...]:
    """What is told, in order and without overlap; never raises. Takes time that grows with the text and no faster.

    ``now`` gives relative times a meaning; ``places`` are names to be known besides, in simplified characters (each is looked
    for, so give hundreds of them and not a gazetteer).
    """
    folded = folding.fold(text)
    taken = bytearray(len(folded.text))
    kept: list[_Piece] = []
    for number in sorted(numbers.numbers(folded.text), key=lambda one: (_ORDER[one[0]], one[1])):
        _, start, end, _ = number
        if 1 not in taken[start:end]:
            taken[start:end] = b"\1" * (end - start)
            kept.append(number)
    rest = _without(folded.text, kept)
    times: list[_Piece] = [("time", *one) for one in moments.moments(rest, now)]
    kept += times
    kept += [("place", *one) for one in localities.places(_without(rest, times), places)]
    return tuple(_found(folded, *one) for one in sorted(kept, key=lambda one: one[1]))


def _found(folded: folding.Folded, kind: Kind, low: int, high: int, value: str) -> Found:
    start, end = folded.span(low, high)
    return Found(kind, start, end, folded.source[start:end], value)


def _without(text: str, taken: list[_Piece]) -> str:
    """The text with line ends where something was found, so that nothing reaches across it."""
    parts: list[str] = []
    last = 0
    for _, start, end, _ in sorted(taken, key=lambda one: one[1]):
        parts += text[last:start], _TAKEN * (end - start)
        last = end
    return "".join(parts) + text[last:] if parts else text
