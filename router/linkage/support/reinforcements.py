"""Seats from elsewhere (异地座席支援): proposed when a centre has far too few, let in by a supervisor, withdrawn in one step.

What is decided here is a row; the call core is told by :mod:`router.linkage.support.reinforcing`, and always what the rows
say then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access import rules
from router.casework.work import Work, fresh, need, operation, touch
from router.errors import Conflict, Forbidden, Invalid, NotFound
from router.journal import journal
from router.linkage.duty import watch
from router.linkage.machines import REINFORCEMENT
from router.organisation import divisions
from router.storage.calls import Party
from router.storage.emergencies import EmergencyEvent
from router.storage.resources import Reinforcement
from router.supervision import notices

if TYPE_CHECKING:
    from config.model import Centre, Seat
    from config.settings import Settings

JOIN, LEAVE = "reinforcement.join", "reinforcement.leave"
"""Topics of news that the call core must follow."""
NOTICE, TROUBLE = "reinforcement", "reinforcement-trouble"
OPEN = ("proposed", "active")
PEACE = dt.timedelta(minutes=30)
"""So long after a person said no, or ended the help, nothing is proposed by itself."""
ANSWERING = ("operator", "police")


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds; what passes one is too much."""

    wait_most: int = 10
    longest_wait: float = 120
    """Seconds."""
    abandoned_share: float = 0.15
    """From 0 to 1."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a centre's queue is now."""

    waiting: int
    longest: float
    """Seconds."""
    abandoned_share: float
    seats_free: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What is known of the installation's seats (:func:`of`)."""

    centres: Mapping[str, Centre]
    seats: Mapping[str, Seat]
    rules: Rules

    def groups(self, centre: str) -> tuple[str, ...]:
        """Groups that a helping seat joins: those that callers of the centre reach first."""
        found = self.centres.get(centre)
        return tuple(found.queue.direct[0].groups) if found is not None else ()

    def able(self, centre: str) -> list[Seat]:
        """Seats of other centres of the same kind that answer callers."""
        kind = self.centres[centre].kind
        return [one for one in self.seats.values() if self._kind(one) == kind and one.centre != centre]

    def _kind(self, seat: Seat) -> str | None:
        if seat.centre is None or seat.role not in ANSWERING:
            return None
        return self.centres[seat.centre].kind

    def region(self, seat: str) -> str | None:
        """Home division of a seat, as far as its centre has one."""
        found = self.seats.get(seat)
        home = self.centres.get(found.centre or "") if found is not None else None
        return home.divisions[0] if home is not None and home.divisions else None


def of(settings: Settings) -> Floor:
    installation = settings.installation
    limits = installation.linkage
    return Floor(
        {one.id: one for one in installation.centres},
        {one.id: one for one in installation.seats},
        Rules(limits.wait_most, limits.longest_wait, limits.abandoned_share),
    )


def needed(waiting: int, longest: float, abandoned_share: float, seats_free: int, rules: Rules) -> tuple[str, ...]:
    """Why a centre needs seats from elsewhere, in words; empty: it does not. Free seats that can take all who wait are enough,
    whatever was before. Pure."""
    if seats_free >= max(1, waiting):
        return ()
    found = []
    if waiting > rules.wait_most:
        found.append(f"排队{waiting}人,超过{rules.wait_most}人")
    if longest > rules.longest_wait:
        found.append(f"最久等待{longest:.0f}秒,超过{rules.longest_wait:g}秒")
    if abandoned_share > rules.abandoned_share:
        found.append(f"近15分钟放弃率{abandoned_share:.1%},超过{rules.abandoned_share:.1%}")
    return tuple(found)


def steers(work: Work, centre: str) -> bool:
    """Whether the actor may decide about seats of a centre: supervisors of its line in its city, or above them."""
    actor = work.actor
    if actor.is_system:
        return True
    if actor.role != "supervisor" or (actor.city and work.town.city_of(centre) != actor.city):
        return False
    return actor.side is None or actor.side == work.town.side(centre)


def visible(work: Work) -> list[str]:
    """Centres whose reinforcements the actor sees: those of the city."""
    return sorted(one for one in work.town.desks if not work.actor.city or work.town.city_of(one) == work.actor.city)


async def get(work: Work, reinforcement: str) -> Reinforcement:
    row = await work.session.get(Reinforcement, reinforcement)
    if row is None or row.centre not in visible(work):
        raise NotFound("没有这条座席支援", "请刷新列表", subject=reinforcement[:64])
    return row


async def open_at(session: AsyncSession, centre: str) -> Reinforcement | None:
    """What is proposed or under way for a centre."""
    query = select(Reinforcement).where(Reinforcement.centre == centre, Reinforcement.state.in_(OPEN))
    return (await session.scalars(query.limit(1))).first()


