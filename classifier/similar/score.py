"""How alike two matters are: by words, by place, by time, and in one number. Nothing here depends on other matters.

The weights were set by hand on invented events that two to four callers tell of (some of them are in the tests), as a logistic
regression on them suggested. Where callers share words or a kind of happening, nine pairs in ten reach 0.5, and so do three in a
hundred of other matters at the same place. Where they share hardly a word, place, time and item must do it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from classifier.similar import places
from classifier.similar.forms import Form

NEEDLE = 64
"""Characters of the shorter text that are looked for in the longer one: up to so many it is quick."""
_SHORT = 4
"""Characters: words of so many prove half as much as their likeness says."""
_NOTHING = 0.25
"""What ``token_set_ratio`` says of texts that share nothing: their gaps are alike."""
_KIND = 0.25
"""So much of what is missing is made up for if both tell of one kind of happening."""
_ROAD = 0.9
"""Likeness of a place and a text that names its road."""
_ANY = 0.3
"""Names that are less alike are not alike."""
_BASE, _WORDS, _PLACE, _BOTH = -5.0, 5.0, 2.5, 18.0
"""Log-odds if both places are known."""
_ALONE, _WORDS_ALONE = -4.0, 6.0
"""Log-odds if a place is not known."""
_PLACE_ALONE = 4.5
"""Instead of the words' if there are none."""
_SOON = 1.5
"""Log-odds for the same place at the same time: who call within hours from one place mostly call of one thing."""
_FADING, _LASTING, _HALF = 0.2, 0.8, 86_400.0
"""A fifth of the score fades with time, half of that within a day."""
_OTHER_COUNTY, _OTHER_TOWNSHIP = 0.6, 0.9
_OTHER_NUMBER = {
    "house": 0.25,
    "street": 0.25,
    "group": 0.25,
    "line": 0.3,
    "code": 0.3,
    "phase": 0.7,
    "entry": 0.85,
    "floor": 0.9,
    "room": 0.93,
}
"""What is left of a place's likeness if a number differs: another room may suffer from the same pipe, another house hardly."""
_NEXT = 2
_NEIGHBOURS = 0.7
"""Numbers that differ by so much (:data:`_NEXT`) are neighbours: that counts less."""
_SIDES = frozenset("东西南北")
_NAMED = 0.75
"""So much of a place's name must be in a text for the text to name the place."""

_LINE = 0.9
"""Likeness of places of which only one bus line or highway is told."""
_NAME_ONLY = 0.9
"""What is left of a place's likeness if no number of both is the same."""
_UNNAMED = 0.5
"""Likeness of places of which only the numbers are told, before the numbers lower it."""

Values = npt.NDArray[np.float64]
Scorer = Callable[..., float]


def words_part(one: Form, others: Sequence[Form]) -> Values:
    """0..1 by the words alone; NaN where one of the two has none."""
    joined, told = one.joined, [other.joined for other in others]
    ratio = _each(fuzz.ratio, joined, told)
    sets = _each(fuzz.token_set_ratio, one.words, [other.words for other in others])
    sets = np.maximum(0, sets - _NOTHING) / (1 - _NOTHING)
    needle = joined[:NEEDLE]
    part = _each(fuzz.partial_ratio, needle, [other if len(other) >= len(needle) else other[:NEEDLE] for other in told])
    found: Values = (ratio + sets + part) / 3
    same_kind = np.array([_same_kind(one, other) for other in others])
    shorter = np.minimum(len(joined), np.array([len(other) for other in told], np.float64))
    found = (found + (1 - found) * _KIND * same_kind) * shorter / (shorter + _SHORT)
    found[shorter == 0] = np.nan
    return found


def place_part(one: Form, others: Sequence[Form]) -> Values:
    """0..1 by names and numbers of the places; NaN where one of the two is not told, not even in words."""
    found = _names_alike(one, others)
    ours = places.read_marks(one.marks)
    known = {marks: _numbers(ours, places.read_marks(marks)) for marks in {other.marks for other in others}}
    factor, same, line = np.array([known[other.marks] for other in others], np.float64).reshape(-1, 3).T
    found[np.isnan(found) & (line > 0)] = _LINE
    found[(factor >= 1) & (same == 0)] *= _NAME_ONLY
    differs = factor < 1
    found[differs] = factor[differs] * np.where(np.isnan(found[differs]), _UNNAMED, found[differs])
    return found


