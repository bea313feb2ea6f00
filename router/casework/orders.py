"""What happens to a police order (警单) at a 110 desk: confirm or withdraw, dispatch, sign, arrive, feed back, close."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from router.access.actor import system
from router.casework import faces
from router.casework.limits import catalog_of
from router.casework.machines import ORDER
from router.casework.tickets import guidance
from router.casework.work import Town, Work, fresh, move, need, operation, touch
from router.errors import Conflict, Invalid
from router.storage.casework import Case, PoliceOrder
from router.storage.organisation import Agency
from router.supervision import deadlines, notices
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

CLIMB = "order.climb"
CLIMB_SECONDS = 60.0
"""An order that nobody confirms is raised after so long, again and again (promise: it never expires silently)."""


async def await_confirmation(work: Work, case: Case, order: PoliceOrder) -> None:
    """Danger was found by the classifier alone: the desk is alarmed, and again every minute until somebody decides."""
    seconds = CLIMB_SECONDS
    catalog = await catalog_of(work, case)
    if catalog.limits.confirm.unit == "minutes":
        seconds = catalog.limits.confirm.amount * 60.0
    await notices.raise_(
        work,
        unit=order.platform,
        kind="confirm-danger",
        text=f"{order.number} 疑似危险,待确认派警",
        level=notices.ALARM,
        case=case.id,
    )
    plan = timers.Plan(
        id=f"climb:{order.id}",
        kind=CLIMB,
        due_at=work.now + dt.timedelta(seconds=seconds),
        subject=order.id,
        every=seconds,
    )
    await timers.set_(work.session, [plan], work.now)


@operation
async def climb(work: Work, order: str) -> bool:
    """Nobody has decided yet: raise it once more, to the supervisors and to the city's main desk too. False: decided."""
    row = await work.session.get(PoliceOrder, order)
    if row is None or row.state != "awaiting":
        return False
    case = await work.hold(row.case_id)
    await work.session.refresh(row)
    if row.state != "awaiting":
        return False
    row.climbs += 1
    touch(work, row)
    work.note(case.id, "police_order.climbed", row.id, climbs=row.climbs)
    text = f"{row.number} 疑似危险已 {row.climbs} 次无人确认"
    units = {row.platform}
    if row.climbs >= 2:
        units.add(work.town.default(case.city, "110").id)
    for unit in sorted(units):
        await notices.raise_(work, unit=unit, kind="climb", text=text, level=notices.ALARM, case=case.id)
    await notices.raise_(work, unit=row.platform, kind="climb", text=text, level=notices.ALARM, case=case.id, role="supervisor")
    work.tell("order.climbed", case.id, sorted(units), order=row.id, number=row.number, climbs=row.climbs)
    return True


def _desks_that_decide(work: Work, case: Case, order: PoliceOrder) -> list[str]:
    """The order's desk, and any 110 desk of the city once it has climbed."""
    if order.climbs >= 2:
        return [one.id for one in work.town.desks_of(case.city) if one.side == "110"]
    return [order.platform]


