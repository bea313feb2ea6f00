"""The page: opened by a strict parser, read, and looked at for what a reader or a printer would miss."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.reports import page
from router.reports.document import (
    Bar,
    BarChart,
    Block,
    Column,
    Document,
    Facts,
    Happening,
    Items,
    LineChart,
    Mark,
    Note,
    Paragraph,
    Section,
    Series,
    Span,
    SpanChart,
    Table,
    Timeline,
)
from router.reports.style import STYLE
from tests.reports import LONG, at, report, review


def opened(document: Document) -> ElementTree.Element:
    """The page as an XML parser reads it, which forgives nothing."""
    written = page.render(document)
    assert written.startswith("<!DOCTYPE html>\n")
    return ElementTree.fromstring(written.encode("utf-8"))


def said(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_everything_that_a_report_says_is_on_the_page() -> None:
    text = said(opened(review()))
    for words in (
        "“12·1”燃气管道泄漏突发事件复盘报告",
        "初稿",
        "演练",
        "EV-20261201-0003",
        "编制单位",
        "2026年12月1日 18:30:05",
        "一、基本情况",
        "三、各单位响应",
        "（二）过程",
        "停供 1,283 户",
        "说明：",
        "注意：供水公司未按时签收。",
        "2026年12月2日",
        "08:13:20",
        "超时4分10秒",
        "67分53秒",
        "备用电话列为首呼",
        "附件另送",
        "95.3%",
    ):
        assert words in text, words


def test_the_page_is_chinese_and_fetches_nothing() -> None:
    root = opened(review())
    assert root.attrib["lang"] == "zh-CN"
    assert root.find("head/meta[@charset='utf-8']") is not None
    tags = {one.tag for one in root.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for one in root.iter():
        for name, value in one.attrib.items():
            assert not name.startswith("on")
            assert "//" not in value
    assert not re.search(r"@import|url\(", STYLE)


TEXT = st.text(st.characters(codec=None), max_size=30)


@given(st.lists(TEXT, min_size=12, max_size=12))
def test_no_text_breaks_the_page_or_becomes_markup(texts: list[str]) -> None:
    plain, hostile = page.render(_all("字")), page.render(_all(*texts))
    root, expected = (ElementTree.fromstring(one.encode()) for one in (hostile, plain))
    loose = {"p", "text", "g", "line"}
    assert {one.tag for one in root.iter()} <= {one.tag for one in expected.iter()} | loose


def _all(*texts: str) -> Document:
    """A report with the texts in every place that takes one."""
    text = (texts * 12)[:12]
    blocks: list[Block] = [
        Paragraph(text[0]),
        Facts([(text[1], text[2])], title=text[3]),
        Note(text[4], "warn"),
        Items([text[5]]),
        Timeline([Happening(at(8, 0), text[9], text[10], text[11], late=text[0])], title=text[1]),
        Table([Column(text[6])], [[text[7]], [Mark(text[8])]], title=text[9]),
        BarChart(text[10], [Bar(text[11], 1, text[0])], unit=text[1], limit=1, limit_label=text[2]),
        LineChart(text[3], [text[4]], [Series(text[5], [1.0])]),
        SpanChart(text[6], [Span(text[7], at(8, 0), at(9, 0), at(8, 30), text[8])]),
    ]
    return Document(text[0], at(8, 0), [Section(text[1], blocks)], text[2], [(text[3], text[4])], text[5], text[6])


def test_markup_in_a_text_is_shown_as_it_was_written() -> None:
    root = opened(report(Paragraph("<script>alert(1)</script> & </p>"), title='"}</style><script>'))
    assert "<script>alert(1)</script> & </p>" in said(root)
    assert said(root.find("head/title")) == '"}</style><script>'  # type: ignore[arg-type]


def test_a_notice_cannot_leave_its_style_rule() -> None:
    document = Document("报告", at(8, 0), [], notice='演练"}</style><script>\\')
    style = said(opened(document).find("head/style"))  # type: ignore[arg-type]
    running = style.removeprefix(STYLE)
    assert re.fullmatch(r'@page \{ @top-right \{ content: "(\\[0-9a-f]+ )+"; [^"{}]* \} \}\n', running)
    letters = re.findall(r"\\([0-9a-f]+) ", running)
    assert "".join(chr(int(one, 16)) for one in letters) == document.notice


def test_lateness_is_said_and_framed_and_not_only_coloured() -> None:
    root = opened(review())
    marks = [said(one) for one in root.iter("strong") if one.attrib.get("class") == "mark"]
    assert marks == ["超时4分10秒", "超时15分55秒"]
    assert re.search(r"\.mark \{ border:", STYLE)


def test_tables_have_headers_that_say_what_they_head_and_scroll_by_keyboard() -> None:
    root = opened(report(Table([Column("单位", share=3), Column("用时", "right")], [["甲", "1"]], title="清单")))
    [region] = [one for one in root.iter("div") if one.attrib.get("role") == "region"]
    assert region.attrib["tabindex"] == "0"
    table = region.find("table")
    assert table is not None
    assert region.attrib["aria-labelledby"] == table.find("caption").attrib["id"]  # type: ignore[union-attr]
    assert [one.attrib["scope"] for one in table.findall("thead/tr/th")] == ["col", "col"]
    assert [one.attrib["style"] for one in table.findall("colgroup/col")] == ["width:75.00%", "width:25.00%"]
    assert [one.attrib["class"] for one in table.findall("tbody/tr/td")] == ["left", "right"]


def test_a_list_without_rows_says_so() -> None:
    root = opened(report(Table([Column("单位"), Column("用时")], [], empty="本月没有超时")))
    [cell] = [one for one in root.iter("td") if "colspan" in one.attrib]
    assert (said(cell), cell.attrib["colspan"]) == ("本月没有超时", "2")


@pytest.mark.parametrize("chart", [BarChart("甲图", []), SpanChart("甲图", []), LineChart("甲图", ["一"], [Series("x", [None])])])
def test_a_chart_without_data_says_so(chart: Block) -> None:
    assert "甲图\n没有可画的数据。" in said(opened(report(chart)))
    assert "无" in said(opened(report(Timeline([]))))


def test_bars_that_are_left_out_are_counted() -> None:
    text = said(opened(report(BarChart("图", [Bar("甲", 1)] * 203))))
    assert "另有3项未画出。" in text


def test_the_numbers_of_a_line_stand_below_it() -> None:
    root = opened(report(LineChart("图", ["一季度", "二季度"], [Series("甲", [0.5, None])], measure="share")))
    cells = [
        said(one) for one in root.iter("td") if "left" in one.attrib.get("class", "") or "right" in one.attrib.get("class", "")
    ]
    assert cells == ["一季度", "50.0%", "二季度", "—"]


def test_each_id_is_used_once() -> None:
    ids = [one.attrib["id"] for one in opened(review()).iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids)) > 8


def test_print_keeps_rows_whole_and_says_the_head_of_a_table_again() -> None:
    printed = STYLE[STYLE.index("@media print") :]
    assert re.search(r"tr[^{}]*\{ break-inside: avoid", printed)
    assert "thead { display: table-header-group }" in printed
    assert "@page { size: A4; margin: 37mm 26mm 35mm 28mm" in STYLE


def _bright(colour: str) -> float:
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_has_the_contrast_that_weak_eyes_need() -> None:
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", STYLE)
    checked = 0
    for selector, body in rules:
        ink = re.search(r"(?<![-\w])color: #([0-9a-f]+)", body)
        ground = re.search(r"background: #([0-9a-f]+)", body)
        if ink is None and (ground is None or "content:" in body or ".late::before" in selector):
            continue
        light = _bright(ground[1] if ground else "fff")
        dark = _bright(ink[1] if ink else "1a2129")
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector
        checked += 1
    assert checked >= 7


def test_a_hundred_thousand_rows_take_seconds() -> None:
    rows = [(f"行{number}", LONG, Mark("超时")) for number in range(100_000)]
    began = time.perf_counter()
    written = page.render(report(Table([Column("号"), Column("单位"), Column("评价")], rows)))
    assert time.perf_counter() - began < 20
    assert "行99999" in written


def test_texts_and_charts_without_end_take_seconds() -> None:
    blocks = [
        Paragraph("长" * 5_000_000),
        Note("\n" * 2_000_000),
        BarChart("图", [Bar("\u0301" * 1_000_000, 1)] + [Bar("甲", 1)] * 100_000),
        SpanChart("图", [Span("甲", at(8, 0), at(9, 0))] * 100_000),
        LineChart("图", ["一"] * 20_000, [Series("甲", [1.0] * 20_000)]),
    ]
    began = time.perf_counter()
    written = page.render(report(*blocks))
    assert time.perf_counter() - began < 20
    ElementTree.fromstring(written.encode())
    assert "原文共5000000字" in written
