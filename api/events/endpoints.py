"""``GET /api/v1/events``: live events as server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.auth import identity
from api.events import hub
from api.events.hub import Reset
from api.events.sources import Told
from api.health import metrics
from api.kit import routing, state
from api.kit.deps import CurrentActor
from api.kit.errors import Unprocessable
from router.access import roles

router = routing.router("/events", "events")
router.lifespan_part = hub.part  # type: ignore[attr-defined]

HEARTBEAT = 15
SEND_SECONDS = 20.0
"""A client that takes nothing for so long is cut off."""
RETRY_MS = 2000


def told(one: Told, place: hub.Place) -> ServerSentEvent:
    body = {
        "id": one.id,
        "serial": one.serial,
        "at": one.when.isoformat(),
        "topic": one.topic,
        "case": one.case,
        "body": dict(one.body),
    }
    metrics.EVENTS.inc()
    return ServerSentEvent(json.dumps(body, ensure_ascii=False), event="news", id=hub.write_place(place), sep="\n")


def reset(why: str, place: hub.Place | None) -> ServerSentEvent:
    """What comes after ``place`` is told from now on; what was before must be read anew."""
    return ServerSentEvent(json.dumps({"why": why}), event="reset", id=_id(place), sep="\n")


def _id(place: hub.Place | None) -> str | None:
    return hub.write_place(place) if place is not None else None


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
    last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=128, description="最后收到的事件 id;从其后接续")] = None,
) -> Any:
    """按当前身份可见的范围推送。

    - `event: news` 的 data 是 `{id, serial, at, topic, case, body}`;body 只有编号与状态,详情再查接口。事项的变化有 serial;
      通话与座席的变化是 `call.changed`、`party.changed`、`transfer.changed`、`recording.ready`、`seat.changed`。
    - `event: hello` 在连上时发出;`event: reset` 表示接续不上(离开太久或接收太慢),应重新读取页面数据。两者也带 id。
    - 每 15 秒一条注释作为心跳;会话失效时连接结束。
    """
    roles.require(actor, "events.read")
    found = state.of(request)
    try:
        after = hub.read_place(last, len(hub.of(found).sources)) if last else None
    except ValueError:
        raise Unprocessable("cursor.invalid", field="header.Last-Event-ID") from None
    return EventSourceResponse(
        _stream(found, who, after),
        ping=HEARTBEAT,
        sep="\n",
        send_timeout=SEND_SECONDS,
        headers={"Cache-Control": "no-store"},
    )


async def _stream(found: state.State, who: identity.Identity, after: hub.Place | None) -> AsyncIterator[ServerSentEvent]:
    feed = hub.of(found)
    async with feed.listen(who) as listener:
        hello = {"account": who.actor.id, "desk": who.actor.desk, "role": who.actor.role}
        # with an id, so that a client whose first connection breaks before any event comes back to where it began
        yield ServerSentEvent(json.dumps(hello), event="hello", id=_id(after or feed.place), retry=RETRY_MS, sep="\n")
        seen = after
        if after is not None:
            async for one in feed.missed(who, after):
                if isinstance(one, Reset):
                    yield reset(one.why, feed.place)
                    seen = None
                    break
                seen = one.place
                yield told(one.told, seen)
        while (entry := await listener.queue.get()) is not None:
            if isinstance(entry, Reset):
                yield reset(entry.why, feed.place)
            elif seen is None or entry.after(seen):
                seen = hub.further(seen or entry.place, entry.place)
                yield told(entry.told, seen)
