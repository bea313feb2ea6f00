"""Deadlines of duties (时限): they start, stand still while paused, are reminded of, and end; what is over is told.

Limits are the catalog's. Working time follows the calendar of the case's city; a deadline that was reckoned beyond the year that
the calendar knows is provisional and reckoned anew every day.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import select

from router import ids
from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.catalog import calendar, calendar_days
from router.catalog.model import Limit
from router.errors import Conflict, Invalid
from router.storage.casework import Case, Deadline
from router.storage.journal import Timer
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

TIMER = "deadline"
RECOMPUTE = "deadlines.recompute"
DUTIES = {
    "accept": "签收转交",
    "sign": "签收",
    "handle": "办理",
    "feedback": "反馈",
    "confirm": "确认",
    "dispatch": "派单派警",
    "call-back": "回访",
    "settle": "协商确定受理平台",
    "close": "办结",
    "answer": "回复督办",
}


def words(limit: Limit) -> str:
    """A limit as it is stored: ``5 working-days``."""
    return f"{limit.amount} {limit.unit}"


def limit_of(allowed: str) -> Limit:
    amount, unit = allowed.split(" ", 1)
    if unit not in ("minutes", "working-hours", "working-days"):
        raise ValueError(f"unknown unit {unit!r}")
    return Limit(int(amount), unit)  # type: ignore[arg-type]


async def _calendar(work: Work, city: str) -> calendar.WorkingCalendar:
    known: dict[str, calendar.WorkingCalendar] = work.session.info.setdefault("deadlines.calendars", {})
    if city not in known:
        known[city] = calendar.WorkingCalendar(await calendar_days.load(work.session, city))
    return known[city]


async def start(work: Work, case: Case, *, subject: str, duty: str, unit: str, limit: Limit, share: float) -> Deadline:
    """A unit's duty begins now; ``share`` of its time later it is reminded."""
    due = (await _calendar(work, case.city)).due(work.now, limit)
    row = Deadline(
        id=ids.new(),
        case_id=case.id,
        subject_id=subject,
        duty=duty,
        unit=unit,
        allowed=words(limit),
        city=case.city,
        started_at=work.now,
        due_at=due.at,
        provisional=due.provisional,
        paused_at=None,
        left=None,
        ended_at=None,
        reminded_at=None,
        overdue_at=None,
    )
    work.session.add(row)
    await _arm(work, row, share)
    return row


async def _arm(work: Work, row: Deadline, share: float) -> None:
    remind = row.due_at if row.reminded_at else row.started_at + (row.due_at - row.started_at) * share
    plan = timers.Plan(id=f"deadline:{row.id}", kind=TIMER, due_at=min(max(remind, work.now), row.due_at), subject=row.subject_id)
    await timers.set_(work.session, [plan], work.now)


async def running(work: Work, subject: str, duty: str | None = None) -> list[Deadline]:
    """Duties of a row that have not ended."""
    query = select(Deadline).where(Deadline.subject_id == subject, Deadline.ended_at.is_(None))
    if duty:
        query = query.where(Deadline.duty == duty)
    return list((await work.session.scalars(query)).all())


async def end(work: Work, subject: str, duty: str | None = None) -> None:
    """The duty is done (or gone): nobody is reminded any more."""
    for row in await running(work, subject, duty):
        row.ended_at = work.now
        await _disarm(work, row)


async def _disarm(work: Work, row: Deadline) -> None:
    timer = await work.session.get(Timer, f"deadline:{row.id}")
    if timer is not None and timer.state == "pending":
        timer.state, timer.ended_at = "cancelled", work.now


async def pause(work: Work, subject: str, duty: str = "handle") -> None:
    """Time stands still from now."""
    for row in await running(work, subject, duty):
        if row.paused_at is None:
            left = (await _calendar(work, row.city)).left(work.now, row.due_at, limit_of(row.allowed))
            row.paused_at, row.left = work.now, left
            await _disarm(work, row)


async def resume(work: Work, subject: str, share: float, duty: str = "handle") -> None:
    """Time goes on: as much is left as when it was paused."""
    for row in await running(work, subject, duty):
        if row.paused_at is not None and row.left is not None:
            due = (await _calendar(work, row.city)).after(work.now, row.left, limit_of(row.allowed))
            row.due_at, row.provisional, row.paused_at, row.left = due.at, due.provisional, None, None
            await _arm(work, row, share)


