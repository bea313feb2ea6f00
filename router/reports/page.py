"""A report as one HTML page to read and to print (A4): no scripts, nothing fetched from elsewhere. Pure.

The page is well-formed XML too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import count

from router.reports import charts, formats, numbers, spans
from router.reports.document import (
    BarChart,
    Block,
    Cell,
    Column,
    Document,
    Fact,
    Facts,
    Happening,
    Heading,
    Items,
    LineChart,
    Mark,
    Note,
    PageBreak,
    Paragraph,
    Section,
    SpanChart,
    Table,
    Timeline,
)
from router.reports.style import STYLE
from router.reports.svg import safe
from router.reports.words import clean

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NOTES = {"info": "说明", "warn": "注意"}


def render(document: Document) -> str:
    """The page; written to a file it is UTF-8."""
    ids = count(1)
    parts = [
        f'<p class="notice">{safe(document.notice)}</p>' if document.notice else "",
        f"<h1>{safe(document.title)}</h1>",
        f'<p class="subtitle">{safe(document.subtitle)}</p>' if document.subtitle else "",
        _facts(document.about(), "about"),
        *(_section(section, number, document.zone, ids) for number, section in enumerate(document.sections, 1)),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{safe(document.title)}</title>\n<style>{STYLE}{_running(document.notice)}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _running(notice: str) -> str:
    """The notice at the head of every printed page, as style; only its code points stand there, so that nothing ends the rule."""
    if not notice:
        return ""
    escaped = "".join(f"\\{ord(letter):x} " for letter in " ".join(clean(notice).split()))
    return f'@page {{ @top-right {{ content: "{escaped}"; font-size: 9pt; font-weight: 700 }} }}\n'


def _section(section: Section, number: int, zone: dt.tzinfo, ids: Iterator[int]) -> str:
    parts = [f"<section>\n<h2>{formats.ordinal(number)}、{safe(section.title)}</h2>"]
    headings = count(1)
    parts += [_block(block, zone, ids, headings) for block in section.blocks]
    return "\n".join([*parts, "</section>"])


def _block(block: Block, zone: dt.tzinfo, ids: Iterator[int], headings: Iterator[int]) -> str:
    match block:
        case Heading():
            return f"<h3>（{formats.ordinal(next(headings))}）{safe(block.text)}</h3>"
        case Paragraph():
            return _paragraphs(block.text)
        case Facts():
            return _titled(block.title, _facts(block.rows, "facts"))
        case Table():
            return _table(block, ids)
        case Timeline():
            return _titled(block.title, _timeline(block.entries, zone))
        case BarChart() | LineChart() | SpanChart():
            return _chart(block, zone, ids)
        case Note():
            return f'<div class="note {block.kind}" role="note"><b>{_NOTES[block.kind]}：</b>{safe(block.text)}</div>'
        case Items():
            tag = "ol" if block.ordered else "ul"
            return f"<{tag}>" + "".join(f"<li>{safe(item)}</li>" for item in block.items) + f"</{tag}>" if block.items else ""
        case PageBreak():
            return '<div class="break"></div>'


def _paragraphs(text: str) -> str:
    return "\n".join(f"<p>{safe(line)}</p>" for line in clean(text).split("\n") if line.strip())


def _titled(title: str, content: str) -> str:
    return f'<p class="title">{safe(title)}</p>\n{content}' if title else content


def _facts(rows: Sequence[Fact], kind: str) -> str:
    lines = "".join(f'<tr><th scope="row">{safe(label)}</th><td>{safe(value)}</td></tr>\n' for label, value in rows)
    return f'<table class="{kind}"><tbody>\n{lines}</tbody></table>' if rows else ""


def _table(table: Table, ids: Iterator[int]) -> str:
    whole = sum(column.share for column in table.columns)
    shares = "".join(f'<col style="width:{column.share / whole:.2%}"/>' for column in table.columns)
    title = f"t{next(ids)}"
    caption = f'<caption id="{title}">{safe(table.title)}</caption>' if table.title else ""
    label = f'aria-labelledby="{title}"' if table.title else f'aria-label="表格：{safe(table.columns[0].title)}等"'
    head = "".join(f'<th scope="col" class="{column.align}">{safe(column.title)}</th>' for column in table.columns)
    if table.rows:
        body = "\n".join(_row(row, table.columns) for row in table.rows)
    else:
        body = f'<tr><td class="centre" colspan="{len(table.columns)}">{safe(table.empty)}</td></tr>'
    total = f"<tfoot>{_row(table.total, table.columns)}</tfoot>" if table.total else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" {label}>\n'
        f'<table class="grid" style="min-width:{min(60, 6 * len(table.columns))}rem">{caption}<colgroup>{shares}</colgroup>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>{total}</table>\n</div>"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    cells = (f'<td class="{column.align}">{_cell(cell)}</td>' for cell, column in zip(row, columns, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(cell: Cell) -> str:
    return f'<strong class="mark">{safe(cell.text)}</strong>' if isinstance(cell, Mark) else safe(cell)


def _timeline(entries: Sequence[Happening], zone: dt.tzinfo) -> str:
    """A list per day, so that the day is said once."""
    if not entries:
        return "<p>无</p>"
    parts, today = [], ""
    for entry in entries:
        day = formats.date(formats.local(entry.at, zone).date())
        if day != today:
            parts.append(("</ol>\n" if today else "") + f'<p class="day">{day}</p>\n<ol class="timeline">')
            today = day
        parts.append(_happening(entry, zone))
    return "\n".join([*parts, "</ol>"])


def _happening(entry: Happening, zone: dt.tzinfo) -> str:
    here = formats.local(entry.at, zone)
    kind = f'<span class="kind">{safe(entry.kind)}</span> ' if entry.kind else ""
    late = f' <strong class="mark">{safe(entry.late)}</strong>' if entry.late else ""
    detail = f"<div>{safe(entry.detail)}</div>" if entry.detail else ""
    return (
        f'<li class="{"late" if entry.late else "in-time"}"><time datetime="{here.isoformat()}">'
        f"{formats.clock(here, zone)}</time><div>{kind}<b>{safe(entry.title)}</b>{late}{detail}</div></li>"
    )


def _chart(chart: BarChart | LineChart | SpanChart, zone: dt.tzinfo, ids: Iterator[int]) -> str:
    name = f"c{next(ids)}"
    below = ""
    match chart:
        case BarChart():
            drawings, left_out = charts.bars(chart, name) if chart.bars else [], len(chart.bars) - charts.BARS
            more = f"另有{left_out}项未画出。"
        case SpanChart():
            drawings, left_out = spans.spans(chart, name, zone), len(chart.spans) - spans.ROWS
            more = f"另有{left_out}项未画出。"
        case LineChart():
            drawings, left_out = (
                charts.lines(chart, name),
                max(len(chart.labels) - charts.POINTS, len(chart.series) - charts.LINES),
            )
            more = f"仅画出前{charts.LINES}条线、最近{charts.POINTS}个点，全部数值见下表。"
            below = _table(numbers.of_lines(chart), ids) if drawings else ""
    if not drawings:
        return f'<p class="title">{safe(chart.title)}</p>\n<p>没有可画的数据。</p>'
    drawn = "\n".join(
        f'<div class="scroll" role="region" tabindex="0" aria-label="{safe(chart.title)}">{one}</div>' for one in drawings
    )
    return (
        f"<figure>\n<figcaption>{safe(chart.title)}</figcaption>\n{drawn}\n"
        + (f"<p>{more}</p>\n" if left_out > 0 else "")
        + f"</figure>\n{below}"
    )
