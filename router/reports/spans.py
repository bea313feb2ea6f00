"""Who was busy when (甘特图), as SVG: a row each, limits as marks, lateness hatched and told in words. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from router.reports import formats, scales, svg
from router.reports.document import Extent, Span, SpanChart
from router.reports.svg import BLUE, EM, FAINT, INK, LINE, WIDE
from router.reports.words import width, wrap

ROWS = 200
"""Rows that are drawn."""
_LABEL, _SAID = 13.0, 15.0
_TICK = 66.0
"""Room of a time below the scale."""
_HEAD = 46.0
_BAR = 14.0


def spans(chart: SpanChart, name: str, zone: dt.tzinfo) -> list[str]:
    """Drawings that follow one another; each has the same scale of time."""
    if not chart.spans:
        return []
    drawn, extent = chart.spans[:ROWS], chart.extent()
    labels = [wrap(one.label, _LABEL, 6) for one in drawn]
    said = [[line for part in told(one, extent, zone) for line in wrap(part, _SAID, 4)] for one in drawn]
    left = max(max(width(line) for label in labels for line in label) * EM + 12, _TICK / 2)
    right = max(max(width(line) for one in said for line in one) * EM + 20, _TICK / 2 + 4)
    scale = _Scale(extent, left, WIDE - right, zone)
    heights = [max(len(label), len(lines)) * LINE + 10.0 for label, lines in zip(labels, said, strict=True)]
    found = []
    for number, rows in enumerate(svg.panels(heights, svg.PANEL - 60 - _HEAD)):
        own = f"{name}-{number}"
        parts, top = svg.legend(_legend(own, drawn, extent) if number == 0 else [])
        foot = top + _HEAD + sum(heights[rows.start : rows.stop])
        parts += scale.drawn(top, foot)
        y = top + _HEAD
        for at in rows:
            middle = y + heights[at] / 2
            parts += [
                svg.line(0, y, WIDE, y),
                svg.lines(left - 8, middle, labels[at], "end"),
                _span(own, drawn[at], scale, middle),
                svg.lines(WIDE - right + 16, middle, said[at]),
            ]
            y += heights[at]
        about = "；".join(" ".join([one.label, *told(one, extent, zone)]) for one in drawn[rows.start : rows.stop])
        found.append(svg.drawing(own, chart.title, about, foot + 4, parts))
    return found


def told(span: Span, extent: Extent, zone: dt.tzinfo) -> list[str]:
    """A span in words: from when to when, how long, how late, and its note."""
    first, last = (formats.local(moment, zone) for moment in (extent.begin, extent.end))
    begin, end = (_when(moment, zone, first.date() != last.date()) for moment in (span.start, span.end))
    words = [f"{begin}–{end}" if span.end else f"{begin}起，未结束"]
    length = formats.duration((span.end or extent.now) - span.start)
    words.append(f"用时{length}" if span.end else f"已用{length}")
    late = span.late(extent.now)
    if late:
        words.append(f"超时{formats.duration(late)}")
    return [*words, *([span.note] if span.note else [])]


def _when(at: dt.datetime | None, zone: dt.tzinfo, with_day: bool) -> str:
    if at is None:
        return ""
    here = formats.local(at, zone)
    return f"{here.month}月{here.day}日{formats.clock(at, zone, seconds=False)}" if with_day else formats.clock(at, zone)


def _legend(own: str, drawn: Sequence[Span], extent: Extent) -> list[tuple[str, str]]:
    entries = [(svg.plain(own, 0, 1, 26, 11), "办理时段")]
    if any(one.late(extent.now) for one in drawn):
        entries.append((svg.hatched(own, 0, 1, 26, 11), "超时部分"))
    if any(one.limit for one in drawn):
        entries.append((_limit(13, 6, 8), "时限"))
    if any(one.end is None for one in drawn):
        entries.append((svg.plain(own, 0, 1, 16, 11) + _arrow(16, 6), "未结束"))
    return entries


def _limit(x: float, y: float, half: float) -> str:
    top = y - half
    return (
        svg.line(x, top, x, y + half, stroke=INK, thick=2)
        + f'<polygon points="{x - 4:.1f},{top - 2:.1f} {x + 4:.1f},{top - 2:.1f} {x:.1f},{top + 5:.1f}" fill="{INK}"/>'
    )


def _arrow(x: float, y: float, fill: str = BLUE) -> str:
    half = _BAR / 2
    return f'<polygon points="{x:.1f},{y - half:.1f} {x + 9:.1f},{y:.1f} {x:.1f},{y + half:.1f}" fill="{fill}"/>'


def _span(own: str, span: Span, scale: _Scale, middle: float) -> str:
    begin, end = scale.x(span.start), scale.x(max(span.end or scale.now, span.start))
    top = middle - _BAR / 2
    parts = []
    late_from = max(begin, scale.x(span.limit)) if span.limit and span.late(scale.now) else end
    if late_from > begin or late_from == end:
        parts.append(svg.plain(own, begin, top, late_from - begin, _BAR))
    if late_from < end:
        parts.append(svg.hatched(own, late_from, top, end - late_from, _BAR))
    if span.end is None:
        parts.append(_arrow(end, middle, svg.RED if late_from < end else BLUE))
    if span.limit:
        parts.append(_limit(scale.x(span.limit), middle, _BAR / 2 + 3))
    return "".join(parts)


class _Scale:
    """Where moments lie from left to right."""

    def __init__(self, extent: Extent, left: float, right: float, zone: dt.tzinfo) -> None:
        self._begin = extent.begin
        self._seconds = max(10.0, (extent.end - extent.begin).total_seconds())
        self._left, self._wide, self._zone = left, right - left, zone
        self.now = extent.now

    def x(self, at: dt.datetime) -> float:
        return self._left + (at - self._begin).total_seconds() / self._seconds * self._wide

    def drawn(self, top: float, foot: float) -> list[str]:
        """Marks of time with lines down to ``foot``; the day is said where it changes."""
        every = scales.tick_length(self._seconds, max(1, int(self._wide / _TICK)))
        end = self._begin + dt.timedelta(seconds=self._seconds)
        parts, before = [], None
        for at in scales.ticks(self._begin, end, every, self._zone):
            here = formats.local(at, self._zone)
            day = (f"{here.month}月{here.day}日", f"{here.year}年")
            words = [day[0], day[1]] if every >= 86400 else [formats.clock(at, self._zone, seconds=every < 60), day[0]]
            shown = words if before != words[1] else words[:1]
            before = words[1]
            parts += [
                svg.line(self.x(at), top + _HEAD - 4, self.x(at), foot, stroke=FAINT),
                *(svg.text(self.x(at), top + _HEAD - 10 - LINE * line, one, "middle") for line, one in enumerate(shown)),
            ]
        return parts
