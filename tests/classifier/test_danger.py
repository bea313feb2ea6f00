"""The danger layer: which dangers words name, what takes a danger's force, and what says that it is now."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import danger
from classifier.context import Reading
from classifier.text.normalise import normalise
from tests.classifier.plain_words import URGENT

_LIKELY = st.lists(st.sampled_from("火着救命打砍没有去年如果,。!\n 人我在刀现煤气味掉河里"), max_size=60).map("".join)


def against(words: str) -> set[str | None]:
    return {hit.against for hit in danger.hits(normalise(words).text)}


def test_nearly_all_plain_dangers_are_named_and_stand() -> None:
    unnamed = [words for words, _ in URGENT if None not in against(words)]
    assert len(unnamed) <= len(URGENT) // 20, unnamed


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("没有人打架", "negated"),
        ("孩子要打架子鼓,正在打架子鼓", "trap"),
        ("去年这里着火,烧了两间房", "past"),
        ("我被人打伤,派出所立案以后没有下文", "handled"),
        ("有人打架是误会,不用来了", "withdrawn"),
        ("着火了,看错了,是烧烤", "withdrawn"),
        ("仓库起火已经扑灭", "over"),
        ("持刀抢劫判几年", "question"),
        ("万一着火怎么跑", "hypothetical"),
        ("楼道充电可能引发火灾", "hypothetical"),
        ("电影里有人被绑架", "fiction"),
        ("听说那边有人打架", "hearsay"),
    ],
)
def test_what_takes_a_dangers_force_is_named(words: str, why: str) -> None:
    found = against(words)
    assert why in found and None not in found


@pytest.mark.parametrize(
    "words", ["火灭了一次,现在又着火了", "没有着火,有人拿刀砍人", "不是着火,是有人砍人", "派出所去年管过,现在他又在打我"]
)
def test_what_takes_one_dangers_force_leaves_another_standing(words: str) -> None:
    assert None in against(words)


def test_what_is_denied_twice_does_not_stand() -> None:
    assert against("没有着火,没有人拿刀") == {"negated"}


def test_who_threatens_on_a_condition_still_threatens() -> None:
    assert None in against("再不发工资我就点汽油跟他们同归于尽")


def test_what_goes_on_now_is_told() -> None:
    assert any(hit.now for hit in danger.hits("现在正在打人"))
    assert not any(hit.now for hit in danger.hits("去年打人"))


def test_words_that_mean_danger_only_now_count_only_now() -> None:
    now, ever = (len(danger.hits(words)) for words in ("楼下现在正在打", "楼下经常在打"))
    assert now >= ever


def test_a_sentence_ends_at_its_sign() -> None:
    reading = Reading("早上好。厨房着火了!快来")
    low, high = reading.sentence(6, 8)
    assert reading.text[low:high] == "厨房着火了"


@given(st.text(max_size=200) | _LIKELY)
def test_no_text_is_too_strange(text: str) -> None:
    for hit in danger.hits(text):
        assert 0 <= hit.start < hit.end <= len(text)


@pytest.mark.parametrize("text", ["着火了" * 2_600, "没有" * 4_000, "打" * 7_999 + "人", "孩子被" * 2_600, ",。" * 4_000])
def test_hostile_text_is_read_in_bounded_time(text: str) -> None:
    began = time.process_time()
    danger.hits(text)
    assert time.process_time() - began < 1
