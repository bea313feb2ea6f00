"""What an agency does with its share of a ticket (承办任务), from signing to feedback, and what the platform answers."""

from __future__ import annotations

from sqlalchemy import select

from router.casework import faces
from router.casework.limits import catalog_of, handling_limit, signing_limit
from router.casework.machines import ASSIGNMENT, TICKET
from router.casework.work import Work, fresh, move, need, operation, touch
from router.catalog.model import Limit
from router.errors import Conflict, Invalid, NotFound
from router.storage.casework import Assignment, Case, Ticket
from router.supervision import deadlines, notices

RETURNS_TO_NOTICE = 2
"""A ticket that was returned so often is on the list of smart supervision."""


async def of_ticket(work: Work, ticket: str) -> list[Assignment]:
    """All shares of a ticket, the newest first."""
    query = select(Assignment).where(Assignment.ticket_id == ticket).order_by(Assignment.dispatched_at.desc(), Assignment.id)
    return list((await work.session.scalars(query)).all())


async def get(work: Work, id_: str) -> tuple[Case, Ticket, Assignment]:
    """A share with its ticket and case, held against everybody else's changes."""
    row = await work.session.get(Assignment, id_)
    if row is None:
        raise NotFound("没有这项承办任务", "请刷新列表", assignment=id_)
    case, ticket = await faces.ticket(work, row.ticket_id)
    await work.session.refresh(row)
    return case, ticket, row


@operation
async def sign(work: Work, assignment_id: str, rev: int | None = None) -> Assignment:
    """The agency takes its share (签收): the time for handling begins."""
    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    move(work, ASSIGNMENT, row, "sign", agency=row.agency)
    row.signed_at, row.signed_by = work.now, work.actor.id
    await deadlines.end(work, row.id, "sign")
    catalog = await catalog_of(work, case)
    if not await deadlines.running(work, row.id, "handle"):
        await deadlines.start(
            work,
            case,
            subject=row.id,
            duty="handle",
            unit=row.agency,
            limit=handling_limit(catalog, ticket.item, ticket.urgency),
            share=catalog.limits.remind_share,
        )
    if row.lead and TICKET.can(ticket.state, "sign"):
        move(work, TICKET, ticket, "sign", agency=row.agency)
        ticket.signed_at = work.now
    work.tell("ticket.signed", case.id, [ticket.platform, row.agency], ticket=ticket.id, assignment=row.id)
    return row


async def _both(work: Work, ticket: Ticket, row: Assignment, step: str, **detail: object) -> None:
    """A step of a share; the lead's step is the ticket's too."""
    move(work, ASSIGNMENT, row, step, agency=row.agency, **detail)
    if row.lead and TICKET.can(ticket.state, step):
        move(work, TICKET, ticket, step, agency=row.agency, **detail)
    work.tell(f"ticket.{step}", ticket.case_id, [ticket.platform, row.agency], ticket=ticket.id, assignment=row.id)


@operation
async def handle(work: Work, assignment_id: str, note: str = "", rev: int | None = None) -> Assignment:
    """The agency begins to handle it; what it writes stands in the timeline."""
    _, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    await _both(work, ticket, row, "handle", text=note[:2000] or None)
    return row


@operation
async def progress(work: Work, assignment_id: str, note: str) -> Assignment:
    """A word on how it goes (办理记录, of a joint handling too); the state stays."""
    case, ticket, row = await get(work, assignment_id)
    work.must_be(row.agency)
    if row.state not in ("signed", "handling", "paused"):
        raise Conflict("只有签收后才能填写办理记录", "请先签收", state=row.state)
    text = need(note, "note", "办理记录")
    touch(work, row)
    work.note(case.id, "assignment.progress", row.id, agency=row.agency, text=text)
    work.tell("ticket.progress", case.id, [ticket.platform, row.agency], ticket=ticket.id, assignment=row.id)
    return row


@operation
async def pause(work: Work, assignment_id: str, reason: str, rev: int | None = None) -> Assignment:
    """Time stands still (挂起), with a reason that the platform sees."""
    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    row.pause_reason = need(reason, "reason", "挂起理由", 1000)
    await _both(work, ticket, row, "pause", reason=row.pause_reason)
    await deadlines.pause(work, row.id)
    await notices.raise_(work, unit=ticket.platform, kind="paused", text=f"{ticket.number} 承办单位已挂起", case=case.id)
    return row


@operation
async def resume(work: Work, assignment_id: str, rev: int | None = None) -> Assignment:
    """Time goes on."""
    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency, ticket.platform)
    await _both(work, ticket, row, "resume")
    row.pause_reason = None
    await deadlines.resume(work, row.id, (await catalog_of(work, case)).limits.remind_share)
    return row


