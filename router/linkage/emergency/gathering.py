"""Several matters about one thing propose an event by themselves; whoever calls later is gathered under it and told one answer.

A matter that is opened or changed is looked at once, by a timer that is set where its news is published: so it is looked at
however often a worker dies.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.journal import journal
from router.journal.routes import Parcel
from router.linkage.emergency import events, kinds, likeness
from router.linkage.emergency.likeness import Told
from router.linkage.planning import plan_versions, plans
from router.linkage.planning.plans import Gather, Plan
from router.storage.base import table_of
from router.storage.casework import Case, PoliceOrder
from router.storage.emergencies import EmergencyEvent, EventCase
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

CASE, ORDER = table_of(Case), table_of(PoliceOrder)
TIMER = "link.gather"
TOPICS = ("ticket.opened", "order.opened", "case.edited")
OPEN = ("proposed", "registered", "responding")
MOST = 2000
"""Matters of a time that are compared."""
LONG = dt.timedelta(days=7)
"""An event without an end gathers no longer than so after it was registered."""


async def route(session: AsyncSession, items: Sequence[Any]) -> list[Parcel]:
    """The relay's route: no delivery, but a timer for each matter."""
    found = {item.case: item.at for item in items if item.case and item.topic in TOPICS}
    plans_ = [timers.Plan(id=f"gather:{case}", kind=TIMER, due_at=at, subject=f"gather:{case}") for case, at in found.items()]
    if plans_:
        await timers.set_(session, plans_, max(found.values()))
    return []


def handlers(town: Town) -> dict[str, Handle]:
    """What the timer of a matter does."""

    async def on_gather(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await gather(Work(session, system("linkage"), now, town), timer.subject.partition(":")[2])

    return {TIMER: on_gather}


def standing(_now: dt.datetime) -> list[timers.Plan]:
    """None: each matter has its own."""
    return []


async def rules_of(session: AsyncSession, city: str) -> list[tuple[Plan, Gather]]:
    """Plans of a city that gather."""
    found = [plans.parse(row.content) for row in await plan_versions.listed(session, city)]
    return [(plan, plan.gather) for plan in found if plan.gather is not None]


@operation
async def gather(work: Work, case: str) -> EmergencyEvent | None:
    """Look whether a matter belongs to an event, or makes one with others; return it."""
    row = await work.session.get(Case, case)
    if row is None or row.merged_into is not None or row.erased_at is not None or row.state == "closed":
        return None
    told = (await _told(work, [case]))[0]
    fitting = [(plan, rule) for plan, rule in await rules_of(work.session, row.city) if likeness.fits(rule, told)]
    if not fitting:
        return None
    await journal.lock(work.session, journal.SYSTEM)  # two workers with two matters of one thing propose one event
    for plan, rule in fitting:
        there = await _event_near(work, row, told, plan, rule)
        if there is not None:
            await _under(work, there, row)
            return there
    for plan, rule in fitting:
        alike = likeness.together(rule, told, await _recent(work, row, rule))
        if alike:
            return await _propose(work, row, plan, alike)
    return None


async def suggestions(work: Work, case: Case) -> list[EmergencyEvent]:
    """Events that a matter may belong to, for the operator's screen (E8)."""
    told = (await _told(work, [case.id]))[0]
    found = []
    for plan, rule in await rules_of(work.session, case.city):
        if likeness.fits(rule, told):
            there = await _event_near(work, case, told, plan, rule)
            if there is not None:
                found.append(there)
    return found


async def _told(work: Work, cases: Sequence[str]) -> list[Told]:
    columns = [CASE.c[name] for name in ("id", "words", "place", "item", "latitude", "longitude", "caller_print")]
    query = select(*columns, ORDER.c.police_class).outerjoin(ORDER, ORDER.c.case_id == CASE.c.id).where(CASE.c.id.in_(cases))
    return [_row(one) for one in (await work.session.execute(query)).all()]


def _row(one: Any) -> Told:
    return Told(
        one.id, one.words or "", one.place or "", one.item or "", one.police_class or "", one.latitude, one.longitude,
        one.caller_print,
    )  # fmt: skip


async def _recent(work: Work, row: Case, rule: Gather) -> list[Told]:
    """Matters of the city in the rule's time that are under no event."""
    since = row.created_at - dt.timedelta(seconds=rule.within)
    columns = [CASE.c[name] for name in ("id", "words", "place", "item", "latitude", "longitude", "caller_print")]
    query = (
        select(*columns, ORDER.c.police_class)
        .outerjoin(ORDER, ORDER.c.case_id == CASE.c.id)
        .where(
            CASE.c.city == row.city,
            CASE.c.created_at >= since,
            CASE.c.created_at <= row.created_at,
            CASE.c.merged_into.is_(None),
            CASE.c.id.not_in(select(EventCase.case_id)),
        )
        .order_by(CASE.c.created_at.desc())
        .limit(MOST)
    )
    return [_row(one) for one in (await work.session.execute(query)).all()]


async def _event_near(work: Work, row: Case, told: Told, plan: Plan, rule: Gather) -> EmergencyEvent | None:
    """The newest open event of the plan's types around the matter's place."""
    query = select(EmergencyEvent).where(
        EmergencyEvent.city == row.city,
        EmergencyEvent.kind.in_(plan.kinds),
        EmergencyEvent.state.in_(OPEN),
        EmergencyEvent.drill_id.is_(None),
        EmergencyEvent.registered_at >= work.now - LONG,
    )
    for event in (await work.session.scalars(query.order_by(EmergencyEvent.registered_at.desc()))).all():
        place = Told(event.id, "", event.place, latitude=event.latitude, longitude=event.longitude)
        if likeness.near(told, place, max(rule.radius, event.radius or 0)):
            return event
    return None


async def _under(work: Work, event: EmergencyEvent, row: Case) -> None:
    """Put the matter under the event; its operator sees the standard answer."""
    held = await events.hold(work, event.id)
    if not await events.attach(work, held, [row.id], "gathered"):
        return
    answer = held.answer or "正在处置,请等待统一发布"
    await notices.raise_(
        work, unit=row.first_centre, kind="event-case", text=f"{row.number} 已归集到 {held.number},统一答复:{answer}"[:500],
        case=row.id, event=held.id,
    )  # fmt: skip
    work.tell("event.gathered", row.id, [row.first_centre], event=held.id, number=held.number, case=row.id)


async def _propose(work: Work, row: Case, plan: Plan, alike: Sequence[str]) -> EmergencyEvent:
    kind = plan.kinds[0]
    place = row.place or "地点待核实"
    draft = events.Draft(
        kind=kind,
        title=f"{place[:60]}{kinds.KINDS[kind].name}",
        place=place[:200],
        happened_at=row.first_answered_at,
        division=row.division,
        latitude=row.latitude,
        longitude=row.longitude,
        situation=f"{len(alike)}个事项反映同一情况。",
        answer=plan.answer,
    )
    return await events.register(work, draft, city=row.city, centre=row.first_centre, cases=list(reversed(alike)), proposed=True)
