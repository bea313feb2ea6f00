"""Linkage requests (联动请求): what each post is asked, and how its people answer: sign, set out, arrive, report back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from router import ids
from router.casework import numbering
from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, Invalid, NotFound
from router.linkage import machines, words
from router.linkage.duty import posts
from router.linkage.emergency import events, kinds
from router.linkage.notifying import attempts, ladder
from router.linkage.planning.plans import Plan
from router.storage.emergencies import EmergencyEvent, EventTask
from router.storage.notifying import LinkageRequest
from router.supervision import notices

DONE = {"send-out": "sent_out_at", "arrive": "arrived_at", "feed-back": "fed_back_at"}
MANUAL = "manual"


async def from_plan(work: Work, row: EmergencyEvent, plan: Plan) -> list[LinkageRequest]:
    """A request for each post of each step, and the plan's tasks. A kind of post that the city does not have is told: nobody is
    left out unnoticed."""
    made: list[LinkageRequest] = []
    missing: list[str] = []
    there = {(one.step, one.post_id) for one in await of_event(work, row.id)}
    for step in plan.steps:
        for kind in step.posts:
            post = await posts.of_kind(work.session, row.city, kind, row.division)
            if post is None:
                missing.append(kind)
            elif (step.key, post.id) not in there:
                made.append(_make(work, row, post, step.key, step.part, step.task, step.rules()))
                there.add((step.key, post.id))
    work.session.add_all(made)
    await work.session.flush()
    for one in made:
        _note(work, one, "asked", post=one.post_id, part=one.part, step=one.step)
    missing += await _tasks(work, row, plan)
    if missing:
        await _tell_missing(work, row, sorted(set(missing)))
    return made


def _make(work: Work, row: EmergencyEvent, post: Any, step: str, part: str, task: str, rules: ladder.Rules) -> LinkageRequest:
    return LinkageRequest(
        id=ids.new(),
        rev=1,
        event_id=row.id,
        step=step,
        post_id=post.id,
        post_name=post.name,
        unit=post.unit,
        part=part,
        task=task,
        rules=asdict(rules),
        state="waiting",
        rung=0,
        asked_at=work.now,
        begun_at=None,
        rung_at=None,
        accepted_at=None,
        accepted_by=None,
        accepted_via=None,
        sent_out_at=None,
        arrived_at=None,
        fed_back_at=None,
        ended_at=None,
        late=[],
        reason=None,
        feedback=None,
        reopened=0,
        chasing=None,
        chase_after=None,
    )


async def _tasks(work: Work, row: EmergencyEvent, plan: Plan) -> list[str]:
    missing = []
    for task in plan.tasks:
        if row.response is not None and row.response > task.level:
            continue
        for kind in task.posts:
            post = await posts.of_kind(work.session, row.city, kind, row.division)
            if post is None:
                missing.append(kind)
                continue
            due = None if task.due is None else work.now + dt.timedelta(seconds=task.due)
            await give_task(work, row, unit=post.unit, post=post.id, text=task.text, due=due, step="plan")
    return missing


async def _tell_missing(work: Work, row: EmergencyEvent, missing: Sequence[str]) -> None:
    events.note(work, row.id, "event.posts_missing", row.id, kinds=list(missing))
    text = f"{row.number} 预案要通知的单位没有值班岗:{'、'.join(missing)},请人工通知"
    await notices.raise_(work, unit=row.centre, kind="post-missing", text=text, level=notices.ALARM, event=row.id)


async def give_task(
    work: Work, row: EmergencyEvent, *, unit: str, post: str | None, text: str, due: dt.datetime | None, step: str | None = None
) -> EventTask:
    """An order to a unit (指令)."""
    if due is not None and due <= work.now:
        raise Invalid("完成时限已经过去", "请填写将来的时间", field="due_at")
    task = EventTask(
        id=ids.new(),
        rev=1,
        number=await numbering.next_number(work.session, "task", work.now),
        event_id=row.id,
        unit=unit,
        post_id=post,
        text=need(text, "text", "任务内容", 2000),
        from_plan=step,
        state="sent",
        due_at=due,
        overdue_at=None,
        sent_at=work.now,
        sent_by=work.actor.id,
        signed_at=None,
        signed_by=None,
        on_the_way_at=None,
        arrived_at=None,
        latitude=None,
        longitude=None,
        accuracy=None,
        done_at=None,
        result=None,
    )
    work.session.add(task)
    await work.session.flush()
    events.note(work, row.id, "event_task.sent", task.id, number=task.number, unit=unit, due=due.isoformat() if due else None)
    await notices.raise_(
        work, unit=unit, kind="event-task", text=f"{task.number} {task.text[:100]}", level=notices.URGENT, event=row.id
    )
    work.tell("task.sent", None, [unit, row.centre], event=row.id, task=task.id, number=task.number)
    return task


def _note(work: Work, row: LinkageRequest, what: str, /, **detail: Any) -> None:
    events.note(work, row.event_id, f"linkage_request.{what}", row.id, **detail)


def move(work: Work, row: LinkageRequest, step: str, /, **detail: Any) -> None:
    """Take a step of a request's life; raise :class:`router.errors.ImpossibleTransition`."""
    before = row.state
    row.state = machines.REQUEST.step(before, step)
    row.rev += 1
    if row.state in machines.REQUEST.final:
        row.ended_at = work.now
    _note(work, row, step, before=before, after=row.state, post=row.post_id, **detail)


