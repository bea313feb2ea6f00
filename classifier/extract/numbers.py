"""Phone numbers (电话), plates (车牌) and identity numbers (身份证号) in a folded text, also spelt in Chinese digits. Pure.

A number's one form is that of the organisation's directory: a mobile number its eleven digits, a landline area code and number,
400 and 800 numbers ten digits, another country ``+`` and digits; an extension behind a hyphen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Kind = Literal["phone", "plate", "id_number"]

_MANY = re.compile(r"[0-9A-Za-z](?:[^\u3400-\u9fff]{0,3}[0-9A-Za-z]){3}")
_SPELT = str.maketrans("零〇洞一幺么妖二两三四五六七拐八九勾杠", "000111122345677899-")
_NO_DIGIT = re.compile(
    "一[直下个般定共样些位名次起家天点条旦切边会再年月周]|[唯第之统万惟有]一|两[个位次天家人年辆条]|[二三]楼|什么|怎么|这么|那么|多么|要么|么"
    "(?![零〇一二三四五六七八九幺两])|[十百千万]|第[二三四五六七八九]|周[一二三四五六]"
)
_LONG_SPELT = re.compile(r"[零〇洞一幺么妖二两三四五六七拐八九勾杠][\d零〇洞一幺么妖二两三四五六七拐八九勾杠 ,、,.\-嗯呃啊]{3,}")

# Between the groups of a number that is dictated a speaker hesitates: 138,嗯,0013,8000.
_PAUSE = r"(?:[\s,，、.\-_·/()]{1,3}(?:[嗯呃额啊哦]+[\s,，、.]{0,2})?)?"
_GAP = r"[\s\-._·]{0,2}"
_HOME = r"(?:(?:\+|00)?\s?86[\s\-]{0,2})?"
_AREA = r"(?:10|2\d|[3-9]\d\d)"


def _grouped(*sizes: int) -> str:
    """Digits in groups of these sizes, pauses between the groups and small gaps within."""
    return _PAUSE.join(_GAP.join([r"\d"] * size) for size in sizes)


_PHONE = re.compile(
    rf"(?<!\d)(?<!\d\.)(?P<mobile>{_HOME}0?1[3-9]\d{{9}})(?!\d)"
    rf"|(?<!\d)(?<!\d[ \-.])(?P<spaced>{_HOME}\(?0?1{_GAP}[3-9]{_GAP}\d"
    rf"(?:{_PAUSE}(?:{_grouped(4, 4)}|{_grouped(3, 5)})|{_GAP}{_grouped(2, 3, 3)}))(?!\d)"
    rf"|(?<!\d)(?P<landline>\(?(?:(?:\+|00)86\)?[\s\-]{{0,2}}(?:\(0\)|0)?|0){_AREA}\)?[\s\-.]{{0,3}}[1-9]\d{{2,3}}[\s\-]?\d{{4}})(?!\d)"
    r"|(?<![\d\-])(?P<service>[48]00(?:[\s\-]?\d{3}[\s\-]?\d{4}|\d[\s\-]\d{3}[\s\-]\d{3}|[\s\-]\d{4}[\s\-]\d{3}))(?!\d)"
    r"|(?P<abroad>\+(?!86)[1-9](?:[\s\-]?\d){6,13})(?!\d)"
    r"|(?:电话|座机|固话|拨打|致电|联系方式)(?:号码?)?[是为\s:]{0,3}(?P<local>[2-9]\d{2,3}[\s\-]?\d{4})(?![\d年.])"
)
_EXTENSION = re.compile(r"\s{0,2}(?:转(?:分机)?|分机号?|ext\.?|-)[\s:]{0,2}(\d{1,6})(?!\d)", re.IGNORECASE)
_IDENTITY = re.compile(r"(?<![\dA-Za-z])[1-9](?:[\s\-]{0,2}\d){16}[\s\-]{0,2}[\dXx](?![\dA-Za-z])")
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(
    rf"(?<![A-Za-z])(?:WJ\s?)?[{PROVINCES}使][\s·.\-]?[A-Z][\s·.\-]{{0,2}}(?:[A-Z\d](?:[\s·]?[A-Z\d]){{3,5}}[挂学警港澳使领]?|\d{{4}}[挂学警港澳使领])(?![A-Z\d])"
    rf"|(?:车牌|车号|号牌)(?:号码?)?(?:是|为|[\s:]){{0,3}}(?P<bare>[{PROVINCES}]?[A-Z]?[\s·.\-]?[A-Z\d]{{4,6}})(?![A-Z\d])",
    re.IGNORECASE,
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_FILLERS = re.compile(r"[^\d+]+")


def shadow(text: str) -> str:
    """The text with digits for Chinese ones where they follow one another; as long as the text."""
    if _LONG_SPELT.search(text) is None:
        return text
    kept = _NO_DIGIT.sub(lambda found: "\x01" * len(found.group()), text)
    return _LONG_SPELT.sub(lambda found: found.group().translate(_SPELT), kept)


def numbers(text: str) -> Iterator[tuple[Kind, int, int, str]]:
    """Kind, start, end and one form of each number; those of one reading of the text don't overlap, two readings may."""
    spelt = shadow(text)
    for read in (text,) if spelt == text else (text, spelt):
        if _MANY.search(read) is None:
            continue
        for found in _IDENTITY.finditer(read):
            digits = re.sub(r"[\s\-]", "", found.group()).upper()
            if _checks(digits):
                yield "id_number", found.start(), found.end(), digits
        for found in _PLATE.finditer(read):
            plate = _plate(found["bare"] or found.group())
            if plate:
                yield "plate", found.start("bare") if found["bare"] else found.start(), found.end(), plate
        for found in _PHONE.finditer(read):
            name = found.lastgroup or "mobile"
            extension = None if name == "abroad" else _EXTENSION.match(read, found.end())
            number = _phone(found[name])
            if extension:
                yield "phone", found.start(name), extension.end(), f"{number}-{extension[1]}"
            else:
                yield "phone", found.start(name), found.end(), number


