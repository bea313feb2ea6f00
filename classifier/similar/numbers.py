"""Numbers in a text as digits: 三号楼 and 3号楼 are one house."""

from __future__ import annotations

import re

_DIGITS = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_TENS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = re.compile(
    r"第?([零〇一二两三四五六七八九十百千\d]{1,8})"
    r"(?=[号#栋幢座楼层室户组队社村巷弄期区环门排路点时月日天年周个人名次块元万米岁辆条趟斤多余家台级]|单元|分钟|小时|星期|公里"
    r"|中(?!心|间|央|国|学)|小(?!区|时|孩|学|心)|[中小]学)"
)
_ZEROS = re.compile(r"(?<!\d)0+(?=\d{1,3}(?!\d))")
_STREET_NAMES = re.compile(r"[零〇一二两三四五六七八九]{1,3}")


def as_digits(text: str) -> str:
    """三号楼 becomes 3号楼, 二十三号 23号, 03栋 3栋; only where the number counts or names something (五一路 is a name)."""
    found = _NUMERAL.sub(_digits, text)
    return _ZEROS.sub("", found) if "0" in found else found


def _digits(found: re.Match[str]) -> str:
    numeral, end = found.group(1), found.end()
    if found.string[end : end + 1] == "路" and _STREET_NAMES.fullmatch(numeral):
        return found.group()
    return _value(numeral)


def _value(numeral: str) -> str:
    if not any(sign in _TENS for sign in numeral):
        return "".join(str(_DIGITS.get(sign, sign)) for sign in numeral)
    whole, now = 0, 0
    for sign in numeral:
        if sign in _TENS:
            whole += (now or 1) * _TENS[sign]
            now = 0
        elif sign.isdecimal():
            now = now * 10 + int(sign)
        else:
            now = _DIGITS[sign]
    return str(whole + now)