async def of_event(work: Work, event: str) -> list[LinkageRequest]:
    query = select(LinkageRequest).where(LinkageRequest.event_id == event).order_by(LinkageRequest.asked_at, LinkageRequest.id)
    return list((await work.session.scalars(query)).all())


async def held(work: Work, request: str) -> tuple[EmergencyEvent, LinkageRequest]:
    """A request and its event, held against everybody else's changes."""
    row = await work.session.get(LinkageRequest, request)
    if row is None:
        raise NotFound("没有这个联动请求", "请刷新列表", request=request)
    event = await events.hold(work, row.event_id)
    await work.session.refresh(row)
    return event, row


# --- what people do


@operation
async def ask(
    work: Work, event: str, post: str, task: str, *, part: str = "assist", rules: ladder.Rules | None = None
) -> LinkageRequest:
    """A person asks a post that the plan does not name, or asks one again. Raise :class:`Conflict` if it is being asked."""
    from router.linkage.notifying import engine

    row = await events.hold(work, event)
    if row.state not in ("registered", "responding"):
        raise Conflict("事件不在处置中", "请先启动响应", state=row.state)
    target = await posts.get(work.session, post)
    if not target.active or target.city != row.city:
        raise Invalid("该值班岗已停用或不属于本市", "请选择另一个值班岗", field="post")
    if part not in words.PARTS:
        raise Invalid("职责只有主责、配合、知会", "请从列表选择", field="part", allowed=sorted(words.PARTS))
    mine = [one for one in await of_event(work, event) if one.post_id == post]
    if any(one.state in ladder.OPEN for one in mine):
        raise Conflict("该单位正在通知中", "请等待其签收", post=post)
    made = _make(work, row, target, f"{MANUAL}-{len(mine) + 1}", part, need(task, "task", "任务", 2000), rules or default_rules())
    work.session.add(made)
    await work.session.flush()
    _note(work, made, "asked", post=post, part=part, step=made.step)
    await engine.look(work, row)
    return made


def default_rules() -> ladder.Rules:
    return ladder.Rules({"desk": 0, "webhook": 0, "sms": 0, "phone": 0})


@operation
async def accept(
    work: Work, request: str, *, via: str, who: str, attempt: str | None = None, rev: int | None = None
) -> LinkageRequest:
    """Somebody takes it (签收). The first counts; whoever comes later is noted and changes nothing. A leader who takes what does
    not move gives it its time once more."""
    from router.linkage.notifying import engine

    event, row = await held(work, request)
    fresh(row, rev)
    if row.state in ladder.OPEN or row.state == "refused":
        if event.state in ("ended", "reviewed", "dismissed"):
            _note(work, row, "late-answer", via=via, attempt=attempt)
            return row
        row.accepted_at, row.accepted_by, row.accepted_via = work.now, who, via
        move(work, row, "accept", via=via, attempt=attempt, rung=row.rung)
        await _taken(work, event, row)
    elif row.chasing is not None:
        limit = _rules(row).limit(row.chasing)  # type: ignore[arg-type]
        row.chase_after = work.now + dt.timedelta(seconds=limit or ladder.AGAIN)
        _note(work, row, "promised", duty=row.chasing, via=via, attempt=attempt, rung=row.rung)
        row.chasing = None
        row.rev += 1
        await _taken(work, event, row)
    else:
        _note(work, row, "late-answer", via=via, attempt=attempt)
        return row
    await engine.look(work, event)
    return row


async def _taken(work: Work, event: EmergencyEvent, row: LinkageRequest) -> None:
    """Nobody is rung about it any more."""
    await attempts.call_off(work, [row.id])
    await notices.settle_subject(work, event.id, row.id)
    work.tell(
        "linkage.accepted", None, [row.unit, *events.everybody(work, event)],
        event=event.id, request=row.id, post=row.post_id, state=row.state, via=row.accepted_via,
    )  # fmt: skip


