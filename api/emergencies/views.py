"""Answers about emergency events."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import Field

from api.kit.fields import View
from router.linkage import machines
from router.linkage.drill import rehearsal
from router.linkage.emergency import kinds, levels, report_form
from router.linkage.notifying import ladder, requests
from router.storage.duty import PlanVersion
from router.storage.emergencies import Drill, EmergencyEvent, EventReview, EventTask, Improvement, MutualNotice, SituationReport
from router.storage.notifying import LinkageAttempt, LinkageRequest


class EventView(View):
    """突发事件"""

    id: str
    rev: int
    number: str
    city: str
    state: str
    state_name: str
    category: str
    category_name: str
    kind: str
    kind_name: str
    title: str
    level: int | None = Field(description="1 特别重大 至 4 一般;社会安全事件可不定级")
    level_proposed: int | None = Field(description="按判据建议的级别")
    level_reason: str | None
    response: int | None = Field(description="响应级别")
    facts: dict[str, Any] = Field(description="定级数据")
    sensitive: list[str]
    happened_at: dt.datetime
    place: str
    division: str | None
    latitude: float | None
    longitude: float | None
    radius: float | None
    situation: str
    answer: str = Field(description="统一答复口径")
    centre: str
    parent_id: str | None
    drill: bool = Field(description="演练事件,不计入统计")
    plan_version: str | None
    registered_at: dt.datetime
    registered_by: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    reviewed_at: dt.datetime | None


def event(row: EmergencyEvent) -> EventView:
    return EventView(
        id=row.id,
        rev=row.rev,
        number=row.number,
        city=row.city,
        state=row.state,
        state_name=machines.EVENT.names[row.state],
        category=row.category,
        category_name=kinds.CATEGORIES[row.category],
        kind=row.kind,
        kind_name=kinds.KINDS[row.kind].name,
        title=row.title,
        level=row.level,
        level_proposed=row.level_proposed,
        level_reason=row.level_reason,
        response=row.response,
        facts=row.facts,
        sensitive=row.sensitive,
        happened_at=row.happened_at,
        place=row.place,
        division=row.division,
        latitude=row.latitude,
        longitude=row.longitude,
        radius=row.radius,
        situation=row.situation,
        answer=row.answer,
        centre=row.centre,
        parent_id=row.parent_id,
        drill=row.drill_id is not None,
        plan_version=row.plan_version,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
        reviewed_at=row.reviewed_at,
    )


class RequestView(View):
    """联动请求"""

    id: str
    rev: int
    event_id: str
    step: str
    post_id: str
    post_name: str
    unit: str
    part: str = Field(description="lead 主责、assist 配合、inform 知会")
    task: str
    state: str
    state_name: str
    rung: int = Field(description="已逐级升级到第几级;0 为本岗")
    chasing: str | None = Field(description="已签收但超时未做的事")
    reopened: int
    asked_at: dt.datetime
    begun_at: dt.datetime | None
    accepted_at: dt.datetime | None
    accepted_by: str | None
    accepted_via: str | None
    sent_out_at: dt.datetime | None
    arrived_at: dt.datetime | None
    fed_back_at: dt.datetime | None
    late: list[str] = Field(description="超时的环节:sign、send-out、arrive、feedback")
    due: dict[str, dt.datetime] = Field(description="各环节的时限")
    reason: str | None
    feedback: str | None


def request(row: LinkageRequest) -> RequestView:
    asked = requests.asked(row)
    due = {duty: at for duty, _ in ladder.MOVES if (at := ladder.due(asked, duty)) is not None}
    return RequestView(
        id=row.id,
        rev=row.rev,
        event_id=row.event_id,
        step=row.step,
        post_id=row.post_id,
        post_name=row.post_name,
        unit=row.unit,
        part=row.part,
        task=row.task,
        state=row.state,
        state_name=machines.REQUEST.names[row.state],
        rung=row.rung,
        chasing=row.chasing,
        reopened=row.reopened,
        asked_at=row.asked_at,
        begun_at=row.begun_at,
        accepted_at=row.accepted_at,
        accepted_by=row.accepted_by,
        accepted_via=row.accepted_via,
        sent_out_at=row.sent_out_at,
        arrived_at=row.arrived_at,
        fed_back_at=row.fed_back_at,
        late=row.late,
        due={str(duty): at for duty, at in due.items()},
        reason=row.reason,
        feedback=row.feedback,
    )


class AttemptView(View):
    """通知记录:一次呼叫、短信或工作台提醒"""

    id: str
    request_id: str | None
    notice_id: str | None
    channel: str
    state: str
    rung: int
    post_id: str
    outcome: str | None
    note: str | None
    at: dt.datetime
    sent_at: dt.datetime | None
    answered_at: dt.datetime | None
    ended_at: dt.datetime | None
    call_id: str | None


def attempt(row: LinkageAttempt) -> AttemptView:
    return AttemptView.model_validate(row)


class MutualView(View):
    """互相通报"""

    id: str
    rev: int
    event_id: str
    from_centre: str
    to_centre: str
    state: str
    state_name: str
    text: str
    sent_at: dt.datetime
    due_at: dt.datetime
    climbs: int
    signed_at: dt.datetime | None
    signed_by: str | None


def mutual(row: MutualNotice) -> MutualView:
    names = {"state_name": machines.NOTICE.names[row.state]}
    return MutualView(**{name: getattr(row, name) for name in MutualView.model_fields if name not in names}, **names)


class TaskView(View):
    """指令"""

    id: str
    rev: int
    number: str
    event_id: str
    unit: str
    post_id: str | None
    text: str
    state: str
    state_name: str
    due_at: dt.datetime | None
    overdue_at: dt.datetime | None
    sent_at: dt.datetime
    signed_at: dt.datetime | None
    on_the_way_at: dt.datetime | None
    arrived_at: dt.datetime | None
    latitude: float | None
    longitude: float | None
    accuracy: float | None
    done_at: dt.datetime | None
    result: str | None


def task(row: EventTask) -> TaskView:
    names = {"state_name": machines.TASK.names[row.state]}
    return TaskView(**{name: getattr(row, name) for name in TaskView.model_fields if name not in names}, **names)


class ReportView(View):
    """信息报送"""

    id: str
    rev: int
    number: str
    event_id: str
    kind: str
    title: str = Field(description="初报、续报一……、终报")
    serial: int
    state: str
    state_name: str
    phone_by: dt.datetime | None
    due_at: dt.datetime | None
    phoned_at: dt.datetime | None
    phoned_to: str | None
    submitted_at: dt.datetime | None
    late: list[str]
    receivers: list[str]
    copies: list[str]
    fields: dict[str, str]
    needed: list[str] = Field(description="必填项")
    text: str | None


def report(row: SituationReport, known: dict[str, str] | None = None) -> ReportView:
    """``known``: what of a report that is still to be written is known already."""
    more = {
        "state_name": machines.REPORT.names[row.state],
        "title": report_form.title(row.kind, row.serial),
        "needed": [name for name, one in report_form.FIELDS.items() if row.kind in one.needed],
        "fields": row.fields or known or {},
    }
    return ReportView(**{name: getattr(row, name) for name in ReportView.model_fields if name not in more}, **more)


class ReviewView(View):
    """复盘"""

    event_id: str
    rev: int
    state: str
    conclusions: str
    opened_at: dt.datetime
    concluded_at: dt.datetime | None
    updated_at: dt.datetime


def review(row: EventReview) -> ReviewView:
    return ReviewView.model_validate(row)


class ImprovementView(View):
    """改进项"""

    id: str
    rev: int
    event_id: str
    text: str
    unit: str
    due_on: dt.date
    overdue: bool
    state: str
    state_name: str
    result: str | None
    at: dt.datetime
    done_at: dt.datetime | None


def improvement(row: Improvement, now: dt.datetime) -> ImprovementView:
    more = {
        "state_name": machines.IMPROVEMENT.names[row.state],
        "overdue": row.state == "open" and row.due_on < now.astimezone(report_form.HERE).date(),
    }
    return ImprovementView(**{name: getattr(row, name) for name in ImprovementView.model_fields if name not in more}, **more)


class PlanRow(View):
    """预案"""

    id: str
    plan: str
    serial: int
    name: str
    filing_number: str
    review_by: dt.date
    review_due: bool = Field(description="评审期限已到或已过")
    note: str
    created_at: dt.datetime
    created_by: str
    retired_at: dt.datetime | None


class PlanRun(View):
    """按预案进行的一次演练"""

    drill: str
    name: str
    form: str
    version: str = Field(description="所用的预案版本")
    ended_at: dt.datetime | None
    share: float | None = Field(description="得分率,0至100")
    note: str = Field(description="人工讲评")


class WholePlan(PlanRow):
    content: dict[str, Any]
    runs: list[PlanRun] = Field(description="各版本的演练,最近的在前")


def run(row: Drill) -> PlanRun:
    return PlanRun(
        drill=row.id,
        name=row.name,
        form=rehearsal.FORMS[row.form],
        version=row.plan_version or "",
        ended_at=row.ended_at,
        share=row.score.get("share"),
        note=row.note,
    )


def plan(row: PlanVersion, now: dt.datetime) -> PlanRow:
    due = row.review_by <= now.astimezone(report_form.HERE).date()
    names = [name for name in PlanRow.model_fields if name != "review_due"]
    return PlanRow(**{name: getattr(row, name) for name in names}, review_due=due)


class FactView(View):
    """定级数据的一项"""

    name: str
    label: str
    unit: str
    choices: dict[str, str]


class KindView(View):
    """事件类型"""

    name: str
    label: str
    category: str
    category_name: str
    plan: str | None = Field(description="现行预案")


def facts() -> list[FactView]:
    return [FactView(name=name, label=one.label, unit=one.unit, choices=dict(one.choices)) for name, one in levels.FACTS.items()]
