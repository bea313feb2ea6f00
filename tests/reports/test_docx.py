"""The document: opened again by another library, read, and held against the schema's order of elements."""

from __future__ import annotations

import datetime as dt
import io
import re
import time
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

import docx as library
from docx.document import Document as Opened
from docx.enum.style import WD_STYLE_TYPE
from hypothesis import given, settings
from hypothesis import strategies as st

from router.reports import docx
from router.reports.document import (
    Bar,
    BarChart,
    Column,
    Document,
    Facts,
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
from tests.reports import LONG, at, report, review

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def opened(document: Document) -> Opened:
    return library.Document(io.BytesIO(docx.render(document)))


def part(document: Document, name: str) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(docx.render(document))) as archive:
        return ElementTree.fromstring(archive.read(name))


def said(file: Opened) -> list[str]:
    """Paragraphs and cells in the order in which they are read."""
    found = []
    for block in file.iter_inner_content():
        if hasattr(block, "rows"):
            found += [cell.text for row in block.rows for cell in row.cells]
        else:
            found.append(block.text)
    return found


def test_everything_that_a_report_says_is_in_the_document() -> None:
    text = said(opened(review()))
    for words in (
        "“12·1”燃气管道泄漏突发事件复盘报告",
        "初稿",
        "EV-20261201-0003",
        "2026年12月1日 18:30:05",
        "一、基本情况",
        "8时5分,110接报。",
        "13时42分,恢复供气。",
        "停供 1,283 户",
        "说明：时间取自系统记录。",
        "注意：供水公司未按时签收。",
        "2026年12月2日",
        "08:13:20",
        "供水公司签收 超时4分10秒\n改呼备用电话",
        "（二）过程",
        LONG,
        "2分55秒",
        "7分10秒 超时4分10秒",
        "竖线为签收时限（3分）。",
        "08:09:05–08:55:00\n用时45分55秒\n超时15分55秒\n途中遇管制",
        "08:13:20起，未结束\n已用56分40秒",
        "超时15分55秒",
        "67分53秒",
        "95.3%",
        "目标：95.0%",
        "1. 备用电话列为首呼",
        "· 附件另送",
    ):
        assert words in text, words


def test_every_page_says_the_notice_and_its_number() -> None:
    document = review()
    assert opened(document).sections[0].header.paragraphs[0].text == "演练"
    footer = part(document, "word/footer1.xml")
    assert [one.attrib[f"{W}instr"].strip() for one in footer.iter(f"{W}fldSimple")] == ["PAGE", "NUMPAGES"]
    assert "".join(footer.itertext()) == "第 1 页 共 1 页"


def test_paper_and_margins_are_those_of_official_documents() -> None:
    [section] = opened(review()).sections
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
    assert [round(one.cm, 1) for one in margins] == [3.7, 3.5, 2.8, 2.6]


def test_type_is_that_of_official_documents() -> None:
    styles = opened(review()).styles
    for name, face, size in (
        ("Normal", "仿宋_GB2312", 16),
        ("Title", "方正小标宋简体", 22),
        ("Heading 1", "黑体", 16),
        ("Report Cell", "宋体", 10.5),
    ):
        style = styles[name]
        assert style.font.size.pt == size
        assert style.element.rPr.rFonts.attrib[f"{W}eastAsia"] == face
    fonts = part(review(), "word/fontTable.xml")
    other = {one.attrib[f"{W}name"]: one.find(f"{W}altName") for one in fonts}
    assert other["仿宋_GB2312"].attrib[f"{W}val"] == "仿宋"  # type: ignore[union-attr]


def test_headings_are_headings_to_a_word_processor() -> None:
    found = [(one.style.name, one.text) for one in opened(review()).paragraphs if one.style.name.startswith("Heading")]
    assert found[:2] == [("Heading 1", "一、基本情况"), ("Heading 1", "二、处置时间线")]
    assert ("Heading 2", "（一）签收用时") in found


def test_the_same_report_gives_the_same_bytes() -> None:
    one, again = docx.render(review()), docx.render(review())
    assert one == again
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None


def test_the_file_says_who_made_it_and_when() -> None:
    properties = opened(review()).core_properties
    assert properties.created == properties.modified == dt.datetime(2026, 12, 1, 10, 30, 5, tzinfo=dt.UTC)
    assert properties.author == properties.last_modified_by == "楚雄州12345联动中心"
    assert properties.title == "“12·1”燃气管道泄漏突发事件复盘报告"


def test_nothing_is_left_of_the_template_that_the_library_begins_with() -> None:
    file = opened(review())
    with zipfile.ZipFile(io.BytesIO(docx.render(review()))) as archive:
        parts = {name for name in archive.namelist() if name.startswith(("word/", "docProps/")) and name.endswith(".xml")}
    assert parts == {f"word/{name}.xml" for name in PARTS} | {"docProps/core.xml"}
    assert file.core_properties.comments == ""
    assert {style.name for style in file.styles if style.type == WD_STYLE_TYPE.TABLE} == {
        "Normal Table",
        "Report Table",
        "Report Drawing",
    }


