"""Drills (演练) in SQL: prepared from a script, run on a marked event, ended, scored (K25).

What belongs to a drill hangs on its event, which has ``drill_id``: no statistic counts it. Its callers are played, not
registered, so that nobody takes their matters for real ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from router import ids
from router.casework.work import Work, fresh, operation
from router.errors import Invalid, NotFound
from router.journal import journal
from router.linkage import machines
from router.linkage.drill import rehearsal
from router.linkage.drill.rehearsal import Reached, Script
from router.linkage.emergency import events
from router.linkage.emergency.events import Approval, Draft
from router.linkage.notifying import requests
from router.linkage.notifying.ladder import Rung
from router.storage.duty import DutyPost, PlanVersion
from router.storage.emergencies import Drill, EmergencyEvent
from router.supervision import notices


async def get(work: Work, drill: str) -> Drill:
    row = await work.session.get(Drill, drill)
    if row is None:
        raise NotFound("没有这次演练", "请刷新列表", drill=drill)
    return row


@operation
async def prepare(work: Work, script: Script, *, city: str) -> Drill:
    """Keep a drill that may be started. Raise :class:`Invalid` for posts that the city does not have."""
    missing = [post for post in script.telephones if (await work.session.get(DutyPost, post)) is None]
    missing += [one.post for one in script.expect if await work.session.get(DutyPost, one.post) is None]
    if missing:
        raise Invalid(f"演练提到的值班岗不存在:{'、'.join(sorted(set(missing)))}", "先建立这些值班岗", field="telephones")
    row = Drill(
        id=ids.new(),
        rev=1,
        city=city,
        name=script.name,
        form=script.form,
        script=script.drill,
        plan_version=None,
        state="prepared",
        numbers=script.numbers,
        score={},
        note="",
        created_at=work.now,
        created_by=work.actor.id,
        started_at=None,
        ended_at=None,
    )
    work.session.add(row)
    await work.session.flush()
    work.note_in(journal.SYSTEM, "drill.prepared", row.id, script=script.drill, form=script.form, real=script.real)
    return row


@operation
async def begin(work: Work, drill: str, script: Script, *, centre: str) -> EmergencyEvent:
    """The drill's event is registered; from now on everything is as in an emergency."""
    row = await get(work, drill)
    row.state = machines.DRILL.step(row.state, "start")
    row.started_at = work.now
    row.rev += 1
    scene = script.event
    draft = Draft(
        kind=scene.kind,
        title=scene.title,
        place=scene.place,
        happened_at=work.now,
        latitude=scene.latitude,
        longitude=scene.longitude,
        situation=scene.situation,
        facts=dict(scene.facts),
    )
    work.note_in(journal.SYSTEM, "drill.started", row.id)
    return await events.register(work, draft, city=row.city, centre=centre, drill=row.id)


@operation
async def caller(work: Work, event: str, count: int, words: str, place: str) -> None:
    """A caller of the script: the centre's people see what is said, marked as a drill."""
    row = await events.hold(work, event)
    events.note(work, event, "drill.caller", event, count=count, words=words, place=place)
    text = f"【演练】来电{count}:{place},{words}"
    await notices.raise_(work, unit=row.centre, kind="drill-caller", text=text[:500], event=event)


async def event_of(work: Work, drill: str) -> EmergencyEvent:
    """The event of a drill that has begun."""
    query = select(EmergencyEvent).where(EmergencyEvent.drill_id == drill, EmergencyEvent.parent_id.is_(None))
    found = (await work.session.scalars(query.order_by(EmergencyEvent.registered_at).limit(1))).first()
    if found is None:
        raise NotFound("演练尚未开始", "请先开始演练", drill=drill)
    return found


@operation
async def finish(work: Work, drill: str, script: Script, *, rev: int | None = None) -> Drill:
    """The drill is over: its event ends if it has not, and the expectations are scored."""
    row = await get(work, drill)
    fresh(row, rev)
    event = await event_of(work, drill)
    if event.state == "responding":
        await events.end(work, event.id, Approval("演练结束", "演练导调"))
    elif event.state == "registered":
        await events.dismiss(work, event.id, Approval("演练结束,未启动响应", "演练导调"))
    row.state = machines.DRILL.step(row.state, "end")
    row.ended_at, row.plan_version = work.now, event.plan_version
    reached = [
        Reached(
            one.post_id,
            {
                "accepted": one.accepted_at,
                "sent-out": one.sent_out_at,
                "arrived": one.arrived_at,
                "fed-back": one.fed_back_at,
            },
        )
        for one in await requests.of_event(work, event.id)
    ]
    marks, share = rehearsal.score(script.expect, reached, event.started_at or event.registered_at)
    row.score = {"share": share, "marks": [dataclasses.asdict(one) for one in marks]}
    row.rev += 1
    work.note_in(journal.SYSTEM, "drill.ended", row.id, share=share)
    return row


@operation
async def judge(work: Work, drill: str, note: str, marks: Mapping[str, Any], rev: int | None = None) -> Drill:
    """What people say of it, beside what was measured."""
    row = await get(work, drill)
    fresh(row, rev)
    row.state = machines.DRILL.step(row.state, "score")
    row.note = note.strip()[:4000]
    row.score = {**row.score, "people": dict(marks)}
    row.rev += 1
    work.note_in(journal.SYSTEM, "drill.scored", row.id)
    return row


async def ladder_of(work: Work, event: EmergencyEvent, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """The ladder of a post in this event: of a drill, with the drill's telephones."""
    if event.drill_id is None:
        return rungs
    row = await get(work, event.drill_id)
    return rungs if row.numbers is None else rehearsal.rehearse(rungs, row.numbers)


async def listed(work: Work, city: str, limit: int = 100) -> list[Drill]:
    query = select(Drill).where(Drill.city == city).order_by(Drill.created_at.desc(), Drill.id).limit(limit)
    return list((await work.session.scalars(query)).all())


async def of_plan(work: Work, city: str, plan: str, limit: int = 20) -> list[Drill]:
    """Drills that ran by a version of the plan, the newest first (test runs of plans, 预案演练)."""
    query = select(Drill).join(PlanVersion, PlanVersion.id == Drill.plan_version)
    query = query.where(PlanVersion.city == city, PlanVersion.plan == plan).order_by(Drill.ended_at.desc(), Drill.id)
    return list((await work.session.scalars(query.limit(limit))).all())
