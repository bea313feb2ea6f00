"""Days that the working calendar has wrong, or does not know yet, as an administrator sets them for a city."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from router.access.actor import Actor
from router.errors import Invalid, NotFound
from router.journal import journal, outbox
from router.journal.journal import Note
from router.journal.outbox import News
from router.organisation import divisions
from router.storage import upsert
from router.storage.base import table_of
from router.storage.organisation import CalendarDay

DAY = table_of(CalendarDay)
FIRST, LAST = dt.date(2000, 1, 1), dt.date(2199, 12, 31)
LONGEST_NOTE = 200


async def load(session: AsyncSession, city: str) -> dict[dt.date, bool]:
    """Overrides of a city: day to whether it is worked."""
    rows = await session.execute(select(DAY.c.day, DAY.c.working).where(DAY.c.city == city))
    return {row.day: row.working for row in rows}


async def days(session: AsyncSession, city: str, *, year: int | None = None) -> Sequence[CalendarDay]:
    """Overrides of a city with who set them, in order."""
    query = select(CalendarDay).where(CalendarDay.city == city).order_by(CalendarDay.day)
    if year is not None:
        query = query.where(CalendarDay.day.between(dt.date(year, 1, 1), dt.date(year, 12, 31)))
    return (await session.scalars(query)).all()


async def set_day(
    session: AsyncSession, *, city: str, day: dt.date, working: bool, note: str, actor: Actor, now: dt.datetime
) -> None:
    """Say that a day is worked or not; what was said of it before gives way."""
    if not divisions.known(city):
        raise Invalid(f"没有行政区划代码“{city}”", "请填写 GB/T 2260 的州市代码", field="city")
    if not FIRST <= day <= LAST:
        raise Invalid(f"日期 {day} 超出范围", f"请填写 {FIRST} 至 {LAST} 之间的日期", field="day")
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"说明超过{LONGEST_NOTE}字", "请缩短说明", field="note")
    await journal.lock(session, journal.SYSTEM)
    row = {"city": city, "day": day, "working": working, "note": note.strip(), "at": now, "by": actor.id}
    await session.execute(delete(DAY).where(DAY.c.city == city, DAY.c.day == day))
    await upsert.insert_new(session, DAY, [row])
    await _tell(session, "calendar.set", city, day, {"working": working}, actor, now)


async def clear_day(session: AsyncSession, *, city: str, day: dt.date, actor: Actor, now: dt.datetime) -> None:
    """Let the statutory calendar count again for a day."""
    await journal.lock(session, journal.SYSTEM)
    gone = await session.execute(delete(DAY).where(DAY.c.city == city, DAY.c.day == day).returning(DAY.c.day))
    if gone.first() is None:
        raise NotFound(f"{day} 没有单独设置", "请核对日期", day=day.isoformat())
    await _tell(session, "calendar.cleared", city, day, {}, actor, now)


async def _tell(
    session: AsyncSession, action: str, city: str, day: dt.date, detail: dict[str, bool], actor: Actor, now: dt.datetime
) -> None:
    await journal.write(session, journal.SYSTEM, actor, [Note(action, f"{city}:{day}", detail)], now)
    await outbox.write(session, [News(action, {"city": city, "day": day.isoformat(), **detail})], now)
