"""The danger layer: what dangers a text names, and what takes their force (negation, the past, a question, a film …). Pure.

What it sees is shown as evidence, and asks for a call back where a danger was withdrawn. The model decides what is urgent;
a danger that stands may lower what it takes (thresholds on the model's card).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from classifier import lexicon
from classifier.context import Against, Reading
from classifier.lexicon import Danger

_MATCHES = 12
"""Places of one kind of danger that are looked at: a text that repeats itself is not read for ever."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that name a danger."""

    danger: Danger
    start: int
    end: int
    against: Against | None
    """What takes their force; None: they stand."""
    now: bool
    """Something around them says that it is going on, or just was."""


def hits(text: str) -> list[Hit]:
    """All dangers that a text in normal form names, by kind and place."""
    return list(_hits(text))


def _hits(text: str) -> Iterator[Hit]:
    reading = Reading(text)
    for danger in lexicon.DANGERS:
        for place in islice(danger.strong.finditer(text), _MATCHES):
            start, end = place.span()
            yield Hit(danger, start, end, reading.against(start, end, danger.immune), reading.now(start, end))
        if danger.weak is not None:
            for place in islice(danger.weak.finditer(text), _MATCHES):
                start, end = place.span()
                if reading.now(start, end):
                    yield Hit(danger, start, end, reading.against(start, end, danger.immune), True)
