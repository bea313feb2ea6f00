"""What happens to a ticket (工单) on the 12345 side: dispatch, joint handling, return and dispute, feedback, call-back, close."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from router import ids
from router.casework import faces, repeats
from router.casework.limits import catalog_of, handling_limit, signing_limit
from router.casework.machines import ASSIGNMENT, TICKET
from router.casework.work import Work, fresh, move, need, operation, touch
from router.catalog.model import Catalog, Limit
from router.errors import Conflict, Forbidden, Invalid, NotFound
from router.storage.casework import Assignment, Case, Ticket
from router.storage.organisation import Agency
from router.supervision import deadlines, notices

RETURNS_TO_NOTICE = 2
"""A ticket that was returned so often is on the list of smart supervision."""


async def assignments(work: Work, ticket: str) -> list[Assignment]:
    """All shares of a ticket, the newest first."""
    query = select(Assignment).where(Assignment.ticket_id == ticket).order_by(Assignment.dispatched_at.desc(), Assignment.id)
    return list((await work.session.scalars(query)).all())


async def assignment(work: Work, id_: str) -> tuple[Case, Ticket, Assignment]:
    """A share with its ticket and case, held against everybody else's changes."""
    row = await work.session.get(Assignment, id_)
    if row is None:
        raise NotFound("没有这项承办任务", "请刷新列表", assignment=id_)
    case, ticket = await faces.ticket(work, row.ticket_id)
    await work.session.refresh(row)
    return case, ticket, row


async def _agency(work: Work, code: str, city: str) -> Agency:
    found = await work.session.get(Agency, code)
    if found is None or found.city != city:
        raise Invalid(f"没有承办单位“{code}”", "请从单位目录中选择", field="agency", code=code)
    if not found.active:
        raise Invalid(f"{found.name}已停用", "请选择其他单位", field="agency", code=code)
    return found


@operation
async def dispatch(
    work: Work,
    ticket: str,
    agencies: Sequence[str],
    lead: str | None,
    rev: int | None,
    *,
    note: str = "",
    by_allocation: bool = False,
) -> Ticket:
    """Send a ticket to one agency, or to several with one that leads (联合调处, 牵头); whoever had it before loses it.

    Straight to a township or front-line unit is the same step (直转一线).
    """
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    if not by_allocation:
        work.must_be(row.platform)
    chosen = list(dict.fromkeys(agencies))
    if not chosen:
        raise Invalid("至少选择一个承办单位", "请选择单位", field="agencies")
    leading = lead or chosen[0]
    if leading not in chosen:
        raise Invalid("牵头单位必须在承办单位之中", "请在所选单位中指定牵头", field="lead")
    for code in () if by_allocation else chosen:
        await _agency(work, code, case.city)
    catalog = await catalog_of(work, case)
    await _recall(work, row)
    move(work, TICKET, row, "dispatch", agencies=chosen, lead=leading, by_allocation=by_allocation or None, text=note or None)
    row.agency, row.dispatched_at = leading, row.dispatched_at or work.now
    row.accepted_at = row.accepted_at or work.now
    for code in chosen:
        await _assign(work, case, row, code, code == leading, catalog)
    work.tell("ticket.dispatched", case.id, [row.platform, *chosen], ticket=row.id, number=row.number, lead=leading)
    return row


async def _assign(work: Work, case: Case, ticket: Ticket, agency: str, lead: bool, catalog: Catalog) -> Assignment:
    row = Assignment(
        id=ids.new(),
        rev=1,
        case_id=case.id,
        ticket_id=ticket.id,
        agency=agency,
        lead=lead,
        state="dispatched",
        dispatched_at=work.now,
        dispatched_by=work.actor.id,
        extensions=0,
    )
    work.session.add(row)
    limit = signing_limit(catalog, ticket.urgency)
    await deadlines.start(work, case, subject=row.id, duty="sign", unit=agency, limit=limit, share=catalog.limits.remind_share)
    return row


async def _recall(work: Work, ticket: Ticket) -> None:
    if ticket.dispatched_at is None:
        return
    for row in await assignments(work, ticket.id):
        if ASSIGNMENT.can(row.state, "recall") and row.state != "feedback":
            move(work, ASSIGNMENT, row, "recall", agency=row.agency)
            row.ended_at = work.now
            await deadlines.end(work, row.id)


