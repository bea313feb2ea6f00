"""Tests of written reports: the page and the document are opened again and read."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from router.reports.document import (
    Bar,
    BarChart,
    Block,
    Column,
    Document,
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
    Series,
    Span,
    SpanChart,
    Table,
    Timeline,
)

ZONE = ZoneInfo("Asia/Shanghai")
LONG = "楚雄彝族自治州生态环境局楚雄分局环境监察大队(环境应急值班室)"


def at(hour: int, minute: int, second: int = 0, day: int = 1) -> dt.datetime:
    """A moment of December 2026 in China."""
    return dt.datetime(2026, 12, day, hour, minute, second, tzinfo=ZONE)


def report(*blocks: Block, title: str = "报告") -> Document:
    """A report of one section."""
    return Document(title, at(18, 30), [Section("内容", blocks)])


def review() -> Document:
    """An after-action report that has every kind of block."""
    return Document(
        title="“12·1”燃气管道泄漏突发事件复盘报告",
        subtitle="初稿",
        made_at=at(18, 30, 5),
        author="楚雄州12345联动中心",
        notice="演练",
        facts=[("事件编号", "EV-20261201-0003"), ("响应级别", "Ⅲ级(较大)")],
        sections=[
            Section(
                "基本情况",
                [
                    Paragraph("8时5分,110接报。\n13时42分,恢复供气。"),
                    Facts([("影响户数", "停供 1,283 户")], title="事件概况"),
                    Note("时间取自系统记录。"),
                    Note("供水公司未按时签收。", "warn"),
                ],
            ),
            Section(
                "处置时间线",
                [
                    Timeline(
                        [
                            Happening(at(8, 5, 30), "110接报", "气味很重", "接报"),
                            Happening(at(8, 13, 20), "供水公司签收", "改呼备用电话", "签收", late="超时4分10秒"),
                            Happening(at(0, 12, day=2), "恢复供气"),
                        ]
                    )
                ],
            ),
            Section(
                "各单位响应",
                [
                    Heading("签收用时"),
                    BarChart(
                        "各单位签收用时",
                        [Bar("燃气公司", 52), Bar(LONG, 175), Bar("供水公司", 430, "超时4分10秒"), Bar("供电局", None)],
                        measure="seconds",
                        limit=180,
                        limit_label="签收时限",
                    ),
                    Heading("过程"),
                    SpanChart(
                        "各单位办理时段",
                        [
                            Span("燃气公司", at(8, 7, 2), at(8, 29), at(8, 37)),
                            Span(LONG, at(8, 9, 5), at(8, 55), at(8, 39, 5), "途中遇管制"),
                            Span("供水公司", at(8, 13, 20)),
                        ],
                        until=at(9, 10),
                    ),
                    Table(
                        [Column("单位", share=3), Column("用时", "right"), Column("评价", "centre")],
                        [["燃气公司", "21分58秒", "按时"], [LONG, "45分55秒", Mark("超时15分55秒")]],
                        title="各单位情况",
                        total=["合计", "67分53秒", ""],
                    ),
                    PageBreak(),
                    LineChart(
                        "签收及时率",
                        ["2026年第三季度", "2026年第四季度"],
                        [Series("12345转110", [0.962, 0.97]), Series("110转12345", [None, 0.953])],
                        measure="share",
                        limit=0.95,
                        limit_label="目标",
                    ),
                    Items(["备用电话列为首呼", "共享开挖许可"], ordered=True),
                    Items(["附件另送"]),
                ],
            ),
        ],
    )
