"""Duty rosters (值班排班) as people keep them: rotations, shifts, stand-ins and swaps of a post, and who has it when.

Only contacts of the post's unit can be on duty. What has begun stays as it was: it is cut short, never taken back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, Invalid, NotFound
from router.journal import journal
from router.linkage.duty import posts, roster_entries, rosters, watch
from router.linkage.duty.roster_entries import Turn
from router.linkage.duty.rosters import Kind, Rotation, Shift, Slice, Source
from router.storage.duty import DutyPost, DutyRotation, DutyShift
from router.storage.organisation import DutyContact

MOST_DAYS = 400
"""Days of one timeline."""
AHEAD = dt.timedelta(days=7)
"""So far the end of a gap is looked for."""


@dataclass(frozen=True, slots=True)
class Turns:
    """A rotation as it is entered; times are local ones of the post."""

    contacts: Sequence[str]
    first_day: dt.date
    last_day: dt.date | None = None
    handovers: Sequence[dt.time] = field(default=(dt.time(8),))


async def opened(work: Work, post: str) -> DutyPost:
    """A post that is held and whose roster may be changed."""
    row = await posts.hold(work, post)
    if not row.active:
        raise Conflict("值班岗已停用", "请先重新启用它", post=post)
    return row


async def names(work: Work, row: DutyPost) -> dict[str, str]:
    """Who may be on duty at a post: the contacts of its unit, by id."""
    found = await posts.people(work.session, [row.unit])
    return {one.id: one.name for one in found[row.unit].values()}


def _must_know(known: Mapping[str, str], contact: str, field_name: str) -> None:
    if contact not in known:
        raise Invalid(f"“{contact[:64]}”不是本单位的值班联系人", "请从本单位的值班联系人中选择", field=field_name)


async def _changed(work: Work, row: DutyPost, action: str, subject: str, **detail: object) -> None:
    await work.session.flush()
    work.note_in(journal.SYSTEM, action, subject, post=row.id, unit=row.unit, **detail)
    work.tell("roster.changed", None, [row.unit], post=row.id, action=action)
    await watch.look(work, [row.unit])


# --- rotations


@operation
async def add_rotation(work: Work, post: str, turns: Turns) -> DutyRotation:
    """People relieve each other in turn from a day on (轮班).

    Raise :class:`Invalid` with the field for what makes no sense, :class:`Conflict` for days that another rotation has.
    """
    row = await opened(work, post)
    known = await names(work, row)
    for contact in turns.contacts:
        _must_know(known, contact, "contacts")
    made = Rotation(ids.new(), tuple(turns.contacts), turns.first_day, turns.last_day, tuple(turns.handovers), row.zone)
    roster_entries.check_rotation(made, (await posts.roster(work.session, row, work.now)).rotations, names=known)
    kept = DutyRotation(
        id=made.id,
        rev=1,
        post_id=row.id,
        contacts=list(made.contacts),
        first_day=made.first_day,
        last_day=made.last_day,
        handovers=[one.isoformat("auto" if one.second or one.microsecond else "minutes") for one in made.handovers],
        by=work.actor.id,
        at=work.now,
        ended_at=None,
    )
    work.session.add(kept)
    await _changed(work, row, "roster.rotation_added", kept.id, first_day=str(made.first_day), last_day=str(made.last_day or ""))
    return kept


@operation
async def end_rotation(work: Work, rotation: str, last_day: dt.date | None = None, *, rev: int | None = None) -> DutyRotation:
    """Set the last day on which a shift begins; None: the day of the shift that runs now, or strike off what has not begun.

    Raise :class:`Invalid` for a day before that of the running shift: who was on duty stays as it was.
    """
    kept = await work.session.get(DutyRotation, rotation)
    if kept is None:
        raise NotFound("没有这个轮班", "请刷新后重试", rotation=rotation)
    row = await posts.hold(work, kept.post_id)
    await work.session.refresh(kept)
    fresh(kept, rev)
    turning = posts.rotation(kept, row.zone)
    reached, shifts = turning.reached(work.now), turning.shifts()
    if kept.ended_at is not None or (shifts is not None and reached >= shifts):
        raise Conflict("轮班已经结束", "请另外登记新的轮班", rotation=rotation)
    if reached < 0 and last_day is None:
        kept.ended_at = work.now
    else:
        running = kept.first_day + dt.timedelta(days=max(0, reached) // len(kept.handovers))
        day = last_day or running
        if reached >= 0 and day < running:
            raise Invalid("最后一天早于正在值的班次", f"最早写{running}", field="last_day")
        others = (await posts.roster(work.session, row, work.now)).rotations
        changed = Rotation(turning.id, turning.contacts, turning.first_day, day, turning.handovers, row.zone)
        roster_entries.check_rotation(changed, others, names=await names(work, row))
        kept.last_day = day
    kept.rev += 1
    await _changed(work, row, "roster.rotation_ended", kept.id, last_day=str(kept.last_day or ""), struck=bool(kept.ended_at))
    return kept


# --- single shifts, stand-ins, swaps


@operation
async def add_shift(work: Work, post: str, contact: str, since: dt.datetime, until: dt.datetime) -> DutyShift:
    """One person's shift (排班). Raise :class:`Conflict` if it overlaps another one of the post."""
    return await _enter(work, post, contact, since, until, "shift", "")


