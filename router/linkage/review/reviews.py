"""Review (复盘): what is concluded after an event, and what is to be done better by whom until when (K24)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from router import ids
from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, Invalid, NotFound
from router.linkage import machines
from router.linkage.emergency import events
from router.organisation import agencies
from router.storage.emergencies import EmergencyEvent, EventReview, Improvement


async def open_for(work: Work, event: EmergencyEvent) -> EventReview:
    """A review is open as soon as the response has ended; one that is there goes on."""
    row = await work.session.get(EventReview, event.id)
    if row is None:
        row = EventReview(
            event_id=event.id, rev=1, state="open", conclusions="", opened_at=work.now, concluded_at=None, concluded_by=None,
            updated_at=work.now, updated_by=work.actor.id,
        )  # fmt: skip
        work.session.add(row)
        await work.session.flush()
        events.note(work, event.id, "review.opened", event.id)
    return row


async def held(work: Work, event: str) -> tuple[EmergencyEvent, EventReview]:
    """An event and its review; raise :class:`NotFound` before the response has ended."""
    row = await events.hold(work, event)
    review = await get(work, event)
    await work.session.refresh(review)
    return row, review


async def get(work: Work, event: str) -> EventReview:
    """The review, to be read; raise :class:`NotFound` before the response has ended."""
    found = await work.session.get(EventReview, event)
    if found is None:
        raise NotFound("该事件还没有复盘", "响应终止后才能复盘", event=event)
    return found


@operation
async def write(work: Work, event: str, conclusions: str, rev: int | None = None) -> EventReview:
    """Put down what is concluded; may be changed until the review is concluded."""
    _, row = await held(work, event)
    fresh(row, rev)
    if row.state == "concluded":
        raise Conflict("复盘已定稿", "请先重新打开", state=row.state)
    if len(conclusions) > 20_000:
        raise Invalid("复盘结论超过20000字", "请精简", field="conclusions", limit=20_000)
    row.conclusions = conclusions.strip()
    row.rev += 1
    row.updated_at, row.updated_by = work.now, work.actor.id
    events.note(work, event, "review.written", event, length=len(row.conclusions))
    return row


@operation
async def conclude(work: Work, event: str, rev: int | None = None) -> EventReview:
    """The review is done; the event counts as reviewed."""
    row, review = await held(work, event)
    fresh(review, rev)
    need(review.conclusions, "conclusions", "复盘结论", 20_000)
    if review.state == "concluded":
        raise Conflict("复盘已定稿", "请刷新", state=review.state)
    events.move(work, row, "review")
    row.reviewed_at = work.now
    review.state, review.concluded_at, review.concluded_by = "concluded", work.now, work.actor.id
    review.rev += 1
    events.note(work, event, "review.concluded", event)
    work.tell("event.reviewed", None, events.everybody(work, row), event=row.id, number=row.number)
    return review


@operation
async def improve(work: Work, event: str, *, text: str, unit: str, due_on: dt.date) -> Improvement:
    """Something is to be done better by a unit until a day."""
    row, _ = await held(work, event)
    if unit not in work.town.desks:
        await agencies.get(work.session, unit)
    if due_on < work.now.date():
        raise Invalid("完成日期已经过去", "请填写今天或以后的日期", field="due_on")
    made = Improvement(
        id=ids.new(), rev=1, event_id=event, text=need(text, "text", "改进内容", 2000), unit=unit, due_on=due_on, state="open",
        result=None, at=work.now, by=work.actor.id, done_at=None, done_by=None,
    )  # fmt: skip
    work.session.add(made)
    await work.session.flush()
    events.note(work, event, "improvement.opened", made.id, unit=unit, due=due_on.isoformat())
    work.tell("improvement.opened", None, [unit, row.centre], event=event, improvement=made.id, unit=unit)
    return made


@operation
async def improvement_step(work: Work, improvement: str, step: str, text: str, rev: int | None = None) -> Improvement:
    """``finish`` | ``drop`` | ``reopen``, with what was done or why."""
    found = await work.session.get(Improvement, improvement)
    if found is None:
        raise NotFound("没有这个改进项", "请刷新列表", improvement=improvement)
    await events.hold(work, found.event_id)
    await work.session.refresh(found)
    fresh(found, rev)
    if work.actor.role == "agency":
        work.must_be(found.unit)
    before = found.state
    found.state = machines.IMPROVEMENT.step(before, step)
    found.result = need(text, "text", "完成情况或理由", 2000)
    found.done_at, found.done_by = (None, None) if step == "reopen" else (work.now, work.actor.id)
    found.rev += 1
    events.note(work, found.event_id, f"improvement.{step}", found.id, before=before, after=found.state)
    return found


async def improvements(work: Work, event: str) -> list[Improvement]:
    query = select(Improvement).where(Improvement.event_id == event).order_by(Improvement.at, Improvement.id)
    return list((await work.session.scalars(query)).all())
