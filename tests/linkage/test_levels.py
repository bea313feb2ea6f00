"""Levels of emergencies: what the facts propose, what is wrong with facts and criteria, and who is told by when."""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from router.errors import Invalid
from router.linkage.emergency import kinds, levels
from router.linkage.emergency.levels import FACTS, BadLevels, Criteria

FILE = Path(__file__).parents[2] / "config" / "linkage" / "levels.yaml"
SHIPPED = levels.read(FILE)
PLAIN: dict[str, Any] = YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8"))
RULES = SHIPPED.reporting
ANY_SET = st.sampled_from(sorted(SHIPPED.criteria))


def changed(change: Callable[[Any], None]) -> dict[str, Any]:
    """The shipped rules as plain data, with a change."""
    data = copy.deepcopy(PLAIN)
    change(data)
    return data


def faults(data: object) -> dict[str, tuple[str, str]]:
    """What :func:`levels.parse` tells: what and remedy by key."""
    with pytest.raises(BadLevels) as told:
        levels.parse(data)
    assert all(one.what and one.remedy for one in told.value.problems)
    return {one.key: (one.what, one.remedy) for one in told.value.problems}


@st.composite
def good_facts(draw: st.DrawFn) -> dict[str, float | str]:
    """Facts that can be, often near the thresholds."""
    found: dict[str, float | str] = {}
    for name in draw(st.sets(st.sampled_from(sorted(FACTS)))):
        fact = FACTS[name]
        if fact.choices:
            found[name] = draw(st.sampled_from(list(fact.choices)))
        elif fact.whole:
            found[name] = draw(st.integers(0, 120) | st.integers(0, int(fact.most)))
        else:
            found[name] = draw(st.floats(0, min(120, fact.most)) | st.floats(0, fact.most))
    return found


def grave(level: int | None) -> int:
    return 0 if level is None else 5 - level


@pytest.mark.parametrize(
    ("criteria", "fact", "least"),
    [
        ("production", "deaths", {1: 30, 2: 10, 3: 3}),
        ("production", "injured", {1: 100, 2: 50, 3: 10}),
        ("production", "loss_yuan", {1: 100_000_000, 2: 50_000_000, 3: 10_000_000}),
        ("earthquake", "deaths", {1: 300, 2: 50, 3: 10}),
        ("earthquake", "magnitude", {1: 7, 2: 6, 3: 5}),
        ("environment", "deaths", {1: 30, 2: 10, 3: 3}),
        ("environment", "poisoned", {1: 100}),
        ("environment", "evacuated", {1: 50_000, 2: 10_000, 3: 5000}),
        ("environment", "loss_yuan", {1: 100_000_000, 2: 20_000_000, 3: 5_000_000}),
        ("crowd", "people", {1: 5000, 2: 1000}),
        ("general", "missing", {1: 30, 2: 10, 3: 3}),
    ],
)
def test_shipped_criteria_propose_a_level_from_its_threshold_on(criteria: str, fact: str, least: dict[int, int]) -> None:
    lowest = None if criteria == "crowd" else 4
    for level, value in least.items():
        below = value - (1 if FACTS[fact].whole else 0.01)
        assert levels.propose(SHIPPED.criteria[criteria], {fact: value}).level == level
        assert levels.propose(SHIPPED.criteria[criteria], {fact: below}).level == (level + 1 if level + 1 in least else lowest)


@pytest.mark.parametrize(
    ("criteria", "facts", "level"),
    [
        ("production", {"deaths": 1, "injured": 50}, 2),
        ("production", {"people": 9000, "households": 90_000, "hours": 90}, 4),
        ("supply", {"households": 50_000, "hours": 48}, 1),
        ("supply", {"households": 50_000, "hours": 47.5}, 2),
        ("supply", {"households": 30_000, "hours": 23}, 4),
        ("supply", {"households": 5_000_000}, 4),
        ("epidemic", {"spread": "province"}, 1),
        ("epidemic", {"spread": "city"}, 2),
        ("epidemic", {"spread": "county"}, 3),
        ("epidemic", {}, 4),
    ],
)
def test_the_gravest_level_counts_whose_values_are_all_reached(criteria: str, facts: dict[str, Any], level: int) -> None:
    assert levels.propose(SHIPPED.criteria[criteria], facts).level == level


