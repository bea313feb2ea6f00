"""Free text → what is really spoken: digits, dates, times and signs become Chinese words, markup vanishes. Pure.

The result holds nothing but Chinese characters, capital letters, spaces and a few punctuation marks, so no text can
carry commands or markup to a synthesiser.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from telephony.speech import numbers
from telephony.speech.errors import Unspeakable
from telephony.speech.pieces import LONGEST_TEXT, Number

MEASURES = "个人位名辆次条间户台起楼层栋幢岁米天元件家所套口处座艘架吨亩"
"""Measure words that make of 110, 119… a quantity instead of a service number."""
_AFTER_TWO = "个位名辆次条间户台起天件家所套口处座艘架人"
_SERVICES = frozenset({"110", "112", "114", "119", "120", "122", "999"})
_NAMED = r"(?:工号|警号|座席|尾号|号码|编号|分机|电话|单号|热线)"

_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = []


def _rule(pattern: str) -> Callable[[Callable[[re.Match[str]], str]], Callable[[re.Match[str]], str]]:
    def keep(function: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
        _RULES.append((re.compile(pattern, re.ASCII), function))
        return function

    return keep


@_rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
def _date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match.group()
    return f"{numbers.digits(year, one='一')}年{numbers.count(int(month))}月{numbers.count(int(day))}日"


@_rule(r"(?<!\d)(\d{4})年")
def _year(match: re.Match[str]) -> str:
    return numbers.digits(match[1], one="一") + "年"


@_rule(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?![\d:])")
def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    spoken = ("零" if 0 < minute < 10 else "") + numbers.count(minute) + "分" if minute else "整"
    return f"{numbers.amount(hour)}点{spoken}"


@_rule(r"(?<![\d.])(\d{1,12}(?:\.\d{1,8})?)%")
def _percent(match: re.Match[str]) -> str:
    return "百分之" + numbers.decimal(match[1])


@_rule(r"(?<!\d)(0\d{2,3})-(\d{7,8})(?!\d)")
def _landline(match: re.Match[str]) -> str:
    return f"{numbers.digits(match[1])},{numbers.digits(match[2])}"


@_rule(r"(?<![\d.])(\d{1,4}(?:\.\d{1,8})?)\s*[-~—]\s*(?=\d{1,4}(?:\.\d{1,8})?(?![\d-]))")
def _range(match: re.Match[str]) -> str:
    return f"{numbers.decimal(match[1])}至"


@_rule(r"(?<![0-9A-Za-z)])-(?=\d{1,3}(?:\.\d+)?(?:°C|度))")
def _below_zero(match: re.Match[str]) -> str:
    return "零下"


@_rule(r"°C")
def _celsius(match: re.Match[str]) -> str:
    return "摄氏度"


@_rule(r"(?<![\d.])(\d{1,12}\.\d{1,8})(?![\d.])")
def _decimal(match: re.Match[str]) -> str:
    return numbers.decimal(match[1])


@_rule(rf"({_NAMED}(?:是|为|:|,|\s)*)(\d+)")
def _named(match: re.Match[str]) -> str:
    return match[1] + numbers.digits(match[2])


@_rule(r"(?<=\d)\.(?=\d)")
def _dotted(match: re.Match[str]) -> str:
    return "点"


@_rule(rf"([A-Za-z]-?)?(\d+)(?:(?=([A-Za-z]))|(?=\s*([{MEASURES}]))|)")
def _plain(match: re.Match[str]) -> str:
    letter, row, letter_after, measure = match.groups()
    if letter or letter_after or len(row) >= 5 or (len(row) > 1 and row[0] == "0") or (row in _SERVICES and not measure):
        if measure and row[0] != "0" and not letter and len(row) <= 12:
            return numbers.amount(int(row))
        return (letter or "") + numbers.digits(row)
    if row == "2" and measure and measure in _AFTER_TWO:
        return "两"
    return numbers.count(int(row))


_MARKS = {
    ",": "，",
    ".": "。",
    "!": "！",
    "?": "？",
    ";": "；",
    ":": "：",
    "…": "，",
    "—": "，",
    "(": "，",
    ")": "，",
    "\n": "。",
}
_KEPT = "，。！？；：、"
_WORDS = {"*": "星", "#": "井", "+": "加", "=": "等于", "&": "和"}


def spoken(text: str) -> str:
    """Return ``text`` as it is to be read. :class:`Unspeakable` if it is longer than ``LONGEST_TEXT`` or nothing of
    it can be spoken."""
    if len(text) > LONGEST_TEXT:
        raise Unspeakable(f"a text of {len(text)} characters is too long to be spoken: {LONGEST_TEXT} at most", len(text))
    plain = unicodedata.normalize("NFKC", text)[: 2 * LONGEST_TEXT]
    plain = re.sub(r"<[^<>]{0,200}>", ",", plain)
    for pattern, say in _RULES:
        plain = pattern.sub(say, plain)
    kept = [_one(character) for character in plain]
    read = re.sub(r"\s+", " ", "".join(kept)).strip()
    read = re.sub(rf" ?([{_KEPT}])[{_KEPT} ]*", r"\1", read).lstrip(_KEPT)
    if not any(is_word(character) for character in read):
        raise Unspeakable("nothing in the text can be spoken: give at least one Chinese character, digit or letter", text[:40])
    return read


def _one(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    if character in _KEPT or is_word(character):
        return character.upper()
    if character in _WORDS:
        return _WORDS[character]
    return " " if character.isspace() or character in "-_/|~<>[]{}" else ""


def is_word(character: str) -> bool:
    """A Chinese character or a letter: something that makes a sound."""
    return (
        (character.isascii() and character.isalpha())
        or "㐀" <= character <= "鿿"
        or "𠀀" <= character <= "𳎯"
        or character == "〇"
    )


def number(piece: Number) -> str:
    """The reading of a :class:`Number`."""
    if piece.how == "digits":
        return numbers.digits(piece.value)
    return (numbers.amount if piece.how == "amount" else numbers.count)(int(piece.value))
