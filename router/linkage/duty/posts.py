"""Duty posts (值班岗): whom an emergency reaches, by which numbers, and who is on duty there."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from router.casework.work import Work, fresh, need, operation
from router.errors import Conflict, Forbidden, Invalid, NotFound
from router.journal import journal
from router.linkage.duty import rosters
from router.linkage.duty.rosters import Roster, Rotation, Shift, Slice
from router.linkage.notifying.ladder import Number, Rung
from router.organisation import divisions, numbers
from router.storage.duty import DutyPost, DutyRotation, DutyShift
from router.storage.organisation import Agency, DutyContact

STALE_DAYS = 62
"""A post whose numbers nobody has verified for so long shows red. Test calls come at a random moment of every month (K20), so two
that were answered lie less than two months apart."""
HIGHEST = 4
"""Rungs of a ladder: the post, and leaders above it."""
COMMANDER = "指挥长"
"""Kind of the post of whoever commands on duty."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept of a post."""

    unit: str
    name: str
    kind: str
    main: str
    reserve: str | None = None
    sms: str | None = None
    divisions: Sequence[str] = ()
    leader: str | None = None
    fallback: str | None = None
    zone: str = "Asia/Shanghai"


async def get(session: AsyncSession, post: str) -> DutyPost:
    row = await session.get(DutyPost, post)
    if row is None:
        raise NotFound("没有这个值班岗", "请核对值班岗编号", post=post)
    return row


@operation
async def put(work: Work, post: str, details: Details, *, city: str, rev: int | None = None) -> DutyPost:
    """Keep a post under its id, new or changed; its numbers count as verified now. Agencies keep their own.

    Raise :class:`Invalid` for a number that can't be dialled, a leader or fallback that is not there or leads back here.
    """
    await journal.lock(work.session, journal.SYSTEM)
    row = await work.session.get(DutyPost, post, populate_existing=True)
    unit = details.unit if row is None else row.unit
    if work.actor.role == "agency" and {unit, details.unit} != {work.actor.desk}:
        raise Forbidden("只能维护本单位的值班岗", "请由该单位或管理员办理", unit=unit)
    good = await _checked(work, post, details, city)
    if row is None:
        row = DutyPost(id=post, rev=0, city=city)
        work.session.add(row)
    elif row.city != city:
        raise Conflict(f"值班岗“{post}”属于其他州市", "请换一个编号", city=row.city)
    else:
        fresh(row, rev)
    row.rev += 1
    row.unit, row.name, row.kind, row.divisions = good.unit, good.name, good.kind, list(good.divisions)
    row.main, row.reserve, row.sms = good.main, good.reserve, good.sms
    row.leader, row.fallback, row.zone, row.active = good.leader, good.fallback, good.zone, True
    row.verified_at = row.updated_at = work.now
    row.updated_by = work.actor.id
    await work.session.flush()
    work.note_in(journal.SYSTEM, "post.kept", post, unit=row.unit, rev=row.rev)
    work.tell("post.kept", None, [row.unit], post=post, rev=row.rev)
    await _look(work, {unit, row.unit})
    return row


@operation
async def verify(work: Work, post: str) -> DutyPost:
    """Somebody has rung and the numbers are right."""
    row = await hold(work, post)
    await answered(work, row)
    return row


async def answered(work: Work, row: DutyPost) -> None:
    """The numbers of a post that is held are right."""
    row.verified_at = work.now
    row.rev += 1
    work.note_in(journal.SYSTEM, "post.verified", row.id, rev=row.rev)
    await _look(work, [row.unit])


def is_stale(row: DutyPost, now: dt.datetime) -> bool:
    return row.verified_at <= now - dt.timedelta(days=STALE_DAYS)


@operation
async def retire(work: Work, post: str, rev: int | None = None) -> DutyPost:
    """Nobody is told there any more; what was asked of it stays as it is. Raise :class:`Conflict` while others lean on it."""
    row = await hold(work, post)
    fresh(row, rev)
    leaning = select(DutyPost.name).where(DutyPost.active, or_(DutyPost.leader == post, DutyPost.fallback == post))
    others = (await work.session.scalars(leaning.order_by(DutyPost.id))).all()
    if others:
        raise Conflict(f"它是其他值班岗的上级或替代:{'、'.join(others)}", "请先给它们另选", posts=list(others))
    row.active, row.updated_at, row.updated_by = False, work.now, work.actor.id
    row.rev += 1
    work.note_in(journal.SYSTEM, "post.retired", post, unit=row.unit)
    await _look(work, [row.unit])
    return row


async def _look(work: Work, units: Collection[str]) -> None:
    """What was wrong may be right now, and the other way round."""
    from router.linkage.duty import watch

    await watch.look(work, units)


