"""Endpoints of webhooks."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import Field

from api.kit import etag, routing
from api.kit.deps import AppSettings, IfMatch, Now, ReadSession, WriteSession, allowed
from api.kit.fields import ONE_LINE, Body, Id, Line, Moment, View
from router.access.actor import Actor
from router.journal import subscriptions

router = routing.router("/webhooks", "webhooks")
Reads = Annotated[Actor, allowed("subscription.read")]
Manages = Annotated[Actor, allowed("subscription.manage")]
Key = Annotated[str, Path(min_length=1, max_length=64, description="订阅的编号")]
Topic = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-z0-9*.-]+$")]


class WebhookBody(Body):
    """订阅"""

    name: Line
    url: Annotated[str, Field(min_length=8, max_length=2000), ONE_LINE] = Field(description="https 地址;开发环境可用本机 http")
    topics: Annotated[list[Topic], Field(min_length=1, max_length=100)] = Field(
        description="主题,或以 .* 结尾的前缀,或 *;如 ticket.*、handoff.offered"
    )
    units: Annotated[list[Id], Field(max_length=100)] = Field(default=[], description="只推送这些单位可见的事件;空为全部")
    active: bool = True

    def wish(self) -> subscriptions.Wish:
        return subscriptions.Wish(self.name, self.url, self.topics, self.units, self.active)


class WebhookView(View):
    """订阅,不含密钥"""

    id: str
    rev: int
    name: str
    url: str
    topics: list[str]
    units: list[str]
    active: bool
    created_at: dt.datetime
    waiting: int = Field(default=0, description="待送达的事件")
    refused: int = Field(default=0, description="对方拒收、等待人工处理的事件")
    oldest: dt.datetime | None = Field(default=None, description="最早的待送达事件")
    last_taken: dt.datetime | None = Field(default=None, description="最近一次送达")


class NewWebhookView(WebhookView):
    """新订阅;密钥只在这一次返回"""

    secret: str


class SecretView(View):
    secret: str = Field(description="新密钥,只在这一次返回;从下一次投递起使用")


class DeliveryView(View):
    """一次投递"""

    id: str
    topic: str
    case_id: str | None
    order: int = Field(description="事件的序号")
    created_at: dt.datetime
    next_at: dt.datetime
    attempts: int
    last_status: int | None
    last_error: str | None
    refused: bool
    done_at: dt.datetime | None


class AgainBody(Body):
    """再次投递"""

    deliveries: Annotated[list[Id], Field(min_length=1, max_length=500)]


class ReplayBody(Body):
    """补发"""

    since: Moment = Field(description="从何时起;最多回溯一周")


class CountView(View):
    count: int


async def _view(session: ReadSession, row: subscriptions.View) -> WebhookView:
    state = await subscriptions.state(session, row.id)
    return WebhookView(
        id=row.id,
        rev=row.rev,
        name=row.name,
        url=row.url,
        topics=list(row.topics),
        units=list(row.units),
        active=row.active,
        created_at=row.created_at,
        waiting=state.waiting,
        refused=state.refused,
        oldest=state.oldest,
        last_taken=state.last_taken,
    )


@router.get("", summary="订阅列表 / List webhooks")
async def list_(session: ReadSession, _: Reads) -> list[WebhookView]:
    return [await _view(session, row) for row in await subscriptions.all_(session)]


@router.post("", status_code=201, summary="新建订阅 / Make a webhook")
async def create(
    body: WebhookBody, session: WriteSession, now: Now, settings: AppSettings, response: Response, actor: Manages
) -> NewWebhookView:
    """返回签名密钥,只此一次。投递遵循 Standard Webhooks:`webhook-id`、`webhook-timestamp`、`webhook-signature`。"""
    row, secret = await subscriptions.create(session, body.wish(), actor, now, development=not settings.production)
    etag.put(response, row.rev)
    response.headers["Location"] = f"{routing.PREFIX}/webhooks/{row.id}"
    return NewWebhookView(**(await _view(session, row)).model_dump(), secret=secret)


@router.get("/{webhook}", summary="订阅详情 / One webhook")
async def show(webhook: Key, session: ReadSession, response: Response, _: Reads) -> WebhookView:
    row = await subscriptions.get(session, webhook)
    etag.put(response, row.rev)
    return await _view(session, row)


@router.put("/{webhook}", summary="修改订阅 / Change a webhook")
async def change(
    webhook: Key,
    body: WebhookBody,
    rev: IfMatch,
    session: WriteSession,
    now: Now,
    settings: AppSettings,
    response: Response,
    actor: Manages,
) -> WebhookView:
    """密钥不变。"""
    row = await subscriptions.change(session, webhook, body.wish(), actor, now, rev=rev, development=not settings.production)
    etag.put(response, row.rev)
    return await _view(session, row)


@router.post("/{webhook}/secret", summary="更换密钥 / Renew the secret")
async def renew(webhook: Key, session: WriteSession, now: Now, actor: Manages) -> SecretView:
    return SecretView(secret=await subscriptions.renew_secret(session, webhook, actor, now))


@router.delete("/{webhook}", status_code=204, summary="删除订阅 / Delete a webhook")
async def delete(webhook: Key, session: WriteSession, now: Now, actor: Manages) -> None:
    """尚未送达的事件一并删除,数目留痕。"""
    await subscriptions.delete_(session, webhook, actor, now)


@router.get("/{webhook}/deliveries", summary="投递记录 / Deliveries")
async def deliveries(
    webhook: Key,
    session: ReadSession,
    _: Annotated[Actor, allowed("delivery.read")],
    refused: Annotated[bool, Query(description="只看被拒收的")] = False,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="从这个序号往前")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[DeliveryView]:
    await subscriptions.get(session, webhook)
    rows = await subscriptions.deliveries(session, webhook, refused_only=refused, before=before, limit=limit)
    return [DeliveryView.model_validate(row, from_attributes=True) for row in rows]


@router.post("/{webhook}/deliveries/again", summary="再次投递 / Send again")
async def again(
    webhook: Key, body: AgainBody, session: WriteSession, now: Now, actor: Annotated[Actor, allowed("delivery.retry")]
) -> CountView:
    """被拒收或已送达的都可以;接收方按 `webhook-id` 识别重复。"""
    await subscriptions.get(session, webhook)
    return CountView(count=await subscriptions.again(session, webhook, body.deliveries, actor, now))


@router.post("/{webhook}/replay", summary="补发 / Replay")
async def replay(
    webhook: Key, body: ReplayBody, session: WriteSession, now: Now, actor: Annotated[Actor, allowed("delivery.retry")]
) -> CountView:
    """把某时起的事件再推送一遍,包括订阅之前的。"""
    return CountView(count=await subscriptions.replay(session, webhook, body.since, actor, now))
