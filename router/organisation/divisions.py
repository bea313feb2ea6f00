"""Divisions by code, and the division that a place in a citizen's words lies in. Pure after :func:`warm_up`.

A caller names places as people do: "官渡区关上街道", "呈贡大学城", "成都武侯区". Names of the caller's own city count in their
short form as well; those of other cities only in full or below their province or city, because half the roads of China are
named after another city (北京路, 东川路).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from router.organisation.division_table import Division, Table, table

_LEVELS = ("province", "city", "county")
LONGEST = 300
"""Characters of a text that are looked at."""
_LONGEST_NAME = 15
_ROADS = re.compile(
    "大?道|路|街(?!道)|巷|弄|里(?!面|边|头)|胡同|桥|高速|立交|江|河|湖|村|寨|小区|花园|酒店|宾馆|大厦|饭店|菜|小学|中学|大学(?!城)|医院|银行"
)
"""What makes a short name part of another name."""
_TOWN_ENDINGS = re.compile("(街道办事处|街道|镇|(各?族)?乡)$")
_EDGES = " \t,,、。;;::的"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text says that something is."""

    division: str | None
    """Code of the county, else of the city or province; the given city where the text names none."""
    division_name: str
    """From the province down, e.g. ``云南省昆明市官渡区``."""
    detail: str
    """The text without the divisions' names."""
    town: str
    """Township or subdistrict (乡镇、街道) that the text names, else empty."""


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    end: int
    full: bool
    codes: tuple[str, ...]
    town: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    at_home: bool
    code: str
    hits: tuple[_Hit, ...]

    @property
    def order(self) -> tuple[float, bool, int, str]:
        # Of two codes of one name in one city the greater is the newer: a county that became a city (澄江).
        return (self.score, self.at_home, -self.hits[0].start, self.code)


def warm_up() -> None:
    """Read the table, so that the first caller doesn't wait for it."""
    table()


def known(code: str) -> bool:
    """Whether GB/T 2260 has the code: six digits, or nine or twelve (township, village) below a known county or city."""
    if not (isinstance(code, str) and code.isascii() and code.isdigit() and len(code) in (6, 9, 12)):
        return False
    return code[:6] in table().by_code


def name(code: str) -> str:
    """Name of a division, of a longer code that of its county; empty if it is not known."""
    return table().by_code[code[:6]].name if known(code) else ""


def full_name(code: str) -> str:
    """Names from the province down, e.g. ``云南省昆明市官渡区``; empty if it is not known."""
    if not known(code):
        return ""
    return "".join(division.name for division in table().chain(code[:6]) if division.named)


def parent(code: str) -> str | None:
    """Code of what a division lies in; None for provinces and unknown codes."""
    if not known(code):
        return None
    return table().by_code[code].parent if len(code) == 6 else code[:6] if len(code) == 9 else code[:9]


def children(code: str) -> list[str]:
    """Codes of the divisions directly below, in order; none below a county."""
    return sorted(table().by_code[code].children) if known(code) and len(code) == 6 else []


def city_of(code: str) -> str | None:
    """Code of the city (地级市、州, or municipality) that a division lies in; a province's own; None for unknown codes."""
    if not known(code):
        return None
    division = table().by_code[code[:6]]
    return division.parent if division.level == "county" else division.code


def cities_named(province: str, city: str) -> list[str]:
    """Codes of the cities with this full or short name, in the province with that full or short name."""
    divisions = table()
    codes = {*divisions.full.get(city, ()), *divisions.short.get(city, ())}
    return sorted(
        code for code in codes if divisions.by_code[code].level != "county" and province in _called(divisions.chain(code)[0])
    )


def _called(division: Division) -> tuple[str, ...]:
    return (division.name, *division.aliases)


def search(words: str, area: str = "", limit: int = 50) -> list[str]:
    """Codes of divisions whose name begins with or contains the words (or whose code begins with them), those that begin so and
    the larger ones first; ``area``: only what lies in it."""
    asked = words.strip()
    found = [
        (
            not division.name.startswith(asked) and not division.code.startswith(asked),
            _LEVELS.index(division.level),
            division.code,
        )
        for division in table().by_code.values()
        if asked and division.named and (asked in division.name or division.code.startswith(asked))
    ]
    return [code for *_, code in sorted(found) if not area or within(code, area)][:limit]


def within(code: str, area: str) -> bool:
    """Whether a division is ``area`` or lies in it."""
    at: str | None = code
    while at is not None:
        if at == area:
            return True
        at = parent(at)
    return False


def parse_place(text: str, city: str = "") -> Place:
    """Find the division of a place in words; ``city`` is where it is supposed to be unless it says otherwise."""
    text = text.strip()
    divisions = table()
    home = city[:6] if known(city) else ""
    hits = _hits(divisions, text[:LONGEST], home)
    best = _choose(divisions, hits, home)
    code = best.code if best else home or None
    used = list(best.hits) if best else [hit for hit in hits if hit.codes[0] in _line(divisions, home)]
    town = _town(hits, code)
    if town is not None:
        used.append(town)
    return Place(
        division=code,
        division_name=full_name(code) if code else "",
        detail=_without(text, used),
        town=town.town if town else "",
    )


