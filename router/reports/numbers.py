"""What charts show, as tables of their numbers. Pure."""

from __future__ import annotations

from router.reports.document import Column, LineChart, Table
from router.reports.formats import measured

_FOLD = 12
"""Rows from which a narrow table is folded, its parts side by side."""
_WIDEST = 6


def of_lines(chart: LineChart) -> Table:
    """A row for each point and a column for each line; a long and narrow table is folded."""
    rows = [
        (label, *(measured(one.values[at], chart.measure, chart.unit) for one in chart.series))
        for at, label in enumerate(chart.labels)
    ]
    columns = (Column("时间"), *(Column(one.name, "right") for one in chart.series))
    parts = _WIDEST // len(columns) if len(rows) > _FOLD else 1
    if parts < 2:
        return Table(columns, rows)
    high = -(-len(rows) // parts)
    blank = ("",) * len(columns)
    folded = [
        tuple(cell for part in range(parts) for cell in (rows[at + part * high] if at + part * high < len(rows) else blank))
        for at in range(high)
    ]
    return Table(columns * parts, folded)