@operation
async def sign(work: Work, assignment_id: str, rev: int | None = None) -> Assignment:
    """The agency takes its share (签收): the time for handling begins."""
    case, ticket, row = await assignment(work, assignment_id)
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
    _, ticket, row = await assignment(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    await _both(work, ticket, row, "handle", text=note[:2000] or None)
    return row


@operation
async def progress(work: Work, assignment_id: str, note: str) -> Assignment:
    """A word on how it goes (办理记录, of a joint handling too); the state stays."""
    case, ticket, row = await assignment(work, assignment_id)
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
    case, ticket, row = await assignment(work, assignment_id)
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
    case, ticket, row = await assignment(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency, ticket.platform)
    await _both(work, ticket, row, "resume")
    row.pause_reason = None
    await deadlines.resume(work, row.id, (await catalog_of(work, case)).limits.remind_share)
    return row


@operation
async def ask_extension(work: Work, assignment_id: str, by: Limit, reason: str) -> Assignment:
    """The agency asks for more time (申请延期); the platform decides."""
    case, ticket, row = await assignment(work, assignment_id)
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
    case, ticket, row = await assignment(work, assignment_id)
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
    case, ticket, row = await assignment(work, assignment_id)
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
    case, ticket, row = await assignment(work, assignment_id)
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

    case, ticket, row = await assignment(work, assignment_id)
    fresh(row, rev)
    work.must_be(row.agency)
    row.feedback = need(text, "text", "办理结果")
    move(work, ASSIGNMENT, row, "feedback", agency=row.agency)
    row.ended_at = work.now
    await deadlines.end(work, row.id)
    shares = await assignments(work, ticket.id)
    lead = next((one for one in shares if one.lead and one.state == "feedback"), None)
    if lead is not None and all(one.state in ("feedback", "recalled", "returned") for one in shares):
        move(work, TICKET, ticket, "feedback", agency=lead.agency)
        ticket.feedback_at, ticket.result = work.now, lead.feedback
        await notices.raise_(work, unit=ticket.platform, kind="feedback", text=f"{ticket.number} 已反馈,请回访", case=case.id)
        await handoffs.fed_back(work, case, ticket.platform, ticket.result or "")
    work.tell("ticket.feedback", case.id, [ticket.platform, row.agency], ticket=ticket.id, state=ticket.state)
    return row


@operation
async def answer(work: Work, ticket: str, text: str, rev: int | None = None) -> Ticket:
    """Answered on the spot (即问即答)."""
    from router.casework import handoffs

    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    work.must_be(row.platform)
    row.result = need(text, "text", "答复内容")
    move(work, TICKET, row, "answer")
    row.feedback_at, row.accepted_at = work.now, row.accepted_at or work.now
    await handoffs.fed_back(work, case, row.platform, row.result)
    work.tell("ticket.answered", case.id, [row.platform], ticket=row.id)
    return row


@operation
async def guide(work: Work, ticket: str, code: str, note: str = "", rev: int | None = None) -> Ticket:
    """Nobody's matter: explained and closed with a standard answer of the catalog (引导解释); nothing is dispatched."""
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    work.must_be(row.platform)
    text = guidance(await catalog_of(work, case), code)
    await faces.may_close(work, case.id)
    move(work, TICKET, row, "guide", guidance=code)
    row.guidance, row.result, row.closed_at = code, "\n".join(part for part in (text, note.strip()) if part), work.now
    row.accepted_at = row.accepted_at or work.now
    await faces.settle_case(work, case)
    work.tell("ticket.closed", case.id, [row.platform], ticket=row.id, guidance=code)
    return row


def guidance(catalog: Catalog, code: str) -> str:
    """A standard answer; raise :class:`Invalid` with the codes there are."""
    found = catalog.guidance.get(code) or (catalog.items[code].answer if code in catalog.items else "")
    if not found:
        raise Invalid(f"没有标准答复“{code}”", "请选择标准话术或去处", field="guidance", allowed=sorted(catalog.guidance))
    return found


@operation
async def call_back(
    work: Work,
    ticket: str,
    *,
    reached: bool,
    satisfaction: int | None = None,
    resolved: bool | None = None,
    note: str = "",
    rev: int | None = None,
) -> Ticket:
    """The caller was rung back (回访). Not reached: noted, the ticket stays; not resolved: it goes back to the agency."""
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    work.must_be(row.platform)
    if satisfaction is not None and not 1 <= satisfaction <= 5:
        raise Invalid("满意度为 1 到 5", "请重新选择", field="satisfaction")
    if not reached:
        TICKET.step(row.state, "call-back")
        touch(work, row)
        work.note(case.id, "ticket.call_back_missed", row.id, text=note[:1000] or None)
        return row
    if resolved is None:
        raise Invalid("请记录是否解决", "选择已解决或未解决", field="resolved")
    row.satisfaction = satisfaction
    move(work, TICKET, row, "call-back", satisfaction=satisfaction, resolved=resolved, text=note[:1000] or None)
    if resolved is False:
        await _rework(work, case, row, note or "回访:未解决")
    work.tell("ticket.called-back", case.id, [row.platform, row.agency], ticket=row.id, resolved=resolved)
    return row


async def _rework(work: Work, case: Case, row: Ticket, reason: str) -> None:
    """The same agencies once more."""
    shares = [one for one in await assignments(work, row.id) if one.state == "feedback"]
    if not shares:
        raise Conflict("没有承办单位可以重办", "请重新派单", ticket=row.number)
    move(work, TICKET, row, "rework", reason=reason[:1000])
    row.reopened += 1
    catalog = await catalog_of(work, case)
    for share in shares:
        move(work, ASSIGNMENT, share, "rework", agency=share.agency)
        share.ended_at = share.signed_at = share.signed_by = None
        await deadlines.start(
            work,
            case,
            subject=share.id,
            duty="sign",
            unit=share.agency,
            limit=signing_limit(catalog, row.urgency),
            share=catalog.limits.remind_share,
        )
    work.tell("ticket.rework", case.id, [row.platform, *(one.agency for one in shares)], ticket=row.id)


@operation
async def close(work: Work, ticket: str, *, resolution: str = "", without_call_back: str = "", rev: int | None = None) -> Ticket:
    """Close a ticket (办结), after the call-back, or with a reason why there is none.

    Neither face is closed while a handoff waits for feedback; a tracked dispute needs its resolution (化解结果).
    """
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    work.must_be(row.platform)
    await faces.may_close(work, case.id)
    TICKET.step(row.state, "close")
    if row.state == "feedback":
        need(without_call_back, "without_call_back", "不回访的理由", 500)
    if await repeats.police_orders_of(work, case) >= 2 or resolution.strip():
        row.resolution = need(resolution, "resolution", "化解结果", 2000)
    move(work, TICKET, row, "close", without_call_back=without_call_back or None)
    row.closed_at = work.now
    await notices.settle(work, case.id, ["feedback", "returned", "paused", "overdue", "due-soon"])
    await faces.settle_case(work, case)
    work.tell("ticket.closed", case.id, [row.platform, row.agency], ticket=row.id)
    return row


@operation
async def reopen(work: Work, ticket: str, reason: str, rev: int | None = None) -> Ticket:
    """A closed ticket begins anew (重开)."""
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    work.must_be(row.platform)
    if case.merged_into:
        raise Conflict("该事项已合并,不能重开", "请处理合并后的事项", into=case.merged_into)
    move(work, TICKET, row, "reopen", reason=need(reason, "reason", "重开理由", 1000))
    row.reopened += 1
    row.closed_at = row.feedback_at = None
    await faces.settle_case(work, case)
    work.tell("ticket.reopened", case.id, [row.platform, row.agency], ticket=row.id)
    return row


@operation
async def withdraw(work: Work, ticket: str, reason: str, rev: int | None = None) -> Ticket:
    """Take a ticket back that nobody has begun (撤回)."""
    case, row = await faces.ticket(work, ticket)
    fresh(row, rev)
    if not (work.actor.is_system or work.actor.desk in work.town.desks):
        raise Forbidden("只有受理中心可以撤回工单", "请联系受理中心", unit=work.actor.desk)
    await _recall(work, row)
    move(work, TICKET, row, "withdraw", reason=need(reason, "reason", "撤回理由", 1000))
    row.closed_at = work.now
    await faces.settle_case(work, case)
    work.tell("ticket.withdrawn", case.id, [row.platform, row.agency], ticket=row.id)
    return row
