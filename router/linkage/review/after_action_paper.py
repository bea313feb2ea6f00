"""The after-action report as a paper: its sections, from what was read of the event. Pure.

What was read is :mod:`router.linkage.review.after_action_material`. What people wrote stands in it without numbers of telephones.
"""

from __future__ import annotations

import datetime as dt

from router.linkage import machines, words
from router.linkage.emergency import kinds, levels, report_form
from router.linkage.emergency.events import SENSITIVE
from router.linkage.review import after_action_tables, chronicle
from router.linkage.review.after_action_material import RUNNING, Material
from router.linkage.review.course import Limit, Ratio, Spread
from router.linkage.review.discreet import without_numbers
from router.linkage.review.tallies import Step
from router.organisation import divisions
from router.reports import formats
from router.reports.document import (
    Bar,
    BarChart,
    Block,
    Cell,
    Column,
    Document,
    Fact,
    Facts,
    LineChart,
    Mark,
    Note,
    Paragraph,
    Section,
    Series,
    Table,
    Timeline,
)

STEPS = {
    "confirm": "确认",
    "dismiss": "排除",
    "start": "启动响应",
    "raise": "提高响应",
    "lower": "降低响应",
    "end": "终止响应",
    "review": "复盘",
}
EACH: dict[Step, str] = {"hour": "小时", "day": "天", "month": "月"}
DONE = {
    "sign": "linkage_request.accept",
    "send-out": "linkage_request.send-out",
    "arrive": "linkage_request.arrive",
    "feedback": "linkage_request.feed-back",
}
"""Duty → action of the journal that says that it was done."""


def document(paper: Material) -> Document:
    """The report."""
    event = paper.event
    sections = [
        Section("基本情况", _about(paper)),
        Section("处置概况", _overview(paper)),
        Section("时间线", _timeline(paper)),
        Section("通知与签收", after_action_tables.posts(paper)),
        Section("互通报", [after_action_tables.notices(paper)]),
        Section("指令", [after_action_tables.tasks(paper)]),
        Section("信息报送", [after_action_tables.reports(paper)]),
        Section("事项与来电", _matters(paper)),
        Section("录音清单", [after_action_tables.recordings(paper)]),
        Section("资源使用", [after_action_tables.stock(paper)]),
        Section("时限执行", after_action_tables.limits(paper)),
        Section("复盘结论", _conclusions(paper)),
        Section("改进项", [_improvements(paper)]),
    ]
    return Document(
        title=f"“{without_numbers(event.title)}”突发事件复盘报告",
        subtitle=_standing(paper),
        made_at=paper.now,
        author=paper.names.unit(event.centre),
        notice="演练" if event.drill_id else "",
        facts=[("事件编号", event.number), ("事件状态", machines.EVENT.names[event.state])],
        sections=sections,
    )


def _standing(paper: Material) -> str:
    """How final the report is."""
    event = paper.event
    if paper.interim:
        return f"阶段性报告({RUNNING[event.state]})"
    if event.state == "dismissed":
        return "事件已排除"
    return "定稿" if paper.review is not None and paper.review.state == "concluded" and event.state == "reviewed" else "初稿"


# --- what it was


def _about(paper: Material) -> list[Block]:
    event = paper.event
    found: list[Block] = []
    if paper.interim:
        found.append(Note(f"{RUNNING[event.state]},本报告为阶段性报告,数据截至{formats.moment(paper.now)}。", "warn"))
    if event.drill_id:
        found.append(Note(f"这是演练{f'“{paper.drill}”' if paper.drill else ''},不是真实事件,不计入统计。", "warn"))
    found.append(Facts([(label, value) for label, value in _facts(paper) if value]))
    if event.situation:
        found.append(Paragraph(without_numbers(event.situation)))
    rows = [
        [formats.moment(one.at), STEPS.get(one.step, one.step), _response(one.level), without_numbers(one.reason)]
        for one in paper.steps
    ]
    columns = [Column("时间", share=1.4), Column("步骤"), Column("响应级别"), Column("理由", share=3)]
    return [*found, Table(columns, rows, title="启动、调整和终止", empty="没有启动响应")]