def test_reasons_name_every_alternative_that_was_reached_and_the_basis() -> None:
    proposal = levels.propose(SHIPPED.criteria["production"], {"deaths": 3, "loss_yuan": 12_345_678.5, "injured": 2})
    assert proposal.reasons == (
        "死亡 3 人(≥3)",
        "直接经济损失 1234.56785万 元(≥1000万)",
        "依据:《生产安全事故报告和调查处理条例》(国务院令第493号)",
    )


def test_a_reason_names_all_values_that_are_reached_together_in_words() -> None:
    reasons = levels.propose(SHIPPED.criteria["supply"], {"households": 60_000, "hours": 50.5}).reasons
    assert reasons[0] == "受影响 6万 户(≥5万)且连续中断 50.5 小时(≥48)"
    assert levels.propose(SHIPPED.criteria["epidemic"], {"spread": "city"}).reasons[0] == "波及范围 跨市(≥跨市)"


def test_a_value_just_below_a_threshold_is_not_shown_as_if_it_reached_it() -> None:
    reasons = levels.propose(SHIPPED.criteria["production"], {"loss_yuan": 99_999_999.99}).reasons
    assert reasons[0] == "直接经济损失 9999.999999万 元(≥5000万)"


def test_values_that_nobody_has_compared_with_the_original_are_told_with_the_proposal() -> None:
    assert "尚未核对原件" in levels.propose(SHIPPED.criteria["earthquake"], {"magnitude": 7}).reasons[-1]
    assert "尚未核对原件" in levels.propose(SHIPPED.criteria["earthquake"], {}).reasons[-1]
    assert "尚未核对原件" not in levels.propose(SHIPPED.criteria["production"], {"deaths": 3}).reasons[-1]


def test_an_event_below_all_criteria_is_ordinary() -> None:
    proposal = levels.propose(SHIPPED.criteria["production"], {})
    assert (proposal.level, proposal.reasons[0]) == (4, "未达到较大标准")


def test_levels_that_are_regulated_locally_are_told_when_nothing_else_is_reached() -> None:
    proposal = levels.propose(SHIPPED.criteria["supply"], {"households": 29_999, "hours": 100})
    assert proposal.level == 4
    assert proposal.reasons[:2] == ("未达到重大标准", "较大标准由地方规定,尚未写入,请人工判断")


def test_a_security_event_may_stay_without_a_level() -> None:
    proposal = levels.propose(SHIPPED.criteria["crowd"], {"people": 999})
    assert (proposal.level, proposal.reasons[0]) == (None, "未达到重大标准,可以不定级")


def test_criteria_with_no_grave_level_ask_a_person_to_judge() -> None:
    proposal = levels.propose(Criteria("本地", "本地预案", {4: [{"deaths": 1}]}), {})
    assert proposal.level == 4
    assert proposal.reasons[0] == "特别重大、重大、较大标准由地方规定,尚未写入,请人工判断"


def test_every_type_of_event_has_criteria() -> None:
    assert {one.criteria for one in kinds.KINDS.values()} == set(SHIPPED.criteria)


@given(ANY_SET, good_facts(), st.data())
def test_raising_or_adding_a_fact_never_makes_the_level_less_grave(name: str, facts: dict[str, Any], data: st.DataObject) -> None:
    fact = data.draw(st.sampled_from(sorted(FACTS)))
    kind, before = FACTS[fact], facts.get(fact)
    higher: st.SearchStrategy[Any]
    if kind.choices:
        choices = list(kind.choices)
        higher = st.sampled_from(choices[choices.index(before) if before else 0 :])
    elif kind.whole:
        higher = st.integers(before or 0, int(kind.most))
    else:
        higher = st.floats(before or 0, kind.most)
    less = levels.propose(SHIPPED.criteria[name], facts)
    more = levels.propose(SHIPPED.criteria[name], {**facts, fact: data.draw(higher)})
    assert grave(more.level) >= grave(less.level)


@given(good_facts())
def test_good_facts_stay_as_they_are(facts: dict[str, Any]) -> None:
    assert levels.check(facts) == facts


def test_whole_numbers_lose_their_point_and_facts_their_order() -> None:
    found = levels.check({"spread": "city", "loss_yuan": 3, "deaths": 3.0})
    assert [repr(one) for one in found.items()] == ["('deaths', 3)", "('loss_yuan', 3.0)", "('spread', 'city')"]


