"""Endpoints of the exchange; docs/exchange.md is their reference.

A message has its transaction here, not the request's: that a refused one came is kept, although the answer is an error.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import Path, Query, Request
from starlette.responses import JSONResponse, Response

from api.exchange import schemas
from api.kit import document, routing, state
from api.kit.deps import AfterCommit, Now, ReadSession, allowed
from router.access import audit
from router.access.actor import Actor
from router.exchange import incoming, installation, message, peers, pulling, schema
from router.exchange.installation import Exchange
from router.journal import kick

router = routing.router("/exchange", "exchange")
PART = "exchange"
Pushes = Annotated[Actor, allowed("exchange.push")]
Pulls = Annotated[Actor, allowed("exchange.pull")]
Cursor = Annotated[int, Query(ge=0, le=2**63 - 1, description="上次得到的 next;从头取为 0。之前的视为已收到")]
_BODY = {
    "requestBody": {
        "required": True,
        "description": "一条 hotline-exchange/1 消息,格式见 /api/v1/exchange/schema",
        "content": {"application/json": {"schema": {"type": "object", "title": message.FORMAT}}},
    }
}


def of(found: state.State) -> Exchange:
    """The installation's exchange, made once per process."""
    if PART not in found.parts:
        found.parts[PART] = installation.of(found.settings)
    return cast(Exchange, found.parts[PART])


@router.post(
    "/messages",
    summary="推送一条消息 / push a message",
    response_model=schemas.Receipt,
    responses={202: {"model": schemas.Receipt, "description": "已存,等待同一事项在前的消息"}},
    openapi_extra=_BODY,
)
async def push(request: Request, actor: Pushes, now: Now, work: AfterCommit) -> Response:
    """转交、签收、退回、工单、警单、反馈、督办等消息。同一 `id` 的重复推送不会重复办理。"""
    work.check_ready()
    here, held = of(work.state), work.state
    body = await request.body()
    async with held.database.write() as session:
        peer = await peers.of_account(session, actor.id)
        result = await incoming.receive(session, peer, body, now, local=here.local, casework=here.services)
        await peers.seen(session, peer, now)
    await kick.kick(held.redis)
    if result.receipt is None:
        assert result.refusal is not None
        raise result.refusal
    status = 202 if result.receipt.status == "waiting" else 200
    return JSONResponse(message.plain(result.receipt), status_code=status)


@router.get("/messages", summary="取本方消息 / pull messages", response_model=schemas.Messages)
async def pull(
    actor: Pulls, now: Now, work: AfterCommit, after: Cursor = 0, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> schemas.Messages:
    """不便接收推送的系统定时来取;每条消息与推送的内容相同,取到后按 `id` 去重。"""
    work.check_ready()
    async with work.state.database.write() as session:
        peer = await peers.of_account(session, actor.id)
        if after:
            await pulling.taken(session, peer, after, now)
        await peers.seen(session, peer, now)
        rows = await pulling.waiting(session, peer, after, limit)
    items = [schemas.Waiting(cursor=row.order, message=_document(row.document)) for row in rows]
    return schemas.Messages(items=items, next=items[-1].cursor if items else after)


def _document(text: str | None) -> dict[str, Any]:
    return message.plain(message.decode(text or ""))


@router.get("/cases/{number}", summary="查事项状态 / how a case stands", response_model=schemas.CaseStanding)
async def case(
    actor: Pulls,
    session: ReadSession,
    work: AfterCommit,
    number: Annotated[str, Path(min_length=1, max_length=64, description="事项编号")],
    system: Annotated[str | None, Query(max_length=63, description="编号属于哪个系统;不填为本系统")] = None,
) -> schemas.CaseStanding:
    """双方共有的事项;与对方中心无关的视同不存在。"""
    here = of(work.state)
    peer = await peers.of_account(session, actor.id)
    found = await pulling.standing(
        session, peer, system or here.local.system, number, local=here.local, files=here.town.attachments
    )
    return schemas.CaseStanding(
        system=found.key.system,
        number=found.key.number,
        case=found.case.number,
        state=found.case.state,
        ticket=message.plain(found.ticket) if found.ticket else None,
        order=message.plain(found.order) if found.order else None,
        handoffs=[
            schemas.HandoffStanding(
                number=shared,
                **{name: getattr(row, name) for name in schemas.HandoffStanding.model_fields if name != "number"},
            )
            for shared, row in found.handoffs
        ],
    )


@router.get(
    "/attachments/{attachment}",
    summary="取附件 / fetch an attachment",
    response_class=Response,
    responses=document.file("application/octet-stream"),
)
async def attachment(
    actor: Pulls, now: Now, work: AfterCommit, attachment: Annotated[str, Path(min_length=1, max_length=64)]
) -> Response:
    """消息中以 url 给出的附件;每次取用留痕。"""
    work.check_ready()
    here = of(work.state)
    async with work.state.database.write() as session:
        peer = await peers.of_account(session, actor.id)
        row = await pulling.attachment(session, peer, attachment, local=here.local)
        content = await asyncio.to_thread(here.town.attachments.read, row.sha256)
        await audit.looked(session, actor, "attachment.read", row.id, now, case=row.case_id, detail={"peer": peer.id})
    return Response(content, media_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"})


@router.get("/schema", summary="消息格式(JSON Schema)/ the format")
async def format_(actor: Annotated[Actor, allowed("exchange.pull")]) -> dict[str, Any]:
    """JSON Schema(2020-12)。"""
    return schema.message_schema()
