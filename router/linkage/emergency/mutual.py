"""Mutual notice (互相通报): what one line registers appears on the other at once, and must be signed; unsigned it climbs."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from router import ids
from router.access.actor import Side
from router.casework.work import Work, fresh, operation, touch
from router.errors import NotFound
from router.linkage import machines, words
from router.linkage.drill import drills
from router.linkage.duty import posts
from router.linkage.emergency import events, kinds
from router.linkage.notifying import attempts
from router.storage.emergencies import EmergencyEvent, MutualNotice
from router.supervision import notices

SIGN = 180.0
"""Seconds until a notice must be signed."""
AGAIN = 180.0
"""And from one climb to the next."""
HIGHEST = 3
"""Climbs: the duty post of the other line is rung (1), its leader (2), then supervisors of both lines see it for good (3)."""


async def tell_other_line(work: Work, row: EmergencyEvent) -> list[MutualNotice]:
    """Put the event before the other line's centres: the city's, and the county's if it has one of its own."""
    side: Side = "110" if work.town.desk(row.centre).side == "12345" else "12345"
    there = {one.to_centre for one in await of_event(work, row.id) if one.state != "withdrawn"}
    targets = {work.town.default(row.city, side).id}
    targets |= {
        one.id
        for one in work.town.desks_of(row.city)
        if one.side == side and row.division is not None and row.division[:6] in one.divisions
    }
    made = []
    for target in sorted(targets - there):
        text = words.mutual(
            work.town.names.get(row.centre, row.centre), kinds.KINDS[row.kind].name, row.place, row.happened_at, row.situation
        )
        notice = MutualNotice(
            id=ids.new(),
            rev=1,
            event_id=row.id,
            from_centre=row.centre,
            to_centre=target,
            state="sent",
            text=words.DRILL + text if row.drill_id else text,
            sent_at=work.now,
            due_at=work.now + dt.timedelta(seconds=SIGN),
            climbs=0,
            signed_at=None,
            signed_by=None,
        )
        work.session.add(notice)
        made.append(notice)
    await work.session.flush()
    for notice in made:
        events.note(work, row.id, "mutual_notice.sent", notice.id, to=notice.to_centre, **{"from": notice.from_centre})
        await notices.raise_(
            work, unit=notice.to_centre, kind="event-notice", text=f"{row.number} {kinds.KINDS[row.kind].name}通报,请签收",
            level=notices.ALARM, event=row.id, subject=notice.id,
        )  # fmt: skip
        work.tell(
            "event.notified", None, [notice.to_centre, notice.from_centre],
            event=row.id, notice=notice.id, number=row.number, kind=row.kind, to=notice.to_centre, level=row.level,
        )  # fmt: skip
    return made


async def of_event(work: Work, event: str) -> list[MutualNotice]:
    query = select(MutualNotice).where(MutualNotice.event_id == event).order_by(MutualNotice.sent_at, MutualNotice.id)
    return list((await work.session.scalars(query)).all())


@operation
async def sign(work: Work, notice: str, *, by: str | None = None, via: str = "desk", rev: int | None = None) -> MutualNotice:
    """The other line has seen it. Signing twice changes nothing."""
    from router.linkage.notifying import engine

    row = await work.session.get(MutualNotice, notice)
    if row is None:
        raise NotFound("没有这条通报", "请刷新列表", notice=notice)
    event = await events.hold(work, row.event_id)
    await work.session.refresh(row)
    fresh(row, rev)
    work.must_be(row.to_centre)
    if row.state == "signed":
        return row
    row.state = machines.NOTICE.step(row.state, "sign")
    row.signed_at, row.signed_by = work.now, by or work.actor.id
    touch(work, row)
    events.note(work, event.id, "mutual_notice.signed", row.id, by=row.to_centre, via=via, climbs=row.climbs)
    await attempts.call_off_notice(work, row.id)
    await notices.settle_subject(work, event.id, row.id)
    work.tell("event.notice-signed", None, [row.from_centre, row.to_centre], event=event.id, notice=row.id, number=event.number)
    await engine.look(work, event)
    return row


async def withdraw(work: Work, event: EmergencyEvent) -> None:
    """The event is none: nobody need sign."""
    for row in await of_event(work, event.id):
        if row.state == "sent":
            row.state = machines.NOTICE.step(row.state, "withdraw")
            touch(work, row)
            events.note(work, event.id, "mutual_notice.withdrawn", row.id)
            await attempts.call_off_notice(work, row.id)
            await notices.settle_subject(work, event.id, row.id)


async def look(work: Work, event: EmergencyEvent) -> dt.datetime | None:
    """Let what nobody has signed climb; return when to look again."""
    again: dt.datetime | None = None
    for row in await of_event(work, event.id):
        if row.state != "sent" or event.state in ("ended", "reviewed"):
            continue
        while row.climbs < HIGHEST and work.now >= row.due_at:
            await _climb(work, event, row)
        if row.climbs < HIGHEST:
            again = row.due_at if again is None else min(again, row.due_at)
    return again


async def _climb(work: Work, event: EmergencyEvent, row: MutualNotice) -> None:
    row.climbs += 1
    row.due_at = work.now + dt.timedelta(seconds=AGAIN)
    touch(work, row)
    side = work.town.desk(row.to_centre).side
    events.note(work, event.id, "mutual_notice.climb", row.id, to=row.to_centre, climbs=row.climbs)
    for unit, role in ((row.to_centre, "supervisor"), (row.from_centre, None)):
        await notices.raise_(
            work, unit=unit, kind="event-notice", text=f"{event.number} 通报超时未签收({row.to_centre})", level=notices.ALARM,
            role=role, event=event.id, subject=row.id,
        )  # fmt: skip
    work.tell("event.notice-climbed", None, [row.from_centre, row.to_centre], event=event.id, notice=row.id, climbs=row.climbs)
    if row.climbs == HIGHEST:
        return
    post = await posts.of_kind(work.session, event.city, side, event.division)
    if post is None:
        return
    rungs = await drills.ladder_of(work, event, await posts.Ladders(work.session, work.now).of(post.id))
    rung = rungs[min(row.climbs - 1, len(rungs) - 1)]
    for place, number in enumerate(rung.numbers[:1]):
        await attempts.queue(
            work, channel="phone", number=number, text=row.text, post=rung.post, urgent=True, rung=row.climbs - 1, place=place,
            event=event.id, notice=row.id,
        )  # fmt: skip
