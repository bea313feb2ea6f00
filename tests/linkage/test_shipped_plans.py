"""The plans that are shipped: for each type of event one, with the posts of the matrix, fit to be spoken and to be worked by."""

from __future__ import annotations

import functools
import re
from collections import Counter

import pytest

from config import settings
from router.catalog import files
from router.catalog.model import Catalog
from router.linkage.emergency.kinds import KINDS
from router.linkage.planning import plans
from router.linkage.planning.plans import Plan, Step
from telephony.speech import numbers, reading

FOLDER = settings.DEFAULT_FOLDER / "plans"
EACH = pytest.mark.parametrize("kind", KINDS)
LINES = {"110": "公安", "119": "消防", "120": "卫健", "122": "交管"}
"""Lines, and the kind of agency that each belongs to."""
COMMANDER = "指挥长"
UTILITIES = {"供水", "供电", "燃气", "供热"}
TEAMS = {"综合消防", "国家级", "省市区域", "社会", "专业"}
PARTS = {"主": "lead", "配": "assist", "知": "inform"}

COLUMNS = ("110", "119", "120", "122", "供水", "供电", "燃气", "供热", "应急")
MATRIX = """
    fire              配 主 配 配 配 配 配 知 知主3 | 住建配 | 卫健配3 街道配3 民政配3 指挥长主2
    gas-leak          主 主 配 配 -  配 主 -  知    | 住建配 | 卫健配3 街道配3 民政配3 指挥长主2
    hazardous-goods   主 主 主 主 配 配 配 -  主    | 生态环境配 交通运输配 | 街道配3 民政配3 卫健配3 教育配3 指挥长主2
    collapse          配 主 主 配 -  配 -  -  主    | 住建配 自然资源配 交通运输配 | 燃气配3 卫健配3 街道配3 民政配3 指挥长主2
    traffic-accident  主 配 主 主 -  -  -  -  知    | 交通运输配 | 卫健配3 教育配3 指挥长主2
    flooding          主 主 配 主 配 主 配 -  主    | 水务配 城管配 | 政务服务配 街道配3 民政配3 交通运输配3 教育知3 指挥长主2
    earthquake        主 主 主 主 主 主 主 配 主    | 通信配 民政配 卫健配 | 政务服务配 指挥长知主3 住建配3 自然资源配3 水务配3 \
                      交通运输配3 教育配3 街道配3
    landslide         主 主 配 主 -  配 -  -  主    | 自然资源配 交通运输配 | 街道配 民政配 水务配3 通信配3 卫健配3 指挥长主2
    forest-fire       配 主 配 配 -  配 -  -  主    | 自然资源配 | 街道配 民政配 卫健配3 生态环境配3 通信配3 指挥长主2
    water-cut         配 配 知 -  主 知 -  -  知    | 水务配 住建配 | 城管配3 园林配3 卫健配3 教育知3 政务服务配3 指挥长主2
    power-cut         配 配 配 配 配 主 配 配 知    | 发改配 | 通信配3 卫健配3 市场监管配3 交通运输配3 政务服务配3 指挥长主2
    heat-cut          配 配 配 配 -  -  -  主 知    | 住建配 | 街道配3 民政配3 供电知3 卫健配3 教育知3 政务服务配3 指挥长主2
    epidemic          配 -  主 -  知 -  -  -  知    | 卫健主 市场监管配 教育配 | 街道配3 交通运输配3 农业农村配3 指挥长主2
    crowd             主 配 配 配 -  -  -  -  知    | 人社配 街道配 | 住建配 教育配 卫健配 政务服务配 司法配3 指挥长知主3
    terror            主 配 主 配 -  -  -  -  知    | 广电配 | 卫健配 指挥长主 教育配3 交通运输配3 文旅配3 商务配3 供电配3 \
                      燃气配3 供水配3 通信配3
    lift              配 主 配 -  -  配 -  -  -     | 市场监管配 | 住建配3 应急知3 指挥长主2
    fallen            主 配 配 配 -  配 -  -  -     | 园林配 通信配 | 城管配 应急知3 街道配3 指挥长主2
"""
"""Who leads (主), joins (配) and is told (知), by the matrix of emergency events; a digit: only at this level or a graver one.

After the first stroke stands what the matrix names without a part under 其他, after the second what these plans add. For a body
that the catalog has no kind of stands the one that reaches it: 林草 自然资源, 能源 发改, 宣传网信 广电, 信访 街道.
"""

