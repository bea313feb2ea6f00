"""What a report refuses to say, and what it reckons itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from router.reports.document import Bar, Column, Document, Happening, LineChart, Series, Span, SpanChart, Table
from tests.reports import ZONE, at, review

NAIVE = dt.datetime(2026, 12, 1, 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Table([Column("甲"), Column("乙")], [["一"]]),
        lambda: Table([Column("甲")], [], total=["一", "二"]),
        lambda: Table([], []),
        lambda: Table([Column("甲", share=0)], []),
        lambda: Bar("甲", -1),
        lambda: Bar("甲", float("nan")),
        lambda: Bar("甲", float("inf")),
        lambda: LineChart("线", ["一", "二"], [Series("甲", [1.0])]),
        lambda: Happening(NAIVE, "接报"),
        lambda: Span("甲", at(8, 0), NAIVE),
        lambda: SpanChart("图", [], until=NAIVE),
        lambda: Document("报告", NAIVE, []),
    ],
)
def test_a_report_that_cannot_be_drawn_is_refused_when_it_is_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()


def test_lateness_is_counted_to_the_end_or_to_now() -> None:
    now = at(9, 0)
    assert Span("甲", at(8, 0), at(8, 30), at(8, 20)).late(now) == dt.timedelta(minutes=10)
    assert Span("甲", at(8, 0), None, at(8, 20)).late(now) == dt.timedelta(minutes=40)
    assert not Span("甲", at(8, 0), at(8, 20), at(8, 20)).late(now)
    assert not Span("甲", at(8, 0), None).late(now)


def test_a_chart_of_spans_reaches_from_the_first_to_the_last_moment() -> None:
    spans = [Span("甲", at(8, 5), at(8, 30)), Span("乙", at(8, 0), None, at(9, 0))]
    extent = SpanChart("图", spans).extent()
    assert (extent.begin, extent.end, extent.now) == (at(8, 0), at(9, 0), at(9, 0))
    extent = SpanChart("图", spans, until=at(8, 40)).extent()
    assert (extent.end, extent.now) == (at(9, 0), at(8, 40))


def test_who_made_it_and_when_stands_with_the_facts() -> None:
    assert review().about()[-2:] == [("编制单位", "楚雄州12345联动中心"), ("生成时间", "2026年12月1日 18:30:05")]
    assert review().zone == ZONE