@operation
async def ask_extension(work: Work, assignment_id: str, by: Limit, reason: str) -> Assignment:
    """The agency asks for more time (申请延期); the platform decides."""
    case, ticket, row = await get(work, assignment_id)
    work.must_be(row.agency)
    if row.state not in ("signed", "handling"):
        raise Conflict("只有办理中的任务可以申请延期", "请先签收", state=row.state)
    if not 0 < by.amount <= 1000:
        raise Invalid("延期时长不合理", "请填写 1 到 1000", field="by")
    row.extension_asked, row.extension_reason = deadlines.words(by), need(reason, "reason", "延期理由", 1000)
    touch(work, row)
    work.note(case.id, "assignment.extension_asked", row.id, by=row.extension_asked, reason=row.extension_reason)
    await notices.raise_(work, unit=ticket.platform, kind="extension", text=f"{ticket.number} 申请延期", case=case.id)
    work.tell("ticket.extension-asked", case.id, [ticket.platform, row.agency], ticket=ticket.id, assignment=row.id)
    return row


@operation
async def decide_extension(work: Work, assignment_id: str, granted: bool, note: str = "") -> Assignment:
    """The platform grants or refuses what was asked."""
    case, ticket, row = await get(work, assignment_id)
    work.must_be(ticket.platform)
    if row.extension_asked is None:
        raise Conflict("没有待批的延期申请", "承办单位先提出申请", assignment=row.id)
    asked, row.extension_asked = row.extension_asked, None
    if granted:
        await deadlines.extend(work, row.id, deadlines.limit_of(asked), (await catalog_of(work, case)).limits.remind_share)
        row.extensions += 1
    else:
        need(note, "note", "不同意的理由", 1000)
    touch(work, row)
    work.note(
        case.id,
        "assignment.extension_granted" if granted else "assignment.extension_refused",
        row.id,
        by=asked,
        text=note[:1000] or None,
    )
    await notices.settle(work, case.id, ["extension"])
    text = f"{ticket.number} 延期申请{'已同意' if granted else '未同意'}"
    await notices.raise_(work, unit=row.agency, kind="extension", text=text, case=case.id)
    return row


@operation
async def return_(work: Work, assignment_id: str, reason: str, rev: int | None = None) -> Assignment:
    """The agency sends it back (退单): the reason is required, and the platform may dispute it."""
    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    row.return_reason = need(reason, "reason", "退单理由", 2000)
    move(work, ASSIGNMENT, row, "return", agency=row.agency, reason=row.return_reason)
    row.ended_at = work.now
    await deadlines.end(work, row.id)
    if row.lead:
        move(work, TICKET, ticket, "return", agency=row.agency)
        ticket.returned += 1
    level = notices.URGENT if ticket.returned >= RETURNS_TO_NOTICE else notices.SEEN
    await notices.raise_(work, unit=ticket.platform, kind="returned", text=f"{ticket.number} 被退单", level=level, case=case.id)
    work.tell("ticket.returned", case.id, [ticket.platform, row.agency], ticket=ticket.id, returned=ticket.returned)
    return row


@operation
async def dispute(work: Work, assignment_id: str, text: str, rev: int | None = None) -> Assignment:
    """The platform does not accept a return (退单争议): the agency signs after all, or insists."""
    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(ticket.platform)
    row.dispute = need(text, "text", "争议说明", 2000)
    move(work, ASSIGNMENT, row, "dispute", reason=row.dispute)
    row.ended_at = None
    if row.lead:
        move(work, TICKET, ticket, "dispute")
    catalog = await catalog_of(work, case)
    await deadlines.start(
        work,
        case,
        subject=row.id,
        duty="sign",
        unit=row.agency,
        limit=signing_limit(catalog, ticket.urgency),
        share=catalog.limits.remind_share,
    )
    await notices.settle(work, case.id, ["returned"])
    await notices.raise_(work, unit=row.agency, kind="disputed", text=f"{ticket.number} 退单未获同意", case=case.id)
    work.tell("ticket.disputed", case.id, [ticket.platform, row.agency], ticket=ticket.id, assignment=row.id)
    return row


@operation
async def feedback(work: Work, assignment_id: str, text: str, rev: int | None = None) -> Assignment:
    """The agency says what it did. When all shares have (a joint handling), the ticket has its feedback."""
    from router.casework import handoffs

    case, ticket, row = await get(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    row.feedback = need(text, "text", "办理结果")
    move(work, ASSIGNMENT, row, "feedback", agency=row.agency)
    row.ended_at = work.now
    await deadlines.end(work, row.id)
    shares = await of_ticket(work, ticket.id)
    lead = next((one for one in shares if one.lead and one.state == "feedback"), None)
    if lead is not None and all(one.state in ("feedback", "recalled", "returned") for one in shares):
        move(work, TICKET, ticket, "feedback", agency=lead.agency)
        ticket.feedback_at, ticket.result = work.now, lead.feedback
        await notices.raise_(work, unit=ticket.platform, kind="feedback", text=f"{ticket.number} 已反馈,请回访", case=case.id)
        await handoffs.fed_back(work, case, ticket.platform, ticket.result or "")
    work.tell("ticket.feedback", case.id, [ticket.platform, row.agency], ticket=ticket.id, state=ticket.state)
    return row