def _facts(paper: Material) -> list[Fact]:
    event, kind = paper.event, kinds.KINDS[paper.event.kind]
    plan = event.plan or {}
    return [
        ("类别", f"{kinds.CATEGORIES[event.category]}、{kind.name}"),
        ("事件级别", words.level(event.level)),
        ("定级理由", without_numbers(event.level_reason or "")),
        ("定级数据", _known(paper)),
        ("敏感因素", "、".join(SENSITIVE[one] for one in event.sensitive)),
        ("事发时间", formats.moment(event.happened_at)),
        ("事发地点", without_numbers(event.place)),
        ("行政区划", divisions.full_name(event.division) if event.division else ""),
        ("影响半径", f"{formats.number(event.radius)}米" if event.radius else ""),
        ("登记平台", paper.names.unit(event.centre)),
        ("登记时间", formats.moment(event.registered_at)),
        ("启动时间", formats.moment(event.started_at) if event.started_at else ""),
        ("终止时间", formats.moment(event.ended_at) if event.ended_at else ""),
        ("预案", f"{plan.get('name', '')}({event.plan_version})" if event.plan_version else ""),
        ("统一答复口径", without_numbers(event.answer)),
        ("原生事件", paper.parent or ""),
        ("次生、衍生事件", "、".join(paper.secondary)),
    ]


def _known(paper: Material) -> str:
    """Facts that the level was reckoned from."""
    said = []
    for name, value in paper.event.facts.items():
        fact = levels.FACTS.get(name)
        if fact is not None:
            shown = fact.choices.get(value, value) if isinstance(value, str) else formats.number(value)
            said.append(f"{fact.label}{shown}{fact.unit}")
    return "、".join(said)


def _response(level: int | None) -> str:
    return f"{words.ROMAN[level]}级" if level in words.ROMAN else formats.UNKNOWN


# --- how it went


def _overview(paper: Material) -> list[Block]:
    figures = paper.figures
    totals = figures.totals
    ended = paper.event.ended_at or paper.now
    began = paper.event.started_at
    key: list[Fact] = [
        ("响应历时", f"{formats.duration(ended - began)}{'(仍在进行)' if paper.interim else ''}" if began else "未启动响应"),
        ("通知值班岗", f"{totals.told}个,已签收{totals.signed}个"),
        ("签收及时率", _ratio(totals.sign)),
        ("签收用时", _spread(totals.to_sign)),
        ("到场用时", _spread(totals.to_arrive)),
        ("电话通知", f"{totals.calls}次"),
        ("逐级升级", f"{totals.climbed}个岗位转到上级"),
        ("拒绝、无人签收", f"{totals.refused}个岗位曾拒绝,{totals.unsigned}个岗位超时仍无人签收"),
        ("出动、到场、反馈及时率", "、".join(_ratio(totals.duties[duty]) for duty in ("send-out", "arrive", "feedback"))),
        ("互通报签收及时率", _ratio(figures.notices_signed)),
        ("信息报送及时率", _ratio(figures.reports_made)),
        ("指令", f"{len(figures.tasks)}条,有时限的按时完成率{_ratio(figures.tasks_done)}"),
        ("归集事项、来电", f"{figures.tally.total('matters')}件、{figures.tally.total('calls')}通"),
    ]
    bars = [
        Bar(one.request.post, one.signed, paper.lateness(limit) if limit is not None and limit.verdict == "missed" else "")
        for one in figures.requests
        if one.told is not None
        for limit in [one.limit("sign")]
    ]
    chart: list[Block] = (
        [BarChart("各岗签收用时", bars, measure="seconds", limit=_same_limit(paper), limit_label="时限")] if bars else []
    )
    return [Facts(key), *chart]


def _same_limit(paper: Material) -> float | None:
    """The time to sign, if it is the same for all: only then one line can be drawn."""
    within = {one.request.rules.sign for one in paper.figures.requests if one.told is not None}
    return within.pop() if len(within) == 1 else None


def _ratio(one: Ratio) -> str:
    return f"{formats.percent(one.share)}({one.kept}/{one.of})" if one.of else formats.UNKNOWN


