"""Takes out what points at a person before a text is kept: phones, papers, plates, house numbers, names. Pure.

Placeholders are 【电话】【证件】【车牌】【号码】【门牌】【姓名】【邮箱】 and no other. A text that is masked stays as it is when
it is masked again. Rather too much is masked than too little, but only where a number or an introduction (我叫, 联系人, 姓…的,
…先生, …某某) stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from classifier.extract import folding, moments, names, numbers, words

Piece = tuple[int, int, str]

_ROUNDS = 4
_TAKEN, _TIME = "\x1e", "\n"
"""Stand for what was taken, and for times, which are kept; the first is in no folded text."""

_PLACEHOLDERS = {"phone": "【电话】", "id_number": "【证件】", "plate": "【车牌】"}
_N = f"(?:幺|{words.N})"
_MAIL = re.compile(r"[A-Za-z0-9][\w.+\-]{0,63}@[A-Za-z0-9][A-Za-z0-9.\-]{1,60}", re.ASCII)
_PAPERS = re.compile(
    r"(?<![0-9A-Za-z])(?:[1-9](?:[\s\-]?\d){16}[\s\-]?[\dXx]|[1-9]\d{14}|[EGDSPHMCegdsphmc][A-Z]?\d{7,10}|[0-9A-HJ-NPQRTUWXY]{18})(?![0-9A-Za-z])"
    r"|(?:身份证|护照|通行证|驾驶证|驾照|军官证|居住证|社保卡?|医保卡?)(?:号码?|编号)?[是为\s:]{0,3}(?P<told>[0-9A-Za-z][0-9A-Za-z\-]{4,19})"
)
_ACCOUNT = re.compile(
    r"(?:微信|QQ|qq|扣扣|支付宝|账[号户]|帐[号户]|卡号|工单|单号|编号|订单)(?:号码?|账号)?[是为\s:]{0,3}(?P<told>[0-9A-Za-z][0-9A-Za-z_\-]{4,29})"
)
_CHATS = ("微信", "QQ", "qq", "扣扣")
_LONG = re.compile(r"(?<![\d.])(?!(?:19|20)\d\d-(?:19|20)\d\d(?!\d))\d(?:[\s\-._·()/]{0,3}\d){6,}")
_AMOUNT = re.compile(r"[1-9]\d{0,9}|[1-9]?\d{1,6}\.\d{1,2}|[1-9]\d{2,4}-[1-9]\d{2,4}")
_REST = re.compile(rf"(?:\d[ \-._·]{{0,3}}){{5,12}}(?={_TAKEN})|(?<={_TAKEN})(?:[ \-._·]{{0,3}}\d){{5,12}}")
"""What is left of a longer number of which a phone was taken."""
_UNITS = re.compile("[元块万亿平米人]|不等|之间|左右")
_DECIMAL = re.compile(r"\d{1,6}\.\d{1,2}")

_NO_HOME = "[价地产东租子屋间贷管]"
"""Behind 房: a word."""
_MEASURE = "[年元块平米人万千百多余度斤天]"
_BEHIND = rf"(?:附\d{{1,3}}号?|之\d{{1,3}}|之{_N}|-\d{{1,4}})"
_HOUSE = rf"(?:附?\d{{1,5}}[A-Za-z]?|{_N}{{1,6}})(?:-\d{{1,4}}|之\d{{1,3}}|之{_N}){{0,3}}号{_BEHIND}?(?![线文令码召称型])"
_UNIT = (
    rf"(?:[A-Za-z]-?\d{{0,3}}|\d{{1,4}}(?:-\d{{1,3}})?|{_N}{{1,4}}|[东南西北中])"
    r"\s?(?:栋|幢|座(?![谈位椅机右])|号楼|#楼?|单元|号院)"
)
_FLOOR = rf"(?:(?:地下|负)?(?:\d{{1,2}}|{_N}{{1,3}})[楼层])"
_FLAT = (
    rf"(?:(?:\d{{3,4}}[A-Z]?|[A-Z]\d{{3,4}}|{_N}{{3,4}})(?:号?[室房户](?!{_NO_HOME}|[籍口])|号|房间)?(?!\d|{_MEASURE})"
    rf"|(?:\d{{1,2}}|{_N}{{1,2}})(?:号?[室户]|号?房(?!{_NO_HOME})))"
)
_HOME = re.compile(
    rf"(?P<chain>(?:{_HOUSE}\s?)?(?:{_UNIT}\s?)+(?:{_FLOOR}\s?)?(?:-?{_FLAT})?)"
    rf"|(?<=[路街巷道弄里村组队庄屯寨湾坡坊园苑区院城厦楼段线社场铺])(?P<house>{_HOUSE}(?:\s?{_FLOOR})?(?:\s?{_FLAT})?)"
    rf"|(?:门牌|房号|房间|住址?|地址|家)(?:号码?)?[是为在\s:]{{0,3}}(?P<told>{_HOUSE}|\d{{3,4}}[室房]?(?!\d|{_MEASURE}))"
    r"|(?:门牌|房|房间)号码?[是为\s:]{0,3}(?P<door>\d{1,5}(?:-\d{1,4})?)"
    r"|(?P<dashed>(?<![\d\-.])\d{1,3}-\d{1,3}-\d{3,4}[室房号户]?(?![\d\-]))"
    rf"|(?<![\d.])(?P<flat>(?:[A-Z]?\d{{3,4}}[A-Z]?|{_N}{{3,4}})(?:号?室|房间|号?房(?!{_NO_HOME}))(?:\d{{3,4}}(?!\d))?)"
)
_QUANTITY = re.compile(rf"{words.N}{{1,3}}(?:栋|幢|座|单元)")


def mask(text: str) -> str:
    """The text with placeholders for what points at a person; never raises, and takes time that grows with the text."""
    for _ in range(_ROUNDS):  # what is taken out may bare what stood beside it
        masked = _once(text)
        if masked == text:
            break
        text = masked
    return text


def _once(text: str) -> str:
    folded = folding.fold(text)
    taken = bytearray(len(folded.text))
    pieces: list[Piece] = []
    rest = _taken(folded.text, taken, pieces, _numbers(folded.text))
    times = [(start, end, "") for start, end, _ in moments.moments(rest, None)]
    rest = _taken(rest, taken, [], times, _TIME)
    rest = _taken(rest, taken, pieces, _long(rest))
    rest = _taken(rest, taken, pieces, _homes(rest))
    _taken(rest, taken, pieces, [(*one, "【姓名】") for one in names.names(rest)])
    parts: list[str] = []
    last = 0
    for low, high, placeholder in sorted(pieces):
        start, end = folded.span(low, high)
        parts += text[last:start], placeholder
        last = end
    return "".join(parts) + text[last:]


def _taken(text: str, taken: bytearray, pieces: list[Piece], found: Iterable[Piece], sign: str = _TAKEN) -> str:
    """Keep the pieces that are free, and give the text with a sign in the place of each of their characters."""
    parts: list[str] = []
    last = 0
    for start, end, placeholder in sorted(found):
        if start < last or 1 in taken[start:end]:
            continue
        taken[start:end] = b"\1" * (end - start)
        pieces.append((start, end, placeholder))
        parts += text[last:start], sign * (end - start)
        last = end
    return "".join(parts) + text[last:]


def _numbers(text: str) -> Iterator[Piece]:
    free = 0
    for kind, start, end, _ in sorted(numbers.numbers(text), key=lambda one: (one[1], -one[2], one[0])):
        if start >= free:
            free = end
            yield start, end, _PLACEHOLDERS[kind]


def _long(text: str) -> Iterator[Piece]:
    """Papers, accounts, addresses of mail and whatever else has more digits than a quantity."""
    spelt = numbers.shadow(text)
    free = 0
    found = [(one.start(), one.end(), "【邮箱】") for one in _MAIL.finditer(text)]
    for read in {text, spelt}:
        found += [(*one.span("told" if one["told"] else 0), "【证件】") for one in _PAPERS.finditer(read) if _digits(one)]
        found += [(*one.span("told"), "【号码】") for one in _ACCOUNT.finditer(read) if _digits(one) or one.group()[:2] in _CHATS]
        found += [(one.start(), one.end(), "【号码】") for one in _REST.finditer(read)]
        found += [(one.start(), one.end(), "【号码】") for one in _LONG.finditer(read) if not _is_amount(read, one)]
    for start, end, placeholder in sorted(found, key=lambda one: (one[0], -one[1], "邮证号".index(one[2][1]))):
        if start >= free:
            free = end
            yield start, end, placeholder


def _digits(found: re.Match[str]) -> bool:
    return sum(character.isdigit() for character in found.group()) >= 3


def _is_amount(text: str, found: re.Match[str]) -> bool:
    """Whether digits are a sum of money, an area or the like."""
    amount = _AMOUNT.fullmatch(found.group()) is not None and _UNITS.match(text, found.end()) is not None
    return amount or _DECIMAL.fullmatch(found.group()) is not None


def _homes(text: str) -> Iterator[Piece]:
    for found in _HOME.finditer(text):
        group = next(name for name in ("chain", "house", "told", "door", "dashed", "flat") if found[name])
        if group == "chain" and _QUANTITY.fullmatch(found.group().strip()):
            continue
        start, end = found.span(group)
        yield start, end - (text[end - 1].isspace()), "【门牌】"
