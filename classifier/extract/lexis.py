"""Many words looked for at once: by their first character, and each kind of word before the next. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping

_RANGE = re.compile("([A-Z0-9])-([A-Z0-9])")
_GROUP = re.compile(r"\(\?:([^()]*)\)")


class Lexicon:
    """Words of several kinds, separated by spaces; a word may be a small regular expression that begins with a character.

    An earlier kind goes before a later one, and an earlier word of a kind before a later one. ``tails`` must follow the words of
    a kind. Patterns are compiled when they are first needed.
    """

    def __init__(self, kinds: Mapping[str, str], tails: Mapping[str, str] | None = None) -> None:
        self._words: dict[str, dict[str, list[str]]] = {}
        self._tails = tails or {}
        for kind, words in kinds.items():
            for word in words.split():
                for first in _firsts(word):
                    self._words.setdefault(first, {}).setdefault(kind, []).append(word)
        self._only = {first: next(iter(kinds)) if len(kinds) == 1 else "" for first, kinds in self._words.items()}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._all: re.Pattern[str] | None = None

    def at(self, text: str, start: int) -> re.Match[str] | None:
        """The word that begins here; its ``lastgroup`` is the kind."""
        first = text[start : start + 1]
        if first not in self._words:
            return None
        pattern = self._patterns.get(first)
        if pattern is None:
            pattern = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in self._of(first)))
            self._patterns[first] = pattern
        return pattern.match(text, start)

    def scan(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and kind of the words from left to right, without overlap."""
        if self._all is None:
            self._all = self._compiled()
        for found in self._all.finditer(text):
            start, end = found.span()
            kind = self._only[text[start]]
            if not kind:
                exact = self.at(text, start)
                kind = exact.lastgroup or "" if exact else ""
            yield start, end, kind

    def _of(self, first: str) -> Iterator[tuple[str, str]]:
        """Kinds and patterns of the words that begin with a character."""
        for kind, words in self._words[first].items():
            yield kind, f"(?:{'|'.join(words)}){self._tails.get(kind, '')}"

    def _compiled(self) -> re.Pattern[str]:
        """All words in one pattern that finds its way by first characters: a tree of two levels is far faster than a list."""
        alike: dict[str, list[str]] = {}
        for first in sorted(self._words):
            alike.setdefault("|".join(words for _, words in self._of(first)), []).append(first)
        leaves = [(firsts, f"(?={_class(firsts)})(?:{words})") for words, firsts in alike.items()]
        size = max(1, round(len(leaves) ** 0.5))
        branches = []
        for low in range(0, len(leaves), size):
            few = leaves[low : low + size]
            firsts = [first for leaf, _ in few for first in leaf]
            branches.append(f"(?={_class(firsts)})(?:{'|'.join(pattern for _, pattern in few)})")
        return re.compile(f"(?={_class(list(self._words))})(?:{'|'.join(branches)})")


def _class(characters: list[str]) -> str:
    return f"[{re.escape(''.join(characters))}]"


def _members(found: re.Match[str]) -> str:
    return "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1)))


def _firsts(word: str) -> str:
    """The characters that a word may begin with."""
    if word.startswith("["):
        close = word.index("]")
        firsts, rest = _RANGE.sub(_members, word[1:close]), word[close + 1 :]
    elif word.startswith("(?:"):
        group = _GROUP.match(word)
        firsts, rest = "".join(_firsts(part) for part in group[1].split("|")) if group else "", ""
    elif word.startswith("\\d"):
        firsts, rest = string.digits, word[2:]
    else:
        firsts, rest = word[:1], word[1:]
    return firsts + _firsts(rest[1:]) if rest.startswith("?") else firsts