def _spread(one: Spread) -> str:
    if not one.count:
        return formats.UNKNOWN
    return f"中位数{formats.duration(one.median)},90%不超过{formats.duration(one.p90)}({one.count}个)"


def _timeline(paper: Material) -> list[Block]:
    entries = chronicle.happenings(paper.entries, paper.names, _lateness(paper))
    more = [Note(f"过程记录较长,这里只列出前{len(entries)}条。", "warn")] if paper.more_entries else []
    return [Timeline(entries), *more]


def _lateness(paper: Material) -> dict[tuple[str, str], str]:
    """How late each step was, by what it is about and the action that the journal has for it."""
    found: dict[tuple[str, str], Limit | None] = {}
    for one in paper.figures.requests:
        found |= {(one.request.id, DONE[limit.duty]): limit for limit in one.limits if not limit.implied}
    found |= {(one.notice.id, "mutual_notice.signed"): one.limit for one in paper.figures.notices}
    found |= {(one.task.id, "event_task.finish"): one.limit for one in paper.figures.tasks}
    for each in paper.figures.reports:
        actions = {"phone": "situation_report.phone", "written": "situation_report.submit"}
        found |= {(each.report.id, actions[limit.duty]): limit for limit in each.limits if not limit.implied}
    return {key: paper.lateness(limit) for key, limit in found.items() if limit is not None and limit.verdict == "missed"}


# --- matters


def _matters(paper: Material) -> list[Block]:
    tally, matters = paper.figures.tally, paper.matters
    total = tally.total("matters")
    rows: list[list[Cell]] = [[paper.names.unit(centre), str(many)] for centre, many in sorted(matters.centres.items())]
    found: list[Block] = [
        Facts([("归集事项", f"{total}件"), ("来电", f"{tally.total('calls')}通"), *_how(paper)]),
        Table([Column("首接平台", share=3), Column("事项", "right")], rows, title="各平台首接的事项", empty="没有归集事项"),
    ]
    if not tally.starts:
        return found
    labels = [_label(start, tally.step) for start in tally.starts]
    lines = [Series("事项(件)", tally.counts["matters"]), Series("来电(通)", tally.counts["calls"])]
    return [*found, LineChart(f"事项和来电(按{EACH[tally.step]})", labels, lines)]


def _how(paper: Material) -> list[Fact]:
    return [(chronicle.HOW.get(how, how), f"{many}件") for how, many in sorted(paper.matters.how.items())]


def _label(start: dt.datetime, step: Step) -> str:
    if step == "month":
        return formats.month(start.date())
    day = f"{start.month}月{start.day}日"
    return day if step == "day" else f"{day}{start.hour}时"


# --- what was learnt


def _conclusions(paper: Material) -> list[Block]:
    review = paper.review
    if review is None:
        return [Paragraph("响应终止后填写。")]
    if not review.conclusions:
        return [Paragraph("尚未填写。")]
    found: list[Block] = [Paragraph(without_numbers(review.conclusions))]
    if review.state != "concluded":
        return [*found, Note("复盘结论尚未定稿。")]
    return [*found, Facts([("定稿时间", formats.moment(review.concluded_at))])]


def _improvements(paper: Material) -> Table:
    today = paper.now.astimezone(report_form.HERE).date()
    rows: list[list[Cell]] = []
    for number, one in enumerate(paper.improvements, 1):
        state = machines.IMPROVEMENT.names[one.state]
        overdue = one.state == "open" and one.due_on < today
        rows.append([
            str(number), without_numbers(one.text), paper.names.unit(one.unit), formats.date(one.due_on),
            Mark(f"{state},已逾期") if overdue else state, without_numbers(one.result or formats.UNKNOWN),
        ])  # fmt: skip
    columns = [
        Column("序号", "centre", 0.6), Column("改进内容", share=3), Column("责任单位", share=1.5), Column("完成期限", share=1.2),
        Column("状态"), Column("完成情况", share=2),
    ]  # fmt: skip
    return Table(columns, rows, empty="没有改进项")