async def hold(work: Work, post: str) -> DutyPost:
    """The post, with everybody else who wants to change it or its roster waiting; agencies hold their own only."""
    await journal.lock(work.session, journal.SYSTEM)
    row = await get(work.session, post)
    await work.session.refresh(row)
    if work.actor.role == "agency" and row.unit != work.actor.desk:
        raise Forbidden("只能维护本单位的值班岗", "请由该单位或管理员办理", unit=row.unit)
    return row


async def _checked(work: Work, post: str, details: Details, city: str) -> Details:
    name, kind = need(details.name, "name", "名称", 50), need(details.kind, "kind", "类别", 20)
    try:
        zoneinfo.ZoneInfo(details.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"没有时区“{details.zone[:40]}”", "写成 Asia/Shanghai 这样的名称", field="zone") from None
    known = work.town.desks.keys() | (work.town.office.lines.keys() if work.town.office else set())
    if details.unit not in known and await work.session.get(Agency, details.unit) is None:
        raise Invalid(f"没有单位“{details.unit[:40]}”", "填写承办单位代码、受理中心或外部线路编号", field="unit")
    strange = next((one for one in details.divisions if not divisions.known(one)), None)
    if strange is not None:
        raise Invalid(f"没有行政区划代码“{strange[:12]}”", "请填写 GB/T 2260 代码", field="divisions")
    for field_name in ("leader", "fallback"):
        await _no_circle(work.session, post, getattr(details, field_name), field_name)
    main = dialable(work, details.main, "main", city)
    if main is None:
        raise Invalid("缺少值班电话", "填写可以拨打的号码", field="main")
    reserve = dialable(work, details.reserve, "reserve", city)
    if reserve == main:
        raise Invalid("备用电话与值班电话相同", "填写另一个号码,或者不填", field="reserve")
    return Details(
        details.unit, name, kind, main, reserve, dialable(work, details.sms, "sms", city), tuple(details.divisions),
        details.leader, details.fallback, details.zone,
    )  # fmt: skip


def dialable(work: Work, number: str | None, field_name: str, city: str) -> str | None:
    """A number in its one form; raise :class:`Invalid` with the field if the installation can't ring it."""
    if number is None or not number.strip():
        return None
    try:
        plain = numbers.normalise(number, city=city)
    except numbers.BadNumber as error:
        raise Invalid(error.what, error.remedy, field=field_name) from None
    why = work.town.office.forbids(plain) if work.town.office and plain else ""
    if why or plain is None:
        raise Invalid(f"号码“{number[:40]}”无法拨打:{why or '不是号码'}", "填写手机、带区号的固话或座席号", field=field_name)
    return plain


async def _no_circle(session: AsyncSession, post: str, other: str | None, field_name: str) -> None:
    seen = {post}
    while other is not None:
        if other in seen:
            raise Invalid("上级或替代的值班岗绕回了自己", "请选择另一个值班岗", field=field_name)
        seen.add(other)
        row = await session.get(DutyPost, other)
        if row is None or not row.active:
            raise Invalid(f"没有值班岗“{other[:40]}”", "请先建立它", field=field_name)
        other = getattr(row, field_name)


# --- who is on duty


async def roster(session: AsyncSession, post: DutyPost, since: dt.datetime) -> Roster:
    """The roster of a post from a moment on."""
    return (await rosters_of(session, [post], since))[post.id]


async def rosters_of(session: AsyncSession, found: Sequence[DutyPost], since: dt.datetime) -> dict[str, Roster]:
    """Rosters of posts from a moment on, by post."""
    zones = {one.id: one.zone for one in found}
    turning = select(DutyRotation).where(DutyRotation.post_id.in_(zones), DutyRotation.ended_at.is_(None))
    single = select(DutyShift).where(DutyShift.post_id.in_(zones), DutyShift.cancelled_at.is_(None), DutyShift.until > since)
    rotations: dict[str, list[Rotation]] = {one: [] for one in zones}
    shifts: dict[str, list[Shift]] = {one: [] for one in zones}
    for turn in await session.scalars(turning):
        rotations[turn.post_id].append(rotation(turn, zones[turn.post_id]))
    for one in await session.scalars(single):
        shifts[one.post_id].append(shift(one))
    return {one: Roster(one, tuple(rotations[one]), tuple(shifts[one])) for one in zones}


async def rostered(session: AsyncSession, posts: Collection[str]) -> set[str]:
    """Those of the posts that have ever had a roster: where all of it has run out there is a gap, and not a post that
    needs none."""
    turning = select(DutyRotation.post_id).where(DutyRotation.post_id.in_(posts), DutyRotation.ended_at.is_(None))
    single = select(DutyShift.post_id).where(DutyShift.post_id.in_(posts), DutyShift.cancelled_at.is_(None))
    return set((await session.execute(union(turning, single))).scalars())


