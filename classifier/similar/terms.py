"""Terms of a form, as numbers: by them matters are looked up. Two terms may share a number; that finds more, never less.

Terms are pairs of characters, words of one and of three or more characters, and the numbers of a place ("house 3"). A word of
two characters is a pair.
"""

from __future__ import annotations

from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifier.similar import forms

SIZE = 2_097_143
"""Numbers of terms are smaller than this prime."""
_FIRST, _SECOND = 0x1F123BB5, 0x05491333
Terms = npt.NDArray[np.uint32]


def of_form(form: forms.Form) -> Terms:
    """All terms of a matter, ascending, each once."""
    return _array(_pairs(form.place) | _of_words(form.words) | _of_marks(form.marks))


def of_words(form: forms.Form) -> Terms:
    return _array(_of_words(form.words))


def of_marks(form: forms.Form) -> Terms:
    """The numbers of the place, be it told in the text."""
    return _array(_of_marks(form.marks))


def of_place(form: forms.Form) -> Terms:
    return _array(_pairs(form.place))


def of_long(plain: str) -> Terms:
    """Pairs only: quick for thousands of characters."""
    return _array(_pairs(plain))


def _array(found: set[int]) -> Terms:
    return np.array(sorted(found), np.uint32)


def _of_words(words: str) -> set[int]:
    found = _pairs(words.replace(" ", ""))
    for word in words.split():
        if len(word) == 1:
            found.add(ord(word) * _FIRST % SIZE)
        elif len(word) > 2:
            found.add(_number(word))
    return found


def _of_marks(marks: str) -> set[int]:
    return set(map(_number, marks.split("\n"))) if marks else set()


def _number(term: str) -> int:
    return crc32(term.encode("utf-32-le")) % SIZE


def _pairs(text: str) -> set[int]:
    """Pairs within each line."""
    found: set[int] = set()
    for line in text.split("\n"):
        codes = list(map(ord, line))
        found.update([(first * _FIRST ^ second * _SECOND) % SIZE for first, second in pairwise(codes)])
    return found
