"""Unified social credit codes (GB 32100-2015)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.organisation import codes
from router.organisation.codes import ALPHABET, BadCreditCode


def test_published_codes_are_right() -> None:
    for code in ("91350100M000100Y43", "11100000000013127D", "91110000600037341L"):
        assert codes.check(code) == code


def test_blanks_small_and_wide_letters_are_put_right_but_not_how_it_is_registered() -> None:
    assert codes.check(" 91350100 m000100y43") == "91350100M000100Y43"
    assert not codes.is_credit_code("91350100m000100y43")
    assert codes.is_credit_code("91350100M000100Y43")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", "有0位"),
        ("91350100M000100Y4", "有17位"),
        ("91350100M000100Y44", "校验码“4”不符"),
        ("91350100MO00100Y43", "第10位“O”不会出现"),
        ("91350100M00010-Y43", "第15位“-”不会出现"),
        ("X1350100M000100Y43", "第1位“X”不是登记管理部门代码"),
        ("91A50100M000100Y43", "第3至8位应为行政区划数字"),
        ("字" * 500, "有500位"),
    ],
)
def test_what_is_wrong_is_told(code: str, told: str) -> None:
    with pytest.raises(BadCreditCode, match=told) as caught:
        codes.check(code)
    assert caught.value.remedy
    assert caught.value.facts == {"field": "code"}
    assert len(caught.value.what) < 100


@given(st.text(ALPHABET, min_size=8, max_size=8), st.integers(0, 17), st.sampled_from(ALPHABET))
def test_made_codes_are_right_and_one_wrong_character_is_noticed(body: str, place: int, other: str) -> None:
    code = codes.make("530111", body)
    assert codes.is_credit_code(code)
    wrong = code[:place] + other + code[place + 1 :]
    assert codes.is_credit_code(wrong) == (wrong == code)


def test_the_organisation_code_within_has_its_own_check_character() -> None:
    assert codes.make("530100", "D2143569")[8:17] == "D2143569X"
