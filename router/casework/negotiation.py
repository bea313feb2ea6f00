"""Negotiation (协商): the two sides say whose a handed-over matter is, agree or don't; then the first receiver takes it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.allocation.decision import Negotiation, Ticks
from router.casework import handoffs
from router.casework.machines import HANDOFF
from router.casework.work import Work, fresh, move, need, operation, touch
from router.errors import Conflict, Invalid
from router.storage.casework import Case, Handoff, Opinion
from router.supervision import notices


@operation
async def negotiate(work: Work, handoff_id: str, rev: int | None = None) -> Handoff:
    """Begin to negotiate whose it is (协商); who asks and when is kept."""
    case, row = await handoffs.handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.from_centre, row.to_centre)
    move(work, HANDOFF, row, "negotiate", by=work.actor.desk or "system")
    row.negotiating_at = work.now
    await handoffs.stop_clock(work, row)
    await notices.settle(work, case.id, ["handoff-returned"])
    other = row.to_centre if work.actor.desk == row.from_centre else row.from_centre
    await notices.raise_(
        work, unit=other, kind="negotiation", text=f"{row.number} 请协商受理平台", level=notices.URGENT, case=case.id
    )
    work.tell("handoff.negotiating", case.id, [row.from_centre, row.to_centre], handoff=row.id, number=row.number)
    return row


async def opinions(session: AsyncSession, subject: str) -> list[Opinion]:
    """What was said in a negotiation or consultation, in order."""
    query = select(Opinion).where(Opinion.subject_id == subject).order_by(Opinion.at, Opinion.id)
    return list((await session.scalars(query)).all())


@operation
async def give_opinion(work: Work, handoff_id: str, owner: str, text: str) -> Handoff:
    """One side says whose it is, and why. When both name the same side, the matter is settled."""
    case, row = await handoffs.handoff(work, handoff_id)
    work.must_be(row.from_centre, row.to_centre)
    if row.state != "negotiating":
        raise Conflict("当前不在协商中", "请先发起协商", state=row.state)
    if owner not in (row.from_centre, row.to_centre):
        raise Invalid("受理平台只能是协商双方之一", "请选择双方之一", field="owner", allowed=[row.from_centre, row.to_centre])
    said = need(text, "text", "协商意见", 2000)
    unit = work.actor.desk
    opinion = Opinion(id=ids.new(), subject_id=row.id, unit=unit, by=work.actor.id, at=work.now, owner=owner, text=said)
    work.session.add(opinion)
    await work.session.flush()
    touch(work, row)
    work.note(case.id, "handoff.opinion", row.id, unit=unit, owner=owner, text=said)
    work.tell("handoff.opinion", case.id, [row.from_centre, row.to_centre], handoff=row.id, unit=unit, owner=owner)
    newest = {one.unit: one.owner for one in await opinions(work.session, row.id)}
    if newest.get(row.from_centre) == newest.get(row.to_centre) == owner:
        await _settle(work, case, row, owner, agreed=True)
    return row


@operation
async def fail(work: Work, handoff_id: str, reason: str, rev: int | None = None) -> Handoff:
    """They could not agree: whoever answered the caller first takes it (首接受理). Both must have said their opinion."""
    case, row = await handoffs.handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.from_centre, row.to_centre)
    HANDOFF.step(row.state, "fail")
    said = {one.unit for one in await opinions(work.session, row.id)}
    missing = [unit for unit in (row.from_centre, row.to_centre) if unit not in said]
    if missing:
        raise Conflict("双方都要先填写意见", "请等对方填写意见", missing=missing)
    why = need(reason, "reason", "未达成的说明", 2000)
    first = work.town.desk(case.first_centre)
    owner = row.from_centre if work.town.side(row.from_centre) == first.side else row.to_centre
    row.by_first_receiver = True
    await _settle(work, case, row, owner, agreed=False, why=why)
    return row


@operation
async def concede(work: Work, handoff_id: str, note: str = "", rev: int | None = None) -> Handoff:
    """The asker accepts the return, and keeps the matter."""
    case, row = await handoffs.handoff(work, handoff_id)
    fresh(row, rev)
    work.must_be(row.from_centre)
    HANDOFF.step(row.state, "concede")
    await _settle(work, case, row, row.from_centre, agreed=True, why=note, step="concede")
    return row


async def _settle(
    work: Work, case: Case, row: Handoff, owner: str, *, agreed: bool, why: str = "", step: str | None = None
) -> None:
    from router.casework import allocate

    took = (work.now - row.negotiating_at).total_seconds() if row.negotiating_at else None
    move(
        work,
        HANDOFF,
        row,
        step or ("agree" if agreed else "fail"),
        owner=owner,
        by_first_receiver=row.by_first_receiver or None,
        seconds=took,
        text=why[:2000] or None,
    )
    row.owner, row.settled_at, row.settled_by = owner, work.now, work.actor.id
    row.conclusion = why.strip() or ("双方一致" if agreed else "未达成,首接平台受理")
    await notices.settle(work, case.id, ["negotiation", "handoff-returned"])
    side = work.town.side(owner)
    before = await allocate.newest(work.session, case.id)
    await allocate.decide(
        work,
        case,
        owner,
        Ticks(),
        negotiation=Negotiation(side if agreed else None),
        overrules=before.id if before else None,
        reason=row.conclusion,
    )
    if owner == row.from_centre:
        await handoffs.to_asker(work, case, row)
        move(work, HANDOFF, row, "feedback", text="转出方自行受理")
        row.feedback_at, row.feedback = work.now, row.conclusion
    else:
        await handoffs.taken_over(work, case, row)
    work.tell(
        "handoff.settled", case.id, [row.from_centre, row.to_centre], handoff=row.id, owner=owner, first=row.by_first_receiver
    )
