"""The normal form of a text, and where each of its characters stood in what was written.

Half width, simplified characters, lower case; no invisible characters, no gaps between Chinese characters, no endless
repetitions; digits for numbers that are spelt out digit by digit; slips mended. Words that name the lines or the police
are taken out: they are no evidence (labelling guide: "the number dialled and words such as 110, 警察, 民警").
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

import opencc

from classifier.text import slips

HEAD, TAIL = 6_000, 2_000
"""Characters of a longer text that are read: from its beginning and from its end."""
_REMOVED = "\x00"
_GAPS = re.compile(f"(?P<cut>{_REMOVED}+)|(?<=[\u3400-\u9fff])(?P<gap> +)(?=[\u3400-\u9fff])")
_AGAIN = re.compile(
    r"([^\d零〇一二三四五六七八九])\1(?P<cut>\1+)|((?:(?![零〇一二三四五六七八九幺])[\u3400-\u9fff]){2,4}?)\3(?P<gap>\3+)"
)
_SPELT = {ord(word): digit for word, digit in zip("零〇一二三四五六七八九幺两洞拐勾", "0012345678912079", strict=True)}
_NUMBER = re.compile(
    r"(?<![零〇一二三四五六七八九幺两十百千万\d])[零〇一二三四五六七八九幺\d]{5,}(?![十百千万])|一[一二幺][零〇二九]|幺幺[零〇幺九]|幺[二两][零〇二]|幺二三四五|一二三四五"
)
NO_EVIDENCE = re.compile(
    r"(?P<cut>(?<!\d)(?:12345|12110|96110|110|119|120|122)(?!\d|\.\d|万|元|块|平|米|斤|公斤|度|伏|岁|号(?!码)|室|栋|路|国道|省道|医院)"
    r"|(?:市民|政务|政府|便民)?(?:服务)?热线(?!费)|报警(?!器|系统|装置|铃|灯|声)|报案|出警|民警|警察|警官|公安(?!部|厅))|(?P<gap>\x01)"
)
"""What is taken out before danger and route are judged."""


class _Fold(dict[int, str]):
    """Single characters, folded when they are first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


@functools.cache
def _simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def _fold(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in ("Cf", "Mn", "Me", "Cs", "Cn", "Co") or "\ufe00" <= character <= "\ufe0f":
        return _REMOVED
    if kind in ("Cc", "Zs", "Zl", "Zp"):
        return "\n" if character in "\n\r\u2028\u2029" else " "
    wide = unicodedata.normalize("NFKC", character)
    if len(wide) != 1:
        return character
    lower = wide.lower()
    if len(lower) != 1:
        return wide
    if "\u3400" <= lower <= "\u9fff":
        plain = _simplified().convert(lower)
        return plain if len(plain) == 1 else lower
    return lower


@functools.cache
def _table() -> _Fold:
    return _Fold()


@dataclass(frozen=True, slots=True)
class Plain:
    """A text in its normal form."""

    source: str
    full: str
    """With the words that are no evidence for danger and route; for what the matter is about."""
    text: str
    _full_at: tuple[int, ...] | None
    _text_at: tuple[int, ...] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters ``start`` to ``end`` of :attr:`text` stand in the source."""
        return self._back(self._text_at, start, end, len(self.text))

    def span_of_full(self, start: int, end: int) -> tuple[int, int]:
        """The same for :attr:`full`."""
        return self._back(self._full_at, start, end, len(self.full))

    def _back(self, at: tuple[int, ...] | None, start: int, end: int, length: int) -> tuple[int, int]:
        if at is None:
            return start, end
        if not 0 <= start < end <= length:
            return 0, 0
        return at[start], at[end - 1] + 1


def normalise(source: str) -> Plain:
    """The normal form of any text; time and memory are bounded (:data:`HEAD`, :data:`TAIL`)."""
    at: list[int] | None = None
    cut = source
    if len(source) > HEAD + TAIL:
        cut = source[:HEAD] + "\n" + source[-TAIL:]
        at = [*range(HEAD + 1), *range(len(source) - TAIL, len(source))]
    folded = cut.translate(_table())
    folded, at = _without(_GAPS, folded, at)
    folded, at = _without(_AGAIN, folded, at)
    folded = slips.mend(_NUMBER.sub(lambda found: found.group().translate(_SPELT), folded))
    text, text_at = _without(NO_EVIDENCE, folded, at)
    return Plain(
        source=source,
        full=folded,
        text=text,
        _full_at=None if at is None else tuple(at),
        _text_at=None if text_at is None else tuple(text_at),
    )


def _without(pattern: re.Pattern[str], text: str, at: list[int] | None) -> tuple[str, list[int] | None]:
    """The text without the groups ``cut`` and ``gap`` of a pattern, and where its characters stood."""
    kept: list[tuple[int, int]] = []
    last = 0
    for found in pattern.finditer(text):
        start, end = found.span("cut") if found["cut"] is not None else found.span("gap")
        kept.append((last, start))
        last = end
    if not last:
        return text, at
    kept.append((last, len(text)))
    places = at if at is not None else range(len(text))
    return "".join(text[low:high] for low, high in kept), [place for low, high in kept for place in places[low:high]]
