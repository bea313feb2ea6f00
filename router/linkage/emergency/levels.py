"""Levels of emergency events (突发事件分级): what facts propose, and who is told by when (信息报送). Pure but for :func:`read`.

Criteria and reporting rules are data (``config/linkage/levels.yaml``). What is wrong with them is told all at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from itertools import combinations, product
from pathlib import Path
from typing import Any

from config import documents, explain
from config.documents import KeyPath, dotted
from config.errors import Problem
from config.sentences import CHINESE
from router.catalog.plain import Place
from router.errors import Invalid
from router.linkage import words
from router.linkage.emergency import kinds

Facts = Mapping[str, float | str]
"""By the names of :data:`FACTS`: what is known of an event, or least values all of which must be reached."""
LEVELS = (1, 2, 3, 4)
SETS = tuple(sorted({one.criteria for one in kinds.KINDS.values()}))
"""Sets of criteria that the types of events name."""
TIMES = ("phone", "written", "follow_up", "final")
LONGEST = 30 * 86400
"""Seconds of any time for reports."""
LONGEST_TEXT = 500
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that levels are reckoned from: a number from 0 to ``most`` (above it somebody has mistyped), or one of ``choices``
    (their names by value, the least grave first)."""

    label: str
    unit: str = ""
    whole: bool = True
    most: float = 0
    choices: Mapping[str, str] = field(default_factory=dict)


FACTS: dict[str, Fact] = {
    "deaths": Fact("死亡", "人", most=1_000_000),
    "missing": Fact("失踪", "人", most=1_000_000),
    "injured": Fact("重伤", "人", most=1_000_000),
    "poisoned": Fact("中毒", "人", most=1_000_000),
    "evacuated": Fact("疏散转移", "人", most=20_000_000),
    "loss_yuan": Fact("直接经济损失", "元", whole=False, most=2e12),
    "households": Fact("受影响", "户", most=20_000_000),
    "hours": Fact("连续中断", "小时", whole=False, most=8784),
    "magnitude": Fact("震级", "级", whole=False, most=10),
    "people": Fact("聚集", "人", most=5_000_000),
    "spread": Fact("波及范围", choices={"county": "跨县", "city": "跨市", "province": "跨省"}),
}


@dataclass(frozen=True, slots=True)
class Criteria:
    """What makes an event of a sort so grave."""

    name: str
    basis: str
    """Where the values come from (依据)."""
    levels: Mapping[int, Sequence[Facts]]
    """Of each level that is regulated: alternatives, of which one is enough."""
    unverified: bool = False
    """Nobody has compared the values with the original yet."""
    optional: bool = False
    """An event may stay without a level (社会安全事件)."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """``reasons``: sentences for the one who decides."""

    level: int | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of the report by phone and in writing (初报) since it happened, from one follow-up (续报) to the next, and of the
    final report (终报) since the response ended."""

    phone: float
    written: float
    follow_up: float
    final: float


@dataclass(frozen=True, slots=True)
class Side:
    """To whom a city or a county reports: in any case, and besides, by level, to whom it may report directly (越级直报)."""

    to: tuple[str, ...]
    direct: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Reporting:
    """Rules of reports to the higher level."""

    basis: str
    unverified: bool
    from_level: int
    """Events of this level and of graver ones must be reported."""
    times: Mapping[int | None, Times]
    """Of each level, and of events without one."""
    sides: Mapping[str, Side]
    """``city`` and ``county``."""
    copies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receivers:
    to: tuple[str, ...]
    copies: tuple[str, ...]
    """Who gets a copy (抄报)."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All that the file says."""

    criteria: Mapping[str, Criteria]
    """By the names of :data:`SETS`."""
    reporting: Reporting


class BadLevels(Invalid):
    """Criteria or reporting rules are wrong; ``problems`` holds everything that was found, never only the first."""

    code = "levels.bad"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = ";".join(str(one) for one in self.problems[:SHOWN])
        told = f"分级和上报规则有{len(self.problems)}处错误:{shown}"
        super().__init__(told, "按各处说明改正后重新提交", problems=[asdict(one) for one in self.problems])


