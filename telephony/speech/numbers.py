"""Chinese readings of numbers: cardinals (十二), amounts before a measure word (两), digits one by one (八零零幺)."""

from __future__ import annotations

DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
LARGEST = 10**16 - 1


def count(value: int) -> str:
    """The cardinal: 12 十二, 105 一百零五, 20010 二万零一十. ``ValueError`` beyond ±(10**16 - 1)."""
    if abs(value) > LARGEST:
        raise ValueError(f"{value} is beyond {LARGEST}, the largest number that is read out")
    if value < 0:
        return "负" + count(-value)
    if value == 0:
        return DIGITS[0]
    text = ""
    gap = False
    for power in (3, 2, 1, 0):
        group = value // 10 ** (4 * power) % 10000
        if not group:
            gap = bool(text)
            continue
        if text and (gap or group < 1000):
            text += DIGITS[0]
        text += _group(group) + _unit_of(power, value)
        gap = False
    return text.removeprefix("一") if text.startswith("一十") else text


def _unit_of(power: int, value: int) -> str:
    """万亿 is written once: 1 2345 0000 0000 一万二千三百四十五亿, but 1 0000 0000 0000 一万亿."""
    if power == 3 and value // 10**8 % 10000:
        return "万"
    return _GROUPS[power]


def _group(group: int) -> str:
    """1…9999 in full: 10 一十, 305 三百零五."""
    text = ""
    gap = False
    for power in (3, 2, 1, 0):
        digit = group // 10**power % 10
        if not digit:
            gap = bool(text)
            continue
        text += (DIGITS[0] if gap else "") + DIGITS[digit] + _UNITS[power]
        gap = False
    return text


def amount(value: int) -> str:
    """The number before a measure word: 2 两(位), 200 两百, 22000 两万二千, but 12 十二 and 20 二十."""
    if value < 0:
        return "负" + amount(-value)
    text = count(value)
    return "两" + text[1:] if text[0] == "二" and text[1:2] != "十" else text


def digits(value: str | int, one: str = "幺") -> str:
    """Each digit by itself, with 幺 for 1 as on the telephone and the radio; years take ``one="一"``.
    ``ValueError`` on anything else."""
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a row of digits")
    return "".join(one if digit == "1" else DIGITS[int(digit)] for digit in text)


def decimal(text: str) -> str:
    """``3.05`` 三点零五; a sign is read 负."""
    sign, bare = ("负", text[1:]) if text.startswith("-") else ("", text)
    whole, _, fraction = bare.partition(".")
    return sign + count(int(whole)) + ("点" + digits(fraction, one="一") if fraction else "")
