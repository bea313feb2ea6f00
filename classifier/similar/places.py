"""Places in comparable form: what a place is called, and the numbers in it (门牌号、楼栋号)."""

from __future__ import annotations

import re

from classifier.similar import numbers
from classifier.text.normalise import normalise

MOST = 80
"""Characters of a place that are kept."""
_NOISE = re.compile(
    r"附近|旁边|周边|门口|门前|对面|交叉路?口|交汇处|交界处|十字路口|(?<=[路街道巷])路?口|入口|出口|出站口"
    r"|内部|外面|里面|楼下|楼上|在建|位于|一带|沿线|方向|[东西南北]侧|(?<=[路街道巷])[与和跟及]"
)
_SCHOOL = re.compile(r"(?<=\d)([中小])学")
"""第三中学 is 三中."""
_KEPT = re.compile(r"[^\W_]+|[#+-]")
_PROVINCE = re.compile(r"^[一-鿿]{2,3}(?:省|自治区)")
_CITY = re.compile(r"^[一-鿿]{2,3}市(?!场|政|民|区|中)")
_COUNTY = re.compile(r"^[一-鿿]{1,3}(?<![小社园院校厂景库牧山街学片新营矿发])[区县](?=[一-鿿]{2})")
_NAME = re.compile(r".+?(?:大道|[路街巷])|.+")
_SUFFIX = re.compile(r"(?<=[一-鿿]{2})(?:小区|社区|有限公司|有限责任公司|公司)(?=$|\d)")
_NAMELESS = frozenset(
    (
        "公交",
        "公交车",
        "高速",
        "高速公路",
        "地铁",
        "小区",
        "社区",
        "村",
        "学校",
        "医院",
        "市场",
        "公园",
        "马路",
        "路边",
        "家",
        "家里",
    )
)

_MARK = re.compile(
    r"(?P<code>(?<![a-z\d])[gsxk]\d{1,4}(?:\+\d{1,3})?)"
    r"|(?P<chain>(?<![\d-])\d{1,3}(?:-\d{1,3}){1,2}(?![\d-]))"
    r"|(?P<number>[a-z]?\d{1,5}|(?<![a-z])[a-z])"
    r"(?:(?P<house>号楼|[#栋幢座]楼?)|(?P<street>号院|号(?!线|门|口|机))|(?P<group>[组社队村弄巷])|(?P<line>号线|路)"
    r"|(?P<phase>期)|(?P<entry>单元|号?门)|(?P<floor>[楼层])|(?P<room>[室房户]))"
    r"|(?P<bare>(?<=[栋幢座元楼])\d{3,4}(?!\d))|(?P<after>(?<=[路街道巷])\d{1,4}(?!\d))"
)
_MARKS = ("house", "street", "group", "line", "phase", "entry", "floor", "room")
_IN_TEXT = frozenset(("house", "group", "line", "code", "phase"))
_STREET_IN_TEXT = re.compile(r"(?<=[路街道巷])(\d{1,5})号")
_NUMBERED = re.compile(r"\d|(?<![a-z])[a-z][#栋幢座]")

Marks = dict[str, frozenset[str]]
"""Numbers of a place by what they number: house (楼栋), street (门牌), group (组), line (线路), code (公路编号), phase (期),
entry (单元), floor (层), room (室)."""


def plain(place: str) -> str:
    """The place in normal form without spaces, signs, and what any place may add (附近, 门口)."""
    full = numbers.as_digits(normalise(place[: 2 * MOST]).full)
    return _SCHOOL.sub(r"\1", _NOISE.sub("", "".join(_KEPT.findall(full))))[:MOST]


def core(plain: str) -> str:
    """What a place is called, without its numbers and the division before it. Roads that cross are sorted."""
    named = _MARK.sub("", plain) if _NUMBERED.search(plain) else plain
    for pattern in (_PROVINCE, _CITY, _COUNTY):
        named = pattern.sub("", named)
    named = _SUFFIX.sub("", named).strip("#+-").rstrip("0123456789")
    if len(named) > 3 and named[0] in "省市县区":
        named = named[1:]
    if named in _NAMELESS:
        return ""
    roads = names(named)
    return "".join(sorted(roads)) if len(roads) > 1 and roads[-1][-1] in "道路街巷" else named


def names(core: str) -> list[str]:
    """The roads in a core, and what follows them."""
    return _NAME.findall(core)


def marks(plain: str, joined: str = "") -> str:
    """The numbers in a place, and those of other kinds that the text (without spaces) names: ``house 3`` and so on, a line each.

    In a text a 号 counts after a street only (三号停电 is a date).
    """
    found = _found(plain)
    if joined and _NUMBERED.search(joined):
        told = {kind: said for kind, said in _found(joined).items() if kind in _IN_TEXT}
        street = _STREET_IN_TEXT.findall(joined)
        if street:
            told["street"] = set(street)
        found = {**told, **found}
    return "\n".join(sorted(f"{kind} {number}" for kind, said in found.items() for number in said))


def read_marks(written: str) -> Marks:
    """What :func:`marks` wrote."""
    found: dict[str, set[str]] = {}
    for line in written.split("\n") if written else ():
        kind, _, number = line.partition(" ")
        found.setdefault(kind, set()).add(number)
    return {kind: frozenset(said) for kind, said in found.items()}


def _found(plain: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    if not _NUMBERED.search(plain):
        return found
    for one in _MARK.finditer(plain):
        if one["code"]:
            found.setdefault("code", set()).add(one["code"])
        elif one["after"]:
            found.setdefault("street", set()).add(one["after"])
        elif one["bare"]:
            found.setdefault("room", set()).add(one["bare"])
        elif one["chain"]:
            house, *rest = one["chain"].split("-")
            found.setdefault("house", set()).add(house)
            for kind, number in zip(("entry", "room") if len(rest) == 2 else ("room",), rest, strict=True):
                found.setdefault(kind, set()).add(number)
        else:
            kind = next(kind for kind in _MARKS if one[kind])
            found.setdefault(kind, set()).add(one["number"])
    return found