PARTS = ("document", "styles", "settings", "fontTable", "header1", "footer1")
ORDER = {
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl numPr pBdr shd tabs spacing ind jc outlineLvl",
    "rPr": "rStyle rFonts b bCs i color spacing sz szCs highlight u bdr shd lang",
    "tcPr": "tcW gridSpan vMerge tcBorders shd noWrap tcMar vAlign",
    "tblPr": "tblStyle tblW jc tblInd tblBorders shd tblLayout tblCellMar tblLook",
    "tbl": "tblPr tblGrid tr",
    "sectPr": "headerReference footerReference type pgSz pgMar cols docGrid",
    "style": "name basedOn next link uiPriority semiHidden unhideWhenUsed qFormat rsid pPr rPr tblPr",
    "styles": "docDefaults latentStyles style",
    "font": "altName panose1 charset family pitch sig",
    "settings": "zoom defaultTabStop characterSpacingControl compat themeFontLang",
    "tblBorders": "top left bottom right insideH insideV",
    "tblCellMar": "top left bottom right",
    "pBdr": "top left bottom right",
}
"""Children in the order of the schema (ECMA-376 part 1, annex A), which word processors insist on."""


def test_elements_stand_in_the_order_of_the_schema() -> None:
    checked = set()
    for name in PARTS:
        for one in part(review(), f"word/{name}.xml").iter():
            order = ORDER.get(one.tag.removeprefix(W), "").split()
            if order:
                places = [order.index(child.tag.removeprefix(W)) for child in one]
                assert places == sorted(places), (one.tag, [child.tag for child in one])
                checked.add(one.tag.removeprefix(W))
    assert checked == set(ORDER)


def test_every_part_has_a_type_and_every_relationship_leads_to_a_part() -> None:
    with zipfile.ZipFile(io.BytesIO(docx.render(review()))) as archive:
        names = set(archive.namelist())
        typed = re.findall(r'PartName="/([^"]+)"', archive.read("[Content_Types].xml").decode())
        assert set(typed) == {name for name in names if not name.endswith(".rels") and not name.startswith("[")}
        inner = archive.read("word/_rels/document.xml.rels").decode()
        targets = re.findall(r'Target="([^"]+)"', archive.read("_rels/.rels").decode())
        targets += [f"word/{one}" for one in re.findall(r'Target="([^"]+)"', inner)]
        assert set(targets) == set(typed)
        ids = dict(re.findall(r'Id="([^"]+)" Type="[^"]+/([^"/]+)"', inner))
    references = [one for one in part(review(), "word/document.xml").iter() if one.tag.endswith("Reference")]
    key = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    assert [ids[one.attrib[key]] for one in references] == ["header", "footer"]


def test_every_style_that_is_used_is_told() -> None:
    told = {one.attrib[f"{W}styleId"] for one in part(review(), "word/styles.xml").iter(f"{W}style")}
    used = set()
    for name in ("document", "header1", "footer1"):
        for tag in ("pStyle", "tblStyle"):
            used |= {one.attrib[f"{W}val"] for one in part(review(), f"word/{name}.xml").iter(f"{W}{tag}")}
    assert used >= {"Title", "Header", "Footer", "ReportTable"}
    assert used <= told, "a word processor sets what has an unknown style as running text"


def tables(document: Document) -> Iterator[ElementTree.Element]:
    yield from part(document, "word/document.xml").iter(f"{W}tbl")


def test_each_row_fills_the_width_of_its_table() -> None:
    many = 0
    for table in tables(review()):
        columns = [int(one.attrib[f"{W}w"]) for one in table.iter(f"{W}gridCol")]
        assert sum(columns) <= 8844
        for row in table.iter(f"{W}tr"):
            spans = [one.find(f"{W}tcPr/{W}gridSpan") for one in row.iter(f"{W}tc")]
            assert sum(1 if one is None else int(one.attrib[f"{W}val"]) for one in spans) == len(columns)
            many += 1
    assert many > 20


def fills(table: ElementTree.Element, row: int) -> list[tuple[str, int]]:
    """How a line of a drawing is filled: the kind of fill, and over how many steps."""
    found = []
    for cell in list(table.iter(f"{W}tr"))[row].findall(f"{W}tc")[1:-1]:
        shade, across = cell.find(f"{W}tcPr/{W}shd"), cell.find(f"{W}tcPr/{W}gridSpan")
        kind = "free" if shade is None else shade.attrib[f"{W}val"]
        found.append((kind, 1 if across is None else int(across.attrib[f"{W}val"])))
    return found


