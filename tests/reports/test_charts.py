"""Charts: every text in its place, nothing told by colour alone, nothing left out in silence."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.reports import charts, numbers, scales, spans
from router.reports.document import Bar, BarChart, LineChart, Series, Span, SpanChart
from router.reports.svg import EM, WIDE
from router.reports.words import width
from tests.reports import LONG, ZONE, at

NAMES = st.one_of(st.sampled_from(["甲", LONG, LONG * 4, "Gas Company of Chuxiong", "WM@%" * 30, ""]), st.text(max_size=40))
Box = tuple[float, float, float, float, str]


def boxes(drawing: ElementTree.Element) -> list[Box]:
    """Left, right, top and bottom of every text outside the legend."""
    found = []
    for one in drawing.findall("text"):
        said = one.text or ""
        wide = width(said) * EM
        x = float(one.attrib["x"]) - {"start": 0.0, "middle": wide / 2, "end": wide}[one.attrib["text-anchor"]]
        y = float(one.attrib["y"])
        found.append((x, x + wide, y - EM * 0.85, y + EM * 0.2, said))
    return found


def check(drawings: Sequence[str]) -> None:
    """No text is cut off by the edge of its drawing or lies on another."""
    for drawing in map(ElementTree.fromstring, drawings):
        _, _, wide, high = map(float, drawing.attrib["viewBox"].split())
        assert wide == WIDE
        assert high <= 700
        found = boxes(drawing)
        for left, right, top, bottom, said in found:
            assert left >= -0.5 and right <= wide + 0.5 and top >= -0.5 and bottom <= high + 0.5, said
        for one, other in itertools.combinations([box for box in found if box[4].strip()], 2):
            across = min(one[1], other[1]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[2], other[2])
            assert across <= 0.5 or down <= 0.5, (one, other)


BARS = st.lists(
    st.builds(Bar, NAMES, st.none() | st.floats(0, 1e6), st.sampled_from(["", "超时4分10秒", "超时" * 30])), max_size=40
)


@given(BARS, st.none() | st.floats(0, 1e6), st.sampled_from(["count", "share", "seconds"]))
def test_bars_with_any_names_don_t_overlap(bars: list[Bar], limit: float | None, measure: str) -> None:
    check(charts.bars(BarChart("图", bars, measure, "件", limit), "c"))  # type: ignore[arg-type]


@st.composite
def line_charts(draw: st.DrawFn) -> LineChart:
    labels = draw(st.lists(NAMES, min_size=1, max_size=40))
    values = st.lists(st.none() | st.floats(0, 1e6), min_size=len(labels), max_size=len(labels))
    series = draw(st.lists(st.builds(Series, NAMES, values), max_size=8))
    measure = draw(st.sampled_from(["count", "share", "seconds"]))
    return LineChart("图", labels, series, measure, "件", draw(st.none() | st.floats(0, 1e6)))  # type: ignore[arg-type]


@given(line_charts())
def test_lines_with_any_names_don_t_overlap(chart: LineChart) -> None:
    check(charts.lines(chart, "c"))


MOMENTS = st.integers(0, 10**7).map(lambda seconds: at(8, 0) + dt.timedelta(seconds=seconds))
SPANS = st.lists(st.builds(Span, NAMES, MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS, NAMES), max_size=30)


@given(SPANS)
def test_spans_with_any_names_and_times_don_t_overlap(found: list[Span]) -> None:
    check(spans.spans(SpanChart("图", found), "c", ZONE))


def shown(drawings: Sequence[str]) -> str:
    return "".join(text for one in drawings for text in ElementTree.fromstring(one).itertext())


def test_a_long_name_is_shown_whole() -> None:
    [drawing] = charts.bars(BarChart("图", [Bar(LONG, 3)]), "c")
    assert LONG in "".join(one.text or "" for one in ElementTree.fromstring(drawing).findall("text"))


def test_a_drawing_tells_those_who_do_not_see_it_what_it_shows() -> None:
    [drawing] = charts.bars(BarChart("签收用时", [Bar("供水公司", 430, "超时")], measure="seconds"), "c")
    root = ElementTree.fromstring(drawing)
    named = {one.attrib["id"]: one.text for one in root.iter() if "id" in one.attrib and one.tag in ("title", "desc")}
    assert [named[key] for key in root.attrib["aria-labelledby"].split()] == ["签收用时", "供水公司 7分10秒 超时"]


def test_a_bar_that_is_late_is_hatched_and_says_so() -> None:
    [drawing] = charts.bars(BarChart("图", [Bar("甲", 3), Bar("乙", 5, "超时")]), "c")
    root = ElementTree.fromstring(drawing)
    assert ["url(#" in one.attrib["fill"] for one in root.findall("rect")] == [False, True]
    assert root.find(".//pattern").attrib["id"] in drawing.split("url(#")[1]  # type: ignore[union-attr]
    assert "5 超时" in shown([drawing])


def test_bars_are_as_long_as_their_amounts() -> None:
    [drawing] = charts.bars(BarChart("图", [Bar("甲", 10), Bar("乙", 40), Bar("丙", None)], limit=20), "c")
    root = ElementTree.fromstring(drawing)
    first, second = (float(one.attrib["width"]) for one in root.findall("rect"))
    assert second == pytest.approx(first * 4, abs=0.2)
    left = float(root.findall("rect")[0].attrib["x"])
    [limit] = root.findall("line")
    assert float(limit.attrib["x1"]) - left == pytest.approx(first * 2, abs=0.2)


def test_more_bars_than_a_page_holds_go_on_in_another_drawing() -> None:
    drawings = charts.bars(BarChart("图", [Bar(f"单位{number}", number) for number in range(60)]), "c")
    assert len(drawings) == 3
    assert all(f"单位{number}" in shown(drawings) for number in range(60))
    assert len({ElementTree.fromstring(one).attrib["aria-labelledby"] for one in drawings}) == 3


def test_lines_are_told_apart_without_colour() -> None:
    series = [Series(f"线{number}", [number, number + 1.0]) for number in range(charts.LINES)]
    [drawing] = charts.lines(LineChart("图", ["一", "二"], series), "c")
    dashes = [one.attrib.get("stroke-dasharray") for one in ElementTree.fromstring(drawing).findall("polyline")]
    assert len(set(dashes)) == charts.LINES


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    [drawing] = charts.lines(LineChart("图", list("一二三四五"), [Series("甲", [1, 2, None, 4, 5])]), "c")
    points = [one.attrib["points"].split() for one in ElementTree.fromstring(drawing).findall("polyline")]
    assert [len(run) for run in points] == [2, 2]


def test_what_goes_on_and_what_is_late_is_said_in_words() -> None:
    chart = SpanChart("图", [Span("甲", at(8, 0), at(8, 30), at(8, 20)), Span("乙", at(8, 10), None, at(8, 40))], until=at(9, 0))
    said = shown(spans.spans(chart, "c", ZONE))
    for words in ("08:00:00–08:30:00", "用时30分", "超时10分", "08:10:00起，未结束", "已用50分", "超时20分", "时限", "超时部分"):
        assert words in said


def test_the_late_part_of_a_span_begins_at_its_limit() -> None:
    chart = SpanChart("图", [Span("甲", at(8, 0), at(9, 0), at(8, 15))])
    root = ElementTree.fromstring(spans.spans(chart, "c", ZONE)[0])
    busy, late = ({key: float(one.attrib[key]) for key in ("x", "width")} for one in root.findall("rect"))
    assert late["x"] == pytest.approx(busy["x"] + busy["width"], abs=0.2)
    assert late["width"] == pytest.approx(busy["width"] * 3, abs=0.2)


def test_an_end_before_its_start_is_no_reason_to_fail() -> None:
    assert "-20秒" in shown(spans.spans(SpanChart("图", [Span("甲", at(8, 0, 20), at(8, 0))]), "c", ZONE))


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.sampled_from(["count", "share", "seconds"]), st.booleans())
def test_an_axis_has_room_for_all_amounts_and_few_marks(one: float, other: float, measure: str, whole: bool) -> None:
    marks = scales.amounts(min(one, other), max(one, other), measure, whole)  # type: ignore[arg-type]
    assert 2 <= len(marks) <= 8
    assert marks == sorted(set(marks))
    assert marks[0] <= min(one, other) + 1e-9
    assert marks[-1] >= max(one, other) - 1e-6 * max(one, other)


def test_marks_of_time_are_at_round_times_of_the_place() -> None:
    marks = list(scales.ticks(at(8, 5, 30), at(9, 10), 900, ZONE))
    assert [one.astimezone(ZONE).strftime("%H:%M") for one in marks] == ["08:15", "08:30", "08:45", "09:00"]
    days = list(scales.ticks(at(8, 5), at(8, 5, day=3), 86400, ZONE))
    assert [one.astimezone(ZONE).strftime("%d %H") for one in days] == ["02 00", "03 00"]


def test_the_numbers_of_a_long_line_are_folded_side_by_side_and_all_there() -> None:
    table = numbers.of_lines(LineChart("图", [f"{day}日" for day in range(1, 32)], [Series("件数", list(range(31)))], unit="件"))
    assert (len(table.columns), len(table.rows)) == (6, 11)
    pairs = [(row[at], row[at + 1]) for at in (0, 2, 4) for row in table.rows if row[at]]
    assert pairs == [(f"{day}日", f"{day - 1}件") for day in range(1, 32)]
