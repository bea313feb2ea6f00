"""Bar and line charts as SVG that needs no script and tells nothing by colour alone. Pure.

Each function returns drawings that follow one another; ``name`` begins the ids in them and is unique in the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.reports import scales, svg
from router.reports.document import Bar, BarChart, LineChart, Series
from router.reports.formats import measured
from router.reports.svg import BLUE, EM, INK, LINE, RED, WIDE
from router.reports.words import width, wrap

BARS = 200
"""Bars that are drawn."""
POINTS = 400
"""Points of a line that are drawn: the last ones."""
LINES = 6
"""Lines that can be told apart."""

_LABEL, _VALUE = 15.0, 14.0
_STYLES = (
    (BLUE, "", "circle"),
    (RED, "7 4", "square"),
    ("#1f6f3f", "2 3", "triangle"),
    ("#8a5a00", "10 3 2 3", "diamond"),
    ("#5b3d8a", "4 4", "cross"),
    (INK, "1 4", "ring"),
)
"""Of the lines: colour, dashes and mark of the points."""


def bars(chart: BarChart, name: str) -> list[str]:
    """Horizontal bars, each with its whole name at the left and its amount at the right."""
    drawn = chart.bars[:BARS]
    labels = [wrap(one.label, _LABEL, 6) for one in drawn]
    values = [wrap(_said(one, chart), _VALUE, 4) for one in drawn]
    left = max((width(line) for label in labels for line in label), default=0) * EM + 12
    right = max((width(line) for value in values for line in value), default=0) * EM + 12
    most = max([one.value or 0 for one in drawn] + [chart.limit or 0]) or 1
    room = WIDE - left - right
    heights = [max(len(label), len(value)) * LINE + 8.0 for label, value in zip(labels, values, strict=True)]
    found = []
    for number, rows in enumerate(svg.panels(heights, svg.PANEL - 40)):
        own = f"{name}-{number}"
        parts, top = svg.legend(_limit_legend(chart) if number == 0 else [])
        texts, y = [], top
        for at in rows:
            wide = (drawn[at].value or 0) / most * room
            middle = y + heights[at] / 2
            if drawn[at].value is not None:
                parts.append((svg.hatched if drawn[at].mark else svg.plain)(own, left, middle - 9, wide, 18))
            texts += [
                svg.lines(left - 8, middle, labels[at], "end"),
                svg.lines(left + wide + 6, middle, values[at], bold=bool(drawn[at].mark)),
            ]
            y += heights[at]
        if chart.limit is not None:
            x = left + chart.limit / most * room
            parts.append(svg.line(x, top, x, y, stroke=INK, dash="4 3", thick=1.5))
        parts += texts
        about = "；".join(f"{one.label} {_said(one, chart)}" for one in drawn[rows.start : rows.stop])
        found.append(svg.drawing(own, chart.title, about, y + 4, parts))
    return found


def _said(bar: Bar, chart: BarChart) -> str:
    amount = measured(bar.value, chart.measure, chart.unit)
    return f"{amount} {bar.mark}" if bar.mark else amount


def _limit_legend(chart: BarChart | LineChart) -> list[tuple[str, str]]:
    if chart.limit is None:
        return []
    said = f"{chart.limit_label} {measured(chart.limit, chart.measure, chart.unit)}"
    return [(svg.line(0, 6, 26, 6, stroke=INK, dash="4 3", thick=1.5), wrap(said, 40, 1)[0])]


def lines(chart: LineChart, name: str) -> list[str]:
    """Lines over named points, told apart by dashes and marks; where a value is not known the line has a gap."""
    labels, series = chart.labels[-POINTS:], [Series(one.name, one.values[-POINTS:]) for one in chart.series[:LINES]]
    known = [value for one in series for value in one.values if value is not None]
    if not known:
        return []
    parts, top = svg.legend(
        [(_sample(style), wrap(one.name, 40, 1)[0]) for one, style in zip(series, _STYLES, strict=False)] + _limit_legend(chart)
    )
    axes, frame, high = _axes(chart, labels, known, top)
    parts += axes
    if chart.limit is not None:
        at_limit = frame.y(chart.limit)
        parts.append(svg.line(frame.left, at_limit, frame.right, at_limit, stroke=INK, dash="4 3", thick=1.5))
    parts += [_line(one, style, frame) for one, style in zip(series, _STYLES, strict=False)]
    about = "；".join(f"{one.name}：{_told(one, chart)}" for one in series)
    return [svg.drawing(f"{name}-0", chart.title, about, high, parts)]


def _axes(chart: LineChart, labels: Sequence[str], known: Sequence[float], top: float) -> tuple[list[str], _Frame, float]:
    """Round values at the left, as many labels below as have room (the last one always), and how low they reach."""
    told = known if chart.limit is None else [*known, chart.limit]
    whole = chart.measure == "count" and all(float(value).is_integer() for value in told)
    marks = scales.amounts(min(told), max(told), chart.measure, whole)
    said = [measured(value, chart.measure, chart.unit if at == len(marks) - 1 else "") for at, value in enumerate(marks)]
    wrapped = [wrap(label, 8, 3) for label in labels]
    label_wide = max(width(line) for label in wrapped for line in label) * EM
    left = max(max(map(width, said)) * EM + 12, label_wide / 2 + 6)
    frame = _Frame(left, WIDE - max(14, label_wide / 2 + 6), top + 10, top + 230, marks[0], marks[-1], len(labels))
    parts = [svg.line(left, frame.y(value), frame.right, frame.y(value)) for value in marks]
    parts += [svg.text(left - 8, frame.y(value) + 4, words, "end") for value, words in zip(marks, said, strict=True)]
    every = max(1, -(-int(label_wide + 10) // max(1, int(frame.step))))
    shown = range(len(labels) - 1, -1, -every)
    parts += [
        svg.text(frame.x(at), frame.bottom + 23 + LINE * line, one, "middle")
        for at in shown
        for line, one in enumerate(wrapped[at])
    ]
    return parts, frame, frame.bottom + 13 + LINE * max(len(wrapped[at]) for at in shown)


def _told(series: Series, chart: LineChart) -> str:
    known = [(label, value) for label, value in zip(chart.labels[-POINTS:], series.values, strict=True) if value is not None]
    if not known:
        return "没有数据"
    return "从" + "到".join(f"{label} {measured(value, chart.measure, chart.unit)}" for label, value in (known[0], known[-1]))


class _Frame:
    """Where points and values lie in a line chart."""

    def __init__(self, left: float, right: float, top: float, bottom: float, least: float, most: float, points: int) -> None:
        self.left, self.right, self.top, self.bottom = left, right, top, bottom
        self._least, self._most = least, most
        self.step = (right - left) / max(1, points - 1)
        self._alone = points == 1

    def x(self, at: int) -> float:
        return (self.left + self.right) / 2 if self._alone else self.left + at * self.step

    def y(self, value: float) -> float:
        return self.bottom - (value - self._least) / (self._most - self._least) * (self.bottom - self.top)


_Style = tuple[str, str, str]


def _sample(style: _Style) -> str:
    colour, dash, mark = style
    return svg.line(0, 6, 26, 6, stroke=colour, dash=dash, thick=2) + _mark(13, 6, mark, colour)


def _line(series: Series, style: _Style, frame: _Frame) -> str:
    colour, dash, mark = style
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(series.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.x(at), frame.y(value)))
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    drawn = [
        f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dashed} points="{_points(run)}"/>'
        for run in runs
        if len(run) > 1
    ]
    if len(series.values) <= 60:
        drawn += [_mark(x, y, mark, colour) for run in runs for x, y in run]
    else:
        drawn += [_mark(*run[0], mark, colour) for run in runs if len(run) == 1]
    return "".join(drawn)


def _points(run: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in run)


def _mark(x: float, y: float, mark: str, colour: str) -> str:
    if mark in ("circle", "ring"):
        fill = colour if mark == "circle" else "#fff"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'
    if mark == "square":
        return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{colour}"/>'
    if mark == "cross":
        return svg.line(x - 4, y - 4, x + 4, y + 4, stroke=colour, thick=2) + svg.line(
            x - 4, y + 4, x + 4, y - 4, stroke=colour, thick=2
        )
    corners = [(0, -5), (5, 4), (-5, 4)] if mark == "triangle" else [(0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)]
    return f'<polygon points="{_points([(x + dx, y + dy) for dx, dy in corners])}" fill="{colour}"/>'
