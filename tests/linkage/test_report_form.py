"""The form of a report to the higher level: what it must say, how it is numbered, how it reads."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import Invalid
from router.linkage.emergency import report_form
from router.linkage.emergency.report_form import FIELDS, KINDS

AT = dt.datetime(2026, 11, 25, 23, 7, tzinfo=dt.UTC)
FULL = {kind: {name: f"{one.label}已知" for name, one in FIELDS.items() if kind in one.needed} for kind in KINDS}
EACH = pytest.mark.parametrize("kind", KINDS)


def test_a_first_report_has_the_fields_that_the_form_asks_for() -> None:
    assert [FIELDS[name].label for name in FULL["first"]] == [
        "接报时间", "信息来源", "事发时间", "事发地点", "事件性质", "影响范围", "伤亡和损失", "发展趋势", "领导到位情况",
        "已采取的措施",
    ]  # fmt: skip
    assert [FIELDS[name].label for name in FULL["follow-up"]] == ["最新进展"]
    assert [FIELDS[name].label for name in FULL["final"]] == ["伤亡和损失", "事件原因", "处置结果"]


@EACH
def test_a_report_with_all_that_is_needed_is_taken(kind: str) -> None:
    assert report_form.check(kind, FULL[kind]) == FULL[kind]


@EACH
def test_all_that_is_missing_is_told_at_once_by_its_label(kind: str) -> None:
    with pytest.raises(Invalid) as told:
        report_form.check(kind, {})
    assert told.value.facts["missing"] == list(FULL[kind])
    assert told.value.facts["field"] == next(iter(FULL[kind]))
    assert all(FIELDS[name].label in told.value.what for name in FULL[kind])
    assert told.value.what.startswith(KINDS[kind])
    assert "正在核实" in told.value.remedy


@pytest.mark.parametrize("empty", ["", "  \n", None, 3, []])
def test_a_field_without_words_is_missing(empty: object) -> None:
    with pytest.raises(Invalid) as told:
        report_form.check("follow-up", {"progress": empty})
    assert told.value.facts["missing"] == ["progress"]


def test_a_field_of_another_kind_of_report_may_be_filled_as_well() -> None:
    found = report_form.check("follow-up", {"progress": "已关阀", "advice": "继续监测", "cause": " "})
    assert found == {"advice": "继续监测", "progress": "已关阀"}


def test_a_field_that_the_form_does_not_have_is_refused() -> None:
    with pytest.raises(Invalid) as told:
        report_form.check("first", {**FULL["first"], "colour": "红"})
    assert (told.value.facts["field"], "colour" in told.value.what) == ("colour", True)
    assert "place" in told.value.facts["allowed"]


def test_a_field_that_is_too_long_is_refused_by_its_label() -> None:
    assert report_form.check("follow-up", {"progress": "字" * report_form.LONGEST})
    with pytest.raises(Invalid) as told:
        report_form.check("follow-up", {"progress": "字" * (report_form.LONGEST + 1)})
    assert told.value.facts["field"] == "progress"
    assert "最新进展" in told.value.what


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "一"), (9, "九"), (10, "十"), (11, "十一"), (20, "二十"), (21, "二十一"), (99, "九十九"), (100, "100"), (0, "0")],
)
def test_numbers_are_written_as_in_a_heading(number: int, said: str) -> None:
    assert report_form.numeral(number) == said


def test_follow_up_reports_are_numbered_and_the_others_are_not() -> None:
    assert [report_form.title("follow-up", serial) for serial in (1, 2, 12)] == ["续报一", "续报二", "续报十二"]
    assert (report_form.title("first", 0), report_form.title("final", 0)) == ("初报", "终报")


def test_times_are_written_in_24_hours_of_this_country() -> None:
    assert report_form.moment(AT) == "2026年11月26日07时07分"


def test_a_report_reads_as_a_letter_in_the_order_of_the_form() -> None:
    said = report_form.text(
        "人民路燃气泄漏", "follow-up", 2, {"progress": "已关阀", "advice": "继续监测"}, ["省应急厅", "省政府"], ["市卫健委"], AT
    )
    assert said.split("\n") == [
        "关于人民路燃气泄漏的报告(续报二)",
        "",
        "省应急厅、省政府:",
        "",
        "下一步建议:继续监测",
        "最新进展:已关阀",
        "",
        "报送时间:2026年11月26日07时07分",
        "抄报:市卫健委",
    ]


def test_a_report_without_receivers_and_copies_has_no_empty_lines_for_them() -> None:
    said = report_form.text("火灾", "first", 0, {"place": "南屏街"}, [], [], AT)
    assert said == "关于火灾的报告(初报)\n\n事发地点:南屏街\n\n报送时间:2026年11月26日07时07分"


ANYTHING = st.none() | st.integers() | st.text(st.characters(), max_size=30) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=9), ANYTHING))
def test_whatever_is_filled_in_is_taken_or_refused_with_its_field(kind: str, fields: dict[str, Any]) -> None:
    try:
        found = report_form.check(kind, fields)
    except Invalid as error:
        assert error.what and error.remedy
        assert error.facts["field"] in {*FIELDS, *(name[:40] for name in fields)}
    else:
        assert set(FULL[kind]) <= set(found) <= set(fields)
        assert all(text and text == text.strip() for text in found.values())