async def in_peace(session: AsyncSession, centre: str, now: dt.datetime) -> bool:
    """Whether nothing is to be proposed by itself: something is open, or a person has ended it a short while ago."""
    since = now - PEACE
    lately = (Reinforcement.decided_at > since) | (Reinforcement.withdrawn_at > since)
    ended = select(Reinforcement.id).where(
        Reinforcement.centre == centre, Reinforcement.state.in_(("declined", "withdrawn")), lately
    )
    return await open_at(session, centre) is not None or (await session.execute(ended.limit(1))).first() is not None


async def active(session: AsyncSession, seat: str, centre: str) -> Reinforcement | None:
    """By which decision a seat helps a centre; None: it does not."""
    query = select(Reinforcement).where(Reinforcement.centre == centre, Reinforcement.state == "active")
    return next((one for one in await session.scalars(query) if seat in one.seats), None)


async def answered(session: AsyncSession, row: Reinforcement) -> int:
    """Callers whom the helping seats have answered for the helped centre."""
    if row.decided_at is None or not row.seats:
        return 0
    query = select(func.count()).where(
        Party.seat.in_(row.seats),
        Party.invited_at >= row.decided_at,
        Party.centre == row.centre,
        Party.home != "",
        Party.joined_at.is_not(None),
    )
    if row.withdrawn_at is not None:
        query = query.where(Party.invited_at <= row.withdrawn_at)
    return (await session.execute(query)).scalar_one()


# --- proposing


@operation
async def propose(work: Work, centre: str, reason: str, *, event: str | None = None) -> Reinforcement:
    """A person asks for help. Raise :class:`Conflict` where it is proposed or under way already."""
    work.town.desk(centre)
    _must_steer(work, centre)
    said = need(reason, "reason", "理由", 500)
    if event is not None:
        await rules.load(work.session, work.actor, EmergencyEvent, event, work.now)
    await journal.lock(work.session, journal.SYSTEM)
    there = await open_at(work.session, centre)
    if there is not None:
        state = REINFORCEMENT.names[there.state]
        raise Conflict(f"该中心已有一条座席支援({state})", "请在那一条上办理", reinforcement=there.id, state=there.state)
    return await _proposed(work, centre, said, {}, event)


@operation
async def suggest(work: Work, centre: str, figures: Figures, reasons: Sequence[str]) -> Reinforcement | None:
    """The service proposes on what it has measured, once for as long as it is not ended; None: nothing new."""
    await journal.lock(work.session, journal.SYSTEM)
    if await in_peace(work.session, centre, work.now):
        return None
    return await _proposed(work, centre, ";".join(reasons), asdict(figures), None)


async def _proposed(work: Work, centre: str, reason: str, measured: dict[str, float], event: str | None) -> Reinforcement:
    row = Reinforcement(
        id=ids.new(),
        rev=1,
        centre=centre,
        event_id=event,
        state="proposed",
        seats=[],
        region=None,
        reason=reason,
        measured=measured,
        proposed_at=work.now,
        decided_at=None,
        decided_by=None,
        withdrawn_at=None,
        withdrawn_by=None,
    )
    work.session.add(row)
    await notices.raise_(
        work, unit=centre, role="supervisor", kind=NOTICE, level=notices.URGENT, event=event, subject=row.id,
        text=f"话务座席不足,建议请求异地座席支援:{reason}",
    )  # fmt: skip
    _say(work, row, "propose", measured=measured, event=event)
    return row


# --- deciding


@operation
async def approve(
    work: Work,
    floor: Floor,
    reinforcement: str,
    seats: Sequence[str],
    *,
    region: str | None = None,
    approver: str | None = None,
    rev: int | None = None,
) -> Reinforcement:
    """Let these seats join the queue. ``region``: their home division, that of their centre unless given; ``approver``: who
    approved it, if not the actor. Raise :class:`Invalid` for a seat that can't help there, :class:`Forbidden` for one that is
    others' to lend."""
    row = await _hold(work, reinforcement, rev)
    who = _approver(work, approver)
    chosen = sorted(set(seats))
    _check(work, floor, row.centre, chosen)
    home = _region(floor, chosen, region)
    row.state = REINFORCEMENT.step(row.state, "approve")
    row.seats, row.region, row.decided_at, row.decided_by = chosen, home, work.now, who
    touch(work, row)
    _say(work, row, "approve", seats=chosen, region=home)
    _order(work, floor, row, JOIN, chosen)
    await watch.settle(work, [row.centre], [NOTICE], only=row.id)
    return row


@operation
async def add(
    work: Work,
    floor: Floor,
    reinforcement: str,
    seats: Sequence[str],
    *,
    region: str | None = None,
    approver: str | None = None,
    rev: int | None = None,
) -> Reinforcement:
    """More seats join while others help already; raises as :func:`approve`. They are of the same region: what they answer is told
    by it."""
    row = await _hold(work, reinforcement, rev)
    who = _approver(work, approver)
    row.state = REINFORCEMENT.step(row.state, "add")
    chosen = sorted(set(seats) - set(row.seats))
    _check(work, floor, row.centre, chosen)
    home = _region(floor, chosen, region)
    if home != row.region:
        raise Invalid(
            f"支援中的座席来自{row.region},这些来自{home}",
            "撤回后一并批准,并填写共同的来源地区",
            field="region",
            region=row.region,
        )
    row.seats = sorted({*row.seats, *chosen})
    touch(work, row)
    _say(work, row, "add", seats=chosen, approver=who)
    _order(work, floor, row, JOIN, chosen)
    return row


