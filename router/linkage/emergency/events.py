"""Emergency events (突发事件): registered, told to the other line, started by plan, raised or lowered, ended.

Whoever takes a step says why and who approved it; steps are rows, and the journal has a chain for each event (``event:<id>``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from router import ids
from router.casework import numbering
from router.casework.work import Work, fresh, need, operation, touch
from router.errors import Conflict, Invalid, NotFound
from router.journal import journal
from router.linkage import machines, words
from router.linkage.emergency import kinds, levels
from router.organisation import divisions
from router.storage.base import table_of
from router.storage.casework import Case
from router.storage.emergencies import EmergencyEvent, EventCase, EventStep
from router.supervision import notices

EVENT_CASE = table_of(EventCase)
SENSITIVE = {"time": "敏感时间", "place": "敏感地区", "people": "敏感人群"}
EARLIEST = dt.timedelta(days=30)
SLACK = dt.timedelta(minutes=5)
"""A clock may be so much before ours."""


def chain(event: str) -> str:
    return f"event:{event}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an event."""

    kind: str
    title: str
    place: str
    happened_at: dt.datetime
    division: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius: float | None = None
    situation: str = ""
    answer: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    sensitive: Sequence[str] = ()
    level: int | None = None
    """None: the one that is proposed."""
    without_level: bool = False
    """A social security event may stay without one."""
    level_reason: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """Why a step is taken, and who approved it."""

    reason: str
    approver: str


async def hold(work: Work, event: str) -> EmergencyEvent:
    """The event, with everybody else who wants to change it waiting; raise :class:`NotFound`."""
    await journal.lock(work.session, chain(event))
    row = await work.session.get(EmergencyEvent, event, populate_existing=True)
    if row is None:
        raise NotFound("没有这个突发事件", "请核对事件编号", event=event)
    return row


def note(work: Work, event: str, action: str, subject: str, /, **detail: Any) -> None:
    """Say in an event's journal what happened; without personal data."""
    work.note_in(chain(event), action, subject, **{key: value for key, value in detail.items() if value is not None})


def move(work: Work, row: EmergencyEvent, step: str, **detail: Any) -> None:
    """Take a step of the event's life; raise :class:`router.errors.ImpossibleTransition`."""
    before = row.state
    row.state = machines.EVENT.step(before, step)
    touch(work, row)
    note(work, row.id, f"event.{step}", row.id, before=before, after=row.state, **detail)


# --- registering


@operation
async def register(
    work: Work,
    draft: Draft,
    *,
    city: str,
    centre: str,
    cases: Sequence[str] = (),
    parent: str | None = None,
    drill: str | None = None,
    proposed: bool = False,
) -> EmergencyEvent:
    """Register an event (or propose one); the other line is told at once and must sign.

    Raise :class:`Invalid` with the field for what can't be.
    """
    from router.linkage.emergency import mutual, reporting
    from router.linkage.notifying import engine

    good, proposal = _checked(work, draft)
    work.town.desk(centre)
    row = EmergencyEvent(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "event", work.now),
        city=city,
        state="proposed" if proposed else "registered",
        category=kinds.KINDS[good.kind].category,
        centre=centre,
        parent_id=await _parent(work, parent, city),
        drill_id=drill,
        plan_version=None,
        plan=None,
        response=None,
        registered_at=work.now,
        registered_by=work.actor.id,
        updated_at=work.now,
        **_columns(good, proposal),
    )
    work.session.add(row)
    await work.session.flush()
    note(
        work, row.id, "event.proposed" if proposed else "event.registered", row.id, number=row.number, kind=row.kind,
        level=row.level, proposed=row.level_proposed, because=list(proposal.reasons), parent=parent, drill=drill,
    )  # fmt: skip
    await attach(work, row, cases, "source")
    if proposed:
        await _tell_proposal(work, row)
        return row
    await _registered(work, row)
    await mutual.tell_other_line(work, row)
    await reporting.begin(work, row)
    await engine.look(work, row)
    return row


async def _registered(work: Work, row: EmergencyEvent) -> None:
    work.tell(
        "event.registered", None, everybody(work, row),
        event=row.id, number=row.number, kind=row.kind, level=row.level, drill=row.drill_id is not None,
    )  # fmt: skip


