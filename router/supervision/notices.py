"""Notices (提醒): what the right people must see, until somebody has done something about it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update

from router import ids
from router.casework.work import Work, operation
from router.errors import NotFound
from router.storage.base import table_of
from router.storage.casework import Notice

NOTICE = table_of(Notice)
SEEN, URGENT, ALARM = 0, 1, 2
"""Levels: to be seen, urgent, alarm with sound."""


async def raise_(
    work: Work,
    *,
    unit: str,
    kind: str,
    text: str,
    level: int = SEEN,
    case: str | None = None,
    role: str | None = None,
    event: str | None = None,
    subject: str | None = None,
) -> str:
    """Put a notice before the people of a unit; ``text`` holds numbers of cases, no personal data. Return its id."""
    notice = Notice(
        id=ids.new(),
        case_id=case,
        event_id=event,
        subject_id=subject,
        unit=unit,
        role=role,
        kind=kind,
        level=level,
        text=text,
        at=work.now,
        done_at=None,
        done_by=None,
    )
    work.session.add(notice)
    work.tell("notice.raised", case, [unit], id=notice.id, kind=kind, level=level, text=text, role=role, event=event)
    return notice.id


async def settle(work: Work, case: str, kinds: Sequence[str]) -> None:
    """What these notices of a case asked for has been done."""
    await _settle(work, case, NOTICE.c.case_id == case, NOTICE.c.kind.in_(kinds))


async def settle_event(work: Work, event: str, kinds: Sequence[str]) -> None:
    """The same for an event."""
    await _settle(work, None, NOTICE.c.event_id == event, NOTICE.c.kind.in_(kinds))


async def settle_subject(work: Work, event: str, subject: str) -> None:
    """The same for a request, notice or report of an event."""
    await _settle(work, None, NOTICE.c.event_id == event, NOTICE.c.subject_id == subject)


async def settle_others(work: Work, kind: str, but: Sequence[str]) -> None:
    """The same for all notices of a kind that are about none of these subjects."""
    await _settle(work, None, NOTICE.c.kind == kind, NOTICE.c.subject_id.not_in(but))


async def _settle(work: Work, case: str | None, *which: ColumnElement[bool]) -> None:
    found = await work.session.execute(
        update(NOTICE)
        .where(*which, NOTICE.c.done_at.is_(None))
        .values(done_at=work.now, done_by=work.actor.id)
        .returning(NOTICE.c.id, NOTICE.c.unit)
    )
    for row in found.all():
        work.tell("notice.done", case, [row.unit], id=row.id)


@operation
async def done(work: Work, notice: str) -> Notice:
    """A person has dealt with a notice; one that is done stays done."""
    row = await work.session.get(Notice, notice)
    if row is None or not (work.actor.is_system or row.unit == work.actor.desk or work.actor.role == "supervisor"):
        raise NotFound("没有这条提醒", "请刷新列表")
    if row.done_at is None:
        row.done_at, row.done_by = work.now, work.actor.id
        if row.case_id:
            work.note(row.case_id, "notice.done", row.id, kind=row.kind)
        work.tell("notice.done", row.case_id, [row.unit], id=row.id)
    return row


async def open_of(work: Work, unit: str, limit: int = 100) -> list[Notice]:
    """What a unit's people have before them, the loudest and newest first."""
    query = (
        select(Notice)
        .where(Notice.unit == unit, Notice.done_at.is_(None))
        .order_by(Notice.level.desc(), Notice.at.desc(), Notice.id)
        .limit(limit)
    )
    return list((await work.session.scalars(query)).all())
