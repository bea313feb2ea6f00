"""A report as an editable document (DOCX), set as official documents are (公文). Pure: same report, same bytes.

Bar and span charts are tables whose cells are filled: sharp in print, and the same whatever opens them, with any faces.
The amounts stand beside in words, so that nothing is told by a fill alone.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import count, groupby

from docx.document import Document as File
from docx.oxml.table import CT_Row, CT_Tc
from docx.oxml.xmlchemy import BaseOxmlElement

from router.reports import charts, docx_style, formats, numbers, spans
from router.reports import document as report
from router.reports.docx_style import WIDE, cell, edge, element, filled, grid, paragraph, row, run
from router.reports.words import clean

ROWS, _CELLS = 5000, 50_000
"""Rows of a table that are written, and cells, if it is wide: word processors stop answering over a longer one."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that an archive can tell; its files say no other."""
_PROPERTY = 255
"""Characters of a property that word processors accept."""
_MANY = 7
"""More columns than that are set in a smaller size."""
_UNITS = 48
"""Steps that a drawing has from left to right."""
_LABEL, _STEP, _SAID = 2500, 82, 2408


def render(document: report.Document) -> bytes:
    """The file."""
    file = docx_style.empty()
    made = document.made_at.astimezone(dt.UTC)
    about = file.core_properties
    about.title, about.author, about.comments = clean(document.title)[:_PROPERTY], clean(document.author)[:_PROPERTY], ""
    about.last_modified_by, about.language, about.created, about.modified = about.author, "zh-CN", made, made
    _running(file, document.notice)
    end = file.element.body.sectPr
    for block in _blocks(document):
        end.addprevious(block)  # in the library's own call, each would look for the end through all before it
    packed = _packed(file)
    del file.part._element  # parts hold each other: what is long would wait in memory for the collector
    return packed


def _running(file: File, notice: str) -> None:
    """The notice above each page and ``第 X 页 共 Y 页`` below, reckoned by whatever opens the document."""
    [section] = file.sections
    section.header.paragraphs[0]._p.append(run(notice))
    page, pages = (element("fldSimple", run("1"), instr=f" {name} ") for name in ("PAGE", "NUMPAGES"))
    section.footer.paragraphs[0]._p.extend([run("第 "), page, run(" 页 共 "), pages, run(" 页")])