async def _tell_proposal(work: Work, row: EmergencyEvent) -> None:
    await notices.raise_(
        work, unit=row.centre, kind="event-proposed", text=f"{row.number} 建议登记突发事件:{kinds.KINDS[row.kind].name}",
        level=notices.ALARM, event=row.id,
    )  # fmt: skip
    work.tell("event.proposed", None, everybody(work, row), event=row.id, number=row.number, kind=row.kind)


def everybody(work: Work, row: EmergencyEvent) -> list[str]:
    """Centres of both lines in the event's city."""
    return sorted({one.id for one in work.town.desks_of(row.city)} | {row.centre})


@operation
async def confirm(work: Work, event: str, approval: Approval, rev: int | None = None) -> EmergencyEvent:
    """What was proposed (or dismissed) is an event."""
    from router.linkage.emergency import mutual, reporting
    from router.linkage.notifying import engine

    row = await hold(work, event)
    fresh(row, rev)
    move(work, row, "confirm")
    await _step(work, row, "confirm", approval)
    await notices.settle_event(work, row.id, ["event-proposed"])
    await _registered(work, row)
    await mutual.tell_other_line(work, row)
    await reporting.begin(work, row)
    await engine.look(work, row)
    return row


@operation
async def dismiss(work: Work, event: str, approval: Approval, rev: int | None = None) -> EmergencyEvent:
    """It is none: a mistake, or several matters that have nothing to do with each other."""
    from router.linkage.emergency import mutual, reporting
    from router.linkage.notifying import engine

    row = await hold(work, event)
    fresh(row, rev)
    move(work, row, "dismiss")
    await _step(work, row, "dismiss", approval)
    await mutual.withdraw(work, row)
    await reporting.void(work, row)
    await notices.settle_event(work, row.id, ["event-proposed"])
    await engine.look(work, row)
    work.tell("event.dismissed", None, everybody(work, row), event=row.id, number=row.number)
    return row


@operation
async def amend(work: Work, event: str, draft: Draft, rev: int | None = None) -> EmergencyEvent:
    """What is known has changed: facts, place, situation, level. The level that was chosen stays until somebody changes it,
    but what is proposed now is shown."""
    from router.linkage.emergency import reporting
    from router.linkage.notifying import engine

    row = await hold(work, event)
    fresh(row, rev)
    if row.state in ("dismissed", "reviewed"):
        raise Conflict("事件已经结束", "如有新情况请另行登记", state=row.state)
    if draft.kind != row.kind and row.plan is not None:
        raise Conflict("响应已按预案启动,不能改变事件类型", "请终止响应后另行登记", field="kind")
    good, proposal = _checked(work, draft)
    before = {"level": row.level, "proposed": row.level_proposed}
    for name, value in _columns(good, proposal).items():
        setattr(row, name, value)
    row.category = kinds.KINDS[good.kind].category
    touch(work, row)
    note(
        work, row.id, "event.amended", row.id, before=before, level=row.level, proposed=row.level_proposed,
        because=list(proposal.reasons), facts=dict(row.facts),
    )  # fmt: skip
    if row.response is not None and row.level is not None and row.level < row.response:
        await notices.raise_(
            work, unit=row.centre, kind="event-raise", text=f"{row.number} 事件级别高于响应级别,请研判是否升级响应",
            level=notices.URGENT, event=row.id,
        )  # fmt: skip
    if row.state != "proposed":
        await reporting.begin(work, row)
    await engine.look(work, row)
    work.tell("event.amended", None, everybody(work, row), event=row.id, number=row.number, level=row.level)
    return row


def _columns(draft: Draft, proposal: levels.Proposal) -> dict[str, Any]:
    level = None if draft.without_level else draft.level if draft.level is not None else proposal.level
    return {
        "kind": draft.kind,
        "title": draft.title,
        "level": level,
        "level_proposed": proposal.level,
        "level_reason": draft.level_reason or None,
        "facts": dict(draft.facts),
        "sensitive": sorted(set(draft.sensitive)),
        "happened_at": draft.happened_at,
        "place": draft.place,
        "division": draft.division,
        "latitude": draft.latitude,
        "longitude": draft.longitude,
        "radius": draft.radius,
        "situation": draft.situation,
        "answer": draft.answer,
    }


