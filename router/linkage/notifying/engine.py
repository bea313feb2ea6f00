"""The engine: goes through an event, does what must be done by now, and sets the timer for when to come again.

There is one timer for each event (``link:<event>``). Going through twice does nothing twice: what is done stands in rows, and
what must be done follows from them (:mod:`router.linkage.notifying.ladder`, :mod:`router.linkage.notifying.steps`). A worker
that is killed leaves
rows; the next goes on from them, however late.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import select

from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.linkage import words
from router.linkage.drill import drills
from router.linkage.duty import posts
from router.linkage.emergency import events, mutual, reporting, tasks
from router.linkage.notifying import attempts, ladder, requests, steps
from router.linkage.notifying.ladder import Look
from router.linkage.planning import plans
from router.storage.duty import DutyPost
from router.storage.emergencies import EmergencyEvent
from router.storage.notifying import LinkageRequest
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

log = structlog.get_logger()

TIMER = "link"
AUDIT = "link.audit"
AUDIT_EVERY = 60.0
STILL = 120.0
"""An event whose time to be looked at was so many seconds ago stands still."""
ROUNDS = 8
"""So often one look may follow from another; a ladder has fewer rungs."""

DONE = Counter("hotline_linkage_actions", "What the engine did", ["action"])
LAG = Histogram("hotline_linkage_lag_seconds", "How late an event was gone through", buckets=(0.1, 0.5, 1, 2, 5, 15, 60, 300))
STANDING = Counter("hotline_linkage_standing_still", "Chains that the auditor found standing still and woke")


@operation
async def go(work: Work, event: str) -> EmergencyEvent:
    """Go through an event, from outside: its timer, or somebody who has news of it."""
    row = await events.hold(work, event)
    await look(work, row)
    return row


async def look(work: Work, row: EmergencyEvent) -> None:
    """Go through an event that is held."""
    await work.session.flush()
    again = _Again()
    if row.state not in ("proposed", "dismissed"):
        again.at(await mutual.look(work, row))
        again.at(await _requests(work, row))
        again.at(await tasks.look(work, row))
        again.at(await reporting.look(work, row))
    row.looked_at = work.now
    await _set(work, row, again.moment)


async def _set(work: Work, row: EmergencyEvent, at: dt.datetime | None) -> None:
    """When to come again; None: nothing is to be waited for."""
    if at is None:
        await timers.cancel(work.session, row.id, work.now, kinds=[TIMER])
        return
    plan = timers.Plan(id=f"{TIMER}:{row.id}", kind=TIMER, due_at=max(at, work.now), subject=row.id)
    await timers.set_(work.session, [plan], work.now)


async def wake(session: AsyncSession, event: str, now: dt.datetime) -> None:
    """Have an event gone through at once, by whichever worker is first."""
    await timers.set_(session, [timers.Plan(id=f"{TIMER}:{event}", kind=TIMER, due_at=now, subject=event)], now)


class _Again:
    def __init__(self) -> None:
        self.moment: dt.datetime | None = None

    def at(self, moment: dt.datetime | None) -> None:
        if moment is not None and (self.moment is None or moment < self.moment):
            self.moment = moment


# --- requests


async def _requests(work: Work, row: EmergencyEvent) -> dt.datetime | None:
    again = _Again()
    if row.state in ("ended", "reviewed"):
        return None  # who has signed may still report back; nobody is rung for it
    found = await requests.of_event(work, row.id)
    again.at(await _steps(work, row, found))
    begun = [one for one in found if one.state not in ladder.FINAL and (one.state != "waiting" or one.begun_at)]
    if not begun:
        return again.moment
    tries = await attempts.tries(work, [one.id for one in begun])
    ladders = posts.Ladders(work.session, work.now)
    kept = await _posts(work, [one.post_id for one in begun if _climbs(one)])
    await ladders.read(kept)
    for one in begun:
        rungs: tuple[ladder.Rung, ...] = ()
        for _ in range(ROUNDS):
            if not rungs and _climbs(one):
                rungs = await drills.ladder_of(work, row, await ladders.of(one.post_id))
            seen = ladder.look(requests.asked(one), rungs, tries[one.id], work.now)
            await _act(work, row, one, rungs, seen, ladders.gaps)
            again.at(seen.again)
            if not any(isinstance(each, ladder.Chase) for each in seen.actions):
                break
    return again.moment


def _climbs(row: LinkageRequest) -> bool:
    """Only then it matters whom its ladder reaches."""
    return row.state in ladder.OPEN or row.chasing is not None


async def _posts(work: Work, ids: Collection[str]) -> list[DutyPost]:
    """Read posts and those above them all at once: as long as they are kept, the session need not ask for each again."""
    kept: dict[str, DutyPost] = {}
    for _ in range(posts.HIGHEST):
        if not (missing := set(ids) - kept.keys()):
            break
        found = (await work.session.scalars(select(DutyPost).where(DutyPost.id.in_(missing)))).all()
        kept |= {one.id: one for one in found}
        ids = [one.leader for one in found if one.leader is not None]
    return list(kept.values())


async def _steps(work: Work, row: EmergencyEvent, found: list[LinkageRequest]) -> dt.datetime | None:
    """Begin the requests whose step's time has come; call off those that are not needed any more."""
    for one in found:
        if one.step.startswith(requests.MANUAL) and one.begun_at is None and one.state == "waiting":
            one.begun_at = work.now
    if row.state != "responding" or row.plan is None or row.started_at is None or row.response is None:
        return None
    plan = plans.parse(row.plan)
    levels = await _since(work, row)
    due = [
        (step.step(), steps.begins(step.step(), row.started_at, levels[step.level]))
        for step in plan.steps
        if step.level in levels
    ]
    members = [steps.Member(one.id, one.step, one.state, one.rung > 0 or "sign" in one.late) for one in found]
    moves = steps.moves(due, members, work.now)
    rows = {one.id: one for one in found}
    for id_ in moves.begin:
        rows[id_].begun_at = work.now
    for id_ in moves.cancel:
        requests.move(work, rows[id_], "cancel", because="enough")
        await notices.settle_subject(work, row.id, id_)
    await attempts.call_off(work, moves.cancel)
    return moves.again


