"""The normal form of a text: what becomes alike, and where each character stood."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.text import slips
from classifier.text.normalise import HEAD, TAIL, normalise
from classifier.text.words import Words

_ANY = st.text(st.characters(exclude_categories=()), max_size=80)
_LIKELY = st.lists(st.sampled_from("着 火 報警110一二三四五啊啊啊!!\n\u200bＫｔＶ😀民警热线快来"), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ＫＴＶ着火了!", "ktv着火了!"),
        ("廚房著火了", "厨房著火了"),
        ("樓上漏水,物業不管", "楼上漏水,物业不管"),
        ("救 命 啊", "救命啊"),
        ("着\u200b火\ufeff了", "着火了"),
        ("please 来 人", "please 来人"),
        ("哈哈哈哈哈哈哈", "哈哈"),
        ("快来快来快来快来", "快来快来"),
        ("我的号码是幺三八零零幺三八", "我的号码是13800138"),
        ("一百二十三万四千", "一百二十三万四千"),
        ("厨房着伙了", "厨房着火了"),
        ("我妈云倒了", "我妈晕倒了"),
        ("", ""),
        ("  ", "  "),
    ],
)
def test_what_means_the_same_reads_the_same(written: str, read: str) -> None:
    assert normalise(written).full == read


@pytest.mark.parametrize("number", ["10000000", "111111", "一一一一一一一"])
def test_a_number_keeps_its_digits(number: str) -> None:
    assert len(normalise(f"电话{number}吧").full) == len(number) + 3


@pytest.mark.parametrize(
    ("written", "evidence"),
    [
        ("我要报警,有人打架", "我要,有人打架"),
        ("你好,110吗,楼下着火", "你好,吗,楼下着火"),
        ("打12345没人接", "打没人接"),
        ("警察同志,民警来过", "同志,来过"),
        ("住在110号楼", "住在110号楼"),
        ("骗了12345元", "骗了12345元"),
        ("烟雾报警器响了", "烟雾报警器响了"),
        ("报 警", ""),
    ],
)
def test_words_that_are_no_evidence_are_taken_out(written: str, evidence: str) -> None:
    assert normalise(written).text == evidence


def test_what_matters_is_mended_and_keeps_its_place() -> None:
    for wrong, right in slips.SLIPS.items():
        assert len(wrong) == len(right) and slips.mend(f"有{wrong}的") == slips.mend(f"有{right}的")


@given(_ANY | _LIKELY)
def test_places_map_back(text: str) -> None:
    plain = normalise(text)
    last = 0
    for at in range(len(plain.text)):
        start, end = plain.span(at, at + 1)
        assert last <= start < end <= len(text)
        last = start
    assert plain.span(0, len(plain.text))[1] <= len(text)
    full = [plain.span_of_full(at, at + 1) for at in range(len(plain.full))]
    assert full == sorted(full) and all(0 <= start < end <= len(text) for start, end in full)


@given(_ANY | _LIKELY)
def test_the_normal_form_is_its_own(text: str) -> None:
    once = normalise(text).full
    assert len(once) <= len(text)
    assert "\x00" not in once and "\u200b" not in once


@pytest.mark.parametrize("text", ["我家着火了快来救人啊", "请问公积金怎么提取,要什么材料?"])
def test_a_plain_text_is_left_as_it_is(text: str) -> None:
    plain = normalise(text)
    assert (plain.full, plain.text) == (text, text)
    assert plain.span(2, 4) == (2, 4) and plain.span(4, 4) == (4, 4)


def test_of_a_long_text_beginning_and_end_are_read() -> None:
    text = "".join(chr(0x4E00 + at % 5000) for at in range(50_000)) + "救命"
    plain = normalise(text)
    assert len(plain.full) <= HEAD + TAIL + 1
    start, end = plain.span(len(plain.text) - 2, len(plain.text))
    assert text[start:end] == "救命"


def test_words_of_the_domain_win() -> None:
    assert "电瓶车自燃" in Words(["电瓶车自燃"]).cut("楼下电瓶车自燃了")
    assert Words(["单"]).cut("") == []


@functools.cache
def _words() -> Words:
    return Words()


@given(_ANY)
def test_words_are_the_text(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert "".join(_words().cut(text)) == text