@operation
async def add_override(work: Work, post: str, contact: str, since: dt.datetime, until: dt.datetime, reason: str) -> DutyShift:
    """Somebody stands in (替班), whoever would have been on duty."""
    return await _enter(work, post, contact, since, until, "override", need(reason, "reason", "替班原因", 200))


async def _enter(
    work: Work, post: str, contact: str, since: dt.datetime, until: dt.datetime, kind: Kind, reason: str
) -> DutyShift:
    row = await opened(work, post)
    known = await names(work, row)
    _must_know(known, contact, "contact")
    made = Shift(ids.new(), contact, kind, since, until, work.now)
    roster_entries.check_shift(made, names=known, zone=row.zone)
    others = (await posts.roster(work.session, row, rosters.utc(since, "since"))).shifts
    roster_entries.check_shift(made, others, names=known, zone=row.zone)
    kept = shift_row(work, row, made, reason)
    work.session.add(kept)
    await _changed(work, row, f"roster.{kind}_added", kept.id, contact=contact, **_span(kept))
    return kept


def shift_row(work: Work, row: DutyPost, made: Shift, reason: str = "", swap_id: str | None = None) -> DutyShift:
    """An entry that has been looked through, as it is stored."""
    return DutyShift(
        id=made.id,
        post_id=row.id,
        contact_id=made.contact,
        kind=made.kind,
        since=made.since,
        until=made.until,
        swap_id=swap_id,
        reason=reason,
        by=work.actor.id,
        at=work.now,
        cancelled_at=None,
    )


def _span(kept: DutyShift) -> dict[str, str]:
    return {"since": kept.since.isoformat(), "until": kept.until.isoformat()}


@operation
async def swap(work: Work, post: str, first: Turn, second: Turn, reason: str) -> tuple[DutyShift, DutyShift]:
    """Two people take each other's duty (换班); ``first`` and ``second``: what each has now and gives.

    Raise :class:`Conflict` if one of them has not all of it, or it has begun.
    """
    row = await opened(work, post)
    why = need(reason, "reason", "换班原因", 200)
    known = await names(work, row)
    for turn, name in ((first, "first"), (second, "second")):
        _must_know(known, turn[0], name)
        if rosters.span(turn[1], turn[2], name)[0] < work.now:
            raise Conflict("已经开始的班次不能换", "请登记替班", field=name)
    book = await posts.roster(work.session, row, work.now)
    pair = (ids.new(), ids.new())
    halves = roster_entries.swap(book, first, second, ids=pair, at=work.now, names=known, zone=row.zone)
    both = ids.new()
    kept = (shift_row(work, row, halves[0], why, both), shift_row(work, row, halves[1], why, both))
    work.session.add_all(kept)
    await _changed(work, row, "roster.swapped", both, contacts=[one.contact_id for one in kept])
    return kept


