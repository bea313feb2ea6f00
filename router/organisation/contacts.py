"""Duty contacts (24小时值班值守): who answers for a unit round the clock, and which entries nobody has verified for long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from router import ids
from router.access.actor import Actor
from router.errors import Invalid, NotFound, Stale
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.organisation import numbers
from router.storage.organisation import DutyContact

STALE_DAYS = 90
"""A contact that nobody has verified for so long is shown in red."""
LONGEST = 50


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept of a contact. A phone that shows no number is none."""

    name: str
    phone: str
    post: str
    """E.g. ``值班室``, ``值班长``."""
    backup_phone: str | None = None


def _checked(details: Details, city: str) -> Details:
    for field, label in (("name", "姓名"), ("post", "岗位")):
        text = getattr(details, field).strip()
        if not 0 < len(text) <= LONGEST or not text.isprintable():
            raise Invalid(f"{label}为空、过长或者含有控制字符", f"写1至{LONGEST}个字", field=field)
    phone = numbers.normalise(details.phone, city=city)
    if phone is None:
        raise Invalid("缺少值班电话", "填写可以拨打的号码", field="phone")
    backup = numbers.normalise(details.backup_phone, city=city) if details.backup_phone else None
    if backup == phone:
        raise Invalid("备用电话与值班电话相同", "填写另一个号码,或者不填", field="backup_phone")
    return Details(details.name.strip(), phone, details.post.strip(), backup)


async def add(
    session: AsyncSession, unit: str, details: Details, *, actor: Actor, now: dt.datetime, city: str = ""
) -> DutyContact:
    """Keep a contact of a unit (agency code or id of an outside line); it counts as verified now."""
    good = _checked(details, city)
    row = DutyContact(
        id=ids.new(),
        rev=1,
        unit=unit,
        name=good.name,
        phone=good.phone,
        backup_phone=good.backup_phone,
        post=good.post,
        verified_at=now,
    )
    session.add(row)
    await session.flush()
    await _tell(session, "contact.added", row, actor, now)
    return row


async def change(
    session: AsyncSession,
    contact: str,
    details: Details,
    *,
    actor: Actor,
    now: dt.datetime,
    rev: int | None = None,
    city: str = "",
) -> DutyContact:
    """Replace what is kept of a contact; it counts as verified now."""
    good = _checked(details, city)
    row = await get(session, contact, rev)
    row.name, row.phone, row.backup_phone, row.post = good.name, good.phone, good.backup_phone, good.post
    return await _verified(session, row, "contact.changed", actor, now)


async def verify(session: AsyncSession, contact: str, *, actor: Actor, now: dt.datetime, rev: int | None = None) -> DutyContact:
    """Somebody has rung and the entry is right."""
    return await _verified(session, await get(session, contact, rev), "contact.verified", actor, now)


async def _verified(session: AsyncSession, row: DutyContact, action: str, actor: Actor, now: dt.datetime) -> DutyContact:
    row.verified_at = now
    row.rev += 1
    await session.flush()
    await _tell(session, action, row, actor, now)
    return row


async def remove(session: AsyncSession, contact: str, *, actor: Actor, now: dt.datetime) -> None:
    row = await get(session, contact)
    await session.execute(delete(DutyContact).where(DutyContact.id == contact))
    session.expunge(row)
    await _tell(session, "contact.removed", row, actor, now)


async def get(session: AsyncSession, contact: str, rev: int | None = None) -> DutyContact:
    """A contact; raise :class:`NotFound`, or :class:`Stale` if it is no longer at ``rev``."""
    row = await session.get(DutyContact, contact)
    if row is None:
        raise NotFound("没有这个值班联系人", "请刷新后重试", contact=contact)
    if rev is not None and rev != row.rev:
        raise Stale("值班联系人已被他人修改", "请刷新后重试", current=row.rev)
    return row


async def of_units(session: AsyncSession, units: Sequence[str]) -> Sequence[DutyContact]:
    """Contacts of units, those verified last first."""
    query = select(DutyContact).where(DutyContact.unit.in_(units)).order_by(DutyContact.unit, DutyContact.verified_at.desc())
    return (await session.scalars(query)).all()


async def stale(session: AsyncSession, now: dt.datetime, *, days: int = STALE_DAYS, limit: int = 200) -> Sequence[DutyContact]:
    """Contacts that nobody has verified for ``days``, the oldest first."""
    query = select(DutyContact).where(DutyContact.verified_at <= now - dt.timedelta(days=days))
    return (await session.scalars(query.order_by(DutyContact.verified_at, DutyContact.id).limit(limit))).all()


def is_stale(contact: DutyContact, now: dt.datetime, *, days: int = STALE_DAYS) -> bool:
    return contact.verified_at <= now - dt.timedelta(days=days)


async def _tell(session: AsyncSession, action: str, row: DutyContact, actor: Actor, now: dt.datetime) -> None:
    detail = {"unit": row.unit, "rev": row.rev}
    await journal.write(session, journal.SYSTEM, actor, [Note(action, row.id, detail)], now)
    await outbox.write(session, [News(action, {"contact": row.id, **detail}, units=[row.unit])], now)