def check(facts: Mapping[str, object]) -> dict[str, float | str]:
    """The facts in order, whole numbers as ``int``. Raise :class:`router.errors.Invalid` for the first that can't be."""
    if not isinstance(facts, Mapping):
        raise Invalid("定级数据不是键值表", "按名称逐项填写", field="facts")
    for name in facts:
        if name not in FACTS:
            shown = f"“{name[:40]}”" if isinstance(name, str) and name.isprintable() else "这个名称"
            raise Invalid(f"定级数据中没有{shown}", _instead(name, FACTS), field="facts")
    found: dict[str, float | str] = {}
    for name, fact in FACTS.items():
        if name in facts:
            if fault := _fault(fact, facts[name]):
                raise Invalid(f"{fact.label}{fault[0]}", fault[1], field=name)
            found[name] = _plain(fact, facts[name])
    return found


def propose(criteria: Criteria, facts: Mapping[str, object]) -> Proposal:
    """The gravest level of which an alternative is met. Raise :class:`router.errors.Invalid` as :func:`check` does."""
    known = check(facts)
    basis = f"依据:{criteria.basis}{'(尚未核对原件,请按本地预案核实)' if criteria.unverified else ''}"
    for level in sorted(criteria.levels):
        met = [one for one in criteria.levels[level] if _met(one, known)]
        if met:
            return Proposal(level, (*(_told(one, known) for one in met), basis))
    return Proposal(None if criteria.optional else 4, (*_unmet(criteria), basis))


def must_report(level: int | None, sensitive: Collection[str], rules: Reporting) -> bool:
    """Whether the province must be told; a sensitive time, place or group of people (敏感时间、地点、人群) lifts any event."""
    return bool(sensitive) or (level is not None and level <= rules.from_level)


def receivers(level: int | None, rules: Reporting, *, county: bool) -> Receivers:
    """Who gets the reports of an event that a county (or else the city) reports, those whom it reports to in any case first."""
    side = rules.sides["county" if county else "city"]
    return Receivers(tuple(dict.fromkeys((*side.to, *side.direct.get(level or 0, ())))), rules.copies)


def read(file: Path) -> Rulebook:
    """The rules of a file. Raise :class:`BadLevels` that names file, line, key and remedy of each fault."""
    found = documents.read_file(file, CHINESE)
    if found.problems:
        raise BadLevels(found.problems)
    return parse(found.tree, lambda path: (str(file), found.place(path)[1]))


def parse(data: object, place: Place | None = None) -> Rulebook:
    """The rules that plain data describe; ``place`` tells file and line of a key. Raise :class:`BadLevels`."""
    reader = _Reader(place)
    tree = reader.mapping(data, (), ("criteria", "reporting"))
    sets = reader.mapping(tree.get("criteria"), ("criteria",), SETS)
    criteria = {name: _criteria(reader, sets.get(name), ("criteria", name)) for name in SETS}
    found = Rulebook(criteria, _reporting(reader, tree.get("reporting"), ("reporting",)))
    if reader.problems:
        raise BadLevels(reader.problems)
    return found


def _rank(name: str, value: float | str) -> float:
    """A value as a number that is higher, the graver it is."""
    return float(list(FACTS[name].choices).index(value)) if isinstance(value, str) else value


def _met(one: Facts, known: Facts) -> bool:
    """Whether values reach all least values."""
    return all(name in known and _rank(name, known[name]) >= _rank(name, least) for name, least in one.items())


def _told(one: Facts, known: Facts) -> str:
    return "且".join(
        f"{FACTS[name].label} {_words(name, known[name])} {FACTS[name].unit}".rstrip() + f"(≥{_words(name, least)})"
        for name, least in one.items()
    )


def _words(name: str, value: float | str) -> str:
    """``12345678`` is written ``1234.5678万``: never rounded, so that nothing looks reached that is not."""
    if isinstance(value, str):
        return FACTS[name].choices[value]
    exact = Decimal(str(value))
    for size, word in ((100_000_000, "亿"), (10_000, "万")):
        if exact >= size:
            return f"{(exact / size).normalize():f}{word}"
    return f"{exact.normalize():f}"


