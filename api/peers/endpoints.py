"""Endpoints of peers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Response
from pydantic import Field
from sqlalchemy import select

from api.exchange.endpoints import of
from api.kit import etag, paging, routing
from api.kit.deps import AfterCommit, IfMatch, Now, Pages, ReadSession, WriteSession, allowed
from api.kit.fields import ONE_LINE, Body, Id, Line, View
from router.access.actor import Actor
from router.exchange import peers
from router.storage.exchange import ExchangeMessage
from router.storage.organisation import Peer

router = routing.router("/peers", "peers")
Reads = Annotated[Actor, allowed("peer.read")]
Manages = Annotated[Actor, allowed("peer.manage")]
PeerId = Annotated[str, Path(min_length=1, max_length=63, description="对接系统的标识")]
Secret = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[!-~]+$")]


class PeerBody(Body):
    """对接系统"""

    name: Line
    centre: Id = Field(description="它代表本系统的哪个受理中心")
    transport: Literal["rest", "database"] = Field(description="rest 接口;database 中间数据库")
    account: Id = Field(description="对接账号(角色 integration)的编号")
    url: Annotated[str, Field(min_length=1, max_length=2000), ONE_LINE] | None = Field(
        default=None, description="对方接口地址(推送到其下的 /messages),或中间库地址(不含口令);不填由对方来取"
    )
    token: Secret | None = Field(default=None, description="推送用的令牌或中间库口令;只写不读,不填保持不变")
    active: bool = True


class NewPeerBody(PeerBody):
    """新的对接系统"""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")] = Field(description="对方系统名,即其消息的 from.system")


class PeerView(View):
    """对接系统;令牌不返回"""

    id: str
    name: str
    side: str
    centre: str
    transport: str
    account: str
    url: str | None
    active: bool
    has_token: bool
    last_seen_at: dt.datetime | None
    created_at: dt.datetime


class MessageView(View):
    """与对接系统往来的一条消息(不含内容)"""

    id: str
    message_id: str
    direction: str = Field(description="in 收到 | out 发出")
    kind: str
    system: str
    number: str
    sequence: int
    case_id: str | None
    at: dt.datetime
    state: str = Field(description="收到:waiting、taken、refused;发出:ready、sent、taken、refused")
    receipt: dict[str, Any] | None
    done_at: dt.datetime | None


def _view(row: Peer) -> PeerView:
    names = set(PeerView.model_fields) - {"has_token"}
    return PeerView(has_token=bool(row.token), **{name: getattr(row, name) for name in names})


def _given(body: PeerBody) -> peers.Given:
    return peers.Given(**body.model_dump(include=set(PeerBody.model_fields)))


@router.get("", summary="对接系统列表 / list peers")
async def every(actor: Reads, session: ReadSession) -> list[PeerView]:
    return [_view(row) for row in await peers.every(session)]


@router.post("", status_code=201, summary="登记对接系统 / add a peer")
async def add(
    body: NewPeerBody, actor: Manages, session: WriteSession, now: Now, work: AfterCommit, response: Response
) -> PeerView:
    row = await peers.add(session, actor, body.id, _given(body), of(work.state).rules, now)
    etag.put(response, row.rev)
    return _view(row)


@router.get("/{peer}", summary="对接系统 / one peer")
async def show(peer: PeerId, actor: Reads, session: ReadSession, response: Response) -> PeerView:
    row = await peers.get(session, peer)
    etag.put(response, row.rev)
    return _view(row)


@router.put("/{peer}", summary="修改对接系统 / change a peer")
async def change(
    peer: PeerId,
    body: PeerBody,
    rev: IfMatch,
    actor: Manages,
    session: WriteSession,
    now: Now,
    work: AfterCommit,
    response: Response,
) -> PeerView:
    row = await peers.change(session, actor, peer, _given(body), of(work.state).rules, now, rev)
    etag.put(response, row.rev)
    return _view(row)


@router.delete("/{peer}", status_code=204, summary="移除对接系统 / remove a peer")
async def remove(peer: PeerId, actor: Manages, session: WriteSession, now: Now) -> None:
    """此后不再收发;往来记录保留。"""
    await peers.remove(session, actor, peer, now)


@router.get("/{peer}/messages", summary="往来消息 / messages in and out")
async def messages(
    peer: PeerId,
    actor: Reads,
    session: ReadSession,
    pages: Pages,
    state: Annotated[Literal["waiting", "ready", "sent", "taken", "refused"] | None, Query(description="只看这种状态")] = None,
) -> paging.Page[MessageView]:
    """新的在前;被拒的消息要有人处理。"""
    query = select(ExchangeMessage).where(ExchangeMessage.peer == peer)
    if state is not None:
        query = query.where(ExchangeMessage.state == state)
    rows, after = await paging.fetch(session, query, pages, name="peer-messages", keys=[ExchangeMessage.at, ExchangeMessage.id])
    return paging.Page(items=[MessageView.model_validate(row) for row in rows], next=after)