@operation
async def refuse(work: Work, request: str, reason: str, *, rev: int | None = None) -> LinkageRequest:
    """The post can't: its leader is asked at once."""
    from router.linkage.notifying import engine

    event, row = await held(work, request)
    fresh(row, rev)
    must_be_theirs(work, row)
    why = need(reason, "reason", "拒绝理由", 1000)
    if row.state not in ladder.OPEN:
        raise Conflict("已签收,不能再拒绝", "如不能处置,请反馈原因或请指挥部改派", state=row.state)
    row.reason = why
    row.rev += 1
    _note(work, row, "refused", rung=row.rung, reason=why)
    await attempts.record(work, event, row, channel="desk", rung=row.rung, outcome="refused", by=work.actor.id)
    await attempts.call_off(work, [row.id])
    await engine.look(work, event)
    return row


@operation
async def progress(
    work: Work, request: str, step: str, *, at: dt.datetime | None = None, text: str = "", rev: int | None = None
) -> LinkageRequest:
    """``send-out`` | ``arrive`` | ``feed-back``: the unit is moving (E6). What was not signed before is signed by it."""
    from router.linkage.notifying import engine

    if step not in DONE:
        raise Invalid("只有出动、到场、反馈", "请从列表选择", field="step", allowed=sorted(DONE))
    event, row = await held(work, request)
    fresh(row, rev)
    must_be_theirs(work, row)
    when = at or work.now
    if when > work.now + events.SLACK or when < row.asked_at:
        raise Invalid("时间在将来,或早于通知时间", "请核对时间", field="at")
    if step == "feed-back":
        row.feedback = need(text, "text", "反馈内容", 4000)
    if row.state in ladder.OPEN:
        row.accepted_at, row.accepted_by, row.accepted_via = work.now, work.actor.id, "desk"
        move(work, row, "accept", via="desk", rung=row.rung)
    move(work, row, step, at=when.isoformat())
    setattr(row, DONE[step], when)
    row.chasing = row.chase_after = None
    await _taken(work, event, row)
    work.tell("linkage.moved", None, [row.unit, *events.everybody(work, event)], event=event.id, request=row.id, state=row.state)
    await engine.look(work, event)
    return row


def must_be_theirs(work: Work, row: LinkageRequest) -> None:
    """The unit itself, or people of the two lines who write down what they were told; which events they see says the rest."""
    if work.actor.role in ("operator", "police", "supervisor") and (work.actor.side or not work.actor.unit):
        return
    work.must_be(row.unit)


@operation
async def cancel(work: Work, request: str, reason: str, *, rev: int | None = None) -> LinkageRequest:
    """People at the centres call a request off."""
    from router.linkage.notifying import engine

    event, row = await held(work, request)
    fresh(row, rev)
    move(work, row, "cancel", reason=need(reason, "reason", "取消理由", 1000))
    await _taken(work, event, row)
    await engine.look(work, event)
    return row


async def call_off(work: Work, event: EmergencyEvent) -> None:
    """The response has ended: what nobody has signed is cancelled, what moves may still be reported back."""
    open_ = [one for one in await of_event(work, event.id) if one.state in ladder.OPEN or one.state == "refused"]
    for row in open_:
        move(work, row, "cancel")
        await notices.settle_subject(work, event.id, row.id)
    for row in await of_event(work, event.id):
        row.chasing = None
    await attempts.call_off(work, [one.id for one in await of_event(work, event.id)])


def _rules(row: LinkageRequest) -> ladder.Rules:
    return ladder.Rules(**row.rules)


def asked(row: LinkageRequest) -> ladder.Asked:
    """A row as the ladder reads it."""
    return ladder.Asked(
        state=row.state,
        rules=_rules(row),
        rung=row.rung,
        asked_at=row.asked_at,
        begun_at=row.begun_at,
        rung_at=row.rung_at,
        accepted_at=row.accepted_at,
        late=frozenset(row.late),
        chasing=row.chasing,  # type: ignore[arg-type]
        chase_after=row.chase_after,
    )


def matter(event: EmergencyEvent, row: LinkageRequest) -> words.Matter:
    """What is told of a request."""
    return words.Matter(
        kind=kinds.KINDS[event.kind].name,
        place=event.place,
        level=event.level,
        happened_at=event.happened_at,
        part=row.part,
        task=row.task,
        title=event.title,
        drill=event.drill_id is not None,
        chasing=row.chasing,
        rung=row.rung,
        post=row.post_name,
    )
