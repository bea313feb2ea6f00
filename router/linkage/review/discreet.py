"""What people wrote, without numbers of telephones and persons, for papers that go from hand to hand. Pure."""

from __future__ import annotations

import re

HIDDEN = "〔号码略〕"
_DIGITS = str.maketrans("０１２３４５６７８９－＋", "0123456789-+")
_GAP = r"[- ]?"
_DATE = r"20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
_YEARS = r"(?:19|20)[0-9]{2}-(?:19|20)[0-9]{2}(?![0-9])"
_MEASURE = r"\s*(?:元|万|亿|余|多|人|户|件|米|平|立|公|吨|千|升|台|套|亩|顶|箱|个)"
_NUMBER = re.compile(
    rf"(?<![0-9])(?<![0-9]\.)(?:"
    rf"(?:(?:\+|00)86{_GAP})?0?1[3-9](?:{_GAP}[0-9]){{9}}"
    rf"|(?:(?:\+|00)86{_GAP}|\(?0)[1-9][0-9]{{1,2}}\)?{_GAP}[1-9][0-9]{{2,3}}{_GAP}[0-9]{{4}}"
    rf"|[48]00(?:{_GAP}[0-9]){{7}}"
    rf"|\+[1-9][0-9]{{6,14}}"
    rf"|[1-9][0-9]{{16}}[0-9Xx]"
    rf")(?![0-9])"
    rf"|(?<![0-9A-Za-z.-])(?!{_DATE}|{_YEARS})[2-9][0-9]{{2,3}}-?[0-9]{{4}}(?![0-9A-Za-z-]|{_MEASURE})"
)
"""Mobile numbers, landlines with and without an area code, 400 and 800 numbers, numbers abroad; and of identity cards."""


def without_numbers(text: str) -> str:
    """The text with :data:`HIDDEN` in place of each such number. What reads as a date or an amount stays."""
    plain = text.translate(_DIGITS)
    parts, end = [], 0
    for found in _NUMBER.finditer(plain):
        parts += [text[end : found.start()], HIDDEN]
        end = found.end()
    return "".join([*parts, text[end:]])
