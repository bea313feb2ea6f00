"""Free text becomes words that can be spoken, and nothing else gets through to the synthesiser."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.speech import pinyin, reading
from telephony.speech.errors import Unspeakable
from telephony.speech.pieces import LONGEST_TEXT


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("拨打12345或110", "拨打幺二三四五或幺幺零"),
        ("119人到场，约120米", "一百一十九人到场，约一百二十米"),
        ("2人被困在2楼", "两人被困在二楼"),
        ("工号8001", "工号八零零幺"),
        ("2024-05-01 08:30", "二零二四年五月一日 八点三十分"),
        ("2024年有3.5%", "二零二四年有百分之三点五"),
        ("气温-5℃，3-5级风", "气温零下五摄氏度，三至五级风"),
        ("电话0871-63112345", "电话零八七幺，六三幺幺二三四五"),
        ("车牌云A12345", "车牌云A幺二三四五"),
        ("请按*号", "请按星号"),
        ("２０２４／５／１", "二零二四年五月一日"),
        ("12:00", "十二点整"),
        ("14:05", "十四点零五分"),
    ],
)
def test_figures_are_read_the_chinese_way(text: str, spoken: str) -> None:
    assert reading.spoken(text) == spoken


HOSTILE = [
    "<speak>您好<audio src='file:///etc/passwd'/></speak>",
    "您好 $(touch /tmp/pwned) `id` ; rm -rf / | cat && true",
    "--version 您好",
    "-f /etc/passwd 您好",
    "[[h@l'oU]] 您好",
    "您好\x00\x1b[31m\r\n\x07",
    "您好\u202e\ufeff\ud800",
    "{{7*7}} %s %n 您好",
    "您好 <mark name=\"x\"/><!ENTITY a 'b'>",
]

_ALLOWED_TEXT = re.compile(r"[㐀-鿿𠀀-𳎯〇A-Z，。！？；：、 ]+")
_ALLOWED_PINYIN = re.compile(r"[a-z1-5 ,.!?;]+")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_but_words_gets_through(text: str) -> None:
    spoken = reading.spoken(text)
    assert "您好" in spoken
    assert _ALLOWED_TEXT.fullmatch(spoken)
    said = pinyin.pinyin(spoken)
    assert "nin2 hao3" in said
    assert _ALLOWED_PINYIN.fullmatch(said)


@given(st.text(max_size=80) | st.text("0123456789-.:/%年月个人A< ,", max_size=40))
def test_any_text_is_spoken_safely_or_refused(text: str) -> None:
    try:
        spoken = reading.spoken(text)
    except Unspeakable:
        return
    assert _ALLOWED_TEXT.fullmatch(spoken)
    assert re.fullmatch(r"[a-z1-5 ,.!?;]*", pinyin.pinyin(spoken))


@pytest.mark.parametrize("text", ["", "   ", "\x00\x01", "😀😀", "，。！", "<br/>"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(Unspeakable, match="nothing"):
        reading.spoken(text)


def test_a_text_that_is_too_long_is_refused() -> None:
    reading.spoken("好" * LONGEST_TEXT)
    with pytest.raises(Unspeakable, match="too long"):
        reading.spoken("好" * (LONGEST_TEXT + 1))


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("重新接通", "chong2xin1 jie1 tong1"),
        ("重听", "chong2ting1"),
        ("银行行长", "yin2hang2 hang2zhang3"),
        ("绿色旅游", "lv4 se4 lv3 you2"),
        ("幺幺零报警服务台", "yao1 yao1 ling2 bao4jing3 fu2wu4tai2"),
        ("三点一四", "san1 dian3 yi1 si4"),
        ("云A", "yun2 ei1"),
        ("您好，请讲。", "nin2 hao3, qing3 jiang3."),
    ],
)
def test_characters_are_read_by_their_context(text: str, syllables: str) -> None:
    assert pinyin.pinyin(text) == syllables


def test_a_city_can_correct_the_reading_of_its_names() -> None:
    assert pinyin.pinyin("番禺区", {"番禺": "pan1 yu2"}).startswith("pan1yu2 ")
    assert pinyin.pinyin("六安", {"六安": "liu4 an1"}) == "liu4an1"
