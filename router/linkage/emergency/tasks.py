"""Tasks of an event (指令): sent, signed, on the way, arrived, done, with place and photo from a phone's browser (K18, K22)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from router.casework.work import Work, fresh, need, operation, touch
from router.errors import Conflict, Forbidden, Invalid, NotFound
from router.linkage import machines
from router.linkage.duty import posts
from router.linkage.emergency import events
from router.linkage.notifying import requests
from router.organisation import agencies
from router.storage.emergencies import EmergencyEvent, EventTask
from router.supervision import notices

AT = {"sign": "signed_at", "set-out": "on_the_way_at", "arrive": "arrived_at", "finish": "done_at"}


async def of_event(work: Work, event: str) -> list[EventTask]:
    query = select(EventTask).where(EventTask.event_id == event).order_by(EventTask.sent_at, EventTask.id)
    return list((await work.session.scalars(query)).all())


async def held(work: Work, task: str) -> tuple[EmergencyEvent, EventTask]:
    """A task and its event, held against everybody else's changes."""
    row = await work.session.get(EventTask, task)
    if row is None:
        raise NotFound("没有这条指令", "请刷新列表", task=task)
    event = await events.hold(work, row.event_id)
    await work.session.refresh(row)
    return event, row


@operation
async def send(
    work: Work, event: str, *, text: str, unit: str | None = None, post: str | None = None, due: dt.datetime | None = None
) -> EventTask:
    """Order something of a unit, or of the unit of a post."""
    from router.linkage.notifying import engine

    row = await events.hold(work, event)
    if row.state not in ("registered", "responding"):
        raise Conflict("事件不在处置中", "请先启动响应", state=row.state)
    if post is not None:
        unit = (await posts.get(work.session, post)).unit
    elif unit is None:
        raise Invalid("没有说明由谁办理", "填写单位或值班岗", field="unit")
    elif unit not in work.town.desks:
        await agencies.get(work.session, unit)
    made = await requests.give_task(work, row, unit=unit, post=post, text=text, due=due)
    await engine.look(work, row)
    return made


@operation
async def step(
    work: Work,
    task: str,
    name: str,
    *,
    text: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    accuracy: float | None = None,
    at: dt.datetime | None = None,
    rev: int | None = None,
) -> EventTask:
    """``sign`` | ``set-out`` | ``arrive`` | ``finish`` | ``refuse`` | ``cancel``.

    ``at``: when it happened, for what a phone without a network kept and sends later. A task that was not signed is signed by
    the first step that is taken.
    """
    from router.linkage.notifying import engine

    event, row = await held(work, task)
    fresh(row, rev)
    _may(work, event, row, name)
    when = at or work.now
    if not row.sent_at - events.SLACK <= when <= work.now + events.SLACK:
        raise Invalid("时间在将来,或早于下达时间", "请核对时间", field="at")
    if name in ("refuse", "cancel"):
        need(text, "text", "理由", 1000)
    if row.state == "sent" and name in ("set-out", "arrive", "finish"):
        _move(work, event, row, "sign", when)
    _move(work, event, row, name, when)
    if name == "arrive":
        row.latitude, row.longitude, row.accuracy = latitude, longitude, accuracy
    if name in ("finish", "refuse", "cancel"):
        row.result = text.strip()[:4000] or None
        await notices.settle_subject(work, event.id, row.id)
    work.tell(
        "task.moved", None, [row.unit, *events.everybody(work, event)],
        event=event.id, task=row.id, number=row.number, state=row.state,
    )  # fmt: skip
    await engine.look(work, event)
    return row


def _move(work: Work, event: EmergencyEvent, row: EventTask, name: str, when: dt.datetime) -> None:
    before = row.state
    row.state = machines.TASK.step(before, name)
    if name in AT:
        setattr(row, AT[name], when)
    if name == "sign":
        row.signed_by = work.actor.id
    touch(work, row)
    events.note(work, event.id, f"event_task.{name}", row.id, before=before, after=row.state, at=when.isoformat())


def _may(work: Work, event: EmergencyEvent, row: EventTask, name: str) -> None:
    """The unit does it; who sent it, or supervisors, cancel it."""
    if name == "cancel":
        if work.actor.role in ("supervisor", "operator", "police") and work.actor.city in ("", event.city):
            return
        raise Forbidden("只有指挥方可以取消指令", "请联系指挥部")
    work.must_be(row.unit)


async def look(work: Work, event: EmergencyEvent) -> dt.datetime | None:
    """Tell what is overdue; return when to look again."""
    again: dt.datetime | None = None
    for row in await of_event(work, event.id):
        if row.due_at is None or row.overdue_at is not None or row.state in machines.TASK.final:
            continue
        if work.now < row.due_at:
            again = row.due_at if again is None else min(again, row.due_at)
            continue
        row.overdue_at = work.now
        events.note(work, event.id, "event_task.overdue", row.id, unit=row.unit)
        for unit in {row.unit, event.centre}:
            await notices.raise_(
                work, unit=unit, kind="task-overdue", text=f"{row.number} 指令超时未完成", level=notices.URGENT, event=event.id,
                subject=row.id,
            )  # fmt: skip
        work.tell("task.overdue", None, [row.unit, event.centre], event=event.id, task=row.id, number=row.number)
    return again