def _names_alike(one: Form, others: Sequence[Form]) -> Values:
    found = np.full(len(others), np.nan)
    if one.core:
        cores = list({other.core for other in others if other.core})
        alike = dict(zip(cores, _each(fuzz.partial_ratio, one.core, cores).tolist(), strict=True))
        alike = {core: _name_alike(one.core, core, value) for core, value in alike.items()}
        found = np.array([alike.get(other.core, math.nan) for other in others])
        told = [at for at, other in enumerate(others) if not other.core]
        names, texts = [one.core] * len(told), [others[at].joined for at in told]
        values = _each(fuzz.partial_ratio, one.core, texts)
    else:
        told = [at for at, other in enumerate(others) if other.core]
        names, texts = [others[at].core for at in told], [one.joined] * len(told)
        values = _each(fuzz.partial_ratio, one.joined, names)
    for at, name, text, value in zip(told, names, texts, values.tolist(), strict=True):
        likeness = max(value, _named_in(name, text))
        if text and likeness >= _NAMED:
            found[at] = likeness
    return found


def _named_in(core: str, joined: str) -> float:
    """Whether a road of a place stands in a text."""
    return _ROAD if any(len(name) > 2 and name in joined for name in places.names(core)) else 0.0


def _same_kind(one: Form, other: Form) -> float:
    """Whether both tell of one kind of thing: by the item that they were judged to be, or by what they tell of."""
    if one.item and one.item == other.item:
        return 1.0
    if not one.kinds or not other.kinds:
        return 0.0
    first, second = set(one.kinds), set(other.kinds)
    return len(first & second) / min(len(first), len(second))


def _each(scorer: Scorer, one: str, others: Sequence[str]) -> Values:
    if not others:
        return np.zeros(0)
    found: Values = process.cdist([one], others, scorer=scorer, dtype=np.float32)[0].astype(np.float64) / 100
    return found


def _name_alike(one: str, other: str, partly: float) -> float:
    return (partly + _pairs_shared(one, other)) / 2 * _sides(one, other) if partly >= _ANY else 0.0


def _pairs_shared(one: str, other: str) -> float:
    first, second = _pairs(one), _pairs(other)
    return len(first & second) / min(len(first), len(second))


def _pairs(name: str) -> set[str]:
    return {name[at : at + 2] for at in range(len(name) - 1)} or {name}


def _sides(one: str, other: str) -> float:
    """城南汽车站 is not 城北汽车站."""
    first, second = _SIDES & set(one), _SIDES & set(other)
    return 0.5 if first and second and not first & second else 1.0


def _numbers(one: places.Marks, other: places.Marks) -> tuple[float, bool, bool]:
    """What is left of the places' likeness, whether they share a number, and whether they share a bus line or a highway."""
    factor, same, line = 1.0, False, False
    for kind in one.keys() & other.keys():
        if one[kind] & other[kind]:
            same = True
            line = line or kind in ("line", "code")
        else:
            left = _OTHER_NUMBER[kind]
            factor *= left**_NEIGHBOURS if _neighbours(one[kind], other[kind]) else left
    return round(factor, 9), same, line


def _neighbours(first: frozenset[str], second: frozenset[str]) -> bool:
    return any(abs(int(one) - int(other)) <= _NEXT for one in first for other in second if one.isdecimal() and other.isdecimal())


def divisions(one: str, other: str) -> float:
    """What is left of a place's likeness between two division codes (区划代码): other counties, other townships of one county."""
    first, second = _significant(one), _significant(other)
    if first.startswith(second) or second.startswith(first):
        return 1.0
    return _OTHER_TOWNSHIP if first[:6] == second[:6] else _OTHER_COUNTY


def _significant(code: str) -> str:
    if len(code) == 6 and code.endswith("00"):
        return code[:2] if code.endswith("0000") else code[:4]
    return code


def time_part(seconds: Values) -> Values:
    """1 for the same moment, a half for a day between two matters."""
    found: Values = np.exp2(-np.abs(seconds) / _HALF)
    return found


def chances(words: Values, places_: Values, times: Values | None) -> Values:
    """The scores, 0..1, of parts that may be NaN. See :class:`classifier.similar.index.Match`."""
    word, place = np.nan_to_num(words), np.nan_to_num(places_)
    odds = _BASE + _WORDS * word + _PLACE * place + _BOTH * word * place
    if times is not None:
        odds = odds + _SOON * place * times
    odds = np.where(np.isnan(places_), _ALONE + _WORDS_ALONE * word, odds)
    odds = np.where(np.isnan(words), _BASE + _PLACE_ALONE * place, odds)
    fading = 1.0 if times is None else _LASTING + _FADING * times
    found: Values = fading / (1 + np.exp(-odds))
    return found