@operation
async def cancel(work: Work, shift: str) -> list[DutyShift]:
    """Take an entry back, a swap with both halves; return what was changed. An entry that runs ends now instead.

    Raise :class:`Conflict` for what is over, and for a swap of which one half has begun.
    """
    kept = await work.session.get(DutyShift, shift)
    if kept is None:
        raise NotFound("没有这个班次", "请刷新后重试", shift=shift)
    row = await posts.hold(work, kept.post_id)
    same = DutyShift.swap_id == kept.swap_id if kept.swap_id else DutyShift.id == shift
    query = select(DutyShift).where(same).order_by(DutyShift.since).execution_options(populate_existing=True)
    found = list((await work.session.scalars(query)).all())
    if any(one.cancelled_at is not None for one in found):
        raise Conflict("班次已经撤销", "请刷新后查看", shift=shift)
    if any(one.until <= work.now for one in found):
        raise Conflict("班次已经结束,不能撤销", "值过的班保留原样", shift=shift)
    begun = [one for one in found if one.since < work.now]
    if begun and kept.swap_id:
        raise Conflict("换班已经开始,不能撤销", "请登记替班", shift=shift)
    for one in found:
        if one in begun:
            one.until = work.now
        else:
            one.cancelled_at = work.now
    await _changed(work, row, "roster.cancelled", shift, shifts=[one.id for one in found], cut_short=bool(begun))
    return found


# --- who has a post when


async def timeline(session: AsyncSession, row: DutyPost, since: dt.datetime, until: dt.datetime) -> list[Slice]:
    """Who has a post from a moment until another, without holes; whoever is no contact of the unit any more has nothing.

    Raise :class:`Invalid` for a span that is empty, too long or has no zone.
    """
    since, until = rosters.span(since, until)
    if until - since > dt.timedelta(days=MOST_DAYS):
        raise Invalid(f"时间超过{MOST_DAYS}天", "请缩短时间范围", field="until")
    found = rosters.timeline(await posts.roster(session, row, since), since, until)
    return posts.present(found, (await posts.people(session, [row.unit]))[row.unit])


async def gaps(session: AsyncSession, row: DutyPost, now: dt.datetime, days: int) -> list[Slice]:
    """Where nobody has a post within the next days; one that never had a roster has no gaps: its numbers are answered always."""
    if not await posts.rostered(session, [row.id]):
        return []
    return [one for one in await timeline(session, row, now, now + dt.timedelta(days=days)) if one.contact is None]


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Who has a post now."""

    post: DutyPost
    rostered: bool
    person: DutyContact | None
    kind: Source | None
    until: dt.datetime | None
    """Of the person's duty, or of the gap if it ends within :data:`AHEAD`."""

    @property
    def gap(self) -> bool:
        return self.rostered and self.person is None


async def on_duty(session: AsyncSession, found: Sequence[DutyPost], now: dt.datetime) -> list[OnDuty]:
    """Who has each of these posts now, in their order."""
    ever = await posts.rostered(session, [one.id for one in found])
    books = await posts.rosters_of(session, [one for one in found if one.id in ever], now)
    people = await posts.people(session, {one.unit for one in found})
    seen = []
    for row in found:
        if row.id not in ever:
            seen.append(OnDuty(row, False, None, None, None))
            continue
        duty = rosters.on_duty(books[row.id], now)
        if duty is not None:
            seen.append(OnDuty(row, True, people[row.unit].get(duty.contact), duty.kind, duty.until))
        else:
            end = rosters.timeline(books[row.id], now, now + AHEAD)[0].until
            seen.append(OnDuty(row, True, None, None, end if end < now + AHEAD else None))
    return seen
