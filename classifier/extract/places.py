"""Places (地点) in a folded text: divisions, roads and house numbers, compounds, buildings, crossings, landmarks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from classifier.extract import when, words

_LONGEST = {"admin": 8, "road": 7, "estate": 9, "poi": 11, "weak": 8, "organisation": 12, "compound": 12}
_FARTHEST = 20
_SHORTEST = {"admin": 2, "road": 1, "estate": 1, "poi": 2, "weak": 2, "organisation": 0}
_ALONE = re.compile("(?:火车|高铁|动车|客运|汽车|长途汽车)[东西南北]?(?:客运)?总?站|机场")
_BUILDING = re.compile(f"(?<!{words.N})(?:栋|幢)|[A-Z\\d]座|号楼|#楼|单元|[室房]$")
_CUE = re.compile("(?:在|到|住|去|往|于|从|位于|来|是|离|至|回|出|进)$")
_CODE = re.compile(r"(?<![A-Z])[A-Z]\d{0,2}$")
_HAN = re.compile(r"[\u3400-\u9fff]{2,}")
_LINE = re.compile(rf".{{0,20}}[\d几]|(?!五一|五四|七一|八一|三八){words.N}{{1,3}}")  # of buses
_NAME = re.compile(r"[\u3400-\u9fff〇A-Za-z\d·\-]+")
_SPOKEN = re.compile(f"(?:幺|{words.N})+(?=(?:号(?!线|码头)|栋|幢|座|单元|楼|层|[室房]|期|组|队))")
_BY_DIGIT = re.compile("[一二三四五六七八九零〇两幺]{2,}")


@dataclass(slots=True)
class _Place:
    start: int
    end: int
    kinds: list[str] = field(default_factory=list)


def places(text: str, known: Iterable[str] = ()) -> Iterator[tuple[int, int, str]]:
    """Start, end and normal form of each place, in order; they don't overlap."""
    for place in _joined(text, _Walk(text, known).places()):
        yield place.start, place.end, _value(text[place.start : place.end])


