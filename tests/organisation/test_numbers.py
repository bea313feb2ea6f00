"""One form for each number, so that a caller is recognised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.organisation import numbers
from router.organisation.numbers import BadNumber


@pytest.mark.parametrize(
    ("form", "ways"),
    [
        (
            "13812345678",
            [
                "13812345678",
                "138 1234 5678",
                "138-1234-5678",
                "+86 138 1234 5678",
                "008613812345678",
                "8613812345678",
                "013812345678",
                "138—1234—5678",
                "(+86)13812345678",
                "sip:+8613812345678@10.0.0.1;user=phone",
                "<sip:13812345678@trunk>",
                "tel:+86-138-1234-5678",
            ],
        ),
        (
            "087163123456",
            [
                "0871-63123456",
                "(0871)63123456",
                "0871 6312 3456",
                "+86 871 63123456",
                "+86 (0871) 6312-3456",
                "8687163123456",
                "63123456",
            ],
        ),
        (
            "087163123456-801",
            [
                "0871-63123456-801",
                "087163123456转801",
                "0871-63123456 转分机 801",
                "0871-63123456 ext. 801",
                "63123456#801",
                "tel:0871-63123456;ext=801",
            ],
        ),
        ("01062345678", ["010-62345678", "+861062345678"]),
        ("4008208820", ["400-820-8820", "400 8208820"]),
        ("12345", ["12345", "12345", "+8612345"]),
        ("8001", ["sip:8001@127.0.0.1"]),
        ("+85221234567", ["+852 2123 4567", "0085221234567"]),
    ],
)
def test_every_way_to_write_a_number_has_one_form(form: str, ways: list[str]) -> None:
    assert {way: numbers.normalise(way, city="530111") for way in ways} == dict.fromkeys(ways, form)


def test_a_landline_without_area_code_gets_that_of_its_city() -> None:
    assert numbers.normalise("2123456", city="532901") == "08722123456"
    assert numbers.normalise("63123456") == "63123456"
    assert [numbers.area_code(city) for city in ("530100", "530111", "532900", "110105", "999999")] == [
        "0871",
        "0871",
        "0872",
        "010",
        "",
    ]


@pytest.mark.parametrize("number", [None, "", " ", "-", "anonymous", "Anonymous", "sip:anonymous@anonymous.invalid", "匿名"])
def test_a_caller_who_shows_no_number_has_none(number: str | None) -> None:
    assert numbers.normalise(number) is None


@pytest.mark.parametrize(
    "number", ["1381234567", "138123456789", "12", "abc", "110;drop", "0871", "1" * 41, "+86", "13812345678 13912345678"]
)
def test_what_nobody_could_ring_is_refused_without_repeating_it(number: str) -> None:
    with pytest.raises(BadNumber) as caught:
        numbers.normalise(number)
    assert number not in caught.value.what
    assert caught.value.remedy


@given(st.text(max_size=60))
def test_a_form_is_its_own_form_and_nothing_else_comes_out(text: str) -> None:
    try:
        form = numbers.normalise(text)
    except BadNumber:
        return
    assert form is None or numbers.normalise(form) == form
