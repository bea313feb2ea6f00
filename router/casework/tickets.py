"""What happens to a ticket (工单) at its platform: dispatch, also to several agencies, answer, guidance, call-back, close."""

from __future__ import annotations

from collections.abc import Sequence

from router import ids
from router.casework import assignments, faces, repeats
from router.casework.limits import catalog_of, signing_limit
from router.casework.machines import ASSIGNMENT, TICKET
from router.casework.work import Work, fresh, move, need, operation, touch
from router.catalog.model import Catalog
from router.errors import Conflict, Forbidden, Invalid
from router.storage.casework import Assignment, Case, Ticket
from router.storage.organisation import Agency
from router.supervision import deadlines, notices


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
    for row in await assignments.of_ticket(work, ticket.id):
        if ASSIGNMENT.can(row.state, "recall") and row.state != "feedback":
            move(work, ASSIGNMENT, row, "recall", agency=row.agency)
            row.ended_at = work.now
            await deadlines.end(work, row.id)


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
    shares = [one for one in await assignments.of_ticket(work, row.id) if one.state == "feedback"]
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
