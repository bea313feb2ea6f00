"""Photos and other files of an event (现场照片): their bytes lie with the attachments, under their hash."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from router import ids
from router.casework import attachments
from router.casework.work import Work, operation
from router.errors import Conflict, NotFound
from router.linkage.emergency import events
from router.storage.emergencies import EventFile, EventTask, SituationReport

MOST = 200
"""Files of one event."""


@operation
async def add(
    work: Work, event: str, name: str, content: bytes, *, task: str | None = None, report: str | None = None
) -> EventFile:
    """Keep a file with an event, a task or a report of it; the same file twice is kept once.

    Raise :class:`router.errors.Invalid` for a kind that is not taken.
    """
    kind = attachments.check(name, content)
    row = await events.hold(work, event)
    ordered = await work.session.get(EventTask, task) if task is not None else None
    written = await work.session.get(SituationReport, report) if report is not None else None
    for asked, found in ((task, ordered), (report, written)):
        if asked is not None and (found is None or found.event_id != row.id):
            raise NotFound("没有这条指令或报告", "请刷新列表")
    if work.town.attachments is None:
        raise Conflict("未配置附件存储", "请管理员检查数据目录")
    digest = await asyncio.to_thread(work.town.attachments.write, content)
    there = select(EventFile).where(
        EventFile.event_id == row.id,
        EventFile.sha256 == digest,
        EventFile.task_id.is_(None) if task is None else EventFile.task_id == task,
        EventFile.report_id.is_(None) if report is None else EventFile.report_id == report,
    )
    known = (await work.session.scalars(there)).first()
    if known is not None:
        return known
    many = select(func.count()).select_from(EventFile).where(EventFile.event_id == row.id)
    if (await work.session.execute(many)).scalar_one() >= MOST:
        raise Conflict(f"一个事件最多{MOST}个附件", "请合并文件", limit=MOST)
    made = EventFile(
        id=ids.new(),
        event_id=row.id,
        task_id=task,
        report_id=report,
        name=attachments.clean(name),
        media_type=kind,
        size=len(content),
        sha256=digest,
        at=work.now,
        by=work.actor.id,
    )
    work.session.add(made)
    await work.session.flush()
    events.note(
        work, row.id, "event_file.added", made.id, sha256=digest, size=len(content), media_type=kind, task=task, report=report
    )
    return made


async def of_event(work: Work, event: str) -> list[EventFile]:
    query = select(EventFile).where(EventFile.event_id == event).order_by(EventFile.at, EventFile.id)
    return list((await work.session.scalars(query)).all())


async def content(work: Work, event: str, file: str) -> tuple[EventFile, bytes]:
    """A file and its bytes; raise :class:`NotFound`."""
    row = await work.session.get(EventFile, file)
    if row is None or row.event_id != event or work.town.attachments is None:
        raise NotFound("没有这个附件", "请刷新列表", file=file)
    return row, await asyncio.to_thread(work.town.attachments.read, row.sha256)