async def extend(work: Work, subject: str, by: Limit, share: float, duty: str = "handle") -> Deadline:
    """Give a running duty more time, counted from its present end."""
    found = await running(work, subject, duty)
    if not found:
        raise Conflict("没有正在计时的时限", "只能延长未结束的时限", duty=duty)
    row = found[0]
    if row.paused_at is not None:
        raise Conflict("时限已暂停", "请先恢复办理再申请延期", duty=duty)
    if by.amount <= 0:
        raise Invalid("延期时长必须大于零", "请填写延长的时间", field="by")
    due = (await _calendar(work, row.city)).due(row.due_at, by)
    row.due_at, row.provisional, row.reminded_at, row.overdue_at = due.at, due.provisional, None, None
    await _arm(work, row, share)
    return row


@operation
async def ring(work: Work, deadline: str) -> dt.datetime | None:
    """A deadline's timer has come: remind its unit, or tell that it is over. Return when to come again, if at all."""
    row = await work.session.get(Deadline, deadline)
    if row is None:
        return None
    case = await work.hold(row.case_id) if row.case_id else None
    await work.session.refresh(row)
    if row.ended_at is not None or row.paused_at is not None:
        return None
    number = case.number if case else row.subject_id
    what = DUTIES.get(row.duty, row.duty)
    if work.now < row.due_at:
        if row.reminded_at is None:
            row.reminded_at = work.now
            await notices.raise_(
                work, unit=row.unit, kind="due-soon", text=f"{number} {what}即将到期", case=row.case_id, level=notices.SEEN
            )
        return row.due_at
    if row.overdue_at is None:
        row.overdue_at = work.now
        if row.case_id:
            work.note(row.case_id, "deadline.overdue", row.id, duty=row.duty, unit=row.unit)
        await notices.raise_(
            work, unit=row.unit, kind="overdue", text=f"{number} {what}已超时", case=row.case_id, level=notices.URGENT
        )
        for unit in await _supervisors_of(work, row):
            await notices.raise_(
                work,
                unit=unit,
                kind="overdue",
                text=f"{number} {what}已超时(责任单位 {row.unit})",
                case=row.case_id,
                level=notices.URGENT,
                role="supervisor",
            )
        work.tell("deadline.overdue", row.case_id, [row.unit], deadline=row.id, duty=row.duty, unit=row.unit)
    return None


async def _supervisors_of(work: Work, row: Deadline) -> list[str]:
    """Platforms of the case's faces, except the one whose own duty it is."""
    from router.casework import faces

    if not row.case_id:
        return []
    ticket, order = await faces.of(work.session, row.case_id)
    units = {face.platform for face in (ticket, order) if face is not None}
    return sorted(units - {row.unit})


@operation
async def recompute(work: Work) -> int:
    """Reckon provisional deadlines anew, now that the calendar may know more; return how many moved."""
    moved = 0
    query = select(Deadline).where(Deadline.provisional.is_(True), Deadline.ended_at.is_(None), Deadline.paused_at.is_(None))
    for row in (await work.session.scalars(query)).all():
        if row.case_id:
            await work.hold(row.case_id)
            await work.session.refresh(row)
            if row.ended_at is not None or row.paused_at is not None:
                continue
        due = (await _calendar(work, row.city)).due(row.started_at, limit_of(row.allowed))
        if due.at != row.due_at or not due.provisional:
            before = row.due_at
            row.due_at, row.provisional = due.at, due.provisional
            if row.case_id:
                work.note(
                    row.case_id, "deadline.recomputed", row.id, duty=row.duty, before=before.isoformat(), after=due.at.isoformat()
                )
            await _arm(work, row, 0.8)
            moved += 1
    return moved


def handlers(town: Town) -> dict[str, Handle]:
    """What timers of deadlines do, by kind."""

    async def on_deadline(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        again = await ring(Work(session, system("deadlines"), now, town), timer.id.partition(":")[2])
        if again is not None:
            await timers.set_(session, [timers.Plan(timer.id, TIMER, again, subject=timer.subject)], now)

    async def on_recompute(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await recompute(Work(session, system("deadlines"), now, town))

    return {TIMER: on_deadline, RECOMPUTE: on_recompute}