Part = tuple[str, str, int]


def parts(row: str) -> set[Part]:
    lines, others, added = row.split("|")
    cells = list(zip(COLUMNS, lines.split(), strict=True))
    cells += re.findall(r"(\S+?)([主配知]+\d?)(?:\s|$)", f"{others} {added}")
    return {(post, PARTS[part], int(level or 4)) for post, cell in cells for part, level in re.findall(r"([主配知])(\d?)", cell)}


def matrix() -> dict[str, set[Part]]:
    rows = (row.strip().split(maxsplit=1) for row in MATRIX.strip().splitlines())
    return {name: parts(row) for name, row in rows}


@functools.cache
def plan_of(kind: str) -> Plan:
    return plans.load(FOLDER / f"{kind}.yaml")


@functools.cache
def catalog() -> Catalog:
    return files.load(settings.DEFAULT_FOLDER / "catalog", "530100")


def speakable(text: str) -> bool:
    """Nothing but words, numbers and pauses: no addresses, brackets or quotation marks that a voice drops or stumbles on."""
    return re.fullmatch(r"[\u4e00-\u9fff0-9,。;:、?!]+", text) is not None


def steps_of(kind: str, *wanted: str) -> list[Step]:
    return [one for one in plan_of(kind).steps if one.part in wanted]


def test_each_type_of_event_has_exactly_one_plan() -> None:
    names = sorted(one.stem for one in FOLDER.glob("*.yaml"))
    assert names == sorted(KINDS)
    assert [plan_of(name).plan for name in names] == names
    assert Counter(kind for name in names for kind in plan_of(name).kinds) == dict.fromkeys(KINDS, 1)


def test_plans_are_told_apart_by_name_and_filing_number() -> None:
    assert len({plan_of(kind).name for kind in KINDS}) == len(KINDS)
    assert len({plan_of(kind).filing_number for kind in KINDS}) == len(KINDS)


@EACH
def test_who_leads_joins_and_is_told_is_what_the_matrix_says(kind: str) -> None:
    assert {(post, step.part, step.level) for step in plan_of(kind).steps for post in step.posts} == matrix()[kind]


@EACH
def test_nobody_leads_and_is_only_told_at_the_same_level(kind: str) -> None:
    leading, told = ({(post, one.level) for one in steps_of(kind, part) for post in one.posts} for part in ("lead", "inform"))
    assert leading & told == set()


@EACH
def test_the_leading_agency_is_asked_to_lead_at_once(kind: str) -> None:
    lead = plan_of(kind).lead
    leading = {post for one in steps_of(kind, "lead") if one.level == 4 and one.after == 0 for post in one.posts}
    assert lead in catalog().agency_kinds
    assert lead in leading | {LINES[post] for post in leading & LINES.keys()}


@EACH
def test_every_post_is_a_line_or_a_kind_of_agency(kind: str) -> None:
    plan = plan_of(kind)
    named = {post for step in plan.steps for post in step.posts} | {post for task in plan.tasks for post in task.posts}
    assert named - LINES.keys() - catalog().agency_kinds.keys() - {COMMANDER} == set()


@EACH
def test_a_task_goes_only_to_whom_a_step_has_told(kind: str) -> None:
    plan = plan_of(kind)
    for task in plan.tasks:
        told = {post for one in plan.steps if one.level >= task.level for post in one.posts}
        assert set(task.posts) <= told, task.text


@EACH
def test_the_commander_takes_over_at_graver_levels(kind: str) -> None:
    assert any(one.posts == [COMMANDER] and one.level >= 2 for one in steps_of(kind, "lead"))


@EACH
def test_what_gathers_callers_is_in_the_catalog(kind: str) -> None:
    gather = plan_of(kind).gather
    assert gather is not None
    assert set(gather.items) <= catalog().items.keys()
    assert set(gather.classes) <= catalog().classes.keys()
    assert len(gather.words) >= 5