async def _since(work: Work, row: EmergencyEvent) -> dict[int, dt.datetime]:
    """Level → since when the response is of it or a graver one."""
    assert row.response is not None and row.started_at is not None
    since: dict[int, dt.datetime] = {}
    for step in await events.steps_of(work, row.id):
        if step.at < row.started_at or step.level is None or step.step not in ("start", "raise", "lower"):
            continue
        since = {level: since.get(level, step.at) for level in range(step.level, 5)}
    return since


async def _act(
    work: Work, event: EmergencyEvent, row: LinkageRequest, rungs: tuple[ladder.Rung, ...], seen: Look, gaps: Collection[str]
) -> None:
    for action in seen.actions:
        DONE.labels(type(action).__name__.lower()).inc()
        match action:
            case ladder.Begin(rung=rung, why=why):
                if row.state in ("waiting", "unanswered", "refused"):
                    requests.move(work, row, "ask", rung=rung)
                row.begun_at = row.begun_at or work.now
                row.rung, row.rung_at = rung, work.now
                if rungs[rung].post in gaps:
                    events.note(work, event.id, "event.roster_gap", row.id, post=rungs[rung].post)
                if rung or why != "begin":
                    events.note(
                        work,
                        event.id,
                        "linkage_request.climb",
                        row.id,
                        rung=rung,
                        why=why,
                        to=rungs[rung].post,
                        chasing=row.chasing,
                    )
            case ladder.Tell():
                await _tell(work, event, row, rungs[action.rung], action)
            case ladder.Late(duty=duty):
                row.late = [*row.late, duty]
                await _tell_late(work, event, row, duty)
            case ladder.Chase(duty=duty):
                row.chasing, row.rung_at = duty, None
                row.reopened += 1
                events.note(work, event.id, "linkage_request.reopened", row.id, duty=duty, post=row.post_id)
            case ladder.Unanswered():
                await _unanswered(work, event, row)
            case ladder.Refused():
                requests.move(work, row, "refuse")
                await _alarm(work, event, row, f"{row.post_name}及其上级均已拒绝,请改派")
    if seen.actions:
        row.rev += 1


async def _tell(work: Work, event: EmergencyEvent, row: LinkageRequest, rung: ladder.Rung, action: ladder.Tell) -> None:
    told = requests.matter(event, row)
    if action.channel in ("phone", "sms"):
        assert action.number is not None
        await attempts.queue(
            work,
            channel=action.channel,
            number=action.number,
            text=words.spoken([told]) if action.channel == "phone" else words.written(told, event.number),
            post=rung.post,
            urgent=row.part != "inform" or row.chasing is not None,
            rung=action.rung,
            place=action.place,
            event=event.id,
            request=row.id,
        )
        return
    text = words.written(told, event.number)
    post = await posts.get(work.session, rung.post) if rung.numbers else None
    unit = post.unit if post is not None else row.unit
    await attempts.record(
        work, event, row, channel=action.channel, rung=action.rung, outcome="delivered", post=rung.post, text=text
    )
    if action.channel == "desk":
        level = notices.ALARM if row.part == "lead" or action.rung or row.chasing else notices.URGENT
        await notices.raise_(work, unit=unit, kind="linkage", text=text, level=level, event=event.id, subject=row.id)
    else:
        work.tell(
            "linkage.asked", None, [unit],
            event=event.id, number=event.number, request=row.id, post=rung.post, part=row.part, kind=event.kind,
            level=event.level, task=row.task, drill=event.drill_id is not None, rung=action.rung,
        )  # fmt: skip