@operation
async def confirm(work: Work, order: str, unit: str | None = None, rev: int | None = None) -> PoliceOrder:
    """A dispatcher confirms with one key: police set out."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(*_desks_that_decide(work, case, row))
    await _check_unit(work, case, row, unit)
    move(work, ORDER, row, "confirm", unit=unit)
    row.confirmed_at, row.confirmed_by = work.now, work.actor.id
    row.accepted_at, row.dispatched_at, row.unit = work.now, work.now, unit or row.unit
    await _decided(work, case, row)
    await set_out(work, case, row)
    return row


@operation
async def withdraw(work: Work, order: str, reason: str, rev: int | None = None) -> PoliceOrder:
    """No danger after all, or registered twice: withdrawn with a reason."""
    from router.casework import handoffs

    case, row = await faces.order(work, order)
    fresh(row, rev)
    if row.state == "awaiting":
        work.must_be(*_desks_that_decide(work, case, row))
    elif not work.actor.is_system:
        work.must_be(*[one.id for one in work.town.desks_of(case.city)])
    row.withdrawn_reason = need(reason, "reason", "撤销理由", 1000)
    move(work, ORDER, row, "withdraw", reason=row.withdrawn_reason)
    row.closed_at = work.now
    await _decided(work, case, row)
    await handoffs.not_ours(work, case, row.platform, row.withdrawn_reason)
    await faces.settle_case(work, case)
    ticket, _ = await faces.of(work.session, case.id)
    work.tell("order.withdrawn", case.id, [row.platform, ticket.platform if ticket else None], order=row.id)
    return row


async def _decided(work: Work, case: Case, row: PoliceOrder) -> None:
    await timers.cancel(work.session, row.id, work.now, kinds=[CLIMB])
    await notices.settle(work, case.id, ["confirm-danger", "climb", "call-back-now"])


async def set_out(work: Work, case: Case, row: PoliceOrder) -> None:
    """What follows when an order is dispatched: the unit's duty to sign, the desk's alarm, the others' news."""
    catalog = await catalog_of(work, case)
    await deadlines.end(work, row.id, "sign")
    await deadlines.start(
        work,
        case,
        subject=row.id,
        duty="sign",
        unit=row.unit or row.platform,
        limit=catalog.limits.police_sign,
        share=catalog.limits.remind_share,
    )
    level = notices.ALARM if row.danger_by else notices.URGENT
    await notices.raise_(work, unit=row.platform, kind="dispatched", text=f"{row.number} 已派警", level=level, case=case.id)
    work.tell(
        "order.dispatched",
        case.id,
        [row.platform, row.unit],
        order=row.id,
        number=row.number,
        kind=row.kind,
        lead=row.lead,
        services=row.services,
    )


async def dispatch_now(work: Work, case: Case, row: PoliceOrder, unit: str | None) -> None:
    """Danger was said: dispatched whatever was undecided."""
    await _check_unit(work, case, row, unit)
    move(work, ORDER, row, "dispatch", unit=unit, danger_by=row.danger_by)
    row.dispatched_at = row.dispatched_at or work.now
    row.accepted_at = row.accepted_at or work.now
    row.unit, row.closed_at = unit or row.unit, None
    await _decided(work, case, row)
    await set_out(work, case, row)
    await faces.settle_case(work, case)


async def _check_unit(work: Work, case: Case, row: PoliceOrder, unit: str | None) -> None:
    """A unit of the police of this city, and never the one complained of, one above it or one below it (回避)."""
    if unit is None:
        return
    found = await work.session.get(Agency, unit)
    if found is None or found.city != case.city or found.level != "police":
        raise Invalid(f"没有公安单位“{unit}”", "请从单位目录中选择公安单位", field="unit", code=unit)
    if not found.active:
        raise Invalid(f"{found.name}已停用", "请选择其他单位", field="unit", code=unit)
    if row.kind == "complaint" and row.complained_of:
        below: Agency | None = found
        seen: set[str] = set()
        while below is not None and below.code not in seen:
            if below.code == row.complained_of:
                raise Conflict("警务投诉不能派给被投诉单位及其下属单位", "请派给上级督察或其他单位", unit=unit)
            seen.add(below.code)
            below = await work.session.get(Agency, below.parent) if below.parent else None


@operation
async def dispatch(
    work: Work, order: str, unit: str | None, rev: int | None = None, *, kind: str | None = None, note: str = ""
) -> PoliceOrder:
    """Send police (派警), or send another unit."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform)
    if kind is not None:
        if kind not in ("dispatch", "assist", "inform", "complaint"):
            raise Invalid(f"没有警单类型“{kind}”", "请选择出警、协助、知会或投诉核查", field="kind")
        row.kind = kind
    await _check_unit(work, case, row, unit)
    move(work, ORDER, row, "dispatch", unit=unit, text=note[:1000] or None)
    row.dispatched_at = row.dispatched_at or work.now
    row.accepted_at = row.accepted_at or work.now
    row.unit = unit or row.unit
    await _decided(work, case, row)
    await set_out(work, case, row)
    return row


@operation
async def sign(work: Work, order: str, rev: int | None = None) -> PoliceOrder:
    """The unit has it (签收)."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform, row.unit)
    move(work, ORDER, row, "sign", unit=row.unit)
    row.signed_at = work.now
    await deadlines.end(work, row.id, "sign")
    await notices.settle(work, case.id, ["dispatched"])
    work.tell("order.signed", case.id, [row.platform, row.unit], order=row.id)
    return row