def test_danger_gathers_from_few_callers_and_hardship_from_many() -> None:
    rules = {kind: plan_of(kind).gather for kind in KINDS}
    found = {kind: (one.count, one.within, one.radius) for kind, one in rules.items() if one is not None}
    assert found["fire"] == (3, 300, 1000)
    assert found["water-cut"] == (10, 1800, 3000)
    assert found["collapse"][0] == found["landslide"][0] == 2
    assert all(
        found[kind][0] <= 3 for kind in ("gas-leak", "hazardous-goods", "forest-fire", "crowd", "terror", "lift", "fallen")
    )
    assert all(found[kind][0] >= 10 for kind in ("flooding", "earthquake", "power-cut", "heat-cut"))


@EACH
def test_the_answer_can_be_spoken(kind: str) -> None:
    answer = plan_of(kind).answer
    assert len(answer) <= 300
    assert speakable(answer)
    said = reading.spoken(answer)
    assert all(numbers.digits(number) in said for number in re.findall(r"\d+", answer)), said


@EACH
def test_the_answer_says_what_not_to_do_and_who_tells_the_news(kind: str) -> None:
    answer = plan_of(kind).answer
    assert "不要" in answer
    assert re.search(r"以[^。]+为准|由[^。]+发布", answer)


@EACH
def test_the_answer_promises_no_times(kind: str) -> None:
    assert (
        re.findall(
            r"[\d一二两三四五六七八九十半几]+个?(?:分钟|小时|钟头|天)|今天|今晚|明天|尽快(?:恢复|修)", plan_of(kind).answer
        )
        == []
    )


@EACH
def test_tasks_can_be_spoken_after_a_polite_beginning(kind: str) -> None:
    texts = [one.task for one in plan_of(kind).steps] + [one.text for one in plan_of(kind).tasks]
    assert [text for text in texts if not speakable(text) or len(text) > 100 or not text.endswith("。")] == []
    assert [one.key for one in plan_of(kind).steps if one.task.startswith(("请", "你"))] == []


@EACH
def test_who_is_only_told_reads_it_first_and_is_rung_when_nobody_signed(kind: str) -> None:
    for one in steps_of(kind, "inform"):
        assert one.channels["desk"] == 0
        assert one.channels["phone"] == one.sign
        assert (one.send_out, one.arrive, one.feedback) == (None, None, None)


@EACH
def test_who_must_act_is_rung_at_once_and_reports_after_arriving(kind: str) -> None:
    for one in steps_of(kind, "lead", "assist"):
        assert one.channels["phone"] == 0, one.key
        assert one.feedback is not None, one.key
        assert one.arrive is None or one.feedback >= one.arrive, one.key


@EACH
def test_lines_sign_within_three_minutes_and_set_out_within_ten(kind: str) -> None:
    for one in steps_of(kind, "lead", "assist"):
        if LINES.keys() & set(one.posts):
            assert one.sign <= 180, one.key
            assert one.send_out is None or one.send_out <= 600, one.key


@pytest.mark.parametrize("kind", [one for one in KINDS if one not in ("earthquake", "landslide", "forest-fire")])
def test_utilities_are_there_within_45_minutes_where_the_way_is_not_far(kind: str) -> None:
    going = [one for one in steps_of(kind, "lead", "assist") if UTILITIES & set(one.posts)]
    assert [one.key for one in going if one.arrive is None or not 1800 <= one.arrive <= 2700] == []


@EACH
def test_posts_asked_in_turn_are_asked_until_one_takes_it(kind: str) -> None:
    for one in plan_of(kind).steps:
        if one.order == "in-turn":
            assert one.acks == 1 < len(one.posts), one.key


def test_teams_are_looked_for_by_the_five_kinds_there_are() -> None:
    sought = {sort for kind in KINDS for one in plan_of(kind).resources if one.kind == "team" for sort in one.sorts}
    assert sought == TEAMS
    assert all(any(one.kind == "team" for one in plan_of(kind).resources) for kind in KINDS)


def test_sensitive_events_are_reported_by_telephone_whatever_their_level() -> None:
    for kind in ("crowd", "terror"):
        phone = plan_of(kind).reports.phone
        assert phone is not None and phone <= 1800
