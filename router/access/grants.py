"""Sharing grants between units (授权, 数据共享目录): given for a purpose and a time, taken back at any moment, journalled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access import rules
from router.access.accounts import Places
from router.access.actor import Actor
from router.access.fields import GRANTABLE
from router.errors import Forbidden, Invalid, NotFound
from router.journal import journal
from router.journal.journal import Note
from router.storage.casework import Case, PoliceOrder, Ticket
from router.storage.organisation import Agency, Grant

LONGEST = dt.timedelta(days=366)


async def give(
    session: AsyncSession,
    by: Actor,
    *,
    from_unit: str,
    to_unit: str,
    case_id: str | None,
    fields: Sequence[str],
    purpose: str,
    since: dt.datetime,
    until: dt.datetime,
    places: Places,
    now: dt.datetime,
) -> Grant:
    """Let ``to_unit`` see a case, or all of ``from_unit``'s, and those fields of them. A supervisor gives what is the own desk's.

    Raise :class:`router.errors.Invalid`, :class:`router.errors.Forbidden` and :class:`router.errors.NotFound`.
    """
    _check_giver(by, from_unit)
    unknown = sorted(set(fields) - set(GRANTABLE))
    if unknown:
        raise Invalid("没有这种可授权的内容", f"填其中之一:{'、'.join(GRANTABLE)}", field="fields", unknown=unknown)
    if until <= since or until <= now:
        raise Invalid("授权的结束时间须晚于开始和现在", "改正时间", field="until")
    if until - max(since, now) > LONGEST:
        raise Invalid("授权最长一年", "缩短时间,到期后可以再授权", field="until")
    if from_unit == to_unit:
        raise Invalid("两个单位相同", "填另一个单位", field="to_unit")
    for name, unit in (("from_unit", from_unit), ("to_unit", to_unit)):
        if unit not in places.sides and await session.get(Agency, unit) is None:
            raise Invalid("没有这个单位", "填中心编号或统一社会信用代码", field=name)
    if case_id is not None:
        await _check_case(session, from_unit, case_id)
    made = Grant(
        id=ids.new(),
        from_unit=from_unit,
        to_unit=to_unit,
        case_id=case_id,
        fields=sorted(set(fields)),
        purpose=purpose,
        since=since,
        until=until,
        revoked_at=None,
        by=by.id,
    )
    session.add(made)
    await session.flush()
    detail = {"from": from_unit, "to": to_unit, "fields": made.fields, "until": until.isoformat()}
    await journal.write(session, _chain(case_id), by, [Note("grant.given", made.id, detail)], now)
    return made


def _check_giver(by: Actor, from_unit: str) -> None:
    if by.role == "supervisor" and by.desk and by.desk != from_unit:
        raise Forbidden("只能授权本单位的事项", "请该单位或管理员办理", action="grant.manage", subject=from_unit)


async def _check_case(session: AsyncSession, from_unit: str, case_id: str) -> None:
    """The case must be the giving unit's: first taken, accepted or handled there."""
    query = (
        select(Case.id)
        .outerjoin(Ticket, Ticket.case_id == Case.id)
        .outerjoin(PoliceOrder, PoliceOrder.case_id == Case.id)
        .where(
            Case.id == case_id,
            or_(
                Case.first_centre == from_unit,
                Ticket.platform == from_unit,
                Ticket.agency == from_unit,
                PoliceOrder.platform == from_unit,
            ),
        )
    )
    if await session.scalar(query.limit(1)) is None:
        raise NotFound("没有这个事项,或不属于该单位", "检查编号", subject=case_id[:64])


def _chain(case_id: str | None) -> str:
    return journal.of_case(case_id) if case_id else journal.SYSTEM


async def take_back(session: AsyncSession, by: Actor, grant: str, now: dt.datetime) -> Grant:
    """End a grant before its time."""
    found = await session.get(Grant, grant)
    if found is None:
        raise NotFound("没有这条授权", "检查编号", subject=grant[:64])
    _check_giver(by, found.from_unit)
    if found.revoked_at is None:
        found.revoked_at = now
        await journal.write(session, _chain(found.case_id), by, [Note("grant.taken_back", found.id)], now)
    return found


async def fields_of(session: AsyncSession, actor: Actor, case: Case, now: dt.datetime) -> frozenset[str]:
    """Fields of a case that live grants show to the actor's desk (for :func:`router.access.fields.sight`)."""
    owners = select(Ticket.platform).where(Ticket.case_id == case.id)
    handlers = select(Ticket.agency).where(Ticket.case_id == case.id, Ticket.agency.is_not(None))
    police = select(PoliceOrder.platform).where(PoliceOrder.case_id == case.id)
    of_unit = or_(
        Grant.from_unit == case.first_centre,
        Grant.from_unit.in_(owners),
        Grant.from_unit.in_(handlers),
        Grant.from_unit.in_(police),
    )
    query = select(Grant.fields).where(
        rules.live_grants(actor, now), or_(Grant.case_id == case.id, Grant.case_id.is_(None) & of_unit)
    )
    return frozenset(name for names in (await session.scalars(query)).all() for name in names)
