"""Endpoints of the after-action report (复盘报告): as a page to read and print, as an editable file, as figures."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Path, Query, Request
from starlette.responses import Response

from api.emergencies import after_action_views
from api.emergencies.after_action_views import AfterActionView
from api.emergencies.endpoints import load
from api.kit import document, routing, state
from api.kit.casework import Looking
from api.kit.deps import allowed
from router.access import audit
from router.access.actor import Actor
from router.linkage.review import after_action
from router.linkage.review.after_action_material import RUNNING
from router.reports import docx, page
from router.reports.document import Document
from router.storage.emergencies import EmergencyEvent

router = routing.router("/emergencies", "after-action")

Form = Literal["html", "json", "docx"]
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
MEDIA_TYPES: dict[str, Form] = {"text/html": "html", "application/json": "json", DOCX: "docx"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page runs nothing and fetches nothing."""
ACTIONS = {"html": "after_action.read", "docx": "after_action.export"}
"""In the journal's chain of whoever took the paper."""


@router.get(
    "/{event}/after-action",
    summary="复盘报告(网页、DOCX 留痕)/ The after-action report",
    response_model=AfterActionView,
    responses=document.file("text/html", DOCX),
)
async def show(
    event: Annotated[str, Path(description="突发事件 id")],
    request: Request,
    work: Looking,
    actor: Annotated[Actor, allowed("event.review")],
    format_: Annotated[
        Form | None,
        Query(alias="format", description="html 可打印的网页、docx 可编辑的文件、json 数据;不填时按 Accept,默认网页"),
    ] = None,
) -> Response | AfterActionView:
    """时间线、通知与签收、时限执行、信息报送、指令、录音清单、复盘结论和改进项。处置中也可取,为阶段性报告。"""
    row = await load(work, event)
    form = format_ or preferred(request.headers.get("accept", ""))
    if form == "json":
        return after_action_views.view(row, await after_action.figures(work, row), work.now)
    report = await after_action.report(work, row)
    content = await asyncio.to_thread(_written, report, form)
    async with state.of(request).database.write() as session:
        detail = {"format": form, "number": row.number, "interim": row.state in RUNNING}
        await audit.looked(session, actor, ACTIONS[form], row.id, work.now, detail=detail)
    return _answer(row, form, content)


def preferred(accept: str) -> Form:
    """The form that a client likes best (RFC 9110 12.5.1); the page for whoever names none of them."""
    liked: list[tuple[float, Form]] = []
    for part in accept.split(","):
        name, *parameters = (one.strip().lower() for one in part.split(";"))
        quality = next((one[2:] for one in parameters if one.startswith("q=")), "1")
        if name in MEDIA_TYPES:
            liked.append((_number(quality), MEDIA_TYPES[name]))
    best, form = max(liked, key=lambda one: one[0], default=(0.0, "html"))
    return form if best else "html"


def _number(quality: str) -> float:
    try:
        found = float(quality)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0


def _written(report: Document, form: Form) -> bytes:
    return docx.render(report) if form == "docx" else page.render(report).encode()


def _answer(row: EmergencyEvent, form: Form, content: bytes) -> Response:
    """Names of files may be Chinese (RFC 6266, RFC 8187)."""
    how = "attachment" if form == "docx" else "inline"
    title = f"{'演练' if row.drill_id else ''}复盘报告-{row.number}.{form}"
    name = f"after-action-{row.number}.{form}"
    headers = {
        "Content-Disposition": f"{how}; filename=\"{name}\"; filename*=UTF-8''{quote(title, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept",
    }
    if form == "html":
        headers["Content-Security-Policy"] = POLICY
    return Response(content, media_type=DOCX if form == "docx" else "text/html; charset=utf-8", headers=headers)
