"""Endpoints of the working calendar: which days count, and when a limit would be over."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Path, Query

from api.catalog.endpoints import City, Reader
from api.catalog.schemas import DayBody, DayView, DueView, YearView
from api.kit import routing
from api.kit.casework import Looking, Working, city_of, own_city
from api.kit.deps import allowed
from api.kit.fields import Moment
from router.access.actor import Actor
from router.casework import duties
from router.casework.work import Work
from router.catalog import calendar, calendar_days
from router.catalog.calendar import WorkingCalendar
from router.supervision import deadlines
from router.timers import timers

router = routing.router("/catalog", "calendar")

Editor = Annotated[Actor, allowed("calendar.edit")]
FIRST, LAST = calendar_days.FIRST.year, calendar_days.LAST.year


async def _days(work: Work, city: str, first: dt.date, last: dt.date) -> list[DayView]:
    rows = {row.day: row for row in await calendar_days.days(work.session, city, year=first.year)}
    kept = WorkingCalendar({day: row.working for day, row in rows.items()})
    found = []
    for number in range((last - first).days + 1):
        day = first + dt.timedelta(days=number)
        row = rows.get(day)
        found.append(
            DayView(
                day=day,
                working=kept.working(day),
                certain=kept.certain(day),
                override=row is not None,
                note=row.note if row is not None else "",
            )
        )
    return found


@router.get("/calendar/{year}", summary="一年的工作日 / Which days of a year are worked")
async def year(year: Annotated[int, Path(ge=FIRST, le=LAST)], work: Looking, _: Reader, city: City = None) -> YearView:
    """国家尚未公布的年份按周一至周五计(certain=false),据此算出的时限会在公布后重算。"""
    where = city_of(work, city)
    days = await _days(work, where, dt.date(year, 1, 1), dt.date(year, 12, 31))
    return YearView(
        city=where,
        year=year,
        last_known_year=calendar.last_known_year(),
        working_days=sum(1 for day in days if day.working),
        days=days,
    )


@router.put("/calendar/days/{day}", summary="单独设置一天 / Set a day")
async def set_day(day: dt.date, body: DayBody, work: Working, actor: Editor, city: City = None) -> DayView:
    """覆盖国家日历;涉及的暂定时限由后台重新计算。"""
    where = own_city(work, city)
    await calendar_days.set_day(
        work.session, city=where, day=day, working=body.working, note=body.note, actor=actor, now=work.now
    )
    await _reckon_anew(work)
    return (await _days(work, where, day, day))[0]


@router.delete("/calendar/days/{day}", status_code=204, summary="取消单独设置 / Let the statutory calendar count again")
async def clear_day(day: dt.date, work: Working, actor: Editor, city: City = None) -> None:
    await calendar_days.clear_day(work.session, city=own_city(work, city), day=day, actor=actor, now=work.now)
    await _reckon_anew(work)


async def _reckon_anew(work: Work) -> None:
    """Have the worker look at provisional deadlines now, not with the next night."""
    await timers.set_(work.session, duties.standing(work.now), work.now)


@router.get("/deadline", summary="时限试算 / When would a limit be over")
async def deadline(
    work: Looking,
    _: Reader,
    limit: Annotated[
        str,
        Query(
            pattern=r"^[1-9][0-9]{0,3} (minutes|working-hours|working-days)$",
            max_length=32,
            description="如 `5 working-days`、`4 working-hours`、`30 minutes`",
        ),
    ],
    start: Annotated[Moment | None, Query(description="起算时间,默认现在")] = None,
    city: City = None,
) -> DueView:
    begin = start or work.now
    overrides = await calendar_days.load(work.session, city_of(work, city))
    due = WorkingCalendar(overrides).due(begin, deadlines.limit_of(limit))
    return DueView(start=begin, due_at=due.at, provisional=due.provisional)
