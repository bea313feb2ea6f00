"""A report (报告) as plain data: title, facts, sections, and the blocks that stand in them. Pure.

Texts are as people wrote them: whoever renders them escapes them and drops what no file may hold. Line feeds are kept.
Moments carry a time zone; they are shown in the document's. What is wrong by construction (a row with too few cells, a
negative bar) raises ValueError here, not while it is rendered. Clocks of several systems may disagree: an end before its
start is no error.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from router.reports.formats import HERE, Measure, local, moment

Align = Literal["left", "centre", "right"]
Fact = tuple[str, str]
"""A label and its value."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Words that must be seen (``超时3分``): in bold and framed, never told by colour alone."""

    text: str


Cell = str | Mark
_MOST = 1e12


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; each of its lines becomes a paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section, without a number (the renderer numbers it)."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels and their values, one pair a row."""

    rows: Sequence[Fact]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    align: Align = "left"
    share: float = 1.0
    """How wide it is, in relation to the shares of its neighbours."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header; ``total`` is a last row in bold (合计)."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    total: Sequence[Cell] = ()
    empty: str = "无"
    """What is said when there are no rows."""

    def __post_init__(self) -> None:
        if not self.columns or any(not (column.share > 0 and math.isfinite(column.share)) for column in self.columns):
            raise ValueError("a table has columns, and each some width")
        if any(len(row) != len(self.columns) for row in [*self.rows, *([self.total] if self.total else [])]):
            raise ValueError(f"each row has {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened at a moment."""

    at: dt.datetime
    title: str
    detail: str = ""
    kind: str = ""
    """E.g. ``接报``, ``签收``, ``升级``."""
    late: str = ""
    """How late it was, in words (``超时2分10秒``); empty if in time."""

    def __post_init__(self) -> None:
        local(self.at)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, in the order given (时间线)."""

    entries: Sequence[Happening]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A named amount; None: not known."""

    label: str
    value: float | None
    mark: str = ""
    """What is wrong with it, in words (``未达标``); such a bar is hatched."""

    def __post_init__(self) -> None:
        _amount(self.value)


@dataclass(frozen=True, slots=True)
class BarChart:
    """Amounts side by side; ``limit`` is drawn as a line with its name."""

    title: str
    bars: Sequence[Bar]
    measure: Measure = "count"
    unit: str = ""
    limit: float | None = None
    limit_label: str = "标准"

    def __post_init__(self) -> None:
        _amount(self.limit)


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart; None: not known there, and the line has a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Amounts over time: ``labels`` name the points of every series. Its numbers stand below it in a table as well."""

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    measure: Measure = "count"
    unit: str = ""
    limit: float | None = None
    limit_label: str = "标准"

    def __post_init__(self) -> None:
        if any(len(one.values) != len(self.labels) for one in self.series):
            raise ValueError("each series has a value for each label")
        for one in self.series:
            for value in one.values:
                _amount(value)
        _amount(self.limit)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time: from when to when (None: goes on), and until when it should have been over."""

    label: str
    start: dt.datetime
    end: dt.datetime | None = None
    limit: dt.datetime | None = None
    note: str = ""

    def __post_init__(self) -> None:
        for at in (self.start, self.end, self.limit):
            if at is not None:
                local(at)

    def late(self, now: dt.datetime) -> dt.timedelta:
        """How long after its limit it ended, or has been going on at ``now``; nothing if in time."""
        return max((self.end or now) - self.limit, dt.timedelta()) if self.limit else dt.timedelta()


@dataclass(frozen=True, slots=True)
class Extent:
    """From when to when a chart reaches, and the moment up to which what goes on is drawn."""

    begin: dt.datetime
    end: dt.datetime
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class SpanChart:
    """Who was busy when, side by side on one time scale (甘特图). What goes on is drawn to ``until``."""

    title: str
    spans: Sequence[Span]
    until: dt.datetime | None = None
    """None: to the last moment that any span tells of."""

    def __post_init__(self) -> None:
        if self.until is not None:
            local(self.until)

    def extent(self) -> Extent:
        """What time it shows. Raises ValueError if there are no spans."""
        told = [at for one in self.spans for at in (one.start, one.end, one.limit) if at is not None]
        end = max([*told, *([self.until] if self.until else [])])
        return Extent(min(told), end, self.until or end)


@dataclass(frozen=True, slots=True)
class Note:
    """A remark apart from the text, or a warning."""

    text: str
    kind: Literal["info", "warn"] = "info"


@dataclass(frozen=True, slots=True)
class Items:
    """A list, with numbers if ``ordered``."""

    items: Sequence[str]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows begins on a new page in print."""


Block = Paragraph | Heading | Facts | Table | Timeline | BarChart | LineChart | SpanChart | Note | Items | PageBreak


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; its title has no number (the renderer numbers it)."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    made_at: dt.datetime
    """When it was made; said at the end of the facts, and the only time that a file of it tells of."""
    sections: Sequence[Section]
    subtitle: str = ""
    facts: Sequence[Fact] = ()
    """What stands below the title: unit, period, number."""
    author: str = ""
    """The unit that issues it."""
    notice: str = ""
    """What every page must say, e.g. ``演练`` or ``内部资料 注意保密``."""
    zone: dt.tzinfo = HERE

    def __post_init__(self) -> None:
        local(self.made_at)

    def about(self) -> list[Fact]:
        """What stands below the title, in the end who made it and when."""
        issued = [("编制单位", self.author)] if self.author else []
        return [*self.facts, *issued, ("生成时间", moment(self.made_at, self.zone))]


def _amount(value: float | None) -> None:
    if value is not None and not 0 <= value <= _MOST:
        raise ValueError(f"{value} is no amount: it is drawn as a length")
