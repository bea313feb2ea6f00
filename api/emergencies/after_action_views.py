"""Answers with the figures of an after-action report."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from api.kit.fields import View
from router.linkage import machines
from router.linkage.review import course
from router.linkage.review.after_action_material import RUNNING
from router.linkage.review.course import Figures
from router.storage.emergencies import EmergencyEvent


class LimitFigure(View):
    """一个时限及其执行"""

    duty: str = Field(description="sign、send-out、arrive、feedback;报送的 phone、written;指令的 finish")
    due: dt.datetime
    done_at: dt.datetime | None
    verdict: str = Field(description="kept 按时、missed 超时、open 未到时限、lifted 不再要求")
    over: float = Field(description="超过时限的秒数;没有完成的算到现在")
    told_late: bool = Field(description="按时完成,事后才上报")
    implied: bool = Field(description="没有单独上报,以后续环节为准")


class PostFigures(View):
    """一个联动请求的过程,用时均为秒"""

    id: str
    post: str
    unit: str
    part: str
    state: str
    state_name: str
    told: float | None = Field(description="从提出到首次通知")
    signed: float | None = Field(description="从首次通知到签收;以下各项同")
    sent_out: float | None
    arrived: float | None
    fed_back: float | None
    calls: int = Field(description="签收前拨打电话的次数")
    climbed: int = Field(description="签收前升到第几级;0 为本岗")
    reopened: int = Field(description="签收后没有进展而督促的次数")
    limits: list[LimitFigure]


class NoticeFigures(View):
    """一次互通报"""

    id: str
    sender: str
    receiver: str
    state: str
    climbs: int
    signed: float | None
    limit: LimitFigure


class ReportFigures(View):
    """一份信息报送"""

    id: str
    title: str
    state: str
    limits: list[LimitFigure]


class TaskFigures(View):
    """一条指令"""

    id: str
    number: str
    unit: str
    state: str
    signed: float | None
    done: float | None
    limit: LimitFigure | None


class RatioFigure(View):
    """按时的和应完成的"""

    kept: int
    of: int
    share: float | None


class SpreadFigure(View):
    """一组用时,秒"""

    count: int
    median: float | None
    p90: float | None = Field(description="90% 不超过")


class TotalsFigures(View):
    """合计"""

    told: int
    signed: int
    sign: RatioFigure
    to_sign: SpreadFigure
    to_arrive: SpreadFigure
    climbed: int
    calls: int
    refused: int
    unsigned: int = Field(description="超时仍无人签收")
    duties: dict[str, RatioFigure]


class TallyFigures(View):
    """事项和来电按小时的数量;时间太长时按天或按月"""

    step: str
    starts: list[dt.datetime]
    counts: dict[str, list[int]] = Field(description="matters 事项、calls 来电")


class AfterActionView(View):
    """复盘数据"""

    event_id: str
    number: str
    state: str
    state_name: str
    drill: bool = Field(description="演练,不计入统计")
    interim: bool = Field(description="事件仍在处置中,数据还会变化")
    made_at: dt.datetime
    totals: TotalsFigures
    requests: list[PostFigures]
    notices: list[NoticeFigures]
    notices_signed: RatioFigure
    reports: list[ReportFigures]
    reports_made: RatioFigure
    tasks: list[TaskFigures]
    tasks_done: RatioFigure
    tally: TallyFigures


def view(event: EmergencyEvent, figures: Figures, now: dt.datetime) -> AfterActionView:
    return AfterActionView(
        event_id=event.id,
        number=event.number,
        state=event.state,
        state_name=machines.EVENT.names[event.state],
        drill=event.drill_id is not None,
        interim=event.state in RUNNING,
        made_at=now,
        totals=TotalsFigures.model_validate(figures.totals),
        requests=[_post(one) for one in figures.requests],
        notices=[_notice(one) for one in figures.notices],
        notices_signed=RatioFigure.model_validate(figures.notices_signed),
        reports=[_report(one) for one in figures.reports],
        reports_made=RatioFigure.model_validate(figures.reports_made),
        tasks=[_task(one) for one in figures.tasks],
        tasks_done=RatioFigure.model_validate(figures.tasks_done),
        tally=TallyFigures.model_validate(figures.tally),
    )


def _limit(one: course.Limit) -> LimitFigure:
    return LimitFigure.model_validate(one)


def _post(one: course.RequestCourse) -> PostFigures:
    request = one.request
    return PostFigures(
        id=request.id,
        post=request.post,
        unit=request.unit,
        part=request.part,
        state=request.state,
        state_name=machines.REQUEST.names[request.state],
        told=one.told,
        signed=one.signed,
        sent_out=one.sent_out,
        arrived=one.arrived,
        fed_back=one.fed_back,
        calls=one.calls,
        climbed=one.climbed,
        reopened=request.reopened,
        limits=[_limit(limit) for limit in one.limits],
    )


def _notice(one: course.NoticeCourse) -> NoticeFigures:
    row = one.notice
    return NoticeFigures(
        id=row.id, sender=row.sender, receiver=row.receiver, state=row.state, climbs=row.climbs, signed=one.signed,
        limit=_limit(one.limit),
    )  # fmt: skip


def _report(one: course.ReportCourse) -> ReportFigures:
    row = one.report
    return ReportFigures(id=row.id, title=row.title, state=row.state, limits=[_limit(limit) for limit in one.limits])


def _task(one: course.TaskCourse) -> TaskFigures:
    row = one.task
    return TaskFigures(
        id=row.id, number=row.number, unit=row.unit, state=row.state, signed=one.signed, done=one.done,
        limit=_limit(one.limit) if one.limit else None,
    )  # fmt: skip