@operation
async def decline(
    work: Work, reinforcement: str, reason: str, *, approver: str | None = None, rev: int | None = None
) -> Reinforcement:
    """No help is called in."""
    row = await _hold(work, reinforcement, rev)
    said = need(reason, "reason", "理由", 500)
    row.state = REINFORCEMENT.step(row.state, "decline")
    row.decided_at, row.decided_by = work.now, _approver(work, approver)
    touch(work, row)
    _say(work, row, "decline", reason=said)
    await watch.settle(work, [row.centre], [NOTICE], only=row.id)
    return row


@operation
async def withdraw(work: Work, floor: Floor, reinforcement: str) -> Reinforcement:
    """The seats go home; whoever talks there finishes the call. Withdrawing twice changes nothing."""
    row = await _hold(work, reinforcement, None)
    if row.state == "withdrawn":
        return row
    row.state = REINFORCEMENT.step(row.state, "withdraw")
    row.withdrawn_at, row.withdrawn_by = work.now, work.actor.id
    touch(work, row)
    _say(work, row, "withdraw", seats=row.seats)
    _order(work, floor, row, LEAVE, row.seats)
    await watch.settle(work, [row.centre], [TROUBLE], only=row.id)
    return row


@operation
async def not_taken(work: Work, reinforcement: str, seat: str, code: str) -> None:
    """The call core has refused to let a seat in: supervisors of the helped centre learn of it."""
    row = await work.session.get(Reinforcement, reinforcement)
    if row is None or row.state != "active":
        return
    work.note_in(journal.SYSTEM, "reinforcement.refused", row.id, seat=seat, code=code)
    await notices.raise_(
        work, unit=row.centre, role="supervisor", kind=TROUBLE, level=notices.URGENT, subject=row.id,
        text=f"支援座席{seat}未能加入队列({code}),请检查配置或撤回后另选座席",
    )  # fmt: skip


# --- parts


async def _hold(work: Work, reinforcement: str, rev: int | None) -> Reinforcement:
    """The row, with everybody else who wants to decide waiting."""
    await journal.lock(work.session, journal.SYSTEM)
    row = await get(work, reinforcement)
    await work.session.refresh(row)
    _must_steer(work, row.centre)
    fresh(row, rev)
    return row


def _approver(work: Work, said: str | None) -> str:
    return need(work.actor.name or work.actor.id if said is None else said, "approver", "批准人", 50)


def _must_steer(work: Work, centre: str) -> None:
    if not steers(work, centre):
        raise Forbidden("不能为该中心决定座席支援", "请由该中心的班长或上级办理", unit=work.actor.desk, responsible=[centre])


def _check(work: Work, floor: Floor, centre: str, seats: Sequence[str]) -> None:
    if not seats:
        raise Invalid("没有选择座席", "至少选择一个外地座席", field="seats")
    able = {one.id: one for one in floor.able(centre)}
    for seat in seats:
        if seat not in able:
            raise Invalid(f"座席“{seat[:20]}”不能支援该中心", "选择其他中心同类(12345或110)的接听座席", field="seats", value=seat)
        home = able[seat].centre or ""
        if not steers(work, home):
            raise Forbidden(f"座席{seat}不归您调度", "请由上级统筹批准", unit=work.actor.desk, responsible=[home])


def _region(floor: Floor, seats: Sequence[str], given: str | None) -> str:
    if given is not None:
        if not divisions.known(given):
            raise Invalid(f"没有行政区划代码“{given[:12]}”", "请填写 GB/T 2260 代码", field="region")
        return given
    found = {floor.region(seat) for seat in seats}
    one = found.pop() if len(found) == 1 else None
    if one is None:
        raise Invalid("座席不在同一个地区,或其中心没有区划", "请填写来源地区的区划代码,或分批支援", field="region")
    return one


def _order(work: Work, floor: Floor, row: Reinforcement, topic: str, seats: Sequence[str]) -> None:
    """Have the call core told, seat by seat."""
    for seat in seats:
        home = floor.seats[seat].centre if seat in floor.seats else None
        work.tell(
            topic, None, [row.centre, home],
            reinforcement=row.id, seat=seat, centre=row.centre, groups=list(floor.groups(row.centre)), home=row.region or "",
        )  # fmt: skip


def _say(work: Work, row: Reinforcement, step: str, **detail: object) -> None:
    kept = {key: value for key, value in detail.items() if value is not None}
    work.note_in(journal.SYSTEM, f"reinforcement.{step}", row.id, centre=row.centre, after=row.state, **kept)
    work.tell("reinforcement.changed", None, [row.centre], reinforcement=row.id, centre=row.centre, state=row.state, rev=row.rev)