def _line(divisions: Table, code: str) -> set[str]:
    return {division.code for division in divisions.chain(code)} if code else set()


@functools.lru_cache(maxsize=64)
def _towns(city: str) -> dict[str, tuple[tuple[str, ...], str, bool]]:
    """Townships of a city: name to the codes of their counties, their full name, and whether the name is the full one."""
    divisions = table()
    found: dict[str, tuple[tuple[str, ...], str, bool]] = {}
    for code in (city, *divisions.by_code[city].children):
        for town in divisions.by_code[code].towns:
            short = _TOWN_ENDINGS.sub("", town)
            for word, full in ((town, True), (short, False)):
                if len(word) > 1 and (full or word != town):
                    before = found.get(word)
                    if before is None or (full and not before[2]):
                        found[word] = ((code,), town, full)
                    elif full == before[2]:
                        found[word] = ((*before[0], code), town, full)
    return found


def _hits(divisions: Table, text: str, home: str) -> list[_Hit]:
    """Names in the text, from left to right; of overlapping ones the longest."""
    city = city_of(home) if home else None
    towns = _towns(city) if city else {}
    found: list[_Hit] = []
    start = 0
    while start < len(text) - 1:
        for end in range(min(len(text), start + _LONGEST_NAME), start + 1, -1):
            hit = _hit(divisions, towns, text, start, end, found)
            if hit is not None:
                found.append(hit)
                start = end
                break
        else:
            start += 1
    return found


def _hit(
    divisions: Table,
    towns: dict[str, tuple[tuple[str, ...], str, bool]],
    text: str,
    start: int,
    end: int,
    before: list[_Hit],
) -> _Hit | None:
    word = text[start:end]
    if word in divisions.full and not (word.endswith("市") and text.startswith("场", end)):
        return _Hit(start, end, True, divisions.full[word])
    if word in towns:
        codes, town, full = towns[word]
        follows = bool(before) and before[-1].end == start
        if full or ((follows or len(word) > 2) and not _ROADS.match(text, end)):
            return _Hit(start, end, full, codes, town)
    if word in divisions.short and not _ROADS.match(text, end):
        return _Hit(start, end, False, divisions.short[word])
    return None


def _choose(divisions: Table, hits: list[_Hit], home: str) -> _Candidate | None:
    home_city = city_of(home) if home else None
    candidates = [
        candidate
        for hit in hits
        for code in hit.codes
        if (candidate := _candidate(divisions, hits, hit, code, home_city)) is not None
    ]
    foreign = [one for one in candidates if not one.at_home and one.hits[-1].full]
    if foreign:  # a short name of home behind another city's full name is a name there
        first = min(one.hits[0].start for one in foreign)
        candidates = [one for one in candidates if not one.at_home or one.hits[-1].full or one.hits[-1].start < first]
    return max(candidates, key=lambda one: one.order, default=None)


def _candidate(divisions: Table, hits: list[_Hit], hit: _Hit, code: str, home: str | None) -> _Candidate | None:
    """How much speaks for a division that a hit names; None if too little."""
    division = divisions.by_code[code]
    at_home = home is not None and within(code, home)
    if home is not None and not at_home and code in _line(divisions, home):
        return None  # the province of home: says nothing
    above = _above(divisions, hits, hit, division)
    score = _weight(hit, division) + sum(2.0 if one.full else 1.5 for one in above)
    if at_home:
        score += 2
        if len(hit.codes) > 1 and hit.town:  # a township's name of several counties
            return None
    elif not (above and score >= 3) and not (hit.full and len(hit.codes) == 1 and len(division.name) > 2):
        return None
    return _Candidate(score, at_home, code, (*above, hit))


def _weight(hit: _Hit, division: Division) -> float:
    if hit.town:
        return 2.5 if hit.full else 1.2
    if not hit.full:
        return 1.5
    return {"county": 3.0, "city": 2.5, "province": 2.0}[division.level]


def _above(divisions: Table, hits: list[_Hit], hit: _Hit, division: Division) -> list[_Hit]:
    """Hits before this one that name what the division lies in; short names only directly before it."""
    line = _line(divisions, division.code) - {division.code}
    if hit.town:
        line.add(division.code)
    found: list[_Hit] = []
    start = hit.start
    for one in reversed(hits[: hits.index(hit)]):
        if not one.town and any(code in line for code in one.codes) and (one.full or one.end == start):
            found.insert(0, one)
            start = one.start
    return found


def _town(hits: list[_Hit], code: str | None) -> _Hit | None:
    return next((hit for hit in hits if hit.town and code is not None and any(within(one, code) for one in hit.codes)), None)


def _without(text: str, used: list[_Hit]) -> str:
    """The text without the names in a row that begin with the first of them."""
    spans = sorted({(hit.start, hit.end) for hit in used})
    if not spans:
        return text
    start, end = spans[0]
    for span in spans[1:]:
        if text[end : span[0]].strip(_EDGES):
            break
        end = span[1]
    before, after = text[:start], text[end:]
    return (before + after if before.strip(_EDGES) else after.lstrip(_EDGES)) or text