class _Walk:
    """One walk through a text, from ending to ending of a name."""

    def __init__(self, text: str, known: Iterable[str]) -> None:
        self._text = text
        self._breaks = words.breaks(text)
        self._stops = {start for start, _ in self._breaks}
        self._hits = sorted(self._sure(known) + list(words.ENDING.scan(text)))

    def _sure(self, known: Iterable[str]) -> list[tuple[int, int, str]]:
        """Places that are known by name, and marks of roads."""
        found = [(one.start(), one.end(), "mark") for one in words.MARK.finditer(self._text)]
        for name in known:
            at = self._text.find(name) if len(name) > 1 else -1
            while at >= 0:
                found.append((at, at + len(name), "known"))
                at = self._text.find(name, at + len(name))
        return found

    def places(self) -> Iterator[_Place]:
        place: _Place | None = None
        left = free = turn = 0
        for start, end, kind in self._hits:
            while turn < len(self._breaks) and self._breaks[turn][1] <= start:
                left = max(left, self._breaks[turn][1])
                turn += 1
            if start < free or kind == "none" or (turn < len(self._breaks) and self._breaks[turn][0] < start):
                continue
            if place and left > place.end:
                yield place
                place = None
            if kind == "organisation":
                if place:
                    yield place
                place, left, free = None, end, end
                continue
            begin = self._begin(left, start, end, kind, place)
            if begin is None:
                continue
            if place and begin == place.end:
                place.end = end
            else:
                if place:
                    yield place
                place = _Place(begin, end)
            place.kinds.append(kind)
            place.end = self._reach(place)
            left = free = place.end
        if place:
            yield place

    def _begin(self, left: int, start: int, end: int, kind: str, place: _Place | None) -> int | None:
        """Where the part of a place with this ending begins; None if it is none."""
        text = self._text
        if start - left > _FARTHEST and kind not in ("mark", "known", "building"):
            return None
        joined = place is not None and left == place.end
        if kind in ("mark", "known"):
            return start
        if kind == "building":
            return self._building(left, start, end, joined)
        if joined and start == left:
            alone = kind in ("estate", "poi") or (kind == "road" and end - start > 1) or text[start:end] == "站"
            return start if alone else None
        if kind == "road" and text[start] == "路" and _LINE.fullmatch(text[left:start]):
            return None
        begin = left
        joint = words.JOINT.match(text, begin, start) if joined else None
        if joint and not words.is_name(text, begin):
            begin, joined = joint.end(), False
        code = _CODE.search(text, begin, start) if kind == "admin" else None  # a division whose name is withheld: A3区
        begin = code.start() if code else begin
        name = text[begin:start]
        if len(name) > _LONGEST[kind]:
            return None
        if begin == start and text[start] in "第一二三四五六七八九十0123456789" and kind == "poi":
            return begin
        if not joined and _ALONE.fullmatch(text[begin:end]):
            return begin
        if not _NAME.fullmatch(name) or (
            not joined and not code and not (joint and kind == "road") and words.is_no_name(name, kind)
        ):
            return None
        small = text[start] == "村" and _CUE.search(text, max(0, begin - 2), begin)  # 往薛村
        if len(name) < (1 if joined or joint or code or small else _SHORTEST[kind]):
            return None
        if kind == "weak" and not (
            self._ends(end)
            and (joined or _CUE.search(text[max(0, begin - 2) : begin]) or begin == 0 or words.RELATIVE.at(text, end))
        ):
            return None
        return begin

    def _building(self, left: int, start: int, end: int, joined: bool) -> int | None:
        """A building begins with the name of its compound, which need not have an ending: 万达8栋."""
        if joined and start == left:
            return start
        if not _BUILDING.search(self._text, start, end):
            return None
        name = self._text[left:start]
        named = len(name) <= _LONGEST["compound"] and _HAN.fullmatch(name) and (joined or not words.is_no_name(name, "poi"))
        return left if named else start

    def _ends(self, end: int) -> bool:
        """Whether a word may end here."""
        text = self._text
        return end == len(text) or end in self._stops or bool(words.RELATIVE.at(text, end) or words.NUMBERED.at(text, end))

    def _reach(self, place: _Place) -> int:
        """The end of a place with the numbers and words that stand behind it."""
        text, end = self._text, place.end
        for _ in range(0 if place.kinds[-1] == "admin" and text[end - 1] in "省市区县" else 6):
            found = words.NUMBERED.at(text, end) or (words.ROOM.match(text, end) if place.kinds[-1] == "building" else None)
            if found is None or found.end() == end:
                break
            end = found.end()
            place.kinds.append("number")
        for _ in range(3):
            near = words.RELATIVE.at(text, end + text.startswith("的", end))
            if near is None or near.end() == end:
                break
            end = near.end()
        return end


def _joined(text: str, found: Iterable[_Place]) -> Iterator[_Place]:
    """Two roads and the word for where they meet are one place."""
    before: _Place | None = None
    for place in found:
        if before:
            joint = words.JOINT.fullmatch(text, before.end, place.start) if place.start > before.end else None
            if (
                (joint or place.start == before.end)
                and "road" in before.kinds
                and words.CROSSING.search(text, place.start, place.end)
            ):
                place = _Place(before.start, place.end, before.kinds + place.kinds)
            else:
                yield before
        before = place
    if before:
        yield before


def _value(written: str) -> str:
    """A place in its normal form: capitals, digits for the numbers of houses, nothing between."""
    plain = re.sub(r"\s", "", written).upper()
    return _SPOKEN.sub(_digits, plain)


def _digits(found: re.Match[str]) -> str:
    spoken = found.group()
    return spoken.translate(_ROOM_DIGITS) if _BY_DIGIT.fullmatch(spoken) else str(when.number(spoken))


_ROOM_DIGITS = str.maketrans("零〇一幺二两三四五六七八九", "0011223456789")
