"""Endpoints of tickets and assignments."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from pydantic import Field

from api.cases import views
from api.cases.endpoints import may_search
from api.kit import etag, paging, routing
from api.kit.casework import Looking, Working
from api.kit.deps import IfMatch, Pages, allowed
from api.kit.fields import MANY_LINES, Body, CreditCode, Id, Moment, Text, View
from router.access import rules
from router.access.actor import Actor
from router.casework import assignments, handoffs, listing, tickets
from router.catalog.model import Limit
from router.storage.casework import Assignment, Ticket

router = routing.router("", "tickets")


class TicketFilters:
    """Query parameters of the list of tickets."""

    def __init__(
        self,
        state: Annotated[list[str] | None, Query(max_length=12, description="状态,可多选")] = None,
        number: Annotated[str | None, Query(max_length=32)] = None,
        agency: Annotated[str | None, Query(max_length=18, description="承办单位代码")] = None,
        platform: Annotated[str | None, Query(max_length=64, description="受理平台")] = None,
        item: Annotated[str | None, Query(max_length=64)] = None,
        kind: Annotated[str | None, Query(max_length=20)] = None,
        division: Annotated[str | None, Query(pattern=r"^[0-9]{6,12}$", description="以 00 结尾时包含下级")] = None,
        urgency: Annotated[str | None, Query(pattern=r"^(normal|urgent|danger)$")] = None,
        channel: Annotated[str | None, Query(max_length=20)] = None,
        since: Annotated[Moment | None, Query()] = None,
        until: Annotated[Moment | None, Query()] = None,
        overdue: Annotated[bool | None, Query(description="有超时未完成的时限")] = None,
        words: Annotated[str | None, Query(min_length=2, max_length=50)] = None,
        caller: Annotated[str | None, Query(max_length=32)] = None,
    ) -> None:
        self.filters = listing.Filters(
            states=state,
            number=number,
            agency=agency,
            platform=platform,
            item=item,
            kind=kind,
            division=division,
            urgency=urgency,
            channel=channel,
            since=since,
            until=until,
            overdue=overdue,
            words=words,
            caller=caller,
        )


class TicketRow(View):
    """列表中的一行"""

    ticket: views.TicketView
    case: views.CaseView


@router.get("/tickets", summary="工单列表 / List tickets")
async def list_(
    work: Looking, pages: Pages, actor: Annotated[Actor, allowed("ticket.read")], given: Annotated[TicketFilters, Depends()]
) -> paging.Page[TicketRow]:
    may_search(actor, given.filters)
    query = listing.tickets(work.actor, work.now, given.filters)
    rows, after = await paging.fetch(work.session, query, pages, name="tickets", keys=[Ticket.created_at, Ticket.id])
    seen = await views.sights(work, [case for _, case in rows])
    return paging.Page(
        items=[TicketRow(ticket=views.ticket(ticket), case=views.case(case, seen[case.id])) for ticket, case in rows],
        next=after,
    )


@router.get("/tickets/{ticket}", summary="工单详情 / One ticket")
async def show(
    ticket: str, work: Looking, response: Response, actor: Annotated[Actor, allowed("ticket.read")]
) -> views.TicketView:
    row = await rules.load(work.session, actor, Ticket, ticket, work.now)
    etag.put(response, row.rev)
    return views.ticket(row)


@router.get("/tickets/{ticket}/assignments", summary="承办任务 / Shares of a ticket")
async def shares(ticket: str, work: Looking, actor: Annotated[Actor, allowed("ticket.read")]) -> list[views.AssignmentView]:
    """承办单位只看到自己和牵头单位的任务。"""
    await rules.load(work.session, actor, Ticket, ticket, work.now)
    found = await assignments.of_ticket(work, ticket)
    if actor.role == "agency":
        found = [one for one in found if one.agency == actor.desk or one.lead]
    return [views.assignment(one) for one in found]


async def _ticket(work: Working, actor: Actor, ticket: str) -> None:
    await rules.load(work.session, actor, Ticket, ticket, work.now)


async def _share(work: Working, actor: Actor, assignment: str) -> None:
    await rules.load(work.session, actor, Assignment, assignment, work.now)


def _told(response: Response, row: Ticket) -> views.TicketView:
    etag.put(response, row.rev)
    return views.ticket(row)


def _share_told(response: Response, row: Assignment) -> views.AssignmentView:
    etag.put(response, row.rev)
    return views.assignment(row)


class TicketDispatchBody(Body):
    """派单;多个单位即联合调处,须指定牵头。"""

    agencies: Annotated[list[CreditCode], Field(min_length=1, max_length=20)]
    lead: CreditCode | None = None
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


@router.post("/tickets/{ticket}/dispatch", summary="派单 / Dispatch")
async def dispatch(
    ticket: str,
    body: TicketDispatchBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.dispatch")],
) -> views.TicketView:
    """派给一个或多个承办单位,也可直派乡镇(街道)或一线单位;原承办单位收回。"""
    await _ticket(work, actor, ticket)
    return _told(response, await tickets.dispatch(work, ticket, body.agencies, body.lead, rev, note=body.note))


class AnswerBody(Body):
    text: Text


@router.post("/tickets/{ticket}/answer", summary="即问即答 / Answer at once")
async def answer(
    ticket: str,
    body: AnswerBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.guide")],
) -> views.TicketView:
    await _ticket(work, actor, ticket)
    return _told(response, await tickets.answer(work, ticket, body.text, rev))


class GuideBody(Body):
    """引导解释:必须选标准话术或去处。"""

    guidance: Id
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


@router.post("/tickets/{ticket}/guide", summary="引导解释并办结 / Explain and close")
async def guide(
    ticket: str,
    body: GuideBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.guide")],
) -> views.TicketView:
    await _ticket(work, actor, ticket)
    return _told(response, await tickets.guide(work, ticket, body.guidance, body.note, rev))


class CallBackBody(Body):
    """回访"""

    reached: bool
    resolved: bool | None = None
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = None
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


@router.post("/tickets/{ticket}/call-back", summary="回访 / Call-back")
async def call_back(
    ticket: str,
    body: CallBackBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.callback")],
) -> views.TicketView:
    """未联系上只留记录;未解决则退回原承办单位重办。"""
    await _ticket(work, actor, ticket)
    row = await tickets.call_back(
        work, ticket, reached=body.reached, satisfaction=body.satisfaction, resolved=body.resolved, note=body.note, rev=rev
    )
    return _told(response, row)


class CloseBody(Body):
    """办结"""

    resolution: Annotated[str, Field(max_length=2000), MANY_LINES] = Field(default="", description="化解结果;跟踪的矛盾纠纷必填")
    without_call_back: Annotated[str, Field(max_length=500), MANY_LINES] = Field(default="", description="不回访的理由")


@router.post("/tickets/{ticket}/close", summary="办结 / Close")
async def close(
    ticket: str,
    body: CloseBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.close")],
) -> views.TicketView:
    """有流转未反馈时不能办结。"""
    await _ticket(work, actor, ticket)
    row = await tickets.close(work, ticket, resolution=body.resolution, without_call_back=body.without_call_back, rev=rev)
    return _told(response, row)


class ReasonBody(Body):
    reason: Text


@router.post("/tickets/{ticket}/reopen", summary="重开 / Reopen")
async def reopen(
    ticket: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.reopen")],
) -> views.TicketView:
    await _ticket(work, actor, ticket)
    return _told(response, await tickets.reopen(work, ticket, body.reason, rev))


@router.post("/tickets/{ticket}/withdraw", summary="撤回 / Withdraw")
async def withdraw(
    ticket: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.cancel")],
) -> views.TicketView:
    await _ticket(work, actor, ticket)
    return _told(response, await tickets.withdraw(work, ticket, body.reason, rev))


@router.post("/tickets/{ticket}/request-police", status_code=201, summary="请求110 / Ask for police")
async def request_police(
    ticket: str,
    body: ReasonBody,
    work: Working,
    actor: Annotated[Actor, allowed("ticket.request_police")],
) -> views.HandoffView:
    """办理中发现激化、失控或违法犯罪:110 立即派警,警单自动带上工单内容。"""
    await _ticket(work, actor, ticket)
    return views.handoff(await handoffs.ask_police(work, ticket, body.reason))


# --- what an agency does with its share -------------------------------------------------------------------------------


@router.get("/assignments/{assignment}", summary="承办任务 / One share")
async def show_share(
    assignment: str, work: Looking, response: Response, actor: Annotated[Actor, allowed("ticket.read")]
) -> views.AssignmentView:
    return _share_told(response, await rules.load(work.session, actor, Assignment, assignment, work.now))


@router.post("/assignments/{assignment}/sign", summary="签收 / Sign")
async def sign(
    assignment: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("ticket.sign")]
) -> views.AssignmentView:
    """签收后开始计算办理时限。"""
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.sign(work, assignment, rev))


class NoteBody(Body):
    note: Annotated[str, Field(max_length=2000), MANY_LINES] = ""


@router.post("/assignments/{assignment}/handle", summary="开始办理 / Begin")
async def handle(
    assignment: str,
    body: NoteBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.handle")],
) -> views.AssignmentView:
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.handle(work, assignment, body.note, rev))


class ProgressBody(Body):
    note: Text


@router.post("/assignments/{assignment}/progress", summary="办理记录 / Progress")
async def progress(
    assignment: str,
    body: ProgressBody,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.handle")],
) -> views.AssignmentView:
    """联合调处时各单位都可填写,进入时间线。"""
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.progress(work, assignment, body.note))


@router.post("/assignments/{assignment}/pause", summary="挂起 / Pause")
async def pause(
    assignment: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.pause")],
) -> views.AssignmentView:
    """时限停止计算,理由受理平台可见。"""
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.pause(work, assignment, body.reason, rev))


@router.post("/assignments/{assignment}/resume", summary="恢复办理 / Resume")
async def resume(
    assignment: str, rev: IfMatch, work: Working, response: Response, actor: Annotated[Actor, allowed("ticket.pause")]
) -> views.AssignmentView:
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.resume(work, assignment, rev))


class ExtensionBody(Body):
    """申请延期"""

    amount: Annotated[int, Field(ge=1, le=1000)]
    unit: Literal["minutes", "working-hours", "working-days"] = "working-days"
    reason: Text


@router.post("/assignments/{assignment}/ask-extension", summary="申请延期 / Ask for more time")
async def ask_extension(
    assignment: str,
    body: ExtensionBody,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.handle")],
) -> views.AssignmentView:
    await _share(work, actor, assignment)
    row = await assignments.ask_extension(work, assignment, Limit(body.amount, body.unit), body.reason)
    return _share_told(response, row)


class ExtensionDecisionBody(Body):
    granted: bool
    note: Annotated[str, Field(max_length=1000), MANY_LINES] = ""


@router.post("/assignments/{assignment}/decide-extension", summary="审批延期 / Decide on more time")
async def decide_extension(
    assignment: str,
    body: ExtensionDecisionBody,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.dispatch")],
) -> views.AssignmentView:
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.decide_extension(work, assignment, body.granted, body.note))


@router.post("/assignments/{assignment}/return", summary="退单 / Send back")
async def return_(
    assignment: str,
    body: ReasonBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.return")],
) -> views.AssignmentView:
    """理由必填;受理平台可以提出争议。"""
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.return_(work, assignment, body.reason, rev))


@router.post("/assignments/{assignment}/dispute", summary="退单争议 / Dispute a return")
async def dispute(
    assignment: str,
    body: AnswerBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.dispute")],
) -> views.AssignmentView:
    """受理平台不同意退单:承办单位签收,或坚持退回。"""
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.dispute(work, assignment, body.text, rev))


@router.post("/assignments/{assignment}/feedback", summary="反馈办理结果 / Feed back")
async def feedback(
    assignment: str,
    body: AnswerBody,
    rev: IfMatch,
    work: Working,
    response: Response,
    actor: Annotated[Actor, allowed("ticket.feedback")],
) -> views.AssignmentView:
    await _share(work, actor, assignment)
    return _share_told(response, await assignments.feedback(work, assignment, body.text, rev))