def test_bars_are_as_long_as_their_amounts_and_late_ones_striped() -> None:
    _, table = tables(report(BarChart("图", [Bar("甲", 12), Bar("乙", 48, "超时"), Bar("丙", None), Bar("丁", 0)])))
    assert fills(table, 0) == [("clear", 12), ("free", 36)]
    assert fills(table, 1) == [("diagStripe", 48)]
    assert fills(table, 2) == fills(table, 3) == [("free", 48)]


def test_a_span_is_striped_from_its_limit_on() -> None:
    chart = SpanChart("图", [Span("甲", at(8, 0), at(8, 48), at(8, 11, 30)), Span("乙", at(8, 24), at(8, 47, 30))])
    _, table = tables(report(chart))
    assert fills(table, 1) == [("clear", 12), ("diagStripe", 36)]
    assert fills(table, 2) == [("free", 24), ("clear", 24)]


def test_rows_are_whole_and_the_head_is_said_on_each_page() -> None:
    *_, table = tables(report(Table([Column("单位")], [["甲"], ["很长" * 2000]])))
    head, short, long = table.iter(f"{W}tr")
    assert head.find(f"{W}trPr/{W}tblHeader") is not None
    assert short.find(f"{W}trPr/{W}cantSplit") is not None
    assert long.find(f"{W}trPr/{W}cantSplit") is None, "a row that is higher than a page has to be cut"


def test_what_matters_is_in_bold_and_framed_and_not_only_coloured() -> None:
    *_, table = tables(report(Table([Column("评价")], [["按时"], [Mark("超时")]])))
    _, plain, marked = table.iter(f"{W}tr")
    assert marked.find(f".//{W}bdr") is not None and marked.find(f".//{W}b") is not None
    assert plain.find(f".//{W}bdr") is None


def test_a_table_that_no_word_processor_could_open_is_cut_and_says_so() -> None:
    rows = [(f"行{number}", "<&>\x00") for number in range(100_000)]
    began = time.perf_counter()
    text = said_fast(report(Table([Column("号"), Column("字")], rows)))
    assert time.perf_counter() - began < 20
    assert f"行{docx.ROWS - 1}" in text and f"行{docx.ROWS}" not in text
    assert "本表共100000行，此处列出前5000行，全部内容见网页版报告。" in text


def test_a_wide_table_is_cut_before_it_fills_the_memory() -> None:
    rows = [[f"{number}行"] * 1000 for number in range(60)]
    text = said_fast(report(Table([Column("")] * 1000, rows)))
    assert "49行" in text and "50行" not in text
    assert "本表共60行，此处列出前50行，全部内容见网页版报告。" in text


def said_fast(document: Document) -> list[str]:
    return [one.text or "" for one in part(document, "word/document.xml").iter(f"{W}t")]


def test_texts_without_end_take_seconds() -> None:
    blocks = [
        Paragraph("长" * 5_000_000),
        Note("\n" * 1_000_000),
        Facts([("甲", "x" * 5_000_000)]),
        BarChart("图", [Bar("\u0301" * 1_000_000, 1)] * 1000),
        SpanChart("图", [Span("甲", at(8, 0), at(9, 0))] * 100_000),
    ]
    began = time.perf_counter()
    text = said_fast(report(*blocks))
    assert time.perf_counter() - began < 20
    assert "另有99800项未画出。" in "".join(text)


TEXT = st.text(st.characters(codec=None), max_size=30)


@given(TEXT, TEXT, TEXT)
@settings(max_examples=40)
def test_no_text_breaks_the_document(one: str, two: str, three: str) -> None:
    blocks = [
        Paragraph(one),
        Items([two]),
        Table([Column(three)], [[one], [Mark(two)]], title=three),
        BarChart(one, [Bar(two, 1, three)], unit=one, limit=1, limit_label=two),
        LineChart(one, [two], [Series(three, [1.0])]),
        SpanChart(three, [Span(two, at(8, 0), at(9, 0), note=one)]),
        Timeline([], title=two),
    ]
    file = opened(Document(one, at(8, 0), [Section(two, blocks)], three, [(one, two)], three, one))
    assert file.paragraphs[0].style.name == "Title"


def test_markup_and_line_feeds_in_a_text_are_shown_as_they_were_written() -> None:
    text = said(opened(report(Table([Column("字")], [["<w:p/> & \x00\ud800\n第二行"]]))))
    assert "<w:p/> & ��\n第二行" in text


def test_charts_without_data_say_so() -> None:
    text = said(opened(report(BarChart("图", []), SpanChart("图", []), LineChart("图", [], []), Timeline([]))))
    assert text.count("没有可画的数据。") == 2
    assert "没有数据" in text and "无" in text
