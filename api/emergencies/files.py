"""Endpoints of an event's files: photos from the scene, papers that go with a report."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from urllib.parse import quote

from fastapi import File, Query, Response, UploadFile

from api.cases.endpoints import read
from api.emergencies.endpoints import load
from api.kit import document, routing
from api.kit.casework import Looking, Working
from api.kit.deps import allowed
from api.kit.fields import View
from router.access import audit, roles, rules
from router.access.actor import Actor
from router.casework import attachments
from router.linkage.emergency import files
from router.storage.emergencies import EventFile, EventTask

router = routing.router("/emergencies/{event}/files", "emergencies")


class FileView(View):
    """事件附件"""

    id: str
    task_id: str | None
    report_id: str | None
    name: str
    media_type: str
    size: int
    sha256: str
    at: dt.datetime
    by: str


def _mine(actor: Actor, row: EventFile) -> bool:
    """Agencies see what they sent themselves."""
    return actor.role != "agency" or row.by == actor.id


@router.get("", summary="事件附件 / Files of an event")
async def list_files(event: str, work: Looking, actor: Annotated[Actor, allowed("event.read")]) -> list[FileView]:
    await load(work, event)
    return [FileView.model_validate(one) for one in await files.of_event(work, event) if _mine(actor, one)]


@router.post("", status_code=201, summary="上传现场照片等 / Add a file")
async def add(
    event: str,
    work: Working,
    actor: Annotated[Actor, allowed("event.read")],
    file: Annotated[UploadFile, File(description="图片、录音、视频、PDF 或文本,20MB 以内")],
    task: Annotated[str | None, Query(max_length=64, description="所属指令")] = None,
    report: Annotated[str | None, Query(max_length=64, description="随同的报告")] = None,
) -> FileView:
    await load(work, event)
    if task is not None:
        await rules.load(work.session, actor, EventTask, task, work.now)
    if report is not None:
        roles.require(actor, "event.report")
    made = await files.add(work, event, file.filename or "附件", await read(file), task=task, report=report)
    return FileView.model_validate(made)


@router.get("/{file}", summary="下载 / Fetch a file", response_class=Response, responses=document.file(*attachments.KINDS))
async def fetch(event: str, file: str, work: Working, actor: Annotated[Actor, allowed("event.read")]) -> Response:
    """以下载方式返回,不在浏览器中打开;查看留痕。"""
    await load(work, event)
    row, content = await files.content(work, event, file)
    if not _mine(actor, row):
        raise rules.Foreign("没有这个附件", "请刷新列表", subject=file)
    await audit.looked(work.session, actor, "event_file.read", row.id, work.now)
    return Response(
        content,
        media_type=row.media_type,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name)}",
            "Cache-Control": "private, no-store",
            "ETag": f'"{row.sha256}"',
        },
    )
