"""Nuisance (骚扰): numbers are marked by people, gathered, and can be exported; nobody is ever refused a call for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select

from router import ids
from router.casework.work import Work, need, operation
from router.errors import Invalid, NotFound
from router.journal.journal import SYSTEM
from router.organisation import numbers
from router.storage import sealed
from router.storage.casework import NuisanceMark


@dataclass(frozen=True, slots=True)
class Clue:
    """One number with all its marks: what is handed to the police (线索)."""

    number: str
    marks: int
    centres: tuple[str, ...]
    first: dt.datetime
    last: dt.datetime
    notes: tuple[str, ...]


@operation
async def mark(work: Work, *, number: str, note: str, case: str | None = None, call: str | None = None) -> NuisanceMark:
    """A person says that this number calls to harass."""
    canonical = numbers.normalise(number)
    if canonical is None:
        raise Invalid("匿名来电不能标记号码", "请在事项中说明", field="number")
    row = NuisanceMark(
        id=ids.new(),
        number=canonical,
        number_print=sealed.fingerprint("number", canonical),
        centre=work.actor.desk,
        case_id=case,
        call_id=call,
        note=need(note, "note", "说明", 500),
        at=work.now,
        by=work.actor.id,
    )
    work.session.add(row)
    if case:
        await work.hold(case)
        work.note(case, "nuisance.marked", row.id, number=row.number_print)
    else:
        work.note_in(SYSTEM, "nuisance.marked", row.id, number=row.number_print, call=call)
    return row


@operation
async def withdraw(work: Work, mark_id: str, reason: str) -> NuisanceMark:
    """A mark was wrong: it no longer counts, and stays on record."""
    row = await work.session.get(NuisanceMark, mark_id)
    if row is None:
        raise NotFound("没有这条标记", "请刷新列表", mark=mark_id)
    why = need(reason, "reason", "撤销理由", 500)
    if row.withdrawn_at is None:
        row.withdrawn_at, row.withdrawn_by = work.now, work.actor.id
        work.note_in(SYSTEM, "nuisance.withdrawn", row.id, number=row.number_print, reason=why)
    return row


async def count(work: Work, number: str | None, since: dt.datetime) -> int:
    """Marks of a number that hold, since then; for the desk that answers it."""
    if not number:
        return 0
    query = (
        select(func.count())
        .select_from(NuisanceMark)
        .where(NuisanceMark.number_print == sealed.fingerprint("number", number))
        .where(NuisanceMark.at >= since, NuisanceMark.withdrawn_at.is_(None))
    )
    return int((await work.session.execute(query)).scalar_one())


async def clues(work: Work, *, at_least: int, since: dt.datetime, limit: int = 1000) -> list[Clue]:
    """Numbers with at least so many marks since then, the worst first."""
    worst = (
        select(NuisanceMark.number_print, func.count().label("n"))
        .where(NuisanceMark.at >= since, NuisanceMark.withdrawn_at.is_(None))
        .group_by(NuisanceMark.number_print)
        .having(func.count() >= at_least)
        .order_by(func.count().desc(), NuisanceMark.number_print)
        .limit(limit)
    )
    order = [row.number_print for row in await work.session.execute(worst)]
    rows = (
        await work.session.scalars(
            select(NuisanceMark)
            .where(NuisanceMark.number_print.in_(order), NuisanceMark.at >= since, NuisanceMark.withdrawn_at.is_(None))
            .order_by(NuisanceMark.at)
        )
    ).all()
    found = []
    for print_ in order:
        mine = [row for row in rows if row.number_print == print_]
        found.append(
            Clue(
                mine[0].number,
                len(mine),
                tuple(sorted({row.centre for row in mine})),
                mine[0].at,
                mine[-1].at,
                tuple(row.note for row in mine[-10:]),
            )
        )
    return found
