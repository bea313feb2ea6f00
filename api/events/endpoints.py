"""``GET /api/v1/events``: live events as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.auth import identity
from api.events import hub
from api.events.hub import Entry, Reset
from api.health import metrics
from api.kit import routing, state
from api.kit.deps import CurrentActor
from api.kit.errors import Unprocessable
from router.access import rules

router = routing.router("/events", "events")
router.lifespan_part = hub.part  # type: ignore[attr-defined]

HEARTBEAT = 15
SEND_SECONDS = 20.0
"""A client that takes nothing for so long is cut off."""
RETRY_MS = 2000


def told(entry: Entry) -> ServerSentEvent:
    item = entry.item
    body = {
        "id": item.id,
        "serial": item.serial,
        "at": item.at.isoformat(),
        "topic": item.topic,
        "case": item.case,
        "body": dict(item.body),
    }
    metrics.EVENTS.inc()
    return ServerSentEvent(json.dumps(body, ensure_ascii=False), event="news", id=entry.place, sep="\n")


def reset(why: str) -> ServerSentEvent:
    return ServerSentEvent(json.dumps({"why": why}), event="reset", sep="\n")


@router.get(
    "",
    summary="实时事件 / live events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "事件流"}},
)
async def events(
    request: Request,
    actor: CurrentActor,
    who: identity.SignedIn,
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=64, description="最后收到的事件 id;从其后接续")] = None,
) -> Any:
    """按当前身份可见的范围推送。

    - `event: news` 的 data 是 `{id, serial, at, topic, case, body}`;body 只有编号与状态,详情再查接口。
    - `event: hello` 在连上时发出;`event: reset` 表示接续不上(离开太久或接收太慢),应重新读取页面数据。
    - 每 15 秒一条注释作为心跳;会话失效时连接结束。
    """
    rules.require(actor, "events.read")
    if last:
        try:
            hub.order(last)
        except ValueError:
            raise Unprocessable("cursor.invalid", field="header.Last-Event-ID") from None
    found = state.of(request)
    return EventSourceResponse(
        _stream(found, who, last or None),
        ping=HEARTBEAT,
        sep="\n",
        send_timeout=SEND_SECONDS,
        headers={"Cache-Control": "no-store"},
    )


async def _stream(found: state.State, who: identity.Identity, last: str | None) -> AsyncIterator[ServerSentEvent]:
    feed = hub.of(found)
    async with feed.listen(who) as listener:
        hello = {"account": who.actor.id, "desk": who.actor.desk, "role": who.actor.role}
        yield ServerSentEvent(json.dumps(hello), event="hello", retry=RETRY_MS, sep="\n")
        seen = None
        if last is not None:
            seen = hub.order(last)
            async for one in feed.missed(who, last):
                if isinstance(one, Reset):
                    yield reset(one.why)
                    seen = None
                    break
                seen = hub.order(one.place)
                yield told(one)
        while (entry := await listener.queue.get()) is not None:
            if isinstance(entry, Reset):
                yield reset(entry.why)
            elif seen is None or hub.order(entry.place) > seen:
                yield told(entry)
