"""Text that no file may hold, and how it is broken into lines."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.reports import words

ANY = st.text(st.characters(codec=None), max_size=200)


@given(ANY)
def test_any_cleaned_text_can_stand_in_a_file(text: str) -> None:
    clean = words.clean(text)
    escaped = clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert ElementTree.fromstring(f"<a>{escaped}</a>".encode()).text == (clean or None)
    assert words.clean(clean) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("楚雄\x00市", "楚雄�市"),
        ("一\r\n二\r三\v四\u2028五", "一\n二\n三\n四\n五"),
        ("\ud83d\ude00", "😀"),
        ("坏\ud83d", "坏�"),
        ("甲\u202e乙", "甲�乙"),
        ("\ufffe\U0010ffff", "��"),
        ("<&>", "<&>"),
    ],
)
def test_what_does_not_belong_in_a_file_is_shown_as_missing(text: str, clean: str) -> None:
    assert words.clean(text) == clean


def test_a_text_without_end_is_cut_and_says_so() -> None:
    clean = words.clean("长" * 1_000_000)
    assert len(clean) <= words.LONGEST
    assert words.clean(clean) == clean
    assert clean.endswith("……（原文共1000000字，以下从略）")


@given(ANY, st.floats(3, 20), st.integers(1, 6))
def test_lines_are_no_wider_and_no_more_than_asked(text: str, ems: float, most: int) -> None:
    lines = words.wrap(text, ems, most)
    assert 1 <= len(lines) <= most
    assert all(words.width(line) <= ems for line in lines)


@given(st.text(st.characters(categories=["Lo", "Nd"]), max_size=60))
def test_a_text_that_fits_is_all_there(text: str) -> None:
    assert "".join(words.wrap(text, 10, 20)) == text


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert words.wrap("楚雄彝族自治州生态环境局", 5, 2) == ["楚雄彝族自", "治州生态…"]


def test_words_and_numbers_stay_whole_and_no_line_begins_with_a_comma() -> None:
    assert words.wrap("中国石油 Gas Company", 9, 3) == ["中国石油 Gas", "Company"]
    assert words.wrap("燃气公司、供水公司", 4, 3) == ["燃气公", "司、供水", "公司"]