def _unmet(criteria: Criteria) -> Iterator[str]:
    """What is told if no level is reached, also that levels in between are not regulated."""
    last = max((level for level in criteria.levels if level < 4), default=0)
    if last:
        yield f"未达到{words.LEVELS[last]}标准" + (",可以不定级" if criteria.optional else "")
    if last < 3:
        yield f"{'、'.join(words.LEVELS[level] for level in range(last + 1, 4))}标准由地方规定,尚未写入,请人工判断"


def _fault(fact: Fact, value: object) -> tuple[str, str] | None:
    """What is wrong with a value, and what to do."""
    if fact.choices:
        allowed = "、".join(f"{key}({name})" for key, name in fact.choices.items())
        return None if isinstance(value, str) and value in fact.choices else ("不在可选范围", f"可选:{allowed}")
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return "不是数字", f"写一个数字(单位:{fact.unit});不知道就不填"
    if value < 0:
        return "是负数", "写0或者正数"
    if value > fact.most:
        return f"超过合理的上限({fact.most:.0f}{fact.unit})", "核对数字和单位"
    if fact.whole and value != int(value):
        return "不是整数", "写整数"
    return None


def _plain(fact: Fact, value: Any) -> float | str:
    """A value that has no fault."""
    return str(value) if fact.choices else int(value) if fact.whole else float(value) + 0.0


def _instead(key: object, known: Iterable[str | int]) -> str:
    """What to write instead of an unknown key."""
    names = [str(one) for one in known]
    near = explain.nearest(key[:40], names) if isinstance(key, str) else None
    return f"是否要写 {near}{'(不加引号)' if near == key else ''}" if near else f"可写:{'、'.join(names)}"


class _Reader:
    """Reads values out of plain data. What is wrong is noted, and something harmless goes on in its place."""

    def __init__(self, place: Place | None) -> None:
        self.problems: list[Problem] = []
        self._paths: list[KeyPath] = []
        self._place = place or (lambda path: ("", None))

    def tell(self, path: KeyPath, what: str, remedy: str) -> None:
        """Note a fault, unless it may follow from one that is told already: of the same key or of one around it."""
        if any(path[: len(one)] == one for one in self._paths):
            return
        self._paths.append(path)
        self.problems.append(Problem(*self._place(path), dotted(path), what, remedy))

    def mapping(self, value: object, path: KeyPath, known: Collection[str | int]) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            self.tell(path, "缺少这一部分" if value is None else "不是键值表", "写成 key: value")
            return {}
        strange = [key for key in value if isinstance(key, bool | float) or key not in known]
        for key in strange:
            self.tell((*path, key), "没有这个键", _instead(key, known))
        return {key: one for key, one in value.items() if key not in strange}

    def text(self, value: object, path: KeyPath) -> str:
        if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value == value.strip() and value.isprintable():
            return value
        self.tell(path, "缺少文字" if value is None else "不是一行文字", f"写1至{LONGEST_TEXT}个字,前后不留空白,数字要加引号")
        return ""

    def texts(self, value: object, path: KeyPath) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            self.tell(path, "不是列表,或者没有内容", "写成 [甲, 乙]")
            return ()
        return tuple(self.text(one, (*path, index)) for index, one in enumerate(value))

    def flag(self, value: object, path: KeyPath) -> bool:
        if not isinstance(value, bool):
            self.tell(path, "不是真假值", "写 true 或者 false")
        return value is True

    def seconds(self, value: object, path: KeyPath) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST:
            return float(value)
        self.tell(path, "缺少时限" if value is None else "不是时限", f"写秒数,大于0,不超过{LONGEST}")
        return math.nan