@pytest.mark.parametrize(
    ("facts", "field", "words"),
    [
        ({"deaths": -1}, "deaths", "死亡是负数"),
        ({"deaths": True}, "deaths", "死亡不是数字"),
        ({"deaths": "3"}, "deaths", "死亡不是数字"),
        ({"deaths": None}, "deaths", "死亡不是数字"),
        ({"deaths": 2.5}, "deaths", "死亡不是整数"),
        ({"deaths": 10**5000}, "deaths", "死亡超过合理的上限(1000000人)"),
        ({"loss_yuan": float("nan")}, "loss_yuan", "直接经济损失不是数字"),
        ({"loss_yuan": float("inf")}, "loss_yuan", "直接经济损失超过合理的上限(2000000000000元)"),
        ({"loss_yuan": float("-inf")}, "loss_yuan", "直接经济损失是负数"),
        ({"magnitude": 10.5}, "magnitude", "震级超过合理的上限(10级)"),
        ({"spread": "world"}, "spread", "波及范围不在可选范围"),
        ({"death": 1}, "facts", "定级数据中没有“death”"),
        ({"\ud800": 1}, "facts", "定级数据中没有这个名称"),
        ({3: 1}, "facts", "定级数据中没有这个名称"),
        ([], "facts", "定级数据不是键值表"),
    ],
)
def test_a_fact_that_cannot_be_is_refused_with_its_name_and_a_remedy(facts: Any, field: str, words: str) -> None:
    with pytest.raises(Invalid) as told:
        levels.check(facts)
    assert (told.value.facts["field"], told.value.what) == (field, words)
    assert told.value.remedy
    with pytest.raises(Invalid):
        levels.propose(SHIPPED.criteria["production"], facts)


def test_a_slip_in_a_name_is_answered_with_the_right_name() -> None:
    with pytest.raises(Invalid) as told:
        levels.check({"houshold": 1})
    assert told.value.remedy == "是否要写 households"


class Strange(enum.IntEnum):
    ONE = 1


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**400, 10**401)
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.text(st.characters(), max_size=60)
    | st.binary(max_size=5)
    | st.sampled_from([Strange.ONE, object(), "province", 0, 1, 3]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(0, 5), inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING | st.dictionaries(st.sampled_from(sorted(FACTS)) | st.text(st.characters()) | st.integers(), ANYTHING))
def test_whatever_is_sent_as_facts_is_taken_or_refused_with_a_remedy(facts: Any) -> None:
    try:
        found = levels.check(facts)
    except Invalid as error:
        assert error.what and error.remedy and error.facts["field"]
        (error.what + error.remedy).encode("utf-8")
    else:
        assert levels.check(found) == found
        for one in SHIPPED.criteria.values():
            levels.propose(one, found)


def test_all_faults_of_a_file_are_told_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    for before, after in [
        ("[{deaths: 30}, {injured: 100}", "[{deaths: -30}, {injurd: 100}"),
        ("name: 地震", "nam: 地震"),
        ("unverified: true", "unverified: 1"),
        ("phone: 1800", "phone: soon"),
    ]:
        assert before in text
        text = text.replace(before, after, 1)
    file = tmp_path / "levels.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadLevels) as told:
        levels.read(file)
    lines = text.split("\n")
    for one in told.value.problems:
        assert one.where == str(file) and one.line is not None
    places = {one.key: lines[(one.line or 0) - 1].strip() for one in told.value.problems}
    assert places.pop("criteria.earthquake.name") in ("earthquake:", "nam: 地震")
    assert {key: line.split(":")[0] for key, line in places.items()} == {
        "criteria.production.levels[1][0].deaths": "1",
        "criteria.production.levels[1][1].injurd": "1",
        "criteria.earthquake.nam": "nam",
        "criteria.earthquake.unverified": "unverified",
        "reporting.phone": "phone",
    }
    assert told.value.code == "levels.bad"
    assert len(told.value.facts["problems"]) == 6
    assert "有6处错误" in told.value.what


