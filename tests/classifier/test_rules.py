"""The engine as a whole: routes without hurry, items, classes, and texts that nobody meant for it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.knowledge import Knowledge, KnownClass, KnownItem, KnownRule
from classifier.rules import RuleEngine
from tests.allocation.parts import catalog, engine


@pytest.mark.parametrize(
    ("words", "routes"),
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
def test_words_without_hurry_go_to_who_would_sign_for_them(words: str, routes: str) -> None:
    found = engine().judge(words)
    assert not found.urgent and found.route in routes.split(), found


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
    found = engine().judge(words).items
    assert found and found[0].item == item
    assert all(0 <= one.score <= 1 for one in found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_name_that_is_nearly_right_is_found() -> None:
    small = RuleEngine(Knowledge(items=(KnownItem("A", "住房公积金提取"), KnownItem("B", "占道经营"))))
    assert small.judge("住房公基金提取").items[0].item == "A"


def test_a_rule_points_to_its_usual_item() -> None:
    small = RuleEngine(Knowledge(items=(KnownItem("A", "劳动报酬"),), rules=(KnownRule("R", ("血汗钱",), ("A",)),)))
    assert small.judge("还我血汗钱").items[0].item == "A"


def test_the_class_is_the_finest_that_the_words_name() -> None:
    classes = (KnownClass("16", "灾害"), KnownClass("1601", "火灾", ("着火",)), KnownClass("1609", "森林火灾", ("山上着火",)))
    small = RuleEngine(Knowledge(classes=classes))
    assert small.judge("后面山上着火了").police_class == "1609"
    assert small.judge("厨房着火了").police_class == "1601"
    assert RuleEngine(Knowledge(classes=classes[:1])).judge("厨房着火了").police_class == "16"
    assert RuleEngine(Knowledge()).judge("厨房着火了").police_class == ""


def test_a_verdict_names_engine_and_catalog() -> None:
    found = engine().judge("厨房着火了")
    assert (found.engine, found.catalog) == (RuleEngine.version, catalog().version)
    assert 0 < found.confidence < 1 and 0 < found.urgent_confidence < 1


def test_evidence_points_at_the_words_as_they_were_written() -> None:
    text = "您好,我家厨房着火了"
    assert all(text[one.start : one.end] == one.text for one in engine().judge(text).evidence)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from("火着救命打砍没有去年如果,。!\n 人我在刀现煤气味掉河里"), max_size=60).map("".join)
)
def test_no_text_is_too_strange(text: str) -> None:
    found = engine().judge(text)
    assert found == engine().judge(text)
    assert all(text[one.start : one.end] == one.text for one in found.evidence)
    assert not (found.urgent and found.route in ("unsure", "guide"))


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
        "拖欠工资" * 25_000,
    ],
    ids=range(13),
)
def test_hostile_text_is_judged_in_bounded_time(text: str) -> None:
    began = time.process_time()
    engine().judge(text)
    assert time.process_time() - began < 2


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


def test_wide_characters_read_like_narrow_ones() -> None:
    assert engine().judge("ＫＴＶ着火了!").urgent