def _criteria(reader: _Reader, value: object, path: KeyPath) -> Criteria:
    entry = reader.mapping(value, path, ("name", "basis", "unverified", "optional", "levels"))
    at: KeyPath = (*path, "levels")
    given = reader.mapping(entry.get("levels"), at, LEVELS)
    if entry.get("levels") == {}:
        reader.tell(at, "没有任何级别", "至少写一个级别的标准;地方规定的级别可以不写")
    levels = {level: _alternatives(reader, given[level], (*at, level)) for level in sorted(given)}
    for graver, level in combinations(levels, 2):
        for other, (index, one) in product(levels[graver].values(), levels[level].items()):
            if _met(other, one):
                what = f"达到这一条时已经达到更重的级别{graver}:{_told(other, one)}"
                reader.tell((*at, level, index), what, f"提高级别{graver}的数值,或者去掉这一条")
    return Criteria(
        name=reader.text(entry.get("name"), (*path, "name")),
        basis=reader.text(entry.get("basis"), (*path, "basis")),
        levels={level: tuple(found.values()) for level, found in levels.items()},
        unverified=reader.flag(entry.get("unverified", False), (*path, "unverified")),
        optional=reader.flag(entry.get("optional", False), (*path, "optional")),
    )


def _alternatives(reader: _Reader, value: object, path: KeyPath) -> dict[int, Facts]:
    """Those without fault, by their place in the list."""
    if not isinstance(value, list | tuple) or not value:
        reader.tell(path, "不是列表,或者没有内容", "写成 - {deaths: 3},每行一条;没有标准就去掉这个级别")
        return {}
    found: dict[int, Facts] = {}
    for index, one in enumerate(value):
        at = (*path, index)
        if one == {}:
            reader.tell(at, "没有数值,任何事件都会达到", "写成 {deaths: 3},或者去掉这一条")
        good = {}
        for name, least in reader.mapping(one, at, FACTS).items():
            fact = FACTS[name]
            fault = _fault(fact, least) or (("是0,任何事件都会达到", "写大于0的数") if least == 0 else None)
            if fault:
                reader.tell((*at, name), f"{fact.label}{fault[0]}", fault[1])
            else:
                good[name] = _plain(fact, least)
        if good and len(good) == len(one):
            found[index] = good
    return found


def _reporting(reader: _Reader, value: object, path: KeyPath) -> Reporting:
    entry = reader.mapping(value, path, ("basis", "unverified", "from_level", "levels", "receivers", "copies", *TIMES))
    from_level = entry.get("from_level")
    if type(from_level) is not int or from_level not in LEVELS:
        reader.tell((*path, "from_level"), "不是级别", "写1至4:这一级和更重的级别必须上报")
    usual = {key: reader.seconds(entry.get(key), (*path, key)) for key in TIMES}
    sides = reader.mapping(entry.get("receivers"), (*path, "receivers"), ("city", "county"))
    return Reporting(
        basis=reader.text(entry.get("basis"), (*path, "basis")),
        unverified=reader.flag(entry.get("unverified", False), (*path, "unverified")),
        from_level=from_level if type(from_level) is int else 4,
        times=_times(reader, entry.get("levels", {}), path, usual),
        sides={name: _side(reader, sides.get(name), (*path, "receivers", name)) for name in ("city", "county")},
        copies=reader.texts(entry.get("copies"), (*path, "copies")),
    )


def _times(reader: _Reader, value: object, path: KeyPath, usual: dict[str, float]) -> dict[int | None, Times]:
    """What a level doesn't say is as usual."""
    at: KeyPath = (*path, "levels")
    found: dict[int | None, dict[str, float]] = dict.fromkeys((None, *LEVELS), usual)
    for level, own in reader.mapping(value, at, LEVELS).items():
        given = reader.mapping(own, (*at, level), TIMES)
        found[level] = usual | {key: reader.seconds(one, (*at, level, key)) for key, one in given.items()}
    for level, times in found.items():
        own = level is None or any(times[key] != usual[key] for key in ("phone", "written"))
        if own and times["phone"] > times["written"]:
            where = (*path, "phone") if level is None else (*at, level, "phone")
            reader.tell(where, "电话报告的时限晚于书面报告", "先电话后书面")
    return {level: Times(**times) for level, times in found.items()}


def _side(reader: _Reader, value: object, path: KeyPath) -> Side:
    entry = reader.mapping(value, path, ("to", "direct"))
    to = reader.texts(entry.get("to"), (*path, "to"))
    direct = reader.mapping(entry.get("direct", {}), (*path, "direct"), LEVELS)
    return Side(to, {level: reader.texts(names, (*path, "direct", level)) for level, names in direct.items()})