def test_a_file_that_is_missing_or_no_yaml_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadLevels, match=r"none\.yaml"):
        levels.read(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("criteria: [", encoding="utf-8")
    with pytest.raises(BadLevels, match=r"bad\.yaml"):
        levels.read(tmp_path / "bad.yaml")
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    with pytest.raises(BadLevels, match=r"empty\.yaml") as told:
        levels.read(tmp_path / "empty.yaml")
    assert [one.key for one in told.value.problems] == ["criteria", "reporting"]


def _production(value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data["criteria"]["production"]["levels"] = value

    return change


@pytest.mark.parametrize(
    ("given_levels", "key", "what"),
    [
        ({5: [{"deaths": 1}]}, "levels[5]", "没有这个键"),
        ({"1": [{"deaths": 1}]}, "levels.1", "没有这个键"),
        ({True: [{"deaths": 1}]}, "levels[True]", "没有这个键"),
        ({1.0: [{"deaths": 1}]}, "levels.1.0", "没有这个键"),
        ({}, "levels", "没有任何级别"),
        (None, "levels", "缺少这一部分"),
        ([], "levels", "不是键值表"),
        ({1: []}, "levels[1]", "不是列表,或者没有内容"),
        ({1: {"deaths": 1}}, "levels[1]", "不是列表,或者没有内容"),
        ({1: [{}]}, "levels[1][0]", "没有数值,任何事件都会达到"),
        ({1: ["deaths"]}, "levels[1][0]", "不是键值表"),
        ({1: [{"deaths": 0}]}, "levels[1][0].deaths", "死亡是0,任何事件都会达到"),
        ({1: [{"deaths": 1.5}]}, "levels[1][0].deaths", "死亡不是整数"),
        ({1: [{"deaths": 10**9}]}, "levels[1][0].deaths", "死亡超过合理的上限(1000000人)"),
        ({1: [{"spread": "world"}]}, "levels[1][0].spread", "波及范围不在可选范围"),
    ],
)
def test_a_fault_in_criteria_is_told_once_at_its_key(given_levels: Any, key: str, what: str) -> None:
    found = faults(changed(_production(given_levels)))
    assert {one: told for one, (told, _) in found.items()} == {f"criteria.production.{key}": what}


def test_a_level_in_quotes_is_answered_with_how_to_write_it() -> None:
    found = faults(changed(_production({"1": [{"deaths": 1}]})))
    assert found["criteria.production.levels.1"][1] == "是否要写 1(不加引号)"


@pytest.mark.parametrize(
    ("given_levels", "at"),
    [
        ({1: [{"deaths": 3}], 2: [{"deaths": 10}]}, (2, 0)),
        ({2: [{"deaths": 10}], 3: [{"injured": 1}, {"deaths": 10}]}, (3, 1)),
        ({1: [{"households": 3}], 2: [{"households": 5, "hours": 9}]}, (2, 0)),
        ({1: [{"deaths": 30}], 4: [{"deaths": 40}]}, (4, 0)),
        ({1: [{"spread": "city"}], 3: [{"spread": "province"}]}, (3, 0)),
    ],
)
def test_a_graver_level_that_is_reached_before_a_lesser_one_is_contradictory(given_levels: Any, at: tuple[int, int]) -> None:
    found = faults(changed(_production(given_levels)))
    level, index = at
    assert list(found) == [f"criteria.production.levels[{level}][{index}]"]
    assert "已经达到更重的级别" in found[f"criteria.production.levels[{level}][{index}]"][0]


@pytest.mark.parametrize(
    "given_levels",
    [
        {1: [{"households": 50, "hours": 24}], 2: [{"households": 100}], 3: [{"hours": 48}]},
        {1: [{"poisoned": 1}], 2: [{"deaths": 10}]},
        {2: [{"households": 9, "hours": 9}], 3: [{"households": 9}]},
    ],
)
def test_levels_that_ask_for_different_things_do_not_contradict(given_levels: Any) -> None:
    levels.parse(changed(_production(given_levels)))


@given(good_facts(), st.dictionaries(st.integers(1, 4), st.lists(good_facts().filter(bool), min_size=1, max_size=3), min_size=1))
def test_what_parses_never_has_an_alternative_that_can_decide_nothing(facts: dict[str, Any], given_levels: Any) -> None:
    try:
        rulebook = levels.parse(changed(_production(given_levels)))
    except BadLevels:
        return
    criteria = rulebook.criteria["production"]
    for level, alternatives in criteria.levels.items():
        for one in alternatives:
            assert levels.propose(criteria, one).level == level
    assert levels.propose(criteria, facts).level in (1, 2, 3, 4)


def test_a_set_that_events_need_must_be_there_and_no_other_may() -> None:
    def rename(data: Any) -> None:
        data["criteria"]["earthquakes"] = data["criteria"].pop("earthquake")

    found = faults(changed(rename))
    assert set(found) == {"criteria.earthquake", "criteria.earthquakes"}
    assert found["criteria.earthquakes"][1] == "是否要写 earthquake"


@given(ANYTHING, st.data())
def test_whatever_stands_anywhere_in_the_rules_is_taken_or_told(strange: Any, data: st.DataObject) -> None:
    rules = copy.deepcopy(PLAIN)
    at: Any = rules
    while True:
        key = data.draw(st.sampled_from(list(at))) if isinstance(at, Mapping) else data.draw(st.integers(0, len(at) - 1))
        if not isinstance(at[key], dict | list) or data.draw(st.booleans()):
            at[key] = strange
            break
        at = at[key]
    try:
        levels.parse(rules)
    except BadLevels as error:
        assert error.problems and all(one.key and one.remedy for one in error.problems)


@pytest.mark.parametrize("data", [None, [], "rules", 3, {}, {"criteria": None, "reporting": []}])
def test_rules_that_are_no_rules_are_told_without_what_follows_from_it(data: Any) -> None:
    assert len(faults(data)) <= 2


def test_grave_events_are_reported_and_sensitive_ones_whatever_their_level() -> None:
    assert [level for level in (1, 2, 3, 4, None) if levels.must_report(level, (), RULES)] == [1, 2, 3]
    assert all(levels.must_report(level, ("time",), RULES) for level in (1, 2, 3, 4, None))


def test_a_province_may_ask_for_ordinary_events_too() -> None:
    rules = levels.parse(changed(lambda data: data["reporting"].update(from_level=4))).reporting
    assert levels.must_report(4, (), rules)
    assert not levels.must_report(None, (), rules)


def test_a_county_skips_levels_for_the_gravest_events() -> None:
    city, province, nation = "市(州)人民政府应急办", "省人民政府应急办", "国务院应急平台"
    to = {level: levels.receivers(level, RULES, county=True).to for level in (1, 2, 3, None)}
    assert to == {1: (city, province, nation), 2: (city, province), 3: (city,), None: (city,)}
    to = {level: levels.receivers(level, RULES, county=False).to for level in (1, 2, 3, 4)}
    assert to == {1: (province, nation), 2: (province,), 3: (province,), 4: (province,)}


@pytest.mark.parametrize("level", [1, 2, 3, 4, None])
def test_emergency_management_and_fire_brigade_get_copies(level: int | None) -> None:
    for county in (True, False):
        assert levels.receivers(level, RULES, county=county).copies == ("应急管理部门", "消防救援队伍")


def test_nobody_is_told_twice() -> None:
    data = changed(lambda data: data["reporting"]["receivers"]["city"].update(to=["国务院应急平台", "省人民政府应急办"]))
    assert levels.receivers(1, levels.parse(data).reporting, county=False).to == ("国务院应急平台", "省人民政府应急办")


def test_a_report_is_phoned_within_half_an_hour_and_written_within_two() -> None:
    for level in (1, 2, 3, 4, None):
        assert (RULES.times[level].phone, RULES.times[level].written) == (1800, 7200)


def test_a_level_has_times_of_its_own_and_the_usual_ones_otherwise() -> None:
    data = changed(lambda data: data["reporting"].update(levels={1: {"phone": 1200, "written": 2400}}))
    times = levels.parse(data).reporting.times
    assert (times[1].phone, times[1].written, times[1].final) == (1200, 2400, times[None].final)
    assert times[2] == times[None]


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({"phone": 7201}, {"reporting.phone"}),
        ({"levels": {2: {"written": 1799}}}, {"reporting.levels[2].phone"}),
        ({"levels": {2: {"written": 0}}}, {"reporting.levels[2].written"}),
        ({"levels": {2: {"writen": 60}}}, {"reporting.levels[2].writen"}),
        ({"levels": {0: {}}}, {"reporting.levels[0]"}),
        ({"follow_up": True}, {"reporting.follow_up"}),
        ({"final": float("inf")}, {"reporting.final"}),
        ({"from_level": 5}, {"reporting.from_level"}),
        ({"from_level": True}, {"reporting.from_level"}),
        ({"copies": []}, {"reporting.copies"}),
        ({"copies": ["应急管理部门", 119]}, {"reporting.copies[1]"}),
        ({"basis": " "}, {"reporting.basis"}),
        ({"receivers": {"city": {"to": ["省"]}}}, {"reporting.receivers.county"}),
        (
            {"receivers": {"city": {"to": ["省"], "direct": {1: "国务院"}}, "county": {"to": [""]}}},
            {"reporting.receivers.city.direct[1]", "reporting.receivers.county.to[0]"},
        ),
    ],
)
def test_a_fault_in_the_rules_of_reports_is_told_at_its_key(change: dict[str, Any], keys: set[str]) -> None:
    assert set(faults(changed(lambda data: data["reporting"].update(change)))) == keys
