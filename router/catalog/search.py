"""Finds items by words that people type: code, name, the words of callers, and names that are nearly right. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from rapidfuzz import fuzz

from router.catalog.model import Catalog, Item

LEAST = 60.0
"""Below, an item is not meant."""


@dataclass(frozen=True, slots=True)
class Found:
    item: Item
    score: float
    """0 to 100."""


def search(catalog: Catalog, words: str) -> list[Found]:
    """Items that the words mean, the best first; all of them, in the catalog's order, if there are no words."""
    asked = plain(words)
    if not asked:
        return [Found(item, 0.0) for item in catalog.items.values()]
    found = [Found(item, score(item, asked)) for item in catalog.items.values()]
    return sorted((one for one in found if one.score >= LEAST), key=lambda one: -one.score)


def plain(text: str) -> str:
    """Width, case and blanks don't count."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def score(item: Item, asked: str) -> float:
    """How well an item answers to ``asked`` (in the form of :func:`plain`)."""
    code, name = item.code.lower(), plain(item.name)
    if asked in (code, name):
        return 100.0
    if asked in code or asked in name:
        return 90.0 + 9.0 * len(asked) / max(len(name), len(asked))
    said = max((_said(plain(word), asked) for word in item.words), default=0.0)
    nearly = fuzz.partial_ratio(asked, name) * 0.85
    return max(said, nearly, 60.0 if asked in plain(item.answer) else 0.0)


def _said(word: str, asked: str) -> float:
    if word == asked:
        return 95.0
    if asked in word or word in asked:
        return 85.0
    return fuzz.ratio(asked, word) * 0.8
