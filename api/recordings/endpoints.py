"""Endpoints of recordings."""

from __future__ import annotations

from typing import Annotated, Any, cast

from fastapi import Path, Query, Request
from sqlalchemy import case as when
from sqlalchemy import exists, false, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response, StreamingResponse

from api.calls.core import Lines
from api.kit import errors, paging, routing, state
from api.kit.casework import Looking
from api.kit.deps import Now, Pages, ReadSession, allowed
from api.kit.fields import Id, Moment, Number
from api.kit.paging import Page
from api.recordings import listening, sending
from api.recordings.schemas import RecordingDetail, RecordingView
from api.recordings.sending import Hearing
from router.access import calls as reach
from router.access import rules
from router.access.actor import Actor
from router.casework import cases
from router.errors import Forbidden, NotFound
from router.storage.calls import Call, Recording
from router.storage.casework import Case, CaseCall

router = routing.router("/recordings", "recordings")
Reads = Annotated[Actor, allowed("recording.read")]
Exports = Annotated[Actor, allowed("recording.export")]
RecordingId = Annotated[Id, Path(description="录音编号")]


def _visible(actor: Actor, where: reach.Lines) -> Any:
    return exists().where(Call.id == Recording.call_id, reach.visible(actor, where)).correlate(Recording)


def _playable(actor: Actor, where: reach.Lines, now: Any) -> Any:
    return when((reach.playable(actor, where, now), literal(True)), else_=false()).label("playable")


def _view(row: tuple[Recording, bool]) -> dict[str, Any]:
    recording, playable = row
    names = set(RecordingView.model_fields) - {"call", "playable"}
    said = {name: getattr(recording, name) for name in names}
    return {**said, "call": recording.call_id, "playable": bool(playable)}


@router.get("", summary="录音列表,可按通话、事项或单号查 / find recordings")
async def recordings(
    actor: Reads,
    work: Looking,
    where: Lines,
    pages: Pages,
    call: Annotated[Id | None, Query(description="通话编号")] = None,
    case: Annotated[Id | None, Query(description="事项编号")] = None,
    number: Annotated[Number | None, Query(description="事项、工单、警单或流转单的单号")] = None,
    since: Annotated[Moment | None, Query(description="开始时间不早于")] = None,
    until: Annotated[Moment | None, Query(description="开始时间早于")] = None,
) -> Page[RecordingView]:
    """参与过的中心的录音。`playable` 为 false 的只能看到目录,不能收听。"""
    query = select(Recording, _playable(actor, where, work.now)).where(_visible(actor, where))
    if number is not None:
        named = await cases.by_number(work, number)
        await rules.load(work.session, actor, Case, named.id, work.now)
        query = query.where(_of_case(named.id))
    if case is not None:
        await rules.load(work.session, actor, Case, case, work.now)
        query = query.where(_of_case(case))
    if call is not None:
        query = query.where(Recording.call_id == call)
    if since is not None:
        query = query.where(Recording.started_at >= since)
    if until is not None:
        query = query.where(Recording.started_at < until)
    keys = [Recording.started_at, Recording.id]
    rows, following = await paging.fetch(work.session, cast(Any, query), pages, name="recordings", keys=keys)
    return Page(items=[RecordingView(**_view(row)) for row in rows], next=following)


def _of_case(case: str) -> Any:
    return exists().where(CaseCall.call_id == Recording.call_id, CaseCall.case_id == case).correlate(Recording)


async def _load(session: AsyncSession, actor: Actor, where: reach.Lines, recording: str, now: Any) -> tuple[Recording, bool]:
    """The recording and whether the actor may hear it; raise :class:`NotFound`, or :class:`rules.Foreign`."""
    query = select(Recording, _visible(actor, where).label("seen"), _playable(actor, where, now)).where(Recording.id == recording)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("没有这个录音", "检查录音编号", subject=recording[:64])
    if not row[1]:
        raise rules.Foreign("没有这个录音,或不在您的可见范围", "检查录音编号", subject=recording[:64])
    return row[0], bool(row[2])


@router.get("/{recording}", summary="录音信息与完整性 / one recording, and whether it is whole")
async def one_recording(
    recording: RecordingId, request: Request, actor: Reads, session: ReadSession, now: Now, where: Lines
) -> RecordingDetail:
    found = await _load(session, actor, where, recording, now)
    integrity = await sending.shelf(state.of(request)).integrity(found[0].path, found[0].sha256)
    return RecordingDetail(**_view(found), integrity=integrity)


_AUDIO: errors.Status = {
    200: {"content": {"audio/wav": {}}, "description": "整个录音"},
    206: {"content": {"audio/wav": {}}, "description": "所求的一段"},
    **errors.responses(410, 416),
}


@router.get("/{recording}/audio", summary="收听录音(留痕)/ listen", response_class=StreamingResponse, responses=_AUDIO)
async def audio(recording: RecordingId, actor: Reads, hearing: Hearing) -> Response:
    """WAV(8 kHz,16 位,左声道来电人、右声道座席),支持 Range。ETag 是文件的 SHA-256。
    发出第一个字节之前已记入操作日志;同一会话十分钟内再取同一录音算一次收听。"""
    found = await _heard(hearing, actor, recording, "recording.read")
    return await hearing.answer(actor, found, listening.READ)


@router.head("/{recording}/audio", include_in_schema=False)
async def audio_head(recording: RecordingId, actor: Reads, hearing: Hearing) -> Response:
    return await hearing.answer(actor, await _heard(hearing, actor, recording, "recording.read"), listening.READ)


@router.get("/{recording}/export", summary="导出录音(留痕)/ download", response_class=StreamingResponse, responses=_AUDIO)
async def export(recording: RecordingId, actor: Exports, hearing: Hearing) -> Response:
    """作为文件下载;与收听分开记入操作日志。"""
    found = await _heard(hearing, actor, recording, "recording.export")
    sent = await hearing.answer(actor, found, listening.EXPORT)
    sent.headers["Content-Disposition"] = f'attachment; filename="{found.id}.wav"'
    return sent


async def _heard(hearing: Hearing, actor: Actor, recording: str, action: str) -> Recording:
    """The recording, if the actor may hear it."""
    found, playable = await _load(hearing.session, actor, hearing.where, recording, hearing.now)
    if not playable:
        raise Forbidden("这个录音不对您的单位开放", "民警通话限公安和110班长;确需时请对方授权", action=action, subject=recording)
    return found
