"""Versions of plans in SQL: whole, unchanging; the newest of a plan is the one that starts."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Work, need, operation
from router.errors import Conflict, Invalid, NotFound
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.linkage.duty import posts
from router.linkage.emergency import kinds
from router.linkage.planning import plans
from router.linkage.planning.plans import Plan
from router.storage.duty import PlanVersion
from router.storage.emergencies import EmergencyEvent

log = structlog.get_logger()


class NoPlan(Conflict):
    """The city has no plan for this type of event."""

    code = "plan.none"


@operation
async def publish(work: Work, plan: Plan, *, city: str, note: str) -> PlanVersion:
    """Keep a new version of a plan; what runs keeps its own.

    Raise :class:`Invalid` naming the posts that the city does not have, :class:`Conflict` if nothing is new.
    """
    await journal.lock(work.session, journal.SYSTEM)
    await _posts_there(work, plan, city)
    content = plans.dump(plan)
    newest = await _newest(work.session, city, plan.plan)
    if newest is not None and newest.sha256 == plans.sha256(content):
        raise Conflict(f"内容与现有最新版本 {newest.id} 完全相同", "请确认要发布的内容", current=newest.id)
    await _no_rival(work, plan, city)
    row = _row(
        plan, city, 1 if newest is None else newest.serial + 1, need(note, "note", "修订说明", 500), work.actor.id, work.now
    )
    if newest is not None:
        newest.retired_at = work.now
    work.session.add(row)
    await work.session.flush()
    work.note_in(journal.SYSTEM, "plan.published", row.id, city=city, sha256=row.sha256, filing_number=row.filing_number)
    work.tell("plan.published", None, [], city=city, plan=plan.plan, version=row.id)
    return row


def _row(plan: Plan, city: str, serial: int, note: str, by: str, now: dt.datetime) -> PlanVersion:
    content = plans.dump(plan)
    return PlanVersion(
        id=f"{city}-{plan.plan}-{serial}",
        city=city,
        plan=plan.plan,
        serial=serial,
        name=plan.name,
        filing_number=plan.filing_number,
        review_by=plan.review_by,
        note=note,
        sha256=plans.sha256(content),
        content=content,
        created_at=now,
        created_by=by,
        retired_at=None,
    )


async def _posts_there(work: Work, plan: Plan, city: str) -> None:
    missing = [
        f"{place}:{kind}"
        for place, kinds_ in _named(plan)
        for kind in kinds_
        if await posts.of_kind(work.session, city, kind, None) is None
    ]
    if missing:
        raise Invalid(
            f"预案提到的值班岗不存在:{'、'.join(missing[:10])}", "先建立这些值班岗,或改写预案", field="steps", missing=missing
        )


def _named(plan: Plan) -> list[tuple[str, Sequence[str]]]:
    found: list[tuple[str, Sequence[str]]] = [(f"steps[{at}]({step.key})", step.posts) for at, step in enumerate(plan.steps)]
    return found + [(f"tasks[{at}]", task.posts) for at, task in enumerate(plan.tasks)]


async def _no_rival(work: Work, plan: Plan, city: str) -> None:
    """One plan for a type of event: else nobody knows which one starts."""
    for row in await listed(work.session, city):
        both = sorted(set(row.content["kinds"]) & set(plan.kinds))
        if row.plan != plan.plan and both:
            raise Conflict(f"预案“{row.name}”已经负责 {'、'.join(both)}", "每类事件只有一个预案", plan=row.plan)


async def _newest(session: AsyncSession, city: str, plan: str) -> PlanVersion | None:
    query = select(PlanVersion).where(PlanVersion.city == city, PlanVersion.plan == plan, PlanVersion.retired_at.is_(None))
    return (await session.scalars(query.order_by(PlanVersion.serial.desc()).limit(1))).first()


async def get(session: AsyncSession, version: str) -> PlanVersion:
    row = await session.get(PlanVersion, version)
    if row is None:
        raise NotFound("没有这个预案版本", "请核对版本号", version=version)
    return row


async def listed(session: AsyncSession, city: str, *, all_versions: bool = False) -> list[PlanVersion]:
    """A city's plans, newest versions only unless asked."""
    query = select(PlanVersion).where(PlanVersion.city == city).order_by(PlanVersion.plan, PlanVersion.serial.desc())
    if not all_versions:
        query = query.where(PlanVersion.retired_at.is_(None))
    return list((await session.scalars(query)).all())


@operation
async def retire(work: Work, version: str) -> PlanVersion:
    """The plan is not used any more."""
    await journal.lock(work.session, journal.SYSTEM)
    row = await get(work.session, version)
    if row.retired_at is not None:
        raise Conflict("该版本已停用", "请刷新列表", version=version)
    row.retired_at = work.now
    work.note_in(journal.SYSTEM, "plan.retired", row.id)
    return row


async def choose(work: Work, event: EmergencyEvent, version: str | None) -> tuple[PlanVersion, Plan]:
    """The plan that starts: the one that is named, or the newest for the event's type. Raise :class:`NoPlan`."""
    if version is not None:
        row = await get(work.session, version)
        if row.city != event.city:
            raise Invalid("该预案属于其他州市", "请选择本市的预案", field="plan")
        return row, plans.parse(row.content)
    for row in await listed(work.session, event.city):
        if event.kind in row.content["kinds"]:
            return row, plans.parse(row.content)
    raise NoPlan(f"没有“{kinds.KINDS[event.kind].name}”的预案", "请选择其他预案,或逐个联系值班岗", kind=event.kind)


async def ensure_first(session: AsyncSession, folder: Path, city: str, now: dt.datetime) -> int:
    """Keep the plans of a folder that the city has none of yet; return how many. Their posts may not be there yet."""
    files = await asyncio.to_thread(lambda: sorted(folder.glob("*.yaml")))
    known = set((await session.scalars(select(PlanVersion.plan).where(PlanVersion.city == city).distinct())).all())
    fresh = [plan for file in files if (plan := await asyncio.to_thread(plans.load, file)).plan not in known]
    if not fresh:
        return 0
    who = system("plans")
    await journal.lock(session, journal.SYSTEM)
    rows = [_row(plan, city, 1, "随软件提供的示例预案,请审定后备案", who.id, now) for plan in fresh]
    session.add_all(rows)
    await session.flush()
    await journal.write(session, journal.SYSTEM, who, [Note("plan.published", row.id, {"city": city}) for row in rows], now)
    await outbox.write(session, [News("plan.published", {"city": city, "version": row.id}) for row in rows], now)
    return len(rows)


async def due_for_review(session: AsyncSession, today: dt.date, *, ahead: int) -> list[PlanVersion]:
    """Plans in force of all cities whose review is due within so many days, or over (K8)."""
    limit = today + dt.timedelta(days=ahead)
    query = select(PlanVersion).where(PlanVersion.retired_at.is_(None), PlanVersion.review_by <= limit)
    return list((await session.scalars(query.order_by(PlanVersion.review_by, PlanVersion.id))).all())