def _checked(work: Work, draft: Draft) -> tuple[Draft, levels.Proposal]:
    kind = kinds.KINDS.get(draft.kind)
    if kind is None:
        raise Invalid(f"没有事件类型“{draft.kind[:40]}”", "请从列表选择", field="kind", allowed=sorted(kinds.KINDS))
    if not work.now - EARLIEST <= draft.happened_at <= work.now + SLACK:
        raise Invalid("事发时间在将来,或者早于30天前", "请核对事发时间", field="happened_at")
    if draft.division is not None and not divisions.known(draft.division):
        raise Invalid(f"没有行政区划代码“{draft.division}”", "请填写 GB/T 2260 代码", field="division")
    unknown = sorted(set(draft.sensitive) - set(SENSITIVE))
    if unknown:
        raise Invalid("敏感标志只有时间、地区、人群", "请从列表选择", field="sensitive", allowed=sorted(SENSITIVE))
    facts = levels.check(draft.facts)
    book = work.town.office.rulebook if work.town.office else None
    proposal = levels.propose(book.criteria[kind.criteria], facts) if book else levels.Proposal(None, ())
    if draft.without_level and kind.category != "security":
        raise Invalid("只有社会安全事件可以不定级", "请选择级别", field="level")
    if draft.level is not None and draft.without_level:
        raise Invalid("级别与“不定级”矛盾", "二者只选其一", field="level")
    chosen = None if draft.without_level else draft.level if draft.level is not None else proposal.level
    if chosen is not None and chosen not in (1, 2, 3, 4):
        raise Invalid("级别只有1至4", "1 特别重大、2 重大、3 较大、4 一般", field="level")
    if chosen != proposal.level and not draft.level_reason.strip():
        raise Invalid("所选级别与建议级别不同,须说明理由", "请填写定级理由", field="level_reason", proposed=proposal.level)
    good = Draft(
        kind=draft.kind,
        title=need(draft.title, "title", "标题", 100),
        place=need(draft.place, "place", "地点", 200),
        happened_at=draft.happened_at,
        division=draft.division,
        latitude=draft.latitude,
        longitude=draft.longitude,
        radius=draft.radius,
        situation=draft.situation.strip()[:8000],
        answer=draft.answer.strip()[:2000],
        facts=facts,
        sensitive=draft.sensitive,
        level=draft.level,
        without_level=draft.without_level,
        level_reason=draft.level_reason.strip()[:1000],
    )
    return good, proposal


async def _parent(work: Work, parent: str | None, city: str) -> str | None:
    if parent is None:
        return None
    row = await work.session.get(EmergencyEvent, parent)
    if row is None or row.city != city:
        raise Invalid("没有这个原生事件", "请核对事件编号", field="parent")
    return row.id


# --- matters of an event


async def attach(work: Work, row: EmergencyEvent, cases: Sequence[str], how: str) -> list[str]:
    """Put matters under an event; return those that are new there."""
    new: list[str] = []
    for case in dict.fromkeys(cases):
        if await work.session.get(Case, case) is None:
            raise NotFound("没有这个事项", "请核对单号", case=case)
        if await work.session.get(EventCase, (row.id, case)) is None:
            work.session.add(EventCase(event_id=row.id, case_id=case, how=how, at=work.now, by=work.actor.id))
            work.note(case, "case.event", row.id, number=row.number, how=how)
            new.append(case)
    if new:
        note(work, row.id, "event.cases", row.id, cases=new, how=how)
    return new


@operation
async def add_cases(work: Work, event: str, cases: Sequence[str], how: str = "added") -> list[str]:
    """A person puts matters under an event; those who follow it see them."""
    row = await hold(work, event)
    if row.state == "dismissed":
        raise Conflict("事件已排除", "请另行登记", state=row.state)
    new = await attach(work, row, cases, how)
    if new:
        touch(work, row)
        work.tell("event.cases", None, everybody(work, row), event=row.id, number=row.number, cases=len(new))
    return new


async def cases_of(work: Work, event: str) -> list[EventCase]:
    query = select(EventCase).where(EventCase.event_id == event).order_by(EventCase.at, EventCase.case_id)
    return list((await work.session.scalars(query)).all())