def _packed(file: File) -> bytes:
    """The archive without the hour at which the library wrote it."""
    written, packed = io.BytesIO(), io.BytesIO()
    file.save(written)
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(packed, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            entry.date_time, entry.create_system = _EPOCH, 3
            after.writestr(entry, content)
    return packed.getvalue()


def _blocks(document: report.Document) -> Iterator[BaseOxmlElement]:
    yield paragraph(document.title, "Title")
    if document.subtitle:
        yield paragraph(document.subtitle, "Subtitle")
    yield from _facts(report.Facts(document.about()))
    for number, section in enumerate(document.sections, 1):
        yield paragraph(f"{formats.ordinal(number)}、{section.title}", "Heading1")
        headings = count(1)
        for block in section.blocks:
            yield from _block(block, document.zone, headings)


def _block(block: report.Block, zone: dt.tzinfo, headings: Iterator[int]) -> Iterator[BaseOxmlElement]:
    match block:
        case report.Heading():
            yield paragraph(f"（{formats.ordinal(next(headings))}）{block.text}", "Heading2")
        case report.Paragraph():
            yield from (paragraph(line) for line in clean(block.text).split("\n") if line.strip())
        case report.Facts():
            yield from _facts(block)
        case report.Table():
            yield from _table(block)
        case report.Timeline():
            yield from _timeline(block, zone)
        case report.BarChart(bars=[]) | report.SpanChart(spans=[]):
            yield from (paragraph(block.title, "Caption"), paragraph("没有可画的数据。", "ReportCell"))
        case report.BarChart():
            yield from _bars(block)
        case report.LineChart():
            table = numbers.of_lines(block)
            yield from _table(report.Table(table.columns, table.rows, title=block.title, empty="没有数据"))
            if block.limit is not None:
                yield paragraph(f"{block.limit_label}：{formats.measured(block.limit, block.measure, block.unit)}", "ReportSmall")
        case report.SpanChart():
            yield from _over_time(block, zone)
        case report.Note():
            yield paragraph(f"{'注意' if block.kind == 'warn' else '说明'}：{block.text}", "ReportNote")
            yield paragraph("", "ReportGap")
        case report.Items():
            yield from (paragraph(f"{at}. {one}" if block.ordered else f"· {one}") for at, one in enumerate(block.items, 1))
        case report.PageBreak():
            low = element("pPr", element("pStyle", val="ReportGap"))  # so that it seldom falls on a page of its own
            yield element("p", low, element("r", element("br", type="page")))


def _set(title: str, table: BaseOxmlElement, remark: str = "") -> Iterator[BaseOxmlElement]:
    """A table between its title and a remark; the gap also keeps two tables from growing into one."""
    if title:
        yield paragraph(title, "Caption")
    yield table
    if remark:
        yield paragraph(remark, "ReportSmall")
    yield paragraph("", "ReportGap")


def _widths(shares: Sequence[float]) -> list[int]:
    whole = sum(shares)
    return [max(1, int(WIDE * share / whole)) for share in shares]


def _facts(facts: report.Facts) -> Iterator[BaseOxmlElement]:
    if facts.rows:
        label, value = widths = _widths((1, 3.4))
        rows = [row([cell(label, name, fill="head"), cell(value, said)]) for name, said in facts.rows]
        yield from _set(facts.title, grid(widths, rows))


def _table(table: report.Table) -> Iterator[BaseOxmlElement]:
    style = "ReportCell" if len(table.columns) <= _MANY else "ReportSmall"
    widths = _widths([column.share for column in table.columns])

    def cells(style: str, fill: str = "") -> list[CT_Tc]:
        return [cell(wide, "", one.align, style, fill=fill) for one, wide in zip(table.columns, widths, strict=True)]

    titles, plain = [column.title for column in table.columns], cells(style)
    rows = [row(filled(cells(f"{style}Head", "head"), titles), head=True)] if any(titles) else []
    most = min(ROWS, _CELLS // len(widths))
    rows += [row(filled(plain, line)) for line in table.rows[:most]]
    if not table.rows:
        rows.append(row([cell(sum(widths), table.empty, "centre", style, across=len(widths))]))
    if table.total:
        rows.append(row(filled(cells(style, "head"), table.total)))
    yield from _set(table.title, grid(widths, rows), _rest("本表共", len(table.rows), most, "行"))


def _timeline(timeline: report.Timeline, zone: dt.tzinfo) -> Iterator[BaseOxmlElement]:
    clock, kind, what = widths = _widths((1.25, 1, 6))
    pattern = [cell(clock), cell(kind, align="centre"), cell(what, bold=True)]
    rows, today = [], ""
    for entry in timeline.entries[:ROWS]:
        day = formats.date(formats.local(entry.at, zone).date())
        if day != today:
            rows.append(row([cell(WIDE, day, "left", "ReportCellHead", fill="head", across=3)]))
            today = day
        cells = filled(pattern, (formats.clock(entry.at, zone), entry.kind, entry.title))
        late = [run(" "), run(report.Mark(entry.late))] if entry.late else []
        cells[2].p_lst[0].extend([*late, run(f"\n{entry.detail}")] if entry.detail else late)
        rows.append(row(cells))
    if not rows:
        rows.append(row([cell(WIDE, "无", "centre", across=3)]))
    yield from _set(timeline.title, grid(widths, rows), _rest("共", len(timeline.entries), ROWS, "条"))


def _rest(words: str, many: int, most: int, unit: str) -> str:
    return f"{words}{many}{unit}，此处列出前{most}{unit}，全部内容见网页版报告。" if many > most else ""


def _bars(chart: report.BarChart) -> Iterator[BaseOxmlElement]:
    most = max([one.value or 0 for one in chart.bars] + [chart.limit or 0]) or 1
    limit = None if chart.limit is None else max(0, round(chart.limit / most * _UNITS) - 1)
    rows = []
    for one in chart.bars[: charts.BARS]:
        long = min(_UNITS, max(1, round(one.value / most * _UNITS))) if one.value else 0
        steps = ["late" if one.mark else "busy"] * long + [""] * (_UNITS - long)
        said = formats.measured(one.value, chart.measure, chart.unit)
        rows.append(_line(one.label, steps, limit, f"{said} {one.mark}" if one.mark else said, bool(one.mark)))
    legend = ""
    if chart.limit is not None:
        legend = f"竖线为{chart.limit_label}（{formats.measured(chart.limit, chart.measure, chart.unit)}）。"
    yield from _drawn(chart.title, rows, legend, len(chart.bars) - len(rows))


def _over_time(chart: report.SpanChart, zone: dt.tzinfo) -> Iterator[BaseOxmlElement]:
    extent = chart.extent()
    length = max(1.0, (extent.end - extent.begin).total_seconds())

    def step(moment: dt.datetime) -> int:
        return min(_UNITS - 1, int((moment - extent.begin).total_seconds() / length * _UNITS))

    half = _UNITS // 2
    begin, end = (formats.moment(at, zone, seconds=False) for at in (extent.begin, extent.end))
    first = cell(half * _STEP, begin, "left", "ReportSmallHead", across=half)
    last = cell(half * _STEP, end, "right", "ReportSmallHead", across=half)
    rows = [row([cell(_LABEL), first, last, cell(_SAID)], head=True)]
    for one in chart.spans[: spans.ROWS]:
        start, stop = step(one.start), max(step(one.start), step(one.end or extent.now))
        limit = step(one.limit) if one.limit else None
        late = bool(one.late(extent.now))
        steps = [""] * _UNITS
        for at in range(start, stop + 1):
            steps[at] = "late" if late and limit is not None and (at > limit or limit == stop) else "busy"
        rows.append(_line(one.label, steps, limit, "\n".join(spans.told(one, extent, zone)), late))
    more = len(chart.spans[spans.ROWS :])
    yield from _drawn(chart.title, rows, "深色为办理时段，浅色斜纹为超时部分，竖线为时限。", more)


def _line(label: str, steps: Sequence[str], limit: int | None, said: str, bad: bool) -> CT_Row:
    """A line of a drawing: what fills each step, the step at whose right end the limit stands, and it all in words."""
    cells, at = [cell(_LABEL, label, "right", "ReportSide")], 0
    for (fill, _), same in groupby(enumerate(steps), lambda one: (one[1], limit is not None and one[0] > limit)):
        many = len(list(same))
        at += many
        drawn = cell(many * _STEP, "", "left", "ReportSmall", fill=fill, across=many)
        if at - 1 == limit:
            borders = element("tcBorders", edge("right", 18, "000000"))
            drawn.get_or_add_tcPr().insert_element_before(borders, "w:shd", "w:vAlign")
        cells.append(drawn)
    cells.append(cell(_SAID, said, "left", "ReportSide", bold=bad))
    return row(cells)


def _drawn(title: str, rows: Sequence[CT_Row], legend: str, more: int) -> Iterator[BaseOxmlElement]:
    remark = f"{legend}另有{more}项未画出。" if more else legend
    yield from _set(title, grid([_LABEL, *([_STEP] * _UNITS), _SAID], rows, "ReportDrawing"), remark)
