"""Endpoints of reports to the higher level, reviews, and plans."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy import select

from api.emergencies import schemas, views
from api.emergencies.endpoints import load
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import IfMatch, Pages, allowed
from router.access import rules
from router.access.actor import Actor
from router.linkage.drill import drills
from router.linkage.emergency import reporting
from router.linkage.planning import plan_versions, plans
from router.linkage.review import reviews
from router.storage.duty import PlanVersion
from router.storage.emergencies import EmergencyEvent, Improvement, SituationReport

router = routing.router("", "linkage-papers")

Reporter = Annotated[Actor, allowed("event.report")]
Reviewer = Annotated[Actor, allowed("event.review")]
PlanReader = Annotated[Actor, allowed("plan.read")]
Publisher = Annotated[Actor, allowed("plan.publish")]


def _report(response: Response, row: SituationReport, event: EmergencyEvent) -> views.ReportView:
    etag.put(response, row.rev)
    return views.report(row, reporting.prefilled(event))


@router.get("/situation-reports", summary="信息报送 / Reports to the higher level")
async def list_reports(
    work: Looking,
    pages: Pages,
    _: Reporter,
    state: Annotated[list[str] | None, Query(max_length=8)] = None,
    late: Annotated[bool, Query(description="只列迟报、漏报")] = False,
) -> paging.Page[views.ReportView]:
    """迟报、漏报自动识别(每季通报用)。"""
    query = select(SituationReport).where(rules.visible_reports(work.actor, work.now))
    if state:
        query = query.where(SituationReport.state.in_(state))
    if late:
        query = query.where(SituationReport.was_late)
    keys: Any = [SituationReport.number, SituationReport.id]
    rows, after = await paging.fetch(work.session, query, pages, name="situation-reports", keys=keys)
    return paging.Page(items=[views.report(row) for row in rows], next=after)


@router.post("/emergencies/{event}/reports", status_code=201, summary="起草报告 / Begin a report")
async def write(event: str, body: schemas.WriteBody, work: Working, response: Response, _: Reporter) -> views.ReportView:
    row = await load(work, event)
    return _report(response, await reporting.write(work, event, body.kind), row)


@router.post("/situation-reports/{report}/phone", summary="已电话报告 / Told by phone")
async def phone(
    report: str, body: schemas.PhoneBody, rev: IfMatch, work: Working, response: Response, _: Reporter
) -> views.ReportView:
    """紧急情况先电话后书面。"""
    row = await rules.load(work.session, work.actor, SituationReport, report, work.now)
    made = await reporting.phone(work, report, to=body.to, at=body.at, rev=rev)
    return _report(response, made, await load(work, row.event_id))


@router.post("/situation-reports/{report}/submit", summary="书面报送 / Submit")
async def submit(
    report: str, body: schemas.SubmitBody, rev: IfMatch, work: Working, response: Response, _: Reporter
) -> views.ReportView:
    """缺少必填项时指明哪一项。"""
    row = await rules.load(work.session, work.actor, SituationReport, report, work.now)
    made = await reporting.submit(work, report, body.fields, rev)
    return _report(response, made, await load(work, row.event_id))


# --- reviews


def _review(response: Response, row: Any) -> views.ReviewView:
    etag.put(response, row.rev)
    return views.review(row)


@router.get("/emergencies/{event}/review", summary="复盘 / The review")
async def show_review(event: str, work: Looking, response: Response, _: Reviewer) -> views.ReviewView:
    await load(work, event)
    return _review(response, await reviews.get(work, event))


@router.put("/emergencies/{event}/review", summary="填写复盘结论 / Write conclusions")
async def write_review(
    event: str, body: schemas.ConclusionsBody, rev: IfMatch, work: Working, response: Response, _: Reviewer
) -> views.ReviewView:
    await load(work, event)
    return _review(response, await reviews.write(work, event, body.conclusions, rev))


@router.post("/emergencies/{event}/review/conclude", summary="复盘定稿 / Conclude")
async def conclude(event: str, rev: IfMatch, work: Working, response: Response, _: Reviewer) -> views.ReviewView:
    await load(work, event)
    return _review(response, await reviews.conclude(work, event, rev))


@router.get("/emergencies/{event}/improvements", summary="改进项 / Improvements")
async def list_improvements(
    event: str, work: Looking, actor: Annotated[Actor, allowed("event.read")]
) -> list[views.ImprovementView]:
    await load(work, event)
    found = await reviews.improvements(work, event)
    return [views.improvement(one, work.now) for one in found if actor.role != "agency" or one.unit == actor.desk]


@router.post("/emergencies/{event}/improvements", status_code=201, summary="提出改进项 / Ask for an improvement")
async def improve(event: str, body: schemas.ImproveBody, work: Working, response: Response, _: Reviewer) -> views.ImprovementView:
    await load(work, event)
    made = await reviews.improve(work, event, text=body.text, unit=body.unit, due_on=body.due_on)
    etag.put(response, made.rev)
    return views.improvement(made, work.now)


@router.post("/improvements/{improvement}/steps", summary="改进项进展 / A step of an improvement")
async def improvement_step(
    improvement: str,
    body: schemas.ImprovementStepBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    _: Annotated[Actor, allowed("improvement.answer")],
) -> views.ImprovementView:
    await rules.load(work.session, work.actor, Improvement, improvement, work.now)
    made = await reviews.improvement_step(work, improvement, body.step, body.text, rev)
    etag.put(response, made.rev)
    return views.improvement(made, work.now)


# --- plans


@router.get("/plans", summary="预案 / Plans")
async def list_plans(
    work: Looking,
    _: PlanReader,
    city: Annotated[str | None, Query(pattern="^[0-9]{6}$")] = None,
    all_versions: Annotated[bool, Query(description="包括已停用的版本")] = False,
) -> list[views.PlanRow]:
    """`review_due` 为真的须组织评审。"""
    found = await plan_versions.listed(work.session, city_of(work, city), all_versions=all_versions)
    return [views.plan(row, work.now) for row in found]


async def _plan(work: Looking, version: str) -> PlanVersion:
    return await plan_versions.get(work.session, version)


@router.get("/plans/{version}", summary="预案全文 / A plan")
async def show_plan(version: str, work: Looking, _: PlanReader) -> views.WholePlan:
    row = await _plan(work, version)
    runs = [views.run(one) for one in await drills.of_plan(work, row.city, row.plan)]
    return views.WholePlan(**dict(views.plan(row, work.now)), content=row.content, runs=runs)


@router.post("/plans", status_code=201, summary="发布预案版本 / Publish a plan")
async def publish(body: schemas.PlanBody, work: Working, _: Publisher) -> views.PlanRow:
    """正在运行的响应不受影响。"""
    city = own_city(work, body.city)
    made = await plan_versions.publish(work, plans.parse(body.content), city=city, note=body.note)
    return views.plan(made, work.now)


@router.post("/plans/{version}/retire", summary="停用预案 / Retire a plan")
async def retire(version: str, work: Working, _: Publisher) -> views.PlanRow:
    row = await plan_versions.get(work.session, version)
    own_city(work, row.city)
    return views.plan(await plan_versions.retire(work, version), work.now)