# --- steps of a response


async def _step(work: Work, row: EmergencyEvent, step: str, approval: Approval) -> EventStep:
    made = EventStep(
        id=ids.new(),
        event_id=row.id,
        step=step,
        level=row.response,
        reason=need(approval.reason, "reason", "理由", 1000),
        approver=need(approval.approver, "approver", "批准人", 50),
        by=work.actor.id,
        at=work.now,
    )
    work.session.add(made)
    await work.session.flush()
    return made


async def steps_of(work: Work, event: str) -> list[EventStep]:
    query = select(EventStep).where(EventStep.event_id == event).order_by(EventStep.at, EventStep.id)
    return list((await work.session.scalars(query)).all())


@operation
async def start(
    work: Work, event: str, approval: Approval, *, plan: str | None = None, level: int | None = None, rev: int | None = None
) -> EmergencyEvent:
    """Start the response (启动): the plan is frozen into the event, posts are told at once.

    ``plan``: id of a version; None: the newest for this type. ``level``: of the response; None: the event's, or the least. Raise
    :class:`Conflict` if there is no plan.
    """
    from router.linkage.emergency import reporting
    from router.linkage.notifying import engine, requests
    from router.linkage.planning import plan_versions

    row = await hold(work, event)
    fresh(row, rev)
    version, content = await plan_versions.choose(work, row, plan)
    row.response = _response(level if level is not None else row.level or 4)
    again = row.state in ("ended", "reviewed")
    move(work, row, "restart" if again else "start", plan=version.id, level=row.response)
    row.plan_version, row.plan = version.id, dict(version.content)
    row.started_at, row.started_by = work.now, work.actor.id
    row.ended_at = row.ended_by = row.reviewed_at = None
    row.answer = row.answer or content.answer
    await _step(work, row, "start", approval)
    await requests.from_plan(work, row, content)
    await reporting.begin(work, row)
    await notices.settle_event(work, row.id, ["event-raise"])
    await engine.look(work, row)
    work.tell(
        "event.started", None, everybody(work, row),
        event=row.id, number=row.number, level=row.response, plan=version.id, drill=row.drill_id is not None,
    )  # fmt: skip
    return row


def _response(level: int) -> int:
    if level not in (1, 2, 3, 4):
        raise Invalid("响应级别只有1至4", "1 最高、4 最低", field="level")
    return level


@operation
async def change_response(work: Work, event: str, level: int, approval: Approval, rev: int | None = None) -> EmergencyEvent:
    """Raise or lower the response (调整): steps of the plan for graver levels begin; those that are told stay told."""
    from router.linkage.emergency import reporting
    from router.linkage.notifying import engine

    row = await hold(work, event)
    fresh(row, rev)
    wanted = _response(level)
    if row.state == "responding" and row.response == wanted:
        raise Conflict(f"响应已经是{words.ROMAN[wanted]}级", "请选择另一个级别", level=wanted)
    step = "raise" if row.response is None or wanted < row.response else "lower"
    before = row.response
    move(work, row, step, level_before=before, level=wanted)
    row.response = wanted
    await _step(work, row, step, approval)
    await notices.settle_event(work, row.id, ["event-raise"])
    await reporting.begin(work, row)
    await engine.look(work, row)
    work.tell("event.response", None, everybody(work, row), event=row.id, number=row.number, level=wanted, before=before)
    return row


@operation
async def end(work: Work, event: str, approval: Approval, rev: int | None = None) -> EmergencyEvent:
    """End the response (终止): whoever has not signed need not any more; the final report and the review are due."""
    from router.linkage.emergency import reporting
    from router.linkage.notifying import engine, requests
    from router.linkage.review import reviews

    row = await hold(work, event)
    fresh(row, rev)
    move(work, row, "end")
    await _step(work, row, "end", approval)
    row.ended_at, row.ended_by = work.now, work.actor.id
    await requests.call_off(work, row)
    await reporting.finish(work, row)
    await reviews.open_for(work, row)
    await engine.look(work, row)
    work.tell("event.ended", None, everybody(work, row), event=row.id, number=row.number)
    return row