async def people(session: AsyncSession, units: Collection[str]) -> dict[str, dict[str, DutyContact]]:
    """Who may be on duty for each unit: its contacts by id."""
    found: dict[str, dict[str, DutyContact]] = {unit: {} for unit in units}
    for row in await session.scalars(select(DutyContact).where(DutyContact.unit.in_(found)).order_by(DutyContact.id)):
        found[row.unit][row.id] = row
    return found


def present(found: Iterable[Slice], known: Collection[str]) -> list[Slice]:
    """A timeline in which whoever is not among the unit's people any more has nothing: a gap that keeps kind and source."""
    return [one if one.contact is None or one.contact in known else replace(one, contact=None) for one in found]


def rotation(row: DutyRotation, zone: str) -> Rotation:
    """A row as the calculus reads it."""
    times = tuple(dt.time.fromisoformat(one) for one in row.handovers)
    return Rotation(row.id, tuple(row.contacts), row.first_day, row.last_day, times, zone)


def shift(row: DutyShift) -> Shift:
    return Shift(row.id, row.contact_id, row.kind, row.since, row.until, row.at)  # type: ignore[arg-type]


@dataclass(slots=True)
class Ladders:
    """Finds whom a post reaches at a moment; reads each post once."""

    session: AsyncSession
    now: dt.datetime
    _rungs: dict[str, tuple[Rung, str | None]] = field(default_factory=dict)
    _books: dict[str, Roster] = field(default_factory=dict)
    _rostered: set[str] = field(default_factory=set)
    gaps: set[str] = field(default_factory=set)
    """Posts that have a roster, and nobody in it now; whoever is not a contact of the unit any more is nobody."""

    async def read(self, found: Sequence[DutyPost]) -> None:
        """Read the rosters of posts at once, for those who will ask for many ladders."""
        self._books |= await rosters_of(self.session, found, self.now)
        self._rostered |= await rostered(self.session, [one.id for one in found])

    async def of(self, post: str) -> tuple[Rung, ...]:
        """The ladder of a post, lowest rung first; a post that is gone is an empty rung."""
        found: list[Rung] = []
        at: str | None = post
        while at is not None and len(found) < HIGHEST and at not in {one.post for one in found}:
            rung, at = await self._rung(at)
            found.append(rung)
        return tuple(found)

    async def _rung(self, post: str) -> tuple[Rung, str | None]:
        if post not in self._rungs:
            row = await self.session.get(DutyPost, post)
            self._rungs[post] = (Rung(post, post, ()), None) if row is None else (await self._make(row), row.leader)
        return self._rungs[post]

    async def _make(self, row: DutyPost, *, deep: bool = True) -> Rung:
        if row.id not in self._books:
            await self.read([row])
        book = self._books[row.id]
        duty = rosters.on_duty(book, self.now)
        person = await self._person(row, duty)
        own: list[Number] = []
        if person is not None:
            own.append(Number(person.phone, person.id))
        own.append(Number(row.main, person.id if person else None))
        own += [Number(one) for one in (row.reserve, person.backup_phone if person else None) if one]
        texts = [Number(row.sms, person.id if person else None)] if row.sms else _mobile(person)
        if person is None and row.id in self._rostered:
            self.gaps.add(row.id)
            stand_in = await self.session.get(DutyPost, row.fallback) if row.fallback and deep else None
            if stand_in is not None and stand_in.active:
                other = await self._make(stand_in, deep=False)
                own, texts = [*own, *other.numbers], [*texts, *other.sms]
        return Rung(row.id, row.name, _once(own), _once(texts))

    async def _person(self, row: DutyPost, duty: rosters.Duty | None) -> DutyContact | None:
        found = await self.session.get(DutyContact, duty.contact) if duty is not None else None
        return found if found is not None and found.unit == row.unit else None


def _mobile(person: DutyContact | None) -> list[Number]:
    phones = [person.phone, person.backup_phone] if person else []
    return [Number(one, person.id) for one in phones if person and one and one.startswith("1") and len(one) == 11][:1]


def _once(found: Iterable[Number]) -> tuple[Number, ...]:
    seen: dict[str, Number] = {}
    for one in found:
        seen.setdefault(one.number, one)
    return tuple(seen.values())


async def of_kind(session: AsyncSession, city: str, kind: str, division: str | None) -> DutyPost | None:
    """The post of a kind that serves a place: one of its division first, else one for the whole city."""
    query = select(DutyPost).where(DutyPost.city == city, DutyPost.active).order_by(DutyPost.id)
    if kind.startswith("post:"):
        row = await session.get(DutyPost, kind.removeprefix("post:"))
        return row if row is not None and row.active and row.city == city else None
    found = (await session.scalars(query.where(DutyPost.kind == kind))).all()
    here = [one for one in found if division and division[:6] in one.divisions]
    wide = [one for one in found if not one.divisions or city in one.divisions]
    return next(iter([*here, *wide, *found]), None)
