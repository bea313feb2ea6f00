"""Text as it can stand in any report: characters that no file may hold are gone, and how wide words are drawn. Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 50_000
"""Characters of one text that are shown; what is cut off is said."""

_NONCHARACTERS = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_UNFIT = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef{_NONCHARACTERS}]")
"""What XML or HTML forbids, and the marks that let a name turn round the words beside it (bidirectional overrides)."""
_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LATIN = re.compile("[!-~]")
_CLOSING = frozenset("、，。；：！？）》」』】〉”’…%,.;:!?)]}")
"""What doesn't begin a line."""


def clean(text: str) -> str:
    """A text with line feeds for all kinds of line breaks, and � for each character that doesn't belong in a file."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 40]}……（原文共{len(text)}字，以下从略）"
    if text.isprintable():
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _UNFIT.sub("�", _BREAK.sub("\n", text))


def width(text: str) -> float:
    """About how wide a text is in a sans-serif face, in ems; rather too wide than too narrow."""
    return sum(map(_advance, text))


def _advance(letter: str) -> float:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Mn", "Me"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WFA":
        return 1.0 if ord(letter) < 0x1F000 else 1.4
    if letter in "MWmw@%":
        return 0.95
    return 0.72 if letter.isupper() else 0.62


def wrap(text: str, ems: float, most: int) -> list[str]:
    """Lines of a text, none wider than ``ems`` and at most ``most``; what doesn't fit ends in an ellipsis.

    Latin words and numbers stay whole where that doesn't waste half a line.
    """
    rest, longest = " ".join(clean(text).split()), int(ems * most * 8) + 8
    rest = rest if len(rest) <= longest else rest[:longest] + "…"
    lines: list[str] = []
    while rest:
        cut = _fitting(rest, ems)
        if len(lines) == most - 1 and cut < len(rest):
            return [*lines, rest[: max(1, _fitting(rest, ems - 1))] + "…"]
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines or [""]


def _fitting(text: str, ems: float) -> int:
    """How many characters of a text fit into a line; at least one."""
    taken = 0.0
    for at, letter in enumerate(text):
        taken += _advance(letter)
        if taken > ems and at:
            return _back(text, at)
    return len(text)


def _back(text: str, at: int) -> int:
    """The place to break at or before ``at`` that leaves a word whole and begins no line with a comma, if not too far back."""
    begin = at
    while begin > at // 2 and (_one_word(text[begin - 1 : begin + 1]) or text[begin] in _CLOSING):
        begin -= 1
    return begin if begin > at // 2 else at


def _one_word(pair: str) -> bool:
    return bool(_LATIN.match(pair[0]) and _LATIN.match(pair[1]))
