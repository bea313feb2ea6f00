"""The daily look over duty posts (值守检查): gaps, numbers and contacts that nobody has verified, people who are gone, rotations
that run out. What is found is told to the unit once, for as long as it stays so, and stands in a list for administrators.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import system
from router.casework.work import Town, Work, operation
from router.journal import journal
from router.linkage.duty import posts, rosters
from router.linkage.duty.rosters import Roster, Rotation, Slice
from router.organisation import contacts
from router.storage.duty import DutyPost
from router.storage.organisation import DutyContact
from router.supervision import notices
from router.timers import timers
from router.timers.runner import Due, Handle

WATCH = "duty.watch"
DAY = 86400.0
AHEAD = dt.timedelta(days=7)
"""What goes wrong within this time is told now."""
BACK = dt.timedelta(days=31)
"""So far back the beginning of a gap is looked for; a longer one is told of anew every month."""
REMEMBERED = dt.timedelta(days=400)

Kind = Literal["gap", "contact-gone", "running-out", "post-stale", "contact-stale"]
KINDS: dict[Kind, str] = {
    "gap": "无人值班",
    "contact-gone": "排班中的联系人已不在",
    "running-out": "轮班即将结束",
    "post-stale": "值班电话久未核实",
    "contact-stale": "值班联系人久未核实",
}
URGENT: frozenset[Kind] = frozenset({"gap", "contact-gone", "running-out"})
"""Emergencies would go astray; the others are only not sure to arrive."""
NOTICES = frozenset(f"duty-{kind}" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a post."""

    id: str
    name: str
    unit: str
    zone: str
    stale: bool
    verified_at: dt.datetime
    roster: Roster | None
    """From :data:`BACK` ago on; None: it has never had one and needs none."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a contact, without the name."""

    id: str
    unit: str
    post: str
    stale: bool
    verified_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or soon will be."""

    kind: Kind
    key: str
    """The same for as long as the same thing is wrong."""
    unit: str
    text: str
    """Without personal data."""
    post: str | None = None
    contact: str | None = None
    since: dt.datetime | None = None
    """Of the gap; of the last verification."""
    until: dt.datetime | None = None
    """End of the gap, if it ends within the time looked at."""

    @property
    def urgent(self) -> bool:
        return self.kind in URGENT


# --- the pure core


def findings(found: Sequence[Watched], people: Mapping[str, Sequence[Person]], now: dt.datetime) -> list[Finding]:
    """All that is wrong with posts and with the contacts (by unit) of their units; what matters most comes first. Pure."""
    told: list[Finding] = []
    for post in found:
        known = {one.id for one in people.get(post.unit, ())}
        told += _of_roster(post, post.roster, known, now) if post.roster is not None else ()
        if post.stale:
            days = (now - post.verified_at).days
            told.append(Finding(
                "post-stale", f"post-stale:{post.id}:{post.verified_at.date()}", post.unit,
                f"值班岗“{post.name}”的电话已{days}天未核实,请核对后确认", post.id, since=post.verified_at,
            ))  # fmt: skip
    for unit in sorted({post.unit for post in found}):
        told += [_stale(one, now) for one in people.get(unit, ()) if one.stale]
    far = now + 2 * AHEAD
    return sorted(told, key=lambda one: (list(KINDS).index(one.kind), one.since or far, one.key))


def _stale(one: Person, now: dt.datetime) -> Finding:
    days = (now - one.verified_at).days
    text = f"一名值班联系人({one.post})已{days}天未核实,请核对后确认"
    key = f"contact-stale:{one.id}:{one.verified_at.date()}"
    return Finding("contact-stale", key, one.unit, text, contact=one.id, since=one.verified_at)


def _of_roster(post: Watched, roster: Roster, known: Collection[str], now: dt.datetime) -> Iterator[Finding]:
    begin, end = now - BACK, now + AHEAD
    slices = rosters.timeline(roster, begin, end)
    yield from _gone(post, roster, slices, known, now)
    ends = {_end(one): one for one in roster.rotations if one.last_day is not None}
    for one in slices:
        if one.contact is not None or one.until <= now:
            continue
        until = one.until if one.until < end else None
        spent = ends.get(one.since)
        when = _when(one.since, until, post.zone)
        if spent is not None and one.since > now:
            yield Finding(
                "running-out", f"running-out:{spent.id}:{spent.last_day}", post.unit,
                f"值班岗“{post.name}”的轮班即将结束,{when}无人接班,请续排", post.id, since=one.since, until=until,
            )  # fmt: skip
        else:
            beginning = f"{now.astimezone(ZoneInfo(post.zone)):%Y-%m}" if one.since <= begin else f"{one.since:%Y-%m-%dT%H:%M:%S}"
            yield Finding(
                "gap", f"gap:{post.id}:{beginning}", post.unit, f"值班岗“{post.name}”{when}无人值班,请补排", post.id,
                since=one.since, until=until,
            )  # fmt: skip


def _end(rotation: Rotation) -> dt.datetime | None:
    """When the last shift of a rotation is over; None: never."""
    shifts = rotation.shifts()
    return None if shifts is None else rotation.start(shifts)


def _gone(post: Watched, roster: Roster, slices: Sequence[Slice], known: Collection[str], now: dt.datetime) -> Iterator[Finding]:
    """People who stand in the roster and are no contacts of the unit any more."""
    named = {one.contact for one in roster.shifts if one.until > now}
    for rotation in roster.rotations:
        end = _end(rotation)
        named |= set(rotation.contacts) if end is None or end > now else set()
    for contact in sorted(named - set(known)):
        turn = next((one for one in slices if one.contact == contact and one.until > now), None)
        when = f",{_when(turn.since, turn.until, post.zone)}无人值班" if turn else ""
        yield Finding(
            "contact-gone", f"contact-gone:{post.id}:{contact}", post.unit,
            f"值班岗“{post.name}”的排班中有已删除或不属本单位的联系人{when},请改排", post.id, contact,
            since=turn.since if turn else None, until=turn.until if turn else None,
        )  # fmt: skip


def _when(since: dt.datetime, until: dt.datetime | None, zone: str) -> str:
    begin = since.astimezone(ZoneInfo(zone))
    return f"{begin:%m-%d %H:%M}起" if until is None else f"{begin:%m-%d %H:%M}至{until.astimezone(ZoneInfo(zone)):%m-%d %H:%M}"


# --- what stands in the database


async def of_city(session: AsyncSession, city: str, now: dt.datetime, *, unit: str | None = None) -> list[Finding]:
    """What is wrong now with the posts of a city, or of one of its units."""
    query = select(DutyPost).where(DutyPost.active, DutyPost.city == city)
    return await _of(session, (await session.scalars(query if unit is None else query.where(DutyPost.unit == unit))).all(), now)


async def _of(session: AsyncSession, found: Sequence[DutyPost], now: dt.datetime) -> list[Finding]:
    ever = await posts.rostered(session, [one.id for one in found])
    books = await posts.rosters_of(session, [one for one in found if one.id in ever], now - BACK)
    people = await posts.people(session, {one.unit for one in found})
    watched = [
        Watched(one.id, one.name, one.unit, one.zone, posts.is_stale(one, now), one.verified_at, books.get(one.id))
        for one in sorted(found, key=lambda each: each.id)
    ]
    return findings(watched, {unit: [_person(one, now) for one in rows.values()] for unit, rows in people.items()}, now)


def _person(row: DutyContact, now: dt.datetime) -> Person:
    return Person(row.id, row.unit, row.post, contacts.is_stale(row, now), row.verified_at)


@operation
async def look(work: Work, units: Collection[str]) -> list[Finding]:
    """Look over all posts of these units: what is newly wrong is told, what is right again is settled."""
    await journal.lock(work.session, journal.SYSTEM)
    await work.session.flush()
    query = select(DutyPost).where(DutyPost.active, DutyPost.unit.in_(units))
    found = await _of(work.session, (await work.session.scalars(query)).all(), work.now)
    notice = notices.NOTICE
    ours = (notice.c.kind.in_(NOTICES), notice.c.unit.in_(units), notice.c.at > work.now - REMEMBERED)
    told = set(await work.session.scalars(select(notice.c.subject_id).where(*ours)))
    for one in found:
        if one.key not in told:
            await notices.raise_(
                work, unit=one.unit, kind=f"duty-{one.kind}", text=one.text, subject=one.key,
                level=notices.URGENT if one.urgent else notices.SEEN,
            )  # fmt: skip
            work.note_in(journal.SYSTEM, "duty.found", one.post or one.contact or "", kind=one.kind, unit=one.unit)
    await settle(work, units, NOTICES, but=[one.key for one in found])
    return found


async def settle(
    work: Work, units: Collection[str], kinds: Collection[str], *, only: str | None = None, but: Collection[str] = ()
) -> None:
    """What these notices told of is over: all of these kinds, or those with the subject ``only``, and never those in ``but``."""
    notice = notices.NOTICE
    query = update(notice).where(notice.c.unit.in_(units), notice.c.kind.in_(kinds), notice.c.done_at.is_(None))
    query = query.where(notice.c.subject_id == only) if only is not None else query.where(notice.c.subject_id.not_in(but))
    values = query.values(done_at=work.now, done_by=work.actor.id).returning(notice.c.id, notice.c.unit)
    for row in (await work.session.execute(values)).all():
        work.tell("notice.done", None, [row.unit], id=row.id)


def handlers(town: Town) -> dict[str, Handle]:
    """What the timers of the look do, by kind."""

    async def on_watch(session: AsyncSession, timer: Due, now: dt.datetime) -> None:
        units = set(await session.scalars(select(DutyPost.unit).distinct()))
        await look(Work(session, system("duty"), now, town), units)

    return {WATCH: on_watch}


def standing(now: dt.datetime) -> list[timers.Plan]:
    """Timers that every installation has."""
    return [timers.Plan(WATCH, WATCH, now, every=DAY)]
