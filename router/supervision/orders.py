"""Supervision orders (督办): a demand of the supervising platform that needs an answer within its limit."""

from __future__ import annotations

from sqlalchemy import select

from router import ids
from router.casework import assignments, numbering
from router.casework.limits import catalog_of
from router.casework.machines import SUPERVISION
from router.casework.work import Work, fresh, move, need, operation
from router.errors import Forbidden, Invalid, NotFound
from router.storage.casework import Case, PoliceOrder, SupervisionOrder, Ticket
from router.supervision import deadlines, notices


async def _order(work: Work, id_: str) -> tuple[Case, SupervisionOrder]:
    row = await work.session.get(SupervisionOrder, id_)
    if row is None:
        raise NotFound("没有这张督办单", "请核对督办单号", supervision=id_)
    case = await work.hold(row.case_id)
    await work.session.refresh(row)
    return case, row


@operation
async def issue(work: Work, face: Ticket | PoliceOrder, to_unit: str | None, demand: str) -> SupervisionOrder:
    """The platform that accepted a face demands an answer of whoever handles it (谁受理、谁督办)."""
    case = await work.hold(face.case_id)
    await work.session.refresh(face)
    if face.accepted_at is None:
        raise Forbidden("尚未受理,没有督办责任", "由受理平台督办", platform=face.platform)
    work.must_be(face.platform)
    target = to_unit or (face.agency if isinstance(face, Ticket) else face.unit) or face.platform
    allowed = await _units(work, face)
    if target not in allowed:
        raise Invalid("只能督办承办该单的单位", "请选择承办单位", field="to_unit", allowed=sorted(allowed))
    row = SupervisionOrder(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "supervision", work.now),
        case_id=case.id,
        subject_id=face.id,
        platform=face.platform,
        to_unit=target,
        demand=need(demand, "demand", "督办要求", 2000),
        state="issued",
        issued_at=work.now,
        issued_by=work.actor.id,
    )
    work.session.add(row)
    await work.session.flush()
    work.note(case.id, "supervision_order.issued", row.id, number=row.number, to=target, text=row.demand)
    await _await_answer(work, case, row)
    work.tell("supervision.issued", case.id, [face.platform, target], supervision=row.id, number=row.number, to=target)
    return row


async def _units(work: Work, face: Ticket | PoliceOrder) -> set[str]:

    if isinstance(face, Ticket):
        return {one.agency for one in await assignments.of_ticket(work, face.id) if one.state != "recalled"} | {face.platform}
    return {unit for unit in (face.unit, face.platform) if unit}


async def _await_answer(work: Work, case: Case, row: SupervisionOrder) -> None:
    limits = (await catalog_of(work, case)).limits
    await deadlines.start(
        work, case, subject=row.id, duty="answer", unit=row.to_unit, limit=limits.answer, share=limits.remind_share
    )
    await notices.raise_(
        work, unit=row.to_unit, kind="supervision", text=f"{row.number} 请回复督办", level=notices.URGENT, case=case.id
    )


@operation
async def answer(work: Work, supervision: str, text: str, rev: int | None = None) -> SupervisionOrder:
    """The unit answers."""
    case, row = await _order(work, supervision)
    fresh(row, rev)
    work.must_be(row.to_unit)
    row.answer = need(text, "text", "督办回复")
    move(work, SUPERVISION, row, "answer", unit=row.to_unit, text=row.answer)
    row.answered_at, row.answered_by = work.now, work.actor.id
    await deadlines.end(work, row.id, "answer")
    await notices.settle(work, case.id, ["supervision"])
    await notices.raise_(work, unit=row.platform, kind="supervision-answered", text=f"{row.number} 已回复", case=case.id)
    work.tell("supervision.answered", case.id, [row.platform, row.to_unit], supervision=row.id, number=row.number)
    return row


@operation
async def insist(work: Work, supervision: str, text: str, rev: int | None = None) -> SupervisionOrder:
    """The answer does not do: another one is demanded."""
    case, row = await _order(work, supervision)
    fresh(row, rev)
    work.must_be(row.platform)
    move(work, SUPERVISION, row, "insist", text=need(text, "text", "再次督办的要求", 2000))
    await _await_answer(work, case, row)
    work.tell("supervision.issued", case.id, [row.platform, row.to_unit], supervision=row.id, number=row.number)
    return row


@operation
async def close(work: Work, supervision: str, rev: int | None = None) -> SupervisionOrder:
    """The platform is content, or the demand has become pointless."""
    case, row = await _order(work, supervision)
    fresh(row, rev)
    work.must_be(row.platform)
    move(work, SUPERVISION, row, "close")
    row.closed_at = work.now
    await deadlines.end(work, row.id, "answer")
    await notices.settle(work, case.id, ["supervision", "supervision-answered"])
    work.tell("supervision.closed", case.id, [row.platform, row.to_unit], supervision=row.id, number=row.number)
    return row


async def face_of(work: Work, id_: str) -> Ticket | PoliceOrder:
    """The ticket or police order with this id."""
    ticket = await work.session.get(Ticket, id_)
    if ticket is not None:
        return ticket
    order = await work.session.get(PoliceOrder, id_)
    if order is None:
        raise NotFound("没有这张工单或警单", "请核对单号", subject=id_)
    return order


async def of_case(work: Work, case: str) -> list[SupervisionOrder]:
    """All demands about a case, in order."""
    query = select(SupervisionOrder).where(SupervisionOrder.case_id == case).order_by(SupervisionOrder.issued_at)
    return list((await work.session.scalars(query)).all())