async def _tell_late(work: Work, event: EmergencyEvent, row: LinkageRequest, duty: str) -> None:
    """Linkage that is not in time (联动不及时): the accepting centre and its supervisors see it (J2)."""
    events.note(work, event.id, "linkage_request.late", row.id, duty=duty, post=row.post_id)
    text = f"{event.number} {row.post_name}超时未{words.DUTIES[duty]}"
    for role in (None, "supervisor"):
        await notices.raise_(
            work, unit=event.centre, kind="linkage-late", text=text, level=notices.URGENT, role=role, event=event.id,
            subject=row.id,
        )  # fmt: skip
    work.tell(
        "linkage.late", None, [row.unit, *events.everybody(work, event)],
        event=event.id, request=row.id, duty=duty, post=row.post_id,
    )  # fmt: skip


async def _unanswered(work: Work, event: EmergencyEvent, row: LinkageRequest) -> None:
    if row.chasing is not None:
        row.chase_after = work.now + dt.timedelta(seconds=ladder.AGAIN)
        row.chasing = None
        await _alarm(work, event, row, f"{row.post_name}签收后没有进展,其上级也无人应答")
        return
    if row.state != "unanswered":
        requests.move(work, row, "give-up")
    row.rung_at = work.now
    await _alarm(work, event, row, f"{row.post_name}及其上级均无人签收,请人工联系")


async def _alarm(work: Work, event: EmergencyEvent, row: LinkageRequest, text: str) -> None:
    for unit in events.everybody(work, event):
        await notices.raise_(
            work, unit=unit, kind="linkage-unanswered", text=f"{event.number} {text}", level=notices.ALARM, event=event.id,
            subject=row.id,
        )  # fmt: skip


# --- the worker's part


def handlers(town: Town) -> dict[str, Handle]:
    """What the timers of linkage do, by kind."""

    async def on_link(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        LAG.observe(max(0.0, (now - timer.due_at).total_seconds()))
        await go(Work(session, system("linkage"), now, town), timer.subject)

    async def on_audit(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        await audit(Work(session, system("linkage"), now, town))

    return {TIMER: on_link, AUDIT: on_audit}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """Timers that every installation has."""
    return [timers.Plan(AUDIT, AUDIT, now, every=AUDIT_EVERY, misfire="skip", grace=AUDIT_EVERY)]


@operation
async def audit(work: Work) -> list[str]:
    """Find events that should move and have no timer, or one that failed or is long overdue; wake them and tell it.

    Return their ids.
    """
    open_ = select(EmergencyEvent.id).where(EmergencyEvent.state.in_(("registered", "responding")))
    alive = select(timers.TIMER.c.subject_id).where(
        timers.TIMER.c.kind == TIMER,
        timers.TIMER.c.state == "pending",
        timers.TIMER.c.due_at > work.now - dt.timedelta(seconds=STILL),
    )
    query = select(LinkageRequest).where(
        LinkageRequest.state.in_((*ladder.OPEN, *ladder.MOVING)),
        LinkageRequest.begun_at.is_not(None),  # steps for graver levels wait for nothing but a person
        LinkageRequest.event_id.in_(open_),
        LinkageRequest.event_id.not_in(alive),
    )
    asked = (await work.session.scalars(query)).all()
    still = sorted({one.event_id for one in asked if ladder.next_duty(requests.asked(one)) is not None})
    for event in still:
        row = await events.hold(work, event)
        log.warning("linkage.stood_still", event_id=event, hint="it is gone through now")
        STANDING.inc()
        events.note(work, event, "event.stood_still", event)
        await notices.raise_(
            work, unit=row.centre, kind="linkage-still", text=f"{row.number} 联动流程曾停滞,现已恢复", level=notices.URGENT,
            event=event,
        )  # fmt: skip
        await wake(work.session, event, work.now)
    return still