def _phone(written: str) -> str:
    """The one form of a number that has a phone's shape."""
    plain = _FILLERS.sub("", written)
    abroad = plain.startswith(("+", "00"))
    plain = plain.removeprefix("+").removeprefix("00") if abroad else plain
    if abroad and not plain.startswith("86"):
        return "+" + plain
    if len(plain) > 11 and plain.startswith("86"):
        plain = plain[2:]
    rest = plain.removeprefix("0")
    if re.fullmatch(r"1[3-9]\d{9}", rest):
        return rest
    if re.fullmatch(r"[48]00\d{7}", plain) or not (abroad or plain.startswith("0")):
        return plain
    return "0" + rest


def _plate(written: str) -> str:
    """Capitals and digits without gaps; empty for what has too few digits, or a new energy number of no such shape."""
    plate = re.sub(r"[\s·.\-]", "", written).upper()
    serial = plate.removeprefix("WJ")[2:]
    digits = sum(character.isdigit() for character in plate)
    if digits < 2 or not 4 <= len(plate) <= 10:
        return ""
    if serial.isalnum() and len(serial) == 6 and serial.isascii() and plate[0] in PROVINCES:
        return plate if re.fullmatch(r"[A-Z][A-Z\d]\d{4}|\d{5}[A-Z]", serial) else ""
    return plate


def _checks(digits: str) -> bool:
    """Whether eighteen characters are an identity number: division, date of birth and check character (GB 11643)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits[:17], _WEIGHTS, strict=True))
    month, day = int(digits[10:12]), int(digits[12:14])
    return (
        _CHECKS[total % 11] == digits[17]
        and 11 <= int(digits[:2]) <= 82
        and digits[6:8] in ("18", "19", "20")
        and 1 <= month <= 12
        and 1 <= day <= 31
    )
