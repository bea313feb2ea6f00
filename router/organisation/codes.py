"""Unified social credit codes (统一社会信用代码, GB 32100-2015): checked, and made for example data. Pure.

Eighteen characters: registering department, category, division (six digits), organisation code (nine characters with a check
character of their own, GB 11714-1997), check character. I, O, S, V and Z are not used.
"""

from __future__ import annotations

import unicodedata

from router.errors import Invalid

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
_REGISTRARS = "123456789AFNY"
_WEIGHTS = tuple(pow(3, place, 31) for place in range(LENGTH - 1))
_INNER_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_INNER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


class BadCreditCode(Invalid):
    """Not a unified social credit code."""

    code = "credit_code.invalid"


def check_character(first: str) -> str:
    """The last character that belongs to the first seventeen."""
    total = sum(ALPHABET.index(character) * weight for character, weight in zip(first, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def check(code: str) -> str:
    """The code in capitals without blanks; raise :class:`BadCreditCode` that says what is wrong with it."""
    text = "".join(unicodedata.normalize("NFKC", code).split()).upper()
    if len(text) != LENGTH:
        raise _bad(code, f"有{len(text)}位,应为{LENGTH}位", "请核对登记证照上的代码")
    for place, character in enumerate(text, 1):
        if character not in ALPHABET:
            raise _bad(code, f"第{place}位“{character}”不会出现", "代码只有数字和大写字母,不用 I、O、S、V、Z")
    if text[0] not in _REGISTRARS:
        raise _bad(code, f"第1位“{text[0]}”不是登记管理部门代码", "请核对第1位")
    if not text[2:8].isdigit():
        raise _bad(code, "第3至8位应为行政区划数字", "请核对第3至8位")
    expected = check_character(text[:-1])
    if text[-1] != expected:
        raise _bad(code, f"校验码“{text[-1]}”不符", "某一位写错了,请逐位核对")
    return text


def _bad(code: str, what: str, remedy: str) -> BadCreditCode:
    return BadCreditCode(f"统一社会信用代码“{code[:40]}”{what}", remedy, field="code")


def is_credit_code(code: str) -> bool:
    """Whether the text is a code exactly as it is registered."""
    try:
        return check(code) == code
    except BadCreditCode:
        return False


def make(division: str, body: str, *, registrar: str = "1", category: str = "1") -> str:
    """A valid code out of a division and eight characters, e.g. ``make("530111", "EXAMPL01")``: for examples, not a register."""
    if len(body) != 8 or any(character not in ALPHABET for character in body):
        raise BadCreditCode(f"主体标识“{body}”应为8位", "只用数字和大写字母,不用 I、O、S、V、Z", field="body")
    total = sum(_INNER_ALPHABET.index(character) * weight for character, weight in zip(body, _INNER_WEIGHTS, strict=True))
    inner = {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
    first = f"{registrar}{category}{division}{body}{inner}"
    return check(first + check_character(first))