@operation
async def arrive(work: Work, order: str, rev: int | None = None) -> PoliceOrder:
    """The unit is there (到场)."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform, row.unit)
    move(work, ORDER, row, "arrive", unit=row.unit)
    row.signed_at, row.arrived_at = row.signed_at or work.now, work.now
    await deadlines.end(work, row.id, "sign")
    work.tell("order.arrived", case.id, [row.platform, row.unit], order=row.id)
    return row


@operation
async def write_notes(work: Work, order: str, text: str, rev: int | None = None) -> PoliceOrder:
    """Notes that police alone see (警务敏感)."""
    _, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform, row.unit)
    row.police_notes = need(text, "text", "警务记录", 8000)
    touch(work, row)
    work.note(row.case_id, "police_order.noted", row.id)
    return row


@operation
async def feedback(work: Work, order: str, result: str, public: str, rev: int | None = None) -> PoliceOrder:
    """What was done: ``result`` for the police, ``public`` for 12345 and the caller."""
    from router.casework import handoffs

    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform, row.unit)
    row.result, row.result_public = need(result, "result", "处警结果"), need(public, "public", "可告知诉求人的结果")
    move(work, ORDER, row, "feedback", unit=row.unit)
    row.feedback_at = work.now
    await deadlines.end(work, row.id)
    await handoffs.fed_back(work, case, row.platform, row.result_public)
    work.tell("order.feedback", case.id, [row.platform, row.unit], order=row.id)
    return row


@operation
async def answer(work: Work, order: str, text: str, rev: int | None = None) -> PoliceOrder:
    """Settled at the desk; nobody sets out."""
    from router.casework import handoffs

    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform)
    row.result = row.result_public = need(text, "text", "答复内容")
    move(work, ORDER, row, "answer")
    row.feedback_at, row.accepted_at = work.now, row.accepted_at or work.now
    await handoffs.fed_back(work, case, row.platform, row.result_public)
    work.tell("order.answered", case.id, [row.platform], order=row.id)
    return row


@operation
async def guide(work: Work, order: str, code: str, note: str = "", rev: int | None = None) -> PoliceOrder:
    """Nobody's matter: explained and closed with a standard answer (引导解释)."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform)
    text = guidance(await catalog_of(work, case), code)
    await faces.may_close(work, case.id)
    move(work, ORDER, row, "guide", guidance=code)
    row.result = row.result_public = "\n".join(part for part in (text, note.strip()) if part)
    row.accepted_at, row.closed_at = row.accepted_at or work.now, work.now
    await faces.settle_case(work, case)
    work.tell("order.closed", case.id, [row.platform], order=row.id, guidance=code)
    return row


@operation
async def close(work: Work, order: str, rev: int | None = None) -> PoliceOrder:
    """Close an order that has its feedback; not while a handoff waits for any."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform)
    await faces.may_close(work, case.id)
    move(work, ORDER, row, "close")
    row.closed_at = work.now
    await notices.settle(work, case.id, ["dispatched"])
    await faces.settle_case(work, case)
    work.tell("order.closed", case.id, [row.platform, row.unit], order=row.id)
    return row


@operation
async def reopen(work: Work, order: str, reason: str, rev: int | None = None) -> PoliceOrder:
    """A closed or withdrawn order begins anew."""
    case, row = await faces.order(work, order)
    fresh(row, rev)
    work.must_be(row.platform)
    move(work, ORDER, row, "reopen", reason=need(reason, "reason", "重开理由", 1000))
    row.closed_at = row.feedback_at = None
    await faces.settle_case(work, case)
    work.tell("order.reopened", case.id, [row.platform], order=row.id)
    return row


def handlers(town: Town) -> dict[str, Handle]:
    """What timers of police orders do: an order that nobody has decided about climbs."""

    async def on_climb(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        work = Work(session, system("climb"), now, town)
        if not await climb(work, timer.subject):
            await timers.cancel(session, timer.subject, now, kinds=[CLIMB])

    return {CLIMB: on_climb}
