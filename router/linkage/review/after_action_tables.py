"""The tables of an after-action report: who was told and when each moved, notices, orders, reports, recordings, limits. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from router.linkage import machines, words
from router.linkage.review.after_action_material import Material, Recorded
from router.linkage.review.chronicle import REPORTS
from router.linkage.review.course import Limit, RequestCourse, ratio
from router.linkage.review.discreet import without_numbers
from router.reports import formats
from router.reports.document import Block, Cell, Column, Mark, Note, Span, SpanChart, Table

CALLS = {"conference": "会商", "phone": "电话"}
DUTIES = {**words.DUTIES, **REPORTS, "finish": "完成"}


def _columns(shares: Mapping[str, float], *, right: Collection[str] = ()) -> list[Column]:
    """Columns by their titles, each as wide as its share says."""
    return [Column(title, "right" if title in right else "left", share) for title, share in shares.items()]


# --- posts


def posts(paper: Material) -> list[Block]:
    """Who was told when, how each moved, and all of it on one scale of time."""
    courses = paper.figures.requests
    rows = [_post(paper, one) for one in courses]
    shares = {"值班岗": 1.5, "首次通知": 1.1, "签收": 1.3, "出动": 1.2, "到场": 1.3, "反馈": 1.3, "通知过程": 1.2, "状态": 0.9}
    found: list[Block] = [
        Table(_columns(shares), rows, title="各岗响应", empty="没有发出联动请求"),
        Note("用时自首次通知起算;签收时限自首次通知起算,其他时限自签收起算。电话次数和升级只计到签收为止。"),
    ]
    spans = [span for one in courses for span in _spans(paper, one)]
    if spans:
        until = paper.event.ended_at or paper.now
        found.append(SpanChart("各岗响应过程(标有时限)", spans, until=until))
    return [*found, _answers(paper)]


def _post(paper: Material, one: RequestCourse) -> list[Cell]:
    request = one.request
    return [
        f"{request.post}\n({words.PARTS[request.part]})",
        paper.when(request.begun_at),
        _moved(paper, one, "sign", request.accepted_at, one.signed),
        _moved(paper, one, "send-out", request.sent_out_at, one.sent_out),
        _moved(paper, one, "arrive", request.arrived_at, one.arrived),
        _moved(paper, one, "feedback", request.fed_back_at, one.fed_back),
        f"电话{one.calls}次{f',升{one.climbed}级' if one.climbed else ''}",
        machines.REQUEST.names[request.state],
    ]


def _moved(paper: Material, one: RequestCourse, duty: str, at: dt.datetime | None, took: float | None) -> Cell:
    limit = one.limit(duty)
    said = formats.UNKNOWN if at is None else f"{paper.when(at)}\n{formats.duration(took)}"
    if limit is None or limit.verdict != "missed":
        return said
    if limit.done_at is None:
        return Mark(f"未{DUTIES[duty]}")
    return Mark(f"{said}\n{paper.lateness(limit)}")


def _spans(paper: Material, one: RequestCourse) -> Iterator[Span]:
    """A span for each duty that had a limit, from the moment at which its time began."""
    request, over = one.request, paper.event.ended_at
    for limit in one.limits:
        start = (request.begun_at or request.asked_at) if limit.duty == "sign" else request.accepted_at
        if start is None:
            continue
        end, note = limit.done_at, ""
        if end is None and request.state == "cancelled":
            end, note = request.ended_at, "已取消"
        elif end is None and over is not None and over >= start:
            end, note = over, f"至终止未{DUTIES[limit.duty]}"
        begin = start if end is None else min(start, end)
        yield Span(f"{request.post} {DUTIES[limit.duty]}", begin, end, limit.due, note)


def _answers(paper: Material) -> Table:
    rows: list[list[Cell]] = []
    for one in paper.figures.requests:
        row = paper.requests[one.request.id]
        refused = f"曾拒绝:{without_numbers(row.reason)}" if row.reason else ""
        said = "\n".join(part for part in (without_numbers(row.feedback or ""), refused) if part)
        by_phone = any(told.outcome == "refused" for told in one.request.told) and not row.reason
        said = said or ("曾按键拒绝" if by_phone else formats.UNKNOWN)
        rows.append([one.request.post, paper.names.unit(one.request.unit), without_numbers(row.task), said])
    columns = [
        Column("值班岗", share=1.2),
        Column("责任单位", share=1.2),
        Column("任务", share=2),
        Column("反馈或拒绝理由", share=2.5),
    ]
    return Table(columns, rows, title="任务与反馈")


# --- between the lines, orders, reports


def notices(paper: Material) -> Table:
    rows: list[list[Cell]] = [
        [
            paper.names.unit(one.notice.sender),
            paper.names.unit(one.notice.receiver),
            paper.when(one.notice.sent_at),
            paper.when(one.notice.signed_at),
            formats.duration(one.signed),
            str(one.notice.climbs),
            machines.NOTICE.names[one.notice.state],
            paper.verdict(one.limit),
        ]
        for one in paper.figures.notices
    ]
    columns = _columns(
        {"通报方": 1.6, "接收方": 1.6, "通报时间": 1, "签收时间": 1, "用时": 1, "升级次数": 1, "状态": 1, "时限": 1},
        right=("升级次数",),
    )
    return Table(columns, rows, empty="没有互通报")


def tasks(paper: Material) -> Table:
    rows: list[list[Cell]] = []
    for one in paper.figures.tasks:
        row = paper.tasks[one.task.id]
        said = without_numbers(row.text) + (f"\n结果:{without_numbers(row.result)}" if row.result else "")
        rows.append([
            f"{row.number}\n{paper.names.unit(row.unit)}", said, paper.when(row.sent_at), paper.when(row.signed_at),
            paper.when(row.arrived_at), paper.when(row.done_at), paper.when(row.due_at), machines.TASK.names[row.state],
            paper.verdict(one.limit) if one.limit else "没有时限",
        ])  # fmt: skip
    columns = _columns(
        {"指令": 1.5, "内容与结果": 2.5, "下达": 1, "签收": 1, "到场": 1, "完成": 1, "时限": 1, "状态": 0.9, "执行": 1}
    )
    return Table(columns, rows, empty="没有下达指令")


def reports(paper: Material) -> Table:
    rows: list[list[Cell]] = []
    for one in paper.figures.reports:
        row = paper.reports[one.report.id]
        limits = {limit.duty: limit for limit in one.limits}
        phone, written = (paper.verdict(limits[duty]) if duty in limits else formats.UNKNOWN for duty in ("phone", "written"))
        name, receivers = f"{one.report.title}\n{row.number}", "、".join([*row.receivers, *row.copies])
        rows.append([
            name, paper.when(row.phone_by), paper.when(row.phoned_at), phone, paper.when(row.due_at),
            paper.when(row.submitted_at), written, receivers, machines.REPORT.names[row.state],
        ])  # fmt: skip
    times = ("电话时限", "电话报告", "电话结果", "书面时限", "书面报送", "书面结果")
    columns = _columns({"报告": 1.5, **dict.fromkeys(times, 1.0), "报送和抄报对象": 1.8, "状态": 0.9})
    return Table(columns, rows, empty="不需要报送")


# --- calls and material


def recordings(paper: Material) -> Table:
    """Calls of the event by their ids; whose they were stays where recordings are guarded."""
    rows: list[list[Cell]] = [_recorded(paper, one) for one in paper.recorded]
    columns = _columns({"类别": 0.7, "通话编号": 2.4, "开始": 1.2, "录音时长": 1.2, "录音编号": 2.4})
    return Table(columns, rows, empty="没有事件通话")


def _recorded(paper: Material, one: Recorded) -> list[Cell]:
    length = formats.duration(one.seconds, exact=True) if one.recording else "无录音"
    return [CALLS.get(one.kind, one.kind), one.call, paper.when(one.recorded_at or one.began_at), length, one.recording or "—"]


def stock(paper: Material) -> Table:
    rows: list[list[Cell]] = [
        [
            paper.when(one.at),
            one.name,
            "出库" if one.amount < 0 else "入库",
            f"{formats.number(abs(one.amount))}{one.measure}",
            f"{formats.number(one.left)}{one.measure}",
            paper.names.unit(one.owner),
            without_numbers(one.reason),
        ]
        for one in paper.stock
    ]
    columns = _columns(
        {"时间": 1, "物资": 1.5, "方向": 0.7, "数量": 1, "结存": 1, "保管单位": 1.5, "事由": 1.8},
        right=("数量", "结存"),
    )
    return Table(columns, rows, empty="没有使用登记的物资")


# --- limits


@dataclass(frozen=True, slots=True)
class Held:
    """A limit, and whose it was."""

    unit: str
    what: str
    group: str
    limit: Limit

    @property
    def duty(self) -> str:
        return DUTIES[self.limit.duty]


def held(paper: Material) -> list[Held]:
    """All limits of the event: of posts, mutual notices, reports, and orders."""
    figures, unit = paper.figures, paper.names.unit
    found = [
        Held(unit(one.request.unit), one.request.post, words.DUTIES[limit.duty], limit)
        for one in figures.requests
        for limit in one.limits
    ]
    found += [Held(unit(one.notice.receiver), "互通报", "签收互通报", one.limit) for one in figures.notices]
    centre = unit(paper.event.centre)
    found += [Held(centre, one.report.title, "信息报送", limit) for one in figures.reports for limit in one.limits]
    found += [Held(unit(one.task.unit), f"指令 {one.task.number}", "完成指令", one.limit) for one in figures.tasks if one.limit]
    return found


def limits(paper: Material) -> list[Block]:
    """How many limits were kept, which were not (联动不及时清单), and which were."""
    everything = held(paper)
    missed = [one for one in everything if one.limit.verdict == "missed"]
    rest = [one for one in everything if one.limit.verdict in ("kept", "open")]
    return [
        _sums(everything),
        _list(paper, missed, "联动不及时清单", "没有超时的环节"),
        Note("清单按时限自动列出;后果和责任由复盘认定,责任单位有异议的可申请复核。"),
        _list(paper, rest, "按时完成和未到时限的环节", "无"),
    ]


def _sums(everything: Sequence[Held]) -> Table:
    rows: list[list[Cell]] = []
    for group in dict.fromkeys(one.group for one in everything):
        mine = [one.limit for one in everything if one.group == group]
        settled = ratio(mine)
        missed = settled.of - settled.kept
        open_ = sum(one.verdict == "open" for one in mine)
        late: Cell = Mark(str(missed)) if missed else "0"
        rows.append([group, str(settled.of), str(settled.kept), late, str(open_), formats.percent(settled.share)])
    numbers = ("应完成", "按时", "超时", "未到时限", "按时率")
    columns = _columns({"环节": 1.5, **dict.fromkeys(numbers, 1.0)}, right=numbers)
    return Table(columns, rows, title="时限执行汇总", empty="没有到期的时限")


def _list(paper: Material, rows: Sequence[Held], title: str, empty: str) -> Table:
    cells: list[list[Cell]] = [
        [one.unit, one.what, one.duty, paper.when(one.limit.due), paper.when(one.limit.done_at), paper.verdict(one.limit)]
        for one in rows
    ]
    columns = _columns({"责任单位": 1.5, "岗位或事项": 1.4, "环节": 1, "应完成时间": 1, "实际完成时间": 1, "结果": 1.3})
    return Table(columns, cells, title=title, empty=empty)
