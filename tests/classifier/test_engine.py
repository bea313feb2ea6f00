"""The engine as a whole: danger, routes, items, evidence, and texts that nobody meant for it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier import shipped
from classifier.corpus import files
from classifier.engine import ModelEngine
from classifier.knowledge import Knowledge, KnownItem
from classifier.text.normalise import normalise
from tests.allocation.parts import catalog, engine
from tests.classifier.plain_words import CALM, URGENT

ALARMS = 3
"""Of the calm sentences so many may alarm: a person who looks in vain costs less than one who is not sent."""
MISLED = 3
"""Of the urgent ones so many may be led by another line, if the right one is sent too."""


@pytest.mark.parametrize("words", [words for words, _ in URGENT])
def test_danger_is_found_and_who_sets_out_is_named(words: str) -> None:
    found = engine().judge(words)
    assert found.urgent, found.scores
    assert "110" in found.services and found.route in found.services
    assert any(one.weighs == "for" for one in found.evidence)


def test_the_line_that_leads_is_hardly_ever_another() -> None:
    led = [(words, engine().judge(words)) for words, _ in URGENT]
    wrong = [words for (words, found), (_, right) in zip(led, URGENT, strict=True) if found.route not in right.split()]
    assert len(wrong) <= MISLED, wrong
    for (words, found), (_, right) in zip(led, URGENT, strict=True):
        assert set(right.split()) & set(found.services), words


def test_what_is_no_danger_now_is_hardly_ever_taken_for_one() -> None:
    alarmed = [words for words in CALM if engine().judge(words).urgent]
    assert len(alarmed) <= ALARMS, alarmed


AGAINST = [
    ("没有人打架", "negated"),
    ("孩子要打架子鼓,正在打架子鼓", "trap"),
    ("去年这里着火,烧了两间房", "past"),
    ("有人打架是误会,不用来了", "withdrawn"),
    ("仓库起火已经扑灭", "over"),
    ("持刀抢劫判几年", "question"),
    ("听说那边有人打架", "hearsay"),
]


@pytest.mark.parametrize(("words", "why"), AGAINST)
def test_what_takes_a_dangers_force_stands_in_the_evidence(words: str, why: str) -> None:
    found = engine().judge(words)
    assert why in [one.rule.rsplit(".", 1)[1] for one in found.evidence if one.weighs == "against"], found.evidence


def test_what_takes_a_dangers_force_is_hardly_ever_overheard() -> None:
    assert sum(engine().judge(words).urgent for words, _ in AGAINST) <= 1


@pytest.mark.parametrize("words", ["着火了,看错了,是烧烤", "有人打架,是误会,不用来了", "我要跳楼,开玩笑的"])
def test_danger_taken_back_asks_for_a_call_back(words: str) -> None:
    found = engine().judge(words)
    assert (found.urgent, found.services, found.call_back) == (False, (), True)


def test_faint_danger_asks_for_a_call_back_and_for_no_more() -> None:
    verdicts = engine().judge_all([one.text for one in files.read("dev")])
    faint = [one for one in verdicts if not one.urgent and one.scores.get("urgent", 0) >= 0.125]
    assert len(faint) > 20 and all(one.call_back for one in faint)
    clear = [
        one for one in verdicts if not one.urgent and one.scores["urgent"] < 0.05 and one.route == "12345" and not one.evidence
    ]
    assert not any(one.call_back for one in clear)


def test_danger_that_comes_back_after_it_was_over_counts() -> None:
    assert engine().judge("火灭了一次,现在又着火了").urgent


def test_a_clause_that_is_denied_does_not_cover_the_next_one() -> None:
    found = engine().judge("没有着火,有人拿刀砍人")
    assert found.urgent and found.route == "110"
    assert {one.weighs for one in found.evidence} == {"for", "against"}


@pytest.mark.parametrize(
    ("words", "route"),
    [
        ("老板拖欠工资三个月,投诉", "12345"),
        ("身份证丢了怎么补办", "12345"),
        ("楼上漏水物业不管", "12345"),
        ("投诉民警上个月处理我的事态度恶劣", "12345"),
        ("工地夜间施工噪音扰民", "12345"),
        ("长期以来广场舞每天晚上放音响", "12345"),
        ("交通事故责任认定书什么时候出来", "12345"),
        ("有人在小区里聚众赌博", "110"),
        ("楼下现在还在唱歌放音响,吵得睡不着", "110"),
        ("我的电动车上个月被偷了", "110"),
        ("两车刚才追尾了,没有人受伤", "122"),
        ("阳台外面有个马蜂窝", "119"),
        ("谢谢你们", "guide"),
        ("给我讲个笑话", "guide"),
        ("", "unsure"),
        ("喂", "unsure"),
    ],
)
def test_words_without_hurry_go_to_who_would_sign_for_them(words: str, route: str) -> None:
    found = engine().judge(words)
    assert (found.urgent, found.route) == (False, route), found.scores


@pytest.mark.parametrize(
    ("words", "item"),
    [
        ("老板拖欠工资三个月了", "SX-001"),
        ("健身房关门了卡里的钱退不了", "SX-005"),
        ("公积金怎么提取", "SX-040"),
        ("路灯不亮好几天了", "SX-023"),
        ("占道经营没人管", "SX-021"),
    ],
)
def test_items_are_found_by_the_words_of_callers(words: str, item: str) -> None:
    found = engine().judge(words)
    assert found.items[0].item == item
    scores = [one.score for one in found.items]
    assert all(0 <= score <= 1 for score in scores) and scores == sorted(scores, reverse=True) and len(scores) <= 5
    assert found.agencies[0].agency == catalog().items[item].agencies[0]
    assert sum(one.score for one in found.agencies) <= 1.001


def test_what_a_list_does_not_have_is_not_named() -> None:
    known = Knowledge(items=(KnownItem("SX-001", ("人社",)),), classes=("12",), version="x")
    small = ModelEngine(shipped.load(), known)
    assert [one.item for one in small.judge("公积金怎么提取").items] in ([], ["SX-001"])
    assert small.judge("隔壁两口子打起来了,女的头都流血了").police_class == "12"
    none = ModelEngine(shipped.load(), Knowledge()).judge("厨房着火了,火很大")
    assert (none.items, none.agencies, none.police_class, none.urgent) == ((), (), "", True)


def test_a_retired_code_that_the_model_learnt_leads_to_the_item_that_took_its_place() -> None:
    words = "老板拖欠三个月工资不给"
    learnt = engine().judge(words).items[0]
    merged = (KnownItem("NEW-1", ("人社",), formerly=(learnt.item, "SX-002")),)
    found = ModelEngine(shipped.load(), Knowledge(items=merged)).judge(words)
    assert [one.item for one in found.items] == ["NEW-1"] and found.items[0].score >= learnt.score
    assert found.agencies[0].agency == "人社"


def test_a_verdict_names_engine_and_catalog() -> None:
    found = engine().judge("厨房着火了")
    assert (found.engine, found.catalog) == (shipped.load().version, catalog().version)
    assert 0 < found.confidence <= 1 and 0 < found.urgent_confidence <= 1


def test_words_that_break_off_ask_for_a_call_back() -> None:
    found = engine().judge("喂")
    assert (found.route, found.call_back) == ("unsure", True)


@pytest.mark.parametrize(
    "text", ["您好,我家厨房着火了", "您 好 ,厨 房 着 火 了", "110吗,報警,廚房着火了!!!", "救救救救救救我,他拿刀"]
)
def test_evidence_points_at_the_words_as_they_were_written(text: str) -> None:
    found = engine().judge(text)
    assert found.evidence and all(text[one.start : one.end] == one.text for one in found.evidence)


POLICE = re.compile(r"(?<!\d)(?:12345|110)(?!\d|号|万|元)|警察|民警|报警(?!器)|公安")


def _swapped(found: re.Match[str]) -> str:
    swap = {"110": "12345", "12345": "110", "警察": "民警", "民警": "警察", "报警": "12345", "公安": "警察"}
    return swap[found.group()]


def test_the_number_dialled_and_words_for_the_police_are_no_evidence() -> None:
    texts = [one.text for one in files.read("dev")]
    naming = [text for text in texts if POLICE.search(text)]
    others = [text for text in texts if not POLICE.search(text)][: 300 - len(naming)]
    pairs = [(text, POLICE.sub("", text)) for text in naming] + [(text, POLICE.sub(_swapped, text)) for text in naming]
    pairs += [
        (text, f"{word}{text}") for text, word in zip(others, ["110", "12345", "警察", "民警", "报警", "公安"] * 50, strict=False)
    ]
    assert len(naming) + len(others) >= 300
    before = engine().judge_all([text for text, _ in pairs])
    after = engine().judge_all([text for _, text in pairs])
    assert [
        (pair, (a.route, a.urgent), (b.route, b.urgent))
        for pair, a, b in zip(pairs, before, after, strict=True)
        if (a.route, a.urgent) != (b.route, b.urgent)
    ] == []


def test_many_texts_are_judged_as_each_alone() -> None:
    texts = [one.text for one in files.read("dev")[::25]]
    assert engine().judge_all(texts) == [engine().judge(text) for text in texts]
    assert engine().judge_all([]) == []


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from("火着救命打砍没有去年如果,。!\n 人我在刀现煤气味掉河里"), max_size=60).map("".join)
)
def test_no_text_is_too_strange(text: str) -> None:
    found = engine().judge(text)
    assert found == engine().judge(text)
    assert all(text[one.start : one.end] == one.text for one in found.evidence)
    assert not (found.urgent and found.route in ("12345", "guide", "unsure"))
    assert not found.urgent or "110" in found.services


@pytest.mark.parametrize(
    "text",
    [
        "\x00\x01\x02" * 100,
        "😀" * 1000,
        "\ud800着火了",
        "火" * 100_000,
        "着火了" * 33_000,
        "没有" * 50_000,
        "老人" * 50_000,
        "打" * 99_999 + "人",
        "孩子被" * 30_000,
        "a" * 100_000,
        "(" * 100_000,
        ",。" * 50_000,
        "拖欠工资" * 250_000,
        "着 火 了 " * 200_000,
    ],
    ids=range(14),
)
def test_hostile_text_is_judged_in_bounded_time(text: str) -> None:
    began = time.process_time()
    engine().judge(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("text", ["", "   ", "😀", "hello, there is a fire in my kitchen", "12345", "?!", "\n\t"])
def test_where_no_chinese_is_said_nothing_is_known(text: str) -> None:
    found = engine().judge(text)
    assert (found.route, found.urgent, found.services, found.items) == ("unsure", False, (), ())


def test_the_end_of_a_very_long_text_is_read_too() -> None:
    found = engine().judge("请问材料怎么交。" * 10_000 + "救命,厨房着火了")
    assert found.urgent and found.evidence[0].start > 79_000


def test_an_everyday_text_takes_little_time() -> None:
    texts = ["楼上漏水把我家天花板泡坏了,找物业说了好几次都没有人来修,希望有关部门帮忙协调处理一下"] * 50
    engine().judge(texts[0])
    began = time.process_time()
    for one in texts:
        engine().judge(one)
    assert (time.process_time() - began) / len(texts) < 0.01


@pytest.mark.parametrize("words", ["ＫＴＶ着火了!", "廚房着火了", "厨 房 着 火 了", "厨房着伙了", "厨\u200b房着火了"])
def test_the_same_words_written_otherwise_are_judged_alike(words: str) -> None:
    assert engine().judge(words).urgent, normalise(words)
