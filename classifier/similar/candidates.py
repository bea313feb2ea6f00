"""Which few of a million matters are worth comparing: those with the rarest terms of what is asked.

Two lists are made and joined. In the first the place counts most, as it does in the score; in the second only words count, for
a place may be told in other words. Nothing here depends on how matters are spread over shelves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from classifier.similar import numbers, shelf, terms
from classifier.similar.forms import Form
from classifier.text.normalise import normalise

MOST = 128
"""Matters that are compared at most."""
LONG = 400
"""Characters: of a longer text the rarest terms of all of it are looked up, though not all of it is compared."""
TERMS_OF_PLACE, TERMS_OF_WORDS = 24, 48
"""Terms of what is asked that are looked up, the rarest first."""
ENTRIES_OF_PLACE, ENTRIES_OF_WORDS = 50_000, 30_000
"""Entries that are read for these terms; those of the rarest in any case."""
_BY_WORDS = MOST // 4
"""So many are chosen by words alone."""
_PLACE, _NUMBER = 3.0, 3.0
"""How much more a term of the place counts in the first list, and a number of the place among these."""
_FINE = 64
"""Weights are whole numbers of this fineness: sums of them don't depend on the order."""

_TERM, _WHICH = np.uint64(8), np.uint64(0xFF)
"""A key is a part, a row counted from the newest, and in its last bits which of the terms it has."""

Part: TypeAlias = shelf.Page | shelf.Shelf
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Terms to look up, ascending, and how much each tells in the first list and in the second."""

    terms: terms.Terms
    first: Weights
    second: Weights


def wanted(asked: Form, text: str, frequency: npt.NDArray[np.uint32], live: int, shelves: int) -> Wanted:
    """``frequency``: how many of the ``live`` matters have a term."""

    def rarest(found: terms.Terms, most: int, entries: int) -> terms.Terms:
        found = found[frequency[found] > 0]
        found = found[np.lexsort((found, frequency[found]))[:most]]
        read = np.minimum(frequency[found].astype(np.int64), (shelves + 1) * shelf.MOST_ROWS)
        return found[: max(1, int(np.searchsorted(np.cumsum(read), entries, "right")))]

    marks = terms.of_marks(asked)
    place = rarest(np.union1d(terms.of_place(asked), marks), TERMS_OF_PLACE, ENTRIES_OF_PLACE)
    words = terms.of_words(asked)
    if len(text) > LONG:
        words = np.union1d(words, terms.of_long(numbers.as_digits(normalise(text).full)))
    words = rarest(words, TERMS_OF_WORDS, ENTRIES_OF_WORDS)
    found = np.union1d(place, words)
    tells = np.round(np.log1p(live / frequency[found]) * _FINE)
    of_place = np.isin(found, place) * _PLACE * np.where(np.isin(found, marks), _NUMBER, 1)
    of_words = np.isin(found, words)
    return Wanted(found, tells * (of_place + of_words), tells * of_words)


def choose(parts: Sequence[Part], wanted: Wanted, at: float | None, within: float | None) -> list[tuple[Part, int]]:
    """At most :data:`MOST` living rows with the most of the terms; of equal ones the newest. Parts come newest first.

    ``within`` and ``at``: only rows of that time, in seconds.
    """
    keys = []
    for number, part in enumerate(parts):
        rows, which = part.entries(wanted.terms)
        fits = part.alive[rows]
        if at is not None and within is not None:
            fits &= np.abs(part.at[rows] - at) <= within
        turned = np.uint64(number << 16 | 0xFFFF) - rows[fits]
        keys.append(turned << _TERM | which[fits])
    found = np.concatenate(keys)
    found.sort()
    turned, which = found >> _TERM, (found & _WHICH).astype(np.intp)
    if not len(found):
        return []
    begins = np.concatenate([[0], np.flatnonzero(turned[1:] != turned[:-1]) + 1])
    chosen = _highest(np.add.reduceat(wanted.first[which], begins), MOST - _BY_WORDS)
    known = set(chosen)
    chosen += [one for one in _highest(np.add.reduceat(wanted.second[which], begins), MOST) if one not in known]
    return [(parts[one >> 16], 0xFFFF - (one & 0xFFFF)) for one in turned[begins[chosen[:MOST]]].tolist()]


def _highest(sums: Weights, most: int) -> list[int]:
    """Where the highest sums above zero stand, the highest first; of equal ones the first."""
    above = np.flatnonzero(sums > 0)
    if len(above) > most:
        above = above[sums[above] >= np.partition(sums[above], -most)[-most]]
    order = np.argsort(-sums[above], kind="stable")[:most]
    found: list[int] = above[order].tolist()
    return found
