"""Near duplicates inside a corpus (近似重复): all pairs of texts that are nearly the same, without comparing each with each."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from rapidfuzz import fuzz, process

from classifier.errors import ClassifierError
from classifier.similar import numbers
from classifier.text.normalise import normalise

_SIGNS = re.compile(r"[\W_]+")
_BEGIN = "\n"
_SHARED = 4
"""Rare pairs that two texts must share to be compared: with more of them more is looked up and less is compared."""


class Threshold(ClassifierError):
    """A likeness is between 0 and 1."""

    code = "similar.threshold"


def bare(text: str) -> str:
    """What of a text counts: normal form, numbers as digits, no spaces and no punctuation."""
    return _SIGNS.sub("", numbers.as_digits(normalise(text).full))


def near_duplicates(texts: Sequence[str], threshold: float = 0.85) -> Iterator[tuple[int, int, float]]:
    """Pairs ``(earlier, later, likeness)`` of at least this likeness, in the order of the later, then of the earlier.

    Likeness is ``rapidfuzz.fuzz.ratio / 100`` of the bare texts: twice the characters that they share in order, by all
    characters. Texts of which nothing is left (``!!!``) are like none. No pair is missed. Quick for thresholds from 0.7 on;
    below, it comes near comparing each with each. Raises :class:`Threshold`.

    Why none is missed: of texts of n and m characters at most (1 - t)(n + m) may be deleted or inserted. A deletion costs a
    text at most two of its pairs of neighbours, an insertion one. Who may lose k pairs has, of its k + s rarest, s in common
    with the other's rarest; only those that have are compared.
    """
    if not 0 < threshold <= 1:
        raise Threshold("give a likeness above 0 and at most 1", str(threshold))
    return _pairs([bare(text) for text in texts], threshold)


def _pairs(texts: list[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    frequency = Counter(pair for text in texts for pair in _neighbours(text))
    lengths = np.array([len(text) for text in texts])
    having: dict[tuple[str, int], array[int]] = {}
    percent = 100 * threshold - 1e-6
    for later, text in enumerate(texts):
        if not text:
            continue
        lost = min(_lost(len(text), threshold), len(text))
        rare = sorted(_numbered(_neighbours(text)), key=lambda one: (frequency[one[0]], one))[: lost + _SHARED]
        known = [np.array(having[one], np.int64) for one in rare if one in having]
        for one in rare:
            having.setdefault(one, array("I")).append(later)
        if lost == len(text):
            found = np.flatnonzero(lengths[:later])
        elif known:
            found = np.flatnonzero(np.bincount(np.concatenate(known)) >= min(_SHARED, len(text) - lost))
        else:
            continue
        ratio = lengths[found] / len(text)
        found = found[(ratio >= threshold / (2 - threshold) - 1e-9) & (ratio <= (2 - threshold) / threshold + 1e-9)]
        if not len(found):
            continue
        earlier = [texts[at] for at in found.tolist()]
        likeness = process.cdist([text], earlier, scorer=fuzz.ratio, score_cutoff=percent, dtype=np.float64)[0]
        for at in np.flatnonzero(likeness >= percent).tolist():
            yield int(found[at]), later, float(likeness[at]) / 100


def _neighbours(text: str) -> list[str]:
    """Pairs of neighbours; the first character has the beginning for one."""
    text = _BEGIN + text
    return [text[at : at + 2] for at in range(len(text) - 1)]


def _numbered(pairs: list[str]) -> list[tuple[str, int]]:
    """Pairs with which time they occur, so that each is one of its own."""
    seen: Counter[str] = Counter()
    found = []
    for pair in pairs:
        seen[pair] += 1
        found.append((pair, seen[pair]))
    return found


def _lost(length: int, threshold: float) -> int:
    """How many of a text's pairs a text of this likeness may lack, at most."""
    # d deletions and i insertions make m = n - d + i characters; allowed are d + i <= (1 - t)(n + m) = (1 - t)(2n - d + i).
    allowed, worst = 1 - threshold, 0
    for deleted in range(length + 1):
        inserted = (allowed * (2 * length - deleted) - deleted) / (1 - allowed) if allowed < 1 else length
        if inserted < -1e-9:
            break
        worst = max(worst, 2 * deleted + int(inserted + 1e-9))
    return worst
